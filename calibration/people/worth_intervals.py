"""How far a metric's worth as a view of what an image is truly worth would move with other images, and other people."""

import numpy as np

from calibration.core.grades import Array, sample_scores
from calibration.core.intervals import Interval, group_codes, left_out, percentiles, with_other_people
from calibration.core.ratings import Ratings, ScoredTask
from calibration.core.resampling import Draws, given_draws, group_draws
from calibration.people.variance import ComponentSums


def worth_intervals(task: ScoredTask) -> dict[str, dict[str, Interval]] | None:
    """Intervals of a metric's correlation, of that without people's noise, and of its rater equivalents.

    Parameters
    ----------
    task : ScoredTask

    Returns
    -------
    dict or None
        As `agreement_intervals`, for ``pearson``, ``disattenuated`` and ``rater_equivalents`` (see
        `calibration.people.variance`).

    Notes
    -----
    For people like these the interval is made for the root of the rater equivalents, which is nearly straight in the
    correlation, and squared.

    Examples
    --------
    >>> from calibration.core.resampling import Resampling
    >>> rng = np.random.default_rng(0)
    >>> quality = rng.normal(size=300)
    >>> people = Ratings(quality[:, None] + rng.normal(size=(300, 4)), resampling=Resampling(200))
    >>> found = worth_intervals(ScoredTask.of(quality, people))
    >>> found["these"]["disattenuated"].low > 0.9
    True
    """
    return task.ratings.once(Worth).intervals(task.scores)


class Worth:
    """What `worth_intervals` needs of the people, for many metrics that scored the same items.

    Parameters
    ----------
    ratings : Ratings
        Of the items that they scored.
    """

    def __init__(self, ratings: Ratings):
        count, draws = len(ratings.values), ratings.resampling
        self._ratings = ratings.values[:, ~np.isnan(ratings.values).all(axis=0)]
        self._is_known = draws.draws >= 2 and count >= 3 and self._ratings.shape[1] >= 2
        if self._is_known:
            people = self._ratings.shape[1]
            drawn = group_draws(group_codes(ratings.clusters, count), draws.of_items(count))
            self._in_draws = _Noise(self._ratings, drawn)
            everyone = given_draws(np.ones((1, count)))
            gone = [(), *left_out(people)] if people > 2 else []
            self._panels = [_Noise(np.delete(self._ratings, each, axis=1), everyone) for each in gone]

    def intervals(self, scores: Array) -> dict[str, dict[str, Interval]] | None:
        """As `worth_intervals`.

        Parameters
        ----------
        scores : ndarray, shape (items,)
            Finite scores.

        Examples
        --------
        >>> from calibration.core.resampling import Resampling
        >>> rng = np.random.default_rng(0)
        >>> quality = rng.normal(size=300)
        >>> people = Worth(Ratings(quality[:, None] + rng.normal(size=(300, 4)), resampling=Resampling(200)))
        >>> people.intervals(quality)["these"]["pearson"].low > 0.8
        True
        """
        if not self._is_known:
            return None
        over_items = self._in_draws.worth(scores)
        these = {name: percentiles(drawn) for name, drawn in over_items.items()}
        if not self._panels:
            return {"these": these, "people_like_these": {}}
        people = self._ratings.shape[1]
        estimate, *without = (panel.worth(scores) for panel in self._panels)
        values = {name: np.array([float(each[name][0]) for each in without]) for name in over_items}
        name = "rater_equivalents"
        low, high = with_other_people(
            float(np.sqrt(estimate[name][0])), np.sqrt(over_items[name]), np.sqrt(values[name]), people, 0.0, np.inf
        )
        others = {name: Interval(low**2, high**2)}
        for name, most in (("pearson", 1.0), ("disattenuated", np.inf)):
            figure = float(estimate[name][0])
            others[name] = with_other_people(figure, over_items[name], values[name], people, -most, most)
        return {"these": these, "people_like_these": others}


class _Noise:
    """One panel's mean ratings, and the variances of its ratings of weighted items."""

    def __init__(self, ratings: Array, draws: Draws):
        self._target = sample_scores(ratings)
        self._known = ~np.isnan(self._target)
        self._draws, self._parts = draws, draws.figures(ComponentSums(ratings).components)

    def worth(self, scores: Array) -> dict[str, Array]:
        """A metric's rater equivalents, disattenuated correlation and correlation in the same weightings."""
        known = self._known
        x, y = (np.where(known, side - side[known].mean(), 0.0) for side in (scores, self._target))
        products = np.column_stack([known, x, y, x * x, y * y, x * y])
        n, x, y, xx, yy, xy = self._draws.figures(lambda weights: weights @ products).T
        parts = self._parts
        noise = parts["evaluators"] + parts["residual"]
        with np.errstate(invalid="ignore", divide="ignore"):
            r = (xy - x * y / n) / np.sqrt((xx - x * x / n) * (yy - y * y / n))
            reliability = parts["items"] / (parts["items"] + noise / parts["per_item"])
            latent = r / np.sqrt(reliability)
            squared = latent**2
            worth = np.where(squared < 1, squared * noise / ((1.0 - squared) * parts["items"]), np.inf)
        worth = np.where(np.isfinite(latent), worth, np.nan)
        return {"rater_equivalents": worth, "disattenuated": latent, "pearson": r}
