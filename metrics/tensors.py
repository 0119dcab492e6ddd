"""Reading a file of weights, whichever way it was saved, without running code from it."""

from pathlib import Path
from typing import Any

from metrics.errors import InputError


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
        Where the file cannot be read, holds anything but tensors, or is no file of weights.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    tensors: Any
    try:
        tensors = load_file(path)
    except SafetensorError:
        try:
            tensors = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # text read as a pickle raises anything
            reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
            raise InputError(
                f"{path} is no file of weights that can be loaded safely ({reason}); get it anew, or convert it to "
                "safetensors."
            ) from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}); check the path.") from error
    if isinstance(tensors, dict) and isinstance(tensors.get("state_dict"), dict):
        tensors = tensors["state_dict"]
    if not isinstance(tensors, dict) or not all(isinstance(value, torch.Tensor) for value in tensors.values()):
        raise InputError(f"{path} holds something else than tensors by name; a state dict is needed.")
    return {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
