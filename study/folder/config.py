"""study.yaml: what a study asks. All its errors come at once, each with its line."""

import reprlib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from calibration.scale import LIKERT
from metrics.errors import InputError
from metrics.files import read_regular_file, reason

FILE_NAME = "study.yaml"
MOST_BYTES = 250_000
_MOST_NODES = 100_000  # keys and values, with what aliases stand for
_LONGEST_NUMBER = 100  # digits
_NAMED = 20  # how many errors a message lists

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
    node, content, problems = _parse(path)
    count = len(problems)
    try:
        config = StudyConfig.model_validate(content)
    except ValidationError as error:
        count += error.error_count()
        problems += [(_line(node, each["loc"]), _explain(each)) for each in error.errors()[:_NAMED]]
    if problems:
        listed = "".join(f"\n  line {line}: {text}" for line, text in sorted(problems)[:_NAMED])
        more = f"\n  and {count - _NAMED:,} more." if count > _NAMED else ""
        raise InputError(f"{path} has {count:,} error{'s' if count > 1 else ''}:{listed}{more}")
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


def _parse(path: Path) -> tuple[yaml.Node | None, Any, list[tuple[int, str]]]:
    """The file as YAML nodes and as Python values, and the repeated keys with their lines."""
    try:
        text = read_regular_file(path, MOST_BYTES).decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({reason(error)}); is this the study's folder?") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text; save it as UTF-8.") from error
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if _size(node, {}) > _MOST_NODES:
            raise InputError(
                f"{path} holds more than {_MOST_NODES:,} keys and values, with what its aliases (*name) stand for; "
                "write out what the study asks."
            )
        content = loader.construct_document(node) if node else None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise InputError(f"{path}, line {line}: not well-formed YAML (a control character); remove it.") from error
    except yaml.MarkedYAMLError as error:
        where = error.problem_mark or error.context_mark
        place = f", line {where.line + 1}" if where else ""
        hint = "; indent with spaces, never with tabs" if "'\\t'" in str(error.problem) else ""
        begun = f" {error.context} from line {error.context_mark.line + 1}" if error.context_mark else ""
        raise InputError(f"{path}{place}: not well-formed YAML ({error.problem}{begun}){hint}.") from error
    except RecursionError as error:
        raise InputError(
            f"{path} is nested too deeply, or has an alias (*name) within itself; it holds a few keys and the tasks."
        ) from error
    return node, content, loader.repeated


def _size(node: yaml.Node | None, known: dict[int, int]) -> int:
    """How many nodes there are, each alias counted as all that it stands for; RecursionError for one within itself."""
    if not isinstance(node, yaml.CollectionNode):
        return 1
    if id(node) not in known:
        known[id(node)] = -1
        parts = [part for pair in node.value for part in (pair if isinstance(pair, tuple) else (pair,))]
        known[id(node)] = 1 + sum(_size(part, known) for part in parts)
    elif known[id(node)] < 0:
        raise RecursionError
    return known[id(node)]


class _Loader(yaml.SafeLoader):
    """Safe YAML in which dates and all keys are text, a bad number has its line, and repeated keys are noted."""

    def __init__(self, text: str):
        super().__init__(text)
        self.repeated: list[tuple[int, str]] = []

    def compose_mapping_node(self, anchor: dict[Any, yaml.Node]) -> yaml.MappingNode:
        """Read ``on`` and ``7`` as text where they are keys; note a repeated key, of which YAML keeps the last."""
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                key.tag = "tag:yaml.org,2002:str"
                if key.value in seen:
                    self.repeated.append((key.start_mark.line + 1, f"'{key.value}' stands there twice."))
                seen.add(key.value)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:
        """Give a value such as ``!!int five``, ``0b_`` or a number of a thousand digits its line."""
        is_number = node.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
        if is_number and len(node.value) > _LONGEST_NUMBER:
            text = f"a number of more than {_LONGEST_NUMBER} digits"
            raise yaml.constructor.ConstructorError(None, None, text, node.start_mark)
        try:
            return super().construct_object(node, deep)
        except ValueError as error:
            raise yaml.constructor.ConstructorError(None, None, str(error), node.start_mark) from error


_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: str(node.value))


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


def _explain(error: ErrorDetails) -> str:
    """One of pydantic's errors in plain words."""
    location = [part for part in error["loc"] if part != "[key]"]
    if location == ["database"] and error["type"] == "value_error":  # what was given may hold a password
        return str(error["ctx"]["error"])
    where = f"'{'.'.join(map(str, location))}'" if location else "the file"
    kind, given = error["type"], error["input"]
    model = TaskConfig if len(location) > 1 else StudyConfig
    keys = ", ".join(model.model_fields)
    if kind == "extra_forbidden":
        close = get_close_matches(str(location[-1]), model.model_fields, n=1)
        known = f"did you mean '{close[0]}'?" if close else f"the keys are {keys}."
        return f"{where} is not known; {known}"
    if kind == "missing":
        return f"{where} is missing."
    if kind in ("too_short", "too_long") and location[-1] == "levels":
        return f"{where} has {error['ctx']['actual_length']} words, but 1 to 5 need exactly five."
    if (location and given in ("", {}, [], None)) or kind == "string_too_short":
        return f"{where} is empty."
    if kind in ("model_type", "dict_type"):
        inside = ", ".join((TaskConfig if location else StudyConfig).model_fields)
        if location == ["tasks"]:
            return f"{where} must hold the tasks, each a name with {inside} below it."
        return f"{where} must hold keys with their values: {inside}."
    if kind == "string_type" and isinstance(given, bool | int | float):
        return f"{where} is not a text: YAML reads it as {given!r}; put it in quotes."
    return f"{where} is {reprlib.repr(given)}: {error['msg'][0].lower()}{error['msg'][1:]}."


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
