"""The whole way on the tiny pipeline: checkpoints, images, people, scores, report, evaluation, and more checkpoints."""

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import time

import pandas as pd
import pytest

from study import open_study
from tests.study.command import command_line, environment, free_port, links, run_cli, serving
from tests.study.folder.test_growing import rate_all
from tests.study.generation.drawing import PROMPTS, make_loras, tiny_folder
from tests.study.server.conftest import open_page
from tests.study.server.rating_page import press, saved, shown

__all__ = ["open_page", "tiny_folder"]

pytestmark = [pytest.mark.browser, pytest.mark.process]

RECIPE = f"""
base: {{base}}
subject: Anna
prompts: {json.dumps(PROMPTS)}
seeds: [1, 2]
steps: 4
width: 64
height: 64
batch_size: 2
rate: 4 per checkpoint
checkpoints: ["loras/*.safetensors"]
"""
METRICS = ("--metrics", "sharpness,contrast,exposure")


@pytest.fixture
def said(tmp_path, monkeypatch, capsys):
    """A function that runs a command that ends well, and gives what it prints."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code, out, err = run_cli(monkeypatch, capsys, *arguments)
        assert code == 0, err + out
        return out

    return run


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def killed_in_the_middle(place):
    """How many images a drawing left that was killed."""
    arguments = command_line("generate", "set", "--recipe", "recipe.yaml")
    process = subprocess.Popen(arguments, cwd=place, env=environment(), stdout=subprocess.DEVNULL)
    end = time.monotonic() + 300
    while len(list(place.rglob("set/*/*/p*.png"))) < 5:
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    return len(list(place.rglob("set/*/*/p*.png")))


def test_from_checkpoints_to_a_report_and_on(tiny_folder, tmp_path, open_page, said):
    random.seed(1)
    place = tmp_path
    make_loras(place / "all", 5)
    (place / "loras").mkdir()
    for step in (300, 600, 900):
        shutil.move(place / "all" / f"anna-step{step:08}.safetensors", place / "loras")
    (place / "recipe.yaml").write_text(RECIPE.format(base=tiny_folder))

    # images; that they are the same bytes as in one go, test_draw_processes shows
    there = killed_in_the_middle(place)
    assert 5 <= there < 32
    out = said("generate", "set", "--recipe", "recipe.yaml")
    drawn = 32 - int(out.partition("the other ")[2].split()[0])
    assert f"Drawn: {drawn}; " in out and 32 - there <= drawn <= 32
    rows = rows_of(place / "set/items.csv")
    assert len(rows) == 32 and sum(row["rate"] == "1" for row in rows) == 16

    # people
    said("init", "study", "--images", "set", "--evaluators", "ann,bob,cleo", "--tasks", "look")
    with serving("serve", "study", "--port", free_port(), cwd=place, until="Ctrl-C") as (_, printed):
        page = open_page(links(printed, "rate")[0])
        press(page, "4", total=16)
        shown(page, "2 of 16")
        saved(page)
    with open_study(place / "study") as study:
        assert study.ratings()[["evaluator", "rating"]].to_numpy().tolist() == [["ann", 4]]
        assert rate_all(study, lambda name, one: random.randint(1, 5)) == 47

    # machines
    said("score", "study", *METRICS)
    with open_study(place / "study") as study:
        assert study.scores().groupby("metric").size().to_dict() == {"contrast": 32, "exposure": 32, "sharpness": 32}
    said("report", "study", "--out", "report", "--draws", "100")
    report = json.loads((place / "report/report.json").read_text())
    assert report["tasks"]["look"]["n_ratings"] == 48 and report["tasks"]["look"]["rounds"] is None
    said("evaluate", "--images", "set", "--out", "evaluation", *METRICS)
    figures = pd.read_csv(place / "evaluation/figures.csv")
    assert set(figures["set"]) == {"base/0", "anna/300", "anna/600", "anna/900"}
    assert (figures["n"] == 8).all()

    # two checkpoints more
    for step in (1200, 1500):
        shutil.move(place / "all" / f"anna-step{step:08}.safetensors", place / "loras")
    out = said("generate", "study", "--recipe", "recipe.yaml", "--anchors", "0.25")
    assert "Drawn: 16; the other 32 were there." in out
    assert (
        "16 images added, 8 of them for rating, as round 2; 4 that were rated before are asked again among them" in out
    )
    with open_study(place / "study") as study:
        assert study.progress()[["done", "total"]].to_numpy().tolist() == [[16, 16 + 8 + 4]] * 3
        assert rate_all(study) == 3 * 12
    said("report", "study", "--out", "later", "--draws", "100")
    later = json.loads((place / "later/report.json").read_text())["tasks"]["look"]
    assert later["rounds"] is not None and later["n_ratings"] == 3 * 24
