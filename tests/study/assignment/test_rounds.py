"""Who is asked what in later rounds, and which images are asked again."""

import pandas as pd
import pytest

from metrics.errors import InputError
from study.assignment.order import plan_assignments
from study.assignment.rounds import ADDED, AGAIN, choose_anchors, latest_round, plan_rounds
from study.store.records import AskedItem

OLD, NEW = [f"old-{number}" for number in range(8)], [f"new-{number}" for number in range(6)]
TASKS = ["look", "likeness"]


def table(anchors=("old-1", "old-5"), new=NEW, number=2) -> pd.DataFrame:
    rows = [{"item": item, ADDED: "", AGAIN: str(number) if item in anchors else ""} for item in OLD]
    return pd.DataFrame([*rows, *({"item": item, ADDED: str(number), AGAIN: ""} for item in new)])


def answered(evaluator: str, items=OLD, number=1, is_rated=True) -> list[AskedItem]:
    return [AskedItem(evaluator, task, item, number, 0, is_rated) for task in TASKS for item in items]


def of(plan, evaluator, number=2) -> list[tuple[str, str, int]]:
    return [
        (row["task"], row["item"], row["repeat"])
        for row in plan
        if row["evaluator"] == evaluator and row["round"] == number
    ]


def test_a_study_of_one_round_is_planned_as_ever():
    items = pd.DataFrame({"item": OLD})
    assert plan_rounds(items, TASKS, ["ann"], 3, []) == plan_assignments(items, TASKS, ["ann"], 3)
    grown = plan_rounds(table(), TASKS, ["ann"], 3, answered("ann"))
    before = [(row["task"], row["item"], row["position"]) for row in grown if row["round"] == 1]
    assert before == [
        tuple(row[key] for key in ("task", "item", "position")) for row in plan_assignments(items, TASKS, ["ann"], 3)
    ]


def test_new_images_and_anchors_stand_in_one_random_order():
    plan = plan_rounds(table(), TASKS, ["ann", "bob"], 0, [*answered("ann"), *answered("bob")])
    for evaluator in ("ann", "bob"):
        mine = of(plan, evaluator)
        assert sorted(mine) == sorted(
            [(task, item, 0) for task in TASKS for item in NEW]
            + [(task, item, 1) for task in TASKS for item in ("old-1", "old-5")]
        )
        assert [task for task, _, _ in mine] == ["look"] * 8 + ["likeness"] * 8
        positions = [row["position"] for row in plan if row["evaluator"] == evaluator]
        assert positions == list(range(32))
    assert of(plan, "ann") != of(plan, "bob")
    places = [
        [repeat for _, _, repeat in of(plan_rounds(table(), TASKS, ["ann"], seed, answered("ann")), "ann")[:8]].index(1)
        for seed in range(40)
    ]
    assert {0, 1, 2, 3} <= set(places)  # the first anchor may stand anywhere


def test_an_anchor_is_asked_again_of_who_rated_it_and_in_the_task_in_which_they_did():
    half = [AskedItem("ann", "look", item, 1, 0, item != "old-5") for item in OLD]
    assert [each for each in of(plan_rounds(table(), TASKS, ["ann"], 0, half), "ann") if each[1] in OLD] == [
        ("look", "old-1", 1)
    ]
    twice = [*answered("ann"), AskedItem("ann", "look", "old-1", 1, 1, True)]
    again = {(task, item): repeat for task, item, repeat in of(plan_rounds(table(), TASKS, ["ann"], 0, twice), "ann")}
    assert again["look", "old-1"] == 2 and again["likeness", "old-1"] == 1


def test_who_joins_in_a_round_rates_its_images_and_anchors_only():
    plan = plan_rounds(table(), TASKS, ["ann", "new"], 0, answered("ann"))
    assert {row["round"] for row in plan if row["evaluator"] == "new"} == {2}
    assert sorted(of(plan, "new")) == sorted((task, item, 0) for task in TASKS for item in [*NEW, "old-1", "old-5"])


def test_the_anchors_of_a_round_are_settled_once():
    begun = [
        *answered("ann", items=[item for item in OLD if item != "old-5"]),
        *answered("ann", NEW, 2, is_rated=False),
    ]
    later = [*begun, *answered("ann", ["old-5"])]  # rated after the round began
    assert not [item for _, item, _ in of(plan_rounds(table(), TASKS, ["ann"], 0, later), "ann") if item in OLD]


def test_a_row_added_by_hand_belongs_to_the_round_in_which_it_is_first_asked():
    items = pd.concat([table(), pd.DataFrame([{"item": "by-hand", ADDED: "", AGAIN: ""}])], ignore_index=True)
    plan = plan_rounds(items, TASKS, ["ann"], 0, [*answered("ann"), *answered("ann", NEW, 2)])
    assert {row["round"] for row in plan if row["item"] == "by-hand"} == {2}


def test_a_third_round_asks_images_of_both_before():
    items = table()
    items.loc[items["item"].isin(["old-1", "new-0"]), AGAIN] = ["2;3", "3"]
    items = pd.concat([items, pd.DataFrame([{"item": "third", ADDED: "3", AGAIN: ""}])], ignore_index=True)
    assert latest_round(items) == 3
    known = [
        *answered("ann"),
        *answered("ann", NEW, 2),
        *(AskedItem("ann", task, "old-1", 2, 1, True) for task in TASKS),
    ]
    assert sorted(of(plan_rounds(items, TASKS, ["ann"], 0, known), "ann", 3)) == sorted(
        (task, item, repeat) for task in TASKS for item, repeat in (("old-1", 2), ("new-0", 1), ("third", 0))
    )


@pytest.mark.parametrize(("column", "cell"), [(ADDED, "two"), (ADDED, "0"), (AGAIN, "2;x"), (ADDED, "-1")])
def test_a_cell_that_is_no_round(column, cell):
    items = table()
    items.loc[0, column] = cell
    with pytest.raises(InputError, match=f"in the column {column} of 'old-0'"):
        plan_rounds(items, TASKS, ["ann"], 0, [])


def many(models: int = 3, checkpoints: int = 4, each: int = 5) -> pd.DataFrame:
    rows = [(f"{m}-{c}-{i}", f"m{m}", str(c)) for m in range(models) for c in range(checkpoints) for i in range(each)]
    return pd.DataFrame(rows, columns=["item", "model", "checkpoint"])


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.93])
def test_anchors_are_balanced_over_models_and_checkpoints(share):
    items = many()
    for seed in range(5):
        chosen = items[items["item"].isin(choose_anchors(items, items["item"], share, seed, 2))]
        assert len(chosen) == -(-len(items) * share // 1)
        of_models = chosen["model"].value_counts().reindex(["m0", "m1", "m2"], fill_value=0)
        assert of_models.max() - of_models.min() <= 1
        for model in items["model"].unique():
            counts = chosen[chosen["model"] == model]["checkpoint"].value_counts().reindex(list("0123"), fill_value=0)
            assert counts.max() - counts.min() <= 1


def test_anchors_follow_from_the_seed_and_are_of_rated_images():
    items = many()
    rated = items["item"][::2]
    first = choose_anchors(items, rated, 0.2, 0, 2)
    assert set(first) <= set(rated) and len(first) == 6
    assert first == choose_anchors(items.sample(frac=1, random_state=1).sort_index(), rated, 0.2, 0, 2)
    assert first != choose_anchors(items, rated, 0.2, 1, 2) and first != choose_anchors(items, rated, 0.2, 0, 3)
    assert choose_anchors(items, rated, 0, 0, 2) == [] and choose_anchors(items, [], 1, 0, 2) == []
    assert choose_anchors(items, rated, 1, 0, 2) == list(rated)


def test_where_images_are_rated_in_one_task_each_task_has_its_share():
    items = many().assign(task=["look", "likeness"] * 30)
    chosen = items[items["item"].isin(choose_anchors(items, items["item"], 0.1, 0, 2))]
    assert chosen["task"].value_counts().to_dict() == {"look": 3, "likeness": 3}
