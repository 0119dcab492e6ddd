"""One evaluator with few ratings, or two levels that answer almost equally well, turn no verdict over.

data/quitter_*.csv: three evaluators of 150 made images, and a metric; a fourth evaluator's one rating was enough once.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from calibration.core.crossvalidation import cross_validate
from calibration.core.evaluator_weights import best_constant, constant_costs
from calibration.pipeline import calibrate_tables
from calibration.settings import Settings

DATA = Path(__file__).parent / "data"
SETTINGS = Settings(draws=100)


def judged(ratings: pd.DataFrame) -> dict:
    report = calibrate_tables(ratings, pd.read_csv(DATA / "quitter_scores.csv"), settings=SETTINGS).report
    return next(iter(report["tasks"].values()))


@pytest.fixture(scope="module")
def before():
    ratings = pd.read_csv(DATA / "quitter_before_ratings.csv")
    return ratings, judged(ratings)


def with_a_fourth(ratings: pd.DataFrame, number: int, is_honest: bool) -> pd.DataFrame:
    rng = np.random.default_rng(number)
    means = ratings.groupby("item")["rating"].mean()
    items = rng.choice(means.index, number, replace=False)
    own = np.clip(np.rint(means[items] + 0.7 * rng.normal(size=number)), 1, 5).astype(int) if is_honest else 3
    added = pd.DataFrame({"item": items, "evaluator": "D", "rating": own})
    return pd.concat([ratings, added], ignore_index=True)


@pytest.mark.parametrize("is_honest", [True, False])
@pytest.mark.parametrize("number", [1, 3, 10, 20, 30])
def test_a_fourth_evaluator_with_few_ratings_changes_no_verdict(before, number, is_honest):
    ratings, task = before
    after = judged(with_a_fourth(ratings, number, is_honest))
    for name, entry in task["metrics"].items():
        found = after["metrics"][name]
        assert found["verdict"]["kind"] == entry["verdict"]["kind"] == "stand-in"
        moved = found["cross_validation"]["skill"] - entry["cross_validation"]["skill"]
        assert abs(moved) <= (0.05 if number == 30 else 0.03)
        people = found["cross_validation"]["person_skill"] - entry["cross_validation"]["person_skill"]
        assert abs(people) <= (0.05 if number == 30 else 0.03)
    assert after["evaluators"]["D"]["weight"] == pytest.approx(
        after["metrics"][name]["cross_validation"]["weights"]["D"]
    )
    assert after["evaluators"]["D"]["weight"] < 0.12


def test_the_weights_of_all_are_in_the_report(before):
    _, task = before
    assert [each["weight"] for each in task["evaluators"].values()] == pytest.approx([1 / 3] * 3)


def tie(seed: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A study of 300 images x 5 people whose best constant is a toss-up: 3 and 4 grade .7363 and .7303 at seed 5."""
    rng = np.random.default_rng([17, seed])
    quality = rng.normal(size=300)
    cuts = np.sort(rng.normal(size=4) * 0.3 + np.array([-1.2, -0.4, 0.4, 1.2]))
    bias = 0.4 * rng.normal(size=5)
    gain, own = np.exp(0.2 * rng.normal(size=5)), 0.75 * np.exp(0.25 * rng.normal(size=5))
    ratings = np.digitize(gain * quality[:, None] + bias + own * rng.normal(size=(300, 5)), cuts) / 4
    good = quality + 0.3 * rng.normal(size=300)
    fair = quality + 1.2 * rng.normal(size=300)
    return ratings, {"good": good, "fair": fair, "noise": rng.normal(size=300)}


def test_where_two_levels_nearly_tie_no_skill_is_given_away():
    ratings, scores = tie(5)
    assert (1 - constant_costs(ratings)).max() == pytest.approx(0.7363, abs=5e-5)
    results = {name: cross_validate(values, ratings) for name, values in scores.items()}
    assert {round(result.constant_mean, 4) for result in results.values()} == {0.7363}
    assert results["good"].metric_skill == pytest.approx(0.198, abs=5e-4)
    assert results["noise"].metric_skill < 0


@pytest.mark.parametrize("seed", range(12))
def test_the_constant_of_every_fold_is_the_best_of_all_ratings(seed):
    ratings, scores = tie(seed)
    level = (best_constant(ratings) - 1) / 4
    expected = [1 - np.abs(level - ratings[:, out]).mean() for out in range(5)]
    found = cross_validate(scores["noise"], ratings)
    assert [fold.constant_grade for fold in found.folds] == pytest.approx(expected)
    assert found.constant_mean == pytest.approx(max(1 - np.abs(each - ratings).mean() for each in np.arange(5) / 4))
