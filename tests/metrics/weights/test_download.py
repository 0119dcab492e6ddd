import hashlib
import itertools
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

import metrics.weights.download
from metrics.errors import InputError
from metrics.weights.download import download, read_json
from tests.metrics.sites import serving_site

CONTENT = np.random.default_rng(0).bytes(700_001)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setattr(metrics.weights.download, "_WAIT", 0.0)
    with serving_site() as site:
        site.pages["/file"] = CONTENT
        yield site


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


@pytest.mark.parametrize("sha256", [SHA256, SHA256[:8], ""])
def test_a_file_comes_whole_and_alone(site, tmp_path, sha256):
    path = download(f"{site.url}/file", tmp_path / "new" / "a.pth", sha256)
    assert path.read_bytes() == CONTENT
    assert files(path.parent) == ["a.pth"]


def test_a_lost_connection_is_resumed_in_the_same_run(site, tmp_path):
    site.cuts = iter([300_000, 50_000, None])
    assert download(f"{site.url}/file", tmp_path / "a.pth", SHA256).read_bytes() == CONTENT
    assert site.asked == [None, "bytes=300000-", "bytes=350000-"]


def test_an_interrupted_fetch_goes_on_in_the_next_run(site, tmp_path):
    (tmp_path / "a.pth.part").write_bytes(CONTENT[:123_456])
    assert download(f"{site.url}/file", tmp_path / "a.pth", SHA256).read_bytes() == CONTENT
    assert site.asked == ["bytes=123456-"]
    assert files(tmp_path) == ["a.pth"]


@pytest.mark.process
def test_a_process_that_is_killed_leaves_a_part_that_the_next_one_goes_on_with(site, tmp_path):
    site.pause = 60.0
    code = (
        "import sys; from pathlib import Path; from metrics.weights.download import download\n"
        "download(sys.argv[1], Path(sys.argv[2]), sys.argv[3])"
    )
    arguments = [sys.executable, "-c", code, f"{site.url}/file", str(tmp_path / "a.pth"), SHA256]
    process = subprocess.Popen(arguments, cwd=Path(metrics.__file__).parent.parent)
    try:
        part = tmp_path / "a.pth.part"
        until = time.monotonic() + 30
        while not (part.exists() and part.stat().st_size) and time.monotonic() < until:
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
    assert files(tmp_path) == ["a.pth.part"]
    came = part.stat().st_size
    site.pause = 0.0
    assert download(f"{site.url}/file", tmp_path / "a.pth", SHA256).read_bytes() == CONTENT
    assert site.asked == [None, f"bytes={came}-"]


def test_a_redirect_keeps_the_range(site, tmp_path):
    (tmp_path / "a.pth.part").write_bytes(CONTENT[:10])
    assert download(f"{site.url}/moved/file", tmp_path / "a.pth", SHA256).read_bytes() == CONTENT
    assert site.asked == ["bytes=10-", "bytes=10-"]


def test_a_server_without_ranges_gives_the_file_anew(site, tmp_path):
    site.ranges = False
    site.cuts = iter([300_000, None])
    assert download(f"{site.url}/file", tmp_path / "a.pth", SHA256).read_bytes() == CONTENT
    assert site.asked == [None, "bytes=300000-"]


def test_a_part_that_is_whole_already_only_needs_its_name(site, tmp_path):
    (tmp_path / "a.pth.part").write_bytes(CONTENT)
    assert download(f"{site.url}/file", tmp_path / "a.pth", SHA256).read_bytes() == CONTENT


def test_without_a_sha256_nothing_is_pieced_together(site, tmp_path):
    (tmp_path / "a.pth.part").write_bytes(b"of another version")
    site.cuts = iter([300_000, None])
    assert download(f"{site.url}/file", tmp_path / "a.pth").read_bytes() == CONTENT
    assert site.asked == [None, None]


@pytest.mark.parametrize("start", [b"", b"of another version"])
def test_a_wrong_sha256_leaves_nothing_and_the_next_run_starts_anew(site, tmp_path, start):
    (tmp_path / "a.pth.part").write_bytes(start)
    wanted = "00" * 32 if not start else SHA256
    with pytest.raises(InputError, match=rf"sha256 starts with [0-9a-f]{{12}} instead of {wanted[:12]}, so it was not"):
        download(f"{site.url}/file", tmp_path / "a.pth", wanted)
    assert files(tmp_path) == []
    assert download(f"{site.url}/file", tmp_path / "a.pth", SHA256).read_bytes() == CONTENT


def test_the_right_name_keeps_its_old_file_when_the_new_one_is_wrong(site, tmp_path):
    (tmp_path / "a.pth").write_bytes(b"old")
    with pytest.raises(InputError):
        download(f"{site.url}/file", tmp_path / "a.pth", "00" * 32)
    assert (tmp_path / "a.pth").read_bytes() == b"old"


def test_content_is_checked_before_the_file_takes_its_name(site, tmp_path):
    def check(file):
        assert file.read_bytes() == CONTENT
        assert not (tmp_path / "a.pth").exists()
        raise InputError("This is something else.")

    with pytest.raises(InputError, match="something else"):
        download(f"{site.url}/file", tmp_path / "a.pth", check=check)
    assert files(tmp_path) == []


def test_a_connection_that_is_always_lost_is_given_up_and_kept(site, tmp_path):
    site.cuts = itertools.chain([200_000], itertools.repeat(0))
    with pytest.raises(InputError, match=r"connection was lost; 0.2 MB are kept for the next try\); have patience"):
        download(f"{site.url}/file", tmp_path / "a.pth", SHA256, otherwise="have patience")
    assert files(tmp_path) == ["a.pth.part"]
    site.cuts = itertools.repeat(None)
    assert download(f"{site.url}/file", tmp_path / "a.pth", SHA256).read_bytes() == CONTENT
    assert site.asked[-1] == "bytes=200000-"


@pytest.mark.parametrize(("status", "requests"), [(404, 1), (403, 1), (503, 4)])
def test_an_error_of_the_server_is_named(site, tmp_path, status, requests):
    site.status = status
    with pytest.raises(InputError, match=rf"http://127.0.0.1:\d+/file could not be fetched .*answers {status} "):
        download(f"{site.url}/file", tmp_path / "a.pth", SHA256)
    assert len(site.asked) == requests
    assert files(tmp_path) == []


def test_without_a_server_there_is_one_sentence(site, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/file"
        with pytest.raises(InputError, match=r"could not be fetched \(Connection refused\); check the network and try"):
            download(url, tmp_path / "a.pth", SHA256)


def test_without_a_name_server_there_is_one_sentence(site, tmp_path):
    with pytest.raises(
        InputError, match=r"^https://nowhere.invalid/a could not be fetched \(the name nowhere.invalid is"
    ):
        download("https://nowhere.invalid/a", tmp_path / "a.pth")


def test_two_processes_do_not_write_one_file(site, tmp_path):
    with FileLock(tmp_path / ".a.pth.lock"), pytest.raises(InputError, match="another process"):
        download(f"{site.url}/file", tmp_path / "a.pth", SHA256)
    assert site.asked == []


def test_a_folder_that_cannot_be_written_is_named(site, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match=r"file/a.pth cannot be written"):
        download(f"{site.url}/file", tmp_path / "file" / "a.pth", SHA256)


def test_nothing_is_drawn_where_nobody_looks(site, tmp_path, capsys):
    download(f"{site.url}/file", tmp_path / "a.pth", SHA256)
    assert capsys.readouterr() == ("", "")


def test_json_of_a_server(site):
    site.pages["/file"] = b'[{"path": "a"}]'
    assert read_json(f"{site.url}/file") == [{"path": "a"}]
    site.pages["/file"] = b"<html>"
    with pytest.raises(InputError, match="could not be read"):
        read_json(f"{site.url}/file")
    site.status = 404
    with pytest.raises(InputError, match="answers 404"):
        read_json(f"{site.url}/file")
