"""humangrade generate: the same prompts and seeds for every checkpoint, drawn once, each with its whole recipe."""

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from metrics.errors import InputError
from metrics.files import refuse_missing_parent
from metrics.text import counted, pasted
from study.cli.options import Device, EngineChoice, refuse_given

if TYPE_CHECKING:
    from rich.console import Console

    from study.generation.draw import DrawSettings, Outcome
    from study.generation.recipe import Recipe
    from study.generation.types import Checkpoint, ImageRecipe, Plan

_NAMED = 10
_OF_A_STUDY = ("anchors", "references")
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
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Images drawn at once.", show_default="the recipe's")
    ] = None,
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
    anchors: Annotated[
        float | None,
        typer.Option(
            help="Of a study: the share of its rated images that is asked again; see add.",
            show_default="0.1, and 5 images at least",
        ),
    ] = None,
    references: Annotated[
        Path | None,
        typer.Option(
            help="Of a study: reference photos of the new images.", show_default="those of their subject's other images"
        ),
    ] = None,
) -> None:
    """Draw images from checkpoints: the same prompts and seeds for each, and the base model as step 0.

    FOLDER may be a study made of such images: new checkpoints are drawn beside them, and added to it as a new round.
    """
    if new is not None:
        if folder is not None:
            raise InputError("--new writes a recipe and draws nothing; leave the folder out, or give it with --recipe.")
        refuse_given(context, (*_OF_DRAWING, *_OF_A_STUDY), "--new writes a recipe, and has nothing to do with")
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
    from study.generation.draw import DrawSettings, with_settings
    from study.generation.plan import make_plan
    from study.generation.prepare import refusals
    from study.generation.recipe import load_recipe
    from study.terminal import print_notes, terminal

    is_study = (folder / FILE_NAME).is_file()
    if not is_study:
        refuse_given(context, _OF_A_STUDY, f"{folder} is no study, and what is drawn has nothing to do with")
    settings = DrawSettings(device, dtype, batch_size, offload, attention_slicing, engine)
    read = load_recipe(recipe)
    plan = with_settings(make_plan(read), settings)
    console = terminal()
    print_notes(read.notes, console)
    if is_study:
        _grow(folder, read, plan, settings, anchors, references, dry_run, console)
        return
    print_notes(_among_others(plan, folder), console)
    if dry_run:
        _describe(plan, folder, console)
        return
    outcome = _draw(plan, folder, settings, console)
    _print_outcome(plan, folder, outcome, console)
    _print_next(folder, outcome, console)
    if len(outcome.unusable) == sum(checkpoint.kind != "base" for checkpoint in plan.checkpoints) > 0:
        raise InputError(_unusable(plan, outcome))
    _end_with_refusals([*plan.refused, *refusals(outcome.unusable)], console)


def _among_others(plan: "Plan", folder: Path) -> list[str]:
    """A sentence on images that stand where a plan is drawn, and are none of humangrade's."""
    from study.generation.sets import other_images

    others = other_images(folder, {image.file.as_posix() for image in plan.images})
    if not others:
        return []
    has = "was" if len(others) == 1 else "were"
    return [
        f"{folder} holds {counted(len(others), 'image')} that {has} not drawn here ({_some(others)}); init, add and "
        "evaluate take every image of a folder, so name one of their own for those that are drawn."
    ]


def _grow(
    folder: Path,
    recipe: "Recipe",
    plan: "Plan",
    settings: "DrawSettings",
    anchors: float | None,
    references: Path | None,
    dry_run: bool,
    console: "Console",
) -> None:
    """Draw new checkpoints beside a study's images, and add them to it; the study is closed while they are drawn."""
    from study.folder.drawing import drawn_folder, plan_for_study
    from study.folder.growing import add_images, check_can_grow
    from study.folder.study import open_study

    with closing(open_study(folder)) as study:
        check_can_grow(study, anchors)
        images = drawn_folder(study)
        plan = plan_for_study(study, plan, recipe.lines)
    console.print(f"{folder} is a study; its images stand in {images}.", soft_wrap=True, markup=False)
    if dry_run:
        _describe(plan, images, console)
        return
    outcome = _draw(plan, images, settings, console)
    _print_outcome(plan, images, outcome, console)
    if outcome.left:
        raise InputError(
            f"Another process draws into {images}, so nothing is added to {folder} yet; give the command again when it "
            "has ended."
        )
    if told := _unusable(plan, outcome):
        raise InputError(f"{told} Nothing is added to {folder}; mend the recipe, and give the command again.")
    with closing(open_study(folder)) as study:
        grown = add_images(study, images, anchors, references=references)
    for sentence in grown.sentences:
        console.print(sentence, soft_wrap=True, markup=False)
    console.print(f"Start it with: humangrade serve {pasted(folder)}", soft_wrap=True, markup=False)


def draw_recipe(
    recipe: Path, folder: Path, settings: "DrawSettings", console: "Console", check: Callable[["Plan"], None]
) -> str:
    """Draw what a recipe says and what is not there yet, for a command that goes on with the images.

    Parameters
    ----------
    recipe, folder : Path
        What is drawn, and where it goes.
    settings : DrawSettings
        How.
    console : Console
        Where progress and outcome are shown, and why checkpoints could not be drawn with.
    check : callable
        Takes the plan before anything is drawn; may raise InputError.

    Returns
    -------
    str
        A sentence on the checkpoints that could not be drawn with; "" where all could.

    Raises
    ------
    InputError
        For a recipe that cannot be drawn, and where another process draws the rest of it.
    """
    from study.generation.draw import with_settings
    from study.generation.plan import make_plan
    from study.generation.recipe import load_recipe
    from study.terminal import print_notes

    read = load_recipe(recipe)
    plan = with_settings(make_plan(read), settings)
    print_notes(read.notes, console)
    check(plan)
    outcome = _draw(plan, folder, settings, console)
    _print_outcome(plan, folder, outcome, console)
    unusable = _unusable(plan, outcome)
    print_notes([unusable] if unusable else [], console)
    if outcome.left:
        raise InputError(f"Another process draws into {folder}; give the command again when it has ended.")
    return unusable


def _unusable(plan: "Plan", outcome: "Outcome") -> str:
    """What could not be drawn with, in one text; "" where all could."""
    from study.generation.prepare import refusals

    told = [*plan.refused, *refusals(outcome.unusable)]
    said = f"{len(told)} of {len(plan.checkpoints) + len(plan.refused)} could not be drawn with"
    if len(told) < 2:
        return f"{said}. {told[0]}" if told else ""
    return f"{said}:" + "".join(f"\n    {sentence}" for sentence in told)


def _end_with_refusals(told: Sequence[str], console: "Console") -> None:
    """Name what could not be drawn with, a line each; where there is any, the command ends with `SKIPPED`."""
    from study.terminal import SKIPPED

    if not told:
        return
    console.print(f"[red]{counted(len(told), 'checkpoint')} cannot be used:[/]")
    for sentence in told:
        console.print(f"  {sentence}", soft_wrap=True, markup=False)
    console.print("The others are drawn; an entry's 'exclude' leaves these out.")
    raise typer.Exit(SKIPPED)


def _print_next(folder: Path, outcome: "Outcome", console: "Console") -> None:
    """What is to be done with the images, where these are all here."""
    from study.folder.near import studies_near

    if outcome.left or not outcome.lines:
        return
    init, add = f"humangrade init STUDY --images {pasted(folder)}", f"humangrade add {{}} --images {pasted(folder)}"
    if studies := studies_near(folder):
        line = "\n".join(f"Add what is new to the study with: {add.format(pasted(study))}" for study in studies)
    elif outcome.drawn < len(outcome.lines):
        line = f"Make a study of it with: {init}\nOr, where a study has its images: {add.format('STUDY')}"
    else:
        line = f"Make a study of it with: {init}"
    console.print(line, soft_wrap=True, markup=False)


def _write_recipe(path: Path, preset: str | None) -> None:
    from study.generation.presets import write_recipe

    refuse_missing_parent(path, "--new")
    write_recipe(path, preset)
    print(f"Written: {path}")
    print(f"Edit it, then: humangrade generate FOLDER --recipe {pasted(path)}")


def _describe(plan: "Plan", folder: Path, console: "Console") -> None:
    """What a run would do, and whether it could; it ends as the run would."""
    from study.generation.base_models import locate
    from study.generation.image_files import damaged_named, survey
    from study.generation.items_table import read_added
    from study.generation.plan import checkpoint_lines, describe_plan
    from study.generation.prepare import prepare, refusals
    from study.generation.sets import ITEMS, known_lines, seconds_per_image
    from study.terminal import print_notes

    def describe(plan: "Plan", unfinished: set[str]) -> None:
        for line in (*describe_plan(plan, folder, seconds_per_image(folder), unfinished), *checkpoint_lines(plan)):
            console.print(line, soft_wrap=True, markup=False)

    try:
        locate(plan.base, plan.revision, plan.config)
    except InputError as error:
        describe(plan, set())
        raise InputError(f"It could not be drawn yet: {error}") from None
    prepared = prepare(plan)
    lines = known_lines(folder)
    damaged = survey(folder, prepared.wanted, lines)
    read_added(folder / ITEMS)
    without_line = {one.name for one in prepared.wanted if lines.get(one.name, {}).get("identity") != one.digest}
    describe(prepared.plan_of(plan), {*damaged, *without_line})
    print_notes([*prepared.notes, *([damaged_named(damaged)] if damaged else [])], console)
    _end_with_refusals([*plan.refused, *refusals(prepared.refused)], console)


def _draw(plan: "Plan", folder: Path, settings: "DrawSettings", console: "Console") -> "Outcome":
    from study.generation.draw import draw
    from study.terminal import Bar, print_notes, resumable

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

    from study.terminal import numbers_table, print_notes

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
        verb = "is" if outcome.left == 1 else "are"
        left = f"{counted(outcome.left, 'image')} {verb} left to another process that draws into this folder."
        print_notes([left], console)
    console.print(f"Drawn: {outcome.drawn:,}; the other {len(outcome.lines) - outcome.drawn:,} were there.")
    console.print(f"Written: {folder}", soft_wrap=True, markup=False)


def _cell(row: dict[str, Any], name: str) -> str:
    return "" if row.get(name) is None else str(row[name])


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
