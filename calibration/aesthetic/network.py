"""The network: a linear part that starts at the closed form, and beside it layers that learn what is left.

Embeddings are first brought to mean 0 and variance 1 in every number. All of it is then written as plain layers with
max(0, .) between them, which is the form of `metrics.networks.aesthetic_head`: the linear part passes through as
max(0, a) and max(0, -a), whose difference is a.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from calibration.aesthetic.ridge import Ridge
from calibration.aesthetic.votes import levels
from metrics.networks.aesthetic_head import Layer


class HeadNetwork(nn.Module):
    """A head that can be trained.

    Parameters
    ----------
    mean, scale : ndarray, shape (d,)
        Of the embeddings that it is trained on.
    hidden : sequence of int
        Units of each layer; none for a linear head.
    outputs : int
        One for the mean vote, or one for each level of a distribution (as logits).
    dropout : float
        The share of units left out in training.
    start : Ridge, optional
        Where the linear part starts; at zero unless given.
    prior : ndarray, shape (outputs,), optional
        The distribution of all votes, from which the logits start; a start then tilts it, so that its mean follows.
    """

    def __init__(
        self,
        mean: NDArray[np.floating],
        scale: NDArray[np.floating],
        hidden: Sequence[int],
        outputs: int,
        dropout: float,
        start: Ridge | None = None,
        prior: NDArray[np.float64] | None = None,
    ):
        super().__init__()
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32))
        self.linear = nn.Linear(len(mean), outputs)
        weight, bias = _start(start, prior, mean, scale, outputs)
        with torch.no_grad():
            self.linear.weight.copy_(torch.tensor(weight))
            self.linear.bias.copy_(torch.tensor(bias))
        sizes = [len(mean), *hidden]
        self.hidden = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(sizes))
        self.last = nn.Linear(sizes[-1], outputs, bias=False) if hidden else None
        if self.last is not None:
            nn.init.zeros_(self.last.weight)  # so that training starts at the linear part
        self.dropout = nn.Dropout(dropout)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Answers of shape (n, outputs)."""
        values = (embeddings - self.mean) / self.scale
        answers = self.linear(values)
        if self.last is None:
            return answers
        for layer in self.hidden:
            values = self.dropout(torch.relu(layer(values)))
        return answers + self.last(values)

    def layers(self) -> list[Layer]:
        """The same as plain layers, float64, on embeddings as they are; with max(0, .) between them."""
        weight, bias = _arrays(self.linear)
        scale, mean = _array(self.scale), _array(self.mean)
        stack = [_standardised(weight, bias, mean, scale)]
        if self.last is None:
            return stack
        outputs = len(bias)
        both = np.vstack([np.eye(outputs), -np.eye(outputs)])
        first = _standardised(*_arrays(self.hidden[0]), mean, scale)
        found = [(np.vstack([first[0], both @ stack[0][0]]), np.concatenate([first[1], both @ stack[0][1]]))]
        for layer in self.hidden[1:]:
            own_weight, own_bias = _arrays(layer)
            joined = np.zeros((len(own_weight) + 2 * outputs, own_weight.shape[1] + 2 * outputs))
            joined[: len(own_weight), : own_weight.shape[1]] = own_weight
            joined[len(own_weight) :, own_weight.shape[1] :] = np.eye(2 * outputs)
            found.append((joined, np.concatenate([own_bias, np.zeros(2 * outputs)])))
        found.append((np.hstack([_array(self.last.weight), both.T]), np.zeros(outputs)))
        return found


def _start(
    start: Ridge | None,
    prior: NDArray[np.float64] | None,
    mean: NDArray[np.floating],
    scale: NDArray[np.floating],
    outputs: int,
) -> Layer:
    """The linear part's weight and bias on standardised embeddings.

    With a prior p over the levels l, the logits log p + l * (answer - m) / v (m and v are the prior's mean and
    variance) are those of the distribution whose mean follows the answer, to first order.
    """
    weights = np.zeros(len(mean)) if start is None else start.weights * scale
    if prior is None:
        centre = 0.0 if start is None else start.intercept + float(start.weights @ mean)
        return np.tile(weights, (outputs, 1)), np.full(outputs, centre)
    values = levels(outputs)
    middle = float(prior @ values)
    tilt = (values - middle) / float(prior @ (values - middle) ** 2)
    shift = 0.0 if start is None else start.intercept + float(start.weights @ mean) - middle
    return np.outer(tilt, weights), np.log(np.maximum(prior, 1e-6)) + tilt * shift


def _standardised(
    weight: NDArray[np.float64], bias: NDArray[np.float64], mean: NDArray[np.float64], scale: NDArray[np.float64]
) -> Layer:
    """A layer on standardised numbers, as one on the numbers themselves."""
    return weight / scale, bias - (weight / scale) @ mean


def _arrays(layer: nn.Module) -> Layer:
    assert isinstance(layer, nn.Linear)
    return _array(layer.weight), _array(layer.bias)


def _array(tensor: Tensor) -> NDArray[np.float64]:
    return tensor.detach().cpu().numpy().astype(np.float64)
