"""How strongly a LoRA counts: alpha over rank, from wherever a trainer left its alpha.

A file that was saved without its alpha is adapted whole and at the wrong strength, and nothing in it says so. So the
source is named, and where there is none that is said too.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from metrics.errors import InputError

Source = Literal["file", "metadata", "adapter_config", "recipe", "unknown"]
ONLY_PLAIN = "only plain LoRAs are applied here: merge it into its base model and draw that as a whole one"
_KEEPS_BASE = {"gaussian", "eva", "orthogonal"}
"""peft's named initialisations after which the base model is what it was."""
_MOST_ALPHA = 1e9
_MOST_PATTERNS = 1_000
_LONGEST_PATTERN = 200
_MOST_REPEATS = 2  # in a pattern: matching one with more may take for ever


@dataclass(frozen=True)
class Alpha:
    """One layer's alpha, where it comes from, and whether it counts over the root of the rank (rsLoRA)."""

    value: float
    source: Source
    over_root: bool = False

    def strength(self, rank: int) -> float:
        """What the product of the two matrices is multiplied by.

        Examples
        --------
        >>> Alpha(2.0, "file").strength(4), Alpha(2.0, "adapter_config", over_root=True).strength(4)
        (0.5, 1.0)
        """
        return self.value / (math.sqrt(rank) if self.over_root else rank)


def check_config(config: Mapping[str, Any], where: str) -> None:
    """Refuse a peft configuration that cannot be read, or under which the two matrices are not the whole adapter.

    Raises
    ------
    InputError
        One sentence that names what it is.
    """
    _check_alphas(config, where)
    kind = str(config.get("peft_type") or "LORA").upper()
    names = {"LOHA": "a LoHa", "LOKR": "a LoKr", "IA3": "an IA3", "OFT": "an OFT"}
    initial = config.get("init_lora_weights")
    if kind != "LORA":
        reason = names.get(kind, f"a {kind}")
    elif config.get("use_dora"):
        reason = "a DoRA"
    elif config.get("modules_to_save"):
        reason = "a LoRA with whole modules beside it (modules_to_save)"
    elif config.get("lora_bias") or config.get("bias", "none") not in {"none", None}:
        reason = "a LoRA with biases"
    elif isinstance(initial, str) and initial not in _KEEPS_BASE:
        reason = f"a LoRA whose training changed the base model too (init_lora_weights is '{initial}')"
    elif any(config.get(key) for key in ("use_qalora", "use_bdlora", "fan_in_fan_out", "layer_replication")):
        reason = "a variant of LoRA"
    else:
        return
    raise InputError(f"{where} is {reason}; {ONLY_PLAIN}.")


def _check_alphas(config: Mapping[str, Any], where: str) -> None:
    """Refuse alphas that are no numbers, and names of modules that are no patterns or take too long to match."""
    patterns = config.get("alpha_pattern") or {}
    if not isinstance(patterns, dict) or len(patterns) > _MOST_PATTERNS:
        raise InputError(f"{where}: its alpha_pattern is no table of at most {_MOST_PATTERNS:,} modules; save it anew.")
    for name, value in {"lora_alpha": config.get("lora_alpha", 1) or 0, **patterns}.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not abs(value) <= _MOST_ALPHA:
            raise InputError(f"{where}: its alpha of '{name[:_LONGEST_PATTERN]}' is no number; save it anew.")
    for pattern in patterns:
        try:
            re.compile(pattern)
            # what is repeated within a repeated group, or many times side by side, is tried in every way
            is_plain = not re.search(r"\)[*+?{]|\\[1-9]|\(\?", pattern)
            is_quick = is_plain and len(re.findall(r"[*+?{]", pattern)) <= _MOST_REPEATS
        except (re.error, RecursionError, OverflowError):
            is_quick = False
        if not is_quick or len(pattern) > _LONGEST_PATTERN:
            raise InputError(
                f"{where}: its alpha_pattern has '{pattern[:_LONGEST_PATTERN]}', which is no name of modules that can "
                "be matched quickly; write out their names."
            )


def from_config(config: Mapping[str, Any], module: str, source: Source) -> Alpha | None:
    """A module's alpha by a peft configuration; None where it says none.

    Examples
    --------
    >>> from_config({"lora_alpha": 2, "alpha_pattern": {"to_q": 8}}, "mid_block.attn1.to_q", "metadata").value
    8.0
    """
    alpha = config.get("lora_alpha")
    pattern = config.get("alpha_pattern") or {}
    for key, value in pattern.items():  # as peft matches them
        if re.match(rf"(.*\.)?({key})$", module):
            alpha = value
            break
    return None if alpha is None else Alpha(float(alpha), source, bool(config.get("use_rslora")))


def diffusers_configs(metadata: Mapping[str, str], where: str) -> dict[str, dict[str, Any]]:
    """What diffusers' ``save_lora_weights`` wrote of each component's configuration.

    Raises
    ------
    InputError
        If it cannot be read.

    Examples
    --------
    >>> diffusers_configs({"lora_adapter_metadata": '{"unet.lora_alpha": 2}'}, "a.safetensors")
    {'unet': {'lora_alpha': 2}}
    """
    text = metadata.get("lora_adapter_metadata")
    if text is None:
        return {}
    configs: dict[str, dict[str, Any]] = {}
    try:
        for key, value in json.loads(text).items():
            component, name = key.split(".", 1)
            configs.setdefault(component, {})[name] = value
    except (ValueError, AttributeError, RecursionError):
        raise InputError(f"{where}: its metadata lora_adapter_metadata cannot be read.") from None
    return configs


def kohya_alpha(metadata: Mapping[str, str], is_conv: bool) -> Alpha | None:
    """A layer's alpha by what sd-scripts wrote of the training; ``is_conv`` for a kernel of more than one pixel.

    Examples
    --------
    >>> kohya_alpha({"ss_network_alpha": "4.0"}, is_conv=False).value
    4.0
    """
    text = metadata.get("ss_network_alpha")
    if is_conv:
        try:
            text = json.loads(metadata.get("ss_network_args", "{}")).get("conv_alpha", text)
        except (ValueError, AttributeError, RecursionError):
            return None
    try:
        value = float(str(text))
    except ValueError:
        return None
    return Alpha(value, "metadata") if math.isfinite(value) and value > 0 else None
