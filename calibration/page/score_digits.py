"""How many digits a score needs, so that the scores of one metric can be told apart."""

import math

MOST = 17
"""More significant digits than these no float has."""


def digits_for(low: float, high: float, least: int = 4) -> int:
    """Significant digits with which numbers between two bounds differ as they would near zero.

    Parameters
    ----------
    low, high : float
        The range of the scores.
    least : int
        Digits where the range is as wide as the numbers are large.

    Returns
    -------
    int
        From `least` to 17.

    Examples
    --------
    >>> digits_for(0, 1), digits_for(1_760_000_000, 1_760_000_005)
    (4, 13)
    """
    width, largest = high - low, max(abs(low), abs(high))
    if not 0 < width < largest:
        return least
    return min(MOST, least + math.floor(math.log10(largest)) - math.floor(math.log10(width)))


def score_text(value: float, digits: int = 4) -> str:
    """A score with so many significant digits and a true minus sign.

    Examples
    --------
    >>> score_text(-0.123456), score_text(1_760_000_001.25, 12)
    ('−0.1235', '1760000001.25')
    """
    return f"{value:.{digits}g}".replace("-", "−")
