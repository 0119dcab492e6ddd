"""Small image files that are made to cost a reader gigabytes or minutes."""

import io
import struct
import zlib

from PIL import Image


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def tag_bomb(tags: int = 5000, size: int = 3000) -> bytes:
    """TIFF's tags, each of which names the same bytes: 60 kB that come to 300 MB."""
    length = 8 + 2 + 12 * tags + 4 + size
    entries = b"".join(struct.pack("<HHII", 0x9000 + tag, 1, length - 8, 8) for tag in range(tags))
    return b"II*\0" + struct.pack("<IH", 8, tags) + entries + bytes(4 + size)


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(*chunks: bytes, size: tuple[int, int] = (8, 8)) -> bytes:
    """A PNG with chunks before its pixels."""
    data = encoded(Image.new("RGB", size), "PNG")
    place = data.index(b"IDAT") - 4
    return data[:place] + b"".join(chunks) + data[place:]


def jpeg(block: bytes) -> bytes:
    """A JPEG with EXIF in as many segments as it takes, and no resolution but EXIF's."""
    data = encoded(Image.new("RGB", (8, 8)), "JPEG")
    segments = b""
    for start in range(0, len(block), 65000):
        body = b"Exif\0\0" + block[start : start + 65000]
        segments += b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    (head,) = struct.unpack(">H", data[4:6])
    return data[:2] + segments + data[4 + head :]


def gif(blocks: int) -> bytes:
    """A GIF with a comment of so many blocks, which Pillow joins one by one."""
    data = encoded(Image.new("P", (8, 8)), "GIF")
    place = 13 + (3 * 2 ** ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    return data[:place] + b"\x21\xfe" + (b"\xff" + b"x" * 255) * blocks + b"\0" + data[place:]


def huge(kind: str, side: int = 100_000) -> bytes:
    """A file whose header claims a picture of side x side pixels."""
    if kind == "PNG":
        header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    if kind == "BMP":
        head = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0)
        return b"BM" + struct.pack("<IHHI", 54 + len(head), 0, 0, 54) + head
    if kind == "GIF":
        return (
            b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\0\0\0,\0\0\0\0" + struct.pack("<HHBB", 65535, 65535, 0, 8)
        )
    data = bytearray(encoded(Image.new("RGB", (8, 8)), "JPEG"))
    place = data.index(b"\xff\xc0") + 5
    data[place : place + 4] = struct.pack(">HH", 65000, 65000)
    return bytes(data)


def animation(kind: str, frames: int, size: tuple[int, int] = (4, 4)) -> bytes:
    """An animation of so many frames, no two alike."""
    pictures = [Image.new("RGB", size, (number % 256, number // 256, 0)) for number in range(frames)]
    options = {"lossless": True} if kind == "WEBP" else {}
    return encoded(pictures[0], kind, save_all=True, append_images=pictures[1:], **options)
