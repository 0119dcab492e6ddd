"""A gate run as JSON, JUnit and annotations: each says what was found, whatever names and texts hold."""

import json
import re
from dataclasses import replace

import pytest
from junitparser import JUnitXml

from calibration.decision.words import gate_line, gate_verdict
from study.folder.study import open_study
from study.runs.alerts import (
    SCHEMA_FILE,
    GateReport,
    add_to_step_summary,
    annotations,
    exit_code,
    gate_json,
    gate_junit,
    gate_markdown,
    gate_report,
    gate_settings,
    record_gate_run,
    schema_text,
)


@pytest.fixture(scope="module")
def worse(decided):
    """300 against 2100, by all; the truth is 1.08 worse, which is said by good and by people, and not by noise."""
    found = decided.gate("300", "2100")
    return found, report_of(found, decided)


def report_of(found, decided, strict=False, primary="") -> GateReport:
    return gate_report(found, decided, gate_settings("2100", [], primary, {}, strict, decided.resampling))


def test_the_report_holds_what_was_found(worse):
    found, report = worse
    assert (report.verdict, report.exit_code, report.candidate, report.baseline) == (
        "worse",
        1,
        "lora/300",
        "lora/2100",
    )
    assert report.sentence == gate_verdict(found) and report.task == "look"
    for one, said in zip(found.gate.metrics, report.metrics, strict=True):
        assert (said.metric, said.verdict, said.sentence) == (one.metric, one.verdict, gate_line(one, found))
        assert said.estimate.value == one.estimate and said.estimate.interval == [one.estimate_low, one.estimate_high]
        assert said.own.value == one.flips.mean and (said.p, said.adjusted_p) == (one.p, one.adjusted_p)
        assert (said.pairs, said.prompts, said.missing) == (40, 20, 0)
        assert said.decides and len(said.worst) == 10
        drops = [pair.difference for pair in said.worst]
        assert drops == pytest.approx(sorted(drops)) and drops[-1] < 0
    assert {said.metric: said.sorts for said in report.metrics}["noise"] == "no"


def test_the_json_is_read_back_by_its_types_and_the_published_schema_is_theirs(worse):
    text = gate_json(worse[1])
    assert GateReport.model_validate_json(text) == worse[1]
    assert json.loads(text)["schema"] == "humangrade.gate/1"
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text()
    fields = json.loads(schema_text())["$defs"]["MetricResult"]["properties"]
    assert all("description" in fields[name] for name in ("p", "adjusted_p", "least_drop", "sorts", "worst"))


def test_what_is_not_known_is_null(decided, worse):
    found = worse[0]
    one = replace(found.gate.metrics[0], low=-float("inf"), high=float("inf"), images_to_find=-1, images_to_clear=-1)
    said = report_of(replace(found, gate=replace(found.gate, metrics=(one,))), decided).metrics[0]
    assert said.own.interval == [None, None] and said.images_to_find is said.images_to_clear is None
    assert "Infinity" not in gate_json(worse[1]) and "NaN" not in gate_json(worse[1])


def test_junit_fails_what_makes_the_command_fail(worse):
    report = worse[1]
    suite = next(iter(JUnitXml.fromstring(gate_junit(report).encode())))
    cases = {case.name: case for case in suite}
    assert len(cases) == 1 + len(report.metrics) == suite.tests
    by = {one.metric: cases[f"lora/300 is not worse than lora/2100 by {one.title}"] for one in report.metrics}
    assert cases["lora/300 is not worse than lora/2100"].is_failure
    for one in report.metrics:
        case = by[one.metric]
        assert (case.is_failure, case.is_skipped) == (one.verdict == "worse", one.verdict == "cannot tell")
        if one.verdict == "worse":
            assert (case.result[0].message, case.result[0].type) == (one.sentence, "worse")
    assert suite.failures == 1 + sum(one.verdict == "worse" for one in report.metrics) >= 3


def test_a_metric_that_does_not_decide_fails_nothing(decided):
    found = decided.gate("300", "2400", primary="noise")
    report = report_of(found, decided, primary="noise")
    assert (report.verdict, report.exit_code) == ("cannot tell", 0)
    assert any(one.verdict == "worse" for one in report.metrics)
    suite = next(iter(JUnitXml.fromstring(gate_junit(report).encode())))
    assert suite.failures == 0 and not any(line.startswith("::error") for line in annotations(report))
    strict = report_of(found, decided, strict=True, primary="noise")
    assert strict.exit_code == 4
    suite = next(iter(JUnitXml.fromstring(gate_junit(strict).encode())))
    failed = {case.name for case in suite if case.is_failure}
    assert failed == {"lora/300 is not worse than lora/2400", "lora/300 is not worse than lora/2400 by noise"}
    assert [line.split(" ")[0] for line in annotations(strict)].count("::error") == 2


def test_exit_codes():
    assert [exit_code(verdict, strict) for verdict in ("worse", "not worse", "cannot tell") for strict in (0, 1)] == [
        *(1, 1),
        *(0, 0),
        *(0, 4),
    ]


def test_annotations_are_one_line_each_and_escaped(decided, worse):
    _, report = worse
    lines = annotations(report)
    assert lines[0].startswith("::error title=humangrade gate%3A worse::lora/300 is worse than lora/2100 by ")
    assert len(lines) == 1 + sum(one.verdict != "not worse" for one in report.metrics)
    found = worse[0]
    strange = replace(found.candidate, model="a,b: 5%\nc\r")
    said = annotations(report_of(replace(found, candidate=strange), decided))
    for line in said:
        kind, properties, text = re.fullmatch(r"::(\w+) title=([^:]*)::(.*)", line).groups()
        assert kind in ("error", "warning") and not re.search("[,\n\r]", properties)
        assert not re.search("[\n\r]|%(?!25|0A|0D|3A|2C)", text + properties)
    assert "a,b: 5%25%0Ac%0D/300 is worse" in said[0]
    assert any("title=a%2Cb%3A 5%25%0Ac%0D/300%3A good worse::" in line for line in said)


def test_junit_holds_any_name(decided, worse):
    found, _ = worse
    strange = replace(found.candidate, model='<&">\x00\x1b\ud800é')
    text = gate_junit(report_of(replace(found, candidate=strange), decided))
    suite = next(iter(JUnitXml.fromstring(text.encode())))
    assert suite.name == 'humangrade gate: <&">é/300 against lora/2100'


def test_the_summary_is_a_table_that_names_cannot_break(worse, tmp_path, monkeypatch, decided):
    found, report = worse
    strange = replace(found.candidate, model="a|b\n# c <img>")
    text = gate_markdown(report_of(replace(found, candidate=strange), decided), replace(found, candidate=strange))
    lines = text.splitlines()
    assert lines[0].startswith("### ❌ a\\|b \\# c \\<img\\>/300 is worse than lora/2100 by ")
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 2 + len(report.metrics)
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 5 for row in rows)
    place = tmp_path / "summary.md"
    place.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(place))
    add_to_step_summary(text)
    assert place.read_text(encoding="utf-8") == f"before\n{text}"
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    add_to_step_summary(text)


def test_a_run_is_recorded_whole(checkpoint_study, worse):
    with open_study(checkpoint_study) as opened:
        before = len(opened.store.runs.gate_runs())
        record_gate_run(opened, worse[1])
        row = opened.store.runs.gate_runs().iloc[-1]
        assert len(opened.store.runs.gate_runs()) == before + 1
    assert (row["candidate"], row["baseline"], row["verdict"]) == ("lora/300", "lora/2100", "worse")
    settings, result = (
        value if isinstance(value, dict) else json.loads(value) for value in (row["settings"], row["result"])
    )
    assert settings["against"] == "2100" and result["sentence"] == worse[1].sentence
    assert GateReport.model_validate_json(json.dumps(result | {"settings": settings})) == worse[1]
