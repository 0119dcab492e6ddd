"""What the dashboard answers beside its data, as JSON; see `study.dashboard.types`."""

from typing import Any, Literal, TypedDict

from calibration.decision.agreement import Sorts
from study.dashboard.types import Axis, Kind, Number


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

    sorts: Sorts | None
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
    """A pair that dropped: places, or null where an image is none of the study's any more; `drop` is above 0."""

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
    headline: str
    sentences: list[str]
    notes: list[str]


class ComparedMetric(TypedDict):
    """Means of two checkpoints over their pairs, right minus left in the metric's own units, and its interval.

    `n` are pairs with both values; `sorts` is whether it sorts images as people do, null where that is not known and of
    people themselves. `sentence` says all of it, or why there is no difference.
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
    sorts: Sorts | None
    sentence: str


class Unpaired(TypedDict):
    """Images of each side that the other has no like of."""

    left: int
    right: int


class Compared(TypedDict):
    """Two checkpoints side by side; where `refused` says why there is no difference, `pairs` may still be shown."""

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
