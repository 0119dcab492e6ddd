"""The demo's simulated run for the dashboard: three checkpoints, two sizes of the training set, and their base.

No model is trained. Ten parts of the two photos stand for prompts, and a blur and noise that grow weaker stand for
checkpoints: with 48 training images until the last, with 12 only until the second, as where a fine-tune learns its few
images by heart. The scores are computed for real; the simulated evaluators rate these images as they rate the others,
and nobody else is asked about them.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageFilter

from study.assignment.order import random_generator
from study.folder.study import Study

BASE = "simulated-base"
STRENGTHS = {  # of what spoils the pictures at the three steps, by the number of training images; the base's is 1
    12: (0.55, 0.35, 0.75),
    48: (0.65, 0.35, 0.15),
}
STEPS = (300, 600, 900)
PARTS = 5
"""Of each photo."""

_SIZE = (240, 160)
_WORST, _BEST = 1.4, 4.8  # true quality where the strength is 1 and 0
_OF_PART = 0.3  # standard deviation between parts


def run_name(training_images: int) -> str:
    """What a run is called.

    Examples
    --------
    >>> run_name(12)
    'simulated-12-images'
    """
    return f"simulated-{training_images}-images"


def add_simulated_run(study: Study, seed: int) -> pd.DataFrame:
    """Write the run's images and their originals, and add them to the study's items, which nobody is asked to rate.

    Parameters
    ----------
    study : Study
        The demo's, with its two photos as references.
    seed : int
        For the noise.

    Returns
    -------
    DataFrame
        The rows that were added, with quality: what people would say on average, on the scale 1 to 5.
    """
    photos = sorted((study.folder / "references").glob("*.png"))
    sets = [(BASE, "", "base", "", 1.0)]
    for size, strengths in STRENGTHS.items():
        for trained, strength in zip(STEPS, strengths, strict=True):
            sets.append((run_name(size), str(trained), "lora", str(size), strength))
    rows = []
    for photo in photos:
        with Image.open(photo) as opened:
            parts = _parts(opened.convert("RGB"))
        for number, part in enumerate(parts, 1):
            original = f"references/{photo.stem}-{number}.png"
            part.save(study.folder / original)
            liking = random_generator(seed, "part", photo.stem, str(number)).normal(0, _OF_PART)
            for model, step, kind, images, strength in sets:
                file = f"images/{model}/{f'checkpoint-{step}' if step else kind}/{photo.stem}-{number}.png"
                rng = random_generator(seed, "run", model, step, photo.stem, str(number))
                _save(_spoilt(part, strength, rng), study.folder / file)
                rows.append(
                    {
                        "item": file.removeprefix("images/"),
                        "image": file,
                        "model": model,
                        "checkpoint": step,
                        "references": original,
                        "step": step,
                        "kind": kind,
                        "training_images": images,
                        "prompt": f"simulated: {photo.stem}, part {number} of {PARTS}",
                        "seed": "0",
                        "rate": "no",
                        "quality": float(_WORST + (_BEST - _WORST) * (1 - strength) + liking),
                    }
                )
    added = pd.DataFrame(rows)
    study.write_items(pd.concat([study.items, added.drop(columns="quality")], ignore_index=True).fillna(""))
    return added


def _parts(photo: Image.Image) -> list[Image.Image]:
    """Windows of a photo: its corners and its middle."""
    across, down = photo.width - _SIZE[0], photo.height - _SIZE[1]
    corners = [(0, 0), (across, 0), (across // 2, down // 2), (0, down), (across, down)]
    return [photo.crop((x, y, x + _SIZE[0], y + _SIZE[1])) for x, y in corners[:PARTS]]


def _spoilt(picture: Image.Image, strength: float, rng: np.random.Generator) -> Image.Image:
    pixels = np.asarray(picture.filter(ImageFilter.GaussianBlur(5 * strength)), float)
    noise = rng.normal(0, 30 * strength, pixels.shape)
    return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))


def _save(image: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
