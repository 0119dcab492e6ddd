"""study.yaml: what a study asks. All its errors come at once, each with its line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import ErrorDetails, PydanticCustomError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from calibration.scale import FEWEST_LEVELS, LIKERT, MOST_LEVELS, Scale
from metrics.errors import InputError, parameter
from metrics.text import counted
from study.yaml_file import load_yaml

FILE_NAME = "study.yaml"

PASSWORD = "PGPASSWORD"
"""The environment variable from which PostgreSQL's own library takes the password."""

Text = Annotated[str, Field(min_length=1)]


class TaskConfig(BaseModel):
    """One question that is asked about every image.

    Attributes
    ----------
    question : str
        What the evaluator reads.
    levels : list of 3 to 11 str
        The words for the levels, from the lowest.
    scale : str, optional
        The levels' numbers, as `calibration.scale.Scale.parse` reads them: ``0-4``, or ``0,0.5,1``. Unless given they
        are counted from 1.
    show_references : bool
        Show the subject's reference photos beside the image.
    show_prompt : bool
        Show the prompt above the image.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, strict=True)

    question: Text
    levels: Annotated[list[Text], Field(min_length=FEWEST_LEVELS, max_length=MOST_LEVELS)]
    scale: Text | None = None
    show_references: bool = False
    show_prompt: bool = False

    @field_validator("scale")
    @classmethod
    def _of_as_many_levels_as_words(cls, text: str | None, info: ValidationInfo) -> str | None:
        if text is None:
            return None
        try:
            scale = page_scale(text)
        except InputError as error:
            raise PydanticCustomError("scale", "{why}", {"why": str(error)}) from None
        words = info.data.get("levels")  # missing where they are wrong themselves
        if words is not None and len(words) != scale.count:
            why = (
                f"it has {scale.count} levels, but 'levels' has {counted(len(words), 'word')}; write one word a level."
            )
            raise PydanticCustomError("scale", "{why}", {"why": why})
        return text

    @property
    def answers(self) -> Scale:
        """The scale on which the task is answered."""
        return Scale(tuple(range(1, len(self.levels) + 1))) if self.scale is None else page_scale(self.scale)


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
    database : str, optional
        ``postgresql://USER@HOST/NAME`` where the ratings are not in a file of the folder; it holds no password.
    tasks : dict of str to TaskConfig
        In the order in which they are rated.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, strict=True)

    title: Text
    seed: int = 0
    share_report: bool = False
    database: Text | None = None
    tasks: Annotated[dict[Text, TaskConfig], Field(min_length=1)]

    @field_validator("tasks")
    @classmethod
    def _on_one_scale(cls, tasks: dict[str, TaskConfig]) -> dict[str, TaskConfig]:
        first = next(iter(tasks))
        for name, task in tasks.items():
            if task.answers != tasks[first].answers:
                why = (
                    f"'tasks.{name}' is answered on {task.answers}, and 'tasks.{first}' on {tasks[first].answers}; a "
                    "study has one scale, on which its report compares the tasks: give them the same, or make two "
                    "studies."
                )
                raise PydanticCustomError(
                    "scales", "{why}", {"why": why, "at": (name, "scale" if task.scale else "levels")}
                )
        return tasks

    @property
    def scale(self) -> Scale:
        """The scale on which all tasks are answered."""
        return next(iter(self.tasks.values())).answers

    @field_validator("database")
    @classmethod
    def _without_password(cls, address: str | None) -> str | None:
        if address is not None:
            refuse_password(address)
        return address


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


def preset(task: str, scale: Scale = LIKERT) -> TaskConfig:
    """The question for a task that the user only named.

    Its five words stand where a level lies at the same place of the scale; the levels between are called by their
    numbers.

    Examples
    --------
    >>> preset("aesthetic", Scale.parse("1-7")).levels
    ['Bad', '2', '3', 'Fair', '5', '6', 'Excellent']
    """
    plain = TaskConfig(question=f"How do you rate the {task.replace('_', ' ')} of this image?", levels=_QUALITY)
    found = PRESETS.get(task, plain)
    if scale == LIKERT:
        return found
    words = dict(zip(LIKERT.unit.tolist(), found.levels, strict=True))
    levels = [words.get(place, name) for place, name in zip(scale.unit.tolist(), scale.names, strict=True)]
    return found.model_copy(update={"levels": levels, "scale": written(scale)})


def page_scale(given: str | Scale | Sequence[float]) -> Scale:
    """A scale as study.yaml and ``--scale`` write it, or its numbers, for a page on which each level is one key.

    Raises
    ------
    InputError
        For what is no scale, for a range that is cut into parts, and for a `Scale` with words, which are a task's.

    Examples
    --------
    >>> str(page_scale("0-4"))
    '0 to 4'
    """
    if isinstance(given, str):
        scale = Scale.parse(given)
    elif isinstance(given, Scale):
        scale = given
    else:
        try:
            numbers = tuple(float(number) for number in given)
        except (TypeError, ValueError):
            raise InputError(
                f"{parameter('scale')} is {given!r}; give the levels' numbers, as '0-4' or [0, 0.5, 1], or a Scale."
            ) from None
        scale = Scale(numbers)
    if scale.words:
        raise InputError("The words of a study's levels are its tasks' ('levels' in study.yaml); give a Scale without.")
    if scale.bounds is not None:
        raise InputError(
            f"The scale '{given}' is a range that is cut into parts, but who rates presses a key for one of a few "
            "levels; name the levels, as in 1-7 or 0,0.5,1."
        )
    return scale


def written(scale: Scale) -> str:
    """A scale's levels as `page_scale` reads them.

    Examples
    --------
    >>> written(Scale.parse("0-4")), written(Scale((0, 0.5, 1)))
    ('0-4', '0,0.5,1')
    """
    counted_up = scale.values == tuple(range(int(scale.low), int(scale.low) + scale.count))
    return (
        f"{scale.names[0]}-{scale.names[-1]}" if counted_up and scale.low >= 0 else ",".join(map(repr, scale.numbers))
    )


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
        With all that is wrong in the file, each with its line; where it is no file or larger than 0.25 MB; and where
        its aliases stand for themselves or for very much.
    """
    return load_yaml(path, StudyConfig, "is this the study's folder?", _explain)


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
    top = config.model_dump(exclude={"tasks"} if config.database else {"tasks", "database"})
    comments = {
        "title": "What the raters see on top.",
        "seed": "For each evaluator's random order; the same seed gives the same order.",
        "share_report": "true: who has finished may open the live report, and cannot change an answer afterwards.",
        "database": f"Where the ratings are; the password is taken from the environment variable {PASSWORD}.",
    }
    lines = [f"# {comments[key]}\n{_yaml({key: value})}" for key, value in top.items()]
    lines.append(
        f"# One entry a question, in the order in which they are rated; levels are the words for {config.scale}.\n"
    )
    lines.append(_yaml({"tasks": {name: task.model_dump(exclude_none=True) for name, task in config.tasks.items()}}))
    return "".join(lines)


def _yaml(content: object) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)


def refuse_password(address: str) -> None:
    """Raise ValueError, whose words do not hold it, for an address with a password or of no PostgreSQL.

    Examples
    --------
    >>> refuse_password("postgresql://ann@db.example/study")
    >>> refuse_password("postgresql://ann:secret@db.example/study")
    Traceback (most recent call last):
    ValueError: the database's address holds a password; leave it out, and give it in PGPASSWORD.
    """
    plain = "the database's address is like postgresql://USER@HOST/NAME."
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise ValueError(plain) from None
    if url.password is not None or any("password" in key.lower() for key in url.query):
        raise ValueError(f"the database's address holds a password; leave it out, and give it in {PASSWORD}.")
    if url.drivername != "postgresql":
        raise ValueError(plain)


def _explain(error: ErrorDetails) -> str | None:
    """What `explain_plainly` cannot know of study.yaml."""
    location = [part for part in error["loc"] if part != "[key]"]
    kind = error["type"]
    if location == ["database"] and kind == "value_error":  # what was given may hold a password
        return str(error["ctx"]["error"])
    if kind in ("too_short", "too_long") and location[-1] == "levels":
        where = ".".join(map(str, location))
        given = counted(error["ctx"]["actual_length"], "word")
        return (
            f"'{where}' has {given}, but a scale has {FEWEST_LEVELS} to {MOST_LEVELS} levels; write one word a level."
        )
    if kind == "scale":
        return f"'{'.'.join(map(str, location))}' is {error['input']}: {error['ctx']['why']}"
    if kind == "scales":
        return str(error["ctx"]["why"])
    if location == ["tasks"] and kind in ("model_type", "dict_type") and error["input"] not in ("", {}, [], None):
        return f"'tasks' must hold the tasks, each a name with {', '.join(TaskConfig.model_fields)} below it."
    return None
