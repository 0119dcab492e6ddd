"""Recognising weights by their content: the names and shapes of some of their tensors."""

from pathlib import Path

from metrics.errors import InputError
from metrics.weights.tensors import load_pickle

Shapes = dict[str, tuple[int, ...]]

_HOLDS: dict[str, Shapes] = {
    "facenet-vggface2": {
        "conv2d_1a.conv.weight": (32, 3, 3, 3),
        "repeat_3.4.conv2d.weight": (1792, 384, 1, 1),
        "last_linear.weight": (512, 1792),
    },
    "lpips-alex": {"features.0.weight": (64, 3, 11, 11), "features.10.weight": (256, 256, 3, 3)},
    "lpips-vgg": {"features.0.weight": (64, 3, 3, 3), "features.28.weight": (512, 512, 3, 3)},
    "lpips-squeeze": {"features.0.weight": (64, 3, 3, 3), "features.12.expand3x3.weight": (256, 64, 3, 3)},
    "inception-fid": {"Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3), "fc.weight": (1008, 2048)},
    "aesthetic/laion-vit-l-14": {"weight": (1, 768), "bias": (1,)},
    "aesthetic/laion-vit-b-32": {"weight": (1, 512), "bias": (1,)},
    "aesthetic/improved-l14-mse": {"layers.0.weight": (1024, 768), "layers.7.weight": (1, 16)},
    "aesthetic/improved-l14-relu": {"layers.0.weight": (1024, 768), "layers.11.weight": (1, 16)},
}


def check_content(name: str, path: Path) -> None:
    """Refuse a file that does not hold the weights of this name; their values are not looked at.

    Parameters
    ----------
    name : str
        As `metrics.weights.known_weights.canonical_name` gives it.
    path : Path
        A safetensors file, or one of torch.save.

    Raises
    ------
    InputError
        For another file, saying what is wrong with it.
    """
    shapes = read_shapes(path)
    expected = _HOLDS.get(name) or _clip_shapes(name)
    if not expected:
        raise InputError(f"{path} is not the published file of {name}, and no other is recognised; give that one.")
    for tensor, wanted in expected.items():
        found = shapes.get(tensor, shapes.get(f"text.{tensor}"))
        if found != wanted:
            what = f"has the shape {found} instead of {wanted}" if found is not None else "is missing"
            raise InputError(
                f"{path} does not hold the weights {name} (the tensor {tensor} {what}); give another file."
            )


def read_shapes(path: Path) -> Shapes:
    """The shapes of a file's tensors by name, without reading their values.

    Parameters
    ----------
    path : Path
        The content decides, not the name.

    Raises
    ------
    InputError
        Where the file cannot be read, or holds anything but tensors.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except SafetensorError:
        return _shapes_of_torch_save(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}); check the path.") from error


def _shapes_of_torch_save(path: Path) -> Shapes:
    import torch

    tensors = load_pickle(path, "meta")
    if isinstance(tensors, dict) and isinstance(tensors.get("state_dict"), dict):
        tensors = tensors["state_dict"]
    if not isinstance(tensors, dict):
        raise InputError(f"{path} does not hold tensors by name; give another file.")
    return {
        name.removeprefix("module."): tuple(value.shape)
        for name, value in tensors.items()
        if isinstance(name, str) and isinstance(value, torch.Tensor)
    }


def _clip_shapes(name: str) -> Shapes:
    """What tells a CLIP model of open_clip from others: the first layers of both towers."""
    import open_clip

    config = open_clip.get_model_config(name.split("/")[1])
    vision, text = config["vision_cfg"], config["text_cfg"]
    shapes: Shapes = {}
    if vision.get("patch_size"):
        shapes["visual.conv1.weight"] = (vision["width"], 3, vision["patch_size"], vision["patch_size"])
    if "vocab_size" in text:
        shapes["token_embedding.weight"] = (text["vocab_size"], text["width"])
    return shapes
