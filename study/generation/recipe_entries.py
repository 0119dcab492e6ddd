"""The entries of a recipe: prompts with what they say of their pictures, and the checkpoints that a path names."""

from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from metrics.files import read_regular_file, reason
from metrics.text import counted, is_plain
from study.generation.file_names import refuse_unsafe, safe_name
from study.generation.layouts import checkpoint_name, find_checkpoints
from study.generation.prompt_lines import PromptLine, parse_prompt, parse_prompts
from study.generation.types import Checkpoint

_MOST_BYTES = 10_000_000  # of a file of prompts
_NAMED = 5  # lines of a file of prompts, in a message

Text = Annotated[str, Field(min_length=1)]


class PromptEntry(BaseModel):
    """One entry below ``prompts``: a text, or a file with one a line, and the group of what it holds.

    Attributes
    ----------
    text, file : str, optional
        One of the two; a text may have kohya's options behind it.
    group : str
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, strict=True)

    text: Text | None = None
    file: Text | None = None
    group: str = ""
    _lines: list[PromptLine] = PrivateAttr(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _text_alone(cls, entry: Any) -> Any:
        if isinstance(entry, dict) and entry and not any(_is_ours(str(key)) for key in entry):
            raise ValueError("put the prompt in quotes; as it stands, YAML takes it for a key and its value.")
        return {"text": entry} if isinstance(entry, str) else entry

    @property
    def lines(self) -> list[PromptLine]:
        """The prompts that it holds."""
        return self._lines

    @model_validator(mode="after")
    def _read(self, info: ValidationInfo) -> "PromptEntry":
        if (self.text is None) == (self.file is None):
            raise ValueError("it must have one of 'text' and 'file'.")
        if not is_plain(self.group):
            raise ValueError("its group has a control character; leave that out.")
        if self.text is not None:
            self._lines = [parse_prompt(self.text, self.group)]
        elif self.file is not None:
            self._lines = _file_lines((info.context or Path()) / Path(self.file).expanduser(), self.group)
        return self


def _is_ours(key: str) -> bool:
    """Whether a key is one of a prompt's entry, or meant to be."""
    return bool(get_close_matches(key, [*PromptEntry.model_fields], n=1))


class CheckpointEntry(BaseModel):
    """One entry below ``checkpoints``: a path, and what is to be known of all that it names.

    Attributes
    ----------
    path : str
        A file, a folder, or a glob of these, relative to the recipe.
    exclude : list of str
        Globs of names, or of paths relative to the recipe, that are left out.
    model : str, optional
        The run's name; None for that of the files.
    name : str, optional
        The checkpoint's own; None for its step or epoch.
    step, epoch, training_images : int, optional
        Where names and headers do not say it.
    scale : float
        The strength of a LoRA.
    alpha : float, optional
        Of a LoRA whose file does not hold it.
    subject, token, noun : str, optional
        What this run's placeholders stand for; None for the recipe's.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, strict=True)

    path: Text
    exclude: list[Text] = Field(default_factory=list)
    model: Text | None = None
    name: Text | None = None
    step: Annotated[int, Field(ge=1)] | None = None
    epoch: Annotated[int, Field(ge=1)] | None = None
    training_images: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    scale: Annotated[float, Field(ge=-10, le=10)] = 1.0
    alpha: Annotated[float, Field(gt=0, le=100_000)] | None = None
    subject: Text | None = None
    token: Text | None = None
    noun: Text | None = Field(default=None, alias="class")
    _found: list[Checkpoint] = PrivateAttr(default_factory=list)
    _notes: list[str] = PrivateAttr(default_factory=list)
    _refused: list[str] = PrivateAttr(default_factory=list)

    @field_validator("exclude", mode="before")
    @classmethod
    def _glob_alone(cls, given: Any) -> Any:
        return [given] if isinstance(given, str) else given

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, entry: Any) -> Any:
        return {"path": entry} if isinstance(entry, str) else entry

    @field_validator("model", "name")
    @classmethod
    def _safe(cls, name: str | None) -> str | None:
        if name is not None:
            refuse_unsafe(name)
        return name

    @field_validator("scale")
    @classmethod
    def _moves(cls, scale: float) -> float:
        if scale == 0:
            raise ValueError("a LoRA at the strength 0 is the base model, which is drawn anyway; leave it out.")
        return scale

    @property
    def found(self) -> list[Checkpoint]:
        """The checkpoints that it names, in the order of their training."""
        return self._found

    @property
    def notes(self) -> list[str]:
        """What is to be known of how its path was read."""
        return self._notes

    @property
    def refused(self) -> list[str]:
        """A sentence on each file that it names and that cannot be read."""
        return self._refused

    @model_validator(mode="after")
    def _find(self, info: ValidationInfo) -> "CheckpointEntry":
        found = find_checkpoints(self.path, info.context or Path(), self.exclude)
        about_one = {"name": self.name, "step": self.step, "epoch": self.epoch}
        said = [key for key, value in about_one.items() if value is not None]
        if said and len(found.checkpoints) > 1:
            names = counted(len(found.checkpoints), "checkpoint")
            raise ValueError(f"'{self.path}' names {names}, so '{said[0]}' cannot be said of it; write one entry each.")
        self._notes, self._refused = found.notes, list(found.refused.values())
        for each in found.checkpoints:
            step, epoch = self.step or each.step, self.epoch or each.epoch
            name = checkpoint_name(step, epoch) if self.step or self.epoch else each.name
            self._found.append(
                replace(
                    each,
                    model=self.model or safe_name(each.model),
                    name=self.name or name,
                    step=step,
                    epoch=epoch,
                    n_training_images=self.training_images or each.n_training_images,
                    scale=self.scale,
                    alpha=self.alpha,
                )
            )
        return self


def _file_lines(file: Path, group: str) -> list[PromptLine]:
    """The prompts of a file; ValueError with its lines where it cannot be read."""
    try:
        text = read_regular_file(file, _MOST_BYTES).decode("utf-8")
    except OSError as error:
        raise ValueError(f"{file} cannot be read ({reason(error)}); correct the path.") from None
    except UnicodeDecodeError:
        raise ValueError(f"{file} is not UTF-8 text; save it as UTF-8.") from None
    prompts, problems = parse_prompts(text, group)
    if problems:
        said = " ".join(f"line {line}: {problem}" for line, problem in problems[:_NAMED])
        more = f" There are {len(problems):,} such lines." if len(problems) > _NAMED else ""
        raise ValueError(f"{file}, {said}{more}")
    if not prompts:
        raise ValueError(f"{file} holds no prompt; write one a line.")
    return prompts
