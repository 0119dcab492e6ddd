"""What a number depends on, as one line: two numbers with different signatures are not compared."""

import hashlib
import re
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

UNSTATED = "unstated"  # begins the part of what does not say what it is: a function of the user's


def signature(**parts: object) -> str:
    """Join what a number depends on, in the order given; parts that are None are left out.

    Parameters
    ----------
    **parts : object
        For instance the metric, the backbone, the weights' sha256, the preprocessing, the seed and versions.

    Returns
    -------
    str
        ``name:value`` pairs joined by ``|``.

    Examples
    --------
    >>> signature(metric="lpips", net="alex", size=256, seed=None)
    'metric:lpips|net:alex|size:256'
    """
    for name, value in parts.items():
        if "|" in str(value):
            raise ValueError(f"the part {name} of a signature holds a '|': {value!r}")
    return "|".join(f"{name}:{value}" for name, value in parts.items() if value is not None)


def is_stated(made_by: str) -> bool:
    """Whether a signature names all that a number depends on; features without such a one are not kept.

    Examples
    --------
    >>> is_stated("features:faces|encoder:arcface 1.2 ab12"), is_stated("features:faces|encoder:unstated mine.encode")
    (True, False)
    """
    return re.search(rf"[:|]{UNSTATED}\b", made_by) is None


def digest(text: str, length: int = 16) -> str:
    """The first hexadecimal digits of a text's sha256.

    Examples
    --------
    >>> digest("metric:lpips")
    '290583b4fa1b76af'
    """
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def versions(*packages: str) -> str:
    """Installed versions, without importing the packages.

    Examples
    --------
    >>> versions("not-installed-anywhere")
    'not-installed-anywhere-none'
    """
    return "+".join(f"{package}-{_version(package)}" for package in packages)


def _version(package: str) -> str:
    try:
        return installed(package)
    except PackageNotFoundError:
        return "none"
