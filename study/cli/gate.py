"""The commands gate and best: did a checkpoint get worse, and which may be the best."""

import math
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metrics.errors import InputError
from metrics.files import refuse_missing_parent
from study.cli.options import HigherIsBetter, LowerIsBetter, StudyFolder, folder_to_write
from study.cli.options import names as names_in

if TYPE_CHECKING:
    from calibration.decision.found import StudyGate
    from calibration.decision.from_tables import StudyTables
    from study.folder.study import Study
    from study.runs.alerts import GateReport
    from study.terminal import Bar

FILES = ("gate.json", "gate.xml", "worst_pairs.html")
"""What stands in --out."""

RatedTask = Annotated[
    str | None,
    typer.Option("--task", metavar="NAME", help="Whose ratings count.", show_default="the one that was rated"),
]
RealImages = Annotated[
    Path | None,
    typer.Option(
        "--reference-set",
        metavar="FOLDER|FILE.npz",
        help="Real images for fid and kid, which are computed where they are named.",
        show_default="the reference photos",
    ),
]
DecisionSeed = Annotated[int, typer.Option("--seed", min=0, help="Of sign flips and bootstrap.")]


def gate(
    study: StudyFolder,
    candidate: Annotated[
        str,
        typer.Option(metavar="NAME", help="The checkpoint in question: MODEL/CHECKPOINT, or one of the two."),
    ],
    against: Annotated[
        str,
        typer.Option(
            metavar="best|previous|NAME",
            help="What it is compared with, on the same prompts and seeds: a checkpoint, or a baseline's name.",
        ),
    ],
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            metavar="NAME,...",
            help="Which metrics are tried; people for the ratings.",
            show_default="all that have scores, and people",
        ),
    ] = None,
    primary: Annotated[
        str, typer.Option(metavar="NAME", help="The metric that decides alone; name it before you look.")
    ] = "",
    strict: Annotated[bool, typer.Option("--strict", help="End with exit code 4 where it cannot be told.")] = False,
    least_drop: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC=VALUE",
            help="From where on a drop counts, in the metric's own units.",
            show_default="0.15 rating steps, or 0.2 standard deviations where there are no ratings",
        ),
    ] = None,
    task: RatedTask = None,
    lower_is_better: LowerIsBetter = None,
    higher_is_better: HigherIsBetter = None,
    reference_set: RealImages = None,
    out: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help=f"A folder for {', '.join(FILES[:2])} and {FILES[2]}.", show_default=False),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="The answer as JSON.", show_default=False)
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The answer as JUnit XML.", show_default=False)
    ] = None,
    github: Annotated[
        bool | None,
        typer.Option(
            "--github/--no-github",
            help="Print annotations, and write the job's summary.",
            show_default="on in GitHub Actions",
        ),
    ] = None,
    seed: DecisionSeed = 0,
) -> None:
    """Judge whether a checkpoint is worse than another on the same prompts and seeds, or how many images would tell.

    Exit code 1 says worse, 0 not worse or not told, 4 not told with --strict, 2 that it cannot be judged.
    """
    named = _names(metrics)
    drops = _least_drops(least_drop or [])
    folder = None if out is None else folder_to_write(out)
    for option, file in (("--json", json_file), ("--junit", junit)):
        _refuse_folder(option, file)
    from metrics.files import write_together
    from study.folder.study import open_study
    from study.runs.alerts import (
        add_to_step_summary,
        annotations,
        gate_json,
        gate_junit,
        gate_markdown,
        gate_report,
        gate_settings,
        record_gate_run,
    )
    from study.runs.baselines import TAKEN, named_checkpoint
    from study.terminal import Bar, on_github, terminal

    console = terminal()
    with closing(open_study(study)) as opened, Bar(console) as bar:
        tables = _tables(opened, task, lower_is_better, higher_is_better, seed, reference_set, bar)
        baseline, note = (against, "") if against in TAKEN else named_checkpoint(opened, tables, against)
        found = tables.gate(candidate, str(baseline), named, primary, drops)
        found = replace(found, notes=(*found.notes, *filter(None, [note])))
        settings = gate_settings(against, list(named), primary, drops, strict, tables.resampling)
        report = gate_report(found, tables, settings)
        contents: dict[Path, str | bytes | None] = {}
        if folder is not None:
            contents |= {folder / FILES[0]: gate_json(report), folder / FILES[1]: gate_junit(report)}
            contents[folder / FILES[2]] = _page(opened, found, tables)
        contents |= {json_file: gate_json(report)} if json_file else {}
        contents |= {junit: gate_junit(report)} if junit else {}
        written = write_together(contents)
        record_gate_run(opened, report)
    _print_gate(found, report, console)
    if written:
        console.print(f"Written: {', '.join(map(str, written))}", soft_wrap=True)
    if github or (github is None and on_github()):
        for line in annotations(report):
            print(line)
        add_to_step_summary(gate_markdown(report, found))
    if report.exit_code:
        raise typer.Exit(report.exit_code)


def best(
    study: StudyFolder,
    metric: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="By which metric; people for the ratings, NAME+people for a metric that the ratings correct.",
            show_default="people, or the one metric there is",
        ),
    ] = "",
    run: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="The run whose checkpoints are compared; '*' for those of all runs together.",
            show_default="the one there is",
        ),
    ] = "",
    task: RatedTask = None,
    lower_is_better: LowerIsBetter = None,
    higher_is_better: HigherIsBetter = None,
    reference_set: RealImages = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="What was found, as JSON.", show_default=False)
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A picture of it, .png or .svg, by step.", show_default=False),
    ] = None,
    seed: DecisionSeed = 0,
) -> None:
    """Find the checkpoints that may be the best, and the value of the winner."""
    _refuse_folder("--json", json_file)
    _refuse_folder("--figure", figure)
    if figure is not None and figure.suffix.lower() not in (".png", ".svg"):
        raise InputError(f"--figure is {figure}; name a .png or an .svg.")
    from calibration.decision.best_words import best_lines
    from metrics.errors import for_command_line
    from metrics.files import write_together
    from study.folder.study import open_study
    from study.runs.best_files import best_json, best_picture, best_table
    from study.terminal import Bar, print_notes, terminal

    console = terminal()
    with closing(open_study(study)) as opened, Bar(console) as bar:
        tables = _tables(opened, task, lower_is_better, higher_is_better, seed, reference_set, bar)
        found = tables.best(metric, run)
        scale = opened.config.scale
    contents: dict[Path, str | bytes | None] = {}
    contents |= {json_file: best_json(found, scale)} if json_file else {}
    contents |= {figure: best_picture(found, scale, figure.suffix.lower()[1:])} if figure else {}
    written = write_together(contents)
    for said in best_lines(found, scale):
        console.print(said, soft_wrap=True, markup=False)
    console.print(best_table(found, scale))
    print_notes([for_command_line(note) for note in found.notes], console)
    if written:
        console.print(f"Written: {', '.join(map(str, written))}", soft_wrap=True)


def _tables(
    opened: "Study",
    task: str | None,
    lower: str | None,
    higher: str | None,
    seed: int,
    reference_set: Path | None,
    progress: "Bar",
) -> "StudyTables":
    if reference_set is not None and not reference_set.exists():
        raise InputError(f"--reference-set is {reference_set}, and there is nothing of that name; correct it.")
    from calibration.core.resampling import Resampling
    from metrics.entry import MetricOptions
    from study.runs.reading import study_tables
    from study.runs.set_gate import StudySets
    from study.scoring import ScoreSettings

    tables = study_tables(
        opened,
        task or "",
        names_in(lower, "--lower-is-better") if lower else (),
        names_in(higher, "--higher-is-better") if higher else (),
        Resampling(seed=seed),
        progress=progress,
    )
    tables.sets = StudySets(opened, ScoreSettings(options=MetricOptions(reference_set=reference_set)), progress)
    return tables


def _names(metrics: list[str] | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names_in(",".join(metrics), "--metric"))) if metrics else ()


def _least_drops(given: list[str]) -> dict[str, float]:
    """What --least-drop says, by metric."""
    drops: dict[str, float] = {}
    for text in given:
        name, sign, value = text.rpartition("=")
        try:
            drop = float(value)
        except ValueError:
            drop = math.nan
        if not sign or not name.strip() or not math.isfinite(drop):
            raise InputError(f"--least-drop is '{text}'; write METRIC=VALUE, such as --least-drop lpips=0.02.")
        if name.strip() in drops:
            raise InputError(f"--least-drop names {name.strip()} twice; say it once.")
        drops[name.strip()] = drop
    return drops


def _refuse_folder(option: str, file: Path | None) -> None:
    """Raise InputError where a file cannot be written for what stands at its place: before all is computed."""
    if file is None:
        return
    if file.is_dir():
        raise InputError(f"{option} is {file}, which is a folder; name a file in it.")
    refuse_missing_parent(file, option)


def _page(opened: "Study", found: "StudyGate", tables: "StudyTables") -> str:
    from study.runs.worst_pairs import image_files, render_worst_pairs

    return render_worst_pairs(found, tables, image_files(opened, found))


def _print_gate(found: "StudyGate", report: "GateReport", console: Any) -> None:
    """The verdict, a row a metric, and notes."""
    from rich.markup import escape
    from rich.table import Column, Table

    from calibration.decision.words import difference, gate_parts, named, verdict_of
    from study.terminal import print_notes

    colour = {"worse": "red", "not worse": "green", "cannot tell": "yellow"}
    table = Table(Column("by", overflow="fold", max_width=26), Column("candidate less baseline", overflow="fold"))
    for one in found.gate.metrics:
        table.add_section()
        behind = "\n".join(map(escape, [difference(one), *gate_parts(one, found)[1:]]))
        verdict = f"[{colour[one.verdict]}]{escape(verdict_of(one, found))}[/]"
        table.add_row(f"{escape(named(one, found))}\n{verdict}", behind)
    console.print(table)
    print_notes(report.notes, console)
    console.print(f"[bold {colour[report.verdict]}]{report.verdict}[/] {escape(report.sentence)}", soft_wrap=True)
