"""Copies of reference photos are found, and other pictures of the same person are not taken for copies."""

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from metrics.engine.cache import FeatureCache
from metrics.engine.extraction import extract
from metrics.engine.images import ImageSource
from metrics.engine.types import Features, Item
from metrics.networks.lpips import LpipsFeatures, pairwise_distances
from study.evaluation.copies import nearest_references
from tests.metrics.pictures import noise

REFERENCES = ("Family1-Dad1", "Family1-Dad2", "Family1-Mom1", "Family2-Lady1", "Family2-Man1")


@pytest.fixture(scope="module")
def extractor(shared):
    return LpipsFeatures("squeeze", shared / "weights" / "squeezenet1_1_features.pth")


@pytest.fixture
def look(extractor, tmp_path):
    """Pictures by name, and references by theirs, to the nearest reference of each picture."""
    cache = FeatureCache(tmp_path / "cache")

    def find(pictures, references, network=extractor, distances=pairwise_distances):
        sources = {}
        for kind, given in (("pictures", pictures), ("references", references)):
            (tmp_path / kind).mkdir(exist_ok=True)
            for name, image in given.items():
                image.save(tmp_path / kind / f"{name}.png")
                sources[kind, name] = ImageSource.of(tmp_path / kind / f"{name}.png")
        photos = tuple(sources["references", name] for name in references)
        items = [Item(name, sources["pictures", name], photos) for name in pictures]
        extract(network, list(sources.values()), cache)
        compute = lambda which, more: extract(which, more, cache)  # noqa: E731
        found = nearest_references(items, network, distances, Features(cache), compute)
        return {one.item: one for one in found.nearest}, found

    return find


@pytest.fixture(scope="module")
def photo(shared):
    return lambda name: Image.open(shared / "data" / "faces" / f"{name}.jpg").convert("RGB")


def jpeg(image, quality):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")


def test_copies_are_found_however_they_were_saved_and_no_other_picture_of_the_person_is(look, photo):
    dad = photo("Family1-Dad1")
    pictures = {
        "saved-anew": jpeg(dad, 75),
        "smaller": dad.resize((dad.width * 2 // 3, dad.height * 2 // 3)),
        "larger": jpeg(dad.resize((512, 608)), 60),
        "mirrored": ImageOps.mirror(photo("Family2-Lady1")),
        "cut": photo("Family1-Mom1").crop((4, 4, 158, 237)),
        "brighter": ImageEnhance.Brightness(photo("Family2-Man1")).enhance(1.15),
        "another-of-dad": photo("Family1-Dad3"),
        "another-of-mom": photo("Family1-Mom2"),
        "another-of-the-lady": photo("Family2-Lady2"),
        "another-of-the-man": photo("Family2-Man2"),
        "a-stranger": photo("Family3-Lady1"),
    }
    found, whole = look(pictures, {name: photo(name) for name in REFERENCES})
    assert {name for name, one in found.items() if one.is_copy} == {
        *("saved-anew", "smaller", "larger", "mirrored", "cut", "brighter")
    }
    assert found["mirrored"].is_mirrored and not found["saved-anew"].is_mirrored
    expected = {
        "larger": "Family1-Dad1",
        "mirrored": "Family2-Lady1",
        "cut": "Family1-Mom1",
        "brighter": "Family2-Man1",
    }
    assert {name: found[name].reference.stem for name in expected} == expected
    assert whole.twins == [] and all(one.copy_distance < one.photo_distance for one in found.values())


def test_distances_are_those_of_lpips(look, photo, extractor):
    references = {name: photo(name) for name in REFERENCES}
    found, _ = look({"other": photo("Family1-Dad3")}, references)
    forward = extractor.load("cpu")
    features = [forward([extractor.prepare(image)])[0] for image in [photo("Family1-Dad3"), *references.values()]]
    mirrored = [forward([extractor.prepare(ImageOps.mirror(image))])[0] for image in references.values()]
    plain, turned = (pairwise_distances(features[:1], rows)[0] for rows in (features[1:], mirrored))
    one = found["other"]
    assert one.distance == pytest.approx(min(plain.min(), turned.min()), rel=1e-5)
    between = pairwise_distances(features[1:], features[1:])
    between = np.minimum(between, pairwise_distances(mirrored, features[1:]).T)
    np.fill_diagonal(between, np.inf)
    assert one.photo_distance == pytest.approx(between.min(), rel=1e-5)
    place = REFERENCES.index(one.reference.stem)
    assert one.copy_distance <= 0.5 * np.mean(np.delete(between[place], place)) + 1e-6


def test_photos_that_are_copies_of_each_other_are_named_and_do_not_hide_others(look, photo):
    references = {name: photo(name) for name in REFERENCES}
    references["again"] = jpeg(references["Family1-Dad1"], 70)
    found, whole = look({"copy": jpeg(photo("Family1-Mom1"), 70), "other": photo("Family1-Mom2")}, references)
    assert [{one.stem, other.stem} for one, other in whole.twins] == [{"Family1-Dad1", "again"}]
    assert found["copy"].is_copy and not found["other"].is_copy and found["other"].photo_distance > 0.3


class Corner:
    """An extractor without a network: the colour of the first pixel."""

    batch_size, signature, title = 4, "features:corner|versions:none", "Corner"

    def prepare(self, opened):
        return np.array(opened.getpixel((0, 0)), dtype=np.float64)

    def load(self, device):
        return list


def apart(rows, columns):
    return np.abs(np.stack(rows)[:, None] - np.stack(columns)[None]).mean(axis=2)


def grey(level):
    return Image.new("RGB", (40, 40), (level, level, level))


def test_near_is_what_lies_nearer_than_photos_to_each_other_but_is_no_copy(look):
    found, _ = look(
        {"same": grey(100), "near": grey(104), "far": grey(130)}, {"a": grey(100), "b": grey(110)}, Corner(), apart
    )
    assert (found["same"].is_copy, found["same"].is_near, found["same"].distance) == (True, False, 0)
    assert (found["near"].is_copy, found["near"].is_near, found["near"].distance) == (False, True, 4)
    assert (found["far"].is_copy, found["far"].is_near, found["far"].distance) == (False, False, 20)
    assert found["near"].reference.stem == "a" and found["far"].reference.stem == "b"


def test_of_one_photo_only_copies_can_be_told(look):
    found, _ = look({"same": grey(100), "near": grey(104)}, {"a": grey(100)}, Corner(), apart)
    assert found["same"].is_copy and not found["near"].is_copy and not found["near"].is_near
    assert found["near"].photo_distance is None


def test_images_without_references_or_features_are_left_out(tmp_path):
    noise(1).save(tmp_path / "a.png")
    (tmp_path / "broken.png").write_bytes(b"no image")
    photo, broken = ImageSource.of(tmp_path / "a.png"), ImageSource.of(tmp_path / "broken.png")
    cache = FeatureCache(tmp_path / "cache")
    items = [Item("a", photo), Item("b", broken, (photo,)), Item("c", photo, (broken,))]
    extract(Corner(), [photo, broken], cache)
    compute = lambda which, more: extract(which, more, cache)  # noqa: E731
    assert nearest_references(items, Corner(), apart, Features(cache), compute).nearest == []
