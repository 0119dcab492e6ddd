"""The evaluation of a LoRA's checkpoints by metrics: figures, differences to the base, near-copies, and one page."""
