"""What the file of an aesthetic head holds, checked: its layers, and what it says of them.

`metrics.networks.aesthetic_head` says which kinds of files there are.
"""

import io
import re
import reprlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from metrics.engine.arrays import read_npz
from metrics.engine.cache import cache_folder
from metrics.errors import InputError
from metrics.files import parse_json, write_atomically
from metrics.weights.known_weights import known_weights

Activation = Literal["none", "relu"]
Layer = tuple[NDArray[np.float64], NDArray[np.float64]]

PUBLISHED = {
    "aesthetic/laion-vit-l-14": "ViT-L-14/openai",
    "aesthetic/laion-vit-b-32": "ViT-B-32/openai",
    "aesthetic/improved-l14-mse": "ViT-L-14/openai",
    "aesthetic/improved-l14-relu": "ViT-L-14/openai",
}
KEY = "humangrade"
_LAYER = re.compile(r"layers\.(0|[1-9][0-9]{0,2})\.(?:weight|bias)")
# Where improved-aesthetic-predictor's linear layers stand among those that hold no weights.
_LINEAR_PLACES = (0, 2, 4, 6, 7)
_RELU_PLACES = (0, 3, 6, 9, 11)


def sizes_of(layers: Sequence[Any]) -> list[int]:
    """Numbers of units from the embedding's to the last."""
    return [weight.shape[1] for weight, _ in layers] + [len(layers[-1][1])]


def unusable(path: Path, reason: str) -> InputError:
    """What is to be raised where a file is no head that can be used."""
    return InputError(f"{path} cannot be used as an aesthetic head: {reason}.")


def read_tensors(path: Path, sha256: str) -> tuple[dict[str, NDArray], dict[str, Any]]:
    """The file's tensors, and our own metadata where it has them."""
    try:
        with safe_open(path, framework="np") as file:
            text = (file.metadata() or {}).get(KEY, "{}")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
    except SafetensorError:
        return _remembered(path, sha256), {}
    try:
        config = parse_json(text)
    except ValueError:
        config = None
    if not isinstance(config, dict):
        raise unusable(path, "its metadata is no JSON object; get it anew")
    return tensors, config


def _remembered(path: Path, sha256: str) -> dict[str, NDArray]:
    """The tensors of a ``.pth`` file, from plain arrays beside the features once it has been read."""
    plain = cache_folder() / "heads" / f"{sha256}.npz"
    try:
        with plain.open("rb") as file:
            return read_npz(file, None)
    except (OSError, ValueError):
        from metrics.weights.tensors import load_tensors

        tensors = {name: value.numpy() for name, value in load_tensors(path).items()}
    _places(path, tensors)  # only a head is remembered
    buffer = io.BytesIO()
    np.savez(buffer, **tensors)
    write_atomically(plain, buffer.getvalue())
    return tensors


def _places(path: Path, tensors: dict[str, NDArray]) -> list[int]:
    """Where the linear layers stand; raises InputError for other tensors than theirs."""
    if set(tensors) == {"weight", "bias"}:
        return [0]
    names = [_LAYER.fullmatch(name) for name in tensors]
    places = sorted({int(name[1]) for name in names if name})
    if None in names or not places or len(names) != 2 * len(places):
        raise unusable(path, "its tensors are not the weights and biases of linear layers")
    return places


def layers_of(path: Path, tensors: dict[str, NDArray]) -> dict[int, Layer]:
    """The layers by their place, in order."""
    places = _places(path, tensors)
    if set(tensors) == {"weight", "bias"}:
        tensors = {f"layers.0.{name}": value for name, value in tensors.items()}
    if any(value.dtype.kind not in "fiu" for value in tensors.values()):
        raise unusable(path, "its tensors hold something else than real numbers")
    values = {name: value.astype(np.float64) for name, value in tensors.items()}
    layers = {place: (values[f"layers.{place}.weight"], values[f"layers.{place}.bias"]) for place in places}
    stack = list(layers.values())
    if any(weight.ndim != 2 or bias.shape != weight.shape[:1] for weight, bias in stack) or any(
        len(bias) != weight.shape[1] for (_, bias), (weight, _) in pairwise(stack)
    ):
        raise unusable(path, "its layers do not lead from one to the next")
    return layers


def checked_config(
    path: Path, config: dict[str, Any], layers: Sequence[Layer]
) -> tuple[Activation, str, tuple[float, ...]]:
    """Activation, backbone and levels of our own head, whose metadata must be complete and agree with its tensors."""
    if (config.get("kind"), config.get("format")) != ("aesthetic-head", 1):
        raise unusable(path, "it has a form that this humangrade does not know; update humangrade")
    if config.get("sizes") != sizes_of(layers):
        said = reprlib.repr(config.get("sizes"))
        raise unusable(path, f"its sizes are {sizes_of(layers)}, but its metadata says {said}")
    if config.get("activation") not in get_args(Activation):
        said = reprlib.repr(config.get("activation")).strip("'")
        raise unusable(path, f"it has the activation {said}, not {' or '.join(get_args(Activation))}")
    if not config.get("backbone") or not isinstance(config["backbone"], str):
        raise unusable(path, "its metadata does not say which CLIP model it was trained on")
    levels = config.get("levels", ())
    if not isinstance(levels, (list, tuple)) or not all(_is_number(level) for level in levels):
        raise unusable(path, "its levels are no list of numbers")
    levels = tuple(map(float, levels))
    return config["activation"], config["backbone"], levels


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e9


def published_name(path: Path, sha256: str) -> str:
    """What the weights are called, by their content or by the file's published name; "" where neither is known."""
    forms = [(known.name, form) for known in known_weights() if known.name in PUBLISHED for form in known.forms]
    by_content = [name for name, form in forms if form.sha256 and sha256.startswith(form.sha256)]
    by_file = [name for name, form in forms if form.file == path.name]
    return next(iter(by_content + by_file), "")


def published_activation(path: Path, name: str, places: tuple[int, ...]) -> Activation:
    """Whether a published head has activations: its name says it, and the places of its layers must agree."""
    if len(places) == 1:
        return "none"
    said: Activation
    if name == "aesthetic/improved-l14-mse" or (not name and "linearmse" in path.name.lower()):
        said, expected = "none", _LINEAR_PLACES
    elif name == "aesthetic/improved-l14-relu" or (not name and "relumse" in path.name.lower()):
        said, expected = "relu", _RELU_PLACES
    else:
        raise unusable(
            path,
            "nothing says whether there are activations between its layers; give it its published name "
            "(...linearMSE.pth or ...reluMSE.pth)",
        )
    if places != expected:
        raise unusable(
            path, f"its layers are numbered {places}, not {expected} as in {name or 'the head of that name'}"
        )
    return said
