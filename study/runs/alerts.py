"""What a gate run becomes: JSON of a published layout, JUnit, annotations and a summary for GitHub Actions."""

import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from calibration.core.resampling import Resampling
from calibration.decision.found import StudyGate
from calibration.decision.from_tables import StudyTables
from calibration.decision.gate import MetricGate
from calibration.decision.words import (
    deciding,
    difference,
    gate_line,
    gate_notes,
    gate_parts,
    gate_verdict,
    named,
    verdict_of,
)
from calibration.metric.facts import titles_of
from calibration.report.schema.base import Count, Finite, Limits, Number, Section
from metrics.errors import for_command_line
from study.folder.study import Study
from study.runs.worst_pairs import WorstPair, worst_of

SCHEMA_FILE = Path(__file__).with_name("gate.schema.json")
"""Published with the package; `python -m study.runs.alerts` writes it anew."""

Verdict = Literal["worse", "not worse", "cannot tell"]


class Estimate(Section):
    """A mean difference, candidate minus baseline; below 0 is worse, whichever end of the metric is better."""

    unit: str = Field(description="'rating steps', 'standard deviations' (of the baseline's images) or 'own units'.")
    value: Finite = Field(description="The mean over prompts.")
    interval: Limits = Field(description="95 %, from sign flips of whole prompts; null where prompts are too few.")


class Pair(Section):
    """Two images of one prompt and seed."""

    prompt: str
    seed: str
    candidate: str = Field(description="The candidate's item.")
    baseline: str = Field(description="The baseline's item.")
    candidate_score: Finite
    baseline_score: Finite
    difference: Finite = Field(description="Candidate minus baseline, with the sign turned where lower is better.")


class MetricResult(Section):
    """What one metric says."""

    metric: str = Field(description="Its name in the scores; 'people' for the ratings.")
    title: str
    verdict: Verdict
    decides: bool = Field(description="Whether the gate's verdict rests on it: on the primary metric, or else on all.")
    sorts: Literal["yes", "with care", "no"] | None = Field(
        description="Whether it sorts this study's images as people do; null where these ratings do not tell."
    )
    sentence: str = Field(description="All of this in words.")
    estimate: Estimate = Field(description="In the unit of the least drop.")
    own: Estimate = Field(description="In the metric's own units.")
    p: Finite = Field(description="One-sided, for a drop, as if this metric alone had been tried.")
    adjusted_p: Finite = Field(
        description="The same for all metrics that were tried, and for the choice of the baseline."
    )
    least_drop: Finite = Field(description="A smaller drop does not count; in the estimate's unit.")
    pairs: Count
    prompts: Count
    missing: Count = Field(description="Pairs that lack a score.")
    images_to_find: int | None = Field(
        description="So many images of the candidate find a drop of twice the least one in 80 % of cases."
    )
    images_to_clear: int | None = Field(
        description="So many show in 80 % of cases that nothing dropped by the least drop, where nothing did."
    )
    worst: list[Pair] = Field(description="The ten pairs that dropped most, the worst first.")


class GateSettings(Section):
    """What was asked."""

    against: str = Field(description="'best', 'previous' or a name.")
    metrics: list[str] = Field(description="Those named; all that have scores where none was.")
    primary: str = Field(description="The metric that decides; '' where none was named.")
    least_drops: dict[str, float] = Field(description="As stated, in each metric's own units.")
    strict: bool = Field(description="Whether 'cannot tell' ends with exit code 4.")
    seed: int
    draws: Count = Field(description="Of the bootstrap of the metric's slope on people, and of the best baseline.")
    lower_is_better: list[str] = Field(default=[], description="Metrics of which this was said.")
    higher_is_better: list[str] = Field(default=[], description="Likewise.")


class GateReport(Section):
    """The answer of a gate."""

    layout: Literal["humangrade.gate/1"] = Field(
        alias="schema", description="The layout of this file; its number rises as report.json's."
    )
    verdict: Verdict
    exit_code: Literal[0, 1, 4]
    sentence: str
    candidate: str
    baseline: str
    chosen_among: Count = Field(description="Of how many checkpoints the baseline is the best; 1 where it was named.")
    task: str = Field(description="Whose ratings give rating steps; '' where there are none.")
    settings: GateSettings
    metrics: list[MetricResult]
    notes: list[str]


def gate_settings(
    against: str,
    metrics: list[str],
    primary: str,
    least_drops: Mapping[str, float],
    strict: bool,
    resampling: Resampling,
) -> GateSettings:
    """What was asked, for the report."""
    return GateSettings(
        against=against,
        metrics=metrics,
        primary=primary,
        least_drops=dict(least_drops),
        strict=strict,
        seed=resampling.seed,
        draws=resampling.draws,
    )


def gate_report(found: StudyGate, tables: StudyTables, settings: GateSettings) -> GateReport:
    """The report of a gate.

    Parameters
    ----------
    found : StudyGate
        What `StudyTables.gate` gave.
    tables : StudyTables
        Of which.
    settings : GateSettings
        What was asked.

    Returns
    -------
    GateReport
    """
    titles = titles_of([one.metric for one in found.gate.metrics])
    decides = deciding(found)
    return GateReport(
        schema="humangrade.gate/1",
        verdict=found.gate.verdict,
        exit_code=exit_code(found.gate.verdict, settings.strict),
        sentence=gate_verdict(found),
        candidate=str(found.candidate),
        baseline=str(found.baseline),
        chosen_among=found.chosen_among,
        task=found.task,
        settings=settings.model_copy(
            update={"lower_is_better": tables.told["lower"], "higher_is_better": tables.told["higher"]}
        ),
        metrics=[_result(one, found, tables, titles[one.metric], one in decides) for one in found.gate.metrics],
        notes=[for_command_line(note) for note in gate_notes(found)],
    )


def exit_code(verdict: str, strict: bool) -> Literal[0, 1, 4]:
    """What a command that judges ends with.

    Examples
    --------
    >>> exit_code("worse", False), exit_code("cannot tell", False), exit_code("cannot tell", True)
    (1, 0, 4)
    """
    if verdict == "worse":
        return 1
    return 4 if strict and verdict == "cannot tell" else 0


def _result(one: MetricGate, found: StudyGate, tables: StudyTables, title: str, decides: bool) -> MetricResult:
    known = found.agreements.get(one.metric)
    unit = "own units" if one.drop.unit == "the metric's units" else one.drop.unit
    return MetricResult(
        metric=one.metric,
        title=title,
        verdict=one.verdict,
        decides=decides,
        sorts=known.sorts if known else None,
        sentence=gate_line(one, found),
        estimate=Estimate(
            unit=unit, value=one.estimate, interval=[_finite(one.estimate_low), _finite(one.estimate_high)]
        ),
        own=Estimate(unit="own units", value=one.flips.mean, interval=[_finite(one.low), _finite(one.high)]),
        p=one.p,
        adjusted_p=one.adjusted_p,
        least_drop=one.drop.least,
        pairs=one.flips.pairs,
        prompts=one.flips.prompts,
        missing=one.missing,
        images_to_find=one.images_to_find if one.images_to_find >= 0 else None,
        images_to_clear=one.images_to_clear if one.images_to_clear >= 0 else None,
        worst=[_pair(pair) for pair in worst_of(one, found, tables)],
    )


def _finite(value: float) -> Number:
    return float(value) if math.isfinite(value) else None


def _pair(pair: WorstPair) -> Pair:
    return Pair(**{name: getattr(pair, name) for name in Pair.model_fields})


def record_gate_run(study: Study, report: GateReport) -> int:
    """Add a gate run to the study's record, also while a server serves it; gives its number.

    A study that is only read keeps no record of it: 0 then.
    """
    if study.store.is_read_only:
        return 0
    settings, result = report.settings.model_dump(), report.model_dump(exclude={"settings"})
    return study.store.runs.add_gate_run(report.candidate, report.baseline, report.verdict, settings, result)


def gate_json(report: GateReport) -> str:
    """The report as its file holds it."""
    return json.dumps(report.model_dump(), indent=1, ensure_ascii=False) + "\n"


def gate_junit(report: GateReport) -> str:
    """The report as JUnit XML: a test case for the verdict and one a metric.

    What fails is what makes the command fail: the verdict, and the metrics that decide it. A metric that cannot tell is
    skipped.
    """
    from junitparser import Failure, JUnitXml, Skipped, TestCase, TestSuite

    def case(name: str, verdict: str, sentence: str, fails: bool) -> Any:
        made = TestCase(_xml_text(name), classname="humangrade.gate")
        if fails:
            failure = Failure(_xml_text(sentence), verdict)
            made.result = [failure]
        elif verdict == "cannot tell":
            made.result = [Skipped(_xml_text(sentence))]
        else:
            made.system_out = _xml_text(sentence)
        return made

    suite = TestSuite(_xml_text(f"humangrade gate: {report.candidate} against {report.baseline}"))
    name = f"{report.candidate} is not worse than {report.baseline}"
    suite.add_testcase(case(name, report.verdict, report.sentence, report.exit_code != 0))
    for one in report.metrics:
        fails = one.decides and exit_code(one.verdict, report.settings.strict) != 0 and report.exit_code != 0
        suite.add_testcase(case(f"{name} by {one.title}", one.verdict, one.sentence, fails))
    suite.update_statistics()
    made = JUnitXml()
    made.add_testsuite(suite)
    made.update_statistics()
    return f'<?xml version="1.0" encoding="utf-8"?>\n{bytes(made.tostring()).decode("utf-8")}\n'


def _xml_text(text: str) -> str:
    """A text without what XML cannot hold."""
    return "".join(
        sign for sign in text if sign in "\t\n\r" or (ord(sign) >= 0x20 and not 0xD800 <= ord(sign) < 0xE000)
    )


def annotations(report: GateReport) -> list[str]:
    """Lines that GitHub Actions shows beside a run: an error, a warning or a notice for the verdict and each metric."""
    lines = [_annotation(report.verdict, report.exit_code != 0, f"humangrade gate: {report.verdict}", report.sentence)]
    for one in report.metrics:
        fails = one.decides and report.exit_code != 0 and exit_code(one.verdict, report.settings.strict) != 0
        if one.verdict != "not worse":
            lines.append(
                _annotation(one.verdict, fails, f"{report.candidate}: {one.title} {one.verdict}", one.sentence)
            )
    return lines


def _annotation(verdict: str, fails: bool, title: str, text: str) -> str:
    kind = "error" if fails else "notice" if verdict == "not worse" else "warning"
    return f"::{kind} title={escaped(title, is_property=True)}::{escaped(text)}"


def escaped(text: str, is_property: bool = False) -> str:
    r"""A text within a command of GitHub Actions.

    Examples
    --------
    >>> escaped("5 %,\nso: it is", is_property=True), escaped("5 %,\nso: it is")
    ('5 %25%2C%0Aso%3A it is', '5 %25,%0Aso: it is')
    """
    said = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return said.replace(":", "%3A").replace(",", "%2C") if is_property else said


def gate_markdown(report: GateReport, found: StudyGate) -> str:
    """The report as a job's summary on GitHub: the verdict, a row a metric, and notes."""
    sign = {"worse": "❌", "not worse": "✅", "cannot tell": "❔"}
    lines = [f"### {sign[report.verdict]} {_plain(report.sentence)}", ""]
    lines += ["| metric | verdict | difference (below 0 is worse) | behind it |", "|---|---|---|---|"]
    for one in found.gate.metrics:
        behind = ". ".join(gate_parts(one, found)[1:])
        cells = (named(one, found), verdict_of(one, found), difference(one), behind)
        lines.append(f"| {' | '.join(map(_plain, cells))} |")
    return "\n".join([*lines, "", *(f"- {_plain(note)}" for note in report.notes), "", ""])


def _plain(text: str) -> str:
    """A text that Markdown shows as it is, on one line."""
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", " ".join(text.split()))


def add_to_step_summary(text: str) -> None:
    """Add a text to the job's summary, where this is a step of GitHub Actions."""
    place = os.environ.get("GITHUB_STEP_SUMMARY")
    if place:
        with Path(place).open("a", encoding="utf-8") as file:
            file.write(text)


def schema_text() -> str:
    """The JSON Schema of the report, as it stands in `SCHEMA_FILE`."""
    from pydantic.json_schema import GenerateJsonSchema

    made = {"$schema": GenerateJsonSchema.schema_dialect, **GateReport.model_json_schema()}
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
