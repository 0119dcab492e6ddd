"""predictor.json in a report's folder: the predictors of all tasks and metrics."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from calibration.prediction.predictor import Predictor
from metrics.errors import InputError, parameter
from metrics.files import parse_json, read_regular_file, reason
from metrics.text import listed, quoted

NAME = "predictor.json"
MOST_BYTES = 200_000_000
SCHEMA = "humangrade.predictors/1"


def predictors_document(
    predictors: Iterable[tuple[str, Predictor]], verdicts: Mapping[str, Mapping[str, Mapping[str, str]]] | None = None
) -> dict[str, Any]:
    """What predictor.json holds.

    Parameters
    ----------
    predictors : iterable of (task, Predictor)
        One for each task and metric.
    verdicts : mapping, optional
        By task and metric: ``kind`` and ``sentence`` of the report's verdict.

    Returns
    -------
    dict
        Strict JSON types.

    Examples
    --------
    >>> predictors_document([])
    {'schema': 'humangrade.predictors/1', 'tasks': {}, 'verdicts': {}}
    """
    tasks: dict[str, dict[str, Any]] = {}
    for task, predictor in predictors:
        tasks.setdefault(task, {})[predictor.metric] = predictor.to_dict()
    said = {task: {name: dict(each) for name, each in of.items()} for task, of in (verdicts or {}).items()}
    return {"schema": SCHEMA, "tasks": tasks, "verdicts": said}


def json_text(content: dict[str, Any]) -> str:
    """Strict JSON, indented by one."""
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; raises InputError where it is missing or none."""
    try:
        content = parse_json(read_regular_file(path, MOST_BYTES))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({reason(error)}); check the path.") from error
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}); make the report anew.") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no predictor; make the report anew.")
    return content


def read_predictor(folder: str | Path, metric: str, task: str | None = None) -> Predictor:
    """The predictor of one metric from a report's folder.

    Parameters
    ----------
    folder : str or Path
        What `humangrade report --out` named.
    metric : str
        Its name in the report.
    task : str, optional
        Needed where the metric was judged in several tasks.

    Returns
    -------
    Predictor

    Raises
    ------
    InputError
        For a missing folder or file, a metric or task that is not there, or a damaged file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; name the one that humangrade report wrote.")
    path = folder / NAME
    if not path.is_file():
        raise InputError(f"{folder} has no {NAME}; make the report anew, with scores, by this version of humangrade.")
    tasks = read_json(path).get("tasks")
    if not isinstance(tasks, dict) or not all(isinstance(metrics, dict) for metrics in tasks.values()):
        raise InputError(f"{path} holds no predictors; make the report anew.")
    if task is not None and task not in tasks:
        raise InputError(f"{path} has no task '{task}'; its tasks are {listed(quoted(tasks))}.")
    inside = {name: metrics[metric] for name, metrics in tasks.items() if metric in metrics and task in (None, name)}
    if not inside:
        there = sorted({name for of_task, names in tasks.items() if task in (None, of_task) for name in names})
        raise InputError(f"{path} has no predictor of '{metric}'; it has {listed(quoted(there)) or 'none'}.")
    if len(inside) > 1:
        raise InputError(
            f"'{metric}' was judged in the tasks {listed(quoted(inside))}; choose one with {parameter('task')}."
        )
    name, content = next(iter(inside.items()))
    return Predictor.from_dict(content, f"{path} ('{metric}' in '{name}')")


def read_verdict(folder: str | Path, metric: str, task: str | None = None) -> dict[str, str] | None:
    """What the report said of a metric: ``kind`` and ``sentence``; None where the file does not say.

    Parameters
    ----------
    folder, metric, task
        As in `read_predictor`, which has found them.
    """
    verdicts = read_json(Path(folder) / NAME).get("verdicts")
    if not isinstance(verdicts, dict):
        return None
    inside = [of for name, of in verdicts.items() if task in (None, name) and isinstance(of, dict) and metric in of]
    said = inside[0][metric] if inside else None
    return said if isinstance(said, dict) and {"kind", "sentence"} <= said.keys() else None
