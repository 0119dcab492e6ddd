"""The commands of people's side: init, serve, add, import, export and withdraw."""

import re
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from metrics.files import refuse_missing_parent
from metrics.text import pasted
from study.cli.options import ColumnMapping, DuplicateRule, Host, Port, RatingsFile, StudyFolder, TaskName
from study.cli.options import names as names_in


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
    scale: Annotated[
        str | None,
        typer.Option(metavar="LOW-HIGH", help="The levels' numbers: 0-4, 1-7, or levels 0,0.5,1.", show_default="1-5"),
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            help="Their prompts: the trainer's file of sample prompts, a table of item and prompt, a line each, or a "
            "folder of captions.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make a study from a folder of images, with a private link for each evaluator."""
    refuse_missing_parent(study, "The study's folder")
    from metrics.engine.image_folders import folder_notes
    from study.folder.config import FILE_NAME
    from study.folder.create import create_study
    from study.folder.images import find_images
    from study.folder.study import ITEMS
    from study.generation.samples import read_samples
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
        scale=scale,
        prompts=prompts,
    )
    paths = [] if (images / ITEMS).is_file() else find_images(images)
    samples = read_samples(images, paths)
    for note in (*samples.notes, *folder_notes(images, [path for path in paths if path not in samples.cells])):
        print(note)
    with closing(made):
        if any(name in task.levels for task in made.config.tasks.values() for name in made.config.scale.names):
            print(
                f"Some levels are called by their numbers; give them words in {study / FILE_NAME} before people rate."
            )
        print_links(made, "http://127.0.0.1:7860")
    print(f"Start it with: humangrade serve {pasted(study)}")


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


def add(
    study: StudyFolder,
    images: Annotated[Path, typer.Option(help="A folder of images; those that the study has are passed over.")],
    anchors: Annotated[
        float | None,
        typer.Option(
            help="The share of rated images that is asked again, to compare the rounds by.",
            show_default="0.1, and 5 images at least",
        ),
    ] = None,
    references: Annotated[
        Path | None,
        typer.Option(help="Reference photos of the new images.", show_default="those of their subject's other images"),
    ] = None,
    evaluators: Annotated[
        str | None,
        typer.Option(help="Names of people who join now, comma-separated.", show_default="those of the study"),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="For the choice of anchors.", show_default="the study's")] = None,
) -> None:
    """Add images to a study whose first ones are rated, as a new round."""
    from study.folder.growing import add_images
    from study.folder.study import open_study

    joining = () if evaluators is None else names_in(evaluators, "--evaluators")
    with closing(open_study(study)) as opened:
        grown = add_images(opened, images, anchors, seed, references=references, evaluators=joining)
    for sentence in grown.sentences:
        print(sentence)
    print(f"Start it with: humangrade serve {pasted(study)}")


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


def export(
    study: StudyFolder,
    out: Annotated[Path, typer.Option(help="The folder for items.csv, ratings.csv, scores.csv and wordings.csv.")],
    names: Annotated[
        bool, typer.Option("--names/--without-names", help="Name the evaluators, or call them evaluator-1 and so on.")
    ] = True,
) -> None:
    """Write a study's tables as CSV."""
    refuse_missing_parent(out)
    from study.folder.exporting import export_tables
    from study.folder.study import open_study

    with closing(open_study(study)) as opened:
        for path in export_tables(opened, out, without_names=not names):
            print(path)


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


def _evaluators(text: str) -> int | list[str]:
    """A number of evaluators, or their names."""
    if re.fullmatch(r"-?[0-9]+", text.strip()):
        return int(text)
    return list(names_in(text, "--evaluators"))
