"""A LoRA file's names in a model's own spelling: kohya's underscores, transformers' versions, Stability's numbers."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

_RESNET = {
    "in_layers_2": "conv1",
    "emb_layers_1": "time_emb_proj",
    "out_layers_3": "conv2",
    "skip_connection": "conv_shortcut",
}
_ENDS = {
    "time_embed_0": "time_embedding_linear_1",
    "time_embed_2": "time_embedding_linear_2",
    "label_emb_0_0": "add_embedding_linear_1",
    "label_emb_0_2": "add_embedding_linear_2",
    "input_blocks_0_0": "conv_in",
    "out_2": "conv_out",
}
_MIDDLE = {"0": "resnets_0", "1": "attentions_0", "2": "resnets_1"}


def flat(name: str) -> str:
    """A module's name as all forms can spell it: '_' for '.', without ``text_model``, which transformers 5 dropped.

    Examples
    --------
    >>> flat("text_model.encoder.layers.0.mlp.fc1") == flat("encoder_layers_0_mlp_fc1")
    True
    """
    return name.replace(".", "_").removeprefix("text_model_")


def diffusers_name(name: str, layers_per_block: int) -> str:
    """A UNet module's flat name in diffusers' blocks, from Stability's numbered ones; others come back as they are.

    Where a block of the way up has no attention, Stability's number 1 is its upsampler: the name with ``attentions``
    is the right one only if the model has it.

    Examples
    --------
    >>> diffusers_name("input_blocks_4_1_transformer_blocks_0_attn1_to_q", layers_per_block=2)
    'down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q'
    >>> diffusers_name("output_blocks_2_2_conv", layers_per_block=2)
    'up_blocks_0_upsamplers_0_conv'
    """
    if name in _ENDS:
        return _ENDS[name]
    found = re.match(r"(input_blocks|output_blocks)_(\d+)_(\d+)_(.+)$", name)
    if found is None:
        middle = re.match(r"middle_block_([012])_(.+)$", name)
        return f"mid_block_{_MIDDLE[middle[1]]}_{_RESNET.get(middle[2], middle[2])}" if middle else name
    way, number, part, rest = found[1], int(found[2]), int(found[3]), found[4]
    rest = _RESNET.get(rest, rest)
    if way == "input_blocks":
        block, layer = divmod(number - 1, layers_per_block + 1)
        if layer == layers_per_block:
            return f"down_blocks_{block}_downsamplers_0_{'conv' if rest == 'op' else rest}"
        return f"down_blocks_{block}_{'attentions' if part else 'resnets'}_{layer}_{rest}"
    block, layer = divmod(number, layers_per_block + 1)
    if part == 2 or (part == 1 and rest == "conv"):
        return f"up_blocks_{block}_upsamplers_0_{rest}"
    return f"up_blocks_{block}_{'attentions' if part else 'resnets'}_{layer}_{rest}"


def adaptable(component: Any) -> dict[str, Any]:
    """The modules of a network that a LoRA can adapt, by name: linear layers and two-dimensional convolutions."""
    from torch import nn

    return {name: module for name, module in component.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)}


def model_names(names: Iterable[str], modules: Mapping[str, Any], layers_per_block: int = 2) -> dict[str, str | None]:
    """For each name in a file, the model's name of the module; None where the model has no such module.

    Examples
    --------
    >>> model_names(["mid_block_attentions_0_proj_in", "down_blocks.7.proj"], {"mid_block.attentions.0.proj_in": None})
    {'mid_block_attentions_0_proj_in': 'mid_block.attentions.0.proj_in', 'down_blocks.7.proj': None}
    """
    table: dict[str, str | None] = {}
    for name in modules:
        table[flat(name)] = None if flat(name) in table else name  # two of one spelling cannot be told apart
    return {name: table.get(flat(name)) or table.get(diffusers_name(flat(name), layers_per_block)) for name in names}
