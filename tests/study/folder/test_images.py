"""Finding images, and refusing those that would spoil a study, by name."""

import os
import random
import re
import subprocess
from contextlib import closing

import pytest
from PIL import Image, ImageSequence

from metrics.engine import image_folders
from metrics.engine.image_folders import images_below
from metrics.errors import InputError
from study.folder import images as study_images
from study.folder.images import check_images, find_images, read_picture
from tests.metrics import hostile_images as hostile
from tests.study.samples import encoded, picture, plain_study, write_images


def found(folder):
    return [path.relative_to(folder).as_posix() for path in find_images(folder)]


def refused(folder) -> str:
    with pytest.raises(InputError) as raised:
        check_images(find_images(folder), folder)
    return str(raised.value)


def test_recursive_sorted_and_not_hidden(tmp_path):
    names = ["b/2.PNG", "a/x/1.jpeg", "a/0.webp", "z.jpg", "ü ñ 画像/a photo (1).png"]
    write_images(tmp_path, [*names, ".hidden.png", ".cache/1.png", "a/._0.webp", "a/.thumbs/deep/1.png"])
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "prompt.json").write_text("{}")
    assert found(tmp_path) == ["a/0.webp", "a/x/1.jpeg", "b/2.PNG", "z.jpg", "ü ñ 画像/a photo (1).png"]
    check_images(find_images(tmp_path), tmp_path)


def test_a_folder_that_is_missing_a_file_or_without_images(tmp_path):
    with pytest.raises(InputError, match="is not a folder"):
        find_images(tmp_path / "missing")
    (tmp_path / "file.png").write_bytes(encoded(picture(), "PNG"))
    with pytest.raises(InputError, match="is not a folder"):
        find_images(tmp_path / "file.png")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no PNG, JPEG or WebP image"):
        find_images(tmp_path / "empty")


@pytest.mark.parametrize("suffix", ["tif", "TIFF", "bmp", "gif", "heic", "avif", "jfif", "jxl", "svg"])
def test_other_kinds_are_refused_by_name(tmp_path, suffix):
    write_images(tmp_path, ["a.png"])
    (tmp_path / f"portrait.{suffix}").write_bytes(b"anything")
    assert re.match(rf"portrait\.{suffix}: .*convert to PNG", refused(tmp_path))


def test_a_message_names_ten_and_counts_the_rest(tmp_path):
    write_images(tmp_path, ["a.png"])
    for number in range(13):
        (tmp_path / f"{number:02}.gif").write_bytes(b"GIF89a")
    assert re.match(r"00\.gif, .*, 09\.gif and 3 more: not PNG", refused(tmp_path))


def test_the_content_decides_of_which_kind_an_image_is_as_for_score(tmp_path):
    for name, kind in (("photo.heic", "JPEG"), ("scan.tif", "PNG"), ("page.avif", "WEBP")):
        (tmp_path / name).write_bytes(encoded(picture(len(name) + len(kind)), kind))
    check_images(find_images(tmp_path), tmp_path)
    assert found(tmp_path) == [path.name for path in images_below(tmp_path)]


def test_all_that_is_wrong_is_said_at_once(tmp_path):
    write_images(tmp_path, ["good.png", "a\tb.png"])
    (tmp_path / "real.heic").write_bytes(b"....ftypheic")
    (tmp_path / "gif.png").write_bytes(encoded(picture(2), "GIF"))
    (tmp_path / "cut.png").write_bytes(encoded(picture(3), "PNG")[:40])
    assert refused(tmp_path) == (
        "'a\\tb.png': a name with a control character, or with a space at its beginning or end; rename. "
        "gif.png, real.heic: not PNG, JPEG or WebP, which every browser shows; convert to PNG. "
        "cut.png: cannot be decoded; replace or remove."
    )


@pytest.mark.parametrize("name", ["a\nb.png", "a\rb.png", "a\tb.png", "x/ b.png", " x/b.png", "x /b.png"])
def test_names_that_a_table_cannot_hold_are_refused(tmp_path, name):
    write_images(tmp_path, ["good.png", name])
    assert refused(tmp_path).endswith("rename.")


def test_a_name_that_is_not_utf8_is_refused(tmp_path):
    write_images(tmp_path, ["good.png"])
    (tmp_path / os.fsdecode(b"\xff\xfe.png")).write_bytes(encoded(picture(1), "PNG"))
    assert "udcff" in refused(tmp_path)
    refused(tmp_path).encode()


def test_links_are_followed_but_never_in_a_circle(tmp_path):
    write_images(tmp_path / "store", ["blob-1.png", "far/blob-2.png"])
    images = tmp_path / "images"
    images.mkdir()
    (images / "one.png").symlink_to("../store/blob-1.png")
    (images / "model").symlink_to(tmp_path / "store" / "far")
    (images / "again").symlink_to(images)
    assert found(images) == ["model/blob-2.png", "one.png"]
    check_images(find_images(images), images)


def test_a_link_to_nothing_is_refused_by_name(tmp_path):
    write_images(tmp_path, ["good.png"])
    (tmp_path / "gone.png").symlink_to("nowhere.png")
    assert refused(tmp_path) == "gone.png: cannot be decoded; replace or remove."


def test_folders_and_pipes_with_the_names_of_images(tmp_path):
    write_images(tmp_path, ["good.png", "folder.png/inner.png"])
    os.mkfifo(tmp_path / "pipe.png")
    assert found(tmp_path) == ["folder.png/inner.png", "good.png"]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_corrupt_images_are_refused_by_name(tmp_path, kind):
    suffix = kind.lower()
    data = encoded(picture(1, 64, 64), kind)
    (tmp_path / f"good.{suffix}").write_bytes(data)
    (tmp_path / f"cut.{suffix}").write_bytes(data[: len(data) // 2])
    (tmp_path / f"empty.{suffix}").write_bytes(b"")
    (tmp_path / f"head.{suffix}").write_bytes(data[:20])
    (tmp_path / f"text.{suffix}").write_bytes(b"not an image at all")
    (tmp_path / f"gif.{suffix}").write_bytes(encoded(picture(2), "GIF"))
    names = ", ".join(f"{name}.{suffix}" for name in ("cut", "empty", "head", "text"))
    assert refused(tmp_path) == (
        f"gif.{suffix}: not PNG, JPEG or WebP, which every browser shows; convert to PNG. "
        f"{names}: cannot be decoded; replace or remove."
    )


def test_a_kind_under_another_kinds_name_is_fine(tmp_path):
    (tmp_path / "really-png.jpg").write_bytes(encoded(picture(1), "PNG"))
    (tmp_path / "really-webp.png").write_bytes(encoded(picture(2), "WEBP"))
    check_images(find_images(tmp_path), tmp_path)


def test_an_animation_is_decoded_to_its_last_frame(tmp_path):
    frames = [picture(seed, 64, 64) for seed in range(3)]
    data = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    cut = tmp_path / "cut.webp"
    cut.write_bytes(data[: len(data) * 3 // 4])
    assert "cut.webp: cannot be decoded" in refused(tmp_path)


def test_copies_are_refused_with_what_they_copy(tmp_path):
    write_images(tmp_path, ["a.png", "b/1.png", "c.png"])
    for name in ("b/2.png", "z.webp"):
        (tmp_path / name).write_bytes((tmp_path / "a.png").read_bytes())
    (tmp_path / "broken-1.png").write_bytes(b"")
    (tmp_path / "broken-2.png").write_bytes(b"")
    assert refused(tmp_path) == (
        "broken-1.png, broken-2.png: cannot be decoded; replace or remove. "
        "b/2.png (same as a.png), z.webp (same as a.png): byte-identical copies; "
        "remove them, or the same image is rated twice."
    )
    for name in ("broken-1.png", "broken-2.png"):
        (tmp_path / name).unlink()
    check_images(find_images(tmp_path), tmp_path, refuse_copies=False)


def test_the_same_pixels_in_other_bytes_are_no_copy(tmp_path):
    image = picture(1)
    (tmp_path / "a.png").write_bytes(encoded(image, "PNG", compress_level=1))
    (tmp_path / "b.png").write_bytes(encoded(image, "PNG", compress_level=9))
    check_images(find_images(tmp_path), tmp_path)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_spoiled_files_never_raise_anything_else(tmp_path):
    rng = random.Random(0)
    frames = [picture(seed, 32, 32) for seed in range(2)]
    sources = [encoded(frames[0], kind, save_all=True, append_images=frames[1:]) for kind in ("PNG", "WEBP")]
    sources += [encoded(frames[0], "JPEG"), encoded(frames[0], "JPEG", progressive=True)]
    for number in range(600):
        data = bytearray(rng.choice(sources))
        for _ in range(rng.choice((1, 3))):
            data[rng.randrange(rng.choice((64, len(data))))] = rng.choice((0, 255, rng.randrange(256)))
        path = tmp_path / f"{number}.png"
        path.write_bytes(data[: rng.choice((len(data), rng.randrange(len(data))))])
        try:
            check_images([path], tmp_path)
        except InputError:
            continue
        with Image.open(path) as image:  # what passes can be shown
            assert all(frame.convert("RGB").size for frame in ImageSequence.Iterator(image))


def test_real_images_pass(shared):
    for name in ("faces", "clip_reference/images", "avt_ai_images/images"):
        folder = shared / "data" / name
        check_images(find_images(folder), folder)


def test_a_webp_turned_by_exif_is_refused_and_other_kinds_are_not(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    for name, kind in (("turned.webp", "WEBP"), ("turned.jpg", "JPEG"), ("turned.png", "PNG")):
        (tmp_path / name).write_bytes(encoded(picture(len(name)), kind, exif=exif))
    assert refused(tmp_path).startswith("turned.webp: WebP turned by EXIF")
    (tmp_path / "turned.webp").unlink()
    check_images(find_images(tmp_path), tmp_path)


def test_links_to_what_is_no_file_are_refused_and_never_waited_for(tmp_path):
    write_images(tmp_path / "images", ["good.png"])
    os.mkfifo(tmp_path / "pipe")
    for name, target in (("zero", "/dev/zero"), ("pipe", tmp_path / "pipe"), ("self", "self.png")):
        (tmp_path / "images" / f"{name}.png").symlink_to(target)
    (tmp_path / "images" / "folder.png").symlink_to(tmp_path / "images")
    assert refused(tmp_path / "images") == (
        "self.png: cannot be decoded; replace or remove. "
        "pipe.png, zero.png: a pipe or a device and no image file; replace or remove."
    )


def test_images_that_are_too_large_are_refused_with_what_to_do(tmp_path):
    write_images(tmp_path, ["good.png"])
    (tmp_path / "wide.png").write_bytes(hostile.huge("PNG"))
    (tmp_path / "high.jpg").write_bytes(hostile.huge("JPEG", 65000))
    (tmp_path / "less.png").write_bytes(hostile.huge("PNG", 11_000))  # more than metrics take, less than Pillow refuses
    with (tmp_path / "large.png").open("wb") as file:
        file.truncate(2**40)
    (tmp_path / "words.jpg").write_bytes(hostile.jpeg(bytes(65000 * 110)))
    assert refused(tmp_path) == (
        "large.png: larger than 100 MB; save smaller, for instance as JPEG. "
        "high.jpg, less.png, wide.png: more than 100 million pixels; save smaller. "
        "words.jpg: metadata made to cost memory or time; save anew without it."
    )


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_has_a_limit_in_frames_and_in_pixels(tmp_path, monkeypatch, kind):
    (tmp_path / "short.png").write_bytes(hostile.animation(kind, 1000))
    check_images(find_images(tmp_path), tmp_path)
    (tmp_path / "long.png").write_bytes(hostile.animation(kind, 1001))
    assert refused(tmp_path).startswith("long.png: an animation of more than 1,000 frames, or of more than 500 million")
    (tmp_path / "long.png").unlink()
    monkeypatch.setattr(study_images, "MOST_FRAME_PIXELS", 16 * 1000 - 1)
    assert refused(tmp_path).startswith("short.png: an animation of more than")


def test_a_single_picture_is_no_animation_however_large(tmp_path, monkeypatch):
    write_images(tmp_path, ["good.png"])
    monkeypatch.setattr(study_images, "MOST_FRAME_PIXELS", 1)
    monkeypatch.setattr(study_images, "_LARGE", 1)  # decoded one at a time
    check_images(find_images(tmp_path), tmp_path)


def test_folders_as_deep_as_paths_can_be(tmp_path):
    place = tmp_path / "deep"
    place.mkdir()
    try:
        while len(place.parts) < 1100:
            place /= "a"
            place.mkdir()
        write_images(place, ["1.png"])
        assert len(find_images(tmp_path)) == 1
    finally:
        subprocess.run(["rm", "-rf", str(tmp_path / "deep")], check=True)  # too deep for Python, and so for pytest


def test_links_that_double_at_each_step_have_an_end(tmp_path, monkeypatch):
    monkeypatch.setattr(image_folders, "MOST_FILES", 1000)
    write_images(tmp_path / "images", ["good.png"])
    for number in range(20):  # a million ways through twenty folders
        (tmp_path / str(number)).mkdir()
        for name in "xy":
            (tmp_path / str(number) / name).symlink_to(tmp_path / str(number + 1))
    (tmp_path / "images" / "out").symlink_to(tmp_path / "0")
    with pytest.raises(InputError, match=r"holds more than 1,000 files.*; name a folder of images only"):
        find_images(tmp_path / "images")


def test_a_picture_replaced_after_init_is_not_read(tmp_path):
    """The server must not fill its memory, nor wait, for what stands where an image was."""
    with closing(plain_study(tmp_path, 2)) as study:
        path = study.image_path(study.items["item"][0])
    assert read_picture(path)
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(OSError, match="a device"):
        read_picture(path)
