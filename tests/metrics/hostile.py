"""Files of weights that would run code: each leaves a mark where it was run."""

import io
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch

from tests.metrics.modules import below

Maker = Callable[[Path, Path, Mapping[str, torch.Tensor]], None]


class Harmful:
    """Makes a folder where it is unpickled."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


class Harm(torch.nn.Module):
    """Writes a file where TorchScript loads it."""

    path: str

    def __init__(self, path: str):
        super().__init__()
        self.path = path

    @torch.jit.export
    def __getstate__(self):
        return (self.path, self.training)

    @torch.jit.export
    def __setstate__(self, state: tuple[str, bool]) -> None:
        torch.save(torch.zeros(1), state[0])
        self.path = state[0]
        self.training = state[1]


def torchscript(path: Path, mark: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """An archive that holds the weights as they should be, and code beside them."""
    root = torch.nn.Module()
    for name, value in tensors.items():
        *folders, last = name.split(".")
        below(root, folders).register_buffer(last, value)
    root.add_module("harm", Harm(str(mark)))
    torch.jit.script(root).save(path)


def saved(path: Path, mark: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """A file of torch.save, with code among the weights."""
    torch.save({**tensors, "harm": Harmful(mark)}, path)


def saved_of_old(path: Path, mark: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """The same in the form of old versions of PyTorch."""
    torch.save({**tensors, "harm": Harmful(mark)}, path, _use_new_zipfile_serialization=False)


def plain_pickle(path: Path, mark: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """A pickle of its own."""
    path.write_bytes(pickle.dumps({"harm": Harmful(mark)}))


def both(path: Path, mark: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """An archive of TorchScript with a harmful pickle in a folder beside it."""
    torchscript(path, mark, tensors)
    pickled = io.BytesIO()
    torch.save({**tensors, "harm": Harmful(mark)}, pickled)
    with zipfile.ZipFile(pickled) as other, zipfile.ZipFile(path, "a") as joined:
        for name in other.namelist():
            joined.writestr(f"beside/{name}", other.read(name))


def tried_twice(path: Path, mark: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """A pickle on which reading weights alone raises TypeError, after which open_clip tries without that limit."""
    torch.save(dict(tensors), path)
    program = b"".join(
        (
            b"\x80\x02ccollections\nOrderedDict\n)R",  # an OrderedDict(), with a state of two parts:
            b"N}\x86b",  # (None, {}), which pickle sets and PyTorch's own reader cannot
            b"0cos\nmkdir\n" if os.name == "nt" else b"0cposix\nmkdir\n",
            b"X" + struct.pack("<I", len(str(mark))) + str(mark).encode() + b"\x85R.",
        )
    )
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, program if name.endswith("/data.pkl") else content)


def arrays_of_objects(path: Path, mark: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """An .npz whose arrays are pickles."""
    harm = np.array([Harmful(mark)], dtype=object)
    with path.open("wb") as file:
        np.savez(file, mu=harm, sigma=harm, n=harm, features=harm, weight=harm, bias=harm)


def array_of_objects(path: Path, mark: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """An .npy that is a pickle."""
    with path.open("wb") as file:
        np.save(file, np.array([Harmful(mark)], dtype=object), allow_pickle=True)


MAKERS: dict[str, Maker] = {
    made.__name__: made
    for made in (
        *(torchscript, saved, saved_of_old, plain_pickle, both, tried_twice),
        *(arrays_of_objects, array_of_objects),
    )
}


def run_them(path: Path) -> None:
    """Open a file in every way that runs code, so that a test knows that its file is harmful."""
    for way in (
        lambda: torch.jit.load(path),
        lambda: torch.load(io.BytesIO(path.read_bytes()), weights_only=False),
        lambda: np.load(path, allow_pickle=True),
        lambda: list(np.load(path, allow_pickle=True).values()),
    ):
        try:
            way()
        except Exception:
            continue
