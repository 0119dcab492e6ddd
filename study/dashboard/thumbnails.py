"""Small pictures of a study's images, each made once and kept by its content."""

import hashlib
import io
import os
import re
import tempfile
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw

from metrics.engine.cache import cache_folder
from metrics.engine.images import MOST_BYTES, UnreadableImage, decode_image, large_ones_alone
from metrics.files import digest_of, read_regular_file
from study.store.scratch import Scratch

SIDE = 160
"""Pixels of a small picture at most, wide and high."""

KEY = re.compile(r"[0-9a-f]{32}")
MOST_KEPT = 2_000_000_000
"""Bytes of small pictures that are kept on the disk, of all studies together."""

_QUALITY = 70
_MADE_BY = "1"  # another number where small pictures come out otherwise than before
_GROUND, _CROSS = (216, 219, 226), (150, 157, 170)


def key_of(path: Path, sha256: str = "") -> str:
    """What a picture is known by: its content where that was read, else its place, size and time of change.

    Parameters
    ----------
    path : Path
        The image file.
    sha256 : str
        Of its content, 64 hexadecimal digits; "" where that is not known.

    Returns
    -------
    str
        32 hexadecimal digits; another key for another content.

    Examples
    --------
    >>> key_of(Path("a.png"), "ab" * 32)
    'abababababababababababababababab'
    """
    if sha256:
        return sha256[:32]
    try:
        found = os.stat(path)  # noqa: PTH116 (Path.stat raises for long paths)
        known = f"{path} {found.st_dev} {found.st_ino} {found.st_size} {found.st_mtime_ns}"
    except (OSError, ValueError):
        known = f"{path} is not there"
    return hashlib.sha256(known.encode(errors="surrogatepass")).hexdigest()[:32]


def is_key_of(key: str, path: Path) -> bool:
    """Whether a file is still the picture of a key; raises OSError where it cannot be read."""
    return key == key_of(path) or digest_of(path, MOST_BYTES)[:32] == key


def thumbnail(data: bytes) -> bytes:
    """A small WebP of an image file, upright and without its words.

    Parameters
    ----------
    data : bytes
        A file in any format that `metrics.engine.images` reads; of an animation the first frame counts, and transparent
        pixels are laid over white.

    Returns
    -------
    bytes
        `SIDE` pixels at most, wide and high, and one at least.

    Raises
    ------
    UnreadableImage
        Where it cannot be decoded, or is too large.

    Examples
    --------
    >>> file = io.BytesIO()
    >>> Image.new("RGB", (640, 320), "navy").save(file, "PNG")
    >>> Image.open(io.BytesIO(thumbnail(file.getvalue()))).size
    (160, 80)
    """
    with large_ones_alone():
        image = decode_image(data)
        image.thumbnail((SIDE, SIDE), reducing_gap=3.0)
    return _webp(image)


@cache
def missing_picture() -> bytes:
    """What stands for a picture that cannot be shown: a crossed square."""
    image = Image.new("RGB", (SIDE, SIDE), _GROUND)
    pen = ImageDraw.Draw(image)
    for ends in ((0, 0, SIDE, SIDE), (0, SIDE, SIDE, 0)):
        pen.line(ends, _CROSS, 2)
    pen.rectangle((0, 0, SIDE - 1, SIDE - 1), outline=_CROSS)
    return _webp(image)


class Thumbnails:
    """Makes small pictures, each once, and keeps them in the user's cache folder.

    Parameters
    ----------
    folder : Path, optional
        Where they are kept; where it cannot be written, a temporary folder takes its place.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     Image.new("RGB", (400, 400)).save(Path(place) / "a.png")
    ...     kept = Thumbnails(Path(place) / "small")
    ...     file = kept.get(key_of(Path(place) / "a.png"), Path(place) / "a.png")
    ...     file.name.endswith(".webp"), kept.get("0" * 32, Path(place) / "gone.png")
    (True, None)
    """

    def __init__(self, folder: Path | None = None):
        self._folder = cache_folder() / "thumbnails" if folder is None else folder
        self._scratch: Scratch | None = None
        self._lock = threading.Lock()

    def get(self, key: str, path: Path) -> Path | None:
        """The file of a small picture, made now unless it is there; None where there is none to make.

        Parameters
        ----------
        key : str
            See `key_of`.
        path : Path
            The image. Where its content is not the one that the key promises any more, there is no picture either.
        """
        if file := self.find(key):
            return file
        try:
            data = read_regular_file(path, MOST_BYTES)
            is_by_content = key != key_of(path)
            if is_by_content and hashlib.sha256(data).hexdigest()[:32] != key:
                return None
            return self.keep(key, thumbnail(data))
        except (OSError, UnreadableImage):
            return None

    def find(self, key: str) -> Path | None:
        """A file that is kept under a key."""
        for place in self._places(key):
            if place.is_file():
                return place
        return None

    def keep(self, key: str, content: bytes) -> Path:
        """Keep a file under a key; who looks for it never sees half of it."""
        try:
            return _put(self._places(key)[0], content)
        except OSError:
            with self._lock:
                self._scratch = self._scratch or Scratch()
            return _put(self._scratch.place(f"{key}.webp"), content)

    def sweep(self, most: int = MOST_KEPT) -> int:
        """Remove what was used longest ago, where more is kept than may be; tells how many bytes."""
        found = []
        for file in self._folder.glob("*/*/*.webp"):
            with suppress(OSError):
                stat = file.stat()
                found.append((max(stat.st_atime, stat.st_mtime), stat.st_size, file))
        left, freed = sum(size for _, size, _ in found), 0
        for _, size, file in sorted(found):
            if left - freed <= most:
                break
            with suppress(OSError):
                file.unlink()
                freed += size
        return freed

    def close(self) -> None:
        """Remove what is kept for this process alone."""
        if self._scratch is not None:
            self._scratch.cleanup()

    def _places(self, key: str) -> list[Path]:
        if not KEY.fullmatch(key):
            raise ValueError(f"{key!r} is no key of a picture")
        places = [self._folder / _MADE_BY / key[:2] / f"{key}.webp"]
        return places + ([] if self._scratch is None else [self._scratch.place(f"{key}.webp")])


def _webp(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=_QUALITY, method=2)
    return buffer.getvalue()


def _put(place: Path, content: bytes) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(name).replace(place)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return place
