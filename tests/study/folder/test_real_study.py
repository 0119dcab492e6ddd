"""AVT's real images: a study is initialised, rated by three simulated evaluators through HTTP, and reported."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest

from tests.study.command import free_port, links, run_command, serving

pytestmark = pytest.mark.process


def rate_everything(link: str, seed: int) -> int:
    """Rate all that a private link shows, as the page does: look at the image, then answer."""
    base, token = link.split("/rate/?key=")
    rng = np.random.default_rng(seed)
    with httpx.Client(base_url=f"{base}/api/rater/{token}", timeout=60) as client:
        tasks = client.get("/session").raise_for_status().json()["tasks"]
        assignments = [assignment for task in tasks for assignment in task["assignments"]]
        for assignment in assignments:
            image = client.get(f"/images/{assignment['id']}").raise_for_status()
            assert image.headers["content-type"] == "image/jpeg"
            answer = {"rating": int(rng.integers(1, 6)), "client_id": f"{seed}-{assignment['id']}", "response_ms": 900}
            client.put(f"/ratings/{assignment['id']}", json=answer).raise_for_status()
    return len(assignments)


def test_avt(shared, tmp_path, chromium):
    images = shared / "data" / "avt_ai_images" / "images"
    made = run_command(
        *("init", "avt", "--images", images, "--tasks", "aesthetic,realism", "--evaluators", "3", "--split"),
        cwd=tmp_path,
    )
    assert made.returncode == 0, made.stderr
    with serving("serve", "avt", "--port", free_port(), cwd=tmp_path, until="evaluator-3") as (_, printed):
        raters = links(printed, "rate")
        with ThreadPoolExecutor(3) as pool:
            counts = list(pool.map(rate_everything, raters, range(3)))
    assert counts == [145] * 3

    iqa = pd.read_csv(shared / "data" / "avt_ai_images" / "iqa.csv")
    iqa["img_id"] = iqa["img_id"].str.replace(".png", ".jpg")
    iqa = iqa[[(images / row.model / row.img_id).is_file() for row in iqa.itertuples()]]  # one image is missing
    iqa.to_csv(tmp_path / "iqa.csv", index=False)
    columns = "item={model}/{img_id},score=quality_score"
    done = run_command("import", "avt", "--scores", "iqa.csv", "--map", columns, cwd=tmp_path)
    assert done.stdout == "Imported 870 scores.\n", done.stderr

    done = run_command("report", "avt", "--out", "report", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert {name: task["n_ratings"] for name, task in report["tasks"].items()} in (
        {"aesthetic": 219, "realism": 216},
        {"aesthetic": 216, "realism": 219},
    )
    for task in report["tasks"].values():
        assert set(task["metrics"]) == {"ILNIQE", "NIQE", "BRISQUE", "MUSIQ", "DBCNN", "MANIQA"}
        assert abs(task["agreement"]["krippendorff_alpha"]["ordinal"]) < 0.25  # they rated at random
    look(chromium, tmp_path / "report" / "report.html")


def look(chromium, path: Path) -> None:
    page = chromium.new_page()
    errors = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: errors.append(request.url) if request.url.startswith("http") else None)
    page.goto(path.as_uri())
    page.get_by_role("heading", name="Can a metric stand in for people?").wait_for()
    page.wait_for_timeout(1000)
    assert errors == []
    page.close()
