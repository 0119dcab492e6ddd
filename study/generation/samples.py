"""Trainers' folders of samples as they stand: which run, step, prompt and seed each picture is of.

kohya's sd-scripts, ai-toolkit, OneTrainer, SimpleTuner, diffusers' examples and GenEval are understood.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from metrics.files import parse_json, read_regular_file
from metrics.text import counted, is_plain, listed, quoted
from study.generation.layouts import checkpoint_name
from study.generation.sample_prompts import sample_prompts

_MOST_BYTES = 1_000_000  # of a file beside samples
_KOHYA = re.compile(
    r"(?:(?P<run>.+)_)?(?:e(?P<epoch>\d{6,})|(?P<step>\d{6,}))_(?P<index>\d{2,})_(?P<time>\d{14})(?:_(?P<seed>\d+))?"
)
_AI_TOOLKIT = re.compile(r"(?P<time>\d{12,})__(?P<step>\d{9,})_(?P<index>\d+)")
_ONETRAINER = re.compile(
    r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d-(?:training|custom|manual)-sample-(?P<step>\d+)-(?P<epoch>\d+)-\d+"
)
_ONETRAINER_FOLDER = re.compile(r"(?P<index>\d+) - (?P<prompt>.+)")
_SIMPLETUNER = re.compile(r"step_(?P<step>\d+)_(?P<short>.+)_(?P<index>\d+)_(?P<size>\d+x\d+)")
_CARD_IMAGE = re.compile(r"image_(?P<index>\d+)")
_CHECKPOINT = re.compile(r"checkpoint[-_](?P<step>\d+)", re.IGNORECASE)
_FOLDERS = {"sample", "samples", "validation_images"}  # names of trainers, and of no run

_SAID: dict[str, str] = {
    "kohya": "kohya's sd-scripts",
    "ai-toolkit": "ai-toolkit",
    "OneTrainer": "OneTrainer",
    "SimpleTuner": "SimpleTuner",
    "diffusers": "diffusers' examples",
    "GenEval": "GenEval",
}


@dataclass(frozen=True)
class Sample:
    """What the name of a trainer's sample, and the files beside it, say.

    Attributes
    ----------
    trainer : str
    run : str
        "" where names do not say it.
    step, epoch, index : int, optional
        `index` is the prompt's number.
    seed : int, optional
    prompt, group : str
    seeded : bool, optional
        Whether it had a seed of its own; None where nothing says so.
    is_sheet : bool
        A sheet of other samples, and no sample itself.
    """

    trainer: str
    run: str = ""
    step: int | None = None
    epoch: int | None = None
    index: int | None = None
    seed: int | None = None
    prompt: str = ""
    group: str = ""
    seeded: bool | None = None
    is_sheet: bool = False

    def cells(self, model: str) -> dict[str, str]:
        """Its columns of items.csv, without those that are empty."""
        is_known = self.step is not None or self.epoch is not None
        values = {
            "model": model,
            "checkpoint": checkpoint_name(self.step, self.epoch if self.step is None else None) if is_known else "",
            "step": self.step,
            "epoch": self.epoch,
            "prompt": self.prompt,
            "prompt_number": self.index,
            "group": self.group,
            "seed": self.seed,
        }
        return {name: str(value) for name, value in values.items() if value not in (None, "")}


@dataclass(frozen=True)
class Samples:
    """The samples among a folder's images.

    Attributes
    ----------
    cells : dict of Path to dict
        What is known of each image that is one; other images are not among them.
    left_out : set of Path
        Sheets of other samples.
    notes : list of str
        What was understood, and what is to be known of it.
    """

    cells: dict[Path, dict[str, str]] = field(default_factory=dict)
    left_out: set[Path] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def read_samples(folder: Path, paths: Sequence[Path]) -> Samples:
    """Which of a folder's images are samples of trainers, and of what.

    Parameters
    ----------
    folder : Path
        The folder of images.
    paths : sequence of Path
        The images in it.

    Examples
    --------
    >>> found = read_samples(Path("x"), [Path("x/sample/anna_000300_00_20240819160839_42.png")])
    >>> list(found.cells.values())
    [{'model': 'anna', 'checkpoint': '300', 'step': '300', 'prompt_number': '0', 'seed': '42'}]
    >>> found.notes
    ["Samples of kohya's sd-scripts: 1 image of 'anna' at 1 step, 300, of 1 prompt."]
    """
    beside = _Beside()
    found: dict[Path, Sample] = {}
    for path in paths:
        sample = _sample(path, beside)
        if sample is not None:
            found[path] = sample
    found |= _of_checkpoints(folder, [path for path in paths if path not in found])
    if not found:
        return Samples()
    left_out = {path for path, sample in found.items() if sample.is_sheet}
    of_run = {path: sample for path, sample in found.items() if path not in left_out}
    models = _models(folder, of_run)
    cells = {path: sample.cells(models[path]) for path, sample in of_run.items()}
    notes = list(_notes(of_run, models))
    if notes and len(found) < len(paths):
        notes[-1] += " The others are read by their folders."
    if left_out:
        notes.append(f"Left out: {counted(len(left_out), 'sheet')} of samples (grid.png), which are no samples.")
    return Samples(cells, left_out, [*notes, *_cautions(of_run, models)])


class _Beside:
    """What stands in files beside samples, each read once."""

    def __init__(self) -> None:
        self.kohya = cache(_kohya_prompts)
        self.ai_toolkit = cache(_ai_toolkit_config)
        self.card = cache(_model_card)
        self.geneval = cache(_geneval_asked)


def _kohya_prompts(folder: Path) -> list[str]:
    """The prompts that kohya's GUI keeps as sample/prompt.txt."""
    return sample_prompts(_text(folder / "prompt.txt"))


def _ai_toolkit_config(folder: Path) -> dict[str, Any]:
    """The part on samples of the config.yaml that ai-toolkit keeps with a run."""
    content = _yaml(_text(folder / "config.yaml"))
    try:
        process = content["config"]["process"][0]
        sample = dict(process["sample"])
        sample["trigger"] = process.get("trigger_word") or ""
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        return {}
    return sample


def _model_card(folder: Path) -> dict[str, Any]:
    """The front matter of a model card by diffusers; empty where there is none."""
    front = re.match(r"---\n(.*?)\n---", _text(folder / "README.md").replace("\r\n", "\n"), re.DOTALL)
    content = _yaml(front[1]) if front else None
    if not isinstance(content, dict):
        return {}
    tags = content.get("tags")
    is_ours = content.get("library_name") == "diffusers" or (isinstance(tags, list) and "diffusers" in tags)
    return content if is_ours else {}


def _geneval_asked(folder: Path) -> dict[str, Any]:
    """What GenEval asks of the images in a folder; empty where it has no metadata.jsonl with a prompt."""
    try:
        content = parse_json(next(iter(_text(folder / "metadata.jsonl").splitlines()), ""))
    except ValueError:
        return {}
    return content if isinstance(content, dict) and isinstance(content.get("prompt"), str) else {}


def _sample(path: Path, beside: _Beside) -> Sample | None:
    """What a picture is a sample of; None where no trainer calls its samples so."""
    stem, folder = path.stem, path.parent
    if said := _KOHYA.fullmatch(stem):
        index, seed = int(said["index"]), _whole(said["seed"])
        lines = beside.kohya(folder)
        prompt = lines[index] if index < len(lines) else ""
        step, epoch = _whole(said["step"]), _whole(said["epoch"])
        return Sample("kohya", said["run"] or "", step, epoch, index, seed, prompt, seeded=seed is not None)
    if said := _AI_TOOLKIT.fullmatch(stem):
        index = int(said["index"])
        prompt, seed, seeded = _of_ai_toolkit(beside.ai_toolkit(folder.parent), index)
        return Sample("ai-toolkit", "", int(said["step"]), None, index, seed, prompt, seeded=seeded)
    if said := _ONETRAINER.fullmatch(stem):
        place = _ONETRAINER_FOLDER.fullmatch(folder.name)
        number, words = (int(place["index"]), _plain(place["prompt"])) if place else (None, "")
        return Sample("OneTrainer", "", int(said["step"]), int(said["epoch"]), number, None, words)
    if said := _SIMPLETUNER.fullmatch(stem):
        return Sample("SimpleTuner", "", int(said["step"]), group=_plain(said["short"]))
    if (said := _CARD_IMAGE.fullmatch(stem)) and (card := beside.card(folder)):
        return Sample("diffusers", index=int(said["index"]), prompt=_plain(card.get("instance_prompt")))
    numbers = folder.parent if folder.name == "samples" else folder
    if re.fullmatch(r"\d{5}", numbers.name) and (asked := beside.geneval(numbers)):
        is_sheet = folder == numbers and stem == "grid"
        if is_sheet or (folder != numbers and stem.isdecimal()):
            prompt, group = _plain(asked["prompt"]), _plain(asked.get("tag"))
            index = int(numbers.name)
            return Sample("GenEval", index=index, prompt=prompt, group=group, is_sheet=is_sheet)
    return None


def _of_ai_toolkit(config: dict[str, Any], index: int) -> tuple[str, int | None, bool | None]:
    """A sample's prompt and seed by ai-toolkit's config, and whether it had one."""
    prompts = config.get("prompts") or [each.get("prompt") for each in config.get("samples") or [] if _is_map(each)]
    prompt = prompts[index] if isinstance(prompts, list) and index < len(prompts) else ""
    prompt = _plain(prompt).replace("[trigger]", _plain(config.get("trigger")))
    seed = config.get("seed")
    if type(seed) is not int:
        return prompt, None, None
    if seed < 0:
        return prompt, None, False
    return prompt, seed + index if config.get("walk_seed") is True else seed, True


def _of_checkpoints(folder: Path, paths: Sequence[Path]) -> dict[Path, Sample]:
    """Pictures in folders checkpoint-STEP that stand in `folder` itself, as diffusers' examples write checkpoints."""
    places = {path: path.relative_to(folder).parts for path in paths if path.is_relative_to(folder)}
    first = {parts[0] for parts in places.values() if len(parts) > 1}
    if not first or not all(_CHECKPOINT.fullmatch(name) for name in first):
        return {}
    found = {}
    for path, parts in places.items():
        if len(parts) > 1 and (said := _CHECKPOINT.fullmatch(parts[0])):
            found[path] = Sample("diffusers", step=int(said["step"]))
    return found


def _models(folder: Path, found: dict[Path, Sample]) -> dict[Path, str]:
    """The run that each sample is of: by its name, or else by the folder in which the trainer keeps its samples."""
    whole = folder.resolve()
    homes: dict[Path, Path] = {}
    for path, sample in found.items():
        home = whole / path.parent.relative_to(folder) if path.is_relative_to(folder) else path.parent.resolve()
        if sample.trainer == "OneTrainer" and _ONETRAINER_FOLDER.fullmatch(home.name):
            home = home.parent
        if sample.trainer == "GenEval":
            home = (home.parent if home.name == "samples" else home).parent
        if sample.trainer == "diffusers" and sample.step is not None:
            home = whole
        while home.name.lower() in _FOLDERS and home != home.parent:
            home = home.parent
        homes[path] = home
    called = {path: sample.run or homes[path].name or "run" for path, sample in found.items()}
    apart: dict[str, set[Path]] = defaultdict(set)
    for path, name in called.items():
        apart[name].add(homes[path])
    models = {}
    for path, name in called.items():
        home = homes[path]
        if len(apart[name]) > 1:  # two runs of one name
            below = home.relative_to(whole).as_posix() if home.is_relative_to(whole) else home.name
            name = "-".join(part for part in (*below.split("/"), found[path].run) if part not in ("", "."))
        models[path] = _plain(name) or "run"
    return models


def _notes(found: dict[Path, Sample], models: dict[Path, str]) -> Iterable[str]:
    """A sentence for each trainer: what was understood of its samples."""
    by_trainer: dict[str, list[Path]] = defaultdict(list)
    for path, sample in found.items():
        by_trainer[sample.trainer].append(path)
    for trainer, paths in by_trainer.items():
        samples = [found[path] for path in paths]
        runs = list(dict.fromkeys(models[path] for path in paths))
        parts = [f"{counted(len(paths), 'image')} of {listed(quoted(runs), most=3)}"]
        steps = sorted({each.step for each in samples if each.step is not None})
        epochs = sorted({each.epoch for each in samples if each.epoch is not None and each.step is None})
        axes = [_span(steps, "step"), _span(epochs, "epoch")]
        if any(axes):
            parts.append(f"at {listed(filter(None, axes))}")
        prompts = {(each.index, each.group) for each in samples if each.index is not None or each.group}
        text = f"Samples of {_SAID[trainer]}: {' '.join(parts)}"
        yield f"{text}, of {counted(len(prompts), 'prompt')}." if prompts else f"{text}."


def _cautions(found: dict[Path, Sample], models: dict[Path, str]) -> list[str]:
    """What is to be known before steps are compared."""
    notes = []
    series: dict[tuple[object, ...], list[Sample]] = defaultdict(list)
    for path, sample in found.items():
        series[models[path], sample.trainer, sample.index, sample.group].append(sample)
    several = [samples for samples in series.values() if len({(each.step, each.epoch) for each in samples}) > 1]
    lacking = [samples for samples in several if any(each.seeded is False for each in samples)]
    if lacking:
        which = f"{len(lacking):,} of {counted(len(several), 'prompt')}" if len(lacking) < len(several) else "All"
        notes.append(
            f"{which} {'were' if which == 'All' or len(lacking) > 1 else 'was'} sampled without a seed: each step has "
            "another noise, so which step is best cannot be told from these pictures. Sample with a fixed seed (--d in "
            "kohya's prompts), or draw the checkpoints anew with humangrade generate."
        )
    if any(each.seeded is None for samples in several for each in samples):
        notes.append(
            "Whether each prompt had one seed at all steps is not written in these names; only then do steps compare."
        )
    for model in dict.fromkeys(models.values()):
        mine = [sample for path, sample in found.items() if models[path] == model and sample.trainer == "kohya"]
        by_step, by_epoch = sum(x.step is not None for x in mine), sum(x.step is None for x in mine)
        if by_step and by_epoch:
            notes.append(
                f"'{model}' has samples by steps ({by_step:,}) and by epochs ({by_epoch:,}); they are kept apart "
                "(checkpoints 300 and epoch-3), for a name does not say at which step an epoch ended."
            )
    twice = sum(len(samples) - len({(x.step, x.epoch, x.seed) for x in samples}) for samples in several)
    if twice and any(each.trainer == "kohya" for samples in several for each in samples):
        notes.append(
            f"{counted(twice, 'sample')} of a prompt and step stand there twice, as where a training was resumed."
        )
    shortened = any(sample.trainer == "OneTrainer" and sample.prompt for sample in found.values())
    if shortened:
        notes.append("Prompts are taken from OneTrainer's folder names, where they are cut and signs are replaced.")
    return notes


def _span(numbers: Sequence[int], noun: str) -> str:
    """How many steps or epochs, and from which to which; "" for none."""
    if not numbers:
        return ""
    if len(numbers) == 1:
        return f"1 {noun}, {numbers[0]:,}"
    return f"{counted(len(numbers), noun)} from {numbers[0]:,} to {numbers[-1]:,}"


def _text(path: Path) -> str:
    """A small text file beside samples; "" where there is none."""
    try:
        return read_regular_file(path, _MOST_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _yaml(text: str) -> Any:
    if "<<" in text:  # merged keys, of which a few lines may stand for very much
        return None
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def _is_map(value: object) -> bool:
    return isinstance(value, dict)


def _plain(text: object) -> str:
    """A text for a cell; "" for what is none."""
    words = " ".join(str(text).split()) if isinstance(text, str) else ""
    return words if is_plain(words) else ""


def _whole(text: str | None) -> int | None:
    return None if text is None else int(text)
