"""Exports that a place has from before: what is there as it is now stays, and what is older, or was stopped, goes.

The new one is written to its end before the old one goes, so that there is a whole one at every moment.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from study.runs.trackers.pictures import picture_bytes
from study.runs.types import Exported, Mark, TrackedRun


@dataclass(frozen=True)
class Earlier:
    """An export that is there.

    Attributes
    ----------
    at : str
        What it is removed by.
    mark : Mark
    """

    at: str
    mark: Mark


@dataclass
class Plan:
    """What an export has to do.

    Attributes
    ----------
    runs : list of TrackedRun
        Those to be written, with their marks.
    old : list of str
        What is to be removed then.
    done : Exported
        What it will have done.
    """

    runs: list[TrackedRun] = field(default_factory=list)
    old: list[str] = field(default_factory=list)
    done: Exported = field(default_factory=Exported)


def plan(runs: Sequence[TrackedRun], earlier: Sequence[Earlier]) -> Plan:
    """What is to be written, and what is to be removed.

    Parameters
    ----------
    runs : sequence of TrackedRun
    earlier : sequence of Earlier
        In the order in which they were written.

    Raises
    ------
    OSError
        Where a picture cannot be read.

    Examples
    --------
    >>> run = TrackedRun("anna", {"lr": 0.1})
    >>> found = plan([run], [Earlier("1", mark_of(TrackedRun("anna"))), Earlier("2", mark_of(TrackedRun("bob")))])
    >>> [each.name for each in found.runs], found.old, found.done.replaced
    (['anna'], ['1'], ['anna'])
    >>> plan([run], [Earlier("1", mark_of(run))]).done.known
    ['anna']
    """
    found = Plan()
    for run in runs:
        mark = mark_of(run)
        mine = [one for one in earlier if one.mark.run == mark.run]
        same = [one for one in mine if one.mark == mark][-1:]
        if same:
            found.done.known.append(run.name)
        else:
            found.runs.append(replace(run, mark=mark))
            (found.done.replaced if mine else found.done.written).append(run.name)
        found.old += [one.at for one in mine if one not in same]
    return found


def mark_of(run: TrackedRun) -> Mark:
    """The mark of a run that is exported."""
    which = hashlib.sha256(json.dumps([run.source, run.external_id or run.name]).encode(errors="replace"))
    contents = [hashlib.sha256(picture_bytes(image.picture)).hexdigest() for image in run.images]
    return Mark(which.hexdigest(), digest_of(run, contents))


def digest_of(run: TrackedRun, contents: Sequence[str]) -> str:
    """The sha256 of all that a run says, with that of each picture's content."""
    found = hashlib.sha256(json.dumps([run.name, dict(run.config)], sort_keys=True).encode(errors="replace"))
    for one in run.scalars:
        found.update(repr((one.name, one.axis, one.step, one.value)).encode(errors="replace"))
    for image, content in zip(run.images, contents, strict=True):
        told = (image.key, image.step, image.index, image.seed, image.caption, content)
        found.update(repr(told).encode(errors="replace"))
    return found.hexdigest()
