"""The head of an aesthetic metric: from a CLIP embedding of unit length to a score of about 0 to 10.

Three kinds of files are read: LAION's linear heads, the heads of improved-aesthetic-predictor (both as published, or
as safetensors), and humangrade's own. A head of our own is a safetensors file whose tensors are ``layers.I.weight`` of
shape (out, in) and ``layers.I.bias`` of shape (out,), with I from 0, and whose metadata has under the key
``humangrade`` a JSON object with at least

- ``"kind": "aesthetic-head"`` and ``"format": 1``;
- ``"sizes"``: numbers of units from the embedding's to the last, which is 1, or one for each level;
- ``"levels"``, in a head that answers a distribution of votes: what its levels mean. The last layer then gives logits,
  and the score is the mean of their softmax's levels;
- ``"activation"``: ``"none"`` or ``"relu"``, between the layers, not behind the last;
- ``"backbone"``: the CLIP model whose embeddings it takes, as ``MODEL/PRETRAINED`` of open_clip;
- ``"signature"``: what the head was made from.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from scipy.special import softmax

from metrics.errors import InputError
from metrics.files import parse_json, write_atomically
from metrics.networks.head_tensors import (
    KEY,
    PUBLISHED,
    Activation,
    Layer,
    checked_config,
    layers_of,
    published_activation,
    published_name,
    read_tensors,
    sizes_of,
    unusable,
)
from metrics.weights.locate import find_weights, weights_digest

__all__ = [
    "PUBLISHED",
    "TOLERANCE",
    "Activation",
    "Head",
    "Layer",
    "find_head",
    "folded",
    "head_details",
    "head_file",
    "predict",
    "predict_distribution",
    "read_head",
    "write_head",
]
TOLERANCE = 1e-3  # of an embedding's length
_MARK = re.compile(r"[0-9a-f.]{1,100}")


@dataclass(frozen=True, eq=False)
class Head:
    """A head, ready to predict.

    Attributes
    ----------
    name : str
        The name of the weights, or of the file.
    sha256 : str
        Of the file.
    layers : tuple of (weight, bias)
        float64, of shapes (out, in) and (out,); a head without activations is folded into a single layer.
    activation : {"none", "relu"}
        Between the layers.
    backbone : str
        The CLIP model that it was trained on, as MODEL/PRETRAINED; "" where that is not known.
    levels : tuple of float
        What the last layer's outputs stand for where it answers a distribution of votes; else empty.
    ratings_mark : str
        What tells the ratings that it was trained on again; "" where it was trained on others' votes.
    """

    name: str
    sha256: str
    layers: tuple[Layer, ...]
    activation: Activation = "none"
    backbone: str = ""
    levels: tuple[float, ...] = ()
    ratings_mark: str = ""

    def __repr__(self) -> str:
        answers = f"{len(self.levels)} levels" if self.levels else "a number"
        return f"Head({self.name}, for {self.backbone or 'an unknown model'}, {self.width} numbers to {answers})"

    @property
    def width(self) -> int:
        """How many numbers an embedding must have."""
        return self.layers[0][0].shape[1]


def predict(head: Head, embeddings: ArrayLike, backbone: str = "") -> NDArray[np.float64]:
    """Scores of images from their embeddings.

    Parameters
    ----------
    head : Head
        The head.
    embeddings : array_like, shape (n, d)
        CLIP embeddings of unit length.
    backbone : str
        The model that they come from, for the error's text.

    Returns
    -------
    ndarray, shape (n,)
        Higher is better. Heads are trained on votes from 1 to 10; the scores are meant as 0 to 10 and mostly lie
        between 3 and 7, but nothing keeps them in that range.

    Raises
    ------
    InputError
        For embeddings whose number of dimensions is not the head's, or whose length is not 1 within 0.001.

    Examples
    --------
    >>> head = Head("example", "", ((np.array([[2.0, 0.0]]), np.array([5.0])),))
    >>> predict(head, [[1.0, 0.0], [0.0, 1.0]])
    array([7., 5.])
    """
    if head.levels:
        return predict_distribution(head, embeddings, backbone) @ np.array(head.levels)
    return _outputs(head, embeddings, backbone)[:, 0]


def predict_distribution(head: Head, embeddings: ArrayLike, backbone: str = "") -> NDArray[np.float64]:
    """The distributions of votes that a head with levels answers.

    Parameters
    ----------
    head : Head
        One that has levels.
    embeddings : array_like, shape (n, d)
        CLIP embeddings of unit length.
    backbone : str
        The model that they come from, for the error's text.

    Returns
    -------
    ndarray, shape (n, levels)
        Each row adds up to 1.

    Raises
    ------
    InputError
        As `predict`, and for a head without levels.
    """
    if not head.levels:
        raise InputError(f"The aesthetic head {head.name} answers a number and no distribution of votes.")
    return softmax(_outputs(head, embeddings, backbone), axis=1)


def _outputs(head: Head, embeddings: ArrayLike, backbone: str) -> NDArray[np.float64]:
    """What the last layer gives."""
    values = np.asarray(embeddings, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != head.width:
        raise InputError(
            f"The aesthetic head {head.name} takes embeddings of {head.width} numbers ({head.backbone or 'its model'}) "
            f"and those of {backbone or 'these images'} have {values.shape[-1]}; choose a head and a model that fit."
        )
    lengths = np.linalg.norm(values, axis=1)
    wrong = np.flatnonzero(~(np.abs(lengths - 1.0) <= TOLERANCE))
    if len(wrong):
        raise InputError(
            f"The aesthetic head {head.name} takes embeddings of length 1, and {len(wrong)} of {len(values)} have "
            f"another, the first {lengths[wrong[0]]:.4g}; divide each by its length."
        )
    for weight, bias in head.layers[:-1]:
        values = np.maximum(values @ weight.T + bias, 0.0)
    weight, bias = head.layers[-1]
    return values @ weight.T + bias


def find_head(head: str | Path) -> Head:
    """A head by the name of its weights, or by its file.

    Raises
    ------
    InputError
        Where it is not on this machine, or cannot be read as a head.
    """
    if str(head) in PUBLISHED:
        return read_head(find_weights(str(head)), str(head))
    if not Path(head).is_file():
        raise InputError(f"There is no aesthetic head {head}; name a file, or one of {', '.join(PUBLISHED)}.")
    return read_head(Path(head))


def read_head(path: Path, name: str = "") -> Head:
    """Read a head from its file.

    Parameters
    ----------
    path : Path
        safetensors, or ``.pth``, which needs PyTorch the first time and is then remembered as plain arrays.
    name : str
        The published name of its weights where that is known; otherwise the file's own name counts.

    Returns
    -------
    Head

    Raises
    ------
    InputError
        Where the file is no head, or does not tell whether there are activations between its layers.
    """
    sha256 = weights_digest(path)
    tensors, config = read_tensors(path, sha256)
    layers = layers_of(path, tensors)
    levels: tuple[float, ...] = ()
    if config:
        activation, backbone, levels = checked_config(path, config, tuple(layers.values()))
    else:
        name = name or published_name(path, sha256)
        activation, backbone = published_activation(path, name, tuple(layers)), PUBLISHED.get(name, "")
    stack = tuple(layers.values())
    if len(stack[-1][1]) != (len(levels) or 1):
        raise unusable(path, f"its layers do not lead at last to {'its levels' if levels else 'one number'}")
    mark = config.get("ratings_mark", "")
    return Head(
        name or path.name,
        sha256,
        (folded(stack),) if activation == "none" else stack,
        activation,
        backbone,
        levels,
        mark if isinstance(mark, str) and _MARK.fullmatch(mark) else "",
    )


def write_head(
    path: Path, layers: Sequence[tuple[ArrayLike, ArrayLike]], activation: Activation, backbone: str, **details: Any
) -> Path:
    """Write a head in humangrade's form, with float32 tensors.

    Parameters
    ----------
    path : Path
        Where it shall stand.
    layers : sequence of (weight, bias)
        Of shapes (out, in) and (out,), from the embedding to the one number, or to one for each level.
    activation : {"none", "relu"}
        Between the layers.
    backbone : str
        The CLIP model, as MODEL/PRETRAINED.
    **details : object
        What else the metadata shall hold, as JSON takes it: ``signature`` first of all, and ``levels`` where the
        head answers a distribution.

    Returns
    -------
    Path
        The path written.
    """
    return write_atomically(path, head_file(layers, activation, backbone, **details))


def head_file(
    layers: Sequence[tuple[ArrayLike, ArrayLike]], activation: Activation, backbone: str, **details: Any
) -> bytes:
    """What `write_head` writes."""
    stack = [tuple(np.asarray(part, dtype=np.float32) for part in layer) for layer in layers]
    config = {
        "kind": "aesthetic-head",
        "format": 1,
        "sizes": sizes_of(stack),
        "activation": activation,
        "backbone": backbone,
        **details,
    }
    tensors = {
        f"layers.{place}.{part}": np.ascontiguousarray(value)
        for place, layer in enumerate(stack)
        for part, value in zip(("weight", "bias"), layer, strict=True)
    }
    return save(tensors, {KEY: json.dumps(config)})


def head_details(path: Path) -> dict[str, Any]:
    """The metadata of a head in humangrade's form; empty for other files."""
    try:
        with safe_open(path, framework="np") as file:
            details = parse_json((file.metadata() or {}).get(KEY, "{}"))
    except (SafetensorError, OSError, ValueError):
        return {}
    return details if isinstance(details, dict) else {}


def folded(layers: Sequence[Layer]) -> Layer:
    """The one layer that linear layers without activations between them amount to.

    Examples
    --------
    >>> double, add_one = (np.array([[2.0]]), np.array([0.0])), (np.array([[1.0]]), np.array([1.0]))
    >>> folded([double, add_one, double])
    (array([[4.]]), array([2.]))
    """
    return reduce(lambda first, then: (then[0] @ first[0], then[0] @ first[1] + then[1]), layers)
