"""What was asked is part of the data: each task's question and words, kept with the ratings that answer them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from calibration.scale import LIKERT, Scale
from calibration.tables.wordings import level_columns
from metrics.errors import InputError
from metrics.text import counted
from study.folder.config import FILE_NAME, TaskConfig
from study.store.records import NotSaved
from study.store.rows import now
from study.store.schema import assignments, history, ratings, wordings

CHANGED_SINCE = f"{FILE_NAME} asks in other words now; these are the ones that the ratings answer."
UNRECORDED = (
    "The study did not record what was asked when these ratings were given; these are study.yaml's words later."
)


@dataclass(frozen=True)
class Wording:
    """One version of what a task asks.

    Attributes
    ----------
    id : int
        Ratings point to it.
    task : str
        The task's name.
    fingerprint : str
        See `fingerprint`.
    question : str
        What the evaluators read.
    levels : tuple of str
        The words for the levels, from the lowest.
    show_references, show_prompt : bool
        What they saw beside the image.
    asked_from : str
        ISO 8601, UTC.
    note : str
        What is to be known of it; mostly empty.
    scale : Scale
        On which it was answered.
    ratings : int
        How many ratings were given under it.
    """

    id: int
    task: str
    fingerprint: str
    question: str
    levels: tuple[str, ...]
    show_references: bool
    show_prompt: bool
    asked_from: str
    note: str
    scale: Scale
    ratings: int

    def row(self) -> dict[str, Any]:
        """As a row of the exported table of wordings."""
        words = dict(zip(level_columns(self.scale), self.levels, strict=True))
        shown = {"show_references": self.show_references, "show_prompt": self.show_prompt}
        rest = {"asked_from": self.asked_from, "ratings": self.ratings, "note": self.note}
        rest["scale"] = ",".join(self.scale.names)
        return {"task": self.task, "question": self.question, **words, **shown, **rest}


def fingerprint(task: TaskConfig) -> str:
    """What identifies a wording: 16 hexadecimal digits of a sha256 over question, words and what is shown.

    Line breaks and repeated spaces do not count; the levels' numbers do where they are not counted from 1.

    Examples
    --------
    >>> one = TaskConfig(question="How good?", levels=list("abcde"))
    >>> fingerprint(one) == fingerprint(one.model_copy(update={"question": "How  good?"}))
    True
    >>> fingerprint(one) == fingerprint(one.model_copy(update={"levels": list("edcba")}))
    False
    """
    content = [_plain(task.question), [_plain(word) for word in task.levels], task.show_references, task.show_prompt]
    if task.answers.numbers != tuple(range(1, len(task.levels) + 1)):
        content.append(task.answers.numbers)
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def read_wordings(connection: Connection) -> list[Wording]:
    """All wordings in the order in which they were asked."""
    given = select(ratings.c.wording_id, func.count()).group_by(ratings.c.wording_id)
    counts = {row[0]: row[1] for row in connection.execute(given)}
    w = wordings.c
    columns = (
        w.id,
        w.task,
        w.fingerprint,
        w.question,
        w.levels,
        w.show_references,
        w.show_prompt,
        w.asked_from,
        w.note,
        w.scale,
    )
    return [
        Wording(*row[:4], tuple(json.loads(row[4])), *row[5:9], _scale(row[9]), ratings=counts.get(row[0], 0))
        for row in connection.execute(select(*columns).order_by(w.id))
    ]


def record_missing(connection: Connection, tasks: Mapping[str, TaskConfig], rated_only: bool = False) -> None:
    """Take today's words as asked where none are recorded of a task; a note says so where there are ratings.

    They also take the place of words that nobody answered and that were asked on another scale. With `rated_only` a
    task without ratings is passed over, unless nothing is recorded of any task.
    """
    known = set(connection.scalars(select(wordings.c.task).distinct()))
    for name, task in tasks.items():
        if name not in known:
            rated = _rated(connection, name)
            if rated_only and known and not rated:
                continue
            if rated and not known:  # until words were recorded, every study was on this scale
                refuse_other_scale(name, LIKERT, task.answers, rated)
            number = _add(connection, name, task, UNRECORDED if rated else "")
            if rated:
                _point(connection, name, number)
        elif _scale((last := _last(connection, name)).scale) != task.answers and not _rated(connection, name):
            _replace(connection, last, name, task)


def record(connection: Connection, tasks: Mapping[str, TaskConfig], reword: bool = False) -> None:
    """Make study.yaml's words those that are asked from now on.

    Parameters
    ----------
    connection : Connection
        In a transaction.
    tasks : mapping of str to TaskConfig
        study.yaml's.
    reword : bool
        Where ratings were given under other words of the same task, go on and note it in the history.

    Raises
    ------
    InputError
        Where ratings were given under other words, unless `reword`, and where they were given on another scale.
    """
    record_missing(connection, tasks)
    for name, task in tasks.items():
        last = _last(connection, name)
        if last.fingerprint == fingerprint(task):
            continue
        given = _rated(connection, name)
        if not given:
            _replace(connection, last, name, task)
            continue
        answered = _last_answered(connection, name) or last
        refuse_other_scale(name, _scale(answered.scale), task.answers, given)
        is_unanswered = answered.id != last.id
        if is_unanswered and answered.fingerprint == fingerprint(task):
            connection.execute(delete(wordings).where(wordings.c.id == last.id))
            note_history(
                connection, f"The words of the task {name} were put back before anybody answered the new ones."
            )
            continue
        what = _difference(answered, task)
        if not reword:
            raise InputError(
                f"{FILE_NAME} asks the task {name} in other words than its {counted(given, 'rating')} "
                f"{'was' if given == 1 else 'were'} given for ({what}); put the old words back, ask the new ones as a "
                "task of another name, or, where only the spelling was corrected, serve the study once with "
                "humangrade serve --reword."
            )
        if is_unanswered:
            _replace(connection, last, name, task)
        else:
            _add(connection, name, task, "")
        note_history(connection, f"The words of the task {name} were changed after {counted(given, 'rating')}: {what}.")


def present(connection: Connection, task: str, scale: Scale | None = None) -> int | None:
    """The id of a task's present wording; NotSaved where it is on another scale than the one that is given."""
    query = select(wordings.c.id, wordings.c.scale).where(wordings.c.task == task)
    last = connection.execute(query.order_by(wordings.c.id.desc()).limit(1)).one_or_none()
    if last is None:
        return None
    if scale is not None and _scale(last.scale) != scale:
        raise NotSaved(
            f"The task {task} is asked on {_scale(last.scale)} now, and here still on {scale}, so nothing is saved; "
            "start humangrade again."
        )
    return int(last.id)


def _last(connection: Connection, task: str) -> Any:
    """A task's present wording, of which there is one."""
    query = select(wordings).where(wordings.c.task == task).order_by(wordings.c.id.desc()).limit(1)
    return connection.execute(query).one()


def refuse_other_scale(task: str, answered: Scale, asked: Scale, count: int) -> None:
    """Raise InputError where ratings were given on another scale than the one that is asked now.

    Examples
    --------
    >>> refuse_other_scale("look", LIKERT, Scale.parse("0-4"), 12)
    Traceback (most recent call last):
    metrics.errors.InputError: study.yaml asks on the scale 0 to 4, and 12 ratings of the task look were given on 1 to
    5; put the scale back ('levels' and 'scale'), or make a new study for the other one.
    """
    if answered != asked:
        given = f"1 rating of the task {task} was" if count == 1 else f"{count:,} ratings of the task {task} were"
        raise InputError(
            f"{FILE_NAME} asks on the scale {asked}, and {given} given on {answered}; put the scale back ('levels' and "
            "'scale'), or make a new study for the other one."
        )


def refuse_ratings_on_another(connection: Connection, scale: Scale) -> None:
    """Raise InputError where ratings of any task were given on another scale than this one."""
    asked = connection.execute(select(wordings.c.id, wordings.c.task, wordings.c.scale)).all()
    for wording in asked:
        if _scale(wording.scale) != scale:
            count = connection.scalar(select(func.count()).where(ratings.c.wording_id == wording.id)) or 0
            if count:
                refuse_other_scale(wording.task, _scale(wording.scale), scale, count)


@lru_cache
def _scale(text: str) -> Scale:
    """A scale as the table of wordings holds it."""
    return Scale(tuple(json.loads(text)))


def note_history(connection: Connection, what: str) -> None:
    """Add a line to the study's history."""
    connection.execute(insert(history).values(at=now(), what=what))


def _add(connection: Connection, name: str, task: TaskConfig, note: str) -> int:
    connection.execute(insert(wordings).values(_values(name, task, note)))
    number = present(connection, name)
    assert number is not None
    return number


def _replace(connection: Connection, last: Any, name: str, task: TaskConfig) -> None:
    """Put other words in the place of some that nobody answered."""
    connection.execute(update(wordings).where(wordings.c.id == last.id).values(_values(name, task, last.note)))


def _values(name: str, task: TaskConfig, note: str) -> dict[str, Any]:
    return {
        "task": name,
        "fingerprint": fingerprint(task),
        "question": task.question,
        "levels": json.dumps(task.levels, ensure_ascii=False),
        "show_references": task.show_references,
        "show_prompt": task.show_prompt,
        "asked_from": now(),
        "note": note,
        "scale": json.dumps(task.answers.numbers),
    }


def _last_answered(connection: Connection, name: str) -> Any:
    """The last wording of a task under which anybody answered."""
    given = select(ratings.c.wording_id).distinct()
    query = select(wordings).where(wordings.c.task == name, wordings.c.id.in_(given))
    return connection.execute(query.order_by(wordings.c.id.desc()).limit(1)).one_or_none()


def _rated(connection: Connection, task: str) -> int:
    query = select(func.count()).join_from(ratings, assignments).where(assignments.c.task == task)
    return connection.scalar(query) or 0


def _point(connection: Connection, task: str, number: int) -> None:
    """Say of the ratings that there are that they were given under a wording."""
    of_task = select(assignments.c.id).where(assignments.c.task == task)
    own = ratings.c.assignment_id.in_(of_task) & ratings.c.wording_id.is_(None)
    connection.execute(update(ratings).where(own).values(wording_id=number))


def _difference(last: Any, task: TaskConfig) -> str:
    """What changed, the first of it in words."""
    if _plain(last.question) != _plain(task.question):
        return f"the question was '{last.question}' and is '{task.question}'"
    for name, old, new in zip(_scale(last.scale).names, json.loads(last.levels), task.levels, strict=False):
        if _plain(old) != _plain(new):
            return f"{name} was '{old}' and is '{new}'"
    for name, words, verb in (
        ("show_references", "the reference photos", "were"),
        ("show_prompt", "the prompt", "was"),
    ):
        if getattr(last, name) != getattr(task, name):
            return f"{words} {verb} {'shown, now not' if getattr(last, name) else 'not shown, now shown'}"
    return "the words differ"


def _plain(text: str) -> str:
    return " ".join(text.split())
