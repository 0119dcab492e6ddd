"""strip_metadata: nothing in words is left, and no pixel is touched."""

import io
import random
import struct
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps, ImageSequence
from PIL.PngImagePlugin import PngInfo

from study.folder.images import find_images
from study.server.metadata import strip_metadata
from tests.study.samples import encoded, picture

SECRET = "Zebrafinch77"
XMP = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><model>{SECRET}</model></x:xmpmeta>'.encode()
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exif(orientation: int = 1) -> bytes:
    """EXIF as cameras and generators write it, with words in several places."""
    block = Image.Exif()
    block[0x010E] = f"made by {SECRET}"  # ImageDescription
    block[0x0131] = SECRET  # Software
    block[0x0112] = orientation
    block.get_ifd(0x8769)[0x9286] = b"ASCII\x00\x00\x00" + SECRET.encode()  # UserComment
    return block.tobytes()


def words() -> PngInfo:
    info = PngInfo()
    info.add_text("parameters", f"a portrait, Model: {SECRET}")
    info.add_text("workflow", SECRET * 50, zip=True)
    info.add_itxt("Description", SECRET, lang="en", tkey=SECRET)
    info.add_itxt("XML:com.adobe.xmp", XMP.decode())
    return info


def looks(data: bytes) -> list:
    """Everything that is seen: each frame's pixels, as stored and turned upright, and the colour profile."""
    with Image.open(io.BytesIO(data)) as image:
        upright = ImageOps.exif_transpose(image)
        seen = [image.format, image.mode, image.size, image.info.get("icc_profile"), upright.size, upright.tobytes()]
        for frame in ImageSequence.Iterator(image):
            seen += [frame.info.get("duration"), frame.convert("RGBA").tobytes()]
        return seen


def check(data: bytes) -> bytes:
    """Strip a file with words in it, and check all that is promised."""
    assert SECRET.encode() in data or b"zTXt" in data
    stripped = strip_metadata(data)
    assert looks(stripped) == looks(data)
    assert SECRET.encode() not in stripped
    for name in (b"tEXt", b"zTXt", b"iTXt", b"tIME", b"XMP ", b"http://ns.adobe", b"Photoshop"):
        assert name not in stripped
    with Image.open(io.BytesIO(stripped)) as image:
        image.load()
        assert not image.info.keys() & {"parameters", "xmp", "comment", "XML:com.adobe.xmp", "photoshop"}
        assert set(image.getexif()) <= {0x0112}
    assert strip_metadata(stripped) == stripped
    return stripped


def png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def jpeg_segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


# PNG


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "I;16", "LA"])
def test_png_text(mode):
    image = Image.new("I;16", (8, 6), 700) if mode == "I;16" else picture(1).convert(mode)
    check(encoded(image, "PNG", pnginfo=words(), icc_profile=PROFILE if mode.startswith("RGB") else None))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_png_orientation(orientation):
    stripped = check(encoded(picture(1), "PNG", exif=exif(orientation), icc_profile=PROFILE))
    assert (b"eXIf" in stripped) == (orientation != 1)


def test_png_exif_in_a_text_chunk_as_imagemagick_writes_it():
    block = exif(6)
    text = f"\nexif\n{len(block):8}\n{block.hex()}\n"
    info = PngInfo()
    info.add_text("Raw profile type exif", text, zip=True)
    data = encoded(picture(1), "PNG", pnginfo=info)
    assert ImageOps.exif_transpose(Image.open(io.BytesIO(data))).size == (16, 24)
    check(data)


def test_png_private_chunks_time_and_what_comes_after_the_end():
    data = encoded(picture(1), "PNG")
    time_chunk = png_chunk(b"tIME", struct.pack(">HBBBBB", 2024, 5, 1, 12, 0, 0))
    private = png_chunk(b"caBX", SECRET.encode()) + png_chunk(b"prVt", SECRET.encode())
    dirty = data[:33] + time_chunk + private + data[33:] + SECRET.encode() * 3
    assert check(dirty) == data


def test_png_animation():
    frames = [picture(seed) for seed in range(3)]
    check(encoded(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=[10, 20, 30], pnginfo=words()))


def test_png_transparency_gamma_and_resolution_stay():
    data = encoded(picture(1, mode="P"), "PNG", transparency=3, dpi=(300, 300), gamma=0.45, pnginfo=words())
    stripped = check(data)
    assert Image.open(io.BytesIO(stripped)).info["dpi"] == Image.open(io.BytesIO(data)).info["dpi"]


# JPEG


def test_an_application_segment_that_is_not_jfif_goes():
    data = encoded(picture(1), "JPEG")
    dirty = data[:2] + jpeg_segment(0xE0, b"JFXX\x00" + SECRET.encode()) + data[2:]
    assert check(dirty) == strip_metadata(data)


JPEGS = {
    "baseline": {"quality": 80},
    "progressive": {"progressive": True, "quality": 90},
    "restarts": {"restart_marker_blocks": 1},
    "restarts_progressive": {"restart_marker_rows": 1, "progressive": True},
    "no_subsampling": {"subsampling": 0, "optimize": True},
}


@pytest.mark.parametrize("name", JPEGS)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpeg_words(name, mode):
    image = picture(1, 64, 40).convert(mode)
    profile = {"icc_profile": PROFILE} if mode == "RGB" else {}
    check(encoded(image, "JPEG", exif=exif(), xmp=XMP, comment=SECRET, **profile, **JPEGS[name]))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["baseline", "progressive"])
def test_jpeg_orientation(orientation, name):
    stripped = check(encoded(picture(1), "JPEG", exif=exif(orientation), icc_profile=PROFILE, **JPEGS[name]))
    assert (b"Exif" in stripped) == (orientation != 1)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_jpeg_a_profile_in_several_segments_and_other_segments():
    long_profile = PROFILE + bytes(range(256)) * 600  # more than one segment holds
    data = encoded(picture(1), "JPEG", icc_profile=long_profile, dpi=(72, 72))
    photoshop = jpeg_segment(0xED, b"Photoshop 3.0\x00" + SECRET.encode())
    others = b"".join(jpeg_segment(marker, SECRET.encode()) for marker in (0xE2, 0xE3, 0xEA, 0xEB, 0xEE, 0xEF, 0xFE))
    thumbnail = jpeg_segment(0xE1, b"Exif\x00\x00MM\x00*" + encoded(picture(2), "JPEG") + SECRET.encode())
    assert check(data[:20] + photoshop + others + thumbnail + data[20:] + b"after" + SECRET.encode()) == data


def test_jpeg_comments_between_the_scans_of_a_progressive_file():
    data = encoded(picture(1, 64, 64), "JPEG", progressive=True)
    second_scan = data.rindex(b"\xff\xda")
    dirty = data[:second_scan] + jpeg_segment(0xFE, SECRET.encode()) + data[second_scan:]
    assert check(dirty) == data


def test_jpeg_adobe_colours_and_fill_bytes_stay():
    data = encoded(picture(1).convert("CMYK"), "JPEG")
    assert b"Adobe" in data and strip_metadata(data) == data
    tables = data.index(b"\xff\xdb")
    filled = data[:tables] + b"\xff\xff" + data[tables:]
    assert strip_metadata(filled) == filled


# WebP


WEBPS = {"lossy": {"quality": 70}, "lossless": {"lossless": True}, "exact": {"lossless": True, "exact": True}}


@pytest.mark.parametrize("name", WEBPS)
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_webp_words(name, mode):
    data = encoded(picture(1).convert(mode), "WEBP", exif=exif(), xmp=XMP, icc_profile=PROFILE, **WEBPS[name])
    stripped = check(data)
    assert stripped[20] & 0x0C == 0


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", WEBPS)
def test_webp_orientation(orientation, name):
    stripped = check(encoded(picture(1), "WEBP", exif=exif(orientation), xmp=XMP, **WEBPS[name]))
    assert (b"EXIF" in stripped) == (orientation != 1)
    assert int.from_bytes(stripped[4:8], "little") == len(stripped) - 8


def test_webp_animation():
    frames = [picture(seed) for seed in range(3)]
    options = {"save_all": True, "append_images": frames[1:], "duration": [10, 20, 30], "lossless": True}
    check(encoded(frames[0], "WEBP", exif=exif(1), xmp=XMP, **options))


def test_webp_unknown_chunks_within_a_frame():
    data = encoded(picture(1), "WEBP", save_all=True, append_images=[picture(2)], lossless=True)
    start = data.index(b"ANMF")
    end = start + 8 + int.from_bytes(data[start + 4 : start + 8], "little")
    words = b"note" + struct.pack("<I", len(SECRET)) + SECRET.encode()
    frame = b"ANMF" + struct.pack("<I", end - start - 8 + len(words)) + data[start + 8 : end] + words
    body = data[8:start] + frame + data[end:]
    assert check(b"RIFF" + struct.pack("<I", len(body)) + body) == data


def test_png_the_name_of_a_profile():
    data = encoded(picture(1), "PNG", icc_profile=PROFILE)
    start = data.index(b"iCCP") - 4
    length = int.from_bytes(data[start : start + 4], "big")
    content = data[start + 8 : start + 8 + length].replace(b"ICC Profile", SECRET.encode(), 1)
    chunk = b"iCCP" + content
    named = struct.pack(">I", len(content)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    assert check(data[:start] + named + data[start + 12 + length :]) == data


def test_webp_unknown_chunks_and_what_comes_after_the_end():
    data = encoded(picture(1), "WEBP", icc_profile=PROFILE)
    chunk = b"C2PA" + struct.pack("<I", len(SECRET)) + SECRET.encode()
    dirty = b"RIFF" + struct.pack("<I", len(data) - 8 + len(chunk)) + data[8:] + chunk
    assert check(dirty + SECRET.encode()) == data


# clean, broken and real files


CLEAN = {
    "png": encoded(picture(1), "PNG", icc_profile=PROFILE),
    "palette": encoded(picture(1, mode="P"), "PNG"),
    "interlaced_animation": encoded(picture(1), "PNG", save_all=True, append_images=[picture(2)]),
    "webp": encoded(picture(1), "WEBP"),
    "webp_profile": encoded(picture(1, mode="RGBA"), "WEBP", icc_profile=PROFILE),
    "webp_animation": encoded(picture(1), "WEBP", save_all=True, append_images=[picture(2)]),
    **{name: encoded(picture(1), "JPEG", icc_profile=PROFILE, **options) for name, options in JPEGS.items()},
}


@pytest.mark.parametrize("name", CLEAN)
def test_clean_files_come_back_as_they_are(name):
    data = CLEAN[name]
    assert strip_metadata(data) is data


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\x89PNG", b"RIFF\x00\x00\x00\x00WAVE", b"<svg/>"])
def test_other_files_are_refused(data):
    with pytest.raises(ValueError, match="neither a PNG nor a JPEG nor a WebP"):
        strip_metadata(data)


DIRTY = {
    "png": encoded(picture(1), "PNG", pnginfo=words(), exif=exif(6)),
    "jpeg": encoded(picture(1), "JPEG", exif=exif(6), xmp=XMP, comment=SECRET),
    "webp": encoded(picture(1), "WEBP", exif=exif(6), xmp=XMP),
}


@pytest.mark.parametrize("data", [*CLEAN.values(), *DIRTY.values()])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_truncated_files_end(data):
    for length in range(12, len(data), max(1, len(data) // 150)):
        began = time.monotonic()
        assert len(strip_metadata(data[:length])) <= length + 64
        assert time.monotonic() - began < 1


@given(st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"\xff\xd8\xff", b"RIFF\xff\xff\xff\xffWEBP"]), st.binary())
def test_noise_behind_a_signature_ends(signature, noise):
    strip_metadata(signature + noise)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_spoiled_files_with_words_never_raise():
    rng = random.Random(0)
    for _ in range(1500):
        data = bytearray(rng.choice(list(DIRTY.values())))
        for _ in range(rng.choice((1, 3))):
            data[rng.randrange(12, rng.choice((200, len(data))))] = rng.choice((0, 255, rng.randrange(256)))
        strip_metadata(bytes(data))


def test_long_runs_of_marker_bytes_take_no_time():
    began = time.monotonic()
    for filler in (b"\xff" * 1_000_000, b"\xff\x00" * 500_000, b"\xff\xd0" * 500_000, b"\x00" * 1_000_000):
        strip_metadata(b"\xff\xd8" + filler)
        strip_metadata(b"\xff\xd8\xff\xda\x00\x02" + filler)
    assert time.monotonic() - began < 10


def test_real_images_keep_their_pixels(shared):
    folders = ("faces", "clip_reference/images", "avt_ai_images/images")
    paths = [path for name in folders for path in find_images(shared / "data" / name)]
    assert len(paths) == 11 + 7 + 145
    for path in paths:
        data = path.read_bytes()
        stripped = strip_metadata(data)
        assert looks(stripped) == looks(data), path
        with Image.open(io.BytesIO(stripped)) as image:
            assert set(image.getexif()) <= {0x0112} and not image.info.keys() & {"xmp", "comment", "photoshop"}
