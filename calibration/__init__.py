"""The judgement: grades, agreement, bucket mapping, cross-validation and the report.

The names below are what a notebook needs; each is imported when it is first asked for, so that ``import calibration``
is quick. All else is imported from its module.

Examples
--------
>>> import pandas as pd
>>> from calibration import calibrate, evaluators
>>> ratings = pd.DataFrame({"item": list("abab"), "evaluator": list("xxyy"), "rating": [1, 5, 2, 5]})
>>> table = evaluators(calibrate(ratings, draws=0))
>>> table[table["figure"] == "grade"]["value"].tolist()
[0.875, 0.875]
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from calibration.aesthetic.heads import evaluate_head as evaluate_head
    from calibration.aesthetic.heads import fine_tune_head as fine_tune_head
    from calibration.aesthetic.heads import train_head as train_head
    from calibration.api import calibrate as calibrate
    from calibration.api import predict as predict
    from calibration.api import read_items as read_items
    from calibration.api import read_ratings as read_ratings
    from calibration.api import read_scores as read_scores
    from calibration.deciding import find_best as find_best
    from calibration.deciding import judge_gate as judge_gate
    from calibration.planning.plan_study import plan_study as plan_study
    from calibration.plots import plot_evaluators as plot_evaluators
    from calibration.plots import plot_grades as plot_grades
    from calibration.plots import plot_scores as plot_scores
    from calibration.report.build import Calibration as Calibration
    from calibration.report_folder import write_report as write_report
    from calibration.scale import Scale as Scale
    from calibration.settings import Reading as Reading
    from calibration.settings import Settings as Settings
    from calibration.tidy import agreement as agreement
    from calibration.tidy import answers as answers
    from calibration.tidy import baselines as baselines
    from calibration.tidy import compare as compare
    from calibration.tidy import evaluators as evaluators
    from calibration.tidy import methods as methods
    from calibration.tidy import metric_figures as metric_figures
    from calibration.tidy import thresholds as thresholds
    from metrics.errors import InputError as InputError

_MODULES = {
    "agreement": "calibration.tidy",
    "answers": "calibration.tidy",
    "baselines": "calibration.tidy",
    "calibrate": "calibration.api",
    "Calibration": "calibration.report.build",
    "compare": "calibration.tidy",
    "evaluate_head": "calibration.aesthetic.heads",
    "evaluators": "calibration.tidy",
    "find_best": "calibration.deciding",
    "fine_tune_head": "calibration.aesthetic.heads",
    "InputError": "metrics.errors",
    "judge_gate": "calibration.deciding",
    "methods": "calibration.tidy",
    "metric_figures": "calibration.tidy",
    "plan_study": "calibration.planning.plan_study",
    "plot_evaluators": "calibration.plots",
    "plot_grades": "calibration.plots",
    "plot_scores": "calibration.plots",
    "predict": "calibration.api",
    "read_items": "calibration.api",
    "read_ratings": "calibration.api",
    "read_scores": "calibration.api",
    "Reading": "calibration.settings",
    "Scale": "calibration.scale",
    "Settings": "calibration.settings",
    "thresholds": "calibration.tidy",
    "train_head": "calibration.aesthetic.heads",
    "write_report": "calibration.report_folder",
}
__all__ = [*_MODULES]

_metrics = find_spec("metrics")
if _metrics is not None and _metrics.submodule_search_locations is None:
    raise ImportError(
        f"{_metrics.origin} hides humangrade's package 'metrics', because it stands in a folder that Python looks into "
        "first; rename that file."
    )


from metrics.front_door import front_door  # noqa: E402  (only now is it known to be ours)

__getattr__, __dir__ = front_door(__name__, _MODULES)
