"""Rules of thumb for LPIPS and FID of person LoRAs, as guides pass them on.

They are no result of a measurement: they presume 20 to 100 images of varied prompts at 512 x 512 pixels. Where people
have rated the images, the study's own bucket mapping takes their place.
"""

_BANDS = {
    "lpips": ((0.15, "excellent"), (0.25, "good"), (float("inf"), "weak")),
    "fid": ((10.0, "excellent"), (30.0, "good"), (50.0, "moderate"), (float("inf"), "poor")),
}
CAVEAT = "rules of thumb from guides to person LoRAs (20-100 images, varied prompts, 512 x 512), not measurements"


def band(metric: str, score: float) -> str:
    """What guides call a score; "" for a metric without such a rule.

    Parameters
    ----------
    metric : str
        "lpips" or "fid"; others have no bands.
    score : float
        A set's score.

    Examples
    --------
    >>> band("lpips", 0.14), band("lpips", 0.15), band("fid", 72.0), band("kid", 0.1)
    ('excellent', 'good', 'poor', '')
    """
    return next((name for upper, name in _BANDS.get(metric, ()) if score < upper), "")
