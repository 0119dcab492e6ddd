"""The dashboard's data as JSON: which keys there are, and what stands in them.

Numbers are null where there is none. A place is an image's number in one version of the data, and an index one in the
lists of runs, checkpoints or prompts.
"""

from typing import Literal, TypedDict

Number = float | None
Axis = Literal["step", "epoch"]
Kind = Literal["image", "set"]


class Run(TypedDict):
    """A run, or a base model; `base` is the checkpoint that it was trained from, where its images are there."""

    name: str
    subject: str
    n_training_images: int | None
    source: str
    is_base: bool
    base: int | None


class Checkpoint(TypedDict):
    """A state of a run; `shown` is its whole name."""

    run: int
    name: str
    shown: str
    step: int | None
    epoch: int | None
    is_base: bool
    images: int


class Prompt(TypedDict):
    """What images were drawn from; `text` is "" where that is not known."""

    text: str
    negative: str
    group: str


class Metric(TypedDict):
    """A metric; `failed` images have no value of it, `note` is the first reason, `unscored` were not scored by it."""

    name: str
    title: str
    kind: Kind
    direction: Literal["higher", "lower"]
    failed: int
    unscored: int
    note: str


class Reference(TypedDict):
    """A photo that images are compared with."""

    name: str
    thumb: str


class Images(TypedDict):
    """A column each, all of one length; `reference_set` is a place in `Data.reference_sets`, or null."""

    item: list[str]
    checkpoint: list[int]
    prompt: list[int]
    seed: list[str]
    thumb: list[str]
    width: list[int | None]
    height: list[int | None]
    reference_set: list[int | None]


class Rated(TypedDict):
    """A task's ratings by image: mean and standard deviation in the scale's numbers, and how many people."""

    mean: list[Number]
    n: list[int]
    sd: list[Number]


class Ends(TypedDict):
    """A scale's lowest and highest number."""

    lowest: float
    highest: float


class Data(TypedDict):
    """All images with their values; see `study.dashboard.snapshot`."""

    version: str
    title: str
    made_at: str
    is_exported: bool
    scale: Ends
    tasks: list[str]
    base_note: str
    notes: list[str]
    runs: list[Run]
    checkpoints: list[Checkpoint]
    prompts: list[Prompt]
    groups: list[str]
    metrics: list[Metric]
    images: Images
    references: list[Reference]
    reference_sets: list[list[int]]
    values: dict[str, list[Number]]
    failures: dict[str, dict[str, str]]
    people: dict[str, Rated]
    gaps: dict[str, dict[str, list[Number]]]
