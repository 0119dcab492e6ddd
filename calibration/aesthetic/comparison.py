"""Training heads side by side on the same split: the closed form, its matched form, the plain network, the balanced.

The closed form is what every network must beat, and a monotone match of its quantiles what every balancing must beat;
so none is trained without the others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.aesthetic.balance import balance_weights
from calibration.aesthetic.clusters import cluster_codes
from calibration.aesthetic.embeddings import Embeddings
from calibration.aesthetic.evaluation import MATCHED, Evaluation, evaluate
from calibration.aesthetic.ridge import Ridge, fit_ridge
from calibration.aesthetic.split import FEWEST, Split, refuse_constant, stratified_folds
from calibration.aesthetic.spread import QuantileMatch, match_quantiles
from calibration.aesthetic.training import Loss, Part, Recipe, Trained, train
from calibration.aesthetic.votes import Votes, levels
from calibration.core.resampling import generator
from metrics.errors import InputError
from metrics.networks.aesthetic_head import Activation, Head, Layer, predict, predict_distribution

Told = Callable[[str, dict[str, float]], None]
_FOLDS = 5
_PART = 2**14


@dataclass(frozen=True, eq=False)
class Candidate:
    """A head and what it is worth.

    Attributes
    ----------
    head : Head
        Its layers; `name` is what the comparison calls it.
    evaluation : Evaluation
        On the test images.
    validation : ndarray, shape (v,)
        What it answers for the validation images; of a matched head, by matches that were fitted to the others.
    """

    head: Head
    evaluation: Evaluation
    validation: NDArray[np.float64]


@dataclass(eq=False)
class Comparison:
    """Heads trained on the same images.

    Attributes
    ----------
    candidates : dict of str to Candidate
        In the order in which they should be read.
    history : DataFrame
        network, seed, epoch, train_loss, validation_loss, validation_spearman.
    seeds : dict of str to list of float
        The validation Spearman that each seed came to, by network.
    unimproved : list of str
        Networks that got no better than where they started; `unimproved_words` says where that is.
    """

    candidates: dict[str, Candidate] = field(default_factory=dict)
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    seeds: dict[str, list[float]] = field(default_factory=dict)
    unimproved: list[str] = field(default_factory=list)


def unimproved_words(network: str, loss: Loss) -> str:
    """What a network is that got no better than its start.

    Examples
    --------
    >>> unimproved_words("plain", "mse")
    "The network 'plain' got no better than its start on the validation images, and is that start: ridge."
    """
    start = "ridge" if network == "plain" else "the closed form of images that count as they do for it, not ridge"
    if loss == "emd":
        start = f"a distribution whose mean follows {start}"
    return f"The network '{network}' got no better than its start on the validation images, and is that start: {start}."


def joined(votes: Votes, embeddings: Embeddings, least: int = FEWEST) -> tuple[Votes, NDArray[np.intp], list[str]]:
    """The votes on images that have an embedding, the rows of these, and the images without one.

    Raises
    ------
    InputError
        Where fewer than `least` images have both.
    """
    rows = embeddings.find(votes.images)
    missing = votes.images[rows < 0].tolist()
    if len(votes) < least:
        raise InputError(f"{votes.source} has votes on {len(votes)} images only; at least {least} are needed.")
    if (rows >= 0).sum() < least:
        raise InputError(
            f"Of the {len(votes):,} images in {votes.source} only {(rows >= 0).sum()} have embeddings in "
            f"{embeddings.folder}, which are of images such as {embeddings.files[0]}; {votes.source} names them like "
            f"'{votes.images[0]}'. At least {least} must fit."
        )
    known = np.flatnonzero(rows >= 0)
    return votes.take(known), rows[known], missing


def train_heads(
    votes: Votes,
    embeddings: Embeddings,
    rows: NDArray[np.intp],
    split: Split,
    recipe: Recipe,
    seeds: int = 1,
    checkpoints: Path | None = None,
    told: Told = lambda name, row: None,
) -> Comparison:
    """Train and evaluate all heads of a comparison.

    Parameters
    ----------
    votes : Votes
        On images with embeddings.
    embeddings : Embeddings
        Where these are.
    rows : ndarray of int, shape (n,)
        The embedding of each image.
    split : Split
        Of the votes.
    recipe : Recipe
        Of the networks; where it balances, the same without balancing is trained as well.
    seeds : int
        How often each network is trained; the best on the validation images stays.
    checkpoints : Path, optional
        A folder for the state of unfinished trainings.
    told : callable
        Given each network's name and each epoch's row.

    Returns
    -------
    Comparison
        With the candidates ridge, ridge-matched, plain, and plain-matched (not with the loss "emd"), and balanced
        where the recipe balances.

    Raises
    ------
    InputError
        Where all images to train on, or all to decide by, have the same mean vote.
    """
    for part, name in ((split.train, "to train on"), (split.validation, "to decide when to stop")):
        refuse_constant(votes.means[part], f"The images {name}")
    everyone = votes.distributions
    validation = Part(embeddings.rows, rows[split.validation], *_truth(votes, everyone, split.validation))
    folds = stratified_folds(votes.take(split.train), _FOLDS, recipe.seed)
    trained_on = votes.means[split.train]
    test = votes.take(split.test)
    found = Comparison()

    judging = votes.take(split.validation)

    def add(head: Head, judged: NDArray[np.float64] | None = None) -> None:
        answers = answers_of(head, embeddings, rows[split.test])
        given = _distributions(head, embeddings, rows[split.test]) if head.levels else None
        evaluation = evaluate(head.name, answers, test, training_means=trained_on, distributions=given)
        seen = answers_of(head, embeddings, rows[split.validation]) if judged is None else judged
        found.candidates[head.name] = Candidate(head, evaluation, seen)

    def add_matched(head: Head) -> None:
        seen = answers_of(head, embeddings, rows[split.validation])
        match = match_quantiles(seen, judging.means)
        add(_head(f"{head.name}{MATCHED}", *_matched(head, match), embeddings), _matched_by_others(seen, judging))

    def networks(name: str, own: Recipe, start: Ridge, weights: NDArray[np.float64] | None) -> None:
        training = Part(embeddings.rows, rows[split.train], *_truth(votes, everyone, split.train), weights)
        runs = []
        for seed in range(own.seed, own.seed + seeds):
            checkpoint = checkpoints / f"{name}-{seed}.pt" if checkpoints else None
            mine = replace(own, seed=seed)
            runs.append(train(training, validation, mine, start, checkpoint, partial(told, f"{name} {seed}")))
            rows_of_history = pd.DataFrame(runs[-1].history).assign(network=name, seed=seed)
            rows_of_history["kept"] = rows_of_history["epoch"] == runs[-1].epoch
            found.history = pd.concat([found.history, rows_of_history], ignore_index=True)
        found.seeds[name] = [run.spearman for run in runs]
        best = max(runs, key=lambda run: -run.loss if own.loss == "emd" else run.spearman)
        if best.epoch == 0:
            found.unimproved.append(name)
        add(_head(name, *_exported(best), embeddings, _levels(best)))

    start = fit_ridge(embeddings.rows, trained_on, folds, rows[split.train])
    add(_head("ridge", [(start.weights[None], np.array([start.intercept]))], "none", embeddings))
    add_matched(found.candidates["ridge"].head)
    networks("plain", replace(recipe, balance="none"), start, None)
    if recipe.loss != "emd":
        add_matched(found.candidates["plain"].head)
    if recipe.balance != "none":
        weights = balance_weights(trained_on, recipe.balance)
        balanced_start = fit_ridge(embeddings.rows, trained_on, folds, rows[split.train], weights)
        networks("balanced", recipe, balanced_start, weights)
    return found


def answers_of(head: Head, embeddings: Embeddings, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """A head's answers for some rows of embeddings, a part of them in memory at a time."""
    parts = range(0, len(rows), _PART)
    return np.concatenate([predict(head, embeddings.rows[rows[at : at + _PART]], embeddings.backbone) for at in parts])


def _matched_by_others(answers: NDArray[np.float64], votes: Votes) -> NDArray[np.float64]:
    """Answers matched to votes by other challenges' images: a match is not judged by what it was made of."""
    clusters = cluster_codes(votes.groups, len(votes))
    count = int(clusters.max()) + 1
    part = (generator(0).permutation(count) % _FOLDS)[clusters]
    matched = answers.copy()
    for number in np.unique(part):
        rest = part != number
        if rest.any():
            matched[~rest] = match_quantiles(answers[rest], votes.means[rest])(answers[~rest])
    return matched


def _truth(
    votes: Votes, distributions: NDArray[np.float64] | None, rows: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    return votes.means[rows], None if distributions is None else distributions[rows]


def _head(
    name: str, layers: Sequence[Layer], activation: Activation, embeddings: Embeddings, own: tuple[float, ...] = ()
) -> Head:
    return Head(name, "", tuple(layers), activation, embeddings.backbone, own)


def _exported(trained: Trained) -> tuple[list[Layer], Activation]:
    layers = trained.network.layers()
    return layers, "relu" if len(layers) > 1 else "none"


def _levels(trained: Trained) -> tuple[float, ...]:
    outputs = len(trained.network.linear.bias)
    return () if outputs == 1 else tuple(levels(outputs).tolist())


def _matched(head: Head, match: QuantileMatch) -> tuple[list[Layer], Activation]:
    """A head's layers with the match behind them; its first layer and the head's last are one."""
    (weight, bias), last = match.layers()
    own_weight, own_bias = head.layers[-1]
    return [*head.layers[:-1], (weight @ own_weight, weight @ own_bias + bias), last], "relu"


def _distributions(head: Head, embeddings: Embeddings, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    parts = range(0, len(rows), _PART)
    return np.concatenate([predict_distribution(head, embeddings.rows[rows[at : at + _PART]]) for at in parts])
