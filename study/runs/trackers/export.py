"""One run of a study's record as trackers take it."""

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from metrics.text import counted, listed
from study.runs.trackers import manifest as kept
from study.runs.types import RECORD, Scalar, TrackedImage, TrackedRun

_NAMED = 5


class Export:
    """A run that is exported.

    Parameters
    ----------
    folder : Path
        The study's.
    about : mapping
        Its row of runs.
    tables : mapping
        Its rows of images, values, sets, scalars and checkpoints, as `study.store.runs.RunStore` gives them.
    notes : list of str
        Gets what cannot be exported.
    """

    def __init__(self, folder: Path, about: Mapping[Any, Any], tables: Mapping[str, pd.DataFrame], notes: list[str]):
        self._folder, self._about, self._tables, self._notes = folder, about, tables, notes
        self._scalars: list[Scalar] = []
        self._pictures: list[TrackedImage] = []
        self._names: set[str] = set()
        self._recipes: dict[str, int] = {}
        self._signatures: dict[str, int] = {}
        self._prompts: dict[tuple[str, str, str], int] = {}

    def run(self) -> TrackedRun:
        """All of it."""
        config = json.loads(self._about["config"]) if self._about["config"] else {}
        curves = self._curves()
        checkpoints = self._checkpoints()
        labels = _labels(checkpoints)
        images, numbers = self._images(checkpoints)
        values = self._values(checkpoints, labels, images, numbers)
        sets = self._sets(checkpoints, labels)
        manifest = kept.Manifest(
            subject=self._about["subject"],
            n_training_images=_whole(self._about["n_training_images"]),
            source=self._about["source"],
            has_config=bool(self._about["config"]),
            checkpoints=list(checkpoints.values()),
            prompts=[kept.Prompt(text=text, negative=bad, group=group) for text, bad, group in self._prompts],
            recipes=list(self._recipes),
            signatures=list(self._signatures),
            images=images,
            values=values,
            sets=sets,
            curves=curves,
        )
        return TrackedRun(
            self._about["model"],
            {**(config if isinstance(config, dict) else {"config": config}), RECORD: manifest.model_dump()},
            tuple(self._scalars),
            tuple(self._pictures),
            "study",
            f"{self._about['model']} since {self._about['created_at']}",  # other studies have runs of that name too
        )

    def _curves(self) -> list[kept.Curve]:
        """The curves that trackers or trainers logged."""
        found = []
        groups = self._tables["scalars"].groupby(["metric", "axis", "source"], sort=False)
        for (metric, axis, source), rows in ((map(str, key), rows) for key, rows in groups):
            name = metric if metric not in self._names else self._free(f"{metric} ({source})")
            self._names.add(name)
            found.append(kept.Curve(name=name, axis=axis, metric=metric, source=source))
            for step, value in zip(rows["step"], rows["value"], strict=True):
                self._scalars.append(Scalar(name, int(step), float(value), axis))
        return found

    def _checkpoints(self) -> dict[str, kept.Checkpoint]:
        """The checkpoints by their names, with the step at which each stands in a tracker."""
        found = {}
        for row in self._tables["checkpoints"].to_dict("records"):
            step, epoch = _whole(row["step"]), _whole(row["epoch"])
            found[row["checkpoint"]] = kept.Checkpoint(
                name=row["checkpoint"],
                at=next((each for each in (step, epoch) if each is not None), 0),
                step=step,
                epoch=epoch,
                kind=row["kind"],
                file=row["checkpoint_file"],
                sha256=row["checkpoint_sha256"],
                layers_in_file=_whole(row["layers_in_file"]),
                layers_applied=_whole(row["layers_applied"]),
            )
        return found

    def _images(self, checkpoints: Mapping[str, kept.Checkpoint]) -> tuple[list[kept.Image], dict[int, int]]:
        """The images whose files are there, and the number of each by the record's."""
        order = {name: number for number, name in enumerate(checkpoints)}
        counts: dict[tuple[str, int], int] = defaultdict(int)
        found: list[kept.Image] = []
        numbers: dict[int, int] = {}
        missing = []
        for row in self._tables["images"].to_dict("records"):
            path = self._folder / row["path"]
            if not row["path"] or not path.is_file():
                missing.append(row["item"] or row["path"])
                continue
            prompt = _number(self._prompts, (row["prompt"], row["negative"], row["group"]))
            key, at = f"p{prompt:03d}", checkpoints[row["checkpoint"]].at
            index = counts[key, at]
            counts[key, at] += 1
            recipe = _number(self._recipes, row["recipe"]) if row["recipe"] else None
            numbers[int(row["image_id"])] = len(found)
            told = {name: row[name] for name in ("seed", "sha256")}
            told |= {name: _whole(row[name]) for name in ("width", "height")}
            state = order[row["checkpoint"]]
            found.append(kept.Image(checkpoint=state, prompt=prompt, recipe=recipe, key=key, index=index, **told))
            seed = int(row["seed"]) if row["seed"].isdecimal() else None
            self._pictures.append(TrackedImage(key, at, index, path, seed, row["prompt"]))
        if missing:
            self._notes.append(
                f"{self._about['model']}: {counted(len(missing), 'picture')} whose files are not there are left out, "
                f"with their values: {listed(missing, most=_NAMED)}."
            )
        return found, numbers

    def _values(
        self,
        checkpoints: Mapping[str, kept.Checkpoint],
        labels: Mapping[str, str],
        images: list[kept.Image],
        numbers: Mapping[int, int],
    ) -> list[kept.Value]:
        """The values of images, each a point of the curve of its prompt and seed; and the means of checkpoints."""
        states = list(checkpoints.values())
        found = []
        taken: set[tuple[str, int]] = set()
        sums: dict[tuple[str, str], list[float]] = defaultdict(list)
        for row in self._tables["values"].to_dict("records"):
            number = numbers.get(int(row["image_id"]))
            if number is None:
                continue
            image = images[number]
            state = states[image.checkpoint]
            curve = None
            if not pd.isna(row["score"]):
                which = f"s{image.seed}" if image.seed else f"i{image.index}"
                curve = f"images/{row['metric']}/{image.key}_{which}{labels[state.name]}"
                if (curve, state.at) in taken or curve in self._names:
                    curve = f"{curve}_{number}"
                taken.add((curve, state.at))
                self._scalars.append(Scalar(curve, state.at, float(row["score"])))
                sums[row["metric"], state.name].append(float(row["score"]))
            signature = _number(self._signatures, row["signature"])
            told = {"image": number, "metric": row["metric"], "note": row["note"]}
            found.append(kept.Value(**told, signature=signature, curve=curve))
        for (metric, name), scores in sums.items():
            curve = self._free(f"{metric}/mean{labels[name]}")
            self._scalars.append(Scalar(curve, checkpoints[name].at, sum(scores) / len(scores)))
        return found

    def _sets(self, checkpoints: Mapping[str, kept.Checkpoint], labels: Mapping[str, str]) -> list[kept.SetValue]:
        """The values of sets with their intervals and counts."""
        order = {name: number for number, name in enumerate(checkpoints)}
        found = []
        for row in self._tables["sets"].to_dict("records"):
            state = checkpoints[row["checkpoint"]]
            group = f" [{row['group']}]" if row["group"] else ""
            name = self._free(f"sets/{row['metric']}{group}{labels[state.name]}")
            numbers = {"": row["score"], "/low": row["low"], "/high": row["high"], "/n": row["n"]}
            there = {end: float(value) for end, value in numbers.items() if not pd.isna(value)}
            self._scalars += [Scalar(name + end, state.at, value) for end, value in there.items()]
            told = {what: row[what] for what in ("group", "metric", "note")}
            found.append(
                kept.SetValue(
                    **told,
                    checkpoint=order[row["checkpoint"]],
                    signature=_number(self._signatures, row["signature"]),
                    n=_whole(row["n"]),
                    curve=name if "" in there else None,
                    has_low="/low" in there,
                    has_high="/high" in there,
                )
            )
        return found

    def _free(self, name: str) -> str:
        """A name that no curve of a tracker has."""
        while name in self._names:
            name += "_"
        return name


def _labels(checkpoints: Mapping[str, kept.Checkpoint]) -> dict[str, str]:
    """What is put after a curve's name where several checkpoints stand at one step, by the checkpoint's name."""
    at = [one.at for one in checkpoints.values()]
    return {name: f" ({name})" if at.count(one.at) > 1 else "" for name, one in checkpoints.items()}


def _number(taken: dict[Any, int], of: Any) -> int:
    return taken.setdefault(of, len(taken))


def _whole(value: Any) -> int | None:
    return None if value is None or pd.isna(value) else int(value)
