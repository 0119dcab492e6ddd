"""The table of what was asked: every cell is checked, and several rows of a task are its history."""

import pandas as pd
import pytest

from calibration.tables.wordings import LEVELS, check_wordings
from metrics.errors import InputError


def wording(task="look", ratings="3", **cells):
    words = dict(zip(LEVELS, ["Bad", "Poor", "Fair", "Good", "Excellent"], strict=True))
    row = {"task": task, "question": "How good?", **words, "show_references": "false", "show_prompt": "True"}
    return row | {"asked_from": "", "ratings": ratings, "note": ""} | cells


class TestWordings:
    def test_one_form_in_order(self):
        raw = pd.DataFrame([wording(show_references=True, show_prompt=0), wording(asked_from="2026-03-01", note="N")])
        found = check_wordings(raw, tasks=["look"])
        assert found["show_references"].tolist() == [True, False] and found["show_prompt"].tolist() == [False, True]
        assert found["ratings"].tolist() == [3, 3] and found["note"].tolist() == ["", "N"]
        assert list(found.columns) == list(raw.columns)

    def test_note_and_asked_from_may_miss(self):
        found = check_wordings(pd.DataFrame([wording()]).drop(columns=["note", "asked_from"]))
        assert found[["asked_from", "note"]].to_numpy().tolist() == [["", ""]]

    @pytest.mark.parametrize("column", ["task", "question", "level_3", "show_references", "show_prompt", "ratings"])
    def test_a_missing_column_is_named(self, column):
        with pytest.raises(InputError, match=rf"W\.csv has no column '{column}'; its columns are"):
            check_wordings(pd.DataFrame([wording()]).drop(columns=column), "W.csv")

    @pytest.mark.parametrize(
        ("cells", "words"),
        [
            ({"question": " "}, "the question is empty"),
            ({"level_4": ""}, "the level_4 is empty"),
            ({"show_prompt": "perhaps"}, "show_prompt is 'perhaps'; write true or false"),
            ({"show_references": ""}, "show_references is ''; write true or false"),
            ({"ratings": "1.5"}, "the number of ratings is '1.5'; write a whole number from 0 on"),
            ({"ratings": "-1"}, "the number of ratings is '-1'"),
            ({"ratings": ""}, "the number of ratings is ''"),
            ({"asked_from": "last week"}, "asked_from is 'last week', which is no date such as 2026-03-01"),
            ({"task": "lok"}, "nobody rated the task 'lok'; name tasks as the ratings do: 'feel' and 'look'"),
            ({}, "the task 'look' stands there again, without asked_from; say from when"),
        ],
    )
    def test_a_cell_that_cannot_be_is_located(self, cells, words):
        with pytest.raises(InputError, match=f"W\\.csv, the row with the index 1: .*{words}"):
            check_wordings(pd.DataFrame([wording(), wording(**cells)]), "W.csv", ["look", "feel"])

    def test_words_that_nobody_has_used_yet_may_be_of_any_task(self):
        rows = [wording(), wording(task="new", ratings=0), wording(ratings=0)]
        assert check_wordings(pd.DataFrame(rows), tasks=["look"])["task"].tolist() == ["look", "new", "look"]
