"""The pairs of images on which a candidate did worst beside its baseline, on one page that opens offline."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from calibration.decision.found import PEOPLE, StudyGate
from calibration.decision.from_tables import StudyTables
from calibration.decision.gate import MetricGate
from calibration.decision.words import (
    deciding,
    difference,
    gate_notes,
    gate_parts,
    gate_verdict,
    is_of_sets,
    named,
    number,
    signed,
    verdict_of,
)
from calibration.page.gallery import Thumbnails
from calibration.page.html import page_source, policy_hash, templates_in
from metrics import __version__
from metrics.errors import for_command_line
from study.folder.study import Study

PICTURE_BYTES = 2_400_000
"""Of the page, for all small pictures together, at most."""

SIDE = 320
"""Pixels of a small picture at most, wide and high."""

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class WorstPair:
    """Two images of one prompt and seed, and their scores.

    Attributes
    ----------
    prompt, seed : str
    candidate, baseline : str
        Items.
    candidate_score, baseline_score : float
        As the metric gives them; of people the mean ratings.
    difference : float
        Candidate minus baseline, with the sign turned where lower is better: below 0 is worse.
    """

    prompt: str
    seed: str
    candidate: str
    baseline: str
    candidate_score: float
    baseline_score: float
    difference: float


@dataclass(frozen=True)
class ShownPair:
    """A pair for the page: the classes of its pictures, and its numbers in words."""

    pair: WorstPair
    candidate: str | None
    baseline: str | None
    candidate_score: str
    baseline_score: str
    difference: str


@dataclass(frozen=True)
class ShownMetric:
    """A metric for the page."""

    id: str
    name: str
    verdict: str
    difference: str
    behind: list[str]
    pairs: list[ShownPair]
    without: str
    is_open: bool


def worst_of(metric: MetricGate, found: StudyGate, tables: StudyTables) -> list[WorstPair]:
    """A metric's worst pairs, the worst first.

    Parameters
    ----------
    metric : MetricGate
        One of `found`.
    found : StudyGate
    tables : StudyTables
        Of which it was found.

    Returns
    -------
    list of WorstPair
        Ten at most; none that did not drop, and none of a metric of sets, which has no pairs.
    """
    if not len(metric.worst):
        return []
    scores = tables.scores_of(metric.metric)
    sign = -1.0 if metric.metric != PEOPLE and tables.directions[metric.metric] == "lower" else 1.0
    shown = []
    for place in metric.worst:
        row = found.pairs.iloc[int(place)]
        new, old = float(scores[row["candidate"]]), float(scores[row["baseline"]])
        prompt, seed, candidate, baseline = (str(row[name]) for name in ("prompt", "seed", "candidate", "baseline"))
        shown.append(WorstPair(prompt, seed, candidate, baseline, new, old, sign * (new - old)))
    return shown


def render_worst_pairs(found: StudyGate, tables: StudyTables, images: Mapping[str, Path]) -> str:
    """The page.

    Parameters
    ----------
    found : StudyGate
        What `StudyTables.gate` gave.
    tables : StudyTables
        Of which.
    images : mapping of str to Path
        Image files by item; one that cannot be read is shown by its name.

    Returns
    -------
    str
        One HTML document without any outside reference; the same gate gives the same bytes.
    """
    from markupsafe import Markup

    thumbnails = Thumbnails(images, PICTURE_BYTES, SIDE)
    first = deciding(found)
    ordered = [*first, *(one for one in found.gate.metrics if one not in first)]
    worst_first = sorted(ordered, key=lambda one: (one not in first, one.verdict != "worse", one.p))
    metrics = [
        ShownMetric(
            f"metric{place}",
            named(one, found),
            verdict_of(one, found),
            difference(one),
            gate_parts(one, found)[1:],
            [_shown(pair, thumbnails) for pair in worst_of(one, found, tables)],
            "It judges whole sets and no single pair." if is_of_sets(one) else "No pair dropped.",
            place == 0,
        )
        for place, one in enumerate(worst_first)
    ]
    style = "\n".join([page_source("report.css"), _own("worst_pairs.css"), thumbnails.css])
    return (
        templates_in(_TEMPLATES)
        .get_template("worst_pairs.html.j2")
        .render(
            version=__version__,
            found=found,
            verdict=found.gate.verdict,
            sentence=gate_verdict(found),
            metrics=metrics,
            notes=[for_command_line(note) for note in gate_notes(found)],
            pictures_left_out=thumbnails.left_out,
            style=Markup(style),
            style_hash=policy_hash(style),
        )
    )


def image_files(study: Study, found: StudyGate) -> dict[str, Path]:
    """The files of all images of a gate; what is not among the study's items is a path itself."""
    known = set(study.items["item"])
    items = dict.fromkeys([*found.pairs["candidate"], *found.pairs["baseline"]])
    return {item: study.image_path(item) if item in known else Path(item) for item in map(str, items) if item}


def _shown(pair: WorstPair, thumbnails: Thumbnails) -> ShownPair:
    return ShownPair(
        pair,
        thumbnails.add(pair.candidate),
        thumbnails.add(pair.baseline),
        number(pair.candidate_score),
        number(pair.baseline_score),
        signed(pair.difference),
    )


def _own(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")
