"""A small study of checkpoints with everything that the dashboard shows."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from calibration.core.resampling import Resampling
from metrics.engine.types import Score, SetScore
from study.folder.create import create_study
from study.folder.study import Study
from study.runs.alerts import gate_report, gate_settings, record_gate_run
from study.runs.reading import study_tables

PROMPTS, SEEDS = 8, (1, 2)
RUNS = {"n05": 5, "n20": 20}
STEPS = (300, 600, 900)
DIRECTIONS = {"higher_is_better": ["good", "face"], "lower_is_better": ["distance"]}
NO_FACE = "no face was found"
FID_NOTE = "random sets of 16 and 4 of the same images, without a difference, show {:.1f}"
WORTH = {"base": -1.0, "n05/300": -0.5, "n05/600": 0.1, "n05/900": -0.3, "n20/300": 0.0, "n20/600": 0.8, "n20/900": 0.5}
"""What the checkpoints are truly worth, in rating steps."""


def item_rows() -> pd.DataFrame:
    """items.csv: a base and two runs of three checkpoints, 8 prompts x 2 seeds, and an image of no checkpoint."""
    states = [("base", "0", 0, "", "base")]
    states += [(run, str(step), step, str(count), "lora") for run, count in RUNS.items() for step in STEPS]
    rows = [
        {
            "item": f"{model}/{name}/p{prompt}_s{seed}",
            "image": f"{model}/{name}/p{prompt}_s{seed}.png",
            "model": model,
            "checkpoint": name,
            "step": str(step),
            "training_images": count,
            "kind": kind,
            "prompt": f"sks at place {prompt}",
            "group": "indoors" if prompt % 2 else "outdoors",
            "seed": str(seed),
            "references": "../photo.png",
        }
        for model, name, step, count, kind in states
        for prompt in range(PROMPTS)
        for seed in SEEDS
    ]
    rows.append({**dict.fromkeys(rows[0], ""), "item": "stray", "image": "stray.png", "prompt": "sks at place 0"})
    return pd.DataFrame(rows)


def make_study(folder: Path, people: int = 3, rated: float = 1.0, seed: int = 0) -> Study:
    """The study, not yet recorded: metrics good, distance (lower is better) and face (some failed), and FID.

    A share of the images is rated by all of the people, in the task look.
    """
    rows, rng = item_rows(), np.random.default_rng(seed)
    for number, name in enumerate([*rows["image"], "../photo.png"]):
        path = folder / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        colour = (number % 256, 40 + number // 2, 200 - number)
        Image.new("RGB", (24, 16), colour).save(path)
    rows.to_csv(folder / "images" / "items.csv", index=False)
    evaluators = [f"e{number}" for number in range(people)]
    study = create_study(folder / "study", folder / "images", tasks=["look"], evaluators=evaluators, title="Made")
    items = study.items
    worth = np.array([WORTH.get(f"{row.model}/{row.checkpoint}", WORTH["base"]) for row in items.itertuples()])
    of_prompt = dict(zip(items["prompt"].unique(), rng.normal(0, 0.7, items["prompt"].nunique()), strict=True))
    quality = worth + items["prompt"].map(of_prompt).to_numpy(dtype=float) + rng.normal(0, 0.4, len(items))
    given = {
        "good": quality + rng.normal(0, 0.2, len(items)),
        "distance": 1 - quality + rng.normal(0, 0.2, len(items)),
        "face": rng.normal(0, 1, len(items)),
    }
    scores = []
    for metric, values in given.items():
        for number, (item, value) in enumerate(zip(items["item"], values, strict=True)):
            if metric == "face" and number % 29 == 0:
                scores.append(Score(item, metric, None, "metric:face", NO_FACE))
            else:
                scores.append(Score(item, metric, float(value), f"metric:{metric}"))
    sets = [
        SetScore(f"n05/{step}", "fid", 200.0 - step / 10, 16, "metric:fid", 150.0, 250.0, FID_NOTE.format(140 + k))
        for k, step in enumerate(STEPS)
    ]
    study.store.save_scores(scores, sets)
    asked = items[items["item"] != "stray"]["item"][rng.random(len(items) - 1) < rated]
    strict = rng.normal(0, 0.3, people)
    ratings = [
        {"item": item, "evaluator": who, "task": "look", "rating": int(np.clip(np.rint(3 + of - bias), 1, 5))}
        for who, bias in zip(evaluators, strict, strict=True)
        for item, of in zip(asked, quality[items["item"].isin(asked)] + rng.normal(0, 0.5, len(asked)), strict=True)
    ]
    study.store.import_rows(ratings)
    return study


def add_gate(study: Study, candidate: str = "n20/900", against: str = "n20/600", **more) -> int:
    """Judge and record, as `humangrade gate` does."""
    tables = study_tables(study, resampling=Resampling(200), **DIRECTIONS)
    found = tables.gate(candidate, against, **more)
    asked = list(more.get("metrics", [])), more.get("primary", ""), more.get("least_drops", {})
    settings = gate_settings(against, *asked, False, tables.resampling)
    return record_gate_run(study, gate_report(found, tables, settings))


def add_tracked(study: Study, folder: Path, run: str = "n20", step: int = 1200) -> list[str]:
    """Images of a new checkpoint outside the study, with values of good, as `humangrade track` records them."""
    rows = []
    for prompt in range(PROMPTS):
        for seed in SEEDS:
            path = folder / f"p{prompt}_s{seed}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (24, 16), (prompt, seed, 99)).save(path)
            rows.append({"path": str(path), "prompt": f"sks at place {prompt}", "seed": str(seed)})
    frame = pd.DataFrame(rows).assign(model=run, checkpoint=str(step), step=step)
    frame["sha256"] = [f"{number:064x}" for number in range(len(frame))]
    study.store.runs.add_images(frame, "folder")
    values = frame[["path"]].assign(metric="good", score=np.linspace(0, 1, len(frame)), signature="metric:good")
    study.store.runs.add_values(values)
    return list(frame["path"])
