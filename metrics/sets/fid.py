"""FID of sets of images against reference photos: the Frechet distance of Inception features, a number for each set."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metrics.engine.extraction import Extractor
from metrics.engine.images import Source
from metrics.engine.signature import identity_of, signature
from metrics.engine.types import Features, Item, Scored, SetScore
from metrics.entry import Entry
from metrics.errors import InputError
from metrics.networks.inception import INCEPTION_WEIGHTS, InceptionFeatures
from metrics.sets.compared_sets import (
    ComparedSet,
    FeatureTable,
    Reference,
    all_sources,
    chosen_reference,
    compared_sets,
)
from metrics.sets.frechet import Gaussian
from metrics.sets.frechet_interval import frechet_with_error, null_distance, null_distance_of
from metrics.sets.rows import RowFile, RowSet
from metrics.sets.statistics_file import SavedStatistics

ENOUGH = 2048


@dataclass(frozen=True)
class Fid:
    """The Frechet distance of Inception features, with a 95 % interval and what it shows without a difference.

    Attributes
    ----------
    extractor : Extractor
        The features.
    reference : tuple of ImageSource, SavedStatistics or None
        What every set is compared with; None takes the references of the set's own items.

    Raises
    ------
    InputError
        For statistics of other features.
    """

    extractor: Extractor
    reference: Reference = None

    name = "fid"
    uses_references = True

    def __post_init__(self) -> None:
        if isinstance(self.reference, SavedStatistics):
            self._check(self.reference)  # before anything is computed

    def wants(self, items: Sequence[Item]) -> list[tuple[Extractor, list[Source]]]:
        """The features of images and references."""
        return [(self.extractor, all_sources(items, self.reference))]

    def score(self, items: Sequence[Item], features: Features) -> Scored:
        """A row for each set of two images or more."""
        found = Scored()
        if isinstance(self.reference, SavedStatistics):
            found.warnings += self._check(self.reference)
        few: list[SetScore] = []
        with RowFile() as file:
            table = FeatureTable.of(file, self.extractor, all_sources(items, self.reference), features)
            for chosen in compared_sets(self.name, items, self.reference, table, found.warnings):
                row, smaller = self._row(chosen)
                found.set_scores.append(row)
                few += [row] if smaller < ENOUGH else []
        if few:
            found.warnings.append(
                f"fid: {len(few)} of {len(found.set_scores)} sets have fewer than {ENOUGH:,} images or reference "
                f"images, where FID is too high; '{few[0].set}' has {few[0].n} images and FID {few[0].score:.1f}, and "
                f"{few[0].note}. KID does not have this error."
            )
        return found

    def _row(self, chosen: "ComparedSet") -> tuple[SetScore, int]:
        """The row of a set, and how many images the smaller of its two sides has."""
        made_by = signature(
            metric="fid", reference=chosen.reference_digest, reference_n=chosen.reference_n or "unknown"
        )
        n = len(chosen.images)
        smaller, note = n, ""
        if isinstance(chosen.reference, Gaussian):
            score, error = frechet_with_error(chosen.images, chosen.reference)
            smaller = min(n, chosen.reference_n or n)
            if smaller < ENOUGH:
                null = null_distance_of(chosen.reference, n)
                note = f"{n} images drawn from the reference's statistics themselves show {null:.1f}"
        else:
            score, error = frechet_with_error(chosen.images, chosen.reference)
            m = len(chosen.reference)
            smaller = min(n, m)
            if smaller < ENOUGH:
                both = RowSet(chosen.images.file, np.concatenate([chosen.images.numbers, chosen.reference.numbers]))
                null = null_distance(both, n)
                note = f"random sets of {n} and {m} of the same images, without a difference, show {null:.1f}"
        low, high = max(score - 1.96 * error, 0.0), score + 1.96 * error
        return SetScore(chosen.name, "fid", score, n, f"{made_by}|{self.extractor.signature}", low, high, note), smaller

    def _check(self, saved: SavedStatistics) -> list[str]:
        """Refuse statistics of other features; warn where the file does not say of which, or of which versions."""
        mine = self.extractor.signature
        if not saved.features:
            if "preprocessing:pytorch-fid" in mine:
                return []
            return [
                f"fid: {saved.path} does not say how its features were made; statistics from pytorch-fid only fit "
                "features with the preprocessing pytorch-fid."
            ]
        if identity_of(saved.features) != identity_of(mine):
            raise InputError(
                f"{saved.path} holds statistics of other features ({saved.features}) than these ({mine}); make it "
                "anew, or extract features in that way."
            )
        if saved.features != mine:
            return [f"fid: {saved.path} was made with other versions ({saved.features}) than these features ({mine})."]
        return []


def null_in(note: str) -> float | None:
    """What a FID's note says that it shows where nothing differs; None where the note says nothing of it.

    Parameters
    ----------
    note : str
        The note of a row that `Fid` made.

    Examples
    --------
    >>> null_in("random sets of 40 and 40 of the same images, without a difference, show 123.4"), null_in("")
    (123.4, None)
    """
    start, _, shown = note.rpartition(" show ")
    return float(shown) if start and re.fullmatch(r"\d+\.\d", shown) else None


ENTRY = Entry(
    name="fid",
    title="FID",
    says="distance of a set from the reference set, with interval, and with what it shows where nothing differs",
    scores="set",
    direction="lower",
    low=0,
    options=("inception", "reference_set", "precision"),
    bands=((10.0, "excellent"), (30.0, "good"), (50.0, "moderate"), (float("inf"), "poor")),
    needs=("references",),
    instead={"references": "reference_set"},
    weights=(INCEPTION_WEIGHTS,),
    make=lambda o: Fid(InceptionFeatures.chosen(o), chosen_reference(o)),
    source="Heusel et al. 2017",
)
