"""Heads compared in pairs on the same images: the difference of their figures, with an interval of its own.

Two heads err on the same images, so that their difference is known far better than either's figure; whether their
intervals overlap tells nothing about it.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.aesthetic.clusters import (
    FEWEST_CLUSTERS,
    Interval,
    cluster_codes,
    jackknife_interval,
    left_out_figures,
)
from calibration.aesthetic.evaluation import LOSS_OF_ORDER, MATCHED, STATISTICS, HeadFigures
from calibration.aesthetic.votes import Votes

Array = NDArray[np.float64]
COMPARED = ("spearman", "mae", "balanced_mae", "accuracy")
_SEEN = 0.0005  # less is 0 as it is printed, and may be a rounding


def paired_differences(first: Array, second: Array, votes: Votes, seed: int = 0) -> dict[str, Interval]:
    """The second head's figures less the first's.

    Parameters
    ----------
    first, second : ndarray, shape (n,)
        Their answers.
    votes : Votes
        On the same images; challenges or prompts are left out together.
    seed : int
        Of the blocks that many are left out in.

    Returns
    -------
    dict of str to Interval
        For spearman, mae, balanced_mae and accuracy; the ends are nan where there are too few challenges.
    """
    figures = [HeadFigures(np.asarray(values, dtype=np.float64), votes, None) for values in (first, second)]
    places = [STATISTICS.index(name) for name in COMPARED]

    def difference(weights: Array) -> Array:
        one, other = (np.array(each(weights))[places] for each in figures)
        return np.asarray(other - one)

    clusters = cluster_codes(votes.groups, len(votes))
    whole, without = left_out_figures(difference, clusters, seed)
    count = int(clusters.max()) + 1
    return {name: jackknife_interval(whole[at], without[:, at], count) for at, name in enumerate(COMPARED)}


def pairs_table(answers: Mapping[str, Array], votes: Votes) -> pd.DataFrame:
    """Each head but the first less the first, as text with intervals.

    Returns
    -------
    DataFrame
        head, less, spearman, mae, balanced_mae, accuracy.
    """
    (first, base), *others = answers.items()
    rows = []
    for name, values in others:
        found = paired_differences(base, values, votes)
        rows.append({"head": name, "less": first, **{each: signed(value) for each, value in found.items()}})
    return pd.DataFrame(rows, columns=["head", "less", *COMPARED])


def signed(found: Interval) -> str:
    """A difference in words.

    Examples
    --------
    >>> signed(Interval(-0.1, -0.2, 0.05))
    '-0.100 (-0.200 to +0.050)'
    """
    if np.isnan(found.low):
        return f"{found.value:+.3f} (no interval)"
    return f"{found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f})"


def recommend(answers: Mapping[str, Array], votes: Votes, plain: str = "plain") -> tuple[str, str]:
    """Which head to take, and why, by images that none was trained on and that are not the test's.

    A head takes the plain one's place where its balanced error is lower beyond chance, by the whole interval of the
    paired difference and by more than a rounding, and its Spearman correlation at most .005 lower. Of several that is
    the one with the lowest balanced error, or, of those that are not told apart from it, one whose error over all
    images is lower beyond chance.

    Parameters
    ----------
    answers : mapping of str to ndarray, shape (n,)
        By head, the plain one among them.
    votes : Votes
        On the same images: the validation's.
    plain : str
        Which of them minimises the error as it is.

    Returns
    -------
    name, why : str
    """
    if len(set(cluster_codes(votes.groups, len(votes)).tolist())) < FEWEST_CLUSTERS:
        kind = "image" if votes.groups is None else votes.group_name or "group"
        return plain, (
            f"Take {plain}: the validation images are of fewer than {FEWEST_CLUSTERS} {kind}s, too few to tell whether "
            "another is better."
        )
    found = {
        name: paired_differences(answers[plain], values, votes) for name, values in answers.items() if name != plain
    }
    good = {
        name: each
        for name, each in found.items()
        if each["balanced_mae"].high < -_SEEN and each["spearman"].value >= -LOSS_OF_ORDER
    }
    if not good:
        return plain, (
            f"Take {plain}: on the validation images no other head has a lower balanced MAE beyond chance at a loss of "
            f"Spearman of at most {LOSS_OF_ORDER:g}."
        )
    lowest = min(good, key=lambda name: good[name]["balanced_mae"].value)
    beside = {
        name: paired_differences(answers[lowest], answers[name], votes) for name in good if name != lowest
    }  # each less the lowest
    alike = {name: each for name, each in beside.items() if each["balanced_mae"].low <= 0}
    cheaper = {name: each["mae"].value for name, each in alike.items() if each["mae"].high < -_SEEN}
    best = min(cheaper, key=lambda name: cheaper[name]) if cheaper else lowest
    said = (
        f"Take {best}: on the validation images its balanced MAE less {plain}'s is "
        f"{signed(good[best]['balanced_mae'])}, its Spearman {signed(good[best]['spearman'])}, its MAE over all images "
        f"{signed(good[best]['mae'])}."
    )
    if cheaper:
        return best, (
            f"{said} The balanced MAE of {lowest} is not told apart from it ({_less(beside[best]['balanced_mae'])}), "
            f"and its MAE over all images is higher ({_less(beside[best]['mae'])})."
        )
    matched = [name for name in alike if name.endswith(MATCHED)]
    if matched and not best.endswith(MATCHED):
        other = min(matched, key=lambda name: good[name]["balanced_mae"].value)
        difference = _less(alike[other]["balanced_mae"])
        said += f" {other}, without other training, is not told apart from it ({difference})."
    return best, said


def _less(found: Interval) -> str:
    """The difference the other way round, in words."""
    return signed(Interval(-found.value, -found.high, -found.low))
