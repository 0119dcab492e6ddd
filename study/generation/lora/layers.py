"""peft's layers put into a network and taken out again.

Making them takes most of a small network's change of checkpoint, so they are kept, without their matrices, for the next
LoRA that adapts the same modules.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

ADAPTER = "humangrade"


@dataclass(frozen=True)
class Target:
    """One module of a network, the two matrices that it gets, and what their product is multiplied by."""

    name: str
    module: Any
    down: Any
    up: Any
    strength: float


_KEPT: "WeakKeyDictionary[Any, tuple[dict[str, Any], Any]]" = WeakKeyDictionary()
"""By network: peft's layers by name, and their configuration, of the LoRA before."""


def put_in(network: Any, targets: Sequence[Target], undo: list[Callable[[], None]]) -> None:
    """Adapt each target; ``undo`` gets what takes all of it out, before anything is put in."""
    from torch import nn

    places = []
    for target in targets:
        parent, _, attribute = target.name.rpartition(".")
        places.append((network.get_submodule(parent), attribute, target.module))
    undo.append(_restorer(network, places))
    kept, config = _KEPT.get(network, ({}, None))
    if len(kept) == len(targets) and all(_serves(kept.get(target.name), target) for target in targets):
        layers = kept
        for target, (place, attribute, _) in zip(targets, places, strict=True):
            setattr(place, attribute, layers[target.name])
        network.peft_config = {ADAPTER: config}
    else:
        config = _inject(network, targets)
        layers = {target.name: network.get_submodule(target.name) for target in targets}
        _KEPT[network] = (layers, config)
    undo.append(lambda: _empty(layers))
    for target in targets:
        layer = layers[target.name]
        layer.lora_A[ADAPTER].weight = nn.Parameter(target.down, requires_grad=False)
        layer.lora_B[ADAPTER].weight = nn.Parameter(target.up, requires_grad=False)
        layer.scaling[ADAPTER] = target.strength


def adapted(network: Any) -> set[str]:
    """The modules of a network that have an adapter which is active."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    layers = {name: module for name, module in network.named_modules() if isinstance(module, BaseTunerLayer)}
    return {name for name, layer in layers.items() if layer.active_adapters and not layer.disable_adapters}


def _serves(layer: Any, target: Target) -> bool:
    """Whether a kept layer is of this very module, and of this rank."""
    return layer is not None and layer.base_layer is target.module and layer.r[ADAPTER] == target.down.shape[0]


def _inject(network: Any, targets: Sequence[Target]) -> Any:
    from peft import LoraConfig, inject_adapter_in_model

    ranks = {f"^{re.escape(target.name)}": target.down.shape[0] for target in targets}
    first = next(iter(ranks.values()))
    config = LoraConfig(
        r=first,
        rank_pattern={name: rank for name, rank in ranks.items() if rank != first},
        target_modules=[target.name for target in targets],
        init_lora_weights=False,
        inference_mode=True,
    )
    keys = {f"{target.name}.lora_A.weight": target.down for target in targets}  # which modules, exactly
    inject_adapter_in_model(config, network, ADAPTER, low_cpu_mem_usage=True, state_dict=keys)
    return config


def _restorer(network: Any, places: Sequence[tuple[Any, str, Any]]) -> Callable[[], None]:
    """What puts the network's own modules back, and all else that peft changes on a network."""
    needs_grad = [(parameter, parameter.requires_grad) for parameter in network.parameters()]

    def restore() -> None:
        for place, attribute, module in places:
            setattr(place, attribute, module)
        if hasattr(network, "peft_config"):
            del network.peft_config
        for parameter, flag in needs_grad:
            parameter.requires_grad_(flag)

    return restore


def _empty(layers: dict[str, Any]) -> None:
    """Let go of the matrices."""
    import torch

    for layer in layers.values():
        for part in (layer.lora_A, layer.lora_B):
            part[ADAPTER].weight = torch.nn.Parameter(torch.empty(0), requires_grad=False)
