"""A model's networks without their weights: what a LoRA is held against before anything is loaded."""

from typing import Any

from study.generation.base_models import BaseModel, read_index
from study.generation.lora.forms import TEXT, TEXT_2, UNET
from study.generation.quiet import quiet


def frame_of(model: BaseModel, kind: Any) -> Any:
    """An object with the networks of a pipeline as attributes, which take no memory.

    Parameters
    ----------
    model : BaseModel
    kind : type
        The pipeline's class, whose name it has.

    Returns
    -------
    object or None
        None where a network cannot be made of its configuration: then only drawing tells.
    """
    index = read_index(model.config)
    try:
        networks = {
            name: _network(model, name, *index[name]) for name in (UNET, TEXT, TEXT_2) if _is_there(index, name)
        }
    except Exception:  # libraries raise anything for a configuration that they do not know
        return None
    return type(kind.__name__, (), networks)()


def _is_there(index: dict[str, Any], name: str) -> bool:
    value = index.get(name)
    return isinstance(value, list) and len(value) == 2 and value[0] is not None


def _network(model: BaseModel, name: str, library: str, class_name: str) -> Any:
    import diffusers
    import torch
    import transformers

    kind = getattr({"diffusers": diffusers, "transformers": transformers}[library], class_name)
    folder = model.config / name
    with torch.device("meta"), quiet():
        if library == "diffusers":
            return kind.from_config(kind.load_config(folder))
        return kind(kind.config_class.from_pretrained(folder, local_files_only=True))
