"""The tiny pipeline as a single-file checkpoint, by the original names of its tensors."""

import re
from typing import Any

_UNET = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
_VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def original_names(pipeline: Any) -> dict[str, Any]:
    """The tensors of a Stable Diffusion 1 pipeline by their original names."""
    per_block = pipeline.unet.config.layers_per_block
    blocks = len(pipeline.vae.config.block_out_channels)
    found = {}
    for name, value in pipeline.unet.state_dict().items():
        found[f"model.diffusion_model.{_unet(name, per_block)}"] = value
    for name, value in pipeline.vae.state_dict().items():
        is_matrix = "attentions" in name and name.endswith("weight") and value.ndim == 2
        found[f"first_stage_model.{_vae(name, blocks)}"] = value[:, :, None, None] if is_matrix else value
    for name, value in pipeline.text_encoder.state_dict().items():
        found[f"cond_stage_model.transformer.text_model.{name.removeprefix('text_model.')}"] = value
    return {name: value.contiguous() for name, value in found.items()}


def _unet(name: str, per_block: int) -> str:
    for ours, theirs in _UNET.items():
        if name.startswith(f"{ours}."):
            return name.replace(ours, theirs, 1)
    side, rest = name.split(".", 1)
    if side == "mid_block":
        kind, number, rest = rest.split(".", 2)
        place = f"middle_block.{2 * int(number) if kind == 'resnets' else 1}"
    else:
        block, kind, number, rest = rest.split(".", 3)
        first = (per_block + 1) * int(block)
        if kind == "downsamplers":
            return f"input_blocks.{first + per_block + 1}.0.op.{rest.removeprefix('conv.')}"
        if kind == "upsamplers":
            deepest = 2 if int(block) == 0 else 1  # behind the attention, where there is one
            return f"output_blocks.{first + per_block}.{deepest}.{rest}"
        stands = "input_blocks" if side == "down_blocks" else "output_blocks"
        place = f"{stands}.{first + int(number) + (side == 'down_blocks')}.{0 if kind == 'resnets' else 1}"
    part, _, end = rest.partition(".")
    return f"{place}.{_RESNET[part]}.{end}" if kind == "resnets" else f"{place}.{rest}"


def _vae(name: str, blocks: int) -> str:
    name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda found: f"mid.block_{int(found[1]) + 1}", name)
    if "mid_block.attentions.0." in name:
        for ours, theirs in _VAE_ATTENTION.items():
            name = name.replace(f"attentions.0.{ours}.", f"attentions.0.{theirs}.")
        return name.replace("mid_block.attentions.0", "mid.attn_1")
    name = re.sub(r"down_blocks\.(\d)\.resnets\.", r"down.\1.block.", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets\.", lambda found: f"up.{blocks - 1 - int(found[1])}.block.", name)
    return re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda found: f"up.{blocks - 1 - int(found[1])}.upsample", name)
