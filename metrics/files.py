"""Writing files so that no half-written one is ever seen."""

import os
import tempfile
from pathlib import Path

from metrics.errors import InputError


def write_atomically(path: str | Path, content: str | bytes) -> Path:
    """Write a file as a whole or not at all: to a temporary file beside it, synced, then renamed.

    Parameters
    ----------
    path : str or Path
        Where the file shall stand; missing folders above it are made.
    content : str or bytes
        Text is written as UTF-8.

    Returns
    -------
    Path
        The path written.

    Raises
    ------
    InputError
        Where the folder or file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder) / "new" / "a.txt", "text").read_text()
    'text'
    """
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
        temporary = None
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror or error}); choose another place.") from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
    return path


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
