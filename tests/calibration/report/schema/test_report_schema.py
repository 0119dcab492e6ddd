"""The models hold every report as it is, and say what each field is."""

import json
from inspect import getdoc

import jsonschema
import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel, ValidationError

import calibration.metric.baselines
from calibration.pipeline import calibrate_tables
from calibration.report.build import SCHEMA
from calibration.report.schema.base import Section
from calibration.report.schema.document import Report
from calibration.report.schema.publish import SCHEMA_FILE, report_schema, schema_text
from calibration.scale import Scale
from calibration.settings import Reading, Settings
from tests.calibration.golden.studies import STUDIES, whole
from tests.calibration.simulated_studies import KINDS, study

PUBLISHED = jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))


def as_text(report):
    return json.dumps(report, ensure_ascii=False, allow_nan=False)


def assert_held(report):
    assert as_text(Report.model_validate(report).model_dump()) == as_text(report)
    assert [error.message for error in PUBLISHED.iter_errors(json.loads(as_text(report)))] == []


@pytest.mark.parametrize("name", STUDIES)
def test_every_byte_of_a_golden_report_comes_back(name):
    assert_held(whole(name))


@pytest.fixture(scope="module", params=KINDS)
def simulated(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration.metric.baselines, "PERMUTATIONS", 19)
        made = study(request.param, KINDS.index(request.param))
        items = made.items if len(made.items.columns) > 1 else None
        return calibrate_tables(made.ratings, made.scores, items, Settings(draws=8))


def test_simulated_reports_of_every_kind_come_back(simulated):
    assert_held(simulated.report)
    assert simulated.model.model_dump() == simulated.report


def table(people=3, n=12, **columns):
    rows = [
        {"item": f"i{item}", "evaluator": f"e{person}", "rating": 1 + (item + person * (item % 3 == 0)) % 5}
        for person in range(people)
        for item in range(n)
    ]
    return pd.DataFrame(rows).assign(**columns)


def scores(n=12):
    return pd.DataFrame({"item": [f"i{item}" for item in range(n)], "mine": np.arange(n) % 5.0, "flat": 1.0})


WORDED = ("task", "question", *(f"level_{n}" for n in range(1, 6)), "show_references", "show_prompt", "ratings")
WORDINGS = pd.DataFrame(
    [
        ["rating", f"{given}?", *"abcde", True, False, given, at, note]
        for given, at, note in ((9, "2026-01-01", ""), (27, "2026-02-01", "clearer"))
    ],
    columns=[*WORDED, "asked_from", "note"],
)
SETS = pd.DataFrame(
    {
        "set": ["all", "a"],
        "metric": "fid",
        "score": [12.5, 3.0],
        "n": [40, 20],
        "low": [10.0, None],
        "high": [14.0, None],
    }
)
ASKED_TWICE = pd.concat([table().assign(repeat=0), table().assign(repeat=1)], ignore_index=True)
MODELS = pd.DataFrame({"item": [f"i{item}" for item in range(12)], "model": list("abc") * 4})


@pytest.mark.parametrize(
    ("ratings", "options"),
    [
        (table(), {}),
        (table(people=1), {"scores": scores()}),
        (table(people=2), {"scores": scores(), "settings": Settings(draws=0, k=2)}),
        (table(n=1), {"scores": scores(1)}),
        (table(rating=3), {"scores": scores()}),
        (table(), {"scores": scores().assign(item=[f"i{item}" for item in range(9, 21)])}),
        (table(), {"scores": scores(), "items": MODELS, "for_raters": True, "set_scores": SETS}),
        (table(response_ms=900.0), {"scores": scores(), "wordings": WORDINGS}),
        (table(), {"scores": scores(), "reading": Reading(duplicates="mean", min_ratings=2, task="look")}),
        (
            table().replace({"rating": {2: 1, 4: 5}}),
            {"scores": scores(), "settings": Settings(draws=8, scale=Scale((1, 3, 5), ("low", "middle", "high")))},
        ),
        (table(), {"scores": scores(), "settings": Settings(draws=8, scale=Scale.cut(0, 6, 7))}),
        (ASKED_TWICE, {"scores": scores(), "settings": Settings(lower_is_better=("mine",), draws=8)}),
    ],
)
def test_unusual_reports_come_back(ratings, options):
    options = {"settings": Settings(draws=8), **options}
    assert_held(calibrate_tables(ratings, **options).report)


def test_the_published_schema_is_current():
    message = "run python -m calibration.report.schema.publish, and see CONTRIBUTING.md on the schema's number"
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), message
    assert report_schema()["properties"]["schema"]["const"] == SCHEMA


def models(one: type[BaseModel] = Section):
    for each in one.__subclasses__():
        if each.__module__.startswith("calibration.report.schema"):
            yield each
            yield from models(each)


def test_every_section_and_field_says_what_it_is():
    found = {each.__name__: each for each in models()}
    assert {"Report", "Task", "Metric", "Verdict", "Curve", "PairKappa"} <= set(found)
    for name, each in found.items():
        assert each.__doc__ and getdoc(each) != getdoc(Section), name
        for field, info in each.model_fields.items():
            assert info.description and info.description.endswith((".", "?")), (name, field)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda report: report | {"more": 1}, "more"),
        (lambda report: {key: value for key, value in report.items() if key != "notes"}, "notes"),
        (lambda report: report | {"schema": "humangrade.report/2"}, "schema"),
        (lambda report: report | {"clusters": 3}, "clusters"),
        (lambda report: report | {"settings": report["settings"] | {"k": float("nan")}}, "k"),
        (lambda report: report | {"for_raters": "yes"}, "for_raters"),
    ],
)
def test_another_report_is_refused(change, words):
    with pytest.raises(ValidationError, match=words):
        Report.model_validate(change(whole("imagenhub")))
