"""Features on disk, by the content of the image and the signature of what extracted them.

What does not state all that it depends on (`metrics.engine.signature.is_stated`) lasts as long as the object
`FeatureCache`: a number from an earlier run might be that of another function.

One small file for each (signature, sha256 of the image): written beside its place and renamed, so that several
processes may write at once and a reader never sees half a file. A signature has a folder of its own, so that it is
known with which versions features were computed; those of another folder count too where the identity is the same.
"""

import contextlib
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metrics.engine.arrays import check_npy, read_npy
from metrics.engine.signature import digest, identity_of, is_stated
from metrics.errors import InputError
from metrics.files import reason, write_atomically

VARIABLE = "HUMANGRADE_CACHE"
_NAME = "signature.txt"
_ABANDONED = 3600  # seconds after which a half-written file is nobody's


@dataclass(frozen=True)
class CacheEntry:
    """What the cache holds of one extractor.

    Attributes
    ----------
    signature : str
        The extractor.
    files, size : int
        How many images' features, and their bytes.
    used : float
        When one was last read or written, in seconds since 1970.
    folder : Path
        Where they stand.
    """

    signature: str
    files: int
    size: int
    used: float
    folder: Path


def cache_folder() -> Path:
    """Where features are kept: $HUMANGRADE_CACHE, or humangrade/features in the user's cache folder."""
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE]).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "humangrade" / "features"


class FeatureCache:
    """A folder of features.

    Parameters
    ----------
    folder : Path
        Made where it is missing.

    Raises
    ------
    InputError
        Where the folder cannot be made.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cache = FeatureCache(Path(folder))
    ...     cache.put("net:alex", "ab12", np.ones(3))
    ...     cache.get("net:alex", "ab12"), cache.get("net:vgg", "ab12")
    (array([1., 1., 1.]), None)
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._passing: tempfile.TemporaryDirectory[str] | None = None
        self._of_other_versions: dict[str, tuple[str, ...]] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"The feature cache {folder} cannot be made ({reason(error)}); set {VARIABLE} to a writable folder."
            ) from error

    def get(self, signature: str, key: str) -> NDArray | None:
        """The features of one image; None where they are not there, or the file is damaged."""
        for each in (signature, *self._others(signature)):
            with contextlib.suppress(OSError, ValueError):
                return read_npy(self._path(each, key))
        return None

    def has(self, signature: str, key: str) -> bool:
        """Whether `get` will find features; a damaged file counts as none, and is removed."""
        return any(self._has(each, key) for each in (signature, *self._others(signature)))

    def _has(self, signature: str, key: str) -> bool:
        path = self._path(signature, key)
        if not path.exists():
            return False
        try:
            check_npy(path)
        except (OSError, ValueError):
            path.unlink(missing_ok=True)
            return False
        return True

    def of_other_versions(self, signature: str, keys: Iterable[str]) -> dict[str, int]:
        """How many of the images have features by a signature of the same identity only, for each such signature."""
        others = self._others(signature)
        found: Counter[str] = Counter()
        for key in keys if others else ():
            if not self._path(signature, key).exists():
                found.update([each for each in others if self._path(each, key).exists()][:1])
        return dict(found)

    def put(self, signature: str, key: str, features: NDArray) -> None:
        """Keep the features of one image."""
        try:
            self._put(signature, key, features)
        except FileNotFoundError:  # another process has pruned the folder meanwhile
            self._put(signature, key, features)

    def _put(self, signature: str, key: str, features: NDArray) -> None:
        temporary: str | None = None
        try:
            path = self._path(signature, key)
            self._make(path.parent, signature)
            descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
            with os.fdopen(descriptor, "wb") as file:
                np.save(file, features, allow_pickle=False)
            Path(temporary).replace(path)
            temporary = None
        except FileNotFoundError:
            temporary = None
            raise
        except OSError as error:
            raise InputError(
                f"The feature cache {self.folder} cannot be written ({reason(error)}); free some space (humangrade "
                f"cache prune), or set {VARIABLE} to another folder."
            ) from error
        finally:
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)

    def signatures(self) -> list[str]:
        """Under what features are kept, without looking at these."""
        found = []
        for folder in self.folder.iterdir():
            with contextlib.suppress(OSError):
                found.append((folder / _NAME).read_text(encoding="utf-8"))
        return found

    def entries(self) -> list[CacheEntry]:
        """What is kept, the largest first."""
        found = []
        for folder in self.folder.iterdir():
            try:
                name = (folder / _NAME).read_text(encoding="utf-8")
            except OSError:
                continue
            stats = [path.stat() for path in folder.glob("*/*.npy")]
            used = max((max(stat.st_mtime, stat.st_atime) for stat in stats), default=0.0)
            found.append(CacheEntry(name, len(stats), sum(stat.st_size for stat in stats), used, folder))
        return sorted(found, key=lambda entry: -entry.size)

    def prune(self, unused_days: float = 0.0, metric: str | None = None) -> int:
        """Remove features.

        Parameters
        ----------
        unused_days : float
            Remove what was not used for so many days; 0 removes all.
        metric : str, optional
            Remove only from extractors whose signature has this word.

        Returns
        -------
        int
            The bytes freed.
        """
        before = time.time() - unused_days * 86400
        freed = 0
        for entry in self.entries():
            if metric is not None and metric not in entry.signature:
                continue
            for path in entry.folder.glob("*/*.npy"):
                stat = path.stat()
                if max(stat.st_mtime, stat.st_atime) <= before:
                    path.unlink(missing_ok=True)
                    freed += stat.st_size
            for path in entry.folder.glob("*/.*.tmp"):  # of a process that was killed
                with contextlib.suppress(FileNotFoundError):
                    if path.stat().st_mtime < time.time() - _ABANDONED:
                        path.unlink()
            if not any(entry.folder.glob("*/*.npy")):
                shutil.rmtree(entry.folder, ignore_errors=True)
        return freed

    def _others(self, signature: str) -> tuple[str, ...]:
        """Other signatures of the same identity under which features are kept, as they were when first asked for."""
        if signature not in self._of_other_versions:
            mine = identity_of(signature)
            kept = sorted(self.signatures()) if is_stated(signature) else []
            self._of_other_versions[signature] = tuple(
                each for each in kept if each != signature and identity_of(each) == mine
            )
        return self._of_other_versions[signature]

    def _path(self, signature: str, key: str) -> Path:
        return self._root(signature) / digest(signature) / key[:2] / f"{key}.npy"

    def _root(self, signature: str) -> Path:
        """The folder, or one that is gone with this object for what must not outlast it."""
        if is_stated(signature):
            return self.folder
        if self._passing is None:
            self._passing = tempfile.TemporaryDirectory(prefix="humangrade-", ignore_cleanup_errors=True)
        return Path(self._passing.name)

    def _make(self, folder: Path, signature: str) -> None:
        """Make a folder, each time anew: another process may have pruned it."""
        folder.mkdir(parents=True, exist_ok=True)
        name = folder.parent / _NAME
        if not name.exists():
            write_atomically(name, signature)
