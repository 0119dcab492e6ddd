"""The catalogue: what stands in the entries fits the files, the weights, the options, the command line and README."""

import inspect
import itertools
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import metrics.catalogue
import metrics.known
from metrics import list_metrics, score_images
from metrics.catalogue import band, catalogue, find_entry, make_metrics, needs_of, weights_users, written_names
from metrics.entry import MetricOptions
from metrics.errors import InputError, Said, for_command_line
from metrics.known import find_metric, is_named, known_metrics
from metrics.weights.known_weights import known_weights, weights_file
from study.cli.metric_list import print_metrics
from study.cli.score import score
from tests.metrics.homes import empty_home
from tests.metrics.pictures import saved
from tests.metrics.readme_table import metric_rows

README = Path(__file__).parents[2] / "README.md"
OPTIONS = [
    MetricOptions(),
    MetricOptions(clip_model="ViT-B-32", lpips_net="vgg"),
    MetricOptions(lpips_net="squeeze", head="aesthetic/laion-vit-l-14"),
    MetricOptions(encoder="math:sqrt"),
]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    return empty_home(tmp_path, monkeypatch)


@pytest.mark.parametrize("entry", catalogue(), ids=lambda entry: entry.name)
def test_an_entry_is_whole(entry):
    module = inspect.getmodule(entry.make)
    assert module.__name__.rpartition(".")[2] == entry.name and module.ENTRY is entry
    assert all((entry.title, entry.says, entry.source))
    known = find_metric(entry.name)
    assert (known.title, known.direction, known.low, known.high) == (
        entry.title,
        entry.direction,
        entry.low,
        entry.high,
    )
    assert is_named(entry.name, known) and find_metric(entry.title) is known
    assert list(entry.bands) == sorted(entry.bands) and set(entry.instead) <= set(entry.needs)
    options = {field.name for field in fields(MetricOptions)}
    assert set(entry.options) <= options and set(entry.instead.values()) <= set(entry.options)
    for chosen, needed in itertools.product(OPTIONS, entry.weights):
        name = needed.chosen(chosen)
        assert name is None or (name.startswith(needed.family) and entry.name in weights_file(name).used_by)


NEW = """
from metrics.entry import Entry
from metrics.image.pixel_measures import QualityFeatures, SingleNumber


def brightness(image):
    return float(image.mean()) / 255


ENTRY = Entry(
    name="brightness", title="Brightness", says="the mean of all values", scores="image", direction="lower",
    make=lambda _: SingleNumber("brightness", QualityFeatures(brightness)), source="nobody",
    low=0, high=1, bands=((0.5, "dark"),), written=("glow",),
)
"""


def test_a_metric_is_added_by_a_file_and_a_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "brightness.py").write_text(NEW)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("metrics.catalogue._MODULES", (*metrics.catalogue._MODULES, "brightness"))
    caches = catalogue, known_metrics, metrics.known._by_name
    try:
        for each in caches:
            each.cache_clear()
        ((source,), table) = saved(tmp_path / "images", 1), list_metrics()
        assert table.iloc[-1]["title"] == "Brightness"
        scores = score_images([source.path], "brightness", cache=tmp_path / "cache")
        assert scores["score"][0] == np.asarray(source.open()).mean() / 255
        assert (find_metric("brightness_v2").direction, band("brightness", 0.4)) == ("lower", "dark")
        assert written_names("brightness") == ("brightness", "glow") and "| brightness |" in metric_rows()[-1]
        print_metrics(Console())
        assert "brightness      images  lower   0 to 1" in capsys.readouterr().out
    finally:
        monkeypatch.undo()
        for each in caches:
            each.cache_clear()
    assert find_metric("brightness_v2") is None


def test_names_are_told_once():
    names = [name for entry in catalogue() for name in (entry.name, *entry.written)]
    assert len(set(names)) == len(names)


def test_every_file_of_weights_is_of_use():
    for known in known_weights():
        assert known.used_by and set(known.used_by) <= {entry.name for entry in catalogue()}
    assert weights_users("clip/ViT-L-14/openai") == ("aesthetic", "clip_score", "clip_t", "clip_i", "diversity_clip")
    assert weights_users("facenet-vggface2") == ("similarity",) and weights_users("another") == ()


def test_every_option_is_of_a_metric_and_of_the_command():
    used = {name for entry in catalogue() for name in entry.options}
    assert used == {field.name for field in fields(MetricOptions)}
    offered = inspect.signature(score).parameters
    assert used <= set(offered)
    for name in used:
        assert str(offered[name].default) == str(getattr(MetricOptions(), name)), name


def test_an_option_takes_the_place_of_references():
    chosen = MetricOptions(reference_set=Path("photos"))
    assert [needs_of(name, chosen) for name in ("fid", "kid", "lpips")] == [(), (), ("references",)]


def test_an_encoder_without_a_published_head_is_told_before_its_weights():
    entry = find_entry("aesthetic")
    assert "no published head fits RN50/openai" in entry.lacks(MetricOptions(clip_model="RN50"))
    assert entry.lacks(MetricOptions()) == "" == entry.lacks(MetricOptions(clip_model="RN50", head="mine.safetensors"))


def test_readme_says_of_each_metric_what_its_entry_says():
    lines = README.read_text(encoding="utf-8").splitlines()
    start = lines.index("| metric | what it says | better | needs |")
    assert lines[start + 2 :][: len(catalogue())] == metric_rows()
    assert lines[start + 2 + len(catalogue())].startswith("| pyiqa:NAME, torchmetrics:CLASS |")


@pytest.mark.parametrize("entry", [each for each in catalogue() if each.weights], ids=lambda e: e.name)
def test_without_weights_every_metric_refuses_and_names_file_and_command(entry):
    with pytest.raises(InputError, match=r"not on this machine.*humangrade weights (fetch|add)"):
        entry.make(MetricOptions())


def test_names_once_each_and_unknown_ones_refused():
    assert [metric.name for metric in make_metrics(["contrast", "exposure", "contrast"], MetricOptions())] == [
        "contrast",
        "exposure",
    ]
    with pytest.raises(InputError, match=r"no metric 'beauty'.*similarity, aesthetic"):
        make_metrics(["beauty"], MetricOptions())


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"lpips_net": "vgg19"}, "lpips_net is 'vgg19'; it is alex, vgg or squeeze."),
        ({"pool_references": "sum"}, "pool_references is 'sum'; it is mean, median or max."),
        ({"inception": "keras"}, "inception is 'keras'; it is torch-fidelity or pytorch-fid."),
        ({"precision": "int8"}, "precision is 'int8'; it is float32 or float16."),
    ],
)
def test_options_are_checked_where_they_are_made(option, said):
    with pytest.raises(InputError) as caught:
        MetricOptions(**option)
    assert str(caught.value) == said


def test_a_name_that_is_no_metric_is_told_in_each_doors_words():
    with pytest.raises(InputError) as caught:
        make_metrics(["nope"], MetricOptions())
    assert "metrics.list_metrics() lists them: " in str(caught.value)
    assert "humangrade metrics lists them: " in caught.value.for_command_line()
    lacks = Said(find_entry("aesthetic").lacks(MetricOptions(clip_model="RN50")))
    assert lacks.endswith("name one with head") and for_command_line(lacks).endswith("name one with --head")
