"""Orders and shares: random, balanced, reproducible, and each evaluator's independent of the others."""

import subprocess
import sys
from collections import Counter

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from study.assignment.order import plan_assignments, split_items

ITEMS = pd.DataFrame({"item": [f"{number:02}.png" for number in range(20)]})
TASKS = ["similarity", "aesthetic"]


def orders(plan) -> dict[tuple[str, str], list[str]]:
    """Each evaluator's items in each task, by position."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in sorted(plan, key=lambda row: row["position"]):
        found.setdefault((row["evaluator"], row["task"]), []).append(row["item"])
    return found


def test_everyone_rates_everything_once_in_each_task():
    plan = plan_assignments(ITEMS, TASKS, ["ann", "bob"], seed=0)
    assert len(plan) == 20 * 2 * 2
    assert all(sorted(items) == list(ITEMS["item"]) for items in orders(plan).values())
    for evaluator in ("ann", "bob"):
        rows = [row for row in plan if row["evaluator"] == evaluator]
        assert [row["position"] for row in rows] == list(range(40))
        assert [row["task"] for row in rows] == ["similarity"] * 20 + ["aesthetic"] * 20


def test_orders_are_random_and_all_different():
    found = orders(plan_assignments(ITEMS, TASKS, [f"e{number}" for number in range(10)], seed=0))
    assert len({tuple(items) for items in found.values()}) == 20
    assert tuple(ITEMS["item"]) not in {tuple(items) for items in found.values()}


def test_first_places_are_spread_evenly():
    found = orders(plan_assignments(ITEMS.head(4), ["look"], [f"e{number}" for number in range(4000)], seed=0))
    first = Counter(items[0] for items in found.values())
    assert all(abs(count - 1000) < 140 for count in first.values())  # five standard deviations of a fair draw


def test_another_seed_is_another_order():
    assert plan_assignments(ITEMS, TASKS, ["ann"], seed=0) != plan_assignments(ITEMS, TASKS, ["ann"], seed=1)


def test_an_order_does_not_depend_on_the_others_nor_on_the_order_of_rows():
    alone = orders(plan_assignments(ITEMS, TASKS, ["ann"], seed=3))
    among = orders(plan_assignments(ITEMS.sample(frac=1, random_state=0), TASKS, ["zoe", "ann", "bob"], seed=3))
    assert all(among[key] == items for key, items in alone.items())


def test_the_order_is_the_same_in_another_process_with_another_hash_seed():
    code = (
        "import pandas as pd; from study.assignment.order import plan_assignments; "
        "items = pd.DataFrame({'item': [f'{number:02}.png' for number in range(20)]}); "
        "print([row['item'] for row in plan_assignments(items, ['aesthetic'], ['ann'], 7)])"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("0", "1")
    }
    here = [row["item"] for row in plan_assignments(ITEMS, ["aesthetic"], ["ann"], 7)]
    assert printed == {f"{here}\n"}


def test_this_order_never_changes():
    """A study that is under way must go on in a later version of humangrade."""
    plan = plan_assignments(pd.DataFrame({"item": list("abcdefgh")}), ["look"], ["ann"], seed=0)
    assert "".join(row["item"] for row in plan) == "fcabdheg"


def test_items_with_a_task_of_their_own():
    items = pd.DataFrame({"item": list("abc"), "task": ["similarity", "", "aesthetic"]})
    found = orders(plan_assignments(items, TASKS, ["ann"], seed=0))
    assert {task: sorted(own) for (_, task), own in found.items()} == {
        "similarity": ["a", "b"],
        "aesthetic": ["b", "c"],
    }


def test_nothing_to_rate_and_nobody_to_rate():
    assert plan_assignments(ITEMS.head(0), TASKS, ["ann"], seed=0) == []
    assert plan_assignments(ITEMS, TASKS, [], seed=0) == []


MODELS = st.lists(st.sampled_from(["", "a", "b", "c", "d"]), min_size=0, max_size=60)


@given(MODELS, st.integers(1, 4), st.integers())
def test_a_split_is_balanced_over_all_and_within_each_model(models, tasks, seed):
    names = [f"task-{number}" for number in range(tasks)]
    items = pd.DataFrame({"item": [f"{number}.png" for number in range(len(models))], "model": models}, dtype=object)
    own = split_items(items, names, seed)
    assert own.index.equals(items.index)
    assert set(own) <= set(names)
    for group in [own, *(own[items["model"] == model] for model in set(models))]:
        counts = [int((group == name).sum()) for name in names]
        assert max(counts) - min(counts) <= 1


def test_a_split_is_random_reproducible_and_independent_of_the_order_of_rows():
    items = ITEMS.assign(model=["m", "n"] * 10)
    own = split_items(items, TASKS, seed=0)
    assert own.equals(split_items(items, TASKS, seed=0))
    assert not own.equals(split_items(items, TASKS, seed=1))
    shuffled = items.sample(frac=1, random_state=1)
    assert split_items(shuffled, TASKS, seed=0).sort_index().equals(own)


def test_a_split_goes_by_the_models_names_and_not_by_their_rows():
    """With an odd number of images of a model, the deal of the next begins at the other task."""
    items = pd.DataFrame({"item": list("abcdefgh"), "model": list("mmmnnnno")})
    backwards = items.iloc[::-1]
    assert split_items(backwards, TASKS, seed=0).sort_index().equals(split_items(items, TASKS, seed=0))


def test_each_models_images_are_dealt_anew():
    items = pd.DataFrame({"item": [f"{number:02}" for number in range(32)], "model": [f"{n // 4}" for n in range(32)]})
    own = split_items(items, TASKS, seed=0)
    assert len({tuple(own[4 * model : 4 * model + 4]) for model in range(8)}) > 1


def test_a_split_without_models():
    assert Counter(split_items(ITEMS, TASKS, seed=0)) == {"similarity": 10, "aesthetic": 10}
