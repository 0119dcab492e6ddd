"""Modules of PyTorch that hold tensors under given names, as archives of weights do."""

from collections.abc import Iterable

import torch


def below(root: torch.nn.Module, folders: Iterable[str]) -> torch.nn.Module:
    """The module at a path below another; what is missing on the way is made."""
    for folder in folders:
        if folder not in dict(root.named_children()):
            root.add_module(folder, torch.nn.Module())
        root = getattr(root, folder)
    return root
