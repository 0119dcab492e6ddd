"""A draw of the bootstrap is the study of the images drawn; very many images are drawn in parts."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from calibration.comparison.model_correlations import MOST_CLUSTERS, ModelStudy
from calibration.core.resampling import Resampling


def study(models, prompts):
    rng = np.random.default_rng(0)
    model, prompt = (each.ravel() for each in np.meshgrid(np.arange(models), np.arange(prompts)))
    quality = model + rng.normal(size=len(model))
    return quality + rng.normal(size=len(model)), np.round(quality, 1), model.astype(str), prompt


def test_a_draw_is_the_study_of_the_clusters_drawn():
    score, rating, model, prompt = study(3, 15)
    made = ModelStudy.of(score, rating, model, prompt, "higher")
    weights = np.random.default_rng(0).multinomial(15, np.full(15, 1 / 15), size=4)
    figures = made.figures(weights.astype(float))
    x, y = stats.rankdata(score), stats.rankdata(rating)  # images keep their ranks
    for at, row in enumerate(weights):
        rows = np.repeat(np.arange(len(score)), row[made.cluster])
        drawn = pd.DataFrame({"x": x[rows], "y": y[rows], "s": score[rows], "r": rating[rows], "m": model[rows]})
        left = drawn[["x", "y"]] - drawn.groupby("m")[["x", "y"]].transform("mean")
        means = drawn.groupby("m")[["s", "r"]].mean()
        assert figures.overall[at] == pytest.approx(drawn["x"].corr(drawn["y"]))
        assert figures.within[at] == pytest.approx(left["x"].corr(left["y"]))
        assert figures.between[at] == pytest.approx(means["s"].corr(means["r"]))


def test_a_model_that_is_not_drawn_does_not_count():
    score, rating, model, _ = study(3, 10)
    made = ModelStudy.of(score, rating, model, model, "higher")  # each model is one cluster
    figures = made.figures(np.array([[1.0, 0.0, 2.0], [0.0, 0.0, 1.0]]))
    assert np.isnan(figures.scores).tolist() == [[False, True, False], [True, True, False]]
    assert figures.between[0] == pytest.approx(1) and np.isnan(figures.between[1])


def test_very_many_images_are_drawn_in_parts_with_the_same_spread():
    score, rating, model, _ = study(2, 20_000)
    made = ModelStudy.of(-score, rating, model, None, "lower")
    assert made.clusters == MOST_CLUSTERS
    spread = made.draw(Resampling(600, 0)).overall.std()
    one = ModelStudy.of(score[:2000], rating[:2000], model[:2000], None, "higher")
    assert one.clusters == 2000
    assert spread * np.sqrt(20) == pytest.approx(one.draw(Resampling(600, 0)).overall.std(), rel=0.15)
