"""What checkpoints' values are sums of: means over prompts and people, and how sure these are.

Values are compared on the same prompts: where people rated some images only, a checkpoint whose easy prompts were rated
more often would otherwise look better than it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from calibration.core.grades import Array

_APART = 1e-9  # of the largest eigenvalue: below it checkpoints share no prompt, not even through others


@dataclass(frozen=True)
class Part:
    """A mean that is estimated by summing over prompts, for each checkpoint.

    Attributes
    ----------
    sums, counts : ndarray, shape (evaluators, prompts, checkpoints)
        Of the values, and how many there are; one evaluator for what a metric gives.
    leniency : ndarray, shape (evaluators,), optional
        By how much each gives more than the others, where that was taken out of `sums`. It moves all checkpoints alike
        and none against another, but what people like these would give is the less sure.
    """

    sums: Array
    counts: Array
    leniency: Array | None = None

    def of_prompts(self, chosen: ArrayLike) -> "Part":
        """The same of some prompts."""
        places = np.asarray(chosen)
        return Part(self.sums[:, places], self.counts[:, places], self.leniency)

    @cached_property
    def is_complete(self) -> bool:
        """Whether each checkpoint has as many values of each prompt by each evaluator."""
        return bool((self.counts == self.counts.flat[0]).all())

    @property
    def prompts(self) -> int:
        """How many prompts have a value."""
        return int((self.counts.sum(axis=(0, 2)) > 0).sum())

    def means(self, prompts: Array, evaluators: Array | None = None) -> Array:
        """The checkpoints' means under weights of prompts, (draws, prompts), and of evaluators, (draws, evaluators).

        Where values are missing, these are least-squares means: a checkpoint and a prompt add up to a value, and each
        prompt counts once. NaN where the values that are there do not compare all checkpoints, not even through others.
        """
        size = self.sums.shape[0]
        weights = np.ones((len(prompts), size)) if evaluators is None or size == 1 else evaluators
        found = self._plain(prompts, weights) if self.is_complete else self._adjusted(prompts, weights)
        if self.leniency is None:
            return found
        return np.asarray(found + ((weights @ self.leniency) / weights.sum(axis=1))[:, None])

    def _plain(self, prompts: Array, weights: Array) -> Array:
        total = np.zeros((len(prompts), self.sums.shape[2]))
        for who in range(len(self.sums)):
            total += weights[:, [who]] * (prompts @ self.sums[who])
        count = (weights.sum(axis=1) * prompts.sum(axis=1) * self.counts.flat[0])[:, None]
        return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)

    def _adjusted(self, prompts: Array, evaluators: Array) -> Array:
        shape = (len(prompts), *self.sums.shape[1:])
        sums, counts = (
            (evaluators @ table.reshape(len(table), -1)).reshape(shape) * prompts[:, :, None]
            for table in (self.sums, self.counts)
        )
        of_prompt, number = sums.sum(axis=2), counts.sum(axis=2)
        known = number > 0
        mean = np.divide(of_prompt, number, out=np.zeros_like(number), where=known)
        share = np.divide(counts, number[:, :, None], out=np.zeros_like(counts), where=known[:, :, None])
        turned = counts.transpose(0, 2, 1)
        normal = np.eye(shape[2]) * counts.sum(axis=1)[:, None, :] - turned @ share
        right = sums.sum(axis=1) - (turned @ mean[:, :, None])[:, :, 0]
        size = counts.sum(axis=(1, 2))[:, None, None]
        normal += size / shape[2] ** 2  # so that the effects sum to 0
        is_one = np.linalg.eigvalsh(normal)[:, 0] > _APART * size[:, 0, 0]
        effects = np.linalg.solve(np.where(is_one[:, None, None], normal, np.eye(shape[2])), right[:, :, None])[:, :, 0]
        levels = mean - (share @ effects[:, :, None])[:, :, 0]
        times = prompts * known
        level = np.divide((times * levels).sum(axis=1), times.sum(axis=1), out=np.zeros(len(times)), where=is_one)
        return np.asarray(np.where(is_one[:, None], effects + level[:, None], np.nan))


def part_of(values: ArrayLike) -> Part:
    """A part of one value for each prompt and checkpoint, NaN where missing; shape (prompts, checkpoints)."""
    table = np.asarray(values, dtype=float)
    known = ~np.isnan(table)
    return Part(np.where(known, table, 0.0)[None], known.astype(float)[None])


def values(parts: Sequence[Part], prompts: Array, evaluators: Array | None = None) -> Array:
    """The checkpoints' values: the sums of the parts' means."""
    return np.sum([part.means(prompts, evaluators) for part in parts], axis=0)


def people_of(parts: Sequence[Part]) -> int:
    """How many evaluators the values rest on; 1 for a metric."""
    return max(part.sums.shape[0] for part in parts)


@dataclass(frozen=True)
class LeftOut:
    """Values without each prompt and, where there are several evaluators, without each of them.

    Attributes
    ----------
    of_prompts : ndarray, shape (prompts, checkpoints)
    of_people : ndarray, shape (evaluators, checkpoints), or None
    of_both : ndarray, shape (evaluators, prompts, checkpoints), or None
        Without one evaluator and one prompt.
    whole : ndarray, shape (checkpoints,)
    prompts : int
        With values of every part: that many count for the degrees of freedom.
    """

    of_prompts: Array
    of_people: Array | None
    of_both: Array | None
    whole: Array
    prompts: int

    @staticmethod
    def of(parts: Sequence[Part]) -> "LeftOut":
        """Compute them."""
        prompts, people = parts[0].sums.shape[1], people_of(parts)
        each, fewest = 1 - np.eye(prompts), min(part.prompts for part in parts)
        whole = values(parts, np.ones((1, prompts)))[0]
        if people == 1:
            return LeftOut(values(parts, each), None, None, whole, fewest)
        without = 1 - np.eye(people)
        both = np.stack([values(parts, each, np.tile(row, (prompts, 1))) for row in without])
        return LeftOut(values(parts, each), values(parts, np.ones((people, prompts)), without), both, whole, fewest)

    def less(self, others: Sequence[int], one: int) -> "LeftOut":
        """The same of the differences between others and one checkpoint."""

        def differences(table: Array) -> Array:
            return np.asarray(table[..., list(others)] - table[..., [one]])

        people = None if self.of_people is None else differences(self.of_people)
        both = None if self.of_both is None else differences(self.of_both)
        return LeftOut(differences(self.of_prompts), people, both, differences(self.whole), self.prompts)

    def uncertainty(self, prompts: float | None = None, tastes: float = 0.0) -> tuple[Array, Array]:
        """Standard errors by the jackknife, and their degrees of freedom (Satterthwaite).

        Parameters
        ----------
        prompts : float, optional
            With so many prompts and the same people.
        tastes : float
            Then, the variance by what these people prefer, which more prompts do not average out.
        """
        more = 1.0 if prompts is None else prompts / len(self.of_prompts)
        found = [(self._by_prompts / more, max(more * self.prompts, 2.0) - 1)]
        if self.of_people is not None:
            by_people = self.by_people if prompts is None else tastes + np.minimum(self.noise, self.by_people) / more
            found.append((by_people, max(len(self.of_people), 2) - 1.0))
        total = np.sum([variance for variance, _ in found], axis=0)
        squares = np.sum([variance**2 / freedom for variance, freedom in found], axis=0)
        return np.sqrt(total), np.divide(total**2, squares, out=np.full_like(total, found[0][1]), where=squares > 0)

    @cached_property
    def _by_prompts(self) -> Array:
        return _variance(self.of_prompts)

    @cached_property
    def by_people(self) -> Array:
        """The variance by the people: their tastes, and `noise`."""
        assert self.of_people is not None
        return _variance(self.of_people)

    @cached_property
    def noise(self) -> Array:
        """The variance by what neither prompts nor evaluators have in common."""
        assert self.of_both is not None and self.of_people is not None
        people, prompts = self.of_both.shape[:2]
        of_people = people * self.whole - (people - 1) * self.of_people
        of_prompts = prompts * self.whole - (prompts - 1) * self.of_prompts
        cells = (people - 1) * (prompts - 1) * self.of_both - people * prompts * self.whole
        rest = cells + (prompts - 1) * of_people[:, None] + (people - 1) * of_prompts[None] + self.whole
        return np.asarray(np.nansum(rest**2, axis=(0, 1)) / ((people - 1) * (prompts - 1) * people * prompts))


def half_width(error: Array, freedom: Array, critical: float) -> Array:
    """The critical value of the normal distribution, as Student's t has it, times the error."""
    return np.asarray(error * stats.t.isf(stats.norm.sf(critical), freedom))


def _variance(left_out: Array) -> Array:
    """The jackknife's."""
    known = (~np.isnan(left_out)).sum(axis=0)
    spread = np.nansum((left_out - np.nanmean(left_out, axis=0)) ** 2, axis=0)
    return np.asarray((known - 1) / known * spread)
