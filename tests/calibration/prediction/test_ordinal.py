"""Proportional odds: the optimum is statsmodels', the penalty shrinks, and nothing breaks where a level is missing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.prediction.ordinal import fit_ordinal, fit_ordinals, level_counts


def sample(images, people, features, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(images, features))
    answers = 2 + x @ np.linspace(1, 0.2, features)[:, None] + rng.logistic(size=(images, people)) * 0.6
    return x, np.clip(np.rint(answers), 0, 4) / 4


@pytest.mark.parametrize("features", [1, 3])
def test_without_a_penalty_the_fit_is_that_of_statsmodels(features):
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    x, ratings = sample(150, 3, features, 0)
    ours = fit_ordinal(x, level_counts(ratings), penalty=0.0, prior=0.0)
    model = OrderedModel((ratings * 4).astype(int).ravel(), np.repeat(x, 3, axis=0), distr="logit")
    theirs = model.fit(method="bfgs", disp=False, gtol=1e-9)
    assert ours.coefficients == pytest.approx(theirs.params[:features], abs=2e-4)
    assert ours.cuts == pytest.approx(model.transform_threshold_params(theirs.params)[1:-1], abs=2e-4)
    shares = ours.probabilities(x)
    of_given = shares[np.arange(150)[:, None], (ratings * 4).astype(int)]
    assert np.log(of_given).sum() == pytest.approx(theirs.llf, abs=1e-5)


def test_a_larger_penalty_shrinks_the_coefficients_towards_nothing():
    x, ratings = sample(100, 3, 2, 1)
    sizes = [np.linalg.norm(fit_ordinal(x, level_counts(ratings), p).coefficients) for p in (0.1, 10, 1000, 1e9)]
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] < 1e-4 < sizes[0]


def test_the_penalised_fit_is_an_optimum():
    x, ratings = sample(60, 2, 2, 2)
    counts, penalty = level_counts(ratings), 5.0
    fit = fit_ordinal(x, counts, penalty, prior=0.0)

    def value(coefficients):
        shares = type(fit)(coefficients, fit.cuts).probabilities(x)
        return np.sum(counts * np.log(shares)) - penalty / 2 * coefficients @ coefficients

    best = value(fit.coefficients)
    for step in ([1e-3, 0], [-1e-3, 0], [0, 1e-3], [0, -1e-3]):
        assert value(fit.coefficients + np.array(step)) < best


def test_many_sets_at_once_are_fitted_as_each_alone():
    studies = [sample(images, 3, 2, images) for images in (5, 60, 17, 200, 2)]
    counts = [level_counts(ratings) for _, ratings in studies]
    counts[1][:20] = 0  # items that nobody rated count for nothing
    together = fit_ordinals([x for x, _ in studies], counts, 3.0)
    for (x, _), given_, fit in zip(studies, counts, together, strict=True):
        alone = fit_ordinal(x[given_.any(axis=1)], given_[given_.any(axis=1)], 3.0)
        assert fit.coefficients == pytest.approx(alone.coefficients, abs=1e-12)
        assert fit.cuts == pytest.approx(alone.cuts, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 20), st.integers(0, 3), st.integers(0, 10**6), st.lists(st.integers(0, 4), min_size=1, max_size=2)
)
def test_any_data_give_a_distribution(images, features, seed, levels):
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(size=(images, features)))
    ratings = rng.choice(levels, size=(images, 2)) / 4
    ratings[rng.random(ratings.shape) < 0.3] = np.nan
    fit = fit_ordinal(x, level_counts(ratings))
    shares = fit.probabilities(x)
    assert np.isfinite(fit.coefficients).all() and (np.diff(fit.cuts) > 0).all()
    assert (shares >= 0).all() and shares.sum(axis=1) == pytest.approx(1)


def test_counts_take_a_rating_between_two_levels_for_the_nearest():
    assert level_counts(np.array([[0.3, 0.25, 1.0]])).tolist() == [[0, 2, 0, 0, 1]]
    assert level_counts(np.array([[np.nan]])).sum() == 0
