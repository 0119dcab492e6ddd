"""Signatures: what another identity is, what another provenance is, and what is done where only that differs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from metrics.catalogue import catalogue, find_entry
from metrics.engine.cache import FeatureCache
from metrics.engine.images import ImageSource
from metrics.engine.run import score_items
from metrics.engine.signature import digest, identity_of, other_provenance, provenance_of, signature
from metrics.engine.types import Item
from metrics.entry import MetricOptions
from metrics.image.exposure import exposure
from metrics.image.pixel_measures import QualityFeatures, SingleNumber
from metrics.networks.faces import FaceFeatures
from tests.metrics.homes import empty_home
from tests.metrics.pictures import saved

FILES = ("facenet-vggface2", "lpips-alex", "lpips-squeeze", "inception-fid")
CLIP = ("ViT-L-14/openai", "ViT-B-32/openai", "ViT-L-14/other")
OTHER = {
    "clip_model": "ViT-B-32",
    "clip_pretrained": "other",
    "lpips_net": "squeeze",
    "lpips_size": 128,
    "detector": "builtins:len",
    "encoder": "builtins:len",
    "align": True,
    "least_face": 0.5,
    "pool_references": "max",
    "inception": "pytorch-fid",
    "precision": "float16",
    "seed": 1,
}


class Invented:
    """Features of the right shape that no network has seen."""

    def __call__(self, extractor, source):
        unit = np.eye(1, 512 if "ViT-B-32" in extractor.signature else 768)[0]
        what = extractor.signature.partition("|")[0]
        if what == "features:faces":
            return np.array([[0.99, *unit]], np.float32)
        if what == "features:clip-text":
            return np.array([0, *unit])
        if what == "features:clip-image":
            return unit
        return np.random.default_rng(int(source.key[:8], 16)).normal(size=8)

    def why_none(self, extractor, source, unreadable=""):
        return "none"

    def has(self, extractor, source):
        return True

    def of_other_code(self, extractor):
        return False

    def recall(self, made_by, keys):
        return None

    def keep(self, made_by, keys, values):
        pass


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Files under the names of all weights; of heads, real ones."""
    from metrics.networks.aesthetic_head import write_head

    empty_home(tmp_path, monkeypatch)
    folder = tmp_path / "weights"
    monkeypatch.setenv("HUMANGRADE_WEIGHTS", str(folder))
    folder.mkdir()
    for name in (*FILES, *(f"clip--{each.replace('/', '--')}" for each in CLIP)):
        (folder / f"{name}.safetensors").write_bytes(name.encode())
    for name, width, model in (("improved-l14-mse", 768, "ViT-L-14"), ("laion-vit-b-32", 512, "ViT-B-32")):
        layers = [(np.zeros((1, width)), np.zeros(1))]
        write_head(folder / f"aesthetic--{name}.safetensors", layers, "none", f"{model}/openai", signature="s")
    for name, backbone in (("mine", "ViT-L-14/openai"), ("fits_other", "ViT-L-14/other")):
        layers = [(np.ones((1, 768)), np.zeros(1))]
        write_head(tmp_path / f"{name}.safetensors", layers, "none", backbone, signature="s")
    return folder


@pytest.fixture
def items(tmp_path):
    images, photos = saved(tmp_path / "images", 4), saved(tmp_path / "photos", 3, first=10)
    return [Item(source.path.name, source, tuple(photos), "a prompt") for source in images]


def made_by(entry, options, items):
    found = entry.make(options).score(items, Invented())
    rows = found.scores + found.set_scores
    assert rows
    return {(row.metric, row.signature) for row in rows}


def identities(rows):
    return {(metric, identity_of(signature)) for metric, signature in rows}


@pytest.mark.parametrize("entry", catalogue(), ids=lambda entry: entry.name)
def test_an_option_changes_the_signatures_of_exactly_the_metrics_that_name_it(entry, home, items, tmp_path):
    saved(tmp_path / "others", 3, first=20)
    before = identities(made_by(entry, MetricOptions(), items))
    others = OTHER | {"reference_set": tmp_path / "others", "head": str(tmp_path / "mine.safetensors")}
    for name, value in others.items():
        chosen = MetricOptions(**{name: value})
        if name == "clip_pretrained":  # no published head fits it
            chosen = replace(chosen, head=str(tmp_path / "fits_other.safetensors"))
        after = identities(made_by(entry, chosen, items))
        assert bool(before & after) is (name not in entry.options), name


@pytest.mark.parametrize("entry", [each for each in catalogue() if each.weights], ids=lambda entry: entry.name)
def test_other_weights_are_another_signature(entry, home, items):
    before = identities(made_by(entry, MetricOptions(), items))
    for name in entry.weights_for(MetricOptions()):
        file = home / f"{name.replace('/', '--')}.safetensors"
        content = file.read_bytes()
        if name.startswith("aesthetic/"):
            from metrics.networks.aesthetic_head import write_head

            write_head(file, [(np.ones((1, 768)), np.zeros(1))], "none", "ViT-L-14/openai", signature="s")
        else:
            file.write_bytes(content + b"another")
        assert not before & identities(made_by(entry, MetricOptions(), items)), name
        file.write_bytes(content)
    assert before == identities(made_by(entry, MetricOptions(), items))


@pytest.mark.parametrize("entry", catalogue(), ids=lambda entry: entry.name)
def test_another_reading_of_images_is_another_signature(entry, home, items, monkeypatch):
    before = identities(made_by(entry, MetricOptions(), items))
    for module in ("networks.clip", "networks.faces", "networks.inception", "networks.lpips", "image.pixel_measures"):
        monkeypatch.setattr(f"metrics.{module}.READING", "another")
    assert not before & identities(made_by(entry, MetricOptions(), items))


def test_metrics_of_the_same_features_have_signatures_of_their_own(home, items):
    found = [made_by(entry, MetricOptions(), items) for entry in catalogue()]
    signatures = [signature for rows in found for _, signature in rows]
    assert len(set(signatures)) == len(signatures)
    assert {metric for rows in found for metric, _ in rows} >= {"lpips", "lpips_min", "fid", "kid"}


def test_how_faces_are_chosen_and_cut_is_in_the_signature(home, monkeypatch):
    faces = find_entry("similarity").make(MetricOptions()).faces
    assert "|choice:largest 32|crop:160|" in faces.signature and "|detector:mtcnn in 12 MP|" in faces.signature
    monkeypatch.setattr("metrics.networks.faces._MOST", 1)
    assert identity_of(FaceFeatures(faces.weights).signature) != identity_of(faces.signature)


def test_the_mean_over_references_is_what_is_taken_unless_told(home, items):
    (similarity,) = made_by(find_entry("similarity"), MetricOptions(), items)
    assert "|references:mean of the subject's|" in similarity[1]


# provenance


def with_torch(monkeypatch, version):
    from importlib.metadata import version as installed

    told = {"torch": version}
    monkeypatch.setattr("metrics.engine.signature.installed", lambda name: told.get(name) or installed(name))


@pytest.mark.parametrize("entry", [each for each in catalogue() if each.weights], ids=lambda entry: entry.name)
def test_another_version_of_torch_is_the_same_identity_and_another_signature(entry, home, items, monkeypatch):
    with_torch(monkeypatch, "2.9.1+cu128")
    before = made_by(entry, MetricOptions(), items)
    with_torch(monkeypatch, "2.10.0")
    after = made_by(entry, MetricOptions(), items)
    assert not before & after and identities(before) == identities(after)
    (theirs, ours) = (min(signature for _, signature in rows) for rows in (before, after))
    assert other_provenance(theirs, ours) == "torch-2.9.1+cu128 instead of torch-2.10.0"


def test_what_belongs_to_the_identity():
    text = signature(metric="a", seed=3, versions="torch-2+Pillow-12", pillow="Pillow-12", device="cuda:0", reading=2)
    assert identity_of(text) == "metric:a|seed:3|reading:2"
    assert provenance_of(text) == ("torch-2", "Pillow-12", "Pillow-12", "cuda:0")
    assert identity_of("clip|v1") == "clip|v1" and provenance_of("clip|v1") == ()
    assert other_provenance("a|versions:x-1", "a") == "x-1" and other_provenance("a", "a|versions:x-1") == "not x-1"
    assert other_provenance(text, text) == ""


def exposures(monkeypatch, version, items, cache):
    monkeypatch.setattr("metrics.engine.signature.installed", lambda name: version)
    metric = SingleNumber("exposure", QualityFeatures(exposure))
    result = score_items(items, [metric], cache)
    return result, result.scored["exposure"]


def test_features_of_other_versions_are_used_and_that_is_said(tmp_path, items, monkeypatch):
    cache = FeatureCache(tmp_path / "cache")
    first, before = exposures(monkeypatch, "1.0", items[:3], cache)
    assert (first.extracted, before.warnings) == (3, [])
    second, after = exposures(monkeypatch, "2.0", items, FeatureCache(tmp_path / "cache"))
    assert second.extracted == 1 and [row.score for row in after.scores[:3]] == [row.score for row in before.scores]
    assert after.warnings == [
        "Exposure: for 3 of 4 they are kept from a run with other versions (humangrade-1.0, Pillow-1.0 instead of "
        "humangrade-2.0, Pillow-2.0); all else that they depend on is the same."
    ]
    assert [row.signature for row in after.scores][:1] != [row.signature for row in before.scores][:1]
    third, again = exposures(monkeypatch, "1.0", items[:3], FeatureCache(tmp_path / "cache"))
    assert third.extracted == 0 and again.warnings == []  # its own are still there, under its own versions
    assert len(FeatureCache(tmp_path / "cache").entries()) == 2


def test_features_kept_by_an_earlier_layout_of_the_signature_are_found(tmp_path):
    cache = FeatureCache(tmp_path)
    old, new = "features:a|net:x|versions:torch-2.9", "features:a|net:x|versions:torch-2.10"
    place = tmp_path / digest(old)
    cache.put(old, "ab12", np.ones(2))
    assert (place / "ab" / "ab12.npy").is_file() and (place / "signature.txt").read_text() == old
    again = FeatureCache(tmp_path)
    assert again.get(new, "ab12").tolist() == [1, 1] and again.has(new, "ab12") and not again.has(new, "cd34")
    assert again.of_other_versions(new, ["ab12", "cd34"]) == {old: 1}
    assert again.get("features:a|net:y|versions:torch-2.9", "ab12") is None
    (place / "ab" / "ab12.npy").write_bytes(b"damaged")
    assert again.get(new, "ab12") is None and not again.has(new, "ab12")


def test_features_that_do_not_say_what_they_are_take_no_others_place(tmp_path):
    cache = FeatureCache(tmp_path)
    old, new = (f"features:a|encoder:unstated f|versions:torch-{number}" for number in (1, 2))
    cache.put(old, "ab12", np.ones(2))
    assert cache.get(old, "ab12") is not None and cache.get(new, "ab12") is None


def test_an_image_whose_content_changes_is_another(tmp_path):
    (source,) = saved(tmp_path, 1)
    Path(source.path).write_bytes(Path(source.path).read_bytes() + b" ")
    assert ImageSource.of(source.path).key != source.key
