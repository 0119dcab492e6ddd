"""A worker answers what it is asked, refuses in words, is started anew, and ends by itself."""

import threading
import time

import pytest

from metrics.errors import InputError
from study.background.beside import TROUBLE
from study.background.worker import BUSY, ENDED, Worker, WorkerGone

pytestmark = pytest.mark.process
SECONDS = 60


@pytest.fixture
def worker():
    worker = Worker("tests.study.background.echoing", {"idle": 600.0})
    yield worker
    worker.close()


def test_it_answers_at_the_lowest_priority_in_one_process(worker):
    first, second = (worker.ask("say", text=text).result(SECONDS) for text in ("ä", "b" * 200_000))
    assert (first["text"], len(second["text"])) == ("ä", 200_000)
    assert first["process"] == second["process"] and first["nice"] == 19


def test_what_it_refuses_is_an_input_error_and_a_fault_takes_nothing_with_it(worker, capfd):
    with pytest.raises(InputError, match="no such run"):
        worker.ask("refuse", why="no such run").result(SECONDS)
    with pytest.raises(WorkerGone, match=TROUBLE[:20]):
        worker.ask("fail").result(SECONDS)
    assert worker.ask("say", text="on").result(SECONDS)["text"] == "on"
    assert "on purpose" in capfd.readouterr().err


def test_where_it_was_killed_the_next_question_starts_another(worker):
    before = worker.ask("say", text="a").result(SECONDS)["process"]
    lost = [worker.ask("end", code=3), worker.ask("say", text="b")]
    for future in lost:
        with pytest.raises(WorkerGone, match="could not be made"):
            future.result(SECONDS)
    assert worker.ask("say", text="c").result(SECONDS)["process"] != before


def test_what_reaches_it_while_it_ends_by_itself_is_asked_again(worker):
    before = worker.ask("say", text="a").result(SECONDS)["process"]
    worker.ask("rest", seconds=0.5)
    again = worker.ask("quick", text="b")
    assert again.result(SECONDS)["process"] == before  # did not wait behind the other

    ending = Worker("tests.study.background.echoing", {"idle": 0.3})
    seen = set()
    for _ in range(6):
        seen.add(ending.ask("say", text="x").result(SECONDS)["process"])
        time.sleep(0.6)
    ending.close()
    assert len(seen) > 1


def test_too_many_questions_are_refused_and_asking_never_waits(worker, monkeypatch):
    monkeypatch.setattr("study.background.worker.MOST_WAITING", 30)
    worker.ask("rest", seconds=1.0)
    many = []
    asking = threading.Thread(target=lambda: many.extend(worker.ask("say", text="y" * 10_000) for _ in range(40)))
    asking.start()
    asking.join(SECONDS)
    refused = [future for future in many if future.done() and isinstance(future.exception(), WorkerGone)]
    assert len(refused) == 11 and str(refused[0].exception()) == BUSY
    assert all(future.result(SECONDS) for future in many if future not in refused)


def test_who_waits_when_it_is_closed_is_told(worker):
    waiting = worker.ask("rest", seconds=60)
    worker.ask("quick", text="started").result(SECONDS)
    worker.close()
    for future in (waiting, worker.ask("say", text="later")):
        with pytest.raises(WorkerGone, match=ENDED):
            future.result(SECONDS)
