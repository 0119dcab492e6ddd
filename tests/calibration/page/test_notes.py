"""The notes of a page: each once, those that differ in a name only as one, and all of them still true."""

import re
from itertools import permutations

from calibration.page.notes import all_notes, notes_of_people
from calibration.report.schema.document import Metric, Report, Task


def report(tasks, notes=()):
    """Of a report, what notes are made of."""
    return Report.model_construct(
        notes=list(notes),
        tasks={
            name: Task.model_construct(
                notes=task.get("notes", []),
                evaluators=dict.fromkeys(task.get("people", [])),
                metrics={
                    each: Metric.model_construct(title=f"The {each}", notes=said)
                    for each, said in task.get("of", {}).items()
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
    said = {f"m{i}": [f"Assumed it; say --lower m{i}.", "Only 2 levels."] for i in (1, 10, 100)} | {
        "x": ["Only m1 fits."]
    }
    given = [note for notes in said.values() for note in notes]
    found = all_notes(report({"look": {"of": said}}))
    assert len(found) == 3
    assert set().union(*(unfolded(note, said) for note in found)) == set(given)
    assert found[0].concerned == "The m1, The m10, The m100"
    assert found[2] == ("The x", "Only m1 fits.")


def test_a_metric_alone_keeps_its_name():
    (found,) = all_notes(report({"look": {"of": {"m1": ["Say --lower m1."]}}}))
    assert found == ("The m1", "Say --lower m1.")


def test_evaluators_are_merged_only_where_a_note_begins_with_their_name():
    people = ["e1", "e2", "3", "e1 b"]
    notes = ["e1: Gave the rating 3 to every item.", "e2: Gave the rating 3 to every item.", "3 gave 5.", "e1 gave 5."]
    found = all_notes(report({"look": {"people": people, "notes": [*notes, "e1 b: Gave 4."]}}))
    assert [note.text for note in found] == [
        "Gave the rating 3 to every item.",
        "NAME gave 5. (NAME: each of these.)",
        "e1 b: Gave 4.",
    ]
    assert [note.concerned for note in found] == ["e1, e2", "3, e1", ""]
    assert notes_of_people(notes, people)[0] == "e1, e2: Gave the rating 3 to every item."


def test_other_figures_are_other_notes():
    notes = ["e1 rated alone (Spearman 0.11).", "e2 rated alone (Spearman 0.12)."]
    assert notes_of_people(notes, ["e1", "e2"]) == notes


def test_notes_of_reading_are_merged_by_metric():
    notes = ["Scores: m1 scored none of 5 items.", "Scores: 2 rows left out.", "Scores: m2 scored none of 5 items."]
    found = all_notes(report({"look": {"of": {"m1": [], "m2": []}}}, notes))
    assert found == [("m1, m2", "Scores: NAME scored none of 5 items. (NAME: each of these.)"), ("", notes[1])]


def test_several_tasks_are_named_where_they_differ():
    tasks = {"look": {"of": {"m1": ["Bad m1."], "m2": ["Bad m2."]}}, "fit": {"of": {"m1": ["Bad m1."], "m2": []}}}
    for order in permutations(tasks):
        (found,) = all_notes(report({name: tasks[name] for name in order}))
        assert set(found.concerned.split("; ")) == {"look: The m1, The m2", "fit: The m1"}
