"""What the report says of the rounds of a study: how far a later one was rated otherwise than the first."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from calibration.core.intervals import Interval
from calibration.core.ratings import Ratings
from calibration.people.rounds import LEAST_IMAGES, LEAST_PEOPLE, RoundEffect, Shift, round_effects
from metrics.text import counted


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
        "sentence": _sentence(found, answer, interval, people, width),
    }


def _figures(shift: Shift) -> dict[str, Any]:
    return asdict(shift) | {"these": list(shift.these), "people_like_these": list(shift.people_like_these)}


def _quoted(shift: Shift) -> tuple[Interval, str | None]:
    """The interval to quote, and for whom it is."""
    for interval, people in ((shift.people_like_these, "people_like_these"), (shift.these, "these")):
        if np.isfinite(interval.low):
            return interval, people
    return shift.these, None


def _is_too_little(shift: Shift) -> bool:
    return shift.n_images < LEAST_IMAGES or shift.n_evaluators < LEAST_PEOPLE or not np.isfinite(shift.effect)


def _answer(shift: Shift, interval: Interval) -> str:
    if _is_too_little(shift) or not np.isfinite(interval.low):
        return "cannot be told"
    if interval.high < 0:
        return "lower"
    return "higher" if interval.low > 0 else "not seen"


def _sentence(found: RoundEffect, answer: str, interval: Interval, people: str | None, width: float) -> str:
    """What follows for a comparison of checkpoints that were rated in different rounds."""
    shift, name = found.shift, f"round {found.round}"
    both = "in both" if found.round == 2 else "in it and before"
    if _is_too_little(shift):
        images = f"{counted(shift.n_images, 'image')} {'was' if shift.n_images == 1 else 'were'} asked {both}"
        why = f"{images}, and it takes {LEAST_IMAGES}"
        if shift.n_images >= LEAST_IMAGES:
            why = f"only one person has answered what was asked {both}, and it takes {LEAST_PEOPLE}"
        return (
            f"Whether {name} was rated like round 1 cannot be told: {why}; checkpoints of different rounds may differ "
            "by the rounds alone."
        )
    points = shift.effect * width
    by = f"{abs(points):.2f} {'lower' if points < 0 else 'higher'}"
    on = f"on {counted(shift.n_images, 'image')} asked {both}"
    if answer == "cannot be told":
        return (
            f"{name.capitalize()} was rated {by} than round 1 {on}; no interval was drawn, so whether that is chance "
            "cannot be told."
        )
    whom = "" if people == "people_like_these" else " for these people"
    if answer == "not seen":
        most = max(abs(interval.low), abs(interval.high)) * width
        return (
            f"No difference between {name} and round 1 is seen {on} ({by}; 95 % interval{whom} from "
            f"{_signed(interval.low * width)} to {_signed(interval.high * width)}): checkpoints of different rounds "
            f"that differ by less than {most:.2f} may differ by the rounds alone."
        )
    least, most = sorted((abs(interval.low) * width, abs(interval.high) * width))
    return (
        f"{name.capitalize()} was rated {by} (95 % interval{whom} {least:.2f} to {most:.2f}) than round 1 {on}: "
        "checkpoints of different rounds differ by that much without being different. Nothing is corrected for it."
    )


def _signed(points: float) -> str:
    """A difference with its sign.

    Examples
    --------
    >>> _signed(-0.2), _signed(0.1), _signed(-0.001)
    ('-0.20', '+0.10', '0.00')
    """
    return "0.00" if abs(points) < 0.005 else f"{points:+.2f}"
