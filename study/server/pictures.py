"""The pictures as raters receive them: without words, and in parts, so that memory does not follow their size."""

import ctypes
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from study.folder.images import read_picture
from study.server.metadata import strip_metadata
from study.store.scratch import Scratch

PART = 128 * 1024
MOST_KEPT = 2_000_000_000
"""Bytes of pictures without their words that are kept on the disk."""

_AT_ONCE = 2  # prepared at a time; the rest of the machine is for ratings
_LARGE = 4_000_000
_Key = tuple[str, int, int, int, int]


@dataclass(frozen=True)
class Picture:
    """A picture that is ready to be sent.

    Attributes
    ----------
    file : Path
        What is sent: the original, or a copy without its words.
    size : int
        Of it, in bytes.
    etag, media_type : str
        For the answer's head.
    """

    file: Path
    size: int
    etag: str
    media_type: str

    def parts(self) -> Iterator[bytes]:
        """Its bytes, `PART` by `PART`, never more than `size`."""
        left = self.size
        with self.file.open("rb") as opened:
            while left and (part := opened.read(min(PART, left))):
                left -= len(part)
                yield part


class Pictures:
    """Prepares pictures, each once as long as its file stays the same."""

    def __init__(self) -> None:
        self._folder = Scratch()
        self._lock = threading.Lock()
        self._turn = threading.BoundedSemaphore(_AT_ONCE)
        self._ready: OrderedDict[_Key, Picture] = OrderedDict()
        self._kept = 0

    def get(self, path: Path) -> Picture:
        """The picture in a file, without words.

        Raises
        ------
        OSError, ValueError
            Where it cannot be read, or is no picture that browsers show.
        """
        stat = path.stat()
        key = (str(path), stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size)
        if known := self._known(key):
            return known
        with self._turn:
            if known := self._known(key):  # while this one waited for its turn
                return known
            picture = self._prepare(path)
        with self._lock:
            if picture.file != path and key not in self._ready:
                self._kept += picture.size
            self._ready[key] = picture
            while self._kept > MOST_KEPT and len(self._ready) > 1:
                _, old = self._ready.popitem(last=False)
                if old.file.parent == self._folder.path:
                    self._kept -= old.size
                    old.file.unlink(missing_ok=True)
        return picture

    def close(self) -> None:
        """Remove what is kept."""
        self._folder.cleanup()

    def _known(self, key: _Key) -> Picture | None:
        with self._lock:
            known = self._ready.get(key)
            if known is None or not known.file.exists():
                return None
            self._ready.move_to_end(key)
            return known

    def _prepare(self, path: Path) -> Picture:
        data = read_picture(path)
        stripped = strip_metadata(data)
        digest = hashlib.sha256(stripped).hexdigest()
        file = path
        if stripped is not data:
            file = self._folder.place(digest)
            unfinished = file.with_name(f"{digest}-{threading.get_ident()}")
            unfinished.write_bytes(stripped)
            unfinished.replace(file)  # another thread may be sending the one that is there
        picture = Picture(file, len(stripped), f'"{digest[:32]}"', media_type(stripped))
        if len(data) > _LARGE:
            del data, stripped
            _give_back_memory()
        return picture


def media_type(data: bytes) -> str:
    """What the bytes are, whatever the file's name says.

    Examples
    --------
    >>> media_type(b"RIFF....WEBPVP8 ")
    'image/webp'
    """
    if data.startswith(b"\x89PNG"):
        return "image/png"
    if data.startswith(b"\xff\xd8"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return "application/octet-stream"


def _give_back_memory() -> None:
    """Hand what was freed back to the system, where the C library can."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError, TypeError):
        return
