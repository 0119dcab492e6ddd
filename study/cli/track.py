"""humangrade track: what is new in a study and its runs' folders is recorded, scored, and judged, again and again."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metrics.errors import InputError, for_command_line
from metrics.files import refuse_missing_parent
from metrics.text import counted
from study.cli.gate import RealImages
from study.cli.options import BatchSize, Device, EngineChoice, StudyFolder
from study.cli.options import names as names_in

if TYPE_CHECKING:
    from rich.console import Console

    from study.runs.track import Pass
    from study.runs.tracking.new_gates import GateRecord
    from study.runs.undelivered import Deliveries

_WORSE = 1


def track(
    study: StudyFolder,
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=]RUN_DIR",
            help="Folders of samples as trainers write them, or of drawn images; NAME tells runs of one name apart.",
            show_default=False,
        ),
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(help="Draw its new checkpoints first, into RUN_DIR or beside the study's.", show_default=False),
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            "--metrics",
            "--metric",
            metavar="NAME,...",
            help="By which new images are scored and checkpoints judged.",
            show_default="those that the study has, or else all that can be computed",
        ),
    ] = None,
    references: Annotated[
        Path | None,
        typer.Option(help="Photos for images in RUN_DIRs.", show_default="those of their subject's other images"),
    ] = None,
    reference_set: RealImages = None,
    prompts: Annotated[
        Path | None,
        typer.Option(help="The trainer's file of sample prompts, where the folder says none.", show_default=False),
    ] = None,
    against: Annotated[
        str,
        typer.Option(
            metavar="best|previous|NAME",
            help="What new checkpoints are judged against: best, previous, a checkpoint, or a baseline's name.",
        ),
    ] = "previous",
    task: Annotated[
        str,
        typer.Option(metavar="NAME", help="Whose ratings count, where there are several tasks.", show_default=False),
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Go on until Ctrl-C.")] = False,
    every: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="With --watch: between two looks.")] = 10.0,
    alerts: Annotated[
        Path | None, typer.Option(help="A file that gets a line of JSON for each gate.", show_default=False)
    ] = None,
    webhook: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="HUMANGRADE_WEBHOOK",
            help="An address that gets the same by POST.",
            show_default=False,
        ),
    ] = None,
    engine: EngineChoice = "local",
    device: Device = "auto",
    batch_size: BatchSize = None,
) -> None:
    """Track runs: record what is new in a study and its runs' folders, score it, and judge each new checkpoint.

    Exit code 1 says that a checkpoint is worse; with --watch, when Ctrl-C ends it, that one was. Else it is 0. A
    webhook that fails is a note and changes no exit code.
    """
    named = names_in(",".join(metrics), "--metrics") if metrics else ()
    if alerts is not None and alerts.exists() and not alerts.is_file():
        kind = "a folder" if alerts.is_dir() else "no file"
        raise InputError(f"--alerts is {alerts}, which is {kind}; name a file, for instance alerts.jsonl.")
    if alerts is not None:
        refuse_missing_parent(alerts, "--alerts")
    from study.folder.study import refuse_no_study
    from study.runs.tracking.new_scores import is_of_sets

    refuse_no_study(study)
    if reference_set is not None and not any(map(is_of_sets, named)):
        raise InputError("--reference-set is what fid and kid compare with; name one of them with --metric.")
    if reference_set is not None and not reference_set.exists():
        raise InputError(f"--reference-set is {reference_set}, and there is nothing of that name; correct it.")
    from metrics.catalogue import make_metrics
    from metrics.engine.run import RunSettings
    from metrics.entry import MetricOptions
    from study.folder.drawing import RecipeDrawing
    from study.folder.prompts import read_prompt_texts
    from study.generation.draw import DrawSettings
    from study.runs.folders import named_folder
    from study.runs.track import Tracker, TrackSettings, only_tracker
    from study.runs.undelivered import Deliveries
    from study.runs.webhook import check_webhook
    from study.scoring import ScoreSettings
    from study.terminal import print_notes, resumable, terminal

    url = None if webhook is None else check_webhook(webhook)
    texts = [] if prompts is None else read_prompt_texts(prompts)
    folders = [named_folder(text, texts) for text in runs or []]
    if recipe is not None and len(folders) > 1:
        raise InputError("--recipe draws into one folder; name one RUN_DIR, or none for the study's own.")
    options = MetricOptions(reference_set=reference_set)
    score = ScoreSettings(named, options, RunSettings(device=device, batch_size=batch_size), engine)
    make_metrics(named, score.options)
    settings = TrackSettings(score, references, against, task, watch, 0.0 if watch else 1.0)
    console = terminal()
    drawing = None
    if recipe is not None:
        drawing = RecipeDrawing(recipe, DrawSettings(device, engine=engine), folders[0].path if folders else None)

    verdicts: set[str] = set()

    deliveries = None if url is None else Deliveries(study, url)

    def tell(record: "GateRecord") -> None:
        verdicts.add(record.verdict)  # also where Ctrl-C comes before it is stored
        _tell(record, study, alerts, deliveries, console)

    def say(note: str) -> None:
        print_notes([for_command_line(note)], console)

    tracker = Tracker(study, folders, settings, console, tell, say, drawing)

    def one_pass() -> "Pass":
        if deliveries is not None and (said := deliveries.again()):
            say(said)
        return tracker.one_pass()

    with only_tracker(study):
        if watch:
            _watch(one_pass, every, study, console)
        else:
            with resumable():
                _print_pass(one_pass(), console)
    if "worse" in verdicts:
        raise typer.Exit(_WORSE)


def _watch(look: Callable[[], "Pass"], every: float, study: Path, console: "Console") -> None:
    """Passes until Ctrl-C; what is wrong with the first is an error, and with a later one is said."""
    from sqlalchemy.exc import DBAPIError

    from study.runs.watch import repeat
    from study.terminal import print_notes

    for ending in (signal.SIGINT, signal.SIGTERM):  # a shell's background jobs are started without the first
        signal.signal(ending, signal.default_int_handler)
    said: set[str] = set()
    passes = 0

    def one_pass() -> None:
        nonlocal passes
        try:
            found = look()
        except (InputError, OSError, DBAPIError) as error:
            if not passes and isinstance(error, InputError):
                raise
            sentence = for_command_line(str(error))
            if sentence not in said:
                print_notes([sentence], console)
            said.add(sentence)
        else:
            if not passes or not found.is_idle or found.broken:
                _print_pass(found, console)
            said.clear()
        if not passes:
            console.print(f"Watching {study} every {every:g} seconds; Ctrl-C ends it.", soft_wrap=True, markup=False)
        passes += 1

    repeat(one_pass, every)
    console.print("Stopped; what was found is recorded.")


def _print_pass(found: "Pass", console: "Console") -> None:
    from study.runs.tracking.new_gates import REFUSED
    from study.terminal import print_skipped

    print_skipped(found.broken, console)
    if found.waiting:
        verb = "is" if found.waiting == 1 else "are"
        said = f"{counted(found.waiting, 'image')} {verb} perhaps still being written, and left for the next look."
        console.print(said)
    if found.is_idle:
        console.print("Nothing is new.")
        return
    refused = sum(gate.verdict == REFUSED for gate in found.gates)
    judged = f"{counted(len(found.gates) - refused, 'checkpoint')} judged{f'; {refused:,} refused' if refused else ''}"
    console.print(f"{counted(found.images, 'new image')}; {found.scored:,} scored; {judged}.")


def _tell(
    record: "GateRecord", study: Path, alerts: Path | None, deliveries: "Deliveries | None", console: "Console"
) -> None:
    """A gate's record in the terminal, in the file of alerts, and to the webhook."""
    from study.terminal import print_notes, shown

    console.print(
        shown(record.sentence), style="red" if record.verdict == "worse" else None, soft_wrap=True, markup=False
    )
    line = record.alert(study)
    if alerts is not None:
        try:
            _append(alerts, line)
        except OSError as error:
            print_notes([f"{alerts} cannot be written ({error.strerror or error})."], console)
    if deliveries is not None and (why := deliveries.tell(line)):
        print_notes([why], console)


def _append(path: Path, line: dict[str, object]) -> None:
    """Add a line of JSON, unless the file has it: a pass that was killed tells again what it had told."""
    text, key = json.dumps(line, ensure_ascii=False), f'"key": "{line["key"]}"'
    with path.open("a+b") as file:  # whatever else somebody has put into it
        file.seek(0)
        last = b"\n"
        for each in file:
            if key.encode() in each:
                return
            last = each
        file.write((b"" if last.endswith(b"\n") else b"\n") + text.encode() + b"\n")
