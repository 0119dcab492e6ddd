"""Means and differences with intervals: over prompts where there are enough, of pairs only."""

import numpy as np
import pytest
from scipy import stats

from study.evaluation.figures import difference_of, figure_of, mean_with_interval, prompt_difference
from tests.study.evaluation.made import picture

PROMPTS, SEEDS = 8, 3


def images(name, prompts=PROMPTS):
    return [picture(f"{name}-{p}-{s}", name, f"p{p}", str(s)) for p in range(prompts) for s in range(SEEDS)]


def scores(name, rng, shift=0.0, between=1.0):
    level = rng.normal(0, between, PROMPTS)
    return {
        f"{name}-{p}-{s}": float(level[p] + shift + rng.normal(0, 0.1)) for p in range(PROMPTS) for s in range(SEEDS)
    }


def test_with_as_many_images_of_each_prompt_the_interval_is_students_of_the_prompts_means():
    known = scores("a", np.random.default_rng(0))
    found = figure_of("a", "similarity", known, images("a"))
    means = [np.mean([known[f"a-{p}-{s}"] for s in range(SEEDS)]) for p in range(PROMPTS)]
    reach = stats.t.ppf(0.975, PROMPTS - 1) * np.std(means, ddof=1) / np.sqrt(PROMPTS)
    assert (found.n, found.over) == (24, "prompts") and found.value == pytest.approx(np.mean(means))
    assert found.value - found.low == pytest.approx(reach, rel=0.1)
    assert found.value - found.low >= reach * (1 - 1e-9)  # skewed values take fewer degrees of freedom, never more


def test_prompts_that_differ_make_the_interval_wider_than_as_many_single_images_would():
    known = scores("a", np.random.default_rng(1))
    over_prompts = figure_of("a", "similarity", known, images("a"))
    alone = [one.__class__(one.item, one.path, one.set, "", "", one.seed, one.pair_key) for one in images("a")]
    over_images = figure_of("a", "similarity", known, alone)
    assert over_images.over == "images"
    assert over_prompts.high - over_prompts.low > 1.3 * (over_images.high - over_images.low)


def test_the_interval_holds_the_true_mean_in_about_95_of_100_sets():
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(400):
        found = figure_of("a", "m", scores("a", rng), images("a"))
        held += found.low <= 0 <= found.high
    assert 0.91 <= held / 400 <= 0.985


def test_few_prompts_give_an_interval_over_images_and_few_images_none():
    known = {f"a-{p}-{s}": float(p + s) for p in range(3) for s in range(SEEDS)}
    assert figure_of("a", "m", known, images("a", 3)).over == "images"
    found = figure_of("a", "m", {"a-0-0": 1.0, "a-0-1": 2.0}, images("a"))
    assert (found.value, found.low, found.high, found.n, found.over) == (1.5, None, None, 2, "")
    assert figure_of("a", "m", {}, images("a")) is None


def test_the_interval_ends_at_the_metrics_bounds():
    known = {f"a-{p}-{s}": float(p % 2) for p in range(PROMPTS) for s in range(SEEDS)}
    found = figure_of("a", "m", known, images("a"), (0.2, 0.8))
    assert (found.low, found.high) == (0.2, 0.8)


def test_a_difference_is_of_pairs_so_that_prompts_that_differ_do_not_blur_it():
    rng = np.random.default_rng(3)
    theirs = scores("base", rng)
    mine = {key.replace("base", "a"): value + 0.2 + rng.normal(0, 0.05) for key, value in theirs.items()}
    del mine["a-0-0"]
    both = theirs | mine
    found = difference_of(("a", "base"), "m", both, images("a"), images("base"))
    gaps = [mine[key] - theirs[key.replace("a-", "base-")] for key in mine]
    assert (found.pairs, found.over, found.is_apart) == (23, "prompts", True)
    assert found.value == pytest.approx(np.mean(gaps)) and found.low < 0.2 < found.high
    alone = figure_of("a", "m", both, images("a"))
    assert found.high - found.low < 0.2 * (alone.high - alone.low)
    back = difference_of(("base", "a"), "m", both, images("base"), images("a"))
    assert (back.value, back.low, back.high) == pytest.approx((-found.value, -found.high, -found.low))


def test_images_that_share_a_key_within_a_set_are_in_no_pair():
    twice = [*images("a"), picture("a-again", "a", "p0", "0")]
    both = {one.item: 1.0 for one in [*twice, *images("base")]}
    assert difference_of(("a", "base"), "m", both, twice, images("base")).pairs == 23
    assert difference_of(("a", "b"), "m", both, images("a"), [picture("x", "b", "p9")]) is None


def test_differences_of_one_figure_a_prompt():
    found = prompt_difference(("a", "b"), "diversity", {"p1": 0.5, "p2": 0.7}, {"p1": 0.4, "p3": 0.1})
    assert (found.pairs, found.low, found.is_apart) == (1, None, False) and found.value == pytest.approx(0.1)
    assert prompt_difference(("a", "b"), "diversity", {"p1": 1.0}, {"p2": 1.0}) is None


def test_the_same_seed_gives_the_same_interval_of_many_images():
    values = np.random.default_rng(4).normal(size=300).tolist()
    assert mean_with_interval(values, [""] * 300, 5) == mean_with_interval(values, [""] * 300, 5)
