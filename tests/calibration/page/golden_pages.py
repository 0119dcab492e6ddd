"""The pages of the golden reports.

    python -m tests.calibration.page.golden_pages

writes the sums of their texts anew; look at a page before that.
"""

import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from calibration.page.html import render_html
from calibration.report.build import Calibration
from tests.calibration.golden.studies import STUDIES, whole

SUMS = Path(__file__).with_name("golden_pages.json")
DRAWN = re.compile(r"<svg\b.*?</svg>|<style>.*?</style>|<script>.*?</script>|<meta http-equiv[^>]*>", re.DOTALL)


def with_points(report: dict[str, Any]) -> Calibration:
    """A calibration with this report; what its scatter plots draw are the points of each predicted curve."""
    rows = [
        {"task": name, "metric": metric, "item": f"i{place}", "score": score, "mean_rating": mean}
        for name, task in report["tasks"].items()
        for metric, entry in task["metrics"].items()
        for place, (score, mean) in enumerate(
            zip(*(entry["predictor"]["curve"][key] for key in ("score", "mean")), strict=True)
            if entry["predictor"]
            else [(0.5, 3.0)]
        )
    ]
    points = pd.DataFrame(rows, columns=["task", "metric", "item", "score", "mean_rating"])
    return Calibration(report, points.assign(n_ratings=3, level=points["mean_rating"].round().astype(int)))


@cache
def golden_page(name: str) -> str:
    return render_html(with_points(whole(name)))


def sum_of(page: str) -> str:
    """Of everything but figures, which matplotlib may draw otherwise elsewhere, style and script."""
    return hashlib.sha256(DRAWN.sub("", page).encode()).hexdigest()


def main() -> None:
    SUMS.write_text(json.dumps({name: sum_of(golden_page(name)) for name in STUDIES}, indent=1) + "\n")


if __name__ == "__main__":
    main()
