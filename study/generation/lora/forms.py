"""The forms that LoRA files have: what a tensor's key says, which form a file is of, and what cannot be applied.

A key names a component (the UNet, a text encoder), a module in it, and a role (the matrix down, the matrix up, alpha).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

UNET, TEXT, TEXT_2 = "unet", "text_encoder", "text_encoder_2"
DOWN, UP, ALPHA = "down", "up", "alpha"

_PREFIXES = (  # of keys; the first that fits
    ("lora_unet_", UNET, "kohya"),
    ("lora_te1_", TEXT, "kohya"),
    ("lora_te2_", TEXT_2, "kohya"),
    ("lora_te_", TEXT, "kohya"),
    ("diffusion_model.", UNET, "ComfyUI"),
    ("text_encoders.clip_l.transformer.", TEXT, "ComfyUI"),
    ("text_encoders.clip_g.transformer.", TEXT_2, "ComfyUI"),
    ("unet.", UNET, "diffusers"),
    ("text_encoder_2.", TEXT_2, "diffusers"),
    ("text_encoder.", TEXT, "diffusers"),
)
_PEFT = "base_model.model."
_ROLES = (  # what a key ends with
    (re.compile(r"\.(?:lora_down|lora\.down|lora_linear_layer\.down|lora_A(?:\.\w+)?)\.weight$"), DOWN),
    (re.compile(r"\.(?:lora_up|lora\.up|lora_linear_layer\.up|lora_B(?:\.\w+)?)\.weight$"), UP),
    (re.compile(r"\.alpha$"), ALPHA),
)
_PROCESSOR = re.compile(r"\.(?:processor\.)?to_(q|k|v|out)_lora\.(down|up)\.weight$")
_UNET_NAME = re.compile(
    r"(down_blocks|up_blocks|mid_block|time_embedding|add_embedding|conv_in|conv_out|input_blocks|output_blocks"
    r"|middle_block|time_embed|label_emb|out)[._]"
)
_TEXT_NAME = re.compile(r"(text_model[._])?(encoder[._]layers[._]|embeddings[._]|final_layer_norm)|text_projection")

_KINDS = (  # networks other than a plain LoRA, by the keys that only they have
    (re.compile(r"\.lokr_"), "a LoKr"),
    (re.compile(r"\.hada_"), "a LoHa"),
    (re.compile(r"\.(dora_scale|lora_magnitude_vector)"), "a DoRA"),
    (re.compile(r"\.(on_input$|ia3_)"), "an IA3"),
    (re.compile(r"\.(diff|diff_b|w_norm|b_norm|set_weight)$"), "a full difference of weights"),
    (re.compile(r"\.(oft_|boft_)"), "an OFT"),
    (re.compile(r"\.(a1|a2|b1|b2)\.weight$"), "a GLoRA"),
    (re.compile(r"\.vera_"), "a VeRA"),
    (re.compile(r"lora_mid\.weight$"), "a LoCon with a Tucker decomposition"),
    (re.compile(r"_custom_diffusion"), "a Custom Diffusion"),
    (re.compile(r"lora_controlnet"), "a Control-LoRA"),
    (re.compile(r"(lora_B|lora_up|lora\.up)(\.\w+)?\.bias$"), "a LoRA with biases"),
    (re.compile(r"\.lora_embedding_"), "a LoRA of token embeddings"),
)
_EMBEDDING = re.compile(r"^(emb_params|string_to_param.*|clip_[lg]|<[^>]*>)$|^bundle_emb\.")
_CHECKPOINT = re.compile(
    r"^(model\.diffusion_model\.|first_stage_model\.|cond_stage_model\.|conditioner\.|conv_in\.weight$"
    r"|(text_model\.)?embeddings\.token_embedding\.|decoder\.|encoder\.(conv_in|down|mid)"
    r"|x_embedder\.|double_blocks\.\d+\.img_attn\.qkv\.weight$)"
)
_ARCHITECTURES = (  # by a module's name with '_' for '.', without the component's prefix
    (re.compile(r"single_transformer_blocks_\d|(double|single)_blocks_\d"), "FLUX"),
    (re.compile(r"transformer_blocks_\d+_(img|txt)_(mlp|mod)"), "Qwen-Image"),
    (re.compile(r"joint_blocks_\d"), "Stable Diffusion 3"),
    (re.compile(r"double_stream_blocks_\d"), "HiDream"),
    (re.compile(r"^(noise_refiner|context_refiner|layers)_\d+_(attention|feed_forward)"), "Z-Image or Lumina"),
    (re.compile(r"^blocks_\d+_(attn_(gate|w[qkvo])|mlp_(gate|up|down))|^txt(mlp|fusion)"), "Krea 2"),
    (re.compile(r"^(llm_adapter_)?blocks_\d+_(adaln_modulation_\w+|(self|cross)_attn_\w+_proj)"), "Anima"),
    (re.compile(r"^blocks_\d+_(self|cross)_attn_[qkvo](_img)?$"), "Wan"),
    (re.compile(r"^transformer_blocks_\d+_(ff_context|norm1_context|attn2_add_)"), "Stable Diffusion 3"),
    (re.compile(r"^transformer_blocks_\d+_attn_"), "Qwen-Image"),
    (re.compile(r"^(transformer_blocks_\d+_attn[12]_|adaln_single)"), "PixArt or LTX"),
)
_STRANGE_PREFIXES = ("lora_transformer_", "transformer.", "lora_prior_unet_", "lora_te3_", "lycoris_")


@dataclass(frozen=True)
class Part:
    """What one key names.

    Attributes
    ----------
    component : str
        "unet", "text_encoder" or "text_encoder_2", as the pipeline names it.
    module : str
        Its name in the file, without what says the component and the role; kohya's have '_' where the model has '.'.
    role : {"down", "up", "alpha"}
    form : str
        The form that this key has.
    """

    component: str
    module: str
    role: str
    form: str


def part_of(key: str) -> Part | None:
    """What a tensor's key names; None where no LoRA of a Stable Diffusion has such a key.

    Examples
    --------
    >>> part_of("lora_unet_mid_block_attentions_0_proj_in.lora_down.weight").module
    'mid_block_attentions_0_proj_in'
    >>> part_of("down_blocks.1.attentions.0.transformer_blocks.0.attn1.processor.to_out_lora.up.weight").module
    'down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0'
    >>> part_of("text_encoder.text_model.encoder.layers.0.self_attn.k_proj.lora_linear_layer.down.weight").component
    'text_encoder'
    """
    form = "peft" if key.startswith(_PEFT) else ""
    rest = key
    while rest.startswith(_PEFT):
        rest = rest.removeprefix(_PEFT)
    component = None
    for prefix, named, of_form in _PREFIXES:
        if rest.startswith(prefix):
            rest, component, form = rest.removeprefix(prefix), named, form or of_form
            break
    if component is None:
        component = UNET if _UNET_NAME.match(rest) else TEXT if _TEXT_NAME.match(rest) else None
        form = form or "diffusers without a prefix"
    elif not (_UNET_NAME if component == UNET else _TEXT_NAME).match(rest):
        component = None
    if component is None:
        return None
    if old := _PROCESSOR.search(rest):
        letter, role = old.groups()
        return Part(component, rest[: old.start()] + _projection(component, letter), role, "old attention processors")
    for pattern, role in _ROLES:
        if found := pattern.search(rest):
            return Part(component, rest[: found.start()], role, form)
    return None


def _projection(component: str, letter: str) -> str:
    """The module that an old attention processor's LoRA stands for."""
    if component == UNET:
        return ".to_out.0" if letter == "out" else f".to_{letter}"
    return f".{letter}_proj"


def is_lora_key(key: str) -> bool:
    """Whether only a LoRA, or a network of its kind, has such a key.

    Examples
    --------
    >>> is_lora_key("lora_unet_mid_block_attentions_0_proj_in.hada_w1_a"), is_lora_key("conv_in.weight")
    (True, False)
    """
    return any(pattern.search(key) for pattern, role in _ROLES if role != ALPHA) or (
        _PROCESSOR.search(key) is not None
        or any(pattern.search(key) for pattern, _ in _KINDS)
        or key.startswith(("lora_unet_", "lora_te", "lora_transformer_"))
        or re.search(r"\.processor\.\w+_lora\d*\.(down|up)\.weight$", key) is not None
    )


def other_kind(shapes: Mapping[str, tuple[int, ...]]) -> str | None:
    """What a file is that is no plain LoRA: the network's name, an embedding, a whole model; None for a plain LoRA.

    Examples
    --------
    >>> other_kind({"lora_unet_mid_block_attentions_0_proj_in.lokr_w1": (4, 4)})
    'a LoKr'
    """
    found = [name for pattern, name in _KINDS if any(pattern.search(key) for key in shapes)]
    if found:
        return found[0] if len(found) == 1 else f"{found[0]} with {found[1]}"
    is_lora = any(is_lora_key(key) for key in shapes)
    if any(_EMBEDDING.search(key) for key in shapes):
        return "a LoRA bundled with token embeddings" if is_lora else "a textual-inversion embedding"
    if is_lora:
        return None
    if any(_CHECKPOINT.search(key) for key in shapes):
        return "a whole model"
    if len(shapes) == 1 and all("." not in key and len(shape) in {1, 2} for key, shape in shapes.items()):
        return "a textual-inversion embedding"  # diffusers names the tensor after the token
    return None


def foreign_architecture(keys: list[str]) -> str | None:
    """The model that a file's modules belong to, where it is no Stable Diffusion 1, 2 or XL.

    Examples
    --------
    >>> foreign_architecture(["transformer.single_transformer_blocks.0.attn.to_k.lora_A.weight"])
    'FLUX'
    >>> foreign_architecture(["unet.mid_block.attentions.0.proj_in.lora_A.weight"])
    """
    names = [_bare(key) for key in keys if part_of(key) is None]
    for pattern, architecture in _ARCHITECTURES:
        if any(pattern.search(name) for name in names):
            return architecture
    if strange := next((key for key in keys if key.startswith(_STRANGE_PREFIXES)), None):
        return f"a model that is not known here ('{strange}')"
    return None


def _bare(key: str) -> str:
    """A key's module with '_' for '.', whatever its component."""
    name = key
    prefixes = (_PEFT, *(prefix for prefix, *_ in _PREFIXES), *_STRANGE_PREFIXES, "lora_te")
    while prefix := next((prefix for prefix in prefixes if name.startswith(prefix)), None):
        name = name.removeprefix(prefix)
    name = re.sub(r"\.(lora|lokr|hada|alpha|dora|diff).*$", "", name)
    return name.replace(".", "_")
