"""From a folder of images to a folder of embeddings, by way of the same cache as `humangrade score`."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.aesthetic.embeddings import CHUNK, check_target, write_embeddings
from metrics.engine.cache import FeatureCache
from metrics.engine.extraction import extract, missing
from metrics.engine.images import ImageSource
from metrics.engine.run import Engine, Progress, RunSettings, Silent
from metrics.errors import InputError
from metrics.networks.clip import ClipImages


def embed_images(
    images: Mapping[Path, ImageSource],
    root: Path,
    out: Path,
    extractor: ClipImages,
    cache: FeatureCache,
    settings: RunSettings | None = None,
    engine: Engine = extract,
    progress: Progress | None = None,
    unreadable: Mapping[Path, str] | None = None,
) -> dict[Path, str]:
    """Embed images and write the embeddings.

    What is computed goes to the cache at once, so that a run that was stopped goes on from there, and so that images
    which `humangrade score` has seen are not computed again. In memory are a batch of images, or a part of the rows.

    Parameters
    ----------
    images : mapping of Path to ImageSource
        The files and their contents.
    root : Path
        The folder that they are in.
    out : Path
        Where the embeddings go.
    extractor : ClipImages
        The CLIP model.
    cache : FeatureCache
        Where features are kept.
    settings : RunSettings, optional
        Device, batch size, workers.
    engine : callable
        What runs the extractor: in this process, or on a Ray cluster.
    progress : Progress, optional
        Told of every image.
    unreadable : mapping of Path to str, optional
        Files that could not be read, with the reason.

    Returns
    -------
    dict of Path to str
        The files without an embedding, with the reason: unreadable ones, and those with the same content as another.

    Raises
    ------
    InputError
        Where no image could be embedded, or the embeddings cannot be written.
    """
    check_target(out)
    settings, progress = settings or RunSettings(), progress or Silent()
    skipped = dict(unreadable or {})
    first: dict[str, Path] = {}
    for path in sorted(images):
        key = images[path].key
        if key in first:
            skipped[path] = f"has the same content as {_below(root, first[key])}"
        else:
            first[key] = path
    kept = [images[path] for path in first.values()]
    wanted = missing(extractor, kept, cache)
    if wanted:
        progress.start(extractor.title, len(wanted))
        problems = engine(
            extractor,
            wanted,
            cache,
            device=settings.device,
            batch_size=settings.batch_size,
            workers=settings.workers,
            advance=progress.advance,
        )
        skipped |= {first[key]: reason for key, reason in problems.items()}
    kept = [source for source in kept if source.path not in skipped]
    if not kept:
        raise InputError(f"None of the images in {root} could be embedded; the first: {next(iter(skipped.values()))}.")
    write_embeddings(
        out,
        _rows(extractor, kept, cache),
        [_below(root, source.path) for source in kept],
        extractor.clip.name,
        extractor.signature,
        [source.key for source in kept],
        [(_below(root, path), reason) for path, reason in sorted(skipped.items())],
    )
    return skipped


def _rows(extractor: ClipImages, sources: list[ImageSource], cache: FeatureCache) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(sources), CHUNK):
        rows = [cache.get(extractor.signature, source.key) for source in sources[start : start + CHUNK]]
        yield np.stack([row for row in rows if row is not None])


def _below(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()
