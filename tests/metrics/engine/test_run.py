"""A scoring run: what is handed over and when, sets, intervals, interruption, files that cannot be read."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from metrics.engine.cache import FeatureCache
from metrics.engine.images import ImageSource, TextSource
from metrics.engine.run import RunSettings, score_items
from metrics.engine.types import FeatureRows, Features, Item
from metrics.image.exposure import exposure
from metrics.image.pixel_measures import QualityFeatures, SingleNumber
from tests.metrics.pictures import MeanColour, saved


@dataclass
class Brightness(MeanColour):
    """The mean of all channels."""

    signature: str = "features:brightness"

    def prepare(self, opened):
        return np.array([np.asarray(opened, dtype=np.float64).mean()])


def items_of(sources, groups):
    return [Item(source.path.name, source, group=group) for source, group in zip(sources, groups, strict=True)]


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path / "features")


def test_sets_are_groups_and_all_of_them_with_the_interval_of_a_mean(tmp_path, cache):
    sources = saved(tmp_path / "images", 9)
    items = items_of(sources, ["a"] * 5 + ["b"] * 4)
    found = score_items(items, [SingleNumber("brightness", Brightness())], cache).scored["brightness"]
    values = np.array([row.score for row in found.scores])
    sets = {row.set: row for row in found.set_scores}
    assert list(sets) == ["a", "b", "all"] and [row.n for row in sets.values()] == [5, 4, 9]
    for name, mine in (("a", values[:5]), ("b", values[5:]), ("all", values)):
        assert sets[name].score == pytest.approx(mine.mean())
        expected = stats.ttest_1samp(mine, 0).confidence_interval(0.95)  # SciPy's own interval of a mean
        assert (sets[name].low, sets[name].high) == (pytest.approx(expected.low), pytest.approx(expected.high))


@pytest.mark.parametrize(("pool", "function"), [("median", np.median), ("max", np.max)])
def test_another_pool_has_no_interval(tmp_path, cache, pool, function):
    items = items_of(saved(tmp_path / "images", 4), ["a"] * 4)
    run = RunSettings(pool_images=pool)
    found = score_items(items, [SingleNumber("brightness", Brightness())], cache, run).scored["brightness"]
    (row,) = found.set_scores
    assert row.score == function([score.score for score in found.scores]) and row.low is row.high is None
    assert row.signature.endswith(f"|images:{pool}")


def test_an_interval_stays_in_the_metrics_range(tmp_path, cache):
    items = items_of(saved(tmp_path / "images", 3), ["a"] * 3)
    metric = SingleNumber("exposure", QualityFeatures(exposure))
    (row,) = score_items(items, [metric], cache).scored["exposure"].set_scores
    assert 0 <= row.low <= row.score <= row.high <= 1


def test_metrics_of_one_extractor_share_its_features(tmp_path, cache):
    sources = saved(tmp_path / "images", 6)
    extractor = Brightness()
    result = score_items(
        items_of(sources, ["a"] * 6), [SingleNumber("one", extractor), SingleNumber("two", extractor)], cache
    )
    assert result.extracted == 6 and sum(extractor.batches) == 6
    assert [row.score for row in result.scored["one"].scores] == [row.score for row in result.scored["two"].scores]


def test_a_file_that_cannot_be_read_is_named(tmp_path, cache):
    sources = saved(tmp_path / "images", 4)
    sources[2].path.write_bytes(b"broken")
    colour = SingleNumber("colour", Brightness(signature="features:other"))
    result = score_items(items_of(sources, ["a"] * 4), [SingleNumber("brightness", Brightness()), colour], cache)
    assert result.skipped == {sources[2].path: "was changed while it was being scored"}
    for scored in result.scored.values():
        assert [row.note for row in scored.scores] == ["", "", "unreadable image", ""]
        assert scored.scores[2].score is None and scored.set_scores[0].n == 3


def test_all_files_of_a_content_that_cannot_be_read_are_named(tmp_path, cache):
    for name in ("a", "b"):
        (tmp_path / f"{name}.png").write_bytes(b"broken")
    sources = [ImageSource.of(tmp_path / f"{name}.png") for name in ("a", "b")]
    result = score_items(items_of(sources, ["g"] * 2), [SingleNumber("brightness", Brightness())], cache)
    assert list(result.skipped) == [source.path for source in sources]


def test_a_set_that_is_called_all_is_not_counted_twice(tmp_path, cache):
    items = items_of(saved(tmp_path / "images", 5), ["all"] * 3 + ["b"] * 2)
    found = score_items(items, [SingleNumber("brightness", Brightness())], cache).scored["brightness"]
    assert [(row.set, row.n) for row in found.set_scores] == [("all", 3), ("b", 2), ("(all)", 5)]


def test_each_metric_is_handed_over_before_the_next_begins(tmp_path, cache):
    items = items_of(saved(tmp_path / "images", 3), ["a"] * 3)

    class Broken(Brightness):
        def load(self, device):
            raise KeyboardInterrupt

    delivered = []
    metrics = [SingleNumber("good", Brightness()), SingleNumber("bad", Broken(signature="features:bad"))]
    with pytest.raises(KeyboardInterrupt):
        score_items(items, metrics, cache, deliver=lambda metric, scored: delivered.append((metric.name, scored)))
    assert [(name, len(scored.scores)) for name, scored in delivered] == [("good", 3)]


def test_progress_is_told_of_every_image_that_is_new(tmp_path, cache):
    items = items_of(saved(tmp_path / "images", 5), ["a"] * 5)

    class Told:
        def __init__(self):
            self.said = []

        def start(self, title, total):
            self.said.append((title, total))

        def advance(self, count):
            self.said.append(count)

    first, second = Told(), Told()
    score_items(items, [SingleNumber("b", Brightness())], cache, RunSettings(batch_size=2), progress=first)
    score_items(items, [SingleNumber("b", Brightness())], cache, progress=second)
    assert first.said == [("Mean colour", 5), 2, 2, 1] and second.said == []


def test_scores_that_are_not_finite_are_none(tmp_path, cache):
    class Strange(Brightness):
        def prepare(self, opened):
            return np.array([np.nan])

    found = score_items(items_of(saved(tmp_path / "images", 1), ["a"]), [SingleNumber("b", Strange())], cache)
    row = found.scored["b"].scores[0]
    assert (row.score, row.note) == (None, "no finite score") and found.scored["b"].set_scores == []


def test_rows_are_read_when_they_are_asked_for(tmp_path, cache):
    sources = saved(tmp_path / "images", 4)
    extractor = Brightness()
    for number in (0, 2, 3):
        cache.put(extractor.signature, sources[number].key, np.array([number]))
    reads = []

    class Counted(Features):
        def __call__(self, extractor, source):
            reads.append(source)
            return super().__call__(extractor, source)

    rows = FeatureRows(Counted(cache), extractor, sources)
    assert len(rows) == 3 and reads == []
    assert rows[1].item() == 2 and [row.item() for row in rows[1:]] == [2, 3] and len(reads) == 3


def test_what_is_kept_is_recalled_for_the_same_sources_in_the_same_order(cache):
    features = Features(cache)
    features.keep("distances", ["a", "b"], np.array([1.5]))
    assert features.recall("distances", ["a", "b"]).item() == 1.5
    assert features.recall("distances", ["b", "a"]) is None and features.recall("other", ["a", "b"]) is None


@given(st.text())
def test_prompts_have_keys_of_their_own(text):
    assert TextSource(text).key == TextSource(text).key != TextSource(text + " ").key
