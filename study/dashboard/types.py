"""What the dashboard's page gets as JSON: which keys there are, and what stands in them.

Numbers are null where there is none. A place is an image's number in one version of the data, and an index one in the
lists of runs, checkpoints or prompts.
"""

from typing import Any, Literal, TypedDict

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


class Opinions(TypedDict):
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
    people: dict[str, Opinions]
    gaps: dict[str, dict[str, list[Number]]]


class Point(TypedDict):
    """A checkpoint's figure: at `x` on the axis, the base at 0; `n` images; `null` is what no difference would show.

    `low` and `high` are null where there is too little for an interval, and so is `null` of a metric of single images.
    """

    checkpoint: int
    x: int
    value: Number
    low: Number
    high: Number
    n: int
    null: Number
    note: str


class Line(TypedDict):
    """A run's figures by `x`, its base's first."""

    run: int
    n_training_images: int | None
    points: list[Point]


class Null(TypedDict):
    """What a metric of sets shows where nothing differs: the range over its sets, and in words."""

    low: float
    high: float
    words: str


class MetricTrend(TypedDict):
    """A metric's lines."""

    name: str
    title: str
    kind: Kind
    direction: Literal["higher", "lower"]
    lines: list[Line]
    null: Null | None


class TaskTrend(TypedDict):
    """A task's lines, in the numbers of the scale."""

    task: str
    lines: list[Line]


class Trends(TypedDict):
    """Metrics and ratings against steps or epochs; see `study.dashboard.trends`."""

    axis: Axis
    metrics: list[MetricTrend]
    people: list[TaskTrend]
    notes: list[str]


class PointsAxis(TypedDict):
    """People's points beside a metric's axis: (value - at) * per_unit rating steps, with the interval of `per_unit`."""

    per_unit: float
    low: float
    high: float
    at: float
    words: str


class MetricAgreement(TypedDict):
    """How a metric goes with people; `why` says why it has no axis of their points, "" where it has one."""

    sorts: Literal["yes", "with care", "no"] | None
    sentence: str
    points_axis: PointsAxis | None
    why: str


class Agreements(TypedDict):
    """Of every metric of single images; none where nobody has rated. `refused` says why there is none else."""

    task: str
    metrics: dict[str, MetricAgreement]
    refused: str


class AlertMetric(TypedDict):
    """What one metric said in a gate: the estimate in `unit`, below 0 where the candidate is worse."""

    name: str
    title: str
    verdict: str
    sentence: str
    estimate: Number
    low: Number
    high: Number
    unit: str
    least_drop: Number
    is_primary: bool
    decides: bool


class AlertPair(TypedDict):
    """Two images that drove it: places, or null where an image is none of the study's any more; `drop` is above 0."""

    metric: str
    prompt: str
    seed: str
    candidate: int | None
    baseline: int | None
    candidate_score: Number
    baseline_score: Number
    drop: Number


class Alert(TypedDict):
    """A gate as it was; the verdict is worse, not worse, cannot tell, or refused."""

    id: int
    at: str
    candidate: str
    baseline: str
    candidate_checkpoint: int | None
    baseline_checkpoint: int | None
    verdict: str
    sentence: str
    settings: list[str]
    metrics: list[AlertMetric]
    worst: list[AlertPair]
    notes: list[str]


class Alerts(TypedDict):
    """Gates, newest first."""

    runs: list[Alert]


class BestChoices(TypedDict):
    """What may be asked: measures, and runs, where `*` stands for all of them together."""

    by: list[str]
    runs: list[str]


class BestRow(TypedDict):
    """A checkpoint's value with its own 95 % interval, and the one of intervals that hold all of them at once."""

    checkpoint: int
    value: Number
    low: Number
    high: Number
    low_of_all: Number
    high_of_all: Number
    in_set: bool


class Winner(TypedDict):
    """The best, valued on prompts that did not choose it."""

    checkpoint: int
    value: Number
    low: Number
    high: Number


class Best(TypedDict):
    """Which checkpoints may be the best; `refused` says why that cannot be told, "" where it can."""

    choices: BestChoices
    refused: str
    by: str
    run: str
    task: str
    unit: str
    direction: Literal["higher", "lower"]
    rows: list[BestRow]
    winner: Winner | None
    sentences: list[str]
    notes: list[str]


class ComparedMetric(TypedDict):
    """Means of two checkpoints over their pairs, right minus left in the metric's own units, and its interval.

    `n` are pairs with both values. `sentence` says all of it, or why there is no difference.
    """

    name: str
    title: str
    direction: Literal["higher", "lower"]
    left: Number
    right: Number
    difference: Number
    low: Number
    high: Number
    n: int
    sentence: str


class Unpaired(TypedDict):
    """Images of each side that the other has no like of."""

    left: int
    right: int


class Compared(TypedDict):
    """Two checkpoints side by side; `refused` says why no difference can be told, and `pairs` may be shown all the same."""

    left: int
    right: int
    pairs: list[tuple[int, int]]
    unpaired: Unpaired
    metrics: list[ComparedMetric]
    notes: list[str]
    refused: str


class ComparedStep(TypedDict):
    """Two runs at one place on the axis."""

    x: int
    left: int
    right: int
    metrics: list[ComparedMetric]
    refused: str


class ComparedRuns(TypedDict):
    """Two runs wherever both have a checkpoint."""

    left_run: int
    right_run: int
    axis: Axis
    steps: list[ComparedStep]
    notes: list[str]
    refused: str


class Recipe(TypedDict):
    """How an image was made: in words, and the recorded recipe, which may be null."""

    item: str
    words: dict[str, str]
    recipe: Any
