"""What a LoRA file is: form, modules, rank and alpha, without torch and without its matrices."""

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metrics.errors import InputError
from study.generation.lora import alphas, forms
from study.generation.lora.header import Header, read_header

MAX_SIZE = 8 * 2**30
"""Bytes. A LoRA of SDXL with rank 256 in every layer has about 3.5 GB in float32."""
DIFFUSERS_FILE, PEFT_FILE, PEFT_CONFIG = (
    "pytorch_lora_weights.safetensors",
    "adapter_model.safetensors",
    "adapter_config.json",
)
_PICKLES = {".pt", ".pth", ".bin", ".ckpt", ".pkl"}
FAMILIES = {768: "Stable Diffusion 1.x", 1024: "Stable Diffusion 2.x", 2048: "Stable Diffusion XL"}
_FLOATS = {"F16", "BF16", "F32", "F64"}


@dataclass(frozen=True)
class Layer:
    """One module's two matrices: their keys in the file, their shapes, the rank, and how strongly they count."""

    down: str
    up: str
    down_shape: tuple[int, ...]
    up_shape: tuple[int, ...]
    alpha: alphas.Alpha

    @property
    def rank(self) -> int:
        """The inner width."""
        return self.down_shape[0]

    @property
    def strength(self) -> float:
        """Alpha over rank: what the matrices' product is multiplied by."""
        return self.alpha.strength(self.rank)


@dataclass(frozen=True)
class LoraFile:
    """A LoRA that can be applied to a Stable Diffusion model of its sizes.

    Attributes
    ----------
    path : Path
        As it was given: a file or a folder.
    file : Path
        The file of its matrices.
    form : str
        "kohya", "diffusers", "diffusers without a prefix", "peft", "old attention processors" or "ComfyUI".
    sha256 : str
        Of the file; where a peft folder has an adapter_config.json, which says how strongly it counts, of both.
    layers : dict of dict of Layer
        By component ("unet", "text_encoder", "text_encoder_2") and module, as the file names it.
    rank : int
        The largest.
    alpha : float, optional
        That of all layers; None where they differ.
    alpha_from : {"file", "metadata", "adapter_config", "recipe", "unknown"}
    notes : tuple of str
        Sentences that whoever looks at its images should know.
    metadata : dict of str
        What the trainer wrote into the file's header.
    """

    path: Path
    file: Path
    form: str
    sha256: str
    layers: Mapping[str, Mapping[str, Layer]]
    rank: int
    alpha: float | None
    alpha_from: alphas.Source
    notes: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    state: tuple[int, int] = (0, 0)

    @property
    def modules(self) -> dict[str, frozenset[str]]:
        """The modules that it names, by component."""
        return {component: frozenset(layers) for component, layers in self.layers.items()}

    @property
    def family(self) -> str:
        """The models that it fits by the width of the text it attends to; "" where no layer shows it."""
        for name, layer in self.layers.get(forms.UNET, {}).items():
            if name.replace(".", "_").endswith(("attn2_to_k", "attn2_to_v")):
                return FAMILIES.get(layer.down_shape[1], "")
        return ""


def is_lora(path: Path) -> bool:
    """Whether a file or folder holds a LoRA or a network of its kind, by its header alone.

    True as well for what `read_lora` then refuses by name (LoHa, DoRA, LoRAs of other models, a file without tensors);
    False for whole models, token embeddings, and all that is no safetensors file.

    Examples
    --------
    >>> is_lora(Path("no such file.safetensors"))
    False
    """
    try:
        header = read_header(_file_in(path) if path.is_dir() else path)
    except InputError:
        return False
    if not header.tensors:
        return True
    return any(forms.is_lora_key(key) for key in header.tensors)


def read_lora(path: Path, alpha: float | None = None) -> LoraFile:
    """Read what a LoRA file or folder is.

    Parameters
    ----------
    path : Path
        A safetensors file; a folder with pytorch_lora_weights.safetensors (diffusers) or with adapter_model.safetensors
        and adapter_config.json (peft); a folder with one safetensors file.
    alpha : float, optional
        What it was trained with, for a file that does not hold it.

    Returns
    -------
    LoraFile

    Raises
    ------
    InputError
        One sentence, where it cannot be applied; it names what the file is.
    """
    if alpha is not None and not (math.isfinite(alpha) and alpha > 0):
        raise InputError(f"The alpha of {path} is {alpha}; it is a number above 0.")
    file = _file_in(path) if path.is_dir() else path
    if file.suffix.lower() in _PICKLES:
        raise InputError(
            f"{file} is a pickle, which can run programs when it is opened; convert it to safetensors with its trainer."
        )
    header = read_header(file)
    state = file.stat()
    if state.st_size > MAX_SIZE:
        raise InputError(f"{file} has {state.st_size / 2**30:.0f} GB; a LoRA has at most {MAX_SIZE // 2**30}.")
    _refuse_others(header)
    config_file = file.with_name(PEFT_CONFIG)
    config = _config(config_file) if file.name == PEFT_FILE and config_file.is_file() else None
    layers, used = _layers(header, config, alpha)
    every = [layer for of in layers.values() for layer in of.values()]
    values = {layer.alpha.value for layer in every}
    sources = [layer.alpha.source for layer in every]
    order: list[alphas.Source] = ["unknown", "recipe", "metadata", "adapter_config", "file"]
    ranks = [layer.rank for layer in every]
    return LoraFile(
        path=path,
        file=file,
        form=" and ".join(sorted(used)),
        sha256=_sha256([file] if config is None else [file, config_file]),
        layers=layers,
        rank=max(ranks),
        alpha=values.pop() if len(values) == 1 else None,
        alpha_from=next(source for source in order if source in sources),
        notes=_notes(every, header),
        metadata=dict(header.metadata),
        state=(state.st_size, state.st_mtime_ns),
    )


def _file_in(folder: Path) -> Path:
    """The file of a LoRA folder."""
    for name in (DIFFUSERS_FILE, PEFT_FILE):
        if (folder / name).is_file():
            return folder / name
    files = sorted(folder.glob("*.safetensors"))
    if len(files) == 1:
        return files[0]
    if not files and (pickles := [file for file in sorted(folder.glob("*")) if file.suffix.lower() in _PICKLES]):
        return pickles[0]
    found = f"it has {len(files)} safetensors files: name one" if files else "it has no safetensors file"
    raise InputError(f"{folder} is no LoRA folder: it has neither {DIFFUSERS_FILE} nor {PEFT_FILE}, and {found}.")


def _refuse_others(header: Header) -> None:
    """Refuse what is no plain LoRA for a Stable Diffusion, by name."""
    path, shapes = header.path, header.shapes
    if not shapes:
        raise InputError(f"{path} is empty: it holds no tensor, so there is nothing to apply.")
    kind, architecture = forms.other_kind(shapes), forms.foreign_architecture(list(shapes))
    if kind is None and architecture is not None:
        raise InputError(
            f"{path} is a LoRA for {architecture}; LoRAs are applied here to Stable Diffusion 1.x, 2.x and XL only:"
            " merge it into its base model and draw that as a whole one."
        )
    if kind in {"a whole model", "a textual-inversion embedding"}:
        raise InputError(f"{path} is {kind}, not a LoRA.")
    if kind is not None:
        of = f" for {architecture}" if architecture else ""
        raise InputError(f"{path} is {kind}{of}; {alphas.ONLY_PLAIN}.")


def _layers(
    header: Header, config: Mapping[str, Any] | None, stated: float | None
) -> tuple[dict[str, dict[str, Layer]], set[str]]:
    """The layers by component and module, and the forms of their keys."""
    path = header.path
    parts: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    used = set()
    for key, tensor in header.tensors.items():
        part = forms.part_of(key)
        if part is None or (tensor.dtype not in _FLOATS and part.role != forms.ALPHA):
            raise InputError(f"{path} holds '{key}' ({tensor.dtype}), which is no part of a LoRA that is known here.")
        if part.role in parts[part.component, part.module]:
            raise InputError(f"{path} names the module {part.module} of the {part.component} twice: '{key}'.")
        parts[part.component, part.module][part.role] = key
        used.add(part.form)
    written = header.scalars([roles[forms.ALPHA] for roles in parts.values() if forms.ALPHA in roles])
    configs = alphas.diffusers_configs(header.metadata, str(path))
    for of_component in configs.values():
        alphas.check_config(of_component, str(path))
    layers: dict[str, dict[str, Layer]] = {}
    for (component, module), roles in sorted(parts.items()):
        if missing := [role for role in (forms.DOWN, forms.UP) if role not in roles]:
            raise InputError(
                f"{path} lacks the matrix '{missing[0]}' of {module}: it was not written to its end, or cut."
            )
        down, up = (header.tensors[roles[role]].shape for role in (forms.DOWN, forms.UP))
        if not (len(down) == len(up) in {2, 4} and down[0] == up[1] > 0 and all(n == 1 for n in up[2:])):
            raise InputError(f"{path}: the matrices of {module} do not fit each other: {list(down)} and {list(up)}.")
        known = _known_alpha(
            roles, written, component, module, config, configs, header.metadata, any(n > 1 for n in down[2:])
        )
        if known is not None and not (math.isfinite(known.value) and known.value > 0):
            raise InputError(f"{path}: alpha of {module} is {known.value}; it is a number above 0.")
        if known is not None and stated is not None and not math.isclose(known.value, stated, rel_tol=1e-3):
            raise InputError(
                f"{path} holds alpha {known.value:g} and the recipe says {stated:g}: leave it out of the recipe."
            )
        unknown = alphas.Alpha(float(down[0]), "unknown") if stated is None else alphas.Alpha(stated, "recipe")
        layer = Layer(roles[forms.DOWN], roles[forms.UP], down, up, known or unknown)
        layers.setdefault(component, {})[module] = layer
    return layers, used


def _known_alpha(
    roles: Mapping[str, str],
    written: Mapping[str, float],
    component: str,
    module: str,
    config: Mapping[str, Any] | None,
    configs: Mapping[str, Mapping[str, Any]],
    metadata: Mapping[str, str],
    is_conv: bool,
) -> alphas.Alpha | None:
    if forms.ALPHA in roles:
        return alphas.Alpha(written[roles[forms.ALPHA]], "file")
    if config is not None:
        return alphas.from_config(config, module, "adapter_config")
    if component in configs:
        return alphas.from_config(configs[component], module, "metadata")
    return alphas.kohya_alpha(metadata, is_conv)


def _config(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > 2**20:
            raise ValueError("size")
        config = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError("no table")
    except (OSError, ValueError, RecursionError):
        raise InputError(f"{path} cannot be read as peft's adapter_config.json.") from None
    alphas.check_config(config, str(path.parent))
    return config


def _sha256(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


def _notes(layers: list[Layer], header: Header) -> tuple[str, ...]:
    notes = []
    ranks = {layer.rank for layer in layers}
    rank = f"{min(ranks)}" if len(ranks) == 1 else f"{min(ranks)} to {max(ranks)}"
    unknown = sum(layer.alpha.source == "unknown" for layer in layers)
    if unknown:
        part = "" if unknown == len(layers) else f" of {unknown} of {len(layers)} layers"
        notes.append(f"alpha{part} unknown, taken as rank ({rank}): the recipe can state it")
    from_metadata = {layer.alpha.value for layer in layers if layer.alpha.source == "metadata"}
    if from_metadata and "ss_network_alpha" in header.metadata:
        values = " and ".join(f"{value:g}" for value in sorted(from_metadata))
        notes.append(f"the layers hold no alpha; it is {values} by the trainer's ss_network_alpha")
    return tuple(notes)
