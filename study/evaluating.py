"""Evaluating a folder of generated images from a notebook or a script."""

from pathlib import Path

from metrics.files import write_together
from study.evaluation.page import render_page
from study.evaluation.run import EvaluationSettings, evaluate
from study.evaluation.summary import files_of
from study.evaluation.types import Evaluation
from study.folder.score_items import folder_collection


def evaluate_images(
    images: str | Path,
    references: str | Path | None = None,
    settings: EvaluationSettings | None = None,
    *,
    prompts: str | Path | None = None,
    out: str | Path | None = None,
) -> Evaluation:
    """Evaluate the checkpoints in a folder of images by metrics, as `humangrade evaluate` does it.

    Parameters
    ----------
    images : str or Path
        MODEL/CHECKPOINT/FILE, as `generate` draws them, or any folder that `init` takes.
    references : str or Path, optional
        The subject's photos.
    settings : EvaluationSettings, optional
        Which metrics, and how; all networks' that can be computed unless told.
    prompts : str or Path, optional
        The prompts, where no items.csv beside the images says them.
    out : str or Path, optional
        A folder for page, JSON and tables; nothing is written unless told.

    Returns
    -------
    Evaluation
        Lists of figures and differences, which `pandas.DataFrame` makes tables of.

    Raises
    ------
    InputError
        For images that cannot be read, and metrics that cannot be computed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from PIL import Image
    >>> with TemporaryDirectory() as place:
    ...     for name, grey in (("base/0/a", 100), ("anna/300/a", 200)):
    ...         path = Path(place) / f"{name}.png"
    ...         path.parent.mkdir(parents=True)
    ...         Image.fromarray(np.full((32, 32, 3), grey, dtype=np.uint8)).save(path)
    ...     found = evaluate_images(place, settings=EvaluationSettings(metrics=("exposure",)))
    >>> [(one.set, one.metric, one.value) for one in found.figures]
    [('base/0', 'exposure', 1.0), ('anna/300', 'exposure', 1.0)]
    """
    settings = settings or EvaluationSettings()
    collection = folder_collection(
        Path(images), None if references is None else Path(references), None if prompts is None else Path(prompts)
    )
    found = evaluate(collection, settings)
    if out is not None:
        page = render_page(found, settings)
        write_together({Path(out) / name: text for name, text in files_of(found, settings, page).items()})
    return found
