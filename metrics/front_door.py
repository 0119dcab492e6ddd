"""What a package offers to notebooks: each name imported when it is first asked for (PEP 562)."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def front_door(package: str, places: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The ``__getattr__`` and ``__dir__`` of a package, so that importing it costs nothing until a name is used.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    places : mapping of str to str
        The module of each name.

    Returns
    -------
    tuple of callable

    Examples
    --------
    >>> find, names = front_door("metrics", {"psnr": "metrics.image.fidelity"})
    >>> find("psnr").__module__, "psnr" in names()
    ('metrics.image.fidelity', True)
    """

    def find(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        found = getattr(import_module(places[name]), name)
        vars(sys.modules[package])[name] = found
        return found

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *places})

    return find, names
