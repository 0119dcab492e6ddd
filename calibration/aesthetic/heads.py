"""Aesthetic heads from a notebook: train one on many votes, move one by few ratings, and see what one is worth."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from html import escape
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.aesthetic.comparison import answers_of, joined, train_heads, unimproved_words
from calibration.aesthetic.embeddings import Embeddings, read_embeddings
from calibration.aesthetic.evaluation import STATISTICS, Evaluation, evaluate
from calibration.aesthetic.finetune import FEWEST as FEWEST_RATED
from calibration.aesthetic.finetune import fine_tune, fine_tuning_advice, left_out_together
from calibration.aesthetic.leakage import seen_images, sources_of
from calibration.aesthetic.paired import recommend
from calibration.aesthetic.scale import Scale
from calibration.aesthetic.split import FEWEST, seeded_split
from calibration.aesthetic.training import Recipe
from calibration.aesthetic.twins import each_image_once
from calibration.aesthetic.votes import Votes, read_votes
from calibration.core.resampling import generator
from metrics.engine.signature import signature, versions
from metrics.errors import InputError
from metrics.image.aesthetic import DEFAULT_HEADS, plain_name
from metrics.networks.aesthetic_head import Head, find_head, head_details, predict_distribution, write_head

GivenVotes = str | PathLike[str] | Votes
GivenEmbeddings = str | PathLike[str] | Embeddings


@dataclass(frozen=True, eq=False, repr=False)
class FittedHead:
    """A head that was trained or moved, and what it is worth.

    Attributes
    ----------
    head : Head
        Ready for `metrics.networks.aesthetic_head.predict`.
    figures : DataFrame
        head, figure, value, low, high (the 95 % interval; NaN where there is none), n (images): of the heads that were
        compared, on images that none of them was fitted to.
    advice : str
        What follows.
    details : dict
        What a file of it says it was made from.
    """

    head: Head
    figures: pd.DataFrame
    advice: str
    details: dict[str, Any] = field(default_factory=dict)

    def write(self, path: str | PathLike[str]) -> Path:
        """Write the head as a file that ``humangrade score --head`` and `find_head` read; without a model card.

        Raises
        ------
        InputError
            Where it cannot be written.
        """
        return write_head(Path(path), self.head.layers, self.head.activation, self.head.backbone, **self.details)

    def __repr__(self) -> str:
        return f"{self.head!r}. {self.advice}"

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.advice)}</p>{self.figures.round(3).to_html(index=False)}"


def evaluate_head(
    head: str | PathLike[str] | Head,
    votes: GivenVotes,
    embeddings: GivenEmbeddings,
    *,
    task: str | None = None,
    scale: Scale | None = None,
    group: str | None = None,
) -> pd.DataFrame:
    """What a head is worth on people's votes, of images that it should not have seen.

    Parameters
    ----------
    head : path, name or Head
        A file, or a name that `metrics.fetch_weights` knows.
    votes : path or Votes
        See `calibration.aesthetic.votes.read_votes`; `task`, `scale` and `group` are its.
    embeddings : path or Embeddings
        The folder that ``humangrade aesthetic embed`` wrote.

    Returns
    -------
    DataFrame
        head, figure, value, low, high, n. Figures: ``spearman`` and ``pearson`` with the mean vote; ``mae`` and
        ``balanced_mae``, errors in votes from 1 to 10; ``accuracy``; ``spread_ratio``; and ``emd`` of a head that
        answers a distribution. See `calibration.aesthetic.evaluation.Evaluation`.

    Raises
    ------
    InputError
        For files that cannot be read or do not fit each other.

    Examples
    --------
    >>> votes, embeddings, head = example()
    >>> evaluate_head(head, votes, embeddings)["n"].unique().tolist()
    [60]
    """
    rated, known, rows = _data(votes, embeddings, 2, task, scale, group)
    fitting = _fitting(head, known)
    answers = answers_of(fitting, known, rows)
    distributions = None
    if fitting.levels and rated.distributions is not None and rated.distributions.shape[1] == len(fitting.levels):
        distributions = predict_distribution(fitting, np.asarray(known.rows[rows]))
    return _figures([evaluate(fitting.name, answers, rated, distributions=distributions)])


def fine_tune_head(
    votes: GivenVotes,
    embeddings: GivenEmbeddings,
    head: str | PathLike[str] | Head | None = None,
    *,
    seed: int = 0,
    task: str | None = None,
    scale: Scale | None = None,
    group: str | None = None,
) -> FittedHead:
    """Move a head by few ratings.

    Parameters
    ----------
    votes, embeddings, task, scale, group
        As in `evaluate_head`; 30 images or more.
    head : path, name or Head, optional
        Where it starts; the published one for these embeddings unless given.
    seed : int
        Of the folds that are left out.

    Returns
    -------
    FittedHead
        Its figures are of the head before and after, on ratings that were left out.

    Raises
    ------
    InputError
        As `evaluate_head`, and for too few images or ratings that are all the same.

    Examples
    --------
    >>> votes, embeddings, head = example()
    >>> fine_tune_head(votes, embeddings, head).figures["head"].unique().tolist()
    ['before', 'after']
    """
    rated, known, rows = _data(votes, embeddings, FEWEST_RATED, task, scale, group)
    rated, rows = _once(rated, known, rows)
    start = _fitting(head, known)
    before = {} if head is None or isinstance(head, Head) or not Path(head).is_file() else head_details(Path(head))
    new_in, folds, groups = left_out_together(rated, seed)
    moved = fine_tune(start, np.asarray(known.rows[rows]), rated.means, folds, groups)
    evaluations = [
        evaluate("before", moved.before, rated, order=moved.before),
        evaluate("after", moved.after, rated, order=moved.order),
    ]
    layers = tuple((np.asarray(weight), np.asarray(bias)) for weight, bias in moved.layers)
    found = replace(start, name="fine-tuned", sha256="", layers=layers, activation=moved.activation)
    return FittedHead(
        replace(found, backbone=known.backbone, ratings_mark=rated.ratings_mark),
        _figures(evaluations),
        fine_tuning_advice(moved, new_in),
        _details(rated, known, rows, "fine-tuned", seed, start=start.sha256[:12] or start.name)
        | {
            "seen_images": seen_images(known, rows, before),
            "trained_on": [*sources_of(start.name, before.get("trained_on", ())), rated.source],
        },
    )


def train_head(
    votes: GivenVotes,
    embeddings: GivenEmbeddings,
    *,
    recipe: Recipe | None = None,
    seeds: int = 1,
    task: str | None = None,
    scale: Scale | None = None,
    group: str | None = None,
) -> FittedHead:
    """Train heads side by side on many votes, and take the one that the validation images recommend.

    Parameters
    ----------
    votes, embeddings, task, scale, group
        As in `evaluate_head`.
    recipe : Recipe, optional
        Of the networks; see `calibration.aesthetic.training.Recipe`.
    seeds : int
        How often each network is trained.

    Returns
    -------
    FittedHead
        Its figures are of all the heads, on the test's tenth of the images.

    Raises
    ------
    InputError
        As `evaluate_head`, and for too few images.

    Examples
    --------
    >>> from calibration.aesthetic.training import Recipe
    >>> votes, embeddings, _ = example(400)
    >>> trained = train_head(votes, embeddings, recipe=Recipe(hidden=(8,), epochs=2))
    >>> sorted(trained.figures["head"].unique())
    ['plain', 'plain-matched', 'ridge', 'ridge-matched']
    """
    recipe = recipe or Recipe()
    rated, known, rows = _data(votes, embeddings, FEWEST, task, scale, group)
    rated, rows = _once(rated, known, rows)
    split = seeded_split(rated, recipe.seed)
    found = train_heads(rated, known, rows, split, recipe, seeds)
    judged = {name: candidate.validation for name, candidate in found.candidates.items()}
    best, advice = recommend(judged, rated.take(split.validation))
    advice = " ".join([*(unimproved_words(name, recipe.loss) for name in found.unimproved), advice])
    chosen = found.candidates[best].head
    seen = rows[np.concatenate([split.train, split.validation])]
    details = _details(rated, known, seen, best, recipe.seed, split=split.name)
    details |= {"trained_on": [rated.source]} | ({"levels": list(chosen.levels)} if chosen.levels else {})
    return FittedHead(
        replace(chosen, backbone=known.backbone, ratings_mark=rated.ratings_mark),
        _figures(candidate.evaluation for candidate in found.candidates.values()),
        advice,
        details,
    )


def fitting_head(head: str | Head | None, embeddings: Embeddings) -> Head:
    """A head by its name or file, or the published one for these embeddings.

    Raises
    ------
    InputError
        Where there is none, or it was trained on embeddings of another model.
    """
    backbone = plain_name(embeddings.backbone)
    chosen = head or DEFAULT_HEADS.get(backbone)
    if chosen is None:
        raise InputError(f"No published aesthetic head fits {embeddings.backbone}; name a file with one.")
    found = chosen if isinstance(chosen, Head) else find_head(chosen)
    if found.backbone and plain_name(found.backbone) != backbone:
        raise InputError(
            f"The aesthetic head {found.name} was trained on embeddings of {found.backbone}, and those in "
            f"{embeddings.folder} are of {embeddings.backbone}; choose a head and embeddings that fit."
        )
    return found


def example(count: int = 60) -> tuple[Votes, Embeddings, Head]:
    """Made votes, embeddings and a head that knows a part of what they have in common, to try things with."""
    rng = generator(0)
    rows = rng.normal(size=(count, 16))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    means = np.clip(5.4 + 2 * rows[:, 0] + 2 * rows[:, 1] + 0.3 * rng.normal(size=count), 1, 10)
    names = [f"{number:04}" for number in range(count)]
    votes = Votes(np.array(names), means, None, None, "made votes", "0" * 64)
    embeddings = Embeddings(Path("made"), rows, names, [""] * count, "ViT-L-14/openai", "made", "0" * 64)
    weight = np.zeros((1, 16))
    weight[0, 0] = 2.0
    return votes, embeddings, Head("made", "", ((weight, np.array([5.4])),))


def _data(
    votes: GivenVotes,
    embeddings: GivenEmbeddings,
    least: int,
    task: str | None,
    scale: Scale | None,
    group: str | None,
) -> tuple[Votes, Embeddings, NDArray[np.intp]]:
    known = embeddings if isinstance(embeddings, Embeddings) else read_embeddings(Path(embeddings))
    rated = votes if isinstance(votes, Votes) else read_votes(Path(votes), task, scale, group)
    rated, rows, _ = joined(rated, known, least)
    return rated, known, rows


def _once(votes: Votes, embeddings: Embeddings, rows: NDArray[np.intp]) -> tuple[Votes, NDArray[np.intp]]:
    kept, _ = each_image_once(votes.images, embeddings, rows)
    return votes.take(kept), rows[kept]


def _fitting(head: str | PathLike[str] | Head | None, embeddings: Embeddings) -> Head:
    return fitting_head(head if head is None or isinstance(head, Head) else str(head), embeddings)


def _details(
    votes: Votes, embeddings: Embeddings, seen: NDArray[np.intp], kind: str, seed: int, **made: Any
) -> dict[str, Any]:
    """What a file of the head says it was made from."""
    return {
        "signature": signature(
            head="aesthetic",
            kind=kind,
            backbone=embeddings.backbone,
            votes=votes.sha256[:12],
            embeddings=embeddings.sha256[:12],
            seed=seed,
            **made,
            versions=versions("humangrade", "numpy", "scipy"),
        ),
        "seen_images": seen_images(embeddings, seen),
        "ratings_mark": votes.ratings_mark,
    }


def _figures(evaluations: Iterable[Evaluation]) -> pd.DataFrame:
    rows = [
        (one.name, statistic, *getattr(one, statistic), one.n)
        for one in evaluations
        for statistic in STATISTICS
        if getattr(one, statistic) is not None
    ]
    return pd.DataFrame(rows, columns=["head", "figure", "value", "low", "high", "n"])
