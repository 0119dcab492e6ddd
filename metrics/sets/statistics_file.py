"""Saved statistics of a reference set: an ``.npz`` of pytorch-fid's own form, with what it leaves out.

pytorch-fid keeps the mean (``mu``) and the covariance (``sigma``) and reads no other arrays; we add how many images
they are from (``n``) and what made the features (``features``, an extractor's signature).
"""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from metrics.engine.arrays import read_npz
from metrics.errors import InputError
from metrics.files import write_atomically
from metrics.sets.frechet import Array, FeatureStatistics

LARGEST = 2**28  # bytes of an array; a covariance of 2,048 dimensions takes 2**25
_NOTE = 2**14  # bytes of what is said besides


@dataclass(frozen=True, eq=False)
class SavedStatistics:
    """What a file says of a reference set.

    Attributes
    ----------
    path : Path
        The file.
    digest : str
        The sha256 of its bytes.
    mean : ndarray, shape (d,)
        The mean of the features.
    covariance : ndarray, shape (d, d)
        Their unbiased covariance.
    n : int or None
        How many images; None where the file, being another tool's, does not say.
    features : str
        The signature of what made the features; "" where the file does not say.
    """

    path: Path
    digest: str
    mean: Array
    covariance: Array
    n: int | None
    features: str


def write_statistics(path: str | Path, statistics: FeatureStatistics, features: str = "") -> Path:
    """Write statistics as a whole or not at all.

    Parameters
    ----------
    path : str or Path
        Ends in ``.npz``, by which pytorch-fid tells statistics from a folder of images.
    statistics : FeatureStatistics
        Of two images or more.
    features : str
        The signature of the extractor.

    Returns
    -------
    Path
        The path written.

    Raises
    ------
    InputError
        For another ending, or where the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> statistics = FeatureStatistics.of(np.eye(4))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = read_statistics(write_statistics(Path(folder) / "eye.npz", statistics))
    >>> found.n, found.mean
    (4, array([0.25, 0.25, 0.25, 0.25]))
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise InputError(f"{path} must end in .npz to be statistics that pytorch-fid reads; give it such a name.")
    content = io.BytesIO()
    np.savez(
        content, mu=statistics.mean, sigma=statistics.covariance, n=np.array(statistics.n), features=np.array(features)
    )
    return write_atomically(path, content.getvalue())


def read_statistics(path: str | Path) -> SavedStatistics:
    """Read statistics that we or pytorch-fid wrote.

    Parameters
    ----------
    path : str or Path
        An ``.npz`` file.

    Returns
    -------
    SavedStatistics

    Raises
    ------
    InputError
        Where the file cannot be read, is something else, does not hold a mean and its covariance, or one of more than
        256 MiB.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            arrays = read_npz(file, {"mu": LARGEST, "sigma": LARGEST})
            arrays |= read_npz(file, {"n": _NOTE, "features": _NOTE}, needed=False)
    except OSError as error:
        raise InputError(
            f"The statistics {path} cannot be read ({error.strerror or error}); check the path."
        ) from error
    except ValueError as error:
        raise InputError(f"{path} is no .npz file of statistics ({error}); make it anew.") from error
    if not {"mu", "sigma"} <= set(arrays):
        raise InputError(f"{path} holds no arrays mu and sigma; statistics as pytorch-fid saves them have both.")
    mean, covariance = _numbers(path, arrays["mu"]), _numbers(path, arrays["sigma"])
    if mean.ndim != 1 or covariance.shape != (len(mean), len(mean)):
        raise InputError(
            f"{path} holds a mean of shape {mean.shape} and a covariance of shape {covariance.shape}; these do not fit "
            "together."
        )
    if not np.allclose(covariance, covariance.T, rtol=1e-4, atol=1e-6 * np.abs(covariance).max()):
        raise InputError(f"{path} holds a covariance that is not symmetric; the file is damaged, make it anew.")
    n, features = arrays.get("n"), arrays.get("features")
    return SavedStatistics(
        path=path,
        digest=digest,
        mean=mean,
        covariance=(covariance + covariance.T) / 2,
        n=int(n) if n is not None and n.ndim == 0 and n.dtype.kind in "iu" else None,
        features=str(features) if features is not None and features.dtype.kind == "U" else "",
    )


def _numbers(path: Path, values: np.ndarray) -> Array:
    if values.dtype.kind != "f" or not np.isfinite(values).all():
        raise InputError(f"{path} holds values that are not finite numbers; the file is damaged, make it anew.")
    return values.astype(np.float64)
