"""Folders of samples as kohya's sd-scripts write them, with pictures that are better or worse on purpose."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

PROMPTS = 8
METRICS = ("contrast", "sharpness")


def sample(
    folder: Path, step: int, number: int, is_bad: bool = False, run: str = "anna", seed: int | None = 7, noise: int = 0
) -> Path:
    """One sample: a picture of its prompt with a little noise of its step, pale where it is bad."""
    picture = np.random.default_rng(number).integers(0, 256, (40, 40, 3)) * 0.5 + 64
    picture += np.random.default_rng([number, step, noise]).normal(0, 6, picture.shape)
    if is_bad:
        picture = picture * 0.5 + 64
    ending = "" if seed is None else f"_{seed}"
    path = folder / f"{run}_{step:06d}_{number:02d}_20240819{step:06d}{ending}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(path)
    return path


def samples(
    run: Path,
    steps: Iterable[int],
    bad: Iterable[int] = (),
    numbers: Iterable[int] = range(PROMPTS),
    name: str = "anna",
    seed: int | None = 7,
    prompts: bool = True,
) -> Path:
    """A run's folder with samples at these steps; sample/prompt.txt says the prompts."""
    place = run / "sample"
    for step in steps:
        for number in numbers:
            sample(place, step, number, step in set(bad), name, seed)
    if prompts:
        place.mkdir(parents=True, exist_ok=True)
        (place / "prompt.txt").write_text("".join(f"prompt {n} --d 7\n" for n in range(PROMPTS)), encoding="utf-8")
    return run
