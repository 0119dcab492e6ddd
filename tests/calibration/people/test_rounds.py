"""What a later round changes, estimated from images that were asked in several rounds."""

import numpy as np
import pandas as pd
import pytest

from calibration.core.resampling import Resampling
from calibration.people.rounds import round_effects
from calibration.scale import Scale


def table(*answers) -> pd.DataFrame:
    return pd.DataFrame(answers, columns=["item", "evaluator", "round", "rating"])


def study(shift=0.0, images=12, people=4, others=False, noise=0.0, seed=0) -> pd.DataFrame:
    """Everybody rates the images in both rounds, or others do in the second; ratings need not be whole here."""
    rng = np.random.default_rng(seed)
    worth, bias = rng.uniform(2, 4, images), rng.normal(0, 0.3, 2 * people)
    rows = []
    for item in range(images):
        for person in range(people):
            later = person + people * others
            rows.append((f"i{item:02d}", f"e{person}", 1, worth[item] + bias[person] + noise * rng.normal()))
            rows.append((f"i{item:02d}", f"e{later}", 2, worth[item] + bias[later] + shift + noise * rng.normal()))
    return table(*rows)


def test_the_same_people_cancel_their_own_strictness():
    (found,) = round_effects(study(-0.4))
    assert found.round == 2 and found.shift.effect == pytest.approx(-0.1) and found.own.effect == pytest.approx(-0.1)
    for figures in (found.shift, found.own):
        assert (figures.n_images, figures.n_answers, figures.n_evaluators) == (12, 48, 4)


def test_other_people_are_compared_image_by_image():
    rows = study(0.4, others=True)
    (found,) = round_effects(rows)
    means = rows.groupby("round")["rating"].mean()
    assert found.shift.effect == pytest.approx((means[2] - means[1]) / 4)
    assert np.isnan(found.own.effect) and found.own.n_answers == 0


def test_images_that_one_round_lacks_say_nothing():
    more = table(
        *((f"new{number}", "e0", 2, 5) for number in range(9)), *((f"old{number}", "e0", 1, 1) for number in range(9))
    )
    assert round_effects(pd.concat([study(-0.4), more])) == round_effects(study(-0.4))
    (found,) = round_effects(more)
    assert np.isnan(found.shift.effect) and found.shift.n_images == 0


def test_an_image_weighs_by_the_later_rounds_answers():
    rows = table(("a", "x", 1, 1), ("b", "x", 1, 1), ("a", "x", 2, 2), ("b", "x", 2, 3), ("b", "y", 2, 5))
    (found,) = round_effects(rows)
    assert found.shift.effect == pytest.approx((1 + 2 + 4) / 3 / 4) and found.own.effect == pytest.approx(1.5 / 4)


def test_a_repeat_within_a_round_is_not_of_the_next():
    rows = study(-0.4).assign(repeat=0)
    twice = rows[rows["round"] == 1].assign(rating=5, repeat=1)
    assert round_effects(pd.concat([twice, rows])) == round_effects(rows)
    assert round_effects(rows[rows["round"] == 1]) == []


def test_the_order_of_rows_changes_nothing():
    rows = study(0.1, noise=0.4)
    assert round_effects(rows.sample(frac=1, random_state=3), Resampling(60)) == round_effects(rows, Resampling(60))


def test_a_third_round_is_told_through_the_second():
    first = study(0.4)
    worth = {f"j{number}": 2 + number / 9 for number in range(9)}
    second = table(*((item, f"e{person}", 2, value + 0.4) for item, value in worth.items() for person in range(4)))
    third = table(*((item, f"e{person}", 3, value - 0.2) for item, value in worth.items() for person in range(4)))
    found = round_effects(pd.concat([first, second, third]))
    assert [each.round for each in found] == [2, 3]
    assert [each.shift.effect for each in found] == pytest.approx([0.1, -0.05])  # against the first round
    assert found[1].own.effect == pytest.approx(-0.15)  # against each one's first answer, which was in the second
    alone = round_effects(
        pd.concat([first, table(("z", "e0", 3, 4), ("z", "e1", 4, 5), *((f"z{n}", "e1", 3, 1) for n in range(3)))])
    )
    assert [each.round for each in alone] == [2, 3, 4] and alone[0].shift.effect == pytest.approx(0.1)
    assert np.isnan(alone[1].shift.effect)


def test_least_squares_takes_all_links():
    """Three rounds of one image each pair: the effects are those of a regression on images and rounds."""
    rows = table(
        *(("a", "x", number, value) for number, value in ((1, 2), (2, 4))),
        *(("b", "x", number, value) for number, value in ((2, 3), (3, 3))),
        *(("c", "x", number, value) for number, value in ((1, 1), (3, 4))),
    )
    design = np.array([[1, 0], [-1, 1], [0, 1]])  # b2 = 2, b3 - b2 = 0, b3 = 3
    expected = np.linalg.lstsq(design, np.array([2, 0, 3]), rcond=None)[0] / 4
    assert [each.shift.effect for each in round_effects(rows)] == pytest.approx(list(expected))


def test_intervals():
    (found,) = round_effects(study(-0.4, noise=0.5, images=20, people=5), Resampling(200))
    for low, high in (found.shift.these, found.shift.people_like_these):
        assert low < found.shift.effect < high < 0.1
    these, like = found.shift.these, found.shift.people_like_these
    assert found.own.people_like_these == pytest.approx(like)  # everybody rated everything twice
    (wider,) = round_effects(study(-0.4, noise=0.5, images=20, people=5, others=True), Resampling(200))
    assert np.diff(wider.shift.people_like_these) > np.diff(like) and np.diff(like) > 0.5 * np.diff(these)
    assert round_effects(study(-0.4, noise=0.5, images=20, people=5), Resampling(200)) == [found]
    assert np.isnan(round_effects(study(-0.4, noise=0.5), Resampling(0))[0].shift.these).all()


def test_two_people_have_an_interval_for_other_images_only():
    (found,) = round_effects(study(-0.4, noise=0.5, people=2), Resampling(200))
    assert np.isfinite(found.shift.these).all() and np.isnan(found.shift.people_like_these).all()


def test_another_scale_is_brought_to_the_unit_scale():
    rows = study(-0.4)
    (found,) = round_effects(rows.assign(rating=rows["rating"] * 10), scale=Scale(tuple(range(10, 51, 10))))
    assert found.shift.effect == pytest.approx(-0.1)
