"""humangrade aesthetic embed: a folder of images, through the cache, to a folder of embeddings."""

from pathlib import Path

from rich.console import Console

from calibration.aesthetic.embed import embed_images
from metrics.engine.cache import FeatureCache, cache_folder
from metrics.engine.device import Precision, check_precision, choose_device
from metrics.engine.image_folders import folder_notes, images_below
from metrics.engine.run import RunSettings
from metrics.networks.clip import ClipImages, ClipModel
from study.folder.score_items import read_sources
from study.scoring import EngineName, choose_engine
from study.terminal import Bar, print_notes


def embed_folder(
    images: Path, out: Path, clip: tuple[str, str, Precision], run: RunSettings, engine: EngineName, console: Console
) -> dict[Path, str]:
    """Embed the images below a folder; returns those without an embedding, with the reason.

    Raises
    ------
    InputError
        For a folder without images, missing weights, and a place that cannot be written.
    """
    if clip[2] == "float16":
        check_precision("float16", choose_device(run.device))
    extractor = ClipImages(ClipModel.find(*clip))
    paths = images_below(images)
    print_notes(folder_notes(images, paths), console)
    sources, unreadable = read_sources(paths)
    cache = FeatureCache(cache_folder())
    with Bar(console) as bar:
        return embed_images(sources, images, out, extractor, cache, run, choose_engine(engine), bar, unreadable)
