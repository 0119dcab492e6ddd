"""recipe.yaml: which images are made, of which checkpoints. All its errors come at once, each with its line."""

import re
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import ErrorDetails

from metrics.text import is_plain, listed, quoted
from study.generation.prompt_lines import LIMITS, MOST_SEED, PromptLine, placeholders, scheduler_of
from study.generation.recipe_entries import CheckpointEntry, PromptEntry, Text
from study.generation.types import Checkpoint
from study.yaml_file import load_yaml

DEFAULT_BASE = "stable-diffusion-v1-5/stable-diffusion-v1-5"
_FILES = (".safetensors", ".ckpt")
_MOST_PROMPTS, _MOST_SEEDS, _MOST_CHECKPOINTS = 10_000, 10_000, 10_000
Size = Annotated[int, Field(ge=LIMITS["size"][0], le=LIMITS["size"][1], multiple_of=8)]


class Rate(BaseModel):
    """Which images people are to rate: all, none, or so many of each checkpoint.

    Attributes
    ----------
    per_checkpoint : int, optional
        None for all.
    """

    per_checkpoint: int | None = None


class Recipe(BaseModel):
    """The whole of recipe.yaml.

    Attributes
    ----------
    base : str
        A repository of the Hugging Face hub, a diffusers folder, or a single-file checkpoint.
    revision : str
        The hub's commit or branch; "" for its default.
    config : str, optional
        The diffusers folder that says how a single-file checkpoint is built.
    subject, token, noun : str
        What ``{subject}``, ``{token}`` and ``{class}`` stand for in prompts; the last is ``class`` in the file.
    prompts : list of PromptEntry
        Texts and files of prompts; `lines` has all that they hold.
    seeds : list of int
        One image of each prompt for each, but for prompts with a seed of their own.
    negative, steps, guidance, width, height, scheduler, clip_skip
        As `ImageRecipe` has them, where a prompt does not say otherwise.
    dtype, batch_size
        As `Plan` has them.
    rate : Rate
        Which images people are to rate.
    rate_seed : int
        For the choice of those.
    checkpoints : list of CheckpointEntry
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, strict=True, arbitrary_types_allowed=True)

    base: Text = DEFAULT_BASE
    revision: str = ""
    config: Text | None = None
    subject: str = ""
    token: str = ""
    noun: str = Field(default="", alias="class")
    prompts: Annotated[list[PromptEntry], Field(min_length=1)]
    seeds: list[int]
    negative: str = ""
    steps: Annotated[int, Field(ge=LIMITS["steps"][0], le=LIMITS["steps"][1])] = 30
    guidance: Annotated[float, Field(ge=LIMITS["guidance"][0], le=LIMITS["guidance"][1])] = 7.5
    width: Size = 512
    height: Size = 512
    scheduler: str = ""
    clip_skip: Annotated[int, Field(ge=0, le=11)] = 0
    dtype: Literal["float32", "float16", "bfloat16"] = "float32"
    batch_size: Annotated[int, Field(ge=1, le=256)] = 1
    rate: Rate = Rate()
    rate_seed: int = 0
    checkpoints: list[CheckpointEntry]

    @field_validator("base", "config")
    @classmethod
    def _place(cls, place: str | None, info: ValidationInfo) -> str | None:
        """A local path as it is found from here; a repository's name stays."""
        if place is None:
            return None
        try:
            path = (info.context or Path()) / Path(place).expanduser()
            is_there = path.exists()
        except (OSError, RuntimeError) as error:  # a name that is too long, a ~ of nobody
            raise ValueError(f"it cannot be looked for ({error}); correct the path.") from None
        is_base = info.field_name == "base"
        if is_there:
            if is_base and not _is_model(path):
                raise ValueError(
                    f"{path} is neither a diffusers folder (with model_index.json) nor a .safetensors file."
                )
            return str(path)
        if is_base and (near := _near(path)):
            raise ValueError(f"there is nothing at {path}; did you mean {near}, which stands beside it?")
        if is_base and re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", place) and path.suffix not in _FILES:
            return place
        or_hub = ", and it is no repository of the Hugging Face hub either" if is_base else ""
        raise ValueError(f"there is nothing at {path}{or_hub}; correct the path.")

    @field_validator("config")
    @classmethod
    def _is_pipeline(cls, config: str | None) -> str | None:
        if config is not None and not (Path(config) / "model_index.json").is_file():
            raise ValueError(f"{config} is no diffusers folder (it has no model_index.json).")
        return config

    @field_validator("subject", "token", "noun", "negative")
    @classmethod
    def _one_line(cls, text: str) -> str:
        if not is_plain(text):
            raise ValueError("it has a control character or a line break; write it on one line.")
        return text

    @field_validator("prompts", mode="before")
    @classmethod
    def _file_alone(cls, given: Any) -> Any:
        return [{"file": given}] if isinstance(given, str) else given

    @field_validator("prompts")
    @classmethod
    def _differ(cls, entries: list[PromptEntry]) -> list[PromptEntry]:
        prompts = [line for entry in entries for line in entry.lines]
        if len(prompts) > _MOST_PROMPTS:
            raise ValueError(f"there are {len(prompts):,} prompts; {_MOST_PROMPTS:,} are the most.")
        first: dict[tuple[object, ...], int] = {}
        for number, prompt in enumerate(prompts):
            alike = first.setdefault((prompt.text, *sorted(prompt.settings().items())), number)
            if alike != number:
                raise ValueError(f"the prompts {alike} and {number} (from 0) are the same: '{prompt.text}'; keep one.")
        return entries

    @field_validator("seeds", mode="before")
    @classmethod
    def _read_seeds(cls, given: Any) -> list[int]:
        return _seeds_of(given)

    @field_validator("scheduler")
    @classmethod
    def _known(cls, scheduler: str) -> str:
        return scheduler_of(scheduler) if scheduler else ""

    @field_validator("rate", mode="before")
    @classmethod
    def _read_rate(cls, given: Any) -> Rate:
        text = " ".join(str(given).split()).lower() if given is not None else ""
        if text in ("all", "none"):
            return Rate(per_checkpoint=None if text == "all" else 0)
        number = re.fullmatch(r"([1-9]\d{0,5}) per checkpoint", text)
        if not number:
            raise ValueError(f"'{given}' is not understood; write all, none, or a number such as '16 per checkpoint'.")
        return Rate(per_checkpoint=int(number[1]))

    @field_validator("checkpoints")
    @classmethod
    def _tell_apart(cls, entries: list[CheckpointEntry], info: ValidationInfo) -> list[CheckpointEntry]:
        found = [each for entry in entries for each in entry.found]
        if len(found) > _MOST_CHECKPOINTS:
            raise ValueError(f"there are {len(found):,} checkpoints; {_MOST_CHECKPOINTS:,} are the most.")
        _refuse_same_folder(found)
        lines = [line for entry in info.data.get("prompts", []) for line in entry.lines]
        used = dict.fromkeys(name for each in lines for name in placeholders(f"{each.text} {each.negative or ''}"))
        used |= dict.fromkeys(placeholders(info.data.get("negative", "")))
        fields = {"subject": "subject", "token": "token", "class": "noun"}
        unsaid = [name for name in used if not info.data.get(fields[name])]
        for entry in entries:
            lacking = [name for name in unsaid if not getattr(entry, fields[name])]
            if lacking:
                raise ValueError(
                    f"prompts have {{{lacking[0]}}}, and neither the recipe nor the entry '{entry.path}' says what "
                    f"that is; add '{lacking[0]}: ...' to one of them."
                )
        if unsaid and not entries:
            raise ValueError(f"prompts have {{{unsaid[0]}}}, and the recipe does not say what that is.")
        return entries

    @model_validator(mode="after")
    def _can_be_built(self) -> "Recipe":
        if Path(self.base).is_file() and self.config is None:
            raise ValueError(
                f"'{self.base}' is a single file, which does not say how the model is built; name a diffusers folder "
                "of the same kind of model as 'config'."
            )
        return self

    @property
    def notes(self) -> list[str]:
        """What is to be known of how the checkpoints' folders were read, and of what is asked."""
        notes = [note for entry in self.checkpoints for note in entry.notes]
        count = sum(1 if line.seed is not None else len(self.seeds) for line in self.lines)
        if self.rate.per_checkpoint is not None and self.rate.per_checkpoint > count:
            notes.append(
                f"'rate' asks for {self.rate.per_checkpoint:,} images of each checkpoint, and there are {count:,}: "
                "people rate all."
            )
        by_model: dict[str, list[Checkpoint]] = {}
        for each, _ in self.found():
            by_model.setdefault(each.model, []).append(each)
        for model, states in by_model.items():
            unknown = [each.name for each in states if each.step is None]
            if unknown and len(unknown) < len(states):
                notes.append(
                    f"Of '{model}' the step of {listed(quoted(unknown), most=3)} is not known, and that of others is: "
                    "they cannot stand on one axis. 'step' in an entry of its own says it."
                )
        return list(dict.fromkeys(notes))

    @property
    def refused(self) -> list[str]:
        """A sentence on each file that the recipe names with others and that cannot be read."""
        return list(dict.fromkeys(sentence for entry in self.checkpoints for sentence in entry.refused))

    @property
    def lines(self) -> list[PromptLine]:
        """All prompts, in order, placeholders as they stand."""
        return [line for entry in self.prompts for line in entry.lines]

    def found(self) -> list[tuple[Checkpoint, dict[str, str]]]:
        """The checkpoints in the order of the recipe, each with what the placeholders stand for in its prompts."""
        both = []
        for entry in self.checkpoints:
            subject, token = entry.subject or self.subject, entry.token or self.token
            words = {"subject": subject, "token": token, "class": entry.noun or self.noun}
            both += [(replace(each, subject=subject, token=token), words) for each in entry.found]
        return both


def _is_model(path: Path) -> bool:
    return (path / "model_index.json").is_file() or (path.is_file() and path.suffix == ".safetensors")


def _near(path: Path) -> Path | None:
    """A model beside a place where there is none, whose name is much like it."""
    try:
        models = {each.name: each for each in path.parent.iterdir() if _is_model(each)}
    except OSError:
        return None
    named = get_close_matches(path.name, models, n=1, cutoff=0.7)
    return models[named[0]] if named else None


def load_recipe(path: str | Path) -> Recipe:
    r"""Read a recipe, and find its checkpoints.

    Parameters
    ----------
    path : str or Path
        The YAML file; paths in it are relative to its folder.

    Raises
    ------
    InputError
        With all that is wrong in the file, each with its line.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "recipe.yaml"
    ...     _ = path.write_text("prompts: [a cat, a dog --s 20]\nseeds: 1-4\ncheckpoints: []")
    ...     recipe = load_recipe(path)
    >>> recipe.base, recipe.seeds, recipe.lines[1].steps
    ('stable-diffusion-v1-5/stable-diffusion-v1-5', [1, 2, 3, 4], 20)
    """
    path = Path(path)
    return load_yaml(path, Recipe, "humangrade generate --new writes one", _explain, context=path.parent.absolute())


def _seeds_of(given: Any) -> list[int]:
    """Seeds from a list, from a range such as ``1-4``, or from ``{count: 4, first: 1}``."""
    plain = "write a list such as [1, 2], a range such as 1-4, or {count: 4, first: 1}."
    if isinstance(given, bool) or given is None:
        raise ValueError(plain)
    if isinstance(given, int):
        raise ValueError(f"{given} alone may be a seed or a number of seeds; write [{given}] or {{count: {given}}}.")
    if isinstance(given, str) and (found := re.fullmatch(r"\s*(\d{1,19})\s*-\s*(\d{1,19})\s*", given)):
        first, last = int(found[1]), int(found[2])
        if last < first:
            raise ValueError(f"the range {given.strip()} is reversed; write {last}-{first}.")
        given = {"count": last - first + 1, "first": first}
    if isinstance(given, dict) and "count" in given and given.keys() <= {"count", "first"}:
        count, first = given["count"], given.get("first", 0)
        if not all(type(number) is int for number in (count, first)) or not 1 <= count <= _MOST_SEEDS:
            raise ValueError(f"there must be from 1 to {_MOST_SEEDS:,} seeds; {plain}")
        given = range(first, first + count)
    if not isinstance(given, list | range) or not given or len(given) > _MOST_SEEDS:
        raise ValueError(plain)
    if not all(type(seed) is int and 0 <= seed <= MOST_SEED for seed in given):
        raise ValueError(f"a seed is a whole number from 0 to {MOST_SEED}.")
    if len(set(given)) < len(given):
        raise ValueError("a seed stands there twice, which would be the same image twice; keep one.")
    return list(given)


def _refuse_same_folder(found: list[Checkpoint]) -> None:
    """Raise ValueError where two checkpoints' images would stand in one folder, on any file system."""
    first: dict[tuple[str, str], Checkpoint] = {}
    for each in found:
        other = first.setdefault((each.model.casefold(), each.name.casefold()), each)
        if other is not each:
            raise ValueError(
                f"{other.path} and {each.path} would both be drawn into {each.model}/{each.name}; give one of them an "
                "entry of its own with another 'model', 'step' or 'name'."
            )


def _explain(error: ErrorDetails) -> str | None:
    """What `explain_plainly` cannot know of a recipe."""
    where = ".".join(str(part) for part in error["loc"] if part != "[key]")
    kind = error["type"]
    if kind == "value_error":
        return f"'{where}': {error['ctx']['error']}" if where else str(error["ctx"]["error"])
    return None
