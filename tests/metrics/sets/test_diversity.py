"""Diversity: pairs of one prompt only, prompts averaged, sets apart."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.engine.cache import FeatureCache
from metrics.engine.run import score_items
from metrics.engine.types import PROMPT, Item
from metrics.errors import InputError
from metrics.networks.lpips import LpipsFeatures, load_lpips, pairwise_distances
from metrics.sets.diversity import Diversity, mean_pairwise
from metrics.sets.diversity_clip import clip_distances
from tests.metrics.pictures import MeanColour, saved


def euclid(rows, columns):
    return np.linalg.norm(np.stack(rows)[:, None] - np.stack(columns)[None], axis=2)


def items_of(sources, prompts, groups=None):
    groups = groups or ["one"] * len(sources)
    return [
        Item(str(number), source, (), prompt, group)
        for number, (source, prompt, group) in enumerate(zip(sources, prompts, groups, strict=True))
    ]


def test_only_pairs_of_one_prompt_count_and_prompts_are_averaged(tmp_path):
    sources = saved(tmp_path / "images", 7)
    prompts = ["cat", "cat", "cat", "dog", "dog", "fish", "cat"]
    groups = ["a"] * 6 + ["b"]
    metric = Diversity("diversity", MeanColour(), euclid)
    found = score_items(items_of(sources, prompts, groups), [metric], FeatureCache(tmp_path / "f")).scored["diversity"]
    colours = [np.asarray(source.open(), dtype=float).mean(axis=(0, 1)) for source in sources]
    cat = np.mean([np.linalg.norm(colours[a] - colours[b]) for a, b in combinations(range(3), 2)])
    dog = np.linalg.norm(colours[3] - colours[4])
    rows = {(row.set, row.note): (row.score, row.n) for row in found.set_scores}
    assert rows == {
        ("a", ""): (pytest.approx((cat + dog) / 2), 5),
        ("a: cat", PROMPT): (pytest.approx(cat), 3),
        ("a: dog", PROMPT): (pytest.approx(dog), 2),
    }
    assert len(found.warnings) == 1 and "'b'" in found.warnings[0]


def test_with_real_lpips_it_is_the_mean_over_the_packages_pairs(shared, tmp_path):
    import torch

    weights = shared / "weights" / "squeezenet1_1_features.pth"
    sources = saved(tmp_path / "images", 4, (64, 64))
    extractor = LpipsFeatures("squeeze", weights, 64)
    metric = Diversity("diversity", extractor, pairwise_distances)
    found = score_items(items_of(sources, [""] * 4), [metric], FeatureCache(tmp_path / "f")).scored["diversity"]
    model = load_lpips("squeeze", weights)
    images = [torch.from_numpy(extractor.prepare(s.open())).permute(2, 0, 1)[None] / 127.5 - 1 for s in sources]
    with torch.inference_mode():
        pairs = [model(a, b).item() for a, b in combinations(images, 2)]
    assert [(row.set, row.n) for row in found.set_scores] == [("one", 4)]
    assert found.set_scores[0].score == pytest.approx(np.mean(pairs), abs=1e-5)


def test_copies_of_one_image_have_no_diversity(shared, tmp_path):
    source = saved(tmp_path / "images", 1, (64, 64))[0]
    extractor = LpipsFeatures("squeeze", shared / "weights" / "squeezenet1_1_features.pth", 64)
    items = items_of([source] * 3, ["x"] * 3)
    metric = Diversity("diversity", extractor, pairwise_distances)
    found = score_items(items, [metric], FeatureCache(tmp_path / "f")).scored["diversity"]
    assert found.set_scores[0].score == pytest.approx(0, abs=1e-6) and found.set_scores[0].n == 3


def test_an_image_that_cannot_be_read_is_left_out(tmp_path):
    sources = saved(tmp_path / "images", 3)
    sources[1].path.write_bytes(b"broken")
    metric = Diversity("diversity", MeanColour(), euclid)
    result = score_items(items_of(sources, ["x"] * 3), [metric], FeatureCache(tmp_path / "f"))
    assert result.scored["diversity"].set_scores[0].n == 2 and list(result.skipped) == [sources[1].path]


def test_clip_distance_is_one_minus_the_cosine():
    rows = [np.array([1.0, 0.0]), np.array([0.6, 0.8])]
    np.testing.assert_allclose(clip_distances(rows, rows), [[0, 0.4], [0.4, 0]], atol=1e-12)


@given(st.lists(st.floats(0, 10), min_size=2, max_size=6))
def test_the_mean_is_over_unordered_pairs(values):
    expected = np.mean([abs(a - b) for a, b in combinations(values, 2)])
    assert mean_pairwise([np.array([value]) for value in values], euclid) == pytest.approx(expected, abs=1e-12)


def test_many_images_are_compared_a_part_at_a_time(monkeypatch):
    monkeypatch.setattr("metrics.sets.diversity._BLOCK", 3)
    sizes = []

    def watched(rows, columns):
        sizes.append((len(rows), len(columns)))
        return euclid(rows, columns)

    values = [np.random.default_rng(n).normal(size=2) for n in range(8)]
    expected = np.mean([np.linalg.norm(a - b) for a, b in combinations(values, 2)])
    assert mean_pairwise(values, watched) == pytest.approx(expected) and max(max(sizes)) == 3


def test_sets_and_prompts_that_would_share_a_name_do_not(tmp_path):
    sources = saved(tmp_path / "images", 8)
    items = items_of(sources, ["b: c", "b: c", "x", "x", "c", "c", "y", "y"], ["a"] * 4 + ["a: b"] * 4)
    found = score_items(items, [Diversity("diversity", MeanColour(), euclid)], FeatureCache(tmp_path / "f"))
    names = [row.set for row in found.scored["diversity"].set_scores]
    assert len(names) == len(set(names)) == 6


def test_images_that_cannot_be_compared_are_said_and_others_go_on(tmp_path):
    def refuse(rows, columns):
        raise InputError("Sizes differ.")

    items = items_of(saved(tmp_path / "images", 2), ["x"] * 2)
    found = score_items(items, [Diversity("diversity", MeanColour(), refuse)], FeatureCache(tmp_path / "f"))
    assert found.scored["diversity"].set_scores == []
    assert "cannot be compared. Sizes differ." in found.scored["diversity"].warnings[0]


def test_prompts_that_differ_in_spaces_are_one_and_their_rows_have_names_of_their_own(tmp_path):
    sources = saved(tmp_path / "images", 8)
    items = items_of(sources, ["a cat", "a  cat\r\n", "dog", "dog"] * 2, ["m"] * 4 + ["m: a cat"] * 4)
    metric = Diversity("diversity", MeanColour(), euclid)
    found = score_items(items, [metric], FeatureCache(tmp_path / "f")).scored["diversity"]
    assert [row.set for row in found.set_scores if row.note == PROMPT] == [
        "m: a cat (prompt)",
        "m: dog",
        "m: a cat: a cat",
        "m: a cat: dog",
    ]
