"""What a notebook needs to decide on checkpoints: tables in, the gate and the best checkpoint as tables out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from calibration.api import read_items, read_ratings, read_scores
from calibration.core.resampling import Resampling
from calibration.decision.best import NEVER
from calibration.decision.found import StudyBest, StudyGate
from calibration.decision.from_tables import StudyTables
from calibration.decision.gate import MetricGate
from calibration.scale import LIKERT, Scale, scale_given
from calibration.settings import Settings
from calibration.tables.given import Source
from metrics.text import names_of


def judge_gate(
    items: Source,
    scores: Source,
    ratings: Source | None = None,
    *,
    candidate: str,
    against: str = "previous",
    metrics: str | Sequence[str] = (),
    primary: str = "",
    least_drops: Mapping[str, float] | None = None,
    task: str = "",
    scale: Scale | str = LIKERT,
    lower_is_better: str | Sequence[str] = (),
    higher_is_better: str | Sequence[str] = (),
    seed: int = 0,
    draws: int = Settings.draws,
) -> pd.DataFrame:
    """Is a checkpoint worse than another one, on the same prompts and seeds?

    Parameters
    ----------
    items, scores, ratings : path or DataFrame
        As for `calibration.calibrate`; items has prompt and seed, model or checkpoint or both and, where known, step.
        Ratings, where there are any, give people's points, and say whether each metric sorts as people do.
    candidate, against : str
        MODEL/CHECKPOINT, or one of the two; `against` may be ``previous`` (by step) or ``best``.
    metrics, primary, least_drops
        See `calibration.decision.from_tables.StudyTables.gate`.
    task : str
        Whose ratings count, where there are several tasks.
    scale, lower_is_better, higher_is_better, seed, draws
        As for `calibration.calibrate`.

    Returns
    -------
    DataFrame
        A row a metric: metric, verdict (worse, not worse, cannot tell), estimate with low and high (95 %) in units of
        `unit`, where below 0 is worse, least_drop in the same, p and adjusted_p, difference with its interval
        difference_low and difference_high in the metric's own units with the better end up, pairs, prompts, missing,
        images_to_find and images_to_clear (see `calibration.decision.gate.MetricGate`; missing where they are not
        known), and sorts: whether the metric sorts images and ranks checkpoints as people do (yes, with care, no;
        missing where that is not known). ``attrs`` has verdict, candidate, baseline, chosen_among and notes.

    Raises
    ------
    InputError
        See `calibration.decision.from_tables.StudyTables.gate`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> images = [(step, prompt) for step in (300, 600) for prompt in range(20)]
    >>> items = pd.DataFrame(images, columns=["checkpoint", "prompt"]).astype(str).assign(model="anna", seed="1")
    >>> items["item"] = items["checkpoint"] + "/" + items["prompt"]
    >>> scores = items[["item"]].assign(aesthetic=np.repeat([5.0, 4.0], 20) + 0.5 * rng.normal(size=40))
    >>> found = judge_gate(items, scores, candidate="600")
    >>> found[["metric", "verdict", "unit"]].values.tolist(), found.attrs["baseline"]
    ([['aesthetic', 'worse', 'standard deviations']], 'anna/300')
    """
    tables = _tables(items, scores, ratings, task, scale, lower_is_better, higher_is_better, seed, draws)
    return gate_frame(tables.gate(candidate, against, names_of(metrics, "metrics"), primary, least_drops))


def gate_frame(found: StudyGate) -> pd.DataFrame:
    """A gate as `judge_gate` gives it."""
    sorts = {name: each.sorts for name, each in found.agreements.items()}
    table = pd.DataFrame([_row(each) | {"sorts": sorts.get(each.metric)} for each in found.gate.metrics])
    table.attrs = {
        "verdict": found.gate.verdict,
        "candidate": str(found.candidate),
        "baseline": str(found.baseline),
        "chosen_among": found.chosen_among,
        "notes": list(found.notes),
    }
    return table


def find_best(
    items: Source,
    scores: Source,
    ratings: Source | None = None,
    *,
    metric: str = "",
    run: str = "",
    task: str = "",
    scale: Scale | str = LIKERT,
    lower_is_better: str | Sequence[str] = (),
    higher_is_better: str | Sequence[str] = (),
    seed: int = 0,
    draws: int = Settings.draws,
) -> pd.DataFrame:
    """Which checkpoints of a run may be the best, and what is the winner worth?

    Parameters
    ----------
    items, scores, ratings : path or DataFrame
        As for `judge_gate`.
    metric : str
        A metric, ``people``, or METRIC+people; the ratings unless given, or else the one metric there is.
    run : str
        The model whose checkpoints are compared, where there are several.
    task, scale, lower_is_better, higher_is_better, seed, draws
        As for `judge_gate`.

    Returns
    -------
    DataFrame
        A row a checkpoint, by step: checkpoint, step (missing where the order is by epoch), mean with low and high
        (95 %, of that checkpoint alone), may_be_best (the set holds the best with 95 % confidence) and is_winner (the
        highest mean; of equal ones the earliest). ``attrs`` has by, unit, winner, its value with value_low and
        value_high, without what chance adds by choosing it (the highest of several means is too high, and is not its
        value), prompts, images, people (who rated; 1 by a metric), least_difference and prompts_to_tell (so many would
        tell checkpoints apart that differ by it; missing where people differ too much for any number of prompts), sorts
        and notes.

    Raises
    ------
    InputError
        See `calibration.decision.from_tables.StudyTables.best`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> images = [(step, prompt) for step in (300, 600, 900) for prompt in range(20)]
    >>> items = pd.DataFrame(images, columns=["checkpoint", "prompt"]).astype(str).assign(model="anna", seed="1")
    >>> items["item"] = items["checkpoint"] + "/" + items["prompt"]
    >>> scores = items[["item"]].assign(aesthetic=np.repeat([4.0, 5.0, 5.0], 20) + 0.5 * rng.normal(size=60))
    >>> found = find_best(items, scores)
    >>> found["may_be_best"].tolist(), found.attrs["by"]
    ([False, True, True], 'aesthetic')
    """
    tables = _tables(items, scores, ratings, task, scale, lower_is_better, higher_is_better, seed, draws)
    return best_frame(tables.best(metric, run))


def best_frame(found: StudyBest) -> pd.DataFrame:
    """What was found as `find_best` gives it."""
    best, sign = found.best, -1.0 if found.is_turned else 1.0

    def turned(low: Any, high: Any) -> tuple[Any, Any]:
        return (-high, -low) if found.is_turned else (low, high)

    low, high = turned(best.low, best.high)
    places = range(len(found.checkpoints))
    table = pd.DataFrame(
        {
            "checkpoint": [str(one) for one in found.checkpoints],
            "step": [np.nan if one.is_by_epoch else one.step for one in found.checkpoints],
            "mean": sign * best.means,
            "low": low,
            "high": high,
            "may_be_best": [place in best.may_be_best for place in places],
            "is_winner": [place == best.winner for place in places],
        }
    )
    value_low, value_high = turned(best.value_low, best.value_high)
    (least, prompts), *_ = best.prompts_to_tell.items()
    table.attrs = {
        "by": found.by,
        "unit": found.unit,
        "winner": str(found.checkpoints[best.winner]),
        "value": sign * best.value,
        "value_low": value_low,
        "value_high": value_high,
        "prompts": best.prompts,
        "images": found.images,
        "least_difference": least,
        "people": best.people,
        "prompts_to_tell": np.nan if prompts == NEVER else prompts,
        "sorts": found.agreement.sorts if found.agreement else None,
        "notes": list(found.notes),
    }
    return table


def _tables(
    items: Source,
    scores: Source,
    ratings: Source | None,
    task: str,
    scale: Scale | str,
    lower: str | Sequence[str],
    higher: str | Sequence[str],
    seed: int,
    draws: int,
) -> StudyTables:
    of = scale_given(scale)
    return StudyTables(
        read_items(items),
        read_scores(scores),
        None if ratings is None else read_ratings(ratings, scale=of),
        task,
        of,
        names_of(lower, "lower_is_better"),
        names_of(higher, "higher_is_better"),
        Resampling(draws, seed),
    )


def _row(found: MetricGate) -> dict[str, Any]:
    return {
        "metric": found.metric,
        "verdict": found.verdict,
        "estimate": found.estimate,
        "low": found.estimate_low,
        "high": found.estimate_high,
        "unit": found.drop.unit,
        "least_drop": found.drop.least,
        "p": found.p,
        "adjusted_p": found.adjusted_p,
        "difference": found.flips.mean,
        "difference_low": found.low,
        "difference_high": found.high,
        "pairs": found.flips.pairs,
        "prompts": found.flips.prompts,
        "missing": found.missing,
        "images_to_find": found.images_to_find if found.images_to_find >= 0 else np.nan,
        "images_to_clear": found.images_to_clear if found.images_to_clear >= 0 else np.nan,
    }
