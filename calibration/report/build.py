"""The report as one dictionary: everything that report.json, report.html and the CSV files say comes from here.

Its layout is ``humangrade.report/1``, field by field in `calibration.report.schema`. All values are strict JSON: what
cannot be computed is None, with the reason in the `notes` beside it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from calibration.aesthetic.rated import trained_on_these
from calibration.core.item_folds import clusters_of, few_groups, groupings_of
from calibration.core.ratings import Ratings, ScoredTask
from calibration.core.resampling import Resampling
from calibration.metric.facts import directions_of, opposed, signatures_of, title_of, titles_of
from calibration.notes import Note, written
from calibration.people.answer_order import rating_order
from calibration.people.screening import screen
from calibration.prediction.predictor import Predictor
from calibration.progress import METRIC, PEOPLE, PREDICTION, OnProgress, Steps, bar_in_terminal
from calibration.report.anonymous import leave_out_people
from calibration.report.asked import asked_entries
from calibration.report.comparison import comparison
from calibration.report.flagged import what_changes, without_flagged
from calibration.report.metric import metric_entry
from calibration.report.people import median_response_ms, people_entry
from calibration.report.prediction import NO_PREDICTION, combination, in_full, in_full_note, prediction
from calibration.report.rounds import rounds_entry
from calibration.report.schema.document import Report
from calibration.report.strictness import add_people, fair_ratings, metric_without_strictness, strictness_sentence
from calibration.settings import Reading, Settings
from calibration.tables.checking import records
from calibration.tables.levels_given import levels_note
from calibration.tables.reading import Source
from calibration.verdict.judge import LEAST_ITEMS, verdict
from calibration.verdict.task_words import task_verdict
from calibration.verdict.words import by_luck_note
from metrics import __version__
from metrics.catalogue import band
from metrics.engine.signature import identity_of, other_provenance
from metrics.errors import InputError
from metrics.text import counted, listed, natural_order

SCHEMA = "humangrade.report/1"
INDEPENDENT = (
    "No items table was given, so every image was taken as independent of the others; where several are of one prompt "
    "or subject, intervals are too narrow and tests too sure: give the table with --items."
)
_LARGEST_SCORE = 1e150


@dataclass(frozen=True, repr=False)
class Calibration:
    """A finished calibration.

    Attributes
    ----------
    report : dict
        The whole report, strict JSON; `model` gives it with typed fields.
    points : DataFrame
        task, metric, item, score, mean_rating (in the scale's numbers), n_ratings and level: what scatter plots draw.
    images : mapping of str to Path
        Image files by item, where they are known, for the pictures in the page.
    predictors : tuple of (task, Predictor)
        What predicts people's ratings from each metric's scores.
    """

    report: dict[str, Any]
    points: pd.DataFrame = field(repr=False)
    images: Mapping[str, Path] = field(default_factory=dict, repr=False)
    predictors: tuple[tuple[str, Predictor], ...] = field(default=(), repr=False)

    def __repr__(self) -> str:
        said = [
            f"{name} ({counted(task['n_items'], 'item')}, {counted(task['n_evaluators'], 'evaluator')}, "
            f"{counted(task['n_ratings'], 'rating')}; "
            f"{'no metrics' if not task['metrics'] else 'metrics ' + listed(task['metrics'], most=6)})"
            for name, task in self._tasks()
        ]
        return f"Calibration of {counted(len(said), 'task')}: {'; '.join(said)}"

    def _repr_html_(self) -> str:
        """The verdicts, as a notebook shows them."""
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{escape(metric['title'])}</td><td>{metric['verdict']['sorts']['answer']}"
            f"</td><td>{metric['verdict']['predicts']['answer']}</td><td>{escape(metric['verdict']['sentence'])}</td></tr>"
            for name, task in self._tasks()
            for metric in task["metrics"].values()
        )
        people = "".join(f"<p><b>{escape(name)}</b>: {escape(task['verdict'])}</p>" for name, task in self._tasks())
        head = "<tr><th>task</th><th>metric</th><th>sorts</th><th>predicts</th><th>verdict</th></tr>"
        return people + (f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>" if rows else "")

    def _tasks(self) -> list[tuple[str, dict[str, Any]]]:
        return list(self.report["tasks"].items())

    @cached_property
    def model(self) -> Report:
        """The same report with typed fields, checked once: as the dictionary was when it was first asked for."""
        return Report.model_validate(self.report)


def calibration_given(given: object) -> Calibration:
    """A calibration; raises InputError for anything else, such as its report.

    Examples
    --------
    >>> calibration_given({"tasks": {}})
    Traceback (most recent call last):
    ...
    metrics.errors.InputError: What was given is of type dict; give the calibration itself, as calibrate returns it.
    """
    if not isinstance(given, Calibration):
        raise InputError(
            f"What was given is of type {type(given).__name__}; give the calibration itself, as calibrate returns it."
        )
    return given


def calibrate(
    ratings: pd.DataFrame,
    scores: pd.DataFrame | None = None,
    settings: Settings | None = None,
    inputs: Mapping[str, Source] | None = None,
    notes: Sequence[Note] = (),
    remarks: pd.DataFrame | None = None,
    set_scores: pd.DataFrame | None = None,
    items: pd.DataFrame | None = None,
    repeats: pd.DataFrame | None = None,
    show_progress: bool = False,
    *,
    wordings: pd.DataFrame | None = None,
    for_raters: bool = False,
    reading: Reading | None = None,
    on_progress: OnProgress | None = None,
) -> Calibration:
    """Calibrate every metric against the people, task by task.

    Parameters
    ----------
    ratings : DataFrame
        item, evaluator, task, rating as `calibration.tables.checking.check_ratings` gives them: one row for each
        rating that counts. Where there is a column position or rated_at, answers that follow their order are found;
        response_ms is shown.
    scores : DataFrame, optional
        item, metric, score as `calibration.tables.checking.check_scores` gives them; without it only the people are
        graded.
    settings : Settings, optional
        How people and metrics are judged.
    inputs : mapping of str to Source, optional
        Where the tables came from.
    notes : sequence of str or Named
        What was left out in reading.
    remarks : DataFrame, optional
        item, metric, note: what is to be known of a score, or why there is none.
    set_scores : DataFrame, optional
        Scores of sets of images, as `calibration.tables.checking.check_set_scores` gives them.
    items : DataFrame, optional
        item and, where known, prompt, subject and model: which images belong together.
    repeats : DataFrame, optional
        The ratings with those that were asked again (a column repeat or round), for each evaluator's own consistency,
        and for what a later round changes.
    show_progress : bool
        Show a bar in the terminal while metrics are judged.
    wordings : DataFrame, optional
        What was asked, as `calibration.tables.wordings.check_wordings` gives it.
    for_raters : bool
        Say nothing about single evaluators, neither in figures nor in words; see `calibration.report.anonymous`.
    reading : Reading, optional
        How the tables were read, where that is known, for the report to say.
    on_progress : callable, optional
        Called with (done, of) as people and metrics are judged: first with (0, of), at last with (of, of), never with
        less than before. The numbers are shares of the time that it takes, not counts of anything. What it raises ends
        the calibration.

    Returns
    -------
    Calibration

    Raises
    ------
    InputError
        Where `lower_is_better` or `higher_is_better` names a metric that is not there.

    Examples
    --------
    >>> ratings = pd.DataFrame({"item": list("abab"), "evaluator": list("xxyy"), "task": "look"})
    >>> ratings["rating"] = [1, 5, 2, 5]
    >>> scores = pd.DataFrame({"item": ["a", "b"], "metric": "ssim", "score": [0.1, 0.9]})
    >>> report = calibrate(ratings, scores).report
    >>> report["tasks"]["look"]["metrics"]["ssim"]["cross_validation"]["grade_mean"]
    0.875
    """
    settings = settings or Settings()
    if scores is None:
        scores = pd.DataFrame({"item": [], "metric": [], "score": []})
    names = sorted(scores["metric"].unique(), key=natural_order)
    signatures = signatures_of(scores)
    titles = titles_of(names)
    directions, direction_notes = directions_of(names, settings.lower_is_better, settings.higher_is_better, signatures)
    by_metric = {str(name): _usual(str(name), group) for name, group in scores.groupby("metric")}
    remarks_by_metric = _remarks(remarks)
    groupings = {} if items is None else groupings_of(items[items["item"].isin(ratings["item"])])
    asked = {} if wordings is None else asked_entries(wordings)
    resampling = Resampling(settings.draws, settings.seed)
    tasks, points = {}, []
    predictors: list[tuple[str, Predictor]] = []
    with bar_in_terminal(show_progress) as (move_bar, name_task):
        steps = Steps(ratings["task"].nunique(), len(names), [move_bar, *([on_progress] if on_progress else [])])
        for name, rows in ratings.groupby("task", sort=False):
            name_task(str(name))
            evaluators = sorted(rows["evaluator"].unique(), key=natural_order)
            people = Ratings.of_table(rows, evaluators, groupings, settings.scale, settings.k, resampling)
            scored = {
                metric: ScoredTask.of(
                    by_metric[metric].reindex(people.items),
                    people,
                    directions[metric],
                    metric,
                    signatures.get(metric, []),
                    len(by_metric[metric]),
                )
                for metric in names
            }
            order = rating_order(rows, people.items, evaluators)
            flags = [] if for_raters else screen(people.values, evaluators, settings.seed, people.clusters, order)
            own_repeats = None if repeats is None else repeats[repeats["task"] == name]
            task = people_entry(people, flags, own_repeats, median_response_ms(rows), for_raters)
            fair = fair_ratings(people)
            add_people(task, people, fair)
            task["asked"] = asked.get(str(name))
            task["rounds"] = rounds_entry(people, own_repeats)
            task["notes"] += [later["sentence"] for later in (task["rounds"] or {}).get("later", [])]
            steps.are_done(PEOPLE)
            whole = in_full(scored)
            for metric, one in scored.items():
                remarked = remarks_by_metric.get(metric)
                entry, drawn = metric_entry(one, people, remarked, metric in whole, for_raters)
                entry["without_strictness"] = metric_without_strictness(one, fair)
                steps.are_done(METRIC)
                entries, predictor = prediction(one) if metric in whole else (NO_PREDICTION, None)
                entry |= entries
                if predictor is not None:
                    predictors.append((str(name), predictor))
                entry["title"] = titles[metric]
                entry["signatures"] = list(one.signatures)
                entry["notes"][:0] = [
                    *direction_notes.get(metric, []),
                    *opposed(metric, entry),
                    *_mixture_notes(entry["signatures"]),
                    *trained_on_these(entry["signatures"], rows),
                ]
                task["metrics"][metric] = entry
                if drawn is not None:
                    points.append(drawn.assign(task=name, metric=metric))
                steps.are_done(PREDICTION)
            task["comparison"] = comparison(scored, people, task["metrics"])
            task["without_flagged"] = without_flagged(flags, scored, people, task["metrics"])
            if task["without_flagged"]:
                task["notes"].insert(task["notes"].index(flags[-1].note) + 1, what_changes(task["without_flagged"]))
            task["combination"] = combination(scored, people, task["metrics"])
            task["notes"] += [*in_full_note(len(names)), *by_luck_note(len(names))]
            if not names:
                task["notes"].append("There are no scores, so no metric is judged.")
            if note := levels_note(rows["rating"], task.get("asked") is None, settings.scale):
                task["notes"].append(note)
            tasks[str(name)] = task
            steps.are_done(steps.together)
    columns = ["task", "metric", "item", "score", "mean_rating", "n_ratings", "level"]
    report = {
        "schema": SCHEMA,
        "version": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "settings": _said(settings, reading),
        "inputs": {name: asdict(source) for name, source in (inputs or {}).items()},
        "notes": [*notes, *([INDEPENDENT] if items is None else few_groups(groupings))],
        "tasks": tasks,
        "clusters": clusters_of(groupings),
        "set_scores": _set_entries(set_scores),
        "for_raters": for_raters,
    }
    table = pd.concat(points, ignore_index=True)[columns] if points else pd.DataFrame(columns=columns)
    finished = _with_verdicts(strict_json(_with_written_notes(report)), settings.scale.step)
    if for_raters:
        for task in finished["tasks"].values():
            leave_out_people(task)
    return Calibration(finished, table, predictors=tuple(predictors))


def _said(settings: Settings, reading: Reading | None) -> dict[str, Any]:
    """The settings as the report names them; None for what was not applied here."""
    applied = asdict(settings)
    scale = applied.pop("scale")
    read = asdict(reading) if reading else dict.fromkeys(Reading.__dataclass_fields__)
    return applied | read | {"scale": scale}


def _usual(metric: str, rows: pd.DataFrame) -> pd.Series:
    """A metric's scores by item; what is nearer to 0 than its square can be is 0."""
    values = rows.set_index("item")["score"].astype(float)
    large = values.abs() > _LARGEST_SCORE
    if large.any():
        raise InputError(
            f"The score of '{values.index[large][0]}' by {metric} is {values[large].iloc[0]:g}; beyond "
            f"{_LARGEST_SCORE:g} squares leave the numbers that a computer has, so scale the metric's scores down."
        )
    return values.where(values.abs() >= 1 / _LARGEST_SCORE, 0.0)


def _with_written_notes(report: dict[str, Any]) -> dict[str, Any]:
    """The report, its tasks and metrics with their notes as `calibration.notes.written` writes them."""

    def section(found: Mapping[str, Any]) -> dict[str, Any]:
        at = [*found].index("notes")
        return dict([*[*found.items()][:at], *written(found["notes"]).items(), *[*found.items()][at + 1 :]])

    for name, task in report["tasks"].items():
        metrics = {metric: section(entry) for metric, entry in task["metrics"].items()}
        report["tasks"][name] = section(task) | {"metrics": metrics}
    return section(report)


def _with_verdicts(report: dict[str, Any], step: float) -> dict[str, Any]:
    for task in report["tasks"].values():
        task["strictness"]["sentence"] = strictness_sentence(task["strictness"], step)
        task["verdict"] = task_verdict(task, LEAST_ITEMS)
        for metric in task["metrics"].values():
            alpha = task["agreement"]["krippendorff_alpha"]["ordinal"]
            metric["verdict"] = verdict(metric, alpha, task["strictness"], step)
    return report


def _mixture_notes(signatures: list[str]) -> list[str]:
    """A warning where a metric's scores were not all made alike."""
    by_identity = {identity_of(each): each for each in reversed(signatures)}
    if len(by_identity) > 1:
        shown = "; ".join(sorted(by_identity.values())[:3])
        return [
            f"Its scores carry {len(by_identity)} different signatures ({shown}), so they may not be comparable; score "
            "anew."
        ]
    if len(signatures) > 1:
        differs = other_provenance(signatures[1], signatures[0])
        return [f"Its scores were not all computed with the same versions ({differs}); all else is the same."]
    return []


def _remarks(remarks: pd.DataFrame | None) -> dict[str, pd.Series]:
    """Each metric's remarks by item."""
    if remarks is None:
        return {}
    unique = remarks.drop_duplicates(["item", "metric"])
    return {str(name): group.set_index("item")["note"] for name, group in unique.groupby("metric")}


def _set_entries(set_scores: pd.DataFrame | None) -> list[dict[str, Any]]:
    """The scores of sets of images, each with its metric's title and what guides call it."""
    if set_scores is None:
        return []
    return [
        row | {"title": title_of(row["metric"]), "guides_say": band(row["metric"], row["score"])}
        for row in records(set_scores)
    ]


def strict_json(value: Any) -> Any:
    """The same structure in strict JSON types: NaN becomes None, numpy numbers Python's; floats keep all digits.

    Examples
    --------
    >>> strict_json({"skill": float("nan"), "counts": (np.int64(3), np.float64(0.5))})
    {'skill': None, 'counts': [3, 0.5]}
    """
    if isinstance(value, dict):
        return {str(key): strict_json(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict_json(entry) for entry in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value
