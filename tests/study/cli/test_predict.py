"""humangrade predict: a table of predictions, and mistakes in one sentence."""

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from calibration.prediction.predictor import fit_predictor
from calibration.prediction.predictor_file import json_text, predictors_document
from metrics.errors import InputError
from study.cli.predict import predict
from tests.calibration.prediction.test_predictor import study
from tests.calibration.typed import scored

app = typer.Typer()
app.command()(predict)
SHARES = ["p1", "p2", "p3", "p4", "p5"]
COLUMNS = ["item", "score", "level", *SHARES, "mean", "low", "high", "mean_low", "mean_high", "extrapolated"]


@pytest.fixture
def folder(tmp_path):
    scores, ratings = study(80, 4, 0)
    clip = fit_predictor(scored(scores, ratings, "higher", name="clip", signatures=["clip|v1"]))
    niqe = fit_predictor(scored(-scores, ratings, "lower", name="niqe"))
    report = tmp_path / "report"
    report.mkdir()
    (report / "predictor.json").write_text(json_text(predictors_document([("look", clip), ("look", niqe)])))
    return report


def run(report, *arguments):
    result = CliRunner().invoke(app, [str(report), *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, (InputError, SystemExit)):
        raise result.exception
    return result


def written(path, **columns):
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def test_predictions_of_long_and_wide_scores_are_the_same(folder, tmp_path):
    values = [-1.0, 0.0, 99.0]
    long = written(tmp_path / "long.csv", item=list("abc"), metric="clip", score=values, signature="clip|v1")
    wide = written(tmp_path / "wide.csv", item=list("abc"), clip=values, niqe=[1, 2, 3])
    first = run(folder, "--metric", "clip", "--scores", long, "--out", tmp_path / "a.csv")
    assert first.exit_code == 0 and "(3 images)" in first.output
    assert "1 score outside the study's range" in first.output and "signatures" not in first.output
    second = run(folder, "--metric", "clip", "--task", "look", "--scores", wide, "--out", tmp_path / "b.csv")
    assert "has no signatures, so nobody can tell" in second.output
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    table = pd.read_csv(tmp_path / "a.csv")
    assert table.columns.tolist() == COLUMNS and table["item"].tolist() == ["a", "b", "c"]
    assert table["extrapolated"].tolist() == [False, False, True] and table["mean"].is_monotonic_increasing
    assert table[SHARES].sum(axis=1).to_numpy() == pytest.approx(np.ones(3))
    assert table["low"].dtype == int and (table["low"] <= table["high"]).all()


def test_other_signatures_are_refused_unless_allowed(folder, tmp_path):
    scores = written(tmp_path / "s.csv", item=["a"], metric="clip", score=[0.5], signature="clip|v2")
    arguments = ("--metric", "clip", "--scores", scores, "--out", tmp_path / "p.csv")
    refused = run(folder, *arguments)
    assert "signature clip|v2, and the study's had clip|v1" in str(refused.exception)
    assert not (tmp_path / "p.csv").exists()
    assert run(folder, *arguments, "--allow-other-signature").exit_code == 0 and (tmp_path / "p.csv").exists()


def test_other_versions_alone_are_taken_and_said(tmp_path):
    scores, ratings = study(80, 4, 0)
    theirs, ours = (f"metric:clip|weights:ab|versions:torch-{number}+Pillow-12.3" for number in ("2.9.1", "2.10.0"))
    report = tmp_path / "report"
    report.mkdir()
    fitted = fit_predictor(scored(scores, ratings, "higher", name="clip", signatures=[theirs]))
    (report / "predictor.json").write_text(json_text(predictors_document([("look", fitted)])))
    new = written(tmp_path / "s.csv", item=["a"], metric="clip", score=[0.5], signature=ours)
    found = run(report, "--metric", "clip", "--scores", new, "--out", tmp_path / "p.csv")
    assert found.exit_code == 0 and (tmp_path / "p.csv").exists()
    said = "was scored with other versions than the study (torch-2.10.0 instead of torch-2.9.1); all else is the same."
    assert said in found.output
    other = written(tmp_path / "o.csv", item=["a"], metric="clip", score=[0.5], signature=ours.replace("ab", "cd"))
    refused = run(report, "--metric", "clip", "--scores", other, "--out", tmp_path / "q.csv")
    assert "score them alike" in str(refused.exception) and not (tmp_path / "q.csv").exists()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--metric": "dino"}, "has no predictor of 'dino'; it has 'clip' and 'niqe'."),
        ({"--task": "taste"}, "has no task 'taste'; its tasks are 'look'."),
        ({"--metric": "niqe"}, "has no score of 'niqe'; its metrics are 'clip'."),
        ({"--scores": "none.csv"}, "cannot be read"),
        ({"--out": "p.json"}, "so name a file that ends in .csv"),
        ({"--out": "."}, "so name a file that ends in .csv"),
        ({"report": "nowhere"}, "is not a folder"),
    ],
)
def test_mistakes_are_one_sentence(folder, tmp_path, changed, message):
    scores = written(tmp_path / "s.csv", item=["a"], clip=[0.5])
    options = {"--metric": "clip", "--scores": scores, "--out": tmp_path / "p.csv"} | changed
    report = options.pop("report", folder)
    error = run(report, *(part for option in options.items() for part in option)).exception
    assert isinstance(error, InputError) and message in str(error) and str(error).endswith(".")


def test_a_damaged_file_is_one_sentence(folder, tmp_path):
    scores = written(tmp_path / "s.csv", item=["a"], clip=[0.5])
    (folder / "predictor.json").write_text('{"tasks": {"look": {"clip": {"version": 1}}}}')
    error = run(folder, "--metric", "clip", "--scores", scores, "--out", tmp_path / "p.csv").exception
    assert isinstance(error, InputError) and "('clip' in 'look') is damaged" in str(error)
