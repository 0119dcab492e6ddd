"""The gate and the best checkpoint of a study's tables: items, scores and, where there are any, ratings."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import pandas as pd

from calibration.core.item_folds import groupings_of
from calibration.core.ratings import Ratings, ScoredTask
from calibration.core.resampling import RESAMPLING, Resampling
from calibration.decision.agreement import Agreement, agreement
from calibration.decision.best import FEWEST_PROMPTS, Part, best_checkpoint
from calibration.decision.checkpoints import Checkpoint, Checkpoints
from calibration.decision.found import PEOPLE as PEOPLE
from calibration.decision.found import StudyBest as StudyBest
from calibration.decision.found import StudyGate as StudyGate
from calibration.decision.gate import LEAST_DEVIATIONS, LEAST_DROP, MOST_MISSING, Pairs, gate
from calibration.decision.slope import Slope, levelled, slope_on_people
from calibration.metric.facts import directions_of, signatures_of
from calibration.scale import LIKERT, Scale
from metrics.errors import InputError, parameter
from metrics.known import Direction
from metrics.text import counted, listed, natural_order, quoted


class StudyTables:
    """A study's tables, checked, as the gate and the best checkpoint take them.

    Parameters
    ----------
    items, scores : DataFrame
        As `calibration.read_items` and `calibration.read_scores` give them; scores may have a column signature.
    ratings : DataFrame, optional
        As `calibration.read_ratings` gives them.
    task : str
        Whose ratings count; may be left out where there is one task.
    scale : Scale
        Of the ratings.
    lower_is_better, higher_is_better : sequence of str
        Metrics whose direction is not known.
    resampling : Resampling
        Of all draws.
    notes : sequence of str
        What is to be known of the tables; it stands first among the notes of every result.

    Raises
    ------
    InputError
        Where the items name no checkpoints, or several tasks were rated and none is named.
    """

    def __init__(
        self,
        items: pd.DataFrame,
        scores: pd.DataFrame,
        ratings: pd.DataFrame | None = None,
        task: str = "",
        scale: Scale = LIKERT,
        lower_is_better: Sequence[str] = (),
        higher_is_better: Sequence[str] = (),
        resampling: Resampling = RESAMPLING,
        notes: Sequence[str] = (),
    ):
        self.checkpoints = Checkpoints(items)
        self.notes = tuple(notes)
        self.resampling = resampling
        self._scores = scores[scores["score"].notna()]
        self.metrics = sorted(map(str, self._scores["metric"].unique()), key=natural_order)
        signatures = signatures_of(self._scores)
        self.directions, self._notes = directions_of(self.metrics, lower_is_better, higher_is_better, signatures)
        self._agreements: dict[str, Agreement] = {}
        self._items, self._scale = items, scale
        self._prompts = items.set_index("item")["prompt"] if "prompt" in items.columns else None
        self.task, self._ratings = _one_task(ratings, task)
        steps = 1 / scale.step
        self._cube: pd.DataFrame | None = None
        if self._ratings is not None:
            first = self._ratings.drop_duplicates(["item", "evaluator"])
            wide = first.pivot(index="item", columns="evaluator", values="rating")
            self._cube = pd.DataFrame(levelled(scale.to_unit(wide) * steps), index=wide.index, columns=wide.columns)

    def scores_of(self, metric: str) -> pd.Series:
        """A metric's scores by item; of people the mean ratings without the evaluators' strictness."""
        if metric == PEOPLE and self._cube is not None:
            steps = self._cube.mean(axis=1)
            return pd.Series(self._scale.from_unit(steps * self._scale.step), steps.index)
        rows = self._scores[self._scores["metric"] == metric]
        return rows.drop_duplicates("item").set_index("item")["score"]

    def slope(self, metric: str) -> Slope | None:
        """The metric's slope on people, in its units a rating step; None where there are too few ratings."""
        if self._cube is None:
            return None
        scores = self.scores_of(metric).reindex(self._cube.index).to_numpy(dtype=float)
        sign = 1.0 if self.directions[metric] == "higher" else -1.0
        prompts = None
        if self._prompts is not None:
            named = self._prompts.reindex(self._cube.index).fillna("")
            prompts = np.where(named != "", named, self._cube.index)
        return slope_on_people(sign * scores, self._cube.to_numpy(dtype=float), prompts, self.resampling)

    def agreement(self, metric: str) -> Agreement:
        """Whether the metric sorts images, and ranks checkpoints, as people do; the first call takes a second.

        Raises
        ------
        InputError
            For a metric that has no scores here.
        """
        if metric not in self._agreements:
            self._chosen([metric])
            found = Agreement(metric)
            if self._people is not None:
                task = ScoredTask.of(
                    self.scores_of(metric).reindex(self._people.items),
                    self._people,
                    self.directions[metric],
                    metric,
                )
                found = agreement(task)
            self._agreements[metric] = found
        return self._agreements[metric]

    @cached_property
    def _people(self) -> Ratings | None:
        """The task's ratings as a report judges metrics by them, with checkpoints in the place of models."""
        if self._ratings is None:
            return None
        rows = self._ratings.drop_duplicates(["item", "evaluator"])
        checkpoints = rows["item"].map(self.checkpoints.of_item)
        rows = rows[checkpoints.notna()]
        evaluators = sorted(map(str, rows["evaluator"].unique()), key=natural_order)
        groupings = groupings_of(self._items[self._items["item"].isin(rows["item"])])
        groupings["model"] = checkpoints[checkpoints.notna()].map(str).set_axis(rows["item"]).groupby(level=0).first()
        return Ratings.of_table(rows, evaluators, groupings, self._scale, resampling=self.resampling)

    def _slope_to_use(self, metric: str) -> Slope | None:
        """The slope, where differences of the metric may be said in people's points.

        A metric that sorts less well than a person may still have a clear slope: noise makes its interval wider and
        its points no less true. Where the order of the images is no better than chance, a clear slope is chance as
        well, and where it ranks checkpoints against people, points would have the wrong sign: there are none then.
        """
        found = self.slope(metric)
        return None if found is None or self.agreement(metric).sorts == "no" else found

    def gate(
        self,
        candidate: str,
        against: str,
        metrics: Sequence[str] = (),
        primary: str = "",
        least_drops: Mapping[str, float] | None = None,
    ) -> StudyGate:
        """Judge a checkpoint against another one.

        Parameters
        ----------
        candidate : str
            MODEL/CHECKPOINT, or one of the two.
        against : str
            The same, or ``previous`` (by step) or ``best`` (by the primary metric, or the one metric there is).
        metrics : sequence of str
            Which decide; all that have scores unless given.
        primary : str
            See `calibration.decision.gate.gate`; ``people`` for the ratings themselves.
        least_drops : mapping of str to float
            In each metric's own units.

        Raises
        ------
        InputError
            See `calibration.decision.gate.gate` and `Checkpoints.pairs`; and where the two checkpoints' scores were
            made in different ways.
        """
        new = self.checkpoints.find(candidate)
        old, among = self._baseline(new, against, primary, metrics)
        if new == old:
            raise InputError(f"{new} is both candidate and baseline; name two checkpoints.")
        pairs = self.checkpoints.pairs(new, old)
        notes = self._notes_on(metrics)
        drops = dict(least_drops or {})
        self._check_drops(drops, metrics)
        given = []
        for name in self._chosen(metrics):
            self._refuse_mixed(name, pairs)
            scores = self.scores_of(name)
            if not scores.reindex(pairs["candidate"]).notna().any():
                notes.append(f"{name} has no scores of {new}, so it does not count; humangrade score computes them.")
                continue
            given.append(
                Pairs(
                    metric=name,
                    direction=self.directions[name],
                    candidate=scores.reindex(pairs["candidate"]),
                    baseline=scores.reindex(pairs["baseline"]),
                    prompts=pairs["prompt"],
                    least_drop=drops.get(name),
                    slope=self._slope_to_use(name),
                )
            )
        if not metrics or PEOPLE in metrics or primary == PEOPLE:
            rated = self._rated_pairs(pairs, drops.get(PEOPLE), is_asked=PEOPLE in (*metrics, primary))
            given += [rated] if rated is not None else []
        if not given:
            raise InputError(f"Neither scores nor ratings are there of {new} and {old}; run humangrade score first.")
        agreements = {each.metric: self.agreement(each.metric) for each in given if each.metric != PEOPLE}
        found = gate(given, primary, self.resampling.seed, among)
        return StudyGate(new, old, pairs, found, self.task, tuple(notes), among, agreements)

    def best(self, metric: str = "", run: str = "") -> StudyBest:
        """The checkpoint that is best by a metric, by people, or by both.

        Parameters
        ----------
        metric : str
            A metric; ``people`` for the ratings; METRIC+people for the metric over all images, corrected by people's
            ratings of some of them. The ratings unless given, or else the one metric there is.
        run : str
            The run whose checkpoints are compared; may be left out where there is one.

        Raises
        ------
        InputError
            Where there are fewer than two checkpoints or five shared prompts, or nothing to compare them by.
        """
        chosen = self._of_run(run)
        self.checkpoints.refuse_without_seeds(chosen, "no best checkpoint can be told")
        by = metric or self._usual()
        name, _, people = by.partition("+")
        if by == PEOPLE:
            parts, turned, unit = self._by_people(chosen), False, "rating steps"
        elif people and people != PEOPLE:
            raise InputError(f"'{by}' is no measure; say METRIC, {PEOPLE} or METRIC+{PEOPLE}.")
        else:
            self._chosen([name])
            turned = self.directions[name] == "lower" and not people
            unit = "rating steps" if people else "the metric's units"
            parts = self._both(chosen, name) if people else self._by_metric(chosen, name)
        valued = parts[0].counts.sum(axis=(0, 2)) > 0
        parts = [part.of_prompts(valued) for part in parts]
        if valued.sum() < FEWEST_PROMPTS:
            raise InputError(
                f"The checkpoints share {counted(int(valued.sum()), 'prompt')} with values by {by}; the best one is "
                f"found on {FEWEST_PROMPTS} prompts or more."
            )
        empty = [str(one) for k, one in enumerate(chosen) if not all(part.counts[:, :, k].sum() for part in parts)]
        if empty:
            raise InputError(f"There is no value by {by} of {listed(empty)}; score or rate its images.")
        least = LEAST_DROP if unit == "rating steps" else LEAST_DEVIATIONS * self._deviation(name)
        found = best_checkpoint(parts, [least], self.resampling)
        given = self._cube.index if by == PEOPLE and self._cube is not None else self.scores_of(name).index
        images = int(self.checkpoints.of_prompts(chosen, pd.Series(1.0, index=given))[1].sum())
        known = None if by == PEOPLE else self.agreement(name)
        return StudyBest(by, tuple(chosen), found, unit, turned, images, tuple(self._notes_on([name])), known)

    def _notes_on(self, metrics: Sequence[str]) -> list[str]:
        return [*self.notes, *(str(note) for name in metrics or self.metrics for note in self._notes.get(name, ()))]

    def _baseline(
        self, candidate: Checkpoint, against: str, primary: str, metrics: Sequence[str]
    ) -> tuple[Checkpoint, int]:
        """The baseline, and among how many checkpoints the scores chose it."""
        if against == "previous":
            return self.checkpoints.previous(candidate), 1
        if against != "best":
            return self.checkpoints.find(against), 1
        if candidate.is_base:
            raise InputError(
                f"{candidate} is what the others were trained from; name the checkpoint to compare it with."
            )
        others = [one for one in self.checkpoints.runs()[candidate.model] if one != candidate]
        if len(others) < 2:
            return (others or [self.checkpoints.previous(candidate)])[0], 1
        by = primary or (metrics[0] if len(metrics) == 1 else self._usual("primary"))
        found = self.best(by, candidate.model)
        without = [k for k, one in enumerate(found.checkpoints) if one != candidate]
        return found.checkpoints[max(without, key=lambda k: (found.best.means[k], -k))], len(without)

    def _usual(self, option: str = "metric") -> str:
        if self._cube is not None:
            return PEOPLE
        if len(self.metrics) != 1:
            known = listed(self.metrics) if self.metrics else "none yet"
            raise InputError(f"Say by which metric ({parameter(option)}); the study has scores by {known}.")
        return self.metrics[0]

    def _of_run(self, run: str) -> list[Checkpoint]:
        runs = self.checkpoints.runs()
        if run and run not in runs:
            raise InputError(f"There is no run '{run}'; the runs are {listed(sorted(runs, key=natural_order))}.")
        if not run and len(runs) != 1:
            names = listed(sorted(runs, key=natural_order))
            raise InputError(f"The study has {counted(len(runs), 'run')}: {names}; say which with {parameter('run')}.")
        chosen = runs[run or next(iter(runs))]
        if len(chosen) < 2:
            raise InputError(f"{chosen[0]} is the only checkpoint of its run; there is nothing to choose from.")
        return chosen

    def _chosen(self, metrics: Sequence[str]) -> list[str]:
        strange = [name for name in metrics if name not in self.metrics and name != PEOPLE]
        if strange:
            known = listed(self.metrics) if self.metrics else "none yet"
            raise InputError(f"There are no scores by {listed(quoted(strange))}; the study has scores by {known}.")
        return [name for name in (metrics or self.metrics) if name != PEOPLE]

    def _refuse_mixed(self, metric: str, pairs: pd.DataFrame) -> None:
        if "signature" not in self._scores.columns:
            return
        rows = self._scores[self._scores["metric"] == metric].set_index("item")["signature"]
        both = rows[rows.index.isin([*pairs["candidate"], *pairs["baseline"]])].fillna("")
        if both.nunique() > 1:
            raise InputError(
                f"{metric}: the two checkpoints' images were scored in {both.nunique()} different ways (another "
                "network, other weights or options), so their scores cannot be compared; score them again together."
            )

    def _check_drops(self, drops: Mapping[str, float], metrics: Sequence[str]) -> None:
        judged = [*self._chosen(metrics), *([PEOPLE] if self._cube is not None else [])]
        strange = sorted(set(drops) - set(judged))
        if strange:
            raise InputError(
                f"{parameter('least_drop')} names {listed(quoted(strange))}, by which nothing is judged here; the gate "
                f"judges by {listed(judged) if judged else 'nothing yet'}."
            )
        for name, drop in drops.items():
            if not 0 < drop < np.inf:
                raise InputError(
                    f"{parameter('least_drop')} of {name} is {drop:g}; a drop is a number above 0, in the units of "
                    f"{name}, whichever end of it is better."
                )

    def _rated_pairs(self, pairs: pd.DataFrame, least_drop: float | None, is_asked: bool) -> Pairs | None:
        """The ratings as if a metric had given them, where nearly all of the pairs were rated on both sides."""
        if self._cube is None:
            if is_asked:
                raise InputError("There are no ratings yet; judge by metrics alone, or let people rate.")
            return None
        means = self._cube.mean(axis=1)
        new, old = means.reindex(pairs["candidate"]).to_numpy(), means.reindex(pairs["baseline"]).to_numpy()
        rated = ~np.isnan(new) & ~np.isnan(old)
        if rated.mean() < 1 - MOST_MISSING:
            if is_asked:
                raise InputError(
                    f"Of {len(pairs):,} pairs people rated {rated.sum():,} on both sides, and the gate by {PEOPLE} "
                    f"takes {1 - MOST_MISSING:.0%} at least; let them rate the others, or judge by metrics."
                )
            return None
        direction: Direction = "higher"
        return Pairs(PEOPLE, direction, new, old, pairs["prompt"], least_drop, _UNIT_SLOPE)

    def _by_metric(self, chosen: Sequence[Checkpoint], name: str) -> list[Part]:
        sign = 1.0 if self.directions[name] == "higher" else -1.0
        sums, counts, _ = self.checkpoints.of_prompts(chosen, sign * self.scores_of(name))
        return [Part(sums[None], counts[None])]

    def _by_people(self, chosen: Sequence[Checkpoint]) -> list[Part]:
        if self._cube is None:
            raise InputError("There are no ratings yet; say by which metric, or let people rate.")
        return self._part_of(self._cube, chosen)

    def _part_of(self, cube: pd.DataFrame, chosen: Sequence[Checkpoint]) -> list[Part]:
        tables = [self.checkpoints.of_prompts(chosen, cube[person]) for person in cube.columns]
        return [Part(np.stack([each[0] for each in tables]), np.stack([each[1] for each in tables]))]

    def _both(self, chosen: Sequence[Checkpoint], name: str) -> list[Part]:
        """The metric's prediction of all images, and what people's ratings of some of them add to it."""
        if self._cube is None:
            raise InputError(f"There are no ratings yet; say --metric {name} alone, or let people rate.")
        means, scores = self._cube.mean(axis=1), self.scores_of(name)
        known = means.index.intersection(scores.index)
        if len(known) < 20 or scores.reindex(known).std() == 0:
            raise InputError(f"Only {len(known)} images have ratings and a score by {name}; both together take 20.")
        slope, start = np.polyfit(scores.reindex(known), means.reindex(known), 1)
        predicted = start + slope * scores
        sums, counts, _ = self.checkpoints.of_prompts(chosen, predicted)
        residuals = self._cube.sub(predicted.reindex(self._cube.index), axis=0)
        return [Part(sums[None], counts[None]), *self._part_of(residuals, chosen)]

    def _deviation(self, name: str) -> float:
        return float(self.scores_of(name).std())


def _one_task(ratings: pd.DataFrame | None, task: str) -> tuple[str, pd.DataFrame | None]:
    if ratings is None or ratings.empty:
        if task:
            raise InputError(f"Nobody has rated '{task}'; leave {parameter('task')} out to judge by metrics alone.")
        return "", None
    tasks = [str(name) for name in ratings["task"].unique()] if "task" in ratings.columns else [""]
    if task and task not in tasks:
        raise InputError(f"There is no task '{task}'; people rated {listed(quoted(tasks))}.")
    if not task and len(tasks) > 1:
        raise InputError(f"People rated {listed(quoted(tasks))}; say whose ratings count with {parameter('task')}.")
    name = task or tasks[0]
    return name, ratings if "task" not in ratings.columns else ratings[ratings["task"].astype(str) == name]


_UNIT_SLOPE = Slope(1.0, 1.0, 1.0, np.ones(1), 0)  # the ratings are in people's points themselves
