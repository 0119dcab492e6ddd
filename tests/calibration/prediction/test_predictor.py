"""Predictors: distributions that follow the score, isotonic as sklearn's, coverage, files, mistakes, real data."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.core.buckets import fit_buckets
from calibration.prediction.cross_prediction import MARGINAL, SHRINKAGES, _candidates, cross_predict
from calibration.prediction.ordinal import level_counts
from calibration.prediction.predictor import Predictor, fit_predictor, predictor_entry
from calibration.prediction.predictor_file import json_text, predictors_document, read_predictor
from calibration.scale import LIKERT, Scale
from metrics.errors import InputError
from tests.calibration.typed import scored


def study(images, people, seed, noise=1.0):
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=images)
    answers = 2 + quality[:, None] + rng.normal(size=(images, people)) * 0.7
    return quality + noise * rng.normal(size=images), np.clip(np.rint(answers), 0, 4) / 4


@settings(max_examples=40, deadline=None)
@given(
    st.integers(2, 40),
    st.integers(1, 4),
    st.integers(0, 10**6),
    st.sampled_from(["higher", "lower"]),
    st.sampled_from([1.0, 1e-200, 1e9, 1e200]),
    st.booleans(),
)
def test_distributions_follow_the_score_and_survive_a_file(images, people, seed, direction, size, gaps):
    scores, ratings = study(images, people, seed)
    scores = np.round(scores, 1) * size
    if gaps:
        ratings[np.random.default_rng(seed).random(ratings.shape) < 0.3] = np.nan
    predictor = fit_predictor(scored(scores, ratings, direction, name="m", signatures=["a|b"]))
    if predictor is None:
        assert (~np.isnan(ratings)).any(axis=1).sum() < 2 or np.isnan(ratings).all()
        return
    at = np.linspace(scores.min() - size, scores.max() + size, 50)
    table = predictor.predict(at)
    shares = table[[f"p{level}" for level in range(1, 6)]].to_numpy()
    assert (shares > 0).all() and shares.sum(axis=1) == pytest.approx(1, abs=1e-12)
    better = shares.cumsum(axis=1) if direction == "higher" else shares.cumsum(axis=1)[::-1]
    assert (np.diff(better, axis=0) <= 1e-12).all()
    assert table["mean"].between(1, 5).all() and table["level"].between(1, 5).all()
    assert table["extrapolated"].tolist() == ((at < predictor.low) | (at > predictor.high)).tolist()
    if predictor.set_threshold is not None:
        assert ((table["low"] <= table["high"]) & (table["low"] >= 1) & (table["high"] <= 5)).all()
    again = Predictor.from_dict(json.loads(json_text(predictor.to_dict())))
    assert again == predictor
    pd.testing.assert_frame_equal(again.predict(at), table)


def test_isotonic_curves_are_those_of_sklearn():
    from sklearn.isotonic import IsotonicRegression

    scores, ratings = study(120, 3, 0)
    scores = np.round(scores, 1)
    ratings[::7, 0] = np.nan
    counts = level_counts(ratings)
    marginal = ((counts.sum(axis=0) + 1) / (counts.sum() + 5)).cumsum()[:-1]
    for direction in ("higher", "lower"):
        curve = _candidates([(scores, ratings)], direction, LIKERT)[0].curve("isotonic 5 %")
        fitted = (curve.probabilities(scores).cumsum(axis=1)[:, :-1] - 0.05 * marginal) / 0.95
        for level in range(4):
            share = counts[:, : level + 1].sum(axis=1) / counts.sum(axis=1)
            peer = IsotonicRegression(increasing=direction == "lower").fit(scores, share, counts.sum(axis=1))
            assert fitted[:, level] == pytest.approx(peer.predict(scores), abs=1e-9)


def test_the_kind_of_curve_is_the_best_on_unseen_ratings():
    scores, ratings = study(300, 4, 1)
    found = cross_predict(scored(scores, ratings, "higher"))
    assert len(found.log_losses) == len(SHRINKAGES) + 1
    name = "proportional odds" if found.curve.family == "proportional_odds" else f"isotonic {found.curve.shrinkage:.0%}"
    assert found.log_losses[name.replace("%", " %")] == min(found.log_losses.values()) < found.log_losses[MARGINAL]
    given = (ratings * 4).astype(int)
    shares = np.take_along_axis(found.probabilities, given[:, :, None], axis=2)
    assert -np.log(shares).mean() == pytest.approx(min(found.log_losses.values()))
    noise = np.random.default_rng(0).normal(size=300)
    assert cross_predict(scored(noise, ratings, "higher")).log_losses[MARGINAL] < 1.02 * min(
        cross_predict(scored(noise, ratings, "higher")).log_losses.values()
    )


def test_a_score_that_points_the_wrong_way_says_nothing():
    scores, ratings = study(200, 3, 2)
    predictor = fit_predictor(scored(scores, ratings, "lower"))
    table = predictor.predict([scores.min(), scores.max()])
    assert table["mean"][0] == pytest.approx(table["mean"][1], abs=0.05)


def test_mirrored_scores_give_mirrored_predictions():
    scores, ratings = study(150, 4, 3)
    one = fit_predictor(scored(scores, ratings, "higher", seed=1)).predict(scores)
    other = fit_predictor(scored(-scores, ratings, "lower", seed=1)).predict(-scores)
    columns = ["p1", "p5", "mean", "low", "high", "mean_low", "mean_high", "level"]
    assert one[columns].to_numpy() == pytest.approx(other[columns].to_numpy(), abs=1e-9)


def test_the_level_is_the_bucket_mappings():
    scores, ratings = study(150, 4, 4)
    for k in (0.5, 1.0, 2.0):
        expected = fit_buckets(scores, ratings, k).levels(scores)
        assert (
            fit_predictor(scored(scores, ratings, "higher", k=k)).predict(scores)["level"].tolist() == expected.tolist()
        )


def test_intervals_hold_new_peoples_ratings_of_new_images():
    rng = np.random.default_rng(0)
    held, means = [], []
    for seed in range(25):
        bias = rng.normal(0, 0.4, 205)
        quality = rng.normal(size=128 + 205)
        answers = np.clip(np.rint(2 + bias + quality[:, None] + 0.7 * rng.normal(size=(len(quality), 205))), 0, 4) / 4
        scores = quality + rng.normal(size=len(quality))
        table = fit_predictor(scored(scores[:128], answers[:128, :5], "higher", seed=seed)).predict(scores[128:])
        low, high = (LIKERT.to_unit(table[name].to_numpy())[:, None] for name in ("low", "high"))
        held.append(np.mean((answers[128:, 5:] >= low) & (answers[128:, 5:] <= high)))
        mean = 1 + 4 * answers[128:, :5].mean(axis=1)
        means.append(np.mean((mean >= table["mean_low"]) & (mean <= table["mean_high"])))
    assert 0.89 < np.mean(held) < 0.96 and 0.88 < np.mean(means) < 0.93


def test_a_smaller_coverage_gives_smaller_sets():
    scores, ratings = study(300, 5, 5)
    sizes = []
    for coverage in (0.5, 0.8, 0.95):
        table = fit_predictor(scored(scores, ratings, "higher"), coverage=coverage).predict(scores)
        sizes.append(((table["high"] - table["low"]).mean(), (table["mean_high"] - table["mean_low"]).mean()))
    assert sizes == sorted(sizes) and sizes[0][0] < sizes[2][0] - 1


@pytest.mark.parametrize(
    ("scores", "ratings"),
    [
        ([1.0, 2.0], [[0.0], [1.0]]),
        ([1.0, 2.0], [[0.0, np.nan], [np.nan, 1.0]]),
        ([3.0] * 6, [[0.0, 1.0]] * 6),
        (list(range(8)), [[0.5, 0.5]] * 8),
        ([0.0, np.nan, 1.0, 2.0], [[0.5, 0.25]] * 4),
        ([1.0, 2.0, 1e308], [[0.5, 0.25]] * 3),
    ],
)
def test_degenerate_studies_give_a_distribution_without_a_warning(scores, ratings):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        predictor = fit_predictor(scored(scores, np.array(ratings), "higher"))
        table = predictor.predict([0.0, 5.0])
        entry = predictor_entry(predictor)
    assert table[["p1", "p2", "p3", "p4", "p5"]].sum(axis=1).tolist() == pytest.approx([1, 1])
    json.dumps(entry, allow_nan=False)
    if len(ratings[0]) == 1:
        assert table["low"].isna().all() and predictor.set_threshold is None


def test_where_there_is_nothing_to_fit_there_is_no_predictor():
    assert fit_predictor(scored([1.0], np.array([[0.5]]), "higher")) is None
    assert fit_predictor(scored([1.0, 2.0], np.full((2, 2), np.nan), "higher")) is None
    assert fit_predictor(scored([np.nan, 2.0], np.zeros((2, 2)), "higher")) is None
    assert fit_predictor(scored([1.0, 2.0], np.zeros((2, 2)), "higher", clusters=["a", "a"])) is None
    assert fit_predictor(scored([], np.empty((0, 3)), "higher")) is None and predictor_entry(None) is None


def test_many_items_are_sampled_and_the_range_is_that_of_all(monkeypatch):
    monkeypatch.setattr("calibration.prediction.cross_prediction.MOST_ITEMS", 50)
    scores, ratings = study(200, 3, 6)
    first, again, other = (fit_predictor(scored(scores, ratings, "higher", seed=seed)) for seed in (0, 0, -1))
    assert first.n_items == 50 and first == again != other
    assert (first.low, first.high) == (scores.min(), scores.max())


def test_files_are_saved_loaded_and_chosen(tmp_path):
    scores, ratings = study(60, 3, 7)
    predictor = fit_predictor(scored(scores, ratings, "higher", name="clip", signatures=["clip|v1"]))
    assert Predictor.load(predictor.save(tmp_path / "new" / "one.json")) == predictor
    other = fit_predictor(scored(-scores, ratings, "lower", name="niqe"))
    document = predictors_document([("look", predictor), ("like", predictor), ("like", other)])
    (tmp_path / "predictor.json").write_text(json_text(document))
    assert read_predictor(tmp_path, "clip", "look") == predictor and read_predictor(tmp_path, "niqe") == other
    for arguments, message in (
        (("dino",), "has no predictor of 'dino'; it has 'clip' and 'niqe'."),
        (("niqe", "look"), "has no predictor of 'niqe'; it has 'clip'."),
        (("clip",), "'clip' was judged in the tasks 'look' and 'like'; choose one with task."),
        (("clip", "taste"), "has no task 'taste'; its tasks are 'look' and 'like'."),
    ):
        with pytest.raises(InputError, match=message):
            read_predictor(tmp_path, *arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "is of version 2"),
        ({"curve": {}}, "KeyError: 'family'"),
        ({"curve": None}, "TypeError"),
        ({"thresholds": ["a"] * 4}, "ValueError"),
        ({"thresholds": [1.0]}, "no distribution"),
        ({"direction": "up"}, "no distribution"),
        ({"low": float("nan")}, "no distribution"),
        ({"set_threshold": "x"}, "damaged"),
        ({"low": None}, "damaged"),
        ({"scale": None}, "damaged"),
        ({"scale": {"values": [1, 2, 3], "words": [], "bounds": None}}, "damaged"),
    ],
)
def test_a_damaged_predictor_is_refused(change, message):
    content = fit_predictor(scored(*study(30, 3, 8), "higher")).to_dict()
    with pytest.raises(InputError, match=message):
        Predictor.from_dict(content | change)
    for crossing in ([[0.5, 0.4, 0.6, 0.7]], [[0.1, 0.2, 0.3]], [["a"] * 4], [[0.1, 0.2, 0.3, 1.0]]):
        with pytest.raises(InputError, match="damaged"):
            Predictor.from_dict(content | {"curve": content["curve"] | {"knots": [0.0], "cumulative": crossing}})


def test_bad_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="is not a folder"):
        read_predictor(tmp_path / "none", "clip")
    with pytest.raises(InputError, match=r"has no predictor\.json; make the report anew"):
        read_predictor(tmp_path, "clip")
    for text, message in (("{", "is not JSON"), ("[]", "holds no predictor"), ('{"tasks": 1}', "holds no predictors")):
        (tmp_path / "predictor.json").write_text(text)
        with pytest.raises(InputError, match=message):
            read_predictor(tmp_path, "clip")
    with pytest.raises(InputError, match="cannot be read"):
        Predictor.load(tmp_path / "none.json")


def test_tifa160(shared):
    scores, ratings, clusters = tifa160(shared)
    found = {}
    for name in ("clipscore_vitb32", "tifa_mplug-large"):
        predictor = fit_predictor(scored(scores[name], ratings, "higher", clusters=clusters))
        table = predictor.predict(scores[name])
        low, high = (LIKERT.to_unit(table[column].to_numpy())[:, None] for column in ("low", "high"))
        held = ((ratings >= low - 1e-9) & (ratings <= high + 1e-9))[~np.isnan(ratings)].mean()
        assert 0.89 < held < 0.94
        found[name] = round(predictor.log_loss, 2), round((table["high"] - table["low"] + 1).mean(), 1)
    assert round(predictor.marginal_log_loss, 3) == 1.371
    assert found == {"clipscore_vitb32": (1.35, 3.0), "tifa_mplug-large": (1.22, 2.8)}


def tifa160(shared):
    """Scores by metric, ratings and prompts."""
    folder = shared / "data" / "tifa160"
    rows = pd.read_csv(folder / "ratings_as_published.csv")
    ratings = rows.pivot(index="item", columns="worker_id", values="answer")
    scores = pd.read_csv(folder / "scores.csv").pivot(index="item", columns="metric", values="score")
    prompts = pd.read_csv(folder / "items.csv").set_index("item")["prompt"]
    aligned = scores.reindex(ratings.index)
    return (
        {name: aligned[name].to_numpy() for name in aligned.columns},
        LIKERT.to_unit(ratings.to_numpy()),
        prompts.reindex(ratings.index).to_numpy(),
    )


def test_the_most_probable_level_is_always_in_the_set():
    """Where people are so alike that the threshold is below every level's strangeness."""
    predictor = replace(fit_predictor(scored(*study(200, 4, 0), "higher")), set_threshold=0.0)
    at = np.linspace(predictor.low, predictor.high, 20)
    table = predictor.predict(at)
    shares = table[[f"p{level}" for level in range(1, 6)]].to_numpy()
    assert (table["low"] == shares.argmax(axis=1) + 1).all() and (table["high"] == table["low"]).all()


@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_beyond_the_range_stands_what_stands_at_its_end(direction):
    """Of levels 2 to 4 alone: nobody said 1 or 5, and no score beyond the study's makes people say it."""
    scores, ratings = np.linspace(0.1, 0.6, 6), np.array([[0.25, 0.25], [0.25, 0.5], [0.5, 0.5]] + [[0.75, 0.75]] * 3)
    predictor = fit_predictor(scored(scores, ratings[:: 1 if direction == "higher" else -1], direction))
    table = predictor.predict([-1.0, 0.1, 0.6, 2.0])
    ends = [2, 2, 4, 4] if direction == "higher" else [4, 4, 2, 2]
    assert table["level"].tolist() == ends
    columns = [name for name in table.columns if name not in ("score", "extrapolated")]
    assert table[columns].iloc[0].equals(table[columns].iloc[1])
    assert table[columns].iloc[3].equals(table[columns].iloc[2])


@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_of_many_items_too_no_score_of_the_study_has_a_level_that_nobody_gave(direction, monkeypatch):
    monkeypatch.setattr("calibration.prediction.cross_prediction.MOST_ITEMS", 50)
    scores, ratings = study(400, 3, 6)
    scores[[0, 1]] = -50, 50  # far from the others, and not among those that are used
    predictor = fit_predictor(scored(scores, np.clip(ratings, 0.25, 0.75), direction))
    assert set(predictor.predict(scores)["level"]) <= {2, 3, 4}


def test_the_index_of_a_series_is_kept():
    predictor = fit_predictor(scored(*study(60, 3, 1), "higher"))
    table = pd.DataFrame({"score": [0.5, -0.5, 0.1]}, index=["c", "a", "b"]).sort_values("score")
    found = predictor.predict(table["score"])
    assert found.index.tolist() == ["a", "b", "c"] and found["score"].tolist() == [-0.5, 0.1, 0.5]
    assert found["mean"].is_monotonic_increasing


@pytest.mark.parametrize("written", ["0-4", "0,0.5,1,2,4", "0-100/5"])
def test_predictions_are_in_the_scales_numbers(written):
    """Those of 1 to 5, level by level; a file keeps the scale."""
    scale = Scale.parse(written)
    scores, ratings = study(120, 4, 2)
    usual = fit_predictor(scored(scores, ratings, "higher"))
    predictor = replace(usual, scale=scale)
    table, counted = predictor.predict(scores), usual.predict(scores)
    for name in ("level", "low", "high"):
        assert table[name].tolist() == [scale.numbers[level - 1] for level in counted[name]]
    for name in ("mean", "mean_low", "mean_high"):
        assert table[name].to_numpy() == pytest.approx(scale.from_unit(LIKERT.to_unit(counted[name])))
    shares = [f"p{name}" for name in scale.names]
    assert table.columns[2:7].tolist() == shares
    assert (table[shares].to_numpy() == counted[[f"p{level}" for level in range(1, 6)]].to_numpy()).all()
    again = Predictor.from_dict(json.loads(json_text(predictor.to_dict())))
    assert again == predictor and again.scale == scale
    assert predictor_entry(predictor) == predictor_entry(usual)  # the report's own points count levels from 1


def test_a_file_without_a_scale_is_of_one_from_1():
    content = fit_predictor(scored(*study(60, 3, 1), "higher")).to_dict()
    del content["scale"]
    assert Predictor.from_dict(content).predict([0.0]).columns[2] == "p1"
    assert Predictor.from_dict(content).scale == LIKERT


def test_a_study_on_another_scale_has_predictions_in_its_numbers():
    from calibration import calibrate, predict

    scores, ratings = study(60, 3, 2)
    rows = [(f"i{i}", f"e{e}", 4 * value) for (i, e), value in np.ndenumerate(ratings)]
    table = pd.DataFrame(rows, columns=["item", "evaluator", "rating"])
    judged = calibrate(table, pd.DataFrame({"item": [f"i{i}" for i in range(60)], "m": scores}), scale="0-4", draws=0)
    found = predict(judged, "m", [scores.min(), scores.max()])
    assert {"p0", "p4"} <= set(found.columns) and "p5" not in found.columns
    assert found["mean"].between(0, 4).all() and found["mean"].iloc[0] < 1.5 and found["level"].iloc[0] <= 1
