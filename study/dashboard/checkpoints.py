"""The runs, checkpoints and prompts of a study's images, numbered in the order in which the dashboard shows them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from calibration.decision.checkpoints import BASE
from metrics.text import counted, natural_order
from study.dashboard.numbers import first_known
from study.dashboard.types import Axis, Checkpoint, Prompt, Run

NO_CHECKPOINT = "no checkpoint"
_FAR = 2**63  # after all that have a step


@dataclass
class Shown:
    """Runs, checkpoints and prompts; images point to the last two by place.

    Attributes
    ----------
    runs : list of Run
        Base models first, then by name; images of no run last, under a run without a name.
    checkpoints : list of Checkpoint
        By run and step.
    prompts : list of Prompt
        In the study's order.
    notes : list of str
    """

    runs: list[Run]
    checkpoints: list[Checkpoint]
    prompts: list[Prompt]
    notes: list[str] = field(default_factory=list)

    @property
    def axis(self) -> Axis:
        """What tells how far most checkpoints were trained."""
        trained = [one for one in self.checkpoints if not one["is_base"]]
        steps, epochs = (sum(one[name] is not None for one in trained) for name in ("step", "epoch"))
        return "epoch" if epochs > steps else "step"

    def place(self, shown: str) -> int | None:
        """The place of a checkpoint of that whole name."""
        return next((place for place, one in enumerate(self.checkpoints) if one["shown"] == shown), None)

    def of_run(self, run: int) -> list[int]:
        """The places of a run's checkpoints."""
        return [place for place, one in enumerate(self.checkpoints) if one["run"] == run]


def shown_of(images: pd.DataFrame, runs: pd.DataFrame, order: Sequence[str]) -> tuple[Shown, pd.DataFrame]:
    """Number the runs, checkpoints and prompts of images.

    Parameters
    ----------
    images, runs : DataFrame
        As `study.store.runs.RunStore` gives them.
    order : sequence of str
        The study's items, in whose order prompts first come.

    Returns
    -------
    shown : Shown
    images : DataFrame
        In the order of their places: by checkpoint, prompt and seed; with called (the item, or outside the study the
        path), place_of_checkpoint and place_of_prompt.
    """
    places = {item: place for place, item in enumerate(order)}
    first = images["item"].map(places).fillna(len(places)).astype(int)
    images = images.assign(called=images["item"].where(images["item"] != "", images["path"]), first=first)
    images = images.sort_values("first", kind="stable", ignore_index=True)
    groups: dict[tuple[str, str], str] = {}
    for text, negative, group in zip(images["prompt"], images["negative"], images["group"], strict=True):
        groups[text, negative] = groups.get((text, negative)) or group
    prompts = sorted(groups, key=lambda one: one == ("", ""))  # what is not known comes last
    number = {prompt: place for place, prompt in enumerate(prompts)}
    images["place_of_prompt"] = [number[one] for one in zip(images["prompt"], images["negative"], strict=True)]
    of = _checkpoints(images)
    names = sorted(
        {model for model, _ in of}, key=lambda name: (not _is_base_run(name, of), name == "", natural_order(name))
    )
    ordered = sorted(of, key=lambda key: (names.index(key[0]), _order(of[key])))
    shown = Shown(
        runs=[_run(name, images, runs, of) for name in names],
        checkpoints=[of[key] | {"run": names.index(key[0])} for key in ordered],
        prompts=[{"text": one[0], "negative": one[1], "group": groups[one]} for one in prompts],
    )
    place = {key: place for place, key in enumerate(ordered)}
    images["place_of_checkpoint"] = [place[key] for key in zip(images["model"], images["checkpoint"], strict=True)]
    seeds = images["seed"].map(lambda seed: tuple(natural_order(seed)))
    images = (
        images.assign(seed_order=seeds)
        .sort_values(
            ["place_of_checkpoint", "place_of_prompt", "seed_order", "first"], kind="stable", ignore_index=True
        )
        .drop(columns=["seed_order", "first"])
    )
    for at, run in enumerate(shown.runs):
        if not run["is_base"] and any(shown.checkpoints[of_it]["shown"] != NO_CHECKPOINT for of_it in shown.of_run(at)):
            run["base"] = _base_of(at, shown, images)
    shown.notes = _notes(shown)
    return shown, images


def base_note(shown: Shown) -> str:
    """What stands where the base model should; "" where it is there."""
    trained = [one for one in shown.runs if not one["is_base"] and one["name"]]
    if not trained:
        return ""
    if not any(one["is_base"] for one in shown.runs):
        return (
            "There are no images of the base model, so no step 0; humangrade generate draws them with the same prompts "
            "and seeds."
        )
    without = [one["name"] for one in trained if one["base"] is None]
    return "" if not without else f"Of what {', '.join(without)} began from there are no images, so no step 0."


def _checkpoints(images: pd.DataFrame) -> dict[tuple[str, str], Checkpoint]:
    found: dict[tuple[str, str], Checkpoint] = {}
    for (model, name), rows in images.groupby(["model", "checkpoint"], sort=False):
        is_base = bool((rows["kind"] == BASE).all())
        found[str(model), str(name)] = {
            "run": 0,
            "name": str(name),
            "shown": "/".join(filter(None, (str(model), str(name)))) or NO_CHECKPOINT,
            "step": 0 if is_base else first_known(rows["step"]),
            "epoch": 0 if is_base else first_known(rows["epoch"]),
            "is_base": is_base,
            "images": len(rows),
        }
    return found


def _order(one: Checkpoint) -> tuple[bool, int, int, list[tuple[int, int, str]]]:
    step, epoch = (_FAR if far is None else far for far in (one["step"], one["epoch"]))
    return not one["is_base"], step, epoch, natural_order(one["name"])


def _is_base_run(model: str, of: dict[tuple[str, str], Checkpoint]) -> bool:
    return all(one["is_base"] for (mine, _), one in of.items() if mine == model)


def _run(model: str, images: pd.DataFrame, runs: pd.DataFrame, of: dict[tuple[str, str], Checkpoint]) -> Run:
    rows, told = images[images["model"] == model], runs[runs["model"] == model]
    subjects = [text for text in rows["subject"].unique() if text]
    return {
        "name": model,
        "subject": subjects[0] if len(subjects) == 1 else "",
        "n_training_images": first_known([*rows["n_training_images"], *told["n_training_images"]]),
        "source": str(told["source"].iloc[0]) if len(told) else "study",
        "is_base": _is_base_run(model, of),
        "base": None,
    }


def _base_of(run: int, shown: Shown, images: pd.DataFrame) -> int | None:
    """The base with most of a run's prompts, its own before others'; the only one where neither's prompts are known."""
    bases = [place for place, one in enumerate(shown.checkpoints) if one["is_base"]]
    mine = images[images["place_of_checkpoint"].isin(shown.of_run(run))]
    keys = ["prompt", "negative"]
    asked = set(map(tuple, mine.loc[mine["prompt"] != "", keys].to_numpy()))
    shared = {}
    for place in bases:
        rows = images[images["place_of_checkpoint"] == place]
        number = len(asked & set(map(tuple, rows[keys].to_numpy())))
        is_alone = len(bases) == 1 and not asked and (rows["prompt"] == "").all()
        if number or is_alone:
            shared[place] = (shown.checkpoints[place]["run"] == run, number)
    return max(shared, key=lambda place: shared[place]) if shared else None


def _notes(shown: Shown) -> list[str]:
    notes = []
    for one in shown.checkpoints:
        if one["shown"] == NO_CHECKPOINT:
            notes.append(
                f"{counted(one['images'], 'image')} {'names' if one['images'] == 1 else 'name'} neither model nor "
                "checkpoint: grid and gallery show them, trends cannot."
            )
    without = sum(
        one["step"] is None and one["epoch"] is None for one in shown.checkpoints if one["shown"] != NO_CHECKPOINT
    )
    if without:
        notes.append(
            f"{counted(without, 'checkpoint')} {'has' if without == 1 else 'have'} neither step nor epoch: grid and "
            "gallery show them, trends cannot."
        )
    return notes
