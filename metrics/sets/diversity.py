"""Diversity: how far apart the images of one prompt are, on average over all pairs of them.

A set's diversity is the mean over its prompts; it is low where a model has learned a few images by heart.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.engine.extraction import Extractor
from metrics.engine.images import Source
from metrics.engine.signature import signature
from metrics.engine.types import PROMPT, FeatureRows, Features, Item, Scored, SetScore
from metrics.entry import Entry
from metrics.errors import InputError
from metrics.networks.lpips import LPIPS_WEIGHTS, LpipsFeatures, native_distances, pairwise_distances

_BLOCK = 512
Distances = Callable[[Sequence[NDArray], Sequence[NDArray]], NDArray[np.float64]]


def mean_pairwise(images: Sequence[NDArray], distances: Distances) -> float:
    """The mean distance of the n (n - 1) / 2 pairs of n images, a part of them in memory at a time.

    Parameters
    ----------
    images : sequence of ndarray
        Features; at least two.
    distances : callable
        Gives those of all pairs of two sequences, symmetrically.

    Examples
    --------
    >>> far = lambda rows, columns: np.abs(np.stack(rows) - np.stack(columns).T)
    >>> mean_pairwise([np.array([0.0]), np.array([1.0]), np.array([5.0])], far)
    3.3333333333333335
    """
    total, count = 0.0, len(images)
    for top in range(0, count, _BLOCK):
        rows = images[top : top + _BLOCK]
        total += float(np.triu(distances(rows, rows), k=1).sum())
        for left in range(top + _BLOCK, count, _BLOCK):
            total += float(distances(rows, images[left : left + _BLOCK]).sum())
    return total / (count * (count - 1) / 2)


@dataclass(frozen=True)
class Diversity:
    """Mean pairwise distance between images of one prompt, for each prompt and each set.

    Attributes
    ----------
    name : str
        "diversity" (LPIPS) or "diversity_clip" (1 - cosine of CLIP embeddings).
    extractor : Extractor
        The features.
    distances : callable
        Two sequences of features to the distances of all pairs: `metrics.networks.lpips.pairwise_distances` or
        `metrics.sets.diversity_clip.clip_distances`.
    """

    name: str
    extractor: Extractor
    distances: Distances

    uses_references = False

    def wants(self, items: Sequence[Item]) -> list[tuple[Extractor, list[Source]]]:
        """The features of the images."""
        return [(self.extractor, [item.image for item in items])]

    def score(self, items: Sequence[Item], features: Features) -> Scored:
        """A row for each set, and one for each prompt of it, named ``SET: PROMPT``; no prompt counts as one."""
        made_by = signature(metric=self.name, pairs="one prompt", prompts="mean") + "|" + self.extractor.signature
        found = Scored()
        alone = []
        groups = list(dict.fromkeys(item.group for item in items))
        taken = set(groups)
        for group in groups:
            by_prompt: dict[str, list[Item]] = defaultdict(list)
            for item in items:
                if item.group == group:
                    by_prompt[" ".join(item.prompt.split())].append(item)
            rows = []
            for prompt, mine in by_prompt.items():
                known = FeatureRows(features, self.extractor, [item.image for item in mine])
                if len(known) > 1:
                    try:
                        score = self._diversity(known, features)
                    except InputError as error:
                        found.warnings.append(f"{self.name}: '{group}' has images that cannot be compared. {error}")
                        continue
                    name = _row_name(group, prompt, taken)
                    taken.add(name)
                    rows.append(SetScore(name, self.name, score, len(known), made_by, note=PROMPT))
            if not rows:
                alone.append(group)
                continue
            mean = float(np.mean([row.score for row in rows]))
            total = sum(row.n for row in rows)
            found.set_scores.append(SetScore(group, self.name, mean, total, made_by))
            if len(by_prompt) > 1:
                found.set_scores += rows
        if alone:
            found.warnings.append(
                f"{self.name}: it takes a prompt with two images or more, which {len(alone)} of the sets have not, the "
                f"first '{alone[0]}'; they got no score."
            )
        return found

    def _diversity(self, images: FeatureRows, features: Features) -> float:
        """The mean over all pairs, as it was kept, or computed."""
        made_by = f"distances:{self.name}|{self.extractor.signature}"
        keys = sorted(source.key for source in images.sources)
        known = features.recall(made_by, keys)
        if known is None:
            known = np.array(mean_pairwise(images, self.distances))
            features.keep(made_by, keys, known)
        return float(known)


def _row_name(group: str, prompt: str, taken: set[str]) -> str:
    """A prompt's row in the table of sets, called like no other row."""
    name = f"{group}: {prompt}"
    while name in taken:
        name += " (prompt)"
    return name


ENTRY = Entry(
    name="diversity",
    title="Diversity",
    says="mean LPIPS between a set's images of one prompt",
    scores="set",
    direction="higher",
    low=0,
    weights=(LPIPS_WEIGHTS,),
    options=("lpips_net", "lpips_size", "precision"),
    make=lambda o: Diversity(
        "diversity", LpipsFeatures.chosen(o), pairwise_distances if o.lpips_size else native_distances
    ),
    source="Zhu et al. 2017",
)
