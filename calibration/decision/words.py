"""What the gate says in sentences: each is a claim, held against the figures by a test."""

import math
from collections.abc import Sequence

from calibration.decision.agreement import Agreement
from calibration.decision.found import PEOPLE, StudyGate
from calibration.decision.gate import ALPHA, MetricGate
from calibration.decision.sign_flips import SignFlips
from calibration.metric.facts import titles_of
from calibration.page.score_digits import score_text
from metrics.text import counted, listed

MEANING = (
    "Rating steps are people's points: a metric's difference divided by how much the metric moves where people's "
    "opinion of an image moves by one step. Below 0 is worse, whichever end of a metric is better."
)
"""What the numbers are."""

_SAID: dict[str, str] = {
    "no": "does not sort images as people do",
    "with care": "is not shown to sort images as well as a person",
    "ranks checkpoints as people do": "ranks checkpoints against people",
    "tells one model's images apart": "is not shown to sort one checkpoint's images as people do",
}


def gate_verdict(found: StudyGate) -> str:
    """The answer in one sentence.

    Parameters
    ----------
    found : StudyGate

    Returns
    -------
    str

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from calibration.decision.from_tables import StudyTables
    >>> items = pd.DataFrame({"item": [f"i{k}" for k in range(40)], "model": "anna", "seed": "1"})
    >>> items["checkpoint"], items["prompt"] = np.repeat(["300", "600"], 20), [f"p{k % 20}" for k in range(40)]
    >>> scores = pd.DataFrame({"item": items["item"], "metric": "clip_score", "score": np.arange(40.0) % 20})
    >>> scores.loc[20:, "score"] -= np.linspace(2, 5, 20)
    >>> gate_verdict(StudyTables(items, scores).gate("600", "300"))
    'anna/600 is worse than anna/300 by CLIP-score.'
    """
    said = {word: [one for one in deciding(found) if one.verdict == word] for word in ("worse", "cannot tell")}
    pair = f"{found.candidate} {{}}worse than {found.baseline}"
    if found.gate.verdict == "worse":
        return f"{pair.format('is ')} by {_all_named(said['worse'], found)}."
    if found.gate.verdict == "not worse":
        return f"{pair.format('is not ')} by {_all_named(deciding(found), found)}."
    by = _all_named(said["cannot tell"], found)
    start = f"Whether {pair.format('is ')} cannot be told by {by}"
    would = [images_that_tell(one) for one in said["cannot tell"]]
    there = max(one.flips.pairs for one in said["cannot tell"])
    if None in would:
        return f"{start}: there are too few prompts."
    images = max(number for number in would if number is not None)
    if images <= there:
        return f"{start}: the difference lies too near the least drop, though there are as many images as usually tell."
    alone = " for each of them by itself" if len(would) > 1 else ""  # all at once are told less often than each
    hardest = said["cannot tell"][would.index(images)]
    return (
        f"{start}: about {images:,} images of {prompts_of(images, hardest):,} prompts usually would{alone}, and there "
        f"are {there:,} of {hardest.flips.prompts:,}."
    )


def deciding(found: StudyGate) -> list[MetricGate]:
    """The metrics whose verdicts are the gate's: the primary one, or all."""
    primary = found.gate.primary
    return [one for one in found.gate.metrics if not primary or one.metric == primary]


def images_that_tell(metric: MetricGate) -> int | None:
    """How many images would find a drop of twice the least one, and clear where nothing dropped, in 80 % of cases each.

    Rounded up to two digits; None where there are too few prompts to say so.
    """
    if metric.images_to_find < 0 or not math.isfinite(metric.low):
        return None
    return about(max(metric.images_to_find, metric.images_to_clear))


def prompts_of(images: int, metric: MetricGate) -> int:
    """Of how many prompts so many images are, with as many of each as now: more of the same prompts tell less."""
    return math.ceil(images * metric.flips.prompts / metric.flips.pairs)


def gate_line(metric: MetricGate, found: StudyGate) -> str:
    """All of one metric's answer: verdict, difference, interval, p, least drop, pairs, and what would tell.

    Parameters
    ----------
    metric : MetricGate
        One of `found`.
    found : StudyGate

    Returns
    -------
    str
    """
    parts = [f"{named(metric, found)}: {verdict_of(metric, found)}", *gate_parts(metric, found)]
    return ". ".join(parts) + "."


def verdict_of(metric: MetricGate, found: StudyGate) -> str:
    """Its verdict, and of the primary metric among others that it decides."""
    decides = found.gate.primary == metric.metric and len(found.gate.metrics) > 1
    return f"{metric.verdict}{'; it decides' if decides else ''}"


def gate_parts(metric: MetricGate, found: StudyGate) -> list[str]:
    """What stands behind its verdict: sentences without their full stops."""
    parts = [
        f"Difference {difference(metric)}",
        f"{p_values(metric, found)}; {least_drop(metric, found)}",
        pairs_of(metric),
    ]
    return [*parts, what_would_tell(metric, found)] if metric.verdict == "cannot tell" else parts


def difference(metric: MetricGate) -> str:
    """The estimate with its interval, in rating steps or deviations, and always in the metric's own units."""
    mean, within = signed(metric.flips.mean), _within(metric.low, metric.high)
    if metric.metric == PEOPLE:
        return f"{mean} rating steps{within}"
    if metric.drop.unit == "the metric's units":
        return f"{mean} in its own units{within}"
    estimate = f"{signed(metric.estimate)} {unit_of(metric)}{_within(metric.estimate_low, metric.estimate_high)}"
    return f"{estimate}, {mean} in its own units{within.replace('95 % interval ', '')}"


def p_values(metric: MetricGate, found: StudyGate) -> str:
    """The p-value for a drop, and the one that holds for all that was tried."""
    p = f"p {p_text(metric.p)}"
    others = [one for one in found.gate.metrics if one.metric != found.gate.primary]
    reasons = []
    if found.chosen_among > 1:
        reasons.append(f"the baseline being the best of {found.chosen_among:,}")
    if metric.metric != found.gate.primary and len(others) > 1:
        reasons.append(f"{counted(len(others), 'metric')} being tried")
    if not reasons:
        return p
    return f"{p}, {p_text(metric.adjusted_p)} with {listed(reasons)}"


def least_drop(metric: MetricGate, found: StudyGate) -> str:
    """From where on a drop counts, and where that comes from."""
    drop = metric.drop
    if drop.unit == "the metric's units":
        unit = " rating steps" if metric.metric == PEOPLE else ""
        return f"a drop counts from {number(drop.least)}{unit} on, as stated"
    if metric.metric == PEOPLE:
        return f"a drop counts from {number(drop.least)} rating steps on"
    scale = scale_of(metric)
    own = f" ({number(drop.least * scale)} in its own units)" if scale else ""
    counts = f"a drop counts from {number(drop.least)} {unit_of(metric)} on{own}"
    if drop.unit == "rating steps":
        return counts
    if is_of_sets(metric):
        return (
            f"{counts}, a standard deviation being that of images whose mean is as uncertain as the baseline's distance"
        )
    if not found.task:
        return f"{counts}, as no ratings say what people would notice"
    return f"{counts}, as the ratings do not tell how it moves with people's opinion"


def scale_of(metric: MetricGate) -> float | None:
    """How many of the metric's own units one unit of its estimate is; None where the difference is 0."""
    return metric.flips.mean / metric.estimate if metric.estimate else None


def pairs_of(metric: MetricGate) -> str:
    """On how many pairs it rests, and how many lack a score."""
    rests = f"{counted(metric.flips.pairs, 'pair')} of {counted(metric.flips.prompts, 'prompt')}"
    if not metric.missing:
        return rests
    return f"{rests}; {counted(metric.missing, 'more pair')} {'lacks' if metric.missing == 1 else 'lack'} a score"


def what_would_tell(metric: MetricGate, found: StudyGate) -> str:
    """How many images would find a drop, and how many would show that there is none; or why nothing can."""
    prompts = metric.flips.prompts
    if prompts == 1:
        return "One prompt does not tell how far prompts differ; take 6 or more"
    fewest = _prompts_to_find(metric, found)
    if metric.flips.is_exact and prompts < fewest:
        interval = ", and 6 for an interval" if fewest < 6 else ""
        return (
            f"With {counted(prompts, 'prompt')} no drop is told from chance, however large: it takes {fewest}{interval}"
        )
    if not math.isfinite(metric.low):
        return f"{counted(prompts, 'prompt')} are too few for an interval: it takes 6"
    find, clear, there = about(metric.images_to_find), about(metric.images_to_clear), metric.flips.pairs
    if max(find, clear) <= there:
        return f"As many images as these usually tell ({max(find, clear):,}): the difference lies near the least drop"
    unit = "" if metric.drop.unit == "the metric's units" and metric.metric != PEOPLE else f" {unit_of(metric)}"
    alone = "" if metric.metric == found.gate.primary or len(found.gate.metrics) == 1 else ", judged by it alone"
    return (
        f"About {find:,} images of {found.candidate}, of {prompts_of(find, metric):,} prompts, would find a drop of "
        f"{number(2 * metric.drop.least)}{unit} in 80 % of cases, and {clear:,} of {prompts_of(clear, metric):,} would "
        f"show that nothing dropped by {number(metric.drop.least)}{alone}"
    )


def _prompts_to_find(metric: MetricGate, found: StudyGate) -> int:
    """The fewest prompts with which this metric could be called worse at all: one of 2^n patterns is p's least."""
    others = [one for one in found.gate.metrics if one.metric != found.gate.primary]
    tried = float(found.chosen_among)
    if metric.metric != found.gate.primary and len(others) > 1:  # all of them as low: Benjamini-Yekutieli's factor
        tried *= sum(1 / rank for rank in range(1, len(others) + 1))
    return math.floor(math.log2(tried / ALPHA)) + 1


def gate_notes(found: StudyGate) -> list[str]:
    """What else is to be known of a gate's answer."""
    notes = list(found.notes)
    if found.chosen_among > 1:
        notes.append(
            f"{found.baseline} is the best of {found.chosen_among:,} checkpoints by these scores, and chance helped "
            "it; p-values are adjusted for that, the difference is not and may look too large."
        )
    if any(one.drop.unit == "rating steps" and one.metric != PEOPLE for one in found.gate.metrics):
        notes.append(MEANING)
    else:
        notes.append("Below 0 is worse, whichever end of a metric is better.")
    if not found.task:
        notes.append(
            "Nobody has rated this study, so nothing says whether these metrics see what people see: humangrade serve "
            "and report tell."
        )
    unknown = [one for one in found.gate.metrics if (known := found.agreements.get(one.metric)) and known.sorts is None]
    if found.task and unknown:
        notes.append(
            f"Whether {_all_named(unknown, found, 'or')} sorts images as people do, these ratings do not tell."
        )
    sets = [one for one in found.gate.metrics if is_of_sets(one)]
    if sets:
        notes.append(
            f"{_all_named(sets, found)} {'judges' if len(sets) == 1 else 'judge'} whole sets and no single image, so "
            "whether people see it so cannot be asked of their ratings."
        )
    alone = [one.checkpoints[0] for one in found.agreements.values() if one.is_of_one_checkpoint]
    if alone:
        notes.append(
            f"People rated images of {alone[0]} only; that a whole checkpoint moves a metric as one image does is "
            "assumed."
        )
    return notes


def _all_named(metrics: Sequence[MetricGate], found: StudyGate, word: str = "and") -> str:
    return listed([named(one, found) for one in metrics], word)


def named(metric: MetricGate, found: StudyGate) -> str:
    """A metric's title, and of one that was calibrated whether it sorts as people do."""
    if metric.metric == PEOPLE:
        return "people's ratings"
    titles = titles_of([one.metric for one in found.gate.metrics])
    return titles[metric.metric] + clause_on(found.agreements.get(metric.metric))


def clause_on(agreement: Agreement | None) -> str:
    """What is to be said of a metric that was calibrated on these ratings, wherever its name stands."""
    if agreement is None or agreement.sorts in ("yes", None):
        return ""
    return f" (which {_SAID.get(agreement.because) or _SAID[agreement.sorts]})"


def unit_of(metric: MetricGate) -> str:
    """What its least drop is counted in, in words; a metric of sets has no standard deviation of images."""
    is_of_images = metric.drop.unit == "standard deviations" and not is_of_sets(metric)
    return "standard deviations of the baseline's images" if is_of_images else metric.drop.unit


def is_of_sets(metric: MetricGate) -> bool:
    """Whether it gives whole sets a number, as FID does, and no single image."""
    return not isinstance(metric.flips, SignFlips)


def _within(low: float, high: float) -> str:
    if not math.isfinite(low) or not math.isfinite(high):
        return ""
    return f" (95 % interval {signed(low)} to {signed(high)})"


def number(value: float) -> str:
    """A figure with three significant digits.

    Examples
    --------
    >>> number(0.123456), number(231.4)
    ('0.123', '231')
    """
    return score_text(value, 3)


def signed(value: float) -> str:
    """A difference with its sign.

    Examples
    --------
    >>> signed(0.25), signed(-0.5), signed(0.0)
    ('+0.25', '−0.5', '0')
    """
    return f"+{number(value)}" if value > 0 else number(value)


def p_text(p: float) -> str:
    """A p-value with two significant digits.

    Examples
    --------
    >>> p_text(0.00012), p_text(0.5)
    ('0.00012', '0.5')
    """
    return f"{p:.2f}".rstrip("0").rstrip(".") if p >= 0.1 else f"{float(f'{p:.2g}'):.6f}".rstrip("0")


def about(count: int) -> int:
    """A number rounded up to two digits: it is an estimate.

    Examples
    --------
    >>> about(7), about(131), about(2410)
    (7, 140, 2500)
    """
    step = 10 ** max(len(str(count)) - 2, 0)
    return -(-count // step) * step
