import hashlib
import os
import threading
from pathlib import Path

import pandas as pd
import pytest

from calibration.reading import ColumnMap, read_table, text_cells
from metrics.errors import InputError


@pytest.fixture
def write(tmp_path):
    def write(text, name="table.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_names_stay_what_they_are(write):
    path = write("item,evaluator\nNA,007\nnull,1e3\n 1.0 ,a b\n")
    frame, source = read_table(path)
    assert frame.values.tolist() == [["NA", "007"], ["null", "1e3"], ["1.0", "a b"]]
    assert source.rows == 3
    assert source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_separators_and_byte_order_mark(write, mark):
    frame, _ = read_table(write(f"item{mark}score\na{mark}1\n", encoding="utf-8-sig"))
    assert frame.to_dict("list") == {"item": ["a"], "score": ["1"]}


def test_quoted_commas_and_line_breaks(write):
    frame, _ = read_table(write('item,prompt\na,"x, y"\nb,"two\nlines"\n'))
    assert frame["prompt"].tolist() == ["x, y", "two\nlines"]


def test_line_ends_of_any_system_and_blank_first_lines(write):
    for end in ("\n", "\r\n", "\r"):
        frame, _ = read_table(write(end + "  " + end + end.join(["item,score", "a,1", "b,2", ""])))
        assert frame.values.tolist() == [["a", "1"], ["b", "2"]]


def test_a_comma_within_quotes_is_no_separator(write):
    frame, _ = read_table(write('item;rating;"note, free, ""so"", long"\na;1;x\n'))
    assert list(frame.columns) == ["item", "rating", 'note, free, "so", long']
    frame, _ = read_table(write('"a\nb",item\n1,2\n'))
    assert list(frame.columns) == ["a\nb", "item"]


def test_columns_without_a_name_may_be_many(write):
    frame, _ = read_table(write(", ,item,\n0,1,a,2\n"))
    assert frame.to_dict("list") == {"Unnamed: 0": ["0"], "Unnamed: 1": ["1"], "item": ["a"], "Unnamed: 3": ["2"]}


def test_a_file_is_read_once(tmp_path):
    """A pipe gives its bytes only once; and the sha256 must be that of the bytes that were used."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("item,score\na,1\n",), daemon=True)
    writer.start()
    frame, source = read_table(pipe)
    writer.join(10)
    assert frame.to_dict("list") == {"item": ["a"], "score": ["1"]}
    assert source.sha256 == hashlib.sha256(b"item,score\na,1\n").hexdigest()


def test_a_file_name_that_is_no_text(tmp_path):
    path = os.fsencode(tmp_path) + b"/r_\xff.csv"
    Path(os.fsdecode(path)).write_text("item\na\n")
    _, source = read_table(os.fsdecode(path))
    assert source.path == f"{tmp_path}/r_\ufffd.csv"


def test_parquet_equals_csv(tmp_path, write):
    frame = pd.DataFrame({"item": ["a", "b"], "evaluator": [7, 8], "rating": [1.0, None], "score": [0.1, 2.5]})
    frame.to_parquet(tmp_path / "table.parquet")
    read, source = read_table(tmp_path / "table.parquet")
    assert read.values.tolist() == [["a", "7", "1", "0.1"], ["b", "8", "", "2.5"]]
    assert source.rows == 2


def test_parquet_columns_that_differ_by_spaces_only(tmp_path):
    pd.DataFrame({"rating": [1], " rating": [2]}).to_parquet(tmp_path / "table.parquet")
    with pytest.raises(InputError, match=r"table\.parquet has the column 'rating' more than once"):
        read_table(tmp_path / "table.parquet")


def test_text_cells_keeps_all_digits():
    assert text_cells(pd.DataFrame({"x": [0.1 + 0.2]}))["x"][0] == "0.30000000000000004"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("a,a\n1,2\n", "has the column 'a' more than once"),
        ("a, a\n1,2\n", "has the column 'a' more than once"),
        (f'a,"{"x" * 200_000}"\n1,2\n', "is not a well-formed CSV file"),
        ("a,b\n1,2,3\n", "is not a well-formed CSV file"),
        ('a,b\n"1,2\n', "is not a well-formed CSV file"),
    ],
)
def test_bad_files_are_named(write, text, message):
    with pytest.raises(InputError, match=r"table\.csv " + message):
        read_table(write(text))


def test_not_text_and_not_there(write, tmp_path):
    with pytest.raises(InputError, match="not UTF-8"):
        read_table(write("item\nü\n", encoding="latin-1"))
    with pytest.raises(InputError, match="cannot be read"):
        read_table(tmp_path / "missing.csv")
    with pytest.raises(InputError, match="cannot be read"):
        read_table(tmp_path)
    with pytest.raises(InputError, match="not a readable Parquet file"):
        read_table(write("item\na\n", name="table.parquet"))


class TestColumnMap:
    def test_renames_and_replaces(self):
        columns = ColumnMap.parse("rating=answer")
        frame = columns.apply(pd.DataFrame({"answer": ["5"], "rating": ["old"], "other": ["x"]}))
        assert frame.to_dict("list") == {"rating": ["5"], "other": ["x"]}

    def test_each_file_uses_the_first_entry_that_fits(self):
        columns = ColumnMap.parse("item=file,item=./{model}/{id}.png")
        assert columns.apply(pd.DataFrame({"file": ["f"]}))["item"][0] == "f"
        assert columns.apply(pd.DataFrame({"model": ["m"], "id": ["1"]}))["item"][0] == "./m/1.png"
        columns.check_used()

    def test_swap(self):
        frame = ColumnMap.parse("a=b,b=a").apply(pd.DataFrame({"a": ["1"], "b": ["2"]}))
        assert frame[["a", "b"]].values.tolist() == [["2", "1"]]

    def test_an_entry_that_fits_nowhere(self):
        columns = ColumnMap.parse("rating=anwser")
        columns.apply(pd.DataFrame({"answer": ["5"]}))
        with pytest.raises(InputError, match="no file has the column 'anwser'; the columns are 'answer'"):
            columns.check_used()

    @pytest.mark.parametrize("text", ["rating", "=x", "rating="])
    def test_bad_form(self, text):
        with pytest.raises(InputError, match="OUR_COLUMN=THEIR_COLUMN"):
            ColumnMap.parse(text)
