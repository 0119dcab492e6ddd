"""Plans of the tiny pipeline, and what stands in a folder of images, for the tests of drawing."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from study.generation.types import BASE_STEP, Checkpoint, ImageRecipe, Plan
from tests.study.generation.tiny import tiny_pipeline

BASE = Checkpoint("base", "0", "base", step=BASE_STEP)
PROMPTS = tuple(f"photo of sks person {word}" for word in ("in a blue shirt", "smiling", "by the sea", "at night"))


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
