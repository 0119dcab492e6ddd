"""YAML files that people write: read with bounds, and all their errors at once, each with its line."""

import re
import reprlib
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from metrics.errors import InputError
from metrics.files import read_regular_file, reason

MOST_BYTES = 250_000
_MOST_NODES = 100_000  # keys and values, with what aliases stand for
_LONGEST_NUMBER = 100  # digits
_NAMED = 20  # how many errors a message lists

_MUST_BE = {  # by Pydantic's kinds of errors
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a number that is finite",
    "bool_type": "true or false",
    "string_type": "a text",
    "list_type": "a list, such as [a, b] or a line with '- ' for each",
    "literal_error": "{expected}",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
    "greater_than": "more than {gt}",
    "less_than": "less than {lt}",
    "multiple_of": "a multiple of {multiple_of}",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
    "string_too_long": "a text of at most {max_length} characters",
}
_BRACE_FIRST = re.compile(r"\s*(?:- +)*(?:[\w ]+: +)?(\{[\w ]*\}\s*[^\s,#].*?)\s*")  # {token} photo, without quotes
_IN_QUOTES = ("mapping values are not allowed", "cannot start any token", "undefined alias", "expected alphabetic")

Model = TypeVar("Model", bound=BaseModel)
Explain = Callable[[ErrorDetails], str | None]


def load_yaml(
    path: Path, model: type[Model], holds: str, explain: Explain = lambda error: None, context: object = None
) -> Model:
    """Read a YAML file that people write as a Pydantic model.

    Parameters
    ----------
    path : Path
        The file.
    model : type of BaseModel
        What it must hold; a validator of it is given `context`.
    holds : str
        What the file's absence puts in question, as in ``is this the study's folder?``.
    explain : callable, optional
        Gives one of Pydantic's errors in words of its own, or None where `explain_plainly` shall.
    context : object, optional
        For validators, as Pydantic's ``info.context``.

    Returns
    -------
    model

    Raises
    ------
    InputError
        With all that is wrong in the file, each with its line; where it is no file or larger than 0.25 MB; and where
        its aliases stand for themselves or for very much.
    """
    node, content, problems = _parse(path, holds)
    count = len(problems)
    read = None
    try:
        read = model.model_validate(content, context=context)
    except ValidationError as error:
        count += error.error_count()
        listed = error.errors()[:_NAMED]
        problems += [(line_of(node, _place(each)), explain(each) or explain_plainly(each, model)) for each in listed]
    if problems or read is None:
        raise errors_of(path, problems, count)
    return read


def errors_of(path: Path, problems: list[tuple[int, str]], count: int | None = None) -> InputError:
    """One InputError for all that is wrong in a file: pairs of line (from 1) and sentence, of `count` in all."""
    count = len(problems) if count is None else count
    listed = "".join(f"\n  line {line}: {text}" for line, text in sorted(problems)[:_NAMED])
    more = f"\n  and {count - _NAMED:,} more." if count > _NAMED else ""
    return InputError(f"{path} has {count:,} error{'s' if count > 1 else ''}:{listed}{more}")


def explain_plainly(error: ErrorDetails, model: type[BaseModel]) -> str:
    """One of Pydantic's errors in plain words.

    Parameters
    ----------
    error : ErrorDetails
        One of ``ValidationError.errors()``.
    model : type of BaseModel
        That of the whole file, for the keys that it knows.
    """
    location = [part for part in error["loc"] if part != "[key]"]
    where = f"'{'.'.join(map(str, location))}'" if location else "the file"
    kind, given = error["type"], error["input"]
    if kind == "extra_forbidden":
        fields = _keys(_model_at(model, location[:-1]))
        close = get_close_matches(str(location[-1]), fields, n=1)
        known = f"did you mean '{close[0]}'?" if close else f"the keys are {', '.join(fields)}."
        return f"{where} is not known; {known}"
    if kind == "missing":
        return f"{where} is missing."
    if (location and given in ("", {}, [], None)) or kind == "string_too_short":
        return f"{where} is empty."
    if kind in ("model_type", "dict_type"):
        return f"{where} must hold keys with their values: {', '.join(_keys(_model_at(model, location)))}."
    if kind == "string_type" and isinstance(given, bool | int | float):
        return f"{where} is not a text: YAML reads it as {given!r}; put it in quotes."
    if words := _MUST_BE.get(kind):
        limits = {
            name: int(n) if isinstance(n, float) and n.is_integer() else n for name, n in error.get("ctx", {}).items()
        }
        return f"{where} is {reprlib.repr(given)}; it must be {words.format(**limits)}."
    return f"{where} is {reprlib.repr(given)}: {error['msg'][0].lower()}{error['msg'][1:]}."


def _keys(model: type[BaseModel]) -> list[str]:
    """A model's keys as they stand in a file."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_at(model: type[BaseModel], location: list[int | str]) -> type[BaseModel]:
    """The model that stands at a place in another one, or the innermost around it."""
    for part in location:
        field = model.model_fields.get(str(part))
        if field is not None:
            model = next(_models_in(field.annotation), model)
    return model


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """The models that an annotation such as ``dict[str, Model]`` or ``Model | None`` names."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _place(error: ErrorDetails) -> tuple[int | str, ...]:
    """Where an error is; a validator of a whole may say in its context, as ``at``, in which part."""
    return (*error["loc"], *error.get("ctx", {}).get("at", ()))


def line_of(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
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


def _parse(path: Path, holds: str) -> tuple[yaml.Node | None, Any, list[tuple[int, str]]]:
    """The file as YAML nodes and as Python values, and the repeated keys with their lines."""
    try:
        text = read_regular_file(path, MOST_BYTES).decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({reason(error)}); {holds}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text; save it as UTF-8.") from error
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if _size(node, {}) > _MOST_NODES:
            raise InputError(
                f"{path} holds more than {_MOST_NODES:,} keys and values, with what its aliases (*name) stand for; "
                "write out what they stand for."
            )
        content = loader.construct_document(node) if node else None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise InputError(f"{path}, line {line}: not well-formed YAML (a control character); remove it.") from error
    except yaml.MarkedYAMLError as error:
        if unquoted := _unquoted(text):
            raise errors_of(path, unquoted) from error
        where = error.problem_mark or error.context_mark
        place = f", line {where.line + 1}" if where else ""
        hint = "; indent with spaces, never with tabs" if "'\\t'" in str(error.problem) else ""
        if not hint and any(words in str(error.problem) for words in _IN_QUOTES):
            hint = "; put a text that has ': ' in it, or begins with a sign, in quotes"
        begun = f" {error.context} from line {error.context_mark.line + 1}" if error.context_mark else ""
        raise InputError(f"{path}{place}: not well-formed YAML ({error.problem}{begun}){hint}.") from error
    except RecursionError as error:
        raise InputError(
            f"{path} is nested too deeply, or has an alias (*name) within itself; write out what it holds."
        ) from error
    return node, content, loader.repeated


def _unquoted(text: str) -> list[tuple[int, str]]:
    """The lines whose text begins with a placeholder in braces, which YAML takes for keys."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if alike := _BRACE_FIRST.fullmatch(line):
            value = alike[1] if '"' in alike[1] else f'"{alike[1]}"'
            found.append(
                (number, f"put the text in quotes: {value}. Without, YAML takes what begins with a brace for keys.")
            )
    return found


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
