"""The eight studies, and their reports as text: four simulated, four real ones without their names."""

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from calibration.pipeline import calibrate_tables
from calibration.settings import Reading, Settings
from calibration.tables.reading import ColumnMap, read_table
from tests.calibration.simulated_studies import study

HERE = Path(__file__).parent
SHARED = HERE.parents[2].parent / "shared"
SETTINGS = Settings(draws=40, seed=7)
READING = Reading()
Tables = tuple[pd.DataFrame, pd.DataFrame | None, pd.DataFrame | None, Reading]


def simulated(kind: str, seed: int) -> Tables:
    made = study(kind, seed)
    return made.ratings, made.scores, made.items if len(made.items.columns) > 1 else None, READING


def renamed(frames: dict[str, pd.DataFrame], columns: dict[str, str]) -> dict[str, pd.DataFrame]:
    """The same with p1, p2, ... for the names in a column of all tables, by the order in which they first occur."""
    for column, prefix in columns.items():
        names = pd.concat([frame[column] for frame in frames.values() if column in frame]).unique()
        new = {name: f"{prefix}{number:04d}" for number, name in enumerate(names)}
        frames = {
            key: frame.assign(**{column: frame[column].map(new)}) if column in frame else frame
            for key, frame in frames.items()
        }
    return frames


def tifa160() -> Tables:
    folder = SHARED / "data" / "tifa160"
    columns = ColumnMap.parse("evaluator=worker_id,rating=answer")
    files = {"ratings": "ratings_as_published.csv", "scores": "scores.csv", "items": "items.csv"}
    frames = {key: read_table(folder / name, columns)[0] for key, name in files.items()}
    chosen = ["tifa_mplug-large", "clipscore_vitb32", "dsg_pali17b"]
    frames["scores"] = frames["scores"][frames["scores"]["metric"].isin(chosen)]
    kept = set(frames["items"]["item"].iloc[::4])
    frames = {key: frame[frame["item"].isin(kept)] for key, frame in frames.items()}
    frames["ratings"] = frames["ratings"][["item", "evaluator", "rating"]]
    frames = renamed(frames, {"item": "i", "evaluator": "e", "model": "m", "prompt": "p"})
    return frames["ratings"], frames["scores"], frames["items"], READING


def avt() -> Tables:
    folder = SHARED / "data" / "avt_ai_images"
    columns = ColumnMap.parse(
        "evaluator=user_ID,task=rating_type,item=stimuli_file,item=./stimuli/{model}/{img_id},score=quality_score"
    )
    frames = {
        "ratings": read_table(folder / "ratings_as_exported.csv", columns)[0],
        "scores": read_table(folder / "iqa.csv", columns)[0],
    }
    tasks = ["range_image_appeal", "range_realism"]
    ratings = frames["ratings"][["item", "evaluator", "task", "rating"]]
    frames["ratings"] = ratings[ratings["task"].isin(tasks)]
    frames["scores"] = frames["scores"][["item", "metric", "score"]]
    frames["scores"] = frames["scores"][frames["scores"]["metric"].isin(["NIQE", "MUSIQ"])]
    frames = renamed(frames, {"item": "i", "evaluator": "e"})
    return frames["ratings"], frames["scores"], None, Reading(duplicates="mean", min_ratings=100)


def imagenhub() -> Tables:
    """Half steps of 0 to 1, read as 1, 3 and 5, of two models; without scores."""
    rows = []
    for rater in (1, 2, 3):
        path = SHARED / "data" / "likert_imagenhub_wide" / "Text-To-Image" / f"Text-To-Image_rater{rater}.tsv"
        wide = pd.read_csv(path, sep="\t")
        for model in ("DALLE", "SDXL"):
            values = [float(cell.strip("[] ").split(",")[0]) for cell in wide[model]]
            rows += [
                (f"i{model}{number:04d}", f"e{rater}", int(1 + 4 * value), model, f"p{number:04d}")
                for number, value in enumerate(values)
            ]
    table = pd.DataFrame(rows, columns=["item", "evaluator", "rating", "model", "prompt"])
    items = table[["item", "model", "prompt"]].drop_duplicates("item")
    return table[["item", "evaluator", "rating"]], None, renamed({"items": items}, {"model": "m"})["items"], READING


def bad_raters() -> Tables:
    """Thirty evaluators, four of them outliers; the score is the first evaluator's rating."""
    wide = pd.read_csv(SHARED / "data" / "likert_bad_raters" / "nflx_30_raters_last4_outliers.csv")
    names = [f"r{number:02d}" for number in range(2, 31)]
    wide["item"] = [f"i{number:04d}" for number in range(len(wide))]
    ratings = wide.melt("item", names, var_name="evaluator", value_name="rating").dropna()
    ratings["rating"] = ratings["rating"].astype(int)
    return ratings, wide[["item", "r01"]].rename(columns={"r01": "ssim"}), None, READING


STUDIES: dict[str, Callable[[], Tables]] = {
    "strict": lambda: simulated("strict", 1),
    "incomplete": lambda: simulated("incomplete", 4),
    "checkpoints": lambda: simulated("checkpoints", 3),
    "flat": lambda: simulated("flat", 2),
    "tifa160": tifa160,
    "avt": avt,
    "imagenhub": imagenhub,
    "bad_raters": bad_raters,
}
REAL = ("tifa160", "avt", "imagenhub", "bad_raters")


def report_of(name: str) -> dict[str, Any]:
    """The report as it would be read from report.json, without what differs from run to run."""
    ratings, scores, items, reading = STUDIES[name]()
    report = calibrate_tables(ratings, scores, items, SETTINGS, reading=reading).report
    kept = {key: value for key, value in report.items() if key not in ("created", "version")}
    return json.loads(json.dumps(kept, ensure_ascii=False, allow_nan=False))


def golden(name: str) -> dict[str, Any]:
    return json.loads(gzip.decompress((HERE / f"{name}.json.gz").read_bytes()))


def whole(name: str) -> dict[str, Any]:
    """A golden report with what differs from run to run."""
    kept = golden(name)
    return {"schema": kept.pop("schema"), "version": "0", "created": "2026-01-01T00:00:00+00:00", **kept}


def main() -> None:
    if not SHARED.is_dir() and not {*REAL}.isdisjoint(sys.argv[1:] or STUDIES):
        sys.exit(f"{', '.join(REAL)} need the real data in {SHARED.name}/ beside the checkout; name the others.")
    for name in sys.argv[1:] or STUDIES:
        text = json.dumps(report_of(name), ensure_ascii=False, separators=(",", ":"))
        (HERE / f"{name}.json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
        print(name, len(text), (HERE / f"{name}.json.gz").stat().st_size)


if __name__ == "__main__":
    main()
