"""Metrics of other packages: torchmetrics' own, and pyiqa by a stand-in with its interface."""

import importlib.metadata
import sys
import types

import numpy as np
import pytest
import torch
import torchmetrics
from PIL import ImageFilter
from skimage.metrics import peak_signal_noise_ratio
from torchmetrics.functional.image import visual_information_fidelity

from calibration.metric.facts import directions_of
from metrics.engine.cache import FeatureCache
from metrics.engine.images import ImageSource, pixels
from metrics.engine.run import score_items
from metrics.engine.types import Item
from metrics.errors import InputError
from metrics.image.contrast import contrast
from metrics.image.pixel_measures import QualityFeatures, SingleNumber
from metrics.known import find_metric
from metrics.plugins.held_weights import held_digest
from metrics.plugins.package_table import TORCHMETRICS, usable
from metrics.plugins.packages import IDENTICAL, is_plugin, make_plugin
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
    configs = {
        "niqe": {"metric_mode": "NR", "lower_better": True},
        "ssim": {"metric_mode": "FR"},
        "musiq": {},
        "fid": {"metric_mode": "NR"},
        "clipscore": {"metric_mode": "NR"},
        "newest": {"metric_mode": "NR"},
    }

    def create_metric(name, device):
        if name == "musiq":
            raise OSError("<urlopen error>")
        made = {"niqe": spread, "ssim": lambda x, y: (x - y).abs().mean(), "clipscore": said}
        return made[name]

    def said(x, caption_list=None):
        return torch.tensor(len(caption_list[0]) / 10) + 0 * x.mean()

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
    monkeypatch.setattr("metrics.plugins.packages.version", lambda name: "0.1.16" if name == "pyiqa" else real(name))


def test_pyiqa_gets_images_from_0_to_1_and_says_which_way_is_better(pyiqa, tmp_path, cache):
    image, photo = saved(tmp_path / "images", 2)
    items = [Item("a", image, (photo,))]
    result = score_items(items, [make_plugin("pyiqa:niqe"), make_plugin("pyiqa:ssim")], cache)
    flat, gap = (result.scored[name].scores[0] for name in ("pyiqa:niqe", "pyiqa:ssim"))
    x, y = (pixels(source.open()) / 255.0 for source in (image, photo))
    assert flat.score == pytest.approx(torch.from_numpy(x).std().item(), rel=1e-5) and "better:lower" in flat.signature
    assert gap.score == pytest.approx(np.abs(x - y).mean(), rel=1e-5) and "better:higher" in gap.signature


def test_weights_that_cannot_be_loaded_are_one_sentence(pyiqa, tmp_path, cache):
    with pytest.raises(InputError, match=r"pyiqa:musiq cannot be loaded .*urlopen"):
        score_items([Item("a", saved(tmp_path, 1)[0])], [make_plugin("pyiqa:musiq")], cache)


def test_an_image_that_a_package_cannot_take_is_named_and_others_go_on(pyiqa, tmp_path, cache):
    sources = saved(tmp_path / "a", 2) + saved(tmp_path / "b", 1, (8, 8))
    metrics = [make_plugin("pyiqa:niqe"), SingleNumber("contrast", QualityFeatures(contrast))]
    result = score_items([Item(str(n), source) for n, source in enumerate(sources)], metrics, cache)
    reason = "cannot be scored by this metric (Kernel size can't be greater than actual input size)"
    assert result.skipped == {sources[2].path: reason}
    assert [row.score is None for row in result.scored["pyiqa:niqe"].scores] == [False, False, True]
    assert all(row.score is not None for row in result.scored["contrast"].scores)
    assert result.scored["pyiqa:niqe"].scores[2].note == reason


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
        result = score_items(items, [make_plugin("pyiqa:niqe")], cache)
        found.append((result.scored["pyiqa:niqe"].scores[0].score, result.extracted))
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
    with pytest.raises(InputError, match="pyiqa has no metric 'piqe'"):
        make_plugin("pyiqa:piqe")
    with pytest.raises(InputError, match="torchmetrics:Nothing is not in the table"):
        make_plugin("torchmetrics:Nothing")
    with pytest.raises(InputError, match="number of a set of images, not of one; humangrade computes fid"):
        make_plugin("torchmetrics:FrechetInceptionDistance")

    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("metrics.plugins.packages.version", missing)
    with pytest.raises(InputError, match="pip install pyiqa"):
        make_plugin("pyiqa:niqe")


def test_a_metric_of_sets_is_none_of_images(pyiqa):
    for name in ("pyiqa:fid", "torchmetrics:InceptionScore"):
        with pytest.raises(InputError, match="number of a set of images"):
            make_plugin(name)
    with pytest.raises(InputError, match="pyiqa:newest is not in the table"):
        make_plugin("pyiqa:newest")


def test_a_package_that_contradicts_the_table_is_refused(pyiqa):
    sys.modules["pyiqa.default_model_configs"].DEFAULT_CONFIGS["ssim"]["lower_better"] = True
    with pytest.raises(InputError, match="says otherwise of 'ssim'"):
        make_plugin("pyiqa:ssim")


def test_a_metric_of_image_and_prompt(pyiqa, tmp_path, cache):
    a, b = saved(tmp_path, 2)
    items = [Item("a", a, prompt="a cat"), Item("again", a, prompt="a black cat"), Item("b", b)]
    rows = score_items(items, [make_plugin("pyiqa:clipscore")], cache).scored["pyiqa:clipscore"].scores
    assert [row.score for row in rows] == [pytest.approx(0.5), pytest.approx(1.1), None]
    assert rows[2].note == "no prompt"


def test_a_metric_that_cannot_work_at_all_is_not_laid_on_the_images(pyiqa, tmp_path, monkeypatch, cache):
    def late(*images):
        raise RuntimeError("weights niqe.mat not found")

    monkeypatch.setattr(sys.modules["pyiqa"], "create_metric", lambda name, device: late)
    with pytest.raises(InputError, match=r"pyiqa:niqe cannot be used.*weights niqe.mat not found"):
        score_items([Item("a", saved(tmp_path, 1)[0])], [make_plugin("pyiqa:niqe")], cache)


def test_vif_is_given_the_values_that_its_constant_is_for(tmp_path, cache):
    _, photo = saved(tmp_path, 2, (64, 64))
    blurred = photo.open().filter(ImageFilter.GaussianBlur(1))
    blurred.save(tmp_path / "blurred.png")
    item = Item("a", ImageSource.of(tmp_path / "blurred.png"), (photo,))
    name = "torchmetrics:VisualInformationFidelity"
    row = score_items([item], [make_plugin(name)], cache).scored[name].scores[0]
    given = [torch.from_numpy(pixels(source.open())).permute(2, 0, 1)[None].float() for source in (item.image, photo)]
    assert row.score == pytest.approx(float(visual_information_fidelity(*given)), rel=1e-5)
    assert row.score != pytest.approx(float(visual_information_fidelity(given[0] / 255, given[1] / 255)), rel=0.05)
    assert "values:0..255" in row.signature


def test_lpips_of_torchmetrics_is_that_of_the_package_on_values_from_minus_1_to_1(tmp_path, monkeypatch, cache):
    from torchvision import models

    monkeypatch.setattr(models, "alexnet", lambda **kwargs: models.AlexNet())  # published weights are not to be had
    torch.manual_seed(0)
    image, photo = saved(tmp_path, 2, (64, 64))
    name = "torchmetrics:LearnedPerceptualImagePatchSimilarity"
    plugin = make_plugin(name)
    row = score_items([Item("a", image, (photo,))], [plugin], cache).scored[name].scores[0]
    given = [torch.from_numpy(pixels(source.open())).permute(2, 0, 1)[None].float() for source in (image, photo)]
    network = plugin.extractor._made.net
    with torch.inference_mode():
        expected = float(network(*(2 * values / 255 - 1 for values in given)))
    assert row.score == pytest.approx(expected, rel=1e-4) and row.score > 0
    assert "better:lower" in row.signature and "weights:" in row.signature


def test_every_metric_of_the_table_that_needs_no_weights_scores_images_of_several_sizes(tmp_path, cache):
    sources = saved(tmp_path / "a", 2, (200, 180)) + saved(tmp_path / "b", 2, (190, 200), first=9)
    items = [Item("a", sources[0], (sources[1],)), Item("b", sources[2], (sources[3],))]
    networks = {"LearnedPerceptualImagePatchSimilarity", "DeepImageStructureAndTextureSimilarity", "ARNIQA"}
    names = set(usable("torchmetrics")) - networks - {"CLIPImageQualityAssessment", "CLIPScore"}
    assert len(names) == 11
    for name in sorted(names):
        plugin = make_plugin(f"torchmetrics:{name}")
        rows = score_items(items, [plugin], cache).scored[plugin.name].scores
        assert all(row.score is not None for row in rows), (name, rows)
        for row in rows:
            low, high = plugin.extractor.known.low, plugin.extractor.known.high
            assert low <= row.score <= (np.inf if high is None else high)


def test_the_table_points_each_metric_as_its_package_does():
    homes = [torchmetrics.image, torchmetrics.multimodal]
    for name in usable("torchmetrics"):
        cls = next((getattr(home, name) for home in homes if hasattr(home, name)), None)
        assert cls is None or cls.higher_is_better == (TORCHMETRICS[name].direction == "higher"), name


def test_a_sum_over_pixels_is_said_to_be_one(tmp_path, cache):
    name = "torchmetrics:TotalVariation"
    scored = score_items([Item("a", saved(tmp_path, 1)[0])], [make_plugin(name)], cache).scored[name]
    assert "only images of one size" in scored.warnings[0]


def test_identical_images_have_a_word_in_place_of_an_infinite_score(tmp_path, cache):
    a, b = saved(tmp_path, 2)
    name = "torchmetrics:PeakSignalNoiseRatio"
    items = [Item("same", a, (a, b)), Item("other", a, (b,))]
    scored = score_items(items, [make_plugin(name)], cache).scored[name]
    assert scored.scores[0].score is None and scored.scores[0].note == IDENTICAL
    assert scored.scores[1].score is not None and scored.scores[1].note == ""
    assert "1 of 2 images are among their own references (the first: same)" in scored.warnings[0]


def test_a_plug_ins_interval_stays_within_its_range(tmp_path, cache):
    sources = saved(tmp_path, 4)
    items = [Item(str(n), source, (sources[0] if n else source,)) for n, source in enumerate(sources[:2])]
    items += [Item("same", sources[3], (sources[3],)), Item("again", sources[2], (sources[2],))]
    name = "torchmetrics:StructuralSimilarityIndexMeasure"
    (row,) = score_items(items, [make_plugin(name)], cache).scored[name].set_scores
    assert row.score + 0.2 > 0.9 and row.high == 1.0
    assert row.note == "3 of its images are among the references"


def test_names():
    assert is_plugin("pyiqa:musiq") and not is_plugin("other:musiq") and not is_plugin("pyiqa:")
    assert find_metric("pyiqa:musiq").title == "MUSIQ"


def test_the_report_takes_the_direction_from_the_signature():
    directions, notes = directions_of(["x", "y"], signatures={"x": ["metric:x|better:lower|a:b"], "y": ["metric:y"]})
    assert directions == {"x": "lower", "y": "higher"} and list(notes) == ["y"]
