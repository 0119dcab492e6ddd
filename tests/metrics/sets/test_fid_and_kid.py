import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from metrics.engine.cache import FeatureCache
from metrics.engine.images import ImageSource
from metrics.engine.types import Item
from metrics.errors import InputError
from metrics.sets.compared_sets import reference_statistics
from metrics.sets.fid import Fid, null_in
from metrics.sets.frechet import FeatureStatistics, frechet_distance
from metrics.sets.frechet_interval import frechet_with_error, null_distance
from metrics.sets.kid import Kid, kernel_distance
from metrics.sets.statistics_file import read_statistics, write_statistics

D = 24


@dataclass(frozen=True)
class Anything:
    """An extractor whose features are in the test's own table."""

    signature: str = "features:any"
    title: str = "Any"
    batch_size: int = 1

    def prepare(self, opened):
        raise AssertionError("no image is opened")

    def load(self, device):
        raise AssertionError("no network is loaded")


class Features(dict):
    """Features by the source's key, None for what could not be opened."""

    def __call__(self, extractor, source):
        return self.get(source.key)

    def make(self, name, count, seed, shift=0.0):
        rows = np.random.default_rng(seed).normal(size=(count, D)).astype(np.float32) + np.float32(shift)
        sources = tuple(ImageSource(Path(f"{name}{row:03}.png"), f"{name}{row:03}") for row in range(count))
        self.update({source.key: row for source, row in zip(sources, rows, strict=True)})
        return sources

    def rows(self, sources):
        return np.stack([self[source.key] for source in sources])


def items(sources, references, group="all"):
    return [Item(source.key, source, tuple(references), group=group) for source in sources]


def test_each_set_and_all_of_them_against_the_references():
    features = Features()
    a, b, photos = features.make("a", 30, 0), features.make("b", 20, 1, 0.5), features.make("r", 12, 2)
    found = Fid(Anything()).score(items(a, photos, "sd15") + items(b, photos, "sdxl"), features)
    assert [(row.set, row.metric, row.n) for row in found.set_scores] == [
        ("sd15", "fid", 30),
        ("sdxl", "fid", 20),
        ("all", "fid", 50),
    ]
    for row, sources in zip(found.set_scores, (a, b, a + b), strict=True):
        expected, error = frechet_with_error(features.rows(sources), features.rows(photos))
        assert row.score == pytest.approx(expected, rel=1e-9)
        assert (row.low, row.high) == pytest.approx((max(expected - 1.96 * error, 0), expected + 1.96 * error))
    found = Kid(Anything()).score(items(a, photos, "sd15") + items(b, photos, "sdxl"), features)
    for row, sources in zip(found.set_scores, (a, b, a + b), strict=True):
        expected = kernel_distance(features.rows(sources), features.rows(photos))
        assert row.score == pytest.approx(expected.mean, rel=1e-9)
        assert row.high - row.low == pytest.approx(2 * 1.96 * expected.standard_error, rel=1e-9)
        assert row.note.startswith("mean of 100 subsets of 12")


def test_references_are_those_of_the_sets_own_items_each_file_once():
    features = Features()
    a, b, one, other = (features.make(name, 10, seed) for seed, name in enumerate("abrs"))
    mine = items(a[:5], one[:6], "sd15") + items(a[5:], one[4:], "sd15") + items(b, other, "sdxl")
    rows = Fid(Anything()).score(mine, features).set_scores
    for row, sources, photos in zip(rows, (a, b, a + b), (one, other, one + other), strict=True):
        assert row.score == pytest.approx(frechet_distance(features.rows(sources), features.rows(photos)), rel=1e-9)
    assert ["|reference_n:10|" in row.signature for row in rows] == [True, True, False]
    assert len({row.signature for row in rows}) == 3


def test_the_signature_names_the_reference_whatever_its_order():
    features = Features()
    a, photos = features.make("a", 10, 0), features.make("r", 8, 1)

    def made_by(reference):
        (row,) = Fid(Anything(), reference).score(items(a, ()), features).set_scores
        return row.signature

    assert made_by(photos) == made_by(photos[::-1] + photos[:2])
    assert made_by(photos) != made_by(photos[1:])
    assert made_by(photos).startswith("metric:fid|reference:") and made_by(photos).endswith(
        "|reference_n:8|features:any"
    )


@pytest.mark.parametrize("metric", [Fid, Kid])
def test_given_references_take_the_place_of_the_items(metric):
    features = Features()
    a, photos, given = features.make("a", 10, 0), features.make("r", 8, 1), features.make("g", 9, 2)
    mine = metric(Anything(), given)
    assert {source.key for source in mine.wants(items(a, photos))[0][1]} == {source.key for source in a + given}
    (row,) = mine.score(items(a, photos), features).set_scores
    (expected,) = metric(Anything()).score(items(a, given), features).set_scores
    assert row == expected


def test_few_images_are_warned_of_with_the_null_distance():
    features = Features()
    a, photos = features.make("a", 30, 0), features.make("r", 12, 2)
    found = Fid(Anything()).score(items(a, photos), features)
    null = null_distance(features.rows(a + photos), 30)
    (row,) = found.set_scores
    assert row.note == f"random sets of 30 and 12 of the same images, without a difference, show {null:.1f}"
    assert null_in(row.note) == float(f"{null:.1f}")
    assert len(found.warnings) == 1
    assert "1 of 1 sets have fewer than 2,048 images" in found.warnings[0]
    assert row.note in found.warnings[0]
    assert not Kid(Anything()).score(items(a, photos), features).warnings


def test_many_images_are_not_warned_of(monkeypatch):
    monkeypatch.setattr("metrics.sets.fid.ENOUGH", 12)
    features = Features()
    a, photos = features.make("a", 30, 0), features.make("r", 12, 2)
    found = Fid(Anything()).score(items(a, photos), features)
    assert (found.warnings, found.set_scores[0].note) == ([], "")


def test_unreadable_images_are_left_out_and_small_sets_scored_nothing():
    features = Features()
    a, b, c, photos = (features.make(name, 4, seed) for seed, name in enumerate("abcr"))
    for source in (a[0], photos[0], b[1], b[2], b[3]):
        del features[source.key]
    mine = items(a, photos, "sd15") + items(b, photos, "sdxl") + items(c, photos[:2], "flux")
    for metric in (Fid(Anything()), Kid(Anything())):
        found = metric.score(mine, features)
        assert [(row.set, row.n) for row in found.set_scores] == [("sd15", 3), ("all", 8)]
        assert f"{metric.name}: the set 'sdxl' has fewer than two readable images and is not scored." in found.warnings
        assert (
            f"{metric.name}: the set 'flux' has fewer than two readable references and is not scored." in found.warnings
        )


def test_saved_statistics_stand_for_the_reference_images(tmp_path):
    features = Features()
    a, photos = features.make("a", 40, 0), features.make("r", 300, 1)
    statistics = reference_statistics(Anything(), photos, features)
    assert statistics.n == 300
    saved = read_statistics(write_statistics(tmp_path / "r.npz", statistics, Anything().signature))
    mine = Fid(Anything(), saved)
    assert [source.key for source in mine.wants(items(a, ()))[0][1]] == [source.key for source in a]
    found = mine.score(items(a, ()), features)
    (row,) = found.set_scores
    assert row.score == pytest.approx(frechet_distance(features.rows(a), features.rows(photos)), rel=1e-6)
    assert row.signature == f"metric:fid|reference:{saved.digest[:12]}|reference_n:300|features:any"
    assert row.note.startswith("40 images drawn from the reference's statistics themselves show ")
    assert row.note.endswith(f"show {null_in(row.note):.1f}")
    assert len(found.warnings) == 1


def test_statistics_of_other_features_are_refused_and_of_unknown_ones_warned_of(tmp_path):
    features = Features()
    a, photos = features.make("a", 40, 0), features.make("r", 30, 1)
    statistics = FeatureStatistics.of(features.rows(photos))
    saved = read_statistics(write_statistics(tmp_path / "r.npz", statistics, "features:others"))
    with pytest.raises(InputError, match="statistics of other features"):
        Fid(Anything(), saved).score(items(a, ()), features)
    older = replace(saved, features="features:any|versions:torch-1.0")
    assert "other versions" in Fid(Anything(), older).score(items(a, ()), features).warnings[0]
    unknown = replace(saved, features="", n=None)
    found = Fid(Anything(), unknown).score(items(a, ()), features)
    assert "reference_n:unknown" in found.set_scores[0].signature
    assert "does not say how its features were made" in found.warnings[0]
    theirs = Anything("features:any|preprocessing:pytorch-fid")
    assert not any("does not say" in text for text in Fid(theirs, unknown).score(items(a, ()), features).warnings)
    narrow = replace(unknown, mean=unknown.mean[:3], covariance=unknown.covariance[:3, :3])
    with pytest.raises(InputError, match="24 and 3 dimensions"):
        Fid(Anything(), narrow).score(items(a, ()), features)


def test_kid_says_that_it_needs_images_instead_of_statistics(tmp_path):
    features = Features()
    a = features.make("a", 40, 0)
    saved = read_statistics(write_statistics(tmp_path / "r.npz", FeatureStatistics.of(features.rows(a))))
    metric = Kid(Anything(), saved)
    found = metric.score(items(a, ()), features)
    assert (metric.wants(items(a, ())), found.set_scores) == ([], [])
    assert "KID needs the reference images" in found.warnings[0]


def test_features_of_different_lengths_are_refused():
    features = Features()
    a, photos = features.make("a", 4, 0), features.make("r", 4, 1)
    features[photos[2].key] = np.zeros(D + 1, dtype=np.float32)
    with pytest.raises(InputError, match="Features of 24 and of 25 dimensions"):
        Fid(Anything()).score(items(a, photos), features)


def test_no_torch_where_all_features_are_in_the_cache(tmp_path):
    cache = FeatureCache(tmp_path)
    for number in range(8):
        cache.put("features:any", f"{number:02}", np.random.default_rng(number).normal(size=D).astype(np.float32))
    program = f"""
import sys
from dataclasses import dataclass
from pathlib import Path
from metrics.engine.cache import FeatureCache
from metrics.engine.images import ImageSource
from metrics.engine.run import score_items
from metrics.engine.types import Item
from metrics.sets.fid import Fid
from metrics.sets.kid import Kid

class Any:
    signature, title, batch_size = "features:any", "Any", 1

images = [ImageSource(Path("x"), f"{{number:02}}") for number in range(8)]
items = [Item(image.key, image, tuple(images[4:])) for image in images[:4]]
result = score_items(items, [Fid(Any()), Kid(Any())], FeatureCache(Path({str(tmp_path)!r})))
assert [len(scored.set_scores) for scored in result.scored.values()] == [1, 1]
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[3], timeout=120)


def test_a_set_against_itself_has_no_distance_though_a_file_stands_twice():
    features = Features()
    photos = features.make("r", 40, 0)
    doubled = photos + tuple(ImageSource(Path(f"again{row}.png"), photos[row].key) for row in range(10))
    (row,) = Fid(Anything()).score(items(doubled, doubled), features).set_scores
    assert row.score == pytest.approx(0, abs=1e-6)


def test_a_set_that_is_called_all_is_not_all_of_them():
    features = Features()
    a, b, photos = features.make("a", 20, 0), features.make("b", 10, 1), features.make("r", 12, 2)
    found = Fid(Anything()).score(items(a, photos, "all") + items(b, photos, "some"), features).set_scores
    assert [(row.set, row.n) for row in found] == [("all", 20), ("some", 10), ("(all)", 30)]
