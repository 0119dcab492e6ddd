"""Metrics of other packages: torchmetrics' own, and pyiqa by a stand-in with its interface."""

import importlib.metadata
import sys
import types

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from calibration.metric_facts import directions_of
from metrics.cache import FeatureCache
from metrics.errors import InputError
from metrics.held_weights import held_digest
from metrics.images import pixels
from metrics.plugins import is_plugin, make_plugin
from metrics.quality_score import QualityFeatures, SingleNumber
from metrics.registry import find_metric
from metrics.score_run import score_items
from metrics.scoring import Item
from tests.metrics.pictures import saved


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path / "features")


def test_a_metric_of_one_image_from_torchmetrics(tmp_path, cache):
    sources = saved(tmp_path / "images", 3)
    items = [Item(str(number), source) for number, source in enumerate(sources)]
    metric = make_plugin("torchmetrics:TotalVariation")
    rows = score_items(items, [metric], cache).scored["torchmetrics:TotalVariation"].scores
    for row, source in zip(rows, sources, strict=True):
        values = pixels(source.open()) / 255.0
        expected = np.abs(np.diff(values, axis=0)).sum() + np.abs(np.diff(values, axis=1)).sum()
        assert row.score == pytest.approx(expected, rel=1e-4)
        assert "better:lower" in row.signature and "torchmetrics-" in row.signature


def test_a_metric_of_two_images_takes_the_mean_over_references(tmp_path, cache):
    image, *photos = saved(tmp_path / "images", 3)
    items = [Item("a", image, tuple(photos)), Item("alone", image)]
    result = score_items(items, [make_plugin("torchmetrics:PeakSignalNoiseRatio")], cache)
    a, alone = result.scored["torchmetrics:PeakSignalNoiseRatio"].scores
    theirs = [peak_signal_noise_ratio(pixels(photo.open()), pixels(image.open()), data_range=255) for photo in photos]
    assert a.score == pytest.approx(np.mean(theirs), rel=1e-5) and "better:higher" in a.signature
    assert (alone.score, alone.note) == (None, "no reference")
    assert score_items(items, [make_plugin("torchmetrics:PeakSignalNoiseRatio")], cache).extracted == 0


def test_a_reference_of_another_size_is_brought_to_the_images(tmp_path, cache):
    image, photo = saved(tmp_path / "a", 1, (40, 40)) + saved(tmp_path / "b", 1, (80, 60), first=1)
    result = score_items([Item("a", image, (photo,))], [make_plugin("torchmetrics:PeakSignalNoiseRatio")], cache)
    assert 5 < result.scored["torchmetrics:PeakSignalNoiseRatio"].scores[0].score < 20


@pytest.fixture
def pyiqa(monkeypatch):
    """A package with pyiqa 0.1.16's interface (create_metric, DEFAULT_CONFIGS) and two metrics."""
    configs = {"flat": {"metric_mode": "NR", "lower_better": True}, "gap": {"metric_mode": "FR"}, "absent": {}}

    def create_metric(name, device):
        if name == "absent":
            raise OSError("<urlopen error>")
        return {"flat": spread, "gap": lambda x, y: (x - y).abs().mean()}[name]

    def spread(x):
        if x.shape[-1] < 16:
            raise RuntimeError("Kernel size can't be greater than actual input size\nin a longer text")
        return x.std()[None]

    package = types.ModuleType("pyiqa")
    package.create_metric = create_metric
    package.default_model_configs = types.ModuleType("pyiqa.default_model_configs")
    package.default_model_configs.DEFAULT_CONFIGS = configs
    monkeypatch.setitem(sys.modules, "pyiqa", package)
    monkeypatch.setitem(sys.modules, "pyiqa.default_model_configs", package.default_model_configs)
    real = importlib.metadata.version
    monkeypatch.setattr("metrics.plugins.version", lambda name: "0.1.16" if name == "pyiqa" else real(name))


def test_pyiqa_gets_images_from_0_to_1_and_says_which_way_is_better(pyiqa, tmp_path, cache):
    image, photo = saved(tmp_path / "images", 2)
    items = [Item("a", image, (photo,))]
    result = score_items(items, [make_plugin("pyiqa:flat"), make_plugin("pyiqa:gap")], cache)
    flat, gap = (result.scored[name].scores[0] for name in ("pyiqa:flat", "pyiqa:gap"))
    x, y = (pixels(source.open()) / 255.0 for source in (image, photo))
    assert flat.score == pytest.approx(torch.from_numpy(x).std().item(), rel=1e-5) and "better:lower" in flat.signature
    assert gap.score == pytest.approx(np.abs(x - y).mean(), rel=1e-5) and "better:higher" in gap.signature


def test_weights_that_cannot_be_loaded_are_one_sentence(pyiqa, tmp_path, cache):
    with pytest.raises(InputError, match=r"pyiqa:absent cannot be loaded .*urlopen"):
        score_items([Item("a", saved(tmp_path, 1)[0])], [make_plugin("pyiqa:absent")], cache)


def test_an_image_that_a_package_cannot_take_is_named_and_others_go_on(pyiqa, tmp_path, cache):
    sources = saved(tmp_path / "a", 2) + saved(tmp_path / "b", 1, (8, 8))
    metrics = [make_plugin("pyiqa:flat"), SingleNumber("contrast", QualityFeatures("contrast"))]
    result = score_items([Item(str(n), source) for n, source in enumerate(sources)], metrics, cache)
    reason = "cannot be scored by this metric (Kernel size can't be greater than actual input size)"
    assert result.skipped == {sources[2].path: reason}
    assert [row.score is None for row in result.scored["pyiqa:flat"].scores] == [False, False, True]
    assert all(row.score is not None for row in result.scored["contrast"].scores)


def test_other_weights_are_another_signature_and_are_scored_anew(pyiqa, tmp_path, monkeypatch, cache):
    class Biased:
        """As pyiqa's: a network kept in a list, where state_dict does not see it."""

        def __init__(self, bias):
            self.networks = [torch.nn.Linear(1, 1)]
            torch.nn.init.constant_(self.networks[0].weight, 0.0)
            torch.nn.init.constant_(self.networks[0].bias, bias)

        def __call__(self, image):
            return self.networks[0](torch.zeros(1, 1))

    items = [Item("a", saved(tmp_path, 1)[0])]
    found = []
    for bias in (1.0, 2.0, 2.0):
        monkeypatch.setattr(sys.modules["pyiqa"], "create_metric", lambda name, device, bias=bias: Biased(bias))
        result = score_items(items, [make_plugin("pyiqa:flat")], cache)
        found.append((result.scored["pyiqa:flat"].scores[0].score, result.extracted))
    assert found == [(1.0, 1), (2.0, 1), (2.0, 0)]


def test_what_a_metric_holds_is_found_wherever_it_is(tmp_path):
    (tmp_path / "params.mat").write_bytes(b"1")
    a, b = ({"net": [torch.ones(2)], "path": str(tmp_path / "params.mat")} for _ in range(2))
    first = held_digest(a)
    assert first == held_digest(b) and first != held_digest({**a, "net": [torch.zeros(2)]})
    (tmp_path / "params.mat").write_bytes(b"2")
    assert held_digest(a) != first
    a["itself"] = a  # never around in a circle
    assert held_digest(a) == held_digest(b)
    assert held_digest(torch.nn.BatchNorm1d(2)) != held_digest(torch.nn.BatchNorm1d(3))
    assert held_digest(torch.nn.Linear(2, 2, dtype=torch.bfloat16)) and held_digest(torch.nn.ReLU()) is None


def test_unknown_metrics_and_packages_that_are_not_installed(pyiqa, monkeypatch):
    with pytest.raises(InputError, match="pyiqa has no metric 'nothing'"):
        make_plugin("pyiqa:nothing")
    with pytest.raises(InputError, match="torchmetrics has no metric 'Nothing'"):
        make_plugin("torchmetrics:Nothing")
    with pytest.raises(InputError, match="only metrics of one image or of two"):
        make_plugin("torchmetrics:FrechetInceptionDistance")

    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("metrics.plugins.version", missing)
    with pytest.raises(InputError, match="pip install pyiqa"):
        make_plugin("pyiqa:flat")


def test_names():
    assert is_plugin("pyiqa:musiq") and not is_plugin("other:musiq") and not is_plugin("pyiqa:")
    assert find_metric("pyiqa:musiq").title == "MUSIQ"


def test_the_report_takes_the_direction_from_the_signature():
    directions, notes = directions_of(["x", "y"], signatures={"x": ["metric:x|better:lower|a:b"], "y": ["metric:y"]})
    assert directions == {"x": "lower", "y": "higher"} and list(notes) == ["y"]
