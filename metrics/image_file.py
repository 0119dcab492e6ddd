"""One image file, as a notebook reads it."""

from pathlib import Path

from PIL import Image

from metrics.engine import images
from metrics.engine.images import UnreadableImage
from metrics.errors import InputError


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
    InputError
        Where the file cannot be read or decoded in full, or has over 100 million pixels or 400 MB.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("L", (3, 2), 7).save(Path(folder) / "a.png")
    ...     image = read_image(Path(folder) / "a.png")
    >>> image.size, image.getpixel((0, 0))
    ((3, 2), (7, 7, 7))
    """
    try:
        return images.read_image(path)
    except UnreadableImage as error:
        raise InputError(f"{path} {error}.") from error
