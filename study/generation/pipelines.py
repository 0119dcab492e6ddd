"""Loading a diffusers pipeline that draws from text, and putting it where it shall run."""

import inspect
from dataclasses import dataclass
from typing import Any, Literal

from metrics.errors import InputError, parameter
from study.generation.base_models import BaseModel, read_index, scheduler_config
from study.generation.quiet import quiet

Dtype = Literal["float32", "float16", "bfloat16"]

_NEEDED = ("prompt", "num_inference_steps", "guidance_scale", "height", "width", "generator", "output_type")
_OF_OTHERS = ("control_image", "mask_image", "strength", "num_frames", "video", "audio_length_in_s")
_OTHER_NAMES = ("ControlNet", "Kontext", "Img2Img", "Inpaint", "Video", "Audio")
_SPARES_MEMORY = f"Give {parameter('offload')}, {parameter('attention_slicing')}, or a smaller size"


@dataclass(frozen=True)
class Machine:
    """Where a pipeline runs, and how it spares memory: provenance of an image, not its identity.

    Attributes
    ----------
    device : str
        As `metrics.engine.device.choose_device` gives it.
    offload : bool
        Keep on the GPU only the network that works.
    attention_slicing : bool
        Compute attention in parts.
    """

    device: str = "cpu"
    offload: bool = False
    attention_slicing: bool = False


def check_machine(machine: Machine, dtype: str) -> None:
    """Raise InputError for what the device cannot do."""
    if machine.device == "cpu" and machine.offload:
        raise InputError(
            f"{parameter('offload')} moves networks between a GPU and memory, and there is no GPU; leave it out."
        )
    if machine.device == "cpu" and dtype == "float16":
        raise InputError(f"float16 needs a GPU; take {parameter('dtype')} float32 on a CPU.")


def pipeline_class(model: BaseModel) -> Any:
    """The diffusers class of a model.

    Raises
    ------
    InputError
        Where it is none of diffusers' own, or draws from anything but text; named.
    """
    import diffusers

    name = read_index(model.config).get("_class_name")
    found = getattr(diffusers, name, None) if isinstance(name, str) else None
    if not (isinstance(found, type) and issubclass(found, diffusers.DiffusionPipeline)):
        raise InputError(
            f"{model.name} is a {name if isinstance(name, str) else 'custom pipeline'}, which diffusers "
            f"{diffusers.__version__} does not have; take a model of a pipeline that it has."
        )
    parameters = inspect.signature(found.__call__).parameters
    lacking = [each for each in _NEEDED if each not in parameters]
    if (
        lacking
        or any(word in found.__name__ for word in _OTHER_NAMES)
        or any(each in parameters for each in _OF_OTHERS)
    ):
        raise InputError(
            f"{model.name} is a {found.__name__}, which does not draw pictures from text alone; take one that does."
        )
    return found


def check_wishes(kind: Any, clip_skip: int, negative: str) -> None:
    """Raise InputError for what a pipeline's class does not take."""
    parameters = inspect.signature(kind.__call__).parameters
    for wished, name, what in (
        (clip_skip, "clip_skip", "clip skip"),
        (negative, "negative_prompt", "negative prompts"),
    ):
        if wished and name not in parameters:
            raise InputError(f"A {kind.__name__} takes no {what}; leave that out of the recipe.")


def load_pipeline(model: BaseModel, dtype: Dtype, machine: Machine) -> Any:
    """A pipeline that is ready to draw.

    Parameters
    ----------
    model : BaseModel
    dtype : {"float32", "float16", "bfloat16"}
    machine : Machine

    Raises
    ------
    InputError
        Where the model cannot be loaded, or does not fit into memory.
    """
    import torch

    kind = pipeline_class(model)
    options: dict[str, Any] = {"dtype": getattr(torch, dtype), "local_files_only": True}
    try:
        with quiet():
            if model.path.is_dir():
                pipeline = kind.from_pretrained(model.path, **options)
            else:
                pipeline = kind.from_single_file(str(model.path), config=str(model.config), **options)
            if machine.attention_slicing:
                pipeline.enable_attention_slicing()
            if machine.offload:
                pipeline.enable_model_cpu_offload(device=machine.device)
            else:
                pipeline.to(machine.device)
    except Exception as error:  # a damaged file raises anything
        if is_out_of_memory(error):
            raise InputError(
                f"{model.name} does not fit into the memory of {machine.device}. {_SPARES_MEMORY}."
            ) from error
        raise InputError(
            f"{model.name} cannot be loaded as {kind.__name__} ({_reason(error)}); get it anew."
        ) from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def scheduler_settings(model: BaseModel, name: str) -> dict[str, Any]:
    """A scheduler's class, as ``_class_name``, and its settings, which are the model's own whatever its class.

    Parameters
    ----------
    model : BaseModel
    name : str
        The diffusers class; "" for the model's own.

    Raises
    ------
    InputError
        Where diffusers has no such scheduler.
    """
    settings = scheduler_config(model)
    if name:
        settings["_class_name"] = name
    _scheduler_class(str(settings.get("_class_name")))
    return settings


def make_scheduler(name: str, own: Any) -> Any:
    """A new scheduler, without the state of an earlier batch.

    Parameters
    ----------
    name : str
        The diffusers class; "" for the model's own.
    own : mapping
        The settings that the model's own scheduler had when it was loaded, as diffusers keeps them.
    """
    with quiet():
        return _scheduler_class(name or own["_class_name"]).from_config(own)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error is that of full memory, on a GPU or beside it.

    Examples
    --------
    >>> is_out_of_memory(RuntimeError("MPS backend out of memory")), is_out_of_memory(RuntimeError("wrong shape"))
    (True, False)
    """
    import torch

    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(
        words in str(error).lower() for words in ("out of memory", "can't allocate memory", "not enough memory")
    )


def free_memory() -> None:
    """Give back what a pipeline held that is no longer needed."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def exact_drawing() -> None:
    """Let the same batch on the same device give the same bits each time."""
    import torch

    from metrics.engine.device import exact_arithmetic

    exact_arithmetic()
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False


def versions() -> dict[str, str]:
    """Of the libraries that draw: provenance."""
    from importlib.metadata import version

    return {name: version(name) for name in ("humangrade", "diffusers", "transformers", "peft", "torch")}


def _scheduler_class(name: str) -> Any:
    import diffusers
    from diffusers.schedulers.scheduling_utils import SchedulerMixin

    found = getattr(diffusers, name, None)
    if not (isinstance(found, type) and issubclass(found, SchedulerMixin)):
        raise InputError(
            f"diffusers {diffusers.__version__} has no scheduler {name}; take for instance DDIMScheduler, "
            "EulerDiscreteScheduler or DPMSolverMultistepScheduler."
        )
    return found


def _reason(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")[:200]
