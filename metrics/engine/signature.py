"""What a number depends on, as one line, and what it was computed with.

A signature names the number's identity (metric, network, the weights' sha256, preprocessing, seed, revision of the
reading of images) and its provenance (versions of packages, the device). Numbers of one identity are comparable, and
features of one identity take each other's place; where the provenance differs, that is said. An arithmetic of ours that
changes needs a part of its own in the identity, for instance ``revision=2``.
"""

import hashlib
import re
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

PROVENANCE = ("versions", "pillow", "device")  # the parts that say with what a number was computed
_NEXT_PACKAGE = re.compile(r"\+(?=[A-Za-z_][\w.]*-)")  # not the + of a build: torch-2.10.0+cu128+Pillow-12.3
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


def identity_of(made_by: str) -> str:
    """A signature without its provenance: where two agree, their numbers are comparable.

    Examples
    --------
    >>> identity_of("metric:lpips|net:alex|versions:torch-2.9.1+Pillow-12.3|size:256")
    'metric:lpips|net:alex|size:256'
    """
    return "|".join(part for part in made_by.split("|") if part.partition(":")[0] not in PROVENANCE)


def provenance_of(made_by: str) -> tuple[str, ...]:
    """The versions, and whatever else a number was computed with.

    Examples
    --------
    >>> provenance_of("metric:lpips|net:alex|versions:torch-2.9.1+Pillow-12.3|size:256")
    ('torch-2.9.1', 'Pillow-12.3')
    """
    parts = (part.partition(":") for part in made_by.split("|"))
    found = (value for name, _, value in parts if name in PROVENANCE)
    return tuple(each for value in found for each in _NEXT_PACKAGE.split(value))


def other_provenance(theirs: str, ours: str) -> str:
    """What one signature was computed with and the other not, for a note; "" where there is no difference.

    Examples
    --------
    >>> other_provenance("metric:a|versions:torch-2.9.1+Pillow-12.3", "metric:a|versions:torch-2.10.0+Pillow-12.3")
    'torch-2.9.1 instead of torch-2.10.0'
    """
    here, there = provenance_of(ours), provenance_of(theirs)
    other = ", ".join(each for each in dict.fromkeys(there) if each not in here)
    own = ", ".join(each for each in dict.fromkeys(here) if each not in there)
    if other and own:
        return f"{other} instead of {own}"
    return other or (own and f"not {own}")


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
