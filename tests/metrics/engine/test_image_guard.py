"""Image files that are made to stop a program: small on the disk, gigabytes or minutes in the reading."""

import io
import struct
import tracemalloc
import zlib

import pytest
from PIL import Image

from metrics.engine.image_guard import open_image, orientation, refuse_costly_tags
from metrics.engine.images import ImageSource, UnreadableImage, decode_image, read_image
from tests.effort import effort
from tests.metrics import hostile_images as hostile
from tests.metrics.pictures import noise

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP")
WORDS = "Raw profile type exif"


def peak_of(call, *arguments) -> float:
    """The megabytes that Python held at most."""
    tracemalloc.start()
    try:
        call(*arguments)
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def raw_profile(block: bytes) -> bytes:
    """A PNG's text chunk with EXIF as ImageMagick writes it."""
    text = f"\nexif\n{len(block):8}\n{block.hex()}\n".encode()
    return hostile.chunk(b"zTXt", WORDS.encode() + b"\0\0" + zlib.compress(text))


BOMB = hostile.tag_bomb()
BOMBS = {
    "jpeg": hostile.jpeg(BOMB),
    "png": hostile.png(hostile.chunk(b"eXIf", BOMB)),
    "png-words": hostile.png(raw_profile(BOMB)),
    "webp": hostile.encoded(Image.new("RGB", (8, 8)), "WEBP", exif=b"Exif\0\0" + BOMB),
}


@pytest.mark.parametrize("name", BOMBS)
def test_exif_that_names_the_same_bytes_over_and_over_turns_nothing(name):
    assert len(BOMBS[name]) < 100_000
    assert peak_of(decode_image, BOMBS[name]) < 50
    assert decode_image(BOMBS[name]).size == (8, 8)


def test_a_tiff_whose_tags_name_the_same_bytes_over_and_over_is_refused():
    def refused():
        with pytest.raises(UnreadableImage, match="the same bytes over and over"):
            decode_image(BOMB)

    assert peak_of(refused) < 50


def test_a_tiff_of_millions_of_strips_is_refused():
    count = 2_500_000
    entries = [(256, 3, 1, 8), (257, 4, 1, count), (273, 4, count, 64), (278, 3, 1, 1), (279, 4, count, 64)]
    fields = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    data = (b"II*\0" + struct.pack("<IH", 8, len(entries)) + fields).ljust(2 * 4 * count, b"\0")
    with pytest.raises(UnreadableImage, match="more than 2,000,000 strips"):
        decode_image(data)


@pytest.mark.parametrize("is_big", [False, True])
@pytest.mark.parametrize("end", "<>")
def test_tags_of_every_form_of_tiff_are_counted(is_big, end):
    entry, number = ("HHQQ", "Q") if is_big else ("HHII", "H")
    head = (b"II" if end == "<" else b"MM") + struct.pack(f"{end}H", 43 if is_big else 42)
    head = head[:2] + (b"+\0" if is_big else head[2:])  # Pillow's own test of BigTIFF looks at the third byte
    start = 16 if is_big else 8
    head += struct.pack(f"{end}HHQ", 8, 0, start) if is_big else struct.pack(f"{end}I", start)
    for tags, fits in ((1, True), (50, False)):
        fields = b"".join(struct.pack(end + entry, tag, 7, 10**6, start) for tag in range(tags))
        block = head + struct.pack(end + number, tags) + fields + bytes(10**6)
        if fits:
            refuse_costly_tags(block)
        else:
            with pytest.raises(ValueError, match="over and over"):
                refuse_costly_tags(block)


def test_honest_exif_is_read_as_pillow_reads_it():
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x9286] = "words " * 5000
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        data = hostile.encoded(noise(1), kind, exif=exif)
        with open_image(data, FORMATS) as image:
            assert orientation(image) == 6
        assert decode_image(data).size == (32, 48)
    assert decode_image(hostile.png(raw_profile(exif.tobytes()[6:]))).size == (8, 8)


def test_a_jpeg_of_several_pictures_shows_its_first():
    buffer = io.BytesIO()
    noise(1, (64, 64)).save(buffer, "MPO", save_all=True, append_images=[noise(2, (64, 64))])
    with Image.open(io.BytesIO(buffer.getvalue())) as first:
        assert first.n_frames == 2
        assert decode_image(buffer.getvalue()).tobytes() == first.tobytes()


def test_exif_in_hundreds_of_blocks_is_refused():
    with pytest.raises(UnreadableImage, match="blocks of EXIF"):
        decode_image(hostile.jpeg(bytes(65000 * 110)))


def test_a_long_comment_of_a_gif_costs_no_minutes():
    def refuse():
        with pytest.raises(UnreadableImage, match="comment"):
            decode_image(hostile.gif(80_000))
        with pytest.raises(UnreadableImage):
            decode_image(hostile.gif(0)[:13] + bytes(3_000_000))

    assert effort(refuse) < 30_000
    assert decode_image(hostile.gif(1000)).size == (8, 8)


@pytest.mark.parametrize("kind", [b"iCCP", b"zTXt", b"iTXt"])
def test_words_that_swell_when_unpacked_are_not_unpacked(kind):
    packed = zlib.compress(bytes(200_000_000), 9)
    body = b"x\0\1\0\0\0" + packed if kind == b"iTXt" else b"x\0\0" + packed

    def read():
        with pytest.raises(UnreadableImage, match="cannot be decoded"):
            decode_image(hostile.png(hostile.chunk(kind, body)))

    assert peak_of(read) < 50


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "JPEG"])
def test_a_header_that_claims_billions_of_pixels_is_refused(kind):
    with pytest.raises(UnreadableImage, match="pixels"):
        decode_image(hostile.huge(kind))


def test_of_thousands_of_frames_the_first_is_read():
    for kind in ("PNG", "WEBP", "GIF"):
        assert decode_image(hostile.animation(kind, 1200)).getpixel((1, 1))[0] < 20


def test_a_file_that_is_too_large_or_none_is_not_read(tmp_path):
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    with (tmp_path / "large.png").open("wb") as file:
        file.truncate(2**40)
    for name, why in (("zero.png", "a device"), ("large.png", "larger than 400 MB")):
        for read in (read_image, ImageSource.of):
            with pytest.raises(UnreadableImage, match=why):
                read(tmp_path / name)
