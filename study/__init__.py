"""People: studies on disk, the rating page, the database and the command line.

For notebooks and scripts: draw images of checkpoints, evaluate them, make or open a study, score its images, judge the
scores; track runs, and decide on checkpoints.

Examples
--------
>>> from pathlib import Path
>>> from tempfile import TemporaryDirectory
>>> from PIL import Image
>>> place = TemporaryDirectory()
>>> images = Path(place.name) / "images"
>>> images.mkdir()
>>> for number in range(6):
...     Image.new("RGB", (32, 32), (40 * number, 0, 0)).save(images / f"{number}.png")
>>> study = create_study(Path(place.name) / "study", images, tasks=["aesthetic"], evaluators=["ann", "bob", "cleo"])
>>> for evaluator in study.store.evaluators():  # the rating page does this
...     for one in study.store.assignments(evaluator.id):
...         rating = 1 + int(one.item[0]) // 2
...         saved = study.store.rate(evaluator.id, one.public_id, rating, f"{evaluator.id}-{one.item}")
>>> result = score_study(study, "exposure")
>>> study.scores()["metric"].unique().tolist()
['exposure']
>>> calibration = calibrate_study(study, draws=0)
>>> calibration.report["tasks"]["aesthetic"]["n_ratings"]
18
>>> study.close()
>>> place.cleanup()
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from study.calibrating import calibrate_study
    from study.deciding import best_of_study, gate_study, track_study
    from study.evaluating import evaluate_images
    from study.evaluation.run import EvaluationSettings
    from study.folder.create import create_study
    from study.folder.growing import add_images
    from study.folder.importing import import_tables
    from study.folder.study import Study, open_study
    from study.generating import draw_images
    from study.generation.draw import DrawSettings
    from study.generation.plan import describe_plan, make_plan
    from study.generation.recipe import load_recipe
    from study.runs.baselines import set_baseline
    from study.scoring import ScoreSettings, score_study

__all__ = [
    "DrawSettings",
    "EvaluationSettings",
    "ScoreSettings",
    "Study",
    "add_images",
    "best_of_study",
    "calibrate_study",
    "create_study",
    "describe_plan",
    "draw_images",
    "evaluate_images",
    "gate_study",
    "import_tables",
    "load_recipe",
    "make_plan",
    "open_study",
    "score_study",
    "set_baseline",
    "track_study",
]

_PLACES = {
    "DrawSettings": "study.generation.draw",
    "EvaluationSettings": "study.evaluation.run",
    "ScoreSettings": "study.scoring",
    "Study": "study.folder.study",
    "add_images": "study.folder.growing",
    "best_of_study": "study.deciding",
    "calibrate_study": "study.calibrating",
    "create_study": "study.folder.create",
    "describe_plan": "study.generation.plan",
    "draw_images": "study.generating",
    "evaluate_images": "study.evaluating",
    "gate_study": "study.deciding",
    "load_recipe": "study.generation.recipe",
    "make_plan": "study.generation.plan",
    "import_tables": "study.folder.importing",
    "open_study": "study.folder.study",
    "score_study": "study.scoring",
    "set_baseline": "study.runs.baselines",
    "track_study": "study.deciding",
}


for _package in ("metrics", "calibration"):
    _found = find_spec(_package)
    if _found is not None and _found.submodule_search_locations is None:
        raise ImportError(
            f"{_found.origin} hides humangrade's package '{_package}', because it stands in a folder that Python looks "
            "into first; rename that file."
        )


from metrics.front_door import front_door  # noqa: E402  (only now is it known to be ours)

__getattr__, __dir__ = front_door(__name__, _PLACES)
