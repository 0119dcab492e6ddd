"""Trainers' folders of checkpoints: which files are states of which run, and at which step each was saved.

kohya's sd-scripts, ai-toolkit, OneTrainer, SimpleTuner and diffusers' own examples are understood.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from glob import glob
from pathlib import Path
from typing import Any, Literal

from metrics.errors import InputError
from metrics.files import parse_json
from metrics.text import counted, listed, natural_order, quoted
from study.generation.lora.forms import is_lora_key, other_kind
from study.generation.lora.header import Header, read_header
from study.generation.lora.read import DIFFUSERS_FILE, PEFT_FILE
from study.generation.twins import without_twins
from study.generation.types import Checkpoint

LORA_NAMES = (DIFFUSERS_FILE, PEFT_FILE)
"""LoRA files that are named alike in every folder, of diffusers and of peft."""

_PIPELINE = "model_index.json"
_ACCELERATE = ("optimizer.bin", "optimizer.pt", "scheduler.bin", "random_states_0.pkl", "training_state.json")
_PICKLES = (".ckpt", ".pt", ".pth", ".bin")
_WHOLE = ("model.diffusion_model.", "first_stage_model.", "cond_stage_model.", "conditioner.")
_WEIGHTS = (".safetensors", ".ckpt")
_MOST_FILES = 5_000  # that one path or glob may name
_UNDERSTOOD = (
    "LoRA files (.safetensors), folders with pytorch_lora_weights.safetensors or adapter_model.safetensors, folders "
    "checkpoint-STEP with one of these, diffusers models (model_index.json) and whole models in one .safetensors file"
)

# Each trainer's name of a file: what names the run, and how far it was trained
_ONETRAINER = re.compile(r"(?P<run>.*?)[-_ ]?\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d-save-(?P<step>\d+)-(?P<epoch>\d+)-\d+")
_KOHYA_STEP = re.compile(r"(?P<run>.+)-step(?P<step>\d{8})")
_KOHYA_EPOCH = re.compile(r"(?P<run>.+)-(?P<epoch>\d{6})")
_AI_TOOLKIT = re.compile(r"(?P<run>.+)_(?P<step>\d{9})")
_FOLDER = re.compile(r"(?:(?P<run>.+)[-_])?checkpoint[-_](?P<step>\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """What the name of a checkpoint says: its run, step and epoch, where it does."""

    run: str
    step: int | None = None
    epoch: int | None = None


@dataclass(frozen=True)
class Found:
    """The checkpoints at a path, in the order of their training, and what is to be known of them.

    Attributes
    ----------
    checkpoints : list of Checkpoint
    notes : list of str
    refused : dict of Path to str
        Why what stands there as a checkpoint cannot be read; the sentence names it.
    """

    checkpoints: list[Checkpoint]
    notes: list[str] = field(default_factory=list)
    refused: dict[Path, str] = field(default_factory=dict)


class _NoCheckpoint(InputError):
    """What stands beside checkpoints and is none."""


_Skip = Callable[[Path], bool]


def find_checkpoints(pattern: str, folder: Path, exclude: Sequence[str] = ()) -> Found:
    """The checkpoints that a path or glob names.

    Parameters
    ----------
    pattern : str
        A LoRA file, a LoRA's folder, a whole model, the folder of a run, or a glob of these.
    folder : Path
        Where a relative path begins.
    exclude : sequence of str
        Globs of names, or of paths relative to `folder`, that are passed over.

    Raises
    ------
    InputError
        Where there is nothing, or nothing that can be used; it says what was found, all of it.
    """
    try:
        return _found(pattern, folder, exclude)
    except (OSError, RuntimeError) as error:  # a name that is too long, a folder that may not be read, a ~ of nobody
        raise InputError(f"{pattern} cannot be read ({error}); correct the path, or its permissions.") from error


def _found(pattern: str, folder: Path, exclude: Sequence[str]) -> Found:
    whole = folder / Path(pattern).expanduser()
    used: set[str] = set()

    def is_excluded(path: Path) -> bool:
        names = (path.name, path.as_posix(), path.as_posix().removeprefix(f"{folder.as_posix()}/"))
        fitting = [each for each in exclude if any(fnmatch(name, each) for name in names)]
        used.update(fitting)
        return bool(fitting)

    if whole.exists() or not re.search(r"[*?\[]", pattern):
        paths = [whole]
    else:
        found_names = glob(str(Path(pattern).expanduser()), root_dir=folder, recursive=True)  # noqa: PTH207 (absolute too)
        paths = [folder / name for name in sorted(found_names, key=natural_order)]
        paths = [path for path in paths if not _is_other(path) and not is_excluded(path)]
        if not paths and used:
            raise InputError(f"all that {whole} names is excluded; exclude less.")
    if not paths or not paths[0].exists():
        raise InputError(f"there is nothing at {whole}; correct the path.")
    if len(paths) > _MOST_FILES:
        raise InputError(f"{whole} names {len(paths):,} files; {_MOST_FILES:,} are the most.")
    is_one = len(paths) == 1
    found: list[Checkpoint] = []
    notes: list[str] = []
    strange: list[Path] = []
    refused: dict[Path, str] = {}
    for path in paths:
        try:
            part = _at(path, is_excluded)
            found += part.checkpoints
            notes += part.notes
            refused |= part.refused
        except InputError as error:
            if is_one:
                raise
            if isinstance(error, _NoCheckpoint) and not path.is_dir():
                strange.append(path)
            else:
                refused[path] = str(error)
    if not found:
        if refused:
            raise InputError(all_named(list(refused.values())))
        names = listed(quoted(path.name for path in strange), most=3)
        raise InputError(
            f"{whole} names {counted(len(paths), 'path')} and no checkpoint: {names}; understood are {_UNDERSTOOD}."
        )
    if strange:
        notes.append(f"{pattern}: {_passed_over([path.name for path in strange])}")
    notes += [f"{pattern}: exclude '{each}' fits nothing there." for each in exclude if each not in used]
    checkpoints, said = without_twins(sorted(found, key=_training_order), _says_step)
    if len(checkpoints) == 1 and is_one and (whole.is_file() or checkpoints[0].path == whole):
        checkpoints = [replace(checkpoints[0], is_named=True)]
    return Found(checkpoints, notes + said, refused)


def all_named(sentences: Sequence[str]) -> str:
    """Sentences on what cannot be used, of several each on its line."""
    if len(sentences) == 1:
        return sentences[0]
    lines = "".join(f"\n    {sentence}" for sentence in sentences)
    return f"{len(sentences):,} checkpoints cannot be used:{lines}"


def _passed_over(names: Sequence[str]) -> str:
    verb = "holds" if len(names) == 1 else "hold"
    return f"passed over {listed(quoted(names), most=3)}, which {verb} no checkpoint."


def place_of(name: str) -> Place:
    """What a checkpoint's name, without its suffix, says.

    Examples
    --------
    >>> place_of("anna-step00000300")
    Place(run='anna', step=300, epoch=None)
    >>> place_of("anna-000002"), place_of("anna_000000300").step
    (Place(run='anna', step=None, epoch=2), 300)
    >>> place_of("2024-08-19_16-08-39-save-300-3-0"), place_of("checkpoint-500").step
    (Place(run='', step=300, epoch=3), 500)
    >>> place_of("anna-v2")
    Place(run='anna-v2', step=None, epoch=None)
    """
    for pattern in (_ONETRAINER, _KOHYA_STEP, _AI_TOOLKIT, _FOLDER, _KOHYA_EPOCH):
        if found := pattern.fullmatch(name):
            said = found.groupdict()
            step, epoch = (int(said[key]) if said.get(key) else None for key in ("step", "epoch"))
            return Place((said["run"] or "").rstrip("-_ "), step, epoch)
    return Place(name)


def training_images(metadata: Mapping[str, str]) -> int | None:
    """How many different pictures a LoRA was trained on, as kohya's metadata has it.

    ``ss_num_train_images`` counts each as often as it was repeated, so the folders' own counts are taken.

    Examples
    --------
    >>> training_images({"ss_num_train_images": "200", "ss_dataset_dirs": '{"10_a": {"img_count": 20}}'})
    20
    """
    folders = _json(metadata, "ss_dataset_dirs")
    inner = folders.values() if isinstance(folders, dict) else []
    counts = [each.get("img_count") for each in inner if isinstance(each, dict)]
    if not counts:
        datasets = _json(metadata, "ss_datasets")
        subsets = [
            subset
            for dataset in (datasets if isinstance(datasets, list) else [])
            for subset in (dataset.get("subsets") or [] if isinstance(dataset, dict) else [])
            if isinstance(subset, dict) and not subset.get("is_reg")
        ]
        # one folder at several resolutions stands there several times
        counts = list(
            {str(subset.get("image_dir", n)): subset.get("img_count") for n, subset in enumerate(subsets)}.values()
        )
    whole = [count for count in counts if isinstance(count, int) and count > 0]
    return sum(whole) if whole and len(whole) == len(counts) else None


def _json(metadata: Mapping[str, str], key: str) -> Any:
    """A metadata value that is JSON itself; None where it is missing or none."""
    try:
        return parse_json(metadata[key])
    except (KeyError, ValueError):
        return None


def _number(value: object) -> int | None:
    try:
        number = int(str(value))
    except ValueError:
        return None
    return number if number > 0 else None


def _at(path: Path, is_excluded: _Skip) -> Found:
    """The checkpoints at one path."""
    if path.is_file():
        return Found([_of_file(path)])
    if not path.is_dir():
        raise InputError(f"there is nothing at {path}; correct the path.")
    below = sorted(path.iterdir(), key=lambda each: natural_order(each.name))
    states = [each for each in below if each.is_dir() and _FOLDER.fullmatch(each.name)]
    if states:
        return _of_states(path, [each for each in states if not is_excluded(each)])
    if _lora_in(path) or (path / _PIPELINE).is_file():
        return Found([_of_folder(path)])
    files = [each for each in below if each.suffix in _WEIGHTS and each.is_file() and not _is_other(each)]
    if not files and (path / "save").is_dir():  # OneTrainer's workspace
        return _at(path / "save", is_excluded)
    files = [each for each in files if not is_excluded(each)]
    if not files:
        raise InputError(_not_understood(path, below))
    found, passed = [], []
    refused: dict[Path, str] = {}
    for file in files:
        try:
            found.append(_of_file(file))
        except _NoCheckpoint:
            passed.append(file.name)
        except InputError as error:
            refused[file] = str(error)
    if not found:
        raise InputError(all_named(list(refused.values())) if refused else _not_understood(path, below))
    notes = [f"{path}: {_passed_over(passed)}"] if passed else []
    return Found(found, notes, refused)


def _of_states(path: Path, states: list[Path]) -> Found:
    """A run of diffusers or SimpleTuner: folders checkpoint-STEP, and what was saved at the end beside them."""
    found = []
    refused: dict[Path, str] = {}
    for state in states:
        try:
            found.append(_of_folder(state))
        except InputError as error:
            refused[state] = str(error)
    if _lora_in(path) or (path / _PIPELINE).is_file():
        found.append(_of_folder(path))
    if not found:
        raise InputError(all_named(list(refused.values())) or f"all that {path} holds is excluded; exclude less.")
    return Found(found, [], refused)


def _of_folder(path: Path) -> Checkpoint:
    """The checkpoint that a folder is."""
    place = place_of(path.resolve().name)
    run = place.run or path.resolve().parent.name
    if (path / _PIPELINE).is_file():
        return _checkpoint(run, place, "model", path)
    lora = _lora_in(path)
    if lora is None:
        raise InputError(_not_understood(path, sorted(path.iterdir())))
    header = read_header(lora)
    return _checkpoint(run, place, "lora", path, header)


def _of_file(path: Path) -> Checkpoint:
    """The checkpoint that a file is."""
    if path.suffix.lower() in _PICKLES:
        raise InputError(
            f"{path} is a {path.suffix} file, which may run code when it is loaded; save it as safetensors."
        )
    if path.suffix.lower() != ".safetensors":
        raise _NoCheckpoint(f"{path} is no checkpoint; understood are {_UNDERSTOOD}.")
    header = read_header(path)
    if path.name in LORA_NAMES:
        return _of_folder(path.parent)
    kind = _kind(header)
    if kind is None:
        what = other_kind(header.shapes)
        part = "a part of a model, without its other networks" if what == "a whole model" else what
        holds = part or f"tensors such as '{next(iter(header.tensors))}'"
        raise _NoCheckpoint(f"{path} holds {holds}, neither a LoRA nor a whole model; understood are {_UNDERSTOOD}.")
    place = place_of(path.stem)
    parent = path.resolve().parent
    run = place.run or (parent.parent.name if parent.name == "save" else parent.name)
    return _checkpoint(run, place, kind, path, header)


def _checkpoint(
    run: str, place: Place, kind: Literal["lora", "model"], path: Path, header: Header | None = None
) -> Checkpoint:
    """A checkpoint by what its name says and, where that is silent, by what its header says."""
    step, epoch, count = place.step, place.epoch, None
    if header is not None:
        info = _json(header.metadata, "training_info")  # ai-toolkit's
        info = info if isinstance(info, dict) else {}
        step = step or _number(header.metadata.get("ss_steps")) or _number(info.get("step"))
        epoch = epoch or _number(header.metadata.get("ss_epoch")) or _number(info.get("epoch"))
        count = training_images(header.metadata)
    return Checkpoint(run, checkpoint_name(step, epoch), kind, path, step, epoch, count)


def checkpoint_name(step: int | None, epoch: int | None) -> str:
    """What a checkpoint's folder is called: its step, or its epoch as such, so that the two are never mixed up.

    Examples
    --------
    >>> checkpoint_name(300, 2), checkpoint_name(None, 2), checkpoint_name(None, None)
    ('300', 'epoch-2', 'last')
    """
    return str(step) if step is not None else f"epoch-{epoch}" if epoch is not None else "last"


def _training_order(checkpoint: Checkpoint) -> tuple[Any, ...]:
    step, epoch = checkpoint.step, checkpoint.epoch
    how_far = (step is None, step or 0, epoch is None, epoch or 0)
    return natural_order(checkpoint.model), *how_far, natural_order(str(checkpoint.path))


def _says_step(checkpoint: Checkpoint) -> bool:
    return checkpoint.path is not None and place_of(checkpoint.path.stem).step is not None


def _kind(header: Header) -> Literal["lora", "model"] | None:
    """What a file holds by its tensors' names; a file without any is taken for a LoRA, which is refused as empty."""
    if not header.tensors or any(is_lora_key(key) for key in header.tensors):
        return "lora"
    return "model" if any(key.startswith(_WHOLE) for key in header.tensors) else None


def _lora_in(path: Path) -> Path | None:
    return next((path / name for name in LORA_NAMES if (path / name).is_file()), None)


def _is_other(path: Path) -> bool:
    """Whether a path is what trainers keep beside checkpoints: states to go on from, and optimizers."""
    name = path.name.lower()
    return (
        name.startswith(("optimizer", "scheduler", "random_states", "."))
        or (name.endswith("-state") and path.is_dir())
        or any(part.lower().endswith("-state") for part in path.parent.parts[-1:])
    )


def _not_understood(path: Path, below: list[Path]) -> str:
    """A sentence on a folder that is none of ours: what it holds, and what is understood."""
    names = [f"{each.name}/" if each.is_dir() else each.name for each in below if not each.name.startswith(".")]
    if any(name in _ACCELERATE for name in names):
        return (
            f"{path} holds the state of a training ({listed(names, most=4)}) and no LoRA or model file; save the LoRA "
            "or the pipeline from it with its trainer."
        )
    if not names:
        return f"{path} is an empty folder; name one with checkpoints."
    runs = [name for name in names if name.endswith("/")]
    hint = " A folder of runs is named with a glob, such as runs/*." if len(runs) == len(names) else ""
    return f"{path} holds {listed(names, most=4)}; understood are {_UNDERSTOOD}.{hint}"
