"""The catalogue: what stands in it fits the registry, the weights and the options."""

import itertools

import pytest

from metrics.catalogue import MetricOptions, catalogue, make_metrics
from metrics.errors import InputError
from metrics.registry import find_metric
from metrics.weights_catalog import weights_file
from tests.metrics.homes import empty_home

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
def test_every_entry_is_known_to_the_registry_and_its_weights_know_it(entry):
    assert entry.what is find_metric(entry.name) and entry.source
    for options in OPTIONS:
        for name in entry.weights(options):
            assert entry.name in weights_file(name).used_by, name


def test_every_file_of_weights_is_used_by_metrics_of_the_catalogue():
    names = {entry.name for entry in catalogue()}
    needed = set(itertools.chain(*(entry.weights(options) for entry in catalogue() for options in OPTIONS)))
    for name in needed:
        assert set(weights_file(name).used_by) <= names


@pytest.mark.parametrize("entry", [each for each in catalogue() if each.weights(MetricOptions())], ids=lambda e: e.name)
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
