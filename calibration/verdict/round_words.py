"""What is said of a later round of a study: whether it was rated like the first."""

import numpy as np

from calibration.core.intervals import Interval
from calibration.people.rounds import LEAST_IMAGES, LEAST_PEOPLE, RoundEffect, Shift
from metrics.text import counted


def is_too_little(shift: Shift) -> bool:
    """Whether too few images or people were asked again to tell anything."""
    return shift.n_images < LEAST_IMAGES or shift.n_evaluators < LEAST_PEOPLE or not np.isfinite(shift.effect)


def round_sentence(found: RoundEffect, answer: str, interval: Interval, people: str | None, width: float) -> str:
    """What follows for a comparison of checkpoints that were rated in different rounds.

    Parameters
    ----------
    found : RoundEffect
        What the round changes, on the unit scale.
    answer : {"lower", "higher", "not seen", "cannot be told"}
        How it was rated beside the first round.
    interval : Interval
        The one to quote, on the unit scale; not finite where none was drawn.
    people : {"people_like_these", "these"} or None
        Whom it is for.
    width : float
        From the scale's lowest to its highest number.
    """
    shift, name = found.shift, f"round {found.round}"
    both = "in both" if found.round == 2 else "in it and before"
    if is_too_little(shift):
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
