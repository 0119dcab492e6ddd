"""The cubic that never falls and comes closest to ratings, as telecom practice maps scores to opinion scores."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from calibration.grades import Array

_SLACK = 1e-9


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
    Where the cubic of least squares falls somewhere, the best one that does not is found over all of them: the
    derivative is (a + b t)^2 + c^2 t (1 - t), which is every quadratic that is nowhere negative on [0, 1]
    (Lukacs' theorem).

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
    """The least of x' gram x - 2 x' right over the cubics that do not fall."""
    from scipy.optimize import minimize

    scale = max(float(np.abs(np.diag(gram)).max()), 1e-300)
    gram, right = gram / scale, right / scale

    def cubic(parameters: Array) -> Array:
        start, a, b, root = parameters
        return np.array([start, a * a, a * b + root * root / 2, (b * b - root * root) / 3])

    def loss(parameters: Array) -> tuple[float, Array]:
        x = cubic(parameters)
        slope = 2 * (gram @ x - right)
        _, a, b, root = parameters
        turned = np.array(
            [
                slope[0],
                2 * a * slope[1] + b * slope[2],
                a * slope[2] + 2 * b / 3 * slope[3],
                2 * root * (slope[2] / 2 - slope[3] / 3),
            ]
        )
        return float(x @ gram @ x - 2 * x @ right), turned

    mean = float(right[0] / gram[0, 0])
    spread = float(np.sqrt(abs(np.linalg.lstsq(gram, right, rcond=None)[0]).max())) or 1.0
    starts = [(mean, spread, -sign * spread, 0.3 * spread) for sign in (1.0, 2.0)]
    found = [minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-9}) for start in starts]
    return cubic(min(found, key=lambda each: each.fun).x)
