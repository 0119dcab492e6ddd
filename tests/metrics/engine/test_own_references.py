"""An image that is its own reference is noted with its score and its set's."""

from metrics.engine.cache import FeatureCache
from metrics.engine.own_references import OWN, note_own_references
from metrics.engine.run import score_items
from metrics.engine.types import Item, Scored, SetScore
from metrics.image.contrast import contrast
from metrics.image.pixel_measures import QualityFeatures, SingleNumber
from metrics.image.similarity import Similarity
from metrics.networks.faces import FaceFeatures
from tests.metrics.pictures import saved


def encoder(pictures):
    return [[picture.getpixel((0, 0))[0] + 1.0, 1.0] for picture in pictures]


encoder.size, encoder.signature = "image", "first pixel"


def test_scores_and_sets_of_images_that_are_their_own_references_are_noted(tmp_path):
    a, b, c = saved(tmp_path, 3)
    items = [Item("a", a, (a, c), group="m"), Item("b", b, (c,), group="m"), Item("c", b, (c,), group="n")]
    metrics = [Similarity(FaceFeatures(encoder=encoder)), SingleNumber("contrast", QualityFeatures(contrast))]
    result = score_items(items, metrics, FeatureCache(tmp_path / "f"))
    found = result.scored["similarity"]
    assert [row.note for row in found.scores] == [OWN, "", ""]
    assert {row.set: row.note for row in found.set_scores} == {
        "m": "1 of its images are among the references",
        "n": "",
        "all": "1 of its images are among the references",
    }
    assert "1 of 3 images are among their own references (the first: a)" in found.warnings[0]
    assert result.scored["contrast"].warnings == []


def test_a_reference_set_that_was_given_takes_the_place_of_the_items_own(tmp_path):
    a, b = saved(tmp_path, 2)
    items = [Item("a", a, (a,)), Item("b", b, (a,))]
    scored = Scored(set_scores=[SetScore("all", "fid", 0.0, 2, "s", note="said")])
    note_own_references(items, scored, frozenset({b.key}))
    assert "the first: b" in scored.warnings[0]
    assert scored.set_scores[0].note == "said; 1 of its images are among the references"
    untouched = Scored(set_scores=[SetScore("all", "fid", 0.0, 2, "s")])
    note_own_references(items, untouched, frozenset())
    assert untouched.warnings == [] and untouched.set_scores[0].note == ""
