"""A plan becomes a folder: the same bytes however it was interrupted, nothing overwritten, trouble named."""

import csv
import functools
import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from filelock import FileLock
from PIL import Image

from metrics.errors import InputError
from study.generation.draw import DrawSettings, draw
from study.generation.items_table import COLUMNS
from study.generation.painter import Painter
from tests.study.generation.drawing import PROMPTS, files_in, pixels_in, plan_of, tiny_folder
from tests.study.generation.tiny import tiny_pipeline

__all__ = ["tiny_folder"]


@pytest.fixture(scope="module")
def whole(tiny_folder, tmp_path_factory):
    """A plan and the folder that it gives in one go."""
    folder = tmp_path_factory.mktemp("whole")
    plan = plan_of(tiny_folder)
    outcome = draw(plan, folder)
    assert (outcome.drawn, outcome.left, len(outcome.lines), outcome.problems()) == (8, 0, 8, {})
    return plan, folder


def rows_of(folder):
    with (folder / "items.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_image_is_what_plain_diffusers_draws(whole):
    plan, folder = whole
    pipeline = tiny_pipeline()
    theirs = {}
    for images in (plan.images[:4], plan.images[4:]):
        result = pipeline(
            prompt=[image.prompt for image in images],
            generator=[torch.Generator("cpu").manual_seed(image.seed) for image in images],
            num_inference_steps=2,
            height=64,
            width=64,
        ).images
        theirs |= {image.file.as_posix(): np.asarray(picture) for image, picture in zip(images, result, strict=True)}
    ours = pixels_in(folder)
    assert ours.keys() == theirs.keys()
    # a prompt that is encoded alone may differ in its last bits from one in a batch
    assert max(np.abs(ours[name] - theirs[name].astype(int)).max() for name in ours) <= 1


def test_the_table_says_what_each_image_is(whole):
    plan, folder = whole
    rows = rows_of(folder)
    assert tuple(rows[0]) == COLUMNS and len(rows) == 8
    for row, image in zip(rows, plan.images, strict=True):
        assert row["image"] == image.file.as_posix() and (folder / row["image"]).is_file()
        told = [row[name] for name in ("model", "checkpoint", "step", "prompt", "prompt_number", "seed", "rate")]
        assert told == ["base", "0", "0", image.prompt, str(image.prompt_number), str(image.seed), str(int(image.rate))]
        assert (row["scheduler"], row["dtype"], row["lora_sha256"], row["layers_in_file"]) == (
            *("DDIMScheduler", "float32", ""),
            "",
        )
        with Image.open(folder / row["image"]) as picture:
            assert picture.info["humangrade.identity"] == row["recipe"]
            assert json.loads(picture.info["humangrade.recipe"])["prompt"] == image.prompt
            assert picture.size == (64, 64)
    assert len({row["recipe"] for row in rows}) == 8
    lines = [json.loads(line) for line in (folder / "provenance.jsonl").read_text().splitlines()]
    assert {line["device"] for line in lines} == {"cpu"} and {line["batch_size"] for line in lines} == {4}
    assert not (folder / ".drawing").exists()


def test_a_missing_image_is_drawn_again_to_the_same_bytes(whole, tmp_path):
    plan, folder = whole
    draw(plan, tmp_path)
    before = files_in(folder)
    for name in (plan.images[1].file, plan.images[6].file):
        (tmp_path / name).unlink()
    outcome = draw(plan, tmp_path)
    assert outcome.drawn == 2
    assert files_in(tmp_path) == before


def test_an_image_without_its_line_is_not_counted_as_finished(whole, tmp_path):
    plan, folder = whole
    draw(plan, tmp_path)
    path = tmp_path / "provenance.jsonl"
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*lines[:5], lines[5][:100]]))  # as a crash may leave it
    assert draw(plan, tmp_path).drawn == 3
    assert files_in(tmp_path) == files_in(folder)
    assert draw(plan, tmp_path).drawn == 0


def _cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _emptied(path):
    path.write_bytes(b"")


def _repainted(path):
    from PIL.PngImagePlugin import PngInfo

    with Image.open(path) as picture:
        texts = PngInfo()
        for name, text in picture.info.items():
            texts.add_text(name, text)
        pixels = 255 - np.asarray(picture)
    Image.fromarray(pixels).save(path, "PNG", pnginfo=texts)


def _one_byte(path):
    content = bytearray(path.read_bytes())
    content[-20] ^= 1  # in the pixels or their sum, of the same length
    path.write_bytes(content)


@pytest.mark.parametrize("spoil", [_cut, _emptied, _repainted, _one_byte])
def test_a_damaged_image_is_named_and_drawn_again(whole, tmp_path, spoil):
    plan, folder = whole
    draw(plan, tmp_path)
    names = [plan.images[number].file.as_posix() for number in (1, 6)]
    for name in names:
        spoil(tmp_path / name)
    said = []
    assert draw(plan, tmp_path, say=said.append).drawn == 2
    assert (
        len(said) == 1 and said[0].startswith("2 images are not what was written") and all(n in said[0] for n in names)
    )
    assert files_in(tmp_path) == files_in(folder)
    assert draw(plan, tmp_path, say=said.append).drawn == 0 and len(said) == 1


@pytest.mark.parametrize("spoil", [_cut, _emptied])
def test_of_images_that_were_drawn_before_sums_were_kept_those_that_cannot_be_decoded_are_drawn_again(
    whole, tmp_path, spoil
):
    plan, folder = whole
    draw(plan, tmp_path)
    path = tmp_path / "provenance.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert all(line["size"] == (tmp_path / line["image"]).stat().st_size for line in lines)
    kept = [{key: value for key, value in line.items() if key not in ("sha256", "size")} for line in lines]
    path.write_text("".join(json.dumps(line) + "\n" for line in kept))
    assert draw(plan, tmp_path).drawn == 0
    spoil(tmp_path / plan.images[3].file)
    assert draw(plan, tmp_path).drawn == 1
    assert files_in(tmp_path) == files_in(folder)


def test_all_pictures_that_stand_in_the_way_are_named_at_once(whole, tmp_path):
    plan, _ = whole
    draw(plan, tmp_path)
    for number in (0, 5):
        Image.new("RGB", (8, 8)).save(tmp_path / plan.images[number].file)
    images = tuple(replace(image, steps=3) if image.prompt_number == 1 else image for image in plan.images)
    before = files_in(tmp_path)
    with pytest.raises(InputError) as caught:
        draw(replace(plan, images=images), tmp_path)
    told = str(caught.value)
    assert (
        "2 images are there of which each was not drawn by humangrade: base/0/p000_s1.png and base/0/p002_s2.png"
        in told
    )
    assert (
        "2 images are there of which each was drawn by another recipe: it differs in steps (2 there, 3 wanted)" in told
    )
    assert told.count("nothing is overwritten") == 1 and files_in(tmp_path) == before


def test_a_failure_in_the_middle_keeps_what_is_done(whole, tmp_path, monkeypatch):
    plan, folder = whole
    original = Painter.draw
    calls = []

    def stopped(self, batch):
        calls.append(batch)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(self, batch)

    monkeypatch.setattr(Painter, "draw", stopped)
    with pytest.raises(KeyboardInterrupt):
        draw(plan, tmp_path)
    assert [row["image"] for row in rows_of(tmp_path)] == [image.file.as_posix() for image in plan.images[:4]]
    monkeypatch.setattr(Painter, "draw", original)
    assert draw(plan, tmp_path).drawn == 4
    assert files_in(tmp_path) == files_in(folder)


def test_the_batch_size_moves_no_pixel_by_more_than_two_levels(whole, tmp_path):
    plan, folder = whole
    for size in (1, 8):
        draw(plan, tmp_path / str(size), DrawSettings(batch_size=size))
        ours, theirs = pixels_in(folder), pixels_in(tmp_path / str(size))
        moved = np.concatenate([np.abs(ours[name] - theirs[name]).ravel() for name in ours])
        assert moved.max() <= 2 and (moved > 0).mean() < 0.001
        # the same images by their identities
        assert [row["recipe"] for row in rows_of(tmp_path / str(size))] == [row["recipe"] for row in rows_of(folder)]


def test_another_picture_under_the_same_name_is_never_overwritten(whole):
    plan, folder = whole
    before = files_in(folder)
    other = replace(plan, images=tuple(replace(image, steps=3) for image in plan.images))
    with pytest.raises(InputError, match=r"drawn by another recipe: it differs in steps \(2 there, 3 wanted\)"):
        draw(other, folder)
    with pytest.raises(InputError, match=r"differs in dtype \('float32' there, 'bfloat16' wanted\)"):
        draw(plan, folder, DrawSettings(dtype="bfloat16"))
    assert files_in(folder) == before


def test_a_foreign_picture_is_never_overwritten(whole, tmp_path):
    plan, _ = whole
    path = tmp_path / plan.images[3].file
    path.parent.mkdir(parents=True)
    for content in (b"mine", None):
        if content:
            path.write_bytes(content)
        else:
            Image.new("RGB", (8, 8)).save(path)
        before = path.read_bytes()
        with pytest.raises(InputError, match="was not drawn by humangrade"):
            draw(plan, tmp_path)
        assert path.read_bytes() == before


def test_a_table_of_others_is_never_overwritten(whole, tmp_path):
    plan, folder = whole
    ours = (folder / "items.csv").read_text()
    for text in ("image,model\nmine.png,x\n", ours.replace(",", ";"), "", ours.encode("utf-16"), f"{ours}a,b\n"):
        (tmp_path / "items.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
        before = (tmp_path / "items.csv").read_bytes()
        with pytest.raises(InputError, match=r"items\.csv was not written by humangrade.* not overwritten"):
            draw(plan, tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["items.csv"]
        assert (tmp_path / "items.csv").read_bytes() == before


def test_columns_and_rows_that_were_added_to_the_table_stay(whole, tmp_path):
    plan, folder = whole
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    rows = [row | {"task": f"task {place}", "references": "a.jpg;b.jpg"} for place, row in enumerate(rows_of(folder))]
    mine = dict.fromkeys(rows[0], "") | {"image": "mine.png", "item": "mine", "task": "look"}
    with (tmp_path / "items.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows([rows[1], mine, rows[0], *rows[2:]])
    (tmp_path / plan.images[5].file).unlink()
    assert draw(plan, tmp_path).drawn == 1
    assert rows_of(tmp_path) == [*rows, mine]
    (tmp_path / "items.csv").unlink()
    draw(plan, tmp_path)
    assert files_in(tmp_path) == files_in(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_a_pipe_in_a_files_place_is_a_sentence_at_once(whole, tmp_path):
    plan, folder = whole
    for name, words in ((plan.images[0].file.as_posix(), "it is a pipe"), ("provenance.jsonl", "is no file")):
        place = tmp_path / name.replace("/", "-")
        shutil.copytree(folder, place)
        (place / name).unlink()
        os.mkfifo(place / name)
        with pytest.raises(InputError, match=words):
            draw(plan, place)


@pytest.mark.parametrize(
    "change",
    [
        {"notes": None},
        {"notes": [{}]},
        {"problem": ["black"]},
        {"row": {"image": "base/0/p000_s1.png", "layers_applied": [1]}},
        {"row": {}},
        {"image": "../p000_s1.png"},
        {"image": "x" * 5000},
    ],
)
def test_a_line_that_somebody_changed_counts_as_none(whole, tmp_path, change):
    plan, folder = whole
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    first, *others = (tmp_path / "provenance.jsonl").read_text().splitlines()
    changed = json.dumps(json.loads(first) | change)
    (tmp_path / "provenance.jsonl").write_text("\n".join([changed, *others]) + "\n")
    assert draw(plan, tmp_path).drawn == 1
    assert files_in(tmp_path) == files_in(folder)


def test_locks_of_a_process_that_was_killed_are_cleared_away(whole, tmp_path):
    plan, folder = whole
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / ".drawing").mkdir()
    (tmp_path / ".drawing" / "0123456789abcdef.lock").touch()
    draw(plan, tmp_path)
    assert not (tmp_path / ".drawing").exists()
    (tmp_path / ".drawing").mkdir()
    with FileLock(tmp_path / ".drawing" / "0123456789abcdef.lock"):
        draw(plan, tmp_path)
        assert (tmp_path / ".drawing" / "0123456789abcdef.lock").exists()


def test_another_recipe_in_the_same_folder_adds_to_its_table(whole, tmp_path):
    plan, _ = whole
    draw(plan, tmp_path)
    more = plan_of(plan.base, seeds=(3,))
    draw(more, tmp_path)
    seeds = [row["seed"] for row in rows_of(tmp_path)]
    assert sorted(seeds) == ["1"] * 4 + ["2"] * 4 + ["3"] * 4
    # what does not decide a picture follows the recipe
    unrated = replace(more, images=tuple(replace(image, rate=False, group="faces") for image in more.images))
    assert draw(unrated, tmp_path).drawn == 0
    told = {(row["seed"], row["rate"], row["group"]) for row in rows_of(tmp_path)}
    assert told == {("1", "1", ""), ("2", "0", ""), ("3", "0", "faces")}


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError()])
def test_full_memory_halves_the_batch_and_goes_on(whole, tmp_path, monkeypatch, error):
    plan, folder = whole
    original = Painter._draw
    sizes, said = [], []

    def cramped(self, batch):
        sizes.append(len(batch))
        if len(batch) > 2:
            raise error
        return original(self, batch)

    monkeypatch.setattr(Painter, "_draw", cramped)
    outcome = draw(plan, tmp_path, say=said.append)
    assert sizes == [4, 2, 2, 2, 2]  # the second batch is not tried whole again
    assert outcome.drawn == 8 and len(said) == 1 and "full at 4 images at once; going on with 2" in said[0]
    ours, theirs = pixels_in(folder), pixels_in(tmp_path)
    assert max(np.abs(ours[name] - theirs[name]).max() for name in ours) <= 2
    lines = [json.loads(line) for line in (tmp_path / "provenance.jsonl").read_text().splitlines()]
    assert {line["batch_size"] for line in lines} == {2}


def test_one_image_that_does_not_fit_is_a_sentence(whole, tmp_path, monkeypatch):
    plan, _ = whole

    def full(self, batch):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Painter, "_draw", full)
    with pytest.raises(
        InputError,
        match="One image of 64 x 64 does not fit into the memory of cpu; give offload or attention_slicing, or",
    ):
        draw(plan, tmp_path)
    assert rows_of(tmp_path) == []


def test_black_constant_and_broken_images_are_counted_and_named(whole, tmp_path, monkeypatch):
    plan, _ = whole
    from diffusers import StableDiffusionPipeline

    original = StableDiffusionPipeline.__call__

    @functools.wraps(original)  # the signature says what a pipeline draws from
    def spoiled(self, **given):
        result = original(self, **given)
        if given["generator"][0].initial_seed() == 1 and len(result.images) == 4:
            result.images[0] = np.nan
            result.images[1] = 0
            result.images[2] = 0.5
            result.images[3] = 0
            result.nsfw_content_detected = [False, True, False, False]
        return result

    monkeypatch.setattr(StableDiffusionPipeline, "__call__", spoiled)
    outcome = draw(replace(plan, images=plan.images[:4]), tmp_path)
    problems = [outcome.problems()[image.file.as_posix()] for image in plan.images[:4]]
    assert [problem.split(":")[0] for problem in problems] == ["not a number", "black", "of one colour", "black"]
    assert "safety checker" in problems[1] and "safety checker" not in problems[3]
    assert draw(replace(plan, images=plan.images[:4]), tmp_path).problems() == outcome.problems()  # also when resumed


def test_prompts_are_encoded_once_and_shared_by_seeds(tiny_folder, monkeypatch, tmp_path):
    from study.generation.embeddings import PromptCache

    caches = []
    original = PromptCache.__init__

    def watched(self):
        original(self)
        caches.append(self)

    monkeypatch.setattr(PromptCache, "__init__", watched)
    draw(plan_of(tiny_folder, seeds=(1, 2, 3), batch_size=2), tmp_path)
    assert [cache.encoded for cache in caches] == [len(PROMPTS)]


def test_a_prompt_that_is_cut_off_is_said(tiny_folder, tmp_path):
    plan = plan_of(tiny_folder, seeds=(1,))
    images = (replace(plan.images[0], prompt="very " * 100 + "long"), *plan.images[1:])
    said = []
    draw(replace(plan, images=images), tmp_path, say=said.append)
    assert said == ["A prompt has 103 tokens, and the model reads 77; the rest is cut off."]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scheduler": "NoScheduler"}, "has no scheduler NoScheduler; take for instance DDIMScheduler"),
        ({"scheduler": "UNet2DConditionModel"}, "has no scheduler UNet2DConditionModel"),
    ],
)
def test_what_diffusers_does_not_have_is_a_sentence(tiny_folder, tmp_path, changes, words):
    with pytest.raises(InputError, match=words):
        draw(plan_of(tiny_folder, **changes), tmp_path)


def test_another_scheduler_draws_another_picture_and_resumes(tiny_folder, tmp_path):
    plan = plan_of(tiny_folder, seeds=(1,), scheduler="EulerAncestralDiscreteScheduler", batch_size=2)
    draw(plan, tmp_path)
    before = files_in(tmp_path)
    assert {row["scheduler"] for row in rows_of(tmp_path)} == {"EulerAncestralDiscreteScheduler"}
    (tmp_path / plan.images[1].file).unlink()
    draw(plan, tmp_path)  # noise is drawn at every step: it must not depend on what was drawn before
    assert files_in(tmp_path) == before


def test_a_full_disk_is_a_sentence(whole, tmp_path, monkeypatch):
    import errno
    import os

    plan, _ = whole

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"cannot be written \(the disk is full\)"):
        draw(plan, tmp_path)
    monkeypatch.undo()
    assert not list(tmp_path.rglob("*.tmp"))
    assert draw(plan, tmp_path).drawn == 8
