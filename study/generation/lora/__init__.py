"""LoRA files: read in every form that trainers write, applied, and proven to be applied."""

from study.generation.lora.adapt import Applied, applied
from study.generation.lora.read import LoraFile, is_lora, read_lora

__all__ = ["Applied", "LoraFile", "applied", "is_lora", "read_lora"]
