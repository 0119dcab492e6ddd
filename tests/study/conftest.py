"""Fixtures for studies of generated images, and for their servers."""

import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from study.folder.create import create_study
from study.folder.study import Study, open_study
from study.store.store import sqlite_url
from tests.conftest import skip_or_fail
from tests.study.postgresql import Server, place_for_others, programs

ROOT = Path(__file__).resolve().parents[2]
MARKER = "Zebrafinch77"  # stands in every name that a rater must not see, and in the files' own metadata
SERVE = (
    "import sys; from study.folder.study import open_study; from study.server.app import serve; "
    "serve(open_study(sys.argv[1]), '127.0.0.1', int(sys.argv[2]))"
)
SIZES = ((96, 64), (64, 96), (80, 80), (24, 16))


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    """A PostgreSQL server for all tests."""
    binaries = programs()
    if binaries is None:
        skip_or_fail("PostgreSQL's programs are not installed (apt-get install postgresql)")
    # short: a socket's path has 107 characters at most
    with tempfile.TemporaryDirectory(prefix="hg-", dir=place_for_others()) as folder:
        Path(folder).chmod(0o755)
        server = Server(Path(folder), binaries)
        yield server
        server.stop()


@pytest.fixture
def postgresql_url(postgresql_server) -> str:
    """The address of an empty place in PostgreSQL."""
    name = f"s{secrets.token_hex(6)}"
    postgresql_server.sql(f"CREATE SCHEMA {name}")
    return postgresql_server.url(name)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database(request, tmp_path) -> str:
    """The address of a database that is not made yet, in each kind."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql_url")
    return sqlite_url(tmp_path / "ratings.sqlite").render_as_string()


def save_image(path: Path, seed: int) -> None:
    """A small PNG of random colours whose metadata names a model, as generators write it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = SIZES[seed % len(SIZES)]
    colours = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    words = PngInfo()
    words.add_text("parameters", f"a portrait, Model: {MARKER}")
    Image.fromarray(colours).resize((width, height)).save(path, pnginfo=words)


@pytest.fixture(scope="session")
def make_study(tmp_path_factory) -> Callable[..., Study]:
    """A function that makes a study: 12 images of three models in two tasks unless told."""

    def make(
        images: int = 12,
        references: int = 2,
        tasks: Sequence[str] = ("similarity", "aesthetic"),
        evaluators: Sequence[str] = ("ann", "bob"),
        share_report: bool = False,
        scale: str | None = None,
    ) -> Study:
        folder = tmp_path_factory.mktemp("study")
        for number in range(images):
            model = f"{MARKER}-model-{number % 3}"
            save_image(folder / "images" / model / "checkpoint-300" / f"{MARKER}-{number}.png", number)
        for number in range(references):
            save_image(folder / "photos" / f"{MARKER}-photo-{number}.png", 1000 + number)
        return create_study(
            folder / "study",
            folder / "images",
            references=folder / "photos" if references else None,
            tasks=tasks,
            evaluators=evaluators,
            title="Portraits in winter",
            share_report=share_report,
            scale=scale,
        )

    return make


@dataclass
class LiveServer:
    """A study's server in a process of its own."""

    folder: Path
    port: int = 0

    def start(self) -> None:
        """Start, and wait for the printed links; a second start takes the same port."""
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(self.folder), str(self.port)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.links = {}
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            found = re.match(r"\s*(\S+)\s+(http://127\.0\.0\.1:(\d+)/\S+)$", line)
            if found:
                self.links[found[1]] = found[2]
                self.port = int(found[3])
            if len(self.links) == 1 + self.evaluators:
                return
        pytest.fail(f"the server ended before it printed its links: {''.join(lines)}")

    def __post_init__(self) -> None:
        study = open_study(self.folder)
        self.evaluators = len(study.store.evaluators())
        study.store.close()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def token(self, name: str) -> str:
        """The secret part of somebody's link."""
        return self.links[name].partition("key=")[2]

    def ratings(self, name: str) -> dict[str, int]:
        """What the database holds of an evaluator, by the public id."""
        study = open_study(self.folder)
        evaluator = next(one for one in study.store.evaluators() if one.name == name)
        rated = {one.public_id: one.rating for one in study.store.assignments(evaluator.id) if one.rating is not None}
        study.store.close()
        return rated

    def order(self, name: str) -> list[str]:
        """An evaluator's public ids in the order in which they are rated."""
        study = open_study(self.folder)
        evaluator = next(one for one in study.store.evaluators() if one.name == name)
        ids = [one.public_id for one in study.store.assignments(evaluator.id)]
        study.store.close()
        return ids

    def stop(self) -> None:
        """Kill it at once, as a power cut would."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture(scope="module")
def serve_study() -> Iterator[Callable[[Study], LiveServer]]:
    """A function that starts a study's server; all are stopped after the module's tests."""
    servers = []

    def start(study: Study) -> LiveServer:
        server = LiveServer(study.folder)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.stop()
