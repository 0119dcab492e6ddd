"""Images under two names are used once, and those of the test list stay."""

import hashlib

import numpy as np

from calibration.aesthetic.embeddings import read_embeddings, write_embeddings
from calibration.aesthetic.twins import each_image_once


def test_an_image_under_two_names_is_kept_once(tmp_path):
    rows = np.eye(6)[[0, 1, 0, 2, 3, 4]]
    contents = [hashlib.sha256(name.encode()).hexdigest() for name in "abcdef"]
    contents[4] = contents[1]  # the same file, embedded otherwise
    names = np.array(list("abcdef"))
    write_embeddings(tmp_path / "e", [rows], [f"{name}.jpg" for name in names], "M/p", "made", contents)
    known = read_embeddings(tmp_path / "e")
    kept, others = each_image_once(names, known, np.arange(6))
    assert kept.tolist() == [0, 1, 3, 5] and others == ["c is a", "e is b"]
    kept, others = each_image_once(names, known, np.arange(6), {"c"})
    assert kept.tolist() == [1, 2, 3, 5] and others == ["a is c", "e is b"]


def test_nothing_is_left_out_where_every_image_is_another(tmp_path):
    write_embeddings(tmp_path / "e", [np.eye(4)], [f"{number}.jpg" for number in range(4)], "M/p", "made")
    kept, others = each_image_once(np.array(list("0123")), read_embeddings(tmp_path / "e"), np.arange(4))
    assert kept.tolist() == [0, 1, 2, 3] and others == []
