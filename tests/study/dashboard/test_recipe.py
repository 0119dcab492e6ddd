"""How an image was made, in words."""

import json

import pytest

from metrics.errors import InputError
from study.dashboard.recipe import recipe
from study.dashboard.snapshot import snapshot
from tests.study.dashboard.made import DIRECTIONS


def test_a_recipe_says_what_is_known(shown):
    place = shown.data()["images"]["item"].index("n05/300/p1_s2")
    found = recipe(shown, place)
    assert found["item"] == "n05/300/p1_s2" and found["recipe"] is None
    known = {"run": "n05", "checkpoint": "300", "step": "300", "training images": "5", "seed": "2"}
    assert found["words"] == known | {"prompt": "sks at place 1", "group": "indoors"}
    assert recipe(shown, shown.data()["images"]["item"].index("stray"))["words"] == {"prompt": "sks at place 0"}


def test_what_drew_an_image_is_told_without_where_its_file_stood(study):
    drawn = {"recipe": "identity", "base": "sd", "scheduler": "ddim", "steps": "20", "guidance": "7.5"}
    more = {"file": "/home/ann/out/n05.safetensors", "lora_sha256": "ab" * 32, "lora_scale": "0.8"}
    study.write_items(study.items.assign(**drawn, **more))
    snap = snapshot(study, **DIRECTIONS)
    found = recipe(snap, snap.data()["images"]["item"].index("n05/300/p1_s2"))
    assert found["words"] | {"file": "n05.safetensors", "guidance": "7.5", "lora scale": "0.8"} == found["words"]
    assert found["recipe"]["scheduler"] == "ddim" and "/home" not in json.dumps(found)


@pytest.mark.parametrize("place", [-1, 113])
def test_there_is_no_recipe_of_no_image(shown, place):
    with pytest.raises(InputError, match=f"There is no image {place}; they are numbered from 0 to 112"):
        recipe(shown, place)


def test_it_is_json(shown):
    json.dumps(recipe(shown, 0), allow_nan=False)
