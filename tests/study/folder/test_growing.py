"""Adding images to a study whose first ones are rated: a new round, with nothing of what is there changed."""

import shutil
import signal
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from calibration.people.rounds import LEAST_IMAGES, round_effects
from calibration.settings import Settings
from calibration.tables.reading import read_table
from metrics.errors import InputError
from study import add_images, calibrate_study
from study.folder.create import create_study
from study.folder.exporting import export_tables
from study.folder.importing import import_tables
from study.folder.serving_lock import only_server
from study.folder.study import ITEMS, open_study
from tests.study.conftest import ROOT, save_image

PEOPLE = ("ann", "bob", "cleo")


def draw(folder, checkpoints, images=4, models=("m", "n")):
    for place, model in enumerate(models):
        for checkpoint in checkpoints:
            for number in range(images):
                seed = 10_000 * place + 10 * checkpoint + number
                save_image(folder / model / f"step-{checkpoint}" / f"p{number}.png", seed)


def rate_all(study, rating=3):
    """Everybody answers everything that is open; tells how many answers that were."""
    count = 0
    for evaluator in study.store.evaluators():
        for one in study.store.assignments(evaluator.id):
            if one.rating is None:
                given = rating if isinstance(rating, int) else rating(evaluator.name, one)
                study.store.rate(evaluator.id, one.public_id, given, one.public_id)
                count += 1
    return count


@pytest.fixture
def images(tmp_path):
    draw(tmp_path / "images", (0, 100))
    return tmp_path / "images"


@pytest.fixture
def study(tmp_path, images):
    """Two models x two checkpoints x four images, rated by three people in two tasks."""
    made = create_study(tmp_path / "study", images, tasks=["look", "likeness"], evaluators=PEOPLE)
    assert rate_all(made) == 3 * 2 * 16
    yield made
    made.close()


def assignments(study):
    return {each.name: study.store.assignments(each.id) for each in study.store.evaluators()}


def test_a_study_grows_and_nothing_of_what_is_there_changes(study, images):
    before = assignments(study), study.store.ratings_table(), study.items, (study.folder / ITEMS).read_text()
    assert "round" not in before[1].columns
    draw(images, (200, 300))
    grown = add_images(study, images)
    assert (grown.round, len(grown.images), len(grown.anchors)) == (2, 16, 5)
    assert grown.asked == dict.fromkeys(PEOPLE, 2 * 21)
    after = assignments(study)
    for name, old in before[0].items():
        assert after[name][: len(old)] == old and {one.round for one in after[name][len(old) :]} == {2}
        assert len({one.public_id for one in after[name]}) == 32 + 42
    assert study.store.ratings_table().drop(columns="round").equals(before[1])
    assert study.items[before[2].columns].iloc[:16].equals(before[2])
    kept = (study.folder / ITEMS).read_text().splitlines()[1:17]
    assert all(new.startswith(old) for new, old in zip(kept, before[3].splitlines()[1:], strict=True))
    models = Counter(item.partition("/")[0] for item in grown.anchors)
    assert set(models.values()) == {2, 3}
    assert study.store.history()[-1][1] == "Round 2: 16 images added, 5 of those rated before asked again."
    with open_study(study.folder) as again:
        assert again.sync_assignments() == 0 and again.items.to_csv() == study.items.to_csv()


def test_answers_to_anchors_are_rows_of_their_own(study, images):
    first = study.store.ratings_table()
    draw(images, (200,))
    grown = add_images(study, images, anchors=0.25)
    assert rate_all(study, 5) == 3 * 2 * (8 + 4)
    table = study.store.ratings_table()
    of_first = table[table["round"] == 1]
    assert of_first.drop(columns="round").reset_index(drop=True).equals(first.reset_index(drop=True))
    later = table[(table["round"] == 2) & (table["repeat"] == 1)]
    assert Counter(later["item"]) == dict.fromkeys(grown.anchors, 6) and set(later["rating"]) == {5}
    progress = study.store.progress()
    assert {(one.done, one.total) for one in progress} == {(16 + 12, 16 + 12)}


def test_a_third_round(study, images):
    for checkpoint in (200, 300):
        draw(images, (checkpoint,))
        grown = add_images(study, images, anchors=0.5)
        rate_all(study)
    assert grown.round == 3 and len(grown.anchors) == 12  # half of what was rated in both rounds before
    assert not study.store.ratings_table().duplicated(["item", "evaluator", "task", "repeat"]).any()
    cells = study.items.set_index("item")
    assert (cells.loc[list(grown.images), "added_in_round"] == "3").all()
    assert cells.loc[list(grown.anchors), "asked_again_in_rounds"].str.split(";").str[-1].eq("3").all()
    assert study.store.ratings_table()["round"].value_counts().to_dict() == {1: 96, 2: 96, 3: 120}


def test_before_anybody_rated_there_is_one_round(tmp_path, images):
    with create_study(tmp_path / "study", images, tasks=["look"], evaluators=PEOPLE) as study:
        draw(images, (200,))
        grown = add_images(study, images)
        assert (grown.round, grown.anchors, grown.asked) == (1, (), dict.fromkeys(PEOPLE, 8))
        assert "added_in_round" not in study.items.columns
        rate_all(study)
        assert "round" not in study.store.ratings_table().columns


def test_people_join_in_a_round(study, images):
    draw(images, (200,))
    grown = add_images(study, images, evaluators=["dan"])
    assert grown.asked == dict.fromkeys((*PEOPLE, "dan"), 2 * (8 + 5))
    rate_all(study)
    own = study.store.ratings_table().query("evaluator == 'dan'")
    assert set(own["round"]) == {2} and set(own["repeat"]) == {0} and len(own) == 26
    assert study.sync_assignments() == 0
    late = add_images(study, images, evaluators=["eve"])
    assert (late.images, late.asked, late.round) == ((), {"eve": 26}, 2)
    assert late.sentences == [
        "No image is new; what was left to give to evaluators is given.",
        "eve: 26 images more to rate.",
    ]


def test_who_saw_the_report_is_given_nothing_more(study, images):
    study.store.note_report_seen(study.store.evaluators()[0].id)
    draw(images, (200,))
    grown = add_images(study, images)
    assert grown.asked == {"bob": 26, "cleo": 26}
    assert grown.sentences[-1] == "Nothing further to rate for ann: they have seen the report."


def test_without_anchors_it_is_said_that_nothing_can_be_told(study, images):
    draw(images, (200,))
    grown = add_images(study, images, anchors=0)
    assert grown.anchors == () and "what the round changes cannot be told" in grown.sentences[0]


def test_unless_told_as_many_are_asked_again_as_the_report_needs(study, images):
    """A tenth of 16 would be two, of which the report says that they tell nothing."""
    draw(images, (200,))
    grown = add_images(study, images)
    assert grown.sentences[0].startswith("8 images added as round 2; 5 that were rated before are asked again among ")
    rate_all(study)
    for _, table in study.store.ratings_table().groupby("task"):
        assert round_effects(table)[0].shift.n_images == LEAST_IMAGES == 5


def test_of_each_task_as_many_where_images_are_in_one_task(tmp_path, images):
    with create_study(tmp_path / "study", images, tasks=["look", "likeness"], evaluators=PEOPLE, split=True) as study:
        rate_all(study)
        draw(images, (200,))
        grown = add_images(study, images)
        tasks = study.items.set_index("item").loc[list(grown.anchors), "task"]
        assert Counter(tasks) == {"look": 5, "likeness": 5}


@pytest.mark.parametrize(("share", "count"), [(0.1, 2), (0.25, 4)])
def test_a_share_that_tells_nothing_is_said_with_one_that_would(study, images, share, count):
    draw(images, (200,))
    first = add_images(study, images, anchors=share).sentences[0]
    assert first == (
        f"8 images added as round 2; {count} that were rated before are asked again among them. That is too few to "
        f"tell what the round changes: it takes 5 in each task, and there are {count}; next time a share of 0.32 "
        "(--anchors) would do."
    )
    rate_all(study)
    draw(images, (300,))
    assert len(add_images(study, images, anchors=5 / 24).anchors) == 5


def test_where_fewer_were_rated_all_are_asked_again_and_it_is_said(tmp_path):
    draw(tmp_path / "images", (0,), images=2)
    with create_study(tmp_path / "study", tmp_path / "images", tasks=["look"], evaluators=PEOPLE) as study:
        rate_all(study)
        draw(tmp_path / "images", (100,), images=2)
        grown = add_images(study, tmp_path / "images")
        assert len(grown.anchors) == 4 and grown.sentences[0].endswith(
            "too few to tell what the round changes: it takes 5 in each task, and there are 4 of 4 that were rated."
        )


def test_how_many_of_the_new_images_are_for_rating_is_said(study, images):
    draw(images, (200,))
    (images / ITEMS).write_text("image,rate\n" + "".join(f"m/step-200/p{number}.png,no\n" for number in range(3)))
    grown = add_images(study, images)
    assert grown.sentences[0].startswith("8 images added, 5 of them for rating, as round 2; 5 that were rated before")
    assert grown.asked == dict.fromkeys(PEOPLE, 2 * (5 + 5))


def test_the_seed_chooses_the_anchors(tmp_path, images):
    chosen = []
    for number, seed in enumerate((None, 0, 1)):
        with create_study(tmp_path / str(number), images, tasks=["look"], evaluators=["ann"]) as study:
            rate_all(study)
            new = tmp_path / f"new-{number}"
            draw(new, (200,))
            chosen.append(add_images(study, new, anchors=0.3, seed=seed).anchors)
    assert chosen[0] == chosen[1] != chosen[2]


def test_an_items_table_beside_the_images_says_more_of_new_ones_and_nothing_of_old_ones(study, images):
    draw(images, (200,))
    (images / ITEMS).write_text("image,item,prompt\nm/step-200/p0.png,first,a dog\nm/step-0/p0.png,renamed,a cat\n")
    grown = add_images(study, images)
    rows = study.items.set_index("item")
    assert "first" in grown.images and rows.loc["first", "prompt"] == "a dog" and "renamed" not in rows.index
    assert rows.loc["m/step-0/p0.png", "prompt"] == ""


def test_a_copy_of_the_folder_with_more_in_it(study, images, tmp_path):
    shutil.copytree(images, tmp_path / "copy")
    draw(tmp_path / "copy", (200,))
    grown = add_images(study, tmp_path / "copy")
    assert len(grown.images) == 8 and all("step-200" in item for item in grown.images)


def refused(study, folder, message, **options):
    before = (study.folder / ITEMS).read_bytes(), assignments(study), study.store.history()
    with pytest.raises(InputError, match=message):
        add_images(study, folder, **options)
    assert ((study.folder / ITEMS).read_bytes(), assignments(study), study.store.history()) == before


def test_what_is_refused_leaves_the_study_as_it_was(study, images, tmp_path):
    refused(study, images, "holds no image that the study lacks")
    refused(study, images, "^.*anchors.* is 1.5; it is a share from 0 to 1", anchors=1.5)
    refused(study, tmp_path / "nowhere", "nowhere")
    other = tmp_path / "other"
    save_image(other / "m" / "step-0" / "p0.png", 77)
    refused(study, other, "under names of items that the study has: 'm/step-0/p0.png'; rename")
    (other / "m" / "step-0" / "p0.png").rename(other / "new.png")
    shutil.copy(images / "n" / "step-0" / "p1.png", other / "copy.png")
    refused(study, other, r"copy.png \(same as .*p1.png\): byte-identical copies of images that the study has")
    (other / "copy.png").write_bytes(b"no image")
    refused(study, other, "copy.png: .*cannot be decoded")
    (other / "copy.png").unlink()
    refused(study, other, "names 'dan' twice", evaluators=["dan", "dan"])
    with only_server(study.folder) as lock:
        lock.say_where("http://127.0.0.1:7860")
        refused(
            study, other, r"is being served already at http://127.0.0.1:7860 \(process \d+\); stop it, add the images"
        )
    assert add_images(study, other).images == ("new.png",)


def test_reference_photos_are_those_of_the_subject_unless_told(tmp_path, images):
    for model in ("m", "n"):
        save_image(tmp_path / "photos" / model / "photo.png", 500 + ord(model))
    with create_study(
        tmp_path / "study", images, references=tmp_path / "photos", tasks=["similarity"], evaluators=["ann"]
    ) as study:
        rate_all(study)
        draw(images, (200,), models=("m", "n", "o"))
        refused(
            study, images, "4 new images have no reference photos, the first: 'o/step-200/p0.png'; name their folder"
        )
        save_image(tmp_path / "photos" / "o" / "photo.png", 999)
        add_images(study, images, references=tmp_path / "photos")
        draw(images, (300,), models=("m", "n", "o"))
        grown = add_images(study, images)
        assert len(grown.images) == 12
        for item in grown.images:
            assert [photo.parent.name for photo in study.reference_paths(item)] == [item[0]]


def test_where_each_image_is_rated_in_one_task_new_ones_are_too(tmp_path, images):
    with create_study(tmp_path / "study", images, tasks=["look", "feel"], evaluators=["ann"], split=True) as study:
        rate_all(study)
        draw(images, (200,))
        grown = add_images(study, images, anchors=0.25)
        assert study.items.set_index("item").loc[list(grown.images), "task"].value_counts().to_dict() == {
            "look": 4,
            "feel": 4,
        }
        assert grown.asked == {"ann": 8 + 4}


def test_two_rounds_are_exported_and_come_back(study, images, tmp_path):
    draw(images, (200,))
    add_images(study, images, anchors=0.5)
    rate_all(study, lambda name, one: 1 + (len(one.item) + one.round + len(name)) % 5)
    export_tables(study, tmp_path / "out")
    with create_study(tmp_path / "other", images, tasks=["look", "likeness"], evaluators=PEOPLE) as other:
        table, _ = read_table(tmp_path / "out" / "ratings.csv")
        assert import_tables(other, table) == (len(table), 0) and import_tables(other, table) == (0, 0)
        assert other.store.ratings_table().equals(study.store.ratings_table())
        bare = create_study(tmp_path / "bare", images, tasks=["look", "likeness"], evaluators=PEOPLE)
        assert import_tables(bare, table.drop(columns="repeat")) == (len(table), 0)  # as another tool would write it
        assert bare.store.ratings_table().equals(study.store.ratings_table())
        bare.close()


def test_the_report_of_a_grown_study_grades_first_answers_and_tells_the_shift(study, images):
    draw(images, (200,))
    before = calibrate_study(study, Settings(draws=50)).report["tasks"]["look"]
    assert before["rounds"] is None
    rng = np.random.default_rng(0)
    add_images(study, images, anchors=0.5, evaluators=["dan"])
    rate_all(study, lambda name, one: int(rng.integers(1, 3)))
    found = calibrate_study(study, Settings(draws=50)).report["tasks"]["look"]
    assert found["n_ratings"] == 3 * 24 + (8 + 8)  # first answers alone, dan's to the anchors among them
    (later,) = found["rounds"]["later"]
    table = study.store.ratings_table().query("task == 'look'")
    again = table[(table["round"] == 2) & table["item"].isin(study.items["item"][:16])]
    assert later["shift"]["effect"] == pytest.approx((again["rating"].mean() - 3) / 4)  # everybody said 3 at first
    assert (later["shift"]["n_answers"], later["own"]["n_answers"]) == (4 * 8, 3 * 8)
    assert later["answer"] == "lower" and later["sentence"] in found["notes"]


KILLED = """
import os, signal, sys
from study import add_images, open_study
from study.folder.study import Study
study = open_study(sys.argv[1])
Study.sync_assignments = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
add_images(study, sys.argv[2], anchors=0.25, evaluators=["dan"])
"""


@pytest.mark.process
@pytest.mark.parametrize("how", ["again", "served"])
def test_killed_in_between_it_opens_and_is_completed(study, images, how):
    draw(images, (200,))
    killed = subprocess.run([sys.executable, "-c", KILLED, study.folder, images], cwd=ROOT, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not list(study.folder.glob("*.tmp"))
    with open_study(study.folder) as found:
        assert len(found.items) == 24 and set(found.store.ratings_table().get("round", [1])) == {1}
        if how == "again":
            grown = add_images(found, images, anchors=0.25, evaluators=["dan"])
            assert (grown.round, grown.images, len(grown.anchors)) == (2, (), 4)
            assert grown.asked == dict.fromkeys((*PEOPLE, "dan"), 2 * (8 + 4))
        else:
            found.check_complete()
            assert found.sync_assignments() == 4 * 2 * (8 + 4)  # as `humangrade serve` does it
        assert found.sync_assignments() == 0
