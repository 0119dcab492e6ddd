"""With the lowest versions that pyproject.toml allows: every module is imported, and the command line and pages work.

Run by .ci/run from the checkout's root, in an environment of its own.
"""

import csv
import importlib
import pkgutil
import random
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGES = ("study", "metrics", "calibration")
ROOT = Path(__file__).parents[1]


def import_all() -> int:
    """Import every module; returns how many there are."""
    names = [
        module.name
        for package in PACKAGES
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")
    ]
    for name in names:
        importlib.import_module(name)
    return len(names)


def humangrade(*arguments: object) -> None:
    """Run the command line of the checkout."""
    line = [sys.executable, "-c", "from study.cli import main; main()", *map(str, arguments)]
    subprocess.run(line, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def report(folder: Path) -> None:
    """A report of a small study that is made here."""
    draw = random.Random(0)
    quality = {f"{number:02}.png": draw.uniform(1, 5) for number in range(40)}
    with (folder / "ratings.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("item", "evaluator", "task", "rating"))
        for item, value in quality.items():
            for person in ("anna", "ben", "chris"):
                rows.writerow((item, person, "rating", min(5, max(1, round(value + draw.gauss(0, 0.5))))))
    with (folder / "scores.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("item", "metric", "score"))
        rows.writerows((item, "clip_score", value + draw.gauss(0, 0.5)) for item, value in quality.items())
    files = ("--ratings", folder / "ratings.csv", "--scores", folder / "scores.csv")
    humangrade("report", *files, "--draws", 100, "--out", folder / "report")
    assert (folder / "report" / "report.html").stat().st_size > 20_000


def pages(folder: Path) -> None:
    """The pages of the demo's study, as the server would send them."""
    from study.folder.demo_study import make_demo
    from study.server.app import create_app

    study = make_demo(folder / "demo")
    try:
        assert {"/rate", "/owner"} <= {getattr(route, "path", "") for route in create_app(study).routes}
    finally:
        study.close()


def main() -> None:
    """Do all of it."""
    sys.path.insert(0, str(ROOT))
    print(f"{import_all()} modules are imported with the lowest versions")
    humangrade("--help")
    humangrade("report", "--help")
    humangrade("metrics")
    with tempfile.TemporaryDirectory() as name:
        report(Path(name))
        pages(Path(name))


if __name__ == "__main__":
    main()
