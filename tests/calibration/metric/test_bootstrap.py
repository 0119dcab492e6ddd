"""Intervals: every draw is what the cross-validation would find; which question they answer; clusters; real data."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from calibration.core.crossvalidation import confusion_matrix, cross_validate, skill
from calibration.core.evaluator_weights import best_constant, trust, weighted_mean
from calibration.core.grades import sample_scores
from calibration.core.intervals import with_other_people
from calibration.metric.bootstrap import STATISTICS, _about, _Study, metric_intervals
from calibration.people.kappa import kappa
from calibration.pipeline import calibrate_tables
from calibration.report.csv_tables import metric_rows
from calibration.report_folder import write_report
from calibration.settings import Settings
from tests.calibration.prediction.test_predictor import tifa160
from tests.calibration.typed import scored


def study(count, people, seed, noise=1.0):
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=count)
    answers = 2 + quality[:, None] + rng.normal(size=(count, people)) * 0.7
    return quality + noise * rng.normal(size=count), np.clip(np.round(answers), 0, 4) / 4


@settings(max_examples=60, deadline=None)
@given(
    st.integers(3, 30),
    st.integers(2, 5),
    st.integers(0, 10**6),
    st.booleans(),
    st.booleans(),
    st.sampled_from([1.0, 2.0]),
    st.sampled_from(["higher", "lower"]),
)
def test_a_draw_is_the_cross_validation_of_the_images_drawn(count, people, seed, ties, gaps, k, direction):
    scores, ratings = study(count, people, seed)
    rng = np.random.default_rng([seed, 1])
    if ties:
        scores = np.round(scores)
    if gaps:
        ratings[rng.random(ratings.shape) < 0.3] = np.nan
    weights = rng.multinomial(count, np.full(count, 1 / count))
    rows = np.repeat(np.arange(count), weights)
    level = best_constant(ratings, k)
    drawn, without = _Study(scores, ratings, k, direction).statistics(weights[None].astype(float))
    found = {name: values[0] for name, values in drawn.items()}
    expected = cross_validate(scores[rows], ratings[rows], k, direction, level)
    rated = (~np.isnan(ratings[rows])).astype(float)
    pairs = (rated.T @ rated) * np.outer(trust(ratings), trust(ratings))  # how far each is trusted is not drawn anew
    grades = {"grade": expected.metric_grades, "constant": expected.constant_grades, "person": expected.person_grades}
    for name, by_pair in grades.items():
        value = weighted_mean(by_pair, pairs)
        if np.isfinite(value):
            assert found[name] == pytest.approx(value, abs=1e-9)
        for out in range(people):
            others = np.arange(people) != out
            value = weighted_mean(by_pair[np.ix_(others, others)], pairs[np.ix_(others, others)])
            assert without[name][0, out] == pytest.approx(value, abs=1e-9, nan_ok=True)
    if np.isfinite(kappa(expected.confusion)):
        assert found["kappa"] == pytest.approx(kappa(expected.confusion), abs=1e-9)
    target = sample_scores(ratings[rows])
    known = ~np.isnan(target)
    signed = scores[rows] if direction == "higher" else -scores[rows]
    if known.sum() > 1 and np.ptp(signed[known]) > 0 and np.ptp(target[known].round(9)) > 0:
        assert found["spearman"] == pytest.approx(spearmanr(signed[known], target[known]).statistic, abs=1e-9)


def test_without_an_evaluator_the_mappings_are_held():
    scores, ratings = study(60, 4, 0)
    _, without = _Study(scores, ratings, 1.0, "higher").statistics(np.ones((1, 60)), ranked=1)
    everybody, others = cross_validate(scores, ratings), [0, 2, 3]
    grade, constant, person = (
        np.nanmean(grades[np.ix_(others, others)])
        for grades in (everybody.metric_grades, everybody.constant_grades, everybody.person_grades)
    )
    assert without["skill"][0, 1] == pytest.approx(skill(grade, constant))
    assert without["advantage"][0, 1] == pytest.approx(skill(grade, constant) - skill(person, constant))
    assert without["spearman"][0, 1] == pytest.approx(spearmanr(scores, ratings[:, others].mean(axis=1)).statistic)
    levels = [everybody.folds[out].mapping.levels(scores) for out in others]
    table = sum(confusion_matrix(own, ratings[:, out]) for own, out in zip(levels, others, strict=True))
    assert without["kappa"][0, 1] == pytest.approx(kappa(table))


def test_nobody_is_left_out_for_rank_correlations_beyond_the_first_draws():
    scores, ratings = study(60, 4, 0)
    _, without = _Study(scores, ratings, 1.0, "higher").statistics(np.ones((3, 60)), ranked=2)
    assert np.isnan(without["spearman"]).all(axis=1).tolist() == [False, False, True]


def test_other_people_widen_the_interval_and_more_images_narrow_it():
    small, large = (metric_intervals(scored(*study(count, 5, 0), draws=300)) for count in (100, 1600))
    for name in ("spearman", "grade", "skill"):
        widths = [interval.high - interval.low for interval in (small.these[name], large.these[name])]
        assert widths[0] == pytest.approx(4 * widths[1], rel=0.35)
        other = large.people_like_these[name]
        assert other.high - other.low > widths[1]


def test_the_same_seed_gives_the_same_intervals_and_blocks_change_nothing(monkeypatch):
    scores, ratings = study(80, 4, 1)
    first, again, other = (metric_intervals(scored(scores, ratings, draws=200, seed=seed)) for seed in (0, 0, -1))
    assert first == again != other
    monkeypatch.setattr("calibration.core.resampling._MEMORY", 32_000)
    assert metric_intervals(scored(scores, ratings, draws=200)).people_like_these.keys() == set(STATISTICS)


def test_images_that_belong_together_count_together():
    scores, ratings = study(100, 4, 2)
    fourfold = np.repeat(scores, 4), np.repeat(ratings, 4, axis=0)
    alone = metric_intervals(scored(*fourfold, draws=400)).these["spearman"]
    together = metric_intervals(scored(*fourfold, clusters=np.repeat(np.arange(100), 4), draws=400))
    width = together.these["spearman"].high - together.these["spearman"].low
    assert together.clusters == 100 and width == pytest.approx(2 * (alone.high - alone.low), rel=0.25)


def test_many_people_who_agree_little_have_intervals_as_wide_as_skill_varies():
    skills, widths, held = [], [], 0
    rng = np.random.default_rng(0)
    for number in range(60):
        quality = rng.normal(size=146)
        answers = quality[:, None] + 1.3 * rng.normal(size=(146, 25)) + 0.4 * rng.normal(size=25)
        ratings, scores = np.digitize(answers, [-1.2, -0.4, 0.4, 1.2]) / 4, quality + 0.4 * rng.normal(size=146)
        skills.append(cross_validate(scores, ratings).metric_skill)
        low, high = metric_intervals(scored(scores, ratings, draws=100, seed=number)).people_like_these["skill"]
        widths.append((high - low) / 2)
        held += low > 0
    assert np.mean(widths) < 1.4 * 1.96 * np.std(skills)
    assert np.quantile(widths, 0.9) < 2 * 1.96 * np.std(skills)
    assert held == 60  # Spearman with the mean is above .9: no interval holds 0


def test_no_interval_goes_beyond_the_figures_range():
    found = metric_intervals(scored(*study(3, 4, 0), draws=100))
    for kind in (found.these, found.people_like_these):
        assert all(-1 <= kind[name].low <= kind[name].high <= 1 for name in ("spearman", "kappa"))
        assert all(0 <= kind[name].low <= kind[name].high <= 1 for name in ("grade", "constant", "person"))
        assert all(kind[name].high <= 1 for name in ("skill", "person_skill"))
    scores, ratings = study(4, 3, 0)
    ratings[:] = [[0, 0, 1], [0, 1, 0], [1, 0, 0], [0, 0, 0]]  # people who contradict each other: advantage beyond 1
    opposed = metric_intervals(scored(scores, ratings, draws=100))
    assert opposed.people_like_these["advantage"].high > 1 >= opposed.people_like_these["skill"].high


@pytest.mark.parametrize(("people", "k", "draws"), [(1, 1.0, 100), (4, 1.0, 0)])
def test_where_there_are_none(people, k, draws):
    assert metric_intervals(scored(*study(30, people, 0), k=k, draws=draws)) is None


def test_two_evaluators_say_nothing_about_others():
    found = metric_intervals(scored(*study(50, 2, 0), draws=100))
    assert found.people_like_these == {} and found.these["skill"].low < found.these["skill"].high


def test_tifa160_clustering_by_prompt_widens_spearmans_interval(shared, real_study):
    report = real_study("tifa160").report
    assert report["clusters"] == "prompt"
    scores, ratings, _ = tifa160(shared)
    ratios = []
    for name in ("clipscore_vitb32", "tifa_mplug-large", "dsg_pali17b"):
        by_prompt = report["tasks"]["consistency"]["metrics"][name]["intervals"]["these"]["spearman"]
        ratios.append(
            np.ptp(by_prompt) / np.ptp(metric_intervals(scored(scores[name], ratings, draws=300)).these["spearman"])
        )
    assert 1.2 < np.mean(ratios) < 1.6  # the issue: 1.3 to 1.5 times


def tables(seed=0):
    scores, ratings = study(60, 4, seed)
    rows = [(f"i{i}", f"p{e}", int(ratings[i, e] * 4) + 1) for i in range(60) for e in range(4)]
    table = pd.DataFrame(rows, columns=["item", "evaluator", "rating"])
    return table, pd.DataFrame({"item": [f"i{i}" for i in range(60)], "metric": "m", "score": scores})


def test_the_report_tells_them_everywhere(tmp_path):
    calibration = calibrate_tables(*tables(), settings=Settings(draws=200))
    entry = calibration.report["tasks"]["rating"]["metrics"]["m"]
    low, high = entry["intervals"]["people_like_these"]["skill"]
    assert f"95 % interval {round(low, 2) + 0.0:.2f} to {high:.2f}" in entry["verdict"]["sentence"]
    row = metric_rows(calibration.model).iloc[0]
    assert (row["skill_low_people_like_these"], row["skill_high_people_like_these"]) == (low, high)
    write_report(calibration, tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "People like these</th>" in page and f" to {high:.3f}" in page
    without = calibrate_tables(*tables(), settings=Settings(draws=0))
    assert without.report["clusters"] is None
    write_report(without, tmp_path / "without")
    entry = without.report["tasks"]["rating"]["metrics"]["m"]
    assert entry["intervals"] is None and "interval" not in entry["verdict"]["sentence"]


def test_draws_are_moved_until_their_mean_is_the_figure():
    """A mapping refitted to drawn images knows some of them twice, which flatters it in every draw."""
    drawn = np.array([0.3, 0.5, np.nan, 0.7])
    assert _about(drawn, 0.4, (-np.inf, 1.0)) == pytest.approx([0.2, 0.4, np.nan, 0.6], nan_ok=True)
    assert _about(drawn, 0.9, (-np.inf, 1.0)) == pytest.approx([0.7, 0.9, np.nan, 1.0], nan_ok=True)
    scores, ratings = study(40, 4, 0)
    low, high = metric_intervals(scored(scores, ratings, draws=400)).these["skill"]
    assert (low + high) / 2 == pytest.approx(cross_validate(scores, ratings).metric_skill, abs=0.25 * (high - low))


def test_what_images_and_people_share_is_taken_off_once(monkeypatch):
    """The interval for people like these knows the figures without each evaluator in the draws of the images."""
    known = []

    def watched(*given):
        known.append(given[6])
        return with_other_people(*given)

    scores, ratings = study(60, 4, 0)
    monkeypatch.setattr("calibration.metric.bootstrap.with_other_people", watched)
    metric_intervals(scored(scores, ratings, draws=200))
    assert len(known) == len(STATISTICS)
    assert all(each.shape[1] == 4 and np.isfinite(each[:20]).all() for each in known)
    assert all(np.ptp(each[:20], axis=0).min() > 0 for each in known)
