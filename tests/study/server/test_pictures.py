"""Pictures as raters receive them: prepared once, without words, in parts, and anew where the file has changed."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from study.server import pictures
from study.server.pictures import Pictures


@pytest.fixture
def made():
    made = Pictures()
    yield made
    made.close()


def save(path: Path, seed: int = 0, words: str = "", size: int = 40) -> Path:
    info = PngInfo()
    if words:
        info.add_text("parameters", words)
    noise = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, pnginfo=info)
    return path


def content(picture) -> bytes:
    return b"".join(picture.parts())


def test_one_without_words_is_sent_from_its_file(made, tmp_path):
    path = save(tmp_path / "a.png")
    picture = made.get(path)
    assert picture.file == path and content(picture) == path.read_bytes()
    assert (picture.size, picture.media_type) == (path.stat().st_size, "image/png")


def test_one_with_words_is_sent_without_them(made, tmp_path):
    picture = made.get(save(tmp_path / "a.png", words="Model: secret"))
    assert b"secret" not in content(picture) and content(picture).startswith(b"\x89PNG")
    assert len(content(picture)) == picture.size


def test_it_is_prepared_once_and_anew_where_the_file_changes(made, tmp_path, monkeypatch):
    path, read = save(tmp_path / "a.png", words="Model: one"), []
    original = pictures.read_picture
    monkeypatch.setattr(pictures, "read_picture", lambda place: read.append(place) or original(place))
    first = made.get(path)
    assert made.get(path) is first and len(read) == 1
    save(path, seed=1, words="Model: another")
    assert made.get(path).etag != first.etag and len(read) == 2


def test_one_that_the_system_swept_away_is_prepared_again(made, tmp_path):
    path = save(tmp_path / "a.png", words="Model: secret")
    before = content(made.get(path))
    shutil.rmtree(made._folder.path)
    assert content(made.get(path)) == before


def test_many_who_ask_at_once_are_few_in_memory(made, tmp_path, monkeypatch):
    busy, most, lock = [], [], threading.Lock()
    original = pictures.strip_metadata

    def slow(data):
        with lock:
            busy.append(1)
            most.append(len(busy))
        threading.Event().wait(0.05)
        with lock:
            busy.pop()
        return original(data)

    monkeypatch.setattr(pictures, "strip_metadata", slow)
    paths = [save(tmp_path / f"{number}.png", number, "words") for number in range(12)]
    threads = [threading.Thread(target=made.get, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) <= 2


def test_one_that_is_being_sent_stays_whole_while_it_is_prepared_again(made, tmp_path):
    path = save(tmp_path / "a.png", words="Model: secret", size=600)
    picture = made.get(path)
    whole, done = content(picture), threading.Event()

    def prepare_again():
        while not done.is_set():
            made._prepare(path)

    with ThreadPoolExecutor(1) as pool:
        preparing = pool.submit(prepare_again)
        sent = [content(picture) for _ in range(300)]
        done.set()
        preparing.result()
    assert all(one == whole for one in sent)


def test_who_waits_for_the_same_picture_finds_it_prepared(made, tmp_path, monkeypatch):
    path, prepared, original = save(tmp_path / "a.png", words="words"), [], pictures.strip_metadata

    def slow(data):
        prepared.append(1)
        threading.Event().wait(0.05)
        return original(data)

    monkeypatch.setattr(pictures, "strip_metadata", slow)
    threads = [threading.Thread(target=made.get, args=(path,)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(prepared) <= 2


def test_what_is_kept_stays_below_its_limit(made, tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "MOST_KEPT", 20_000)
    for number in range(12):
        assert content(made.get(save(tmp_path / f"{number}.png", number, "words")))
    kept = sum(file.stat().st_size for file in made._folder.path.iterdir())
    assert 0 < kept <= 20_000


def test_parts_are_small(made, tmp_path):
    picture = made.get(save(tmp_path / "large.png", size=600))
    assert max(map(len, picture.parts())) == pictures.PART and content(picture) == (tmp_path / "large.png").read_bytes()


@pytest.mark.parametrize("what", ["missing", "text", "device"])
def test_what_is_no_picture(made, tmp_path, what):
    path = tmp_path / "x.png"
    if what == "text":
        path.write_text("no picture")
    elif what == "device":
        path.symlink_to("/dev/zero")
    with pytest.raises((OSError, ValueError)):
        made.get(path)
