"""Which images are a set, which set is the base, and which images belong together."""

import pytest

from metrics.errors import InputError
from study.evaluation.figures import pairs_of
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
    with pytest.raises(InputError, match=r"base is dora/1, and there is no such set; there are anna/0, anna/300"):
        sets_of(collection, pictures_of(collection), base="dora/1")


def test_a_folder_that_is_called_like_no_number_has_no_step(tmp_path):
    names = ("nan", "inf", "-Infinity", "1e999", "300")
    collection = collected(tmp_path, draw, sets=[("anna", name) for name in names], prompts=1)
    found = {one.checkpoint: one.step for one in sets_of(collection, pictures_of(collection))}
    assert found == dict.fromkeys(names) | {"300": 300.0}


def test_one_set_alone_is_no_base(tmp_path):
    collection = collected(tmp_path, draw, sets=(("base", "0"),), prompts=1)
    assert names(sets_of(collection, pictures_of(collection))) == [("base/0", False, "")]


def test_of_several_subjects_each_has_its_own_base(tmp_path):
    """As generate names them where prompts hold the subject."""
    sets = (("base-anna", "0"), ("base-ben", "0"), ("anna", "300"), ("ben", "300"))
    collection = collected(tmp_path, draw, sets=sets, prompts=2)
    for row in collection.rows:
        row["kind"] = "base" if row["model"].startswith("base") else "lora"
        row["subject"] = row["model"].removeprefix("base-")
    pictures = pictures_of(collection)
    found = sets_of(collection, pictures)
    assert {one.name: (one.base, one.subject) for one in found} == {
        "base-anna/0": ("", "anna"),
        "base-ben/0": ("", "ben"),
        "anna/300": ("base-anna/0", "anna"),
        "ben/300": ("base-ben/0", "ben"),
    }
    by_set = {one.name: [each for each in pictures if each.set == one.name] for one in found}
    assert len(pairs_of(by_set["anna/300"], by_set["base-anna/0"])) == 4
    assert pairs_of(by_set["anna/300"], by_set["ben/300"]) == []


def test_a_base_that_several_subjects_share_is_paired_with_each(tmp_path):
    """As generate makes it where no prompt holds the subject: its images are of nobody, and have no photos."""
    sets = (("base", "0"), ("anna", "300"), ("ben", "300"))
    write_generated(tmp_path / "images", draw, sets=sets, prompts=2)
    lines = (tmp_path / "images" / "items.csv").read_text().splitlines()
    rows = [f"{line},{line.split('/')[0].replace('base', '')}" for line in lines[1:]]
    (tmp_path / "images" / "items.csv").write_text("\n".join([f"{lines[0]},subject", *rows]) + "\n")
    for number, name in enumerate(("anna", "ben")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        noise(990 + number).save(tmp_path / "photos" / name / "1.png")
    collection = folder_collection(tmp_path / "images", tmp_path / "photos")
    photos = {item.group: [photo.path.parent.name for photo in item.references] for item in collection.items}
    assert photos == {"base/0": [], "anna/300": ["anna"], "ben/300": ["ben"]}
    pictures = pictures_of(collection)
    assert {one.name: (one.base, one.subject) for one in sets_of(collection, pictures)} == {
        "base/0": ("", ""),
        "anna/300": ("base/0", "anna"),
        "ben/300": ("base/0", "ben"),
    }
    by_set = {name: [each for each in pictures if each.set == name] for name in ("base/0", "anna/300", "ben/300")}
    for name in ("anna/300", "ben/300"):
        pairs = pairs_of(by_set[name], by_set["base/0"])
        assert len(pairs) == 4 and all(one.path.name == other.path.name for one, other in pairs)
