"""Strictness by least squares, and ratings without it."""

import numpy as np
import pytest

from calibration.people.agreement import interval_alpha, krippendorff_alpha
from calibration.people.strictness import strictness, without_strictness

CUTS = np.array([-1.2, -0.4, 0.4, 1.2])


def rated(rng, n=100, people=5, spread=0.5, share=1.0):
    bias = spread * rng.normal(size=people)
    ratings = np.digitize(rng.normal(size=n)[:, None] + bias + 0.75 * rng.normal(size=(n, people)), CUTS) / 4
    ratings[rng.random(ratings.shape) >= share] = np.nan
    return ratings


def by_dummies(ratings):
    """The same by numpy's least squares on a column an image and a column an evaluator."""
    places = np.argwhere(~np.isnan(ratings))
    n, people = ratings.shape
    design = np.zeros((len(places), n + people))
    design[np.arange(len(places)), places[:, 0]] = 1
    design[np.arange(len(places)), n + places[:, 1]] = -1
    found = np.linalg.lstsq(design, ratings[tuple(places.T)], rcond=None)[0][n:]
    return found - found.mean()


@pytest.mark.parametrize("share", [1.0, 0.4])
def test_least_squares(share):
    ratings = rated(np.random.default_rng(0), share=share)
    found = strictness(ratings)
    assert found.values == pytest.approx(by_dummies(ratings))
    assert found.islands == 1
    if share == 1:
        assert found.values == pytest.approx(ratings.mean() - ratings.mean(axis=0))
        apart = ratings.mean(axis=1, keepdims=True) - ratings
        assert np.sqrt(np.diag(found.covariance)) == pytest.approx(apart.std(axis=0, ddof=1) / 10, rel=1e-9)


def test_who_rates_worse_images_is_not_strict():
    """Two halves of the images, the second much worse; the evaluators share a tenth of them."""
    rng = np.random.default_rng(1)
    quality = np.repeat([0.7, 0.3], 200)
    ratings = np.clip(quality[:, None] + 0.1 * rng.normal(size=(400, 4)), 0, 1)
    ratings[220:, :2] = ratings[:180, 2:] = np.nan
    assert np.abs(np.nanmean(ratings) - np.nanmean(ratings, axis=0)).min() > 0.15
    assert np.abs(strictness(ratings).values).max() < 0.05


def test_coverage_and_error():
    """400 studies of 5 x 60: intervals of 2,000 values, and how often people who are alike are said to differ."""
    hits, alike = [], []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        bias = 0.1 * rng.normal(size=5)
        ratings = rng.normal(size=60)[:, None] - bias + (0.2 + 0.2 * np.arange(5)) * rng.normal(size=(60, 5))
        truth = bias - bias.mean()
        hits += [low <= value <= high for (low, high), value in zip(strictness(ratings).intervals, truth, strict=True)]
        alike.append(strictness(ratings + bias).p < 0.05)
    assert 0.93 <= np.mean(hits) <= 0.97
    assert np.mean(alike) <= 0.08


def test_spread_is_not_chances():
    rng = np.random.default_rng(3)
    alike = [strictness(rated(rng, 60, 5, 0.0)) for _ in range(40)]
    assert np.mean([each.spread for each in alike]) < 0.02
    wide = rng.normal(size=2000)[:, None] + np.array([-0.3, 0.0, 0.3]) + 0.1 * rng.normal(size=(2000, 3))
    assert strictness(wide).spread == pytest.approx(0.3, abs=0.01)


def test_islands_and_loners():
    ratings = np.full((4, 5), np.nan)
    ratings[:2, :2], ratings[2:, 2:4], ratings[0, 4] = [[0, 0.5], [0.25, 0.5]], [[1, 0.5], [1, 0.75]], np.nan
    found = strictness(ratings)
    assert found.islands == 2 and np.isnan(found.p) and np.isnan(found.spread)
    assert np.isnan(found.values[4])
    assert found.values[:2] == pytest.approx(-found.values[1::-1])
    alone = strictness(np.array([[0.5], [1.0]]))
    assert np.isnan(alone.values).all() and np.isnan(alone.p)


def test_a_rating_does_not_move_itself():
    """What is taken off a fold's ratings rests on the other folds'."""
    rng = np.random.default_rng(4)
    ratings = rated(rng, 40, 4, 0.0)
    folds = np.arange(40) % 2
    before = without_strictness(ratings, folds)
    changed = ratings.copy()
    changed[folds == 0, 0] = 0.0
    after = without_strictness(changed, folds)
    assert (after[folds == 0, 1:] == before[folds == 0, 1:]).all()
    assert after[folds == 0, 0].max() < 0.1
    assert (after[folds == 1, 0] > before[folds == 1, 0]).any()
    assert after.min() >= 0 and after.max() <= 1


def test_interval_alpha_is_krippendorffs():
    ratings = rated(np.random.default_rng(5), share=0.6)
    assert interval_alpha(ratings) == pytest.approx(krippendorff_alpha(ratings, "interval"))
    assert np.isnan(interval_alpha(np.array([[0.5, np.nan]])))
