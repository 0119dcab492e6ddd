"""humangrade generate: the same prompts and seeds for every checkpoint, drawn once, each with its whole recipe."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from metrics.errors import InputError
from metrics.files import refuse_missing_parent
from study.cli.options import Device, EngineChoice, refuse_given

if TYPE_CHECKING:
    from rich.console import Console

    from study.generation.draw import DrawSettings, Outcome
    from study.generation.types import Checkpoint, ImageRecipe, Plan

_NAMED = 10
_OF_DRAWING = ("recipe", "device", "dtype", "batch_size", "engine", "offload", "attention_slicing", "dry_run")


def generate(
    context: typer.Context,
    folder: Annotated[
        Path | None, typer.Argument(metavar="FOLDER", help="Where the images go, or go on.", show_default=False)
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="What is drawn: base model, checkpoints, prompts, seeds.", show_default=False)
    ] = None,
    new: Annotated[
        Path | None, typer.Option("--new", metavar="RECIPE", help="Write a recipe to edit.", show_default=False)
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="With --new: whose prompts and numbers, for instance person-likeness.")
    ] = None,
    device: Device = "auto",
    dtype: Annotated[
        Literal["float32", "float16", "bfloat16"] | None,
        typer.Option(help="Precision of the networks.", show_default="the recipe's"),
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images at once.", show_default="the recipe's")] = None,
    engine: EngineChoice = "local",
    offload: Annotated[
        bool, typer.Option("--offload", help="Keep on the GPU only the network that works: less memory, slower.")
    ] = False,
    attention_slicing: Annotated[
        bool, typer.Option("--attention-slicing", help="Compute attention in parts: less memory, slower.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many images, how long and how much disk; draw nothing.")
    ] = False,
) -> None:
    """Draw images from checkpoints: the same prompts and seeds for each, and the base model as step 0."""
    if new is not None:
        if folder is not None:
            raise InputError("--new writes a recipe and draws nothing; leave the folder out, or give it with --recipe.")
        refuse_given(context, _OF_DRAWING, "--new writes a recipe, and has nothing to do with")
        _write_recipe(new, preset)
        return
    if preset is not None:
        raise InputError("--preset goes with --new; what is drawn is in the recipe.")
    if folder is None or recipe is None:
        raise InputError(
            "Drawing needs a folder and a recipe: humangrade generate FOLDER --recipe recipe.yaml; "
            "humangrade generate --new recipe.yaml writes one to edit."
        )
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder for the images.")
    refuse_missing_parent(folder, "The folder for the images")
    from study.folder.config import FILE_NAME

    if (folder / FILE_NAME).is_file():
        raise InputError(
            f"{folder} is a study; images for it are drawn into a folder of their own, and that becomes a study with "
            "humangrade init."
        )
    from study.cli.terminal import print_notes, terminal
    from study.generation.draw import DrawSettings, with_settings
    from study.generation.plan import make_plan
    from study.generation.recipe import load_recipe

    settings = DrawSettings(device, dtype, batch_size, offload, attention_slicing, engine)
    read = load_recipe(recipe)
    plan = with_settings(make_plan(read), settings)
    console = terminal()
    print_notes(read.notes, console)
    if dry_run:
        _describe(plan, folder, console)
        return
    outcome = _draw(plan, folder, settings, console)
    _print_outcome(plan, folder, outcome, console)
    console.print(f"Make a study of it with: humangrade init STUDY --images {folder}", soft_wrap=True, markup=False)
    if told := _unusable(plan, outcome):
        raise InputError(told)


def draw_recipe(recipe: Path, folder: Path, settings: "DrawSettings", console: "Console") -> str:
    """Draw what a recipe says and what is not there yet, for a command that goes on with the images.

    Parameters
    ----------
    recipe, folder : Path
        What is drawn, and where it goes.
    settings : DrawSettings
        How.
    console : Console
        Where progress and outcome are shown.

    Returns
    -------
    str
        A sentence on the checkpoints that could not be drawn with; "" where all could.

    Raises
    ------
    InputError
        For a recipe that cannot be drawn, and where another process draws the rest of it.
    """
    from study.cli.terminal import print_notes
    from study.generation.draw import with_settings
    from study.generation.plan import make_plan
    from study.generation.recipe import load_recipe

    read = load_recipe(recipe)
    plan = with_settings(make_plan(read), settings)
    print_notes(read.notes, console)
    outcome = _draw(plan, folder, settings, console)
    _print_outcome(plan, folder, outcome, console)
    if outcome.left:
        raise InputError(f"Another process draws into {folder}; give the command again when it has ended.")
    return _unusable(plan, outcome)


def _unusable(plan: "Plan", outcome: "Outcome") -> str:
    if not outcome.unusable:
        return ""
    told = " ".join(f"{each.model}/{each.name}: {why}" for each, why in outcome.unusable.items())
    return f"{len(outcome.unusable)} of {len(plan.checkpoints)} could not be drawn with. {told}"


def _write_recipe(path: Path, preset: str | None) -> None:
    from study.generation.presets import write_recipe

    refuse_missing_parent(path, "--new")
    write_recipe(path, preset)
    print(f"Written: {path}")
    print(f"Edit it, then: humangrade generate FOLDER --recipe {path}")


def _describe(plan: "Plan", folder: Path, console: "Console") -> None:
    """What a run would do, and whether it could."""
    from study.cli.terminal import print_notes
    from study.generation.draw import wanted_images
    from study.generation.plan import checkpoint_lines, describe_plan
    from study.generation.sets import seconds_per_image

    for line in (*describe_plan(plan, folder, seconds_per_image(folder)), *checkpoint_lines(plan)):
        console.print(line, soft_wrap=True, markup=False)
    try:
        wanted_images(plan)
    except InputError as error:
        print_notes([f"It could not be drawn yet: {error}"], console)


def _draw(plan: "Plan", folder: Path, settings: "DrawSettings", console: "Console") -> "Outcome":
    from study.cli.terminal import Bar, print_notes, resumable
    from study.generation.draw import draw

    bar = Bar(console)
    with resumable(), bar:
        return draw(
            plan,
            folder,
            settings,
            say=lambda sentence: print_notes([sentence], console),
            start=lambda total: bar.start("Drawing", total),
            advance=bar.advance,
        )


def _print_outcome(plan: "Plan", folder: Path, outcome: "Outcome", console: "Console") -> None:
    from rich.markup import escape

    from study.cli.terminal import numbers_table, print_notes

    table = numbers_table("Checkpoint", "Images", "Layers in file", "applied")
    table.columns[0].justify = "left"
    of_checkpoint: dict[Checkpoint, list[ImageRecipe]] = {checkpoint: [] for checkpoint in plan.checkpoints}
    for each in plan.images:
        of_checkpoint[each.checkpoint].append(each)
    notes: dict[str, list[str]] = {}
    for checkpoint, images in of_checkpoint.items():
        name = f"{checkpoint.model}/{checkpoint.name}"
        asked = [image.file.as_posix() for image in images]
        lines = [outcome.lines[image] for image in asked if image in outcome.lines]
        layers = lines[0]["row"] if lines else {}
        count = str(len(lines)) if len(lines) == len(asked) else f"{len(lines)} of {len(asked)}"
        table.add_row(escape(name), count, _cell(layers, "layers_in_file"), _cell(layers, "layers_applied"))
        for sentence in dict.fromkeys(note for line in lines for note in line.get("notes", [])):
            notes.setdefault(sentence, []).append(name)
    console.print(table)
    print_notes([f"{_some(names)}: {sentence}" for sentence, names in notes.items()], console)
    by_problem: dict[str, list[str]] = {}
    for image, problem in outcome.problems().items():
        by_problem.setdefault(problem, []).append(image)
    print_notes([f"{len(names)} {problem}: {_some(names)}" for problem, names in by_problem.items()], console)
    if outcome.left:
        print_notes([f"{outcome.left} images are left to another process that draws into this folder."], console)
    console.print(f"Drawn: {outcome.drawn:,}; the other {len(outcome.lines) - outcome.drawn:,} were there.")
    console.print(f"Written: {folder}", soft_wrap=True, markup=False)


def _cell(row: dict[str, Any], name: str) -> str:
    return "" if row.get(name) is None else str(row[name])


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
