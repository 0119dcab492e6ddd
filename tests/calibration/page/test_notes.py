"""The notes of a page: each once, those that differ in a name only as one, and all of them still true."""

import re
from itertools import permutations

import pandas as pd

from calibration.notes import Named, written
from calibration.page.notes import all_notes, notes_of_people
from calibration.pipeline import calibrate_tables
from calibration.report.schema.base import NameInNote
from calibration.report.schema.document import Metric, Report, Task
from calibration.settings import Settings


def said(notes):
    """A section's notes, as it holds them."""
    found = written(notes)
    return found | {"names_in_notes": [NameInNote(**one) for one in found.get("names_in_notes", [])] or None}


def report(tasks, notes=()):
    """Of a report, what notes are made of: by task its own, "notes", and its metrics', "of"."""
    return Report.model_construct(
        **said(notes),
        tasks={
            name: Task.model_construct(
                **said(task.get("notes", [])),
                metrics={
                    each: Metric.model_construct(title=f"The {each}", **said(own))
                    for each, own in task.get("of", {}).items()
                },
            )
            for name, task in tasks.items()
        },
    )


def unfolded(note, names):
    """Every sentence that a merged note says."""
    listed = [name for name in names if re.search(rf"(?<!\S)(The )?{name}(?=[,;]|$)", note.concerned)]
    if "NAME" not in note.text:
        return {note.text}
    text = re.sub(r" \((for NAME put each of these|NAME: each of these\.)\)", "", note.text)
    return {text.replace("NAME", name) for name in listed}


def test_notes_that_differ_in_the_metric_are_one_and_say_the_same_of_each():
    of = {f"m{i}": [Named("Assumed it; say --lower ", f"m{i}", "."), "Only 2 levels."] for i in (1, 10, 100)} | {
        "x": ["Only m1 fits."]
    }
    given = [str(note) for notes in of.values() for note in notes]
    found = all_notes(report({"look": {"of": of}}))
    assert len(found) == 3
    assert set().union(*(unfolded(note, of) for note in found)) == set(given)
    assert found[0].concerned == "The m1, The m10, The m100"
    assert found[2] == ("The x", "Only m1 fits.")


def test_a_metric_alone_keeps_its_name():
    (found,) = all_notes(report({"look": {"of": {"m1": [Named("Say --lower ", "m1", ".")]}}}))
    assert found == ("The m1", "Say --lower m1.")


def test_evaluators_are_merged_where_a_note_says_the_same_of_them():
    gave = ": Gave the rating 3 to every item."
    named = [("e1", gave), ("e2", gave), ("3", " gave 5."), ("e1", " gave 5."), ("e1 b", ": Gave 4.")]
    notes = [*(Named("", *each) for each in named), "e1 gave 5."]
    found = all_notes(report({"look": {"notes": notes}}))
    assert [note.text for note in found] == [
        "Gave the rating 3 to every item.",
        "NAME gave 5. (NAME: each of these.)",
        "e1 b: Gave 4.",
        "e1 gave 5.",  # begins like a name, and is none: nothing is looked for in the words
    ]
    assert [note.concerned for note in found] == ["e1, e2", "3, e1", "", ""]
    assert notes_of_people(Task.model_construct(**said(notes)))[0] == "e1, e2: Gave the rating 3 to every item."


def test_other_figures_are_other_notes():
    notes = [Named("", "e1", " rated alone (Spearman 0.11)."), Named("", "e2", " rated alone (Spearman 0.12).")]
    assert notes_of_people(Task.model_construct(**said(notes))) == [str(note) for note in notes]


def test_notes_of_reading_are_merged_by_metric():
    none = " scored none of 5 items."
    notes = [Named("Scores: ", "m1", none), "Scores: 2 rows left out.", Named("Scores: ", "m2", none)]
    found = all_notes(report({"look": {"of": {"m1": [], "m2": []}}}, notes))
    assert found == [("m1, m2", "Scores: NAME scored none of 5 items. (NAME: each of these.)"), ("", notes[1])]


def test_several_tasks_are_named_where_they_differ():
    bad = [Named("Bad ", name, ".") for name in ("m1", "m2")]
    tasks = {"look": {"of": {"m1": bad[:1], "m2": bad[1:]}}, "fit": {"of": {"m1": bad[:1], "m2": []}}}
    for order in permutations(tasks):
        (found,) = all_notes(report({name: tasks[name] for name in order}))
        assert set(found.concerned.split("; ")) == {"look: The m1, The m2", "fit: The m1"}


def test_names_of_a_whole_report_stand_where_the_report_says():
    ratings = pd.DataFrame(
        [(f"i{row}", name, 3 if name == "c" else 1 + row % 5) for row in range(30) for name in "abc"],
        columns=["item", "evaluator", "rating"],
    )
    scores = pd.DataFrame(
        [
            (f"i{row}", metric, score, note)
            for row in range(30)
            for metric, score, note in (("mine", row, ""), ("none", None, "no face"))
        ],
        columns=["item", "metric", "score", "note"],
    )
    found = calibrate_tables(ratings, scores, settings=Settings(draws=0)).report
    task = found["tasks"]["rating"]
    sections = {"none": found, "mine": task["metrics"]["mine"], "c": task}
    for name, section in sections.items():
        named = [one for one in section["names_in_notes"] if one["name"] == name]
        assert named
        for one in named:
            assert section["notes"][one["note"]][one["start"] :].startswith(name)
