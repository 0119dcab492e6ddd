"""Where base models stand on this machine, what identifies one, and fetching those of the Hugging Face hub."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metrics.errors import InputError
from metrics.files import parse_json, read_regular_file, reason
from metrics.weights.known_weights import known_weights
from metrics.weights.locate import weights_digest

DEFAULT = "stable-diffusion-v1-5/stable-diffusion-v1-5"
INDEX = "model_index.json"

_ON_THE_HUB = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+", re.ASCII)
_WEIGHTS = (".safetensors", ".bin")
_READ = (".json", ".txt", ".model", ".jinja")
_MOST = 10_000_000  # bytes of a file of JSON


@dataclass(frozen=True)
class BaseModel:
    """A model that stands on this machine.

    Attributes
    ----------
    name : str
        As the recipe calls it.
    path : Path
        A diffusers folder, or a single-file checkpoint.
    config : Path
        The diffusers folder that says how it is built; the same as `path` for a folder.
    identity : dict
        The repository and its commit, or the sha256 of the files.
    """

    name: str
    path: Path
    config: Path
    identity: Mapping[str, str] = field(hash=False)

    @property
    def label(self) -> str:
        """Name and identity in one word, without a path of this machine."""
        told = self.identity.get("revision") or self.identity["sha256"]
        return f"{self.identity.get('repository', Path(self.name).name)}@{told[:12]}"


def is_repository(name: str) -> bool:
    """Whether a name is that of a base model's repository, and not of a metric's weights.

    Examples
    --------
    >>> is_repository(DEFAULT), is_repository("./models/mine"), is_repository("clip/ViT-L-14/openai")
    (True, False, False)
    >>> is_repository("aesthetic/improved-l14-mse")
    False
    """
    return bool(_ON_THE_HUB.fullmatch(name)) and name not in {known.name for known in known_weights()}


def locate(name: str, revision: str = "", config: Path | None = None) -> BaseModel:
    """Find a base model on this machine; nothing is fetched.

    Parameters
    ----------
    name : str
        A hub's repository, a diffusers folder, or a single-file checkpoint.
    revision : str
        The repository's commit or branch; "" for its default.
    config : Path, optional
        For a single file, the diffusers folder that says how it is built.

    Raises
    ------
    InputError
        Where it is not here or not whole, saying what to fetch and how.
    """
    if is_repository(name) and not Path(name).exists():
        folder = _in_the_cache(name, revision)
        part = f"The base model {name} is here in part only; get the rest with {_command(name, revision)}."
        _check_folder(folder, part)
        return BaseModel(name, folder, folder, {"repository": name, "revision": folder.name})
    path = Path(name).expanduser()
    if path.is_dir():
        _check_folder(path, f"The base model {path} is not whole; save it anew, or copy all of its folder.")
        return BaseModel(name, path, path, {"sha256": _digest_of_all(path, _files_of(path))})
    if not path.is_file():
        raise InputError(
            f"There is no base model {name}; name a diffusers folder, a .safetensors file, or a repository of the "
            f"Hugging Face hub such as {DEFAULT}."
        )
    if path.suffix != ".safetensors":
        raise InputError(f"{path} is no .safetensors file; convert it, or take a diffusers folder.")
    if config is None:
        raise InputError(
            f"{path} is a single file, which does not say how the model is built; name a diffusers folder of the same "
            "kind of model as config, weights are not read from there."
        )
    if not (config / INDEX).is_file():
        raise InputError(f"{config} is given as config, and has no {INDEX}; name a diffusers folder.")
    # from_single_file takes tokenizer, scheduler and all that the checkpoint lacks from the folder
    built = _digest_of_all(config, [file for file in _files_of(config) if file.suffix not in _WEIGHTS])
    both = f"{weights_digest(path)} {built}"
    return BaseModel(name, path, config, {"sha256": hashlib.sha256(both.encode()).hexdigest()})


def read_index(folder: Path) -> dict[str, Any]:
    """What model_index.json says: the pipeline's class, and library and class of each component.

    Raises
    ------
    InputError
        Where it cannot be read.
    """
    return _read_json(folder / INDEX)


def scheduler_config(model: BaseModel) -> dict[str, Any]:
    """The scheduler's class and settings, as the model's folder has them."""
    return _read_json(model.config / "scheduler" / "scheduler_config.json")


def present_on_the_hub() -> list[tuple[str, Path | None]]:
    """The default base model and every other that the hub's cache holds, and where it stands whole, or None."""
    from huggingface_hub import CacheNotFound, constants, scan_cache_dir

    names = {DEFAULT}
    try:
        for repository in scan_cache_dir(constants.HF_HUB_CACHE).repos:
            if any((snapshot.snapshot_path / INDEX).is_file() for snapshot in repository.revisions):
                names.add(repository.repo_id)
    except (CacheNotFound, OSError, ValueError):
        pass
    found: list[tuple[str, Path | None]] = []
    for name in sorted(names, key=lambda name: (name != DEFAULT, name)):
        try:
            found.append((name, locate(name).path))
        except InputError:
            found.append((name, None))
    return found


def fetch(name: str, revision: str = "") -> Path:
    """Download a base model into the hub's cache: what diffusers reads, without other forms of the same weights.

    Parameters
    ----------
    name : str
        The repository.
    revision : str
        Its commit or branch; "" for its default.

    Returns
    -------
    Path
        Its folder.

    Raises
    ------
    InputError
        Where it cannot be had: no network, no such repository, a licence that was not accepted.
    """
    from diffusers import DiffusionPipeline
    from huggingface_hub import errors, model_info

    from study.generation.quiet import quiet

    try:
        model_info(
            name, revision=revision or None
        )  # diffusers goes on without the network, and then says another reason
        with quiet():
            folder = Path(DiffusionPipeline.download(name, revision=revision or None))
    except errors.GatedRepoError:
        raise InputError(
            f"{name} is given only to those who accept its licence; do that at https://huggingface.co/{name}, then "
            "sign in here with hf auth login (or set HF_TOKEN) and try again."
        ) from None
    except errors.RevisionNotFoundError:
        raise InputError(f"{name} has no revision {revision}; look at its commits and branches on the hub.") from None
    except errors.RepositoryNotFoundError:
        raise InputError(
            f"The hub has no repository {name}, or a private one; correct the name, or sign in with hf auth login."
        ) from None
    except Exception as error:  # the hub's client, its transport and diffusers each raise their own
        raise InputError(
            f"{name} could not be fetched ({_first_line(error)}); check the network and try again, or copy a diffusers "
            "folder here and name that as the base."
        ) from error
    _check_folder(folder, f"{name} came without all of its weights as .safetensors or .bin; take another repository.")
    return folder


def _in_the_cache(name: str, revision: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    try:
        return Path(snapshot_download(name, revision=revision or None, local_files_only=True))
    except HFValidationError as error:
        raise InputError(f"{name} is no repository of the hub ({_first_line(error)}); correct the name.") from None
    except Exception as error:  # the client says by several errors that something is not here
        partly = "" if not revision else f" at revision {revision}"
        raise InputError(
            f"The base model {name}{partly} is not on this machine; get it with {_command(name, revision)} (several "
            "GB), or name a diffusers folder as the base."
        ) from error


def _command(name: str, revision: str) -> str:
    return f"humangrade weights fetch {name}{f'@{revision}' if revision else ''}"


def _check_folder(folder: Path, otherwise: str) -> None:
    """Raise InputError where a component's folder is missing or has no weights."""
    if not (folder / INDEX).is_file():
        raise InputError(f"{folder} has no {INDEX}, so it is no diffusers model. {otherwise}")
    for component in _components(folder):
        place = folder / component
        is_network = (place / "config.json").is_file()
        if not place.is_dir() or (is_network and not any(file.suffix in _WEIGHTS for file in place.iterdir())):
            raise InputError(f"{otherwise} It lacks {component}.")


def _components(folder: Path) -> list[str]:
    return [
        name
        for name, value in read_index(folder).items()
        if not name.startswith("_") and isinstance(value, list) and len(value) == 2 and value[0] is not None
    ]


def _files_of(folder: Path) -> list[Path]:
    """What diffusers reads of a folder: of several forms of the same weights, the one that it loads unless told."""
    found = [folder / INDEX]
    for component in _components(folder):
        files = sorted(file for file in (folder / component).iterdir() if file.is_file())
        safe = [file for file in files if file.suffix == ".safetensors"]
        weights = safe or [file for file in files if file.suffix == ".bin"]
        plain = [file for file in weights if not _is_variant(file)] or weights
        found += [file for file in files if file.suffix in _READ] + plain
    return found


def _is_variant(file: Path) -> bool:
    """Whether a file holds other numbers than the plain one beside it: NAME.fp16.safetensors."""
    return bool(re.search(r"\.(fp16|fp32|bf16|non_ema|ema)(-\d+-of-\d+)?$", file.stem))


def _digest_of_all(folder: Path, files: list[Path]) -> str:
    """One sha256 for many files by name; those of large files are remembered."""
    listing = {file.relative_to(folder).as_posix(): weights_digest(file) for file in sorted(files)}
    return hashlib.sha256(json.dumps(listing, sort_keys=True).encode()).hexdigest()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = parse_json(read_regular_file(path, _MOST))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({reason(error)}); a diffusers model has it.") from None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InputError(f"{path} is no JSON object; copy the model anew.")
    return found


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")[:200]
