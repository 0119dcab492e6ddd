"""What the gate and the best checkpoint take from a study."""

from collections.abc import Sequence

from calibration.core.resampling import RESAMPLING, Resampling
from calibration.decision.from_tables import StudyTables
from study.folder.study import Study


def study_tables(
    study: Study,
    task: str = "",
    lower_is_better: Sequence[str] = (),
    higher_is_better: Sequence[str] = (),
    resampling: Resampling = RESAMPLING,
) -> StudyTables:
    """A study's images with their checkpoints, scores and ratings, checked.

    Parameters
    ----------
    study : Study
    task : str
        Whose ratings count; may be left out where there is one task.
    lower_is_better, higher_is_better : sequence of str
        Metrics whose direction is not known.
    resampling : Resampling

    Returns
    -------
    StudyTables

    Raises
    ------
    InputError
        Where the study's images name no checkpoints, or several tasks were rated and none is named.
    """
    return StudyTables(
        study.items,
        study.scores(),
        study.ratings(),
        task,
        study.config.scale,
        lower_is_better,
        higher_is_better,
        resampling,
    )
