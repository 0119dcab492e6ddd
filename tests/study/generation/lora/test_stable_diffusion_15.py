"""A real LoRA for Stable Diffusion 1.5, in old and in current names, on a UNet of its shape."""

import numpy as np
import pytest
import torch

from study.generation.lora import applied, read_lora
from tests.study.generation.sd15 import sd15_unet
from tests.study.generation.tiny import tiny_pipeline


@pytest.mark.large
def test_old_and_current_names_change_the_same(shared):
    """diffusers 0.42.1 loads the file in old names without an error and adapts nothing."""
    pipeline = tiny_pipeline()
    pipeline.register_modules(unet=sd15_unet())
    assert sum(parameter.numel() for parameter in pipeline.unet.parameters()) == 859_520_964

    def call():
        generator = torch.Generator().manual_seed(5)
        sample = torch.randn(1, 4, 8, 8, generator=generator)
        with torch.no_grad():
            return pipeline.unet(sample, 500, torch.randn(1, 77, 768, generator=generator)).sample.numpy()

    base, got = call(), {}
    for names, form in (("current", "diffusers"), ("old", "old attention processors")):
        lora = read_lora(shared / "weights" / f"sd15_lora_{names}_key_names.safetensors")
        assert (lora.form, lora.rank, lora.family, lora.alpha_from) == (form, 4, "Stable Diffusion 1.x", "unknown")
        with applied(pipeline, lora) as proof:
            got[names] = call()
        assert (proof.layers_in_file, proof.layers_applied) == (128, 128) and proof.changes["unet"] > 1e-4
        assert np.array_equal(call(), base)
    assert np.array_equal(got["old"], got["current"])
    assert np.abs(got["old"] - base).max() > 1e-4
    pipeline.load_lora_weights(shared / "weights", weight_name="sd15_lora_current_key_names.safetensors")
    assert np.abs(call() - got["current"]).max() < 1e-5  # as diffusers applies the names that it knows
