"""The command line: what humangrade can do. Every command is thin; the work is done in the modules it calls."""

import io
import sys
from itertools import pairwise
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from metrics.errors import InputError
from metrics.files import reason, refuse_missing_parent
from study.cli import aesthetic as aesthetic_cli
from study.cli import baseline as baseline_cli
from study.cli import dashboard as dashboard_cli
from study.cli import evaluate as evaluate_cli
from study.cli import gate as gate_cli
from study.cli import generate as generate_cli
from study.cli import plan as plan_cli
from study.cli import predict as predict_cli
from study.cli import rate as rate_cli
from study.cli import report as report_cli
from study.cli import runs as runs_cli
from study.cli import score as score_cli
from study.cli import track as track_cli
from study.cli import weights as weights_cli
from study.cli.options import HELP_NAMES, Port

IMAGES = "Images"
PEOPLE = "People rate"
MACHINES = "Machines score"
DECISIONS = "Runs and decisions"
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
    from study.terminal import on_github, shown, unheeded

    said = "\n".join(map(shown, sentence.split("\n")))
    print(f"humangrade: {unheeded(said) if on_github() else said}", file=sys.stderr)
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


app.command(rich_help_panel=IMAGES)(generate_cli.generate)
app.command(rich_help_panel=PEOPLE)(rate_cli.init)
app.command(rich_help_panel=PEOPLE)(rate_cli.serve)
app.command(rich_help_panel=PEOPLE)(rate_cli.add)
app.command("import", rich_help_panel=PEOPLE)(rate_cli.import_)
app.command(rich_help_panel=PEOPLE)(rate_cli.export)
app.command(rich_help_panel=PEOPLE)(rate_cli.withdraw)
app.command(rich_help_panel=MACHINES, cls=score_cli.ScoreCommand)(score_cli.score)
app.command(rich_help_panel=MACHINES)(evaluate_cli.evaluate)
app.command(rich_help_panel=MACHINES)(score_cli.metrics)
app.add_typer(weights_cli.app, name="weights", rich_help_panel=MACHINES)
app.add_typer(aesthetic_cli.app, name="aesthetic", rich_help_panel=MACHINES)
app.command(rich_help_panel=MACHINES)(score_cli.statistics)
app.command(rich_help_panel=MACHINES)(score_cli.cache)


app.command(rich_help_panel=DECISIONS)(track_cli.track)
app.command(rich_help_panel=DECISIONS)(gate_cli.gate)
app.command(rich_help_panel=DECISIONS)(gate_cli.best)
app.command(rich_help_panel=DECISIONS)(dashboard_cli.dashboard)
app.command(rich_help_panel=DECISIONS)(baseline_cli.baseline)
app.add_typer(runs_cli.app, name="runs", rich_help_panel=DECISIONS)
app.command(rich_help_panel=JUDGEMENT)(report_cli.report)
app.command(rich_help_panel=JUDGEMENT)(predict_cli.predict)
app.command(rich_help_panel=JUDGEMENT)(plan_cli.plan)
