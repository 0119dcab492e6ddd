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


def test_alerts_are_added_to_whatever_a_file_holds(place, cli):
    before = b"\xff\xfenot text\x00"
    (place / "alerts").write_bytes(before)
    code, _, err = cli("study", "run", *METRICS, "--alerts", "alerts")
    assert code == 1 and not err
    found = (place / "alerts").read_bytes()
    assert found.startswith(before + b"\n") and json.loads(found[len(before) :])["verdict"] == "worse"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no such pipes here")
def test_alerts_go_into_no_device_or_pipe(place, cli):
    os.mkfifo(place / "pipe")
    for name in ("pipe", "/dev/zero"):
        code, out, err = cli("study", "run", *METRICS, "--alerts", name)
        assert (code, out) == (2, "") and f"--alerts is {name}, which is no file; name a file" in err


def test_no_name_is_a_command_of_github_actions(place, cli, monkeypatch):
    run = samples(place / "theirs", (300, 600), bad=[600], name="::error file=x::hear ##[group]me")
    for path in run.rglob("*.png"):
        os.utime(path, (1e9, 1e9))
    assert "\n::error file=x::hear ##[group]me/600 is worse" in cli("study", "theirs", *METRICS)[1]
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    create_study(place / "again", place / "other", tasks=["look"], evaluators=1).close()
    code, out, err = cli("again", "theirs", *METRICS)
    assert code == 1 and "hear ## [group]me/600 is worse" in out
    code, best, worse = cli("again", "nowhere", *METRICS)
    assert code == 2
    for said in (out, err, best, worse):
        assert not any(line.lstrip().startswith("::") for line in said.splitlines()) and "##[" not in said


def test_a_files_name_is_no_command_of_the_terminal(place, cli):
    (place / "run" / "sample" / "a\x1b[2J\nb.png").write_bytes(b"")
    _, out, _ = cli("study", "run", *METRICS)
    assert "\x1b" not in out and "a\\x1b[2J\\nb.png has a name that no table can hold" in out


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"step": "abc", "epoch": "3"}, "the step 'abc', which is no whole number"),
        ({"step": "9" * 5000}, f"the step '{'9' * 40}', which is no whole number"),
        ({"checkpoint": "a", "training_images": str(2**31)}, "the training_images '2147483648', which is no whole"),
        ({"checkpoint": "a", "epoch": "1e400"}, "the epoch '1e400', which is no whole number"),
    ],
)
def test_a_wrong_number_in_a_runs_table_is_said_with_its_place(place, cli, cells, said):
    path = sample(place / "drawn", 300, 0)
    row = {"image": path.name, "model": "m", "prompt": "p", "seed": "1", **cells}
    (place / "drawn" / "items.csv").write_text(f"{','.join(row)}\n{','.join(row.values())}\n", encoding="utf-8")
    code, _, err = cli("study", "drawn", *METRICS)
    assert code == 2 and f"items.csv: the image '{path.name}' has {said}" in err.replace("\n", " ")


def test_a_prompts_number_without_an_end_is_none(place, cli):
    path = sample(place / "drawn", 300, 0)
    row = {"image": path.name, "model": "m", "checkpoint": "1", "seed": "1", "prompt_number": "9" * 5000}
    (place / "drawn" / "items.csv").write_text(f"{','.join(row)}\n{','.join(row.values())}\n", encoding="utf-8")
    (place / "prompts.txt").write_text("a cat --d 1\n")
    code, out, _ = cli("study", "drawn", *METRICS, "--prompts", "prompts.txt")
    assert code == 0 and "3 new images" in out
