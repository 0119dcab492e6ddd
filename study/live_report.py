"""The calibration of a study from the ratings of this moment."""

from dataclasses import replace
from typing import TYPE_CHECKING

from metrics.errors import InputError
from study.folder import Study
from study.pages import message_page

if TYPE_CHECKING:
    from calibration.report import Calibration, Settings


LIVE_DRAWS = 200
"""Of the bootstrap in a report that somebody waits for; `humangrade report` draws 1,000 times."""


def calibrate_study(study: Study, settings: "Settings | None" = None, show_progress: bool = False) -> "Calibration":
    """Calibrate the study's scores against its ratings.

    Parameters
    ----------
    study : Study
        An opened study; its tables are read anew.
    settings : Settings, optional
        See `calibration.report.Settings`.
    show_progress : bool
        Show a bar in the terminal while metrics are judged.

    Returns
    -------
    Calibration

    Raises
    ------
    InputError
        Where nobody has rated anything yet, or a table cannot be used.
    """
    from calibration.pipeline import calibrate_tables

    tables = study.tables()
    if tables["ratings"].empty:
        raise InputError(f"Nobody has rated anything in {study.folder} yet; share the evaluators' links first.")
    order = {task: number for number, task in enumerate(study.config.tasks)}
    ratings = tables["ratings"].sort_values("task", key=lambda tasks: tasks.map(order), kind="stable")
    scores = None if tables["scores"].empty else tables["scores"]
    sets = None if tables["set_scores"].empty else tables["set_scores"]
    calibration = calibrate_tables(
        ratings, scores, tables["items"], settings, set_scores=sets, show_progress=show_progress
    )
    return replace(calibration, images={item: study.image_path(item) for item in tables["items"]["item"]})


def report_html(study: Study) -> str:
    """The study's report as one HTML page; where there is nothing to report yet, a page that says so.

    Parameters
    ----------
    study : Study
        An opened study; its tables are read anew.

    Returns
    -------
    str
    """
    from calibration.page.html import render_html
    from calibration.report import Settings

    if not any(progress.done for progress in study.store.progress()):
        return message_page(
            "No report yet", "The report appears here with the first ratings; come back a little later."
        )
    try:
        calibration = calibrate_study(study, Settings(draws=LIVE_DRAWS))
        return render_html(calibration, calibration.images)
    except InputError as error:
        return message_page("No report yet", str(error))
