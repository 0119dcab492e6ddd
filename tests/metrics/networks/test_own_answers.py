"""What a detector or an encoder of one's own must not answer, and must not be: one sentence that names it."""

import sys

import numpy as np
import pytest
import torch
from PIL import Image

from metrics.engine.cache import FeatureCache
from metrics.engine.images import ImageSource
from metrics.engine.run import RunSettings, score_items
from metrics.engine.types import Item
from metrics.errors import InputError
from metrics.image.similarity import NO_DIRECTION, NO_DIRECTIONS, Similarity
from metrics.networks.face_crops import Face
from metrics.networks.faces import FaceFeatures
from metrics.plugins.own_functions import code_digest, identity, named_function
from tests.metrics.pictures import noise, saved


def whole(image):
    return [(0, 0, image.width, image.height)]


def ones(pictures):
    return np.ones((len(pictures), 3))


def forward(detector=whole, encoder=ones, size=(60, 40), count=1):
    extractor = FaceFeatures(detector=detector, encoder=encoder)
    return extractor.load("cpu")([noise(seed, size) for seed in range(count)])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "answers None for an image"),
        ("face", "answers the text 'face' for an image"),
        ({"box": 1}, "an object of the type dict"),
        (float("nan"), "the number nan"),
        ((0, 0, 10, 10), "the number 0 as box 1"),
        ([(0, 0, 10)], "a list of 3 as box 1 for an image (of 3 numbers)"),
        (np.zeros((2, 6)), "an array of shape (6,) as box 1 for an image (of 6 numbers)"),
        ([(0, 0, 10, float("nan"))], "its box is (0.0, 0.0, 10.0, nan)"),
        ([(0, 0, float("inf"), 9)], "its box is"),
        ([("a", 0, 1, 2)], "could not convert"),
        ([None], "None as box 1"),
        ([(0, 0, 10, 10, 99.5)], "its probability is 99.5, and not from 0 to 1"),
        ([Face((0, 0, 10, 10), 0.9, ((1, 2), (3, 4)))], "its landmarks are not five pairs"),
        ([(40, 20, 30, 20)], "the box (40, 20, 30, 20), whose right side comes before the other"),
        ([(0.1, 0.2, 0.6, 0.9)], "seems to be relative to the image; multiply it by width and height"),
        ([(0, 0, 1, 1)], "for an image of 60 x 40 pixels, which lies within 0..1"),
    ],
)
def test_a_detector_that_answers_no_boxes_in_pixels_is_named(answer, said):
    def detect(image):
        return answer

    with pytest.raises(InputError) as raised:
        forward(detector=detect)
    text = str(raised.value)
    assert said in text and f"The detector {__name__}:" in text and "detect answers" in text and "pixels" in text


def test_boxes_of_nothing_and_arrays_of_boxes_are_fine():
    for answer, count in (
        ([], 0),
        (np.empty((0, 4)), 0),
        ([(0, 0, 0, 0)], 0),
        (np.array([[0, 0, 9, 9], [1, 1, 30, 30]]), 2),
        (torch.tensor([[0.0, 0.0, 9.0, 9.0, 0.5]], requires_grad=True), 1),
    ):
        assert len(forward(detector=lambda image, answer=answer: answer)[0]) == count
    assert len(forward(size=(1, 1))[0]) == 1  # the whole of one pixel is not relative


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "answers None for 2 pictures"),
        ("vector", "the text 'vector'"),
        ([None, None], "a list of 2, the first None"),
        (["a", "b"], "the first the text 'a'"),
        (np.ones(4), "an array of shape (4,)"),
        (np.ones((1, 4)), "an array of shape (1, 4)"),
        (np.ones((2, 0)), "an array of shape (2, 0)"),
        (np.ones((2, 3, 4)), "an array of shape (2, 3, 4)"),
        ([[1.0, 2.0], [1.0]], "a list of 2, the first a list of 2"),
        (float("nan"), "the number nan"),
        (torch.nn.Linear(1, 1), "an object of the type Linear"),
    ],
)
def test_an_encoder_that_answers_no_row_for_each_is_named(answer, said):
    def encode(pictures):
        return answer

    with pytest.raises(InputError) as raised:
        forward(encoder=encode, count=2)
    text = str(raised.value)
    assert said in text and f"The encoder {__name__}:" in text and "with a row for each, all of one length" in text


def test_tensors_are_taken_whatever_is_to_be_learnt_from_them():
    for dtype in (torch.float32, torch.bfloat16):
        rows = torch.ones((1, 2), dtype=dtype, requires_grad=True)
        for answer in (rows, [rows[0]], rows * 1):
            (features,) = forward(encoder=lambda pictures, answer=answer: answer)
            assert features[0, 1:].tolist() == [1.0, 1.0]


def test_rows_of_another_length_for_another_image_are_refused(tmp_path):
    def encode(pictures):
        return np.ones((len(pictures), pictures[0].width))

    (wide,), (narrow,) = saved(tmp_path / "a", 1, (60, 40)), saved(tmp_path / "b", 1, (40, 40), first=1)
    extractor, cache = FaceFeatures(detector=whole, encoder=encode), FeatureCache(tmp_path / "f")
    with pytest.raises(InputError, match="60 numbers for one image and 40 for another"):
        score_items([Item("a", wide, (narrow,))], [Similarity(extractor)], cache, RunSettings(batch_size=1))


def test_rows_of_another_length_in_one_crowd_are_refused():
    def encode(pictures):
        return np.ones((len(pictures), len(pictures)))

    with pytest.raises(InputError, match="rows of 6 and 64 numbers"):
        forward(detector=lambda image: whole(image) * 7, encoder=encode, count=10)


def scored(tmp_path, encode, images, references):
    items = [Item(str(number), image, tuple(references)) for number, image in enumerate(images)]
    similarity = Similarity(FaceFeatures(detector=whole, encoder=encode))
    return score_items(items, [similarity], FeatureCache(tmp_path / "f")).scored["similarity"]


@pytest.mark.parametrize("number", [0.0, float("nan"), float("inf")])
def test_vectors_that_cannot_be_compared_have_a_reason_and_are_counted(tmp_path, number):
    def encode(pictures):  # black pictures have no vector
        return [[number, number] if picture.getpixel((0, 0)) == (0, 0, 0) else [1.0, 2.0] for picture in pictures]

    black = tmp_path / "black.png"
    Image.new("RGB", (20, 20)).save(black)
    one, two = saved(tmp_path, 2)
    found = scored(tmp_path, encode, [one, ImageSource.of(black)], [two])
    assert [row.note for row in found.scores] == ["", NO_DIRECTION] and found.scores[1].score is None
    assert any("for the faces of 1 of 2 images the encoder answers zeros, or no finite" in w for w in found.warnings)
    found = scored(tmp_path, encode, [one], [two, ImageSource.of(black)])
    assert found.scores[0].score == pytest.approx(1.0)
    assert any("1 of the reference photos: the encoder answers zeros" in w and str(black) in w for w in found.warnings)
    found = scored(tmp_path, encode, [one], [ImageSource.of(black)])
    assert (found.scores[0].score, found.scores[0].note) == (None, NO_DIRECTIONS)


# what is named


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A folder of modules, the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place not in ("", ".", str(tmp_path))])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(**files):
        for name, text in files.items():
            path = tmp_path / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        for name in [name for name in sys.modules if name.startswith("mine")]:
            del sys.modules[name]

    yield write
    write()


def test_what_cannot_be_used_is_said_by_its_kind(own):
    own(
        mine="import json\nNAME = 3\ndef encode(x):\n    return x\ndef nothing():\n    return 1\n",
        mine_ends="import sys\nsys.exit('not a module')\n",
        mine_fails="1 / 0\n",
        mine_needs="import not_there_at_all\n",
        mine_syntax="def f(:\n",
    )
    said = {
        "bad": "for instance bad:encode",
        "": "for instance mine:encode",
        "mine": "for instance mine:encode",
        "nofolder/x": "for instance nofolder.x:encode",
        "./mine.py:encode": "for instance mine:encode",
        "not_there_at_all:f": "there is no module not_there_at_all",
        "mine.part:f": "needs|there is no module",
        "mine:encoed": "did you mean mine:encode?",
        "mine:zzz": "it has encode, nothing",
        "mine:NAME": "no function but of the type int",
        "mine:json": "no function but of the type module",
        "mine:nothing": "cannot be called with one argument",
        "mine_ends:f": "cannot be imported (SystemExit: not a module)",
        "mine_fails:f": "cannot be imported (ZeroDivisionError: division by zero)",
        "mine_needs:f": "needs not_there_at_all, which is not installed",
        "mine_syntax:f": "cannot be imported (SyntaxError",
    }
    for text, expected in said.items():
        with pytest.raises(InputError) as raised:
            named_function(text, "--encoder")
        assert any(part in str(raised.value) for part in expected.split("|")), raised.value
        assert str(raised.value).startswith(f"--encoder is '{text}'")


def test_an_empty_signature_is_called_so():
    def encode(pictures):
        return pictures

    encode.signature = " "
    with pytest.raises(InputError, match="encode is empty; it must be a text"):
        identity(encode)


def test_the_text_of_a_functions_files_is_part_of_what_features_are_kept_under(own, tmp_path):
    texts = {
        "mine": "import mine_helper\nfrom mine_more import part\nSIZE = 1\ndef encode(x):\n    return x\n",
        "mine_helper": "def f():\n    import mine_deep\n    return 1\n",
        "mine_deep": "DEEP = 1\n",
        "mine_more__part": "X = 1\n",
        "mine_more____init__": "",
        "mine_other": "Y = 1\n",
    }

    def found():
        own(**{name.replace("____init__", "__init__"): text for name, text in texts.items() if "init" not in name})
        (tmp_path / "mine_more" / "__init__.py").write_text(texts["mine_more____init__"])
        return code_digest([named_function("mine:encode", "--encoder")])

    first = found()
    assert first == found()
    for name in ("mine", "mine_helper", "mine_deep", "mine_more__part", "mine_more____init__"):
        before = texts[name]
        texts[name] += "# changed\n"
        assert found() != first, name
        texts[name] = before
    texts["mine_other"] += "# changed\n"
    assert found() == first
    assert code_digest([len]) == code_digest([])


def test_a_helper_that_changes_under_a_stated_signature_is_computed_anew(own, tmp_path):
    sources = saved(tmp_path / "images", 2)
    found = []
    for number in (1.0, 1.0, 0.0):
        own(
            mine="from mine_helper import NUMBER\ndef encode(pictures):\n"
            "    return [[NUMBER, p.getpixel((0, 0))[0]] for p in pictures]\n"
            "encode.size, encode.signature = 'image', 'mine 1'\n",
            mine_helper=f"NUMBER = {number}\n",
        )
        faces = FaceFeatures.find(None, "mine:encode")
        result = score_items([Item("a", sources[0], (sources[1],))], [Similarity(faces)], FeatureCache(tmp_path / "f"))
        (row,) = result.scored["similarity"].scores
        found.append((result.extracted, row.score, row.signature))
        told = [warning for warning in result.scored["similarity"].warnings if "earlier text of the files" in warning]
        assert len(told) == (number == 0.0)
    assert [extracted for extracted, *_ in found] == [2, 0, 2]
    assert found[0][1] != found[2][1] and found[0][2] == found[2][2] and "encoder:mine 1|" in found[0][2]


def test_a_module_that_takes_its_function_from_elsewhere_counts_too(own, tmp_path):
    digests = []
    for text in ("", "# changed"):
        own(
            mine=f"import mine_helper\nfrom mine_helper import encode\n{text}",
            mine_helper="def encode(p):\n    return p\nencode.size, encode.signature = 'image', 's'\n",
        )
        digests.append(FaceFeatures.find(None, "mine:encode").stored_as)
    assert digests[0] != digests[1]
