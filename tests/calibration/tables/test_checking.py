import pandas as pd
import pytest

from calibration.tables.cells import FROM_FILE
from calibration.tables.checking import check_items, check_ratings, check_scores, check_set_scores, tasks_of
from metrics.errors import InputError


def ratings(rows, columns=("item", "evaluator", "rating")):
    return pd.DataFrame(rows, columns=list(columns))


class TestRatings:
    def test_one_form(self):
        table = check_ratings(ratings([("a", 1, 5), ("b", 1, "3.0")]))
        assert table.frame.to_dict("list") == {
            "item": ["a", "b"],
            "evaluator": ["1", "1"],
            "rating": [5.0, 3.0],
            "task": ["rating", "rating"],
        }
        assert table.notes == []

    def test_task_is_filled_or_chosen(self):
        plain = ratings([("a", "x", 1)])
        assert check_ratings(plain, task="look").frame["task"].tolist() == ["look"]
        two = pd.concat([plain.assign(task="look"), plain.assign(task="feel", rating=2)])
        assert check_ratings(two, task="feel").frame["rating"].tolist() == [2]
        with pytest.raises(InputError, match="no rating in the task 'taste'; its tasks are 'feel' and 'look'"):
            check_ratings(two, task="taste")

    @pytest.mark.parametrize("bad", [0, 6, 3.5, "five", "1e9", "inf", "-1"])
    def test_a_rating_outside_the_scale_is_located(self, bad):
        table = ratings([("a", "x", 1), ("b", "x", bad)])
        with pytest.raises(InputError, match=r"the ratings table, the row with the index 1: the rating '.*' is not a"):
            check_ratings(table)
        table.attrs[FROM_FILE] = True
        with pytest.raises(InputError, match=r"R\.csv, row 3: the rating '.*' is not a whole number from 1 to 5"):
            check_ratings(table, "R.csv")

    def test_the_number_of_bad_ratings_is_told(self):
        with pytest.raises(InputError, match="and 2 more like it"):
            check_ratings(ratings([("a", "x", 9), ("b", "x", 9), ("c", "x", 9)]))

    def test_missing_ratings_are_counted(self):
        table = check_ratings(ratings([("a", "x", 1), ("b", "x", None), ("c", "x", "")]))
        assert len(table.frame) == 1
        assert table.notes == ["2 rows without a rating left out."]

    def test_empty_names(self):
        with pytest.raises(InputError, match="the row with the index 0: the evaluator is empty"):
            check_ratings(ratings([("a", "", 1)]))

    def test_missing_column(self):
        with pytest.raises(InputError, match=r"no column 'rating'.* columns are 'item'.*map='rating=COLUMN'"):
            check_ratings(pd.DataFrame({"item": ["a"], "evaluator": ["x"], "answer": [1]}))

    def test_no_rating_left(self):
        with pytest.raises(InputError, match="no rating to work with"):
            check_ratings(ratings([("a", "x", "")]))

    def test_who_asks_for_more_ratings_than_anybody_gave_is_told_the_most(self):
        rows = ratings([("a", "x", 1), ("b", "x", 2), ("a", "y", 1)])
        with pytest.raises(InputError, match="nobody gave 3 ratings, the most is 2; lower min_ratings"):
            check_ratings(rows, min_ratings=3)

    def test_min_ratings_counts_all_tasks_and_names_who_left(self):
        table = ratings([("a", "x", 1), ("a", "y", 1)]).assign(task="one")
        table = pd.concat([table, table[:1].assign(task="two")])
        checked = check_ratings(table, min_ratings=2)
        assert set(checked.frame["evaluator"]) == {"x"}
        assert checked.notes == ["1 evaluator with fewer than 2 ratings left out: y (1)."]
        one = check_ratings(table, task="one", min_ratings=2)
        assert one.frame["evaluator"].tolist() == ["x"]
        assert one.notes == checked.notes

    double = ratings([("a", "x", 1), ("a", "x", 4), ("b", "x", 2)])

    def test_duplicates_stop_with_count_and_examples(self):
        with pytest.raises(
            InputError, match=r"1 rating given more than once, the first: 'a' by x in rating; .*duplicates"
        ):
            check_ratings(self.double)

    @pytest.mark.parametrize(("rule", "expected"), [("first", 1), ("last", 4), ("mean", 2.5)])
    def test_duplicates(self, rule, expected):
        checked = check_ratings(self.double, duplicates=rule)
        assert sorted(checked.frame["rating"]) == sorted([expected, 2])
        assert checked.notes == [f"1 rating given more than once; used: {rule}."]

    def test_intended_repeats_are_no_duplicates(self):
        table = self.double.assign(repeat=[1, 0, 0])
        checked = check_ratings(table)
        assert checked.frame["rating"].tolist() == [4, 2]
        assert checked.notes == ["1 intended repeat left out; the first rating counts."]
        assert len(check_ratings(table, keep_repeats=True).frame) == 3


class TestScores:
    def test_long_and_wide_say_the_same(self):
        wide = pd.DataFrame({"item": ["a", "b"], "model": ["m", "n"], "ssim": [0.5, None], "niqe": [3, 4]})
        long = pd.DataFrame(
            {"item": ["a", "a", "b"], "metric": ["ssim", "niqe", "niqe"], "score": [0.5, 3, 4], "extra": "kept"}
        )
        first, second = (
            table.frame.sort_values(["item", "metric"])[["item", "metric", "score"]].values.tolist()
            for table in (check_scores(wide), check_scores(long))
        )
        assert first == second
        assert "extra" in check_scores(long).frame
        assert check_scores(wide).notes == ["1 empty score left out."]

    def test_wide_text_columns_are_no_metrics(self):
        table = check_scores(pd.DataFrame({"item": ["a"], "comment": ["nice"], "ssim": [1]}))
        assert table.frame["metric"].tolist() == ["ssim"]
        assert table.notes == ["Columns that are not all numbers are no metrics and were not read: comment."]

    @pytest.mark.parametrize("name", ["Unnamed: 0", "Unnamed: 0_level_1", ""])
    def test_a_column_without_a_name_is_no_metric(self, name):
        table = check_scores(pd.DataFrame({name: [0, 1], "item": ["a", "b"], "ssim": [1, 2]}))
        assert set(table.frame["metric"]) == {"ssim"}
        assert table.notes == ["A column without a name, such as the row numbers that pandas writes, is no metric."]

    @pytest.mark.parametrize("bad", ["inf", "N/A", "1e301"])
    def test_a_bad_cell_in_a_column_of_numbers_is_named(self, bad):
        table = pd.DataFrame({"item": list("abc"), "ssim": [1, 2, 3], "niqe": ["1", bad, "3"]})
        with pytest.raises(InputError, match=f"index 1: the score '{bad}' of 'b' by niqe is not a finite number"):
            check_scores(table)

    def test_no_metric_at_all(self):
        with pytest.raises(InputError, match="has no scores"):
            check_scores(pd.DataFrame({"item": ["a"], "comment": ["nice"]}))

    @pytest.mark.parametrize("bad", ["inf", "-inf", "good", "1e400", "1e301"])
    def test_infinite_scores_are_refused(self, bad):
        table = pd.DataFrame({"item": ["a", "b"], "metric": "m", "score": ["1", bad]})
        with pytest.raises(InputError, match=r"index 1: the score .* of 'b' by m is not a finite number"):
            check_scores(table)

    def test_equal_rows_are_one_and_different_ones_are_refused(self):
        table = pd.DataFrame({"item": ["a", "a"], "metric": "m", "score": ["1", "1.0"]})
        assert len(check_scores(table).frame) == 1
        with pytest.raises(InputError, match=r"two different scores .* the first: 'a' by m"):
            check_scores(table.assign(score=["1", "2"]))
        with pytest.raises(InputError, match="signatures"):
            check_scores(table.assign(signature=["x", "y"]))
        assert len(check_scores(table.assign(signature=["x|versions:a-1", "x|versions:a-2"])).frame) == 1

    def test_wide_items_are_unique(self):
        with pytest.raises(InputError, match="the row with the index 1: the item 'a' stands there twice"):
            check_scores(pd.DataFrame({"item": ["a", "a"], "m": [1, 1]}))


def test_items_are_unique():
    assert len(check_items(pd.DataFrame({"item": ["a", "b"]})).frame) == 2
    with pytest.raises(InputError, match="the row with the index 1: the item 'a' stands there twice"):
        check_items(pd.DataFrame({"item": ["a", "a"]}))


def test_the_tasks_of_a_ratings_table():
    plain = ratings([("a", "x", 1)])
    assert tasks_of(plain, "look") == ["look"]
    assert tasks_of(plain.assign(task=" feel "), "look") == ["feel"]


DECIMAL_COMMA = r"'0,71' \(a decimal comma: write 0\.71\)"


def test_decimal_commas_are_named_in_every_table():
    with pytest.raises(InputError, match=r"rating '3,0' \(a decimal comma: write 3\.0\)"):
        check_ratings(ratings([("a", "x", "3,0")]))
    wide = pd.DataFrame({"item": ["a", "b"], "m": ["0,71", "0,2"], "n": ["1", "2"]})
    long = pd.DataFrame({"item": ["a"], "metric": ["m"], "score": ["0,71"]})
    for table in (wide, wide[["item", "m"]], long):
        with pytest.raises(InputError, match=DECIMAL_COMMA):
            check_scores(table)
    words = pd.DataFrame({"item": ["a", "b"], "m": ["1", "2"], "style": ["red, blue", "1,2,3"]})
    assert set(check_scores(words).frame["metric"]) == {"m"}


def test_rows_without_a_rating_are_none_of_the_ratings_asked_for():
    rows = [("a", "ann", "3"), ("b", "ann", "4"), ("a", "bob", "2"), ("b", "bob", "")]
    frame = pd.DataFrame(rows, columns=["item", "evaluator", "rating"])
    table = check_ratings(frame, min_ratings=2)
    assert set(table.frame["evaluator"]) == {"ann"}
    assert any("1 evaluator with fewer than 2 ratings left out: bob (1)" in note for note in table.notes)


def test_a_bound_of_a_sets_score_may_be_unknown_and_a_score_may_not():
    rows = pd.DataFrame([("m", "fid", "12.5", "40", "", "13")], columns=["set", "metric", "score", "n", "low", "high"])
    found = check_set_scores(rows).iloc[0]
    assert (found["score"], found["n"], found["high"]) == (12.5, 40, 13.0) and pd.isna(found["low"])
    for column in ("score", "n"):
        with pytest.raises(InputError, match=f"the {column} '' of 'm' by fid is not a finite number"):
            check_set_scores(rows.assign(**{column: ""}))


def rounds(*cells, **columns) -> pd.DataFrame:
    number = len(cells)
    table = pd.DataFrame(
        {"item": ["a"] * number, "evaluator": ["x"] * number, "round": cells, "rating": range(1, number + 1)}
    )
    return table.assign(**columns)


def test_a_person_may_rate_an_image_once_in_every_round():
    found = check_ratings(rounds("2", "", "3"))
    assert found.frame[["rating", "round"]].values.tolist() == [[2.0, "1"]]
    assert found.notes == [
        "2 ratings of images that the same person had rated in an earlier round left out of all grades; the first "
        "rating counts, and the others tell what a round changes."
    ]
    assert check_ratings(rounds("2", "1.0"), keep_repeats=True).frame["round"].tolist() == ["2", "1"]
    with pytest.raises(InputError, match="has 1 rating given more than once"):
        check_ratings(rounds("1", "2", "2"))
    assert check_ratings(rounds("1", "2", "2"), duplicates="last", keep_repeats=True).frame["rating"].tolist() == [1, 3]


def test_repeats_and_later_rounds_are_counted_apart():
    found = check_ratings(rounds("1", "1", "2", "2", repeat=["0", "1", "2", "3"]))
    assert found.frame["rating"].tolist() == [1.0]
    assert [note.split(" left")[0] for note in found.notes] == [
        "1 intended repeat",
        "2 ratings of images that the same person had rated in an earlier round",
    ]


@pytest.mark.parametrize("cell", ["0", "1.5", "A", "-1", "inf"])
def test_what_is_no_round_is_refused(cell):
    with pytest.raises(
        InputError,
        match=f"index 1: the round '{cell}' is not a whole number from 1; correct it, or give",
    ):
        check_ratings(rounds("1", cell))


def test_a_row_of_a_table_is_named_by_its_index():
    table = ratings([("a", "x", 1), ("b", "x", 9), ("c", "x", 3)]).set_index(pd.Index(["u", "v", "w"]))
    with pytest.raises(InputError, match="the ratings table, the row with the index 'v': the rating '9' is not"):
        check_ratings(table)
    with pytest.raises(InputError, match="the row with the index 7, at position 1: the rating '9' is not"):
        check_ratings(table.set_index(pd.Index([7, 7, 8])))
    scores = pd.DataFrame({"item": ["a", ""], "m": [1, 2]}, index=[10, 20])
    with pytest.raises(InputError, match="the scores table, the row with the index 20: the item is empty"):
        check_scores(scores)


def test_each_door_is_told_in_its_own_words():
    with pytest.raises(InputError) as caught:
        check_ratings(pd.DataFrame({"item": ["a"]}))
    assert str(caught.value).endswith("Say which one it is with map='evaluator=COLUMN,rating=COLUMN'.")
    assert caught.value.for_command_line().endswith("with --map evaluator=COLUMN,rating=COLUMN.")
    with pytest.raises(InputError) as caught:
        check_ratings(ratings([("a", "x", 1), ("a", "x", 2)]))
    assert str(caught.value).endswith("say what to do with duplicates='first', 'last' or 'mean'.")
    assert caught.value.for_command_line().endswith("say what to do with --duplicates first, last or mean.")
