"""The calibration of a study from the ratings of this moment."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from metrics.errors import InputError
from study.folder.study import Study

if TYPE_CHECKING:
    from calibration.report.build import Calibration
    from calibration.settings import Reading, Settings


def calibrate_study(
    study: Study,
    settings: "Settings | None" = None,
    show_progress: bool = False,
    for_raters: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
    reading: "Reading | None" = None,
) -> "Calibration":
    """Calibrate the study's scores against its ratings.

    Parameters
    ----------
    study : Study
        An opened study; its tables are read anew.
    settings : Settings, optional
        See `calibration.settings.Settings`; the scale is always the study's.
    show_progress : bool
        Show a bar in the terminal while metrics are judged.
    for_raters : bool
        Leave out names, and what is said of single people.
    on_progress : callable, optional
        Told how many steps of how many are done.
    reading : Reading, optional
        See `calibration.settings.Reading`.

    Returns
    -------
    Calibration

    Raises
    ------
    InputError
        Where nobody has rated anything yet, or a table cannot be used.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> from calibration.settings import Settings
    >>> from study import create_study
    >>> with TemporaryDirectory() as place:
    ...     Image.new("RGB", (32, 32), "white").save(Path(place) / "a.png")
    ...     Image.new("RGB", (32, 32), "black").save(Path(place) / "b.png")
    ...     study = create_study(Path(place) / "study", place, tasks=["aesthetic"], evaluators=["ann", "bob"])
    ...     for evaluator in study.store.evaluators():
    ...         for rating, one in enumerate(study.store.assignments(evaluator.id), 3):
    ...             saved = study.store.rate(evaluator.id, one.public_id, rating, f"{evaluator.id}-{rating}")
    ...     calibrate_study(study, Settings(draws=0)).report["tasks"]["aesthetic"]["n_ratings"]
    ...     study.close()
    4
    """
    from calibration.pipeline import calibrate_tables
    from calibration.settings import Settings

    wordings = study.asked()  # before the ratings, so that the words of a first rating in between are known
    tables = study.tables()
    if tables["ratings"].empty:
        raise InputError(f"Nobody has rated anything in {study.folder} yet; share the evaluators' links first.")
    order = {task: number for number, task in enumerate(study.config.tasks)}
    ratings = tables["ratings"].sort_values("task", key=lambda tasks: tasks.map(order), kind="stable")
    scores = None if tables["scores"].empty else tables["scores"]
    sets = None if tables["set_scores"].empty else tables["set_scores"]
    calibration = calibrate_tables(
        ratings,
        scores,
        tables["items"],
        replace(settings or Settings(), scale=study.config.scale),
        set_scores=sets,
        show_progress=show_progress,
        wordings=wordings,
        for_raters=for_raters,
        reading=reading,
        on_progress=on_progress,
    )
    return replace(calibration, images={item: study.image_path(item) for item in tables["items"]["item"]})
