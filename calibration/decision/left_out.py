"""Metrics of a gate that do not count, and notes that would be there once a metric: each is said once."""

from collections.abc import Mapping, Sequence

import numpy as np

from calibration.decision.gate import Pairs
from calibration.notes import Named, Note
from metrics.errors import Said, parameter
from metrics.text import listed


def tells_nothing(pairs: Pairs) -> tuple[str, str]:
    """Why a metric among others is left out, as a sentence's verb and what follows it; "" twice where it counts."""
    ours, theirs = np.asarray(pairs.candidate, dtype=float), np.asarray(pairs.baseline, dtype=float)
    known = np.isfinite(ours) & np.isfinite(theirs)
    if known.any() and (ours[known] == theirs[known]).all():
        return "have", "the same scores on both sides of all pairs"
    has_drop = pairs.least_drop is not None or (pairs.slope is not None and pairs.slope.is_clear)
    if not has_drop and known.any() and len(np.unique(theirs[known])) == 1:
        return "give", f"all of the baseline's images one score and no {parameter('least_drop')} is stated"
    return "", ""


def no_scores_of(checkpoints: Sequence[str]) -> tuple[str, str]:
    """The same of a metric that was not computed."""
    return "have", f"no scores of {listed(list(checkpoints))}"


def left_out(reasons: Mapping[str, tuple[str, str]]) -> list[Said]:
    """A sentence for each reason, with all metrics that it holds for.

    Examples
    --------
    >>> list(map(str, left_out({"lpips": ("have", "no scores of 600"), "contrast": ("have", "no scores of 600")})))
    ['lpips and contrast have no scores of 600, so they do not count; humangrade score computes them.']
    """
    said = []
    for verb, what in dict.fromkeys(reasons.values()):
        names = [name for name, reason in reasons.items() if reason == (verb, what)]
        is_one = len(names) == 1
        verb = {"have": "has", "give": "gives"}[verb] if is_one else verb
        help_by = "; humangrade score computes them" if what.startswith("no scores") else ""
        said.append(Said(f"{listed(names)} {verb} {what}, so {'it does' if is_one else 'they do'} not count{help_by}."))
    return said


def once(notes: Mapping[str, Sequence[Note]]) -> list[str]:
    """Notes on metrics, by metric: those that say the same of several are one sentence.

    Examples
    --------
    >>> assumed = {name: [Named("Assumed; if not, say --lower-is-better ", name, ".")] for name in ("m1", "m2")}
    >>> once({"m1": assumed["m1"]}), once(assumed)
    (['Assumed; if not, say --lower-is-better m1.'], ['m1 and m2: Assumed; if not, say --lower-is-better NAME.'])
    """
    names: dict[Note, list[str]] = {}
    for name, some in notes.items():
        for note in some:
            key = Named(note.before, "NAME", note.after) if isinstance(note, Named) else note
            names.setdefault(key, []).append(name)
    said = []
    for note, whose in names.items():
        if len(whose) == 1 and isinstance(note, Named):
            said.append(f"{note.before}{whose[0]}{note.after}")
        else:
            said.append(f"{listed(whose)}: {note}")
    return said
