"""Folders of embeddings: written whole, read by name, refused when they were changed."""

import numpy as np
import pytest

from calibration.aesthetic.embeddings import read_embeddings, write_embeddings
from metrics.errors import InputError


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
