"""Heads in pairs: the difference has an interval of its own, and what is recommended is better beyond chance."""

import numpy as np
import pytest

from calibration.aesthetic.evaluation import evaluate
from calibration.aesthetic.paired import paired_differences, pairs_table, recommend
from tests.calibration.aesthetic.made import made_votes


def test_a_difference_is_found_though_the_intervals_of_the_figures_overlap():
    votes, rng = made_votes(400), np.random.default_rng(0)
    common = rng.normal(size=400)
    one, other = votes.means + 0.6 * common, votes.means + 0.55 * common
    first, second = (evaluate(name, values, votes) for name, values in (("one", one), ("other", other)))
    assert second.mae.high > first.mae.low  # they overlap
    found = paired_differences(one, other, votes)
    assert found["mae"].value == pytest.approx(second.mae.value - first.mae.value)
    assert found["mae"].high < 0 and found["spearman"].low > 0


def test_heads_that_are_equally_good_are_told_apart_in_one_of_twenty_at_most():
    told = 0
    for seed in range(150):
        votes, rng = made_votes(120, seed, groups=20), np.random.default_rng(seed)
        one, other = (votes.means + 0.5 * rng.normal(size=120) for _ in range(2))
        found = paired_differences(one, other, votes)["mae"]
        told += not found.low <= 0 <= found.high
    assert told <= 15  # 7.5 are expected


def test_the_plain_head_is_recommended_unless_another_is_better_beyond_chance_without_losing_order():
    votes, rng = made_votes(400), np.random.default_rng(0)
    y = votes.means
    plain = 5.4 + 0.5 * (y - 5.4) + 0.05 * rng.normal(size=400)
    spread = 5.4 + 2 * (plain - 5.4)
    noisy = y + 0.9 * rng.normal(size=400)
    hardly = plain + 0.01 * rng.normal(size=400)
    assert recommend({"plain": plain, "balanced": noisy}, votes)[0] == "plain"
    assert recommend({"plain": plain, "balanced": hardly}, votes)[0] == "plain"
    name, why = recommend({"plain": plain, "balanced": noisy, "ridge-matched": spread}, votes)
    assert name == "ridge-matched" and why.startswith("Take ridge-matched: on the validation images")


def test_a_match_without_training_is_named_where_balancing_is_not_told_apart():
    votes, rng = made_votes(400), np.random.default_rng(0)
    y = votes.means
    errors = 0.05 * rng.normal(size=(2, 400))
    matches = (errors[0] * (1 + 0.3 * rng.choice([-1, 1], 400)) for _ in range(50))
    alike = next(
        each for each in matches if paired_differences(y + errors[0], y + each, votes)["balanced_mae"].value > 0.0001
    )
    answers = {"plain": 5.4 + 0.5 * (y - 5.4), "ridge-matched": y + alike, "balanced": y + errors[0]}
    name, why = recommend(answers, votes)
    assert name == "balanced" and "ridge-matched, without other training, is not told apart from it" in why
    name, why = recommend({**answers, "balanced": y + 0.2 * errors[1]}, votes)
    assert name == "balanced" and "ridge-matched" not in why


def test_a_rounding_is_not_better():
    votes, rng = made_votes(400), np.random.default_rng(0)
    plain = 5.4 + 0.5 * (votes.means - 5.4) + 0.05 * rng.normal(size=400)
    same = plain + 1e-7 * np.sign(votes.means - plain)
    assert paired_differences(plain, same, votes)["balanced_mae"].high < 0  # beyond chance, and nothing
    name, why = recommend({"ridge": same, "plain": plain}, votes)
    assert name == "plain" and "no other head" in why


def condensed(votes, rng):
    return 5.4 + 0.15 * (votes.means + 2 * rng.normal(size=len(votes)) - 5.4)


def test_of_heads_that_are_not_told_apart_the_one_with_the_lower_error_is_taken():
    votes, rng = made_votes(400), np.random.default_rng([0, 1])
    y = votes.means
    errors = (rng.uniform(0.1, 1.9, (2, 400)) * rng.choice([-1, 1], (2, 400)) for _ in range(20))
    sizes = np.where((y < 4) | (y > 7), 0.15, 0.38)  # better far out, worse in the middle
    made = ({"ridge-matched": y + 0.3 * first, "balanced": y + sizes * second} for first, second in errors)
    answers, dearer = next(
        (each, found)
        for each in made
        if (found := paired_differences(each["ridge-matched"], each["balanced"], votes))["balanced_mae"].value < 0
    )
    assert dearer["balanced_mae"].high > 0
    answers = {"plain": condensed(votes, rng), **answers}
    name, why = recommend(answers, votes)
    value, low, high = dearer["mae"]
    assert name == "ridge-matched" and low > 0
    assert f"and its MAE over all images is higher ({value:+.3f} ({low:+.3f} to {high:+.3f}))" in why


def test_what_the_recommended_head_costs_is_said():
    votes, rng = made_votes(400), np.random.default_rng([0, 1])
    answers = {"plain": condensed(votes, rng), "balanced": votes.means + 0.7 * rng.choice([-1, 1], 400)}
    value, low, high = paired_differences(answers["plain"], answers["balanced"], votes)["mae"]
    name, why = recommend(answers, votes)
    assert name == "balanced" and low > 0 and f"its MAE over all images {value:+.3f} ({low:+.3f} to {high:+.3f})" in why


def test_of_few_challenges_nothing_is_told():
    votes = made_votes(100, groups=4)
    name, why = recommend({"plain": 5 + 0 * votes.means, "balanced": votes.means}, votes)
    assert name == "plain" and "fewer than 6 groups" in why


def test_the_table_of_pairs():
    votes = made_votes(60)
    table = pairs_table({"a": votes.means, "b": votes.means + 1, "c": votes.means}, votes)
    assert table[["head", "less"]].to_numpy().tolist() == [["b", "a"], ["c", "a"]]
    assert table.loc[0, "mae"] == "+1.000 (+1.000 to +1.000)"
    assert pairs_table({"a": votes.means}, votes).empty
