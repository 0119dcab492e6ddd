"""study.yaml: what a study asks. All its errors come at once, each with its line."""

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import ErrorDetails
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from calibration.scale import LIKERT
from study.folder.yaml_file import load_yaml

FILE_NAME = "study.yaml"

SCALE = LIKERT
"""What an evaluator chooses from."""

PASSWORD = "PGPASSWORD"
"""The environment variable from which PostgreSQL's own library takes the password."""

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

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, strict=True)

    question: Text
    levels: Annotated[list[Text], Field(min_length=SCALE.count, max_length=SCALE.count)]
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
    lines.append("# One entry a question, in the order in which they are rated; levels are the words for 1 to 5.\n")
    lines.append(_yaml({"tasks": {name: task.model_dump() for name, task in config.tasks.items()}}))
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
        return f"'{where}' has {error['ctx']['actual_length']} words, but 1 to 5 need exactly five."
    if location == ["tasks"] and kind in ("model_type", "dict_type") and error["input"] not in ("", {}, [], None):
        return f"'tasks' must hold the tasks, each a name with {', '.join(TaskConfig.model_fields)} below it."
    return None
