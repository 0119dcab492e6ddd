"""ITU-T P.1401's figures, by hand and against SciPy."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from calibration.metric.monotone_cubic import fit_monotone_cubic
from calibration.metric.telecom import Telecom, significance, significance_entry, telecom, telecom_entry
from calibration.pipeline import calibrate_tables
from calibration.report.csv_tables import comparison_rows
from calibration.settings import Settings
from tests.calibration.typed import scored


def study(seed, images=60, noise=1.0):
    rng = np.random.default_rng(seed)
    quality = rng.normal(3, 1, size=images)
    return quality + noise * rng.normal(size=images), np.clip(quality[:, None] + rng.normal(size=(images, 5)), 1, 5)


def test_each_figure_from_its_definition():
    scores, ratings = study(0)
    found = telecom(scores, ratings)
    mos = ratings.mean(axis=1)
    errors = mos - fit_monotone_cubic(scores, mos).predict(scores)
    reach = stats.t.ppf(0.975, 4) * ratings.std(axis=1, ddof=1) / np.sqrt(5)
    assert found.rmse == pytest.approx(np.sqrt(np.sum(errors**2) / 56))
    assert found.rmse_star == pytest.approx(np.sqrt(np.sum(np.maximum(np.abs(errors) - reach, 0) ** 2) / 56))
    assert found.outlier_ratio == pytest.approx(np.mean(np.abs(errors) > reach)) and found.n_outliers == 60
    assert found.srcc == pytest.approx(stats.spearmanr(scores, mos).statistic)
    interval = stats.pearsonr(mos - errors, mos).confidence_interval(0.95)
    assert found.plcc_interval == pytest.approx((interval.low, interval.high), abs=1e-6)
    low, high = found.rmse_interval
    assert low == pytest.approx(found.rmse * np.sqrt(56 / stats.chi2.ppf(0.975, 56))) and low < found.rmse < high


def test_lower_is_better_is_the_mirror_image():
    scores, ratings = study(1)
    up, down = telecom(scores, ratings), telecom(-scores, ratings, "lower")
    assert (up.plcc, up.rmse, up.outlier_ratio) == pytest.approx((down.plcc, down.rmse, down.outlier_ratio))


def test_items_with_one_rating_count_for_the_errors_only():
    scores, ratings = study(2)
    ratings[:20, 1:] = np.nan
    scores[30] = np.nan
    found = telecom(scores, ratings)
    assert (found.n, found.n_outliers) == (59, 39)


def test_significance_by_hand():
    """Fisher's z of .9 and .8 with 103 items: 1.4722 - 1.0986 over sqrt(2/100) = 2.642; F of 1.44 with 99 and 99."""
    nothing = (float("nan"), float("nan"))
    first = Telecom(103, 0.9, 0.9, 0.5, 0.1, 0.2, 103, nothing, nothing, nothing, nothing)
    second = Telecom(103, 0.8, 0.8, 0.6, 0.1, 0.3, 103, nothing, nothing, nothing, nothing)
    found = significance(first, second)
    assert found.plcc == pytest.approx(2 * stats.norm.sf(2.6417), abs=1e-4)
    assert found.rmse == pytest.approx(2 * stats.f.sf(1.44, 99, 99))
    assert found.outlier_ratio == pytest.approx(2 * stats.norm.sf(0.1 / np.sqrt(0.25 * 0.75 * 2 / 103)))
    assert significance(first, first) == pytest.approx((1.0, 1.0, 1.0))


@pytest.mark.parametrize(
    ("scores", "ratings"),
    [
        (np.arange(5.0), np.ones((5, 2))),
        (np.ones(20), np.random.default_rng(0).random((20, 2))),
        (np.arange(20.0), np.ones((20, 3))),
        (np.full(20, np.nan), np.ones((20, 3))),
    ],
)
def test_where_there_is_nothing_to_judge(scores, ratings):
    assert telecom_entry(scored(scores, ratings / 5)) is None


def test_tifa160(shared):
    folder = shared / "data" / "tifa160"
    answers = pd.read_csv(folder / "ratings_as_published.csv").pivot(index="item", columns="worker_id", values="answer")
    scores = pd.read_csv(folder / "scores.csv").pivot(index="item", columns="metric", values="score").loc[answers.index]
    found = telecom(scores["tifa_mplug-large"].to_numpy(), answers.to_numpy(dtype=float))
    assert found.srcc == pytest.approx(0.608, abs=0.0005)
    assert found.plcc > 0.590  # Pearson before the mapping
    assert (
        telecom_entry(scored(scores["clipscore_vitb32"].to_numpy(), (answers.to_numpy(dtype=float) - 1) / 4))["rmse"]
        > found.rmse
    )


def test_the_tests_of_two_entries_are_those_of_their_figures():
    rng = np.random.default_rng(0)
    quality = rng.normal(size=200)
    ratings = np.clip(np.round(2 + quality[:, None] + rng.normal(size=(200, 4))), 0, 4) / 4
    scores = [quality + noise * rng.normal(size=200) for noise in (0.2, 1.0)]
    entries = [telecom_entry(scored(each, ratings)) for each in scores]
    expected = significance(*(telecom(each, ratings * 4 + 1) for each in scores))
    assert significance_entry(*entries) == expected._asdict()
    assert significance_entry(entries[0], None) is None
    table = pd.DataFrame({"item": range(200), "good": scores[0], "poor": scores[1]}).astype({"item": str})
    rows = [(str(i), f"e{e}", ratings[i, e] * 4 + 1) for i in range(200) for e in range(4)]
    people = pd.DataFrame(rows, columns=["item", "evaluator", "rating"])
    calibration = calibrate_tables(people, table, settings=Settings(draws=0))
    assert calibration.report["tasks"]["rating"]["comparison"]["pairs"][0]["p1401"] == pytest.approx(expected._asdict())
    assert comparison_rows(calibration.model).loc[0, "p1401_rmse_p"] == pytest.approx(expected.rmse)
