"""Studies of checkpoints whose truth is known, on disk."""

from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from study.folder.create import create_study
from study.folder.importing import import_tables

CUTS = np.array([-1.2, -0.4, 0.4, 1.2])
CHECKPOINTS = tuple(str(300 * (step + 1)) for step in range(10))
BEST = "2100"


def rate(rng: np.random.Generator, quality: np.ndarray, evaluators: int, noise: float, strictness: float) -> np.ndarray:
    """Ratings from 1 to 5 by people who differ in strictness, in how far they spread and in how noisy they are."""
    bias = rng.normal(size=evaluators) * strictness
    gain = np.exp(rng.normal(size=evaluators) * 0.2)
    own = noise * np.exp(rng.normal(size=evaluators) * 0.25)
    latent = gain * quality[:, None] + bias + rng.normal(size=(len(quality), evaluators)) * own
    return np.digitize(latent, CUTS) + 1


def checkpoints(seed: int = 0, evaluators: int = 5) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Items, ratings and scores of 10 checkpoints, 20 prompts x 2 seeds.

    The true values rise to 2100, .8, and fall: 300 is at -.28, 3000 at .53. The metric `good` sees them with little
    noise, `fair` with more, `noise` not at all.
    """
    rng = np.random.default_rng([17, seed])
    n = 400
    rng.normal(size=n)
    step, prompt = np.repeat(np.arange(10), 40), np.tile(np.repeat(np.arange(20), 2), 10)
    value = 0.8 - 0.03 * (np.arange(10) - 6.0) ** 2
    quality = value[step] + rng.normal(size=20)[prompt] * 0.7 + rng.normal(size=n) * 0.6
    names = [
        f"lora/{300 * (s + 1)}/p{p:02d}_s{k}.png" for s, p, k in zip(step, prompt, np.tile([0, 1], 200), strict=True)
    ]
    items = pd.DataFrame({"item": names, "image": names, "model": "lora", "checkpoint": (step + 1) * 300})
    items = items.assign(prompt=[f"prompt {k}" for k in prompt], seed=np.tile([0, 1], 200))
    given = pd.DataFrame(rate(rng, quality, evaluators, 0.75, 0.4), columns=[f"e{k:03d}" for k in range(evaluators)])
    ratings = items[["item"]].join(given).melt("item", var_name="evaluator", value_name="rating").assign(task="look")
    seen = {
        "good": quality + 0.3 * rng.normal(size=n),
        "fair": quality + 1.2 * rng.normal(size=n),
        "noise": rng.normal(size=n),
    }
    scores = items[["item"]].assign(**seen).melt("item", var_name="metric", value_name="score")
    return items, ratings, scores


def write_study(
    folder: Path,
    items: pd.DataFrame,
    ratings: pd.DataFrame | None = None,
    scores: pd.DataFrame | None = None,
    colours: Mapping[str, Iterable[int]] | None = None,
    side: int = 8,
) -> Path:
    """A study of such tables, with a small picture for each item."""
    images = folder / "images"
    rng = np.random.default_rng(0)
    for name in items["image"]:
        (images / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        if colours is not None:
            pixels = (pixels // 4 + np.array(list(colours[name]), dtype=np.uint8) // 4 * 3).astype(np.uint8)
        Image.fromarray(pixels).resize((side, side)).save(images / name, compress_level=1)
    items.to_csv(images / "items.csv", index=False)
    evaluators = 1 if ratings is None else sorted(ratings["evaluator"].unique())
    with closing(create_study(folder / "study", images, tasks=["look"], evaluators=evaluators)) as made:
        if ratings is not None or scores is not None:
            import_tables(made, ratings, scores)
    return folder / "study"
