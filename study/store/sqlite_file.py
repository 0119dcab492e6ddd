"""Is the database that is open the one at its path, and does the log beside it belong to it?

SQLite trusts file names: it goes on writing into a file that was deleted or replaced (a restore, a sync tool), and it
replays whatever log (``-wal``) lies beside a database when that is opened. So every transaction of ours leaves a mark
in the database's header, a random number in ``user_version``, and the mark before it in ``application_id``. Marks form
a chain, by which a log can be told to continue a file or not.
"""

import os
import secrets
import sqlite3
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection

from metrics.errors import InputError
from study.store.records import NotSaved

_WAL_HEADER = struct.Struct(">IIIIIIII")  # magic, version, page size, sequence, two salts, two checksums
_FRAME_HEADER = struct.Struct(">IIIIII")  # page, size after a COMMIT, two salts, two checksums
_WAL_MAGIC = (0x377F0682, 0x377F0683)
_USER_VERSION, _APPLICATION_ID = 60, 68  # where SQLite's header has them

_LOOK_AGAIN_SECONDS = 0.1
_LOOKS = 50

Identity = tuple[int, int]


class DatabaseGone(NotSaved):
    """The open database is not the file at its path any more; the words say what happened and what to do."""


class DatabaseFile:
    """The file that a database was opened from.

    Parameters
    ----------
    path : Path
        Of the database.
    """

    def __init__(self, path: Path):
        self.path = path
        self.identity = identity(path)
        self._beside: dict[Path, Identity | None] = {}
        self._left = self._state()
        self._reached: int | None = None
        self._last: int | None = None
        self._overwritten = ""

    def check(self, mark: int | None = None, is_alone: bool = False) -> None:
        """Raise DatabaseGone unless the file at the path, and SQLite's files beside it, are those that are open.

        Parameters
        ----------
        mark : int, optional
            The mark in the transaction that is going to be committed. With it the content is looked at as well,
            where somebody else has written into the file since `note_commit`.
        is_alone : bool
            Whether nobody else has changed the database since `note_commit`: its mark is then the one left there.
        """
        if self._overwritten:
            raise DatabaseGone(self._overwritten)
        there = identity(self.path)
        if there is None:
            raise DatabaseGone(
                f"{self.path} was deleted or moved while it was open, so nothing is saved; put it back, or stop and "
                "restore it before you start again."
            )
        if there != self.identity:
            raise DatabaseGone(
                f"{self.path} was replaced by another file while it was open, so nothing is saved; stop, make sure "
                "that the right file is there, and start again."
            )
        for beside, known in self._beside.items():
            if identity(beside) != known:
                raise DatabaseGone(
                    f"{beside} was deleted or replaced while {self.path.name} was open, so nothing is saved; stop, and "
                    "start again."
                )
        is_strange = is_alone and self._last not in (None, mark)
        if mark is not None and self.was_touched() and (is_strange or not self._continues(mark)):
            self._overwritten = (  # for good: SQLite may have taken some of the new content for the old
                f"{self.path} was overwritten while it was open, so nothing is saved; stop, make sure that the right "
                "file is there, and start again."
            )
            raise DatabaseGone(self._overwritten)

    def was_touched(self) -> bool:
        """Whether somebody has written into the file since `note_commit`."""
        return self._state() != self._left

    def note_reached(self, mark: int) -> None:
        """The log was brought into the file up to this mark: from here on it never holds an older one."""
        self._reached = mark

    def note_commit(self, mark: int | None = None, reached: bool = False) -> None:
        """Remember how a COMMIT of ours left the file: its mark, and whether the log was brought into it as far."""
        self._left, self._last = self._state(), mark
        if not self._beside:
            self._beside = {beside: identity(beside) for beside in (log_of(self.path), index_of(self.path))}
        if reached:
            self._reached = mark

    def set_log_aside(self) -> None:
        """Where another file stands at the path, rename the old one's log, so that nothing replays it."""
        log = log_of(self.path)
        ours = self._beside.get(log)
        is_replaced = identity(self.path) not in (None, self.identity)
        if is_replaced and ours is not None and identity(log) == ours:
            log.rename(log.with_name(f"{log.name}.replaced-{secrets.token_hex(4)}"))

    def _state(self) -> tuple[int, int] | None:
        try:
            stat = self.path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size

    def _continues(self, mark: int) -> bool:
        """Whether the file holds this mark, or one before it that a checkpoint held up by a reader has left there.

        It is looked at again for a while, since another process may be bringing its own transaction into the file.
        """
        for _ in range(_LOOKS):
            held, possible = mark_in(self.path), marks_before(log_of(self.path))
            if self._reached in possible:
                possible = possible[possible.index(self._reached) :]
            if held is not None and (held == mark or held in possible):
                self._reached = held
                return True
            time.sleep(_LOOK_AGAIN_SECONDS / 5)
        return False


def not_saved(error: sqlite3.Error | BaseException, path: Path | str) -> NotSaved:
    """A database error in plain words."""
    code = getattr(error, "sqlite_errorcode", 0) or 0
    if code == sqlite3.SQLITE_READONLY_DBMOVED:
        return DatabaseGone(f"{path} was moved while it was open, so nothing is saved; stop, and put it back.")
    if code & 0xFF == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE:
        return NotSaved(f"The disk that holds {path} is full, so nothing is saved; make room.")
    if code & 0xFF == sqlite3.SQLITE_READONLY:
        return NotSaved(f"{path} cannot be written, so nothing is saved; make it and its folder writable.")
    if code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return NotSaved(f"Another program keeps {path} locked, so nothing is saved; end it.")
    return NotSaved(f"{path} cannot be used ({error}), so nothing is saved; check the disk, or restore the file.")


def identity(path: Path) -> Identity | None:
    """Device and inode of a file; None where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def log_of(path: Path) -> Path:
    """SQLite's write-ahead log beside a database; where that is a link, beside what it leads to."""
    place = path.resolve()
    return place.with_name(f"{place.name}-wal")


def index_of(path: Path) -> Path:
    """SQLite's index of that log, which all who have the database open share."""
    place = path.resolve()
    return place.with_name(f"{place.name}-shm")


def mark(connection: Connection) -> int:
    """The mark that the last transaction left."""
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())


def leave_mark(connection: Connection, before: int) -> int:
    """Put a new mark into the transaction, and the one before beside it."""
    new = secrets.randbelow(2**31 - 1) + 1
    connection.exec_driver_sql(f"PRAGMA application_id={before}")
    connection.exec_driver_sql(f"PRAGMA user_version={new}")
    return new


def mark_in(path: Path) -> int | None:
    """The mark in the file alone, without its log; None where it cannot be read as a database.

    SQLite itself reads it: a file of its that this process opened and closed by other means would lose its locks.
    """
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.Error:
        return None


def marks_before(log: Path) -> list[int]:
    """The marks that a database may have for its log to lead on from it, in order; none where the log is empty."""
    chain = list(_chain(log))
    return [chain[0][1], *(mark for mark, _ in chain)] if chain else []


def refuse_foreign_log(path: Path) -> None:
    """Raise InputError where the log beside a database would be replayed into it and does not continue it.

    Parameters
    ----------
    path : Path
        Of a database that is not open here.

    Raises
    ------
    InputError
        With what to do.
    """
    journal = path.resolve().with_name(f"{path.resolve().name}-journal")
    if _size(journal) and mark_in(path):  # a database that is just being made has one, and no mark
        raise InputError(
            f"{journal} lies beside the database, and would be played back into it, but humangrade leaves no such "
            "file; move it away, or restore the database that it belongs to."
        )
    if not _has_foreign_log(path):
        return
    log = log_of(path)
    raise InputError(
        f"The log {log} does not belong to {path.name}, which was restored, replaced or copied while it was in use; "
        f"stop the server, if one is running. If {path.name} is the database that you want, move {log.name} away and "
        "start again; otherwise put back the database that the log belongs to."
    )


def _chain(log: Path) -> Iterator[tuple[int, int]]:
    """The mark, and the mark before it, of each transaction in a log that left one."""
    for page, content in _pages(log):
        if page == 1:
            yield _integer(content, _USER_VERSION), _integer(content, _APPLICATION_ID)


def has_log(path: Path) -> bool:
    """Whether there is a log with something in it beside a database."""
    return next(_pages(log_of(path)), None) is not None


def _has_foreign_log(path: Path) -> bool:
    """Whether the log does not lead on from the file; looked at until nothing moves, for somebody may be writing."""
    seen = None
    while True:
        marks = marks_before(log_of(path))
        if not marks and not has_log(path):
            return False
        held = mark_in(path)
        if held == 0 or held in marks:  # 0: made before there were marks
            return False
        if seen == (held, marks):
            return True
        seen = held, marks
        time.sleep(_LOOK_AGAIN_SECONDS)


def _pages(log: Path) -> Iterator[tuple[int, bytes]]:
    """The pages in a log that SQLite would replay, with their first 72 bytes (sqlite.org/fileformat.html, 4)."""
    try:
        file = log.open("rb")
    except FileNotFoundError:
        return
    with file:
        header = file.read(_WAL_HEADER.size)
        if len(header) < _WAL_HEADER.size:
            return
        magic, _, size, _, *salts, _, _ = _WAL_HEADER.unpack(header)
        if magic not in _WAL_MAGIC or not 512 <= size <= 65536:
            return
        while len(frame := file.read(_FRAME_HEADER.size + 72)) == _FRAME_HEADER.size + 72:
            page, _, *own, _, _ = _FRAME_HEADER.unpack_from(frame)
            if own != salts:
                return
            yield page, frame[_FRAME_HEADER.size :]
            file.seek(size - 72, os.SEEK_CUR)


def _integer(page: bytes, place: int) -> int:
    return int.from_bytes(page[place : place + 4], "big", signed=True)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
