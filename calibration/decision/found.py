"""What the gate and the best checkpoint of a study's tables come to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from calibration.decision.agreement import Agreement
from calibration.decision.best import Best
from calibration.decision.checkpoints import Checkpoint
from calibration.decision.gate import Gate

PEOPLE = "people"
"""What the ratings are called where they stand beside metrics."""


@dataclass(frozen=True)
class StudyGate:
    """A gate, and what it was of.

    Attributes
    ----------
    candidate, baseline : Checkpoint
    pairs : DataFrame
        candidate, baseline (items), prompt and seed; `MetricGate.worst` are places in it.
    gate : Gate
    task : str
        Whose ratings give people's points; "" where there are none.
    notes : tuple of str
    chosen_among : int
        Of how many checkpoints the baseline is the best by the same scores; 1 where it was named.
    agreements : mapping of str to Agreement
        Of each metric of the gate, whether it sorts as people do.
    """

    candidate: Checkpoint
    baseline: Checkpoint
    pairs: pd.DataFrame
    gate: Gate
    task: str
    notes: tuple[str, ...]
    chosen_among: int = 1
    agreements: Mapping[str, Agreement] = field(default_factory=dict)


@dataclass(frozen=True)
class StudyBest:
    """The best checkpoint by one measure.

    Attributes
    ----------
    by : str
        A metric's name, "people", or both joined by " + ".
    checkpoints : tuple of Checkpoint
        As `Best` counts them, by step.
    best : Best
        Values with the better end up, in `unit`.
    unit : str
        "rating steps" or "the metric's units".
    is_turned : bool
        Lower is better, so that the values of `best` have the other sign.
    images : int
    notes : tuple of str
    agreement : Agreement or None
        Of the metric, whether it sorts as people do; None by people alone.
    task : str
        Which ratings these are, where people rated several tasks; "" where there is one.
    """

    by: str
    checkpoints: tuple[Checkpoint, ...]
    best: Best
    unit: str
    is_turned: bool
    images: int
    notes: tuple[str, ...]
    agreement: Agreement | None = None
    task: str = ""
