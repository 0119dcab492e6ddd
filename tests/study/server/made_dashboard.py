"""The small study of `tests.study.dashboard.made`, served: what the routes say of it, and links to its dashboard."""

from urllib.parse import urlencode

import httpx
import numpy as np

from metrics.engine.types import Score
from tests.study.dashboard import made

RUN = "<img src=x onerror=alert(1)>"  # a run's name is text, whatever stands in it; it sorts before n05
BASE = "base/0"


def make_gated_study(folder, monkeypatch, is_tracked=False):
    """With two gates, lpips (lower is better), a run whose name is HTML; tracked, with a checkpoint of good alone."""
    monkeypatch.setattr(made, "RUNS", {"n05": 5, RUN: 20})
    worth = {name.replace("n20", RUN): value for name, value in made.WORTH.items()}
    monkeypatch.setattr(made, "WORTH", worth)
    study = made.make_study(folder)
    made.add_gate(study, "n05/600", "n05/300", metrics=["good"])
    made.add_gate(study, "n05/900", f"{RUN}/600", metrics=["good", "distance"], primary="good")
    rng = np.random.default_rng(5)
    study.store.save_scores([Score(item, "lpips", float(rng.random()), "made") for item in study.items["item"]])
    if is_tracked:
        made.add_tracked(study, folder / "watched", RUN)
    return study


class Served:
    """A study's dashboard as its owner has it."""

    def __init__(self, server):
        self.server = server
        self.key = server.token("owner")
        self.api = f"{server.base}/api/owner/{self.key}/dashboard/"
        self.data = self.json("data")
        self.images = self.data["images"]
        self.names = [one["shown"] for one in self.data["checkpoints"]]

    def json(self, name, **asked):
        """What a route answers."""
        answer = httpx.get(self.api + name, params=asked, timeout=120)
        answer.raise_for_status()
        return answer.json()

    def link(self, **state):
        """The link to a state of the page."""
        return f"{self.server.base}/dashboard/?key={self.key}#{urlencode(state)}"

    def places(self, checkpoint):
        """Of a checkpoint's images."""
        number = self.names.index(checkpoint)
        return [place for place, of in enumerate(self.images["checkpoint"]) if of == number]

    def sorted_items(self, checkpoint, values, is_lower=False):
        """A checkpoint's items, the best of the values first, those without one at the end."""

        def key(place):
            value = values[place]
            return (value is None, 0 if value is None else value if is_lower else -value, place)

        return [self.images["item"][place] for place in sorted(self.places(checkpoint), key=key)]


def state(page):
    """What the page keeps in its address."""
    return page.evaluate("Object.fromEntries(new URLSearchParams(location.hash.slice(1)))")
