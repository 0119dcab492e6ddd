"""Folders of images as `generate` makes them, for the tests of the evaluation."""

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PIL import Image

from study.evaluation.sets import ImageSet, Picture
from study.folder.score_items import Collection, folder_collection

SETS = (("base", "0"), ("anna", "300"), ("anna", "600"))


def write_generated(
    folder: Path,
    draw: Callable[[int, int, int], Image.Image],
    sets: Sequence[tuple[str, str]] = SETS,
    prompts: int = 6,
    seeds: Sequence[int] = (1, 2),
    columns: Mapping[str, str] | None = None,
) -> Path:
    """Images by (number of the set, prompt, seed) in MODEL/CHECKPOINT/pNNN_sSEED.png, and items.csv."""
    rows = []
    for number, (model, checkpoint) in enumerate(sets):
        for prompt in range(prompts):
            for seed in seeds:
                name = f"{model}/{checkpoint}/p{prompt:03d}_s{seed}.png"
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                draw(number, prompt, seed).save(folder / name)
                row = {"image": name, "item": name, "model": model, "checkpoint": checkpoint, "step": checkpoint}
                row |= {
                    "kind": "base" if model == "base" else "lora",
                    "training_images": "" if model == "base" else "12",
                }
                row |= {"prompt": f"photo of {model} number {prompt}", "prompt_number": str(prompt), "seed": str(seed)}
                rows.append(row | dict(columns or {}))
    with (folder / "items.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return folder


def collected(folder: Path, draw: Callable[[int, int, int], Image.Image], **options) -> Collection:
    """The collection of such a folder."""
    return folder_collection(write_generated(folder, draw, **options))


def picture(item: str, name: str, prompt: str, seed: str = "1", key: tuple[str, ...] | None = None) -> Picture:
    """An image that is on no disk."""
    return Picture(item, Path(item), name, prompt, prompt, seed, key or (prompt, seed))


def image_set(name: str, **changes) -> ImageSet:
    """A set of 40 images as guides presume it."""
    model, _, checkpoint = name.partition("/")
    known = {
        "model": model,
        "checkpoint": checkpoint,
        "step": float(checkpoint or 0),
        "training_images": 12,
        "is_base": model == "base",
        "base": "" if model == "base" else "base/0",
        "images": 40,
        "prompts": 20,
        "seeds": 2,
        "sizes": {"512 x 512": 40},
    }
    return ImageSet(name, **(known | changes))
