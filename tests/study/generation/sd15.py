"""A UNet of Stable Diffusion 1.5's shape with random weights: 859,520,964 parameters, 3.4 GB in float32."""

from typing import Any


def sd15_unet(seed: int = 0, dtype: Any = None) -> Any:
    """Made without diffusers' own initialisation, which takes ten times as long."""
    import torch
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        unet = UNet2DConditionModel(
            sample_size=64,
            block_out_channels=(320, 640, 1280, 1280),
            cross_attention_dim=768,
            attention_head_dim=8,
            down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
            up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        )
    unet = unet.to_empty(device="cpu").to(dtype or torch.float32).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in unet.named_parameters():
            if parameter.ndim > 1:
                bound = (3 / parameter[0].numel()) ** 0.5
                parameter.uniform_(-bound, bound, generator=generator)
            else:
                parameter.fill_(float("norm" in name and name.endswith("weight")))
    return unet
