"""humangrade aesthetic: embed images, train a head on votes, say what a head is worth."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from metrics.errors import InputError
from metrics.files import refuse_missing_parent
from study.cli.options import (
    HELP_NAMES,
    BatchSize,
    Device,
    EncoderName,
    EncoderTag,
    EngineChoice,
    Workers,
    refuse_given,
)

if TYPE_CHECKING:
    from calibration.aesthetic.scale import Scale

app = typer.Typer(
    name="aesthetic",
    help="The aesthetic head: from CLIP embeddings and people's votes to a score of about 0 to 10.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings=HELP_NAMES,
)

VotesFile = Annotated[
    Path | None,
    typer.Option(
        help="People's votes: AVA.txt, a CSV with a column of counts for each level or a column mean, "
        "or humangrade's ratings.",
        show_default=False,
    ),
]
EmbeddingsFolder = Annotated[
    Path, typer.Option(help="What humangrade aesthetic embed has written.", show_default=False)
]
TestList = Annotated[
    Path | None, typer.Option(help="The test images, one a line, as AVA's official list.", show_default=False)
]
ScaleOption = Annotated[
    str | None,
    typer.Option(help="What means were given on, for instance 1-5 or 1-10.", show_default="as the file tells"),
]
GroupOption = Annotated[
    str | None,
    typer.Option(
        help="The votes' column whose images are left out together: prompt, subject, model.",
        show_default="challenge, tag3, group, prompt or subject",
    ),
]
ItemsOption = Annotated[
    Path | None,
    typer.Option(
        help="Of ratings: the table of their items, which tells prompt, subject and model.",
        show_default="items.csv beside the ratings, as humangrade export writes it",
    ),
]
_OF_TRAINING = (
    *("test_list", "balance", "balance_by", "loss", "write", "hidden", "dropout", "epochs", "patience", "batch_size"),
    *("learning_rate", "weight_decay", "seeds"),
)
TaskOption = Annotated[str | None, typer.Option(help="Of ratings in several tasks, the one that counts.")]


@app.command()
def embed(
    images: Annotated[Path, typer.Option(help="A folder of images, with its sub-folders.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The folder for the embeddings.", show_default=False)],
    model: EncoderName = "ViT-L-14",
    pretrained: EncoderTag = "openai",
    engine: EngineChoice = "local",
    device: Device = "auto",
    batch_size: BatchSize = None,
    workers: Workers = 4,
    precision: Annotated[
        Literal["float32", "float16"], typer.Option(help="Of the encoder; float16 needs a GPU.")
    ] = "float32",
) -> None:
    """Embed a folder of images by CLIP, once for all trainings; the same command goes on after an interruption."""
    refuse_missing_parent(out)
    from metrics.engine.run import RunSettings
    from study.aesthetic.embed import embed_folder
    from study.terminal import resumable, say_written, terminal

    console = terminal()
    run = RunSettings(device=device, batch_size=batch_size, workers=workers)
    with resumable():
        skipped = embed_folder(images, out, (model, pretrained, precision), run, engine, console)
    say_written(out, skipped, console)


@app.command()
def train(
    context: typer.Context,
    embeddings: EmbeddingsFolder,
    out: Annotated[Path, typer.Option(help="The head's file, ending in .safetensors.", show_default=False)],
    votes: VotesFile = None,
    ratings: Annotated[
        Path | None,
        typer.Option(
            help="In place of votes: few ratings of your evaluators, to fine-tune --start by.", show_default=False
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(help="With --ratings: the head to move, a name or a file.", show_default="fits the encoder"),
    ] = None,
    task: TaskOption = None,
    scale: ScaleOption = None,
    group: GroupOption = None,
    items: ItemsOption = None,
    test_list: TestList = None,
    balance: Annotated[
        Literal["none", "inverse", "sqrt", "lds"],
        typer.Option(help="Count images by how few share their vote: 1/count, 1/sqrt(count), 1/smoothed count."),
    ] = "none",
    balance_by: Annotated[
        Literal["weights", "sampling"], typer.Option(help="Weight the loss, or draw images more often.")
    ] = "weights",
    loss: Annotated[
        Literal["mse", "mae", "huber", "emd"],
        typer.Option(help="Of the mean vote; or the squared earth mover's distance of the whole distribution."),
    ] = "mse",
    write: Annotated[
        Literal["best", "ridge", "ridge-matched", "plain", "plain-matched", "balanced"],
        typer.Option(help="Which of the heads compared is written; best is the one recommended."),
    ] = "best",
    hidden: Annotated[str, typer.Option(help="Units of the hidden layers, comma-separated; 0 for none.")] = "256,64",
    dropout: Annotated[float, typer.Option(min=0, max=0.95, help="Share of units left out.")] = 0.2,
    epochs: Annotated[int, typer.Option(min=1, help="The most passes over the images.")] = 30,
    patience: Annotated[int, typer.Option(min=1, help="Passes without a better validation Spearman.")] = 5,
    batch_size: Annotated[int, typer.Option(min=1, help="Images a step.")] = 512,
    learning_rate: Annotated[float, typer.Option(help="AdamW's, falling to zero as a cosine.")] = 3e-4,
    weight_decay: Annotated[float, typer.Option(min=0, help="AdamW's.")] = 1e-2,
    seeds: Annotated[int, typer.Option(min=1, help="How often each network is trained; the best stays.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Of the split and everything random.")] = 0,
) -> None:
    """Train a head, beside the closed form that it must beat, and write it with its model card."""
    from calibration.aesthetic.training import Recipe
    from study.aesthetic.data import VotesFile
    from study.aesthetic.train import Training, fine_tune_head, train_head
    from study.terminal import resumable, terminal

    if (votes is None) == (ratings is None):
        raise InputError("Training needs --votes, or --ratings to fine-tune a head; name one of the two.")
    if out.suffix != ".safetensors":
        raise InputError(f"--out is {out}; the head's file must end in .safetensors.")
    refuse_missing_parent(out)
    console = terminal()
    if ratings is not None:
        refuse_given(context, _OF_TRAINING, "--ratings moves a head by few ratings, and has nothing to do with")
        fine_tune_head(VotesFile(ratings, task, _scale(scale), group, items), embeddings, start, out, seed, console)
        return
    if start is not None:
        raise InputError("--start is the head that --ratings fine-tune; with --votes a head is trained from nothing.")
    if write == "balanced" and balance == "none":
        raise InputError("--write balanced needs --balance inverse, sqrt or lds.")
    if write == "plain-matched" and loss == "emd":
        raise InputError("--write plain-matched needs another loss than emd, whose head answers distributions.")
    recipe = Recipe(
        hidden=_sizes(hidden),
        dropout=dropout,
        loss=loss,
        balance=balance,
        balance_by=balance_by,
        epochs=epochs,
        patience=patience,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        seed=seed,
    )
    assert votes is not None
    with resumable():
        train_head(
            Training(VotesFile(votes, task, _scale(scale), group, items), embeddings, test_list, recipe, seeds, write),
            out,
            console,
        )


@app.command()
def evaluate(
    votes: Annotated[Path, typer.Option(help="People's votes, as for train.", show_default=False)],
    head: Annotated[
        list[str] | None,
        typer.Option(help="A head's file or name; give the option again for another.", show_default=False),
    ] = None,
    embeddings: Annotated[
        Path | None, typer.Option(help="For heads: what humangrade aesthetic embed has written.", show_default=False)
    ] = None,
    predictions: Annotated[
        list[Path] | None,
        typer.Option(help="Another model's answers: a CSV of image_id and prediction.", show_default=False),
    ] = None,
    test_list: TestList = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All images, not only the test images listed beside the first head.")
    ] = False,
    task: TaskOption = None,
    scale: ScaleOption = None,
    predictions_scale: Annotated[
        str | None,
        typer.Option(help="What predictions are on, for instance 1-10 or 0-1.", show_default="as the file tells"),
    ] = None,
    group: GroupOption = None,
    items: ItemsOption = None,
    out: Annotated[
        Path | None, typer.Option(help="A folder for the tables and the picture.", show_default=False)
    ] = None,
) -> None:
    """Say what heads are worth on people's votes: order, error, spread, each with an interval."""
    from study.aesthetic.data import VotesFile
    from study.aesthetic.evaluate import evaluate_heads, test_list_beside
    from study.terminal import terminal

    console = terminal()
    if not head and not predictions:
        raise InputError("Nothing is evaluated; name a head with --head, or answers with --predictions.")
    if head and embeddings is None:
        raise InputError("--head needs --embeddings, the folder that humangrade aesthetic embed has written.")
    if out is not None:
        refuse_missing_parent(out)
    if everything and test_list is not None:
        raise InputError("--all and --test-list were both given; heads are evaluated on one or the other.")
    if head and not everything and test_list is None and (test_list := test_list_beside(head[0])):
        console.print(f"On the test images in {test_list}; --all takes all.", soft_wrap=True)
    told = _scale(predictions_scale, "--predictions-scale")
    if told is not None and not predictions:
        raise InputError("--predictions-scale is that of --predictions, and there are none; leave it out.")
    evaluate_heads(
        head or [],
        VotesFile(votes, task, _scale(scale), group, items),
        embeddings,
        test_list,
        dict.fromkeys(predictions or [], told),
        out,
        console,
    )


def _scale(text: str | None, option: str = "--scale") -> "Scale | None":
    from calibration.aesthetic.scale import parse_scale

    return None if text is None else parse_scale(text, option)


def _sizes(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise InputError(f"--hidden is '{text}'; it is numbers of units, comma-separated, for instance 256,64.")
    return tuple(int(part) for part in parts if int(part))
