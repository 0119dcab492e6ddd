"""Drawing a batch: the pipeline in memory, the checkpoint that is applied to it, and what is wrong with an image."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics.errors import InputError, parameter
from study.generation.base_models import BaseModel, locate
from study.generation.embeddings import PromptCache, longest_prompt
from study.generation.pipelines import (
    Dtype,
    Machine,
    exact_drawing,
    free_memory,
    is_out_of_memory,
    load_pipeline,
    make_scheduler,
)
from study.generation.types import Checkpoint, ImageRecipe

Say = Callable[[str], None]

BLACKENED = "black: the model's safety checker withheld it"
BLACK = "black"
CONSTANT = "of one colour"
NOT_A_NUMBER = "not a number: half precision, or a checkpoint that diverged"


@dataclass(frozen=True)
class Applied:
    """What of a checkpoint's file took effect.

    Attributes
    ----------
    layers_in_file, layers_applied : int, optional
        None where the checkpoint is no LoRA.
    notes : tuple of str
    """

    layers_in_file: int | None = None
    layers_applied: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drawn:
    """One image that was drawn.

    Attributes
    ----------
    image : ImageRecipe
    pixels : array of shape (height, width, 3)
        uint8.
    problem : str
        What is wrong with it; "" where nothing is.
    applied : Applied
    batch_size : int
        Images that were in the network with it.
    seconds : float
        Of its batch, divided by the images of it.
    """

    image: ImageRecipe
    pixels: NDArray[np.uint8]
    problem: str
    applied: Applied
    batch_size: int
    seconds: float


class Unusable(InputError):
    """A checkpoint that cannot be drawn with; the others can."""


class _Changed(InputError):
    """A model is not what it was when this run began."""


class Painter:
    """Draws batches; holds one pipeline at a time, and at most one LoRA on it.

    Parameters
    ----------
    base : BaseModel
    expected : mapping
        The sha256 of each checkpoint's file, as the images' identities have it; another file is not drawn with.
    dtype : {"float32", "float16", "bfloat16"}
    machine : Machine
    say : callable
        Takes a sentence about the run.
    """

    def __init__(
        self,
        base: BaseModel,
        expected: Mapping[Checkpoint, str],
        dtype: Dtype,
        machine: Machine,
        say: Say = lambda sentence: None,
    ):
        self._base, self._expected, self._dtype, self._machine, self._say = base, expected, dtype, machine, say
        self._pipeline: Any = None
        self._model: BaseModel | None = None
        self._own_scheduler: Any = None
        self._checkpoint: Checkpoint | None = None
        self._adapters = ExitStack()
        self._applied = Applied()
        self._text_state: object = None
        self._prompts = PromptCache()
        self._most: int | None = None
        self._said: set[str] = set()
        exact_drawing()

    def __enter__(self) -> "Painter":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the LoRA off and let the pipeline go."""
        self._adapters.close()
        self._checkpoint = None
        self._release()

    def draw(self, batch: Sequence[ImageRecipe]) -> list[Drawn]:
        """Draw images of one checkpoint that share all but prompt and seed.

        Where memory is full, they and all later batches are drawn in halves.

        Raises
        ------
        Unusable
            Where a checkpoint cannot be loaded or applied.
        InputError
            Where not even one image fits into memory, or the pipeline does not take what the recipe asks.
        """
        checkpoint = batch[0].checkpoint
        try:
            self._take(checkpoint)
        except InputError as error:
            if checkpoint.kind == "base" or (isinstance(error, _Changed) and checkpoint.kind != "model"):
                raise
            raise Unusable(str(error)) from error
        cut = longest_prompt(self._pipeline, [image.prompt for image in batch])
        if cut is not None:
            self._say_once(f"A prompt has {cut[0]} tokens, and the model reads {cut[1]}; the rest is cut off.")
        drawn: list[Drawn] = []
        while len(drawn) < len(batch):
            size = min(self._most or len(batch), len(batch) - len(drawn))
            part = batch[len(drawn) : len(drawn) + size]
            try:
                drawn += self._draw(part)
                continue
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
            free_memory()  # outside of the handler, whose traceback holds the tensors
            if size == 1:
                raise InputError(
                    f"One image of {part[0].width} x {part[0].height} does not fit into the memory of "
                    f"{self._machine.device}; give {parameter('offload')} or "
                    f"{parameter('attention_slicing')}, or draw smaller images."
                )
            self._most = -(-size // 2)
            self._say(
                f"The memory is full at {size} images at once; going on with {self._most}, which moves single pixels "
                "by 2 of 255 levels at most."
            )
        return drawn

    def _draw(self, batch: Sequence[ImageRecipe]) -> list[Drawn]:
        import torch

        began = time.perf_counter()
        first = batch[0]
        pipeline = self._pipeline
        guided = first.guidance > 1
        pipeline.scheduler = make_scheduler(first.scheduler, self._own_scheduler)
        prompts, negatives = [image.prompt for image in batch], [image.negative for image in batch]
        arguments = self._prompts.arguments(pipeline, self._text_state, prompts, negatives, first.clip_skip, guided)
        if first.clip_skip and "prompt" in arguments:  # otherwise it is in the embeddings
            arguments["clip_skip"] = first.clip_skip
        torch.manual_seed(first.seed)  # for the few schedulers that draw noise by the global generator
        with torch.no_grad():
            result = pipeline(
                **arguments,
                # one for each image: one for all would make every picture but the first depend on the batch
                generator=[torch.Generator("cpu").manual_seed(image.seed) for image in batch],
                num_inference_steps=first.steps,
                guidance_scale=first.guidance,
                height=first.height,
                width=first.width,
                output_type="np",
            )
        withheld = getattr(result, "nsfw_content_detected", None) or [False] * len(batch)
        seconds = (time.perf_counter() - began) / len(batch)
        return [
            Drawn(image, *_eight_bits(values, bool(hidden)), self._applied, len(batch), seconds)
            for image, values, hidden in zip(batch, result.images, withheld, strict=True)
        ]

    def _take(self, checkpoint: Checkpoint) -> None:
        """Make the pipeline be this checkpoint."""
        if checkpoint == self._checkpoint:
            return
        self._adapters.close()
        self._checkpoint, self._applied = None, Applied()
        wanted = model_of(checkpoint, self._base)
        if checkpoint.kind == "model":
            self._refuse_change(checkpoint, wanted.identity["sha256"])
        if wanted != self._model:
            self._release()
            self._pipeline, self._model = load_pipeline(wanted, self._dtype, self._machine), wanted
            self._own_scheduler = self._pipeline.scheduler.config
            self._refuse_other(wanted)
        self._text_state = "base"
        if checkpoint.kind == "lora":
            from study.generation.lora import applied, read_lora

            assert checkpoint.path is not None
            lora = read_lora(checkpoint.path, checkpoint.alpha)
            self._refuse_change(checkpoint, lora.sha256)
            found = self._adapters.enter_context(applied(self._pipeline, lora, checkpoint.scale))
            self._applied = Applied(found.layers_in_file, found.layers_applied, tuple(found.notes))
            if any(component.startswith("text_encoder") for component in lora.modules):
                self._text_state = checkpoint
        self._checkpoint = checkpoint

    def _refuse_change(self, checkpoint: Checkpoint, sha256: str) -> None:
        if sha256 != self._expected[checkpoint]:
            raise InputError(
                f"{checkpoint.path} has changed since this run began, or is another file on another machine; begin "
                "again when its training does not write to it."
            )

    def _refuse_other(self, loaded: BaseModel) -> None:
        """Raise InputError where a model's files are others than those whose sums the images are told to be of.

        They are looked at when all is loaded: what was written while it was loading is seen too.
        """
        if "sha256" not in loaded.identity:  # a commit of the hub
            return
        try:
            is_same = locate(str(loaded.path), config=loaded.config).identity == loaded.identity
        except InputError:
            is_same = False
        if not is_same:
            self._release()
            raise _Changed(
                f"{loaded.path} has changed since this run began; begin again when nothing writes to it any more."
            )

    def _release(self) -> None:
        self._prompts.clear()
        if self._pipeline is not None:
            self._pipeline = self._model = self._own_scheduler = None
            free_memory()

    def _say_once(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            self._say(sentence)


def model_of(checkpoint: Checkpoint, base: BaseModel) -> BaseModel:
    """The model that a checkpoint is drawn with: the base, with or without a LoRA, or the checkpoint itself."""
    if checkpoint.kind != "model":
        return base
    return locate(str(checkpoint.path), config=base.config)


def _eight_bits(values: NDArray, is_withheld: bool) -> tuple[NDArray[np.uint8], str]:
    """An image as it is saved, and what is wrong with it."""
    bad = not np.isfinite(values).all()
    pixels = (np.nan_to_num(values, nan=0.0, posinf=1.0, neginf=0.0) * 255).round().astype(np.uint8)
    if pixels.shape[-1] != 3:
        pixels = np.repeat(pixels[..., :1], 3, axis=-1)
    if bad:
        return pixels, NOT_A_NUMBER
    if is_withheld:
        return pixels, BLACKENED
    if (pixels == pixels[:1, :1]).all():
        return pixels, BLACK if not pixels.any() else CONSTANT
    return pixels, ""
