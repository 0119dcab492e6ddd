"""A small study with runs for the dashboard's tests, with names that would break a careless page."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from study.folder.create import create_study
from study.folder.importing import import_tables
from study.folder.study import Study

NASTY = "</script><img src=x onerror=alert(1)> & \"quoted\" 'so' ${7*7} {{7*7}} <!--"
SECRET = "Zebrafinch77"
EVALUATORS = ("Ottoline-Quux", "Bartholomew-Zyx")
PROMPTS = 6
RUNS = {"anna-10": 10, "anna-40": 40}
STEPS = (300, 600)


def save(path: Path, seed: int) -> None:
    """A PNG of 300 x 200 random patches whose text names a model."""
    path.parent.mkdir(parents=True, exist_ok=True)
    patches = np.random.default_rng(seed).integers(0, 256, (10, 15, 3), dtype=np.uint8)
    words = PngInfo()
    words.add_text("parameters", SECRET)
    Image.fromarray(patches).resize((300, 200)).save(path, pnginfo=words)


def made_study(folder: Path, evaluators=EVALUATORS, prompts: int = PROMPTS, database: str | None = None) -> Study:
    """Base and two runs of two checkpoints, rated by all, scored by two metrics of which one failed once."""
    rows = []
    for number, (run, step) in enumerate([("base", ""), *((run, str(step)) for run in RUNS for step in STEPS)]):
        for prompt in range(prompts):
            image = f"images/{run}/{step or 0}/{prompt}.png"
            save(folder / "drawn" / image, 1000 * number + prompt)
            kind, size = ("base", "") if run == "base" else ("lora", str(RUNS[run]))
            rows.append((image, image, run, step, step, kind, size, f"{NASTY} {prompt}", "1", NASTY))
    names = ["item", "image", "model", "checkpoint", "step", "kind", "training_images", "prompt", "seed", "group"]
    (folder / "drawn" / "items.csv").write_text(pd.DataFrame(rows, columns=names).to_csv(index=False))
    study = create_study(
        folder / "study",
        folder / "drawn",
        tasks=["aesthetic"],
        evaluators=evaluators,
        title=f"Study {NASTY}",
        database=database,
    )
    items = study.items["item"]
    rng = np.random.default_rng(0)
    quality = np.repeat(np.arange(1 + len(RUNS) * len(STEPS)), prompts)
    scores = pd.concat(
        [
            pd.DataFrame({"item": items, "metric": "contrast", "score": quality + rng.normal(size=len(items))}),
            pd.DataFrame({"item": items, "metric": "sharpness", "score": rng.normal(size=len(items))}),
        ],
        ignore_index=True,
    )
    ratings = [
        {"item": item, "evaluator": name, "task": "aesthetic", "rating": int(np.clip(at + rng.integers(3), 1, 5))}
        for item, at in zip(items, quality, strict=True)
        for name in evaluators
    ]
    import_tables(study, pd.DataFrame(ratings), scores)
    return study


def inlined(page: str) -> dict:
    """What an exported file holds in the place of a server."""
    begin = page.index('id="humangrade-inlined">') + len('id="humangrade-inlined">')
    return json.loads(page[begin : page.index("</script>", begin)])
