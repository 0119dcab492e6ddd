"""Cells that a spreadsheet would run: written as text, and read back as what they were."""

import csv
import io
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from calibration.tables.reading import read_table
from calibration.tables.writing import csv_text, guarded, unguarded

AWKWARD = st.text(st.sampled_from("'=+-@\t\r\n 5.eE,;\"aé"), max_size=8) | st.text(max_size=8)


@given(AWKWARD)
@example("'=1")
@example("''-x")
@example("-5\n")
@example("'-5")
@example("+１")
def test_what_is_written_is_read_back_whatever_it_is(text):
    written = guarded(text)
    assert unguarded(written) == text
    assert written in (text, f"'{text}")


@given(AWKWARD)
def test_nothing_written_is_run_by_a_spreadsheet(text):
    written = guarded(text)
    assert written[:1] not in ("=", "@", "\t", "\r")
    if written[:1] in ("+", "-"):
        float(written)
        assert re.fullmatch(r"[-+.0-9eE]+", written)


@pytest.mark.parametrize(
    "text", ["-0.5", "-5", "+4", "-1e-05", "-.5", "+1.", "1-2", "a=b", "'", "it's", "", "'a", "'-5"]
)
def test_numbers_and_plain_words_stay_as_they_are(text):
    assert guarded(text) == unguarded(text) == text


def test_a_table_with_formulas_everywhere(tmp_path):
    cells = ["=1+1", "@x", "'=y", "-5", "+49 170", "''@z", "-x, y", '=HYPERLINK("http://a";"b")', "plain", "-0.5"]
    frame = pd.DataFrame({"item": cells, "=metric": np.linspace(-1, 1, 10), "-7": cells[::-1], "'+x": ["", None] * 5})
    text = csv_text(frame)
    for row in csv.reader(io.StringIO(text)):
        for cell in row:
            assert cell[:1] not in "=@" or not cell
            assert cell[:1] not in "+-" or not cell or float(cell) is not None
    (tmp_path / "t.csv").write_text(text, newline="")
    read, _ = read_table(tmp_path / "t.csv")
    assert list(read.columns) == ["item", "=metric", "-7", "'+x"]
    assert read["item"].tolist() == cells and read["-7"].tolist() == cells[::-1]
    assert read["=metric"].astype(float).tolist() == frame["=metric"].tolist()


def test_a_table_without_formulas_is_written_as_pandas_writes_it():
    frame = pd.DataFrame(
        {
            "text": ["a", None, 'b "c", d', "-3", "two\nlines"],
            "number": [1, -2, 3, 4, 5],
            "real": [0.1, np.nan, -1e-9, np.inf, 2.0],
            "mixed": pd.Series([1, -2.5, "x", None, True], dtype=object),
            "whole": pd.array([1, None, 3, 4, 5], dtype="Int64"),
            "yes": [True, False, True, False, True],
        }
    )
    assert csv_text(frame) == frame.to_csv(index=False, lineterminator="\n")
    assert csv_text(frame, "%.2g") == frame.to_csv(index=False, lineterminator="\n", float_format="%.2g")
    assert csv_text(pd.DataFrame(columns=["=a", "b"])) == "'=a,b\n"
    assert csv_text(pd.DataFrame([[1, "=x"], [2, "y"]], columns=["a", "a"])) == "a,a\n1,'=x\n2,y\n"
