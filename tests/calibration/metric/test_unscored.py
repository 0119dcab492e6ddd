"""Images without a score are compared with the others, and the verdict says of which it speaks."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from calibration.metric.unscored import compare_unscored
from calibration.pipeline import calibrate_tables
from calibration.report.build import INDEPENDENT
from calibration.settings import Settings


def test_without_groups_it_is_close_to_welchs_interval():
    rng = np.random.default_rng(0)
    y, scored = rng.normal(3, 0.8, 400), rng.random(400) < 0.6
    found = compare_unscored(y, scored)
    welch = stats.ttest_ind(y[~scored], y[scored], equal_var=False).confidence_interval()
    assert (found.low, found.high) == pytest.approx((welch.low, welch.high), abs=0.01)
    assert found.mean_unscored - found.mean_scored == pytest.approx(y[~scored].mean() - y[scored].mean())


def test_groups_by_hand():
    """Two groups left out, two scored: influence of each image, summed within groups."""
    found = compare_unscored([1, 2, 3, 4, 5, 4, 3, 2], [True] * 4 + [False] * 4, list("aabbccdd"))
    sums = np.array([(1.5 - 2.5) * -2 / 4, (3.5 - 2.5) * -2 / 4, (4.5 - 3.5) * 2 / 4, (2.5 - 3.5) * 2 / 4])
    half = stats.t.ppf(0.975, 1) * np.sqrt((sums**2).sum() * 4 / 3)
    assert (found.low, found.high) == pytest.approx((1 - half, 1 + half))


@pytest.mark.parametrize("groups", [None, 40])
def test_images_left_out_by_chance_are_hardly_ever_said_to_differ(groups):
    rng, said = np.random.default_rng(1), []
    for _ in range(400):
        codes = np.arange(200) if groups is None else rng.integers(0, groups, 200)
        y = 3 + rng.normal(size=200)[codes] * 0.7 + rng.normal(size=200) * 0.5
        left_out = rng.random(200)[codes] < 0.3
        found = compare_unscored(y, ~left_out, codes)
        said.append(found is not None and found.differs)
    assert np.mean(said) <= 0.08  # 5 % are promised; binomial, 400 studies


@pytest.mark.parametrize("scored", [[True] * 4, [False] * 4])
def test_nothing_to_compare(scored):
    assert compare_unscored([1, 2, 3, 4], scored) is None


def test_a_single_image_left_out_has_no_interval_and_is_no_finding():
    found = compare_unscored([1, 5, 5, 5], [False, True, True, True])
    assert np.isnan(found.low) and not found.differs


def study(bad_left_out):
    """300 images, five people; a metric without scores for the worst third, or for any third."""
    rng = np.random.default_rng(3)
    quality = rng.normal(size=300)
    answers = np.clip(np.rint(3 + quality[:, None] + rng.normal(0, 0.6, (300, 5))), 1, 5)
    items = np.array([f"i{number}" for number in range(300)])
    rows = [(item, f"e{person}", rating) for item, own in zip(items, answers, strict=True)
            for person, rating in enumerate(own)]  # fmt: skip
    ratings = pd.DataFrame(rows, columns=["item", "evaluator", "rating"])
    order = np.argsort(answers.mean(axis=1)) if bad_left_out else rng.permutation(300)
    kept = np.sort(order[100:])
    return ratings, pd.DataFrame({"item": items[kept], "m": (quality + rng.normal(0, 0.3, 300))[kept]}), answers, kept


def test_scores_that_lack_where_images_are_bad_are_in_the_verdict():
    ratings, scores, answers, kept = study(bad_left_out=True)
    entry = calibrate_tables(ratings, scores, settings=Settings(draws=0)).report["tasks"]["rating"]["metrics"]["m"]
    means = answers.mean(axis=1)
    left_out = np.setdiff1d(np.arange(300), kept)
    assert entry["unscored"]["mean_unscored"] == pytest.approx(means[left_out].mean())
    assert entry["unscored"]["differs"]
    assert (
        f"All this holds for the 200 images that it scored: people rate the 100 without a score lower "
        f"({means[left_out].mean():.2f} against {means[kept].mean():.2f} on average; 95 % interval of the difference "
    ) in entry["verdict"]["sentence"]


def test_scores_that_lack_anywhere_are_not():
    ratings, scores, _, _ = study(bad_left_out=False)
    entry = calibrate_tables(ratings, scores, settings=Settings(draws=0)).report["tasks"]["rating"]["metrics"]["m"]
    assert not entry["unscored"]["differs"] and "All this holds" not in entry["verdict"]["sentence"]


def test_without_an_items_table_it_is_said_that_images_count_as_independent():
    ratings, scores, _, _ = study(bad_left_out=False)
    assert INDEPENDENT in calibrate_tables(ratings, scores, settings=Settings(draws=0)).report["notes"]
    items = pd.DataFrame({"item": ratings["item"].unique()})
    assert INDEPENDENT not in calibrate_tables(ratings, scores, items, Settings(draws=0)).report["notes"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r: r.clip(upper=3), "Nobody gave 4 or 5: OF 1 to 3 was used. If the people answered on another scale"),
        (lambda r: r.clip(lower=2), "Nobody gave 1: OF 2 to 5 was used."),
        (lambda r: r * 0 + 3, "Nobody gave 1, 2, 4 or 5: OF 3 was used."),
    ],
)
def test_levels_that_nobody_gave_are_named(change, words):
    ratings, scores, _, _ = study(bad_left_out=False)
    report = calibrate_tables(
        ratings.assign(rating=change(ratings["rating"])), scores, settings=Settings(draws=0)
    ).report
    words = words.replace("OF", "grades and skill are those of a scale from 1 to 5, of which only")
    assert any(note.startswith(words) for note in report["tasks"]["rating"]["notes"])
    full = calibrate_tables(ratings, scores, settings=Settings(draws=0)).report
    assert not any("Nobody gave" in note for note in full["tasks"]["rating"]["notes"])
