"""One call of a network on fixed noise: whether a LoRA changes what it gives is seen by calling it."""

from typing import Any
from weakref import WeakKeyDictionary

_SIDE = 8
_TOKENS = 16
_OF_BASE: "WeakKeyDictionary[Any, tuple[Any, Any]]" = WeakKeyDictionary()
"""By network without a LoRA: what tells its weights from others, and what it gave."""


def base_outputs_of(network: Any) -> Any:
    """`outputs_of` of a network without a LoRA, from memory while nobody has written to its weights."""
    mark = _mark(network)
    known, outputs = _OF_BASE.get(network, (None, None))
    if mark is None or known != mark:
        outputs = outputs_of(network)
        _OF_BASE[network] = (mark, outputs)
    return outputs


def outputs_of(network: Any) -> Any:
    """What a UNet or a CLIP text encoder gives for one fixed input; the same for the same weights.

    Parameters
    ----------
    network : torch.nn.Module
        With its ``config``.

    Returns
    -------
    torch.Tensor
        The UNet's sample, or every layer's state of the text encoder, so that the last layer's part counts that a
        pipeline with clip skip leaves out.
    """
    import torch

    with torch.no_grad():
        if hasattr(network.config, "cross_attention_dim"):
            return _unet(network)
        states = network(_token_ids(network), output_hidden_states=True).hidden_states
        return torch.cat([state.flatten() for state in states])


def _noise(seed: int, *shape: int) -> Any:
    """The same on every device: drawn on the CPU, apart from the global generator."""
    import torch

    return torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed))


def _place(network: Any) -> dict[str, Any]:
    parameter = next(network.parameters())
    return {"device": parameter.device, "dtype": parameter.dtype}


def _unet(unet: Any) -> Any:
    config, place = unet.config, _place(unet)
    width = config.cross_attention_dim
    width = max(width) if isinstance(width, list | tuple) else width
    more = {}
    if config.addition_embed_type == "text_time":
        pooled = config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim
        sizes = _noise(3, 1, 6).abs() * 8 * _SIDE
        more["added_cond_kwargs"] = {"text_embeds": _noise(4, 1, pooled).to(**place), "time_ids": sizes.to(**place)}
    sample, context = _noise(1, 1, config.in_channels, _SIDE, _SIDE), _noise(2, 1, _TOKENS, width)
    return unet(sample.to(**place), 500, context.to(**place), **more).sample


def _token_ids(text_encoder: Any) -> Any:
    import torch

    vocabulary = text_encoder.config.vocab_size
    ids = torch.arange(1, _TOKENS + 1) * (vocabulary // (_TOKENS + 2))
    ids[-1] = vocabulary - 1
    return ids[None].to(next(text_encoder.parameters()).device)


def _mark(network: Any) -> Any:
    """What changes when a network's weights do: where they lie, how often they were written to, and one value of each.

    torch does not count what is written through ``.data``, as fusing does; the values see that. None where torch counts
    nothing at all, which is so for weights made in inference mode.
    """
    import torch

    weights = list(network.parameters())
    try:
        written = [(weight.data_ptr(), weight._version, weight.dtype) for weight in weights]
    except RuntimeError:
        return None
    with torch.no_grad():
        values = torch.stack([weight[tuple(n // 2 for n in weight.shape)].float() for weight in weights])
    return written, values.cpu().numpy().tobytes()
