"""The checkpoints of an items table: which there are, in which order, and which images are pairs."""

import pandas as pd
import pytest

from calibration.decision.checkpoints import Checkpoints
from metrics.errors import InputError


def items(*checkpoints: tuple[str, str], prompts=("p", "q"), seeds=("1", "2"), **columns) -> pd.DataFrame:
    rows = [
        {"item": f"{model}/{name}/{prompt}{seed}", "model": model, "checkpoint": name, "prompt": prompt, "seed": seed}
        for model, name in checkpoints
        for prompt in prompts
        for seed in seeds
    ]
    return pd.DataFrame(rows).assign(**columns)


def test_steps_are_numbers_and_the_base_comes_first():
    table = items(("anna", "1200"), ("anna", "300"), ("base", "0"), ("anna", "last"))
    table["kind"] = table["model"].map({"base": "base"}).fillna("lora")
    found = Checkpoints(table)
    assert [str(one) for one in found.all] == ["base/0", "anna/300", "anna/1200", "anna/last"]
    assert [one.name for one in found.runs()["anna"]] == ["300", "1200", "last"]


def test_the_column_step_wins_over_the_name():
    table = items(("anna", "epoch-1"), ("anna", "epoch-2"))
    table["step"] = table["checkpoint"].map({"epoch-1": "500", "epoch-2": "400"})
    assert [one.name for one in Checkpoints(table).all] == ["epoch-2", "epoch-1"]


def test_previous_is_the_one_before_by_step_or_the_base():
    table = items(("anna", "300"), ("anna", "600"), ("ben", "450"), ("base", "0"))
    table["kind"] = table["model"].map({"base": "base"}).fillna("lora")
    found = Checkpoints(table)
    assert str(found.previous(found.find("anna/600"))) == "anna/300"
    assert str(found.previous(found.find("ben/450"))) == "base/0"
    with pytest.raises(InputError, match="no checkpoint before base/0"):
        found.previous(found.find("base"))


def test_a_checkpoint_is_found_by_what_tells_it_apart():
    found = Checkpoints(items(("anna", "300"), ("ben", "300"), ("ben", "600")))
    assert str(found.find("600")) == "ben/600"
    with pytest.raises(InputError, match="2 checkpoints '300': anna/300 and ben/300; name one"):
        found.find("300")
    with pytest.raises(InputError, match="no checkpoint '900'; the checkpoints are anna/300, ben/300 and ben/600"):
        found.find("900")


def test_pairs_are_images_of_one_prompt_and_seed():
    table = items(("anna", "300"), ("anna", "600"))
    found = Checkpoints(table[::-1])
    pairs = found.pairs(found.find("600"), found.find("300"))
    assert sorted(pairs.itertuples(index=False, name=None)) == [
        (f"anna/600/{name}", f"anna/300/{name}", *name) for name in ("p1", "p2", "q1", "q2")
    ]


def test_an_image_that_one_of_two_lacks_is_a_missing_one():
    """It may be the bad ones that are not there; what only one was drawn with is another design."""
    table = items(("anna", "300"), ("anna", "600"))
    found = Checkpoints(table[table["item"] != "anna/600/q2"])
    pairs = found.pairs(found.find("600"), found.find("300"))
    assert pairs[pairs["candidate"] == ""].values.tolist() == [["", "anna/300/q2", "q", "2"]]
    assert (pairs["candidate"] != "").sum() == 3
    assert found.alike(found.all)["anna/600"].tolist().count("") == 1
    wide = pd.concat([table, items(("anna", "300"), prompts=("r",)), items(("anna", "300"), seeds=("3",))])
    found = Checkpoints(wide)
    assert len(found.pairs(found.find("600"), found.find("300"))) == 4


def test_one_base_without_a_subject_is_paired_with_every_subject():
    table = items(("anna", "300"), ("base", "0"))
    base = table["model"] == "base"
    table = table.assign(
        subject=["" if one else "Anna" for one in base], kind=["base" if one else "lora" for one in base]
    )
    found = Checkpoints(table)
    assert len(found.pairs(found.find("anna"), found.find("base"))) == 4


def test_what_cannot_be_paired_is_said():
    table = items(("anna", "300"), ("anna", "600"))
    for strange, words in (
        (table.assign(seed=""), "not known with which seed each image of anna/600"),
        (pd.concat([table, table.assign(item=table["item"] + "x")]), "several images of one prompt and seed"),
        (table.assign(seed=[str(place) for place in range(8)]), "no image of the same prompt and seed"),
    ):
        found = Checkpoints(strange)
        with pytest.raises(InputError, match=words):
            found.pairs(found.find("600"), found.find("300"))
    with pytest.raises(InputError, match="no column 'prompt'"):
        Checkpoints(table.drop(columns="prompt"))
    with pytest.raises(InputError, match=r"Neither prompts nor seeds of the images are known.*--d in kohya's prompts"):
        Checkpoints(table.assign(prompt="", seed=""))
    with pytest.raises(InputError, match="no column 'model' or 'checkpoint'"):
        Checkpoints(table.drop(columns=["model", "checkpoint"]))


def test_only_prompts_that_all_checkpoints_have_count():
    table = items(("anna", "300"), ("anna", "600"))
    found = Checkpoints(table[~table["item"].isin(["anna/600/q1", "anna/600/q2"])])
    values = pd.Series(range(len(table)), index=table["item"], dtype=float)
    sums, counts, prompts = found.of_prompts(found.all, values)
    assert (sums.tolist(), counts.tolist(), prompts) == ([[1.0, 9.0]], [[2.0, 2.0]], ["p"])


def test_a_run_without_steps_is_in_the_order_of_its_epochs():
    names = [("anna", f"epoch-{number}") for number in (2, 10, 1)] + [("ben", "300"), ("ben", "last"), ("base", "")]
    rows = [(f"{model}{name}{prompt}", model, name, prompt) for model, name in names for prompt in "pq"]
    table = pd.DataFrame(rows, columns=["item", "model", "checkpoint", "prompt"]).assign(seed="1", step="")
    table["kind"] = ["base" if model == "base" else "lora" for model in table["model"]]
    epochs = {"epoch-2": "2", "epoch-10": "10", "epoch-1": "1", "300": "1", "last": ""}
    found = Checkpoints(table.assign(epoch=table["checkpoint"].map(epochs).fillna("")))
    assert [str(one) for one in found.runs()["anna"]] == ["anna/epoch-1", "anna/epoch-2", "anna/epoch-10"]
    assert [one.step for one in found.runs()["anna"]] == [1, 2, 10]
    assert found.previous(found.find("epoch-10")).name == "epoch-2" and found.previous(found.find("epoch-1")).is_base
    assert found.on_order(found.runs()["anna"]) == [
        "The checkpoints of anna are in the order of their epochs, since not all of them have a step."
    ]
    # where one lacks both, steps alone count, and it comes last
    assert [(one.name, one.step) for one in found.runs()["ben"]] == [("300", 300), ("last", float("inf"))]
    assert found.on_order(found.runs()["ben"]) == []
    # and where all have a step, epochs do not matter; nor are the two mixed
    steps = {"epoch-2": "5", "epoch-10": "3", "epoch-1": "9"}
    table = table[table["model"] == "anna"].assign(epoch=table["checkpoint"].map(epochs))
    found = Checkpoints(table.assign(step=table["checkpoint"].map(steps)))
    assert [one.name for one in found.all] == ["epoch-10", "epoch-2", "epoch-1"] and not found.on_order(found.all)
    found = Checkpoints(table.assign(step=table["checkpoint"].map(steps | {"epoch-1": ""})))
    assert [(one.name, one.step) for one in found.all] == [("epoch-1", 1), ("epoch-2", 2), ("epoch-10", 10)]
