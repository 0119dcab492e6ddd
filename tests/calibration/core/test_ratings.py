"""What is handed on: the ratings of the scored items with what belongs to them, and nothing that is made twice."""

import numpy as np
import pandas as pd
import pytest

from calibration.core.crossvalidation import cross_validate
from calibration.core.evaluator_weights import best_constant
from calibration.core.item_folds import item_folds
from calibration.core.ratings import Ratings, ScoredTask
from calibration.core.resampling import Resampling
from calibration.scale import Scale

SEVEN = Scale.parse("1-7")


def table(items=12, people=("x", "y")):
    rng = np.random.default_rng(0)
    names = [f"i{number:02d}" for number in range(items)]
    rows = pd.DataFrame([(item, who) for item in names for who in people], columns=["item", "evaluator"])
    return rows.assign(rating=rng.integers(1, 8, len(rows)))


def test_a_table_becomes_a_matrix_by_names_whatever_the_order_of_its_rows():
    rows = table()
    made, shuffled = (Ratings.of_table(each, ["y", "x"], {}, SEVEN) for each in (rows, rows.sample(frac=1)))
    assert (made.values == shuffled.values).all() and list(made.items) == sorted(rows["item"].unique())
    wide = rows.pivot(index="item", columns="evaluator", values="rating")[["y", "x"]]
    assert made.values == pytest.approx((wide.to_numpy() - 1) / 6)


def test_an_item_without_a_prompt_is_a_group_of_its_own_and_few_prompts_are_held_out_but_not_drawn():
    prompts = pd.Series({f"i{number:02d}": f"p{number % 6}" for number in range(11)})
    made = Ratings.of_table(table(), ["x", "y"], {"prompt": prompts})
    assert made.groupings["prompt"][-1] == "i11"
    assert (made.clustered_by, made.clusters, made.held_out_by) == (None, None, "prompt")
    assert (made.folds == item_folds(made.held_together)).all()


def study():
    rng = np.random.default_rng(1)
    values = rng.integers(0, 7, (30, 3)) / 6
    values[rng.random(values.shape) < 0.2] = np.nan
    groupings = {"prompt": np.repeat(np.arange(10), 3), "model": np.tile(np.arange(3), 10)}
    return Ratings(values, SEVEN, 2.0, Resampling(50, 4), groupings, "prompt", "prompt", evaluators=list("abc"))


def test_what_is_chosen_keeps_all_that_belongs_to_it_and_is_made_once():
    ratings, chosen = study(), np.arange(30) % 4 > 0
    some = ratings.of(chosen)
    assert some is ratings.of(chosen.copy()) and ratings.of(np.ones(30, dtype=bool)) is ratings
    assert np.array_equal(some.values, ratings.values[chosen], equal_nan=True)
    assert list(some.items) == np.flatnonzero(chosen).tolist() and some.evaluators == list("abc")
    assert (some.clusters == ratings.clusters[chosen]).all()
    assert (some.scale, some.k, some.resampling) == (SEVEN, 2.0, Resampling(50, 4))
    assert (some.folds == item_folds(some.held_together, seed=4)).all()
    assert some.constant(1.0) == best_constant(some.values, 1.0, SEVEN)


def test_what_depends_on_people_alone_is_made_once_for_the_metrics_that_scored_the_same_items():
    ratings, made = study(), []

    def make(of):
        made.append(of)
        return len(made)

    scores = np.where(np.arange(30) < 20, np.arange(30.0), np.nan)
    tasks = [ScoredTask.of(each, ratings) for each in (scores, -scores, np.arange(30.0))]
    assert [task.ratings.once(make) for task in tasks] == [1, 1, 2]
    assert [len(of.values) for of in made] == [20, 30]


def test_a_scored_task_has_the_scores_that_are_there_and_can_be_rated_otherwise():
    ratings, scores = study(), np.where(np.arange(30) % 5, np.arange(30.0), np.nan)
    task = ScoredTask.of(scores, ratings, "lower", "m", ["s"])
    assert task.n_scores == 24 and (task.better == -task.scores).all()
    assert np.array_equal(task.aligned, scores, equal_nan=True)
    own = task.ratings.values
    expected = cross_validate(task.scores, own, 2.0, "lower", best_constant(own, 2.0, SEVEN), SEVEN)
    assert task.cross_validated().grade_mean == expected.grade_mean
    other = task.with_ratings(Ratings(1 - ratings.values, SEVEN, 2.0))
    assert np.array_equal(other.ratings.values, 1 - own, equal_nan=True)
    assert (other.direction, other.name, other.signatures, other.n_scores) == ("lower", "m", ["s"], 24)
    assert other.cross_validated().grade_mean != expected.grade_mean
