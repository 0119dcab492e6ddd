"""All pairs of metrics: their figures, the groups, what is missing, and real data."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from calibration.comparison.correlation_tests import williams
from calibration.comparison.metric_comparison import _letters, compare_metrics, comparison_entry
from calibration.comparison.permutation import permutation_both


def study(count=300, seed=0):
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=count)
    noise = {"best": 0.5, "second": 0.55, "third": 2.0, "random": 1e6}
    return {name: quality + size * rng.normal(size=count) for name, size in noise.items()}, quality


def higher(scores):
    return dict.fromkeys(scores, "higher")


def test_every_pair_is_tested_and_adjusted_over_all():
    scores, people = study()
    found = compare_metrics(scores, higher(scores), people, permutations=400)
    assert len(found.pairs) == 6 and [each.metric for each in found.groups] == list(scores)
    for pair in found.pairs:
        a, b = scores[pair.first], scores[pair.second]
        alone = permutation_both(a, b, people, permutations=400)
        r = [stats.spearmanr(*two).statistic for two in ((people, a), (people, b), (a, b))]
        assert (pair.n, pair.difference) == (300, pytest.approx(alone.difference)) and pair.difference >= 0
        assert pair.p == pytest.approx(alone.p, abs=1e-12)
        assert pair.williams_p == pytest.approx(williams(*r, 300)[1])
    p = [pair.p for pair in found.pairs]
    assert [pair.p_holm for pair in found.pairs] == pytest.approx(multipletests(p, method="holm")[1])
    assert [pair.p_by for pair in found.pairs] == pytest.approx(multipletests(p, method="fdr_by")[1])
    assert [(each.letters, each.best_rank, each.worst_rank) for each in found.groups] == [
        ("a", 1, 2),
        ("a", 1, 2),
        ("b", 3, 3),
        ("c", 4, 4),
    ]


def test_a_metric_for_which_lower_is_better_is_turned_round():
    scores, people = study()
    plain = compare_metrics(scores, higher(scores), people, permutations=200)
    turned = scores | {"second": -scores["second"]}
    assert compare_metrics(turned, higher(scores) | {"second": "lower"}, people, permutations=200) == plain


def test_each_pair_on_the_items_of_both_or_all_on_those_of_all():
    scores, people = study()
    scores["best"][:100], scores["third"][290:] = np.nan, np.nan
    both, every = (
        {(pair.first, pair.second): pair.n for pair in compare_metrics(scores, higher(scores), people, items=how).pairs}
        for how in ("both", "all")
    )
    assert both["best", "third"] == 190 and both["second", "random"] == 300
    assert set(every.values()) == {190}


def test_a_metric_without_a_correlation_stands_last_and_in_no_pair():
    scores, people = study()
    found = compare_metrics(
        {"constant": np.ones(300), "empty": np.full(300, np.nan)} | scores,
        higher(scores) | {"constant": "lower", "empty": "higher"},
        people,
        items="all",
    )
    assert [(each.metric, each.letters, each.best_rank) for each in found.groups[4:]] == [
        ("constant", "", None),
        ("empty", "", None),
    ]
    assert len(found.pairs) == 6 and found.pairs[0].n == 300
    assert json.loads(json.dumps(comparison_entry(found), allow_nan=False))["groups"][4]["correlation"] is None


def test_nothing_to_compare():
    assert compare_metrics({}, {}, np.arange(5.0)).pairs == ()
    one = compare_metrics({"m": np.arange(5.0)}, {"m": "higher"}, np.arange(5.0))
    assert one.pairs == () and (one.groups[0].letters, one.groups[0].worst_rank) == ("a", 1)
    assert np.isnan(compare_metrics({"m": np.arange(5.0)}, {"m": "higher"}, np.full(5, np.nan)).groups[0].correlation)
    apart = {"a": np.r_[1.0, 2.0, np.full(2, np.nan)], "b": np.r_[np.full(2, np.nan), 1.0, 2.0]}
    (pair,) = compare_metrics(apart, higher(apart), np.array([1.0, 2.0, 3.0, 4.0])).pairs
    assert pair.n == 0 and np.isnan([pair.difference, pair.p, pair.p_holm, pair.p_by, pair.williams_p]).all()


def test_kendall_has_no_williams():
    scores, people = study(60)
    (pair,) = compare_metrics(
        {name: scores[name] for name in ("best", "random")},
        higher(scores),
        people,
        statistic="kendall",
        permutations=99,
    ).pairs
    assert pair.p == pytest.approx(0.01) and np.isnan(pair.williams_p)
    expected = [stats.kendalltau(scores[name], people).statistic for name in ("best", "random")]
    assert pair.difference == pytest.approx(expected[0] - expected[1])


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 9), st.integers(0, 10**6), st.floats(0, 1))
def test_two_share_a_letter_if_and_only_if_they_are_alike(count, seed, share):
    drawn = np.triu(np.random.default_rng(seed).random((count, count)) < share, 1)
    alike = drawn | drawn.T | np.eye(count, dtype=bool)
    letters = _letters(alike)
    shared = [[bool(set(a) & set(b)) for b in letters] for a in letters]
    assert shared == alike.tolist()


def test_permutations_are_enough_for_all_pairs():
    rng = np.random.default_rng(0)
    people = rng.normal(size=40)
    scores = {f"good{at}": people + 0.01 * rng.normal(size=40) for at in range(8)}
    scores |= {f"poor{at}": rng.normal(size=40) for at in range(8)}
    found = compare_metrics(scores, higher(scores), people)  # of 120 pairs, the 64 of a good and a poor one differ
    assert sum(pair.p_holm < 0.05 for pair in found.pairs if pair.first[:4] != pair.second[:4]) == 64


def test_a_chain_makes_overlapping_letters():
    alike = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], dtype=bool)
    assert _letters(alike) == [["a"], ["a", "b"], ["b"]]


def test_more_letters_than_the_alphabet_has():
    assert [each[0] for each in _letters(np.eye(28, dtype=bool))][-3:] == ["z", "aa", "ab"]


def test_tifa160_the_order_of_metrics_and_what_cannot_be_told(shared):
    folder = shared / "data" / "tifa160"
    ratings = pd.read_csv(folder / "ratings_as_published.csv").groupby("item")["answer"].mean()
    table = (
        pd.read_csv(folder / "scores.csv").pivot(index="item", columns="metric", values="score").reindex(ratings.index)
    )
    prompts = pd.read_csv(folder / "items.csv").set_index("item")["prompt"].reindex(ratings.index)
    scores = {name: table[name].to_numpy() for name in table}
    found = compare_metrics(scores, higher(scores), ratings.to_numpy(), prompts.to_numpy())
    standing = {each.metric: each for each in found.groups}
    # the data's README: Spearman of the mean of five, n = 800
    known = {"dsg_pali17b": 0.571, "dsg_mplug": 0.463, "dsg_instructblip": 0.442, "tifa_mplug-large": 0.608}
    for name, value in known.items():
        assert standing[name].correlation == pytest.approx(value, abs=5e-4)
    assert len(found.pairs) == 78 and found.groups[0].metric == "tifa_mplug-large"
    assert not set(standing["tifa_mplug-large"].letters.split(",")) & set(
        standing["clipscore_vitb32"].letters.split(",")
    )
    assert set(standing["dsg_mplug"].letters.split(",")) & set(standing["dsg_instructblip"].letters.split(","))
