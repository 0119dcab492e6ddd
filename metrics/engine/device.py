"""Where networks run."""

import re
from collections.abc import Callable
from typing import Literal

from metrics.errors import InputError, parameter

Precision = Literal["float32", "float16"]


def check_device_name(name: str) -> None:
    """Raise InputError for what is no device's name; whether this machine has it, `choose_device` says."""
    if not re.fullmatch(r"auto|cpu|mps|cuda(:[0-9]{1,3})?", name):
        raise InputError(f"{parameter('device')} is {name}; it is one of auto, cpu, cuda, cuda:N and mps.")


def choose_device(name: str) -> str:
    """The torch device for a name; "auto" takes CUDA, then Apple's GPU, then the CPU.

    Raises
    ------
    InputError
        For a device that this machine does not have.
    """
    import torch

    check_device_name(name)
    has: dict[str, Callable[[], bool]] = {
        "cuda": torch.cuda.is_available,
        "mps": torch.backends.mps.is_available,
        "cpu": lambda: True,
    }
    if name == "auto":
        return next(kind for kind, there in has.items() if there())
    kind = name.split(":")[0]
    if not has[kind]() or (":" in name and not _has_gpu(name)):
        raise InputError(
            f"{parameter('device')} is {name}, but PyTorch finds no such device here; use {parameter('device')} auto."
        )
    return name


def check_precision(precision: str, device: str) -> None:
    """Raise InputError for half precision on a CPU, where it is slow and no network is tested in it."""
    if precision == "float16" and device == "cpu":
        raise InputError(f"{parameter('precision')} float16 needs a GPU; leave it out on a CPU.")


def exact_arithmetic() -> None:
    """Switch TensorFloat-32 off, which rounds float32 convolutions on recent GPUs to about three digits."""
    import torch

    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def _has_gpu(name: str) -> bool:
    import torch

    return int(name.split(":")[1]) < torch.cuda.device_count()
