"""Scoring from a notebook: files, pictures or arrays in, numbers and tidy tables out.

Everything here is `metrics.NAME`. What needs a network raises InputError where its weights are not on this machine, and
says which command gets them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from metrics.catalogue import catalogue, check_options_used, make_metrics, needs_of
from metrics.engine.cache import FeatureCache, cache_folder
from metrics.engine.device import choose_device
from metrics.engine.images import ImageSource, UnreadableImage, as_rgb, pixels_given, read_image
from metrics.engine.run import RunResult, RunSettings, score_items
from metrics.engine.types import Item, Score, SetScore
from metrics.entry import MetricOptions, Need
from metrics.errors import InputError, parameter, refuse_other_kind
from metrics.image.clip_score import clip_score as of_embeddings
from metrics.networks.clip import ClipImages, ClipModel, ClipTexts
from metrics.networks.inception import InceptionFeatures
from metrics.networks.lpips import LpipsFeatures, native_distances, pairwise_distances
from metrics.text import names_of

if TYPE_CHECKING:
    import pandas as pd

Picture = str | Path | Image.Image | NDArray[np.uint8]
Images = str | Path | Iterable[str | Path] | Mapping[str, str | Path]
References = str | Path | Iterable[str | Path] | Mapping[str, Iterable[str | Path] | str | Path] | None
Prompts = str | Mapping[str, str] | None


def list_metrics() -> "pd.DataFrame":
    """The metrics that can be computed, a row each, without those of other packages.

    Returns
    -------
    DataFrame
        name, title, says, scores (``"image"`` or ``"set"``), better (``"higher"`` or ``"lower"``), low and high (the
        bounds of its numbers, NaN where open), needs, options, weights (of the options that are the default), source.

    Examples
    --------
    >>> list_metrics().set_index("name").loc["lpips", ["title", "better", "needs", "weights"]].tolist()
    ['LPIPS', 'lower', 'references', 'lpips-alex']
    """
    import pandas as pd

    options = MetricOptions()
    rows = [
        {
            "name": entry.name,
            "title": entry.title,
            "says": entry.says,
            "scores": entry.scores,
            "better": entry.direction,
            "low": entry.low,
            "high": entry.high,
            "needs": ", ".join(entry.needs),
            "options": ", ".join(entry.options),
            "weights": ", ".join(entry.weights_for(options)),
            "source": entry.source,
        }
        for entry in catalogue()
    ]
    return pd.DataFrame(rows).astype({"low": float, "high": float})


def score_images(
    images: Images,
    metrics: str | Sequence[str],
    *,
    references: References = None,
    prompts: Prompts = None,
    options: MetricOptions | None = None,
    run: RunSettings | None = None,
    cache: str | Path | None = None,
) -> "pd.DataFrame":
    """Score image files by metrics of single images.

    Parameters
    ----------
    images : path, iterable of paths, or mapping
        A folder (with its sub-folders), files, or files by the names that they shall have in the table; otherwise an
        image is called by its path below the folder, or as it was given.
    metrics : str or sequence of str
        Names of `list_metrics`, or ``pyiqa:NAME`` and ``torchmetrics:NAME`` where these packages are installed.
    references : path, iterable of paths, or mapping, optional
        The photos that every image is compared with, or those of each by its name. A folder stands for its images.
    prompts : str or mapping, optional
        What every image was generated from, or each by its name.
    options : MetricOptions, optional
        Networks, sizes and the like.
    run : RunSettings, optional
        Device, batch size, workers.
    cache : path, optional
        The folder of features; the usual one unless given.

    Returns
    -------
    DataFrame
        item, metric, score (NaN where there is none), signature and note (why there is none), a row for each image and
        metric: what `calibration` reads as scores. ``attrs["notes"]`` holds sentences that you should read.

    Raises
    ------
    InputError
        For an unknown metric, missing weights, references, prompts or files, and a metric of sets.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name, colour in (("grey", (128, 128, 128)), ("white", (255, 255, 255))):
    ...         Image.new("RGB", (32, 32), colour).save(Path(folder) / f"{name}.png")
    ...     table = score_images(folder, ["exposure", "contrast"], cache=Path(folder) / "cache")
    >>> table[["item", "metric", "score"]].round(6).values.tolist()
    [['grey.png', 'exposure', 1.0], ['white.png', 'exposure', 0.0], ['grey.png', 'contrast', 0.0],
     ['white.png', 'contrast', 0.0]]
    """
    names = _checked_names(metrics, "image")
    items = _items(images, references, prompts)
    return _table(_scored(items, names, options, run, cache), "scores", Score._fields)


def score_sets(
    images: Images,
    metrics: str | Sequence[str],
    *,
    groups: Mapping[str, str] | None = None,
    references: References = None,
    prompts: Prompts = None,
    options: MetricOptions | None = None,
    run: RunSettings | None = None,
    cache: str | Path | None = None,
) -> "pd.DataFrame":
    """Score sets of images: FID, KID, diversity, and means of metrics of single images.

    Parameters
    ----------
    groups : mapping, optional
        The set of each image by its name; all are one set unless given. Where there are several, ``all`` is one more.
    images, metrics, references, prompts, options, run, cache
        As in `score_images`; metrics of images and of sets are taken.

    Returns
    -------
    DataFrame
        set, metric, score, low and high (the 95 % interval, NaN where there is none), n (images), signature and note.
        ``attrs["notes"]`` holds sentences that you should read.

    Raises
    ------
    InputError
        As `score_images`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for number in range(3):
    ...         Image.new("L", (32, 32), 40 * number).save(Path(folder) / f"{number}.png")
    ...     table = score_sets(folder, "exposure", cache=Path(folder) / "cache")
    >>> table[["set", "metric", "n"]].values.tolist(), table["score"].round(3).tolist()
    ([['all', 'exposure', 3]], [0.667])
    """
    names = _checked_names(metrics, None)
    items = _items(images, references, prompts, groups)
    return _table(_scored(items, names, options, run, cache), "set_scores", SetScore._fields)


def lpips(
    image: Picture,
    reference: Picture,
    *,
    net: str = "alex",
    size: int | None = 256,
    device: str = "auto",
) -> float:
    """The perceptual distance of two images (Zhang et al., 2018).

    Parameters
    ----------
    image, reference : path, PIL image or ndarray of uint8, shape (height, width, 3)
        The two.
    net : {"alex", "vgg", "squeeze"}
        The network.
    size : int or None
        The shorter sides are brought to so many pixels and the middle squares compared; None leaves images as they
        are, and then both must be of one size.
    device : str
        A torch device, or "auto".

    Returns
    -------
    float
        At least 0; lower is nearer. It is the score that `score_images` gives.

    Raises
    ------
    InputError
        For missing weights, a file that cannot be read, and different sizes with `size` None.

    Examples
    --------
    >>> distance = lpips("generated.png", "photo.jpg", net="squeeze")  # doctest: +SKIP
    """
    extractor = LpipsFeatures.find(net, size)
    rows = _features(extractor, [image, reference], device)
    distances = pairwise_distances if size is not None else native_distances
    return float(distances(rows[:1], rows[1:])[0, 0])


def clip_score(
    image: Picture,
    prompt: str,
    *,
    model: str = "ViT-L-14",
    pretrained: str = "openai",
    device: str = "auto",
) -> float:
    """How well an image shows a prompt: 100 max(cosine, 0) of their CLIP embeddings (Hessel et al., 2021).

    Parameters
    ----------
    image : path, PIL image or ndarray of uint8, shape (height, width, 3)
        The image.
    prompt : str
        The text; what is beyond the model's 77 tokens or so does not count.
    model, pretrained : str
        A pair of open_clip.
    device : str
        A torch device, or "auto".

    Returns
    -------
    float
        In [0, 100]; higher is better. It is the score that `score_images` gives.

    Raises
    ------
    InputError
        For missing weights, and a file that cannot be read.

    Examples
    --------
    >>> score = clip_score("generated.png", "a red fox in the snow")  # doctest: +SKIP
    """
    clip = ClipModel.find(model, pretrained)
    (picture,) = _features(ClipImages(clip), [image], device)
    (text,) = _loaded(ClipTexts(clip), choose_device(device))([prompt])
    return float(of_embeddings(picture[None], text[None, 1:])[0])


def inception_features(
    images: Iterable[Picture], *, preprocessing: str = "torch-fidelity", device: str = "auto"
) -> NDArray[np.float32]:
    """The features on which FID and KID are computed: what `frechet_distance` and `kernel_distance` take.

    Parameters
    ----------
    images : iterable of paths, PIL images or arrays
        Of any sizes.
    preprocessing : {"torch-fidelity", "pytorch-fid"}
        Whose way of bringing images to 299 x 299 pixels.
    device : str
        A torch device, or "auto".

    Returns
    -------
    ndarray of float32, shape (n, 2048)

    Raises
    ------
    InputError
        For missing weights, and a file that cannot be read.

    Examples
    --------
    >>> from metrics import frechet_distance
    >>> fid = frechet_distance(inception_features(generated), inception_features(photos))  # doctest: +SKIP
    """
    return np.stack(_features(InceptionFeatures.find(preprocessing), list(images), device))


@lru_cache(maxsize=4)
def _loaded(extractor: Any, device: str) -> Callable[[list[Any]], list[NDArray]]:
    """A network, loaded once for calls one after another."""
    return extractor.load(device)


def _features(extractor: Any, pictures: Sequence[Picture], device: str) -> list[NDArray]:
    """What an extractor finds in pictures, a batch at a time."""
    forward = _loaded(extractor, choose_device(device))
    found: list[NDArray] = []
    for start in range(0, len(pictures), extractor.batch_size):
        batch = pictures[start : start + extractor.batch_size]
        found += forward([_prepared(extractor, picture) for picture in batch])
    return found


def _prepared(extractor: Any, picture: Picture) -> Any:
    who = str(picture) if isinstance(picture, (str, Path)) else "The picture given"
    try:
        if isinstance(picture, (str, Path)):
            opened = read_image(picture)
        elif isinstance(picture, Image.Image):
            opened = as_rgb(picture)
        elif isinstance(picture, np.ndarray):
            opened = Image.fromarray(pixels_given(picture, who))
        else:
            raise TypeError(f"it is of type {type(picture).__name__}")
        return extractor.prepare(opened)
    except InputError:
        raise
    except UnreadableImage as error:
        raise InputError(f"{who} {error}.") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{who} is no picture ({str(error) or type(error).__name__}); give a file, a PIL image, or an array of "
            "uint8 of shape (height, width, 3)."
        ) from error


def _checked_names(metrics: str | Sequence[str], kind: str | None) -> list[str]:
    names = list(names_of(metrics, "metrics"))
    if not names:
        raise InputError("No metric is named; metrics.list_metrics() lists them.")
    of_sets = [entry.name for entry in catalogue() if entry.scores == "set" and entry.name in names]
    if kind == "image" and of_sets:
        raise InputError(f"{', '.join(of_sets)}: a number of a set of images, not of one; take score_sets.")
    return names


def _items(
    images: Images, references: References, prompts: Prompts, groups: Mapping[str, str] | None = None
) -> list[Item]:
    """What is scored, with what belongs to it."""
    from metrics.engine.image_folders import images_below

    if isinstance(images, (str, Path)):
        folder = Path(images)
        paths = {path.relative_to(folder).as_posix(): path for path in images_below(folder)}
    elif isinstance(images, Mapping):
        paths = {str(name): _path(path) for name, path in images.items()}
    else:
        paths = {str(path): path for path in map(_path, images)}
    if not paths:
        raise InputError("There are no images to score.")
    for what, given in (("references", references), ("prompts", prompts), ("groups", groups)):
        if isinstance(given, Mapping) and (unknown := [str(name) for name in given if name not in paths]):
            raise InputError(
                f"{what} names '{unknown[0]}', and there is no such image; the first is '{next(iter(paths))}'."
            )
    for_all = None if isinstance(references, Mapping) else _sources(references)
    return [
        Item(
            name,
            _source(path),
            _sources(references.get(name)) if isinstance(references, Mapping) else for_all or (),
            (prompts.get(name, "") if isinstance(prompts, Mapping) else prompts) or "",
            (groups or {}).get(name, "all"),
        )
        for name, path in paths.items()
    ]


def _path(image: Any) -> Path:
    if not isinstance(image, (str, Path)):
        raise InputError(
            f"{parameter('images')} holds an image of the kind {type(image).__name__}; give files, or take the "
            "functions of arrays, such as metrics.sharpness."
        )
    return Path(image)


def _sources(photos: str | Path | Iterable[str | Path] | None) -> tuple[ImageSource, ...]:
    from metrics.engine.image_folders import images_below

    if photos is None:
        return ()
    if isinstance(photos, (str, Path)):
        photos = images_below(Path(photos)) if Path(photos).is_dir() else [photos]
    return tuple(_source(Path(photo)) for photo in photos)


def _source(path: Path) -> ImageSource:
    try:
        return ImageSource.of(path)
    except UnreadableImage as error:
        raise InputError(f"{path} {error}.") from error


def _scored(
    items: list[Item],
    names: list[str],
    options: MetricOptions | None,
    run: RunSettings | None,
    cache: str | Path | None,
) -> RunResult:
    refuse_other_kind("options", options, MetricOptions)
    refuse_other_kind("run", run, RunSettings)
    options = options or MetricOptions()
    has: dict[Need, bool] = {
        "references": any(item.references for item in items),
        "prompts": any(item.prompt for item in items),
    }
    for name in names:
        for need in needs_of(name, options):
            if not has[need]:
                raise InputError(f"{name} needs {need}, and there are none; give {need}=.")
    check_options_used(names, options)
    made = make_metrics(names, options)
    return score_items(items, made, FeatureCache(Path(cache) if cache else cache_folder()), run)


def _table(result: RunResult, rows: str, columns: Sequence[str]) -> "pd.DataFrame":
    import pandas as pd

    found = [row for scored in result.scored.values() for row in getattr(scored, rows)]
    table = pd.DataFrame(found, columns=list(columns))
    if "face_probability" in table.columns and table["face_probability"].isna().all():
        table = table.drop(columns="face_probability")
    numbers = [name for name in ("score", "low", "high") if name in table.columns]
    table = table.astype(dict.fromkeys(numbers, float))
    notes = [f"{path} {reason}." for path, reason in result.skipped.items()]
    table.attrs["notes"] = [*dict.fromkeys(note for each in result.scored.values() for note in each.warnings), *notes]
    return table
