"""Whether a metric sorts images and ranks checkpoints as people do: the report's answer, and Simpson's trap."""

import numpy as np
import pandas as pd
import pytest

from calibration.api import calibrate
from calibration.core.resampling import Resampling
from calibration.decision.agreement import Agreement
from calibration.decision.from_tables import StudyTables
from metrics.errors import InputError

STEPS = ("300", "600", "900")


def study(
    between: tuple[float, float, float] = (0.0, 0.0, 0.0),
    shown: tuple[float, float, float] = (0.0, 0.0, 0.0),
    within: float = 1.0,
    noise: float = 0.3,
    rated: tuple[str, ...] = STEPS,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Checkpoints of three steps; people see them `between` apart, the metric `shown` apart and images by `within`."""
    rng = np.random.default_rng(seed)
    items, scores, ratings = [], [], []
    of_prompt = 0.6 * rng.normal(size=24)
    for number, step in enumerate(STEPS):
        for prompt in range(24):
            for draw in range(2):
                item = f"{step}/{prompt}_{draw}"
                own = of_prompt[prompt] + 0.7 * rng.normal()
                items.append({"item": item, "model": "anna", "checkpoint": step, "prompt": f"p{prompt}", "seed": draw})
                scores.append((item, "m", shown[number] + within * own + noise * rng.normal()))
                if step in rated:
                    given = 3 + between[number] + own + 0.5 * rng.normal(size=4)
                    ratings += [
                        (item, f"e{who}", "look", float(np.clip(np.rint(one), 1, 5))) for who, one in enumerate(given)
                    ]
    return (
        pd.DataFrame(items).astype(str),
        pd.DataFrame(scores, columns=["item", "metric", "score"]),
        pd.DataFrame(ratings, columns=["item", "evaluator", "task", "rating"]),
    )


def tables(*args, **more) -> StudyTables:
    items, scores, ratings = study(*args, **more)
    return StudyTables(items, scores, ratings, higher_is_better=["m"], resampling=Resampling(300))


@pytest.mark.parametrize(
    ("within", "noise", "answer"), [(1.0, 0.2, "yes"), (1.0, 2.0, "with care"), (0.0, 1.0, "no"), (-1.0, 0.2, "no")]
)
def test_the_answer_is_the_reports(within, noise, answer):
    items, scores, ratings = study(within=within, noise=noise)
    report = calibrate(ratings, scores, items, draws=300, higher_is_better="m").report
    found = StudyTables(items, scores, ratings, higher_is_better=["m"], resampling=Resampling(300)).agreement("m")
    assert found.sorts == found.answer == answer
    assert report["tasks"]["look"]["metrics"]["m"]["verdict"]["sorts"]["answer"] == answer
    sorting = report["tasks"]["look"]["metrics"]["m"]["sorting"]
    assert (found.accuracy, found.person) == pytest.approx((sorting["metric"], sorting["person"]))
    assert found.accuracy_interval == pytest.approx(sorting["people_like_these"]["metric"])
    assert (found.because == "") == (answer == "yes")


def test_sorting_as_people_do_needs_no_prediction_of_their_ratings():
    """Scores whose order is people's, and whose values say nothing of a rating: squeezed by an exponential."""
    items, scores, ratings = study(noise=0.1)
    scores["score"] = np.exp(3 * scores["score"])
    found = StudyTables(items, scores, ratings, higher_is_better=["m"], resampling=Resampling(300)).agreement("m")
    assert found.sorts == "yes"


def test_a_metric_that_sorts_images_and_ranks_checkpoints_against_people_is_no_judge():
    """Simpson: over all images its accuracy is above chance, and a checkpoint that people like less scores higher."""
    found = tables(between=(0.8, 0.0, -0.8), shown=(-0.7, 0.0, 0.7), within=1.5, noise=0.1).agreement("m")
    assert found.is_simpson
    assert found.answer == "with care"
    assert (found.sorts, found.because) == ("no", "ranks checkpoints as people do")
    assert found.told_apart == 3
    assert found.told_apart_alike == 0


def test_a_metric_that_knows_checkpoints_and_not_their_images_is_used_with_care():
    found = tables(between=(0.9, 0.0, -0.9), shown=(0.9, 0.0, -0.9), within=0.0, noise=0.2).agreement("m")
    assert found.sorts == "with care"
    assert not found.is_simpson
    assert found.between.value > 0.9
    assert found.within.low < 0 < found.within.high
    assert found.told_apart_alike == found.told_apart == 3


def test_ratings_of_one_checkpoint_say_nothing_of_the_order_of_checkpoints():
    """The metric of Simpson's trap, rated within one checkpoint only: it sorts, and that is all that is known."""
    trap = {"between": (0.8, 0.0, -0.8), "shown": (-0.7, 0.0, 0.7), "within": 1.5, "noise": 0.1}
    found = tables(**trap, rated=("600",)).agreement("m")
    assert (found.sorts, found.checkpoints) == ("yes", ("anna/600",))
    assert found.is_of_one_checkpoint
    assert (found.within, found.between, found.is_simpson) == (None, None, False)
    assert tables(**trap).agreement("m").sorts == "no"


def test_points_need_a_metric_that_is_not_against_people():
    """Within checkpoints the slope is clear and positive; the drop that people see would be a rise in points."""
    trap = tables(between=(0.8, 0.0, -0.8), shown=(-0.7, 0.0, 0.7), within=1.5, noise=0.1)
    assert trap.slope("m").is_clear
    found = trap.gate("900", "300", metrics=["m"])
    assert found.gate.metrics[0].drop.unit == "standard deviations"
    assert found.agreements["m"].sorts == "no"
    fair = tables(within=1.0, noise=2.0).gate("900", "300", metrics=["m"])
    assert fair.agreements["m"].sorts == "with care"
    assert fair.gate.metrics[0].drop.unit == "rating steps"


def test_not_calibrated_is_none():
    items, scores, ratings = study()
    one = StudyTables(items, scores, None, higher_is_better=["m"])
    assert one.agreement("m") == Agreement("m")
    assert (one.agreement("m").sorts, one.agreement("m").because) == (None, "people rated its images")
    few = StudyTables(items, scores, ratings[ratings["item"].isin(items["item"][:19])], higher_is_better=["m"])
    assert (few.agreement("m").sorts, few.agreement("m").because) == (None, "enough images")
    rng = np.random.default_rng(0)
    by_chance = ratings.assign(rating=rng.integers(1, 6, len(ratings)).astype(float))
    found = StudyTables(items, scores, by_chance, higher_is_better=["m"], resampling=Resampling(200)).agreement("m")
    assert (found.sorts, found.because) == (None, "people agree")
    alone = StudyTables(items, scores, ratings[ratings["evaluator"] == "e0"], higher_is_better=["m"]).agreement("m")
    assert (alone.sorts, alone.because) == (None, "a metric can be graded")
    assert np.isnan(alone.accuracy)


def test_best_says_it_of_the_metric_that_it_goes_by():
    one = tables(noise=0.2)
    assert one.best("m").agreement.sorts == "yes"
    assert one.best("people").agreement is None
    assert one.best("m+people").agreement.sorts == "yes"


def test_lower_is_better():
    items, scores, ratings = study(noise=0.2)
    scores["score"] *= -1
    found = StudyTables(items, scores, ratings, lower_is_better=["m"], resampling=Resampling(300)).agreement("m")
    assert found.sorts == "yes"
    assert found.within.value > 0.5


def test_unknown_metric():
    with pytest.raises(InputError, match="no scores by 'x'"):
        tables().agreement("x")
