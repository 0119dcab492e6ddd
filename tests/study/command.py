"""Running the command line in tests: in this process, or as a server in another."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest

from study.cli import main

ROOT = Path(__file__).resolve().parent.parent.parent
RUN_CLI = "import sys; from study.cli import main; sys.argv[0] = 'humangrade'; main()"


def run_cli(monkeypatch, capsys, *arguments) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of one command."""
    monkeypatch.setattr(sys, "argv", ["humangrade", *map(str, arguments)])
    capsys.readouterr()
    with pytest.raises(SystemExit) as ending:
        main()
        sys.exit(0)
    out, err = capsys.readouterr()
    return int(ending.value.code or 0), out, err


def command_line(*arguments) -> list[str]:
    """The installed humangrade where there is one beside this Python, otherwise this checkout's."""
    installed = Path(sys.executable).with_name("humangrade")
    start = [str(installed)] if installed.exists() else [sys.executable, "-c", RUN_CLI]
    return [*start, *map(str, arguments)]


def environment() -> dict[str, str]:
    """What a command of this checkout needs."""
    return dict(os.environ, PYTHONUNBUFFERED="1", PYTHONPATH=str(ROOT), COLUMNS="200")


def run_command(*arguments, cwd: Path) -> subprocess.CompletedProcess:
    """Run a command in a process of its own, to its end."""
    return subprocess.run(command_line(*arguments), cwd=cwd, env=environment(), capture_output=True, text=True)


@contextlib.contextmanager
def serving(*arguments, cwd: Path, until: str, seconds: float = 120) -> Iterator[tuple[subprocess.Popen, list[str]]]:
    """A serving command, and what it printed up to the line that contains `until`; it is ended at the end."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = subprocess.Popen(command_line(*arguments), cwd=cwd, env=environment(), text=True, **streams)
    lines: Queue[str | None] = Queue()

    def read() -> None:
        for line in process.stdout:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    printed = []
    try:
        while True:
            line = lines.get(timeout=seconds)
            assert line is not None, "the server ended: " + "".join(printed)
            printed.append(line)
            if until in line:
                break
        yield process, printed
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def links(printed: list[str], kind: str) -> list[str]:
    """The links of a kind ("rate" or "owner") in what a server printed."""
    return [link for link in re.findall(r"http://\S+", "".join(printed)) if f"/{kind}/" in link]


def finished_report(client, address: str, seconds: float = 120):
    """The live report, once it is made; until then the page says that it is being made."""
    end = time.monotonic() + seconds
    while True:
        response = client.get(address)
        if response.status_code != 200 or "The report is being made." not in response.text:
            return response
        assert time.monotonic() < end, "no report in time"
        time.sleep(0.3)
