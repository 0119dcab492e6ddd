"""The command report: people and metrics graded by one formula."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from metrics.errors import InputError
from study.cli.options import (
    AnswerScale,
    ColumnMapping,
    DuplicateRule,
    HigherIsBetter,
    LowerIsBetter,
    RatingsFile,
    TaskName,
    folder_to_write,
)
from study.cli.options import names as names_in


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
    lower_is_better: LowerIsBetter = None,
    higher_is_better: HigherIsBetter = None,
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
    from calibration.core.resampling import FEWEST_DRAWS
    from calibration.pipeline import calibrate_files
    from calibration.report_folder import write_report
    from calibration.scale import LIKERT, Scale
    from calibration.settings import MOST_DRAWS, Reading, Settings
    from study.cli.report_summary import print_summary

    folder = folder_to_write(out)
    if draws and not FEWEST_DRAWS <= draws <= MOST_DRAWS:
        raise InputError(
            f"--draws is {draws}; the bootstrap takes {FEWEST_DRAWS} to {MOST_DRAWS:,} draws, or 0 for no intervals."
        )
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
        from study.calibrating import calibrate_study
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
