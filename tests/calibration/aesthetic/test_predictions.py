"""Another model's answers from a file."""

import pytest

from calibration.aesthetic.predictions import read_predictions
from calibration.aesthetic.scale import TEN, Scale
from metrics.errors import InputError


def written(tmp_path, text):
    (tmp_path / "p.csv").write_text(text)
    return tmp_path / "p.csv"


def test_names_lose_their_suffix(tmp_path):
    assert read_predictions(written(tmp_path, "image_id,predicted_mean,x\na.jpg,5.5,1\n7,4,2\n"), TEN) == {
        "a": 5.5,
        "7": 4.0,
    }
    assert read_predictions(written(tmp_path, "item, score\na/b, 1\n"), TEN) == {"a/b": 1.0}


def test_the_scale_is_told_or_asked_for_and_never_guessed(tmp_path):
    plain = "id,score\na,0.25\nb,1\n"
    with pytest.raises(InputError, match="does not tell on which scale; say it with predictions_scale"):
        read_predictions(written(tmp_path, plain))
    assert read_predictions(written(tmp_path, plain), Scale(0, 1)) == {"a": 3.25, "b": 10.0}
    told = "id,score,scale\na,2,1-5\nb,5,1-5\n"
    assert read_predictions(written(tmp_path, told)) == {"a": 3.25, "b": 10.0}
    with pytest.raises(InputError, match="has predictions on 1-5, and predictions_scale says 1-10"):
        read_predictions(written(tmp_path, told), TEN)
    with pytest.raises(InputError, match="several scales"):
        read_predictions(written(tmp_path, "id,score,scale\na,2,1-5\nb,5,1-10\n"))
    with pytest.raises(InputError, match=r"not one of the predictions lies on the scale 1-10; they are from 0\.25"):
        read_predictions(written(tmp_path, "id,score\na,0.25\nb,.5\n"), TEN)
    assert read_predictions(written(tmp_path, "id,score\na,0.25\nb,5\n"), TEN)["a"] == 0.25  # a model may overshoot


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a,b\n1,2\n", "has the columns a, b"),
        ("id,score\na,x\n", "line 2: 'x' is no number"),
        ("id,score\na,1\n\nb,nan\n", "line 4: 'nan' is no number"),
        ("id,score\na,1,2\nb,2,3\n", "line 2: 3 cells for 2 columns"),
        ("id,score\na.jpg,1\na,1\n", "line 3: a has an answer already"),
        ("id,score\n,1\n", "line 2: the image has no name"),
        ("id;score\na;1\n", "separated by commas"),
        ("id,score\n", "no predictions"),
        ("", r"columns \(none\)"),
    ],
)
def test_other_files_are_refused(tmp_path, text, reason):
    with pytest.raises(InputError, match=reason):
        read_predictions(written(tmp_path, text))


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_predictions(tmp_path / "nothing.csv")
