"""The calibration of a study from the ratings of this moment."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from metrics.errors import InputError, parameter, refuse_other_kind
from metrics.text import listed, names_of
from study.folder.study import Study

if TYPE_CHECKING:
    from calibration.report.build import Calibration
    from calibration.scale import Scale
    from calibration.settings import Duplicates, Reading, Settings


def calibrate_study(
    study: Study,
    settings: "Settings | None" = None,
    show_progress: bool = False,
    for_raters: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
    reading: "Reading | None" = None,
    *,
    k: float | None = None,
    seed: int | None = None,
    draws: int | None = None,
    lower_is_better: str | Sequence[str] | None = None,
    higher_is_better: str | Sequence[str] | None = None,
    scale: "Scale | str | None" = None,
    task: str | None = None,
    duplicates: "Duplicates | None" = None,
    min_ratings: int | None = None,
) -> "Calibration":
    """Calibrate the study's scores against its ratings.

    Parameters
    ----------
    study : Study
        An opened study; its tables are read anew.
    settings : Settings, optional
        See `calibration.Settings`; the scale is always the study's.
    show_progress : bool
        Show a bar in the terminal while metrics are judged.
    for_raters : bool
        Leave out names, and what is said of single people.
    on_progress : callable, optional
        Told how many steps of how many are done.
    reading : Reading, optional
        See `calibration.Reading`.
    k, seed, draws, lower_is_better, higher_is_better, scale, task, duplicates, min_ratings
        As in `calibration.calibrate`, in place of `settings` and `reading`.

    Returns
    -------
    Calibration

    Raises
    ------
    InputError
        Where nobody has rated anything yet, a table cannot be used, or another scale is given than the study's.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> from study import create_study
    >>> with TemporaryDirectory() as place:
    ...     Image.new("RGB", (32, 32), "white").save(Path(place) / "a.png")
    ...     Image.new("RGB", (32, 32), "black").save(Path(place) / "b.png")
    ...     study = create_study(Path(place) / "study", place, tasks=["aesthetic"], evaluators=["ann", "bob"])
    ...     for evaluator in study.store.evaluators():
    ...         for rating, one in enumerate(study.store.assignments(evaluator.id), 3):
    ...             saved = study.store.rate(evaluator.id, one.public_id, rating, f"{evaluator.id}-{rating}")
    ...     calibrate_study(study, draws=0).report["tasks"]["aesthetic"]["n_ratings"]
    ...     study.close()
    4
    """
    from calibration.pipeline import calibrate_tables
    from calibration.settings import Reading, Settings

    judging: dict[str, Any] = {"k": k, "seed": seed, "draws": draws, "scale": _scale(scale)}
    for name, given in (("lower_is_better", lower_is_better), ("higher_is_better", higher_is_better)):
        judging[name] = None if given is None else names_of(given, name)
    settings = _chosen("settings", settings, Settings, judging)
    reading = _chosen("reading", reading, Reading, {"task": task, "duplicates": duplicates, "min_ratings": min_ratings})
    _refuse_other_scale(study, settings.scale)
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
        replace(settings, scale=study.config.scale),
        set_scores=sets,
        show_progress=show_progress,
        wordings=wordings,
        for_raters=for_raters,
        reading=reading,
        on_progress=on_progress,
    )
    return replace(calibration, images={item: study.image_path(item) for item in tables["items"]["item"]})


def _chosen(name: str, given: Any, kind: type, single: dict[str, Any]) -> Any:
    """What was chosen, as one object or by single keyword arguments."""
    refuse_other_kind(name, given, kind)
    single = {key: value for key, value in single.items() if value is not None}
    if given is not None and single:
        raise InputError(
            f"{parameter(name)} and {listed(map(parameter, single))} were both given; say all of it in the first."
        )
    return kind(**single) if given is None else given


def _scale(given: "Scale | str | None") -> "Scale | None":
    from calibration.scale import Scale

    return Scale.parse(given) if isinstance(given, str) else given


def _refuse_other_scale(study: Study, given: "Scale") -> None:
    """Raise InputError where another scale was given than the study's; the default of settings was not given."""
    from calibration.scale import LIKERT

    asked = study.config.scale
    if given is not LIKERT and (given.values, given.bounds) != (asked.values, asked.bounds):
        raise InputError(
            f"{parameter('scale')} is {given}, but {study.folder} is rated on {asked}, on which it is judged; leave "
            f"{parameter('scale')} out."
        )
