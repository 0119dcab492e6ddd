"""The command line: what humangrade can do. Every command is thin; the work is done in the modules it calls."""

import io
import re
import sys
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from metrics.errors import InputError
from metrics.files import reason, refuse_missing_parent
from study.cli import aesthetic as aesthetic_cli
from study.cli import plan as plan_cli
from study.cli import predict as predict_cli
from study.cli import score as score_cli
from study.cli import weights as weights_cli
from study.cli.options import (
    HELP_NAMES,
    AnswerScale,
    ColumnMapping,
    DuplicateRule,
    Host,
    Port,
    RatingsFile,
    StudyFolder,
    TaskName,
    folder_to_write,
)
from study.cli.options import names as names_in

PEOPLE = "People rate"
MACHINES = "Machines score"
JUDGEMENT = "The judgement"
_LONGEST_HALF = 2000  # characters of a message

app = typer.Typer(
    name="humangrade",
    help="Can an automatic metric stand in for people? Evaluators rate images from 1 to 5, metrics score them, "
    "and the report grades both by the same formula.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings=HELP_NAMES,
)


def main() -> None:
    """Run the command line; a user's mistake is one sentence on stderr and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a name that the terminal cannot show must not end the command
    try:
        _refuse_empty_words(sys.argv[1:])
        app(prog_name="humangrade")
    except InputError as error:
        _end(error.for_command_line())
    except OSError as error:  # what no command has put into words itself
        _end(f"{error.filename or 'A file'} cannot be read or written ({reason(error)}); check the path.")
    except MemoryError:
        _end("This takes more memory than there is; give a smaller table, or fewer or smaller images.")


def _end(sentence: str) -> NoReturn:
    """Say what is wrong, shortened where a cell or a name in it is endless, and leave."""
    if len(sentence) > 2 * _LONGEST_HALF:
        sentence = f"{sentence[:_LONGEST_HALF]} ... {sentence[-_LONGEST_HALF:]}"
    print(f"humangrade: {sentence}", file=sys.stderr)
    sys.exit(2)


def _refuse_empty_words(words: list[str]) -> None:
    """An empty name, as of an unset shell variable, is not the current folder."""
    for before, word in pairwise(["", *words]):
        option, _, value = word.partition("=")
        if not word.strip() or (option.startswith("--") and option != word and not value.strip()):
            what = option if option.startswith("--") else before if before.startswith("--") else "An argument"
            raise InputError(f"{what} is empty; say what it is (for a folder, . is the one you are in).")


def _show_version(wanted: bool) -> None:
    if wanted:
        from metrics import __version__

        print(f"humangrade {__version__}")
        raise typer.Exit()


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options of the whole command."""


@app.command(rich_help_panel="Try it")
def demo(
    folder: Annotated[Path, typer.Option(help="Where the demo's study stands.")] = Path("humangrade-demo"),
    reset: Annotated[bool, typer.Option("--reset", help="Start anew: the demo's ratings so far are deleted.")] = False,
    port: Port = 7860,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the rating page.")] = True,
) -> None:
    """Make a small study without any download, serve it, and rate as the sixth evaluator."""
    refuse_missing_parent(folder, "--folder")
    from study.cli.run_demo import run_demo

    run_demo(folder, reset=reset, port=port, open_browser=browser)


@app.command(rich_help_panel=PEOPLE)
def init(
    study: StudyFolder,
    images: Annotated[Path, typer.Option(help="The generated images; sub-folders are the models.")],
    references: Annotated[
        Path | None, typer.Option(help="Reference photos: flat, or a sub-folder for each subject.", show_default=False)
    ] = None,
    tasks: Annotated[
        str | None,
        typer.Option(
            help="What is rated, comma-separated: similarity, aesthetic, alignment, or names of yours.",
            show_default="similarity,aesthetic; aesthetic without --references",
        ),
    ] = None,
    evaluators: Annotated[str, typer.Option(help="How many people rate, or their names, comma-separated.")] = "5",
    split: Annotated[
        bool, typer.Option("--split/--all", help="Rate each image in one task only, balanced over models, or in all.")
    ] = False,
    title: Annotated[str | None, typer.Option(help="What the raters see on top.", show_default=False)] = None,
    seed: Annotated[int, typer.Option(help="For each evaluator's random order.")] = 0,
    database: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Keep the ratings in PostgreSQL (postgresql://USER@HOST/NAME; password in PGPASSWORD).",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make a study from a folder of images, with a private link for each evaluator."""
    refuse_missing_parent(study, "The study's folder")
    from metrics.engine.image_folders import folder_notes
    from study.folder.create import create_study
    from study.folder.images import find_images
    from study.folder.study import ITEMS
    from study.server.links import print_links

    if tasks is None and references is None:
        print("No --references, so the similarity to them is not asked; the one task is aesthetic.")
    default = "aesthetic" if references is None else "similarity,aesthetic"
    made = create_study(
        study,
        images,
        references=references,
        tasks=names_in(default if tasks is None else tasks, "--tasks"),
        evaluators=_evaluators(evaluators),
        split=split,
        title=title,
        seed=seed,
        database=database,
    )
    for note in folder_notes(images, [] if (images / ITEMS).is_file() else find_images(images)):
        print(note)
    with closing(made):
        print_links(made, "http://127.0.0.1:7860")
    print(f"Start it with: humangrade serve {study}")


@app.command(rich_help_panel=PEOPLE)
def serve(
    study: StudyFolder,
    host: Host = "127.0.0.1",
    port: Port = 7860,
    reword: Annotated[
        bool,
        typer.Option("--reword", help="Ask in study.yaml's words from now on: for a spelling that was corrected."),
    ] = False,
) -> None:
    """Serve the rating pages and the owner's page of a study."""
    from study.folder.study import open_study
    from study.server.app import serve as run

    with closing(open_study(study)) as opened:
        run(opened, host, port, reword)


@app.command("import", rich_help_panel=PEOPLE)
def import_(
    study: StudyFolder,
    ratings: RatingsFile = None,
    scores: Annotated[Path | None, typer.Option(help="Scores, CSV or Parquet.", show_default=False)] = None,
    columns: ColumnMapping = None,
    task: TaskName = None,
    duplicates: DuplicateRule = "error",
) -> None:
    """Bring ratings or scores from files into a study."""
    from study.folder.importing import import_files
    from study.folder.study import open_study

    with closing(open_study(study)) as opened:
        for line in import_files(opened, ratings, scores, columns, task, duplicates):
            print(line)


@app.command(rich_help_panel=PEOPLE)
def export(
    study: StudyFolder,
    out: Annotated[Path, typer.Option(help="The folder for items.csv, ratings.csv, scores.csv and wordings.csv.")],
    names: Annotated[
        bool, typer.Option("--names/--without-names", help="Name the evaluators, or call them evaluator-1 and so on.")
    ] = True,
) -> None:
    """Write a study's tables as CSV."""
    refuse_missing_parent(out)
    from study.folder.study import open_study
    from study.folder.tables import export_tables

    with closing(open_study(study)) as opened:
        for path in export_tables(opened, out, without_names=not names):
            print(path)


@app.command(rich_help_panel=PEOPLE)
def withdraw(
    study: StudyFolder,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The evaluator.", show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete an evaluator's ratings, their history and the link for good, as a person may ask for."""
    from study.folder.study import open_study
    from study.folder.withdrawing import withdraw_evaluator

    with closing(open_study(study)) as opened:
        print(withdraw_evaluator(opened, name, ask=not yes))


app.command(rich_help_panel=MACHINES)(score_cli.score)
app.command(rich_help_panel=MACHINES)(score_cli.metrics)
app.add_typer(weights_cli.app, name="weights", rich_help_panel=MACHINES)
app.add_typer(aesthetic_cli.app, name="aesthetic", rich_help_panel=MACHINES)
app.command(rich_help_panel=MACHINES)(score_cli.statistics)
app.command(rich_help_panel=MACHINES)(score_cli.cache)


@app.command(rich_help_panel=JUDGEMENT)
def report(
    out: Annotated[str, typer.Option(metavar="FOLDER", help="The folder for report.html, report.json and the tables.")],
    study: Annotated[
        Path | None, typer.Argument(metavar="STUDY", help="A study's folder, in place of the files.")
    ] = None,
    ratings: RatingsFile = None,
    scores: Annotated[
        Path | None, typer.Option(help="Scores, CSV or Parquet, long or wide.", show_default=False)
    ] = None,
    items: Annotated[
        Path | None,
        typer.Option(
            help="Items, CSV or Parquet, to check the ratings by; images of one prompt or subject are drawn together.",
            show_default=False,
        ),
    ] = None,
    set_scores: Annotated[
        Path | None, typer.Option(help="Scores of sets of images, to show beside the rest.", show_default=False)
    ] = None,
    wordings: Annotated[
        Path | None,
        typer.Option(
            help="What was asked, word for word, for the page and the methods paragraph: task, question, level_1 to "
            "level_5, show_references, show_prompt, ratings; several rows of a task are its history.",
            show_default=False,
        ),
    ] = None,
    columns: ColumnMapping = None,
    task: TaskName = None,
    lower_is_better: Annotated[
        str | None, typer.Option(metavar="NIQE,...", help="Metrics for which a lower score is better.")
    ] = None,
    higher_is_better: Annotated[
        str | None, typer.Option(metavar="MUSIQ,...", help="Metrics for which a higher score is better.")
    ] = None,
    k: Annotated[float, typer.Option(help="The exponent of the distance in grades and mapping, at most 10.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of all that is drawn at random: bootstrap, permutations, folds.")] = 0,
    draws: Annotated[int, typer.Option(min=0, help="Of the bootstrap for intervals; 0 for none.")] = 1000,
    duplicates: DuplicateRule = "error",
    min_ratings: Annotated[
        int, typer.Option(min=0, help="Leave out evaluators with fewer ratings, over all tasks.")
    ] = 0,
    scale: AnswerScale = None,
) -> None:
    """Grade metrics and people by the same formula, and say whether a metric can stand in."""
    from calibration.pipeline import calibrate_files
    from calibration.report.files import write_report
    from calibration.scale import LIKERT, Scale
    from calibration.settings import Reading, Settings
    from study.cli.report_summary import print_summary

    folder = folder_to_write(out)
    if draws and not 100 <= draws <= 100_000:
        raise InputError(f"--draws is {draws}; the bootstrap takes 100 to 100,000 draws, or 0 for no intervals.")
    settings = Settings(
        k=k,
        seed=seed,
        draws=draws,
        lower_is_better=names_in(lower_is_better, "--lower-is-better") if lower_is_better else (),
        higher_is_better=names_in(higher_is_better, "--higher-is-better") if higher_is_better else (),
        scale=LIKERT if scale is None else Scale.parse(scale),
    )
    reading = Reading(duplicates=duplicates, min_ratings=min_ratings, map=columns, task=task)
    if study is not None:
        files = {
            "--ratings": ratings,
            "--scores": scores,
            "--items": items,
            "--set-scores": set_scores,
            "--wordings": wordings,
            "--map": columns,
            "--scale": scale,
        }
        given = [name for name, value in files.items() if value]
        if given:
            raise InputError(
                f"{given[0]} and the study {study} were both given; a report is made from one or the other."
            )
        from study.background.live_report import calibrate_study
        from study.folder.study import open_study

        with closing(open_study(study)) as opened:
            calibration = calibrate_study(opened, settings, show_progress=True, reading=reading)
    elif ratings is not None:
        calibration = calibrate_files(
            *(ratings, scores, items, settings, set_scores), show_progress=True, wordings=wordings, reading=reading
        )
    else:
        raise InputError("A report needs ratings: name a study's folder, or give --ratings FILE and --scores FILE.")
    print_summary(calibration.report, write_report(calibration, folder))


app.command(rich_help_panel=JUDGEMENT)(predict_cli.predict)
app.command(rich_help_panel=JUDGEMENT)(plan_cli.plan)


def _evaluators(text: str) -> int | list[str]:
    """A number of evaluators, or their names."""
    if re.fullmatch(r"-?[0-9]+", text.strip()):
        return int(text)
    return list(names_in(text, "--evaluators"))
