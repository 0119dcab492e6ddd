"""Recipes to begin with: they load as they are written, and what their comments say is so."""

import re
from collections import Counter

import pytest

from metrics.errors import InputError
from study.assignment.order import split_items
from study.generation.plan import make_plan
from study.generation.presets import PRESETS, recipe_text, write_recipe
from study.generation.recipe import Recipe, load_recipe
from tests.study.generation.training_runs import kohya_run


def written(tmp_path, preset=None):
    path = tmp_path / "recipe.yaml"
    write_recipe(path, preset)
    for run in set(re.findall(r"path: (runs/[\w-]+)", path.read_text(encoding="utf-8"))):
        kohya_run(tmp_path / run, run.removeprefix("runs/"), range(300, 2401, 300))
    return path


@pytest.mark.parametrize("preset", [None, *PRESETS])
def test_what_is_written_loads_and_names_every_key(tmp_path, preset):
    path = written(tmp_path, preset)
    text = path.read_text(encoding="utf-8")
    load_recipe(path)
    keys = set(re.findall(r"^(?:# )?(\w+):", text, re.MULTILINE))
    fields = {field.alias or name for name, field in Recipe.model_fields.items()}
    assert keys <= fields
    assert fields - keys <= {"subject", "token", "class"}
    assert max(map(len, text.splitlines())) <= 120


def test_all_but_three_keys_may_be_left_out():
    needed = {name for name, field in Recipe.model_fields.items() if field.is_required()}
    assert needed == {"prompts", "seeds", "checkpoints"}
    assert "All keys but prompts, seeds and checkpoints may be left out." in recipe_text()


@pytest.mark.parametrize("preset", [None, *PRESETS])
def test_settings_are_written_with_their_defaults(tmp_path, preset):
    recipe = load_recipe(written(tmp_path, preset))
    for name, field in Recipe.model_fields.items():
        if not field.is_required() and name not in ("subject", "token", "noun", "rate"):
            assert getattr(recipe, name) == field.default, name


def test_the_study_of_eight_people_is_of_128_images_each_half_for_each_task(tmp_path):
    import pandas as pd

    path = written(tmp_path, "person-likeness")
    plan = make_plan(load_recipe(path))
    ours = [image for image in plan.images if image.checkpoint.kind != "base"]
    assert set(Counter(image.checkpoint.model for image in ours).values()) == {128}
    assert len({image.checkpoint.model for image in ours}) == 8
    assert sorted({image.checkpoint.step for image in ours}) == list(range(300, 2401, 300))
    assert all(image.rate for image in plan.images)
    first = " ".join(path.read_text(encoding="utf-8").splitlines()[:5])
    of_base = len(plan.images) - len(ours)
    assert f"{len(ours):,} in all, and {of_base} of the base model" in first.replace(" # ", " ")
    items = pd.DataFrame([{"item": str(each.file), "model": each.checkpoint.model} for each in plan.images])
    dealt = items.assign(task=split_items(items, ["similarity", "aesthetic"], seed=0))
    for _, group in dealt[dealt["model"].str.startswith("person")].groupby("model"):
        assert group["task"].value_counts().to_dict() == {"similarity": 64, "aesthetic": 64}


def test_its_prompts_vary_in_all_that_it_says(tmp_path):
    lines = load_recipe(written(tmp_path, "person-likeness")).lines
    assert len({line.text for line in lines}) == len(lines) == 16
    distances = Counter(line.text.split(" photo of ")[0] for line in lines)
    assert len(distances) >= 6
    assert all("{token} {class}" in line.text for line in lines)


def test_nothing_is_overwritten_and_an_unknown_preset_is_said(tmp_path):
    (tmp_path / "recipe.yaml").write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        write_recipe(tmp_path / "recipe.yaml")
    assert (tmp_path / "recipe.yaml").read_text() == "mine"
    with pytest.raises(InputError, match=r"preset is people; there is person-likeness\."):
        write_recipe(tmp_path / "new.yaml", "people")
    assert not (tmp_path / "new.yaml").exists()
