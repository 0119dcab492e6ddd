"""An image's identity changes with all that decides its picture, and with nothing else."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from study.generation.draw import DrawSettings, draw, with_settings
from study.generation.identity import canonical, differences, digest, image_identity, lora_identity
from study.generation.image_files import read_recipe
from study.generation.prepare import wanted_images
from study.generation.types import Checkpoint
from tests.study.generation.drawing import BASE, make_loras, plan_of, tiny_folder
from tests.study.generation.tiny import tiny_pipeline

__all__ = ["tiny_folder"]

MODEL = {"sha256": "ab"}
SCHEDULER = {"_class_name": "DDIMScheduler", "_diffusers_version": "0.42.1", "steps_offset": 1}
LORA = lora_identity("cd", "kohya", 1.0, None)


@pytest.fixture
def image():
    return plan_of(Path("base")).images[0]


def of(image, base=MODEL, lora=LORA, scheduler=SCHEDULER, dtype="float32"):
    return digest(image_identity(image, base, lora, scheduler, dtype))


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "another"},
        {"negative": "blurry"},
        {"seed": 2},
        {"steps": 3},
        {"guidance": 7.0},
        {"width": 128},
        {"height": 128},
        {"clip_skip": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_the_recipe_says_of_a_picture_counts(image, change):
    assert of(replace(image, **change)) != of(image)


@pytest.mark.parametrize(
    "given",
    [
        {"base": {"sha256": "ba"}},
        {"base": {"repository": "a/b", "revision": "1"}},
        {"lora": None},
        {"lora": lora_identity("dc", "kohya", 1.0, None)},
        {"lora": lora_identity("cd", "peft", 1.0, None)},
        {"lora": lora_identity("cd", "kohya", 0.8, None)},
        {"lora": lora_identity("cd", "kohya", 1.0, 8)},
        {"scheduler": SCHEDULER | {"_class_name": "DDPMScheduler"}},
        {"scheduler": SCHEDULER | {"steps_offset": 0}},
        {"dtype": "bfloat16"},
    ],
    ids=str,
)
def test_what_draws_it_counts(image, given):
    assert of(image, **given) != of(image)


def test_what_describes_it_does_not_count(image):
    checkpoint = Checkpoint(
        "other", "9", "lora", Path("elsewhere"), step=9, epoch=1, n_training_images=4, subject="Anna"
    )
    other = replace(image, checkpoint=checkpoint, prompt_number=3, group="faces", rate=False)
    assert of(other) == of(image)
    assert of(image, scheduler=SCHEDULER | {"_diffusers_version": "0.50"}) == of(image)
    assert of(replace(image, guidance=7)) == of(replace(image, guidance=7.0))


def test_batch_device_and_attention_do_not_count(tiny_folder):
    plan = plan_of(tiny_folder)
    first = [one.digest for one in wanted_images(plan)]
    settings = DrawSettings(batch_size=8, attention_slicing=True, device="cpu", engine="ray")
    assert [one.digest for one in wanted_images(with_settings(plan, settings))] == first
    other = [one.digest for one in wanted_images(with_settings(plan, DrawSettings(dtype="bfloat16")))]
    assert not set(other) & set(first)


def test_it_is_canonical():
    assert canonical({"b": {"d": 1, "c": "ä"}, "a": 7.5}) == '{"a":7.5,"b":{"c":"\\u00e4","d":1}}'


def test_differences_are_named():
    there = image_identity(plan_of(Path("base")).images[0], MODEL, LORA, SCHEDULER, "float32")
    wanted = there | {"lora": LORA | {"scale": 0.8}, "prompt": "x" * 100, "base": {"sha256": "ba"}}
    assert differences(there, wanted) == [
        "the base model",
        "the LoRA (scale 1.0 there, 0.8 wanted)",
        f"prompt ('photo of sks person in a blue shirt' there, '{'x' * 55}...' wanted)",
    ]


def test_a_copy_of_the_model_elsewhere_is_the_same_and_another_is_not(tiny_folder, tmp_path):
    first = wanted_images(plan_of(tiny_folder))[0]
    tiny_pipeline().save_pretrained(tmp_path / "copy")
    (tmp_path / "copy" / "README.md").write_text("a note")
    (tmp_path / "copy" / "unet" / "diffusion_pytorch_model.fp16.safetensors").write_bytes(b"other numbers, not loaded")
    assert wanted_images(plan_of(tmp_path / "copy"))[0].digest == first.digest
    tiny_pipeline(seed=1).save_pretrained(tmp_path / "copy")
    assert wanted_images(plan_of(tmp_path / "copy"))[0].digest != first.digest


def test_the_file_says_what_it_is_and_nothing_that_varies(tiny_folder, tmp_path):
    (lora,) = make_loras(tmp_path / "loras", 1)
    plan = plan_of(tiny_folder, [BASE, replace(lora, scale=0.5, alpha=None)], seeds=(1,), batch_size=2)
    draw(plan, tmp_path / "a")
    draw(plan, tmp_path / "b", DrawSettings(attention_slicing=False))
    name = f"anna/300/{plan.images[-1].file.name}"
    with Image.open(tmp_path / "a" / name) as picture:
        texts = picture.text
    assert sorted(texts) == ["humangrade.identity", "humangrade.recipe"]
    told = json.loads(texts["humangrade.recipe"])
    assert told == read_recipe(tmp_path / "a" / name) and digest(told) == texts["humangrade.identity"]
    assert told["lora"]["scale"] == 0.5 and len(told["lora"]["sha256"]) == 64 and told["lora"]["form"] == "kohya"
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    for word in (str(tiny_folder), str(tmp_path), "cpu", "batch"):
        assert word not in texts["humangrade.recipe"]
