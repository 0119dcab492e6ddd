import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.scale import LIKERT, Scale
from metrics.errors import InputError


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1-5", (1, 2, 3, 4, 5)),
        ("0-10", tuple(range(11))),
        ("-3-3", (-3, -2, -1, 0, 1, 2, 3)),
        ("-1--3/4", None),
        ("0,0.5,1", (0, 0.5, 1)),
        ("0-100/4", (12.5, 37.5, 62.5, 87.5)),
    ],
)
def test_scales_as_they_are_written(text, values):
    if values is None:
        with pytest.raises(InputError, match="from a lower to a higher number"):
            Scale.parse(text)
    else:
        assert Scale.parse(text).values == values


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1-2", "1-2 has 2"),
        ("0-100", "0-100 has 101"),
        ("5-1", "5-1 has 0"),
        ("0-1e300", "has 1,0"),
        ("1,2", "this one has 2"),
        ("1,1,2", "ascend, but these are 1, 1 and 2"),
        ("1,nan,2", "ascend"),
        ("0-1/2", "3 to 11 parts, not 2"),
        ("nan-3", "is not understood"),
        ("0.5-3", "is not understood"),
        ("a", "is not understood"),
        ("", "is not understood"),
        ("1-5/x", "is not understood"),
    ],
)
def test_what_is_no_scale_is_refused(text, said):
    with pytest.raises(InputError, match=said):
        Scale.parse(text)


def test_one_word_a_level():
    assert Scale((1, 2, 3), ("bad", "fair", "good")).words == ("bad", "fair", "good")
    with pytest.raises(InputError, match="1 to 3 has 3 levels, but 2 words"):
        Scale((1, 2, 3), ("bad", "good"))


def test_the_names_of_scales():
    shown = [str(Scale.parse(text)) for text in ("1-7", "0-100/5", "0,0.5,1", "1,2,4")]
    assert shown == ["1 to 7", "0 to 100 in 5 parts", "0, 0.5 and 1", "1, 2 and 4"]


@given(st.lists(st.integers(-50, 50), min_size=3, max_size=11, unique=True).map(sorted))
def test_levels_go_to_the_unit_scale_and_back(values):
    scale = Scale(tuple(values))
    assert scale.to_unit(values) == pytest.approx(scale.unit, abs=1e-12)
    assert scale.from_unit(scale.unit) == pytest.approx(np.array(values), abs=1e-9)
    assert scale.of_levels(range(1, scale.count + 1)) == pytest.approx(scale.unit, abs=1e-12)
    assert scale.allows(values).all()
    assert not scale.allows([values[0] - 1, values[-1] + 1]).any()


@given(st.floats(0, 100), st.integers(3, 11))
def test_a_range_is_cut_into_parts_of_equal_width(value, parts):
    scale = Scale.cut(0, 100, parts)
    part = round(float(scale.to_unit(value)) * (parts - 1))
    assert part * 100 / parts <= value * (1 + 1e-12)
    assert value < (part + 1) * 100 / parts or part == parts - 1


def test_a_missing_answer_stays_missing():
    for scale in (LIKERT, Scale((1, 2, 4)), Scale.cut(0, 1)):
        assert np.isnan(scale.to_unit([np.nan, 1])).tolist() == [True, False]
