"""What several commands share on the command line: options declared once, and the reading of comma-separated ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from metrics.errors import InputError
from metrics.files import refuse_missing_parent

HELP_NAMES = {"help_option_names": ["-h", "--help"]}

StudyFolder = Annotated[Path, typer.Argument(metavar="STUDY", help="The study's folder.", show_default=False)]
ColumnMapping = Annotated[
    str | None,
    typer.Option(
        "--map",
        metavar="OURS=THEIRS,...",
        help="Which foreign column is which of ours, e.g. evaluator=worker_id,rating=answer; "
        "a template joins columns: item={model}/{file}.",
        show_default=False,
    ),
]
RatingsFile = Annotated[Path | None, typer.Option(help="Ratings, CSV or Parquet.", show_default=False)]
TaskName = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The task, where the ratings have no task column; else keep only this task."),
]
DuplicateRule = Annotated[
    Literal["error", "first", "last", "mean"], typer.Option(help="What to do where a person rated an item twice.")
]
AnswerScale = Annotated[
    str | None,
    typer.Option(
        "--scale",
        metavar="LOW-HIGH",
        help="On which people answered, of a table from elsewhere: 1-7, or levels 0,0.5,1, or a range cut into parts "
        "0-100/5.",
        show_default="1-5",
    ),
]
LowerIsBetter = Annotated[
    str | None, typer.Option(metavar="NIQE,...", help="Metrics for which a lower score is better.")
]
HigherIsBetter = Annotated[
    str | None, typer.Option(metavar="MUSIQ,...", help="Metrics for which a higher score is better.")
]
Host = Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 lets other machines in.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]
Workers = Annotated[int, typer.Option(min=1, help="Threads that decode images.")]
EngineChoice = Annotated[Literal["local", "ray"], typer.Option(help="This machine, or a Ray cluster.")]
EncoderName = Annotated[str, typer.Option(help="The open_clip encoder.")]
EncoderTag = Annotated[str, typer.Option(help="Its weights' tag.")]
LeastFace = Annotated[
    float, typer.Option(min=0, max=1, help="The least probability at which what is found counts as a face.")
]
BatchSize = Annotated[int | None, typer.Option(min=1, help="Images at once.", show_default="32")]


def names(text: str, option: str, most: int | None = None) -> tuple[str, ...]:
    """The parts of a comma-separated option.

    Parameters
    ----------
    text : str
        What was given.
    option : str
        The option's name, for messages.
    most : int, optional
        How many there may be.

    Raises
    ------
    InputError
        Where there is none, or too many.

    Examples
    --------
    >>> names("ann, bob,", "--evaluators")
    ('ann', 'bob')
    """
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    if not parts:
        raise InputError(f"{option} is empty; name at least one, comma-separated.")
    if most is not None and len(parts) > most:
        raise InputError(f"{option} lists {len(parts)}; at most {most} make a table.")
    return parts


def numbers(text: str, option: str, most: int | None = None) -> list[float]:
    """A comma-separated option of numbers; see `names`.

    Examples
    --------
    >>> numbers(".3,.5", "--correlations")
    [0.3, 0.5]
    """
    found = []
    for part in names(text, option, most):
        try:
            found.append(float(part))
        except ValueError:
            raise InputError(f"{option} has '{part}', which is no number; write numbers, comma-separated.") from None
    return found


def counts(text: str, option: str, most: int | None = None) -> list[int]:
    """A comma-separated option of whole numbers; see `names`.

    Examples
    --------
    >>> counts("5,10", "--evaluators")
    [5, 10]
    """
    parts = names(text, option, most)
    for part in parts:
        if not (part.isascii() and part.isdigit()):
            raise InputError(f"{option} has '{part}', which is no whole number; write for instance {option} 5,10.")
    return [int(part) for part in parts]


def folder_to_write(text: str) -> Path:
    """The folder that --out names."""
    folder = Path(text)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--out is {text}, which is a file; name a folder.")
    refuse_missing_parent(folder)
    return folder


def refuse_given(context: typer.Context, options: Sequence[str], why: str) -> None:
    """Raise InputError for an option that was given though it would change nothing."""
    for name in options:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise InputError(f"{why} --{name.replace('_', '-')}; leave it out.")
