"""Two checkpoints, or two runs, side by side: the pairs of images that were drawn alike, and paired differences."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from calibration.core.grades import Array
from calibration.decision.agreement import Agreement
from calibration.decision.found import PEOPLE
from calibration.decision.gate import MOST_MISSING
from calibration.decision.sign_flips import sign_flips
from calibration.decision.words import clause_on, signed
from calibration.decision.words import number as said
from calibration.metric.facts import titles_of
from metrics.errors import InputError
from metrics.known import Direction
from metrics.text import counted, listed
from study.dashboard.agreement import agreements
from study.dashboard.answer_types import Compared, ComparedMetric, ComparedRuns, ComparedStep
from study.dashboard.means import prompt_clusters
from study.dashboard.numbers import number
from study.dashboard.snapshot import Snapshot

NOTE = (
    "Differences are right minus left, in each metric's own units, over images of the same prompt and seed. Intervals "
    "are 95 %, from sign flips of whole prompts, as the gate's; of several metrics one in twenty leaves 0 by chance."
)
FEWEST = 6
"""Prompts without which sign flips give no interval."""


def compare(found: Snapshot, left: int, right: int, task: str = "") -> Compared:
    """Two checkpoints side by side.

    Parameters
    ----------
    found : Snapshot
    left, right : int
        Checkpoints by number.
    task : str
        Whose ratings are compared beside the metrics; the first that was rated unless given.

    Returns
    -------
    Compared

    Raises
    ------
    InputError
        Where there is no checkpoint of a number.
    """
    count = len(found.shown.checkpoints)
    for given in (left, right):
        if not 0 <= given < count:
            raise InputError(f"There is no checkpoint {given}; they are numbered from 0 to {count - 1}.")
    return found.once(("compare", left, right, task), lambda: _compare(found, left, right, found.task_of(task)))


def compare_runs(found: Snapshot, left_run: int, right_run: int, task: str = "") -> ComparedRuns:
    """Two runs wherever both have a checkpoint.

    Parameters
    ----------
    found : Snapshot
    left_run, right_run : int
        Runs by number.
    task : str
        As in `compare`.

    Returns
    -------
    ComparedRuns

    Raises
    ------
    InputError
        Where there is no run of a number.
    """
    shown, axis = found.shown, found.shown.axis
    for given in (left_run, right_run):
        if not 0 <= given < len(shown.runs):
            raise InputError(f"There is no run {given}; they are numbered from 0 to {len(shown.runs) - 1}.")
    sides = [{shown.checkpoints[at][axis]: at for at in shown.of_run(run)} for run in (left_run, right_run)]
    both = sorted(x for x in sides[0] if x is not None and x in sides[1])
    steps: list[ComparedStep] = []
    for x in both:
        made = compare(found, sides[0][x], sides[1][x], task)
        steps.append(
            {
                "x": x,
                "left": made["left"],
                "right": made["right"],
                "metrics": made["metrics"],
                "refused": made["refused"],
            }
        )
    names = [shown.runs[run]["name"] for run in (left_run, right_run)]
    refused = "" if both else f"{names[0]} and {names[1]} have no {axis} in common, so nothing is compared."
    if steps and not any(step["metrics"] for step in steps):
        why = next((step["refused"] for step in steps if step["refused"]), "No metric has values on both sides.")
        refused = f"No {axis} has a difference to show. At {axis} {steps[0]['x']:,}: {why}"
    if left_run == right_run:
        refused, steps = f"{names[0]} is on both sides; choose two runs.", []
    notes = [NOTE] if steps and not refused else []
    return {
        "left_run": left_run,
        "right_run": right_run,
        "axis": axis,
        "steps": steps,
        "notes": notes,
        "refused": refused,
    }


def _compare(found: Snapshot, left: int, right: int, task: str) -> Compared:
    pairs, unpaired, refused = _pairs(found, left, right)
    metrics: list[ComparedMetric] = []
    notes = []
    if left == right:
        refused = f"{found.shown.checkpoints[left]['shown']} is on both sides; choose two checkpoints."
    elif pairs and not refused:
        metrics, lacking = _metrics(found, pairs, task)
        notes = [NOTE, *lacking]
        if any(unpaired):
            notes.append(
                f"{counted(unpaired[0], 'image')} of {found.shown.checkpoints[left]['shown']} and {unpaired[1]:,} of "
                f"{found.shown.checkpoints[right]['shown']} have no like on the other side and do not count."
            )
    return {
        "left": left,
        "right": right,
        "pairs": pairs,
        "unpaired": {"left": unpaired[0], "right": unpaired[1]},
        "metrics": metrics,
        "notes": notes,
        "refused": refused,
    }


def _pairs(found: Snapshot, left: int, right: int) -> tuple[list[tuple[int, int]], tuple[int, int], str]:
    """Places of images that were drawn alike, how many of each side were not, and why no difference can be told."""
    names = [found.shown.checkpoints[at]["shown"] for at in (left, right)]
    sides = [found.images[found.images["place_of_checkpoint"] == at] for at in (left, right)]
    keys = ["prompt", "negative", "seed", "subject"]
    if not _share(sides, keys):
        keys = keys[:3]  # one base for several subjects
    refused = ""
    if any((side["seed"] == "").any() for side in sides):
        without = [name for name, side in zip(names, sides, strict=True) if (side["seed"] == "").any()]
        refused = (
            f"It is not known with which seed each image of {listed(without)} was drawn; without it two images of one "
            "prompt differ by their noise as well, so no difference is told."
        )
    elif any((side["prompt"] == "").all() for side in sides):
        refused = "The prompts of the images are not known, so no two of them belong together."
    numbered = [_numbered(side, keys) for side in sides]
    if any(side["again"].any() for side in numbered) and not refused:
        refused = (
            "There are several images of one prompt and seed, so no two of them belong together; keep one of each."
        )
    both = numbered[0].merge(numbered[1], on=[*keys, "again"], suffixes=("_left", "_right"))
    both = both.sort_values("place_left")
    pairs = list(zip(map(int, both["place_left"]), map(int, both["place_right"]), strict=True))
    if not pairs and not refused:
        refused = f"{names[0]} and {names[1]} have no image of the same prompt and seed."
    return pairs, (len(sides[0]) - len(pairs), len(sides[1]) - len(pairs)), refused


def _share(sides: Sequence[pd.DataFrame], keys: list[str]) -> bool:
    return bool(set.intersection(*(set(map(tuple, side[keys].to_numpy())) for side in sides)))


def _numbered(side: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Keys and places of images whose prompt is known; `again` tells those of the same keys apart."""
    known = side[side["prompt"] != ""]
    return known[keys].assign(place=known.index, again=known.groupby(keys).cumcount())


def _metrics(found: Snapshot, pairs: Sequence[tuple[int, int]], task: str) -> tuple[list[ComparedMetric], list[str]]:
    clusters = prompt_clusters(found)[0]
    places = np.array(pairs, dtype=int)
    prompts = clusters[places[:, 0]]
    columns: dict[str, Array] = dict(found.values)
    directions: Mapping[str, Direction] = {**found.directions, PEOPLE: "higher"}
    titles = {**titles_of(found.directions), PEOPLE: f"People ({task})"}
    if task:
        columns = {PEOPLE: found.opinions(task)[0], **columns}
    agreed = agreements(found, task)
    made, empty, mixed = [], [], []
    for name, values in columns.items():
        sides = values[places[:, 0]], values[places[:, 1]]
        both = np.isfinite(sides[0]) & np.isfinite(sides[1])
        if not both.any():
            empty.append(titles[name])
        elif name != PEOPLE and found.is_mixed(name, places[both].ravel()):
            mixed.append(titles[name])
        else:
            made.append(_metric(name, titles[name], directions[name], *sides, prompts, agreed.get(name)))
    notes = [f"No pair has both values of {listed(empty)}."] if empty else []
    if mixed:
        notes.append(
            f"The values of {listed(mixed)} were made in different ways (another network, other weights or options), "
            "so they are not compared; score the images again together."
        )
    return made, notes


def _metric(
    name: str,
    title: str,
    direction: Direction,
    left: Array,
    right: Array,
    prompts: Array,
    agreed: Agreement | None,
) -> ComparedMetric:
    known = np.isfinite(left) & np.isfinite(right)
    left, right = left[known], right[known]
    flips = sign_flips(right - left, prompts[known])
    low, high = flips.interval()
    base = flips.mean
    means = (_mean(left, prompts[known]), _mean(right, prompts[known]))
    rests = f"{counted(flips.pairs, 'pair')} of {counted(flips.prompts, 'prompt')}"
    missing = int((~known).sum())
    if missing:
        lack = ("was", "were") if name == PEOPLE else ("lacks", "lack")
        what = "not rated on both sides" if name == PEOPLE else "a value"
        rests += f"; {counted(missing, 'more pair')} {lack[missing > 1]} {what}"
    if not (right - left).any():
        sentence = f"{title} is the same on both sides of all {flips.pairs:,} pairs."
    else:
        within = f" (95 % interval {signed(low)} to {signed(high)})" if np.isfinite([low, high]).all() else ""
        sentence = f"{title}: {signed(base)}{within}, from {said(means[0])} to {said(means[1])}; {rests}."
        if not within:
            sentence += f" An interval takes {FEWEST} prompts."
        elif name != PEOPLE and missing > MOST_MISSING * len(known):
            sentence += f" More than {MOST_MISSING:.0%} lack a value, and what is missing may be what is bad."
        elif low > 0 or high < 0:
            better = (low > 0) == (direction == "higher")
            sentence += f" The right one is {'better' if better else 'worse'} by it{clause_on(agreed)}."
        else:
            sentence += " It may be chance."
    return {
        "name": name,
        "title": title,
        "direction": direction,
        "left": number(means[0]),
        "right": number(means[1]),
        "difference": number(base),
        "low": number(low),
        "high": number(high),
        "n": flips.pairs,
        "sorts": agreed.sorts if agreed else None,
        "sentence": sentence,
    }


def _mean(values: Array, prompts: Array) -> float:
    """The mean of the prompts' means, as the difference is one."""
    codes = np.unique(prompts, return_inverse=True)[1].reshape(-1)
    return float((np.bincount(codes, weights=values) / np.bincount(codes)).mean())
