import pickle

import numpy as np
import pytest
import torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from metrics.engine.cache import FeatureCache
from metrics.engine.extraction import extract
from metrics.engine.images import pixels
from metrics.errors import InputError
from metrics.networks.inception import InceptionFeatures, load_inception, resized_as_tensorflow
from tests.metrics.homes import empty_home
from tests.metrics.pictures import noise, saved
from tests.metrics.random_inception import random_inception

SIZES = [(299, 299), (512, 384), (64, 200), (1, 7), (900, 301)]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file of random weights."""
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.save(random_inception(), path)
    return path


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    return empty_home(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def ours(weights):
    """The features of one image."""
    forward = InceptionFeatures(weights).load("cpu")
    return lambda image, preprocessing: forward([InceptionFeatures(weights, preprocessing).prepare(image)])[0]


def test_features_are_torch_fidelitys(weights, ours):
    network = FeatureExtractorInceptionV3("inception", ["2048"], feature_extractor_weights_path=str(weights))
    layers = load_inception(weights)
    for seed, size in enumerate(SIZES):
        image = noise(seed, size)
        (expected,) = network(torch.from_numpy(pixels(image)).permute(2, 0, 1)[None])
        prepared = InceptionFeatures(weights).prepare(image)
        np.testing.assert_array_equal(layers(torch.from_numpy(prepared)[None]).flatten(), expected[0])
        # another order of the numbers in memory, which is faster, rounds otherwise; the features are about 1
        np.testing.assert_allclose(ours(image, "torch-fidelity"), expected[0], atol=2e-5)


def test_features_with_pytorch_fids_preprocessing_are_pytorch_fids(weights, ours):
    """Its steps, after its code: to [0, 1], bilinear to 299 x 299 without aligned corners, 2 x - 1, the network."""
    layers = load_inception(weights)
    for seed, size in enumerate(SIZES):
        image = noise(seed, size)
        values = torch.from_numpy(pixels(image)).permute(2, 0, 1).float()[None] / 255
        values = torch.nn.functional.interpolate(values, size=(299, 299), mode="bilinear", align_corners=False)
        expected = layers(2 * values - 1).flatten().numpy()
        found = ours(image, "pytorch-fid")
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


def test_features_are_those_of_the_package_pytorch_fid(weights, ours, monkeypatch):
    inception = pytest.importorskip("pytorch_fid.inception", reason="pytorch-fid is not installed")
    state = torch.load(weights, weights_only=True)
    monkeypatch.setattr(inception, "load_state_dict_from_url", lambda url, progress: state)
    network = inception.InceptionV3([3]).eval()
    for seed, size in enumerate(SIZES):
        image = noise(seed, size)
        values = torch.from_numpy(pixels(image)).permute(2, 0, 1).float()[None] / 255
        expected = network(values)[0].flatten().numpy()
        found = ours(image, "pytorch-fid")
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())


def test_the_two_preprocessings_differ(weights, ours):
    image = noise(0, (512, 384))
    first, second = (ours(image, way) for way in ("torch-fidelity", "pytorch-fid"))
    assert np.abs(first - second).max() > 1e-3 * np.abs(first).max()
    signatures = {InceptionFeatures(weights, way).signature for way in ("torch-fidelity", "pytorch-fid")}
    assert len(signatures) == 2


def test_results_do_not_depend_on_batch_size(weights):
    images = [noise(seed, SIZES[seed % len(SIZES)]) for seed in range(7)]
    extractor = InceptionFeatures(weights)
    forward = extractor.load("cpu")
    prepared = [extractor.prepare(image) for image in images]
    alone = np.stack([forward([image])[0] for image in prepared])
    for size in (7, 64):
        batch = forward([prepared[place % 7] for place in range(size)])
        found = np.stack(batch[:7])
        np.testing.assert_allclose(found, alone, rtol=1e-4, atol=1e-4 * np.abs(alone).max())
        assert (found.dtype, found.shape) == (np.float32, (7, 2048))


def test_images_of_different_sizes_go_through_together_into_the_cache(weights, ours, tmp_path):
    sources = saved(tmp_path / "a", 2, (40, 60)) + saved(tmp_path / "b", 2, (350, 310), first=2)
    extractor = InceptionFeatures(weights)
    cache = FeatureCache(tmp_path / "cache")
    assert extract(extractor, sources, cache, batch_size=3) == {}
    for seed, source in enumerate(sources):
        image = noise(seed, (40, 60) if seed < 2 else (350, 310))
        expected = ours(image, "torch-fidelity")
        found = cache.get(extractor.signature, source.key)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 3), (299, 299), (300, 298), (1024, 77)])
def test_resizing_is_torch_fidelitys_bit_by_bit(width, height):
    from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

    image = pixels(noise(3, (width, height)))
    values = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    expected = interpolate_bilinear_2d_like_tensorflow1x(values, size=(299, 299), align_corners=False)[0].numpy()
    np.testing.assert_array_equal(resized_as_tensorflow(image), expected)


def test_an_extractor_can_be_pickled_and_names_its_weights(weights):
    extractor = InceptionFeatures(weights, "pytorch-fid")
    copy = pickle.loads(pickle.dumps(extractor))
    assert copy.signature == extractor.signature
    assert "|preprocessing:pytorch-fid|precision:float32|" in extractor.signature
    np.testing.assert_array_equal(copy.prepare(noise(1)), extractor.prepare(noise(1)))


def test_missing_weights_and_unknown_preprocessings_are_refused():
    with pytest.raises(InputError, match="humangrade weights fetch inception-fid"):
        InceptionFeatures.find()
    with pytest.raises(InputError, match="there are torch-fidelity and pytorch-fid"):
        InceptionFeatures.find("clean-fid")


def test_the_weights_of_something_else_are_refused(tmp_path):
    torch.save({"layer.weight": torch.ones(3)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"other\.pth is not the Inception network of FID"):
        load_inception(tmp_path / "other.pth")


def test_code_in_a_file_of_weights_is_not_run(tmp_path):
    class Harmful:
        def __reduce__(self):
            return (tmp_path / "harm").touch, ()

    torch.save({"layer.weight": Harmful()}, tmp_path / "harmful.pth")
    with pytest.raises(InputError, match=r"harmful\.pth is damaged, .* without running code"):
        load_inception(tmp_path / "harmful.pth")
    assert not (tmp_path / "harm").exists()
