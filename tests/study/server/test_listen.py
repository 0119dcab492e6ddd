"""Connections that say nothing, say too much or take nothing: raters do not notice, and memory does not either."""

import resource
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from study.server import listen
from tests.study.command import RUN_CLI, free_port, links, serving

pytestmark = pytest.mark.process

HALVES = (
    b"",
    b"GET /rate/ HTTP/1.1\r\nHost: a\r\n",
    b"PUT /api/rater/x/ratings/y HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n{",
)


@pytest.fixture
def limited():
    """A function that lets the next process, and this one, open so many files; undone at the end."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)

    def limit(files: int) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture
def after(monkeypatch):
    """A function by which commands begin with some lines of Python."""

    def begin(lines: str) -> None:
        start = [sys.executable, "-c", f"{lines}; {RUN_CLI}"]
        monkeypatch.setattr("tests.study.command.command_line", lambda *given: [*start, *map(str, given)])

    return begin


@pytest.fixture
def study(make_study):
    study = make_study(images=6, references=0, tasks=("aesthetic",), evaluators=("ann", "bob"))
    study.close()
    return study


def rate_all(base: str, token: str) -> list[int]:
    """Rate everything, each answer over a connection of its own."""
    rater = f"{base}/api/rater/{token}"
    session = httpx.get(f"{rater}/session", timeout=20).json()
    answers = [
        httpx.put(f"{rater}/ratings/{one['id']}", json={"rating": 3, "client_id": one["id"]}, timeout=20)
        for one in session["tasks"][0]["assignments"]
    ]
    return [answer.status_code for answer in answers]


def memory(process: int) -> float:
    """Resident, in MiB."""
    text = Path(f"/proc/{process}/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def test_more_silent_and_half_open_connections_than_files_stop_nobody(study, limited, after):
    port = free_port()
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] < 4096:
        pytest.skip("this process may not open the 1,100 connections")
    after("import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))")
    limited(4096)
    with serving("serve", study.folder, "--port", port, cwd=study.folder, until="Serving;") as (process, printed):
        base, token = f"http://127.0.0.1:{port}", links(printed, "rate")[0].partition("key=")[2]
        held = []
        for number in range(1100):
            held.append(socket.create_connection(("127.0.0.1", port), timeout=20))
            held[-1].sendall(HALVES[number % len(HALVES)])
        assert rate_all(base, token) == [200] * 6
        for one in held:
            one.close()
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=20)
        assert rest in ("", None) and process.returncode == 0


def test_a_connection_that_never_asks_is_closed(study, after):
    after("from study.server import listen; listen.REQUEST_SECONDS = 1.0")
    port = free_port()
    with serving("serve", study.folder, "--port", port, cwd=study.folder, until="Serving;"):
        for half in HALVES:
            with socket.create_connection(("127.0.0.1", port), timeout=20) as held:
                held.sendall(half)
                answer = b""
                while part := received(held):
                    answer += part
                assert answer == b"" or answer.startswith(b"HTTP/1.1 404")
        with socket.create_connection(("127.0.0.1", port), timeout=20) as dripping:
            dripping.sendall(b"GET / HTTP/1.1\r\n")
            began = time.monotonic()
            with pytest.raises(OSError):
                while time.monotonic() < began + 20:
                    dripping.sendall(b"x: y\r\n")
                    time.sleep(0.1)
        assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 200


def received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize("headers", ["Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked"])
def test_a_body_without_end_fills_no_memory(study, headers):
    port = free_port()
    with serving("serve", study.folder, "--port", port, cwd=study.folder, until="Serving;") as (process, printed):
        token = links(printed, "rate")[0].partition("key=")[2]
        before = memory(process.pid)
        for name in ("nobody", token):
            with socket.create_connection(("127.0.0.1", port), timeout=20) as endless:
                start = f"PUT /api/rater/{name}/ratings/x HTTP/1.1\r\nHost: a\r\n{headers}\r\n\r\n"
                endless.sendall(start.encode())
                try:
                    for _ in range(100):
                        endless.sendall(b"100000\r\n" + b"a" * (1 << 20) + b"\r\n")
                except OSError:
                    pass
        assert memory(process.pid) < before + 40
        assert rate_all(f"http://127.0.0.1:{port}", token) == [200] * 6


def test_a_link_is_looked_up_before_the_body_is_read(study):
    port = free_port()
    with (
        serving("serve", study.folder, "--port", port, cwd=study.folder, until="Serving;"),
        socket.create_connection(("127.0.0.1", port), timeout=20) as waiting,
    ):
        waiting.sendall(b"PUT /api/rater/nobody/ratings/x HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n")
        answer = waiting.recv(65536)  # although nothing of the body was sent
        assert answer.startswith(b"HTTP/1.1 404") and b"connection: close" in answer.lower()


def test_sigterm_ends_like_ctrl_c(study):
    port = free_port()
    with serving("serve", study.folder, "--port", port, cwd=study.folder, until="Serving;") as (process, _):
        assert sorted(file.name for file in study.folder.iterdir() if file.name.startswith(".serving")) == [
            ".serving",
            ".serving-at",
        ]
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=20)
        assert (process.returncode, rest or "") == (0, "")
    assert sorted(file.name for file in study.folder.iterdir()) == ["items.csv", "ratings.sqlite", "study.yaml"]


def test_sigterm_before_the_first_answer_ends_alike(study, after):
    after("import time; from study.server import app; app.run = lambda *given: time.sleep(60)")
    with serving("serve", study.folder, "--port", free_port(), cwd=study.folder, until="Serving;") as (process, _):
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=20)
        assert (process.returncode, rest or "") == (0, "")


def test_the_connection_limit_follows_the_open_files(limited):
    limited(1024)
    assert listen._most_connections() >= 1024 - 384
    assert listen._most_connections() <= listen.MOST_CONNECTIONS


def test_an_answer_that_nobody_takes_is_given_up(study, after):
    after("from study.server import listen; listen.STALLED_SECONDS = 1.0")
    picture = next((study.folder.parent / "images").rglob("*.png"))
    picture.write_bytes(picture.read_bytes() + b"\x00" * 12_000_000)
    port = free_port()
    with serving("serve", study.folder, "--port", port, cwd=study.folder, until="Serving;") as (process, printed):
        before = memory(process.pid)
        token = links(printed, "rate")[0].partition("key=")[2]
        rater = f"/api/rater/{token}"
        ids = [
            one["id"] for one in httpx.get(f"http://127.0.0.1:{port}{rater}/session").json()["tasks"][0]["assignments"]
        ]
        ended = threading.Event()

        def take_nothing() -> None:
            for public_id in ids * 5:
                with socket.create_connection(("127.0.0.1", port), timeout=20) as lazy:
                    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                    lazy.sendall(f"GET {rater}/images/{public_id} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            ended.set()

        threading.Thread(target=take_nothing, daemon=True).start()
        assert ended.wait(60)
        assert rate_all(f"http://127.0.0.1:{port}", token) == [200] * 6
        time.sleep(3)
        assert memory(process.pid) < before + 50
