"""What spoils a comparison is said."""

import numpy as np

from calibration.aesthetic.embeddings import read_embeddings, write_embeddings
from calibration.aesthetic.leakage import TRAINED_ON, leakage_warnings, seen_before, seen_images, sources_of
from metrics.networks.aesthetic_head import PUBLISHED


def test_every_published_head_is_known():
    assert set(TRAINED_ON) == set(PUBLISHED)


def test_a_head_trained_on_ava_is_not_judged_by_ava_in_silence():
    name = "aesthetic/improved-l14-relu"
    (found,) = leakage_warnings(name, sources_of(name), "AVA.txt")
    assert "trained on AVA" in found
    assert leakage_warnings(name, sources_of(name), "koniq.csv") == []
    assert leakage_warnings("aesthetic/laion-vit-b-32", sources_of("aesthetic/laion-vit-b-32"), "AVA.txt") == []


def test_the_head_that_chose_a_generators_images_is_named():
    name = "aesthetic/improved-l14-mse"
    assert any("circular" in sentence for sentence in leakage_warnings(name, sources_of(name), "koniq.csv"))


def test_a_head_trained_on_another_file_of_ava_is_warned_of_unless_its_images_are_known():
    (found,) = leakage_warnings("mine", ["AVA.txt"], "AVA_excerpt.txt")
    assert "trained on AVA" in found
    assert leakage_warnings("mine", ["AVA.txt"], "AVA_excerpt.txt", 0, 10) == []
    assert leakage_warnings("mine", ["ratings.csv"], "AVA.txt") == []


def test_the_relu_head_was_not_trained_on_sac():
    assert TRAINED_ON["aesthetic/improved-l14-relu"] == ("LAION-Logos", "AVA")


def embedded(folder, rows, names, contents=None):
    return read_embeddings(write_embeddings(folder, [rows], names, "M/p", "made", contents))


def test_images_are_known_again_by_embedding_or_content_and_not_by_name(tmp_path):
    rows = np.random.default_rng(0).normal(size=(30, 8))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    names = [f"{number}.png" for number in range(30)]
    first = embedded(tmp_path / "a", rows, names, [f"{number:064x}"[::-1] for number in range(30)])
    kept = {"seen_images": seen_images(first, np.arange(10))}
    assert seen_before(kept, first, np.arange(30)) == 10 and seen_before(kept, first, np.arange(10, 30)) == 0
    renamed = embedded(tmp_path / "b", rows[::-1], [f"x/{name}" for name in names])
    assert seen_before(kept, renamed, np.arange(30)) == 10
    turned = -rows  # another encoder's, of the same files
    again = embedded(tmp_path / "c", turned, names, [f"{number:064x}"[::-1] for number in range(30)])
    assert seen_before(kept, again, np.arange(30)) == 10
    assert seen_before(kept, embedded(tmp_path / "d", turned, names), np.arange(30)) == 0


def test_a_moved_head_has_seen_what_its_start_has(tmp_path):
    rows = np.eye(12, dtype=np.float32)
    known = embedded(tmp_path / "a", rows, [f"{number}.png" for number in range(12)])
    start = {"seen_images": seen_images(known, np.arange(4))}
    moved = {"seen_images": seen_images(known, np.arange(6, 9), start)}
    assert seen_before(moved, known, np.arange(12)) == 7
    assert seen_before({}, known, np.arange(12)) is None
    assert seen_before({"seen_images": "!"}, known, np.arange(12)) is None
