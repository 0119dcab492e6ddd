"""What the header of a safetensors file says: names and shapes of its tensors, and its metadata. No tensor is read."""

import json
import os
import stat
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Literal

from metrics.errors import InputError
from metrics.files import reason

MOST_HEADER = 100_000_000  # bytes, as safetensors' own reader has it
_POINTER = b"version https://git-lfs"
_LORA = ("lora", ".hada_", ".lokr_", ".oft_", ".dora_scale", "lycoris_", ".diff", ".on_input")
_MODEL = ("model.diffusion_model.", "first_stage_model.", "cond_stage_model.", "conditioner.")
_EMBEDDING = {"emb_params", "string_to_param", "clip_l", "clip_g", "<placeholder>"}

Kind = Literal["lora", "model", "embedding", "other"]


@dataclass(frozen=True)
class Header:
    """The header of a safetensors file.

    Attributes
    ----------
    shapes : dict of str to tuple of int
        Each tensor's name and shape.
    metadata : dict of str to str
    """

    shapes: dict[str, tuple[int, ...]]
    metadata: dict[str, str]

    @property
    def kind(self) -> Kind:
        """What the file holds, by the names of its tensors.

        Examples
        --------
        >>> Header({"lora_unet_mid_block.lora_down.weight": (4, 8)}, {}).kind
        'lora'
        >>> Header({"model.diffusion_model.out.2.bias": (4,)}, {}).kind, Header({"emb_params": (1, 768)}, {}).kind
        ('model', 'embedding')
        >>> Header({}, {}).kind
        'other'
        """
        if any(name.startswith(_MODEL) for name in self.shapes):
            return "model"
        if any(part in name for name in self.shapes for part in _LORA):
            return "lora"
        return "embedding" if self.shapes and set(self.shapes) <= _EMBEDDING else "other"

    def json(self, key: str) -> Any:
        """A metadata value that is JSON itself; None where it is missing or none.

        Examples
        --------
        >>> Header({}, {"a": '{"b": 1}', "c": "{"}).json("a"), Header({}, {"c": "{"}).json("c")
        ({'b': 1}, None)
        """
        try:
            return json.loads(self.metadata[key])
        except (KeyError, ValueError, RecursionError):
            return None


def read_header(path: Path) -> Header:
    """Read the header of a safetensors file.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    InputError
        Where it cannot be read, is no safetensors file, or ends before its tensors do.

    Examples
    --------
    >>> import tempfile
    >>> text = b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "__metadata__": {"ss_steps": "300"}}'
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "a.safetensors"
    ...     _ = path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(4))
    ...     read_header(path)
    Header(shapes={'a': (1,)}, metadata={'ss_steps': '300'})
    """
    try:
        found = path.stat()  # a device or a pipe is not even opened
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{path} is not a file; name a safetensors file.")
        with path.open("rb") as file:
            first = file.read(len(_POINTER))
            if first == _POINTER:
                raise InputError(f"{path} is a Git LFS pointer and not the file itself; fetch it with git lfs pull.")
            length = struct.unpack("<Q", first[:8])[0] if len(first) >= 8 else 0
            size = os.fstat(file.fileno()).st_size
            if not 2 <= length <= min(MOST_HEADER, size - 8):
                raise InputError(f"{path} is no safetensors file, or only the beginning of one; save or fetch it anew.")
            file.seek(8)
            content = json.loads(file.read(length))
        metadata = content.pop("__metadata__", {})
        shapes = {name: tuple(map(int, tensor["shape"])) for name, tensor in content.items()}
        ends = [tensor["data_offsets"][1] for tensor in content.values() if prod(tensor["shape"])]
        if max(ends, default=0) > size - 8 - length:
            raise InputError(f"{path} is cut off: its tensors end beyond the file; save or fetch it anew.")
        return Header(shapes, {str(key): str(value) for key, value in metadata.items()})
    except OSError as error:
        raise InputError(f"{path} cannot be read ({reason(error)}); check the path.") from error
    except InputError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} is no safetensors file: its header cannot be read; save or fetch it anew.") from error
