"""What raters feel while others look: the time of a rating, quiet and beside reports, exports and two owner's pages.

    python -m tests.benchmarks.bench_server [load | reload | bytes | kill | progress ...] [--checkout FOLDER]

Fifty raters give about one rating a second each, over connections of their own, while

- load: the owner's page is open twice, and a report and an export are always being made; quiet and loaded phases take
  turns, and the ratio of their 95th percentiles is printed, with the load generator's share of the two processors;
- reload: somebody asks for the report 45 times and hangs up each time;
- bytes: nobody's link gets 300 MiB of a body without end, and 1,100 connections say nothing;
- kill: the server is killed again and again while all rate; every acknowledged rating is looked for afterwards;
- progress: 200,000 assignments, of which half are rated; how long the owner's page takes to learn who is how far.

``--checkout FOLDER`` measures another version of humangrade, for a comparison.
"""

import asyncio
import json
import os
import random
import re
import resource
import secrets
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from PIL import Image

from tests.benchmarks.arguments import ROOT, parser

RATERS = 50
IMAGES = 300
METRICS = 6
PHASE_SECONDS = 10.0
PHASES = 4
CLI = "import sys; from study.cli import main; sys.argv = ['humangrade', *sys.argv[1:]]; main()"
NO_PAUSE = "import study.server.live_report as l; l.pause = lambda seconds: 0.0; "
PROGRESS = """
import sys, time
from pathlib import Path
from study.store.store import Store, sqlite_url
path = Path(sys.argv[1])
try:
    store = Store(sqlite_url(path), create=True)
except TypeError:
    store = Store(sqlite_url(path))
names = [f"rater-{number:03}" for number in range(200)]
store.add_evaluators(names)
one = dict(task="look")
store.add_assignments(one | dict(evaluator=n, item=f"{i}.png", position=i) for n in names for i in range(1000))
one |= dict(rating=3, response_ms=1000, rated_at="2026-11-01T10:00:00.000+00:00")
store.import_rows([one | dict(evaluator=n, item=f"{i}.png") for n in names for i in range(500)])
ann = store.evaluators()[0].id
mine = [one.public_id for one in store.assignments(ann)][600:620]
for number in range(6):
    store.rate(ann, mine[number], 4, f"c{number}", 900)
    began = time.perf_counter()
    done = sum(row.done for row in store.progress())
    took = 1000 * (time.perf_counter() - began)
    print(f"{'after another answer' if number else 'first look':>24}{took:10.1f} ms  ({done} done)")
"""


class Served:
    """A study of this benchmark, and the process that serves it."""

    def __init__(self, folder: Path, checkout: Path):
        self.folder, self.checkout, self.port = folder / "study", checkout, 0
        rng = np.random.default_rng(0)
        (folder / "images" / "m").mkdir(parents=True)
        for number in range(IMAGES):
            pixels = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "images" / "m" / f"{number:04}.png")
        self.cli("init", self.folder, "--images", folder / "images", "--evaluators", RATERS, "--tasks", "aesthetic")
        self.fill(folder, rng)

    def fill(self, folder: Path, rng: np.random.Generator) -> None:
        """Most ratings are there already, and scores of some metrics, so that a report takes long."""
        items = [f"m/{number:04}.png" for number in range(IMAGES)]
        quality = rng.normal(size=IMAGES)
        rows = ["item,evaluator,task,rating"]
        for person in range(1, RATERS + 1):
            answers = np.clip(np.rint(3 + quality + rng.normal(0, 0.8, IMAGES)), 1, 5).astype(int)
            keep = rng.random(IMAGES) < 0.6
            rows += [f"{i},evaluator-{person},aesthetic,{r}" for i, r, k in zip(items, answers, keep, strict=True) if k]
        (folder / "r.csv").write_text("\n".join(rows) + "\n")
        scores = quality[:, None] + rng.normal(size=(IMAGES, METRICS))
        head = "item," + ",".join(f"m{number}" for number in range(METRICS))
        lines = [
            f"{item}," + ",".join(f"{value:.4f}" for value in row) for item, row in zip(items, scores, strict=True)
        ]
        (folder / "s.csv").write_text("\n".join([head, *lines]) + "\n")
        self.cli("import", self.folder, "--ratings", folder / "r.csv", "--scores", folder / "s.csv")

    def environment(self) -> dict[str, str]:
        return dict(os.environ, PYTHONPATH=str(self.checkout), PYTHONUNBUFFERED="1", COLUMNS="200")

    def cli(self, *words: object) -> None:
        command = [sys.executable, "-c", CLI, *map(str, words)]
        subprocess.run(command, check=True, capture_output=True, env=self.environment(), cwd=self.checkout)

    def start(self, pausing: bool = True) -> None:
        """Serve, and read the links."""
        program = CLI if pausing or not (self.checkout / "study" / "background.py").exists() else NO_PAUSE + CLI
        words = [sys.executable, "-c", program, "serve", str(self.folder), "--port", str(self.port or free_port())]
        self.process = subprocess.Popen(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment(),
            cwd=self.checkout,
        )
        assert self.process.stdout is not None
        printed = ""
        for line in self.process.stdout:
            printed += line
            if line.startswith("Serving;"):
                break
        links = re.findall(r"http://127\.0\.0\.1:(\d+)/(rate|owner)/\?key=(\S+)", printed)
        if not links:
            raise RuntimeError(f"the server ended: {printed}")
        self.port = int(links[0][0])
        self.owner = next(token for _, kind, token in links if kind == "owner")
        self.tokens = [token for _, kind, token in links if kind == "rate"]

    def stop(self, kill: bool = False) -> None:
        (self.process.kill if kill else self.process.terminate)()
        self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def memory(self) -> float:
        """Resident, in MiB."""
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())
        assert found is not None
        return int(found[1]) / 1024

    def get(self, path: str, timeout: float = 120) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=timeout) as answer:
            return bytes(answer.read())

    def ids(self, token: str) -> list[str]:
        tasks = json.loads(self.get(f"/api/rater/{token}/session"))["tasks"]
        return [one["id"] for task in tasks for one in task["assignments"]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Raters:
    """All raters, in one event loop; `times` holds (when, milliseconds), `acknowledged` the last answer to each id."""

    def __init__(self, served: Served, ids: dict[str, list[str]], per_second: float = 1.0):
        self.served, self.ids, self.per_second = served, ids, per_second
        self.times: list[tuple[float, float]] = []
        self.acknowledged: dict[str, int] = {}
        self.sent: dict[str, set[int]] = {}
        self.over = False

    async def rate(self, token: str, number: int) -> None:
        """One rater, over one connection that is kept, until the server is gone or `over`."""
        rng = random.Random(number)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.served.port)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while not self.over:
                await asyncio.sleep(rng.expovariate(self.per_second))
                public_id, rating = rng.choice(self.ids[token]), rng.randint(1, 5)
                body = json.dumps({"rating": rating, "client_id": secrets.token_hex(8)}).encode()
                place = f"/api/rater/{token}/ratings/{public_id}"
                head = f"PUT {place} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
                began = time.perf_counter()
                self.sent.setdefault(public_id, set()).add(rating)
                writer.write(head.encode() + body)
                answer = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", answer, re.IGNORECASE)
                await reader.readexactly(int(length[1]) if length else 0)
                self.times.append((time.perf_counter(), 1000 * (time.perf_counter() - began)))
                if not answer.startswith(b"HTTP/1.1 200"):
                    raise RuntimeError(answer.decode())
                self.acknowledged[public_id] = rating
                self.sent[public_id] = {rating}
                if b"connection: close" in answer.lower() or (self.per_second < 2 and rng.random() < 0.1):
                    writer.close()  # a browser's connection ends between two slow answers, now and then
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.served.port)
        writer.close()

    def run(self) -> None:
        async def everybody() -> None:
            await asyncio.gather(*(self.rate(token, n) for n, token in enumerate(self.served.tokens)))

        asyncio.run(everybody())


@contextmanager
def rating(served: Served, ids: dict[str, list[str]], per_second: float = 1.0) -> Iterator[Raters]:
    """Everybody rates while the block runs."""
    raters = Raters(served, ids, per_second)
    thread = threading.Thread(target=raters.run)
    thread.start()
    try:
        yield raters
    finally:
        raters.over = True
        thread.join()


def looked_at(served: Served, until: threading.Event) -> None:
    """Two owner's pages that refresh themselves, and reports and exports one after another."""

    def every(seconds: float, path: str) -> None:
        while not until.is_set():
            with suppress(OSError):
                served.get(f"/api/owner/{served.owner}/{path}")
            until.wait(seconds)

    for seconds, path in ((4, "progress"), (4, "progress"), (0.5, "report"), (0.01, "export.zip")):
        threading.Thread(target=every, args=(seconds, path), daemon=True).start()


def percentiles(times: list[float]) -> str:
    return "".join(f"{value:10.1f}" for value in (*np.percentile(times, [50, 95, 99]), max(times)))


def load(served: Served) -> None:
    """Quiet and loaded phases in turn."""
    served.start(pausing=False)
    ids = {token: served.ids(token) for token in served.tokens}
    served.get(f"/api/owner/{served.owner}/progress")
    memory = served.memory()
    phases: dict[str, list[float]] = {"quiet": [], "loaded": []}
    ratios = []
    began, used = time.perf_counter(), time.process_time()
    with rating(served, ids) as raters:
        time.sleep(2)
        for _ in range(PHASES):
            p95 = []
            for name in phases:
                stop, start = threading.Event(), time.perf_counter()
                if name == "loaded":
                    looked_at(served, stop)
                    time.sleep(1)
                time.sleep(PHASE_SECONDS)
                stop.set()
                own = [took for when, took in raters.times if start < when]
                phases[name] += own
                p95.append(float(np.percentile(own, 95)))
                time.sleep(4 if name == "loaded" else 0)
            ratios.append(p95[1] / p95[0])
    share = (time.process_time() - used) / (time.perf_counter() - began) / (os.cpu_count() or 1)
    print(f"{'milliseconds a rating':>24}{'p50':>10}{'p95':>10}{'p99':>10}{'longest':>10}")
    for name, times in phases.items():
        print(f"{name:>24}{percentiles(times)}   ({len(times)} ratings)")
    each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"p95 loaded / quiet: {np.median(ratios):.2f} (median of {each})")
    print(f"the load generator took {100 * share:.0f} % of {os.cpu_count()} processors")
    time.sleep(5)
    print(f"memory of the server: {memory:.0f} MiB before, {served.memory():.0f} MiB after")
    served.stop()


def reload(served: Served) -> None:
    """45 impatient reloads of the report."""
    served.start()
    ids = {token: served.ids(token) for token in served.tokens}

    def hang_up() -> None:
        with suppress(OSError):
            served.get(f"/api/owner/{served.owner}/report", timeout=1)

    with rating(served, ids) as raters:
        time.sleep(5)
        quiet = [took for _, took in raters.times]
        start = time.perf_counter()
        for _ in range(45):
            threading.Thread(target=hang_up, daemon=True).start()
        time.sleep(15)
        during = [took for when, took in raters.times if when > start]
    print(f"{'milliseconds a rating':>24}{'p50':>10}{'p95':>10}{'p99':>10}{'longest':>10}")
    print(f"{'quiet':>24}{percentiles(quiet)}\n{'45 reloads':>24}{percentiles(during)}")
    served.stop()


def bytes_and_sockets(served: Served) -> None:
    """A body without end to nobody's link, and connections that say nothing."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, files[1]), files[1]))
    served.start()
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, files[1]), files[1]))
    before = served.memory()
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as endless, suppress(OSError):
        endless.sendall(
            b"PUT /api/rater/nobody/ratings/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(300):
            endless.sendall(b"100000\r\n" + b"a" * (1 << 20) + b"\r\n")
    time.sleep(1)
    print(f"300 MiB sent by nobody: memory grew by {served.memory() - before:.0f} MiB")
    token = served.tokens[0]
    mine = served.ids(token)
    held = []
    with suppress(OSError):
        for _ in range(1100):
            held.append(socket.create_connection(("127.0.0.1", served.port), timeout=5))
    times = []
    for public_id in mine[:20]:
        began = time.perf_counter()
        body = json.dumps({"rating": 3, "client_id": secrets.token_hex(8)}).encode()
        asked = urllib.request.Request(
            f"http://127.0.0.1:{served.port}/api/rater/{token}/ratings/{public_id}", data=body, method="PUT"
        )
        try:
            urllib.request.urlopen(asked, timeout=10).read()
            times.append(1000 * (time.perf_counter() - began))
        except OSError:
            times.append(float("inf"))
    took = f"{np.median(times):.1f} ms (median), {max(times):.1f} at most"
    print(f"beside {len(held)} silent connections a rating took {took}")
    for one in held:
        one.close()
    served.stop()


def kill(served: Served, times: int = 40) -> None:
    """kill -9 while everybody rates, again and again."""
    served.start()
    ids = {token: served.ids(token) for token in served.tokens}
    expected: dict[str, set[int]] = {}
    count = 0
    for turn in range(times):
        if turn:
            served.start()
        with rating(served, ids, per_second=10.0) as raters:
            time.sleep(random.Random(turn).uniform(0.3, 1.0))
            served.stop(kill=True)
        count += len(raters.times)
        for public_id, possible in raters.sent.items():  # the last acknowledged, or one that was on its way
            if public_id in raters.acknowledged:
                expected[public_id] = possible
            elif public_id in expected:
                expected[public_id] |= possible
    with sqlite3.connect(served.folder / "ratings.sqlite") as connection:
        query = "SELECT public_id, rating FROM ratings JOIN assignments ON assignments.id = assignment_id"
        kept = dict(connection.execute(query).fetchall())
    connection.close()
    lost = [public_id for public_id, possible in expected.items() if kept.get(public_id) not in possible]
    print(f"{times} times kill -9: {count} ratings acknowledged, {len(lost)} lost")


def progress(folder: Path, checkout: Path) -> None:
    """200,000 assignments."""
    environment = dict(os.environ, PYTHONPATH=str(checkout))
    subprocess.run(
        [sys.executable, "-c", PROGRESS, str(folder / "r.sqlite")], check=True, env=environment, cwd=checkout
    )


def main() -> None:
    """Measure what was asked for."""
    arguments = parser(__doc__)
    arguments.add_argument("what", nargs="*", default=[], help="load, reload, bytes, kill, progress; all unless told")
    arguments.add_argument("--checkout", type=Path, default=ROOT, help="another version of humangrade")
    asked = arguments.parse_args()
    parts = {"load": load, "reload": reload, "bytes": bytes_and_sockets, "kill": kill}
    for what in asked.what or [*parts, "progress"]:
        print(f"== {what}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            if what == "progress":
                progress(Path(folder), asked.checkout.resolve())
            else:
                parts[what](Served(Path(folder), asked.checkout.resolve()))


if __name__ == "__main__":
    main()
