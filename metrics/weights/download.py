"""Fetching a file over the network: resumed where it stopped, checked, and never half there under its name."""

import hashlib
import http.client
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from metrics.errors import InputError
from metrics.files import not_written, parse_json

OTHERWISE = "check the network and try again"

_SECONDS = 30.0  # without a byte from the server
_TRIES = 4  # in a row that bring nothing
_WAIT = 1.0  # seconds before the second try, twice that before the third
_CHUNK = 2**18
_LONGEST = 2**24  # bytes of an answer in JSON


class _Refused(Exception):
    """No file came, and trying again at once would not help; the message is the reason."""


class _Lost(Exception):
    """The connection broke; the message is the reason."""


class _NothingMore(Exception):
    """The server has nothing behind what came before."""


def download(
    url: str,
    path: Path,
    sha256: str = "",
    check: Callable[[Path], None] | None = None,
    otherwise: str = OTHERWISE,
) -> Path:
    """Fetch a file; with a known sha256 a fetch that was interrupted goes on where it stopped.

    What has come stands in PATH.part until it is whole and right, and is then renamed.

    Parameters
    ----------
    url : str
        Where the file is.
    path : Path
        Where it shall stand; missing folders above it are made.
    sha256 : str
        Hexadecimal digits that its sha256 must start with; "" where none are known, and then it is fetched from its
        beginning each time.
    check : callable, optional
        Raises InputError for a file whose content is not what is wanted; called before it takes its name.
    otherwise : str
        What the user can do where it fails: the end of the message.

    Returns
    -------
    Path
        The path.

    Raises
    ------
    InputError
        Without a network, for an error of the server, for a wrong sha256 or content, where nothing can be written, and
        where another process fetches the same file.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{path.name}.lock"), timeout=0):
            try:
                _fill(part, url, resume=bool(sha256))
                _verify(part, sha256, check)
                part.replace(path)
            finally:
                if not sha256:
                    part.unlink(missing_ok=True)
    except _Refused as error:
        raise InputError(f"{url} could not be fetched ({error}); {otherwise}.") from error
    except Timeout as error:
        raise InputError(f"{path} is being fetched by another process; wait until that has ended.") from error
    except OSError as error:
        raise not_written(path, error) from error
    return path


def read_json(url: str, otherwise: str = OTHERWISE) -> Any:
    """What a server answers in JSON; raises InputError as `download` does."""
    try:
        with _answer(url) as answer:
            return parse_json(answer.read(_LONGEST))
    except (_Refused, _Lost, OSError, http.client.HTTPException, ValueError) as error:
        raise InputError(f"{url} could not be read ({error}); {otherwise}.") from error


def _fill(part: Path, url: str, resume: bool) -> None:
    """Fetch until the file is whole, and go on after a break of the connection."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(part.stem, total=None)
        tries = 0
        while True:
            start = _size(part) if resume else 0
            try:
                return _receive(
                    part, url, start, lambda done, total: progress.update(task, completed=done, total=total)
                )
            except _Lost as error:
                gained = resume and _size(part) > start
                tries = 1 if gained else tries + 1
                if tries == _TRIES:
                    kept = f"; {_size(part) / 1e6:.1f} MB are kept for the next try" if resume and _size(part) else ""
                    raise _Refused(f"{error}{kept}") from error
                time.sleep(_WAIT * 2 ** (tries - 1))


def _receive(part: Path, url: str, start: int, show: Callable[[int, int | None], None]) -> None:
    """Append what the server has from `start` on, or write all of it where the server gives all."""
    try:
        with _answer(url, start) as answer:
            done = start if answer.status == http.HTTPStatus.PARTIAL_CONTENT else 0
            length = answer.headers.get("Content-Length")
            total = done + int(length) if length else None
            with part.open("ab" if done else "wb") as file:
                while chunk := _read(answer):
                    file.write(chunk)
                    done += len(chunk)
                    show(done, total)
    except _NothingMore:
        return
    if total is not None and done < total:
        raise _Lost("the connection was lost")


def _answer(url: str, start: int = 0) -> Any:
    """The server's answer, an http.client.HTTPResponse, from the byte `start` on where the server can do that."""
    headers = {"User-Agent": "humangrade"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        opener = urllib.request.build_opener()  # a kept one would go on with the proxy of its first use
        return opener.open(urllib.request.Request(url, headers=headers), timeout=_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise _NothingMore from error
        reason = f"the server answers {error.code} {error.reason}"
        raise (_Lost(reason) if error.code >= 500 else _Refused(reason)) from error
    except urllib.error.URLError as error:
        raise _Refused(_reason(error, url)) from error
    except (ConnectionError, TimeoutError, http.client.HTTPException) as error:
        raise _Lost("the connection was lost") from error


def _reason(error: urllib.error.URLError, url: str) -> str:
    if isinstance(error.reason, socket.gaierror):
        return f"the name {urllib.parse.urlsplit(url).hostname} is not found; there may be no network"
    return getattr(error.reason, "strerror", None) or str(error.reason)


def _read(answer: Any) -> bytes:
    try:
        return answer.read(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _Lost("the connection was lost") from error


def _verify(part: Path, sha256: str, check: Callable[[Path], None] | None) -> None:
    """Remove a file that is not the right one, and say so."""
    try:
        with part.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if not found.startswith(sha256):
            raise _Refused(f"its sha256 starts with {found[:12]} instead of {sha256[:12]}, so it was not kept")
        if check is not None:
            check(part)
    except (_Refused, InputError):
        part.unlink()
        raise


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
