"""Checkpoints that hold the same: a file saved twice is drawn once; others of one step are told apart by name."""

import hashlib
from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from pathlib import Path

from metrics.text import listed, quoted
from study.generation.file_names import safe_name
from study.generation.lora.header import Header, read_header
from study.generation.lora.read import DIFFUSERS_FILE, PEFT_CONFIG, PEFT_FILE
from study.generation.types import Checkpoint

_DECIDES = ("ss_network_alpha", "ss_network_args", "lora_adapter_metadata")  # of the metadata: how strongly it counts
_SAMPLED, _SAMPLE = 8, 4096  # tensors of a file, and bytes of each, that tell most files apart
_PART = 2**20


def without_twins(
    found: list[Checkpoint], says_step: Callable[[Checkpoint], bool]
) -> tuple[list[Checkpoint], list[str]]:
    """Checkpoints without those that hold the same as another, and what was done, in sentences.

    kohya saves the last step as NAME.safetensors too, and an epoch's end that is a step's as well under both names.
    Where two of one step hold other weights, both stay, and all but one are called by their file as well.

    Parameters
    ----------
    found : list of Checkpoint
        In the order of their training.
    says_step : callable
        Whether a checkpoint's own name says its step: that one is preferred.
    """
    dropped: dict[int, Checkpoint] = {}
    notes = []
    for alike in _of_one_content(found):
        best = max(alike, key=says_step)
        others = [each for each in alike if each is not best]
        dropped |= {id(each): best for each in others}
        verb, are = ("holds", "is") if len(others) == 1 else ("hold", "are")
        names = listed(quoted(_file(each) for each in others), most=3)
        notes.append(f"{names} {verb} the same as '{_file(best)}', and {are} not drawn a second time.")
    kept = [each for each in found if id(each) not in dropped]
    by_step: dict[tuple[object, ...], list[Checkpoint]] = {}
    for each in kept:
        if each.step is not None and each.path is not None:
            by_step.setdefault((each.path.parent, each.model, each.step), []).append(each)
    renamed: dict[int, Checkpoint] = {}
    for alike in by_step.values():
        best = max(alike, key=says_step)
        for each in alike:
            if each is not best and each.path is not None:
                name = safe_name(f"{each.name}-{each.path.name.removesuffix('.safetensors')}")
                renamed[id(each)] = replace(each, name=name)
                notes.append(
                    f"'{_file(each)}' is of step {each.step} as '{_file(best)}' is, and holds other weights: it is "
                    f"drawn too, as {each.model}/{name}."
                )
    return [renamed.get(id(each), each) for each in kept], notes


def _file(checkpoint: Checkpoint) -> str:
    return "" if checkpoint.path is None else checkpoint.path.name


def _of_one_content(found: list[Checkpoint]) -> list[list[Checkpoint]]:
    """The groups of two or more that hold the same; whole files are read only where a sample of them agrees."""
    files = [(each, file) for each in found if (file := _weights(each)) is not None]
    groups = [files]
    for key in (_sample, _content):
        groups = [group for each in groups for group in _grouped(each, key)]
    return [[checkpoint for checkpoint, _ in group] for group in groups]


def _grouped(
    files: list[tuple[Checkpoint, Path]], key: Callable[[Path], Hashable]
) -> Iterable[list[tuple[Checkpoint, Path]]]:
    by_key: dict[Hashable, list[tuple[Checkpoint, Path]]] = {}
    for checkpoint, file in files if len(files) > 1 else []:
        by_key.setdefault(key(file), []).append((checkpoint, file))
    return [group for group in by_key.values() if len(group) > 1]


def _weights(checkpoint: Checkpoint) -> Path | None:
    """The one file of a checkpoint's weights; None for a model of many files."""
    path = checkpoint.path
    if path is None or path.is_file():
        return path
    return next((path / name for name in (DIFFUSERS_FILE, PEFT_FILE) if (path / name).is_file()), None)


def _sample(file: Path) -> str:
    header = read_header(file)
    names = sorted(header.tensors)
    return _digest(header, names[:: max(1, len(names) // _SAMPLED)], _SAMPLE)


def _content(file: Path) -> str:
    header = read_header(file)
    return _digest(header, sorted(header.tensors), None)


def _digest(header: Header, names: list[str], most: int | None) -> str:
    """The sha256 of tensors and of all names, whatever their order in the file and whatever else its header says."""
    made = hashlib.sha256()
    told = [(name, tensor.dtype, tensor.shape) for name, tensor in sorted(header.tensors.items())]
    made.update(repr((told, [header.metadata.get(key) for key in _DECIDES])).encode())
    config = header.path.with_name(PEFT_CONFIG)
    if header.path.name == PEFT_FILE and config.is_file():
        made.update(config.read_bytes())
    with header.path.open("rb") as file:
        for name in names:
            tensor = header.tensors[name]
            left = tensor.end - tensor.start
            left = left if most is None else min(left, most)
            file.seek(tensor.start)
            while left > 0 and (part := file.read(min(left, _PART))):
                made.update(part)
                left -= len(part)
    return made.hexdigest()
