"""Text of trackers, which others wrote, as every database, terminal and program takes it."""

import hashlib
import unicodedata
from collections.abc import Mapping
from typing import Any

_MOST_NAME = 400  # bytes: PostgreSQL's indices have no room for several long ones
_MOST_DEEP = 50


def plain_text(text: str) -> str:
    r"""Text that every database holds: a tracker's may have NUL, or halves of signs.

    Examples
    --------
    >>> plain_text("a\0b")
    'ab'
    """
    return text.replace("\0", "").encode(errors="replace").decode()


def plain_name(text: str) -> str:
    r"""A name on one line, which no terminal takes for a command, and of which an index has room.

    Examples
    --------
    >>> plain_name("loss\n::error::\x1b[2J"), len(plain_name("x" * 9000))
    ('loss ::error:: [2J', 400)
    """
    name = "".join(" " if unicodedata.category(sign) == "Cc" else sign for sign in plain_text(text))
    name = " ".join(name.split()) if name != plain_text(text) else name
    if len(name.encode()) <= _MOST_NAME:
        return name
    end = f"... {hashlib.sha256(name.encode()).hexdigest()[:12]}"
    return name.encode()[: _MOST_NAME - len(end)].decode(errors="ignore") + end


def plain_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    r"""A run's settings without what no program reads: halves of signs, and what is nested without an end.

    Examples
    --------
    >>> plain_settings({"lr": 0.1, "net": {"note": "a\ud800"}})
    {'lr': 0.1, 'net': {'note': 'a?'}}
    """
    found: dict[str, Any] = _plain(config, 0)
    return found


def _plain(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, Mapping | list | tuple) and depth > _MOST_DEEP:
        return "..."
    if isinstance(value, Mapping):
        return {plain_text(str(key)): _plain(each, depth + 1) for key, each in value.items()}
    return [_plain(each, depth + 1) for each in value] if isinstance(value, list | tuple) else value
