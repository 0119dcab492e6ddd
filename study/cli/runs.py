"""humangrade runs: exchange of a study's runs with trackers."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from metrics.errors import InputError
from study.cli.options import HELP_NAMES, StudyFolder

Tracker = Literal["mlflow", "tensorboard", "wandb", "trackio"]

app = typer.Typer(
    name="runs",
    help="Take runs over from MLflow, TensorBoard, W&B or Trackio, and write a study's runs for them; all without a "
    "network.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings=HELP_NAMES,
)


@app.command("import")
def import_(
    folder: StudyFolder,
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE...",
            help="mlflow.db or mlruns; a folder of event files; W&B's offline-run-* or .wandb; a folder or .db of "
            "Trackio.",
            show_default=False,
        ),
    ],
    tracker: Annotated[Tracker, typer.Option("--from", help="Whose they are.", show_default=False)],
) -> None:
    """Take over curves, settings and pictures of runs that a tracker holds; what was imported before is passed over."""
    from metrics.text import counted
    from study.folder.study import open_study
    from study.runs.exchange import import_runs, read_tracker
    from study.terminal import Bar, print_notes, terminal

    console = terminal()
    with open_study(folder) as study:
        runs = [run for source in sources for run in read_tracker(tracker, source)]
        with Bar(console) as bar:
            bar.start("Runs", len(runs))
            done = import_runs(study, runs, bar.advance)
    print_notes(done.notes, console)
    if done.runs:
        values = f", {counted(done.values, 'value')} of metrics" if done.values else ""
        console.print(
            f"Imported {counted(len(done.runs), 'run')}, new: {counted(done.scalars, 'point')} of curves, "
            f"{counted(done.images, 'picture')}{values}.",
            soft_wrap=True,
        )
    if done.known:
        verb = "was" if len(done.known) == 1 else "were"
        console.print(f"Passed over {counted(len(done.known), 'run')} that {verb} imported before.", soft_wrap=True)


@app.command()
def export(
    folder: StudyFolder,
    place: Annotated[Path, typer.Argument(metavar="PLACE", help="The folder to write into.", show_default=False)],
    tracker: Annotated[Tracker, typer.Option("--to", help="For which.", show_default=False)],
    run: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Which run; may be repeated.", show_default="all")
    ] = None,
) -> None:
    """Write runs with their curves, values and pictures, as the tracker's own client writes them offline.

    What PLACE has as it is now is not written again; an older export of a run there is replaced.
    """
    from metrics.files import refuse_missing_parent
    from metrics.text import counted
    from study.folder.study import open_study
    from study.runs.exchange import export_runs, write_tracker
    from study.terminal import print_notes, terminal

    if place.exists() and not place.is_dir():
        raise InputError(f"{place} is a file; name a folder for what is exported.")
    refuse_missing_parent(place, "PLACE")
    console = terminal()
    with open_study(folder) as study:
        runs, notes = export_runs(study, run or ())
    done = write_tracker(tracker, runs, place)
    print_notes(notes, console)
    new = [one for one in runs if one.name not in done.known]
    points, pictures = sum(len(one.scalars) for one in new), sum(len(one.images) for one in new)
    if new:
        older = f" ({len(done.replaced):,} in the place of an earlier export)" if done.replaced else ""
        console.print(
            f"Written to {place}: {counted(len(new), 'run')}{older}, {counted(points, 'point')} of curves, "
            f"{counted(pictures, 'picture')}.",
            soft_wrap=True,
        )
    if done.known:
        they = "it is" if len(done.known) == 1 else "they are"
        console.print(f"{place} has {counted(len(done.known), 'run')} as {they} now already.", soft_wrap=True)
