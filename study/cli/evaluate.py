"""The command evaluate: all metrics of one or more checkpoints, into a folder with one page."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from metrics.errors import InputError
from study.cli.options import (
    BatchSize,
    Device,
    EncoderName,
    EncoderTag,
    EngineChoice,
    LeastFace,
    Workers,
    folder_to_write,
)
from study.cli.options import names as names_in

if TYPE_CHECKING:
    from study.evaluation.run import EvaluationSettings
    from study.generation.types import Plan


def evaluate(
    out: Annotated[str, typer.Option(help="The folder for page, JSON and tables.", show_default=False)],
    images: Annotated[
        Path | None,
        typer.Option(help="A folder of images: MODEL/CHECKPOINT/FILE, as generate makes it.", show_default=False),
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(
            help="In place of --images: what generate draws, into the folder images in --out.", show_default=False
        ),
    ] = None,
    references: Annotated[
        Path | None, typer.Option(help="The subject's photos, as for init.", show_default=False)
    ] = None,
    real: Annotated[
        Path | None,
        typer.Option(
            help="Other real images for FID and KID: a folder, or saved statistics (.npz).",
            show_default="the references",
        ),
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(help="The prompts, where no items.csv beside the images says them.", show_default=False),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL/CHECKPOINT",
            help="The set that the others are compared with.",
            show_default="the one called base, or of step 0",
        ),
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            "--metrics",
            "--metric",
            metavar="NAME,...",
            help="Which (humangrade metrics lists them).",
            show_default="all networks' that can be computed",
        ),
    ] = None,
    lpips_net: Annotated[Literal["alex", "vgg", "squeeze"], typer.Option(help="The network of LPIPS.")] = "alex",
    clip_model: EncoderName = "ViT-L-14",
    clip_pretrained: EncoderTag = "openai",
    head: Annotated[
        str | None, typer.Option(help="The aesthetic head: a name, or a file.", show_default="fits the encoder")
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(metavar="MODULE:FUNCTION", help="In place of MTCNN, as for score.", show_default=False),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(metavar="MODULE:FUNCTION", help="In place of FaceNet, as for score.", show_default=False),
    ] = None,
    least_face: LeastFace = 0.95,
    inception: Annotated[
        Literal["torch-fidelity", "pytorch-fid"], typer.Option(help="Whose preprocessing FID and KID follow.")
    ] = "torch-fidelity",
    device: Device = "auto",
    batch_size: BatchSize = None,
    workers: Workers = 4,
    engine: EngineChoice = "local",
    seed: Annotated[int, typer.Option(min=0, help="Of KID's subsets and FID's splits.")] = 2020,
) -> None:
    """Evaluate one or more LoRAs' images by all metrics: figures, differences to the base, copies, one page."""
    if (images is None) == (recipe is None):
        raise InputError(
            "evaluate needs a folder of images with --images, or a recipe with --recipe; name one of the two."
        )
    folder = folder_to_write(out)
    named = names_in(",".join(metrics), "--metrics") if metrics else ()
    if real is not None and not real.exists():
        raise InputError(f"--real is {real}, and there is nothing of that name; correct it.")
    if prompts is not None and not prompts.exists():
        raise InputError(f"--prompts is {prompts}, and there is nothing of that name; correct it.")
    if real is not None and named and not {"fid", "kid"} & set(named):
        raise InputError("--real is for fid and kid, which are not computed; leave it out, or name one of them.")
    from metrics.engine.run import RunSettings
    from metrics.entry import MetricOptions
    from metrics.files import write_together
    from study.cli.evaluation_tables import print_evaluation
    from study.evaluation.page import render_page
    from study.evaluation.run import EvaluationSettings
    from study.evaluation.run import evaluate as compute
    from study.evaluation.summary import check_out, files_of
    from study.folder.score_items import folder_collection
    from study.terminal import SKIPPED, Bar, print_notes, print_skipped, resumable, terminal

    settings = EvaluationSettings(
        metrics=named,
        options=MetricOptions(
            clip_model=clip_model,
            clip_pretrained=clip_pretrained,
            head=head,
            lpips_net=lpips_net,
            detector=detector,
            encoder=encoder,
            least_face=least_face,
            inception=inception,
            reference_set=real,
            seed=seed,
        ),
        run=RunSettings(device=device, batch_size=batch_size, workers=workers),
        engine=engine,
        base=base,
        seed=seed,
    )
    console = terminal()
    check_out(folder)
    unusable = ""
    if recipe is not None:
        from study.cli.generate import draw_recipe
        from study.generation.draw import DrawSettings

        images = folder / "images"
        drawing = DrawSettings(device=device, engine=engine)
        unusable = draw_recipe(
            recipe, images, drawing, console, partial(_check_first, folder=images, references=references, how=settings)
        )
    assert images is not None
    with resumable():
        collection = folder_collection(images, references, prompts)
        print_notes(collection.notes, console)
        with Bar(console) as bar:
            found = compute(collection, settings, bar)
        found.not_drawn = unusable
        page = render_page(found, settings)
        written = write_together({folder / name: text for name, text in files_of(found, settings, page).items()})
    print_evaluation(found, console)
    print_skipped(found.result.skipped, console)
    console.print(f"Written: {', '.join(str(path) for path in written)}", soft_wrap=True)
    if found.result.skipped or unusable:
        raise typer.Exit(SKIPPED)


def _check_first(plan: "Plan", *, folder: Path, references: Path | None, how: "EvaluationSettings") -> None:
    """Raise InputError where the images that a plan will give cannot be evaluated as asked: before hours of drawing."""
    import pandas as pd

    from study.evaluation.run import chosen_metrics
    from study.folder.score_items import photos_of

    names = {f"{each.model}/{each.name}" for each in plan.checkpoints}
    if how.base is not None and how.base not in names:
        raise InputError(
            f"--base is {how.base}, and the recipe makes no such set; it makes {', '.join(sorted(names))}."
        )
    if references is not None:
        rows = [
            {"item": name, "image": name, "subject": each.checkpoint.subject, "kind": each.checkpoint.kind}
            for each in plan.images
            for name in [each.file.as_posix()]
        ]
        photos_of(pd.DataFrame(rows), references, folder)
    chosen_metrics({"references": references is not None, "prompts": any(each.prompt for each in plan.images)}, how)
