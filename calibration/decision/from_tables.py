"""The gate and the best checkpoint of a study's tables: items, scores and, where there are any, ratings."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from calibration.decision.best import FEWEST_PROMPTS, Part, best_checkpoint, part_of
from calibration.decision.checkpoints import Checkpoint
from calibration.decision.found import PEOPLE as PEOPLE
from calibration.decision.found import StudyBest as StudyBest
from calibration.decision.found import StudyGate as StudyGate
from calibration.decision.gate import LEAST_DEVIATIONS, LEAST_DROP, MOST_MISSING, Pairs, Sets, gate
from calibration.decision.left_out import left_out, no_scores_of, once, tells_nothing
from calibration.decision.measures import Measures
from calibration.decision.parts import values as values_of
from calibration.decision.sets import SetMetrics
from calibration.decision.slope import Slope
from metrics.errors import InputError, parameter
from metrics.known import Direction
from metrics.text import counted, listed, natural_order, quoted

EVERY_RUN = "*"
"""For `StudyTables.best`: the checkpoints of all runs."""


class StudyTables(Measures):
    """A study's tables, checked, as the gate and the best checkpoint take them; see `Measures` for the parameters.

    Attributes
    ----------
    sets : SetMetrics or None
        What gives FID and KID, where they can be had; they are computed where one of them is named.
    """

    sets: SetMetrics | None = None

    def gate(
        self,
        candidate: str,
        against: str,
        metrics: Sequence[str] = (),
        primary: str = "",
        least_drops: Mapping[str, float] | None = None,
        option: str = "primary",
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
        option : str
            By which parameter the caller lets one metric decide; a message names it.

        Raises
        ------
        InputError
            See `calibration.decision.gate.gate` and `Checkpoints.pairs`; and where the two checkpoints' scores were
            made in different ways.
        """
        new = self.checkpoints.find(candidate)
        old, among = self._baseline(new, against, primary, metrics, option)
        if new == old:
            raise InputError(f"{new} is both candidate and baseline; name two checkpoints.")
        pairs = self.checkpoints.pairs(new, old)
        notes = [*self.notes, *self._notes_on(metrics), *self._notes_on_checkpoints((new, old))]
        drops = dict(least_drops or {})
        self._check_drops(drops, metrics, primary)
        given: list[Pairs | Sets] = []
        aside: list[Pairs | Sets] = []
        reasons: dict[str, tuple[str, str]] = {}
        for name in self._chosen(metrics):
            scores = self.scores_of(name)
            sides = {one: scores.reindex(pairs[side]) for side, one in (("candidate", new), ("baseline", old))}
            without = [str(one) for one, values in sides.items() if not values.notna().any()]
            if without:
                reasons[name] = no_scores_of(without)
                continue
            self._refuse_mixed(name, [*pairs["candidate"], *pairs["baseline"]], "the two checkpoints")
            slope = self.slope_to_use(name, pairs["candidate"])
            ours, theirs = (values.to_numpy(dtype=float) for values in sides.values())
            made = Pairs(name, self.directions[name], ours, theirs, pairs["prompt"], drops.get(name), slope)
            why = ("", "") if name in (*metrics, primary) else tells_nothing(made)
            (aside if any(why) else given).append(made)
            reasons |= {name: why} if any(why) else {}
        notes += left_out(reasons)
        for name in self._chosen_sets((*metrics, primary)):
            assert self.sets is not None
            found_sets = self.sets.difference(name, pairs, self.resampling.seed)
            given.append(replace(found_sets, least_drop=drops.get(name)))
        if not metrics or PEOPLE in metrics or primary == PEOPLE:
            rated = self._rated_pairs(pairs, drops.get(PEOPLE), is_asked=PEOPLE in (*metrics, primary))
            given += [rated] if rated is not None else []
        given = given or aside  # which `gate` refuses: these may be the same images
        if not given:
            raise InputError(f"Neither scores nor ratings are there of {new} and {old}; run humangrade score first.")
        agreements = {each.metric: self.agreement(each.metric) for each in given if each.metric in self.metrics}
        found = gate(given, primary, self.resampling.seed, among)
        return StudyGate(new, old, pairs, found, self.task, tuple(notes), among, agreements)

    def best(self, metric: str = "", run: str = "", without: Sequence[str] = ()) -> StudyBest:
        """The checkpoint that is best by a metric, by people, or by both.

        Parameters
        ----------
        metric : str
            A metric; ``people`` for the ratings; METRIC+people for the metric over all images, corrected by people's
            ratings of some of them. The ratings unless given, or else the one metric there is.
        run : str
            The run whose checkpoints are compared; may be left out where there is one. `EVERY_RUN` for the checkpoints
            of all runs together, on the prompts that all of them share.
        without : sequence of str
            Checkpoints, MODEL/CHECKPOINT, that do not count.

        Raises
        ------
        InputError
            Where there are fewer than two checkpoints or five shared prompts, or nothing to compare them by.
        """
        chosen = self._of_run(run, without)
        self.checkpoints.refuse_without_seeds(chosen, "no best checkpoint can be told")
        by = metric or self._usual()
        name, _, people = by.partition("+")
        if people and people != PEOPLE:
            raise InputError(f"'{by}' is no measure; say METRIC, {PEOPLE} or METRIC+{PEOPLE}.")
        if self._chosen_sets([by]):
            return self._best_by_sets(chosen, by)
        if by == PEOPLE:
            parts, turned, unit = self._by_people(chosen), False, "rating steps"
        else:
            self._refuse_unknown([name])
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
        if np.isnan(values_of(parts, np.ones((1, int(valued.sum()))))).any():
            raise InputError(
                "The images that people rated of these checkpoints do not share enough prompts to compare them all; "
                "let people rate images of the same prompts of each."
            )
        least = LEAST_DROP if unit == "rating steps" else LEAST_DEVIATIONS * self._deviation(chosen, name)
        found = best_checkpoint(parts, [least], self.resampling)
        given = self._cube.index if by == PEOPLE and self._cube is not None else self.scores_of(name).index
        images = int(self.checkpoints.of_prompts(chosen, pd.Series(1.0, index=given))[1].sum())
        known = None if by == PEOPLE else self.agreement(name)
        notes = [*self.notes, *self._notes_on([name]), *self._notes_on_checkpoints(chosen)]
        notes += self._on_rated_part(chosen) if unit == "rating steps" else []
        task = self._task_among_others
        return StudyBest(by, tuple(chosen), found, unit, turned, images, tuple(notes), known, task)

    def _notes_on(self, metrics: Sequence[str]) -> list[str]:
        return once({name: self._notes.get(name, ()) for name in metrics or self.metrics})

    def _notes_on_checkpoints(self, chosen: Sequence[Checkpoint]) -> list[str]:
        return [*self.checkpoints.on_order(chosen), *self.checkpoints.not_shared(chosen)]

    def _on_rated_part(self, chosen: Sequence[Checkpoint]) -> list[str]:
        """A note where people rated some of the images only."""
        assert self._cube is not None
        every, rated = (
            int(self.checkpoints.of_prompts(chosen, pd.Series(1.0, index=items))[1].sum())
            for items in (self._items["item"], self._cube.index)
        )
        if rated >= (1 - MOST_MISSING) * every:
            return []
        return [
            f"People rated {rated:,} of {counted(every, 'image')} of these checkpoints; that these stand for the "
            "others is assumed, so let chance, and not how images look, say which are rated."
        ]

    def _baseline(
        self, candidate: Checkpoint, against: str, primary: str, metrics: Sequence[str], option: str
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
        by = primary or (metrics[0] if len(metrics) == 1 else self._usual(option))
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

    def _of_run(self, run: str, without: Sequence[str] = ()) -> list[Checkpoint]:
        runs = self.checkpoints.runs()
        if run and run not in (*runs, EVERY_RUN):
            raise InputError(f"There is no run '{run}'; the runs are {listed(sorted(runs, key=natural_order))}.")
        if not run and len(runs) != 1:
            names = listed(sorted(runs, key=natural_order))
            raise InputError(f"The study has {counted(len(runs), 'run')}: {names}; say which with {parameter('run')}.")
        if run == EVERY_RUN and run not in runs:
            every = [one for each in runs.values() for one in each]
            found = sorted(every, key=lambda one: one.step)  # of equal means the earliest step counts
        else:
            found = runs[run or next(iter(runs))]
        chosen = [one for one in found if str(one) not in without]
        if not chosen:
            raise InputError("There is no checkpoint to choose from.")
        if len(chosen) < 2:
            raise InputError(f"{chosen[0]} is the only checkpoint of its run; there is nothing to choose from.")
        return chosen

    def _best_by_sets(self, chosen: Sequence[Checkpoint], by: str) -> StudyBest:
        """The best by FID or KID: the prompts' parts of it stand in the place of their scores."""
        assert self.sets is not None
        images = self.checkpoints.alike(chosen)
        notes = (*self.notes, *self._notes_on_checkpoints(chosen))
        _, values = self.sets.prompt_values(by, images)
        deviation = float(values.std(axis=0, ddof=1).mean() * np.sqrt(len(images) / len(values)))
        found = best_checkpoint([part_of(-values)], [LEAST_DEVIATIONS * deviation], self.resampling)
        return StudyBest(by, tuple(chosen), found, "the metric's units", True, len(images) * len(chosen), notes)

    def _chosen(self, metrics: Sequence[str]) -> list[str]:
        self._refuse_unknown(metrics, [PEOPLE, *(self.sets.names if self.sets is not None else ())])
        return [name for name in (metrics or self.metrics) if name in self.metrics]

    def _chosen_sets(self, names: Sequence[str]) -> list[str]:
        """The metrics of sets among these."""
        known = () if self.sets is None else self.sets.names
        return [name for name in dict.fromkeys(names) if name in known and name not in self.metrics]

    def _refuse_mixed(self, metric: str, items: Sequence[str], whose: str) -> None:
        ways = self.made_by(metric, items)
        if len(ways) > 1:
            raise InputError(
                f"{metric}: {whose}' images were scored in {len(ways)} different ways (another network, other weights "
                "or options), so their scores cannot be compared; score them again together."
            )

    def _check_drops(self, drops: Mapping[str, float], metrics: Sequence[str], primary: str) -> None:
        judged = [*self._chosen(metrics), *self._chosen_sets((*metrics, primary))]
        judged += [PEOPLE] if self._cube is not None else []
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
        return [self._complete(chosen, name, sign * self.scores_of(name))]

    def _complete(self, chosen: Sequence[Checkpoint], name: str, values: pd.Series) -> Part:
        """The means over the prompts' images of which every checkpoint has a value, so that like is set against like.

        Each prompt counts once, as in the gate.
        """
        images = self.checkpoints.alike(chosen)
        self._refuse_mixed(name, images.drop(columns="prompt").to_numpy().ravel().tolist(), "the checkpoints")
        table = (
            np.column_stack([values.reindex(images[str(one)]) for one in chosen]) if len(images) else np.empty((0, 1))
        )
        lacking = np.isnan(table)
        for place, one in enumerate(chosen):
            missing = int(lacking[:, place].sum()) if len(images) else 0
            if MOST_MISSING * len(images) < missing < len(images):
                raise InputError(
                    f"{name}: {missing:,} of the {len(images):,} images of {one} lack a score or are not there, and "
                    f"{MOST_MISSING:.0%} may, because what is missing may be what is bad; score or draw them."
                )
        whole = pd.DataFrame(table).assign(prompt=images["prompt"])[~lacking.any(axis=1)]
        shared = self.checkpoints.of_prompts(chosen, values)[2]
        means = whole.groupby("prompt").mean().reindex(shared).to_numpy()
        return part_of(means.reshape(len(shared), len(chosen)))

    def _by_people(self, chosen: Sequence[Checkpoint]) -> list[Part]:
        if self._cube is None:
            raise InputError("There are no ratings yet; say by which metric, or let people rate.")
        return self._part_of(self._cube, chosen)

    def _part_of(self, cube: pd.DataFrame, chosen: Sequence[Checkpoint]) -> list[Part]:
        tables = [self.checkpoints.of_prompts(chosen, cube[person]) for person in cube.columns]
        sums, counts = (np.stack([each[which] for each in tables]) for which in (0, 1))
        who = counts.any(axis=(1, 2))  # some may have rated other checkpoints alone
        return [Part(sums[who], counts[who], self._leniency[who])]

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
        residuals = self._cube.sub(predicted.reindex(self._cube.index), axis=0)
        return [self._complete(chosen, name, predicted), *self._part_of(residuals, chosen)]

    def _deviation(self, chosen: Sequence[Checkpoint], name: str) -> float:
        images = self.checkpoints.alike(chosen).drop(columns="prompt").to_numpy().ravel()
        values = self.scores_of(name).reindex(images).dropna()
        if values.nunique() < 2:
            raise InputError(f"{name} gives all images of these checkpoints one score, so it tells none of them apart.")
        return float(values.std())


_UNIT_SLOPE = Slope(1.0, 1.0, 1.0, np.ones(1), 0)  # the ratings are in people's points themselves
