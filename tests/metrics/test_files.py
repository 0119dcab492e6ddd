"""Reading files in bounds; and writing the whole file or the old one, and nothing beside it."""

import errno
import hashlib
import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from metrics.errors import InputError
from metrics.files import digest_of, not_written, read_input, read_regular_file, write_atomically, write_together


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_text_is_utf8_and_bytes_are_bytes(tmp_path):
    assert write_atomically(tmp_path / "a.txt", "é\r\n").read_bytes() == b"\xc3\xa9\r\n"
    assert write_atomically(str(tmp_path / "b.bin"), b"\x00\xff").read_bytes() == b"\x00\xff"


def test_missing_folders_are_made_and_nothing_else_is_left(tmp_path):
    write_atomically(tmp_path / "x" / "y" / "a.txt", "new")
    assert [path.name for path in (tmp_path / "x" / "y").iterdir()] == ["a.txt"]


def test_an_old_file_is_replaced_with_its_mode(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("a longer text than the new one")
    path.chmod(0o640)
    write_atomically(path, "new")
    assert (path.read_text(), mode(path)) == ("new", 0o640)


def test_a_new_file_has_the_mode_of_any_new_file(tmp_path):
    before = os.umask(0o027)
    try:
        path = write_atomically(tmp_path / "a.txt", "new")
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert mode(path) == 0o640


@pytest.mark.parametrize("step", ["fsync", "replace", "chmod"])
def test_a_failure_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, step):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os if step == "fsync" else Path, step, fail)
    with pytest.raises(InputError, match=r"a\.txt cannot be written \(the disk is full\)"):
        write_atomically(path, "new")
    monkeypatch.undo()
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("a.txt", "old")]


def test_an_interruption_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, "new")
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("a.txt", "old")]


def test_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("a file")
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    for path in (tmp_path / "file" / "a.txt", tmp_path / "folder", tmp_path / ("x" * 300)):
        with pytest.raises(InputError, match="cannot be written"):
            write_atomically(path, "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.parametrize("bad", ["first", "last"])
def test_files_that_belong_together_are_written_all_or_none(tmp_path, bad):
    paths = [tmp_path / "out" / name for name in ("first", "middle", "last")]
    write_together({path: "old" for path in paths if path.name != bad})
    (tmp_path / "out" / bad).mkdir()
    with pytest.raises(InputError, match=rf"{bad} cannot be written \(Is a directory\)"):
        write_together(dict.fromkeys(paths, "new"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["first", "last", "middle"]
    assert {path.read_text() for path in paths if path.name != bad} == {"old"}
    (tmp_path / "out" / bad).rmdir()
    assert write_together(dict.fromkeys(paths, "new")) == paths
    assert {path.read_text() for path in paths} == {"new"}


def test_nothing_is_replaced_before_everything_is_on_the_disk(tmp_path, monkeypatch):
    paths = [tmp_path / name for name in "abc"]
    write_together(dict.fromkeys(paths, "old"))
    real, calls = os.fsync, []

    def fail_at_the_last(descriptor):
        calls.append(descriptor)
        if len(calls) == len(paths):
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fail_at_the_last)
    with pytest.raises(InputError, match=r"c cannot be written \(the disk is full\)"):
        write_together(dict.fromkeys(paths, "new"))
    assert [(path.name, path.read_text()) for path in sorted(tmp_path.iterdir())] == [(name, "old") for name in "abc"]


def test_what_is_no_file_is_not_read(tmp_path):
    """A device never ends, and a pipe may never begin."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "circle").symlink_to("circle")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        kinds = {
            "zero": "a device",
            "pipe": "a pipe",
            "socket": "a socket",
            "": "directory",
            "circle": "symbolic links",
        }
        for name, kind in kinds.items():
            with pytest.raises(OSError, match=kind):
                read_regular_file(tmp_path / name, 100)
    with pytest.raises(OSError, match="null"):
        read_regular_file(tmp_path / "a\0b", 100)


def test_a_file_is_read_up_to_the_limit_and_refused_before_it_is_read(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"x" * 100)
    assert read_regular_file(path, 100) == b"x" * 100
    assert digest_of(path, 100) == hashlib.sha256(b"x" * 100).hexdigest()
    with pytest.raises(OSError, match="larger than"):
        read_regular_file(path, 99)
    with path.open("wb") as file:
        file.truncate(2**40)  # a terabyte of nothing
    for read in (read_regular_file, digest_of):
        with pytest.raises(OSError, match="larger than 1 MB"):
            read(path, 10**6)


def test_a_file_that_says_no_size_is_read_to_its_end():
    """As those of /proc do."""
    status = Path("/proc/self/maps")
    if not status.exists():
        pytest.skip("no /proc here")
    assert status.stat().st_size == 0
    assert len(read_regular_file(status, 10**7)) > 1000
    with pytest.raises(OSError, match="larger than"):
        read_regular_file(status, 1000)


def test_a_pipe_that_nobody_writes_to_ends(tmp_path, monkeypatch):
    monkeypatch.setattr("metrics.files.SECONDS_FOR_A_WRITER", 0.1)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(
        InputError, match=r"pipe cannot be read \(it is a pipe, and nobody wrote to it .*\); check it\."
    ):
        read_input(tmp_path / "pipe", 100, "check it")


def test_a_pipe_that_falls_silent_ends(tmp_path, monkeypatch):
    monkeypatch.setattr("metrics.files.SECONDS_OF_SILENCE", 0.1)
    os.mkfifo(tmp_path / "pipe")
    holder = os.open(tmp_path / "pipe", os.O_RDWR)
    try:
        os.write(holder, b"something")
        with pytest.raises(InputError, match="nothing came"):
            read_input(tmp_path / "pipe", 100, "check it")
    finally:
        os.close(holder)


def test_a_pipe_without_an_end_is_left_at_the_limit(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = subprocess.Popen(["sh", "-c", 'cat /dev/zero > "$0"', str(tmp_path / "pipe")], stderr=subprocess.DEVNULL)
    try:
        with pytest.raises(InputError, match=r"larger than 5 MB.*; take a part of it"):
            read_input(tmp_path / "pipe", 5_000_000, "check it")
        assert writer.wait(20) != 0
    finally:
        writer.kill()
        writer.wait()


def test_none_removes_and_a_failure_removes_nothing(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("of an earlier run")
    (tmp_path / "file").write_text("a file")
    with pytest.raises(InputError, match="cannot be written"):
        write_together({old: None, new: "new", tmp_path / "file" / "inner": "x"})
    assert old.exists() and not new.exists()
    assert write_together({old: None, new: "new", tmp_path / "never": None}) == [new]
    assert not old.exists() and new.read_text() == "new"
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        write_together({tmp_path / "folder": None})


def test_folders_made_for_a_file_that_cannot_be_written_go_again(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="the disk is full"):
        write_atomically(tmp_path / "x" / "y" / "a.txt", "new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "the disk is full as far as your quota goes"),
        (errno.EROFS, "Read-only file system"),
        (errno.ENAMETOOLONG, "File name too long"),
    ],
)
def test_why_a_file_cannot_be_written(number, said):
    assert f"a.txt cannot be written ({said}); " in str(not_written("a.txt", OSError(number, os.strerror(number))))


def test_a_name_of_the_greatest_length_can_be_written(tmp_path):
    assert write_atomically(tmp_path / ("x" * 255), "new").read_text() == "new"
