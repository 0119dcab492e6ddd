"""Where weights stand on this machine, and putting them there.

They are looked for in a folder of ours ($HUMANGRADE_WEIGHTS, otherwise humangrade/weights in the user's cache folder),
and then where the tools that also use them keep them: PyTorch's hub folder and the Hugging Face cache.
"""

import hashlib
import json
import os
from pathlib import Path

from metrics.errors import InputError
from metrics.files import write_atomically
from metrics.weights_catalog import WeightsFile, canonical_name, known_weights, weights_file

__all__ = ["find_weights", "is_present", "known_weights", "places", "weights_digest", "weights_folder"]

VARIABLE = "HUMANGRADE_WEIGHTS"
SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")


def weights_folder() -> Path:
    """Our folder of weights: $HUMANGRADE_WEIGHTS, or humangrade/weights in the user's cache folder."""
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE]).expanduser()
    return _user_cache() / "humangrade" / "weights"


def find_weights(name: str) -> Path:
    """The file of weights on this machine.

    Parameters
    ----------
    name : str
        For instance ``"lpips-alex"``; see `known_weights`, or ``clip/MODEL/PRETRAINED`` of open_clip.

    Returns
    -------
    Path
        The first that is found in our folder and in the caches of PyTorch and Hugging Face.

    Raises
    ------
    InputError
        Where there is none, or no weights have this name.
    """
    path = is_present(name)
    if path is None:
        file = weights_file(name)
        raise InputError(
            f"The weights {file.name} ({file.files[0]}) for {', '.join(file.used_by)} are not on this machine; get "
            f"them with humangrade weights fetch {file.name}, or take a file of yours with humangrade weights "
            f"add {file.name} FILE."
        )
    return path


def is_present(name: str) -> Path | None:
    """As `find_weights`, but None where the file is not on this machine."""
    name = canonical_name(name)
    own = weights_folder() / name.replace("/", "--")
    for suffix in SUFFIXES:
        path = own.with_name(own.name + suffix)
        if path.is_file():
            return path
    return _in_other_caches(weights_file(name))


def places(file: WeightsFile) -> tuple[Path, ...]:
    """The folders in which a file is looked for, in order."""
    others = {"torch": _torch_folders, "hub": _hub_folders, "": lambda: ()}[file.kept_by]()
    return weights_folder(), *others


def weights_digest(path: Path) -> str:
    """The sha256 of a file, 64 hexadecimal digits; remembered as long as the file's size and time do not change.

    Parameters
    ----------
    path : Path
        A file of weights.

    Raises
    ------
    InputError
        Where it cannot be read.
    """
    try:
        stat = path.stat()
        key, state = str(path.absolute()), [stat.st_size, stat.st_mtime_ns]
        memory = _user_cache() / "humangrade" / "digests.json"
        known = _remembered(memory)
        if known.get(key, {}).get("state") == state:
            return known[key]["sha256"]
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"The weights {path} cannot be read ({error.strerror or error}); check the file.") from error
    write_atomically(memory, json.dumps(_remembered(memory) | {key: {"state": state, "sha256": digest}}, indent=1))
    return digest


def _remembered(memory: Path) -> dict[str, dict]:
    try:
        return json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _in_other_caches(file: WeightsFile) -> Path | None:
    if file.kept_by == "torch":
        candidates = [folder / name for folder in _torch_folders() for name in file.files]
        return next((path for path in candidates if path.is_file()), None)
    if file.kept_by == "hub":
        from huggingface_hub import try_to_load_from_cache

        for name in file.files:
            found = try_to_load_from_cache(file.hub, name)
            if isinstance(found, str):
                return Path(found)
    return None


def _torch_folders() -> tuple[Path, ...]:
    """Where torch.hub, and where facenet-pytorch, keep what they download."""
    home = Path(os.environ.get("TORCH_HOME") or _user_cache() / "torch").expanduser()
    return home / "hub" / "checkpoints", home / "checkpoints"


def _hub_folders() -> tuple[Path, ...]:
    from huggingface_hub.constants import HF_HUB_CACHE

    return (Path(HF_HUB_CACHE),)


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
