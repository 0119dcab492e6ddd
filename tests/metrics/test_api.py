"""The front door: what `import metrics` costs, what its names are, and that they give what a scoring run gives."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import metrics
from calibration.pipeline import calibrate
from metrics import InputError, MetricOptions, list_metrics, read_image, score_images, score_sets
from metrics.catalogue import catalogue, find_entry
from metrics.sets.frechet import FeatureStatistics
from tests.metrics.homes import empty_home
from tests.metrics.pictures import saved
from tests.metrics.tiny_clip import register, save_tiny

ROOT = Path(metrics.__file__).parents[1]
HEAVY = ("torch", "pandas", "scipy", "skimage", "numpy", "PIL", "open_clip", "pyarrow", "sqlalchemy")


@pytest.fixture
def home(tmp_path, monkeypatch):
    empty_home(tmp_path, monkeypatch)
    monkeypatch.setenv("HUMANGRADE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HUMANGRADE_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


@pytest.fixture
def squeeze(home, shared):
    (home / "lpips-squeeze.pth").symlink_to(shared / "weights" / "squeezenet1_1_features.pth")


def loaded_by(code):
    program = f"import sys\n{code}\nprint(*(name for name in {HEAVY!r} if name in sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_importing_loads_nothing_heavy_and_a_look_at_the_list_no_torch():
    assert loaded_by("import metrics; dir(metrics); metrics.__all__") == set()
    assert not loaded_by("import metrics; metrics.score_images; metrics.find_metric('lpips')") & {"torch", "pandas"}


def test_every_public_name_resolves_and_says_what_it_is():
    assert sorted(metrics.__all__, key=str.casefold) == metrics.__all__ and set(metrics.__all__) <= set(dir(metrics))
    for name in metrics.__all__:
        found = getattr(metrics, name)
        assert found.__name__ == name and found.__doc__
        is_class = isinstance(found, type)
        assert is_class or ">>>" in found.__doc__ or name in ("read_image", "fetch_weights"), name
    with pytest.raises(AttributeError, match="no attribute 'beauty'"):
        metrics.beauty  # noqa: B018


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(metrics.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {each.names[0].asname: each.module for each in block.body}
    assert seen == metrics._MODULES


def test_the_list_has_a_row_for_each_entry():
    table = list_metrics().set_index("name")
    assert table.index.tolist() == [entry.name for entry in catalogue()]
    assert table.loc["fid", "needs"] == "references" and table.loc["kid", "options"].endswith("seed")
    assert np.isnan(table.loc["kid", "low"]) and table.loc["clip_score", "high"] == 100


def test_a_table_of_scores_is_what_the_calibration_reads(tmp_path, home):
    sources = saved(tmp_path / "images", 4)
    (tmp_path / "images" / "broken.png").write_bytes(b"no picture")
    table = score_images(tmp_path / "images", ["contrast", "sharpness"])
    assert table.columns.tolist() == ["item", "metric", "score", "signature", "note"]
    assert table["item"].tolist() == [*(source.path.name for source in sources), "broken.png"] * 2 or len(table) == 10
    broken = table[table["item"] == "broken.png"]
    assert broken["score"].isna().all() and (broken["note"] == "unreadable image").all()
    (note,) = table.attrs["notes"]
    assert "broken.png cannot be decoded" in note
    known = table.dropna(subset="score").set_index(["item", "metric"])["score"]
    for source in sources:
        pixels = np.asarray(read_image(source.path))
        assert known[source.path.name, "contrast"] == metrics.contrast(pixels)
    ratings = pd.DataFrame(
        {"item": [s.path.name for s in sources] * 2, "evaluator": list("aaaabbbb"), "rating": [1, 2, 3, 4] * 2}
    ).assign(task="look")
    report = calibrate(ratings, table.dropna(subset="score")).report
    assert set(report["tasks"]["look"]["metrics"]) == {"contrast", "sharpness"}


def test_names_references_and_prompts_by_image(tmp_path, squeeze):
    sources, photos = saved(tmp_path / "images", 2), saved(tmp_path / "photos", 2, first=5)
    options = MetricOptions(lpips_net="squeeze", lpips_size=64)
    files = {"a": sources[0].path, "b": str(sources[1].path)}
    each = {"a": [photos[0].path], "b": [photos[0].path, photos[1].path]}
    table = score_images(files, "lpips", references=each, options=options).set_index(["item", "metric"])["score"]
    near = [metrics.lpips(sources[1].path, photo.path, net="squeeze", size=64, device="cpu") for photo in photos]
    assert table["b", "lpips"] == pytest.approx(np.mean(near), rel=1e-6)
    assert table["b", "lpips_min"] == pytest.approx(min(near), rel=1e-6)
    whole = score_images(files, "lpips", references=tmp_path / "photos", options=options)
    assert whole.set_index(["item", "metric"])["score"]["b", "lpips"] == table["b", "lpips"]


def test_lpips_of_files_pictures_and_arrays_is_one(tmp_path, squeeze):
    a, b = (source.path for source in saved(tmp_path / "images", 2))
    expected = metrics.lpips(a, b, net="squeeze", size=None, device="cpu")
    assert expected > 0 and metrics.lpips(a, a, net="squeeze", device="cpu") == pytest.approx(0, abs=1e-6)
    pictures = Image.open(a), np.asarray(Image.open(b))
    assert metrics.lpips(*pictures, net="squeeze", size=None, device="cpu") == expected
    smaller = Image.open(a).resize((40, 40))
    with pytest.raises(InputError, match="images of one size only"):
        metrics.lpips(a, smaller, net="squeeze", size=None, device="cpu")


def test_clip_score_is_that_of_a_run(tmp_path, home, monkeypatch):
    register(monkeypatch)
    save_tiny(home / "clip--tiny--openai.safetensors")
    (source,) = saved(tmp_path / "images", 1)
    options = MetricOptions(clip_model="tiny", clip_pretrained="openai")
    table = score_images([source.path], ["clip_score", "clip_t"], prompts="a cat", options=options)
    one = metrics.clip_score(source.path, "a cat", model="tiny", pretrained="openai", device="cpu")
    values = table.set_index("metric")["score"]
    assert one == pytest.approx(values["clip_score"], abs=1e-4) == pytest.approx(100 * max(values["clip_t"], 0))
    assert table["item"].tolist() == [str(source.path)] * 2


def test_sets_are_groups_and_all_together(tmp_path, squeeze):
    sources = saved(tmp_path / "images", 4)
    groups = {source.path.name: "ab"[place // 2] for place, source in enumerate(sources)}
    options = MetricOptions(lpips_net="squeeze", lpips_size=64)
    table = score_sets(tmp_path / "images", ["contrast", "diversity"], groups=groups, options=options)
    assert table.columns.tolist() == ["set", "metric", "score", "n", "signature", "low", "high", "note"]
    found = table.set_index(["metric", "set"])
    assert (
        found["n"]["contrast"].to_dict() == {"a": 2, "b": 2, "all": 4}
        and (found["low"] <= found["high"])["contrast"].all()
    )
    between = metrics.lpips(sources[0].path, sources[1].path, net="squeeze", size=64, device="cpu")
    assert found["score"]["diversity", "a"] == pytest.approx(between, rel=1e-6)


def test_mistakes_are_one_sentence(tmp_path, home):
    (source,) = saved(tmp_path / "images", 1)
    folder = tmp_path / "images"
    for call, message in (
        (lambda: score_images(folder, "beauty"), "There is no metric 'beauty'"),
        (lambda: score_images(folder, []), "No metric is named"),
        (lambda: score_images(folder, "fid", references=folder), "fid: a number of a set of images"),
        (lambda: score_images(folder, "lpips"), "lpips needs references, and there are none; give references=."),
        (lambda: score_images(folder, "clip_t"), "clip_t needs prompts, and there are none; give prompts=."),
        (lambda: score_images([], "contrast"), "There are no images"),
        (lambda: score_images(tmp_path / "none", "contrast"), "is not a folder"),
        (lambda: score_images({"a": tmp_path / "none.png"}, "contrast"), "none.png cannot be read"),
        (lambda: score_images(folder, "lpips", references={"x": source.path}), "references names 'x'"),
        (lambda: score_sets(folder, "contrast", groups={"x": "a"}), "groups names 'x'"),
        (
            lambda: score_images(folder, "contrast", run={"device": "cpu"}),
            "^run is of the kind dict; make one with R",
        ),
        (lambda: score_images(folder, "contrast", options={}), "^options is of the kind dict; make one with Metric"),
        (lambda: score_images([np.zeros((4, 4, 3))], "contrast"), "^images holds an image of the kind ndarray"),
        (lambda: score_images({"a": np.zeros((4, 4, 3))}, "contrast"), "^images holds an image of the kind ndarray"),
        (lambda: score_images(folder, ["contrast", 3]), "^metrics has 3, which is no name"),
        (lambda: read_image(tmp_path / "none.png"), r"none\.png cannot be read"),
        (lambda: metrics.lpips(source.path, source.path), "humangrade weights fetch lpips-alex"),
    ):
        with pytest.raises(InputError, match=message):
            call()


def test_what_is_no_picture_is_said(tmp_path, squeeze):
    (source,) = saved(tmp_path / "images", 1)
    for other, message in (
        (np.zeros((4, 4, 3)), "The picture given is an array of float64 of shape"),
        (np.zeros((4, 4, 4), np.uint8), "The picture given is an array of uint8 of shape"),
        (7, "is no picture"),
        (tmp_path / "none.png", r"none\.png cannot be read"),
    ):
        with pytest.raises(InputError, match=message):
            metrics.lpips(source.path, other, net="squeeze", device="cpu")


def test_reprs_are_short():
    assert repr(find_entry("fid")) == "Entry(fid: FID, a number of one set, lower is better)"
    assert repr(FeatureStatistics.of(np.eye(3))) == "FeatureStatistics(n=3, dimensions=3)"
