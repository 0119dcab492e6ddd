"""The demo's study: two photos, three made-up models that spoil them, real metrics and five simulated evaluators.

Nothing is downloaded: the photos come with scikit-learn. The models *soft*, *noisy* and *blocky* stand for fine-tunes
that get better with training: at checkpoint 300 they spoil a photo the most, at 1200 the least. The metrics are
computed for real. The evaluators are simulated, and called so wherever they appear: a rating is a true quality plus the
evaluator's bias plus noise, rounded to 1..5; the true quality depends on the model and the checkpoint alone and knows
nothing of the metrics. `study.folder.demo_run` adds a simulated run for the dashboard.
"""

import io
import shutil
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from calibration.tables.checking import records
from metrics.engine.signature import signature, versions
from metrics.errors import InputError, parameter
from metrics.files import make_folders, not_written, remove_empty
from metrics.image.fidelity import psnr, ssim
from metrics.image.sharpness import sharpness
from study.assignment.order import random_generator
from study.folder.config import load_config
from study.folder.create import UNWRITTEN, create_study, not_made
from study.folder.demo_run import add_simulated_run
from study.folder.importing import import_tables
from study.folder.study import LEFT_OPEN, Study, open_study

TITLE = "humangrade demo"
YOU = "you"
CHECKPOINTS = (300, 600, 900, 1200)
SIZE = (480, 320)


@dataclass(frozen=True)
class SimulatedEvaluator:
    """A made-up evaluator: how far off the mark (in rating points), and how noisy (standard deviation)."""

    name: str
    bias: float
    noise: float


EVALUATORS = (
    SimulatedEvaluator("simulated-strict", bias=-0.6, noise=0.5),
    SimulatedEvaluator("simulated-generous", bias=+0.6, noise=0.5),
    SimulatedEvaluator("simulated-steady", bias=0.0, noise=0.3),
    SimulatedEvaluator("simulated-average", bias=0.0, noise=0.7),
    SimulatedEvaluator("simulated-careless", bias=0.0, noise=1.3),
)

# True quality on the scale 1..5 at the four checkpoints; noise spoils the looks more than the likeness, blur less
TRUE_QUALITY = {
    "similarity": {
        "soft": (1.4, 2.3, 3.4, 4.5),
        "noisy": (2.0, 3.0, 3.9, 4.7),
        "blocky": (1.5, 2.7, 3.7, 4.6),
    },
    "aesthetic": {
        "soft": (2.0, 2.9, 3.7, 4.5),
        "noisy": (1.2, 2.0, 3.0, 4.1),
        "blocky": (1.3, 2.2, 3.4, 4.4),
    },
}


def open_demo(folder: Path, reset: bool = False) -> tuple[Study, bool]:
    """Open the demo's study, making it first where it is not there.

    Parameters
    ----------
    folder : Path
        Where the study stands.
    reset : bool
        Delete the study that stands there, and start anew.

    Returns
    -------
    study : Study
        The opened study.
    made : bool
        Whether it was made just now.

    Raises
    ------
    InputError
        Where the folder holds something else than the demo, or cannot be written.
    """
    if (folder / "study.yaml").exists():
        title = load_config(folder / "study.yaml").title
        if title != TITLE:
            raise InputError(
                f"{folder} holds another study ('{title}'); name another place with {parameter('folder')}."
            )
        study = open_study(folder)
        if not reset:
            return study, False
        study.store.close()
        if any((folder / name).exists() for name in LEFT_OPEN):  # the last one to close the database removes them
            raise InputError(f"{folder} is being served by another humangrade; stop that before {parameter('reset')}.")
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise not_written(folder, error) from error
    return make_demo(folder), True


def make_demo(folder: Path, seed: int = 0) -> Study:
    """Make the demo's study as a whole or not at all.

    Parameters
    ----------
    folder : Path
        Where it shall stand; there must be nothing of this name yet, or an empty folder.
    seed : int
        For the noise, the ratings and the order; the same seed makes the same study.

    Returns
    -------
    Study

    Raises
    ------
    InputError
        Where the folder holds something else, or cannot be written.
    """
    if not folder.name.strip(".") or folder.is_symlink():
        raise InputError(f"{folder} is no name for a new folder; name one with {parameter('folder')}.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} holds something else than the demo; name another place with {parameter('folder')}.")
    stage = folder.with_name(f".{folder.name[:100]}.partial")
    shutil.rmtree(stage, ignore_errors=True)
    made: list[Path] = []
    try:
        made = make_folders(folder.parent)
        _make_images(stage, seed)
        people = [*(evaluator.name for evaluator in EVALUATORS), YOU]
        study = create_study(
            stage,
            stage / "images",
            stage / "references",
            tasks=list(TRUE_QUALITY),
            evaluators=people,
            split=True,
            title=TITLE,
            seed=seed,
            share_report=True,
        )
        with closing(study):
            ratings = simulated_ratings(study.items, seed)
            run = add_simulated_run(study, seed)
            ratings = pd.concat([ratings, _ratings_of(run, dict.fromkeys(TRUE_QUALITY, run["quality"]), seed, "run")])
            import_tables(study, ratings.reset_index(drop=True), scores_of(study))
        if folder.exists():
            folder.rmdir()
        stage.rename(folder)
    except UNWRITTEN as error:
        raise not_made(folder, error) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        remove_empty(made)
    return open_study(folder)


def simulated_ratings(items: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The five simulated evaluators' ratings of every item in every task.

    Parameters
    ----------
    items : DataFrame
        item, model, checkpoint.
    seed : int
        For the noise.

    Returns
    -------
    DataFrame
        item, evaluator, task, rating.
    """
    true = {
        task: [quality[row["model"]][CHECKPOINTS.index(int(row["checkpoint"]))] for row in records(items)]
        for task, quality in TRUE_QUALITY.items()
    }
    return _ratings_of(items, true, seed)


def _ratings_of(items: pd.DataFrame, true: Mapping[str, Iterable[float]], seed: int, of: str = "") -> pd.DataFrame:
    """What the simulated evaluators say of items whose true quality is known by task; `of` is for another noise."""
    rows = []
    for evaluator in EVALUATORS:
        for task, quality in true.items():
            of_noise = filter(None, ("simulated", evaluator.name, task, of))
            noise = random_generator(seed, *of_noise).normal(0, evaluator.noise, len(items))
            for item, mean, error in zip(items["item"], quality, noise, strict=True):
                rating = int(np.clip(np.rint(mean + evaluator.bias + error), 1, 5))
                rows.append({"item": item, "evaluator": evaluator.name, "task": task, "rating": rating})
    return pd.DataFrame(rows)


def scores_of(study: Study) -> pd.DataFrame:
    """PSNR, SSIM and sharpness of every image, computed against its original.

    Parameters
    ----------
    study : Study
        With one reference for each item.

    Returns
    -------
    DataFrame
        item, metric, score, signature.
    """
    rows = []
    for item in study.items["item"]:
        image = _pixels(study.image_path(item))
        reference = _pixels(study.reference_paths(item)[0])
        values = {"psnr": psnr(image, reference), "ssim": ssim(image, reference), "sharpness": sharpness(image)}
        for name, score in values.items():
            made_by = signature(metric=name, versions=versions("scikit-image"))
            rows.append({"item": item, "metric": name, "score": score, "signature": made_by})
    return pd.DataFrame(rows)


def _make_images(folder: Path, seed: int) -> None:
    """Write the originals and what the models make of them."""
    from sklearn.datasets import load_sample_images

    photos = load_sample_images()
    for name, pixels in zip(("pagoda", "flower"), photos.images, strict=True):
        photo = Image.fromarray(pixels).resize(SIZE, Image.Resampling.LANCZOS)
        _save(photo, folder / "references" / f"{name}.png")
        for model in ("soft", "noisy", "blocky"):
            for checkpoint in CHECKPOINTS:
                rng = random_generator(seed, "image", name, model, str(checkpoint))
                image = spoil(photo, model, checkpoint, rng)
                _save(image, folder / "images" / model / f"checkpoint-{checkpoint}" / f"{name}.png")


def _save(image: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def _pixels(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def spoil(photo: Image.Image, model: str, checkpoint: int, rng: np.random.Generator) -> Image.Image:
    """What a made-up model makes of a photo.

    Parameters
    ----------
    photo : PIL.Image.Image
        RGB.
    model : {"soft", "noisy", "blocky"}
        Gaussian blur, Gaussian noise, or hard JPEG compression.
    checkpoint : int
        One of `CHECKPOINTS`; the later, the better.
    rng : numpy.random.Generator
        For the noise.

    Returns
    -------
    PIL.Image.Image
        Of the photo's size.
    """
    step = CHECKPOINTS.index(checkpoint)
    if model == "soft":
        return photo.filter(ImageFilter.GaussianBlur((6.0, 3.0, 1.5, 0.6)[step]))
    if model == "noisy":
        noise = rng.normal(0, (70, 40, 20, 8)[step], (photo.height, photo.width, 3))
        return Image.fromarray(np.clip(np.asarray(photo) + noise, 0, 255).astype(np.uint8))
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=(3, 7, 14, 35)[step])
    return Image.open(buffer).convert("RGB")
