"""Plans of the tiny pipeline, and what stands in a folder of images, for the tests of drawing."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from study.generation.types import BASE_STEP, Checkpoint, ImageRecipe, Plan
from tests.study.generation.tiny import tiny_pipeline

BASE = Checkpoint("base", "0", "base", step=BASE_STEP)
PROMPTS = tuple(f"photo of sks person {word}" for word in ("in a blue shirt", "smiling", "by the sea", "at night"))

RECIPE = """
base: {base}
subject: Anna
prompts: ["photo of {{subject}} smiling", "photo of {{subject}} at night"]
seeds: [1, 2]
steps: 2
width: 64
height: 64
batch_size: 2
rate: 2 per checkpoint
checkpoints: ["loras/*.safetensors"]
"""
"""A recipe of two prompts and two seeds; `base` is to be filled in."""


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory) -> Path:
    """The tiny pipeline, saved."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny_pipeline().save_pretrained(folder)
    return folder


def plan_of(
    base: Path,
    checkpoints: Sequence[Checkpoint] = (BASE,),
    seeds: Sequence[int] = (1, 2),
    batch_size: int = 4,
    **changes,
) -> Plan:
    """Each checkpoint, with four prompts and some seeds; `changes` are those of every image."""
    first = replace(ImageRecipe(BASE, 0, "", "", 0, steps=2, guidance=7.5, width=64, height=64), **changes)
    images = tuple(
        replace(first, checkpoint=checkpoint, prompt_number=number, prompt=prompt, seed=seed, rate=seed == seeds[0])
        for checkpoint in checkpoints
        for number, prompt in enumerate(PROMPTS)
        for seed in seeds
    )
    return Plan(str(base), images, batch_size=batch_size)


def files_in(folder: Path) -> dict[str, bytes]:
    """What a run must give again to the byte: images and items.csv."""
    paths = [*folder.rglob("*.png"), *folder.glob("items.csv")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def pixels_in(folder: Path) -> dict[str, np.ndarray]:
    """Each image's levels."""
    paths = sorted(folder.rglob("*.png"))
    return {path.relative_to(folder).as_posix(): np.asarray(Image.open(path)).astype(int) for path in paths}


def make_loras(folder: Path, count: int = 3, text: bool = False, pipeline: Any = None) -> list[Checkpoint]:
    """LoRA files of one run in kohya's form, at steps 300, 600 and so on, and their checkpoints.

    Parameters
    ----------
    folder : Path
        Where the files go.
    count : int
        How many.
    text : bool
        Adapt the text encoder as well.
    pipeline : diffusers pipeline, optional
        Whose sizes they have; None for the tiny one's.
    """
    import torch
    from safetensors.torch import save_file

    pipeline = pipeline or tiny_pipeline()
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for number in range(1, count + 1):
        generator = torch.Generator().manual_seed(number)
        tensors = {}
        for prefix, network in (("lora_unet", pipeline.unet), ("lora_te", pipeline.text_encoder)):
            if prefix == "lora_te" and not text:
                continue
            for name, module in network.named_modules():
                if name.endswith(("to_q", "to_v", "q_proj", "v_proj")):
                    key = f"{prefix}_{name.replace('.', '_')}"
                    key = (
                        key
                        if prefix == "lora_unet" or "text_model" in key
                        else key.replace("lora_te_", "lora_te_text_model_")
                    )
                    down, up = (4, module.in_features), (module.out_features, 4)
                    tensors[f"{key}.lora_down.weight"] = torch.randn(down, generator=generator) * 0.3
                    tensors[f"{key}.lora_up.weight"] = torch.randn(up, generator=generator) * 0.3
                    tensors[f"{key}.alpha"] = torch.tensor(4.0)
        path = folder / f"anna-step{number * 300:08}.safetensors"
        save_file(tensors, path)
        found.append(Checkpoint("anna", str(number * 300), "lora", path, step=number * 300))
    return found
