"""Diversity: how far apart the images of one prompt are, on average over all pairs of them.

A set's diversity is the mean over its prompts; it is low where a model has learned a few images by heart.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.extraction import Extractor
from metrics.images import Source
from metrics.scoring import PROMPT, FeatureRows, Features, Item, Scored, SetScore
from metrics.signature import signature
from metrics.similarity import cosine_similarities

Distances = Callable[[Sequence[NDArray], Sequence[NDArray]], NDArray[np.float64]]


def mean_pairwise(distances: ArrayLike) -> float:
    """The mean distance of the n (n - 1) / 2 pairs of n images.

    Parameters
    ----------
    distances : array_like, shape (n, n)
        Symmetric; n at least 2.

    Examples
    --------
    >>> mean_pairwise([[0, 1, 2], [1, 0, 6], [2, 6, 0]])
    3.0
    """
    values = np.asarray(distances, dtype=np.float64)
    return float(values[np.triu_indices(len(values), k=1)].mean())


def clip_distances(rows: Sequence[NDArray], columns: Sequence[NDArray]) -> NDArray[np.float64]:
    """One minus the cosine of all pairs of CLIP embeddings, in [0, 2]."""
    return 1.0 - cosine_similarities(np.stack(rows), np.stack(columns))


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
        Two sequences of features to the distances of all pairs: `metrics.lpips_features.pairwise_distances` or
        `clip_distances`.
    """

    name: str
    extractor: Extractor
    distances: Distances

    def wants(self, items: Sequence[Item]) -> list[tuple[Extractor, list[Source]]]:
        """The features of the images."""
        return [(self.extractor, [item.image for item in items])]

    def score(self, items: Sequence[Item], features: Features) -> Scored:
        """A row for each set, and one for each prompt of it, named ``SET: PROMPT``."""
        made_by = signature(metric=self.name, pairs="one prompt", prompts="mean") + "|" + self.extractor.signature
        found = Scored()
        alone = []
        groups = list(dict.fromkeys(item.group for item in items))
        for group in groups:
            by_prompt: dict[str, list[Item]] = defaultdict(list)
            for item in items:
                if item.group == group:
                    by_prompt[" ".join(item.prompt.split())].append(item)
            rows = []
            for prompt, mine in by_prompt.items():
                known = FeatureRows(features, self.extractor, [item.image for item in mine])
                if len(known) > 1:
                    score = self._diversity(known, features)
                    rows.append(
                        SetScore(_row_name(group, prompt, groups), self.name, score, len(known), made_by, note=PROMPT)
                    )
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
            known = np.array(mean_pairwise(self.distances(images, images)))
            features.keep(made_by, keys, known)
        return float(known)


def _row_name(group: str, prompt: str, groups: Sequence[str]) -> str:
    """A prompt's row in the table of sets, called like none of the sets."""
    name = f"{group}: {prompt}"
    return f"{name} (prompt)" if name in groups else name
