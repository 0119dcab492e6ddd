import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests.study.command import command_line, environment, run_cli
from tests.study.samples import write_images


@pytest.fixture
def cli(monkeypatch, capsys):
    return lambda *arguments: run_cli(monkeypatch, capsys, *arguments)


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    for model in ("a", "b"):
        for number in range(2):
            path = folder / model / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng([ord(model), number]).integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path)
    return folder


def ratings_of(path, rows):
    path.write_text("item,evaluator,task,rating\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    return path


ROWS = [(f"{model}/{number}.png", person, "aesthetic", 1 + (number + shift) % 5)
        for model in "ab" for number in range(2) for person, shift in (("ann", 0), ("bob", 1))]  # fmt: skip


PEOPLE = ["demo", "generate", "init", "serve", "add", "import", "export", "withdraw"]
MACHINES = ["score", "evaluate", "metrics", "statistics", "cache", "weights", "aesthetic"]
DECISIONS = ["track", "gate", "best", "dashboard", "baseline", "runs"]
COMMANDS = [*PEOPLE, *MACHINES, *DECISIONS, "report", "predict", "plan"]


def test_help_is_a_table_of_contents(cli):
    code, out, _ = cli("--help")
    assert code == 0
    assert re.findall(r"^│ (\w+) ", out, re.M)[-len(COMMANDS) :] == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(cli, command):
    code, out, _ = cli(command, "--help")
    assert code == 0
    assert "Usage: humangrade " + command in out


def test_version(cli):
    assert re.fullmatch(r"humangrade \d+\.\d+\.\d+\n", cli("--version")[1])


@pytest.mark.parametrize("arguments", ["['humangrade', '--help']", "['humangrade', 'serve', '--help']"])
def test_help_is_quick_because_it_imports_nothing_heavy(arguments):
    code = (
        "import sys, contextlib; sys.argv = " + arguments + "\n"
        "from study.cli import main\n"
        "with contextlib.suppress(SystemExit): main()\n"
        "heavy = {'torch', 'pandas', 'gradio', 'scipy', 'numpy'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_init_prints_a_private_link_for_each_evaluator_and_one_for_the_owner(cli, images, tmp_path):
    code, out, _ = cli("init", tmp_path / "s", "--images", images, "--tasks", "aesthetic", "--evaluators", "ann,bob")
    assert code == 0
    found = re.findall(r"http://127\.0\.0\.1:7860/(rate|owner)/\?key=([\w-]+)", out)
    assert [kind for kind, _ in found] == ["owner", "rate", "rate"]
    assert len({token for _, token in found}) == 3
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == ["items.csv", "ratings.sqlite", "study.yaml"]


def test_init_says_what_it_understood_of_a_trainers_samples(cli, tmp_path):
    names = [f"anna_{step:06d}_00_20240819160839.png" for step in (300, 600)]
    images = write_images(tmp_path / "sample", names)
    code, out, _ = cli("init", tmp_path / "s", "--images", images)
    assert code == 0
    assert "Samples of kohya's sd-scripts: 2 images of 'anna' at 2 steps from 300 to 600, of 1 prompt." in out
    assert "sampled without a seed: each step has another noise" in out


def test_init_needs_no_more_than_a_folder_of_images(cli, images, tmp_path):
    code, out, _ = cli("init", tmp_path / "s", "--images", images)
    assert code == 0
    assert "the one task is aesthetic" in out
    assert out.count("/rate/?key=") == 5


def test_from_import_to_report_and_back(cli, images, tmp_path):
    study, other = tmp_path / "s", tmp_path / "t"
    for folder in (study, other):
        assert cli("init", folder, "--images", images, "--tasks", "aesthetic", "--evaluators", "ann,bob")[0] == 0
    ratings = ratings_of(tmp_path / "r.csv", ROWS)
    scores = tmp_path / "scores.csv"
    scores.write_text(
        "item,ssim\n" + "".join(f"{item},{number}\n" for number, item in enumerate({row[0] for row in ROWS}))
    )
    code, out, err = cli("import", study, "--ratings", ratings, "--scores", scores)
    assert (code, err) == (0, "")
    assert out.splitlines() == ["Imported 8 ratings.", "Imported 4 scores."]
    assert cli("export", study, "--out", tmp_path / "out")[0] == 0
    exported = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert b"aesthetic,How good does this image look?,Bad,Poor," in exported.pop("wordings.csv")
    assert set(exported) == {"items.csv", "ratings.csv", "scores.csv"}
    again = [tmp_path / "out" / name for name in ("ratings.csv", "scores.csv")]
    assert cli("import", other, "--ratings", again[0], "--scores", again[1])[0] == 0
    assert cli("export", other, "--out", tmp_path / "again")[0] == 0
    assert {name: (tmp_path / "again" / name).read_bytes() for name in exported} == exported
    code, out, _ = cli("report", study, "--out", tmp_path / "report")
    assert code == 0
    assert "SSIM" in out
    written = {path.name for path in (tmp_path / "report").iterdir() if not path.name.startswith("figure_")}
    assert written == {
        "report.html", "report.json", "evaluators.csv", "metrics.csv", "folds.csv", "comparison.csv", "predictor.json",
        "agreement.csv", "model_order.csv",
    }  # fmt: skip


def test_images_are_added_as_a_round(cli, images, tmp_path):
    study = tmp_path / "study"
    assert cli("init", study, "--images", images, "--evaluators", "ann,bob")[0] == 0
    assert cli("import", study, "--ratings", ratings_of(tmp_path / "r.csv", ROWS))[0] == 0
    code, _, err = cli("add", study, "--images", images)
    assert (
        code == 2
        and err == f"humangrade: {images} holds no image that the study lacks; draw or copy new ones into it first.\n"
    )
    Image.new("RGB", (16, 16), "red").save(images / "b" / "new.png")
    code, out, _ = cli("add", study, "--images", images, "--anchors", "0.5", "--evaluators", "cleo")
    assert code == 0 and out.splitlines() == [
        "1 image added as round 2; 2 that were rated before are asked again among them. That is too few to "
        "tell what the round changes: it takes 5 in each task, and there are 2 of 4 that were rated.",
        *(f"{name}: 3 images more to rate." for name in ("ann", "bob", "cleo")),
        f"Start it with: humangrade serve {study}",
    ]
    code, _, err = cli("add", study, "--images", images, "--anchors", "20")
    assert code == 2 and err == "humangrade: --anchors is 20; it is a share from 0 to 1, such as 0.1 for a tenth.\n"
    assert cli("export", study, "--out", tmp_path / "out")[0] == 0
    assert (tmp_path / "out" / "ratings.csv").read_text().partition("\n")[0].endswith(",position,repeat,round")


def test_report_on_files(cli, tmp_path):
    ratings = tmp_path / "r.csv"
    ratings.write_text("item,who,answer\na,x,1\nb,x,5\na,y,2\nb,y,4\n")
    scores = tmp_path / "s.csv"
    scores.write_text("item,mine\na,9\nb,2\n")
    code, out, _ = cli(
        *("report", "--ratings", ratings, "--scores", scores, "--map", "evaluator=who,rating=answer"),
        *("--task", "look", "--lower-is-better", "mine", "--out", tmp_path / "out"),
    )
    assert code == 0
    assert "look: Two evaluators gave 4 ratings of 2 items" in out


WORDS = "task,question,level_1,level_2,level_3,level_4,level_5,show_references,show_prompt,ratings\n"


def test_what_was_asked_comes_from_a_file(cli, tmp_path):
    ratings = tmp_path / "r.csv"
    ratings.write_text("item,evaluator,rating\na,x,1\nb,x,5\na,y,2\nb,y,4\n")
    wordings = tmp_path / "w.csv"
    wordings.write_text(WORDS + "look,How good?,Bad,Poor,Fair,Good,Great,false,false,4\n")
    given = ("report", "--ratings", ratings, "--wordings", wordings, "--out", tmp_path / "out")
    code, _, err = cli(*given, "--task", "look")
    assert code == 0, err
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "‘How good?’" in page and "from 1 (Bad) to 5 (Great)" in page
    no_traceback(cli(*given), "w.csv, row 2: nobody rated the task 'look'", "'rating'")
    no_traceback(cli("report", tmp_path, "--wordings", wordings, "--out", tmp_path / "out"), "both given")
    wordings.write_text("task,question\nlook,How good?\n")
    no_traceback(cli(*given), "w.csv has no column 'level_1'")


def no_traceback(result, *words):
    code, _, err = result
    assert code == 2, err
    assert "Traceback" not in err
    assert err.startswith("humangrade: ")
    for word in words:
        assert word in err


def test_mistakes_are_one_sentence_and_exit_code_2(cli, images, tmp_path):
    out = tmp_path / "out"
    bad = ratings_of(tmp_path / "bad.csv", [("a", "x", "t", 7)])
    no_traceback(cli("report", "--ratings", bad, "--out", out), "row 2", "'7'", "1 to 5")
    no_traceback(cli("report", "--ratings", tmp_path / "no.csv", "--out", out), "no.csv", "cannot be read")
    no_traceback(cli("report", "--out", out), "needs ratings")
    no_traceback(cli("report", tmp_path, "--out", out), "holds no study")
    good = ratings_of(tmp_path / "good.csv", ROWS)
    no_traceback(cli("report", "--ratings", good, "--out", out, "--k", "0"), "above 0")
    no_traceback(cli("report", "--ratings", good, "--out", out, "--map", "x"), "--map")
    no_traceback(cli("report", "--ratings", good, "--out", good), "which is a file")
    no_traceback(cli("report", tmp_path, "--ratings", good, "--out", out), "both given")
    no_traceback(cli("serve", tmp_path), "holds no study")
    no_traceback(cli("export", tmp_path, "--out", out), "holds no study")
    no_traceback(cli("init", tmp_path / "s", "--images", tmp_path / "none", "--tasks", "aesthetic"), "not a folder")
    no_traceback(cli("init", tmp_path / "s", "--images", images, "--tasks", "similarity"), "--references")
    no_traceback(
        cli("init", tmp_path / "s", "--images", images, "--tasks", "aesthetic", "--evaluators", "0"), "1 to 1000"
    )
    no_traceback(cli("init", tmp_path / "s", "--images", images, "--tasks", ","), "--tasks is empty")
    assert not out.exists()
    assert not (tmp_path / "s").exists()


def test_import_refuses_what_the_study_lacks_and_changes_nothing(cli, images, tmp_path):
    study = tmp_path / "s"
    cli("init", study, "--images", images, "--tasks", "aesthetic", "--evaluators", "ann")
    no_traceback(cli("import", study), "nothing to import")
    strange = ratings_of(tmp_path / "r.csv", [*ROWS, ("c/9.png", "ann", "aesthetic", 1)])
    no_traceback(cli("import", study, "--ratings", strange), "1 item that", "'c/9.png'", "nothing was imported")
    wrong = ratings_of(tmp_path / "r.csv", [("a/0.png", "ann", "beauty", 1)])
    no_traceback(cli("import", study, "--ratings", wrong), "1 task that", "'beauty'")
    cli("export", study, "--out", tmp_path / "out")
    assert (tmp_path / "out" / "ratings.csv").read_text().count("\n") == 1


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("report", "--ratings", "r.csv", "--out", ""), "--out"),
        (("report", "--ratings", "r.csv", "--out="), "--out"),
        (("score", "--images", " ", "--out", "s.csv"), "--images"),
        (("report", "", "--out", "o"), "An argument"),
        (("plan", "--icc", ".5", "--out", ""), "--out"),
    ],
)
def test_an_empty_name_is_refused(cli, tmp_path, monkeypatch, words, what):
    monkeypatch.chdir(tmp_path)
    ratings_of(tmp_path / "r.csv", ROWS)
    code, _, err = cli(*words)
    reason = "is empty; say what it is (for a folder, . is the one you are in)."
    assert (code, err) == (2, f"humangrade: {what} {reason}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv"]


def test_the_direction_of_a_metric_can_be_set(cli, tmp_path):
    ratings = ratings_of(tmp_path / "r.csv", ROWS)
    (tmp_path / "s.csv").write_text("item,lpips_similarity\na/0.png,0.1\na/1.png,0.2\nb/0.png,0.3\n")
    given = ["report", "--ratings", ratings, "--scores", tmp_path / "s.csv", "--out", tmp_path / "o"]
    assert "Assumed that lower is better, as with LPIPS" in cli(*given)[1]
    code, out, _ = cli(*given, "--higher-is-better", "lpips_similarity")
    assert code == 0
    assert "Assumed" not in out


def test_a_terminal_that_cannot_show_a_name_gets_a_question_mark(tmp_path):
    ratings = ratings_of(tmp_path / "r.csv", [(item, "日本", "look", 3) for item in "ab"])
    command = command_line("report", "--ratings", ratings, "--out", tmp_path / "o")
    terminal = environment() | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, env=terminal, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "??: Gave the rating 3 to every item." in done.stdout
