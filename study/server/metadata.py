"""Removing what an image file says in words, without touching a pixel.

Generators write the model's name, the prompt and the settings into their files (PNG text chunks, EXIF, XMP,
comments), and a rater's browser must not receive them. Pixels, colour profile and orientation stay; a file without
such words comes back byte for byte.
"""

import struct
import zlib
from collections.abc import Iterator

from metrics.engine.image_guard import open_image, orientation
from metrics.engine.images import MOST_PIXELS

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = {
    *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV", b"cLLI"),
    *(b"sBIT", b"bKGD", b"pHYs", b"acTL", b"fcTL", b"fdAT"),
}
_WEBP_KEPT = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"}
_FRAME_KEPT = {b"VP8 ", b"VP8L", b"ALPH"}
_ORIENTATION = 0x0112


def strip_metadata(data: bytes) -> bytes:
    """The same image without words.

    Parameters
    ----------
    data : bytes
        A PNG, JPEG or WebP file.

    Returns
    -------
    bytes
        A file with the same pixels, colour profile and orientation; `data` itself where there is nothing to remove.

    Raises
    ------
    ValueError
        For a file that is none of the three.

    Examples
    --------
    >>> import io
    >>> from PIL import Image
    >>> from PIL.PngImagePlugin import PngInfo
    >>> words = PngInfo()
    >>> words.add_text("parameters", "Model: secret")
    >>> buffer = io.BytesIO()
    >>> Image.new("RGB", (2, 2)).save(buffer, "PNG", pnginfo=words)
    >>> b"secret" in buffer.getvalue(), b"secret" in strip_metadata(buffer.getvalue())
    (True, False)
    """
    if data.startswith(_PNG_SIGNATURE):
        return _strip_png(data)
    if data.startswith(b"\xff\xd8"):
        return _strip_jpeg(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _strip_webp(data)
    raise ValueError("neither a PNG nor a JPEG nor a WebP file")


def _strip_png(data: bytes) -> bytes:
    kept = [_PNG_SIGNATURE]
    position = len(_PNG_SIGNATURE)
    may_be_turned = False
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        name = data[position + 4 : position + 8]
        if name == b"iCCP":
            kept.append(_nameless_profile(data[position : position + 12 + length]))
        elif name in _PNG_KEPT:
            kept.append(data[position : position + 12 + length])
        elif name == b"eXIf" or data.startswith((b"Raw profile type", b"XML:com.adobe.xmp"), position + 8):
            may_be_turned = True
        position += 12 + length
        if name == b"IEND":
            break
    else:
        kept.append(data[position:])  # a file cut off within a chunk's head
    orientation = _orientation(data) if may_be_turned else None
    if orientation is not None:
        kept.insert(2, _png_chunk(b"eXIf", orientation))  # after IHDR
    stripped = b"".join(kept)
    return data if stripped == data else stripped


def _nameless_profile(chunk: bytes) -> bytes:
    """A PNG's colour profile under a name that says nothing."""
    name, found, rest = chunk[8:-4].partition(b"\x00")
    return _png_chunk(b"iCCP", b"ICC Profile\x00" + rest) if found and name != b"ICC Profile" else chunk


def _png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _strip_jpeg(data: bytes) -> bytes:
    kept = [b"\xff\xd8"]
    exif_place = 1
    may_be_turned = False
    for marker, segment in _jpeg_segments(data):
        is_profile = marker == 0xE2 and segment[4:].startswith(b"ICC_PROFILE\x00")
        is_jfif = marker == 0xE0 and segment[4:].startswith(b"JFIF\x00")
        is_adobe = marker == 0xEE and segment[4:].startswith(b"Adobe")
        if not (0xE0 <= marker <= 0xEF or marker == 0xFE) or is_profile or is_jfif or is_adobe:
            kept.append(segment)
        may_be_turned |= marker == 0xE1
        if is_jfif:
            exif_place = len(kept)
    orientation = _orientation(data) if may_be_turned else None
    if orientation is not None:
        content = b"Exif\x00\x00" + orientation
        kept.insert(exif_place, b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content)
    stripped = b"".join(kept)
    return data if stripped == data else stripped


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and bytes of each segment after SOI; a scan's data goes with its SOS. What lies between is left out."""
    position = 2
    while (start := data.find(b"\xff", position)) >= 0:
        code = start + 1
        while data[code : code + 1] == b"\xff":  # fill bytes
            code += 1
        if code == len(data):
            return
        marker = data[code]
        if marker == 0xD9:
            yield marker, data[start : code + 1]
            return
        if marker <= 0x01 or 0xD0 <= marker <= 0xD8:  # markers without a length, which stand for nothing here
            position = code + 1
            continue
        end = code + 1 + int.from_bytes(data[code + 1 : code + 3], "big")
        if marker == 0xDA:
            end = _scan_end(data, end)
        yield marker, data[start:end]
        position = end


def _scan_end(data: bytes, position: int) -> int:
    """Where a scan's data ends: before the next marker that is neither a stuffed byte nor a restart."""
    while 0 <= (position := data.find(b"\xff", position)) < len(data) - 1:
        following = data[position + 1]
        if following == 0x00 or 0xD0 <= following <= 0xD7:
            position += 2
        elif following == 0xFF:
            position += 1
        else:
            return position
    return len(data)


def _strip_webp(data: bytes) -> bytes:
    chunks = []
    position, end = 12, min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    may_be_turned = False
    while position + 8 <= end:
        name = data[position : position + 4]
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        if name in _WEBP_KEPT:
            chunk = data[position : min(end, position + 8 + length + length % 2)]
            chunks.append(_plain_frame(chunk) if name == b"ANMF" else chunk)
        may_be_turned |= name in (b"EXIF", b"XMP ")
        position += 8 + length + length % 2
    orientation = _orientation(data) if may_be_turned else None
    if orientation is not None:
        chunks.append(b"EXIF" + struct.pack("<I", len(orientation)) + orientation)
    if chunks and chunks[0].startswith(b"VP8X") and len(chunks[0]) > 8:
        flags = chunks[0][8] & ~0x0C | (0x08 if orientation else 0)  # no EXIF, no XMP, but perhaps an orientation
        chunks[0] = chunks[0][:8] + bytes([flags]) + chunks[0][9:]
    body = b"WEBP" + b"".join(chunks)
    stripped = b"RIFF" + struct.pack("<I", len(body)) + body
    return data if stripped == data else stripped


def _plain_frame(chunk: bytes) -> bytes:
    """A frame of an animated WebP with nothing in it but its picture."""
    kept, position = chunk[8:24], 24
    while position + 8 <= len(chunk):
        length = int.from_bytes(chunk[position + 4 : position + 8], "little")
        end = position + 8 + length + length % 2
        if chunk[position : position + 4] in _FRAME_KEPT:
            kept += chunk[position:end]
        position = end
    return chunk if len(kept) == len(chunk) - 8 else b"ANMF" + struct.pack("<I", len(kept)) + kept


def _orientation(data: bytes) -> bytes | None:
    """A minimal EXIF block (TIFF form) that holds the orientation alone; None where the image stands upright."""
    try:
        with open_image(data, ("PNG", "JPEG", "WEBP")) as image:
            value = orientation(image) if image.width * image.height <= MOST_PIXELS else 1
    except Exception:  # as in `metrics.engine.images`: a decoder raises anything; no EXIF that anybody could read
        return None
    if not isinstance(value, int) or not 2 <= value <= 8:
        return None
    return struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, _ORIENTATION, 3, 1, value, 0, 0)
