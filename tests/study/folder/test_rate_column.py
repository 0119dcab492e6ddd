"""The column rate of items.csv: which images people are asked about."""

from contextlib import closing

import pandas as pd
import pytest

from metrics.errors import InputError
from study.folder.create import create_study
from study.folder.score_items import study_collection
from study.folder.study import open_study
from tests.study.samples import listing, write_images

NAMES = [f"{model}/{step}/{number}.png" for model in ("anna", "bob") for step in (300, 600) for number in range(4)]


def folder_with(tmp_path, rate: list[str], **columns):
    """A folder of images with an items.csv as generate writes it."""
    images = write_images(tmp_path / "images", NAMES)
    table = pd.DataFrame({"image": NAMES, "rate": rate, **columns})
    table.to_csv(images / "items.csv", index=False)
    return images


def asked_of(study) -> dict[str, set[str]]:
    """The items that each evaluator is asked about, by task."""
    found: dict[str, set[str]] = {}
    for evaluator in study.store.evaluators():
        for each in study.store.assignments(evaluator.id):
            found.setdefault(each.task, set()).add(each.item)
    return found


@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("yes", "No"), ("", "false"), ("TRUE", "FALSE")])
def test_only_what_the_column_names_is_asked_and_all_is_scored(tmp_path, yes, no):
    rate = [yes if name.endswith(("1.png", "3.png")) else no for name in NAMES]
    wanted = {name for name in NAMES if name.endswith(("1.png", "3.png"))}
    with closing(create_study(tmp_path / "s", folder_with(tmp_path, rate), tasks=["aesthetic"], evaluators=2)) as study:
        assert asked_of(study) == {"aesthetic": wanted}
        assert [(one.done, one.total) for one in study.store.progress()] == [(0, 8)] * 2
        assert sorted(study.items["item"]) == sorted(NAMES)
        assert sorted(item.item for item in study_collection(study).items) == sorted(NAMES)


def test_a_split_deals_only_what_is_asked_half_and_half_within_each_model(tmp_path):
    rate = ["0" if name.endswith("0.png") else "1" for name in NAMES]
    images = folder_with(tmp_path, rate)
    tasks = ["look", "likeness"]
    with closing(create_study(tmp_path / "s", images, tasks=tasks, evaluators=1, split=True)) as study:
        asked = asked_of(study)
    assert asked["look"] | asked["likeness"] == {name for name in NAMES if not name.endswith("0.png")}
    assert not asked["look"] & asked["likeness"]
    for model in ("anna", "bob"):
        assert [sum(item.startswith(model) for item in asked[task]) for task in tasks] == [3, 3]


def test_what_nobody_rates_needs_no_prompt(tmp_path):
    prompts = ["" if name.startswith("bob") else "a cat" for name in NAMES]
    images = folder_with(tmp_path, ["0" if name.startswith("bob") else "1" for name in NAMES], prompt=prompts)
    with closing(create_study(tmp_path / "s", images, tasks=["alignment"], evaluators=1)) as study:
        assert len(asked_of(study)["alignment"]) == 8
    images = folder_with(tmp_path, ["1"] * 16, prompt=prompts)
    with pytest.raises(InputError, match="8 items have no prompt"):
        create_study(tmp_path / "t", images, tasks=["alignment"], evaluators=1)


def test_a_cell_that_says_neither_is_refused(tmp_path):
    images = folder_with(tmp_path, ["1"] * 15 + ["5e-5"])
    before = listing(tmp_path)
    with pytest.raises(InputError, match=r"'bob/600/3.png' has '5e-5' in the column rate.*another name"):
        create_study(tmp_path / "s", images, tasks=["aesthetic"])
    assert listing(tmp_path) == before


def test_a_set_that_nobody_rates_is_refused(tmp_path):
    with pytest.raises(InputError, match="nobody is to rate"):
        create_study(tmp_path / "s", folder_with(tmp_path, ["0"] * 16), tasks=["aesthetic"])


def test_what_was_rated_stays_and_what_was_not_goes_where_the_column_changes(tmp_path):
    images = folder_with(tmp_path, ["1"] * 16)
    with closing(create_study(tmp_path / "s", images, tasks=["aesthetic"], evaluators=["ann"])) as study:
        ann = study.store.evaluators()[0]
        first = study.store.assignments(ann.id)[0]
        study.store.rate(ann.id, first.public_id, 4, "client-1", None)
    table = tmp_path / "s" / "items.csv"
    items = pd.read_csv(table, dtype=str)
    items["rate"] = ["1" if name.startswith("anna") else "0" for name in items["item"]]
    items.to_csv(table, index=False)
    with closing(open_study(tmp_path / "s")) as study:
        study.check_complete()
        study.sync_assignments()
        left = asked_of(study)["aesthetic"]
    assert left == {name for name in NAMES if name.startswith("anna")} | {first.item}
