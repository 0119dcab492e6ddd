"""Where weights stand on this machine, and how they get there.

They are looked for in a folder of ours ($HUMANGRADE_WEIGHTS, otherwise humangrade/weights in the user's cache folder),
and then where the tools that also use them keep them: PyTorch's folder, the Hugging Face cache and CLIP's.
"""

import hashlib
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from metrics.engine.cache import cache_folder
from metrics.errors import InputError
from metrics.files import parse_json, write_atomically
from metrics.weights.known_weights import Published, WeightsFile, canonical_name, known_weights, weights_file

__all__ = [
    "add_weights",
    "fetch_weights",
    "find_weights",
    "is_present",
    "is_published",
    "known_weights",
    "places",
    "published_content",
    "weights_digest",
    "weights_folder",
]

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
        The first that is found in `places`.

    Raises
    ------
    InputError
        Where there is none, or no weights have this name.
    """
    path = is_present(name)
    if path is None:
        file = weights_file(name)
        raise InputError(
            f"The weights {file.name} ({file.file}) for {', '.join(file.used_by)} are not on this machine; get them "
            f"with humangrade weights fetch {file.name}, or take a file of yours with humangrade weights add "
            f"{file.name} FILE."
        )
    return path


def is_present(name: str) -> Path | None:
    """As `find_weights`, but None where the file is not on this machine."""
    name = canonical_name(name)
    return _in_our_folder(name) or _in_other_caches(weights_file(name))


def places(file: WeightsFile) -> tuple[Path, ...]:
    """The folders in which weights are looked for, in order."""
    return weights_folder(), *_other_folders(file)


def weights_digest(path: Path) -> str:
    """The sha256 of a file, 64 hexadecimal digits; remembered as long as the file's size and time stay the same.

    Parameters
    ----------
    path : Path
        A file of weights.

    Raises
    ------
    InputError
        Where it cannot be read.
    """
    memory = cache_folder() / "digests.json"
    key = str(path.absolute())
    try:
        stat = path.stat()
        state = [stat.st_size, stat.st_mtime_ns]
        known = _remembered(memory).get(key)
        if known is not None and known["state"] == state:
            return known["sha256"]
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"The weights {path} cannot be read ({error.strerror or error}); check the path.") from error
    with suppress(InputError):  # a cache that cannot be written costs time only
        write_atomically(memory, json.dumps(_remembered(memory) | {key: {"state": state, "sha256": digest}}, indent=1))
    return digest


def is_published(name: str, path: Path) -> bool:
    """Whether a file is, by its sha256, one that is published under this name."""
    digest = weights_digest(path)
    return any(form.sha256 and digest.startswith(form.sha256) for form in weights_file(name).forms)


def published_content(name: str, path: Path) -> bytes:
    """What a published file holds, in memory: the bytes that are given are those whose sha256 was checked.

    Parameters
    ----------
    name : str
        What it shall be; see `known_weights`, or ``clip/MODEL/PRETRAINED`` of open_clip.
    path : Path
        The file, wherever it lies.

    Raises
    ------
    InputError
        Where the file cannot be read, or is not published under this name; only a whole sha256 counts.
    """
    whole = {form.sha256 for form in weights_file(name).forms if len(form.sha256) == 64}
    if weights_digest(path) in whole:  # remembered, which spares reading a large file that is something else
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError(
                f"The weights {path} cannot be read ({error.strerror or error}); check the path."
            ) from error
        if hashlib.sha256(content).hexdigest() in whole:
            return content
    raise InputError(
        f"{path} is a TorchScript archive, which can run code when it is opened, and not the published one of {name}; "
        f"get that with humangrade weights fetch {name}, or convert yours to safetensors where you trust it."
    )


def add_weights(name: str, file: Path) -> Path:
    """Copy a file into our folder, where it is found from now on.

    Parameters
    ----------
    name : str
        What it is; see `known_weights`, or ``clip/MODEL/PRETRAINED`` of open_clip.
    file : Path
        The published file, by its sha256, or another with the same tensors by name and shape: converted, in half
        precision, or without the parts that no metric uses.

    Returns
    -------
    Path
        The copy, with the file's own suffix.

    Raises
    ------
    InputError
        Where the file cannot be read, holds something else, or cannot be copied.
    """
    known = weights_file(name)
    if file.is_dir():
        raise InputError(f"{file} is a folder; name the file of weights in it.")
    if not file.is_file():
        raise InputError(f"There is no file {file}; check the path.")
    if file.suffix not in SUFFIXES:
        raise InputError(f"{file} is not called like a file of weights; its name must end in {', '.join(SUFFIXES)}.")
    if not is_published(name, file):
        from metrics.weights.content import check_content

        check_content(known.name, file)
    target = weights_folder() / f"{known.stem}{file.suffix}"
    if not (target.exists() and target.samefile(file)):
        _copy(file, target)
    _remove_others(target)
    return target


def fetch_weights(name: str) -> Path:
    """Download weights into our folder, unless they are on this machine.

    Parameters
    ----------
    name : str
        See `known_weights`, or ``clip/MODEL/PRETRAINED`` of open_clip.

    Returns
    -------
    Path
        Where they stand.

    Raises
    ------
    InputError
        Where they cannot be had, or are not what they should be.
    """
    from metrics.weights.content import check_content
    from metrics.weights.download import download

    present = is_present(name)
    if present is not None:
        return present
    known = weights_file(name)
    otherwise = f"try again, or get the file elsewhere and put it in with humangrade weights add {known.name} FILE"
    form = known.forms[0] if known.forms[0].url or known.forms[0].sha256 else _on_the_hub(known, otherwise)
    return download(
        form.url or f"{_hub()}/{known.hub}/resolve/{known.revision}/{form.file}",
        weights_folder() / f"{known.stem}{Path(form.file).suffix}",
        form.sha256,
        check=None if form.sha256 else lambda part: check_content(known.name, part),
        otherwise=otherwise,
    )


def _on_the_hub(known: WeightsFile, otherwise: str) -> Published:
    """The first form that the repository holds, with the sha256 that the hub states."""
    from metrics.weights.download import read_json

    address = f"{_hub()}/api/models/{known.hub}/tree/{known.revision}"
    listing = read_json(address, otherwise)
    if not isinstance(listing, list):
        raise InputError(f"{address} could not be read (it is no list of files); {otherwise}.")
    held = {str(entry.get("path")): _sha256(entry) for entry in listing if isinstance(entry, dict)}
    for form in known.forms:
        if form.file in held:
            return Published(form.file, held[form.file])
    raise InputError(f"The repository {known.hub} does not hold {known.file} any more; {otherwise}.")


def _sha256(entry: dict[str, Any]) -> str:
    """What the hub states of a file; "" where it states none."""
    large = entry.get("lfs")
    stated = large.get("oid") if isinstance(large, dict) else None
    return stated if isinstance(stated, str) else ""


def _in_our_folder(name: str) -> Path | None:
    own = weights_folder() / name.replace("/", "--")
    return next((path for suffix in SUFFIXES if (path := own.with_name(own.name + suffix)).is_file()), None)


def _in_other_caches(file: WeightsFile) -> Path | None:
    if file.hub:
        from huggingface_hub import try_to_load_from_cache

        for form in file.forms:
            for revision in dict.fromkeys((file.revision, "main")):
                found = try_to_load_from_cache(file.hub, form.file, revision=revision)
                if isinstance(found, str):
                    return Path(found)
    named = [form.file for form in file.forms if not form.file.startswith("open_clip_")]  # those say not of which model
    candidates = [folder / name for folder in _other_folders(file) for name in named]
    return next((path for path in candidates if path.is_file()), None)


def _other_folders(file: WeightsFile) -> tuple[Path, ...]:
    if file.kept_by == "torch":  # torch.hub's, and facenet-pytorch's
        home = Path(os.environ.get("TORCH_HOME") or _user_cache() / "torch").expanduser()
        return home / "hub" / "checkpoints", home / "checkpoints"
    if file.kept_by == "clip":
        from huggingface_hub.constants import HF_HUB_CACHE

        return Path(HF_HUB_CACHE), Path("~/.cache/clip").expanduser()
    return ()


def _copy(file: Path, target: Path) -> None:
    """Copy a file so that its new name never stands for half of it."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(file, temporary)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"{file} cannot be copied to {target} ({error.strerror or error}); make room, or set {VARIABLE} to another "
            "folder."
        ) from error


def _remove_others(target: Path) -> None:
    """Remove what stood under the same name with another suffix, which would be found first or never."""
    for suffix in SUFFIXES:
        if suffix != target.suffix:
            target.with_suffix(suffix).unlink(missing_ok=True)


def _remembered(memory: Path) -> dict[str, dict]:
    try:
        known = parse_json(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {
        key: value for key, value in known.items() if isinstance(value, dict) and value.keys() >= {"state", "sha256"}
    }


def _hub() -> str:
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
