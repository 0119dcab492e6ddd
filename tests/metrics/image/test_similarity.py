"""Faces and their similarity: on real photos with the real network, and with a detector and encoder of one's own."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from safetensors.torch import load_file

from metrics.engine.cache import FeatureCache
from metrics.engine.extraction import extract
from metrics.engine.images import ImageSource
from metrics.engine.run import score_items
from metrics.engine.types import Item
from metrics.errors import InputError
from metrics.image.similarity import CHOSEN, LEAST_PROBABILITY, LEFT_OUT, SEVERAL, Similarity
from metrics.networks.face_crops import aligned_crop
from metrics.networks.faces import FaceFeatures, load_facenet, load_mtcnn
from metrics.networks.reference_faces import cosine_similarities, subject_faces
from tests.metrics.pictures import noise, saved

WEIGHTS = "facenet_inception_resnet_v1_vggface2_fp16.safetensors"


@pytest.fixture(scope="module")
def faces(shared, tmp_path_factory):
    """The eleven photos, the extractor, and a cache with their features."""
    cache = FeatureCache(tmp_path_factory.mktemp("faces"))
    extractor = FaceFeatures(shared / "weights" / WEIGHTS)
    sources = [ImageSource.of(path) for path in sorted((shared / "data" / "faces").glob("*.jpg"))]
    assert len(sources) == 11 and extract(extractor, sources, cache) == {}
    return sources, extractor, cache


def person(source):
    return source.path.stem.rstrip("0123456789")


def test_the_people_are_separated_fully(faces):
    sources, extractor, cache = faces
    found = [cache.get(extractor.signature, source.key) for source in sources]
    assert all(face.shape == (1, 513) and face[0, 0] > 0.9997 for face in found)
    embeddings = np.concatenate(found)[:, 1:]
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)
    cosines = cosine_similarities(embeddings, embeddings)
    distances = np.linalg.norm(embeddings[:, None] - embeddings[None], axis=2)
    upper = np.triu(np.ones((11, 11), dtype=bool), k=1)
    same = np.array([[person(a) == person(b) for b in sources] for a in sources])
    # shared/data/README.md: distances 0.299-0.520 for the same person (6 pairs), at least 1.059 for two (49 pairs)
    assert (same & upper).sum() == 6 and (~same & upper).sum() == 49
    assert distances[same & upper].min() == pytest.approx(0.299, abs=0.001)
    assert distances[same & upper].max() == pytest.approx(0.520, abs=0.001)
    assert distances[~same & upper].min() == pytest.approx(1.059, abs=0.001)
    assert cosines[same & upper].min() > 0.86 and cosines[~same & upper].max() < 0.4401


def test_the_crop_and_the_embedding_are_facenet_pytorchs_own(faces, shared):
    from facenet_pytorch import MTCNN, InceptionResnetV1

    sources, extractor, cache = faces
    network = InceptionResnetV1().eval()
    network.load_state_dict(load_file(shared / "weights" / WEIGHTS))  # copies half into single precision
    detector = MTCNN()
    for source in sources[::3]:
        with torch.inference_mode():
            theirs = network(detector(source.open())[None])[0].numpy()
        np.testing.assert_allclose(cache.get(extractor.signature, source.key)[0, 1:], theirs, atol=1e-5)


def test_an_image_scores_the_mean_over_its_references(faces):
    sources, extractor, cache = faces
    dad = [source for source in sources if person(source) == "Family1-Dad"]
    other = next(source for source in sources if person(source) == "Family3-Man")
    items = [Item("same", dad[0], tuple(dad[1:])), Item("other", other, tuple(dad[1:]))]
    scores = {}
    for pool in ("mean", "median", "max"):
        result = score_items(items, [Similarity(extractor, pool)], cache)
        scores[pool] = {row.item: row.score for row in result.scored["similarity"].scores}
        assert result.extracted == 0
    embeddings = [cache.get(extractor.signature, source.key)[0, 1:] for source in dad]
    expected = [float(embeddings[0] @ other) for other in embeddings[1:]]
    assert scores["mean"]["same"] == pytest.approx(np.mean(expected), abs=1e-6)
    assert scores["max"]["same"] == pytest.approx(max(expected), abs=1e-6)
    assert scores["mean"]["same"] > 0.85 and scores["mean"]["other"] < 0.2


def test_without_a_face_and_with_several(faces, tmp_path):
    sources, extractor, cache = faces
    a, b = sources[0].open(), sources[5].open()
    b = b.resize((b.width // 2, b.height // 2))
    both = Image.new("RGB", (a.width + b.width, max(a.height, b.height)), "grey")
    both.paste(a, (0, 0))
    both.paste(b, (a.width, 0))
    both.save(tmp_path / "both.png")
    items = [
        Item("both", ImageSource.of(tmp_path / "both.png"), (sources[1],)),
        Item("none", saved(tmp_path, 1, (200, 200))[0], (sources[1],)),
        Item("tiny", saved(tmp_path, 1, (6, 6), first=1)[0], (sources[1],)),
        Item("alone", sources[0], ()),
    ]
    found = score_items(items, [Similarity(extractor)], cache).scored["similarity"]
    rows = {row.item: row for row in found.scores}
    assert rows["both"].note == SEVERAL and rows["both"].score > 0.8
    assert "1 of 4 images show several faces" in found.warnings[0]
    assert (rows["none"].score, rows["none"].note) == (None, "no face")
    assert (rows["tiny"].score, rows["tiny"].note) == (None, "no face")
    assert (rows["alone"].score, rows["alone"].note) == (None, "no reference photo")
    assert [(row.set, row.n) for row in found.set_scores] == [("all", 1)]


def beside(one, other, path):
    """A photo of two people."""
    both = Image.new("RGB", (one.width + other.width, max(one.height, other.height)), "grey")
    both.paste(one, (0, 0))
    both.paste(other, (one.width, 0))
    both.save(path)
    return ImageSource.of(path)


def test_in_a_group_photo_among_the_references_the_subject_counts(faces, tmp_path):
    sources, extractor, cache = faces
    dad = [source for source in sources if person(source) == "Family1-Dad"]
    other = next(source for source in sources if person(source) == "Family3-Man").open()
    smaller = dad[2].open().resize((other.width // 2, other.height // 2))
    group = beside(other, smaller, tmp_path / "group.png")
    items = [Item("with", dad[0], (dad[1], group)), Item("without", dad[0], (dad[1],)), Item("only", dad[0], (group,))]
    found = score_items(items, [Similarity(extractor)], cache).scored["similarity"]
    rows = {row.item: row for row in found.scores}
    assert rows["with"].score == pytest.approx(rows["without"].score, abs=0.06)
    assert (rows["with"].note, rows["without"].note) == (CHOSEN, "")
    assert rows["only"].score is None and "none tells which is the subject's" in rows["only"].note
    assert ["1 of the reference photos: several faces" in warning for warning in found.warnings] == [True, True]
    assert str(group.path) in found.warnings[0] and "left out" in found.warnings[1]


def test_a_group_photo_without_the_subject_is_left_out_and_named(faces, tmp_path):
    sources, extractor, cache = faces
    dad = [source for source in sources if person(source) == "Family1-Dad"]
    strangers = [next(s for s in sources if person(s) == name).open() for name in ("Family3-Man", "Family1-Mom")]
    group = beside(*strangers, tmp_path / "strangers.png")
    found = score_items([Item("a", dad[0], (dad[1], group))], [Similarity(extractor)], cache).scored["similarity"]
    assert found.scores[0].score > 0.86 and found.scores[0].note == LEFT_OUT
    assert "left out" in found.warnings[0] and str(group.path) in found.warnings[0]


def test_what_is_hardly_a_face_is_none(shared, faces):
    sources, extractor, cache = faces
    pictures = shared / "data" / "avt_ai_images" / "images"
    found = {}
    for name in (
        "dall-e/p10",
        "glide/p23",
        "stable_diffusion/p06",
        "midjourney/p23",
    ):  # a hydrant, an ear, dogs, a mule
        items = [Item("a", ImageSource.of(pictures / f"{name}.jpg"), (sources[0],))]
        found[name] = score_items(items, [Similarity(extractor)], cache).scored["similarity"]
        row = found[name].scores[0]
        assert row.score is None and row.note == "no face that the detector gives a probability of at least 0.95"
        assert 0.7 < row.face_probability < 0.95 and "1 of 1 images show no face that" in found[name].warnings[0]
    item = Item("a", ImageSource.of(pictures / "midjourney" / "p23.jpg"), (sources[0],))
    taken = score_items([item], [Similarity(extractor, least=0.9)], cache)
    row = taken.scored["similarity"].scores[0]
    assert row.score is not None and taken.extracted == 0 and "least:0.9" in row.signature
    assert row.face_probability == found["midjourney/p23"].scores[0].face_probability


def test_the_default_lies_in_the_gap_of_the_probabilities(faces):
    sources, extractor, cache = faces
    scored = score_items([Item(s.path.name, s, (sources[0],)) for s in sources], [Similarity(extractor)], cache)
    assert min(row.face_probability for row in scored.scored["similarity"].scores) > 0.9997 > LEAST_PROBABILITY > 0.9412


def test_alignment_brings_a_turned_face_back(faces):
    sources, extractor, _ = faces
    aligned = FaceFeatures(extractor.weights, align=True)
    photo = next(source for source in sources if person(source) == "Family3-Man").open()
    turned = photo.rotate(25, Image.Resampling.BICUBIC, expand=True, fillcolor="white")
    cosines = {}
    for each in (extractor, aligned):
        upright, tilted = each.load("cpu")([photo, turned])
        cosines[each.align] = cosine_similarities(upright[:1, 1:], tilted[:1, 1:])[0, 0]
    assert cosines[True] > cosines[False] and cosines[True] > 0.9
    assert "align:landmarks" in aligned.signature and "align" not in extractor.signature
    with pytest.raises(InputError, match="needs landmarks"):
        FaceFeatures(extractor.weights, detector=lambda image: [(0, 0, 50, 50)], align=True).load("cpu")([photo])


def test_landmarks_come_to_their_places():
    angle, points = 0.3, np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655]])
    points = np.vstack([points, [70.7299, 92.2041]])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    there = 1.5 * points @ turn.T + [60, 10]
    image = Image.new("RGB", (300, 300), "black")
    for x, y in there:
        image.paste("white", (round(x) - 3, round(y) - 3, round(x) + 4, round(y) + 4))
    values = np.asarray(aligned_crop(image, there, 112))[:, :, 0]
    assert all(values[round(y), round(x)] > 200 for x, y in points) and values.mean() < 20


def test_in_a_large_photo_faces_are_looked_for_in_a_smaller_one(faces, monkeypatch):
    sources, _, _ = faces
    photo = sources[0].open()
    whole = load_mtcnn("cpu")(photo)[0]
    monkeypatch.setattr("metrics.networks.faces._DETECTED", photo.width * photo.height // 2)
    reduced = load_mtcnn("cpu")(photo)[0]
    assert reduced.box != whole.box
    np.testing.assert_allclose(reduced.box, whole.box, atol=0.1 * (whole.box[2] - whole.box[0]))
    np.testing.assert_allclose(reduced.landmarks, whole.landmarks, atol=0.1 * (whole.box[2] - whole.box[0]))


def test_a_couple_in_all_references_cannot_be_told_apart():
    subject, friend = np.eye(2)
    assert subject_faces([np.array([subject, friend])] * 2, None) == [None, None]
    third = np.array([-subject, subject])
    assert subject_faces([np.array([subject, friend]), third], None) == [0, 1]


def test_a_reference_without_a_face_is_left_out_and_named(faces, tmp_path):
    sources, extractor, cache = faces
    blank = saved(tmp_path, 1, (100, 100))[0]
    items = [Item("a", sources[0], (sources[1], blank)), Item("b", sources[0], (blank,))]
    found = score_items(items, [Similarity(extractor)], cache).scored["similarity"]
    assert found.scores[0].score > 0.86 and found.scores[1].note == "no face in its reference photos"
    assert "1 of the reference photos: no face" in found.warnings[0] and str(blank.path) in found.warnings[0]


def test_the_published_file_with_its_classifier_gives_the_same(faces, shared, tmp_path):
    tensors = load_file(shared / "weights" / WEIGHTS)
    tensors |= {"logits.weight": torch.zeros(8631, 512), "logits.bias": torch.zeros(8631)}
    torch.save(tensors, tmp_path / "20180402-114759-vggface2.pt")
    crop = [noise(1, (160, 160))]
    np.testing.assert_array_equal(
        load_facenet(tmp_path / "20180402-114759-vggface2.pt", "cpu")(crop),
        load_facenet(shared / "weights" / WEIGHTS, "cpu")(crop),
    )


def test_other_weights_are_refused(shared):
    with pytest.raises(InputError, match=r"not InceptionResnetV1.*weights add facenet-vggface2"):
        load_facenet(shared / "weights" / "squeezenet1_1_features.pth", "cpu")


# cosines

vectors = hnp.arrays(np.float64, (4, 3), elements=st.floats(-100, 100)).filter(
    lambda rows: (np.linalg.norm(rows, axis=1) > 1e-3).all()
)


@given(vectors, vectors, st.floats(0.01, 100))
def test_cosines_are_symmetric_bounded_and_free_of_scale(a, b, scale):
    cosines = cosine_similarities(a, b)
    np.testing.assert_allclose(cosines, cosine_similarities(b, a).T, atol=1e-12)
    np.testing.assert_allclose(cosines, cosine_similarities(scale * a, b), atol=1e-9)
    assert (np.abs(cosines) <= 1).all()
