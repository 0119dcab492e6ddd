"""The gate runs of a study as they were, newest first, with the pairs of images that drove them."""

from collections.abc import Mapping
from typing import Any

from calibration.decision.from_tables import PEOPLE
from calibration.metric.facts import title_of
from metrics.text import listed
from study.dashboard.answer_types import Alert, AlertMetric, AlertPair, Alerts
from study.dashboard.numbers import number
from study.dashboard.snapshot import Snapshot


def alerts(found: Snapshot) -> Alerts:
    """What gates said, newest first.

    Parameters
    ----------
    found : Snapshot

    Returns
    -------
    Alerts
        Names and figures are those of then; a checkpoint or an image that is none of the study's any more has no place.
    """
    return found.once("alerts", lambda: _alerts(found))


def _alerts(found: Snapshot) -> Alerts:
    places = {item: place for place, item in enumerate(found.images["called"])}
    rows = found.gate_runs.to_dict("records")
    return {"runs": [_alert(found, row, places) for row in reversed(rows)]}


def _alert(found: Snapshot, row: Mapping[Any, Any], places: Mapping[str, int]) -> Alert:
    result, settings = row["result"], row["settings"]
    asked = {**settings, **result.get("settings", {})}
    metrics = result.get("metrics", [])
    return {
        "id": int(row["id"]),
        "at": str(row["at"]),
        "candidate": row["candidate"],
        "baseline": row["baseline"],
        "candidate_checkpoint": found.shown.place(row["candidate"]),
        "baseline_checkpoint": found.shown.place(row["baseline"]),
        "verdict": row["verdict"],
        "sentence": result.get("sentence") or _refused(row["candidate"], result),
        "settings": _settings(asked, result),
        "metrics": [_metric(each, asked) for each in metrics],
        "worst": [_pair(each["metric"], pair, places) for each in metrics for pair in each.get("worst", [])],
        "notes": list(result.get("notes", [])),
    }


def _refused(candidate: str, result: Mapping[str, Any]) -> str:
    return f"{candidate} is not judged: {result['reason']}" if result.get("reason") else ""


def _settings(asked: Mapping[str, Any], result: Mapping[str, Any]) -> list[str]:
    """What was asked, as words."""
    said = []
    if asked.get("against"):
        among = result.get("chosen_among", 1)
        said.append(f"against {asked['against']}" + (f" of {among:,}" if among > 1 else ""))
    if asked.get("metrics"):
        said.append(f"by {listed(map(_title, asked['metrics']))}")
    else:
        said.append("by all metrics with scores")
    if asked.get("primary"):
        said.append(f"{_title(asked['primary'])} decides")
    said += [f"a drop of {_title(name)} counts from {drop:g} on" for name, drop in asked.get("least_drops", {}).items()]
    if task := asked.get("task") or result.get("task"):
        said.append(f"ratings of {task}")
    if asked.get("strict"):
        said.append("strict")
    if asked.get("by") == "track":
        said.append("by humangrade track")
    return said


def _title(name: str) -> str:
    return "people's ratings" if name == PEOPLE else title_of(name)


def _metric(each: Mapping[str, Any], asked: Mapping[str, Any]) -> AlertMetric:
    low, high = each["estimate"]["interval"]
    return {
        "name": each["metric"],
        "title": each["title"],
        "verdict": each["verdict"],
        "sentence": each["sentence"],
        "estimate": number(each["estimate"]["value"]),
        "low": number(low),
        "high": number(high),
        "unit": each["estimate"]["unit"],
        "least_drop": number(each["least_drop"]),
        "is_primary": bool(asked.get("primary")) and each["metric"] == asked["primary"],
        "decides": bool(each["decides"]),
    }


def _pair(metric: str, pair: Mapping[str, Any], places: Mapping[str, int]) -> AlertPair:
    return {
        "metric": metric,
        "prompt": pair["prompt"],
        "seed": pair["seed"],
        "candidate": places.get(pair["candidate"]),
        "baseline": places.get(pair["baseline"]),
        "candidate_score": number(pair["candidate_score"]),
        "baseline_score": number(pair["baseline_score"]),
        "drop": number(-pair["difference"]),
    }
