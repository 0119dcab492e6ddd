"""Small simulated studies with a known truth, of every kind that a report has to cope with."""

from typing import NamedTuple

import numpy as np
import pandas as pd

KINDS = ("fair", "strict", "incomplete", "tie", "crowd", "checkpoints", "twins", "quarrel", "short", "pair", "flat")
_CUTS = np.array([-1.2, -0.4, 0.4, 1.2])


class Study(NamedTuple):
    """The tables of a study, and the quality of each image."""

    ratings: pd.DataFrame
    scores: pd.DataFrame
    items: pd.DataFrame
    quality: np.ndarray


def study(kind: str, seed: int) -> Study:
    """One study of a kind.

    fair: independent evaluators who differ a little in strictness; strict: by much; incomplete: each rates 40 %; tie:
    two levels answer almost equally well; crowd: many evaluators who rate a few images each; checkpoints: images of ten
    checkpoints of one run; twins: two metrics equally good; quarrel: people who hardly agree; short: 15 to 24 images;
    pair: two evaluators; flat: people use two levels, and one metric has a single score.
    """
    rng = np.random.default_rng([KINDS.index(kind), seed])
    n = int(rng.integers(15, 25)) if kind == "short" else int(rng.integers(30, 50))
    people = {"crowd": 14, "pair": 2}.get(kind, int(rng.integers(3, 6)))
    items = pd.DataFrame({"item": [f"i{number:03d}" for number in range(n)]})
    quality = rng.normal(size=n)
    if kind == "checkpoints":
        step = np.arange(n) * 10 // n
        prompt = np.arange(n) % 12
        quality = 0.8 - 0.06 * (step - 6.0) ** 2 + 0.7 * rng.normal(size=12)[prompt] + 0.6 * rng.normal(size=n)
        items = items.assign(model=[f"m{each}" for each in step // 4], prompt=[f"p{each}" for each in prompt])
    elif seed % 2:
        items = items.assign(prompt=[f"p{number % (n // 3)}" for number in range(n)])
    cuts = np.sort(0.3 * rng.normal(size=4) + _CUTS) if kind == "tie" else _CUTS
    noise = {"quarrel": 3.0, "strict": 0.4, "crowd": 0.9}.get(kind, float(rng.choice([0.5, 0.75, 1.3])))
    bias = rng.normal(size=people) * {"strict": 1.2}.get(kind, 0.4)
    gain, own = np.exp(0.2 * rng.normal(size=people)), noise * np.exp(0.25 * rng.normal(size=people))
    answers = np.digitize(gain * quality[:, None] + bias + own * rng.normal(size=(n, people)), cuts) + 1
    if kind == "flat":
        answers = np.where(answers > 3, 4, 3)
    wide = pd.DataFrame(answers, columns=[f"e{number:02d}" for number in range(people)]).assign(item=items["item"])
    ratings = wide.melt("item", var_name="evaluator", value_name="rating").assign(task="look")
    share = {"incomplete": 0.4, "crowd": 0.3}.get(kind, 1.0)
    ratings = ratings[rng.random(len(ratings)) < share].reset_index(drop=True)
    metrics = {
        "good": quality + 0.3 * rng.normal(size=n),
        "fair": quality + 1.2 * rng.normal(size=n),
        "noise": rng.normal(size=n),
        "lpips": -np.round(quality + 0.8 * rng.normal(size=n), 1),
    }
    if kind == "twins":
        metrics["twin"] = quality + 1.2 * rng.normal(size=n)
    if kind == "flat":
        metrics["single"] = np.full(n, 0.5)
    kept = ["noise", *metrics] if kind in ("twins", "flat") else ["noise", ["good", "fair", "lpips"][seed % 3]]
    metrics = {name: metrics[name] for name in dict.fromkeys(kept)}
    scores = pd.DataFrame(metrics).assign(item=items["item"]).melt("item", var_name="metric", value_name="score")
    if seed % 6 in (1, 4):  # the worst images have no score by one metric
        worst = set(items["item"][quality < np.quantile(quality, 0.25)])
        scores = scores[~((scores["metric"] == "fair") & scores["item"].isin(worst))]
    return Study(ratings, scores.reset_index(drop=True), items, quality)
