"""The exported file: everything the page asks for, offline, small enough, and nothing that is nobody else's."""

import base64
import io
import json
import re
from urllib.parse import parse_qsl

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from metrics.errors import InputError
from study.dashboard.answers import answer
from study.dashboard.compare import compare
from study.dashboard.export import Exported, export_dashboard
from study.dashboard.exported_answers import answers_of, listed_addresses
from study.dashboard.snapshot import snapshot
from study.dashboard.thumbnails import SIDE
from study.folder.create import create_study
from study.folder.looking import open_to_look
from tests.study.dashboard.studies import EVALUATORS, NASTY, inlined, made_study, save


class Counting:
    """A progress bar that counts."""

    def __init__(self):
        self.parts = []

    def start(self, title, total):
        self.parts.append([title, total, 0])

    def advance(self, count):
        self.parts[-1][2] += count


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUMANGRADE_CACHE", str(folder / "cache"))
        study = made_study(folder)
        outside = folder / "somewhere-private" / "samples"
        for number in range(2):
            save(outside / f"{number}.png", 7000 + number)
        drawn = {"path": [str(path) for path in sorted(outside.iterdir())], "model": "outside", "checkpoint": "300"}
        study.store.runs.add_images(pd.DataFrame(drawn | {"step": 300, "prompt": "p", "seed": ["1", "2"]}))
        study.close()
        study = open_to_look(folder / "study")
        yield study
        study.close()


@pytest.fixture(scope="module")
def exported(study, tmp_path_factory):
    file = tmp_path_factory.mktemp("file") / "dashboard.html"
    bar = Counting()
    done = export_dashboard(study, file, bar)
    return file, done, bar


def test_it_says_how_large_it_is_and_how_far_it_was(study, exported):
    file, done, bar = exported
    assert done == Exported(file.stat().st_size, 32, done.notes)
    assert [part[0] for part in bar.parts] == ["Figures", "Pictures"]
    assert all(total == counted > 0 for _, total, counted in bar.parts)


def test_it_holds_what_the_routes_would_answer(study, exported):
    found, taken = inlined(exported[0].read_text(encoding="utf-8")), snapshot(study)
    assert found["data"]["is_exported"] and found["data"]["version"] == taken.data()["version"]
    assert "full size is in the live dashboard" in " ".join(found["data"]["notes"])
    for name, given, addresses in (
        ("trends", {}, ("trends",)),
        ("agreement", {}, ("agreement?task=aesthetic",)),
        ("alerts", {}, ("alerts",)),
        ("best", {}, ("best", "best?task=aesthetic")),
        ("best", {"by": "contrast", "run": "anna-10"}, ("best?by=contrast&run=anna-10&task=aesthetic",)),
        ("compare", {"left": "0", "right": "1"}, ("compare?left=0&right=1&task=aesthetic", "compare?left=0&right=1")),
        ("compare", {"left": "1", "right": "0"}, ("compare?left=1&right=0&task=aesthetic",)),
    ):
        expected = json.loads(json.dumps(answer(taken, name, given)))
        for address in addresses:
            assert found[address] == expected, address
    version = found["data"]["version"]
    assert found[f"recipe/3?version={version}"]["item"] == found["data"]["images"]["item"][3]


def test_it_holds_the_lines_of_every_task(tmp_path):
    made_study(tmp_path).close()
    tasks = ["aesthetic", "likeness"]
    with create_study(tmp_path / "two", tmp_path / "drawn", tasks=tasks, evaluators=["ann", "bob"]) as study:
        named = [{"item": item, "evaluator": "ann"} for item in study.items["item"]]
        study.store.import_rows([{**one, "task": task, "rating": 3} for one in named for task in tasks])
        taken = snapshot(study)
    listed = listed_addresses(taken)
    found = answers_of(taken, listed, lambda: None)
    assert [one["task"] for one in found["trends"]["people"]] == tasks  # the page asks for all at once
    for address, content in found.items():
        name, _, given = address.partition("?")
        if not content.get("refused") and not name.startswith("recipe/"):
            assert content == answer(taken, name, dict(parse_qsl(given))), address
    assert "People rated 'likeness' too" in found["best"]["headline"]


def test_every_picture_stands_in_a_strip(study, exported):
    found, taken = inlined(exported[0].read_text(encoding="utf-8")), snapshot(study)
    seen = []
    for strip in found["strips"]:
        kind, _, content = strip["url"].partition(",")
        assert kind == "data:image/webp;base64"
        sheet = Image.open(io.BytesIO(base64.b64decode(content))).convert("RGB")
        assert sheet.size == (strip["columns"] * SIDE, strip["rows"] * SIDE)
        for column, place in enumerate(strip["places"]):
            seen.append(place)
            cell = np.asarray(sheet.crop((column * SIDE, 26, (column + 1) * SIDE, 133)), float)
            with Image.open(taken.pictures.files[place]) as image:
                assert np.abs(cell - np.asarray(image.resize((160, 107)), float)).mean() < 14
    assert sorted(seen) == list(range(32))


def test_nothing_in_it_is_nobody_elses(study, exported):
    text = exported[0].read_text(encoding="utf-8")
    tokens = [study.store.owner_token, *(one.token for one in study.store.evaluators())]
    for private in (*tokens, *EVALUATORS, str(study.folder), str(study.folder.parent), "Zebrafinch77"):
        assert private not in text
    items = inlined(text)["data"]["images"]["item"]
    assert {"samples/0.png", "samples/1.png"} <= set(items) and len(set(items)) == len(items)


def test_names_cannot_leave_their_place_in_the_page(exported):
    text = exported[0].read_text(encoding="utf-8")
    assert inlined(text)["data"]["title"] == f"Study {NASTY}"
    assert text.count("<script") == text.count("</script>") == 2 and "<img src=x" not in text
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)[1]
    assert "default-src 'none'" in policy and "unsafe-inline" not in policy.partition("script-src")[2]


def test_pictures_without_room_are_left_out_and_that_is_said(study, tmp_path):
    full = export_dashboard(study, tmp_path / "full.html", Counting())
    limit = full.size - 8_000
    done = export_dashboard(study, tmp_path / "less.html", Counting(), most_bytes=limit)
    assert done.size <= limit and 0 < done.pictures <= full.pictures
    with pytest.raises(InputError, match="hardly a picture has room"):
        export_dashboard(study, tmp_path / "none.html", Counting(), most_bytes=200_000)
    assert not (tmp_path / "none.html").exists()


def test_where_all_qualities_are_too_large_the_first_prompts_stay(study, tmp_path, monkeypatch):
    monkeypatch.setattr("study.dashboard.export.QUALITIES", (100,))
    full = export_dashboard(study, tmp_path / "full.html", Counting())
    done = export_dashboard(study, tmp_path / "less.html", Counting(), most_bytes=full.size - 100_000)
    found = inlined((tmp_path / "less.html").read_text(encoding="utf-8"))
    shown = sorted(place for strip in found["strips"] for place in strip["places"])
    assert done.pictures == len(shown) < full.pictures
    said = f"Of 32 pictures {len(shown)} are in this file"
    assert said in " ".join(done.notes) and said in " ".join(found["data"]["notes"])


def test_unreadable_pictures_are_counted(tmp_path, monkeypatch):
    monkeypatch.setenv("HUMANGRADE_CACHE", str(tmp_path / "cache"))
    study = made_study(tmp_path, prompts=2)
    study.image_path(study.items["item"][0]).write_bytes(b"no picture")
    study.image_path(study.items["item"][1]).unlink()
    done = export_dashboard(study, tmp_path / "d.html", Counting())
    assert "2 pictures cannot be read and are shown as a crossed square." in done.notes
    study.close()


@pytest.mark.browser
def test_it_opens_offline_without_a_request_or_an_error(exported, chromium):
    file, _, _ = exported
    context = chromium.new_context(offline=True)
    page = context.new_page()
    problems, requests = [], []
    page.on("console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(file.as_uri())
    page.locator(".hg[data-state=ready]").wait_for()
    assert page.locator(".title").inner_text().strip() == f"Study {NASTY}"
    for tab in page.get_by_role("tab").all():
        tab.click()
        page.wait_for_timeout(400)
    assert problems == []
    assert [url for url in requests if not url.startswith(("data:", "blob:"))] == [file.as_uri()]
    context.close()


@pytest.mark.browser
def test_two_that_are_not_kept_have_plain_means_of_people_too(study, exported, chromium):
    taken = snapshot(study)
    names = [one["shown"] for one in taken.data()["checkpoints"]]
    left, right = (names.index(name) for name in ("anna-10/300", "anna-40/300"))
    assert f"compare?left={left}&right={right}" not in inlined(exported[0].read_text(encoding="utf-8"))
    context = chromium.new_context(offline=True)
    page = context.new_page()
    page.goto(f"{exported[0].as_uri()}#tab=compare&compare.left=anna-10/300&compare.right=anna-40/300")
    row = page.locator(".compare-table tbody tr").first
    row.wait_for()
    cells = [row.locator("th").inner_text(), *(cell.inner_text() for cell in row.locator("td").all())]
    told = next(one for one in compare(taken, left, right)["metrics"] if one["name"] == "people")
    figures = [float(cell.replace("−", "-")) for cell in cells[1:4]]
    assert cells[0] == "People (aesthetic)" and cells[4:] == ["–", "6"]
    assert figures == pytest.approx([told["left"], told["right"], told["difference"]], abs=0.006)
    assert "plain means" in page.locator(".compare-answer").inner_text()
    context.close()
