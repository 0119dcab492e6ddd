"""A trainer's file of sample prompts, read as kohya's sd-scripts reads it: which text each prompt's number is of.

Only texts are taken from it. The trainer has drawn already, so an option that `humangrade generate` would refuse is
none of ours, and a line left out would give all behind it another number.
"""

import json
import tomllib
from typing import Any

from metrics.files import parse_json
from metrics.text import is_plain


def sample_prompts(text: str, suffix: str = ".txt") -> list[str]:
    r"""The prompts of a file, in the order of their numbers.

    Parameters
    ----------
    text : str
        What the file holds.
    suffix : str
        ``.toml`` and ``.json`` have forms of their own; any other file has a prompt a line.

    Returns
    -------
    list of str
        Without their options; "" for a prompt that no table can hold.

    Raises
    ------
    ValueError
        Where it is no such file, with what is wrong.

    Examples
    --------
    >>> sample_prompts("# mine\n\na {red|blue} cat --w 1000 --g 3.5 --d 1\na dog\n")
    ['a {red|blue} cat', 'a dog']
    >>> sample_prompts('[prompt]\nseed = 1\n[[prompt.subset]]\nprompt = "a cat"\n', ".toml")
    ['a cat']
    >>> sample_prompts('[{"prompt": "a cat", "seed": 1}, "a dog --d 2"]', ".json")
    ['a cat', 'a dog']
    """
    text = text.removeprefix("\ufeff")
    if suffix.lower() == ".toml":
        each = _of_toml(text)
    elif suffix.lower() == ".json":
        each = _of_json(text)
    else:
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        each = [line for line in lines if line.strip() and not line.startswith("#")]
    return [_text(one) for one in each]


def _of_toml(text: str) -> list[Any]:
    try:
        top = tomllib.loads(text)["prompt"]
        return [{**top, **one} for one in top["subset"]]
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"it is no TOML: {error}") from None
    except (KeyError, TypeError, RecursionError):
        raise ValueError("it has no [[prompt.subset]]") from None


def _of_json(text: str) -> list[Any]:
    try:
        found = parse_json(text)
    except (json.JSONDecodeError, ValueError, RecursionError):
        raise ValueError("it is no JSON") from None
    if not isinstance(found, list):
        raise ValueError("it is no list of prompts")
    return found


def _text(one: Any) -> str:
    if isinstance(one, dict):
        words = one.get("prompt")
        return _plain(words) if isinstance(words, str) else ""
    return _plain(f" {one.strip()}".split(" --")[0]) if isinstance(one, str) else ""


def _plain(text: str) -> str:
    words = " ".join(text.split())
    return words if is_plain(words) else ""
