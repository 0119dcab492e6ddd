"""CLIP embeddings of images and of prompts, by open_clip.

A pretrained tag of open_clip says more than which file of weights is meant: whether the activation is QuickGELU, and
how images are brought to size and normalised. open_clip takes none of this from a local file, so it is always asked of
the tag here.
"""

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from metrics.engine.device import Precision, exact_arithmetic
from metrics.engine.extraction import Forward
from metrics.engine.images import READING
from metrics.engine.signature import signature, versions
from metrics.entry import MetricOptions, NeededWeights
from metrics.errors import InputError
from metrics.weights.known_weights import canonical_name
from metrics.weights.locate import find_weights, published_content, weights_digest
from metrics.weights.tensors import is_torchscript, load_tensors

CLIP_WEIGHTS = NeededWeights("clip/", lambda o: f"clip/{o.clip_model}/{o.clip_pretrained}")
_NOT_WEIGHTS = {"input_resolution", "context_length", "vocab_size"}  # numbers that OpenAI's archives hold as tensors


@dataclass(frozen=True)
class ClipModel:
    """A pair of model and pretrained tag of open_clip, with its weights.

    Attributes
    ----------
    weights : Path
        A ``.safetensors``, ``.bin`` or ``.pt`` file, or the TorchScript archive that OpenAI publishes.
    model, pretrained : str
        What open_clip calls them.
    precision : {"float32", "float16"}
        Of the network's arithmetic; the embeddings are float32 either way.
    """

    weights: Path
    model: str = "ViT-L-14"
    pretrained: str = "openai"
    precision: Precision = "float32"

    @classmethod
    def find(cls, model: str = "ViT-L-14", pretrained: str = "openai", precision: Precision = "float32") -> "ClipModel":
        """The model with the weights that are installed; raises InputError where they are missing."""
        name = canonical_name(f"clip/{model.replace('/', '-')}/{pretrained}")
        _, model, pretrained = name.split("/")
        return cls(find_weights(name), model, pretrained, precision)

    @classmethod
    def chosen(cls, options: MetricOptions) -> "ClipModel":
        """The model that the options name."""
        return cls.find(options.clip_model, options.clip_pretrained, options.precision)

    @property
    def name(self) -> str:
        """For instance ``ViT-L-14/openai``."""
        return f"{self.model}/{self.pretrained}"

    @cached_property
    def signature(self) -> str:
        """Model, tag (and with it the preparation of images), weights, precision and versions."""
        return signature(
            clip=self.name,
            weights=weights_digest(self.weights)[:12],
            precision=self.precision,
            versions=versions("open_clip_torch", "torch"),
        )


@dataclass(frozen=True)
class ClipImages:
    """Embeddings of images, float32 of shape (d,) and unit length.

    Attributes
    ----------
    clip : ClipModel
        The model.
    """

    clip: ClipModel

    title = "CLIP images"
    batch_size = 32

    @cached_property
    def signature(self) -> str:
        """The model's."""
        return f"features:clip-image|{self.clip.signature}|{signature(reading=READING, pillow=versions('Pillow'))}"

    def prepare(self, opened: Image.Image) -> Any:
        """The image as the model takes it: a float32 tensor of shape (3, height, width)."""
        return image_transform(self.clip.model, self.clip.pretrained)(opened)

    def load(self, device: str) -> Forward:
        """The model's image tower on a device."""
        import torch

        network = load_clip(self.clip).to(device)

        def forward(batch: list[Any]) -> list[NDArray]:
            return _unit_rows(network.encode_image, torch.stack(batch).to(device), self.clip.precision)

        return forward


@dataclass(frozen=True)
class ClipTexts:
    """Embeddings of prompts: float32 of shape (1 + d,).

    The first number is 0, or, where the prompt had to be cut, the number of tokens that it was cut to. The others are
    the embedding, of unit length.

    Attributes
    ----------
    clip : ClipModel
        The model.
    """

    clip: ClipModel

    title = "CLIP prompts"
    batch_size = 64

    @cached_property
    def signature(self) -> str:
        """The model's."""
        return f"features:clip-text|{self.clip.signature}"

    def prepare(self, opened: str) -> str:
        """The prompt as it is."""
        return opened

    def load(self, device: str) -> Forward:
        """The model's text tower and its tokenizer."""
        tokenizer = _tokenizer(self.clip.model)
        network = load_clip(self.clip).to(device)

        def forward(batch: list[str]) -> list[NDArray]:
            limit = tokenizer.context_length
            tokens = tokenizer(batch)
            is_cut = (tokenizer(batch, context_length=limit + 1)[:, :limit] != tokens).any(dim=1).numpy()
            rows = _unit_rows(network.encode_text, tokens.to(device), self.clip.precision)
            cuts = np.where(is_cut, limit, 0).astype(np.float32)
            return [np.concatenate([[cut], row]) for cut, row in zip(cuts, rows, strict=True)]

        return forward


@cache
def image_transform(model: str, pretrained: str) -> Callable[[Image.Image], Any]:
    """What brings an image to size and normalises it, as open_clip does for this pair.

    Raises
    ------
    InputError
        Where open_clip does not know the pair.
    """
    import open_clip
    from open_clip.transform import PreprocessCfg, image_transform_v2, merge_preprocess_dict

    size = {"size": open_clip.get_model_config(model)["vision_cfg"]["image_size"]}
    return image_transform_v2(PreprocessCfg(**merge_preprocess_dict(size, _tag(model, pretrained))), is_train=False)


def load_clip(clip: ClipModel) -> Any:
    """The network with its weights.

    Parameters
    ----------
    clip : ClipModel
        Which one.

    Returns
    -------
    open_clip.CLIP or open_clip.CustomTextCLIP
        In evaluation mode, float32, on the CPU.

    Raises
    ------
    InputError
        Where open_clip does not know the pair, or the file does not hold this model's weights, or is a TorchScript
        archive other than the published one.
    """
    import open_clip

    exact_arithmetic()
    quick_gelu = _tag(clip.model, clip.pretrained).get("quick_gelu", False)
    try:
        if is_torchscript(clip.weights):
            network = open_clip.CLIP(**open_clip.get_model_config(clip.model) | {"quick_gelu": quick_gelu})
            network.load_state_dict(_archived(clip))
        else:
            if clip.weights.suffix != ".safetensors":
                load_tensors(clip.weights)  # else open_clip could try again in a way that PyTorch lets run code
            network = open_clip.create_model(
                clip.model, str(clip.weights.absolute()), force_quick_gelu=quick_gelu, weights_only=True
            )
    except InputError:
        raise
    except Exception as error:  # what open_clip does with tensors that do not fit raises anything
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:120]
        raise InputError(
            f"{clip.weights} cannot be loaded as the weights of {clip.name} ({reason}); put the right file in with "
            f"humangrade weights add clip/{clip.name} FILE."
        ) from error
    return network.eval().requires_grad_(False)


def _tokenizer(model: str) -> Any:
    import open_clip

    try:
        return open_clip.get_tokenizer(model)
    except (ImportError, OSError) as error:
        raise InputError(
            f"{model} splits prompts by a tokenizer from Hugging Face, which cannot be loaded "
            f"({str(error).splitlines()[0][:120]}); install transformers and be online once, or choose another model."
        ) from error


def _tag(model: str, pretrained: str) -> dict[str, Any]:
    """What open_clip knows of a pretrained tag: quick_gelu, mean, std, interpolation, resize_mode."""
    from open_clip import get_pretrained_cfg

    known = get_pretrained_cfg(model, pretrained)
    if not known:
        raise InputError(
            f"open_clip knows no weights '{pretrained}' of a model '{model}'; take a pair that "
            "open_clip.list_pretrained() names."
        )
    return known


def _archived(clip: ClipModel) -> dict[str, Any]:
    """The tensors of the published TorchScript archive, which runs code on loading: no other is opened."""
    import torch

    content = published_content(f"clip/{clip.name}", clip.weights)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # TorchScript is deprecated, OpenAI's files are what they are
        tensors = torch.jit.load(io.BytesIO(content), map_location="cpu").state_dict()
    return {name: value for name, value in tensors.items() if name not in _NOT_WEIGHTS}


def _unit_rows(encode: Callable[[Any], Any], batch: Any, precision: Precision) -> list[NDArray]:
    """Embeddings of unit length, one array each."""
    import torch

    with torch.inference_mode(), torch.autocast(batch.device.type, torch.float16, enabled=precision == "float16"):
        embeddings = encode(batch)
    return list(torch.nn.functional.normalize(embeddings.float(), dim=-1).cpu().numpy())
