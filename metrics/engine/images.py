"""Reading an image file the same way for every metric.

- EXIF orientation is applied;
- transparent pixels are laid over white;
- of an animation the first frame counts;
- 16-bit greys are scaled to 8 bits, CMYK and every other mode is converted to RGB by Pillow;
- an image that is broken, cut off, has over 100 million pixels or 400 MB, or metadata made to cost memory is refused by
  name.
"""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from metrics.engine.image_guard import CostlyMetadata, open_image, orientation
from metrics.errors import InputError
from metrics.files import digest_of, read_regular_file, reason

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
MOST_PIXELS = 100_000_000
MOST_BYTES = 400_000_000  # what so many pixels take uncompressed
LARGE = 10_000_000  # pixels
_large = threading.Lock()
_state = threading.local()  # whether this thread is in `large_ones_alone`, and holds the lock
READING = "2"  # stands in every signature; another number where pixels may come out otherwise than before
_UPRIGHT = {  # by EXIF's orientation; ImageOps.exif_transpose refuses where any other tag is damaged
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


SUFFIXES = {".png", ".jpg", ".jpeg", ".jfif", ".webp", ".gif", ".bmp", ".tif", ".tiff"}  # what can be scored
NOT_TAKEN = "cannot be scored by"  # begins why an image has no number though it can be read; and so does:
TOO_SMALL = "is too small for"


class UnreadableImage(ValueError):
    """An image that cannot be scored; the message is the reason, without the file's name."""


@dataclass(frozen=True)
class ImageSource:
    """An image file by its content.

    Attributes
    ----------
    path : Path
        Where it stands.
    key : str
        The sha256 of its bytes.
    """

    path: Path
    key: str

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that it is made of."""
        return (self.path,)

    @classmethod
    def of(cls, path: Path) -> "ImageSource":
        """The source for a file as it is now."""
        try:
            return cls(path, digest_of(path, MOST_BYTES))
        except OSError as error:
            raise UnreadableImage(f"cannot be read ({reason(error)})") from error

    def open(self) -> Image.Image:
        """The image as RGB; raises `UnreadableImage`, also where the file is another one by now."""
        data = _read(self.path)
        if hashlib.sha256(data).hexdigest() != self.key:
            raise UnreadableImage("was changed while it was being scored")
        return decode_image(data)


@dataclass(frozen=True)
class TextSource:
    """A prompt."""

    text: str

    @property
    def paths(self) -> tuple[Path, ...]:
        """None."""
        return ()

    @property
    def key(self) -> str:
        """The sha256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def open(self) -> str:
        """The text."""
        return self.text


@dataclass(frozen=True)
class PairSource:
    """An image and what it is compared with, for metrics that see both at once."""

    image: ImageSource
    reference: ImageSource

    @property
    def paths(self) -> tuple[Path, ...]:
        """Both files."""
        return self.image.path, self.reference.path

    @property
    def key(self) -> str:
        """The sha256 of both images' keys."""
        return hashlib.sha256(f"{self.image.key} {self.reference.key}".encode()).hexdigest()

    def open(self) -> tuple[Image.Image, Image.Image]:
        """Both images; raises `UnreadableImage`."""
        return self.image.open(), self.reference.open()


@dataclass(frozen=True)
class PromptedSource:
    """An image and its prompt, for metrics that see both at once."""

    image: ImageSource
    prompt: str

    @property
    def paths(self) -> tuple[Path, ...]:
        """The image's file."""
        return (self.image.path,)

    @property
    def key(self) -> str:
        """The sha256 of the image's key and the prompt."""
        return hashlib.sha256(f"{self.image.key} {self.prompt}".encode()).hexdigest()

    def open(self) -> tuple[Image.Image, str]:
        """Image and prompt; raises `UnreadableImage`."""
        return self.image.open(), self.prompt


Source = ImageSource | TextSource | PairSource | PromptedSource


def read_image(path: str | Path) -> Image.Image:
    """Read an image file as 8-bit RGB.

    Parameters
    ----------
    path : str or Path
        PNG, JPEG, WebP, GIF, BMP or TIFF; the content decides, not the name.

    Returns
    -------
    PIL.Image.Image
        Mode RGB, upright.

    Raises
    ------
    UnreadableImage
        Where the file cannot be read or decoded in full, or has over 100 million pixels or 400 MB.
    """
    return decode_image(_read(Path(path)))


def decode_image(data: bytes) -> Image.Image:
    """As `read_image`, from a file's bytes.

    Examples
    --------
    >>> import io
    >>> buffer = io.BytesIO()
    >>> Image.new("RGBA", (2, 1), (255, 0, 0, 0)).save(buffer, "PNG")
    >>> decode_image(buffer.getvalue()).getpixel((0, 0))
    (255, 255, 255)
    """
    try:
        with open_image(data, FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise UnreadableImage(f"has {image.width} x {image.height} pixels, more than {MOST_PIXELS:,}")
            _wait_for_others(image.width * image.height)
            image.load()
            turn = _UPRIGHT.get(orientation(image))
            return as_rgb(image) if turn is None else as_rgb(image).transpose(turn)
    except UnreadableImage:
        raise
    except CostlyMetadata as error:
        raise UnreadableImage(f"{error}, which may be made to stop programs; save it anew") from error
    except UnidentifiedImageError as error:
        kind = _kind_not_read(data)
        told = f"it is {kind}, which is not read; convert it to PNG" if kind else "it is no image of a known kind"
        raise UnreadableImage(f"cannot be decoded ({told})") from error
    except Image.DecompressionBombError as error:
        raise UnreadableImage(f"has more than {MOST_PIXELS:,} pixels") from error
    except Exception as error:  # a decoder raises anything where a file is damaged in its own way
        raise UnreadableImage(f"cannot be decoded ({str(error) or type(error).__name__})") from error


@contextmanager
def large_ones_alone() -> Iterator[None]:
    """Of the images that threads open in here, one with over 10 million pixels is in work at a time.

    What a decoder and a metric's preparation need for it, several times its pixels, is then needed once.
    """
    _state.holds = False
    try:
        yield
    finally:
        if _state.holds:
            _large.release()
        del _state.holds


def _wait_for_others(size: int) -> None:
    if size > LARGE and getattr(_state, "holds", None) is False:
        _large.acquire()
        _state.holds = True


def pixels(image: Image.Image) -> NDArray[np.uint8]:
    """The pixels of an RGB image, uint8 of shape (height, width, 3), values 0..255."""
    return np.array(image, dtype=np.uint8)


def pixels_given(picture: object, name: str = "The image") -> NDArray[np.uint8]:
    """The pixels of what a notebook gives: an array of them as it is, a PIL image as 8-bit RGB.

    Parameters
    ----------
    picture : PIL image or ndarray of uint8, shape (height, width, 3)
        An image of PIL may be grey or transparent; see `as_rgb`.
    name : str
        What a message calls it.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)

    Raises
    ------
    InputError
        For anything else: other types of numbers, channels first, batches, greys or transparency as an array.

    Examples
    --------
    >>> pixels_given(Image.new("L", (2, 1), 7)).tolist()
    [[[7, 7, 7], [7, 7, 7]]]
    >>> pixels_given(np.zeros((8, 8, 3)))
    Traceback (most recent call last):
    ...
    metrics.errors.InputError: The image is an array of float64 of shape (8, 8, 3); give uint8 of shape
    (height, width, 3), values 0 to 255, or a PIL image.
    """
    if isinstance(picture, Image.Image):
        try:
            return pixels(as_rgb(picture))
        except UnreadableImage as error:
            raise InputError(f"{name} {error}.") from error
    if isinstance(picture, np.ndarray):
        if picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3 and picture.size:
            return picture
        given = f"an array of {picture.dtype} of shape {picture.shape}"
    else:
        given = f"of type {type(picture).__name__}"
    raise InputError(f"{name} is {given}; give uint8 of shape (height, width, 3), values 0 to 255, or a PIL image.")


def _read(path: Path) -> bytes:
    try:
        return read_regular_file(path, MOST_BYTES)
    except OSError as error:
        raise UnreadableImage(f"cannot be read ({reason(error)})") from error


def _kind_not_read(data: bytes) -> str:
    """The kind of a picture by its first bytes, of those that phones and browsers write and nothing here reads."""
    if data[4:8] == b"ftyp":
        return {b"avif": "AVIF", b"avis": "AVIF"}.get(
            data[8:12], "HEIC" if data[8:11] in (b"hei", b"hev", b"mif") else ""
        )
    return "JPEG XL" if data.startswith((b"\xff\x0a", b"\x00\x00\x00\x0cJXL ")) else ""


def as_rgb(image: Image.Image) -> Image.Image:
    """An opened image as 8-bit RGB: greys scaled, transparency over white."""
    if image.mode.startswith("I"):  # 16-bit or 32-bit greys; Pillow's own conversion would clip them at 255
        values = np.asarray(image).astype(np.float64)
        return Image.fromarray(np.clip(np.rint(values / 257), 0, 255).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise UnreadableImage("holds floating-point pixels, whose range is not known; convert it to 8-bit RGB")
    if image.has_transparency_data:
        upper = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", upper.size, "white"), upper)
    return image.convert("RGB")
