"""The commands about metrics: score, statistics, metrics, cache."""

import re
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperCommand, TyperOption

from metrics.errors import InputError
from metrics.files import refuse_missing_parent
from metrics.text import listed, pasted
from study.cli.options import BatchSize, Device, EncoderName, EncoderTag, EngineChoice, LeastFace, Workers
from study.cli.options import names as names_in

Pooling = Literal["mean", "median", "max"]


class ScoreCommand(TyperCommand):
    """Its help says which metrics an option changes, as their entries do."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Name the metrics, and show the help."""
        from metrics.catalogue import metrics_taking

        for each in self.params:
            taking = metrics_taking(each.name or "")
            added = f" For {listed(taking)}."
            if taking and isinstance(each, TyperOption) and not (each.help or "").endswith(added):
                each.help = (each.help or "") + added
        super().format_help(ctx, formatter)


def score(
    study: Annotated[Path | None, typer.Argument(metavar="STUDY", help="A study's folder.", show_default=False)] = None,
    images: Annotated[
        Path | None, typer.Option(help="A folder of images, in place of a study.", show_default=False)
    ] = None,
    references: Annotated[
        Path | None, typer.Option(help="Their reference photos, as for init.", show_default=False)
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            help="Their prompts: a table of item and prompt, a line each, or a folder of captions.", show_default=False
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The scores' file, with --images.", show_default=False)] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            "--metrics",
            "--metric",
            metavar="NAME,...",
            help="Which (humangrade metrics lists them); pyiqa:NAME and torchmetrics:NAME where these are installed.",
            show_default="all that can be computed",
        ),
    ] = None,
    device: Device = "auto",
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Images at once through a network.", show_default="each network's own")
    ] = None,
    workers: Workers = 4,
    engine: EngineChoice = "local",
    precision: Annotated[
        Literal["float32", "float16"], typer.Option(help="Of the networks; float16 needs a GPU.")
    ] = "float32",
    clip_model: EncoderName = "ViT-L-14",
    clip_pretrained: EncoderTag = "openai",
    head: Annotated[
        str | None, typer.Option(help="The head: a name, or a file.", show_default="fits the encoder")
    ] = None,
    lpips_net: Annotated[
        Literal["alex", "vgg", "squeeze"], typer.Option(help="The network that compares two images.")
    ] = "alex",
    lpips_size: Annotated[str, typer.Option(help="The side to which it brings images in pixels, or native.")] = "256",
    detector: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:FUNCTION",
            help="In place of MTCNN: an image to boxes in pixels. Where it raises, the image is skipped (exit code 3).",
            show_default=False,
        ),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:FUNCTION",
            help="In place of FaceNet: pictures to vectors; kept by its attribute signature and its "
            "file's text. Where it raises, the image is left out (exit code 3).",
            show_default=False,
        ),
    ] = None,
    align: Annotated[bool, typer.Option("--align", help="Turn faces upright by their landmarks.")] = False,
    least_face: LeastFace = 0.95,
    pool_references: Annotated[Pooling, typer.Option(help="An image's similarity over its references.")] = "mean",
    pool_images: Annotated[Pooling, typer.Option(help="A set's score over its images.")] = "mean",
    inception: Annotated[
        Literal["torch-fidelity", "pytorch-fid"], typer.Option(help="Whose preprocessing of images to follow.")
    ] = "torch-fidelity",
    reference_set: Annotated[
        Path | None,
        typer.Option(help="What to compare with: a folder, or saved statistics (.npz).", show_default="the references"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of subsets; 2020 gives torch-fidelity's number.")] = 2020,
) -> None:
    """Score images by metrics, into a study or a file."""
    if (study is None) == (images is None):
        raise InputError("Scoring needs a study's folder, or a folder of images with --images; name one of the two.")
    if study is not None and (given := _given(references=references, prompts=prompts, out=out)):
        raise InputError(
            f"--{given[0]} goes with --images; a study has references and prompts of its own in items.csv."
        )
    if images is not None and out is None:
        raise InputError("--images needs --out, the file for the scores, for instance --out scores.csv.")
    if out is not None and out.is_dir():
        raise InputError(f"--out is {out}, which is a folder; name a file, for instance scores.csv.")
    if out is not None and out.suffix.lower() != ".csv":
        raise InputError(f"--out is {out}; scores are written as CSV, so let its name end in .csv.")
    if out is not None:
        refuse_missing_parent(out)
    from metrics.engine.run import RunSettings
    from metrics.entry import MetricOptions
    from study.cli.score_tables import print_scores
    from study.folder.score_items import folder_collection
    from study.folder.study import open_study
    from study.scoring import ScoreSettings, score_folder, score_study
    from study.terminal import SKIPPED, resumable, terminal

    settings = ScoreSettings(
        metrics=_metric_names(metrics),
        options=MetricOptions(
            clip_model=clip_model,
            clip_pretrained=clip_pretrained,
            head=head,
            lpips_net=lpips_net,
            lpips_size=_lpips_size(lpips_size),
            detector=detector,
            encoder=encoder,
            align=align,
            least_face=least_face,
            pool_references=pool_references,
            inception=inception,
            reference_set=reference_set,
            precision=precision,
            seed=seed,
        ),
        run=RunSettings(device=device, batch_size=batch_size, workers=workers, pool_images=pool_images),
        engine=engine,
    )
    console = terminal()
    with resumable():
        if study is not None:
            with closing(open_study(study)) as opened:
                result = score_study(opened, settings, console)
        elif images is not None and out is not None:
            result = score_folder(lambda: folder_collection(images, references, prompts), settings, out, console)
    print_scores(result, console)
    console.print(f"Features computed: {result.extracted:,}; the rest came from the cache.")
    if study is not None:
        console.print(f"Judge them with: humangrade report {pasted(study)} --out REPORT", soft_wrap=True)
    else:
        beside = out.with_name(f"set_{out.name}") if out is not None else None
        sets = f", and the sets' in {beside}" if beside is not None and beside.is_file() else ""
        console.print(f"Written: {out}{sets}", soft_wrap=True)
    if result.skipped:
        raise typer.Exit(SKIPPED)


def statistics(
    images: Annotated[Path, typer.Option(help="The reference set: a folder of images.")],
    out: Annotated[Path, typer.Option(help="The file, ending in .npz.")],
    inception: Annotated[
        Literal["torch-fidelity", "pytorch-fid"], typer.Option(help="Whose preprocessing to follow.")
    ] = "torch-fidelity",
    device: Device = "auto",
    batch_size: BatchSize = None,
) -> None:
    """Save a reference set's Inception statistics, in pytorch-fid's form, for score --reference-set."""
    refuse_missing_parent(out)
    from metrics.engine.run import RunSettings
    from study.scoring import save_statistics
    from study.terminal import resumable, say_written, terminal

    console = terminal()
    with resumable():
        skipped = save_statistics(images, out, inception, RunSettings(device, batch_size), console)
    say_written(out, skipped, console)


def metrics() -> None:
    """List the metrics: what each needs, and whether its weights are here."""
    from study.cli.metric_list import print_metrics
    from study.terminal import terminal

    print_metrics(terminal())


def cache(
    prune: Annotated[bool, typer.Option("--prune", help="Remove features.")] = False,
    unused: Annotated[
        float, typer.Option(min=0, metavar="DAYS", help="With --prune: only what was not used for so long.")
    ] = 0,
    only: Annotated[
        str | None, typer.Option(metavar="WORD", help="With --prune: only signatures with this word.")
    ] = None,
) -> None:
    """Show the features that are kept, or remove them."""
    from study.cli.metric_list import print_cache, prune_cache
    from study.terminal import terminal

    if not prune and (unused or only):
        raise InputError("--unused and --only choose what --prune removes; add --prune.")
    console = terminal()
    if prune:
        prune_cache(unused, only, console)
    else:
        print_cache(console)


def _metric_names(texts: list[str] | None) -> tuple[str, ...]:
    """The metrics named, comma-separated or by several options; none means all."""
    return names_in(",".join(texts), "--metrics") if texts else ()


def _given(**options: Any) -> list[str]:
    return [name for name, value in options.items() if value is not None]


def _lpips_size(text: str) -> int | None:
    if text == "native":
        return None
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 32 <= int(text) <= 4096:
        raise InputError(f"--lpips-size is {text}; it is a number of pixels from 32 to 4096, or native.")
    return int(text)
