"""A trainer's sample folder as it stands, and as it is being written."""

import hashlib
import json

import pandas as pd
import pytest

from metrics.errors import InputError
from study.runs.folders import COLUMNS, Known, RunFolder, named_folder
from study.runs.watch import Settled
from tests.study.generation.training_runs import kohya_metadata, kohya_run, write_tensors
from tests.study.samples import encoded, picture, write_images

AT_ONCE = 0.0


def looked(folder, name="", **known):
    """What a first look at a folder of old files takes."""
    return RunFolder(folder, name).look(Settled(AT_ONCE), **known)


def cells(taken, *names):
    return [tuple(row) for row in taken.images[list(names)].fillna("").astype(str).itertuples(index=False)]


def test_the_real_names_of_a_kohya_run_as_they_appear(shared, tmp_path):
    names = (shared / "data" / "runs" / "kohya_sample_names.txt").read_text(encoding="utf-8").split()
    place = tmp_path / "my runs ü" / "sample"
    folder = RunFolder(place)
    write_images(place, names[:44])
    first = folder.look(Settled(AT_ONCE))
    write_images(place, names[44:], seed=44)
    taken = folder.look(Settled(AT_ONCE))
    assert (len(first.images), len(taken.images), taken.waiting, taken.broken) == (44, 45, 0, {})
    assert tuple(taken.images.columns) == COLUMNS
    expected = [("gta-loragta-lora", str(step), str(step), "") for step in range(3412, 3501, 2)]
    assert cells(taken, "model", "checkpoint", "step", "seed") == expected
    assert taken.images["path"].tolist() == [(place / name).as_posix() for name in names]
    data = (place / names[7]).read_bytes()
    row = taken.images.iloc[7]
    assert (row["sha256"], row["width"], row["height"]) == (hashlib.sha256(data).hexdigest(), 24, 16)
    assert (row["size"], row["mtime_ns"]) == (len(data), (place / names[7]).stat().st_mtime_ns)
    assert "All were sampled without a seed" in taken.notes[1]


def test_a_half_written_picture_waits_and_is_taken_when_it_is_whole(tmp_path):
    write_images(tmp_path, ["anna_000300_00_20240819160839_1.png"])
    folder, looks = RunFolder(tmp_path), Settled(old=3600)
    data = encoded(picture(5), "PNG")
    late = tmp_path / "anna_000600_00_20240819160839_1.png"
    late.write_bytes(data[: len(data) // 2])
    seen = []
    for content in (None, data[: len(data) * 3 // 4], data, None):
        if content is not None:
            late.write_bytes(content)
        taken = folder.look(looks)
        looks.next_look()
        seen.append((cells(taken, "step"), taken.waiting, taken.broken))
    first = [("300",)]
    assert seen == [([], 2, {}), (first, 1, {}), (first, 1, {}), ([*first, ("600",)], 0, {})]


def test_a_picture_that_stays_broken_is_told_and_taken_once_it_is_mended(tmp_path):
    data = encoded(picture(5), "PNG")
    path = tmp_path / "anna_000600_00_20240819160839_1.png"
    path.write_bytes(data[:-40])
    folder = RunFolder(tmp_path)
    taken = folder.look(Settled(AT_ONCE))
    assert list(taken.broken) == [path] and taken.broken[path].startswith("cannot be decoded")
    assert taken.images.empty
    path.write_bytes(data)
    taken = folder.look(Settled(AT_ONCE))
    assert (len(taken.images), taken.broken) == (1, {})


def test_a_picture_that_was_written_over_has_its_new_content(tmp_path):
    name = "anna_000600_00_20240819160839_1.png"
    folder = RunFolder(tmp_path)
    digests = []
    for seed in (1, 2):
        write_images(tmp_path, [name], seed=seed)
        digests += folder.look(Settled(AT_ONCE)).images["sha256"].tolist()
    assert len(set(digests)) == 2


def test_what_the_record_knows_is_not_read_again(tmp_path):
    path = tmp_path / "anna_000600_00_20240819160839_1.png"
    path.write_bytes(b"no picture")
    stamp = (path.stat().st_size, path.stat().st_mtime_ns)
    taken = looked(tmp_path, known=Known({path.as_posix(): (*stamp, "ab")}))
    assert cells(taken, "sha256", "width") == [("ab", "")]
    other = looked(tmp_path, known=Known({path.as_posix(): (stamp[0], stamp[1] + 1, "ab")}))
    assert other.images.empty and list(other.broken) == [path]


def test_kohyas_checkpoints_beside_its_samples(tmp_path):
    run = kohya_run(tmp_path / "anna run", "anna", (300, 600), last=900, images=17)
    (run / "sample").mkdir()
    (run / "sample" / "prompt.txt").write_text("a cat --d 1\na dog --d 1\n", encoding="utf-8")
    names = [f"sample/anna_{step:06d}_{n:02d}_2024081916083{n}_1.png" for step in (300, 900, 1200) for n in (0, 1)]
    write_images(run, names)
    for place in (run, run / "sample"):
        taken = looked(place)
        assert len(taken.images) == 6
        rows = taken.images.drop_duplicates("checkpoint").set_index("checkpoint")
        file = run / "anna-step00000300.safetensors"
        told = rows.loc["300", ["checkpoint_file", "checkpoint_sha256", "kind", "n_training_images"]].tolist()
        assert told == [file.as_posix(), hashlib.sha256(file.read_bytes()).hexdigest(), "lora", 17]
        assert set(taken.images["n_training_images"]) == {17}  # of the run, also where no file says it
        assert rows.loc["900", "checkpoint_file"] == (run / "anna.safetensors").as_posix()
        assert rows.loc["1200", "checkpoint_file"] == "" and rows.loc["1200", "checkpoint_sha256"] == ""
        assert cells(taken, "prompt", "seed")[:2] == [("a cat", "1"), ("a dog", "1")]


def test_samples_by_epoch_go_with_the_files_of_their_epochs(tmp_path):
    for epoch in (1, 2):
        metadata = kohya_metadata(100 * epoch, epoch)
        write_tensors(tmp_path / f"anna-{epoch:06d}.safetensors", metadata=metadata, content=str(epoch))
    write_images(tmp_path / "sample", [f"anna_e{epoch:06d}_00_20240819160839_1.png" for epoch in (1, 2)])
    taken = looked(tmp_path)
    assert cells(taken, "checkpoint", "step", "epoch") == [("epoch-1", "100", "1"), ("epoch-2", "200", "2")]
    assert [path.rpartition("/")[2] for path in taken.images["checkpoint_file"]] == [
        "anna-000001.safetensors",
        "anna-000002.safetensors",
    ]


def test_a_checkpoint_that_is_being_written_waits(tmp_path):
    run = kohya_run(tmp_path, "anna", (300, 600))
    write_images(run / "sample", ["anna_000600_00_20240819160839_1.png"])
    file = run / "anna-step00000600.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-2])
    folder = RunFolder(run)
    assert cells(folder.look(Settled(AT_ONCE)), "checkpoint_file") == [("",)]
    file.write_bytes(whole)
    assert cells(folder.look(Settled(AT_ONCE)), "checkpoint_file") == [(file.as_posix(),)]


AI_TOOLKIT = {"config": {"process": [{"sample": {"seed": 42, "walk_seed": True, "prompts": ["a man", "a tree"]}}]}}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            [f"samples/172345678901{n}__{250 * n:09d}_1.jpg" for n in (0, 1)],
            [("anna", "0", "a tree", "43"), ("anna", "250", "a tree", "43")],
        ),
        (
            [f"samples/0 - a photo/2024-08-19_16-08-39-training-sample-{step}-3-0.png" for step in (300, 600)],
            [("anna", "300", "a photo", ""), ("anna", "600", "a photo", "")],
        ),
        (
            [f"validation_images/step_{step}_portrait_0_512x512.png" for step in (100, 1000)],
            [("anna", "100", "", ""), ("anna", "1000", "", "")],
        ),
        ([f"checkpoint-{step}/a.png" for step in (500, 1000)], [("anna", "1000", "", ""), ("anna", "500", "", "")]),
        ([f"bob/step-{step}/a.png" for step in (1000, 200)], [("bob", "1000", "", ""), ("bob", "200", "", "")]),
    ],
    ids=["ai-toolkit", "OneTrainer", "SimpleTuner", "diffusers", "folders"],
)
def test_each_trainers_layout(tmp_path, names, expected):
    folder = tmp_path / "anna"
    write_images(folder, names)
    (folder / "config.yaml").write_text(json.dumps(AI_TOOLKIT), encoding="utf-8")
    assert sorted(cells(looked(folder), "model", "checkpoint", "prompt", "seed")) == expected


def test_pictures_of_no_checkpoint_are_passed_over(tmp_path):
    write_images(tmp_path, ["anna_000300_00_20240819160839_1.png", "img/10_sks/a.png", "cover.png"])
    taken = looked(tmp_path)
    assert len(taken.images) == 1
    assert taken.notes[-1] == f"{tmp_path}: passed over 2 images of which no name says the checkpoint."


def test_a_data_set_alone_is_no_run(tmp_path):
    write_images(tmp_path, ["img/10_sks/a.png", "img/10_sks/b.png"])
    taken = looked(tmp_path)
    assert taken.images.empty and taken.waiting == 0
    assert taken.notes[0].startswith(f"{tmp_path}: of 2 images no name says the checkpoint.")


def drawn_table(folder, names, **columns):
    rows = pd.DataFrame({"image": names, "model": "anna", "checkpoint": "300", "step": "300", "seed": "1"} | columns)
    rows.to_csv(folder / "items.csv", index=False)


def test_drawn_images_wait_for_their_line(tmp_path):
    names = ["anna/300/p000_s1.png", "anna/300/p001_s1.png"]
    write_images(tmp_path, names)
    drawn_table(tmp_path, names[:1], prompt="a cat", recipe="ab", lora_sha256="cd", training_images="12", file="x")
    taken = looked(tmp_path)
    names = ("checkpoint", "prompt", "checkpoint_sha256", "n_training_images", "checkpoint_file", "recipe")
    assert cells(taken, *names) == [("300", "a cat", "cd", "12", "x", '{"identity":"ab"}')]
    assert (taken.waiting, taken.notes) == (1, [])


def test_images_that_a_table_of_ones_own_does_not_name_are_told(tmp_path):
    names = ["a.png", "b.png"]
    write_images(tmp_path, names)
    drawn_table(tmp_path, names[:1])
    taken = looked(tmp_path)
    assert len(taken.images) == 1 and "does not say the checkpoint of 1 image" in taken.notes[0]


def test_a_run_is_called_as_it_is_told(tmp_path):
    write_images(tmp_path / "sample", ["anna_000300_00_20240819160839_1.png"])
    given = named_folder(f"anna second={tmp_path}")
    assert cells(given.look(Settled(AT_ONCE)), "model") == [("anna second",)]
    write_images(tmp_path / "sample", ["bob_000300_00_20240819160839_1.png"], seed=3)
    with pytest.raises(InputError, match="has 2 runs, 'anna' and 'bob', and was given one name, 'anna second'"):
        given.look(Settled(AT_ONCE))


def test_a_folder_with_an_equals_sign_is_a_folder(tmp_path):
    (tmp_path / "lr=1").mkdir()
    for text in (str(tmp_path / "lr=1"), "x/lr=1"):
        assert named_folder(text).name == ""
    with pytest.raises(InputError, match="is no NAME=FOLDER"):
        named_folder(" =folder")


def test_a_name_that_no_table_can_hold_is_told(tmp_path):
    write_images(tmp_path, ["anna_000300_00_20240819160839_1.png"])
    bad = tmp_path / "anna\x1b_000600_00_20240819160839_1.png"
    bad.write_bytes(encoded(picture(1), "PNG"))
    taken = looked(tmp_path)
    assert (len(taken.images), list(taken.broken)) == (1, [bad])


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="is not a folder"):
        looked(tmp_path / "none")
