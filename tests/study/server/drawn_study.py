"""A study for the dashboard's browser tests, whose pictures tell by their colour which image they are."""

import httpx
import numpy as np
import pandas as pd
from PIL import Image

from metrics.engine.types import Score
from study.folder.create import create_study
from study.folder.importing import import_tables

STEPS = tuple(range(300, 3001, 300))
RUNS = ("n10", "n40", "n80")
N_PROMPTS = 24  # more than a contact strip holds
SEEDS = ("7", "11")
NASTY = "<b>bold</b> & <img src=x onerror=alert(1)>"


def colour(checkpoint, prompt, seed):
    """Red by the checkpoint's number, green by the prompt's, blue by the seed."""
    return (60 + 6 * checkpoint, 20 + 9 * prompt, {"7": 40, "11": 200}[seed])


def prompt_of(number):
    """Texts that are sorted as they are numbered."""
    return f"prompt {number:02} of a portrait {NASTY if number == 3 else ''}".strip()


def draw_study(folder):
    """A base, three runs of ten checkpoints, 24 prompts and two seeds: 1,488 images, some rated, some not scored."""
    models = [("base", 0, "base"), *((run, step, "lora") for run in RUNS for step in STEPS)]
    rows = []
    for checkpoint, (run, step, kind) in enumerate(models):
        for prompt in range(N_PROMPTS):
            for seed in SEEDS:
                image = f"{run}/{step}/{prompt:02}-{seed}.png"
                (folder / "drawn" / image).parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (24, 24), colour(checkpoint, prompt, seed)).save(folder / "drawn" / image)
                group = "people" if prompt % 2 else "places"
                trained = "" if kind == "base" else run[1:]
                rows.append((image, image, run, step, step, trained, prompt_of(prompt), group, seed, kind))
    names = ["item", "image", "model", "checkpoint", "step", "training_images", "prompt", "group", "seed", "kind"]
    pd.DataFrame(rows, columns=names).to_csv(folder / "drawn" / "items.csv", index=False)
    study = create_study(folder / "study", folder / "drawn", tasks=["look"], evaluators=["ann", "bob"], title="Drawn")
    rate_and_score(study)
    return study


def rate_and_score(study):
    """Ratings of every fifth image, and two metrics, of which LPIPS fails at each 37th image."""
    rng = np.random.default_rng(0)
    items = list(study.items["item"])
    ratings = [(item, who, "look", int(rng.integers(1, 6))) for item in items[::5] for who in ("ann", "bob")]
    import_tables(study, pd.DataFrame(ratings, columns=["item", "evaluator", "task", "rating"]))
    scores = [Score(item, "aesthetic", float(rng.normal()), "made") for item in items]
    for number, item in enumerate(items):
        failed = number % 37 == 36
        scores.append(
            Score(item, "lpips", None if failed else float(rng.random()), "made", "no face" if failed else "")
        )
    study.store.save_scores(scores)


class Drawn:
    """What the server says of the study, and the pages that show it."""

    def __init__(self, server):
        self.key = server.token("owner")
        self.page = f"{server.base}/dashboard/?key={self.key}"
        self.api = f"{server.base}/api/owner/{self.key}/dashboard/"
        self.data = self.json("data")
        self.images = self.data["images"]
        self.names = [one["shown"] for one in self.data["checkpoints"]]

    def json(self, address):
        """What a route answers."""
        answer = httpx.get(self.api + address, timeout=120)
        answer.raise_for_status()
        return answer.json()

    def place(self, checkpoint, prompt, seed):
        """An image's place by numbers of its checkpoint and prompt, and its seed."""
        columns = zip(self.images["checkpoint"], self.images["prompt"], self.images["seed"], strict=True)
        return list(columns).index((checkpoint, prompt, seed))

    def colour(self, place):
        """The colour of an image's picture."""
        run, step, name = self.images["item"][place].split("/")
        prompt, _, seed = name.removesuffix(".png").partition("-")
        models = ["base/0", *(f"{run}/{step}" for run in RUNS for step in STEPS)]
        return colour(models.index(f"{run}/{step}"), int(prompt), seed)

    def link(self, tab, **keys):
        """A link to a view."""
        parts = [f"{key}={value}" for key, value in {"tab": tab, **keys}.items()]
        return f"{self.page}#{'&'.join(parts)}"
