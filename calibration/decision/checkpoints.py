"""The checkpoints of an items table: their order, their names, and their images by prompt and seed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from calibration.core.grades import Array
from metrics.errors import InputError, either
from metrics.text import counted, listed, natural_order

BASE = "base"
"""What the column ``kind`` says of the model that all others are trained from."""

_STEPLESS = float("inf")  # after all that have a step


@dataclass(frozen=True)
class Checkpoint:
    """One state of one run.

    Attributes
    ----------
    model, name : str
        The columns ``model`` and ``checkpoint`` of its images.
    step : float
        How far it was trained: the column ``step``, or the checkpoint's name where that is a number; infinite where
        neither says so. The base stands at 0.
    is_base : bool
        It is the model that the others are trained from.
    is_by_epoch : bool
        Its step is the column ``epoch``, as in all of its run, where not all have a step.
    """

    model: str
    name: str
    step: float
    is_base: bool = False
    is_by_epoch: bool = False

    def __str__(self) -> str:
        return f"{self.model}/{self.name}" if self.model and self.name else self.model or self.name


class Checkpoints:
    """The checkpoints of a study, and which image is of which prompt and seed.

    Parameters
    ----------
    items : DataFrame
        item; model or checkpoint or both; prompt; seed where images of one prompt are several; and, where known, step,
        epoch and kind.

    Raises
    ------
    InputError
        Where no column tells checkpoints apart, or images of one checkpoint have one prompt and seed.

    Examples
    --------
    >>> table = pd.DataFrame({"item": list("abcd"), "model": "anna", "checkpoint": ["300", "300", "600", "600"]})
    >>> checkpoints = Checkpoints(table.assign(prompt=["p", "q", "p", "q"], seed="1"))
    >>> [str(each) for each in checkpoints.all], checkpoints.pairs(*checkpoints.all).values.tolist()
    (['anna/300', 'anna/600'], [['a', 'c', 'p', '1'], ['b', 'd', 'q', '1']])
    """

    def __init__(self, items: pd.DataFrame):
        columns = [name for name in ("model", "checkpoint") if name in items.columns and (items[name] != "").any()]
        if not columns:
            raise InputError("The items table has no column 'model' or 'checkpoint', so it names no checkpoints.")
        if "prompt" not in items.columns or not (items["prompt"].fillna("") != "").any():
            raise InputError(_without_prompts(items))
        table = pd.DataFrame({"item": items["item"]})
        for name in ("model", "checkpoint", "prompt", "seed", "step", "epoch", "kind", "subject"):
            table[name] = items[name].fillna("").astype(str) if name in items.columns else ""
        self._table = table[table["prompt"] != ""]
        keys = self._table[["model", "checkpoint"]].drop_duplicates()
        found = self._by_epoch([self._checkpoint(*map(str, key)) for key in keys.itertuples(index=False)])
        self.all: list[Checkpoint] = sorted(
            found, key=lambda one: (not one.is_base, natural_order(one.model), one.step, natural_order(one.name))
        )

    def _checkpoint(self, model: str, name: str) -> Checkpoint:
        rows = self._rows_of(model, name)
        is_base = bool((rows["kind"] == BASE).all())
        steps = pd.to_numeric(rows["step"], errors="coerce").dropna()
        if is_base:
            return Checkpoint(model, name, 0.0, True)
        if len(steps):
            return Checkpoint(model, name, float(steps.iloc[0]))
        number = pd.to_numeric(name, errors="coerce")
        return Checkpoint(model, name, _STEPLESS if pd.isna(number) else float(number))

    def _by_epoch(self, found: Sequence[Checkpoint]) -> list[Checkpoint]:
        """The checkpoints, those of a run by epoch where one lacks a step and none an epoch: never both in one run."""
        epochs = {
            one: pd.to_numeric(self._rows_of(one.model, one.name)["epoch"], errors="coerce").max() for one in found
        }
        trained = [one for one in found if not one.is_base]
        lacking = {one.model for one in trained if np.isinf(one.step)}
        lacking -= {one.model for one in trained if np.isnan(epochs[one])}
        return [
            replace(one, step=float(epochs[one]), is_by_epoch=True) if one.model in lacking and not one.is_base else one
            for one in found
        ]

    def on_order(self, chosen: Sequence[Checkpoint]) -> list[str]:
        """A note where runs of these checkpoints are in the order of their epochs."""
        runs = dict.fromkeys(one.model for one in chosen if one.is_by_epoch)
        if not runs:
            return []
        whose = f" of {listed(list(runs))}" if all(runs) else ""
        return [f"The checkpoints{whose} are in the order of their epochs, since not all of them have a step."]

    def of_item(self, item: str) -> Checkpoint | None:
        """Whose image it is; None for an item that is not there, or has no prompt."""
        return self._by_item.get(item)

    @cached_property
    def _by_item(self) -> dict[str, Checkpoint]:
        by_name = {(one.model, one.name): one for one in self.all}
        columns = (self._table[name] for name in ("item", "model", "checkpoint"))
        return {item: by_name[model, name] for item, model, name in zip(*columns, strict=True)}

    def _rows_of(self, model: str, name: str) -> pd.DataFrame:
        return self._table[(self._table["model"] == model) & (self._table["checkpoint"] == name)]

    def find(self, name: str, what: str = "There") -> Checkpoint:
        """The checkpoint of a name: MODEL/CHECKPOINT, or one of the two where only one checkpoint has it.

        Raises
        ------
        InputError
            Where none or several have it.
        """
        exact = [one for one in self.all if str(one) == name]
        loose = exact or [one for one in self.all if name in (one.model, one.name)]
        if len(loose) == 1:
            return loose[0]
        if loose:
            raise InputError(
                f"{what} are {len(loose)} checkpoints '{name}': {listed(list(map(str, loose)))}; name one."
            )
        raise InputError(f"{what} is no checkpoint '{name}'; the checkpoints are {listed(list(map(str, self.all)))}.")

    def previous(self, checkpoint: Checkpoint) -> Checkpoint:
        """The one before it in its run by step, or the base.

        Raises
        ------
        InputError
            Where there is none.
        """
        same = [
            one for one in self.all if (one.model == checkpoint.model or one.is_base) and one.step < checkpoint.step
        ]
        if not same:
            raise InputError(f"There is no checkpoint before {checkpoint}; name the one to compare it with.")
        return max(same, key=lambda one: (one.step, not one.is_base))

    def refuse_without_seeds(self, chosen: Sequence[Checkpoint], what: str) -> None:
        """Raise InputError where it is not known with which seeds the checkpoints' images were drawn.

        Parameters
        ----------
        chosen : sequence of Checkpoint
        what : str
            What cannot be said then, as a part of a sentence.
        """
        without = [str(one) for one in chosen if (self._rows_of(one.model, one.name)["seed"] == "").any()]
        if without:
            raise InputError(
                f"It is not known with which seed each image of {listed(without, most=3)} was drawn; without it two "
                f"images of one prompt differ by their noise as well, and {what}. Draw the checkpoints' images with "
                "the same seeds: humangrade generate does."
            )

    def pairs(self, candidate: Checkpoint, baseline: Checkpoint) -> pd.DataFrame:
        """The images of both of the same prompt and seed: columns candidate, baseline (items), prompt and seed.

        Where both have a prompt and both have a seed, and one of them lacks the image of the two, "" stands for it: the
        pair lacks a score, for it may be the bad images that are not there. A prompt or a seed that only one of them
        was drawn with is another design, and no pair.

        Raises
        ------
        InputError
            Where seeds are not known, an image is there twice, or the two share nothing.
        """
        self.refuse_without_seeds((candidate, baseline), "no gate can be judged")
        sides = [self._images_of(one) for one in (candidate, baseline)]
        if baseline.is_base and len(set(sides[1].index) & set(sides[0].index)) == 0:  # one base for several subjects
            sides = [side.droplevel("subject") for side in sides]
        both = _beside(sides, ["candidate", "baseline"])
        if both.empty or (both[["candidate", "baseline"]] == "").any(axis=1).all():
            raise InputError(f"{candidate} and {baseline} have no image of the same prompt and seed.")
        return both

    def alike(self, chosen: Sequence[Checkpoint]) -> pd.DataFrame:
        """The images of all of them of the same prompt and seed: a column of items for each, and prompt.

        As in `pairs`, "" stands where one of them lacks an image.

        Raises
        ------
        InputError
            Where an image is there twice.
        """
        return _beside([self._images_of(one) for one in chosen], list(map(str, chosen))).drop(columns="seed")

    def not_shared(self, chosen: Sequence[Checkpoint]) -> list[str]:
        """A note on prompts that some of the checkpoints have no image of, and which therefore do not count."""
        prompts = [set(self._rows_of(one.model, one.name)["prompt"]) for one in chosen]
        every = set.union(*prompts)
        lacking = [str(one) for one, mine in zip(chosen, prompts, strict=True) if mine != every]
        if not lacking:
            return []
        left_out = len(every) - len(set.intersection(*prompts))
        do, lack = ("does", "it") if left_out == 1 else ("do", "them")
        return [
            f"{counted(left_out, 'prompt')} of {len(every):,} {do} not count: {listed(lacking, most=5)} "
            f"{'lacks' if len(lacking) == 1 else 'lack'} images of {lack}."
        ]

    def _images_of(self, one: Checkpoint) -> "pd.Series[str]":
        """Its items by prompt, seed and subject."""
        keys = ["prompt", "seed", "subject"]
        rows = self._rows_of(one.model, one.name)
        twice = rows[rows.duplicated(keys)]
        if len(twice):
            example = twice["item"].iloc[0]
            raise InputError(f"{one} has several images of one prompt and seed, such as {example}; keep one of each.")
        return rows.set_index(keys)["item"]

    def of_prompts(self, chosen: Sequence[Checkpoint], values: pd.Series) -> tuple[Array, Array, list[str]]:
        """Sums and numbers of values by prompt and checkpoint, over the prompts that all checkpoints have.

        Parameters
        ----------
        chosen : sequence of Checkpoint
        values : Series
            By item; NaN or absent where there is none.

        Returns
        -------
        sums, counts : ndarray, shape (prompts, checkpoints)
        prompts : list of str
            Those whose images every checkpoint has.
        """
        columns = []
        for one in chosen:
            rows = self._rows_of(one.model, one.name)
            columns.append(rows.assign(value=rows["item"].map(values)).groupby("prompt")["value"].agg(["sum", "count"]))
        shared = sorted(set.intersection(*(set(each.index) for each in columns)), key=natural_order)
        tables = [each.reindex(shared) for each in columns]
        sums = np.column_stack([each["sum"] for each in tables]) if shared else np.empty((0, len(chosen)))
        counts = np.column_stack([each["count"] for each in tables]) if shared else np.empty((0, len(chosen)))
        return sums.astype(float), counts.astype(float), shared

    def runs(self) -> dict[str, list[Checkpoint]]:
        """The checkpoints of each run by step, without the base."""
        found: dict[str, list[Checkpoint]] = {}
        for one in self.all:
            if not one.is_base:
                found.setdefault(one.model, []).append(one)
        return found


def _without_prompts(items: pd.DataFrame) -> str:
    """Why nothing can be compared: noise that differs comes before prompts, which can still be told."""
    if "seed" not in items.columns or not (items["seed"].fillna("") != "").any():
        return (
            "Neither prompts nor seeds of the images are known, and without a fixed seed each step has another noise, "
            "so there is neither gate nor best. Sample with fixed seeds (--d in kohya's prompts), or draw the "
            f"checkpoints with humangrade generate; {either('the items table', 'items.csv')} says both in the columns "
            "'prompt' and 'seed'."
        )
    return either(
        "The items table has no column 'prompt' that says which prompt an image was drawn from; checkpoints are "
        "compared on the same prompts, so add it.",
        "The prompts of the images are not known, and checkpoints are compared on the same prompts; name the trainer's "
        "file of sample prompts with humangrade track STUDY RUN_DIR --prompts FILE, or add a column 'prompt' to the "
        "study's items.csv.",
    )


def _beside(sides: Sequence["pd.Series[str]"], names: Sequence[str]) -> pd.DataFrame:
    """Items side by side, with the prompts and seeds that all sides have somewhere."""
    table = pd.concat(sides, axis=1, join="outer", keys=names, sort=False).fillna("")
    for level in ("prompt", "seed"):
        shared = set.intersection(*(set(side.index.get_level_values(level)) for side in sides))
        table = table[table.index.get_level_values(level).isin(shared)]
    return table.reset_index()[[*names, "prompt", "seed"]]
