"""The evaluation as one HTML page that opens offline: figures side by side first, then pictures and near-copies.

Style, script and small pictures are in it; its content security policy forbids the browser any request.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calibration.page.gallery import Thumbnails
from calibration.page.html import page_source, policy_hash, templates_in
from metrics import __version__
from study.evaluation.copies import Nearest
from study.evaluation.progress_figure import over_training
from study.evaluation.run import EvaluationSettings
from study.evaluation.summary import ends
from study.evaluation.types import Evaluation, Measured
from study.evaluation.words import (
    GUIDES,
    cautions,
    estimate,
    how_nearness,
    in_short,
    number,
    on_chance,
    on_copies,
    without_copies,
)
from study.scoring import left_out_lines

PICTURE_BYTES = 1_400_000
"""Of the page, for all small pictures together, at most."""

NEAREST = 8
"""Images in the section on copies, where there are no more copies than these."""

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Shot:
    """A small picture with its name and a line below."""

    picture: str | None
    name: str
    line: str


@dataclass(frozen=True)
class Side:
    """The best or the worst pictures of a metric."""

    title: str
    shots: list[Shot]


@dataclass(frozen=True)
class Gallery:
    """The pictures at both ends of a metric."""

    metric: Measured
    sides: list[Side]


@dataclass(frozen=True)
class Match:
    """An image beside the photo that it is nearest to."""

    found: Nearest
    image: Shot
    photo: Shot
    verdict: str


def render_page(found: Evaluation, settings: EvaluationSettings) -> str:
    """The page.

    Parameters
    ----------
    found : Evaluation
        What `study.evaluation.run.evaluate` gave.
    settings : EvaluationSettings
        How.

    Returns
    -------
    str
        One HTML document; the same evaluation gives the same bytes.
    """
    from markupsafe import Markup

    environment = templates_in(_TEMPLATES)
    environment.filters |= {"number": number, "estimate": estimate, "breakable": _breakable}
    paths = {one.item: one.path for one in found.pictures}
    paths |= {_photo(one): one.reference for one in found.nearness.nearest}
    thumbnails = Thumbnails(paths, PICTURE_BYTES)
    matches = _matches(found, thumbnails)
    galleries = [_gallery(found, metric, thumbnails) for metric in found.metrics if metric.scores == "image"]
    against = {(one.name, one.base) for one in found.sets}
    compared = [
        metric
        for metric in found.metrics
        if any(gap.metric == metric.name and (gap.set, gap.other) in against for gap in found.differences)
    ]
    style = "\n".join(filter(None, [page_source("report.css"), _own("evaluation.css"), thumbnails.css]))
    script = f"{page_source('report.js')}\n{_own('evaluation.js')}"
    plots = [
        (metric, plot, Markup(plot.svg))
        for place, metric in enumerate(found.metrics)
        if (plot := over_training(found, metric, f"p{place}-")) is not None
    ]
    return environment.get_template("evaluation.html.j2").render(
        version=__version__,
        found=found,
        settings=settings,
        short=in_short(found),
        cautions=cautions(found),
        rows=_rows(found),
        differences=_differences(found, compared),
        compared=compared,
        plots=plots,
        galleries=[one for one in galleries if one.sides],
        matches=matches,
        copies=on_copies(found),
        how_copies=how_nearness(found),
        chance=on_chance(found),
        left_out=left_out_lines(found.left_out),
        guided=[one for one in found.metrics if any(name == one.name for _, name in found.guides)],
        guides=GUIDES,
        pictures_left_out=thumbnails.left_out,
        style=Markup(style),
        script=Markup(script),
        style_hash=policy_hash(style),
        script_hash=policy_hash(script),
    )


def _rows(found: Evaluation) -> list[dict[str, Any]]:
    """A row a set: its figure by each metric, with what guides say, and whether it is the best."""
    return [
        {
            "set": one,
            "cells": [
                {
                    "figure": (figure := found.figure(one.name, metric.name)),
                    "without": without_copies(found, figure) if figure else "",
                    "guide": found.guides.get((one.name, metric.name), ""),
                    "best": found.is_best(one.name, metric),
                }
                for metric in found.metrics
            ],
        }
        for one in found.sets
    ]


def _differences(found: Evaluation, metrics: list[Measured]) -> list[dict[str, Any]]:
    """A row a set that has a base: its difference by each metric; empty where there is none."""
    rows = []
    for one in found.sets:
        gaps = [found.difference(one.name, one.base, metric.name) for metric in metrics] if one.base else []
        if any(gaps):
            cells = [
                {"gap": gap, "way": _way(metric, gap.value) if gap and gap.is_apart else ""}
                for metric, gap in zip(metrics, gaps, strict=True)
            ]
            rows.append({"set": one, "cells": cells})
    return rows


def _way(metric: Measured, value: float) -> str:
    return "better" if (value > 0) == (metric.better == "higher") else "worse"


def _gallery(found: Evaluation, metric: Measured, thumbnails: Thumbnails) -> Gallery:
    sets = {one.item: one.set for one in found.pictures}

    def shots(items: list[str]) -> list[Shot]:
        scores = found.scores[metric.name]
        return [
            Shot(thumbnails.add(item), _within(item, sets[item]), f"{number(scores[item])}, {sets[item]}")
            for item in items
        ]

    best, worst = ends(found, metric)
    return Gallery(metric, [Side(title, shots(items)) for title, items in (("Best", best), ("Worst", worst)) if items])


def _matches(found: Evaluation, thumbnails: Thumbnails) -> list[Match]:
    """The images that are copies or near, and the nearest of the others where these are few."""
    order = sorted(found.nearness.nearest, key=lambda one: (not one.is_copy, not one.is_near, one.distance, one.item))
    most = max(NEAREST, min(3 * NEAREST, sum(one.is_copy for one in order)))
    return [
        Match(
            one,
            Shot(thumbnails.add(one.item), _within(one.item, one.set), one.set),
            Shot(thumbnails.add(_photo(one)), one.reference.name, "mirrored" if one.is_mirrored else ""),
            "a copy" if one.is_copy else "nearer than photos are to each other" if one.is_near else "",
        )
        for one in order[:most]
    ]


def _within(item: str, name: str) -> str:
    """An item's name without its set's, which stands beside it."""
    return item.removeprefix(f"{name}/")


def _breakable(name: str) -> Any:
    """A name that a narrow column may break behind its slashes."""
    from markupsafe import Markup, escape

    return Markup("/<wbr>").join(escape(part) for part in name.split("/"))


def _photo(one: Nearest) -> str:
    """What a photo is called among the small pictures; no item is called so."""
    return f"\0{one.reference}"


def _own(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")
