"""humangrade aesthetic evaluate: heads and other models' predictions on the same images."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from calibration.aesthetic.comparison import answers_of
from calibration.aesthetic.embeddings import Embeddings
from calibration.aesthetic.evaluation import comparison, evaluate
from calibration.aesthetic.figures import answers_and_votes
from calibration.aesthetic.heads import fitting_head
from calibration.aesthetic.leakage import leakage_warnings, seen_before, sources_of
from calibration.aesthetic.paired import pairs_table
from calibration.aesthetic.predictions import read_predictions
from calibration.aesthetic.scale import Scale
from calibration.aesthetic.split import named_images
from calibration.aesthetic.votes import Votes
from calibration.tables.writing import csv_text
from metrics.errors import InputError
from metrics.files import write_together
from metrics.networks.aesthetic_head import find_head, head_details, predict_distribution
from study.aesthetic.data import OTHERS, VotesFile, print_evaluations, print_pairs, print_votes, read_data


def evaluate_heads(
    heads: Sequence[str],
    votes_file: VotesFile,
    embeddings: Path | None,
    test_list: Path | None,
    predictions: Mapping[Path, Scale | None],
    out: Path | None,
    console: Console,
) -> None:
    """Print what heads and other models' predictions are worth on the same images, and write the tables.

    Predictions come with the scale that was said of them; None where their file tells it.

    Raises
    ------
    InputError
        For files that do not fit each other, and a head of another encoder.
    """
    answers: dict[str, NDArray[np.float64]] = {}
    distributions: dict[str, NDArray[np.float64]] = {}
    known, rows = None, None
    heads = list(dict.fromkeys(heads))
    names = _short([*heads, *map(str, predictions)])
    if embeddings is None:
        votes = votes_file.read()
        print_votes(votes, console)
    else:
        votes, known, rows = read_data(votes_file, embeddings, console, least=2)
        for name, given_as in zip(names, heads, strict=False):
            head = fitting_head(given_as, known)
            answers[name] = answers_of(head, known, rows)
            if head.levels:
                distributions[name] = predict_distribution(head, known.rows[rows])
    chosen = np.ones(len(votes), dtype=bool)
    if test_list is not None:
        chosen = np.isin(votes.images, list(named_images(test_list)))
    for name, (path, scale) in zip(names[len(heads) :], predictions.items(), strict=True):
        given = read_predictions(path, scale)
        chosen &= np.isin(votes.images, list(given))
        answers[name] = np.array([given.get(image, np.nan) for image in votes.images])
    places = np.flatnonzero(chosen)
    if len(places) < 2:
        raise InputError("Fewer than two images have votes and everything else that was named; check that they fit.")
    images = votes.take(places)
    answers = {name: values[places] for name, values in answers.items()}
    fitting = {name: values[places] for name, values in distributions.items() if _fits(values, images)}
    for name in distributions.keys() - fitting.keys():
        console.print(
            f"{name} answers how votes lie on {distributions[name].shape[1]} levels, and {images.source} does not tell "
            "that; its mean is judged, without the emd.",
            soft_wrap=True,
        )
    evaluations = {
        name: evaluate(name, values, images, distributions=fitting.get(name)) for name, values in answers.items()
    }
    print_evaluations(evaluations.values(), console)
    pairs = pairs_table(answers, images)
    print_pairs(pairs, console)
    for name in heads:
        assert known is not None and rows is not None
        for sentence in _leakage(name, votes, images, known, rows[places]):
            console.print(f"[yellow]{sentence}[/]", soft_wrap=True)
    if out is not None:
        tables: dict[Path, str | bytes] = {out / "evaluation.csv": csv_text(comparison(list(evaluations.values())))}
        if len(pairs):
            tables[out / "pairs.csv"] = csv_text(pairs)
        for name, evaluation in evaluations.items():
            tables[out / f"tenths-{_plain(name)}.csv"] = csv_text(evaluation.tenths)
            tables[out / f"curve-{_plain(name)}.csv"] = csv_text(evaluation.curve)
        tables[out / "answers.png"] = answers_and_votes(evaluations, answers, images.means)
        write_together(tables)
        console.print(f"Written: {out}", soft_wrap=True)


def test_list_beside(head: str) -> Path | None:
    """The list of test images that training wrote beside a head, or beside the one whose others lie in this folder."""
    path = Path(head)
    places = [path.with_name(f"{path.stem}-test.txt")]
    if path.parent.name.endswith(OTHERS):
        places.append(path.parent.with_name(f"{path.parent.name.removesuffix(OTHERS)}-test.txt"))
    return next((place for place in places if place.is_file()), None)


def _leakage(head: str, votes: Votes, images: Votes, embeddings: Embeddings, rows: NDArray[np.intp]) -> list[str]:
    """What spoils the evaluation of a head."""
    details = head_details(Path(head)) if Path(head).is_file() else {}
    shared = seen_before(details, embeddings, rows)
    if shared is None:
        shared = _trained_on(head, details, votes, images)
    name = find_head(head).name  # the published one, where a file's content is known
    return leakage_warnings(name, sources_of(name, details.get("trained_on", ())), votes.source, shared, len(images))


def _trained_on(head: str, details: Mapping[str, Any], votes: Votes, images: Votes) -> int | None:
    """How many of the images a head that keeps no marks has seen: of its own votes, all but its test images."""
    beside = test_list_beside(head)
    unseen = named_images(beside) if beside else set()
    seen = int((~np.isin(images.images, list(unseen))).sum())
    own = details.get("training", {}).get("votes_sha256") == votes.sha256
    return seen if own or not seen else None


def _fits(distributions: NDArray[np.float64], votes: Votes) -> bool:
    """Whether votes are known on the levels that a head answers."""
    return votes.distributions is not None and votes.distributions.shape[1] == distributions.shape[1]


def _short(heads: Sequence[str]) -> list[str]:
    """Names of heads and predictions without their folders, where these tell them apart."""
    short = [Path(head).name if Path(head).is_file() else head for head in heads]
    return short if len(set(short)) == len(short) else list(heads)


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name)
