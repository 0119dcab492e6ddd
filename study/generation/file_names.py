"""Names of what is drawn: folders' that can stand on every system, and an image's by its prompt and seed."""

import re
import unicodedata
from pathlib import PurePosixPath

from metrics.text import is_plain

_LONGEST = 100
_LONGEST_BYTES = 150  # systems allow 255, also with a sha256 and an ending behind it
_AWKWARD = re.compile(r'[<>:"/\\|?*]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_IMAGE = re.compile(r"p(\d+)_s(\d+)")
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
    name = _AWKWARD.sub("_", name).strip().lstrip(".").rstrip(" .")[:_LONGEST]
    name = name.encode()[:_LONGEST_BYTES].decode(errors="ignore").rstrip(" .")
    return f"{name}_" if not name or _RESERVED.fullmatch(name) or name.lower() in _SYSTEM else name


def image_name(prompt_number: int, seed: int) -> str:
    """The name of an image's file.

    Examples
    --------
    >>> image_name(3, 42)
    'p003_s42.png'
    """
    return f"p{prompt_number:03d}_s{seed}.png"


def prompt_and_seed(name: str) -> tuple[int, int] | None:
    """The number of the prompt and the seed, as the name of an image's file tells them; None where it is another name.

    Examples
    --------
    >>> prompt_and_seed("p003_s42.png"), prompt_and_seed("cat.png")
    ((3, 42), None)
    """
    found = _IMAGE.fullmatch(PurePosixPath(name).stem)
    return None if found is None else (int(found[1]), int(found[2]))
