"""Screening of evaluators: who is named, who is not, how often it is wrong, and the pair in tifa160."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from calibration.core.resampling import Resampling, group_draws
from calibration.people.screening import _Beside, _grouped, _relation, _unrelated, screen
from calibration.pipeline import calibrate_tables
from calibration.settings import Settings

NAMES = list("abcde")


def study(count, seed, kind="fair", people=5):
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=(count, 1))
    answers = quality + rng.normal(size=(count, people)) * rng.uniform(0.6, 1.1, people) + 0.3 * rng.normal(size=people)
    ratings = np.clip(np.rint(3 + answers), 1, 5)
    if kind == "random":
        ratings[:, 0] = rng.integers(1, 6, count)
    elif kind == "inverted":
        ratings[:, 0] = 6 - ratings[:, 0]
    elif kind == "copied":
        same = rng.random(count) < 0.7
        ratings[same, 0] = ratings[same, 1]
    elif kind == "constant":
        ratings[:, 0] = 3
    return ratings


@pytest.mark.parametrize(
    ("kind", "named", "least"),
    [("random", (0,), 1.0), ("inverted", (0,), 1.0), ("copied", (0, 1), 0.95), ("constant", (0,), 1.0)],
)
def test_power_at_five_evaluators_and_a_thousand_images(kind, named, least):
    found = [named in [flag.evaluators for flag in screen(study(1024, seed, kind), NAMES)] for seed in range(12)]
    assert np.mean(found) >= least


def test_a_relation_that_is_sure_but_next_to_nothing_is_named():
    ratings = study(4000, 0)
    own = np.random.default_rng(1).random(4000) < 0.05  # a twentieth of the answers is meant, the rest is noise
    ratings[:, 0] = np.where(own, ratings[:, 1], study(4000, 2)[:, 0])
    flag = screen(ratings, NAMES)[0]
    assert flag.evaluators == (0,) and "hardly any relation to the others (Spearman 0.0" in flag.sentence


def test_fair_evaluators_are_hardly_ever_named():
    named = [bool(screen(study(256, seed), NAMES)) for seed in range(60)]
    assert np.mean(named) <= 0.12  # 5 % are said; binomial, 60 studies


def test_few_images_of_people_who_agree_little_name_hardly_anybody():
    """That a correlation is not clearly above 0 says nothing where the others' are hardly clearer."""
    rng, named = np.random.default_rng(0), []
    for _ in range(100):
        answers = 3 + rng.normal(size=(20, 1)) + 1.25 * rng.normal(size=(20, 5))
        found = screen(np.clip(np.rint(answers), 1, 5), NAMES)
        named.append(any(len(flag.evaluators) == 1 for flag in found))
    assert np.mean(named) <= 0.12  # 5 % are said; binomial, 100 studies


def test_copies_are_found_where_nobody_rated_every_image():
    ratings = study(1024, 0, people=10)
    ratings[:, 1] = ratings[:, 0]
    rng = np.random.default_rng(1)
    for row in ratings:
        row[rng.permutation(10)[:5]] = np.nan
    assert [flag.evaluators for flag in screen(ratings, list("abcdefghij"))] == [(0, 1)]


def test_ten_prompts_name_no_honest_pair():
    found = []
    for seed in range(100):
        rng = np.random.default_rng(1000 + seed)
        prompts = np.repeat(np.arange(10), 16)
        own = rng.normal(size=(10, 5))[prompts] / 2  # what each person holds of each prompt
        found.append(screen(study(160, seed) + own, NAMES, groups=prompts))
    assert sum(any(len(flag.evaluators) == 2 for flag in flags) for flags in found) <= 5  # 8 by normal quantiles
    copied = [screen(study(640, seed, "copied"), NAMES, groups=np.repeat(np.arange(10), 64)) for seed in range(10)]
    assert all((0, 1) in [flag.evaluators for flag in flags] for flags in copied)
    assert screen(study(160, 0, "copied"), NAMES, groups=np.zeros(160)) == []  # one group says nothing of others


@pytest.mark.parametrize("groups", [None, np.arange(60) // 4])
def test_two_who_rate_against_each_other_are_named_together(groups):
    ratings = study(60, 0)[:, :1]
    (flag,) = screen(np.column_stack([ratings, 6 - ratings]), ["a", "b"], 0, groups)
    assert flag.evaluators == (0, 1) and "read the scale the other way round (Spearman -1.00)" in flag.sentence
    assert screen(np.column_stack([ratings, ratings]), ["a", "b"], 0, groups) == []


def test_the_words():
    (flag,) = screen(study(500, 0, "inverted"), NAMES)
    assert flag.sentence.startswith("a rated against the others; perhaps") and "Spearman -0." in flag.sentence
    (flag,) = screen(study(500, 1, "copied"), NAMES)
    assert "a and b rated more alike than the images explain (correlation 0." in flag.sentence
    (flag,) = screen(study(500, 1, "constant"), NAMES)
    assert flag.sentence == "a gave 500 images the same rating, although the others' ratings of them differ."


@pytest.mark.filterwarnings("error")
def test_someone_who_rated_only_images_of_their_own_does_no_harm():
    ratings = study(520, 0, "copied")
    ratings[500:, :4], ratings[:500, 4] = np.nan, np.nan
    assert (0, 1) in [flag.evaluators for flag in screen(ratings, NAMES)]


@pytest.mark.parametrize("people", [1, 2, 3])
def test_pairs_take_four_evaluators(people):
    ratings = study(300, 0, people=people)
    ratings = np.column_stack([ratings, ratings[:, 0]])[:, : max(people, 2)]
    assert all(len(flag.evaluators) == 1 for flag in screen(ratings, NAMES[: ratings.shape[1]]))


def test_constant_evaluators_gaps_and_few_items_do_no_harm():
    ratings = study(100, 0)
    ratings[:, 2] = 3
    ratings[np.random.default_rng(0).random(ratings.shape) < 0.2] = np.nan
    (flag,) = screen(ratings, NAMES)
    rated = ~np.isnan(ratings)
    assert flag.evaluators == (2,) and f"c gave {(rated[:, 2] & (rated.sum(axis=1) > 1)).sum()} images" in flag.sentence
    assert screen(study(10, 0, "random"), NAMES) == [] == screen(study(10, 0, "constant"), NAMES)
    assert screen(np.full((100, 5), 3.0), NAMES) == []  # people who all say the same are not told apart


def test_at_the_end_of_the_scale_one_rating_takes_more_images():
    """Somebody lenient gives 5 to thirty images honestly; nobody gives 3 to all."""
    ratings = study(60, 0)
    few = ratings[:30].copy()
    few[:, 0] = 5
    assert screen(few, NAMES) == []
    few[:, 0] = 3
    assert [flag.evaluators for flag in screen(few, NAMES)] == [(0,)]
    ratings[:, 0] = 5
    assert [flag.evaluators for flag in screen(ratings, NAMES)] == [(0,)]


def test_what_one_group_of_images_shows_accuses_nobody():
    ratings = study(60, 0, "inverted")
    assert screen(ratings, NAMES, groups=np.zeros(60)) == []
    assert (0,) in [flag.evaluators for flag in screen(ratings, NAMES, groups=np.arange(60) // 3)]


def test_how_strict_the_others_are_is_not_taken_for_quality():
    """Everyone rates a third of the images: whose means they are must not hide that people agree."""
    for seed in range(10):
        rng = np.random.default_rng(seed)
        latent = rng.normal(size=(400, 1)) + 2 * np.resize([-1, 1], 6) + 0.7 * rng.normal(size=(400, 6))
        ratings = np.clip(np.rint(3 + latent), 1, 5)
        ratings[rng.random(ratings.shape) > 1 / 3] = np.nan
        assert screen(ratings, list("abcdef")) == []


def test_the_dependent_pair_of_tifa160_is_named_and_nobody_else(shared):
    table = pd.read_csv(shared / "data" / "tifa160" / "ratings_as_published.csv", dtype={"worker_id": str})
    wide = table.pivot(index="item", columns="worker_id", values="answer")
    (flag,) = screen(wide.to_numpy(float), list(wide.columns))
    # the issue: these two correlate .897, all others .63-.70
    assert [wide.columns[place] for place in flag.evaluators] == ["4375840905", "4375843592"]
    assert "correlation 0.90, where 0.6" in flag.sentence


def test_the_report_names_them():
    ratings = study(200, 3, "inverted")
    rows = [(f"i{i}", NAMES[e], int(ratings[i, e])) for i in range(200) for e in range(5)]
    table = pd.DataFrame(rows, columns=["item", "evaluator", "rating"])
    task = calibrate_tables(table, settings=Settings(draws=0)).report["tasks"]["rating"]
    assert any("a rated against the others" in note for note in task["notes"])
    assert any("a rated against the others" in note for note in task["evaluators"]["a"]["notes"])


@pytest.mark.parametrize("kind", ["random", "constant"])
def test_the_report_shows_the_results_without_whom_it_names(kind):
    ratings = study(300, 3, kind)
    rows = [(f"i{i}", NAMES[e], int(ratings[i, e])) for i in range(300) for e in range(5)]
    table = pd.DataFrame(rows, columns=["item", "evaluator", "rating"])
    scores = pd.DataFrame({"item": [f"i{i}" for i in range(300)], "m": ratings[:, 1:].mean(axis=1)})
    task = calibrate_tables(table, scores, settings=Settings(draws=0)).report["tasks"]["rating"]
    found = task["without_flagged"]
    without = calibrate_tables(table[table["evaluator"] != "a"], scores, settings=Settings(draws=0)).report["tasks"][
        "rating"
    ]
    assert found["left_out"] == ["a"]
    assert found["alpha"] == task["agreement"]["krippendorff_alpha"]["ordinal"] < found["alpha_without"]
    assert found["alpha_without"] == pytest.approx(without["agreement"]["krippendorff_alpha"]["ordinal"])
    expected = without["metrics"]["m"]
    assert found["metrics"]["m"]["skill_without"] == pytest.approx(expected["cross_validation"]["skill"])
    assert found["metrics"]["m"]["spearman_without"] == pytest.approx(expected["spearman"])
    assert without["without_flagged"] is None
    place = task["notes"].index(next(note for note in task["notes"] if note.startswith("a ")))
    assert task["notes"][place + 1] == (
        "The results without a stand under 'With and without a': "
        f"Krippendorff's ordinal alpha is {found['alpha_without']:.2f} in place of {found['alpha']:.2f}, "
        f"the average evaluator's skill is {found['metrics']['m']['person_skill_without']:.2f} in place of "
        f"{found['metrics']['m']['person_skill']:.2f}."
    )


def beside(column, own, mean):
    return _Beside(column, np.ones(len(own), dtype=bool), np.asarray(own, dtype=float), np.asarray(mean, dtype=float))


def test_the_error_of_a_rank_correlation_is_fiellers():
    rng = np.random.default_rng(0)
    found = _relation(beside(0, rng.normal(size=28), rng.normal(size=28)), 0, None)
    assert (found.error, found.freedom) == (pytest.approx(1.03 / 5), 25)


def test_the_error_with_groups_by_hand():
    """Three groups are drawn; a bootstrap's standard error of three is too small by sqrt(2 / 3)."""
    rng, codes = np.random.default_rng(1), np.repeat(np.arange(3), 8)
    mean = rng.normal(size=24)
    own = mean + rng.normal(size=24)
    rho = stats.spearmanr(own, mean).statistic
    drawn = []
    for weight in next(group_draws(codes, Resampling(200, 5)).blocks(200)).astype(int):
        drawn.append(stats.spearmanr(np.repeat(own, weight), np.repeat(mean, weight)).statistic)
    error = np.std(drawn) * np.sqrt(3 / 2)
    found = _grouped(own, mean, rho, codes, 5)
    assert found == pytest.approx((stats.t.sf(rho / error, 2), error / (1 - rho**2), 2))


def reversed_with_p(p, people):
    """Ratings that go against the mean with about this one-sided p, and others who go with it."""
    rng, mean = np.random.default_rng(2), np.arange(30.0)
    for _ in range(20_000):
        own = rng.permutation(30).astype(float)
        if 0.7 * p < stats.spearmanr(own, mean, alternative="less").pvalue < p:
            others = [beside(one, mean + 4 * rng.normal(size=30), mean) for one in range(1, people)]
            return [beside(0, own, mean), *others]
    raise AssertionError("none found")


@pytest.mark.parametrize(("p", "against"), [(0.004, False), (0.0009, True)])
def test_more_people_make_it_harder_to_be_said_to_rate_against_the_others(p, against):
    """One of five who are tested, so that less than a fifth of .005 is asked for."""
    flags = _unrelated(reversed_with_p(p, 5), NAMES, 0, None)
    assert [flag.evaluators for flag in flags] == [(0,)]
    assert ("rated against the others" in flags[0].sentence) is against
