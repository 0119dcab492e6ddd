"""Functions of the user's, named MODULE:FUNCTION: finding them, what they are, and the text that they stand in."""

import ast
import hashlib
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

from metrics.engine.signature import UNSTATED
from metrics.errors import InputError

_HELP = "say MODULE:FUNCTION, of a package that is installed or of a file in the current folder"
_SHOWN = 5  # names of a module that a message lists


def named_function(text: str, option: str) -> Any:
    """The function MODULE:FUNCTION, looked for in the current folder too.

    Parameters
    ----------
    text : str
        What was given, for instance ``"mine:encode"`` for `encode` in mine.py.
    option : str
        Which parameter it was given as, for the errors' texts.

    Raises
    ------
    InputError
        Where there is none, it is no function, or it takes another number of arguments than one.

    Examples
    --------
    >>> named_function("os.path:basename", "--encoder").__name__
    'basename'
    """
    module, colon, name = text.partition(":")
    if not (module and colon and name) or "/" in module or "\\" in module or module.endswith(".py"):
        plain = module.removesuffix(".py").strip("./\\").replace("/", ".").replace("\\", ".") or "mine"
        raise InputError(f"{option} is '{text}'; {_HELP}, for instance {plain}:{name or 'encode'}.")
    found = getattr(_imported(module, f"{option} is '{text}'"), name, None)
    if found is None:
        raise InputError(f"{option} is '{text}', and {module} has no function '{name}'{_others(module, name)}.")
    if not callable(found):
        raise InputError(
            f"{option} is '{text}', which is no function but of the type {type(found).__name__}; name a function."
        )
    try:
        inspect.signature(found).bind(object())
    except TypeError as error:
        raise InputError(
            f"{option} is '{text}', which cannot be called with one argument ({error}); a detector takes an image, an "
            "encoder a list of pictures."
        ) from error
    except ValueError:  # of a function that does not say what it takes
        pass
    return found


def identity(function: Callable) -> str:
    """What a signature calls a function: what its attribute `signature` says, or its name as one that says nothing.

    Its text would not do: helpers, constants and files that it uses change the numbers as well.
    """
    stated = getattr(function, "signature", None)
    if stated is None:
        return f"{UNSTATED} {called(function).replace(':', '.')}"
    if isinstance(stated, str) and stated.strip() and "|" not in stated:
        return stated.strip()
    why = "empty" if isinstance(stated, str) and not stated.strip() else repr(stated)
    raise InputError(
        f"The attribute 'signature' of {called(function)} is {why}; it must be a text without '|', by which signatures "
        "are joined: name, version and the sha256 of its weights."
    )


def called(function: Callable) -> str:
    """A function's name for a message.

    Examples
    --------
    >>> called(identity)
    'metrics.plugins.own_functions:identity'
    """
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{getattr(function, '__module__', None)}:{name}"


def code_digest(functions: Iterable[Callable], modules: Iterable[str] = ()) -> str:
    """The first 12 digits of the sha256 of the files in which functions stand, and of those beside them that they use.

    What a function says of itself does not change by itself when a helper is changed; the text of the files does.
    Those of other folders are not read, nor are files of data: the attribute `signature` must tell of these.

    Parameters
    ----------
    functions : iterable of callable
        Whose modules count.
    modules : iterable of str
        Further modules, those in which the functions were named.
    """
    names = {getattr(function, "__module__", None) or type(function).__module__ for function in functions}
    files: dict[Path, bytes] = {}
    for name in sorted(names | set(modules)):
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is not None:
            _collect(Path(file), files)
    contents = sorted(hashlib.sha256(content).hexdigest() for content in files.values())
    return hashlib.sha256("".join(contents).encode()).hexdigest()[:12]


def _collect(file: Path, files: dict[Path, bytes]) -> None:
    """Add a file and those beside it that it imports, directly or by way of each other."""
    waiting = [file]
    while waiting:
        place = waiting.pop()
        if place in files:
            continue
        try:
            files[place] = content = place.read_bytes()
            tree = ast.parse(content) if place.suffix == ".py" else ast.Module([], [])
        except (OSError, SyntaxError, ValueError):  # gone, or changed to what is no Python since it was imported
            continue
        for name in _imports(tree):
            beside = place.parent.joinpath(*name.split("."))
            waiting += [each for each in (beside.with_suffix(".py"), beside / "__init__.py") if each.is_file()]


def _imports(tree: ast.Module) -> Iterator[str]:
    """What a file imports, as it would be called beside the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level <= 1:
            start = [node.module] if node.module else []
            yield from start
            yield from (".".join([*start, alias.name]) for alias in node.names)


def _imported(module: str, given: str) -> Any:
    here = str(Path.cwd())
    added = here not in sys.path
    if added:
        sys.path.insert(0, here)
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module}.".startswith(f"{error.name}."):
            raise InputError(f"{given}, and there is no module {error.name}; {_HELP}.") from error
        raise InputError(f"{given}, and {module} needs {error.name}, which is not installed; install it.") from error
    except (Exception, SystemExit) as error:  # the file is the user's, and may raise anything
        why = (str(error).splitlines() or [""])[0]
        raise InputError(
            f"{given}, and {module} cannot be imported ({type(error).__name__}{why and f': {why}'}); mend the file."
        ) from error
    finally:
        if added:  # behind the packages, so that a file there is not taken for one that is imported later
            sys.path.remove(here)
            sys.path.append(here)


def _others(module: str, name: str) -> str:
    """The functions that a module has, the nearest by name first."""
    held = vars(sys.modules[module])
    own = [key for key, value in held.items() if callable(value) and getattr(value, "__module__", None) == module]
    near = get_close_matches(name, own, n=1)
    if near:
        return f"; did you mean {module}:{near[0]}?"
    more = f" and {len(own) - _SHOWN} more" if len(own) > _SHOWN else ""
    return f"; it has {', '.join(own[:_SHOWN])}{more}" if own else "; it has none of its own"
