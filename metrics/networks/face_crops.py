"""Faces that a detector found, and the picture of each that an encoder gets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

Box = tuple[float, float, float, float]
Size = int | Literal["image"] | None
FACENET = 160  # the side of InceptionResnetV1's crops

# Where eyes, nose and corners of the mouth stand in a picture of 112 pixels a side (Deng et al. 2019, ArcFace)
_TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)


@dataclass(frozen=True)
class Face:
    """A face in an image.

    Attributes
    ----------
    box : tuple of float
        Left, top, right, bottom in pixels.
    probability : float
        That it is a face, as the detector says; nan where it says none.
    landmarks : tuple of pair of float, or None
        Left eye, right eye, nose, left and right corner of the mouth, as they stand in the image.
    """

    box: Box
    probability: float = float("nan")
    landmarks: tuple[tuple[float, float], ...] | None = None

    @property
    def area(self) -> float:
        """Of the box, in pixels."""
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])

    def is_inside(self, image: Image.Image) -> bool:
        """Whether the box holds at least one pixel of the image."""
        left, top, right, bottom = whole_pixels(self.box, image)
        return right > left and bottom > top


def as_face(found: "Face | Sequence[float]") -> Face:
    """What a detector gives for one face: a `Face`, or a box, or a box with the probability behind it.

    Raises
    ------
    TypeError, ValueError
        For anything else; the message may say what is wrong with it.

    Examples
    --------
    >>> as_face((0, 0, 10, 20, 0.9)).probability, as_face((0, 0, 10, 20)).area
    (0.9, 200.0)
    """
    if not isinstance(found, Face):
        numbers = [float(number) for number in found]
        if len(numbers) not in (4, 5):
            raise ValueError(f"of {len(numbers)} numbers")
        found = Face(tuple(numbers[:4]), *numbers[4:])  # type: ignore[arg-type]
    if len(found.box) != 4 or not np.isfinite(found.box).all():
        raise ValueError(f"its box is {tuple(found.box)}")
    if not (np.isnan(found.probability) or 0 <= found.probability <= 1):
        raise ValueError(f"its probability is {found.probability:g}, and not from 0 to 1")
    if found.landmarks is not None and not _is_table(found.landmarks, (5, 2)):
        raise ValueError("its landmarks are not five pairs of numbers")
    return found


def _is_table(values: ArrayLike, shape: tuple[int, int]) -> bool:
    try:
        table = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        return False
    return table.shape == shape and bool(np.isfinite(table).all())


def whole_pixels(box: Box, image: Image.Image) -> tuple[int, int, int, int]:
    """The pixels of the image in a box."""
    left, top, right, bottom = box
    return max(int(left), 0), max(int(top), 0), min(int(right), image.width), min(int(bottom), image.height)


def facenet_crop(image: Image.Image, face: Face) -> Image.Image:
    """The box at 160 x 160 pixels, as facenet-pytorch cuts it: whole pixels, bilinear, as wide as high."""
    return image.crop(whole_pixels(face.box, image)).resize((FACENET, FACENET), Image.Resampling.BILINEAR)


def undistorted_crop(image: Image.Image, face: Face, size: Size) -> Image.Image:
    """What another encoder gets.

    Parameters
    ----------
    image : PIL.Image.Image
        RGB.
    face : Face
        In it.
    size : int, "image" or None
        A number gives the square around the box at that side, black beyond the image's edges; "image" the whole image;
        None the box as it is.

    Returns
    -------
    PIL.Image.Image
        Never squashed.

    Examples
    --------
    >>> image = Image.new("RGB", (60, 40), "white")
    >>> [undistorted_crop(image, Face((10, 0, 30, 40)), size).size for size in (32, "image", None)]
    [(32, 32), (60, 40), (20, 40)]
    """
    if size == "image":
        return image
    if size is None:
        return image.crop(whole_pixels(face.box, image))
    left, top, right, bottom = face.box
    half = max(right - left, bottom - top) / 2
    x, y = (left + right) / 2, (top + bottom) / 2
    square = tuple(round(value) for value in (x - half, y - half, x + half, y + half))
    return image.crop(square).resize((size, size), Image.Resampling.BICUBIC)  # type: ignore[arg-type]


def aligned_crop(image: Image.Image, landmarks: ArrayLike, size: int) -> Image.Image:
    """The face turned, moved and scaled, but not distorted, so that its landmarks come nearest to ArcFace's.

    Parameters
    ----------
    image : PIL.Image.Image
        RGB.
    landmarks : array_like, shape (5, 2)
        As `Face.landmarks`.
    size : int
        The side of the picture.
    """
    to_crop = _similarity(np.asarray(landmarks, dtype=np.float64), _TEMPLATE * (size / 112))
    back = np.linalg.inv(to_crop)[:2].ravel()
    return image.transform((size, size), Image.Transform.AFFINE, tuple(back), Image.Resampling.BILINEAR)


def _similarity(points: NDArray, targets: NDArray) -> NDArray[np.float64]:
    """The rotation, scale and shift, shape (3, 3), with the least squares (Umeyama 1991, without reflection)."""
    centre, aim = points.mean(axis=0), targets.mean(axis=0)
    moved, wanted = points - centre, targets - aim
    left, singular, right = np.linalg.svd(wanted.T @ moved / len(points))
    sign = np.array([1.0, np.sign(np.linalg.det(left @ right))])
    rotation = left @ np.diag(sign) @ right
    scale = (singular * sign).sum() / moved.var(axis=0).sum()
    matrix = np.eye(3)
    matrix[:2, :2] = scale * rotation
    matrix[:2, 2] = aim - scale * rotation @ centre
    return matrix
