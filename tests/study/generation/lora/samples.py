"""LoRA files made for the tiny pipeline, and what its networks give."""

from pathlib import Path

import numpy as np

TEXT_IDS = [49406, 320, 1125, 539, *[49407] * 73]


def outputs(pipeline) -> dict[str, np.ndarray]:
    """The calls that the expected values of shared/data/lora_forms are of."""
    import torch

    def noise(seed, *shape):
        return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))

    with torch.no_grad():
        sample = pipeline.unet(noise(7, 1, 4, 8, 8), 500, noise(8, 1, 77, 32)).sample
        states = pipeline.text_encoder(torch.tensor([TEXT_IDS]))[0]
    return {"unet": sample.numpy(), "text_encoder": states.numpy()}


def save(path: Path, tensors, metadata=None) -> Path:
    """Write a safetensors file; tensors may share memory."""
    from safetensors.torch import save_file

    save_file({key: value.detach().clone().contiguous() for key, value in tensors.items()}, path, metadata=metadata)
    return path


def matrices(network, ends, rank=4, seed=1, std=0.5) -> dict[str, tuple]:
    """By module: random matrices down and up for each layer whose name ends so."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    made = {}
    for name, module in network.named_modules():
        if hasattr(module, "weight") and module.weight.ndim in {2, 4} and name.endswith(ends):
            out, into, *kernel = module.weight.shape
            down = torch.randn(rank, into, *kernel, generator=generator) * std
            up = torch.randn(out, rank, *[1] * len(kernel), generator=generator) * std
            made[name] = (down, up)
    return made


ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")


def diffusers_keys(made, prefix="unet.", ends=("lora.down", "lora.up")):
    """As diffusers writes them."""
    return {
        f"{prefix}{name}.{end}.weight": matrix
        for name, pair in made.items()
        for end, matrix in zip(ends, pair, strict=True)
    }


def kohya_keys(made, prefix="lora_unet_", alpha=None):
    """As sd-scripts writes them."""
    import torch

    keys = {}
    for name, (down, up) in made.items():
        flat = prefix + name.replace(".", "_")
        keys |= {f"{flat}.lora_down.weight": down, f"{flat}.lora_up.weight": up}
        if alpha is not None:
            keys[f"{flat}.alpha"] = torch.tensor(float(alpha))
    return keys
