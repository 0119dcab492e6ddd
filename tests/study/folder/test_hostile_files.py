"""Files made to stop a program, at every door through which a user's file comes in: one sentence, in bounds."""

import json
import os
import resource
import shlex
import subprocess
from contextlib import closing

import numpy as np
import pandas as pd
import pytest

from calibration.aesthetic.embeddings import read_embeddings, write_embeddings
from calibration.aesthetic.predictions import read_predictions
from calibration.aesthetic.split import named_images
from calibration.aesthetic.votes import read_votes
from calibration.pipeline import calibrate_files
from calibration.prediction.predictor import fit_predictor
from calibration.prediction.predictor_file import json_text, predictors_document, read_predictor, read_verdict
from calibration.tables.writing import csv_text
from metrics.errors import InputError
from study.folder.exporting import export_tables
from study.folder.score_items import folder_collection
from study.folder.study import open_study
from tests.calibration.prediction.test_predictor import study as made_scores
from tests.calibration.typed import scored
from tests.effort import effort
from tests.metrics import hostile_images as hostile
from tests.study.command import command_line, environment, run_cli
from tests.study.samples import encoded, picture, plain_study, write_images

MEMORY = 6 * 2**30  # of addresses; the libraries alone take 2 to 3 GB of them


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A study, its images, and a report on it."""
    folder = tmp_path_factory.mktemp("place")
    with closing(plain_study(folder, 4)) as study:
        items = study.items["item"].tolist()
    scores, ratings = made_scores(40, 3, 0)
    document = predictors_document([("look", fit_predictor(scored(scores, ratings, "higher", name="clip")))])
    (folder / "report").mkdir()
    (folder / "report" / "predictor.json").write_text(json_text(document))
    pd.DataFrame({"item": items, "clip": 0.5}).to_csv(folder / "scores.csv", index=False)
    os.mkfifo(folder / "pipe.csv")
    return folder


DOORS = {
    "import --ratings": ("import", "study", "--ratings", "FILE"),
    "import --scores": ("import", "study", "--scores", "FILE"),
    "report --ratings": ("report", "--ratings", "FILE", "--out", "out"),
    "report --items": ("report", "--ratings", "scores.csv", "--items", "FILE", "--out", "out"),
    "predict --scores": ("predict", "report", "--metric", "clip", "--scores", "FILE", "--out", "out.csv"),
    "plan --ratings": ("plan", "--ratings", "FILE"),
    "score --prompts": ("score", "--images", "images", "--prompts", "FILE", "--metrics", "sharpness", "--out", "o.csv"),
}


@pytest.mark.parametrize("door", DOORS)
def test_devices_and_pipes_are_one_sentence_at_every_door(place, monkeypatch, capsys, door):
    monkeypatch.chdir(place)
    monkeypatch.setattr("metrics.files.SECONDS_FOR_A_WRITER", 0.2)
    for file, why in (
        ("/dev/zero", "it is a device and no file"),
        ("pipe.csv", "it is a pipe, and nobody wrote to it"),
    ):
        code, _, said = run_cli(monkeypatch, capsys, *(file if part == "FILE" else part for part in DOORS[door]))
        assert code == 2 and f"{file} cannot be read ({why}" in said and said.count("\n") == 1
        assert not (place / "out").exists() and not (place / "out.csv").exists()


@pytest.mark.process
def test_a_table_may_come_from_a_command(place):
    """As in ``--scores <(command)``."""
    words = " ".join(map(shlex.quote, command_line("import", "study", "--scores")))
    line = ["bash", "-c", f"{words} <(cat scores.csv)"]
    done = subprocess.run(line, cwd=place, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0 and "Imported 4 scores" in done.stdout, done.stderr


def limited(*arguments, cwd) -> subprocess.CompletedProcess:
    """A command in a process of its own that may use so much memory and no more."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(
        command_line(*arguments), cwd=cwd, env=environment() | threads, capture_output=True, text=True, preexec_fn=limit
    )


@pytest.mark.process
def test_a_folder_of_hostile_images_in_bounded_memory(tmp_path):
    images = write_images(tmp_path / "images", ["good.png"])
    bomb = hostile.tag_bomb(20_000, 100_000)  # 340 kB that come to 2 GB, in each of eight threads
    for number in range(8):
        (images / f"{number}.jpg").write_bytes(hostile.jpeg(bomb) + bytes([number]))
        (images / f"{number}.png").write_bytes(hostile.png(hostile.chunk(b"eXIf", bomb + bytes([number]))))
    (images / "zero.png").symlink_to("/dev/zero")
    done = limited("init", "study", "--images", "images", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.splitlines() == [
        "humangrade: zero.png: a pipe or a device and no image file; replace or remove."
    ]
    assert not (tmp_path / "study").exists()
    (images / "zero.png").unlink()
    done = limited("init", "study", "--images", "images", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_new_row_that_names_no_image_is_one_sentence(tmp_path, monkeypatch, capsys):
    plain_study(tmp_path, 2).close()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    (tmp_path / "long.png").write_bytes(hostile.animation("PNG", 1001))
    items = (tmp_path / "study" / "items.csv").read_text()
    for name, why in (("zero.png", "zero.png"), ("long.png", "an animation of more than 1,000 frames")):
        (tmp_path / "study" / "items.csv").write_text(f"{items}new,../{name},m\n")
        code, _, said = run_cli(monkeypatch, capsys, "serve", "study", "--port", 7891)
        assert code == 2 and why in said and said.count("\n") == 1


def test_what_an_image_is_replaced_by_is_not_served(tmp_path):
    from fastapi.testclient import TestClient

    from study.server.app import create_app
    from study.server.rater import MISSING_IMAGE

    study = plain_study(tmp_path, 2, evaluators=("ann",))
    (ann,) = study.store.evaluators()
    assignment = study.store.assignments(ann.id)[0]
    path = study.image_path(assignment.item)
    with TestClient(create_app(study)) as client:
        address = f"/api/rater/{ann.token}/images/{assignment.public_id}"
        assert client.get(address).status_code == 200
        path.unlink()
        path.symlink_to("/dev/zero")
        assert client.get(address).status_code == 404
        path.unlink()
        os.mkfifo(path)
        assert client.get(address).status_code == 404
        path.unlink()
        with path.open("wb") as file:
            file.truncate(2**40)
        assert client.get(address).status_code == 404
        for content in (b"<svg/>", b"GIF89a", b""):  # words are not taken off these
            path.write_bytes(content)
            response = client.get(address)
            assert (response.status_code, response.json()) == (404, {"detail": MISSING_IMAGE})
    study.close()


def test_scoring_names_what_it_cannot_read(tmp_path):
    images = write_images(tmp_path / "images", ["good.png"])
    (images / "bomb.tif").write_bytes(hostile.tag_bomb())
    (images / "self.png").symlink_to("self.png")
    with (images / "large.png").open("wb") as file:
        file.truncate(2**40)
    found = folder_collection(images)
    assert {path.name: why for path, why in found.unreadable.items()} == {
        "large.png": "cannot be read (it is larger than 400 MB)",
        "self.png": "cannot be read (Too many levels of symbolic links)",
    }
    assert [item.item for item in found.items] == ["bomb.tif", "good.png"]


def test_pictures_of_a_report_that_are_none_are_left_out(tmp_path):
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    (tmp_path / "good.png").write_bytes(encoded(picture(), "PNG"))
    items = pd.DataFrame({"item": ["a", "b"], "image": ["zero.png", "good.png"]})
    items.to_csv(tmp_path / "items.csv", index=False)
    rows = [(item, who, 1 + (item == "a")) for item in "ab" for who in "xy"]
    pd.DataFrame(rows, columns=["item", "evaluator", "rating"]).to_csv(tmp_path / "r.csv", index=False)
    made = calibrate_files(tmp_path / "r.csv", None, tmp_path / "items.csv")
    from calibration.page.gallery import thumbnail

    assert thumbnail(made.images["a"]) is None and thumbnail(made.images["b"])


READERS = {"votes": read_votes, "predictions": read_predictions, "lists": named_images}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"image_id,mean\na\0b,5\n", "is a NUL"),
        ("image_id,mean\nä,5\n".encode("latin-1"), "is not UTF-8"),
        (None, "a device"),
    ],
    ids=["NUL", "latin-1", "device"],
)
def test_files_of_votes_answers_and_lists(tmp_path, name, content, message):
    path = tmp_path / "file.csv"
    path.symlink_to("/dev/zero") if content is None else path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        READERS[name](path)


def test_votes_and_answers_in_forms_that_no_tool_writes(tmp_path):
    path = tmp_path / "file.csv"
    for content, message in (
        (b"image_id,prediction\n" + b"x" * 200_000 + b",5\n", "is not a well-formed CSV file"),
        (b'image_id,prediction\n"' + b"x," * 100_000, "is not a well-formed CSV file"),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=message):
            read_predictions(path)
    for content, message in (
        ("image_id,score" + "1" * 5000 + "\na,1\n", "votes are AVA.txt"),
        (",".join(f"c{n}" for n in range(10_001)) + "\n1\n", "10,001 columns"),
        ("1 " * 14 + "1" * 30 + "\n", "line 1: .* is not AVA.txt's 15 whole numbers"),
    ):
        path.write_text(content)
        with pytest.raises(InputError, match=message):
            read_votes(path)


@pytest.mark.parametrize("file", ["embeddings.json", "embeddings.npy", "images.csv"])
def test_embeddings_of_which_a_file_is_none(tmp_path, file):
    folder = write_embeddings(tmp_path / "e", [np.eye(2)], ["a.jpg", "b.jpg"], "ViT-L-14/openai", "made")
    (folder / file).unlink()
    os.mkfifo(folder / file)
    with pytest.raises(InputError, match=f"there is no file {file}"):
        read_embeddings(folder)


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "null", '{"format": 1}', '{"format": 1e999}', "\0"])
def test_embeddings_whose_description_is_none(tmp_path, text):
    folder = write_embeddings(tmp_path / "e", [np.eye(2)], ["a.jpg", "b.jpg"], "ViT-L-14/openai", "made")
    (folder / "embeddings.json").write_text(text)
    with pytest.raises(InputError, match="make them"):
        read_embeddings(folder)


def test_a_predictor_that_is_nested_deeply_or_a_device(place, monkeypatch, capsys, tmp_path):
    for text in ("[" * 100_000, '{"tasks":' * 100_000, "\0", "1" * 5000):
        (tmp_path / "predictor.json").write_text(text)
        with pytest.raises(InputError, match="make the report anew"):
            read_predictor(tmp_path, "clip")
    (tmp_path / "predictor.json").unlink()
    (tmp_path / "predictor.json").symlink_to("/dev/zero")
    code, _, said = run_cli(
        *(monkeypatch, capsys, "predict", tmp_path, "--metric", "clip"),
        *("--scores", place / "scores.csv", "--out", tmp_path / "p.csv"),
    )
    assert code == 2 and said.count("\n") == 1


def test_a_predictor_with_anything_in_any_place_predicts_or_is_refused(place, tmp_path):
    """What is there, at every depth, is replaced by every kind of value."""
    whole = (place / "report" / "predictor.json").read_text()
    strange = [None, True, -1, 10**400, 1e308, float("nan"), "x", [], {}, [[]], {"a": 1}]
    paths = places_in(json.loads(whole))
    assert len(paths) > 30
    for path in paths:
        for value in strange:
            content = json.loads(whole)
            inner = content
            for part in path[:-1]:
                inner = inner[part]
            inner[path[-1]] = value
            (tmp_path / "predictor.json").write_text(json.dumps(content))
            try:
                predictor = read_predictor(tmp_path, "clip")
                read_verdict(tmp_path, "clip")
                predictor.predict([0.0, 1.0])
            except InputError as error:
                assert str(error).endswith(".")


def places_in(content, above=()) -> list[tuple]:
    """The ways to every value in a JSON document; of a long list to the first two."""
    if isinstance(content, dict):
        inner = list(content.items())
    elif isinstance(content, list):
        inner = list(enumerate(content))[:2]
    else:
        return []
    return [way for key, value in inner for way in ((*above, key), *places_in(value, (*above, key)))]


def test_a_message_about_an_endless_cell_is_short(place, monkeypatch, capsys, tmp_path):
    (tmp_path / "r.csv").write_text("item,evaluator,rating\na,b," + "9" * 900_000 + "\n")
    code, _, said = run_cli(monkeypatch, capsys, "plan", "--ratings", tmp_path / "r.csv")
    assert code == 2 and "whole number from 1 to 5" in said and len(said) < 5000


def test_paths_that_are_too_long_or_lead_in_a_circle(place, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "circle").symlink_to("circle")
    long = "x" * 5000
    for arguments in (
        ("report", "--ratings", place / "scores.csv", "--out", long),
        ("predict", place / "report", "--metric", "clip", "--scores", place / "scores.csv", "--out", f"{long}.csv"),
        ("score", "--images", place / "images", "--out", f"{long}.csv"),
        ("export", place / "study", "--out", long),
        ("plan", "--icc", ".5", "--out", long),
        ("export", long, "--out", "out"),
        ("init", long, "--images", place / "images"),
        ("init", "circle", "--images", place / "images"),
        ("init", "new", "--images", long),
        ("demo", "--no-browser", "--folder", long),
        ("demo", "--no-browser", "--folder", "circle"),
    ):
        code, _, said = run_cli(monkeypatch, capsys, *arguments)
        assert code == 2 and said.count("\n") == 1, (arguments, said)
    assert [path.name for path in tmp_path.iterdir()] == ["circle"]


def test_nothing_takes_long(place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    assert effort(lambda: run_cli(monkeypatch, capsys, "report", "--ratings", "/dev/zero", "--out", "out")) < 30_000


FORMULAS = ["=1+1", "@x", "'=y", "-5", "+49 170"]


def test_items_and_people_with_the_names_of_formulas_come_back(tmp_path):
    """Exported, and imported into a fresh study that was made from the exported items."""
    images = tmp_path / "images"
    for number, name in enumerate(FORMULAS):
        (images / name).mkdir(parents=True)
        (images / name / "1.png").write_bytes(encoded(picture(number), "PNG"))
    own = pd.DataFrame({"image": [f"{name}/1.png" for name in FORMULAS], "item": FORMULAS, "=note": FORMULAS})
    (images / "items.csv").write_text(csv_text(own))
    first = plain_study_of(tmp_path / "first", images)
    assert sorted(first.items["item"]) == sorted(FORMULAS) and "=note" in first.items.columns
    assert all(first.image_path(item).is_file() for item in FORMULAS)
    rate_everything(first)
    export_tables(first, tmp_path / "out")
    for name in ("items", "ratings", "scores"):
        for line in (tmp_path / "out" / f"{name}.csv").read_text().splitlines():
            assert all(cell[:1] not in ("=", "@") and not cell.startswith("+") for cell in line.split(","))
    second = plain_study_of(tmp_path / "second", images)
    from study.folder.importing import import_files

    import_files(second, tmp_path / "out" / "ratings.csv", tmp_path / "out" / "scores.csv")
    export_tables(second, tmp_path / "again")
    for name in ("ratings", "scores"):
        assert (tmp_path / "again" / f"{name}.csv").read_bytes() == (tmp_path / "out" / f"{name}.csv").read_bytes()
    assert {evaluator.name for evaluator in second.store.evaluators()} == set(FORMULAS)
    second.close()
    with closing(open_study(tmp_path / "first")) as again:
        pd.testing.assert_frame_equal(again.items, first.items)
    first.close()


def plain_study_of(folder, images):
    from study.folder.create import create_study

    return create_study(folder, images, tasks=["aesthetic"], evaluators=FORMULAS)


def rate_everything(study) -> None:
    """Every evaluator rates every image, and a metric whose name is a formula scores them."""
    for evaluator in study.store.evaluators():
        for number, assignment in enumerate(study.store.assignments(evaluator.id)):
            study.store.rate(evaluator.id, assignment.public_id, 1 + number % 5, f"{evaluator.id}-{number}", 100)
    from study.folder.importing import import_tables

    import_tables(study, None, pd.DataFrame({"item": FORMULAS, "metric": "=m", "score": np.linspace(-1, 1, 5)}))
