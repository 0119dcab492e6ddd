import hashlib
import os
import random
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from calibration.tables.reading import ColumnMap, read_table, require_columns, text_cells
from metrics.errors import InputError
from tests.effort import effort


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


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"item,score\na\0b,1\n", r"is not UTF-8 text \(byte 12 is a NUL\)"),
        ("item,score\na,1\n".encode("utf-16"), "is not UTF-8 text"),
        (",".join(f"c{n}" for n in range(1_000_000)).encode() + b"\n1\n", "has .* columns; leave out"),
        (
            b"item,prompt\na," + b"x" * 1_000_001 + b"\n",
            "row 2: the cell in the column 'prompt' has more than 1,000,000",
        ),
        (b'item,prompt\na,"' + b"x,y\n" * 500_000, "is not a well-formed CSV file"),
        (b"x" * 5_000_000, "is not a well-formed CSV file"),
    ],
    ids=["NUL", "UTF-16", "columns", "cell", "quote", "line"],
)
def test_tables_that_no_study_has(tmp_path, content, message):
    (tmp_path / "table.csv").write_bytes(content)

    def refuse():
        with pytest.raises(InputError, match=message) as raised:
            read_table(tmp_path / "table.csv")
        assert len(str(raised.value)) < 1000

    assert effort(refuse) < 30_000


def test_short_rows_below_many_columns_count_as_whole_ones(tmp_path):
    """They are filled: 5 MB that come to 25 billion cells."""
    (tmp_path / "table.csv").write_text(",".join(f"c{n}" for n in range(10_000)) + "\n" + "1\n" * 2_500_000)
    with pytest.raises(InputError, match="a table may have 100,000,000 cells"):
        read_table(tmp_path / "table.csv")


def test_the_byte_that_is_no_text_is_named_wherever_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr("calibration.tables.reading._PART", 7)
    for place in range(8, 40):
        text = ("item\n" + "é" * 40).encode()
        (tmp_path / "table.csv").write_bytes(text)
        assert read_table(tmp_path / "table.csv")[0]["item"][0] == "é" * 40
        start = 5 + 2 * (place - 5)
        (tmp_path / "table.csv").write_bytes(text[:start] + b"\xff" + text[start:])
        with pytest.raises(InputError, match=rf"byte {start}\)"):
            read_table(tmp_path / "table.csv")


def test_devices_and_huge_files_are_not_read(tmp_path):
    with (tmp_path / "large.csv").open("wb") as file:
        file.truncate(2**40)
    (tmp_path / "zero.parquet").symlink_to("/dev/zero")
    for path, why in (("/dev/zero", "a device"), (tmp_path / "large.csv", "larger than 1,000 MB")):
        with pytest.raises(InputError, match=why):
            read_table(path)
    with pytest.raises(InputError, match="a device"):
        read_table(tmp_path / "zero.parquet")


class TestParquet:
    """Files of other tools, and files made to do harm."""

    @staticmethod
    def write(path, table, **options):
        pq.write_table(table, path, **options)
        return path

    @pytest.mark.parametrize(
        "about",
        [
            b"{",
            b"[]",
            b"[" * 100_000,
            b"\xff",
            b'{"index_columns": 5, "columns": {}}',
            b'{"columns": [{"name": 1}], "index_columns": [{"kind": "range"}]}',
            b'{"index_columns": ["score"], "columns": [], "column_indexes": []}',
        ],
    )
    def test_what_pandas_left_in_the_file_is_not_read(self, tmp_path, about):
        table = pa.table({"item": ["a"], "score": [0.5]}).replace_schema_metadata({b"pandas": about})
        read, _ = read_table(self.write(tmp_path / "t.parquet", table))
        assert read.to_dict("list") == {"item": ["a"], "score": ["0.5"]}

    def test_an_index_with_a_name_is_a_column_and_row_numbers_are_none(self, tmp_path):
        frame = pd.DataFrame({"item": ["a", "b", "c"], "score": [1.5, 2.0, 3.0]})
        frame.set_index("item").to_parquet(tmp_path / "named.parquet")
        frame[frame["score"] > 1.8].to_parquet(tmp_path / "numbered.parquet")
        assert set(read_table(tmp_path / "named.parquet")[0].columns) == {"item", "score"}
        numbered, _ = read_table(tmp_path / "numbered.parquet")
        assert numbered.to_dict("list") == {"item": ["b", "c"], "score": ["2", "3"]}

    def test_cells_of_every_kind_are_what_they_were(self, tmp_path):
        frame = pd.DataFrame(
            {
                "text": [" a ", None, "=1+1"],
                "kind": pd.Categorical(["x", None, "x"]),
                "level": pd.Categorical([3, 1, None]),
                "whole": pd.array([2**60 + 1, None, -1], dtype="Int64"),
                "real": [0.1, None, 2.0],
                "yes": [True, None, False],
                "day": pd.to_datetime(["2026-01-02", None, "2026-03-04"]),
                "bytes": [b"abc", None, b"\xff"],
            }
        )
        frame.to_parquet(tmp_path / "t.parquet")
        read, _ = read_table(tmp_path / "t.parquet")
        assert read["text"].tolist() == ["a", "", "=1+1"]
        assert read["kind"].tolist() == ["x", "", "x"] and read["level"].tolist() == ["3", "1", ""]
        assert read["whole"].tolist() == [str(2**60 + 1), "", "-1"]
        assert read["real"].tolist() == ["0.1", "", "2.0"] and read["yes"].tolist() == ["True", "", "False"]
        assert read["day"].tolist() == ["2026-01-02", "", "2026-03-04"]
        assert read["bytes"].tolist() == ["abc", "", "\\xff"]

    def test_lists_and_structures_are_passed_over_and_named_where_they_are_needed(self, tmp_path):
        table = pa.table({"item": ["a"], "score": [0.5], "embedding": [[1.0, 2.0]], "image": [{"bytes": b"x"}]})
        read, _ = read_table(self.write(tmp_path / "t.parquet", table))
        assert list(read.columns) == ["item", "score"]
        nested, _ = read_table(self.write(tmp_path / "n.parquet", pa.table({"item": [["a"]], "score": [0.5]})))
        with pytest.raises(InputError, match=r"'item' that holds text or numbers .*'item' with lists or structures"):
            require_columns(nested, ["item"], "n.parquet")
        with pytest.raises(InputError, match="no column of text or numbers"):
            read_table(self.write(tmp_path / "only.parquet", pa.table({"item": [["a"]]})))

    def test_columns_whose_names_begin_alike(self, tmp_path):
        table = pa.table({"item": ["a"], "fid": [1], "fid.v2": [2], "x": [[1]]})
        read, _ = read_table(self.write(tmp_path / "t.parquet", table))
        assert read.to_dict("list") == {"item": ["a"], "fid": ["1"], "fid.v2": ["2"]}

    def test_a_text_that_is_stored_once_and_named_often_is_counted_and_not_unpacked(self, tmp_path):
        """A million names of 10 kB: a file of a few kilobytes that comes to 10 GB."""
        words = pa.DictionaryArray.from_arrays(pa.array(np.zeros(10**6, dtype=np.int32)), ["x" * 10_000])
        path = self.write(tmp_path / "t.parquet", pa.table({"item": words}), compression="zstd")
        assert path.stat().st_size < 200_000
        tracemalloc.start()
        with pytest.raises(InputError, match="more than 2 GB of cells when unpacked"):
            read_table(path)
        assert tracemalloc.get_traced_memory()[1] < 100e6
        tracemalloc.stop()

    def test_a_text_that_is_named_often_is_in_memory_once(self, tmp_path):
        words = pa.DictionaryArray.from_arrays(pa.array(np.zeros(10**6, dtype=np.int32)), ["x" * 1000])
        path = self.write(tmp_path / "t.parquet", pa.table({"item": words}))
        tracemalloc.start()
        read, source = read_table(path)
        assert tracemalloc.get_traced_memory()[1] < 200e6 and source.rows == 10**6
        tracemalloc.stop()
        assert read["item"].iloc[-1] == "x" * 1000

    def test_absurd_numbers_of_rows_are_refused_before_they_are_read(self, tmp_path):
        few = pa.DictionaryArray.from_arrays(pa.array(np.zeros(60_000_000, dtype=np.int8)), [1])
        path = self.write(tmp_path / "t.parquet", pa.table({"item": few, "score": few}), compression="zstd")
        assert path.stat().st_size < 1_000_000
        with pytest.raises(InputError, match="has 60,000,000 rows of 2 columns; a table may have 100,000,000 cells"):
            read_table(path)

    def test_a_million_columns_are_refused(self, tmp_path):
        path = self.write(tmp_path / "t.parquet", pa.table({f"c{n}": [1] for n in range(10_001)}))
        with pytest.raises(InputError, match="has 10,001 columns"):
            read_table(path)

    def test_a_cell_longer_than_any_is_refused(self, tmp_path):
        path = self.write(tmp_path / "t.parquet", pa.table({"item": ["a", "x" * 1_000_001]}))
        with pytest.raises(InputError, match="row 3: the cell in the column 'item' has more than"):
            read_table(path)

    def test_damage_anywhere_is_one_sentence(self, tmp_path):
        path = self.write(tmp_path / "t.parquet", pa.table({"item": ["a", "b"] * 50, "score": [0.5, 1.5] * 50}))
        whole = path.read_bytes()
        rng = random.Random(0)
        for number in range(300):
            data = bytearray(whole if number % 3 else whole[: rng.randrange(len(whole))])
            for _ in range(rng.choice((1, 4))):
                data[rng.randrange(max(1, len(data)))] = rng.randrange(256) if data else 0
            path.write_bytes(data)
            try:
                read_table(path)
            except InputError as error:
                assert str(error).endswith(".") and "\n" not in str(error)


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
        with pytest.raises(InputError, match="no table has the column 'anwser'; the columns are 'answer'"):
            columns.check_used()

    @pytest.mark.parametrize("text", ["rating", "=x", "rating="])
    def test_bad_form(self, text):
        with pytest.raises(InputError, match="OUR_COLUMN=THEIR_COLUMN"):
            ColumnMap.parse(text)


def test_the_digest_is_of_the_whole_file(write):
    """Two tables that differ in their last line only are two files."""
    rows = "".join(f"i{number},{number}\n" for number in range(2000))
    paths = [write(f"item,score\n{rows}last,{value}\n", f"{value}.csv") for value in (1, 2)]
    digests = [read_table(path)[1].sha256 for path in paths]
    assert digests == [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    assert digests[0] != digests[1]


def test_a_float_that_holds_no_whole_number_exactly_keeps_its_own_digits():
    """Up to 2^53 every whole number is a float of its own; beyond, the digits of one would be made up."""
    assert text_cells(pd.DataFrame({"x": [2.0**53 - 1, 3.0]}))["x"].tolist() == ["9007199254740991", "3"]
    assert text_cells(pd.DataFrame({"x": [2.0**60, 3.0]}))["x"].tolist() == [repr(2.0**60), "3.0"]
