"""Generated images that are copies of a training photo, or nearer to one than photos are to each other.

Nearness is measured by an embedding that a metric has computed (LPIPS, or CLIP), and what counts as near is measured on
the reference photos themselves: each is made smaller and saved anew, and cut at its edges, and as far as these copies
lie from it a copy may lie, but at most half as far as the other photos do on average (Carlini et al. 2023, Extracting
Training Data from Diffusion Models, take such a half). Mirrored photos are compared too, for trainers mirror them.
"""

import io
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from metrics.engine.extraction import Extractor
from metrics.engine.images import ImageSource, UnreadableImage, read_image
from metrics.engine.types import FeatureRows, Features, Item

Distances = Callable[[Sequence[NDArray], Sequence[NDArray]], NDArray[np.float64]]
Compute = Callable[[Extractor, Sequence[ImageSource]], object]
CUT = 0.05
"""Of each side."""

QUALITY = 50
"""Of the JPEG copy, of half the size."""

HALF = 0.5
"""A copy is at most so far, in the mean distance of the other photos."""

MOST_REFERENCES = 500
"""Of one subject; with more the nearest are not looked for, which would take long."""


@dataclass(frozen=True)
class Nearest:
    """The reference photo that an image is nearest to.

    Attributes
    ----------
    item, set : str
        The image.
    reference : Path
        The photo.
    distance : float
        Between the two.
    copy_distance : float
        The farthest of the photo's own copies, but at most half the mean distance of the other photos.
    photo_distance : float or None
        The least between two of the reference photos that are no copies of each other; None where there are none.
    is_mirrored : bool
        The photo is nearest when mirrored.
    """

    item: str
    set: str
    reference: Path
    distance: float
    copy_distance: float
    photo_distance: float | None
    is_mirrored: bool

    @property
    def is_copy(self) -> bool:
        """As near to the photo as a copy of it that was made smaller, saved anew or cut."""
        return self.distance <= self.copy_distance

    @property
    def is_near(self) -> bool:
        """No copy, but nearer to the photo than any two of the photos are to each other."""
        return not self.is_copy and self.photo_distance is not None and self.distance < self.photo_distance


@dataclass
class Nearness:
    """What was found.

    Attributes
    ----------
    nearest : list of Nearest
        For each image that has references, in the order of the items.
    twins : list of (Path, Path)
        Reference photos that are copies of each other.
    too_many : int
        The photos of a subject that has more than 500; 0 where none has.
    """

    nearest: list[Nearest] = field(default_factory=list)
    twins: list[tuple[Path, Path]] = field(default_factory=list)
    too_many: int = 0


def nearest_references(
    items: Sequence[Item], extractor: Extractor, distances: Distances, features: Features, compute: Compute
) -> Nearness:
    """The nearest reference of each image that has any.

    Parameters
    ----------
    items : sequence of Item
        Images with their references.
    extractor : Extractor
        Whose features are compared.
    distances : callable
        Two sequences of features to the distances of all pairs.
    features : Features
        Reads what is in the cache.
    compute : callable
        Puts features of further files into the cache: the copies that are made here.

    Returns
    -------
    Nearness
        Images that cannot be read, or have no reference, or more than 500, are left out.
    """
    by_references: dict[tuple[ImageSource, ...], list[Item]] = {}
    for item in items:
        unique = tuple({photo.key: photo for photo in item.references}.values())
        by_references.setdefault(unique, []).append(item)
    found = Nearness()
    with tempfile.TemporaryDirectory(prefix="humangrade-") as folder:
        for references, mine in by_references.items():
            if references and len(references) <= MOST_REFERENCES:
                photos = _Photos.of(references, extractor, distances, features, compute, Path(folder))
                found.nearest += photos.nearest(mine, features) if photos else []
                found.twins += photos.twins if photos else []
            elif references:
                found.too_many = max(found.too_many, len(references))
    places = {item.item: place for place, item in enumerate(items)}
    found.nearest.sort(key=lambda one: places[one.item])
    found.twins = list(dict.fromkeys(found.twins))
    return found


@dataclass(frozen=True)
class _Photos:
    """A subject's photos: their features as they are and mirrored, and how near a copy of each would be."""

    sources: list[ImageSource]
    extractor: Extractor
    distances: Distances
    straight: FeatureRows
    mirrored: FeatureRows
    limits: NDArray[np.float64]
    photo_distance: float | None
    twins: list[tuple[Path, Path]]

    @classmethod
    def of(
        cls,
        references: Sequence[ImageSource],
        extractor: Extractor,
        distances: Distances,
        features: Features,
        compute: Compute,
        folder: Path,
    ) -> "_Photos | None":
        made = {photo.key: _copies(photo, folder) for photo in references if features.has(extractor, photo)}
        compute(extractor, [copy for copies in made.values() for copy in copies.values()])
        sources = [
            photo
            for photo in references
            if made.get(photo.key) and all(features.has(extractor, copy) for copy in made[photo.key].values())
        ]
        if not sources:
            return None
        kinds = {
            kind: FeatureRows(features, extractor, [made[photo.key][kind] for photo in sources])
            for kind in ("smaller", "cut", "mirrored")
        }
        straight = FeatureRows(features, extractor, sources)
        turned = distances(kinds["mirrored"], straight)
        between = np.minimum(distances(straight, straight), np.minimum(turned, turned.T))
        limits = np.maximum(*(_own(kinds[kind], straight, distances) for kind in ("smaller", "cut")))
        count = len(sources)
        if count > 1:
            others = (between.sum(axis=1) - np.diag(between)) / (count - 1)
            limits = np.minimum(limits, HALF * others)
        upper = np.triu(np.ones((count, count), dtype=bool), k=1)
        alike = upper & (between <= np.maximum(limits[:, None], limits[None, :]))
        apart = between[upper & ~alike]
        twins = [(sources[one].path, sources[other].path) for one, other in zip(*np.nonzero(alike), strict=True)]
        least = float(apart.min()) if len(apart) else None
        return cls(sources, extractor, distances, straight, kinds["mirrored"], limits, least, twins)

    def nearest(self, items: Sequence[Item], features: Features) -> list[Nearest]:
        """For each image that can be read."""
        shown = [item for item in items if features.has(self.extractor, item.image)]
        if not shown:
            return []
        images = FeatureRows(features, self.extractor, [item.image for item in shown])
        straight, turned = self.distances(images, self.straight), self.distances(images, self.mirrored)
        both = np.minimum(straight, turned)
        return [
            Nearest(
                item.item,
                item.group,
                self.sources[place].path,
                float(both[number, place]),
                float(self.limits[place]),
                self.photo_distance,
                bool(turned[number, place] < straight[number, place]),
            )
            for number, (item, place) in enumerate(zip(shown, both.argmin(axis=1), strict=True))
        ]


def _own(copies: FeatureRows, photos: FeatureRows, distances: Distances) -> NDArray[np.float64]:
    """How far each photo's copy lies from it."""
    return np.array([distances([copy], [photo])[0, 0] for copy, photo in zip(copies, photos, strict=True)])


def _copies(photo: ImageSource, folder: Path) -> dict[str, ImageSource]:
    """The photo smaller and saved anew, cut, and mirrored, as files; nothing where it cannot be read."""
    try:
        image = read_image(photo.path)
    except UnreadableImage:
        return {}
    made = {"smaller": _saved_anew(image), "cut": _cut(image), "mirrored": ImageOps.mirror(image)}
    found = {}
    for kind, copy in made.items():
        path = folder / f"{photo.key[:32]}-{kind}.png"
        copy.save(path, compress_level=1)
        found[kind] = ImageSource.of(path)
    return found


def _saved_anew(image: Image.Image) -> Image.Image:
    small = image.resize((max(1, image.width // 2), max(1, image.height // 2)), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=QUALITY)
    buffer.seek(0)
    with Image.open(buffer) as saved:
        return saved.convert("RGB")


def _cut(image: Image.Image) -> Image.Image:
    width, height = round(image.width * CUT), round(image.height * CUT)
    return image.crop((width, height, max(width + 1, image.width - width), max(height + 1, image.height - height)))
