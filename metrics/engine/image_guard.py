"""Opening an image so that what it says in words costs neither time nor memory.

Image files hold more than pixels, and Pillow reads some of it whenever a file is opened. A few hundred kilobytes can be
made to cost it gigabytes (65,535 EXIF tags that all name the same megabyte) or minutes (a GIF's comment in blocks of
255 bytes). Honest files come nowhere near the limits here.
"""

import io
import re
import struct
from collections.abc import Iterator
from typing import Any

from PIL import ExifTags, Image, JpegImagePlugin

MOST_EXIF = 4_000_000
_MOST_SEGMENTS = 100  # of EXIF in a JPEG; one is usual
_MOST_GIF_WORDS = 1_000_000
_MOST_STRIPS = 2_000_000  # or tiles of a TIFF
_STRIPS = {273, 279, 324, 325}
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}  # of TIFF's types


class CostlyMetadata(ValueError):
    """Metadata made to cost memory or time."""


def open_image(data: bytes, formats: tuple[str, ...]) -> Image.Image:
    """As `PIL.Image.open`: the header is read, and no pixel.

    Parameters
    ----------
    data : bytes
        The file.
    formats : tuple of str
        Those of Pillow's that are taken; of JPEG's several pictures (MPO) the first.

    Raises
    ------
    CostlyMetadata
        Where opening would take far more memory or time than the file's size explains.
    Exception
        Whatever Pillow raises where the file is no image.

    Examples
    --------
    >>> buffer = io.BytesIO()
    >>> Image.new("RGB", (2, 1)).save(buffer, "JPEG")
    >>> open_image(buffer.getvalue(), ("JPEG",)).size
    (2, 1)
    """
    if data.startswith(b"\xff\xd8\xff") and "JPEG" in formats:
        if sum(1 for _ in re.finditer(rb"\xff\xe1..Exif\x00\x00", data, re.DOTALL)) > _MOST_SEGMENTS:
            raise CostlyMetadata(f"has more than {_MOST_SEGMENTS} blocks of EXIF")
        return _Jpeg(io.BytesIO(data))
    if data.startswith((b"II", b"MM")):
        refuse_costly_tags(data)
    if data.startswith(b"GIF8") and _gif_words(data) > _MOST_GIF_WORDS:
        raise CostlyMetadata(f"has a comment of more than {_MOST_GIF_WORDS / 1e6:.0f} MB")
    return Image.open(io.BytesIO(data), formats=formats)


def orientation(image: Image.Image) -> Any:
    """EXIF's orientation of an opened image, 1 where it stands upright; damaged EXIF turns nothing."""
    try:
        if image.format == "PNG" and "exif" not in image.info:
            image.load()  # it may follow the pixels
        _refuse_costly_exif(image)
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # Pillow raises anything where EXIF is damaged in its own way; the pixels are there
        return 1


def refuse_costly_tags(block: bytes) -> None:
    r"""Raise `CostlyMetadata` for TIFF's tags that name more bytes than there are, several times over.

    Parameters
    ----------
    block : bytes
        A TIFF file, or EXIF without the letters before it.

    Examples
    --------
    >>> shared = b"".join(struct.pack("<HHII", tag, 1, 10**6, 8) for tag in range(9))
    >>> refuse_costly_tags(b"II*\0" + struct.pack("<IH", 8, 9) + shared + bytes(10**6))
    Traceback (most recent call last):
    metrics.engine.image_guard.CostlyMetadata: has tags that name the same bytes over and over
    """
    total = 0
    for tag, count, size in _tags(block):
        total += size
        if tag in _STRIPS and count > _MOST_STRIPS:
            raise CostlyMetadata(f"has more than {_MOST_STRIPS:,} strips or tiles")
        if total > 2 * len(block) + 2**20:
            raise CostlyMetadata("has tags that name the same bytes over and over")


class _Jpeg(JpegImagePlugin.JpegImageFile):
    """A JPEG that looks into its EXIF only where that is cheap."""

    def getexif(self) -> Image.Exif:
        _refuse_costly_exif(self)
        return super().getexif()


def _refuse_costly_exif(image: Image.Image) -> None:
    block = image.info.get("exif")
    if block is None and "Raw profile type exif" in image.info:
        block = bytes.fromhex("".join(image.info["Raw profile type exif"].split("\n")[3:]))
    if block is None:
        return
    if len(block) > MOST_EXIF:
        raise CostlyMetadata(f"has more than {MOST_EXIF / 1e6:.0f} MB of EXIF")
    while block.startswith(b"Exif\x00\x00"):
        block = block[6:]
    refuse_costly_tags(block)


def _tags(block: bytes) -> Iterator[tuple[int, int, int]]:
    """Tag, count and bytes of the first directory's entries, as Pillow reads them: to the first that is cut off."""
    end = ">" if block.startswith(b"MM") else "<"
    is_big = block[2:3] == b"+"
    entry, number, place = (f"{end}HHQQ", f"{end}Q", 8) if is_big else (f"{end}HHII", f"{end}H", 4)
    try:
        (start,) = struct.unpack_from(f"{end}Q" if is_big else f"{end}I", block, place)
        (count,) = struct.unpack_from(number, block, start)
        start += struct.calcsize(number)
        inside = struct.calcsize(entry[-1])
        for at in range(start, start + count * struct.calcsize(entry), struct.calcsize(entry)):
            tag, kind, values, offset = struct.unpack_from(entry, block, at)
            size = values * _SIZES.get(kind, 0)
            if size > inside and offset + size > len(block):
                return
            yield tag, values, size if size > inside else 0
    except struct.error:  # cut off
        return


def _gif_words(data: bytes) -> int:
    """How many bytes of extensions stand before a GIF's first picture."""
    at = 13 + (3 * 2 ** ((data[10] & 7) + 1) if len(data) > 10 and data[10] & 0x80 else 0)
    words = 0
    while at < len(data) and data[at] not in b",;" and words <= _MOST_GIF_WORDS:
        if data[at] != 0x21:  # Pillow passes over what is nothing
            at, words = at + 1, words + 1
            continue
        at += 2
        while at < len(data) and data[at] and words <= _MOST_GIF_WORDS:
            words += data[at]
            at += 1 + data[at]
        at += 1
    return words
