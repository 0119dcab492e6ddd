import json
import socket

import httpx
import numpy as np
import pandas as pd
import pytest

from metrics.errors import InputError
from study.assignment.order import is_asked
from study.dashboard.answers import answer
from study.dashboard.snapshot import snapshot
from study.folder.demo_run import BASE, STRENGTHS, run_name
from study.folder.demo_study import EVALUATORS, TITLE, YOU, open_demo, simulated_ratings
from study.runs.demo_gates import add_gates
from tests.study.command import free_port, links, run_command, serving

STARTED = "Stop with Ctrl-C"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "humangrade-demo"
    study, made = open_demo(folder)
    assert made
    add_gates(study)
    yield study
    study.store.close()


def asked_of(study):
    return study.items[is_asked(study.items)]


def test_it_is_small_split_and_complete(demo):
    assert demo.config.title == TITLE
    asked = asked_of(demo)
    assert len(asked) == 24
    assert asked.groupby(["model", "task"]).size().tolist() == [4] * 6
    assert len(demo.items) == 94
    assert demo.store.scores_table().groupby("metric").size().to_dict() == {"psnr": 94, "sharpness": 94, "ssim": 94}
    mine = [progress for progress in demo.store.progress() if progress.evaluator == YOU]
    assert [(progress.task, progress.done, progress.total) for progress in mine] == [
        ("similarity", 0, 12),
        ("aesthetic", 0, 12),
    ]


def test_its_run_is_called_simulated_and_tells_its_story_on_the_dashboard(demo):
    """Three checkpoints, two sizes of the training set; with few images the last is worse, and best knows."""
    run = demo.items[~is_asked(demo.items)]
    assert set(run["model"]) == {BASE, *map(run_name, STRENGTHS)}
    assert all("simulated" in name for name in run["model"]) and all(run["prompt"].str.startswith("simulated: "))
    sizes = run.groupby(["model", "checkpoint", "training_images"]).size()
    assert sizes.tolist() == [10] * 7 and sorted(sizes.index.get_level_values(2)) == ["", *["12"] * 3, *["48"] * 3]
    taken = snapshot(demo)
    bases = [one["base"] for one in taken.shown.runs if one["name"] in map(run_name, STRENGTHS)]
    assert bases == [0, 0] and taken.shown.checkpoints[0]["is_base"]
    winners = {}
    for name in map(run_name, STRENGTHS):
        found = answer(taken, "best", {"run": name})
        assert found["by"] == "people" and not found["refused"]
        winners[name] = taken.shown.checkpoints[found["winner"]["checkpoint"]]["step"]
    assert winners == {"simulated-12-images": 600, "simulated-48-images": 900}
    verdicts = {one["candidate"]: one["verdict"] for one in answer(taken, "alerts", {})["runs"]}
    assert verdicts == {"simulated-12-images/900": "worse", "simulated-48-images/900": "not worse"}


def test_simulated_evaluators_are_named_so_and_rate_as_stated(demo):
    names = {evaluator.name for evaluator in demo.store.evaluators()}
    assert names == {evaluator.name for evaluator in EVALUATORS} | {YOU}
    assert all(evaluator.name.startswith("simulated-") for evaluator in EVALUATORS)
    many = pd.concat([asked_of(demo)] * 200, ignore_index=True)
    means = simulated_ratings(many, seed=1).groupby("evaluator")["rating"].mean()
    assert means["simulated-strict"] < means["simulated-steady"] - 0.4
    assert means["simulated-generous"] > means["simulated-steady"] + 0.4


def test_the_same_seed_gives_the_same_ratings(demo):
    first, second, other = (simulated_ratings(asked_of(demo), seed)["rating"].tolist() for seed in (0, 0, 1))
    assert first == second != other


def test_a_second_run_continues_and_reset_starts_anew(tmp_path):
    folder = tmp_path / "demo"
    study, _ = open_demo(folder)
    you = next(evaluator for evaluator in study.store.evaluators() if evaluator.name == YOU)
    study.store.rate(you.id, study.store.assignments(you.id)[0].public_id, 4, "c")
    study.store.close()
    for reset, done in ((False, 1), (True, 0)):
        study, made = open_demo(folder, reset)
        assert made is reset
        assert sum(progress.done for progress in study.store.progress() if progress.evaluator == YOU) == done
        study.store.close()


def test_a_demo_that_is_being_served_is_not_reset(tmp_path):
    study, _ = open_demo(tmp_path / "demo")
    with pytest.raises(InputError, match="is being served"):
        open_demo(tmp_path / "demo", reset=True)
    assert (tmp_path / "demo" / "study.yaml").is_file()
    study.store.close()


def test_it_never_deletes_what_is_not_the_demo(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="holds something else than the demo"):
        open_demo(tmp_path / "mine", reset=True)
    (tmp_path / "mine" / "study.yaml").write_text(
        "title: another\ntasks: {a: {question: q, levels: [a, b, c, d, e]}}\n"
    )
    (tmp_path / "mine" / "items.csv").write_text("item,image\na,a.png\n")
    (tmp_path / "mine" / "ratings.sqlite").touch()
    with pytest.raises(InputError, match="holds another study"):
        open_demo(tmp_path / "mine", reset=True)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "precious"


@pytest.mark.process
def test_a_taken_port_picks_the_next_and_says_so(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with serving("demo", "--no-browser", "--port", port, cwd=tmp_path, until=STARTED) as (_, printed):
            text = "".join(printed)
            assert f"Port {port} is taken; using" in text
            assert "run is simulated" in text and "no model was trained" in text
            (dashboard,) = links(printed, "dashboard")
            data = dashboard.replace("/dashboard/?key=", "/api/owner/") + "/dashboard/data"
            assert len(httpx.get(data, timeout=120).json()["checkpoints"]) == 19


@pytest.mark.browser
@pytest.mark.process
def test_a_whole_session_then_the_report(tmp_path, chromium):
    """README's command, 24 ratings by keyboard with a reload and a change, then the report in the browser."""
    page = chromium.new_page()
    errors = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    with serving("demo", "--no-browser", "--port", free_port(), cwd=tmp_path, until=STARTED) as (_, printed):
        page.goto(links(printed, "rate")[0])
        page.get_by_text("1 of 12", exact=True).wait_for()
        given = [int(value) for value in np.random.default_rng(0).integers(1, 6, 24)]
        for number, rating in enumerate(given[:10], 1):
            press(page, rating)
            page.get_by_text(f"{number + 1} of 12", exact=True).wait_for()
        page.get_by_text("Saved", exact=True).first.wait_for()
        page.reload()
        page.get_by_text("11 of 12", exact=True).wait_for()
        page.keyboard.press("Backspace")
        page.get_by_text("10 of 12", exact=True).wait_for()
        assert page.locator("[aria-pressed=true]").inner_text().startswith(str(given[9]))
        given[9] = given[9] % 5 + 1
        press(page, given[9])
        page.get_by_text("11 of 12", exact=True).wait_for()
        for rating in given[10:]:
            press(page, rating)
        page.get_by_role("heading", name="Thank you").wait_for()
        page.get_by_text("Every answer is saved.", exact=True).wait_for()
        with page.expect_popup() as popup:
            page.get_by_text("See the report so far").click()
        popup.value.get_by_role("heading", name="Can a metric stand in for people?").wait_for(timeout=180_000)
        seen = popup.value.content()
        assert "single evaluators are not shown here" in seen
        assert not [one.name for one in EVALUATORS if one.name in seen]
    done = run_command("report", "humangrade-demo", "--out", "report", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert list(report["tasks"]) == ["similarity", "aesthetic"]
    for task in report["tasks"].values():
        assert task["evaluators"][YOU]["n"] == 12
        assert task["n_evaluators"] == 6
    sums = sum(task["evaluators"][YOU]["mean"] * 12 * 4 + 12 for task in report["tasks"].values())
    assert round(sums) == sum(given)
    page.goto((tmp_path / "report" / "report.html").as_uri())
    page.get_by_role("heading", name="Can a metric stand in for people?").wait_for()
    page.wait_for_timeout(1000)
    assert errors == []
    page.close()


def press(page, rating):
    """Answer as a person can: once the picture is there, and was seen."""
    page.locator("[data-state=rating]").wait_for()
    page.wait_for_timeout(160)
    page.keyboard.press(str(rating))
