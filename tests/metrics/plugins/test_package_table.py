"""The table of pyiqa's metrics, against what pyiqa says of them, and what each is given: by a stand-in of the package.

pyiqa is not installed with the tests. What it says of its metrics is written down here from its documentation and
default configurations: whether it compares with a reference (FR) or not (NR), which way is better, and, where it says
so without a tilde, the bounds of the score.
"""

import importlib.metadata
import sys
import types

import numpy as np
import pytest
import torch

from metrics.engine.cache import FeatureCache
from metrics.engine.images import pixels
from metrics.engine.run import score_items
from metrics.engine.types import Item
from metrics.errors import InputError
from metrics.plugins.package_table import PYIQA, usable
from metrics.plugins.packages import make_plugin
from tests.metrics.pictures import saved

SAID = """
FR higher: ahiq psnr psnry topiq_fr topiq_fr-pipal wadiqam_fr
FR higher 0 1: ckdn ssim ssimc fsim ms_ssim cw_ssim
FR higher 0 -: vif vsi
FR lower 0 1: lpips lpips-vgg lpips+ lpips-vgg+ stlpips stlpips-vgg dists deepdc nlpd
FR lower 0 -: gmsd mad
FR lower: pieapp
NR lower 0 100: piqe
NR lower: niqe niqe_matlab ilniqe brisque brisque_matlab pi
NR higher: nrqm cnniqa musiq musiq-paq2piq musiq-spaq paq2piq dbcnn maniqa maniqa-pipal maniqa-kadid tres tres-flive
NR higher: hyperiqa uranker topiq_nr topiq_nr-flive topiq_nr-spaq laion_aes wadiqam_nr unique
NR higher 1 10: musiq-ava topiq_iaa topiq_iaa_res50
NR higher 0 10: nima nima-vgg16-ava
NR higher 0 1: clipiqa clipiqa+ clipiqa+_vitL14_512 clipiqa+_rn50_512 arniqa
NR higher 0 2.5: clipscore
NR higher 0 8: entropy
NR higher 1 5: liqe liqe_mix qalign
NR lower 0 -: fid fid_dinov2
NR higher 0 -: inception_score
"""
OLDER = {"musiq-koniq", "maniqa-koniq", "tres-koniq"}  # names of versions before


def said():
    """Name to mode, direction and bounds."""
    found = {}
    for line in SAID.strip().splitlines():
        about, _, names = line.partition(": ")
        mode, direction, *bounds = about.split()
        low, high = (None if bound == "-" else float(bound) for bound in bounds or ("-", "-"))
        found |= dict.fromkeys(names.split(), (mode, direction, low, high))
    return found


FACTS = said()


def test_every_metric_of_the_table_is_pyiqas_own():
    assert set(PYIQA) - OLDER == set(FACTS)


@pytest.mark.parametrize("name", sorted(FACTS))
def test_the_table_says_what_pyiqa_says(name):
    mode, direction, low, high = FACTS[name]
    known = PYIQA[name]
    assert known.direction == direction
    if name not in ("ckdn", "fid", "fid_dinov2", "inception_score"):
        assert (known.takes == "pair") == (mode == "FR")
        assert known.takes in ("pair", "image", "prompt")
        if not name.startswith("nima"):  # the mean of ten levels from 1 on; pyiqa says 0
            assert known.low is None or low is None or known.low <= low
        assert known.high is None or high is None or known.high >= high
    else:
        assert known.takes in ("set", "other")


@pytest.fixture
def pyiqa(monkeypatch):
    """A package whose metrics remember what they are given."""
    calls = []

    class Metric:
        def __init__(self, name):
            self.name = name

        def __call__(self, *images, **more):
            calls.append((self.name, images, more))
            return images[0].mean()[None]

    configs = {
        name: {"metric_mode": mode, "lower_better": direction == "lower"}
        for name, (mode, direction, *_) in FACTS.items()
    }
    configs |= {name: {"metric_mode": "NR"} for name in OLDER}
    package = types.ModuleType("pyiqa")
    package.create_metric = lambda name, device: Metric(name)
    package.default_model_configs = types.ModuleType("pyiqa.default_model_configs")
    package.default_model_configs.DEFAULT_CONFIGS = configs
    monkeypatch.setitem(sys.modules, "pyiqa", package)
    monkeypatch.setitem(sys.modules, "pyiqa.default_model_configs", package.default_model_configs)
    real = importlib.metadata.version
    monkeypatch.setattr("metrics.plugins.packages.version", lambda name: "0.1.16" if name == "pyiqa" else real(name))
    return calls


@pytest.mark.parametrize("name", usable("pyiqa"))
def test_each_is_given_the_image_then_its_reference_in_values_from_0_to_1(pyiqa, tmp_path, name):
    (image,), (photo,) = saved(tmp_path / "a", 1, (48, 32)), saved(tmp_path / "b", 1, (60, 40), first=1)
    metric = make_plugin(f"pyiqa:{name}")
    (row,) = (
        score_items([Item("a", image, (photo,), prompt="a cat")], [metric], FeatureCache(tmp_path / "f"))
        .scored[metric.name]
        .scores
    )
    called, images, more = pyiqa[-1]
    assert called == name and len(images) == (2 if FACTS.get(name, "N")[0] == "FR" else 1)
    assert more == ({"caption_list": ["a cat"]} if name == "clipscore" else {})
    for given in images:
        assert given.shape == (1, 3, 32, 48) and given.dtype == torch.float32
        assert 0 <= given.min() < 0.1 and 0.9 < given.max() <= 1
    np.testing.assert_allclose(images[0][0].permute(1, 2, 0).numpy(), pixels(image.open()) / 255, rtol=1e-6)
    assert row.score == pytest.approx(float(images[0].mean()), rel=1e-6)
    assert f"better:{PYIQA[name].direction}" in row.signature and "values:0..1" in row.signature


@pytest.mark.parametrize("name", sorted(set(PYIQA) - set(usable("pyiqa"))))
def test_what_is_no_number_of_an_image_is_refused(pyiqa, name):
    with pytest.raises(InputError, match=r"number of a set of images|cannot score images here"):
        make_plugin(f"pyiqa:{name}")
