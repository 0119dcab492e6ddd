"""Training a head: batches, loss, early stopping, and going on after an interruption as if there had been none.

Everything random in an epoch follows from the seed and the epoch's number alone, so that a run that goes on from its
checkpoint draws what the uninterrupted one would have drawn.
"""

import io
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import Tensor

from calibration.aesthetic.balance import Balance
from calibration.aesthetic.network import HeadNetwork
from calibration.aesthetic.ridge import Ridge
from calibration.aesthetic.votes import levels
from metrics.errors import InputError
from metrics.files import write_atomically
from metrics.weights.tensors import load_pickle

Loss = Literal["mse", "mae", "huber", "emd"]
Told = Callable[[dict[str, float]], None]
_ANSWERED = 2**13
_TOLD = ("epoch", "train_loss", "validation_loss", "validation_spearman")


@dataclass(frozen=True)
class Recipe:
    """How a head is trained.

    Attributes
    ----------
    hidden : tuple of int
        Units of each hidden layer.
    dropout : float
        The share of units left out, from 0 to below 1.
    loss : {"mse", "mae", "huber", "emd"}
        Of the mean vote; or the squared earth mover's distance between distributions of votes.
    balance : {"none", "inverse", "sqrt", "lds"}
        How much each image counts; see `calibration.aesthetic.balance`.
    balance_by : {"weights", "sampling"}
        Whether the loss is weighted, or images are drawn more often.
    epochs, patience : int
        The most passes over the data; how many without a better validation Spearman (of "emd", validation loss) end
        the training.
    batch_size : int
        Images a step.
    learning_rate, weight_decay : float
        Of AdamW; the rate falls to zero as a cosine.
    seed : int
        Of everything random.
    """

    hidden: tuple[int, ...] = (256, 64)
    dropout: float = 0.2
    loss: Loss = "mse"
    balance: Balance = "none"
    balance_by: Literal["weights", "sampling"] = "weights"
    epochs: int = 30
    patience: int = 5
    batch_size: int = 512
    learning_rate: float = 3e-4
    weight_decay: float = 1e-2
    seed: int = 0

    def __post_init__(self) -> None:
        if min((*self.hidden, self.epochs, self.patience, self.batch_size), default=1) < 1:
            raise InputError("Layers, epochs, patience and batch size must be 1 or more.")
        if not (0 <= self.dropout < 1 and 0 < self.learning_rate < math.inf and 0 <= self.weight_decay < math.inf):
            raise InputError(
                "Dropout lies from 0 to below 1, the learning rate above 0, the weight decay at 0 or above."
            )
        if self.loss not in get_args(Loss):
            raise InputError(f"The loss {self.loss} is not known; it is one of {', '.join(get_args(Loss))}.")


@dataclass(frozen=True, eq=False)
class Part:
    """Images to learn from or to be judged by.

    Attributes
    ----------
    embeddings : ndarray, shape (N, d)
        All embeddings; may be a memory map.
    rows : ndarray of int, shape (n,)
        Which of them.
    means : ndarray, shape (n,)
        Mean votes.
    distributions : ndarray, shape (n, levels), optional
        For the loss "emd".
    weights : ndarray, shape (n,), optional
        How much each image counts.
    """

    embeddings: NDArray[np.floating]
    rows: NDArray[np.intp]
    means: NDArray[np.float64]
    distributions: NDArray[np.float64] | None = None
    weights: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class Trained:
    """What came out.

    Attributes
    ----------
    network : HeadNetwork
        With the weights of the best epoch.
    epoch : int
        That epoch; 0 is the start, before any step.
    history : list of dict
        For each epoch: epoch, train_loss, validation_loss, validation_spearman.
    """

    network: HeadNetwork
    epoch: int
    history: list[dict[str, float]]

    @property
    def spearman(self) -> float:
        """On the validation images, at the best epoch."""
        return self.history[self.epoch]["validation_spearman"]

    @property
    def loss(self) -> float:
        """On the validation images, at the best epoch."""
        return self.history[self.epoch]["validation_loss"]


def train(
    training: Part,
    validation: Part,
    recipe: Recipe,
    start: Ridge | None = None,
    checkpoint: Path | None = None,
    told: Told = lambda row: None,
) -> Trained:
    """Train a head until its rank correlation on the validation images (by "emd", its loss) gets no better.

    Parameters
    ----------
    training, validation : Part
        What it learns from, and what decides when to stop.
    recipe : Recipe
        How.
    start : Ridge, optional
        Where the linear part starts; at zero unless given.
    checkpoint : Path, optional
        Where the state is kept after each epoch; where one stands there that was written by the same recipe on the
        same data, training goes on from it.
    told : callable
        Given each epoch's row of the history.

    Returns
    -------
    Trained

    Raises
    ------
    InputError
        For the loss "emd" without distributions, and a checkpoint of another run.
    """
    if recipe.loss == "emd" and training.distributions is None:
        raise InputError("The loss emd needs the votes for each level; these votes are means only.")
    torch.manual_seed(recipe.seed)
    network = _network(training, recipe, start)
    steps = math.ceil(len(training.rows) / recipe.batch_size)
    optimizer = torch.optim.AdamW(network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs * steps)
    about = repr((asdict(recipe), _fingerprint(training), _fingerprint(validation)))
    state = _read(checkpoint, about)
    if state:
        try:
            history, best, best_weights = state["history"], state["best"], state["best_weights"]
            network.load_state_dict(best_weights)
            network.load_state_dict(state["network"])
            optimizer.load_state_dict(state["optimizer"])
            schedule.load_state_dict(state["schedule"])
            rows = [[float(row[name]) for name in _TOLD] for row in history]
            if not 0 <= best < len(rows):
                raise ValueError(f"epoch {best} of {len(rows)}")
        except Exception as error:  # what stands there is of another version, or was changed
            raise _unreadable(checkpoint) from error
    else:
        history, best, best_weights = [_judged(network, validation, recipe, 0, math.nan)], 0, _copy(network)
    for row in history:
        told(row)
    while len(history) <= recipe.epochs and len(history) - 1 - best < recipe.patience:
        epoch = len(history)
        loss = _epoch(network, optimizer, schedule, training, recipe, epoch)
        history.append(_judged(network, validation, recipe, epoch, loss))
        told(history[-1])
        if _worth(history[-1], recipe) > _worth(history[best], recipe):
            best, best_weights = epoch, _copy(network)
        _write(
            checkpoint,
            about=about,
            history=history,
            best=best,
            best_weights=best_weights,
            network=network.state_dict(),
            optimizer=optimizer.state_dict(),
            schedule=schedule.state_dict(),
        )
    network.load_state_dict(best_weights)
    return Trained(network.eval(), best, history)


def answers_of(network: HeadNetwork, embeddings: NDArray[np.floating], rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """A network's answers for some rows, a part of them in memory at a time; shape (n,)."""
    logits = _outputs(network, embeddings, rows)
    if logits.shape[1] == 1:
        return logits[:, 0].double().numpy()
    return (torch.softmax(logits.double(), dim=1) @ torch.tensor(levels(logits.shape[1]))).numpy()


def _network(training: Part, recipe: Recipe, start: Ridge | None) -> HeadNetwork:
    total, squares, count = 0.0, 0.0, len(training.rows)
    for begin in range(0, count, _ANSWERED):
        part = np.asarray(training.embeddings[training.rows[begin : begin + _ANSWERED]], dtype=np.float64)
        total, squares = total + part.sum(axis=0), squares + (part**2).sum(axis=0)
    mean = np.asarray(total / count)
    scale = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
    scale = np.where(scale > 0, scale, 1.0)
    prior = None if recipe.loss != "emd" or training.distributions is None else training.distributions.mean(axis=0)
    outputs = 1 if prior is None else len(prior)
    return HeadNetwork(mean, scale, recipe.hidden, outputs, recipe.dropout, start, prior)


def _epoch(
    network: HeadNetwork,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    training: Part,
    recipe: Recipe,
    epoch: int,
) -> float:
    """One pass; returns the mean loss."""
    rng = np.random.default_rng([recipe.seed, epoch])
    torch.manual_seed(int(rng.integers(2**31)))
    count, weights = len(training.rows), training.weights
    if recipe.balance_by == "sampling" and weights is not None:
        order, weights = rng.choice(count, count, p=weights / weights.sum()), None
    else:
        order = rng.permutation(count)
    network.train()
    total = 0.0
    for begin in range(0, count, recipe.batch_size):
        chosen = np.sort(order[begin : begin + recipe.batch_size])
        losses = _losses(network(_tensor(training.embeddings[training.rows[chosen]])), training, chosen, recipe.loss)
        loss = losses.mean() if weights is None else (losses * _tensor(weights[chosen])).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        total += float(loss.detach()) * len(chosen)
    return total / count


def _losses(outputs: Tensor, part: Part, chosen: NDArray[np.intp], loss: Loss) -> Tensor:
    """The loss of each image."""
    if loss == "emd":
        assert part.distributions is not None
        given = torch.softmax(outputs, dim=1).cumsum(dim=1)
        return ((given - _tensor(part.distributions[chosen]).cumsum(dim=1)) ** 2).mean(dim=1)
    target = _tensor(part.means[chosen])
    if loss == "mse":
        return (outputs[:, 0] - target) ** 2
    if loss == "mae":
        return (outputs[:, 0] - target).abs()
    return torch.nn.functional.huber_loss(outputs[:, 0], target, reduction="none", delta=0.5)


def _worth(row: dict[str, float], recipe: Recipe) -> float:
    """By what the best epoch is chosen: the order of means, or for distributions what their training minimises."""
    return -row["validation_loss"] if recipe.loss == "emd" else row["validation_spearman"]


def _judged(network: HeadNetwork, part: Part, recipe: Recipe, epoch: int, train_loss: float) -> dict[str, float]:
    outputs = _outputs(network, part.embeddings, part.rows)
    answers = outputs[:, 0].double()
    if outputs.shape[1] > 1:
        answers = torch.softmax(outputs.double(), dim=1) @ torch.tensor(levels(outputs.shape[1]))
    everyone, constant = np.arange(len(part.rows)), float(answers.std()) < 1e-9
    return {
        "epoch": epoch,
        "train_loss": train_loss,
        "validation_loss": float(_losses(outputs, part, everyone, recipe.loss).mean()),
        "validation_spearman": 0.0 if constant else float(spearmanr(answers.numpy(), part.means).statistic),
    }


@torch.inference_mode()
def _outputs(network: HeadNetwork, embeddings: NDArray[np.floating], rows: NDArray[np.intp]) -> Tensor:
    network.eval()
    parts = range(0, len(rows), _ANSWERED)
    return torch.cat([network(_tensor(embeddings[rows[begin : begin + _ANSWERED]])) for begin in parts])


def _tensor(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))


def _copy(network: HeadNetwork) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def _fingerprint(part: Part) -> tuple[Any, ...]:
    weights = 0.0 if part.weights is None else float(part.weights @ np.arange(len(part.rows)))
    sample = part.embeddings[part.rows[:: max(1, len(part.rows) // 64)]]
    return (
        len(part.rows),
        int(part.rows.sum()),
        float(part.means @ np.arange(len(part.rows))),
        weights,
        float(sample.sum()),
    )


def _read(checkpoint: Path | None, about: str) -> dict[str, Any]:
    if checkpoint is None or not checkpoint.exists():
        return {}
    try:
        state = load_pickle(checkpoint, "cpu")
    except InputError as error:
        raise _unreadable(checkpoint) from error
    if not isinstance(state, dict):
        raise _unreadable(checkpoint)
    if state.get("about") != about:
        raise InputError(f"{checkpoint} is of a training with other data or options; remove it to begin anew.")
    return state


def _unreadable(checkpoint: Path | None) -> InputError:
    return InputError(f"{checkpoint} cannot be read as a checkpoint; remove it to begin anew.")


def _write(checkpoint: Path | None, **state: Any) -> None:
    if checkpoint is not None:
        buffer = io.BytesIO()
        torch.save(state, buffer)
        write_atomically(checkpoint, buffer.getvalue())
