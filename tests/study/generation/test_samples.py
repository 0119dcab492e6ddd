"""Trainers' sample folders become studies without renaming: each layout, through create_study."""

import json
from contextlib import closing

import pytest

from study.folder.create import create_study
from study.folder.images import find_images
from study.generation.samples import read_samples
from tests.study.samples import write_images


def study_of(tmp_path, names, folder="images"):
    """The rows of the items that a folder with these pictures becomes, by item, and what is said of them."""
    images = tmp_path / folder
    write_images(images, names)
    with closing(create_study(tmp_path / "study", images, tasks=["aesthetic"], evaluators=1)) as study:
        rows = {row["item"]: row for row in study.items.to_dict("records")}
        asked = {each.item for each in study.store.assignments(study.store.evaluators()[0].id)}
    assert asked == set(rows)
    return rows, read_samples(images, find_images(images)).notes


def cells(row, *names):
    return tuple(row.get(name, "") for name in names)


def test_the_real_names_of_a_kohya_run(shared, tmp_path):
    names = (shared / "data" / "runs" / "kohya_sample_names.txt").read_text(encoding="utf-8").split()
    rows, notes = study_of(tmp_path, names, "sample")
    assert len(rows) == 45
    assert {row["model"] for row in rows.values()} == {"gta-loragta-lora"}
    assert [row["step"] for row in rows.values()] == [str(step) for step in range(3412, 3501, 2)]
    assert all(row["checkpoint"] == row["step"] and row["prompt_number"] == "0" for row in rows.values())
    assert notes[0] == (
        "Samples of kohya's sd-scripts: 45 images of 'gta-loragta-lora' at 45 steps from 3,412 to 3,500, of 1 prompt."
    )
    assert notes[1].startswith("All were sampled without a seed: each step has another noise, so which step is best")


KOHYA = [f"anna_{step:06d}_{index:02d}_2024081916083{index}_42.png" for step in (300, 600) for index in (0, 1)]


def test_kohya_with_seeds_and_the_prompts_of_its_gui(tmp_path):
    sample = tmp_path / "images" / "sample"
    sample.mkdir(parents=True)
    (sample / "prompt.txt").write_text("# mine\na cat --d 42\na dog --n blurry --d 42\n", encoding="utf-8")
    rows, notes = study_of(tmp_path, [f"sample/{name}" for name in KOHYA])
    columns = ("model", "checkpoint", "step", "epoch", "prompt", "prompt_number", "seed")
    assert cells(rows[f"sample/{KOHYA[3]}"], *columns) == ("anna", "600", "600", "", "a dog", "1", "42")
    assert notes == [
        "Samples of kohya's sd-scripts: 4 images of 'anna' at 2 steps from 300 to 600, of 2 prompts.",
    ]


def test_a_prompt_without_a_seed_among_others_is_counted(tmp_path):
    names = [*KOHYA, *(f"anna_{step:06d}_02_20240819160840.png" for step in (300, 600))]
    _, notes = study_of(tmp_path, names)
    assert notes[1].startswith("1 of 3 prompts was sampled without a seed")


def test_one_step_alone_has_nothing_to_compare(tmp_path):
    _, notes = study_of(tmp_path, ["anna_000300_00_20240819160839.png"])
    assert len(notes) == 1


def test_kohyas_epochs_and_steps_are_kept_apart(tmp_path):
    names = [f"anna_{at}_00_20240819160839_1.png" for at in ("000300", "e000001", "e000002")]
    rows, notes = study_of(tmp_path, names)
    found = [cells(rows[name], "checkpoint", "step", "epoch") for name in names]
    assert found == [("300", "300", ""), ("epoch-1", "", "1"), ("epoch-2", "", "2")]
    assert "at 1 step, 300 and 2 epochs from 1 to 2" in notes[0]
    assert notes[1].startswith("'anna' has samples by steps (1) and by epochs (2); they are kept apart")


def test_a_resumed_run_has_samples_twice(tmp_path):
    names = [*KOHYA, "anna_000600_01_20240820160831_42.png"]
    rows, notes = study_of(tmp_path, names)
    assert len(rows) == 5
    assert "1 sample of a prompt and step" in notes[1]


def test_runs_without_names_are_called_by_their_folders(tmp_path):
    names = [f"{run}/sample/000300_00_20240819160839_1.png" for run in ("anna", "bob")]
    rows, _ = study_of(tmp_path, names)
    assert [rows[name]["model"] for name in names] == ["anna", "bob"]


def test_two_runs_of_one_name_are_kept_apart(tmp_path):
    names = [f"{run}/sample/last_000300_00_20240819160839_1.png" for run in ("anna", "bob")]
    rows, _ = study_of(tmp_path, names)
    assert [rows[name]["model"] for name in names] == ["anna-last", "bob-last"]


def ai_toolkit(tmp_path, config=None):
    names = [f"samples/17234567{n}0__{step:09d}_{index}.jpg" for n, step in enumerate((0, 250)) for index in (0, 1)]
    names = [name.replace("17234567", "1723456789") for name in names]
    folder = tmp_path / "anna"
    folder.mkdir()
    if config is not None:
        (folder / "config.yaml").write_text(config, encoding="utf-8")
    rows, notes = study_of(tmp_path, names, "anna")
    return [rows[name] for name in names], notes


CONFIG = """
job: extension
config:
  name: anna
  process:
  - trigger_word: sks
    sample: {seed: 42, walk_seed: true, prompts: ['[trigger] man', 'a tree']}
"""


def test_ai_toolkit_with_the_prompts_and_seeds_of_its_config(tmp_path):
    rows, notes = ai_toolkit(tmp_path, CONFIG)
    columns = ("model", "checkpoint", "step", "prompt", "seed")
    assert [cells(row, *columns) for row in rows] == [
        ("anna", "0", "0", "sks man", "42"),
        ("anna", "0", "0", "a tree", "43"),
        ("anna", "250", "250", "sks man", "42"),
        ("anna", "250", "250", "a tree", "43"),
    ]
    assert notes == ["Samples of ai-toolkit: 4 images of 'anna' at 2 steps from 0 to 250, of 2 prompts."]


def test_ai_toolkit_without_its_config_does_not_say_the_seeds(tmp_path):
    rows, notes = ai_toolkit(tmp_path)
    assert [cells(row, "prompt", "seed") for row in rows] == [("", "")] * 4
    assert "Whether each prompt had one seed at all steps is not written" in notes[1]


def test_ai_toolkit_with_random_seeds(tmp_path):
    rows, notes = ai_toolkit(tmp_path, CONFIG.replace("seed: 42, walk_seed: true", "seed: -1"))
    assert rows[0].get("seed", "") == ""
    assert notes[1].startswith("All were sampled without a seed")


def test_onetrainer(tmp_path):
    names = [f"samples/0 - a photo of sks/2024-08-19_16-08-39-training-sample-{step}-3-0.png" for step in (300, 600)]
    rows, notes = study_of(tmp_path, names, "anna")
    columns = ("model", "checkpoint", "step", "epoch", "prompt", "prompt_number")
    assert cells(rows[names[0]], *columns) == ("anna", "300", "300", "3", "a photo of sks", "0")
    assert notes[0] == "Samples of OneTrainer: 2 images of 'anna' at 2 steps from 300 to 600, of 1 prompt."
    assert "where they are cut" in notes[-1]


def test_simpletuner(tmp_path):
    names = [f"validation_images/step_{step}_sks_person_0_512x512.png" for step in (0, 300)]
    rows, _ = study_of(tmp_path, names, "anna")
    columns = ("model", "checkpoint", "step", "group")
    assert [cells(rows[name], *columns) for name in names] == [
        ("anna", "0", "0", "sks_person"),
        ("anna", "300", "300", "sks_person"),
    ]


def test_a_diffusers_output_folder(tmp_path):
    names = [f"checkpoint-{step}/{n}.png" for step in (1000, 500) for n in (0, 1)]
    card = "---\nlibrary_name: diffusers\ninstance_prompt: a photo of sks dog\n---\n# mine\n"
    (tmp_path / "dog").mkdir()
    (tmp_path / "dog" / "README.md").write_text(card, encoding="utf-8")
    rows, notes = study_of(tmp_path, [*names, "image_0.png"], "dog")
    columns = ("model", "checkpoint", "step", "prompt")
    assert cells(rows["checkpoint-1000/1.png"], *columns) == ("dog", "1000", "1000", "")
    assert cells(rows["image_0.png"], *columns) == ("dog", "", "", "a photo of sks dog")
    assert "5 images of 'dog' at 2 steps from 500 to 1,000" in notes[0]


def test_pictures_called_like_a_cards_without_a_card_are_plain(tmp_path):
    rows, notes = study_of(tmp_path, ["image_0.png", "image_1.png"])
    assert "model" not in rows["image_0.png"]
    assert notes == []


def test_geneval_without_its_sheets(tmp_path):
    for number, prompt in enumerate(("a photo of a bench", "two cats")):
        place = tmp_path / "images" / "mine" / f"{number:05d}"
        place.mkdir(parents=True)
        text = json.dumps({"tag": "single_object", "include": [], "prompt": prompt})
        (place / "metadata.jsonl").write_text(text + "\n", encoding="utf-8")
    names = [f"mine/{number:05d}/samples/{n:04d}.png" for number in (0, 1) for n in range(2)]
    sheets = [f"mine/{number:05d}/grid.png" for number in (0, 1)]
    rows, notes = study_of(tmp_path, [*names, *sheets])
    assert sorted(rows) == sorted(names)
    columns = ("model", "prompt", "prompt_number", "group")
    assert cells(rows[names[2]], *columns) == ("mine", "two cats", "1", "single_object")
    assert notes == [
        "Samples of GenEval: 4 images of 'mine', of 2 prompts.",
        "Left out: 2 sheets of samples (grid.png), which are no samples.",
    ]


def test_other_images_beside_samples_keep_their_places(tmp_path):
    rows, notes = study_of(tmp_path, ["sample/anna_000300_00_20240819160839_1.png", "bob/step-300/1.png"])
    assert cells(rows["bob/step-300/1.png"], "model", "checkpoint", "step") == ("bob", "300", "")
    assert notes[0].endswith("of 1 prompt. The others are read by their folders.")


def test_an_items_csv_speaks_for_the_whole_folder(tmp_path):
    images = write_images(tmp_path / "images", KOHYA)
    (images / "items.csv").write_text("image,model\n" + "".join(f"{name},mine\n" for name in KOHYA))
    with closing(create_study(tmp_path / "s", images, tasks=["aesthetic"])) as study:
        assert set(study.items["model"]) == {"mine"}
        assert "step" not in study.items.columns


@pytest.mark.parametrize("content", ["[", "a: *b", "config: 3", "config: {process: [{sample: 3}]}", "\x00", "[" * 5000])
def test_spoilt_files_beside_samples_are_passed_over(tmp_path, content):
    rows, _ = ai_toolkit(tmp_path, content)
    assert [row["step"] for row in rows] == ["0", "0", "250", "250"]
