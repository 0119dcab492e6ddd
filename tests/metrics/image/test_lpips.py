"""LPIPS: equal to the lpips package and to torchmetrics' documented values, all pairs, bounded memory, options."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from metrics.engine.cache import FeatureCache
from metrics.engine.extraction import extract
from metrics.engine.images import ImageSource, UnreadableImage
from metrics.engine.run import score_items
from metrics.engine.types import Item
from metrics.errors import InputError
from metrics.image.lpips import Lpips
from metrics.networks import lpips as lpips_features
from metrics.networks.lpips import (
    SCALE,
    LpipsFeatures,
    load_lpips,
    lpips_vectors,
    middle_square,
    native_distances,
    pairwise_distances,
)
from tests.metrics.pictures import noise, saved


@pytest.fixture(scope="module")
def squeeze(shared):
    return shared / "weights" / "squeezenet1_1_features.pth"


@pytest.fixture(scope="module")
def photos(shared):
    folder = shared / "data" / "avt_ai_images" / "images"
    return [ImageSource.of(path) for maker in ("own", "glide") for path in sorted((folder / maker).glob("*.jpg"))[:3]]


@pytest.mark.parametrize(("size", "count"), [(64, 6), (256, 3), (None, 2)])
def test_all_pairs_equal_the_lpips_package_on_real_photos(squeeze, photos, tmp_path, size, count):
    photos = photos[-count:]
    extractor, cache = LpipsFeatures("squeeze", squeeze, size), FeatureCache(tmp_path)
    extract(extractor, photos, cache, device="cpu", batch_size=4)
    features = [cache.get(extractor.signature, photo.key) for photo in photos]
    theirs = load_lpips("squeeze", squeeze)
    images = [torch.from_numpy(extractor.prepare(photo.open())).permute(2, 0, 1)[None] / 127.5 - 1 for photo in photos]
    with torch.inference_mode():
        expected = [[theirs(a, b).item() for b in images] for a in images]
    np.testing.assert_allclose(pairwise_distances(features, features), expected, atol=1e-5)


def test_torchmetrics_documented_values_come_out(squeeze):
    model = load_lpips("squeeze", squeeze)
    # torchmetrics 1.9.0, torchmetrics/image/lpip.py: two pairs from a generator with the seed 42
    generator = torch.Generator().manual_seed(42)
    a, b = (torch.rand(2, 3, 100, 100, generator=generator) * 2 - 1 for _ in range(2))
    with torch.inference_mode():
        found = pairwise_distances(lpips_vectors(model, a), lpips_vectors(model, b))
    assert np.diag(found).round(4).tolist() == [0.1024, 0.0938]


@pytest.mark.parametrize("net", ["alex", "vgg", "squeeze"])
def test_every_network_equals_the_package_with_the_same_random_trunk(net, tmp_path):
    import lpips
    import torchvision

    torch.manual_seed(1)
    make = {"alex": "alexnet", "vgg": "vgg16", "squeeze": "squeezenet1_1"}[net]
    trunk = getattr(torchvision.models, make)(weights=None)
    torch.save(trunk.state_dict(), tmp_path / "trunk.pth")  # as torchvision publishes it: with the classifier
    model = load_lpips(net, tmp_path / "trunk.pth")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    layers = {name: layer.state_dict() for name, layer in trunk.features.named_children()}
    for part in theirs.net.children():
        for name, layer in part.named_children():
            layer.load_state_dict(layers[name])
    a, b = torch.rand(2, 3, 64, 64) * 2 - 1, torch.rand(2, 3, 64, 64) * 2 - 1
    with torch.inference_mode():
        found = np.diag(pairwise_distances(lpips_vectors(model, a), lpips_vectors(model, b)))
        np.testing.assert_allclose(found, theirs(a, b).flatten(), atol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_features_do_not_depend_on_the_batch(squeeze, tmp_path, batch_size):
    sources = saved(tmp_path / "images", 9, (64, 64))
    extractor, alone, together = (
        LpipsFeatures("squeeze", squeeze, 64),
        FeatureCache(tmp_path / "1"),
        FeatureCache(tmp_path / "2"),
    )
    extract(extractor, sources, alone, device="cpu", batch_size=1)
    extract(extractor, sources[::-1], together, device="cpu", batch_size=batch_size)
    for source in sources:
        a, b = (cache.get(extractor.signature, source.key) for cache in (alone, together))
        assert pairwise_distances([a], [b])[0, 0] < 1e-6


def test_images_of_several_sizes_at_native_size(squeeze, tmp_path):
    extractor = LpipsFeatures("squeeze", squeeze, None)
    forward = extractor.load("cpu")
    sizes = [(64, 64), (80, 64), (64, 80), (64, 64)]
    a, wide, high, b = forward([np.asarray(noise(seed, size)) for seed, size in enumerate(sizes)])
    assert len(a) == len(b) != len(wide) == len(high)
    theirs = load_lpips("squeeze", squeeze)
    assert native_distances([a], [b])[0, 0] == pytest.approx(float(_distance(theirs, 0, 3)), abs=1e-5)
    for rows, columns in (([a], [wide]), ([a, wide], [b]), ([wide], [high])):
        with pytest.raises(InputError, match="one size only"):
            native_distances(rows, columns)


def _distance(model, *seeds):
    images = [torch.from_numpy(np.array(noise(seed, (64, 64)))).permute(2, 0, 1)[None] / 127.5 - 1 for seed in seeds]
    with torch.inference_mode():
        return model(*images)


def test_an_image_of_another_size_than_its_reference_has_a_note(squeeze, tmp_path):
    (wide,), (high, photo) = saved(tmp_path / "a", 1, (96, 64)), saved(tmp_path / "b", 2, (64, 96), first=5)
    metric = Lpips(LpipsFeatures("squeeze", squeeze, None))
    result = score_items(
        [Item("wide", wide, (photo,)), Item("high", high, (photo,))], [metric], FeatureCache(tmp_path / "f")
    )
    first, second = result.scored["lpips"].scores
    assert (first.score, first.note) == (None, "another size than its reference") and second.score > 0


def test_one_forward_pass_an_image_and_scores_for_every_item(squeeze, tmp_path):
    images, photos = saved(tmp_path / "images", 5, (64, 64)), saved(tmp_path / "photos", 3, (96, 64), first=50)
    items = [Item(str(number), image, tuple(photos), group="ab"[number % 2]) for number, image in enumerate(images)]
    metric = Lpips(LpipsFeatures("squeeze", squeeze, 64))
    cache = FeatureCache(tmp_path / "features")
    result = score_items(items, [metric], cache)
    assert result.extracted == 8
    rows = {(row.metric, row.item): row.score for row in result.scored["lpips"].scores}
    features = metric.extractor
    table = pairwise_distances(*([cache.get(features.signature, s.key) for s in group] for group in (images, photos)))
    for number in range(5):
        assert rows["lpips", str(number)] == pytest.approx(table[number].mean(), abs=1e-9)
        assert rows["lpips_min", str(number)] == pytest.approx(table[number].min(), abs=1e-9)
    sets = {(row.metric, row.set): (row.score, row.n) for row in result.scored["lpips"].set_scores}
    assert sets["lpips", "a"] == (pytest.approx(table[::2].mean()), 3) and sets["lpips", "all"][1] == 5
    assert score_items(items, [metric], cache).extracted == 0


def test_a_single_reference_has_no_smallest(squeeze, tmp_path):
    image, photo = saved(tmp_path, 2, (64, 64))
    metric = Lpips(LpipsFeatures("squeeze", squeeze, 64))
    items = [Item("pair", image, (photo,)), Item("same", image, (image,)), Item("none", image)]
    rows = score_items(items, [metric], FeatureCache(tmp_path / "f")).scored["lpips"].scores
    assert [(row.item, row.metric, row.note) for row in rows] == [
        ("pair", "lpips", ""),
        ("same", "lpips", "the image is among its own references"),
        ("none", "lpips", "no reference"),
    ]
    assert rows[0].score > 0.01 and rows[1].score == pytest.approx(0, abs=1e-6) and rows[2].score is None


def test_wrong_weights_and_networks_are_refused(shared, squeeze):
    with pytest.raises(InputError, match=r"not torchvision's alex network.*weights add lpips-alex"):
        load_lpips("alex", squeeze)
    with pytest.raises(InputError, match="no network 'resnet'"):
        LpipsFeatures.find("resnet")


def test_the_middle_square():
    image = noise(1, (100, 50))
    np.testing.assert_array_equal(np.asarray(middle_square(image, 50)), np.asarray(image)[:, 25:75])
    assert middle_square(noise(1, (50, 50)), 50).size == (50, 50)


def test_signatures_tell_size_net_weights_and_precision_apart(squeeze, tmp_path):
    (tmp_path / "other.pth").write_bytes(b"other")
    made = [
        LpipsFeatures("squeeze", squeeze),
        LpipsFeatures("squeeze", squeeze, None),
        LpipsFeatures("alex", squeeze),
        LpipsFeatures("squeeze", tmp_path / "other.pth"),
        LpipsFeatures("squeeze", squeeze, precision="float16"),
    ]
    assert len({extractor.signature for extractor in made}) == len(made)


rows = hnp.arrays(np.float32, st.tuples(st.integers(1, 6), st.just(30)), elements=st.floats(-50, 50, width=32))


@given(rows, rows)
def test_pairwise_distances_are_squared_euclidean_whatever_the_blocks(a, b):
    expected = (((a[:, None].astype(float) - b[None]) / SCALE) ** 2).sum(axis=2)
    plain = pairwise_distances(list(a), list(b))
    np.testing.assert_allclose(plain, expected, atol=1e-6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lpips_features, "_BLOCK_BYTES", 2 * a[0].nbytes)
        patch.setattr(lpips_features, "_CHUNK", 7)
        np.testing.assert_allclose(pairwise_distances(list(a), list(b)), plain, atol=1e-6)


def test_a_reference_that_cannot_be_read_is_blamed_itself(squeeze, tmp_path):
    image, photo = saved(tmp_path / "images", 2, (64, 64))
    photo.path.write_bytes(b"broken")
    metric = Lpips(LpipsFeatures("squeeze", squeeze, 64))
    result = score_items([Item("a", image, (photo,))], [metric], FeatureCache(tmp_path / "f"))
    assert list(result.skipped) == [photo.path]
    assert result.scored["lpips"].scores[0].note == "unreadable reference"


@pytest.mark.parametrize("net", ["alex", "vgg", "squeeze"])
def test_an_image_that_is_too_small_for_the_network_is_named(net):
    side = lpips_features.SMALLEST[net]
    extractor = LpipsFeatures(net, None, None)
    assert extractor.prepare(noise(0, (side, side))).shape == (side, side, 3)
    with pytest.raises(UnreadableImage, match=f"too small for LPIPS .*{net} needs {side} a side"):
        extractor.prepare(noise(0, (side - 1, 90)))
    import lpips

    network = lpips.LPIPS(net=net, pretrained=False, pnet_rand=True, verbose=False)
    x = torch.zeros(1, 3, side, side)
    network(x, x)
    with pytest.raises(RuntimeError):
        network(x[..., 1:], x[..., 1:])
