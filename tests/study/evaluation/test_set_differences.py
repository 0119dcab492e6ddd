"""FID's and KID's difference of two sets: over their pairs, by prompt, and not of few images."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from metrics.engine.images import ImageSource
from metrics.engine.types import Item
from metrics.sets.fid import Fid
from metrics.sets.frechet import frechet_distance
from metrics.sets.kid import Kid
from study.evaluation.set_differences import limits_said, set_difference
from tests.study.evaluation.made import picture

PAIR = ("anna/300", "base/0")


@dataclass(frozen=True)
class Table:
    """Features by the key of a file."""

    rows: dict

    def __call__(self, extractor, source):
        return self.rows.get(source.key)

    def has(self, extractor, source):
        return source.key in self.rows


def source(key):
    return ImageSource(Path(key), key)


def made(prompts=12, seeds=5, shift=0.5, photos="p"):
    """Pictures of both sets, items with twenty photos, and features: the first set lies `shift` farther away."""
    rng = np.random.default_rng(0)
    rows = {f"{photos}{number}": rng.normal(size=4) for number in range(20)}
    references = tuple(source(key) for key in rows)
    pictures, items = {name: [] for name in PAIR}, {}
    for name in PAIR:
        for prompt in range(prompts):
            for seed in range(seeds):
                key = f"{name}/{prompt}-{seed}"
                rows[key] = rng.normal(size=4) + (shift if name == PAIR[0] else 0.0)
                items[key] = Item(key, source(key), references, group=name)
                pictures[name].append(picture(key, name, f"prompt {prompt}", str(seed)))
    return pictures, items, Table(rows)


@pytest.mark.parametrize("metric", [Fid(None), Kid(None)])
def test_what_is_farther_from_the_photos_is_told_apart(metric):
    pictures, items, features = made(shift=3.0)
    gap = set_difference(PAIR, metric, *pictures.values(), items, features)
    assert (gap.metric, gap.pairs, gap.over, gap.is_apart) == (metric.name, 60, "prompts", True) and gap.value > 0
    if metric.name == "fid":
        real = np.stack([features.rows[f"p{number}"] for number in range(20)])
        mine, theirs = (np.stack([features.rows[one.item] for one in pictures[name]]) for name in PAIR)
        assert gap.value == pytest.approx(frechet_distance(mine, real) - frechet_distance(theirs, real), rel=1e-6)
    alike = set_difference(PAIR, metric, *made(shift=0.0)[0].values(), *made(shift=0.0)[1:])
    assert not alike.is_apart


@pytest.mark.parametrize(
    ("prompts", "seeds", "why"),
    [(12, 4, "48 images of 12 prompts"), (9, 6, "54 images of 9 prompts"), (12, 100, "more than 1,000")],
)
def test_few_and_very_many_have_none(prompts, seeds, why):
    pictures, items, features = made(prompts, seeds)
    assert set_difference(PAIR, Fid(None), *pictures.values(), items, features) == why


def test_sets_with_other_photos_are_not_compared():
    pictures, items, features = made()
    for key in [one.item for one in pictures[PAIR[1]]]:
        items[key] = Item(key, items[key].image, items[key].references[:10], group=PAIR[1])
    assert set_difference(PAIR, Fid(None), *pictures.values(), items, features) == "other reference photos"


def test_what_is_left_out_is_said_with_the_limits():
    assert limits_said({}) == []
    (said,) = limits_said({PAIR: "12 images of 6 prompts"})
    assert said == (
        "FID and KID of two sets are compared over 50 to 1,000 images of 10 prompts or more that both have, with the "
        "same reference; left out are anna/300 less base/0 (12 images of 6 prompts)."
    )
    (said,) = limits_said(dict.fromkeys([PAIR, ("anna/600", "base/0")], "12 images of 6 prompts"))
    assert said.endswith("left out are anna/300 less base/0, anna/600 less base/0 (12 images of 6 prompts each).")
