"""The checkpoints of a run, or of all runs, that may be the best, as `humangrade best` finds them."""

from collections.abc import Mapping
from functools import partial

import numpy as np

from calibration.decision.best_words import best_by, best_lines, shown
from calibration.decision.found import PEOPLE, StudyBest
from calibration.decision.from_tables import EVERY_RUN
from calibration.decision.gate import MOST_MISSING
from calibration.metric.facts import titles_of
from metrics.errors import InputError, for_command_line
from metrics.text import counted, listed, quoted
from study.dashboard.answer_types import Best, BestChoices, BestRow
from study.dashboard.checkpoints import NO_CHECKPOINT
from study.dashboard.numbers import number
from study.dashboard.snapshot import Snapshot

_MOST_LEFT_OUT = 4
MOST_NAMED = 6
"""So many checkpoints are named in the headline; the page lists all."""


def best(found: Snapshot, by: str = "", run: str = "", task: str = "") -> Best:
    """Which checkpoints may be the best.

    Parameters
    ----------
    found : Snapshot
    by : str
        A metric, ``people``, or METRIC+people. Unless given: people where they rated; else the primary metric of the
        last gate that named one; else the first metric, and a note says that nobody chose it.
    run : str
        `EVERY_RUN`, or a run's name; unless given all runs where they are of one subject, else the one with the most
        images.
    task : str
        Whose ratings count; the first that was rated unless given.

    Returns
    -------
    Best
        Refused with a sentence where it cannot be told.
    """
    return found.once(("best", by, run, task), lambda: _best(found, by, run, task))


def choices(found: Snapshot) -> BestChoices:
    """What may be asked: the usual first."""
    metrics = list(found.values)
    rated = bool(found.tasks)
    both = [f"{name}+{PEOPLE}" for name in metrics] if rated else []
    return {"by": [*([PEOPLE] if rated else []), *metrics, *both], "runs": _runs(found)}


def _best(found: Snapshot, by: str, run: str, asked_task: str) -> Best:
    asked, task = choices(found), found.task_of(asked_task)
    notes: list[str] = []
    if not by:
        by, notes = _usual(found, asked)
    runs = [run] if run else asked["runs"] or [""]
    answer: Best = {
        "choices": asked,
        "refused": "",
        "by": by,
        "run": runs[0],
        "task": task,
        "unit": "",
        "direction": "higher",
        "rows": [],
        "winner": None,
        "headline": "",
        "sentences": [],
        "notes": notes,
    }
    if not by:
        nothing = "There are neither ratings nor scores yet; run humangrade score, or let people rate."
        return answer | {"refused": nothing}
    for each in runs:  # where nobody chose one, the first that can be told
        try:
            made, left_out = found.once(("told", by, each, task), partial(_told, found, by, each, task))
        except InputError as error:
            answer["refused"] = answer["refused"] or error.for_command_line()
            continue
        answer |= _found(found, made)
        others = _other_questions(found, by, task)
        said = [*notes, *left_out, *others, *(for_command_line(note) for note in made.notes)]
        more = [*left_out[:1], *(others if not asked_task else [])]
        return answer | {"refused": "", "run": each, "notes": said, "headline": " ".join([answer["headline"], *more])}
    return answer


def _told(found: Snapshot, by: str, run: str, task: str) -> tuple[StudyBest, list[str]]:
    """The best, if need be among those that have what it takes, and a note on the others.

    While a run is trained its last checkpoint has no ratings yet, and perhaps not all scores.
    """
    tables = found.tables(task)
    lacking: dict[int, str] = {}
    try:
        made = tables.best(by, run)
    except InputError:
        lacking = _lacking(found, by, run, task)
        try:
            made = tables.best(by, run, [found.shown.checkpoints[place]["shown"] for place in lacking])
        except InputError:
            lacking = {}
        if not lacking:
            raise
    there = set(map(str, made.checkpoints))
    left_out = {
        place: lacking.get(place, "the prompts of ITS images are not known")
        for place in _among(found, run)
        if found.shown.checkpoints[place]["shown"] not in there
    }
    return made, _left_out(found, left_out)


def _left_out(found: Snapshot, reasons: Mapping[int, str]) -> list[str]:
    """A note for each reason, the one that holds for most checkpoints first."""
    notes = []
    for why in sorted(dict.fromkeys(reasons.values()), key=lambda why: -list(reasons.values()).count(why)):
        names = [found.shown.checkpoints[place]["shown"] for place, reason in reasons.items() if reason == why]
        if len(names) > _MOST_LEFT_OUT:
            names = [f"{len(names):,} more checkpoints"]
            is_one = False
        else:
            is_one = len(names) == 1
        words = why.replace("ITS", "its" if is_one else "their")
        notes.append(f"{listed(names)} {'does' if is_one else 'do'} not count: {words}.")
    return notes


def _other_questions(found: Snapshot, by: str, task: str) -> list[str]:
    others = [each for each in found.tasks if each != task]
    if PEOPLE not in by.split("+") or not others:
        return []
    return [f"People rated {listed(quoted(others))} too, by which another one may be the best."]


def _among(found: Snapshot, run: str) -> list[int]:
    """The checkpoints of a run, or of all, that were trained."""
    shown = found.shown
    return [
        place
        for place, one in enumerate(shown.checkpoints)
        if not one["is_base"]
        and one["shown"] != NO_CHECKPOINT
        and run in (EVERY_RUN, "", shown.runs[one["run"]]["name"])
    ]


def _lacking(found: Snapshot, by: str, run: str, task: str) -> dict[int, str]:
    """The checkpoints of a run, or of all, that lack what best takes, each with what that is."""
    images, size, among = found.images, len(found.shown.checkpoints), _among(found, run)
    at = images["place_of_checkpoint"].to_numpy()
    name, _, people = by.partition("+")
    lacking: dict[int, str] = {}
    without_seed = np.bincount(at[(images["seed"] == "").to_numpy()], minlength=size)
    without_prompt = np.bincount(at[(images["prompt"] == "").to_numpy()], minlength=size)
    known = [place for place in among if without_prompt[place] < found.shown.checkpoints[place]["images"]]
    lacking |= {
        place: "it is not known with which seeds ITS images were drawn" for place in known if without_seed[place]
    }
    if PEOPLE in (name, people) and task:
        rated = np.bincount(at[found.opinions(task)[1] > 0], minlength=size)
        lacking |= {place: "people have not rated any of ITS images" for place in known if not rated[place]}
    if name in found.values:
        scored = np.bincount(at[np.isfinite(found.values[name])], minlength=size)
        most = max((scored[place] for place in known), default=0)
        why = f"not all of ITS images are there and have a value by {titles_of(found.directions)[name]}"
        lacking |= {place: why for place in known if scored[place] < (1 - MOST_MISSING) * most}
    return lacking


def _found(found: Snapshot, made: StudyBest) -> Best:
    scale, figures = found.config.scale, made.best
    places = [found.shown.place(str(one)) for one in made.checkpoints]

    def ends(low: float, high: float) -> tuple[float | None, float | None]:
        one, other = sorted((shown(low, made, scale), shown(high, made, scale)))
        return number(one), number(other)

    rows: list[BestRow] = []
    for k, place in enumerate(places):
        low, high = ends(figures.low[k], figures.high[k])
        mean, reach = float(figures.means[k]), float(figures.together[k])
        low_of_all, high_of_all = ends(mean - reach, mean + reach)
        assert place is not None
        rows.append(
            {
                "checkpoint": place,
                "value": number(shown(mean, made, scale)),
                "low": low,
                "high": high,
                "low_of_all": low_of_all,
                "high_of_all": high_of_all,
                "in_set": k in figures.may_be_best,
            }
        )
    low, high = ends(figures.value_low, figures.value_high)
    winner = rows[figures.winner]["checkpoint"]
    sentences = best_lines(made, scale)
    return {  # type: ignore[typeddict-item]
        "unit": "the scale's numbers" if made.unit == "rating steps" else made.unit,
        "direction": "lower" if made.is_turned else "higher",
        "rows": rows,
        "winner": {"checkpoint": winner, "value": number(shown(figures.value, made, scale)), "low": low, "high": high},
        "headline": _headline(made, sentences[0]),
        "sentences": sentences,
    }


def _headline(made: StudyBest, sentence: str) -> str:
    """The sentence on the set, without names where it holds many: a list of twenty says less than how many they are."""
    may, total = len(made.best.may_be_best), len(made.checkpoints)
    if may <= MOST_NAMED or may == total:
        return sentence
    return f"By {best_by(made)}, any of {may} of {counted(total, 'checkpoint')} may be the best (95 % confidence)."


def _usual(found: Snapshot, asked: BestChoices) -> tuple[str, list[str]]:
    """By what best is told where nobody says it, and a note where nobody chose it."""
    if found.tasks:
        return PEOPLE, []
    for result, settings in zip(
        reversed(found.gate_runs["result"]), reversed(found.gate_runs["settings"]), strict=True
    ):
        primary = settings.get("primary") or result.get("settings", {}).get("primary")
        if primary in found.values:
            return primary, []
    metrics = list(found.values)
    if len(metrics) < 2:
        return next(iter(metrics), ""), []
    title = titles_of(metrics)[metrics[0]]
    note = (
        f"Nobody has rated yet and no gate named a primary metric, so this is by {title}, the first of "
        f"{listed(titles_of(metrics).values(), most=3)}; choose the one that matters to you."
    )
    return metrics[0], [note]


def _runs(found: Snapshot) -> list[str]:
    """The runs with two checkpoints or more whose images have prompts, the usual choice first."""
    runs, images = found.shown.runs, found.images
    known = images[images["prompt"] != ""] if (images["prompt"] != "").any() else images
    sizes = known["place_of_checkpoint"].value_counts()
    by_run: dict[int, list[int]] = {}
    for place in _among(found, EVERY_RUN):
        if place in sizes.index:
            by_run.setdefault(found.shown.checkpoints[place]["run"], []).append(int(sizes[place]))
    names = [runs[run]["name"] for run, each in by_run.items() if len(each) > 1]
    order = {runs[run]["name"]: -sum(each) for run, each in by_run.items()}
    names.sort(key=order.__getitem__)
    subjects = {runs[run]["subject"] for run in by_run}
    return [EVERY_RUN, *names] if len(by_run) > 1 and len(subjects) == 1 else names
