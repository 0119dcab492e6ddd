"""The command track: what it prints, its files, its exit codes, and what it refuses."""

import json
import os
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from study.cli import track as track_cli
from study.folder.create import create_study
from study.runs.tracking.new_gates import GateRecord
from study.runs.watch import repeat
from tests.study.command import free_port, run_cli
from tests.study.runs.sample_folders import PROMPTS, sample, samples
from tests.study.samples import write_images

METRICS = ("--metric", "contrast,sharpness")


@contextmanager
def receiving():
    """A server that takes what it is sent: its address, and what it got."""
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/hooks", got
        running.shutdown()


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A study of something else, and a run whose last checkpoint is worse."""
    write_images(tmp_path / "other", ["a.png", "b.png"])
    create_study(tmp_path / "study", tmp_path / "other", tasks=["look"], evaluators=1).close()
    samples(tmp_path / "run", (300, 600), bad=[600])
    for path in tmp_path.rglob("*.png"):
        os.utime(path, (1e9, 1e9))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


@pytest.fixture
def cli(place, monkeypatch, capsys):
    """A function that runs track."""
    return lambda *arguments: run_cli(monkeypatch, capsys, "track", *arguments)


def test_a_worse_checkpoint_is_told_everywhere(place, cli):
    webhook = f"http://127.0.0.1:{free_port()}/hooks/secret"
    code, out, err = cli("study", "run", *METRICS, "--alerts", "alerts.jsonl", "--webhook", webhook)
    assert code == 1 and not err
    assert "anna/600 is worse than anna/300 by Contrast." in out
    assert f"{2 + 2 * PROMPTS} new images; {2 + 2 * PROMPTS} scored; 1 checkpoint judged." in out
    assert "Note: The webhook at 127.0.0.1 was not reached (Connection refused)." in out and "secret" not in out
    line = json.loads((place / "alerts.jsonl").read_text())
    assert (line["text"], line["verdict"]) == ("anna/600 is worse than anna/300 by Contrast.", "worse")
    assert line["gate"]["schema"] == "humangrade.gate/1"
    code, out, _ = cli("study", "run", *METRICS, "--alerts", "alerts.jsonl")
    assert code == 0 and "Nothing is new." in out
    code, out, _ = cli("study", "run", *METRICS, "--webhook", webhook)
    assert code == 0 and "1 alert from before waits for a later look." in out
    with receiving() as (address, got):
        code, out, _ = cli("study", "run", *METRICS, "--webhook", address)
        assert code == 0 and "The webhook took 1 alert that it had not taken before." in out
        assert got == [line]
        assert "webhook" not in cli("study", "run", *METRICS, "--webhook", address)[1]
    assert not [path for path in (place / "study").iterdir() if "undelivered" in path.name]
    assert len((place / "alerts.jsonl").read_text().splitlines()) == 1


def test_watching_ends_with_what_it_found(place, cli, monkeypatch):
    looks = []

    def sleep(seconds):
        looks.append(seconds)
        if len(looks) == 1:
            for number in range(PROMPTS):
                os.utime(sample(place / "run/sample", 900, number), (1e9, 1e9))
            (place / "other/a.png").rename(place / "gone.png")  # a pass that cannot be made ends nothing
        elif len(looks) == 3:
            (place / "gone.png").rename(place / "other/a.png")
        elif len(looks) == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr("study.runs.watch.repeat", lambda one_pass, every: repeat(one_pass, every, sleep))
    code, out, _ = cli("study", "run", *METRICS, "--watch", "--every", "3")
    assert code == 1 and looks == [3.0] * 5
    assert out.count("Watching study every 3 seconds; Ctrl-C ends it.") == 1
    assert out.count(f"{PROMPTS} new images; {PROMPTS} scored; 1 checkpoint judged.") == 1
    assert "Nothing is new." not in out and out.endswith("Stopped; what was found is recorded.\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("none", "run"), "none holds no study (study.yaml is missing); make one with humangrade init."),
        (("study", "nowhere"), "nowhere is not a folder"),
        (("study", "run", "--webhook", "file:///x"), "--webhook is no address that begins with http:// or https://"),
        (("study", "run", "--alerts", "run"), "--alerts is run, which is a folder"),
        (("study", "run", "--alerts", "none/a.jsonl"), "--alerts"),
        (("study", "run", "--metric", "beauty"), "There is no metric 'beauty'"),
        (("study", "run", "other", "--recipe", "r.yaml"), "--recipe draws into one folder"),
        (("study", "run", "--recipe", "r.yaml"), "r.yaml"),
        (("study", "run", "--prompts", "none.txt"), "none.txt cannot be read"),
        (("study", "run", *METRICS, "--against", "nonsense"), "no checkpoint 'nonsense'"),
        (("study", "run", *METRICS, "--task", "fun"), "Nobody has rated 'fun'"),
        (("study", "run", "--references", "none"), "--references is none, which is no folder"),
    ],
)
def test_bad_input_is_one_sentence(cli, arguments, words):
    code, _, err = cli(*arguments)
    assert code == 2 and words in err and err.count("\n") == 1, err


def test_a_file_of_alerts_gets_each_gate_once(tmp_path, capsys):
    from rich.console import Console

    record = GateRecord("anna/600", "anna/300", "worse", "It is worse.", {"verdict": "worse"}, "key1")
    path = tmp_path / "alerts.jsonl"
    path.write_text('{"cut off', encoding="utf-8")  # as a full disk leaves it
    for _ in range(2):
        track_cli._tell(record, tmp_path, path, None, Console(file=sys.stdout))
    cut, line = path.read_text(encoding="utf-8").splitlines()
    assert cut == '{"cut off' and json.loads(line) == record.alert(tmp_path)
    track_cli._tell(record, tmp_path / "another", path, None, Console(file=sys.stdout))  # a study of its own
    assert len(path.read_text(encoding="utf-8").splitlines()) == 3
    track_cli._tell(record, tmp_path, tmp_path / "none" / "a.jsonl", None, Console(file=sys.stdout))
    assert "cannot be written" in capsys.readouterr().out
