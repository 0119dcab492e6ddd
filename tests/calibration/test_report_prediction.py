"""Which metrics are combined, where there are many and each left out some images."""

import numpy as np

from calibration.comparison.combination import MOST_METRICS
from calibration.core.ratings import Ratings, ScoredTask
from calibration.report.prediction import _scored_together


def test_of_many_metrics_those_are_combined_that_leave_most_images():
    given = {f"m{place:02d}": np.arange(100.0) for place in range(MOST_METRICS + 5)}
    for place in range(5):
        given[f"m{place:02d}"] = np.where(np.arange(100) // 8 == place, np.nan, np.arange(100.0))
    ratings = Ratings(np.zeros((100, 1)))
    given = {name: ScoredTask.of(scores, ratings) for name, scores in given.items()}
    kept = _scored_together(given, 90)
    assert kept == ["m00", *(f"m{place:02d}" for place in range(5, MOST_METRICS + 5))]
    assert _scored_together(dict(list(given.items())[:MOST_METRICS]), 90) == [f"m{k:02d}" for k in range(MOST_METRICS)]
