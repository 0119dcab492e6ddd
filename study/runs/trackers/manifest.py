"""What an export of ours keeps of a run beside its curves and pictures: which of them is what in the record of runs.

It stands in the run's config under the key humangrade. The numbers themselves are the tracker's curves, at the
checkpoints' steps; here stands what trackers have no place for.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from metrics.errors import InputError
from study.runs.types import RECORD, TrackedRun

_MOST_STEP = 2**63 - 1


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Checkpoint(_Part):
    """A checkpoint; `at` is the step at which its values stand in the tracker."""

    name: str
    at: int
    step: int | None = None
    epoch: int | None = None
    kind: str = ""
    file: str = ""
    sha256: str = ""
    layers_in_file: int | None = None
    layers_applied: int | None = None


class Prompt(_Part):
    """A prompt."""

    text: str
    negative: str = ""
    group: str = ""


class Image(_Part):
    """An image: its checkpoint, prompt and recipe by their numbers, and where its picture is in the tracker."""

    checkpoint: int
    prompt: int
    recipe: int | None
    seed: str
    sha256: str
    width: int | None
    height: int | None
    key: str
    index: int


class Value(_Part):
    """A metric's value of an image: the curve that holds it, or None where there is no number."""

    image: int
    metric: str
    signature: int
    note: str
    curve: str | None


class SetValue(_Part):
    """A metric's value of a set of images; its bounds stand in CURVE/low and CURVE/high."""

    checkpoint: int
    group: str
    metric: str
    signature: int
    note: str
    n: int | None
    curve: str | None
    has_low: bool
    has_high: bool


class Curve(_Part):
    """A curve that is none of ours, by its name in the tracker, and whose word it is."""

    name: str
    axis: str
    metric: str
    source: str


class Manifest(_Part):
    """All of it."""

    format: Literal["humangrade.record/1"] = "humangrade.record/1"
    subject: str = ""
    n_training_images: int | None = None
    source: str = ""
    has_config: bool = False
    checkpoints: list[Checkpoint] = []
    prompts: list[Prompt] = []
    recipes: list[str] = []
    signatures: list[str] = []
    images: list[Image] = []
    values: list[Value] = []
    sets: list[SetValue] = []
    curves: list[Curve] = []

    def check(self) -> None:
        """Raise ValueError where a number points at nothing."""
        for image in self.images:
            _within(image.checkpoint, self.checkpoints)
            _within(image.prompt, self.prompts)
            if image.recipe is not None:
                _within(image.recipe, self.recipes)
        for value in self.values:
            _within(value.image, self.images)
            _within(value.signature, self.signatures)
        for each in self.sets:
            _within(each.checkpoint, self.checkpoints)
            _within(each.signature, self.signatures)


def _within(number: int, of: list[Any]) -> None:
    if not 0 <= number < len(of):
        raise ValueError(f"{number} is none of {len(of)}")


def manifest_of(run: TrackedRun) -> Manifest | None:
    """What an export of ours kept of a run; None where it is not from one.

    Raises
    ------
    InputError
        Where it is damaged.

    Examples
    --------
    >>> manifest_of(TrackedRun("anna", {"lr": 1e-4})) is None
    True
    """
    given = run.config.get(RECORD)
    if given is None:
        return None
    try:
        found = Manifest.model_validate(given)
        found.check()
    except (ValidationError, ValueError) as error:
        raise InputError(
            f"What an export kept of the run '{run.name}' is damaged ({str(error).splitlines()[0]}); export it anew."
        ) from error
    return found
