"""A LoRA applied to a pipeline, proven to be applied, and taken off without a trace.

Nothing is fused: the base's weights are never written to. Every layer is checked before the first one is touched, and
the base's own modules are put back whatever happens.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from metrics.errors import InputError
from study.generation.lora import convert, layers
from study.generation.lora.probe import base_outputs_of, outputs_of
from study.generation.lora.read import FAMILIES, Layer, LoraFile


@dataclass(frozen=True)
class Applied:
    """What was proven of a LoRA that is applied.

    Attributes
    ----------
    layers_in_file, layers_applied : int
        Modules that the file names, and modules of the pipeline that got their matrices; always equal.
    changes : dict of float
        By component, the largest change of its output in one call, in the output's units.
    notes : tuple of str
        Sentences that whoever looks at its images should know.
    """

    layers_in_file: int
    layers_applied: int
    changes: Mapping[str, float]
    notes: tuple[str, ...] = ()


@contextmanager
def applied(pipeline: Any, lora: LoraFile, scale: float = 1.0) -> Iterator[Applied]:
    """Apply a LoRA for as long as the context lasts.

    Parameters
    ----------
    pipeline : diffusers.DiffusionPipeline
        A Stable Diffusion 1.x, 2.x or XL without an adapter.
    lora : LoraFile
        From `read_lora`.
    scale : float
        What its change is multiplied by.

    Yields
    ------
    Applied

    Raises
    ------
    InputError
        One sentence, and the pipeline is what it was: where the LoRA names a module that the pipeline lacks, has other
        sizes or values that are not finite, or changes nothing though its matrices are not zero.
    """
    components = {component: _component(pipeline, component, lora) for component in lora.layers}
    targets = _targets(lora, components, scale)
    notes = list(lora.notes)
    silent = [component for component, of in targets.items() if not any(t.up.any() and t.down.any() for t in of)]
    before = {component: base_outputs_of(network) for component, network in components.items()}
    undo: list[Any] = []
    try:
        for component, network in components.items():
            layers.put_in(network, targets[component], undo)
        adapted = {component: layers.adapted(network) for component, network in components.items()}
        if adapted != {component: {target.name for target in of} for component, of in targets.items()}:
            raise RuntimeError(f"peft did not adapt the modules that {lora.path} names, and those only")
        changes = {}
        for component, network in components.items():
            changes[component] = _change(lora, component, before[component], outputs_of(network))
            if component in silent:
                notes.append(f"the {component} is not changed: one of the two matrices of each of its layers is zero")
            elif scale == 0:
                notes.append(f"the {component} is not changed: the scale is 0")
            elif changes[component] == 0:
                raise InputError(f"{lora.path} was applied to the {component}, and its output did not change.")
        if getattr(pipeline, "_all_hooks", None):  # offloading: the calls above left the networks on the accelerator
            pipeline.maybe_free_model_hooks()
        in_file, count = (sum(map(len, of.values())) for of in (lora.layers, adapted))
        yield Applied(in_file, count, changes, tuple(notes))
    finally:
        for restore in reversed(undo):
            restore()


def _component(pipeline: Any, name: str, lora: LoraFile) -> Any:
    network = getattr(pipeline, name, None)
    if network is None:
        has = type(pipeline).__name__
        more = "; it was trained on Stable Diffusion XL" if name == "text_encoder_2" else ""
        raise InputError(f"{lora.path} adapts the {name}, which a {has} does not have{more}.")
    if getattr(network, "peft_config", None) or layers.adapted(network):
        raise RuntimeError(f"the {name} holds an adapter already; take it off first")
    return network


def check_fit(lora: LoraFile, frame: Any, dtype: str) -> None:
    """Hold a LoRA against a base model before that is loaded.

    Parameters
    ----------
    lora : LoraFile
        From `read_lora`.
    frame : object or None
        The base's networks as `study.generation.lora.frame.frame_of` makes them; None where only the file's own values
        are looked at.
    dtype : {"float32", "float16", "bfloat16"}
        In which it is drawn.

    Raises
    ------
    InputError
        As `applied` does, but for what only a call of the network shows.
    """
    import torch

    weights = getattr(torch, dtype)
    components = {} if frame is None else {name: _component(frame, name, lora) for name in lora.layers}
    modules = {name: convert.adaptable(network) for name, network in components.items()}
    found = {name: _found(lora, name, network, modules[name]) for name, network in components.items()}
    for component, name, layer, down, up in _matrices(lora):
        if component in components:
            module = modules[component][found[component][name]]
            _refuse_sizes(lora, component, name, layer, module, components[component])
        _refuse_overflow(lora, name, down.to(weights), up.to(weights), weights)


def _targets(lora: LoraFile, components: Mapping[str, Any], scale: float) -> dict[str, list[layers.Target]]:
    """Everything that will be adapted, checked, before anything is."""
    modules = {name: convert.adaptable(network) for name, network in components.items()}
    found = {name: _found(lora, name, network, modules[name]) for name, network in components.items()}
    targets: dict[str, list[layers.Target]] = {}
    for component, name, layer, down, up in _matrices(lora):
        of_model = found[component][name]
        module = modules[component][of_model]
        _refuse_sizes(lora, component, name, layer, module, components[component])
        down, up = _fitting(lora, name, module, down, up)
        targets.setdefault(component, []).append(layers.Target(of_model, module, down, up, scale * layer.strength))
    return targets


def _matrices(lora: LoraFile) -> Iterator[tuple[str, str, Layer, Any, Any]]:
    """Component, module, layer and both matrices of each layer; an error where values are not finite."""
    import torch
    from safetensors import SafetensorError, safe_open

    try:
        state = lora.file.stat()
    except OSError as error:
        raise InputError(f"{lora.file} cannot be read: {error.strerror}.") from None
    if (state.st_size, state.st_mtime_ns) != lora.state:
        raise InputError(f"{lora.file} has changed since it was read; start again when nothing writes to it.")
    try:
        with safe_open(lora.file, framework="pt") as file:
            for component, of_file in lora.layers.items():
                for name, layer in of_file.items():
                    down, up = file.get_tensor(layer.down), file.get_tensor(layer.up)
                    if not (torch.isfinite(down).all() and torch.isfinite(up).all()):
                        raise InputError(
                            f"{lora.path} holds values that are not finite, first in {name}: training diverged."
                        )
                    yield component, name, layer, down, up
    except SafetensorError as error:
        raise InputError(f"{lora.file} cannot be read: {error}.") from None


def _found(lora: LoraFile, component: str, network: Any, modules: Mapping[str, Any]) -> dict[str, str]:
    """The model's name of each module in the file; all of them or an error."""
    of_file = lora.layers[component]
    per_block = getattr(network.config, "layers_per_block", 2)
    found = convert.model_names(of_file, modules, per_block if isinstance(per_block, int) else 2)
    missing = [name for name, of_model in found.items() if of_model is None]
    if missing:
        raise InputError(
            f"{lora.path} names modules of the {component} that the base model does not have, {len(missing)} of"
            f" {len(of_file)}, first {missing[0]}: it was trained on another model{_trained_on(lora)}."
        )
    names = {name: of_model for name, of_model in found.items() if of_model is not None}
    if len(set(names.values())) < len(names):
        raise InputError(f"{lora.path} names a module of the {component} twice, in two spellings.")
    return names


def _trained_on(lora: LoraFile) -> str:
    return f", by its sizes {lora.family}" if lora.family else ""


def _refuse_sizes(lora: LoraFile, component: str, name: str, layer: Layer, module: Any, network: Any) -> None:
    """Raise InputError where a layer's matrices do not have the module's sizes."""
    weight, (down, up) = module.weight, (layer.down_shape, layer.up_shape)
    rank, kernel = layer.rank, tuple(weight.shape[2:])
    # a matrix for a linear layer serves a convolution of one pixel, and the other way round
    fits = down[:2] == (rank, weight.shape[1]) and up[:2] == (weight.shape[0], rank)
    fits = fits and (down[2:] or (1, 1)) == (kernel or (1, 1))
    if not fits or getattr(module, "groups", 1) != 1:
        width = getattr(network.config, "cross_attention_dim", 0)
        base = FAMILIES.get(width, "") if isinstance(width, int) else ""
        sizes = f"{list(up)} x {list(down)} for a layer of {list(weight.shape)}"
        both = f": it is for {lora.family}, the base is {base}" if lora.family and base and lora.family != base else ""
        of = both or f": it was trained on another model{_trained_on(lora)}"
        raise InputError(f"{lora.path} has other sizes than the base model's {component} ({name}: {sizes}){of}.")


def _fitting(lora: LoraFile, name: str, module: Any, down: Any, up: Any) -> tuple[Any, Any]:
    """The matrices in the module's shape and its numbers' type and place; an error where these cannot hold them."""
    weight = module.weight
    if weight.device.type == "meta":
        raise InputError("LoRAs cannot be applied under sequential offload; offload whole networks instead.")
    kernel = tuple(weight.shape[2:])
    one = (1,) * len(kernel)
    down, up = down.reshape(*down.shape[:2], *kernel), up.reshape(*up.shape[:2], *one)
    down, up = (matrix.to(weight.device, weight.dtype) for matrix in (down, up))
    _refuse_overflow(lora, name, down, up, weight.dtype)
    return down, up


def _refuse_overflow(lora: LoraFile, name: str, down: Any, up: Any, dtype: Any) -> None:
    import torch

    if not (torch.isfinite(down).all() and torch.isfinite(up).all()):
        raise InputError(f"{lora.path}: values of {name} are too large for {dtype}; draw in float32 or bfloat16.")


def _change(lora: LoraFile, component: str, before: Any, after: Any) -> float:
    import torch

    if torch.isfinite(before).all() and not torch.isfinite(after).all():
        raise InputError(f"{lora.path} makes the {component} give values that are not finite in {after.dtype}.")
    return float((after.float() - before.float()).abs().max())
