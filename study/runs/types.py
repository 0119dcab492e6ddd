"""What is exchanged with trackers: runs with their curves and pictures, whichever tracker they come from or go to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RECORD = "humangrade"
"""The key of a run's config under which an export keeps what trackers have no place for; see `study.runs.exchange`."""


@dataclass(frozen=True)
class Scalar:
    """One value of a curve.

    Attributes
    ----------
    name : str
        The curve's, as the tracker calls it.
    step : int
        On the axis. The same name may come more than once on a step, as under gradient accumulation; the order in
        the run says which came first.
    value : float
        May be NaN or infinite.
    axis : str
        What steps count, where the run says so for this curve; "" for the tracker's own steps.
    """

    name: str
    step: int
    value: float
    axis: str = ""


@dataclass(frozen=True)
class Part:
    """Bytes inside a larger file, which is not held in memory.

    Attributes
    ----------
    path : Path
    start, length : int
    """

    path: Path
    start: int
    length: int


@dataclass(frozen=True)
class TrackedImage:
    """A picture of a run.

    Attributes
    ----------
    key : str
        What the tracker files it under: a prompt's key, or the name of a panel.
    step : int
    index : int
        Which of several under one key and step, from 0.
    picture : bytes or Path or Part
        The encoded file's content, as the tracker kept it.
    seed : int, optional
        None where nothing says it.
    caption : str
        Often the prompt; "" where there is none.
    """

    key: str
    step: int
    index: int
    picture: bytes | Path | Part
    seed: int | None = None
    caption: str = ""


@dataclass(frozen=True)
class Mark:
    """What an export of ours is known by.

    Attributes
    ----------
    run : str
        The digest of which run of which study it is.
    sha256 : str
        Of all that was exported.
    is_whole : bool
        Whether all of it is there; False where the export was stopped.
    """

    run: str
    sha256: str
    is_whole: bool = True


@dataclass
class Exported:
    """What an export did, by the names of runs.

    Attributes
    ----------
    written : list of str
        Those that were not there.
    replaced : list of str
        Those of which an older export was there, which is gone now, or one that was stopped.
    known : list of str
        Those that were there as they are, and were left alone.
    """

    written: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class TrackedRun:
    """A run as a tracker holds it.

    Attributes
    ----------
    name : str
    config : mapping
        Settings of the training, JSON values; under `RECORD` what an export of ours keeps.
    scalars : tuple of Scalar
        In the order in which they were logged.
    images : tuple of TrackedImage
    source : str
        The tracker.
    external_id : str
        What the tracker tells runs apart by.
    notes : tuple of str
        Sentences on what could not be read.
    mark : Mark, optional
        Of an export of ours.
    """

    name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    scalars: tuple[Scalar, ...] = ()
    images: tuple[TrackedImage, ...] = ()
    source: str = ""
    external_id: str = ""
    notes: tuple[str, ...] = ()
    mark: Mark | None = None
