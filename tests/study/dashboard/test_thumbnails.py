"""Small pictures: of the right size, without words, made once, and never of another picture."""

import hashlib
import io
import os
import threading

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from metrics.engine.images import UnreadableImage
from study.dashboard import thumbnails
from study.dashboard.thumbnails import SIDE, Thumbnails, key_of, missing_picture, thumbnail


def encoded(image, kind="PNG", **more):
    buffer = io.BytesIO()
    image.save(buffer, kind, **more)
    return buffer.getvalue()


def opened(data):
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize(
    ("size", "small"),
    [((640, 320), (160, 80)), ((100, 40), (100, 40)), ((3000, 2), (160, 1)), ((1, 5000), (1, 160)), ((1, 1), (1, 1))],
)
def test_it_fits_the_square_and_is_never_larger_than_the_image(size, small):
    found = opened(thumbnail(encoded(Image.new("RGB", size, "teal"))))
    assert (found.format, found.size) == ("WEBP", small)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "I;16", "1"])
def test_every_kind_of_pixels(mode):
    kind = "JPEG" if mode == "CMYK" else "PNG"
    assert opened(thumbnail(encoded(Image.new(mode, (200, 100)), kind))).size == (160, 80)


def test_transparent_pixels_are_laid_over_white():
    clear = thumbnail(encoded(Image.new("RGBA", (8, 8), (255, 0, 0, 0))))
    assert min(opened(clear).convert("RGB").getpixel((4, 4))) > 250


def test_it_stands_upright_and_holds_no_words():
    words = PngInfo()
    words.add_text("parameters", "Model: Zebrafinch77")
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = thumbnail(encoded(Image.new("RGB", (320, 160)), "JPEG", exif=exif))
    assert opened(turned).size == (80, 160)
    assert b"Zebrafinch77" not in thumbnail(encoded(Image.new("RGB", (9, 9)), pnginfo=words))


def test_of_an_animation_the_first_frame_counts():
    frames = [Image.new("RGB", (320, 320), colour) for colour in ("white", "black")]
    found = thumbnail(encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:]))
    assert min(opened(found).convert("RGB").getpixel((80, 80))) > 250


@pytest.mark.parametrize(
    "data", [b"", b"no image", b"\x89PNG\r\n\x1a\n" + b"x" * 50, b"RIFF....WEBPVP8 ", b"\xff\xd8\xff"]
)
def test_what_is_no_image_is_unreadable(data):
    with pytest.raises(UnreadableImage):
        thumbnail(data)


def test_a_picture_that_is_cut_off_or_too_large_is_unreadable():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    with pytest.raises(UnreadableImage):
        thumbnail(encoded(Image.fromarray(noise))[:-2000])
    with pytest.raises(UnreadableImage, match="more than 100,000,000"):
        thumbnail(encoded(Image.new("1", (20_000, 10_000))))


@pytest.fixture
def kept(tmp_path):
    return Thumbnails(tmp_path / "small")


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded(Image.new("RGB", (320, 160), "navy")))
    return path


def test_it_is_made_once_also_for_the_same_picture_elsewhere(kept, photo, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(thumbnails, "thumbnail", lambda data: made.append(1) or thumbnail(data))
    digest = hashlib.sha256(photo.read_bytes()).hexdigest()
    copy = tmp_path / "copy.png"
    copy.write_bytes(photo.read_bytes())
    first = kept.get(key_of(photo, digest), photo)
    assert kept.get(key_of(copy, digest), copy) == first
    assert Thumbnails(tmp_path / "small").get(key_of(photo, digest), photo) == first
    assert made == [1]
    assert opened(first.read_bytes()).size == (160, 80)


def test_another_picture_has_another_key_and_never_stands_under_the_old_one(kept, photo):
    by_place, by_content = key_of(photo), key_of(photo, hashlib.sha256(photo.read_bytes()).hexdigest())
    photo.write_bytes(encoded(Image.new("RGB", (160, 320), "red")))
    os.utime(photo, ns=(1, 1))
    assert key_of(photo) != by_place
    assert kept.get(by_content, photo) is None and kept.get(by_place, photo) is None
    assert opened(kept.get(key_of(photo), photo).read_bytes()).size == (80, 160)


def test_a_file_that_is_gone_or_damaged_has_none_and_is_tried_again(kept, photo):
    good = photo.read_bytes()
    photo.write_bytes(good[:60])
    assert kept.get(key_of(photo), photo) is None
    photo.unlink()
    assert kept.get(key_of(photo), photo) is None
    photo.write_bytes(good)
    assert kept.get(key_of(photo), photo) is not None


@pytest.mark.parametrize("key", ["", "..", "../../etc/passwd", "A" * 32, "0" * 31, "0" * 33, "0" * 31 + "\n"])
def test_only_keys_name_files(kept, photo, key):
    with pytest.raises(ValueError, match="no key"):
        kept.get(key, photo)


def test_a_folder_that_cannot_be_written_is_replaced_by_a_temporary_one(tmp_path, photo):
    (tmp_path / "file").write_text("in the way")
    kept = Thumbnails(tmp_path / "file" / "small")
    found = kept.get(key_of(photo), photo)
    assert found.is_file() and kept.find(key_of(photo)) == found
    kept.close()
    assert not found.exists()


def test_many_threads_make_the_same_without_a_half_written_file(kept, photo):
    seen, key = [], key_of(photo)
    threads = [threading.Thread(target=lambda: seen.append(kept.get(key, photo).read_bytes())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 16 and {opened(each).size for each in seen} == {(160, 80)}
    assert not list(kept._folder.rglob("*.tmp"))


def test_what_was_used_longest_ago_goes_first(kept, photo):
    files = [kept.keep(f"{number:032x}", b"x" * 1000) for number in range(10)]
    for age, file in enumerate(files):
        os.utime(file, (age, age))
    assert kept.sweep(most=3500) == 7000
    assert [file.exists() for file in files] == [False] * 7 + [True] * 3


def test_a_crossed_square_stands_for_what_cannot_be_shown():
    assert opened(missing_picture()).size == (SIDE, SIDE)
