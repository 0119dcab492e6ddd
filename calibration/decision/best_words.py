"""What the best checkpoint comes to in sentences: each is a claim, held against the figures by a test."""

from collections.abc import Sequence

import numpy as np

from calibration.decision.best import NEVER, is_tied
from calibration.decision.checkpoints import Checkpoint
from calibration.decision.found import PEOPLE, StudyBest
from calibration.decision.words import about, clause_on, number
from calibration.metric.facts import titles_of
from calibration.scale import LIKERT, Scale
from metrics.text import counted, listed, spelled

_MOST_NAMED = 12


def best_lines(found: StudyBest, scale: Scale = LIKERT) -> list[str]:
    """Which checkpoints may be the best, the winner's value, and what would narrow the set.

    Parameters
    ----------
    found : StudyBest
    scale : Scale
        Of the ratings, in whose numbers values by people are said.

    Returns
    -------
    list of str
    """
    best, names = found.best, short_names(found.checkpoints)
    by = best_by(found)
    may = [names[place] for place in best.may_be_best]
    among = f"{counted(len(names), 'checkpoint')}{_of_model(found.checkpoints)}"
    if len(may) == 1:
        set_said = f"By {by}, {may[0]} is the best of {among} (95 % confidence)."
    elif len(may) == len(names):
        people = f" and {_counted(best.people)}" if best.people > 1 else ""
        set_said = (
            f"By {by}, any of the {among} may be the best: {best.prompts:,} prompts{people} do not tell them apart."
        )
    else:
        set_said = (
            f"By {by}, the best of {among} may be any of these {spelled(len(may))}: {listed(may, most=_MOST_NAMED)} "
            "(95 % confidence)."
        )
    winner = names[best.winner]
    low, high = sorted((shown(best.value_low, found, scale), shown(best.value_high, found, scale)))
    mean, value = shown(float(best.means[best.winner]), found, scale), shown(best.value, found, scale)
    highest = f"The {'lowest' if found.is_turned else 'highest'} mean is {winner}'s, {number(mean)}"
    within = f"95 % interval {number(low)} to {number(high)}"
    if number(mean) == number(value):
        said = [
            set_said,
            f"{highest} ({within}); what chance adds to the one that comes out best does not show in that.",
        ]
    else:
        without = "without what chance adds to the one that comes out best, which is the value to quote, it is"
        said = [set_said, f"{highest}; {without} {number(value)} ({within})."]
    if ties := [names[place] for place in tied(found)]:
        said.append(f"{listed(ties)} {'has' if len(ties) == 1 else 'have'} the same mean; the earliest step counts.")
    rests = f"It rests on {counted(best.prompts, 'prompt')} and {counted(found.images, 'image')}{_people(found)}."
    return [*said, *_narrowing(found, may), rests]


def _people(found: StudyBest) -> str:
    """Who rated, as the end of a sentence."""
    if found.unit != "rating steps":
        return ""
    people = _counted(found.best.people)
    return f", rated by {people}" if found.by == PEOPLE else f", with the ratings of {people}"


def _counted(people: int) -> str:
    return "1 person" if people == 1 else f"{people:,} people"


def best_by(found: StudyBest) -> str:
    """What the best is by, in words, with what is known of the metric."""
    name, _, people = found.by.partition("+")
    ratings = f"people's ratings of '{found.task}'" if found.task else "people's ratings"
    if name == PEOPLE:
        return ratings
    title = titles_of([name])[name] + clause_on(found.agreement)
    return f"{title} and {ratings} together" if people else title


def shown(value: float, found: StudyBest, scale: Scale = LIKERT) -> float:
    """A value of `found` as people know it: the metric's own number, or the scale's."""
    if found.unit == "rating steps":
        return float(scale.from_unit(value * scale.step))
    return -value if found.is_turned else value


def tied(found: StudyBest) -> list[int]:
    """The other checkpoints whose mean is the winner's."""
    return [int(k) for k in np.flatnonzero(is_tied(found.best.means)) if k != found.best.winner]


def short_names(checkpoints: Sequence[Checkpoint]) -> list[str]:
    """The checkpoints' names, without their model's where all are of one.

    Examples
    --------
    >>> short_names([Checkpoint("anna", "300", 300), Checkpoint("anna", "600", 600)])
    ['300', '600']
    >>> short_names([Checkpoint("anna", "300", 300), Checkpoint("ben", "300", 300)])
    ['anna/300', 'ben/300']
    """
    if len({one.model for one in checkpoints}) == 1 and all(one.name for one in checkpoints):
        return [one.name for one in checkpoints]
    return [str(one) for one in checkpoints]


def _of_model(checkpoints: Sequence[Checkpoint]) -> str:
    models = {one.model for one in checkpoints}
    return f" of {models.pop()}" if len(models) == 1 and checkpoints[0].model and checkpoints[0].name else ""


def _narrowing(found: StudyBest, may: Sequence[str]) -> list[str]:
    """How many prompts would leave fewer in the set."""
    if len(may) == 1:
        return []
    said, means = [], found.best.means
    farthest = float(means.max() - means[list(found.best.may_be_best)].min())
    for least, prompts in found.best.prompts_to_tell.items():
        unit = " rating steps" if found.unit == "rating steps" else " (0.2 standard deviations)"
        within = f"within {number(least)}{unit} of the best"
        if prompts == NEVER:
            said.append(
                f"No number of prompts would narrow the set to those {within} in 80 % of cases: the "
                f"{_counted(found.best.people)} differ too much in which they like; let more people rate."
            )
        elif prompts > found.best.prompts:
            rated = f" or more, rated by these {_counted(found.best.people)}," if found.best.people > 1 else ""
            said.append(
                f"About {about(prompts):,} prompts{rated} would narrow the set to those {within} in 80 % of cases."
            )
        elif farthest <= least:
            said.append(f"The means of all of them are {within}.")
        else:
            said.append(f"As many prompts as these narrow the set to those {within} in 80 % of cases.")
    return said
