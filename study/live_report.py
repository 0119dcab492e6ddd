"""The calibration of a study from the ratings of this moment."""

from dataclasses import replace
from hashlib import sha256
from threading import Lock
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


class LiveReport:
    """A study's report as a page, computed once for the same ratings and scores, however many ask for it.

    Parameters
    ----------
    study : Study
        An opened study; its tables are read anew each time.
    """

    def __init__(self, study: Study):
        self._study = study
        self._one_at_a_time = Lock()
        self._made_from: tuple[bytes, ...] | None = None
        self._page = ""

    def html(self) -> str:
        """The report as one HTML page; where there is nothing to report yet, a page that says so."""
        from calibration.page.html import render_html
        from calibration.report import Settings

        if not any(progress.done for progress in self._study.store.progress()):
            return message_page(
                "No report yet", "The report appears here with the first ratings; come back a little later."
            )
        with self._one_at_a_time:
            made_from = tuple(sha256(table.to_csv().encode()).digest() for table in self._study.tables().values())
            if made_from == self._made_from:
                return self._page
            try:
                calibration = calibrate_study(self._study, Settings(draws=LIVE_DRAWS))
            except InputError as error:
                return message_page("No report yet", str(error))
            self._page = render_html(calibration, calibration.images)
            self._made_from = made_from
            return self._page
