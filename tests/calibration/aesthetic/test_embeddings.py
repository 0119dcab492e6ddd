"""Folders of embeddings: written whole, read by name, refused when they were changed."""

import hashlib
import io
import json

import numpy as np
import pytest

from calibration.aesthetic.embeddings import read_embeddings, write_embeddings
from metrics.errors import InputError

PARTS = ("embeddings.npy", "images.csv")


def unit(count, d=4, seed=0):
    rows = np.random.default_rng(seed).normal(size=(count, d))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_what_is_written_in_parts_comes_back(tmp_path):
    rows = unit(5)
    files = [f"{n}.jpg" for n in range(5)]
    write_embeddings(tmp_path / "e", [rows[:2], rows[2:]], files, "ViT-L-14/openai", "s", skipped=[("x.jpg", "broken")])
    found = read_embeddings(tmp_path / "e")
    np.testing.assert_allclose(found.rows, rows, atol=1e-7)
    assert found.files == files and (found.backbone, found.signature) == ("ViT-L-14/openai", "s")
    assert (
        isinstance(found.rows, np.memmap)
        and (tmp_path / "e" / "skipped.csv").read_text() == "file,reason\nx.jpg,broken\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["e"]


def test_images_are_found_by_path_and_by_name_where_it_is_unique(tmp_path):
    write_embeddings(tmp_path / "e", [unit(3)], ["a/1.jpg", "b/1.png", "b/2.png"], "M/p", "s")
    found = read_embeddings(tmp_path / "e")
    assert found.find(["a/1", "b/1", "2", "1", "b/2", "9"]).tolist() == [0, 1, 2, -1, 2, -1]


def test_embeddings_are_replaced_and_other_folders_are_not(tmp_path):
    for count in (2, 3):
        write_embeddings(tmp_path / "e", [unit(count)], [f"{n}.jpg" for n in range(count)], "M/p", "s")
    assert len(read_embeddings(tmp_path / "e")) == 3
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="holds no embeddings; choose another place"):
        write_embeddings(tmp_path / "mine", [unit(1)], ["a.jpg"], "M/p", "s")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "precious"


def test_a_failure_leaves_nothing_and_keeps_what_was_there(tmp_path):
    write_embeddings(tmp_path / "e", [unit(2)], ["a.jpg", "b.jpg"], "M/p", "s")
    with pytest.raises(InputError, match=r"c\.jpg has the length 2, not 1"):
        write_embeddings(tmp_path / "e", [unit(1), unit(1) * 2], ["b.jpg", "c.jpg"], "M/p", "s")
    assert len(read_embeddings(tmp_path / "e")) == 2 and [path.name for path in tmp_path.iterdir()] == ["e"]


def test_changed_or_missing_embeddings_are_refused(tmp_path):
    folder = write_embeddings(tmp_path / "e", [unit(2)], ["a.jpg", "b.jpg"], "M/p", "s")
    (folder / "images.csv").write_text("file,sha256\nb.jpg,\na.jpg,\n")
    with pytest.raises(InputError, match="not as they were written"):
        read_embeddings(folder)
    (folder / "embeddings.npy").write_bytes(b"broken")
    for place in (folder, tmp_path / "nothing"):
        with pytest.raises(InputError, match="humangrade aesthetic embed"):
            read_embeddings(place)


def header(said, held):
    """An .npy file whose header speaks of another shape than it holds."""
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, {"descr": "<f4", "fortran_order": False, "shape": said})
    return content.getvalue() + bytes(held)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("embeddings.npy", header((2**40, 2), 16)),
        ("embeddings.npy", header((2, 2), 12)),
        ("embeddings.npy", header((4,), 16)),
        ("embeddings.npy", header((10**300, 2), 16)),
        ("embeddings.npy", b"\x93NUMPY\1\0" + (9001).to_bytes(2, "little") + b"-" * 9000 + b"1"),
        ("images.csv", b"file,sha256\n" + b"a" * 10**5 + b",\nb,\n"),
        ("images.csv", b"name,sha256\na,\nb,\n"),
        ("embeddings.json", b"{}" + b" " * 2**20),
    ],
)
def test_files_that_do_not_hold_what_they_say_are_refused(tmp_path, name, content):
    folder = write_embeddings(tmp_path / "e", [np.eye(2)], ["a.jpg", "b.jpg"], "ViT-L-14/openai", "made")
    (folder / name).write_bytes(content)
    about = json.loads((folder / "embeddings.json").read_text())
    if about:  # as one would who means harm
        about["sha256"] = hashlib.sha256(b"".join((folder / part).read_bytes() for part in PARTS)).hexdigest()
        (folder / "embeddings.json").write_text(json.dumps(about))
    with pytest.raises(
        InputError, match=r"holds no embeddings that can be read \(.*; make them with humangrade"
    ) as error:
        read_embeddings(folder)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("change", [{"format": 2}, {"backbone": 3}, {"signature": None}])
def test_words_about_embeddings_that_are_not_ours_are_refused(tmp_path, change):
    folder = write_embeddings(tmp_path / "e", [np.eye(2)], ["a.jpg", "b.jpg"], "ViT-L-14/openai", "made")
    about = json.loads((folder / "embeddings.json").read_text())
    (folder / "embeddings.json").write_text(json.dumps(about | change))
    with pytest.raises(InputError, match="not as they were written"):
        read_embeddings(folder)
