"""What the report says of the rounds of a study: how far a later one was rated otherwise than the first."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from calibration.core.intervals import Interval
from calibration.core.ratings import Ratings
from calibration.people.rounds import RoundEffect, Shift, round_effects
from calibration.verdict.round_words import is_too_little, round_sentence


def rounds_entry(people: Ratings, every: pd.DataFrame | None) -> dict[str, Any] | None:
    """The entry ``rounds`` of a task.

    Parameters
    ----------
    people : Ratings
        Of the task.
    every : DataFrame or None
        The task's ratings with what was asked again, and their rounds.

    Returns
    -------
    dict or None
        ``later``: of each round but the first what it changes, in figures and words. None where there is one round.
    """
    if every is None or "round" not in every.columns:
        return None
    effects = round_effects(every, people.resampling, people.scale)
    return {"later": [_entry(each, people.scale.high - people.scale.low) for each in effects]} if effects else None


def _entry(found: RoundEffect, width: float) -> dict[str, Any]:
    shift = found.shift
    interval, people = _quoted(shift)
    answer = _answer(shift, interval)
    return {
        "round": found.round,
        "shift": _figures(shift),
        "own": _figures(found.own) if found.own.n_answers else None,
        "points": shift.effect * width,
        "points_interval": [interval.low * width, interval.high * width],
        "people": people,
        "answer": answer,
        "sentence": round_sentence(found, answer, interval, people, width),
    }


def _figures(shift: Shift) -> dict[str, Any]:
    return asdict(shift) | {"these": list(shift.these), "people_like_these": list(shift.people_like_these)}


def _quoted(shift: Shift) -> tuple[Interval, str | None]:
    """The interval to quote, and for whom it is."""
    for interval, people in ((shift.people_like_these, "people_like_these"), (shift.these, "these")):
        if np.isfinite(interval.low):
            return interval, people
    return shift.these, None


def _answer(shift: Shift, interval: Interval) -> str:
    if is_too_little(shift) or not np.isfinite(interval.low):
        return "cannot be told"
    if interval.high < 0:
        return "lower"
    return "higher" if interval.low > 0 else "not seen"
