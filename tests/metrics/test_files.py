"""write_atomically: the whole file or the old one, and nothing beside it."""

import os
import stat
from pathlib import Path

import pytest

from metrics.errors import InputError
from metrics.files import write_atomically, write_together


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
    with pytest.raises(InputError, match=r"a\.txt cannot be written \(No space left on device\)"):
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
    with pytest.raises(InputError, match=r"c cannot be written \(No space left on device\)"):
        write_together(dict.fromkeys(paths, "new"))
    assert [(path.name, path.read_text()) for path in sorted(tmp_path.iterdir())] == [(name, "old") for name in "abc"]
