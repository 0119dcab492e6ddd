"""What the parts of generation hand to each other: checkpoints, images to draw, and the plan of all of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Literal

from study.generation.file_names import image_name

BASE_STEP = 0
"""The step at which the base model stands in every run."""


@dataclass(frozen=True)
class Checkpoint:
    """One state of a model: the base itself, a LoRA on it, or a whole fine-tuned model.

    Attributes
    ----------
    model : str
        The run that it comes from; the first folder of its images, and their column ``model``.
    name : str
        What tells it from the run's others; the second folder of its images, and their column ``checkpoint``.
    kind : {"base", "lora", "model"}
        A LoRA file or folder is applied to the base; a model is loaded whole in its place.
    path : Path, optional
        The file or folder; None for the base.
    step, epoch : int, optional
        How far it was trained, where names, headers or the recipe say so.
    n_training_images : int, optional
        Different pictures that it was trained on, without repeats.
    scale : float
        The strength at which a LoRA is applied.
    alpha : float, optional
        A LoRA's alpha as the recipe states it, for files that do not hold it.
    subject, token : str
        What the prompts' placeholders stand for.
    is_named : bool
        The recipe names it alone, by its own path: where it cannot be used, nothing is drawn.
    """

    model: str
    name: str
    kind: Literal["base", "lora", "model"]
    path: Path | None = None
    step: int | None = None
    epoch: int | None = None
    n_training_images: int | None = None
    scale: float = 1.0
    alpha: float | None = None
    subject: str = ""
    token: str = ""
    is_named: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class ImageRecipe:
    """One image that is to be drawn.

    Attributes
    ----------
    checkpoint : Checkpoint
    prompt_number : int
        The prompt's place in the recipe, from 0.
    prompt, negative : str
        As the model is given them, placeholders filled.
    seed, steps : int
    guidance : float
    width, height : int
        Pixels.
    scheduler : str
        The diffusers class; "" for the base model's own.
    clip_skip : int
        Layers of the text encoder that are left out at its end.
    group : str
        The prompt's group; "" where it has none.
    rate : bool
        People are to rate it.
    """

    checkpoint: Checkpoint
    prompt_number: int
    prompt: str
    negative: str
    seed: int
    steps: int
    guidance: float
    width: int
    height: int
    scheduler: str = ""
    clip_skip: int = 0
    group: str = ""
    rate: bool = True

    @property
    def file(self) -> PurePosixPath:
        """Where it stands in the folder of images.

        Examples
        --------
        >>> base = Checkpoint("base", "0", "base", step=0)
        >>> ImageRecipe(base, 3, "a cat", "", 42, 30, 7.5, 512, 512).file.as_posix()
        'base/0/p003_s42.png'
        """
        return PurePosixPath(self.checkpoint.model, self.checkpoint.name, image_name(self.prompt_number, self.seed))


@dataclass(frozen=True)
class Plan:
    """All images of a recipe, in the order in which they are drawn: checkpoint by checkpoint.

    Attributes
    ----------
    base : str
        A repository of the Hugging Face hub, a diffusers folder, or a single-file checkpoint.
    revision : str
        The hub's commit or branch; "" for its default.
    config : Path, optional
        A diffusers folder that says how a single-file checkpoint is built.
    dtype : {"float32", "float16", "bfloat16"}
    batch_size : int
        Images that go through the networks at once.
    images : tuple of ImageRecipe
    refused : tuple of str
        Sentences on files that the recipe names and that cannot be read.
    """

    base: str
    images: tuple[ImageRecipe, ...]
    revision: str = ""
    config: Path | None = None
    dtype: Literal["float32", "float16", "bfloat16"] = "float32"
    batch_size: int = 1
    refused: tuple[str, ...] = ()

    @property
    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """Each checkpoint once, in order."""
        return tuple(dict.fromkeys(image.checkpoint for image in self.images))

    def batches(self, batch_size: int | None = None) -> Iterator[tuple[ImageRecipe, ...]]:
        """Images that are drawn at once: neighbours of one checkpoint that share all but prompt and seed.

        They follow from the recipe's order alone, not from what is drawn already, so that a run that was interrupted
        draws the same batches as one that was not.
        """
        size = batch_size or self.batch_size

        def alike(image: ImageRecipe) -> tuple[object, ...]:
            shape = (image.steps, image.guidance, image.width, image.height, image.scheduler, image.clip_skip)
            return image.checkpoint, *shape

        for _, group in groupby(self.images, alike):
            images = list(group)
            for start in range(0, len(images), size):
                yield tuple(images[start : start + size])
