"""Names that can stand as a folder's on every system."""

import re
import unicodedata

from metrics.text import is_plain

_LONGEST = 100
_AWKWARD = re.compile(r'[<>:"/\\|?*]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_SYSTEM = {"@eadir", "__macosx"}  # passed over where images are looked for


def refuse_unsafe(name: str) -> None:
    """Raise ValueError for a name that cannot be a folder's on every system.

    Examples
    --------
    >>> refuse_unsafe("anna v2")
    >>> refuse_unsafe("../anna")
    Traceback (most recent call last):
    ValueError: '../anna' cannot be a folder's name; use letters, digits, '-', '_' and at most 100 of them.
    """
    if name != safe_name(name):
        raise ValueError(
            f"{name!r} cannot be a folder's name; use letters, digits, '-', '_' and at most {_LONGEST} of them."
        )


def safe_name(name: str) -> str:
    """A name with all replaced that no folder may have.

    Examples
    --------
    >>> safe_name("a/b: c. "), safe_name(".."), safe_name("NUL"), safe_name("anna-v1.5")
    ('a_b_ c', '_', 'NUL_', 'anna-v1.5')
    """
    name = unicodedata.normalize("NFC", name)
    name = "".join(sign if is_plain(f"x{sign}x") else "_" for sign in name)
    name = _AWKWARD.sub("_", name).strip().lstrip(".").rstrip(" .")[:_LONGEST].rstrip(" .")
    return f"{name}_" if not name or _RESERVED.fullmatch(name) or name.lower() in _SYSTEM else name
