"""What a tracker has no place for, kept beside a run that is written, so that it is the same when it is read again.

A tracker may allow only some signs in names, knows no seed of a picture, or no other axis than its own: a JSON text
beside the run says what its names stand for. Runs that others wrote have none, and are taken as the tracker has them.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from metrics.files import parse_json
from study.runs.trackers.earlier import mark_of
from study.runs.types import RECORD, Mark, Scalar, TrackedImage, TrackedRun

FORMAT = "humangrade.run/1"
FILE = "humangrade.json"
MOST_KEPT = 500_000_000  # bytes
_MOST_KEY = 100  # signs: it becomes a part of a file's name


def as_it_is(name: str) -> str:
    """A name that a tracker takes whatever it is."""
    return name


def number_of(value: Any) -> float | None:
    """A logged JSON value as a number, where it is one or the word for one that JSON lacks.

    Examples
    --------
    >>> number_of(3), number_of("NaN"), number_of("cat"), number_of(True)
    (3.0, nan, None, None)
    """
    if value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    try:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    except OverflowError:  # a whole number beyond all
        return None


class Written:
    """A run under the names that a tracker takes.

    Parameters
    ----------
    run : TrackedRun
    safe, safe_key : callable
        A curve's name, or a picture's key, to one that the tracker takes.
    most : int
        Signs in a curve's name.

    Attributes
    ----------
    mark : Mark
    """

    def __init__(
        self,
        run: TrackedRun,
        safe: Callable[[str], str] = as_it_is,
        safe_key: Callable[[str], str] = as_it_is,
        most: int = 250,
    ):
        self._run = run
        self.mark = run.mark or mark_of(run)
        self._curves: dict[tuple[str, str], str] = {}
        self._keys: dict[str, str] = {}
        used: tuple[set[str], set[str]] = (set(), set())
        for scalar in run.scalars:
            _name(self._curves, used[0], (scalar.name, scalar.axis), safe(scalar.name), most)
        for image in run.images:
            _name(self._keys, used[1], image.key, safe_key(image.key), min(most, _MOST_KEY))

    def curve(self, scalar: Scalar) -> str:
        """The name under which a scalar is written."""
        return self._curves[scalar.name, scalar.axis]

    def key(self, image: TrackedImage) -> str:
        """The key under which a picture is written."""
        return self._keys[image.key]

    def text(self) -> str:
        """What is kept beside the run."""
        kept = {
            "format": FORMAT,
            "run": self.mark.run,
            "sha256": self.mark.sha256,
            "count": len(self._run.scalars) + len(self._run.images),
            "name": self._run.name,
            "config": dict(self._run.config),
            "curves": {written: list(curve) for curve, written in self._curves.items() if curve != (written, "")},
            "images": [
                [self.key(one), one.step, one.index, one.key, one.seed, one.caption] for one in self._run.images
            ],
        }
        return json.dumps(kept, ensure_ascii=False)


def _name(taken: dict[Any, str], used: set[str], of: Any, written: str, most: int) -> None:
    """Note the name under which something is written: no longer than may be, and another for each."""
    if of in taken:
        return
    if len(written) > most or not written or written in used:
        end = hashlib.sha256(repr(of).encode()).hexdigest()[:8]
        written = f"{written[: most - 9]}_{end}"
    taken[of] = written
    used.add(written)


def visible(run: TrackedRun) -> dict[str, str | int | float | bool]:
    """A run's settings as a tracker shows them: simple values, nested names joined, without what is kept for us.

    Examples
    --------
    >>> visible(TrackedRun("a", {"lr": 0.1, "net": {"rank": 4, "layers": [1, 2]}, "humangrade": {"x": 1}}))
    {'lr': 0.1, 'net.rank': 4, 'net.layers': '[1, 2]'}
    """
    found: dict[str, str | int | float | bool] = {}

    def add(name: str, value: Any) -> None:
        if isinstance(value, dict) and value:
            for part, inner in value.items():
                add(f"{name}.{part}", inner)
        else:
            found[name] = value if isinstance(value, str | int | float | bool) else json.dumps(value)

    for name, value in run.config.items():
        if name != RECORD:
            add(str(name), value)
    return found


def restored(run: TrackedRun, text: str | None, count: int | None = None) -> TrackedRun:
    """A run as it was before it was written, where a text was kept beside it and is one of ours.

    Parameters
    ----------
    run : TrackedRun
        As the tracker has it.
    text : str or None
    count : int, optional
        How many values and pictures the tracker has of it, where that tells whether all of it is there.
    """
    kept = _parsed(text)
    if kept is None:
        return run
    curves = {written: (str(name), str(axis)) for written, (name, axis) in kept["curves"].items()}
    images = {(key, step, index): rest for key, step, index, *rest in kept["images"]}
    scalars = [
        replace(one, name=curves.get(one.name, (one.name, ""))[0], axis=curves.get(one.name, ("", one.axis))[1])
        for one in run.scalars
    ]
    pictures = []
    for one in run.images:
        key, seed, caption = images.get((one.key, one.step, one.index), (one.key, one.seed, one.caption))
        pictures.append(replace(one, key=str(key), seed=None if seed is None else int(seed), caption=str(caption)))
    is_whole = count is None or count >= kept["count"]
    mark = Mark(str(kept["run"]), str(kept["sha256"]), is_whole)
    told = {"name": str(kept["name"]), "config": kept["config"], "mark": mark}
    return replace(run, **told, scalars=tuple(scalars), images=tuple(pictures))


def mark_in(text: str | None) -> Mark | None:
    """The mark in what was kept beside a run; None where that is none of ours, or was not written to its end."""
    kept = _parsed(text)
    return None if kept is None else Mark(str(kept["run"]), str(kept["sha256"]))


def _parsed(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        kept = parse_json(text)
        if kept["format"] != FORMAT or not isinstance(kept["config"], dict) or not isinstance(kept["count"], int):
            return None
        str(kept["run"]), str(kept["sha256"])
        for _, (name, axis) in kept["curves"].items():
            str(name), str(axis)
        for key, step, index, _, seed, _ in kept["images"]:
            hash((key, step, index))
            None if seed is None else int(seed)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return kept if isinstance(kept, dict) else None
