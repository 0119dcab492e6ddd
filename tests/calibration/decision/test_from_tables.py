"""The gate and the best checkpoint of tables, on made studies whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from calibration.core.resampling import Resampling
from calibration.decision.best import Part, best_checkpoint
from calibration.decision.from_tables import EVERY_RUN, PEOPLE, StudyTables
from calibration.decision.measures import opinions
from metrics.errors import InputError, for_command_line

TRUTH = {"300": 0.0, "600": 1.0, "900": -0.8}


def tables(people: int = 3, seed: int = 0, rated: float = 1.0) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Items, scores and ratings (of a share of the items) of one run of three checkpoints, 24 prompts x 2 seeds."""
    rng = np.random.default_rng(seed)
    rows, scores, ratings = [], [], []
    of_prompt = rng.normal(size=24)
    strictness = rng.normal(0, 0.4, people)
    for checkpoint, value in TRUTH.items():
        for prompt in range(24):
            for number in range(2):
                item = f"{checkpoint}/{prompt}_{number}"
                quality = value + 0.6 * of_prompt[prompt] + 0.3 * rng.normal()
                rows.append({"item": item, "model": "anna", "checkpoint": checkpoint, "prompt": f"p{prompt}"})
                rows[-1]["seed"] = str(number)
                for metric, score in (
                    ("good", quality + 0.3 * rng.normal()),
                    ("distance", -quality),
                    ("noise", rng.normal()),
                ):
                    scores.append({"item": item, "metric": metric, "score": score, "signature": metric})
                if rng.random() < rated:
                    for who, strict in enumerate(strictness):
                        rating = np.clip(np.rint(3 + quality - strict + 0.5 * rng.normal()), 1, 5)
                        ratings.append({"item": item, "evaluator": f"e{who}", "task": "look", "rating": rating})
    return pd.DataFrame(rows), pd.DataFrame(scores), pd.DataFrame(ratings)


def study(seed: int = 0, with_ratings: bool = True, **more) -> StudyTables:
    items, scores, ratings = tables(seed=seed, **{key: more.pop(key) for key in ("rated",) if key in more})
    return StudyTables(
        items,
        scores,
        ratings if with_ratings else None,
        lower_is_better=["distance"],
        higher_is_better=["good", "noise"],
        resampling=Resampling(400),
        **more,
    )


def verdicts(found) -> dict[str, str]:
    return {one.metric: one.verdict for one in found.gate.metrics}


def test_what_got_worse_is_caught_and_what_got_better_is_not():
    one = study(seed=1)
    worse = one.gate("900", "previous")
    assert str(worse.baseline) == "anna/600"
    assert worse.gate.verdict == "worse"
    assert {name for name, verdict in verdicts(worse).items() if verdict == "worse"} == {"good", "distance", PEOPLE}
    better = one.gate("600", "300", metrics=["good", "distance"])
    assert verdicts(better) == {"good": "not worse", "distance": "not worse"}


def test_drops_are_in_people_points():
    """The true drop from 600 to 900 is 1.8; ratings are cut off at 1 and 5, so they show a little less."""
    found = {each.metric: each for each in study().gate("900", "600").gate.metrics}
    for name in ("good", "distance", PEOPLE):
        assert found[name].drop.unit == "rating steps"
        assert found[name].estimate == pytest.approx(-1.8, abs=0.25)
    assert found["noise"].drop.unit == "standard deviations"
    assert study(with_ratings=False).gate("900", "600").gate.metrics[0].drop.unit == "standard deviations"


def test_against_the_best():
    assert str(study().gate("900", "best").baseline) == "anna/600"
    assert str(study().gate("600", "best").baseline) == "anna/300"


def test_least_drop_is_of_a_metric_that_is_there():
    found = study(with_ratings=False).gate("900", "600", least_drops={"good": 9.0})
    assert verdicts(found)["good"] == "not worse"
    with pytest.raises(InputError, match="least_drop names 'nope'"):
        study().gate("900", "600", least_drops={"nope": 1.0})


@pytest.mark.parametrize("by", ["good", "distance", PEOPLE, f"good+{PEOPLE}"])
def test_the_best_checkpoint_by_each_measure(by):
    found = study().best(by)
    assert found.checkpoints[found.best.winner].name == "600"
    assert [found.checkpoints[place].name for place in found.best.may_be_best] == ["600"]
    assert found.is_turned == (by == "distance")
    assert found.unit == ("rating steps" if PEOPLE in by else "the metric's units")


def test_the_best_of_all_runs_together():
    """Of two runs with the same prompts, the second shifted up; the base is none of them, and ties go by step."""
    items, scores, _ = tables(seed=2)
    other, more = (frame.assign(item="ben/" + frame["item"]) for frame in (items, scores))
    other["model"] = "ben"
    base = items.query("checkpoint == '300'").assign(model="base", checkpoint="0", kind="base")
    base["item"] = "base/" + base["item"]
    more.loc[more["metric"] == "good", "score"] += 0.5
    both = pd.concat([items.assign(kind="lora"), other.assign(kind="lora"), base], ignore_index=True)
    made = StudyTables(both, pd.concat([scores, more], ignore_index=True), higher_is_better=["good", "noise"])
    found = made.best("good", EVERY_RUN)
    assert list(map(str, found.checkpoints)) == [f"{run}/{step}" for step in TRUTH for run in ("anna", "ben")]
    assert str(found.checkpoints[found.best.winner]) == "ben/600"
    assert str(made.best("good", "anna").checkpoints[made.best("good", "anna").best.winner]) == "anna/600"
    assert [str(found.checkpoints[k]) for k in found.best.may_be_best] == ["ben/600"]
    even = made.best("distance", EVERY_RUN)  # both runs have the same there
    assert str(even.checkpoints[even.best.winner]).startswith("anna/")


def test_opinions_are_steps_without_strictness():
    given = pd.DataFrame({"item": ["a", "a", "b", "b", "b"], "evaluator": ["x", "y", "x", "y", "y"]})
    found = opinions(given.assign(rating=[2, 4, 3, 5, 1]))  # the second answer of y about b does not count
    np.testing.assert_allclose(found.steps.loc["a"], [2, 2])
    np.testing.assert_allclose(found.steps.loc["b"], [3, 3])
    np.testing.assert_allclose(found.leniency, [-1, 1])


def test_both_together_are_people_where_all_is_rated_and_need_not_all():
    whole = study()
    assert whole.best(f"noise+{PEOPLE}").best.means == pytest.approx(whole.best(PEOPLE).best.means)
    part = study(rated=0.4)
    both, people = part.best(f"good+{PEOPLE}").best, part.best(PEOPLE).best
    assert both.means == pytest.approx(whole.best(PEOPLE).best.means, abs=0.2)
    assert both.means == pytest.approx(people.means, abs=0.4)
    assert (both.together < 1.1 * people.together).all()
    exact = part.best(f"distance+{PEOPLE}").best
    assert exact.means == pytest.approx(whole.best(PEOPLE).best.means, abs=0.2)


def test_what_is_rated_more_often_on_easy_prompts_does_not_look_better():
    """The plain mean of 300 was .5 too high there: people rated its best prompts, and of the others all."""
    items, scores, ratings = tables()
    of_prompt = ratings.groupby(ratings["item"].str.extract(r"/(\d+)_")[0])["rating"].mean()
    hard = {f"300/{prompt}_{number}" for prompt in of_prompt.nsmallest(16).index for number in (0, 1)}
    assert hard <= set(items["item"])
    kept = ratings[~ratings["item"].isin(hard)]
    whole, part = (
        StudyTables(items, scores, given, lower_is_better=["distance"], higher_is_better=["good", "noise"]).best(PEOPLE)
        for given in (ratings, kept)
    )
    assert part.best.prompts == 24
    assert part.best.means == pytest.approx(whole.best.means, abs=0.15)
    mean = kept[kept["item"].str.startswith("300")]["rating"].mean()
    assert mean - ratings[ratings["item"].str.startswith("300")]["rating"].mean() > 0.4
    assert part.notes[-1] == (
        "People rated 112 of 144 images of these checkpoints; that these stand for the others is assumed, so let "
        "chance, and not how images look, say which are rated."
    )
    assert not any("People rated" in note for note in whole.notes)


def test_people_who_rated_no_common_prompts_compare_nothing():
    items, scores, ratings = tables()
    first = ratings["item"].str.extract(r"/(\d+)_")[0].astype(int) < 12
    kept = ratings[first == ratings["item"].str.startswith("300")]
    with pytest.raises(InputError, match="do not share enough prompts to compare them all"):
        StudyTables(items, scores, kept, lower_is_better=["distance"], higher_is_better=["good", "noise"]).best(PEOPLE)


def test_how_strict_people_are_makes_their_value_less_sure_and_no_checkpoint_better():
    """Nothing is missing, so the ratings as they were given have the same means, and the same intervals."""
    items, scores, ratings = tables()
    found = StudyTables(items, scores, ratings, lower_is_better=["distance"], higher_is_better=["good", "noise"])
    best = found.best(PEOPLE).best
    cells = ratings.assign(checkpoint=ratings["item"].str.split("/").str[0], prompt=ratings["item"].str[4:-2])
    sums = np.stack(
        [
            of.pivot_table(index="prompt", columns="checkpoint", values="rating", aggfunc="sum").to_numpy() - 2
            for _, of in cells.groupby("evaluator")
        ]
    )
    given = best_checkpoint([Part(sums, np.full(sums.shape, 2.0))], [0.15], found.resampling)
    assert best.means == pytest.approx(given.means)
    assert best.low == pytest.approx(given.low) and best.high == pytest.approx(given.high)
    assert best.may_be_best == given.may_be_best
    assert best.prompts_to_tell[0.15] == pytest.approx(given.prompts_to_tell[0.15], rel=0.1)  # prompts in another order


def test_scores_made_in_two_ways_are_not_compared():
    items, scores, _ = tables()
    scores.loc[(scores["metric"] == "good") & scores["item"].str.startswith("900"), "signature"] = "another network"
    one = StudyTables(items, scores, lower_is_better=["distance"], higher_is_better=["good", "noise"])
    with pytest.raises(InputError, match="good: the two checkpoints' images were scored in 2 different ways"):
        one.gate("900", "600")


def test_what_is_not_there_is_said():
    one = study()
    for call, words in (
        (lambda: one.gate("900", "900"), "both candidate and baseline"),
        (lambda: one.gate("900", "600", metrics=["lpips"]), "no scores by 'lpips'"),
        (lambda: one.best("good+nobody"), "is no measure"),
        (lambda: one.best("good", run="ben"), "no run 'ben'; the runs are anna"),
        (lambda: study(with_ratings=False).best(), "Say by which metric"),
        (lambda: study(with_ratings=False).best(PEOPLE), "There are no ratings yet"),
        (lambda: study(task="taste"), "no task 'taste'; people rated 'look'"),
    ):
        with pytest.raises(InputError, match=words):
            call()
    items, scores, ratings = tables()
    two = pd.concat([ratings, ratings.assign(task="taste")])
    with pytest.raises(InputError, match="say whose ratings count with task"):
        StudyTables(items, scores, two, lower_is_better=["distance"], higher_is_better=["good", "noise"])


def test_a_checkpoint_without_scores_does_not_count():
    items, scores, _ = tables()
    kept = scores[~((scores["metric"] == "good") & scores["item"].str.startswith("900"))]
    one = StudyTables(items, kept, lower_is_better=["distance"], higher_is_better=["good", "noise"])
    found = one.gate("900", "600")
    assert set(verdicts(found)) == {"distance", "noise"}
    assert any("good has no scores of anna/900" in note for note in found.notes)


def test_the_best_of_many_equal_checkpoints_does_not_make_the_next_one_worse():
    """Chance chose the baseline: before, 21 % of such gates called a tenth checkpoint as good as nine others worse."""
    rng = np.random.default_rng(5)
    worse = {"best": 0, "named": 0}
    for run in range(60):
        of_prompt = np.tile(np.repeat(rng.normal(size=12), 2), 10)
        items = pd.DataFrame({"item": [f"i{k}" for k in range(240)], "model": "m"})
        items["checkpoint"] = np.repeat([str(100 * (k + 1)) for k in range(10)], 24)
        items["prompt"], items["seed"] = (
            np.tile(np.repeat([f"p{k}" for k in range(12)], 2), 10),
            np.tile(["0", "1"], 120),
        )
        scores = pd.DataFrame({"item": items["item"], "metric": "x", "score": of_prompt + 0.6 * rng.normal(size=240)})
        one = StudyTables(items, scores, higher_is_better=["x"], resampling=Resampling(200, seed=run))
        found = one.gate("1000", "best", least_drops={"x": 0.05})
        assert found.chosen_among == 9
        worse["best"] += found.gate.verdict == "worse"
        named = one.gate("1000", str(found.baseline), least_drops={"x": 0.05})
        assert found.gate.metrics[0].adjusted_p == pytest.approx(min(9 * named.gate.metrics[0].p, 1))
        worse["named"] += named.gate.verdict == "worse"
    assert worse["best"] <= 6 < worse["named"]


def test_against_the_best_where_there_is_little_to_choose_from():
    items, scores, _ = tables()
    rename = {"300": ("base", "base"), "600": ("anna", "900"), "900": ("anna", "900")}
    alone = items[items["checkpoint"] != "600"].copy()
    alone["kind"] = alone["checkpoint"].map(lambda name: rename[name][0] if name == "300" else "")
    alone["model"] = alone["checkpoint"].map(lambda name: rename[name][0])
    one = StudyTables(alone, scores, lower_is_better=["distance"], higher_is_better=["good", "noise"])
    found = one.gate("900", "best")
    assert found.baseline.is_base and found.chosen_among == 1
    with pytest.raises(InputError, match="base/300 is what the others were trained from"):
        one.gate("base", "best")
    with pytest.raises(InputError, match="There is no checkpoint before base/300"):
        one.gate("base", "previous")
    two = study(with_ratings=False)
    with pytest.raises(InputError, match=r"Say by which metric \(primary\)"):
        two.gate("900", "best")
    assert str(two.gate("900", "best", primary="good").baseline) == "anna/600"


def test_neither_gate_nor_best_without_seeds():
    items, scores, _ = tables()
    items.loc[items["checkpoint"] == "900", "seed"] = ""
    one = StudyTables(items, scores, lower_is_better=["distance"], higher_is_better=["good", "noise"])
    for call in (lambda: one.gate("900", "600"), lambda: one.best("good")):
        with pytest.raises(InputError, match=r"which seed each image of anna/900 was drawn; .*humangrade generate"):
            call()
    assert one.gate("600", "300", metrics=["good"]).gate.verdict == "not worse"


def test_least_drops_are_numbers_above_0_of_what_is_judged():
    one = study()
    for drops, words in (
        ({"good": 0.0}, "least_drop of good is 0; a drop is a number above 0"),
        ({"good": float("nan")}, "least_drop of good is nan"),
        ({"noise": 1.0}, "names 'noise', by which nothing is judged here; the gate judges by good and people"),
    ):
        with pytest.raises(InputError, match=words):
            one.gate("900", "600", metrics=["good"], least_drops=drops)
    found = one.gate("900", "600", metrics=[PEOPLE], least_drops={PEOPLE: 4.0})
    assert verdicts(found) == {PEOPLE: "not worse"}


def test_people_decide_only_where_they_rated_both_sides():
    with pytest.raises(InputError, match=r"Of 48 pairs people rated \d+ on both sides"):
        study(rated=0.5).gate("900", "600", primary=PEOPLE)
    assert PEOPLE not in verdicts(study(rated=0.5).gate("900", "600"))
    with pytest.raises(InputError, match="There are no ratings yet"):
        study(with_ratings=False).gate("900", "600", metrics=[PEOPLE])


def test_what_was_assumed_of_a_metric_is_said():
    items, scores, _ = tables()
    found = StudyTables(items, scores).gate("900", "600", metrics=["good"])
    assert found.notes == ("Assumed that higher is better; if lower is, say --lower-is-better good.",)
    assert StudyTables(items, scores).gate("900", "600").notes == (
        "distance, good and noise: Assumed that higher is better; if lower is, say --lower-is-better NAME.",
    )


def test_metrics_that_do_not_count_for_the_same_reason_are_one_sentence():
    items, scores, _ = tables()
    gone = scores[~(scores["metric"].isin(["good", "noise"]) & scores["item"].str.startswith("900"))]
    notes = of(items, gone).gate("900", "600").notes
    assert notes == (
        "good and noise have no scores of anna/900, so they do not count; humangrade score computes them.",
    )
    scores.loc[scores["metric"].isin(["good", "noise"]), "score"] = 1.0
    notes = of(items, scores).gate("900", "600").notes
    assert notes == ("good and noise have the same scores on both sides of all pairs, so they do not count.",)


def test_images_and_prompts_are_counted_where_there_are_values():
    items, scores, ratings = tables()
    assert (study().best(PEOPLE).images, study().best("good").images) == (144, 144)
    few = ratings[ratings["item"].str.contains(r"/[0-5]_0$")]
    directions = {"lower_is_better": ["distance"], "higher_is_better": ["good", "noise"]}
    found = StudyTables(items, scores, few, resampling=Resampling(200), **directions).best(PEOPLE)
    assert (found.images, found.best.prompts) == (18, 6)
    fewer = ratings[ratings["item"].str.contains(r"/[0-3]_0$")]
    with pytest.raises(InputError, match="share 4 prompts with values by people"):
        StudyTables(items, scores, fewer, **directions).best(PEOPLE)


def of(items: pd.DataFrame, scores: pd.DataFrame) -> StudyTables:
    return StudyTables(items, scores, lower_is_better=["distance"], higher_is_better=["good", "noise"])


def test_a_metric_that_one_of_the_two_lacks_does_not_count_whichever_it_is():
    items, scores, _ = tables()
    found = of(items, scores[~((scores["metric"] == "good") & scores["item"].str.startswith("600"))]).gate("900", "600")
    assert set(verdicts(found)) == {"distance", "noise"}
    assert any("good has no scores of anna/600" in note for note in found.notes)


def test_missing_images_count_as_missing_scores():
    """The three worst of 48 images of a bad checkpoint were not drawn, or thrown away."""
    items, scores, _ = tables()
    worst = scores[(scores["metric"] == "good") & scores["item"].str.fullmatch("900/.*_1")].sort_values("score")["item"]
    assert of(items[~items["item"].isin(worst[:2])], scores).gate("900", "600").gate.metrics[0].missing == 2
    with pytest.raises(InputError, match="distance: 3 of 48 pairs lack a score"):
        of(items[~items["item"].isin(worst[:3])], scores).gate("900", "600")
    assert of(items, scores).gate("900", "600").notes == ()


def test_prompts_that_one_checkpoint_lacks_are_said():
    items, scores, _ = tables()
    one = of(items[~items["item"].isin(["900/3_0", "900/3_1", "600/4_0", "600/4_1"])], scores)
    assert one.gate("600", "300").notes == ("1 prompt of 24 does not count: anna/600 lacks images of it.",)
    said = "2 prompts of 24 do not count: {} and {} lack images of them."
    assert one.gate("900", "600").notes == (said.format("anna/900", "anna/600"),)
    assert one.best("good").notes == (said.format("anna/600", "anna/900"),)
    assert one.best("good").best.prompts == 22


@pytest.mark.parametrize("what", ["scores", "items"])
def test_the_best_is_not_chosen_by_leaving_bad_images_out(what):
    items, scores, _ = tables()
    good = scores[(scores["metric"] == "good") & scores["item"].str.fullmatch("900/.*_1")].sort_values("score")["item"]
    some = {"items": items, "scores": scores}
    some[what] = some[what][~some[what]["item"].isin(good[:12])]
    with pytest.raises(InputError, match="good: 12 of the 48 images of anna/900 lack a score or are not there"):
        of(some["items"], some["scores"]).best("good")


def test_few_missing_scores_leave_like_against_like():
    """Two easy images lack a score by one checkpoint: the others' values of the same two do not count either."""
    items, scores, _ = tables()
    easy = scores[(scores["metric"] == "good") & scores["item"].str.startswith("600/")].nlargest(2, "score")["item"]
    found = of(items, scores[~((scores["metric"] == "good") & scores["item"].isin(easy))]).best("good")
    numbers = [name.split("/")[1] for name in easy]
    kept = scores[(scores["metric"] == "good") & ~scores["item"].str.split("/").str[1].isin(numbers)]
    by_prompt = kept.assign(
        checkpoint=kept["item"].str.split("/").str[0], prompt=kept["item"].str.split("[/_]").str[1]
    ).groupby(["checkpoint", "prompt"])["score"]
    assert found.best.means == pytest.approx(by_prompt.mean().groupby("checkpoint").mean().to_numpy())


def test_prompts_count_alike_for_gate_and_best():
    """One prompt has twenty seeds in place of two: it does not decide alone."""
    items, scores, _ = tables()
    more_items, more_scores = [items], [scores]
    for seed in range(2, 20):
        twin = items[items["item"].str.endswith("/0_1")]
        new = twin["item"].str.replace("_1", f"_{seed}")
        more_items.append(twin.assign(item=new, seed=str(seed)))
        more_scores.append(pd.DataFrame({"item": new, "metric": "good", "score": -9.0, "signature": "good"}))
    wide_items = pd.concat(more_items)
    wide_scores = pd.concat(more_scores)
    wide_scores = wide_scores[wide_scores["metric"] == "good"]
    one = StudyTables(wide_items, wide_scores, higher_is_better=["good"])
    assert one.best("good").best.winner == 1
    assert one.gate("600", "300").gate.metrics[0].flips.prompts == 24
    assert one.gate("600", "300").gate.verdict == "not worse"


def test_a_metric_that_sees_nothing_is_refused():
    items, scores, _ = tables()
    scores.loc[scores["metric"] == "good", "score"] = 0.7
    with pytest.raises(InputError, match="good gives all images of these checkpoints one score"):
        of(items, scores).best("good")
    with pytest.raises(InputError, match="good: candidate and baseline have the same score on all 48 pairs"):
        of(items, scores).gate("900", "600", metrics=["good"])


def test_the_best_is_not_found_among_scores_made_in_two_ways():
    items, scores, _ = tables()
    strange = (scores["metric"] == "good") & scores["item"].str.startswith("900")
    scores.loc[strange, "signature"] = "good|net:other"
    with pytest.raises(InputError, match="good: the checkpoints' images were scored in 2 different ways"):
        of(items, scores).best("good")
    scores.loc[strange, "signature"] = "good|versions:torch-2.9"
    assert of(items, scores).best("good").best.winner == 1
    assert verdicts(of(items, scores).gate("900", "600"))["good"] == "worse"


def test_points_are_not_those_of_scores_made_in_another_way():
    """All checkpoints but two were rated by a network of other units."""
    items, scores, ratings = tables()
    old = (scores["metric"] == "good") & scores["item"].str.startswith("300")
    scores.loc[old, "signature"] = "good|net:other"
    scores.loc[old, "score"] *= 1000
    directions = {"lower_is_better": ["distance"], "higher_is_better": ["good", "noise"]}
    rated = StudyTables(items, scores, ratings, resampling=Resampling(200), **directions)
    found = rated.gate("900", "600", metrics=["good"]).gate.metrics[0]
    assert found.drop.unit == "rating steps"
    assert found.estimate == pytest.approx(-1.8, abs=0.3)
    scores.loc[(scores["metric"] == "good") & ~old, "signature"] = ["new", "old"] * 48
    scores.loc[old, "signature"] = "old"
    with pytest.raises(InputError, match="2 different ways"):
        StudyTables(items, scores, ratings, resampling=Resampling(200), **directions).gate("900", "600", ["good"])


def test_three_prompts_tell_nothing():
    items, scores, _ = tables()
    few = items[items["prompt"].isin(["p0", "p1", "p2"])]
    found = of(few, scores).gate("900", "600", metrics=["good"]).gate
    assert found.verdict == "cannot tell"
    assert found.metrics[0].p == 0.125
    with pytest.raises(InputError, match="found on 5 prompts or more"):
        of(few, scores).best("good")


def test_a_metric_that_tells_nothing_does_not_count_among_others():
    """One of several metrics that is the same on all images must not keep the others from being judged."""
    items, scores, _ = tables()
    scores.loc[scores["metric"] == "noise", "score"] = 1.0
    directions = {"lower_is_better": ["distance"], "higher_is_better": ["good", "noise"]}
    one = StudyTables(items, scores, **directions)
    found = one.gate("900", "600")
    assert set(verdicts(found)) == {"good", "distance"} and found.gate.verdict == "worse"
    assert "noise has the same scores on both sides of all pairs, so it does not count." in found.notes
    for asked in ({"metrics": ["noise"]}, {"primary": "noise"}):
        with pytest.raises(InputError, match="noise: candidate and baseline have the same score on all 48 pairs"):
            one.gate("900", "600", **asked)
    scores.loc[(scores["metric"] == "noise") & (scores["item"] == "900/3_0"), "score"] = 0.5
    other = StudyTables(items, scores, **directions)
    found = other.gate("900", "600")
    assert set(verdicts(found)) == {"good", "distance"}
    said = found.notes[-1]
    words = "noise gives all of the baseline's images one score and no {} is stated, so it does not count."
    assert (str(said), for_command_line(said)) == (words.format("least_drop"), words.format("--least-drop"))
    assert set(verdicts(other.gate("900", "600", least_drops={"noise": 0.1}))) == {"good", "distance", "noise"}


def test_a_metric_that_sees_no_difference_does_not_count_unless_it_is_asked():
    items, scores, _ = tables()
    scores.loc[scores["metric"] == "good", "score"] = 1.0
    found = of(items, scores).gate("900", "600")
    assert set(verdicts(found)) == {"distance", "noise"}
    assert [note for note in found.notes if note.startswith("good ") and "does not count" in note]
    with pytest.raises(InputError, match="good: candidate and baseline have the same score on all 48 pairs"):
        of(items, scores).gate("900", "600", primary="good")
    scores["score"] = 1.0
    with pytest.raises(InputError, match="distance: candidate and baseline have the same score on all 48 pairs"):
        of(items, scores).gate("900", "600")
