"""What a plan comes to before anything is drawn: each image's identity, and the checkpoints that cannot be used."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from metrics.errors import InputError
from metrics.text import listed
from study.generation import identity as identities
from study.generation.base_models import BaseModel, locate
from study.generation.image_files import Wanted
from study.generation.layouts import all_named
from study.generation.painter import model_of
from study.generation.pipelines import check_wishes, pipeline_class, scheduler_settings
from study.generation.types import Checkpoint, Plan


@dataclass(frozen=True)
class Prepared:
    """A plan whose files were read and hashed.

    Attributes
    ----------
    wanted : list of Wanted
        Each image that can be drawn, with its identity, in the plan's order.
    refused : dict of Checkpoint to str
        Why one of them cannot be drawn with; a sentence that names its file.
    notes : list of str
        On checkpoints of several entries that are the same file.
    """

    wanted: list[Wanted]
    refused: dict[Checkpoint, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def plan_of(self, plan: Plan) -> Plan:
        """The plan without the images of what was refused."""
        return replace(plan, images=tuple(one.image for one in self.wanted))


def prepare(plan: Plan) -> Prepared:
    """Read and hash all files of a plan, and hold each LoRA against the base; no network's weights are loaded.

    Raises
    ------
    InputError
        Where the base is not here, where a checkpoint cannot be used that the recipe names alone, and where none can be
        used: all that cannot be, with their reasons.
    """
    base = locate(plan.base, plan.revision, plan.config)
    models: dict[Checkpoint, BaseModel] = {}
    kinds: dict[Checkpoint, Any] = {}
    loras: dict[Checkpoint, Mapping[str, Any] | None] = {}
    refused: dict[Checkpoint, str] = {}
    frame: Any = None
    for checkpoint in plan.checkpoints:
        try:
            models[checkpoint] = model_of(checkpoint, base)
            kinds[checkpoint] = pipeline_class(models[checkpoint])
            if checkpoint.kind == "lora" and frame is None:
                from study.generation.lora.frame import frame_of

                frame = frame_of(base, pipeline_class(base))
            loras[checkpoint] = _lora_identity(checkpoint, frame, plan.dtype)
        except InputError as error:
            if checkpoint.kind == "base":
                raise
            refused[checkpoint] = str(error)
    of_recipe = [checkpoint for checkpoint in plan.checkpoints if checkpoint.kind != "base"]
    if refused and (len(refused) == len(of_recipe) or any(each.is_named for each in refused)):
        raise InputError(all_named([*plan.refused, *refusals(refused)]))
    schedulers: dict[tuple[str, str], dict[str, Any]] = {}
    checked: set[tuple[Any, int, str]] = set()
    found = []
    for image in plan.images:
        if image.checkpoint in refused:
            continue
        model = models[image.checkpoint]
        wishes = kinds[image.checkpoint], image.clip_skip, image.negative
        if wishes not in checked:
            checked.add(wishes)
            check_wishes(*wishes)
        key = str(model.config), image.scheduler
        if key not in schedulers:
            schedulers[key] = scheduler_settings(model, image.scheduler)
        made = identities.image_identity(image, model.identity, loras[image.checkpoint], schedulers[key], plan.dtype)
        found.append(Wanted(image, made, model))
    return Prepared(found, refused, _same_files(models, loras))


def _same_files(
    models: Mapping[Checkpoint, BaseModel], loras: Mapping[Checkpoint, Mapping[str, Any] | None]
) -> list[str]:
    """A sentence on those that give the same pictures, which the recipe names by several entries."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for checkpoint, lora in loras.items():
        if checkpoint.kind != "base":
            files = identities.canonical({"model": dict(models[checkpoint].identity), "lora": lora})
            name = f"{checkpoint.model}/{checkpoint.name}"
            alike.setdefault((files, checkpoint.subject, checkpoint.token), []).append(name)
    return [
        f"{listed(names)} are the same file, and are drawn and rated {'twice' if len(names) == 2 else 'each'}; leave "
        "all but one out of the recipe."
        for names in alike.values()
        if len(names) > 1
    ]


def wanted_images(plan: Plan) -> list[Wanted]:
    """Each image of a plan with its identity, where all of them can be drawn.

    Raises
    ------
    InputError
        Naming all checkpoints that are not here or cannot be drawn with.
    """
    prepared = prepare(plan)
    if prepared.refused or plan.refused:
        raise InputError(all_named([*plan.refused, *refusals(prepared.refused)]))
    return prepared.wanted


def refusals(refused: Mapping[Checkpoint, str]) -> list[str]:
    """A line on each checkpoint that cannot be used."""
    return [f"{each.model}/{each.name}: {why}" for each, why in refused.items()]


def _lora_identity(checkpoint: Checkpoint, frame: Any, dtype: str) -> Mapping[str, Any] | None:
    if checkpoint.kind != "lora":
        return None
    from study.generation.lora import read_lora
    from study.generation.lora.adapt import check_fit

    assert checkpoint.path is not None
    lora = read_lora(checkpoint.path, checkpoint.alpha)
    check_fit(lora, frame, dtype)
    return identities.lora_identity(lora.sha256, lora.form, checkpoint.scale, checkpoint.alpha)
