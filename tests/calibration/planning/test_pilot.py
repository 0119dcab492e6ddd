"""A pilot's estimates: of simulated pilots, of tifa160, and pilots that show too little."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from calibration.metric.bootstrap import metric_intervals
from calibration.people.agreement_intervals import agreement_intervals
from calibration.planning.alike import DesignEffects
from calibration.planning.pilot import pilot_of
from calibration.planning.plan import plan_width
from calibration.planning.study import PlannedStudy, possible_between
from calibration.scale import LIKERT
from calibration.tables.reading import ColumnMap, read_table
from metrics.errors import InputError
from tests.calibration.planning.test_plan import SKEWED, simulated
from tests.calibration.typed import rated, scored


def tables(study, people=5, images=2000, seed=0):
    scores, ratings = (part[0] for part in simulated(study, people, images, 1, seed))
    names = [f"i{number}" for number in range(images)]
    rows = pd.DataFrame(np.rint(4 * ratings + 1).astype(int), index=names).stack().reset_index()
    rows.columns = ["item", "evaluator", "rating"]
    return rows, pd.DataFrame({"item": names} | {f"m{at}": column for at, column in enumerate(scores.T)})


def test_a_simulated_pilot_gives_back_what_it_was_made_of():
    truth = PlannedStudy(0.4, (0.7, 0.4), between=0.5, levels=SKEWED)
    ratings, scores = tables(truth, images=4000)
    scores["m1"] = np.exp(-scores["m1"])  # lower is better, and far from normal
    found = pilot_of(ratings, scores)
    assert found.metrics == ("m0", "m1") and (found.images, found.evaluators) == (4000, 5)
    assert found.study.icc == pytest.approx(0.4, abs=0.02)
    assert found.study.correlations == pytest.approx((0.7, 0.4), abs=0.03)
    assert found.study.between == pytest.approx(0.5, abs=0.03)
    assert found.study.levels == pytest.approx(SKEWED, abs=0.02)
    assert found.study.strictness < 0.01 and found.study.design_effects == DesignEffects()


def test_images_of_a_prompt_that_are_alike_are_noticed():
    rng = np.random.default_rng(0)
    prompts = np.repeat(np.arange(300), 4)
    q = (rng.normal(size=300)[prompts] + rng.normal(size=1200)) / np.sqrt(2)
    x = q + (rng.normal(size=300)[prompts] + rng.normal(size=1200)) / np.sqrt(2)
    ratings = np.clip(np.rint(3 + q[:, None] + rng.normal(size=(1200, 4))), 1, 5).astype(int)
    rows = pd.DataFrame(ratings).stack().reset_index()
    rows.columns = ["item", "evaluator", "rating"]
    items = pd.DataFrame({"item": np.arange(1200).astype(str), "prompt": [f"p{prompt}" for prompt in prompts]})
    scores = pd.DataFrame({"item": items["item"], "m": x})
    effects = pilot_of(rows, scores, items).study.design_effects
    unit = LIKERT.to_unit(ratings)
    drawn = [
        metric_intervals(scored(x, unit, clusters=clusters, draws=400)).these
        | {"icc": agreement_intervals(rated(unit, clusters=clusters, draws=400))["these"]["icc2"]}
        for clusters in (None, prompts)
    ]
    for figure in ("spearman", "grade", "skill", "icc"):
        widths = [np.ptp(intervals[figure]) for intervals in drawn]
        assert np.sqrt(effects.of(figure)) == pytest.approx(widths[1] / widths[0], rel=0.12), figure
    assert effects.correlation > 1.2 and effects.agreement > 1.2
    shuffled = items.assign(prompt=rng.permutation(items["prompt"]))
    assert max(pilot_of(rows, scores, shuffled).study.design_effects.all()) < 1.2
    # what people agree on does not depend on which metric is looked at, or on any
    noise = scores.assign(m=rng.normal(size=1200))
    for other in (pilot_of(rows, noise, items), pilot_of(rows, None, items)):
        assert other.study.design_effects.agreement == pytest.approx(effects.agreement)


def test_tifa160_promises_the_intervals_that_it_has(shared):
    folder = shared / "data" / "tifa160"
    columns = ColumnMap.parse("evaluator=worker_id,rating=answer")
    ratings, scores, items = (
        read_table(folder / name, columns)[0] for name in ("ratings_as_published.csv", "scores.csv", "items.csv")
    )
    metrics = ("tifa_mplug-large", "clipscore_vitb32")
    found = pilot_of(ratings, scores, items, metrics).study
    # the latent correlations are the observed ones, .608 and .277 (README of the data), over the root of the
    # reliability of five evaluators' mean, .921
    assert found.icc == pytest.approx(0.70, abs=0.02)
    assert found.correlations == pytest.approx((0.608 / 0.921**0.5, 0.277 / 0.921**0.5), abs=0.03)
    wide = ratings.assign(rating=pd.to_numeric(ratings["rating"])).dropna(subset="rating")
    wide = wide.pivot(index="item", columns="evaluator", values="rating")
    one = replace(found, correlations=found.correlations[1:], between=None, design_effects=DesignEffects())
    clip = scores[scores["metric"] == metrics[1]].set_index("item")["score"].astype(float).reindex(wide.index)
    unit = LIKERT.to_unit(wide.to_numpy())
    shown = metric_intervals(scored(clip, unit, draws=400))
    agreement = agreement_intervals(rated(unit, draws=400))
    for kind in ("these", "people_like_these"):
        intervals = getattr(shown, kind) | {"icc": agreement[kind]["icc2"]}
        for figure in ("spearman", "skill", "icc"):
            planned = plan_width(one, figure, [5], [800], kind)["width"][0]
            off = 0.35 if kind == "these" else 0.5  # one study's, by luck also narrower or wider
            assert planned == pytest.approx(np.ptp(intervals[figure]), rel=off), (kind, figure)


def test_metrics_that_fit_too_well_are_taken_down_to_what_is_possible():
    rng = np.random.default_rng(1)
    truth = rng.normal(size=60)
    rows = pd.DataFrame(
        [
            (f"i{i}", e, int(np.clip(round(3 + q + n), 1, 5)))
            for e in "ab"
            for i, (q, n) in enumerate(zip(truth, rng.normal(size=60), strict=True))
        ],
        columns=["item", "evaluator", "rating"],
    )
    mean = rows.groupby("item", sort=False)["rating"].mean()
    scores = pd.DataFrame({"item": mean.index, "perfect": mean.to_numpy(), "noise": rng.normal(size=60)})
    found = pilot_of(rows, scores)
    low, high = possible_between(*found.study.correlations)
    assert found.study.correlations[0] == 0.99 and low < found.study.between < high
    assert any("'perfect'" in note for note in found.notes)


RATINGS = pd.DataFrame(
    [(f"i{i}", e, 1 + (i + (e == "b" and i % 3 == 0)) % 5) for i in range(30) for e in "ab"],
    columns=["item", "evaluator", "rating"],
)
SCORES = pd.DataFrame({"item": [f"i{i}" for i in range(30)], "m": [float(i * 7 % 11) for i in range(30)]})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"ratings": RATINGS[RATINGS["evaluator"] == "a"]}, "one evaluator"),
        ({"ratings": RATINGS.assign(item=[f"x{i}" for i in range(60)])}, "two ratings or more"),
        ({"ratings": RATINGS.assign(rating=3)}, "ratings that differ"),
        ({"ratings": RATINGS[RATINGS["item"].isin(["i1", "i2"])]}, "agree in everything"),
        ({"ratings": RATINGS.assign(rating=[1 + i // 2 * (2 * (i % 2) - 1) % 5 for i in range(60)])}, "beyond chance"),
        ({"ratings": RATINGS.assign(task=["s", "t"] * 30)}, "tasks 's' and 't'"),
        ({"metrics": ["m"]}, "no scores"),
        ({"scores": SCORES, "metrics": ["x"]}, "no metric 'x'; theirs are 'm'"),
        ({"scores": SCORES.assign(n=SCORES["m"] ** 2, o=1.5)}, "choose with metrics from 'm', 'n' and 'o'"),
        ({"scores": SCORES.assign(m=1.0)}, "all equal"),
        ({"scores": SCORES[:7]}, "has 7 rated images"),
        ({"scores": pd.concat([SCORES[:15], SCORES[15:].rename(columns={"m": "n"})])}, "no images in common"),
    ],
)
def test_a_pilot_that_shows_too_little_is_refused(arguments, words):
    with pytest.raises(InputError, match=words.replace(".", r"\.")):
        pilot_of(**({"ratings": RATINGS} | arguments))


def test_without_scores_only_agreement_is_known():
    found = pilot_of(RATINGS)
    assert found.metrics == () and found.study.correlations == () and 0.5 < found.study.icc < 1
