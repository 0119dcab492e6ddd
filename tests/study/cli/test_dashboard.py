"""humangrade dashboard: the link of a running server, the dashboard alone and only to read, or one file."""

import errno
import os
import shutil
from pathlib import Path

import httpx
import pytest

from study.folder.looking import open_to_look
from study.folder.serving_lock import served_at
from study.store.store import Store
from tests.study.command import free_port, run_cli, run_command, serving
from tests.study.dashboard.studies import EVALUATORS, inlined, made_study

SERVED = "stop with Ctrl-C"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    study = made_study(tmp_path_factory.mktemp("cli"))
    study.close()
    return study


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HUMANGRADE_CACHE", str(tmp_path / "cache"))


def link_in(printed):
    (link,) = [word for word in " ".join(printed).split() if "/dashboard/?key=" in word]
    return link


def files_of(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if not path.is_dir()}


@pytest.mark.process
def test_it_is_served_alone_and_nothing_is_written(study, tmp_path):
    before = files_of(study.folder)
    with serving("dashboard", study.folder, "--port", free_port(), cwd=tmp_path, until=SERVED) as (_, printed):
        link = link_in(printed)
        base, _, token = link.partition("/dashboard/?key=")
        owner = f"{base}/api/owner/{token}"
        data = httpx.get(f"{owner}/dashboard/data", timeout=120).json()
        assert len(data["images"]["item"]) == 30
        assert httpx.get(f"{owner}/dashboard/trends", timeout=120).json()["version"] == data["version"]
        assert httpx.get(f"{base}/dashboard/").status_code == 200
        assert served_at(study.folder) == ""  # others may serve the study meanwhile
        with open_to_look(study.folder) as opened:
            rater = opened.store.evaluators()[0]
            public_id = opened.store.assignments(rater.id)[0].public_id
        mine = f"{base}/api/rater/{rater.token}"
        for address in (f"{mine}/session", f"{mine}/images/{public_id}", f"{owner}/progress", f"{owner}/export.zip"):
            assert httpx.get(address).status_code == 404
        answer = {"rating": 3, "client_id": "c"}
        assert httpx.put(f"{mine}/ratings/{public_id}", json=answer).status_code in (404, 405)
        assert "Your answers so far are safe" in httpx.get(f"{base}/rate/?key={rater.token}").text
        assert not any(name in "".join(printed) for name in EVALUATORS)
    assert files_of(study.folder).keys() >= before.keys()
    for name in ("study.yaml", "items.csv", "ratings.sqlite"):
        assert files_of(study.folder)[name] == before[name]


@pytest.mark.process
def test_where_a_server_has_the_study_its_link_is_printed(study, tmp_path):
    with serving("serve", study.folder, "--port", free_port(), cwd=tmp_path, until="Serving;") as (process, printed):
        asked = run_command("dashboard", study.folder, cwd=tmp_path)
        assert asked.returncode == 0 and "is being served" in asked.stdout
        link = link_in([asked.stdout])
        assert link.partition("/dashboard/")[0] in "".join(printed)
        data = link.replace("/dashboard/?key=", "/api/owner/") + "/dashboard/version"
        assert httpx.get(data, timeout=120).status_code == 200
        process.kill()
        process.wait()
    assert (study.folder / ".serving-at").exists()  # it was killed
    assert served_at(study.folder) == "" and not (study.folder / ".serving-at").exists()


def test_one_file(study, tmp_path, monkeypatch, capsys):
    code, out, err = run_cli(monkeypatch, capsys, "dashboard", study.folder, "--export", tmp_path / "d.html")
    assert (code, err) == (0, "")
    assert "30 pictures of 160 pixels; full size is not in it" in out
    assert inlined((tmp_path / "d.html").read_text(encoding="utf-8"))["data"]["is_exported"]


def test_the_same_from_a_folder_that_cannot_be_written(study, tmp_path, monkeypatch, capsys):
    archive = tmp_path / "archive"
    shutil.copytree(study.folder, archive)
    access = os.access
    monkeypatch.setattr(
        os,
        "access",
        lambda place, mode, **more: (
            access(place, mode, **more) and not (mode == os.W_OK and Path(place).is_relative_to(archive))
        ),
    )
    before = files_of(archive)
    code, out, err = run_cli(monkeypatch, capsys, "dashboard", archive, "--export", tmp_path / "d.html")
    assert (code, err) == (0, "") and "30 pictures" in out
    assert files_of(archive) == before


@pytest.mark.postgresql
def test_the_same_of_a_study_in_postgresql(postgresql_url, tmp_path, monkeypatch, capsys):
    study = made_study(tmp_path, database=postgresql_url)
    study.close()
    code, out, _ = run_cli(monkeypatch, capsys, "dashboard", study.folder, "--export", tmp_path / "d.html")
    assert code == 0 and "30 pictures" in out


def test_a_database_of_an_earlier_layout_is_brought_up_to_date(study, tmp_path, monkeypatch, capsys):
    """As it is whenever a study is opened; watching alone would refuse it."""
    older = tmp_path / "older"
    shutil.copytree(study.folder, older)
    opened = []
    whole = Store.__init__

    def refuse_first_watch(self, url, create=False, watch=False, **more):
        from metrics.errors import InputError

        opened.append(watch)
        if opened == [True]:
            raise InputError("The study's database has the layout 3; open the study to be written first.")
        whole(self, url, create, watch, **more)

    monkeypatch.setattr(Store, "__init__", refuse_first_watch)
    open_to_look(older).close()
    assert opened == [True, False, True]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "nowhere holds no study"),
        (["--export", "missing/d.html"], "there is no folder missing"),
        (["--export", "."], "which is a folder; name a file in it"),
        (["--export", "d.pdf"], "name a file that ends in .html"),
        (["--export", "d.html", "--port", "7777"], "With --export nothing is served, so there is no --port"),
        (["--export", ""], "--export is empty"),
    ],
)
def test_a_mistake_is_one_sentence(study, tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    given = arguments if arguments[0] == "nowhere" else [study.folder, *arguments]
    code, out, err = run_cli(monkeypatch, capsys, "dashboard", *given)
    assert code == 2 and said in err and err.count("\n") == 1 and "Traceback" not in out + err
    assert list(tmp_path.iterdir()) == []


def test_nothing_half_written_stays_where_the_figures_cannot_be_made(study, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("study.dashboard.export.export_dashboard.__defaults__", (1000,))
    code, _, err = run_cli(monkeypatch, capsys, "dashboard", study.folder, "--export", tmp_path / "d.html")
    assert code == 2 and "hardly a picture has room" in err
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".html"]


def test_a_place_that_cannot_be_written_is_told_before_the_work(study, tmp_path, monkeypatch, capsys):
    def refused(*_arguments, **_more):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("metrics.files.tempfile.mkstemp", refused)
    monkeypatch.setattr("study.dashboard.export.export_dashboard", lambda *_: pytest.fail("the work was begun"))
    code, _, err = run_cli(monkeypatch, capsys, "dashboard", study.folder, "--export", tmp_path / "d.html")
    place = tmp_path / "d.html"
    assert (code, err) == (2, f"humangrade: {place} cannot be written (Permission denied); choose another place.\n")
