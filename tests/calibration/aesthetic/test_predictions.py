"""Another model's answers from a file."""

import pytest

from calibration.aesthetic.predictions import read_predictions
from metrics.errors import InputError


def written(tmp_path, text):
    (tmp_path / "p.csv").write_text(text)
    return tmp_path / "p.csv"


def test_names_lose_their_suffix(tmp_path):
    assert read_predictions(written(tmp_path, "image_id,predicted_mean,x\na.jpg,5.5,1\n7,4,2\n")) == {
        "a": 5.5,
        "7": 4.0,
    }
    assert read_predictions(written(tmp_path, "item, score\na/b, 1\n")) == {"a/b": 1.0}


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
