"""What a study comes to at one moment, numbered for the dashboard.

Nothing is written: what is new in the study counts without being recorded.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.core.grades import Array
from calibration.decision.from_tables import StudyTables
from calibration.metric.facts import directions_of, signatures_of, titles_of
from metrics.engine.signature import identity_of
from metrics.errors import InputError
from metrics.known import Direction
from metrics.text import listed, natural_order, quoted
from study.dashboard import gaps
from study.dashboard.checkpoints import Shown, base_note, shown_of
from study.dashboard.numbers import numbers, whole
from study.dashboard.pictures import Pictures, pictures_of
from study.dashboard.types import Data, Metric, Rated
from study.folder.study import Study
from study.runs.reading import as_it_stands, items_of, last_of_each, scores_of

Made = TypeVar("Made")


@dataclass
class Snapshot:
    """A study at one moment.

    Attributes
    ----------
    title : str
    config : StudyConfig
        Its scale among it.
    made_at : str
        When, ISO 8601 in UTC.
    images : DataFrame
        As `study.store.runs.RunStore.images` gives them, in the order of their places, with the columns called (the
        item, or outside the study the path), place_of_checkpoint and place_of_prompt.
    values : dict of str to ndarray, shape (images,)
        Each metric's values, NaN where there is none.
    failures : dict of str to dict
        By metric and place, why there is no value.
    ways : dict of str to ndarray of int, shape (images,)
        By metric a number for each way in which values were made: another network, other weights or options.
    set_values : DataFrame
        As `study.store.runs.RunStore.set_values` gives them.
    gate_runs : DataFrame
        As `study.store.runs.RunStore.gate_runs` gives them.
    ratings : DataFrame
        As `Study.ratings` gives them.
    shown : Shown
        Runs, checkpoints and prompts by number.
    pictures : Pictures
        The images' files, and the reference photos.
    directions : dict of str to {"higher", "lower"}
    notes : list of str
        What is to be known of all of it.
    """

    title: str
    config: Any
    made_at: str
    images: pd.DataFrame
    values: dict[str, Array]
    failures: dict[str, dict[int, str]]
    ways: dict[str, NDArray[np.intp]]
    set_values: pd.DataFrame
    gate_runs: pd.DataFrame
    ratings: pd.DataFrame
    shown: Shown
    pictures: Pictures
    directions: dict[str, Direction]
    notes: list[str]
    _tables: Callable[[str], StudyTables] = field(repr=False)
    _made: dict[Any, Any] = field(default_factory=dict, repr=False)
    _locks: dict[Any, threading.Lock] = field(default_factory=dict, repr=False)

    def once(self, key: object, make: Callable[[], Made]) -> Made:
        """What `make` gives, made once for the key: while one thread makes it, others that want it wait."""
        with self._locks.setdefault(key, threading.Lock()):
            if key not in self._made:
                self._made[key] = make()
            return cast(Made, self._made[key])

    def tables(self, task: str = "") -> StudyTables:
        """The tables that gate and best take.

        Raises
        ------
        InputError
            As `study.runs.reading.study_tables` does.
        """
        return self.once(("tables", task), lambda: self._tables(task))

    @property
    def tasks(self) -> list[str]:
        """The tasks that were rated, in the study's order."""
        rated = set(map(str, self.ratings["task"].unique()))
        return [name for name in self.config.tasks if name in rated]

    def task_of(self, task: str) -> str:
        """The task itself, or the first that was rated where none is named; "" where nobody has rated.

        Raises
        ------
        InputError
            For a task that the study does not ask.
        """
        if task and task not in self.config.tasks:
            raise InputError(f"There is no task '{task}'; the study asks {listed(quoted(self.config.tasks))}.")
        return task or next(iter(self.tasks), "")

    def is_mixed(self, metric: str, places: NDArray[np.intp] | None = None) -> bool:
        """Whether values of these images, or of all, were made in different ways, so that they cannot be compared."""
        chosen = slice(None) if places is None else places
        known = np.isfinite(self.values[metric][chosen])
        return len(np.unique(self.ways[metric][chosen][known])) > 1

    def opinions(self, task: str) -> tuple[Array, Array, Array]:
        """People's ratings by place; see `study.dashboard.gaps.by_image`."""
        rows = self.ratings[self.ratings["task"] == task]
        return self.once(
            ("opinions", task), lambda: gaps.by_image(rows, list(self.images["called"]), self.config.scale)
        )

    def data(self) -> Data:
        """All images with their values; see `study.dashboard.types.Data`."""
        return self.once("data", lambda: _data(self))


def snapshot(study: Study, lower_is_better: Sequence[str] = (), higher_is_better: Sequence[str] = ()) -> Snapshot:
    """What a study comes to now.

    Parameters
    ----------
    study : Study
        May be one that is only read.
    lower_is_better, higher_is_better : sequence of str
        Metrics whose direction is not known.

    Returns
    -------
    Snapshot

    Raises
    ------
    InputError
        For a step that is no whole number.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> from study import create_study
    >>> with TemporaryDirectory() as place:
    ...     (Path(place) / "anna" / "300").mkdir(parents=True)
    ...     Image.new("RGB", (32, 32), "white").save(Path(place) / "anna" / "300" / "a.png")
    ...     study = create_study(Path(place) / "study", place, tasks=["aesthetic"], evaluators=["ann"])
    ...     data = snapshot(study).data()
    ...     study.close()
    >>> [(one["shown"], one["step"]) for one in data["checkpoints"]], data["images"]["item"]
    ([('anna/300', 300)], ['anna/300/a.png'])
    """
    standing = as_it_stands(study)
    ratings = study.ratings()
    images = last_of_each(standing.images)
    shown, images = shown_of(images, study.store.runs.runs(), list(study.items["item"]))
    pictures = pictures_of(study, images, standing.new.record.places)
    rows = standing.values.merge(images[["image_id"]].assign(place=images.index), on="image_id")
    values: dict[str, Array] = {}
    failures: dict[str, dict[int, str]] = {}
    ways: dict[str, NDArray[np.intp]] = {}
    rows["way"] = rows["signature"].map({made: identity_of(made) for made in rows["signature"].unique()})
    for name, mine in sorted(rows.groupby("metric"), key=lambda pair: natural_order(str(pair[0]))):
        column = np.full(len(images), np.nan)
        column[mine["place"]] = mine["score"]
        values[str(name)] = column
        made_by = np.zeros(len(images), dtype=np.intp)
        made_by[mine["place"]] = pd.factorize(mine["way"])[0]
        ways[str(name)] = made_by
        without = mine[mine["score"].isna()]
        failures[str(name)] = dict(zip(map(int, without["place"]), map(str, without["note"]), strict=True))
    sets = sorted(map(str, standing.set_values["metric"].unique()), key=natural_order)
    names = [*values, *(name for name in sets if name not in values)]
    given = pd.concat([standing.values[["metric", "signature"]], standing.set_values[["metric", "signature"]]])
    gate_runs = study.store.runs.gate_runs()
    told = _told(gate_runs, lower_is_better, higher_is_better)
    lower, higher = ([name for name in names if told.get(name) == which] for which in ("lower", "higher"))
    directions, assumed = directions_of(names, lower, higher, signatures_of(given))
    notes = [*standing.new.notes, *shown.notes]
    notes += _on_directions(assumed, directions)
    items, scores = items_of(images, study), scores_of(standing.values, images)
    lower, higher = ([name for name in some if name in values] for some in (lower, higher))
    return Snapshot(
        title=study.config.title,
        config=study.config,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        images=images,
        values=values,
        failures=failures,
        ways=ways,
        set_values=standing.set_values,
        gate_runs=gate_runs,
        ratings=ratings,
        shown=shown,
        pictures=pictures,
        directions=directions,
        notes=notes,
        _tables=lambda task: StudyTables(items, scores, ratings, task, study.config.scale, lower, higher),
    )


def _data(found: Snapshot) -> Data:
    images, shown, config = found.images, found.shown, found.config
    people: dict[str, Rated] = {}
    apart: dict[str, dict[str, list[float | None]]] = {}
    for task in found.tasks:
        mean, n, sd = found.opinions(task)
        people[task] = {"mean": numbers(mean), "n": n.astype(int).tolist(), "sd": numbers(sd)}
        apart[task] = {
            name: numbers(gaps.gap(scores, mean, found.directions[name])) for name, scores in found.values.items()
        }
    data: Data = {
        "version": "",
        "title": found.title,
        "made_at": "",
        "is_exported": False,
        "scale": {"lowest": config.scale.low, "highest": config.scale.high},
        "tasks": found.tasks,
        "base_note": base_note(shown),
        "notes": found.notes,
        "runs": shown.runs,
        "checkpoints": shown.checkpoints,
        "prompts": shown.prompts,
        "groups": sorted({one["group"] for one in shown.prompts} - {""}, key=natural_order),
        "metrics": _metrics(found),
        "images": {
            "item": list(images["called"]),
            "checkpoint": images["place_of_checkpoint"].tolist(),
            "prompt": images["place_of_prompt"].tolist(),
            "seed": list(images["seed"]),
            "thumb": found.pictures.keys,
            "width": [whole(cell) for cell in images["width"]],
            "height": [whole(cell) for cell in images["height"]],
            "reference_set": found.pictures.reference_set,
        },
        "references": [{"name": one.path.name, "thumb": one.key} for one in found.pictures.references],
        "reference_sets": found.pictures.reference_sets,
        "values": {name: numbers(column) for name, column in found.values.items()},
        "failures": {name: {str(place): why for place, why in of.items()} for name, of in found.failures.items() if of},
        "people": people,
        "gaps": apart,
    }
    gates = [str(each) for each in found.gate_runs["id"]] + found.set_values.astype(str).to_numpy().ravel().tolist()
    content = json.dumps([data, gates], separators=(",", ":")).encode()
    data["version"], data["made_at"] = hashlib.sha256(content).hexdigest()[:16], found.made_at
    return data


_OTHER = {"higher": "lower", "lower": "higher"}


def _told(gate_runs: pd.DataFrame, lower: Sequence[str], higher: Sequence[str]) -> dict[str, str]:
    """Directions that were given, now or else to the last gate that was given any of the metric."""
    told: dict[str, str] = {}
    for settings, result in zip(gate_runs["settings"], gate_runs["result"], strict=True):
        asked = {**settings, **result.get("settings", {})}  # a gate of track keeps them with its result
        for which in ("lower", "higher"):
            told |= dict.fromkeys(asked.get(f"{which}_is_better", ()), which)
    return told | dict.fromkeys(lower, "lower") | dict.fromkeys(higher, "higher")


def _on_directions(assumed: Iterable[str], directions: Mapping[str, Direction]) -> list[str]:
    """A note for each direction that was assumed of metrics."""
    notes = []
    for direction in ("higher", "lower"):
        names = [name for name in assumed if directions[name] == direction]
        if names:
            notes.append(
                f"Nothing says which way {listed(names)} {'points' if len(names) == 1 else 'point'}: {direction} is "
                f"taken to be better. Where it is not, say so to humangrade gate (--{_OTHER[direction]}-is-better "
                f"{names[0]}): what was said there last holds here too."
            )
    return notes


def _metrics(found: Snapshot) -> list[Metric]:
    titles, many = titles_of(found.directions), len(found.images)
    made: list[Metric] = []
    for name in found.directions:
        column, failed = found.values.get(name), found.failures.get(name, {})
        scored = 0 if column is None else int(np.isfinite(column).sum())
        made.append(
            {
                "name": name,
                "title": titles[name],
                "kind": "set" if column is None else "image",
                "direction": found.directions[name],
                "failed": len(failed),
                "unscored": 0 if column is None else many - scored - len(failed),
                "note": next(filter(None, failed.values()), ""),
            }
        )
    return made
