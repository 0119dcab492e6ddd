"""The report of this moment: the last one at once with its age, the next one in a process of its own, one at a time."""

import gzip
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from study.background.job import Job
from study.server import live_report
from study.server.live_report import LiveReport
from study.store.scratch import Scratch, sweep

pytestmark = pytest.mark.process


@pytest.fixture
def rated(make_study):
    """A study with four answers, and a way to give one more."""
    study = make_study(images=3, references=0, tasks=("aesthetic",), evaluators=("ann", "bob"))
    waiting = [(who.id, one.public_id) for who in study.store.evaluators() for one in study.store.assignments(who.id)]

    def rate(answer):
        evaluator, public_id = waiting.pop()
        study.store.rate(evaluator, public_id, answer, f"r-{len(waiting)}")

    for answer in (1, 3, 5, 2):
        rate(answer)
    yield study, rate
    study.close()


@pytest.fixture
def report(rated):
    report = LiveReport(rated[0])
    yield report
    report.close()


@pytest.fixture
def jobs(monkeypatch):
    """The jobs that were begun."""
    begun, original = [], live_report.Job
    monkeypatch.setattr(live_report, "Job", lambda *given: begun.append(original(*given)) or begun[-1])
    return begun


def text(report):
    return gzip.decompress(report.page()[0]).decode()


def ended(job):
    """Wait until a job is over, and what it made is kept."""
    assert job.wait(120)
    time.sleep(0.2)


def finished(report, patience=120):
    """The first page that is a report."""
    for _ in range(patience * 10):
        content, is_report = report.page()
        if is_report:
            return gzip.decompress(content).decode()
        time.sleep(0.1)
    raise AssertionError(gzip.decompress(content).decode())


def test_who_asks_first_is_told_to_wait_and_then_has_it(report, jobs):
    first, is_report = report.page()
    assert not is_report
    words = gzip.decompress(first).decode()
    assert "The report is being made." in words and '<meta http-equiv="refresh"' in words and "<progress" in words
    page = finished(report)
    assert "4 ratings by 2 evaluators" in page
    assert re.search(r"Made at \d\d:\d\d from 4 ratings\. Nothing had changed when this page was opened\.", page)
    assert len(jobs) == 1


def test_many_who_ask_at_once_get_one_report_and_nobody_waits(report, jobs, monkeypatch):
    """The process that makes the report is held until all are answered."""
    begin, made = live_report.Job, []

    def held(*given):
        made.append(begin(*given))
        os.kill(made[-1]._process.pid, signal.SIGSTOP)
        return made[-1]

    monkeypatch.setattr(live_report, "Job", held)
    threads = [threading.Thread(target=report.page, daemon=True) for _ in range(45)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    answered = [not thread.is_alive() for thread in threads]
    os.kill(made[0]._process.pid, signal.SIGCONT)
    assert all(answered)
    finished(report)
    for _ in range(5):
        report.page()
    assert len(jobs) == 1


def test_a_new_rating_makes_a_new_one_but_not_at_once(rated, report, jobs, monkeypatch):
    _, rate = rated
    finished(report)
    rate(4)
    words = text(report)
    newer = r"from 4 ratings\. Ratings or scores came in since; a reload after \d\d:\d\d:\d\d makes it anew\."
    assert re.search(newer, words) and len(jobs) == 1
    report._not_before = 0.0
    assert "from 4 ratings. A newer one is being made, " in text(report)
    ended(jobs[-1])
    assert "5 ratings by 2 evaluators" in text(report) and len(jobs) == 2


def test_scores_that_come_in_make_a_new_one(rated, report, jobs):
    study, _ = rated
    finished(report)
    items = study.items["item"]
    study.store.import_rows(scores=[{"item": item, "metric": "sharpness", "score": len(item)} for item in items])
    report._not_before = 0.0
    report.page()
    ended(jobs[-1])
    assert "Sharpness" in text(report) and len(jobs) == 2


def test_what_cannot_be_reported_is_said_in_words_and_not_tried_again(rated, report, jobs):
    study, _ = rated
    items = study.items["item"]
    study.store.import_rows(scores=[{"item": items[0], "metric": "huge", "score": 1e200}])
    report.page()
    ended(jobs[-1])
    assert "<h1>No report yet</h1>" in text(report) and "huge" in text(report)
    report._not_before = 0.0
    report.page()
    assert len(jobs) == 1


def test_it_runs_at_the_lowest_priority_and_ends_with_the_server(rated, tmp_path):
    study, _ = rated
    job = Job("report", study.folder, tmp_path / "x", study.store.identity)
    stat = Path(f"/proc/{job._process.pid}/stat")
    if not stat.exists():
        pytest.skip("only Linux tells")
    for _ in range(100):
        if os.sched_getscheduler(job._process.pid) == os.SCHED_IDLE:
            break
        time.sleep(0.1)
    assert os.sched_getscheduler(job._process.pid) == os.SCHED_IDLE
    assert int(stat.read_text().rpartition(")")[2].split()[16]) == 19
    job._process.stdin.close()  # as where the server was killed
    assert job._process.wait(20) == 1


def test_one_whose_process_was_killed_is_tried_again_and_said(rated, report, jobs, capfd):
    report.page()
    jobs[0]._process.kill()
    ended(jobs[-1])
    assert "is tried again" in text(report)
    assert "The report could not be made: its process ended with -9." in capfd.readouterr().err
    report._not_before = 0.0
    assert "4 ratings by 2 evaluators" in finished(report) and len(jobs) == 2


def test_the_page_counts_the_ratings_that_it_was_made_from(rated, report, monkeypatch):
    _, rate = rated
    report.page()
    rate(4)  # after it was asked for; the process may see it or not
    page = finished(report)
    assert re.search(r"from (\d) ratings\.", page)[1] == re.search(r"(\d) ratings by 2 evaluators", page)[1]


def test_folders_of_killed_servers_are_swept_up(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / f"humangrade-{gone.pid}-abc").mkdir()
    (tmp_path / "humangrade-other").mkdir()
    mine = Scratch()
    sweep()
    assert sorted(folder.name for folder in tmp_path.iterdir()) == sorted([mine.path.name, "humangrade-other"])
    mine.cleanup()


def test_a_database_that_is_not_the_servers_is_not_reported(rated, tmp_path):
    study, _ = rated
    job = Job("report", study.folder, tmp_path / "x", (1, 2))
    assert job.wait(60) and "is not the file that the server has open" in job.trouble
    assert not (tmp_path / "x").exists()


def test_before_the_first_rating(make_study):
    study = make_study(images=1, references=0, tasks=("aesthetic",), evaluators=("ann",))
    report = LiveReport(study)
    assert "No report yet" in text(report)
    report.close()
    study.close()
