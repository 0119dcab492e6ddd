"""Detectors and encoders of one's own: what they are, what they get, and what their failures cost."""

import importlib
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from metrics.engine.cache import FeatureCache
from metrics.engine.images import ImageSource
from metrics.engine.run import score_items
from metrics.engine.types import Item
from metrics.errors import InputError
from metrics.image.similarity import Similarity
from metrics.networks.faces import FaceFeatures
from tests.metrics.pictures import noise, saved

# a detector and an encoder of one's own


def left_half(image):
    return [(0, 0, image.width / 2, image.height)] if image.width > 40 else []


def mean_colour(crops):
    return [np.asarray(crop).mean(axis=(0, 1)) for crop in crops]


def test_an_own_detector_and_encoder_take_the_places(tmp_path):
    cache = FeatureCache(tmp_path / "features")
    red = Image.new("RGB", (60, 20), "white")
    red.paste("red", (0, 0, 30, 20))
    red.save(tmp_path / "red.png")
    Image.new("RGB", (50, 50), "red").save(tmp_path / "reference.png")
    Image.new("RGB", (30, 50), "red").save(tmp_path / "narrow.png")
    reference = (ImageSource.of(tmp_path / "reference.png"),)
    items = [Item(name, ImageSource.of(tmp_path / f"{name}.png"), reference) for name in ("red", "narrow")]
    extractor = FaceFeatures(detector=left_half, encoder=mean_colour)
    rows = score_items(items, [Similarity(extractor)], cache).scored["similarity"].scores
    assert rows[0].score == pytest.approx(1.0) and rows[1].note == "no face"
    assert "detector:" in rows[0].signature and "left_half" in rows[0].signature and "mean_colour" in rows[0].signature


def test_functions_are_named_on_the_command_line():
    extractor = FaceFeatures.find("operator:itemgetter", "math:sqrt")
    assert extractor.detector.__name__ == "itemgetter"


def test_boxes_outside_the_image_count_as_none(tmp_path):
    extractor = FaceFeatures(detector=lambda image: [(-50, -50, 0.5, 10), (90, 0, 95, 10)], encoder=mean_colour)
    (features,) = extractor.load("cpu")([noise(1)])
    assert len(features) == 0


def test_a_function_states_what_it_is_in_words_that_a_signature_can_hold():
    class Detector:
        def __call__(self, image):
            return []

    named = Detector()
    named.signature = "mine 1 ab12"
    assert "detector:mine 1 ab12|" in FaceFeatures(detector=named, encoder=mean_colour).signature
    for wrong in ("a|b", "  ", 3):
        named.signature = wrong
        with pytest.raises(InputError, match="name, version and the sha256"):
            FaceFeatures(detector=named, encoder=mean_colour).signature  # noqa: B018


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """An encoder in a file of the current folder, whose number comes from a helper."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place not in ("", ".", str(tmp_path))])

    def write(number, more=""):
        sys.modules.pop("own_encoder", None)
        text = "import numpy as np\ndef helper():\n    return {}\ndef encode(crops):\n"
        text += "    return [[helper(), 1.0] if np.asarray(c)[0, 0, 0] > 128 else [1.0, 0.0] for c in crops]\n{}"
        (tmp_path / "own_encoder.py").write_text(text.format(number, more))
        importlib.invalidate_caches()
        shutil.rmtree(tmp_path / "__pycache__", ignore_errors=True)

    return write


def test_a_change_in_what_an_own_encoder_uses_changes_the_score(own_module, tmp_path):
    Image.new("RGB", (60, 20), "red").save(tmp_path / "red.png")
    Image.new("RGB", (60, 20), "blue").save(tmp_path / "blue.png")
    image, reference = (ImageSource.of(tmp_path / f"{name}.png") for name in ("red", "blue"))
    cache = FeatureCache(tmp_path / "features")

    def scored():
        extractor = FaceFeatures(detector=left_half, encoder=FaceFeatures.find(None, "own_encoder:encode").encoder)
        return score_items([Item("a", image, (reference,))], [Similarity(extractor)], cache).scored["similarity"]

    own_module(1.0)
    first = scored()
    assert first.scores[0].score == pytest.approx(np.sqrt(0.5))
    assert "encoder:unstated own_encoder.encode" in first.scores[0].signature
    assert "detector and the encoder given do not say what they are" in first.warnings[0]
    own_module(0.0)
    assert scored().scores[0].score == pytest.approx(0.0)
    assert not cache.entries()


def test_features_of_a_function_that_says_what_it_is_are_kept(own_module, tmp_path):
    sources = saved(tmp_path / "images", 2)
    items = [Item("a", sources[0], (sources[1],))]
    extracted = []
    for version in ("1", "1", "2"):
        own_module(1.0, f"encode.signature = 'own {version}'\n")
        found = FaceFeatures.find(None, "own_encoder:encode")

        def whole(image):
            return [(0, 0, image.width, image.height)]

        whole.signature = "the whole image"
        result = score_items(
            items, [Similarity(FaceFeatures(detector=whole, encoder=found.encoder))], FeatureCache(tmp_path / "f")
        )
        extracted.append(result.extracted)
        assert result.scored["similarity"].warnings == []
    assert extracted == [2, 0, 2]


def test_a_file_of_the_current_folder_hides_no_package_that_is_imported_later(own_module, tmp_path):
    own_module(1.0)
    FaceFeatures.find(None, "own_encoder:encode")
    assert sys.path[-1] == str(tmp_path) and sys.path[0] != str(tmp_path)


def test_an_own_detector_that_fails_costs_one_image(tmp_path):
    def detector(image):
        if image.width > 50:
            raise ValueError("too wide for me")
        return [(0, 0, image.width, image.height)]

    detector.signature = "mine"
    sources = saved(tmp_path / "a", 2, (40, 40)) + saved(tmp_path / "b", 1, (60, 40), first=7)
    extractor = FaceFeatures(detector=detector, encoder=mean_colour)
    items = [Item(str(number), source, (sources[0],)) for number, source in enumerate(sources)]
    result = score_items(items, [Similarity(extractor)], FeatureCache(tmp_path / "f"))
    assert list(result.skipped) == [sources[2].path] and "too wide for me" in result.skipped[sources[2].path]
    assert [row.score is None for row in result.scored["similarity"].scores] == [False, False, True]


def test_an_encoder_that_answers_too_few_rows_is_refused(tmp_path):
    def encoder(crops):
        return np.ones((1, 4))

    encoder.signature = "mine"
    sources = saved(tmp_path, 2, (60, 40))
    extractor = FaceFeatures(detector=left_half, encoder=encoder)
    with pytest.raises(InputError, match="with a row for each"):
        score_items([Item("a", sources[0], (sources[1],))], [Similarity(extractor)], FeatureCache(tmp_path / "f"))


def test_an_own_detector_gives_probabilities_or_none(tmp_path):
    def sure(image):
        return [(0, 0, 30, 30, 0.5), (0, 0, 20, 20)]

    image, reference = saved(tmp_path, 2, (40, 40))
    extractor = FaceFeatures(detector=sure, encoder=mean_colour)
    scored = score_items([Item("a", image, (reference,))], [Similarity(extractor)], FeatureCache(tmp_path / "f"))
    row = scored.scored["similarity"].scores[0]
    assert (row.score, row.face_probability, row.note) == (pytest.approx(1.0, abs=0.01), None, "")


@pytest.mark.parametrize(("size", "expected"), [(None, (20, 40)), (32, (32, 32)), ("image", (60, 40))])
def test_an_own_encoder_gets_what_it_says_undistorted(size, expected):
    seen = []

    def encoder(pictures):
        seen.extend(pictures)
        return np.ones((len(pictures), 2))

    encoder.size = size
    image = Image.new("RGB", (60, 40), "white")
    image.paste("red", (15, 15, 25, 25))  # a square
    extractor = FaceFeatures(detector=lambda image: [(10, 0, 30, 40)], encoder=encoder)
    extractor.load("cpu")([image])
    values = np.asarray(seen[0]).astype(int)
    red = np.argwhere(values[:, :, 0] - values[:, :, 1] > 128)
    high, wide = red.max(axis=0) - red.min(axis=0)
    assert seen[0].size == expected and high == wide
    assert f"crop:undistorted {size or 'box'}" in extractor.signature


def test_an_encoder_of_whole_images_needs_no_detector():
    def encoder(pictures):
        return [[picture.width, picture.height] for picture in pictures]

    encoder.size = "image"
    extractor = FaceFeatures(encoder=encoder)
    (features,) = extractor.load("cpu")([noise(1, (60, 40))])
    assert features[0, 1:].tolist() == [60, 40] and np.isnan(features[0, 0]) and "detector:none" in extractor.signature
    encoder.size = "big"
    with pytest.raises(InputError, match="number of pixels, or 'image'"):
        extractor.load("cpu")
