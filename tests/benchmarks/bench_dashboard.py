"""How fast the dashboard is beside Gradio's own page, gallery and plot, in one run; and what the exported file weighs.

    python -m tests.benchmarks.bench_dashboard [--checkpoints N] [--images N] [--loads N] [--peer-values N]
                                               [--keep FOLDER]

A made study of 30 checkpoints of 128 images of 512 pixels, scored by 8 metrics, is shown by `humangrade dashboard`, and
loaded in Chromium in turn with an empty Gradio page. Medians of the loads are printed, as ratios to that page's:
seconds from the address to what is painted, megabytes, requests, and requests for a full-size image before a click. A
second study has 100,000 values of images, whose files are not there.

``--keep FOLDER`` leaves the made studies there, and takes them up again.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageFilter

from tests.benchmarks.arguments import ROOT, parser

METRICS = tuple(f"metric-{number}" for number in range(1, 9))
RUNS = (10, 20, 40)  # training images
STEP = 300
VALUES = 100_000
VIEW = {"width": 1920, "height": 2200}
CLI = "import sys; from study.cli import main; sys.argv = ['humangrade', *sys.argv[1:]]; main()"
PEERS = """
import sys
from pathlib import Path
import gradio as gr, numpy as np, pandas as pd, uvicorn
from fastapi import FastAPI
port, folder, values = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
files = sorted(map(str, folder.rglob("*.jpg")))[:600]
app = FastAPI()
with gr.Blocks(analytics_enabled=False) as empty:
    gr.HTML("<p id=there>Nothing</p>")
with gr.Blocks(analytics_enabled=False) as gallery:
    gr.Gallery(files, columns=20, height=900)
with gr.Blocks(analytics_enabled=False) as plot:
    table = pd.DataFrame({"step": np.arange(values) % 3000, "value": np.random.default_rng(0).normal(size=values)})
    table["run"] = (np.arange(values) // 3000).astype(str)
    gr.LinePlot(table, x="step", y="value", color="run")
for path, page in (("/empty", empty), ("/gallery", gallery), ("/plot", plot)):
    gr.mount_gradio_app(app, page, path=path, allowed_paths=[str(folder)], ssr_mode=False)
print("ready", flush=True)
uvicorn.run(app, port=port, log_level="error")
"""


def checkpoints_of(number: int) -> list[tuple[str, int, int]]:
    """Run, training images and step of each checkpoint, the runs in turn."""
    return [(f"n{RUNS[k % len(RUNS)]}", RUNS[k % len(RUNS)], STEP * (1 + k // len(RUNS))) for k in range(number)]


def made_study(folder: Path, checkpoints: int, images: int) -> Path:
    """A study whose pictures are parts of two photos, with less and less blur."""
    from sklearn.datasets import load_sample_images

    from study.folder.create import create_study
    from study.folder.importing import import_tables

    if (folder / "study" / "study.yaml").exists():
        return folder / "study"
    rng = np.random.default_rng(0)
    photos = [Image.fromarray(pixels) for pixels in load_sample_images().images]
    corners = rng.random((images, 2))
    rows, made = [], []
    for number, (run, size, step) in enumerate(checkpoints_of(checkpoints)):
        for k in range(images):
            file = f"images/{run}/{step}/{k:03}.jpg"
            made.append((folder / "drawn" / file, photos[k % 2], corners[k], 6.0 / (1 + number)))
            rows.append((file, file, run, step, step, size, f"prompt {k // 2}", k % 2))

    def draw(one: tuple[Path, Image.Image, Any, float]) -> None:
        path, photo, (x, y), blur = one
        left, top = int(x * (photo.width - 320)), int(y * (photo.height - 320))
        part = photo.crop((left, top, left + 320, top + 320)).filter(ImageFilter.GaussianBlur(blur))
        path.parent.mkdir(parents=True, exist_ok=True)
        part.resize((512, 512), Image.Resampling.BICUBIC).save(path, quality=92)

    with ThreadPoolExecutor() as pool:
        list(pool.map(draw, made))
    names = ["item", "image", "model", "checkpoint", "step", "training_images", "prompt", "seed"]
    items = pd.DataFrame(rows, columns=names)
    items["rate"] = np.where(np.arange(len(items)) < 200, "yes", "no")
    items.to_csv(folder / "drawn" / "items.csv", index=False)
    study = create_study(folder / "study", folder / "drawn", tasks=["look"], evaluators=[f"e{n}" for n in range(5)])
    quality = np.repeat(np.linspace(0, 1, checkpoints), images)
    scores = pd.concat(
        [
            pd.DataFrame({"item": items["item"], "metric": name, "score": quality + rng.normal(size=len(items))})
            for name in METRICS
        ],
        ignore_index=True,
    )
    import_tables(study, scores=scores)
    study.close()
    return folder / "study"


def study_of_values(folder: Path, images: int) -> Path:
    """A study in whose record stand `VALUES` values of images that are not there any more."""
    from study.folder.create import create_study

    if (folder / "study" / "study.yaml").exists():
        return folder / "study"
    (folder / "one").mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 64)).save(folder / "one" / "a.png")
    study = create_study(folder / "study", folder / "one", tasks=["look"], evaluators=["ann"])
    per_checkpoint = VALUES // len(METRICS)
    rows = [
        {"path": f"{folder}/gone/{run}/{step}/{k}.png", "model": run, "checkpoint": str(step), "step": step}
        | {"n_training_images": size, "prompt": f"prompt {k // 2}", "seed": str(k % 2)}
        for run, size, step in checkpoints_of(-(-per_checkpoint // images))
        for k in range(images)
    ][:per_checkpoint]
    study.store.runs.add_images(pd.DataFrame(rows))
    known = study.store.runs.images()
    known = known[known["item"] == ""]
    rng = np.random.default_rng(1)
    for name in METRICS:
        values = known["step"].astype(float) / 1e4 + rng.normal(size=len(known))
        study.store.runs.add_values(pd.DataFrame({"image_id": known["image_id"], "metric": name, "score": values}))
    study.close()
    return folder / "study"


@contextmanager
def served(study: Path) -> Iterator[str]:
    """The link of a study's dashboard."""
    words = [sys.executable, "-c", CLI, "dashboard", str(study), "--port", str(free_port())]
    with process(words, "stop with Ctrl-C") as printed:
        began = time.perf_counter()
        found = re.search(r"http://\S+/dashboard/\?key=\S+", printed)
        assert found is not None, printed
        get(found[0].replace("/dashboard/?key=", "/api/owner/") + "/dashboard/data")
        print(f"figures of a server that was just started: {time.perf_counter() - began:.1f} s")
        yield found[0]


@contextmanager
def process(words: list[str], until: str) -> Iterator[str]:
    started = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)
    assert started.stdout is not None
    printed = ""
    try:
        for line in started.stdout:
            printed += line
            if until in line:
                break
        else:
            raise RuntimeError(printed)
        yield printed
    finally:
        started.terminate()
        started.wait(30)


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=600) as answer:
        return json.loads(answer.read())


class Loads:
    """What one way to look costs: seconds, megabytes, requests, and requests for full size, a row each load."""

    def __init__(self, browser: Any):
        self.browser = browser
        self.rows: dict[str, list[tuple[float, float, int, int]]] = {}

    def measure(self, name: str, address: str, painted: Callable[[Any], None], then: Any = None) -> None:
        context = self.browser.new_context(viewport=VIEW)
        page = context.new_page()
        done: list[Any] = []
        page.on("requestfinished", lambda request: done.append(request))
        began = time.perf_counter()
        page.goto(address, wait_until="commit")
        painted(page)
        self._add(name, began, done)
        if then is not None:
            title, act, wait = then
            del done[:]
            page.wait_for_timeout(500)
            began = time.perf_counter()
            act(page)
            wait(page)
            self._add(title, began, done)
        context.close()

    def _add(self, name: str, began: float, done: list[Any]) -> None:
        took = time.perf_counter() - began
        size = 0.0
        for request in list(done):
            with suppress(Exception):
                size += request.sizes()["responseBodySize"]
        full = sum("/full/" in request.url for request in done)
        self.rows.setdefault(name, []).append((took, size / 1e6, len(done), full))

    def table(self, unit: str) -> None:
        base = median(row[0] for row in self.rows[unit])
        print(f"{'':44}{'seconds':>9}{'ratio':>8}{'MB':>8}{'requests':>10}{'full size':>11}")
        for name, rows in self.rows.items():
            seconds, size, requests, full = (median(row[at] for row in rows) for at in range(4))
            print(f"{name:44}{seconds:>9.2f}{seconds / base:>8.2f}{size:>8.1f}{requests:>10.0f}{full:>11.0f}")


def ready(page: Any) -> None:
    """The first view: trends are drawn."""
    page.locator(".hg[data-state=ready]").wait_for(timeout=120_000)
    page.locator(".u-over").first.wait_for(timeout=120_000)
    _painted(page)


def strips_shown(page: Any, least: int) -> None:
    """All pictures of the grid that are in the page stand there, decoded."""
    page.wait_for_function(
        """(least) => {
          const cells = [...document.querySelectorAll('.grid-table [style*="background-image"]')];
          return cells.length >= least;
        }""",
        arg=least,
        timeout=120_000,
    )
    page.evaluate(
        """async () => {
          const cells = [...document.querySelectorAll('.grid-table [style*="background-image"]')];
          const urls = new Set(cells.map((cell) => /url\\("([^"]+)"\\)/.exec(cell.style.backgroundImage)[1]));
          await Promise.all([...urls].map((url) => Object.assign(new Image(), { src: url }).decode()));
        }"""
    )
    _painted(page)


def _painted(page: Any) -> None:
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def next_page(page: Any) -> None:
    page.evaluate(
        """() => {
          const table = document.querySelector(".grid-table");
          const side = parseFloat(getComputedStyle(table).getPropertyValue("--side"));
          table.scrollLeft += 20 * side;
        }"""
    )
    page.wait_for_timeout(30)  # until the table has heard of it


def peer_shown(what: str) -> Callable[[Any], None]:
    """A Gradio component stands there, and nothing is asked for any more."""

    def wait(page: Any) -> None:
        page.wait_for_selector(what, timeout=200_000)
        page.wait_for_load_state("networkidle", timeout=200_000)
        _painted(page)

    return wait


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--checkpoints", type=int, default=30)
    arguments.add_argument("--images", type=int, default=128, help="of each checkpoint")
    arguments.add_argument("--loads", type=int, default=5)
    arguments.add_argument(
        "--peer-values", type=int, default=10_000, help="in gr.LinePlot, which takes minutes for more"
    )
    arguments.add_argument("--keep", type=Path, metavar="FOLDER")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        measure((given.keep or Path(temporary)).resolve(), given)


def measure(folder: Path, given: Any) -> None:
    import os
    import shutil

    from playwright.sync_api import sync_playwright

    study = made_study(folder / "pictures", given.checkpoints, given.images)
    values = study_of_values(folder / "values", given.images)
    print(f"{given.checkpoints} checkpoints x {given.images} images x {len(METRICS)} metrics")
    port = free_port()
    peers = [sys.executable, "-c", PEERS, str(port), str(folder / "pictures" / "drawn"), str(given.peer_values)]
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with process(peers, "ready"), served(study) as link, served(values) as many, sync_playwright() as playwright:
        api = link.replace("/dashboard/?key=", "/api/owner/") + "/dashboard/"
        for name in ("best", "alerts", "trends"):
            get(f"{api}{name}")
            get(many.replace("/dashboard/?key=", "/api/owner/") + f"/dashboard/{name}")
        began = time.perf_counter()
        for strip in get(f"{api}strips"):
            urllib.request.urlopen(f"{api}{strip['url']}", timeout=600).read()
        print(f"and all its small pictures, made once: {time.perf_counter() - began:.1f} s")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        loads = Loads(browser)
        empty = "empty Gradio page"
        cells = 20 * given.checkpoints
        there = f"http://127.0.0.1:{port}"
        following = (
            "  its next 20 prompts",
            next_page,
            lambda page: strips_shown(page, cells),
        )
        grid = f"grid {given.checkpoints} x 20"
        for _ in range(given.loads):
            loads.measure(empty, f"{there}/empty/", lambda page: page.locator("#there").wait_for())
            loads.measure(f"first view of {given.checkpoints * given.images:,} images", link, ready)
            loads.measure(grid, f"{link}#tab=grid&grid.size=56", lambda page: strips_shown(page, cells), following)
            loads.measure(f"first view of {VALUES:,} values", many, ready)
        loads.measure("gr.Gallery, 600 of the images", f"{there}/gallery/", peer_shown(".thumbnail-item img"))
        loads.measure(
            f"gr.LinePlot, {given.peer_values:,} values",
            f"{there}/plot/",
            peer_shown(".vega-embed canvas, .vega-embed svg"),
        )
        loads.table(empty)
        browser.close()
    began = time.perf_counter()
    file = folder / "dashboard.html"
    words = [sys.executable, "-c", CLI, "dashboard", str(study), "--export", str(file)]
    subprocess.run(words, check=True, capture_output=True, cwd=ROOT)
    print(f"exported in {time.perf_counter() - began:.0f} s: {file.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
