"""Reading image files: every mode and oddity that a folder of generated images and photos may hold."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from metrics.engine.image_folders import images_below
from metrics.engine.images import (
    ImageSource,
    PairSource,
    TextSource,
    UnreadableImage,
    decode_image,
    pixels,
    read_image,
)
from metrics.errors import InputError
from tests.metrics.pictures import noise


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_rgb_comes_back_as_it_was(kind):
    image = noise(1)
    np.testing.assert_array_equal(pixels(decode_image(encoded(image, kind))), pixels(image))


def test_grey_becomes_three_equal_channels():
    grey = noise(2).convert("L")
    found = pixels(decode_image(encoded(grey, "PNG")))
    assert (found == np.asarray(grey)[:, :, None]).all()


def test_sixteen_bit_greys_are_scaled_and_not_clipped():
    values = np.array([[0, 257, 32768, 65535]], dtype=np.uint16)
    found = pixels(decode_image(encoded(Image.fromarray(values), "PNG")))
    assert found[0, :, 0].tolist() == [0, 1, 128, 255]


def test_cmyk_is_converted():
    red = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    found = pixels(decode_image(encoded(red, "JPEG", quality=95)))
    assert found.shape == (8, 8, 3) and found[4, 4, 0] > 240 and found[4, 4, 1:].max() < 15


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_lies_over_white(mode):
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 0)).convert(mode) if mode != "P" else Image.new("P", (4, 4), 0)
    options = {"transparency": 0} if mode == "P" else {}
    assert (pixels(decode_image(encoded(image, "PNG", **options))) == 255).all()


def test_half_transparent_red_over_white_is_pink():
    found = decode_image(encoded(Image.new("RGBA", (1, 1), (255, 0, 0, 128)), "PNG")).getpixel((0, 0))
    assert found == (255, 127, 127)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_counts(kind):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert decode_image(data).getpixel((3, 3)) == (255, 0, 0)


@given(st.integers(1, 8))
def test_an_image_turned_by_exif_is_upright(orientation):
    upright = Image.new("RGB", (16, 8), "white")
    upright.paste("black", (0, 0, 8, 4))
    undo = {
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }
    stored = upright
    for step in undo.get(orientation, []):
        stored = stored.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = decode_image(encoded(stored, "PNG", exif=exif))
    np.testing.assert_array_equal(pixels(found), pixels(upright))


def test_the_content_decides_and_not_the_name(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(noise(3), "JPEG"))
    assert read_image(tmp_path / "a.png").size == (48, 32)


@pytest.mark.parametrize(
    "data",
    [b"", b"not an image", encoded(noise(4), "PNG")[:-200], encoded(noise(4, (64, 64)), "JPEG")[:900], b"GIF89a"],
)
def test_what_cannot_be_decoded_in_full_is_refused(data):
    with pytest.raises(UnreadableImage, match="cannot be decoded"):
        decode_image(data)


def test_a_huge_image_is_refused_before_it_is_decoded():
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    with pytest.raises(UnreadableImage, match="pixels"):
        decode_image(data)


def test_floating_point_pixels_are_refused():
    image = Image.fromarray(np.ones((4, 4), dtype=np.float32))
    with pytest.raises(UnreadableImage, match="floating-point"):
        decode_image(encoded(image, "TIFF"))


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(UnreadableImage, match="cannot be read"):
        ImageSource.of(tmp_path / "gone.png")
    with pytest.raises(UnreadableImage, match="cannot be read"):
        read_image(tmp_path)


def test_keys_follow_the_content(tmp_path):
    noise(5).save(tmp_path / "a.png")
    noise(5).save(tmp_path / "b.png")
    noise(6).save(tmp_path / "c.png")
    a, b, c = (ImageSource.of(tmp_path / f"{name}.png") for name in "abc")
    assert a.key == b.key != c.key
    assert PairSource(a, c).key not in (PairSource(c, a).key, a.key, c.key)
    assert TextSource("x").key != TextSource("y").key


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "WEBP", "PNG", "GIF", "BMP"])
@settings(deadline=None)
@given(st.integers(0, 10**9), st.integers(0, 255))
def test_damage_anywhere_is_an_unreadable_image_or_none(kind, place, value):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = bytearray(encoded(noise(3, (16, 16)), kind, **({} if kind in ("GIF", "BMP") else {"exif": exif})))
    data[place % len(data)] = value
    try:
        decode_image(bytes(data))
    except UnreadableImage as error:
        assert str(error)


def test_a_damaged_tag_beside_the_orientation_does_no_harm():
    entries = [(0x0112, 3, 1, struct.pack("<HH", 6, 0)), (0x011A, 2, 3, b"72\0\0")]  # a resolution in letters
    fields = b"".join(struct.pack("<HHI", *entry[:3]) + entry[3] for entry in entries)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(entries)) + fields + bytes(4)
    data = encoded(noise(3), "JPEG", exif=exif)
    with pytest.raises(TypeError):
        ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    assert decode_image(data).size == (32, 48)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_exif_that_is_no_exif_does_no_harm(kind):
    assert decode_image(encoded(noise(3), kind, exif=b"Exif\0\0no TIFF at all")).size == (48, 32)


def test_whatever_a_decoder_raises_is_an_unreadable_image(monkeypatch):
    def load(image):
        raise TypeError("an offset that is no number")

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", load)
    with pytest.raises(UnreadableImage, match=r"cannot be decoded .*an offset"):
        decode_image(encoded(noise(3), "PNG"))


@pytest.mark.parametrize("name", [b"a\nb.png", b"a\xffb.png", b"a\x1bb.png"])
def test_names_that_no_table_can_hold_are_refused(tmp_path, name):
    (tmp_path / os.fsdecode(name)).touch()
    (tmp_path / "an\tother.png").touch()
    with pytest.raises(InputError, match=r"b\.png'.*: a control character, or bytes .*; rename\.") as raised:
        images_below(tmp_path)
    assert "an\\tother.png'" in str(raised.value)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0heic", "HEIC"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1", "AVIF"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\xff\x0a\xfa\x7f", "JPEG XL"),
    ],
)
def test_kinds_that_are_not_read_are_named(data, kind):
    with pytest.raises(UnreadableImage, match=f"it is {kind}, which is not read; convert it to PNG"):
        decode_image(data)
    with pytest.raises(UnreadableImage, match="no image of a known kind"):
        decode_image(b"\0\0\0\x18ftypmp42\0\0\0\0")
