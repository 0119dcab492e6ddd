"""Within and between models: against SciPy and pandas, Simpson's paradox, the order of models, and real data."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from calibration.comparison.model_correlations import ModelStudy
from calibration.comparison.model_order import Estimate, model_order, model_order_entry
from calibration.core.resampling import Resampling


def study(models=4, prompts=60, within=1.0, between=1.0, seed=0, spread=1.0):
    """A metric that follows quality within models and the models' own quality so much; all models draw all prompts."""
    rng = np.random.default_rng(seed)
    own, common = spread * np.linspace(-1, 1, models), rng.normal(size=prompts)
    model, prompt = (each.ravel() for each in np.meshgrid(np.arange(models), np.arange(prompts)))
    quality = 0.5 * common[prompt] + rng.normal(size=len(model))
    score = between * own[model] + within * quality + rng.normal(size=len(model))
    rating = own[model] + quality + 0.5 * rng.normal(size=len(model))
    return (
        score,
        np.round(rating, 1),
        np.array([f"m{each}" for each in model]),
        np.array([f"p{each}" for each in prompt]),
    )


def plain(score, rating, models):
    """The same correlations by pandas and SciPy."""
    table = pd.DataFrame(
        {"x": stats.rankdata(score), "y": stats.rankdata(rating), "s": score, "r": rating, "m": models}
    )
    grouped = table.groupby("m")
    left = table[["x", "y"]] - grouped[["x", "y"]].transform("mean")
    each = [(stats.spearmanr(part["s"], part["r"]).statistic, len(part)) for _, part in grouped]
    means = grouped[["s", "r"]].mean()
    return {
        "overall": stats.spearmanr(score, rating).statistic,
        "within": left["x"].corr(left["y"]),
        "within_mean": np.average([value for value, _ in each], weights=[size for _, size in each]),
        "between": means["s"].corr(means["r"]),
        "tau": stats.kendalltau(means["s"].round(9), means["r"].round(9)).statistic,
    }


@settings(max_examples=30, deadline=None)
@given(st.integers(3, 5), st.integers(4, 20), st.integers(0, 10**6), st.sampled_from([1.0, -1.0]))
def test_correlations_are_those_of_pandas_and_scipy(models, prompts, seed, sign):
    score, rating, model, prompt = study(models, prompts, seed=seed)
    keep = np.random.default_rng(seed).random(len(score)) < 0.9
    keep[: 2 * models] = True
    score, rating, model, prompt = score[keep], rating[keep], model[keep], prompt[keep]
    found = model_order(
        sign * score, rating, model, prompt, "higher" if sign > 0 else "lower", resampling=Resampling(20)
    )
    for name, value in plain(score, rating, model).items():
        own = getattr(found, name)
        assert (own.value if isinstance(own, Estimate) else own) == pytest.approx(value, abs=1e-9)
    assert found.n == len(score) and found.pairs == models * (models - 1) // 2
    means = {each.model: (each.score, each.rating) for each in found.models}
    expected = pd.DataFrame({"s": sign * score, "r": rating}).groupby(model).mean()
    for name, row in expected.iterrows():
        assert means[name] == pytest.approx(tuple(row))
    assert [each.rank_by_people for each in found.models] == sorted(stats.rankdata(-expected["r"].round(9)))


def test_simpsons_paradox_is_found_and_named():
    found = model_order(*study(between=-2.0, spread=2.0))
    assert found.simpson == ("between", "overall")
    assert found.within.value > 0.5 and found.between.value < -0.9 and found.overall.value < -0.1
    assert found.sentences[-1].startswith(
        "Simpson's paradox: within a model, images with better scores are rated higher"
    )
    assert "models with better scores are rated lower" in found.sentences[-1]
    assert "over all images better scores go with lower ratings" in found.sentences[-1]
    turned = model_order(*study(within=-1.0, between=2.0, spread=2.0))
    assert turned.simpson == ("between", "overall") and "are rated lower (correlation -" in turned.sentences[-1]


def test_no_paradox_without_one():
    assert model_order(*study()).simpson == ()
    # unrelated scores, in 40 studies: the chance that both clearly point away from each other is small
    named = [
        model_order(*study(within=0.0, between=0.0, seed=seed), resampling=Resampling(300)).simpson
        for seed in range(40)
    ]
    assert sum(map(bool, named)) <= 4


def test_the_order_of_models():
    right, wrong = (model_order(*study(between=sign, within=0.0, spread=2.0)) for sign in (2.0, -2.0))
    assert (right.tau, right.alike, right.told_apart, right.told_apart_alike) == (1.0, 6, 6, 6)
    assert (wrong.tau, wrong.alike, wrong.told_apart, wrong.told_apart_alike) == (-1.0, 0, 6, 0)
    assert right.soft_accuracy == pytest.approx(1, abs=0.05) and wrong.soft_accuracy < 0.05
    assert right.sentences == ["Of the 6 pairs of models that people tell apart, the metric orders 6 alike."]


def test_models_alike_are_not_told_apart():
    told = [model_order(*study(spread=0.0, seed=seed), resampling=Resampling(400)).told_apart for seed in range(60)]
    assert np.mean(told) / 6 == pytest.approx(0.05, abs=0.035)
    nothing = next(at for at, count in enumerate(told) if count == 0)
    assert (
        "do not tell any two models apart"
        in model_order(*study(spread=0.0, seed=nothing), resampling=Resampling(400)).sentences[0]
    )


def test_shared_prompts_tell_models_apart_better():
    # a prompt that is hard for all is no difference between models
    rng = np.random.default_rng(0)
    hard = 3 * rng.normal(size=80)
    rating = np.concatenate([hard + 0.3 * rng.normal(size=80), hard + 0.4 + 0.3 * rng.normal(size=80)])
    model, prompt = np.repeat(["a", "b"], 80), np.tile(np.arange(80), 2)
    paired, apart = (model_order(rating, rating, model, each) for each in (prompt, None))
    assert (paired.told_apart, apart.told_apart) == (1, 0)
    assert paired.sentences == ["People tell one pair of models apart; the metric orders it alike."]


def test_soft_accuracy_by_the_definition():
    score, rating, model, prompt = study(3, 12, spread=0.3)
    found = model_order(score, rating, model, prompt, resampling=Resampling(300))
    made = ModelStudy.of(score, rating, model, prompt, "higher")
    drawn = made.draw(Resampling(300, 0))
    expected = [
        1 - abs(np.mean(drawn.ratings[:, i] > drawn.ratings[:, j]) - np.mean(drawn.scores[:, i] > drawn.scores[:, j]))
        for i in range(3)
        for j in range(i)
    ]
    assert found.soft_accuracy == pytest.approx(np.mean(expected), abs=1e-9)


def test_intervals_hold_more_prompts_narrower():
    few, many = (model_order(*study(prompts=count), resampling=Resampling(500)).within for count in (30, 480))
    assert few.low < few.value < few.high
    assert few.high - few.low == pytest.approx(4 * (many.high - many.low), rel=0.4)


def test_what_is_missing_and_degenerate():
    score, rating, model, prompt = study(3, 20)
    assert model_order(score, rating, np.full(60, "one")) is None
    assert model_order([], [], []) is None
    score[:4], rating[4:6], model = np.nan, np.nan, model.astype(object)
    model[6], model[7] = None, ""
    found = model_order(score, rating, model, np.where(prompt == "p3", "", prompt), resampling=Resampling(50))
    assert found.n == 52
    constant = model_order(np.ones(60), rating, model, prompt, resampling=Resampling(50))
    assert np.isnan([constant.overall.value, constant.within.value, constant.between.low, constant.tau]).all()
    assert constant.alike == 0
    alone = model_order([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], list("abc"), resampling=Resampling(50))
    assert np.isnan(alone.within.value) and np.isnan(alone.within_mean) and alone.between.value == pytest.approx(1)
    for each in (found, constant, alone):
        entry = json.loads(json.dumps(model_order_entry(each), allow_nan=False))
        assert len(entry["models"]) == 3 and entry["sentences"]


def test_fewer_than_ten_prompts_give_no_intervals():
    few, enough = (model_order(*study(3, prompts=count, spread=5.0)) for count in (9, 10))
    assert np.isnan([few.within.low, few.between.high, few.soft_accuracy]).all() and np.isfinite(few.within.value)
    assert (few.draws, few.told_apart, few.alike) == (0, 0, 3) and (enough.told_apart, enough.draws) == (3, 1000)


def test_the_same_seed_gives_the_same_figures():
    first, again, other = (model_order(*study(), resampling=Resampling(100, seed)) for seed in (-5, -5, 1))
    assert first == again != other


def test_tifa160_five_generators(shared):
    folder = shared / "data" / "tifa160"
    ratings = pd.read_csv(folder / "ratings_as_published.csv").groupby("item")["answer"].mean()
    table = (
        pd.read_csv(folder / "scores.csv").pivot(index="item", columns="metric", values="score").reindex(ratings.index)
    )
    items = pd.read_csv(folder / "items.csv").set_index("item").reindex(ratings.index)
    model, prompt = items["model"].to_numpy(), items["prompt"].to_numpy()
    for name in ("clipscore_vitb32", "tifa_mplug-large"):
        score, rating = table[name].to_numpy(), ratings.to_numpy()
        found = model_order(score, rating, model, prompt)
        for figure, value in plain(score, rating, model).items():
            own = getattr(found, figure)
            assert (own.value if isinstance(own, Estimate) else own) == pytest.approx(value, abs=1e-6)
        assert found.pairs == 10 and {each.n for each in found.models} == {160} and found.simpson == ()
        assert 5 <= found.told_apart_alike <= found.told_apart <= 10
