"""The sign-flip test of paired differences, and the interval that the same flips give.

The differences of one prompt stand or fall together: their mean is one value, and one sign is flipped for all of them.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.core.grades import Array
from calibration.core.resampling import generator

EXACT_UP_TO = 13
"""So many prompts have every pattern of flips tried: 2^13 are 8,192."""

FLIPS = 10_000
"""Patterns that are drawn where there are more prompts."""

_NOTHING = 1e-12  # of the largest difference: a sum closer to 0 than this is 0


@dataclass(frozen=True)
class Differences:
    """Two checkpoints' difference by a metric, over pairs of images.

    Attributes
    ----------
    mean : float
        The difference, the better end up.
    deviation : float
        Of what one prompt says of it: its standard error times the root of the number of prompts; NaN for one prompt.
    prompts, pairs : int
        How many there are.
    """

    mean: float
    deviation: float
    prompts: int
    pairs: int

    @property
    def is_exact(self) -> bool:
        """Whether every pattern of changed signs was tried."""
        return False


@dataclass(frozen=True)
class SignFlips(Differences):
    """Paired differences under all flips of their signs, or under many of them.

    Attributes
    ----------
    mean : float
        Of the prompts' mean differences, each prompt counting once.
    deviation : float
        Their standard deviation (n - 1); NaN for one prompt.
    prompts, pairs : int
        How many there are.
    subset_means : ndarray, shape (patterns - 1,)
        The mean over the prompts that a pattern flips, sorted; the pattern that flips none is left out.
    """

    subset_means: Array

    @property
    def is_exact(self) -> bool:
        """Whether every pattern of flips was tried."""
        return self.prompts <= EXACT_UP_TO

    def p_below(self, value: float = 0.0) -> float:
        """How often flips give a mean as low as the one that was found, if the true one is `value`; one-sided.

        A flipped sum is as low as the found one exactly if the flipped differences have a mean of `value` or more.
        """
        return float((1 + (self.subset_means >= value).sum()) / (1 + len(self.subset_means)))

    def p_above(self, value: float = 0.0) -> float:
        """The same for a mean as high as the one that was found."""
        return float((1 + (self.subset_means <= value).sum()) / (1 + len(self.subset_means)))

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """The true means that the two-sided test does not refuse; infinite where too few prompts could refuse any.

        Its ends are order statistics of the subset means: `p_above` and `p_below` as functions of `value` are steps at
        them.

        Examples
        --------
        >>> flips = sign_flips([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], range(6))
        >>> flips.interval()
        (1.0, 6.0)
        >>> sign_flips([1.0, 2.0], range(2)).interval()
        (-inf, inf)
        """
        total = 1 + len(self.subset_means)
        # p = (1 + k) / total must be at most alpha / 2 for a value to be refused, with k subset means beyond it
        refused = int(np.floor((1 - confidence) / 2 * total + 1e-9)) - 1
        if refused < 0:
            return -np.inf, np.inf
        return float(self.subset_means[refused]), float(self.subset_means[len(self.subset_means) - 1 - refused])


def sign_flips(differences: ArrayLike, prompts: ArrayLike, seed: int = 0) -> SignFlips:
    """Flip the signs of paired differences, prompt by prompt.

    Parameters
    ----------
    differences : array_like, shape (pairs,)
        One a pair of images of the same prompt and seed; no NaN.
    prompts : array_like, shape (pairs,)
        The prompt of each; all pairs of one are flipped together.
    seed : int
        Of the flips, where not all are tried.

    Returns
    -------
    SignFlips

    Raises
    ------
    ValueError
        For no pairs, or a difference that is not finite.

    Notes
    -----
    If two checkpoints are equally good, each prompt's difference is as likely to have the other sign. The interval is
    the same test turned round (Hartigan 1969: the means of the subsets of a symmetric sample are typical values of its
    centre): a mean of v is refused where the test of differences - v refuses 0.

    References
    ----------
    Fisher, R. A. (1935). The Design of Experiments, section 21.
    Hartigan, J. A. (1969). Using subsample values as typical values. JASA 64, 1303-1317.

    Examples
    --------
    >>> flips = sign_flips([-1.0, -2.0, -3.0, -1.5, -0.5], ["a", "b", "c", "d", "e"])
    >>> flips.mean, flips.p_below()
    (-1.6, 0.03125)
    """
    values = np.asarray(differences, dtype=float)
    if not len(values) or not np.isfinite(values).all():
        raise ValueError("the differences must be finite, and at least one")
    codes = np.unique(np.asarray(prompts), return_inverse=True)[1].reshape(-1)
    means = np.bincount(codes, weights=values) / np.bincount(codes)
    number = len(means)
    means = np.where(np.abs(means) <= _NOTHING * np.abs(values).max(initial=0), 0.0, means)
    flipped = _patterns(number, seed if number > EXACT_UP_TO else 0)
    found = (flipped @ means) / flipped.sum(axis=1)
    found[np.abs(found) <= _NOTHING * np.abs(means).max(initial=0)] = 0.0
    deviation = float(means.std(ddof=1)) if number > 1 else float("nan")
    return SignFlips(float(means.mean()), deviation, number, len(values), np.sort(found))


@lru_cache(maxsize=4)
def _patterns(number: int, seed: int) -> NDArray[np.float64]:
    """Which prompts a pattern flips: all patterns but the one that flips none, or `FLIPS` - 1 drawn ones."""
    if number <= EXACT_UP_TO:
        codes = np.arange(1, 2**number)
        patterns = (codes[:, None] >> np.arange(number)) & 1
    else:
        patterns = generator(seed).integers(0, 2, (FLIPS - 1, number), dtype=np.int8)
        patterns = patterns[patterns.any(axis=1)]
    flips = patterns.astype(float)
    flips.flags.writeable = False
    return flips
