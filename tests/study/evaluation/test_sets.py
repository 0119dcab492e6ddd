"""Which images are a set, which set is the base, and which images belong together."""

import pytest

from metrics.errors import InputError
from study.evaluation.sets import pictures_of, sets_of
from study.folder.score_items import folder_collection
from tests.metrics.pictures import noise
from tests.study.evaluation.made import collected, write_generated


def draw(number, prompt, seed):
    return noise(100 * number + 10 * prompt + seed, (64, 48))


def names(sets):
    return [(one.name, one.is_base, one.base) for one in sets]


def test_the_base_stands_first_and_checkpoints_follow_by_step(tmp_path):
    sets = (("anna", "1200"), ("anna", "300"), ("ben", "300"), ("base", "0"))
    collection = collected(tmp_path, draw, sets=sets, prompts=3)
    found = sets_of(collection, pictures_of(collection))
    assert names(found) == [
        ("base/0", True, ""),
        ("anna/300", False, "base/0"),
        ("anna/1200", False, "base/0"),
        ("ben/300", False, "base/0"),
    ]
    one = found[1]
    assert (one.images, one.prompts, one.seeds, one.step, one.training_images) == (6, 3, 2, 300.0, 12)
    assert one.sizes == {"64 x 48": 6}


def test_images_of_one_prompt_number_and_seed_are_a_pair_whatever_the_placeholder_made_of_the_prompt(tmp_path):
    collection = collected(tmp_path, draw, prompts=2)
    by_set = {}
    for picture in pictures_of(collection):
        by_set.setdefault(picture.set, {})[picture.pair_key] = picture
    assert by_set["base/0"].keys() == by_set["anna/300"].keys() and len(by_set["base/0"]) == 4
    assert all(one.prompt != by_set["base/0"][key].prompt for key, one in by_set["anna/300"].items())
    assert all(one.path.name == by_set["base/0"][key].path.name for key, one in by_set["anna/300"].items())


def test_without_a_table_the_files_names_tell_prompt_and_seed(tmp_path):
    (write_generated(tmp_path, draw, prompts=2) / "items.csv").unlink()
    pictures = pictures_of(folder_collection(tmp_path))
    assert {(one.prompt_key, one.seed) for one in pictures} == {("0", "1"), ("0", "2"), ("1", "1"), ("1", "2")}
    assert len({one.pair_key for one in pictures}) == 4
    assert names(sets_of(folder_collection(tmp_path), pictures))[0] == ("base/0", True, "")


def test_files_of_any_name_are_paired_by_it(tmp_path):
    for name in ("a/1.png", "a/2.png", "b/2.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        noise(len(name) + ord(name[0]) + int(name[2])).save(tmp_path / name)
    pictures = pictures_of(folder_collection(tmp_path))
    assert [one.pair_key for one in pictures] == [("1.png",), ("2.png",), ("2.png",)]
    assert [one.prompt_key for one in pictures] == [""] * 3


def test_each_model_has_its_own_base_where_it_has_one(tmp_path):
    sets = (("anna", "0"), ("anna", "300"), ("ben", "0"), ("ben", "300"), ("carl", "300"))
    collection = collected(tmp_path, draw, sets=sets, prompts=1, columns={"kind": ""})
    found = {name: base for name, _, base in names(sets_of(collection, pictures_of(collection)))}
    assert found == {"anna/0": "", "anna/300": "anna/0", "ben/0": "", "ben/300": "ben/0", "carl/300": ""}
    named = sets_of(collection, pictures_of(collection), base="carl/300")
    assert {one.base for one in named} == {"", "carl/300"} and named[0].name == "carl/300"
    with pytest.raises(InputError, match=r"--base is dora/1, and there is no such set; there are anna/0, anna/300"):
        sets_of(collection, pictures_of(collection), base="dora/1")


def test_one_set_alone_is_no_base(tmp_path):
    collection = collected(tmp_path, draw, sets=(("base", "0"),), prompts=1)
    assert names(sets_of(collection, pictures_of(collection))) == [("base/0", False, "")]
