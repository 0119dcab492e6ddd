"""The dashboard as one file that opens offline: the page with everything that it would ask a server for.

Pictures are contact strips of small ones; full size is not in it. No private link, token or name of an evaluator is
either, nor where anything stood on the disk.
"""

import base64
import hashlib
import html
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Protocol

from metrics.errors import InputError
from metrics.files import write_atomically
from metrics.text import counted
from study.dashboard import parts
from study.dashboard.exported_answers import answers_of, listed_addresses
from study.dashboard.snapshot import Snapshot, snapshot
from study.dashboard.strips import Strip, plan_strips, render_strip
from study.dashboard.thumbnails import SIDE, Thumbnails, missing_picture
from study.folder.study import Study

MOST_BYTES = 50_000_000
"""Of the whole file."""

QUALITIES = (60, 45, 30, 20)
"""Of WebP: the first at which all pictures have room; at the last those that have none are left out."""

_TRIED = 24  # strips of which the size of all is told
_AT_LEAST = 0.1  # of the pictures; a file that shows fewer is of no use
_IN_BASE64 = 4 / 3
_FOR_NOTES = 3_000  # bytes


class Progress(Protocol):
    """Whatever shows how far it is, as `study.terminal.Bar` does."""

    def start(self, title: str, total: int) -> None:
        """Something begins that takes so many steps."""

    def advance(self, count: int) -> None:
        """So many more are done."""


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes
    ----------
    size : int
        Bytes.
    pictures : int
        Small pictures in it.
    notes : tuple of str
        What is not in it.
    """

    size: int
    pictures: int
    notes: tuple[str, ...]


def export_dashboard(study: Study, file: Path, progress: Progress, most_bytes: int = MOST_BYTES) -> Exported:
    """Write the dashboard of a study as one HTML file, as a whole or not at all.

    Parameters
    ----------
    study : Study
        An opened study, also one that is only read.
    file : Path
    progress : Progress
    most_bytes : int
        Of the file.

    Returns
    -------
    Exported

    Raises
    ------
    InputError
        Where the figures leave no room for pictures, the study's tables cannot be read, or the file not be written.
    """
    taken = snapshot(study)
    asked = listed_addresses(taken)
    progress.start("Figures", len(asked.addresses))
    inlined = answers_of(taken, asked, lambda: progress.advance(1))
    inlined["data"] = json.loads(json.dumps(taken.data()))
    data = inlined["data"]
    data["is_exported"] = True
    data["notes"] += [
        f"This file holds pictures of {SIDE} pixels; full size is in the live dashboard (humangrade dashboard).",
        *asked.notes,
    ]
    known = _Places(study, taken)
    without_pictures = len(_page(data["title"], known.hidden(_json(inlined))))
    room = int((most_bytes - without_pictures - _FOR_NOTES) / _IN_BASE64)
    kept = Thumbnails()
    try:
        strips, unreadable = _strips(taken, kept, room, progress)
    finally:
        kept.close()
    inlined["strips"] = [strip.row(_uri(content), SIDE) for strip, content in strips]
    shown = sum(len(strip.places) for strip, _ in strips)
    notes = [*asked.notes, *_picture_notes(shown, len(taken.images), unreadable, most_bytes)]
    data["notes"] += notes[len(asked.notes) :]
    if shown < _AT_LEAST * len(taken.images):
        raise InputError(
            f"The figures of {counted(len(taken.images), 'image')} take {without_pictures / 1e6:.0f} MB, and a file "
            f"holds {most_bytes / 1e6:.0f} at most, so hardly a picture has room; look at the live dashboard "
            "(humangrade dashboard), or export a study with fewer images."
        )
    page = _page(data["title"], known.hidden(_json(inlined))).encode()
    write_atomically(file, page)
    return Exported(len(page), shown, tuple(notes))


def _picture_notes(shown: int, images: int, unreadable: int, most_bytes: int) -> list[str]:
    notes = []
    if shown < images:
        notes.append(
            f"Of {counted(images, 'picture')} {shown:,} are in this file, those of the first prompts, since it holds "
            f"at most {most_bytes / 1e6:.0f} MB; all are in the live dashboard."
        )
    if unreadable:
        verb = "is" if unreadable == 1 else "are"
        notes.append(f"{counted(unreadable, 'picture')} cannot be read and {verb} shown as a crossed square.")
    return notes


def _strips(taken: Snapshot, kept: Thumbnails, room: int, progress: Progress) -> tuple[list[tuple[Strip, bytes]], int]:
    """The contact strips that have room, those of the first prompts first; and how many pictures cannot be read."""
    pictures = taken.pictures
    planned = plan_strips(taken.data()["images"])
    unreadable: set[int] = set()

    def small(place: int) -> bytes:
        file = kept.get(pictures.keys[place], pictures.files[place])
        if file is None:
            unreadable.add(place)
            return missing_picture()
        return file.read_bytes()

    def rendered(strip: Strip, quality: int) -> bytes:
        return render_strip([_later(small, place) for place in strip.places], SIDE, quality)

    progress.start("Pictures", len(planned))
    found: list[tuple[Strip, bytes]] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        some = planned[:: max(1, len(planned) // _TRIED)]
        images = sum(len(strip.places) for strip in planned)
        tried = sum(len(strip.places) for strip in some)
        for quality in QUALITIES:
            size = sum(pool.map(lambda strip, q=quality: len(rendered(strip, q)), some))
            if 1.1 * size * images / max(tried, 1) <= room:
                break
        for strip, content in zip(planned, pool.map(lambda one: rendered(one, quality), planned), strict=True):
            room -= len(content) + len(_json(strip.row(_uri(b""), SIDE)))
            if room < 0:
                pool.shutdown(cancel_futures=True)
                break
            found.append((strip, content))
            progress.advance(1)
    shown = {place for strip, _ in found for place in strip.places}
    return found, len(unreadable & shown)


def _later(small: Callable[[int], bytes], place: int) -> Callable[[], bytes]:
    return lambda: small(place)


class _Places:
    """Where things stand on the disk, taken out of what is written."""

    def __init__(self, study: Study, taken: Snapshot):
        outside = [name for name in taken.images["called"] if PurePath(name).is_absolute()]
        above = os.path.commonpath([str(PurePath(name).parent) for name in outside]) if outside else ""
        folders = {str(study.folder.resolve()): study.folder.resolve().name, str(study.folder): study.folder.name}
        if len(PurePath(above).parts) > 1:
            folders[above] = PurePath(above).name
        self._told = sorted(
            ((_inner(folder), _inner(name)) for folder, name in folders.items() if PurePath(folder).is_absolute()),
            key=lambda pair: -len(pair[0]),
        )

    def hidden(self, text: str) -> str:
        """JSON with the last part of a folder in the place of its whole path."""
        for folder, name in self._told:
            text = text.replace(folder, name)
        return text


def _inner(text: str) -> str:
    return _json(text)[1:-1]


def _json(content: Any) -> str:
    """JSON that may stand in a page's script."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").encode(errors="replace").decode()


def _uri(content: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(content).decode()}"


def _page(title: str, inlined: str) -> str:
    script = f'(function (element) {{\n{parts.script()}\n}})(document.getElementById("dashboard"));'
    assert "</script" not in script.lower()
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'sha256-{allowed}'; "
        "base-uri 'none'; form-action 'none'"
    )
    icon = base64.b64encode(parts.icon().encode()).decode()
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<link rel="icon" href="data:image/svg+xml;base64,{icon}">
</head>
<body style="margin: 0">
<div id="dashboard">{parts.page()}</div>
<script type="application/json" id="humangrade-inlined">{inlined}</script>
<script>{script}</script>
</body>
</html>
"""
