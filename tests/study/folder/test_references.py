"""Which reference photos go with which image, and what an items.csv beside the images adds."""

import csv

import pandas as pd
import pytest

from metrics.errors import InputError
from study.folder.create import create_study
from tests.study.samples import encoded, listing, picture, write_images

NAMES = [f"{model}/checkpoint-{step}/{number}.png" for model in "ab" for step in (300, 1500) for number in range(2)]


@pytest.fixture
def images(tmp_path):
    return write_images(tmp_path / "images", NAMES)


def rows(study) -> dict[str, dict[str, str]]:
    return {row["item"]: row for row in study.items.to_dict("records")}


def refuses(tmp_path, match: str, images="images", folder="study", **options) -> None:
    """Nothing may be left where a study is refused."""
    before = listing(tmp_path)
    with pytest.raises(InputError, match=match):
        create_study(tmp_path / folder, tmp_path / images, **{"tasks": ("aesthetic",), **options})
    assert listing(tmp_path) == before


def photos(study, item: str) -> list[str]:
    assert all(path.is_file() for path in study.reference_paths(item))
    return [
        path.resolve().relative_to(study.folder.parent.resolve()).as_posix() for path in study.reference_paths(item)
    ]


def with_references(tmp_path, images, references):
    return create_study(tmp_path / "study", images, references=references, tasks=["similarity"])


def test_flat_references_go_with_every_image(tmp_path, images):
    references = write_images(tmp_path / "photos", ["you.png", "me.jpg"], seed=90)
    study = with_references(tmp_path, images, references)
    assert {tuple(photos(study, item)) for item in NAMES} == {("photos/me.jpg", "photos/you.png")}
    study.close()


def test_references_of_the_images_own_names_are_paired(tmp_path, images):
    references = write_images(tmp_path / "photos", ["0.jpg", "1.png", "unused.png"], seed=90)
    study = with_references(tmp_path, images, references)
    assert photos(study, NAMES[0]) == ["photos/0.jpg"] and photos(study, NAMES[1]) == ["photos/1.png"]
    study.close()


@pytest.mark.parametrize(("names", "match"), [(["0.jpg"], "no photo for"), (["0.jpg", "1.jpg", "1.png"], "several")])
def test_almost_paired_references_are_no_pairs(tmp_path, images, names, match):
    write_images(tmp_path / "photos", names, seed=90)
    refuses(tmp_path, match, tasks=["similarity"], references=tmp_path / "photos")


def test_a_few_equal_names_by_chance_are_no_pairing(tmp_path):
    images = write_images(tmp_path / "images", [f"{number}.png" for number in range(9)])
    references = write_images(tmp_path / "photos", [f"{number}.png" for number in range(4)], seed=90)
    study = with_references(tmp_path, images, references)
    assert all(len(study.reference_paths(item)) == 4 for item in study.items["item"])
    study.close()


def test_references_of_a_subject_by_folder(tmp_path):
    images = write_images(tmp_path / "images", ["m/ann/1.png", "m/bob/1.png", "bob/m/x.png"])
    references = write_images(tmp_path / "photos", ["ann/1.png", "ann/sub/2.png", "bob/1.png", "eve/1.png"], seed=90)
    study = with_references(tmp_path, images, references)
    assert photos(study, "m/ann/1.png") == ["photos/ann/1.png", "photos/ann/sub/2.png"]
    assert photos(study, "m/bob/1.png") == photos(study, "bob/m/x.png") == ["photos/bob/1.png"]
    study.close()


def test_folders_above_the_images_are_no_subjects(tmp_path):
    write_images(tmp_path / "ann" / "images", ["m/1.png"])
    write_images(tmp_path / "photos", ["ann/1.png"], seed=90)
    refuses(tmp_path, "belongs to no folder", images="ann/images", tasks=["similarity"], references=tmp_path / "photos")


@pytest.mark.parametrize(
    ("references", "match"),
    [
        (["ann/1.png"], r"The image m/bob/1\.png belongs to no folder of"),
        (["ann/1.png", "bob/1.png", "m/1.png"], "two subjects, ann and m"),
        (["ann/1.png", "bob/1.png", "stray.png"], "lies beside the subjects' folders"),
        (["ann/a;b.png", "bob/1.png"], "';' in its path"),
    ],
)
def test_wrong_references(tmp_path, references, match):
    write_images(tmp_path / "images", ["m/ann/1.png", "m/bob/1.png"])
    for name in references:
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(encoded(picture(90), "PNG"))
    refuses(tmp_path, match, tasks=["similarity"], references=tmp_path / "photos")


def test_a_corrupt_reference_photo(tmp_path, images):
    write_images(tmp_path / "photos", ["me.png"])
    (tmp_path / "photos" / "cut.jpg").write_bytes(b"\xff\xd8\xff")
    refuses(tmp_path, r"cut\.jpg: cannot be decoded", tasks=["similarity"], references=tmp_path / "photos")


def test_references_are_looked_at_where_no_task_shows_them_too(tmp_path, images):
    refuses(tmp_path, "missing", tasks=["aesthetic"], references=tmp_path / "missing")


# an items.csv beside the images


def own_table(images, **columns) -> None:
    pd.DataFrame(columns).to_csv(images / "items.csv", index=False, quoting=csv.QUOTE_ALL)


def test_the_images_own_table_wins_where_it_says_something(tmp_path, images):
    write_images(images / "photos.d", [".keep.png"])
    own_table(
        images,
        image=[NAMES[0], f"./{NAMES[1]}", str(images / NAMES[2])],
        item=["first", "", "third"],
        model=["gamma", "", ""],
        prompt=["a cat,\nsitting", "a\rdog", '"quoted"'],
        seed=["7", "8", "9"],
        mood=["happy", "", ""],
    )
    study = create_study(tmp_path / "study", images, tasks=["aesthetic"])
    found = rows(study)
    assert set(found) == {"first", NAMES[1], "third", *NAMES[3:]}
    assert (found["first"]["model"], found[NAMES[1]]["model"], found["third"]["model"]) == ("gamma", "a", "a")
    assert (found["first"]["prompt"], found[NAMES[1]]["prompt"]) == ("a cat,\nsitting", "a\ndog")
    assert (found["third"]["prompt"], found[NAMES[3]]["prompt"]) == ('"quoted"', "")
    assert (found["first"]["seed"], found["first"]["mood"], found["first"]["checkpoint"]) == ("7", "happy", "300")
    study.close()


def test_the_images_own_references_and_prompts(tmp_path, images):
    write_images(tmp_path / "elsewhere", ["x.png", "y.png"], seed=90)
    own_table(images, image=NAMES, references=["../elsewhere/x.png; ../elsewhere/y.png"] * 8, prompt=["p"] * 8)
    study = create_study(tmp_path / "study", images, tasks=["similarity", "alignment"])
    assert photos(study, NAMES[0]) == ["elsewhere/x.png", "elsewhere/y.png"]
    assert study.prompt(NAMES[0]) == "p"
    study.close()


def test_a_folder_of_references_fills_what_the_own_table_leaves_open(tmp_path, images):
    write_images(tmp_path / "photos", ["me.png"], seed=90)
    own_table(images, image=NAMES[:1], references=[NAMES[1]])
    study = with_references(tmp_path, images, tmp_path / "photos")
    assert photos(study, NAMES[0]) == [f"images/{NAMES[1]}"]
    assert photos(study, NAMES[2]) == ["photos/me.png"]
    study.close()


def test_subjects_of_the_own_table_choose_the_references(tmp_path, images):
    write_images(tmp_path / "photos", ["ann/1.png", "bob/1.png"], seed=90)
    own_table(images, image=NAMES, subject=["ann", "bob"] * 4, item=[f"bob/{number}" for number in range(8)])
    study = with_references(tmp_path, images, tmp_path / "photos")
    assert photos(study, "bob/0") == ["photos/ann/1.png"] and photos(study, "bob/1") == ["photos/bob/1.png"]
    study.close()


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        ({"item": ["a"]}, "no column 'image'"),
        ({"image": [NAMES[0], "a/gone.png"]}, r"there is no image 'a/gone\.png' \(row 3\)"),
        ({"image": [NAMES[0], ""]}, r"there is no image '' \(row 3\)"),
        ({"image": [NAMES[0], NAMES[1], f"b/../{NAMES[0]}"]}, "row 4: the image 'b/../a.* stands there twice"),
        ({"image": [NAMES[5], NAMES[1]], "item": ["x", "x"]}, "row 3: the item 'x' stands there twice"),
        ({"image": [NAMES[0]], "item": [NAMES[1]]}, f"the item '{NAMES[1]}' stands there twice"),
        ({"image": NAMES[:2], "references": ["", "a.png;gone.png"]}, r"a\.png \(row 3\), \S+gone\.png \(row 3\)"),
        ({"image": NAMES[:2], "references": ["", "items.csv"]}, r"items\.csv: cannot be decoded"),
        ({"image": NAMES[:1], "task": ["mood"]}, "is for a task that study.yaml lacks"),
    ],
)
def test_a_wrong_own_table(tmp_path, images, columns, match):
    own_table(images, **columns)
    refuses(tmp_path, match)


def test_an_own_table_without_all_references(tmp_path, images):
    own_table(images, image=NAMES[:1], references=[NAMES[1]])
    refuses(tmp_path, "similarity has show_references, but 7 items have no references", tasks=["similarity"])
