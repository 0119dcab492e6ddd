import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.core.crossvalidation import skill
from calibration.pipeline import calibrate_tables
from calibration.settings import Settings
from metrics.errors import InputError
from metrics.text import natural_order


def ratings(matrix, task="look"):
    """A ratings table from one list an item; None where an evaluator did not rate it."""
    return pd.DataFrame(
        [
            {"item": f"i{row}", "evaluator": f"e{column}", "task": task, "rating": value}
            for row, values in enumerate(matrix)
            for column, value in enumerate(values)
            if value is not None
        ]
    )


def scores(**metrics):
    rows = [
        {"item": f"i{row}", "metric": metric, "score": value}
        for metric, values in metrics.items()
        for row, value in enumerate(values)
        if value is not None
    ]
    return pd.DataFrame(rows, columns=["item", "metric", "score"])


def task_of(ratings_table, scores_table=None, **options):
    report = calibrate_tables(ratings_table, scores_table, settings=Settings(**options)).report
    json.dumps(report, allow_nan=False)
    return report["tasks"]["look"]


GOOD = [[1, 2], [2, 2], [3, 4], [5, 5]]
GOOD_SCORES = [0.1, 0.2, 0.3, 0.4]
SPREAD = [[1 + row // 8] * 2 + [1 + (row + 1) % 40 // 8] for row in range(40)]


def test_schema():
    report = calibrate_tables(ratings(GOOD), scores(ssim=[0.1, 0.2, 0.3, 0.4])).report
    assert report["schema"] == "humangrade.report/1"
    task = report["tasks"]["look"]
    assert (task["n_items"], task["n_evaluators"], task["n_ratings"]) == (4, 2, 8)
    assert set(task["evaluators"]["e0"]) >= {"n", "mean", "std", "grade"}
    assert set(task["evaluators"]["e0"]["grade"]) == {"1", "2"}
    assert set(task["agreement"]) == {"krippendorff_alpha", "person_to_person_grade", "icc", "kendall_w", "intervals"}
    metric = task["metrics"]["ssim"]
    assert set(metric) >= {"direction", "n_items", "pearson", "spearman", "kendall", "buckets", "constant"}
    assert set(metric["buckets"]) >= {"thresholds", "loss", "grade"}
    assert set(metric["constant"]) == {"level", "grade"}
    assert set(metric["cross_validation"]) >= {"folds", "grade_mean", "grade_std", "skill", "person_skill"}
    assert set(metric["cross_validation"]["folds"][0]) == {
        "held_out", "n_ratings", "thresholds", "train_loss", "grade", "constant_grade", "person_grade",
    }  # fmt: skip


def test_values_worked_by_hand():
    """Two evaluators, GOOD, a metric that orders the items: fitted on e1 it answers 2, 2, 4, 5 to e0's 1, 2, 3, 5."""
    task = task_of(ratings(GOOD), scores(ssim=[0.1, 0.2, 0.3, 0.4]))
    first = task["evaluators"]["e0"]
    assert first["mean"] == pytest.approx((0 + 1 + 2 + 4) / 16)
    assert first["std"] == pytest.approx(np.std([0, 0.25, 0.5, 1]))
    assert first["grade"] == {"1": pytest.approx(1 - 0.5 / 4), "2": pytest.approx(1 - 0.125 / 4)}
    validation = task["metrics"]["ssim"]["cross_validation"]
    held_out = validation["folds"][0]
    assert held_out["grade"] == pytest.approx(1 - 0.5 / 4)
    assert held_out["train_loss"] == 0
    assert held_out["thresholds"][0] < 0.1  # nobody gave 1 in training: the level is empty
    assert held_out["thresholds"][1:] == [pytest.approx(0.25), pytest.approx(0.25), pytest.approx(0.35)]
    # the constant fitted on e1's 2, 2, 4, 5 is 2 (the lowest of equals), against 1, 2, 3, 5: distances 1, 0, 1, 3
    assert held_out["constant_grade"] == pytest.approx(1 - (1 + 0 + 1 + 3) / 4 / 4)
    assert held_out["person_grade"] == pytest.approx(1 - 0.5 / 4)
    constant = np.mean([fold["constant_grade"] for fold in validation["folds"]])
    assert validation["skill"] == pytest.approx((validation["grade_mean"] - constant) / (1 - constant))
    assert validation["person_skill"] == pytest.approx(skill(task["agreement"]["person_to_person_grade"], constant))


def test_a_perfect_and_a_useless_metric():
    matrix = [[value] * 3 for value in (1, 2, 3, 4, 5)] * 8
    task = task_of(ratings(matrix), scores(perfect=[1, 2, 3, 4, 5] * 8, constant=[7] * 40))
    assert task["metrics"]["perfect"]["cross_validation"]["skill"] == 1
    assert task["metrics"]["perfect"]["verdict"]["kind"] == "stand-in"
    useless = task["metrics"]["constant"]
    assert useless["cross_validation"]["skill"] == 0
    assert useless["verdict"]["kind"] == "unknown"
    assert useless["verdict"]["sentence"] == "constant cannot be judged here: it gave every image the same score."
    assert {useless[name] for name in ("pearson", "spearman", "spearman_p", "kendall")} == {None}
    assert any("same score (7) to every item" in note for note in useless["notes"])


def test_directions():
    up, down = [0.1, 0.2, 0.3, 0.4], [-0.1, -0.2, -0.3, -0.4]
    task = task_of(ratings(GOOD), scores(lpips=down, mine=up, other=down), lower_is_better=("OTHER",))
    grades = {name: entry["cross_validation"]["grade_mean"] for name, entry in task["metrics"].items()}
    assert len(set(grades.values())) == 1
    assert task["metrics"]["lpips"]["direction"] == task["metrics"]["other"]["direction"] == "lower"
    assert task["metrics"]["mine"]["notes"] == [
        "Assumed that higher is better; if lower is, say --lower-is-better mine."
    ]
    assert task["metrics"]["lpips"]["notes"] == task["metrics"]["other"]["notes"] == []
    thresholds = task["metrics"]["lpips"]["buckets"]["thresholds"]
    assert thresholds == sorted(thresholds, reverse=True)
    with pytest.raises(InputError, match="lower_is_better names 'nique', but the scores have no such metric"):
        task_of(ratings(GOOD), scores(niqe=up), lower_is_better=("nique",))


def test_directions_from_a_part_of_a_name_are_noted_and_can_be_set():
    up = [0.1, 0.2, 0.3, 0.4]
    names = ["mae_vit_aesthetic", "lpips_similarity", "lpips", "clipscore_vitb32"]
    table = scores(**dict.fromkeys(names, up))
    guessed = task_of(ratings(GOOD), table)["metrics"]
    assert guessed["mae_vit_aesthetic"]["direction"] == "lower"
    assert guessed["mae_vit_aesthetic"]["notes"][0] == (
        "Assumed that lower is better, as with Mean absolute error, with which its name begins; if not, name it in "
        "--higher-is-better."
    )
    assert "as with CLIP-score" in guessed["clipscore_vitb32"]["notes"][0]
    assert not any("Assumed" in note for note in guessed["lpips"]["notes"])
    told = task_of(ratings(GOOD), table, higher_is_better=("MAE_vit_aesthetic", "lpips"))["metrics"]
    assert told["mae_vit_aesthetic"]["direction"] == told["lpips"]["direction"] == "higher"
    assert told["mae_vit_aesthetic"]["notes"] == told["lpips"]["notes"] == []
    with pytest.raises(InputError, match="higher_is_better names 'x', but the scores have no such metric"):
        task_of(ratings(GOOD), table, higher_is_better=("x",))
    with pytest.raises(InputError, match="both name 'lpips'; name it once"):
        task_of(ratings(GOOD), table, higher_is_better=("lpips",), lower_is_better=("LPIPS",))


def test_a_direction_that_people_speak_against_is_noted():
    entry = task_of(ratings(SPREAD), scores(lpips=range(40)))["metrics"]["lpips"]
    assert entry["notes"] == [
        "Images with higher scores were rated better (Spearman 0.96), although lower is taken to be better; if that is "
        "wrong, say --higher-is-better lpips."
    ]
    assert entry["verdict"]["kind"] == "none"
    assert "sorts the images against people's order" in entry["verdict"]["sentence"]


def test_titles_that_would_be_alike_keep_the_tables_names():
    entries = task_of(ratings(GOOD), scores(**{"clip_score": GOOD_SCORES, "CLIP-Score": GOOD_SCORES}))["metrics"]
    assert [entry["title"] for entry in entries.values()] == ["CLIP-Score", "clip_score"]


def test_numbers_in_names_may_be_of_any_length_and_script():
    table = ratings(GOOD).replace({"evaluator": {"e0": "1²3", "e1": "9" * 5000}})
    assert list(task_of(table)["evaluators"]) == ["1²3", "9" * 5000]
    assert sorted(["p10", "p٣", "p2", "", "p02", "x²"], key=natural_order) == ["", "p2", "p02", "p٣", "p10", "x²"]


def test_the_reports_thresholds_give_the_reports_numbers():
    """Fractions like 2/13 have no end in decimal: rounded thresholds would put scores on the wrong side."""
    random = np.random.default_rng(3)
    fractions = random.integers(1, 12, 200) / 13
    matrix = np.clip(np.rint(5 * fractions[:, None] + random.normal(0, 1, (200, 3))), 1, 5).astype(int).tolist()
    task = task_of(ratings(matrix), scores(spice=fractions))
    metric = json.loads(json.dumps(task))["metrics"]["spice"]
    unit = (np.array(matrix) - 1) / 4
    for number, fold in enumerate(metric["cross_validation"]["folds"]):
        levels = (fractions[:, None] > np.array(fold["thresholds"])).sum(axis=1) / 4
        assert 1 - np.abs(levels - unit[:, number]).mean() == pytest.approx(fold["grade"], abs=1e-14)
        others = np.delete(unit, number, axis=1)
        assert np.abs(levels[:, None] - others).mean() == pytest.approx(fold["train_loss"], abs=1e-14)
    assert any(len(repr(value)) > 15 for value in metric["buckets"]["thresholds"])


def test_last_bits_of_a_constant_score_say_nothing():
    noise = [np.nextafter(0.3, 1) if row[0] > 2 else 0.3 for row in SPREAD]
    entry = task_of(ratings(SPREAD), scores(ssim=noise))["metrics"]["ssim"]
    assert entry["spearman"] is None
    assert entry["buckets"]["levels_used"] == 1
    assert entry["verdict"]["kind"] == "unknown"


def test_few_items_give_no_verdict():
    for items in (19, 20):
        entry = task_of(ratings(SPREAD[:items]), scores(ssim=range(items)))["metrics"]["ssim"]
        assert (entry["verdict"]["kind"] == "unknown") == (items < 20)


def test_noise_is_not_recommended():
    """Real people hardly agree more than these; of 100 columns of noise few may pass, by chance."""
    random = np.random.default_rng(5)
    truth = random.normal(size=150)
    spread = [0.5, 0.7, 1.0, 1.5, 2.5]
    matrix = np.column_stack([np.clip(np.rint(3 + truth + random.normal(0, one, 150)), 1, 5) for one in spread])
    noise = scores(**{f"noise{number}": random.normal(size=150) for number in range(100)})
    task = task_of(ratings(matrix.tolist()), noise, draws=0)  # whether it is none is asked of permutations alone
    kinds = [entry["verdict"]["kind"] for entry in task["metrics"].values()]
    assert len(kinds) - kinds.count("none") - kinds.count("unknown") <= 5


def test_one_evaluator():
    task = task_of(ratings([[1], [5]]), scores(ssim=[0.1, 0.9]))
    assert task["evaluators"]["e0"]["grade"] == {"1": None, "2": None}
    assert "Only one evaluator (e0)" in task["notes"][0]
    metric = task["metrics"]["ssim"]
    assert metric["buckets"]["grade"] == 1
    assert metric["cross_validation"]["skill"] is None
    assert metric["verdict"]["kind"] == "unknown"


def test_an_evaluator_with_one_value_only():
    task = task_of(ratings([[3, 1], [3, 5], [3, 2]]))
    assert task["evaluators"]["e0"]["std"] == 0
    assert task["notes"][0] == "e0: Gave the rating 3 to every item."


def test_everybody_gives_one_value():
    task = task_of(ratings([[3, 3], [3, 3]]), scores(ssim=[0.1, 0.9]))
    assert task["agreement"]["krippendorff_alpha"] == {"nominal": None, "ordinal": None, "interval": None}
    assert task["metrics"]["ssim"]["verdict"]["kind"] == "unknown"
    assert "one constant answer is right" in task["metrics"]["ssim"]["notes"][-1]


def test_evaluators_without_a_common_item():
    task = task_of(ratings([[1, None], [None, 5]]), scores(ssim=[0.1, 0.9]))
    assert task["evaluators"]["e0"]["grade"]["1"] is None
    assert "Shares no item" in task["evaluators"]["e0"]["notes"][0]
    assert task["agreement"]["person_to_person_grade"] is None
    verdict = task["metrics"]["ssim"]["verdict"]
    assert verdict["kind"] == "unknown"
    assert "No two evaluators rated the same scored item" in verdict["sentence"]


def test_items_without_scores_do_not_count_and_are_counted():
    matrix = [*GOOD, [4, 1]]
    task = task_of(ratings(matrix), scores(ssim=[0.1, 0.2, 0.3, 0.4, None], other=[1, None, None, None, None]))
    metric = task["metrics"]["ssim"]
    assert metric["n_items"] == 4
    assert metric["notes"] == ["1 of 5 rated items have no score by this metric and do not count."]
    # people are graded on the metric's items in its folds, on all items in their own grades
    assert metric["cross_validation"]["person_mean"] == pytest.approx(1 - 0.5 / 4)
    assert task["agreement"]["person_to_person_grade"] == pytest.approx(1 - (0.5 + 0.75) / 5)
    assert "Fewer than two" in " ".join(task["metrics"]["other"]["notes"])


def test_a_metric_that_scored_no_rated_item():
    lost = pd.DataFrame({"item": ["elsewhere", "x"], "metric": "ssim", "score": [1.0, 2.0]})
    task = task_of(ratings(GOOD), pd.concat([scores(psnr=GOOD_SCORES), lost]))
    metric = task["metrics"]["ssim"]
    assert metric["buckets"]["thresholds"] == [None] * 4
    assert metric["verdict"]["kind"] == "unknown"
    assert metric["verdict"]["sentence"] == (
        "SSIM cannot be judged here. It scored 2 items, and nobody rated any of them in this task."
    )


def test_tables_whose_item_names_never_meet_are_refused():
    scored = scores(ssim=GOOD_SCORES)
    named = scored.assign(item=scored["item"] + ".png")
    with pytest.raises(InputError, match=r"share no item: .* rated is 'i0', .* score 'i0\.png'.*map='item=TEMPLATE'"):
        task_of(ratings(GOOD), named)
    items = pd.DataFrame({"item": [*ratings(GOOD)["item"].unique(), "later"]})
    later = pd.DataFrame({"item": ["later"], "ssim": [0.5]})  # one study, of which the scored part is not yet rated
    report = calibrate_tables(ratings(GOOD), later, items).report
    assert report["tasks"]["look"]["metrics"]["ssim"]["verdict"]["kind"] == "unknown"


def test_no_scores():
    assert task_of(ratings(GOOD))["notes"][-1] == "There are no scores, so no metric is judged."


def test_notes_on_strangers():
    items = pd.DataFrame({"item": ["i0", "i1"]})
    table = pd.DataFrame({"item": ["i0", "x"], "ssim": [0.1, 0.2]})
    notes = calibrate_tables(ratings(GOOD), table, items).report["notes"]
    assert "1 scored item was not rated, the first: x." in notes[0]
    assert "2 rated items are not in the items table, the first: i2." in notes[1]


def test_k_must_be_positive():
    for k in (0, -1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="must be above 0"):
            Settings(k=k)
    with pytest.raises(InputError, match=r"^k is 1e\+300, but .* must be above 0 and at most 10"):
        Settings(k=1e300)


def test_another_k_has_its_own_grade():
    task = task_of(ratings(GOOD), scores(ssim=[1, 2, 3, 4]), k=0.5)
    assert list(task["evaluators"]["e0"]["grade"]) == ["0.5", "1", "2"]


def test_the_same_input_gives_the_same_report():
    made = [calibrate_tables(ratings(GOOD), scores(ssim=[1, 2, 3, 4])).report for _ in range(2)]
    for report in made:
        report.pop("created")
    assert made[0] == made[1]


messy = st.lists(st.lists(st.sampled_from([1, 2, 3, 4, 5, None]), min_size=3, max_size=3), min_size=1, max_size=7)


@settings(max_examples=60)
@given(messy, st.data())
def test_whatever_is_missing_the_report_is_strict_and_grades_are_grades(matrix, data):
    if all(value is None for value in matrix[0]):
        matrix[0][0] = 3  # the first item has a score, and ratings and scores must share one
    values = data.draw(st.lists(st.sampled_from([None, 0.0, 1.0, -2.5]), min_size=len(matrix), max_size=len(matrix)))
    task = task_of(ratings(matrix), scores(ssim=[0.5, *values[1:]]), k=data.draw(st.sampled_from([0.5, 1, 2])))
    metric = task["metrics"]["ssim"]
    validation = metric["cross_validation"]
    for fold in validation["folds"]:
        for name in ("grade", "constant_grade", "person_grade"):
            assert fold[name] is None or 0 <= fold[name] <= 1
    if validation["skill"] is None:
        assert metric["notes"]
    assert metric["verdict"]["sentence"]


def test_people_who_do_not_agree_cannot_judge_a_metric():
    matrix = [[1, 5], [5, 1], [1, 5], [5, 1], [3, 2]] * 4
    metric = task_of(ratings(matrix), scores(ssim=range(20)))["metrics"]["ssim"]
    assert metric["cross_validation"]["person_skill"] < 0
    assert metric["verdict"]["kind"] == "unknown"
    assert "agree hardly more than by chance" in metric["verdict"]["sentence"]


@pytest.mark.parametrize(("items", "noted"), [(99, True), (100, False)])
def test_few_items_are_noted(items, noted):
    notes = task_of(ratings([[1 + row % 5, 1 + row % 4] for row in range(items)]))["notes"]
    assert any(f"Only {items} items were rated" in note for note in notes) is noted


def test_scores_of_different_signatures_are_never_compared_silently():
    table = scores(ssim=[1, 2, 3, 4])
    mixed = task_of(ratings(GOOD), table.assign(signature=["v1", "v1", "v2", "v1"]))["metrics"]["ssim"]
    assert mixed["signatures"] == ["v1", "v2"]
    assert "2 different signatures (v1; v2)" in mixed["notes"][0]
    assert task_of(ratings(GOOD), table.assign(signature="v1"))["metrics"]["ssim"]["notes"] == []


def test_scores_that_differ_in_versions_alone_are_compared_and_that_is_said():
    table = scores(ssim=[1, 2, 3, 4])
    made_by = ["metric:ssim|versions:x-1", "metric:ssim|versions:x-2"]
    found = task_of(ratings(GOOD), table.assign(signature=[made_by[0], made_by[1]] * 2))["metrics"]["ssim"]
    assert found["signatures"] == made_by
    assert found["notes"] == [
        "Its scores were not all computed with the same versions (x-2 instead of x-1); all else is the same."
    ]


def test_scores_of_unusual_size():
    with pytest.raises(InputError, match=r"The score of 'i1' by ssim is 1e.200; beyond 1e.150"):
        task_of(ratings(GOOD), scores(ssim=[1, 1e200, 3, 4]))
    tiny = task_of(ratings(GOOD), scores(ssim=[1e-310, 2e-310, 3e-310, 4e-310]))["metrics"]["ssim"]
    assert tiny["n_scores"] == 1 and tiny["spearman"] is None


def test_the_order_of_the_rows_changes_nothing():
    rng = np.random.default_rng(0)
    quality = rng.normal(size=60)
    rows = [(f"i{i}", f"e{e}", round(3 + quality[i] + 0.7 * rng.normal())) for i in range(60) for e in range(4)]
    ratings = pd.DataFrame(rows, columns=["item", "evaluator", "rating"])
    ratings["rating"] = ratings["rating"].clip(1, 5)
    scores = pd.DataFrame({"item": [f"i{i}" for i in range(60)], "m": quality + rng.normal(size=60)})
    items = pd.DataFrame({"item": scores["item"], "prompt": [f"p{i % 15}" for i in range(60)]})
    settings = Settings(draws=100)
    given = calibrate_tables(ratings, scores, items, settings).report["tasks"]
    tables = [table.sample(frac=1, random_state=number) for number, table in enumerate((ratings, scores, items))]
    assert calibrate_tables(*tables, settings).report["tasks"] == given


def test_images_that_nobody_rated_change_nothing():
    rng = np.random.default_rng(0)
    rows = [(f"i{i}", f"e{e}", int(rng.integers(1, 6))) for i in range(60) for e in range(3)]
    ratings = pd.DataFrame(rows, columns=["item", "evaluator", "rating"])
    scores = pd.DataFrame({"item": [f"i{i}" for i in range(60)], "m": rng.normal(size=60)})
    items = pd.DataFrame({"item": scores["item"], "prompt": [f"p{i % 3}" for i in range(60)]})
    more = pd.DataFrame({"item": [f"u{i}" for i in range(50)], "prompt": [f"q{i}" for i in range(50)]})
    few, many = (
        calibrate_tables(ratings, scores, table, Settings(draws=100)).report
        for table in (items, pd.concat([items, more]))
    )
    assert few["tasks"] == many["tasks"] and few["clusters"] is many["clusters"] is None
    assert [note for note in many["notes"] if "of 3 prompts only" in note]


def test_each_choice_that_was_made_for_a_score_is_counted():
    notes = ["several faces; a reference left out", "several faces", "", "a reference left out; several faces"]
    items = sorted(ratings(GOOD)["item"].unique())
    table = pd.DataFrame({"item": items, "metric": "ssim", "score": GOOD_SCORES, "note": notes})
    entry = task_of(ratings(GOOD), table)["metrics"]["ssim"]
    assert "Of the 4 scored items: 3 several faces, 2 a reference left out." in entry["notes"]
