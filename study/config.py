"""study.yaml: what a study asks. All its errors come at once, each with its line."""

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from metrics.errors import InputError

FILE_NAME = "study.yaml"

Text = Annotated[str, Field(min_length=1)]


class TaskConfig(BaseModel):
    """One question that is asked about every image.

    Attributes
    ----------
    question : str
        What the evaluator reads.
    levels : list of 5 str
        The words for 1 to 5.
    show_references : bool
        Show the subject's reference photos beside the image.
    show_prompt : bool
        Show the prompt above the image.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    question: Text
    levels: Annotated[list[Text], Field(min_length=5, max_length=5)]
    show_references: bool = False
    show_prompt: bool = False


class StudyConfig(BaseModel):
    """The whole of study.yaml.

    Attributes
    ----------
    title : str
        What the raters see on top.
    seed : int
        For each evaluator's random order.
    share_report : bool
        An evaluator who has finished may open the live report.
    tasks : dict of str to TaskConfig
        In the order in which they are rated.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    title: Text
    seed: int = 0
    share_report: bool = False
    tasks: Annotated[dict[Text, TaskConfig], Field(min_length=1)]


_QUALITY = ["Bad", "Poor", "Fair", "Good", "Excellent"]  # ITU-T P.910's words for its five-point scale

PRESETS = {
    "similarity": TaskConfig(
        question="How much does the subject in this image look like the one in the reference photos?",
        levels=["Not at all", "Slightly", "Somewhat", "Very much", "Exactly"],
        show_references=True,
    ),
    "aesthetic": TaskConfig(question="How good does this image look?", levels=_QUALITY),
    "alignment": TaskConfig(
        question="How well does this image show what the text describes?",
        levels=["Not at all", "A little", "Partly", "Mostly", "Completely"],
        show_prompt=True,
    ),
}


def preset(task: str) -> TaskConfig:
    """The question for a task that the user only named."""
    plain = TaskConfig(question=f"How do you rate the {task.replace('_', ' ')} of this image?", levels=_QUALITY)
    return PRESETS.get(task, plain)


def load_config(path: Path) -> StudyConfig:
    """Read study.yaml.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    StudyConfig

    Raises
    ------
    InputError
        With all that is wrong in the file, each with its line.
    """
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}); is this the study's folder?") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text; save it as UTF-8.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise InputError(f"{path}{line}: not well-formed YAML ({getattr(error, 'problem', error)}).") from error
    problems = _repeated_keys(node)
    try:
        config = StudyConfig.model_validate(content)
    except ValidationError as error:
        problems += [(_line(node, each["loc"]), _explain(each)) for each in error.errors()]
    if problems:
        listed = "".join(f"\n  line {line}: {text}" for line, text in sorted(problems))
        raise InputError(f"{path} has {len(problems)} error{'s' if len(problems) > 1 else ''}:{listed}")
    return config


def dump_config(config: StudyConfig) -> str:
    """study.yaml as text, with a comment on each key.

    Parameters
    ----------
    config : StudyConfig

    Returns
    -------
    str
        YAML that `load_config` reads back as the same configuration.
    """
    top = config.model_dump(exclude={"tasks"})
    comments = {
        "title": "What the raters see on top.",
        "seed": "For each evaluator's random order; the same seed gives the same order.",
        "share_report": "true: evaluators who have finished may open the live report.",
    }
    lines = [f"# {comments[key]}\n{_yaml({key: value})}" for key, value in top.items()]
    lines.append("# One entry a question, in the order in which they are rated; levels are the words for 1 to 5.\n")
    lines.append(_yaml({"tasks": {name: task.model_dump() for name, task in config.tasks.items()}}))
    return "".join(lines)


def _yaml(content: object) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)


def _explain(error: object) -> str:
    """One of pydantic's errors in plain words."""
    assert isinstance(error, dict)
    where = ".".join(str(part) for part in error["loc"] if part != "[key]")
    kind = error["type"]
    if kind == "extra_forbidden":
        model = TaskConfig if len(error["loc"]) > 1 else StudyConfig
        close = get_close_matches(str(error["loc"][-1]), model.model_fields, n=1)
        known = f"did you mean '{close[0]}'?" if close else f"the keys are {', '.join(model.model_fields)}."
        return f"'{where}' is not known; {known}"
    if kind == "missing":
        return f"'{where}' is missing."
    if kind in ("too_short", "too_long") and error["loc"][-1] == "levels":
        return f"'{where}' has {error['ctx']['actual_length']} words, but 1 to 5 need exactly five."
    if kind in ("too_short", "string_too_short"):
        return f"'{where}' is empty."
    given = error["input"]
    return f"'{where}' is {given!r}: {error['msg'][0].lower()}{error['msg'][1:]}."


def _line(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    """The line (from 1) of the innermost part of `location` that the file has."""
    line = 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line


def _repeated_keys(node: yaml.Node | None) -> list[tuple[int, str]]:
    """Keys that a mapping has twice, of which YAML would silently keep the last."""
    if not isinstance(node, yaml.MappingNode):
        return []
    problems, seen = [], set()
    for key, value in node.value:
        if key.value in seen:
            problems.append((key.start_mark.line + 1, f"'{key.value}' stands there twice."))
        seen.add(key.value)
        problems += _repeated_keys(value)
    return problems
