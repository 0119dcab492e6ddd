"""The cubic that never falls and comes closest to ratings, as telecom practice maps scores to opinion scores."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from calibration.core.grades import Array

_SLACK = 1e-9
_ALIKE = 1e-13  # two shapes whose squared sine is less are one
_AT_AN_END = (
    np.array([[0.0, 1 / 2, -1 / 3], [0.0, 0.0, 1 / 3]]),  # derivatives t (1 - t) and t^2
    np.array([[1.0, -1.0, 1 / 3], [0.0, 1 / 2, -1 / 3]]),  # (1 - t)^2 and t (1 - t)
)


@dataclass(frozen=True)
class MonotoneCubic:
    """A cubic on the range of the scores it was fitted on; beyond it the end values hold.

    Attributes
    ----------
    low, high : float
        The range.
    coefficients : ndarray, shape (4,)
        Of 1, t, t^2, t^3 with t = (score - low) / (high - low).
    """

    low: float
    high: float
    coefficients: Array

    def predict(self, scores: ArrayLike) -> Array:
        """The ratings that scores stand for.

        Examples
        --------
        >>> MonotoneCubic(0.0, 2.0, np.array([1.0, 4.0, 0.0, 0.0])).predict([-1.0, 1.0, 2.0]).tolist()
        [1.0, 3.0, 5.0]
        """
        width = (self.high - self.low) or 1.0
        t = np.clip((np.asarray(scores, dtype=float) - self.low) / width, 0.0, 1.0)
        return np.asarray(np.polynomial.polynomial.polyval(t, self.coefficients))


def fit_monotone_cubic(scores: Array, target: Array, weights: Array | None = None) -> MonotoneCubic | None:
    """Fit the cubic of least squares among those that do not fall on the range of the scores.

    Parameters
    ----------
    scores : ndarray, shape (items,)
        Finite, higher is better.
    target : ndarray, shape (items,)
        Finite.
    weights : ndarray, shape (items,), optional
        How much each item counts; all alike unless given.

    Returns
    -------
    MonotoneCubic or None
        None for fewer than two items or where all scores are equal.

    Notes
    -----
    Where the cubic of least squares falls somewhere, the best one that does not is at the border of those that do not:
    its derivative touches 0 at an end of the range, or has a double root within. Each of these cases has a closed form,
    and the best of them is taken.

    Examples
    --------
    >>> fit = fit_monotone_cubic(np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0, 4.0]))
    >>> fit.predict([1.5]).round(6).tolist()
    [2.5]
    """
    low, high = (float(scores.min()), float(scores.max())) if len(scores) else (0.0, 0.0)
    if len(scores) < 2 or not high > low:
        return None
    t = (scores - low) / (high - low)
    root = np.ones_like(t) if weights is None else np.sqrt(weights)
    design = np.vander(t, 4, increasing=True)
    free = np.linalg.lstsq(design * root[:, None], target * root, rcond=None)[0]
    if _is_monotone(np.asarray(free, dtype=float)):
        return MonotoneCubic(low, high, np.asarray(free))
    gram = design.T @ (design * (root**2)[:, None])
    return MonotoneCubic(low, high, _constrained(gram, design.T @ (target * root**2)))


def _is_monotone(coefficients: Array) -> bool:
    """Whether the derivative is nowhere negative on [0, 1]."""
    first, second, third = coefficients[1:] * [1.0, 2.0, 3.0]
    places = [0.0, 1.0]
    if third > 0 and 0 < -second / (2 * third) < 1:
        places.append(-second / (2 * third))
    return all(first + second * t + third * t * t >= -_SLACK for t in places)


def _constrained(gram: Array, right: Array) -> Array:
    """The least of x' gram x - 2 x' right over the cubics that do not fall; at its end the derivative touches 0.

    The constant is free, and the derivative either is 0 at an end, where it is t or 1 - t times a line that is nowhere
    negative, or has a double root between the ends.
    """
    middle = gram[0, 1:] / gram[0, 0]
    square = gram[1:, 1:] - np.outer(middle, gram[0, 1:])
    linear = right[1:] - middle * right[0]
    found = [_with_two(square, linear, shapes) for shapes in _AT_AN_END]
    found += [_with_one(square, linear, np.array([root**2, -root, 1 / 3])) for root in _double_roots(square, linear)]
    best = min(found, key=lambda slope: float(slope @ square @ slope - 2 * slope @ linear))
    return np.append(right[0] / gram[0, 0] - middle @ best, best)


def _with_one(square: Array, linear: Array, shape: Array) -> Array:
    """The best multiple of a shape (coefficients of t, t^2, t^3), not below 0."""
    size = float(shape @ square @ shape)
    return shape * (max(float(shape @ linear), 0.0) / size if size > 0 else 0.0)


def _with_two(square: Array, linear: Array, shapes: Array) -> Array:
    """The best sum of multiples of two shapes, neither below 0."""
    both, wanted = shapes @ square @ shapes.T, shapes @ linear
    determinant = both[0, 0] * both[1, 1] - both[0, 1] ** 2
    if determinant > _ALIKE * both[0, 0] * both[1, 1]:
        parts = np.array(
            [
                both[1, 1] * wanted[0] - both[0, 1] * wanted[1],
                both[0, 0] * wanted[1] - both[0, 1] * wanted[0],
            ]
        )
        if (parts >= 0).all():
            return np.asarray(parts / determinant @ shapes)
    alone = [_with_one(square, linear, shape) for shape in shapes]
    return min(alone, key=lambda slope: float(slope @ square @ slope - 2 * slope @ linear))


def _double_roots(square: Array, linear: Array) -> list[float]:
    """Where in (0, 1) the derivative (t - root)^2 fits best: the zeros of 2 n' d - n d' for the gain n^2 / d."""
    # the shape's coefficients of t, t^2, t^3 are root^2, -root, 1/3; polynomials in the root, highest power first
    gain = np.array([linear[0], -linear[1], linear[2] / 3])
    (a, b, c), (_, d, e), (_, _, f) = square
    size = np.array([a, -2 * b, d + 2 * c / 3, -2 * e / 3, f / 9])
    slope = 2 * np.convolve(gain[:2] * [2, 1], size) - np.convolve(gain, size[:4] * [4, 3, 2, 1])
    roots = np.roots(slope[1:])  # the highest power cancels
    real = roots.real[np.abs(roots.imag) < _SLACK]
    return [float(root) for root in real if 0 < root < 1]
