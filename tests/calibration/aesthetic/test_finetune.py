"""Fine-tuning: few ratings help where they say something new, and do no harm where they do not."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from calibration.aesthetic.finetune import fine_tune
from metrics.aesthetic_head import Head, predict
from metrics.errors import InputError


def unit(count, d, seed=0):
    x = np.random.default_rng(seed).normal(size=(count, d))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.fixture(params=["none", "relu"])
def head(request):
    rng = np.random.default_rng(3)
    if request.param == "none":
        return Head("old", "", ((6 * rng.normal(size=(1, 32)), np.array([5.0])),), "none", "M/p")
    sizes = [(12, 32), (8, 12), (1, 8)]
    return Head("old", "", tuple((rng.normal(size=size), rng.normal(size=size[0])) for size in sizes), "relu", "M/p")


def test_evaluators_with_a_taste_of_their_own_are_followed(head):
    x = unit(300, 32)
    taste = 8 * np.random.default_rng(1).normal(size=32)
    y = 0.5 * predict(head, x) + x @ taste + 3 + 0.3 * np.random.default_rng(2).normal(size=300)
    found = fine_tune(head, x, y, np.arange(300) % 10)
    before, after = (spearmanr(answers, y).statistic for answers in (found.before, found.after))
    assert after > before + 0.1 and after > 0.9
    assert found.kept == pytest.approx(0.5, abs=0.15)
    new = Head("new", "", tuple(found.layers), found.activation, "M/p")
    fresh = unit(200, 32, seed=9)
    expected = 0.5 * predict(head, fresh) + fresh @ taste
    assert spearmanr(predict(new, fresh), expected).statistic > 0.95


def test_ratings_that_agree_with_the_head_only_move_its_scale(head):
    x = unit(60, 32)
    y = 2 + 0.25 * predict(head, x) + 0.2 * np.random.default_rng(2).normal(size=60)
    found = fine_tune(head, x, y, np.arange(60) % 10)
    assert spearmanr(found.after, y).statistic > spearmanr(found.before, y).statistic - 0.05
    assert found.moved < 0.5 * np.std(0.25 * predict(head, x))


def test_cross_validated_answers_do_not_follow_noise(head):
    x = unit(200, 32)
    found = fine_tune(head, x, np.random.default_rng(5).normal(5, 1, 200), np.arange(200) % 10)
    assert abs(spearmanr(found.after, np.random.default_rng(5).normal(5, 1, 200)).statistic) < 0.25


def test_too_few_ratings_and_heads_of_distributions_are_refused(head):
    with pytest.raises(InputError, match="Only 20 rated images"):
        fine_tune(head, unit(20, 32), np.ones(20), np.arange(20) % 5)
    logits = Head("d", "", ((np.zeros((10, 32)), np.zeros(10)),), "none", "M/p", tuple(range(1, 11)))
    with pytest.raises(InputError, match="answers a distribution"):
        fine_tune(logits, unit(50, 32), np.ones(50), np.arange(50) % 5)
