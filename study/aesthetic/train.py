"""humangrade aesthetic train: heads side by side, or one head moved by few ratings; the result with its card."""

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from calibration.aesthetic.comparison import Comparison, answers_of, train_heads, unimproved_words
from calibration.aesthetic.embeddings import Embeddings
from calibration.aesthetic.evaluation import Evaluation, evaluate, people
from calibration.aesthetic.figures import answers_and_votes, learning_curves
from calibration.aesthetic.finetune import FEWEST, fine_tune, fine_tuning_advice, left_out_together
from calibration.aesthetic.heads import fitting_head
from calibration.aesthetic.leakage import ENCODER, seen_images, sources_of
from calibration.aesthetic.model_card import Card, model_card
from calibration.aesthetic.paired import recommend
from calibration.aesthetic.split import Split, named_images, official_split, seeded_split
from calibration.aesthetic.training import Recipe
from calibration.aesthetic.votes import Votes
from metrics.engine.signature import signature, versions
from metrics.errors import InputError
from metrics.files import write_together
from metrics.networks.aesthetic_head import Head, head_details, head_file
from metrics.text import pasted
from study.aesthetic.data import OTHERS, VotesFile, print_evaluations, read_data, without_twins

BEST = "best"


@dataclass(frozen=True)
class Training:
    """The options of `humangrade aesthetic train`.

    Attributes
    ----------
    votes : VotesFile
        The votes.
    embeddings : Path
        The folder of embeddings.
    test_list : Path or None
        Names the test images.
    recipe : Recipe
        Of the networks.
    seeds : int
        How often each network is trained.
    written : str
        Which of the heads compared is written; "best" is the one recommended.
    """

    votes: VotesFile
    embeddings: Path
    test_list: Path | None
    recipe: Recipe
    seeds: int
    written: str


def train_head(training: Training, out: Path, console: Console) -> None:
    """Train the heads of a comparison, print what they are worth, and write one with its card and pictures.

    Raises
    ------
    InputError
        For votes and embeddings that do not fit, a checkpoint of another run, and files that cannot be written.
    """
    votes, embeddings, rows = read_data(training.votes, training.embeddings, console)
    listed = named_images(training.test_list) if training.test_list else ()
    votes, rows = without_twins(votes, embeddings, rows, console, listed)
    seed = training.recipe.seed
    split = official_split(votes, training.test_list, seed) if training.test_list else seeded_split(votes, seed)
    console.print(
        f"{len(split.train):,} images to train on, {len(split.validation):,} to decide when to stop, "
        f"{len(split.test):,} to test."
    )
    checkpoints = out.with_name(f"{out.stem}-checkpoints")
    with _Live(console, training.recipe.epochs) as live:
        found = train_heads(votes, embeddings, rows, split, training.recipe, training.seeds, checkpoints, live.told)
    evaluations = {name: candidate.evaluation for name, candidate in found.candidates.items()}
    print_evaluations(evaluations.values(), console)
    for name in found.unimproved:
        console.print(unimproved_words(name, training.recipe.loss), soft_wrap=True)
    judged = {name: candidate.validation for name, candidate in found.candidates.items()}
    best, advice = recommend(judged, votes.take(split.validation))
    console.print(advice, soft_wrap=True)
    written = best if training.written == BEST else training.written
    head = found.candidates[written].head
    seen = {
        "seen_images": seen_images(embeddings, rows[np.concatenate([split.train, split.validation])]),
        "ratings_mark": votes.ratings_mark,
    }
    about = _about(training, votes, embeddings, split, found, written)
    card = Card(
        file=out.name,
        about={"backbone": embeddings.backbone, **about},
        written=written,
        evaluations=list(evaluations.values()),
        recommendation=advice,
        people=_people(votes.take(split.test)),
        notes=[f"Votes: {votes.source}, sha256 {votes.sha256}.", ENCODER],
        trained_on=votes.means[split.train],
    )
    shown = [name for name in evaluations if name != "ridge-matched"]
    answers = {name: answers_of(found.candidates[name].head, embeddings, rows[split.test]) for name in shown}
    others = out.with_name(f"{out.stem}{OTHERS}")
    files = {others / f"{name}.safetensors": name for name in found.candidates if name != written}
    write_together(
        {
            out: _file(head, embeddings, {**about, **seen}),
            **{
                path: _file(
                    found.candidates[name].head,
                    embeddings,
                    {**_about(training, votes, embeddings, split, found, name), **seen},
                )
                for path, name in files.items()
            },
            out.with_suffix(".md"): model_card(card),
            out.with_name(f"{out.stem}-test.txt"): "".join(f"{name}\n" for name in votes.images[split.test]),
            out.with_name(f"{out.stem}-training.png"): learning_curves(found.history),
            out.with_name(f"{out.stem}-answers.png"): answers_and_votes(evaluations, answers, votes.means[split.test]),
        }
    )
    (others / f"{written}.safetensors").unlink(missing_ok=True)  # of a run before
    shutil.rmtree(checkpoints, ignore_errors=True)
    _say_written(out, written, console)
    console.print(f"The other heads lie in {others}; remove it when you have chosen.", soft_wrap=True)


def fine_tune_head(
    ratings: VotesFile, embeddings: Path, start: str | None, out: Path, seed: int, console: Console
) -> None:
    """Move a head by few ratings, print what it was worth before and is after, and write it with its card.

    Raises
    ------
    InputError
        For ratings and embeddings that do not fit, and a head of another encoder.
    """
    votes, known, rows = read_data(ratings, embeddings, console, FEWEST)
    votes, rows = without_twins(votes, known, rows, console)
    head = fitting_head(start, known)
    new_in, folds, groups = left_out_together(votes, seed)
    moved = fine_tune(head, np.asarray(known.rows[rows]), votes.means, folds, groups)
    answers = {"before": moved.before, "after": moved.after}
    orders = {"before": moved.before, "after": moved.order}
    evaluations = {name: evaluate(name, values, votes, order=orders[name]) for name, values in answers.items()}
    print_evaluations(evaluations.values(), console)
    advice = fine_tuning_advice(moved, new_in)
    console.print(advice, soft_wrap=True)
    started = head_details(Path(start)) if start else {}
    stated = started.get("trained_on", ())
    about = {
        "signature": signature(
            head="aesthetic",
            backbone=known.backbone,
            start=head.sha256[:12],
            votes=votes.sha256[:12],
            embeddings=known.sha256[:12],
            seed=seed,
        ),
        "training": {
            "votes": votes.source,
            "votes_sha256": votes.sha256,
            "votes_scale": str(votes.scale),
            "images": len(votes),
            "split": f"{len(set(folds.tolist()))} folds of ratings left out, {new_in}, seed {seed}",
            "start": head.name,
            "start_sha256": head.sha256,
            "start_counts_for": round(moved.kept, 4),
            "embedding_adds": round(moved.added, 4),
            "spearman_difference": [round(part, 5) for part in moved.difference if np.isfinite(part)],
            "versions": versions("humangrade", "numpy", "scipy"),
        },
        "trained_on": [*sources_of(head.name, stated), votes.source],
        "metrics": _metrics(evaluations["after"]),
    }
    card = Card(
        file=out.name,
        about={"backbone": known.backbone, **about},
        written="after",
        evaluations=list(evaluations.values()),
        recommendation=advice,
        people={},
        notes=[f"Ratings: {votes.source}, sha256 {votes.sha256}; the head before: {head.name}.", ENCODER],
        trained_on=votes.means,
    )
    write_together(
        {
            out: head_file(
                moved.layers,
                moved.activation,
                known.backbone,
                **about,
                seen_images=seen_images(known, rows, started),
                ratings_mark=votes.ratings_mark,
            ),
            out.with_suffix(".md"): model_card(card),
            out.with_name(f"{out.stem}-answers.png"): answers_and_votes(evaluations, answers, votes.means),
        }
    )
    _say_written(out, "fine-tuned", console)


class _Live:
    """A bar for each network: epochs done, and how it does on the validation images."""

    def __init__(self, console: Console, epochs: int):
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[said]}"),
            console=console,
        )
        self._epochs = epochs
        self._tasks: dict[str, TaskID] = {}
        self._best: dict[str, float] = {}

    def __enter__(self) -> "_Live":
        self._bars.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bars.stop()

    def told(self, name: str, row: Mapping[str, float]) -> None:
        if name not in self._tasks:
            network, seed = name.rsplit(maxsplit=1)
            self._tasks[name] = self._bars.add_task(f"{network}, seed {seed}", total=self._epochs, said="")
        self._best[name] = max(self._best.get(name, -1.0), row["validation_spearman"])
        said = (
            f"loss {row['validation_loss']:.4f}, Spearman {row['validation_spearman']:.4f}, best {self._best[name]:.4f}"
        )
        self._bars.update(self._tasks[name], completed=int(row["epoch"]), said=said)


def _file(head: Head, embeddings: Embeddings, about: Mapping[str, Any]) -> bytes:
    levels = {"levels": list(head.levels)} if head.levels else {}
    return head_file(head.layers, head.activation, embeddings.backbone, **about, **levels)


def _about(
    training: Training, votes: Votes, embeddings: Embeddings, split: Split, found: Comparison, written: str
) -> dict[str, Any]:
    """The metadata of a head: what it was made from, and what it is worth."""
    recipe = {name: value for name, value in asdict(training.recipe).items() if name != "seed"}
    if written != "balanced":
        recipe["balance"] = "none"
    network = written.removesuffix("-matched")
    made = {} if network == "ridge" else {**recipe, "seeds": training.seeds}
    if network in found.seeds:
        made["validation_spearman_by_seed"] = [round(value, 4) for value in found.seeds[network]]
    return {
        "signature": signature(
            head="aesthetic",
            kind=written,
            backbone=embeddings.backbone,
            votes=votes.sha256[:12],
            embeddings=embeddings.sha256[:12],
            split=split.name,
            balance=made.get("balance"),
            loss=made.get("loss"),
            seed=training.recipe.seed,
            versions=versions("humangrade", "torch", "numpy", "scipy"),
        ),
        "training": {
            "votes": votes.source,
            "votes_sha256": votes.sha256,
            "votes_scale": str(votes.scale),
            "images": len(split.train),
            "split": split.name,
            "kind": written,
            "seed": training.recipe.seed,
            **made,
            "embeddings": embeddings.signature,
            "embeddings_sha256": embeddings.sha256,
            "versions": versions("humangrade", "torch", "numpy", "scipy"),
        },
        "trained_on": [votes.source],
        "metrics": _metrics(found.candidates[written].evaluation),
    }


def _metrics(evaluation: Evaluation) -> dict[str, list[float]]:
    names = ("spearman", "pearson", "mae", "balanced_mae", "accuracy", "spread_ratio", "emd")
    found = {name: getattr(evaluation, name) for name in names}
    known = {name: [part for part in value if np.isfinite(part)] for name, value in found.items() if value is not None}
    return {name: [round(part, 5) for part in parts] for name, parts in known.items() if parts}


def _people(votes: Votes) -> dict[str, float]:
    try:
        return people(votes)
    except InputError:  # votes of which only means are known have nothing to say here
        return {}


def _say_written(out: Path, kind: str, console: Console) -> None:
    console.print(f"Written: {out} ({kind}), and its card {out.with_suffix('.md')}.", soft_wrap=True)
    console.print(f"Score with it: humangrade score STUDY --metrics aesthetic --head {pasted(out)}", soft_wrap=True)
