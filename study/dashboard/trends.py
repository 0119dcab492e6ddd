"""Metrics and people's ratings against steps: a mean for each checkpoint, with the interval that best has of it."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from calibration.core.grades import Array
from calibration.decision.best import FEWEST_PROMPTS
from calibration.decision.measures import opinions
from calibration.metric.facts import titles_of
from metrics.sets.fid import null_in
from metrics.text import counted, listed, quoted
from study.dashboard.answer_types import Line, MetricTrend, Null, Point, TaskTrend, Trends
from study.dashboard.means import Figure, mean_of, people_means, prompt_clusters
from study.dashboard.numbers import number
from study.dashboard.snapshot import Snapshot
from study.dashboard.types import Axis

INTERVAL_NOTE = (
    "Bands are 95 % intervals of each mean, for other prompts like these: the images of a prompt count together. Two "
    "checkpoints share prompts, so they may be told apart although their bands overlap: Compare and Best say so."
)
PEOPLE_NOTE = "The bands of people's ratings are for other people like these as well."
Of = Callable[[int, NDArray[np.intp]], Figure | None]
"""From a checkpoint, and the places of its images, to its figure."""


def trends(found: Snapshot, task: str = "") -> Trends:
    """Every metric and task against steps, or against epochs where most checkpoints have no step.

    Parameters
    ----------
    found : Snapshot
    task : str
        Whose ratings are drawn; of all that were rated where none is named.

    Returns
    -------
    Trends

    Notes
    -----
    A checkpoint's value is the mean over its prompts of each prompt's mean, and by people the mean of the ratings, as
    `calibration.decision.from_tables.StudyTables.best` has them; so is the interval: the jackknife over prompts, and
    over evaluators, and Student's t. With fewer than five prompts there is none. A bootstrap of so few prompts holds
    the mean too rarely: of five in 85 %, where these hold it in 95 % (tests/benchmarks/bench_trends.py, which also has
    what skewed metrics cost).
    """
    return found.once(("trends", task), lambda: _trends(found, task))


def _trends(found: Snapshot, task: str) -> Trends:
    clusters, has_prompts = prompt_clusters(found)
    titles = titles_of(found.directions)
    metrics: list[MetricTrend] = []
    for name, direction in found.directions.items():
        values = found.values.get(name)
        lines = _set_lines(found, name) if values is None else _lines(found, _of_metric(values, clusters))
        made: MetricTrend = {
            "name": name,
            "title": titles[name],
            "kind": "set" if values is None else "image",
            "direction": direction,
            "lines": lines,
            "null": None if values is not None else _null(name, titles[name], lines),
        }
        metrics.append(made)
    people: list[TaskTrend] = [
        {"task": each, "lines": _lines(found, _of_people(found, each, clusters))}
        for each in ([found.task_of(task)] if task else found.tasks)
    ]
    return {
        "axis": found.shown.axis,
        "metrics": metrics,
        "people": people,
        "notes": _notes(found, clusters, has_prompts),
    }


def _of_metric(values: Array, clusters: NDArray[np.intp]) -> Of:
    return lambda at, places: mean_of(values[places], clusters[places])


def _of_people(found: Snapshot, task: str, clusters: NDArray[np.intp]) -> Of:
    scale, ratings = found.config.scale, found.ratings[found.ratings["task"] == task]
    if ratings.empty:
        return lambda at, places: None
    given = opinions(ratings, scale)
    steps = given.steps.reindex(found.images["called"]).to_numpy(dtype=float)
    on_axis = [one[found.shown.axis] is not None for one in found.shown.checkpoints]
    checkpoints = found.images["place_of_checkpoint"].to_numpy()
    drawn = np.flatnonzero(np.array(on_axis)[checkpoints])
    figures = people_means(steps[drawn], given.leniency, clusters[drawn], checkpoints[drawn])

    def of(at: int, places: NDArray[np.intp]) -> Figure | None:
        if at not in figures:
            return None
        value, low, high = scale.from_unit(np.array(figures[at][:3]) * scale.step).tolist()
        return value, low, high, figures[at][3]

    return of


def _lines(found: Snapshot, of: Of) -> list[Line]:
    """A line for each run with a value: its checkpoints by step, and at 0 its base on the prompts that the run has."""
    of_checkpoint, of_prompt = (found.images[name].to_numpy() for name in ("place_of_checkpoint", "place_of_prompt"))
    shown, lines = found.shown, []
    for place, run in enumerate(shown.runs):
        mine = np.isin(of_checkpoint, shown.of_run(place))
        points = []
        for at in _drawn(found, place):
            is_mine = of_checkpoint == at
            if at == run["base"] and np.isin(of_prompt[is_mine], of_prompt[mine]).any():
                is_mine &= np.isin(of_prompt, of_prompt[mine])
            figure = of(at, np.flatnonzero(is_mine))
            if figure is not None:
                points.append(_point(found, at, *figure))
        if points:
            lines.append(_line(found, place, points))
    return lines


def _set_lines(found: Snapshot, metric: str) -> list[Line]:
    sets = found.set_values
    rows = sets[(sets["metric"] == metric) & (sets["group"] == "") & sets["score"].notna()]
    names = ["/".join(filter(None, pair)) for pair in zip(rows["model"], rows["checkpoint"], strict=True)]
    by_name = dict(zip(names, rows.to_dict("records"), strict=True))
    lines = []
    for place in range(len(found.shown.runs)):
        points = []
        for at in _drawn(found, place):
            row = by_name.get(found.shown.checkpoints[at]["shown"])
            if row is not None:
                n = int(row["n"]) if row["n"] is not None and row["n"] == row["n"] else 0
                null = 0.0 if metric == "kid" else null_in(str(row["note"])) if metric == "fid" else None
                point = _point(found, at, float(row["score"]), float(row["low"]), float(row["high"]), n)
                points.append(point | {"null": null, "note": str(row["note"])})
        if points:
            lines.append(_line(found, place, points))
    return lines


def _drawn(found: Snapshot, run: int) -> list[int]:
    """What is drawn of a run: its base first, then its checkpoints that are somewhere on the axis."""
    shown = found.shown
    one = shown.runs[run]
    if one["is_base"] and any(other["base"] is not None for other in shown.runs):
        return []  # it stands at the beginning of other lines
    base = [] if one["base"] is None else [one["base"]]
    mine = [at for at in shown.of_run(run) if at not in base and shown.checkpoints[at][shown.axis] is not None]
    return [*base, *mine]


def _point(found: Snapshot, at: int, value: float, low: float, high: float, n: int) -> Point:
    x = found.shown.checkpoints[at][found.shown.axis]
    assert x is not None
    return {
        "checkpoint": at,
        "x": x,
        "value": number(value),
        "low": number(low),
        "high": number(high),
        "n": n,
        "null": None,
        "note": "",
    }


def _line(found: Snapshot, run: int, points: Sequence[Point]) -> Line:
    return {"run": run, "n_training_images": found.shown.runs[run]["n_training_images"], "points": list(points)}


def _null(name: str, title: str, lines: Sequence[Line]) -> Null | None:
    nulls = [point["null"] for line in lines for point in line["points"] if point["null"] is not None]
    if not nulls:
        return None
    low, high = min(nulls), max(nulls)
    if name == "kid":
        words = f"{title} is 0 on average where nothing differs; below 0 is chance."
    else:
        span = f"{low:.1f}" if low == high else f"{low:.1f} to {high:.1f}"
        words = (
            f"With so few images {title} shows {span} where nothing differs; only what lies above that is a distance."
        )
    return {"low": low, "high": high, "words": words}


def _notes(found: Snapshot, clusters: NDArray[np.intp], has_prompts: bool) -> list[str]:
    notes, shown = [INTERVAL_NOTE, *_people_notes(found)], found.shown
    if not has_prompts:
        notes.append(
            "The prompts of some images are not known, so each of these counts for itself: where several are of one "
            "prompt, the bands are too narrow."
        )
    few = sum(
        each < FEWEST_PROMPTS
        for one, each in zip(shown.checkpoints, _prompts_of(found, clusters), strict=True)
        if one[shown.axis] is not None
    )
    if few:
        notes.append(
            f"{counted(few, 'checkpoint')} {'has' if few == 1 else 'have'} fewer than {FEWEST_PROMPTS} "
            "prompts, which is too few for an interval."
        )
    off = [one["shown"] for one in shown.checkpoints if one[shown.axis] is None and one[_other(shown.axis)] is not None]
    if off:
        notes.append(
            f"The axis counts {shown.axis}s; of {listed(off, most=5)} only the {_other(shown.axis)} is known, so "
            f"{'it is' if len(off) == 1 else 'they are'} not drawn."
        )
    mixed = [titles_of(found.directions)[name] for name in found.values if found.is_mixed(name)]
    if mixed:
        notes.append(
            f"The values of {listed(mixed)} were made in different ways (another network, other weights or options), "
            "so points may differ by that alone; score the images again together."
        )
    return notes + _unlike(found)


def _people_notes(found: Snapshot) -> list[str]:
    """For whom the bands of people's ratings are."""
    people = found.ratings.groupby("task")["evaluator"].nunique()
    alone = [task for task in found.tasks if people[task] == 1]
    notes = [PEOPLE_NOTE] if len(alone) < len(found.tasks) else []
    partly = [task for task in found.tasks if _is_partly_rated(found, task)]
    if partly:
        notes.append(
            f"Not every image was rated by {listed(quoted(partly))}, so a point is what its checkpoint would have on "
            "the same prompts, not the plain mean of its ratings; in Best, which has no base, it may be slightly "
            "different."
        )
    if alone:
        notes.append(f"One person alone rated {listed(quoted(alone))}: what others would say, the band does not tell.")
    return notes


def _is_partly_rated(found: Snapshot, task: str) -> bool:
    """Whether of some checkpoint that is drawn some images were rated and others not."""
    rated = found.images.assign(rated=found.opinions(task)[1] > 0).groupby("place_of_checkpoint")["rated"].mean()
    drawn = [one[found.shown.axis] is not None for one in found.shown.checkpoints]
    shares = rated.reindex(range(len(drawn)), fill_value=0)[drawn]
    return bool(((shares > 0) & (shares < 1)).any())


def _other(axis: Axis) -> Axis:
    return "step" if axis == "epoch" else "epoch"


def _prompts_of(found: Snapshot, clusters: NDArray[np.intp]) -> list[int]:
    """How many prompts each checkpoint has, an image whose prompt is not known being one of its own."""
    counts = found.images.assign(prompt=clusters).groupby("place_of_checkpoint")["prompt"].nunique()
    return counts.reindex(range(len(found.shown.checkpoints)), fill_value=0).astype(int).tolist()


def _unlike(found: Snapshot) -> list[str]:
    """A note on runs whose checkpoints were not drawn from the same prompts."""
    pairs = found.images[["place_of_checkpoint", "place_of_prompt"]].drop_duplicates()
    prompts = pairs.groupby("place_of_checkpoint")["place_of_prompt"].agg(frozenset)
    unlike = [
        run["name"]
        for place, run in enumerate(found.shown.runs)
        if len(set(prompts.reindex(found.shown.of_run(place)))) > 1 and run["name"]
    ]
    if not unlike:
        return []
    return [
        f"The checkpoints of {listed(unlike, most=5)} were not all drawn from the same prompts, so their means differ "
        "by their prompts as well; Compare and Best take those that they share."
    ]
