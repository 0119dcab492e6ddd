"""Reading a file of weights, whichever way it was saved, without running code from it."""

import zipfile
from pathlib import Path
from typing import Any

from metrics.errors import InputError

_MOST = 8  # times the file's size that its tensors may take: half precision is doubled, and weights may be shared


def load_tensors(path: Path) -> dict[str, Any]:
    """Read the tensors of a ``.safetensors``, ``.pt``, ``.pth`` or ``.bin`` file as float32 on the CPU.

    Parameters
    ----------
    path : Path
        The content decides, not the name.

    Returns
    -------
    dict of str to torch.Tensor
        Floating-point tensors as float32, others as they are.

    Raises
    ------
    InputError
        Where the file cannot be read, holds anything but tensors, is a TorchScript archive or no file of weights.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    tensors: Any
    try:
        size = path.stat().st_size
        tensors = load_file(path)
    except SafetensorError:
        tensors = load_pickle(path, "cpu")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}); check the path.") from error
    if isinstance(tensors, dict) and isinstance(tensors.get("state_dict"), dict):
        tensors = tensors["state_dict"]
    if not is_state_dict(tensors) or any(value.device.type != "cpu" for value in tensors.values()):
        raise InputError(f"{path} holds something else than tensors by name; a state dict is needed.")
    if sum(value.numel() * max(4, value.element_size()) for value in tensors.values()) > _MOST * size:
        raise InputError(f"{path} holds tensors that are far larger than the file; get it anew.")
    return {
        name: value.detach().float() if value.is_floating_point() else value.detach() for name, value in tensors.items()
    }


def load_pickle(path: Path, device: str) -> Any:
    """What a file of torch.save holds, where that is tensors and plain Python values.

    Parameters
    ----------
    path : Path
        The file.
    device : str
        "cpu", or "meta" for shapes without values.

    Raises
    ------
    InputError
        For a TorchScript archive, and for a file that is damaged, packed, or asks for anything else to be made.
    """
    import torch

    if is_torchscript(path):
        raise InputError(
            f"{path} is a TorchScript archive, which can run code when it is opened; get the published file with "
            "humangrade weights fetch, or convert it to safetensors where you trust it."
        )
    try:
        if _is_packed(path):
            raise ValueError("it is a packed archive, which torch.save does not write")
        return torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # text read as a pickle raises anything
        raise InputError(
            f"{path} is damaged, no file of weights, or one that cannot be opened without running code from it "
            f"({_reason(error)}); get it anew, or convert it to safetensors."
        ) from error


def is_torchscript(path: Path) -> bool:
    """Whether a file is a TorchScript archive, whose modules run what they hold as ``__setstate__`` on loading."""
    return any(info.filename.rpartition("/")[2] == "constants.pkl" for info in _members(path))


def is_state_dict(tensors: Any) -> bool:
    """Whether something read is plain tensors by name."""
    import torch

    return isinstance(tensors, dict) and all(
        isinstance(name, str)
        and isinstance(value, torch.Tensor)
        and value.layout == torch.strided
        and not value.is_quantized
        for name, value in tensors.items()
    )


def _reason(error: Exception) -> str:
    """Why a file was not read, without PyTorch's advice to run what it holds, and without the file's control codes."""
    first = (str(error).splitlines() or [""])[0] or type(error).__name__
    if first.startswith("Weights only load failed") or "weights_only" in first:
        return "it asks for more than tensors"
    return "".join(letter if letter.isprintable() else "?" for letter in first.split(". ")[0].rstrip(".")[:120])


def _is_packed(path: Path) -> bool:
    """Whether a zip archive unpacks to more than it is, as what torch.save writes never does."""
    return sum(info.file_size for info in _members(path)) > path.stat().st_size


def _members(path: Path) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.infolist()
    except Exception:  # no zip archive, or a damaged one, on which zipfile raises anything
        return []
