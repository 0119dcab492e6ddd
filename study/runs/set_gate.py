"""FID and KID in the gate and the best checkpoint, from features that are computed where they are lacking."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.core.grades import Array
from calibration.decision.gate import MOST_MISSING, Sets
from metrics.catalogue import make_metrics
from metrics.engine.cache import FeatureCache, cache_folder
from metrics.engine.run import Progress, Silent, fill_cache
from metrics.engine.types import Features, Item
from metrics.errors import InputError, parameter
from metrics.sets.compared_sets import all_sources
from metrics.sets.fid import Fid
from metrics.sets.frechet import Rows
from metrics.sets.kid import Kid
from metrics.sets.paired_sets import paired_sets, prompt_values, refuse_few
from study.evaluation.set_differences import MOST_IMAGES, features_of, kind_of
from study.folder.score_items import study_collection
from study.folder.study import Study
from study.runs.outside import Photos, items_of, outside_images, photos_of
from study.scoring import ScoreSettings, choose_engine

NAMES = ("fid", "kid")


class StudySets:
    """A study's metrics of sets; see `calibration.decision.sets.SetMetrics`.

    Parameters
    ----------
    study : Study
        Its images have reference photos, or the settings name a reference set.
    settings : ScoreSettings, optional
        How features are computed: options, device, engine and cache, as for scoring.
    progress : Progress, optional
        Told of every step.
    photos : mapping, optional
        Reference photos of images outside the study; see `study.runs.outside.photos_of`.

    Examples
    --------
    >>> StudySets(None).names  # the study is read when a metric is asked for
    ('fid', 'kid')
    """

    names: Sequence[str] = NAMES

    def __init__(
        self,
        study: Study,
        settings: ScoreSettings | None = None,
        progress: Progress | None = None,
        photos: Photos | None = None,
    ):
        self._study, self._settings, self._photos = study, settings or ScoreSettings(), photos
        self._progress = progress or Silent()
        self._made: dict[str, Fid | Kid] = {}

    def difference(self, metric: str, pairs: pd.DataFrame, seed: int) -> Sets:
        """Two checkpoints' distances from one reference, paired by prompt and seed."""
        kept, missing = self._readable(metric, pairs[["candidate", "baseline"]])
        with self._read(metric, pairs[["candidate", "baseline", "prompt"]].iloc[kept]) as ((mine, theirs), reference):
            prompts, kind = pairs["prompt"].iloc[kept], kind_of(self._metric(metric))
            return Sets(metric, paired_sets(mine, theirs, reference, prompts, kind, seed), missing)

    def prompt_values(self, metric: str, images: pd.DataFrame) -> tuple[Array, Array]:
        """Several checkpoints' distances from one reference, and what each prompt adds to them."""
        kept, missing = self._readable(metric, images.drop(columns="prompt"))
        if missing > MOST_MISSING * len(images):
            raise InputError(
                f"{metric}: of {len(images):,} prompts and seeds that all checkpoints have, {missing:,} lack a "
                f"readable image of one of them, and {MOST_MISSING:.0%} may; draw or replace these images."
            )
        with self._read(metric, images.iloc[kept]) as (sets, reference):
            return prompt_values(sets, reference, images["prompt"].iloc[kept], kind_of(self._metric(metric)))

    @contextmanager
    def _read(self, metric: str, rows: pd.DataFrame) -> Iterator[tuple[list[NDArray[np.float64]], Rows]]:
        """The features of each column of items, and those of the reference."""
        prompts = rows["prompt"].nunique()
        if len(rows) > MOST_IMAGES:
            raise InputError(
                f"{metric}: {len(rows):,} images of each checkpoint are more than the {MOST_IMAGES:,} that are "
                "compared; judge by fewer prompts or seeds."
            )
        refuse_few(kind_of(self._metric(metric)), len(rows), prompts)
        sides = [[self._items[name] for name in rows[column]] for column in rows.columns if column != "prompt"]
        with features_of(self._metric(metric), sides, self._features) as read:
            if isinstance(read, str):
                raise InputError(f"{metric}: the checkpoints have {read}, so they are not compared by it.")
            yield read

    def _readable(self, metric: str, sides: pd.DataFrame) -> tuple[NDArray[np.intp], int]:
        """The rows in which every side has features, computed where they are lacking, and how many others there are."""
        made = self._metric(metric)
        if made.reference is None and not any(item.references for item in self._items.values()):
            raise InputError(
                f"{metric}: there are no reference photos; name them in the column 'references' of the study's "
                f"items.csv, or give a set of real images with {parameter('reference_set')}."
            )
        rows = list(sides.itertuples(index=False, name=None))
        items = [self._items[name] for row in rows for name in row if name in self._items]
        sources = all_sources(items, made.reference)
        settings = self._settings
        engine = choose_engine(settings.engine)
        fill_cache(made.extractor, sources, self._cache, settings.run, engine, self._progress)
        has = {item.item for item in items if self._features.has(made.extractor, item.image)}
        kept = np.flatnonzero([has.issuperset(row) for row in rows])
        return kept, len(rows) - len(kept)

    def _metric(self, name: str) -> Fid | Kid:
        if name not in self._made:
            (made,) = make_metrics([name], self._settings.options)
            assert isinstance(made, Fid | Kid)
            self._made[name] = made
        return self._made[name]

    @cached_property
    def _cache(self) -> FeatureCache:
        return FeatureCache(self._settings.cache or cache_folder())

    @cached_property
    def _features(self) -> Features:
        return Features(self._cache)

    @cached_property
    def _items(self) -> dict[str, Item]:
        others = outside_images(self._study)
        of = photos_of(others, self._study, self._photos)
        outside = items_of(others, of, others["place"].tolist())
        return {item.item: item for item in (*outside, *study_collection(self._study).items)}
