import re

import pandas as pd
import pytest

from calibration.page.methods_text import methods_paragraph
from calibration.page.references import REFERENCES
from calibration.pipeline import calibrate_files, calibrate_tables
from calibration.report.schema.document import Report
from calibration.settings import Reading, Settings
from tests.calibration.golden.studies import whole
from tests.calibration.page.test_figures import RATINGS, SCORES

CITATION = re.compile(
    r"([A-Za-z][\w.-]+)(?:'s|')?(?: P\.1401)?(?: et al\.| (?:&|and) [A-Z]\w+)?,? \(?((?:19|20)\d\d)(?=[);])"
)
IN_FULL = re.compile(r"[\w.-]+(?:, (?:[A-Z]\.[ -]?)+.*)? \((?:19|20)\d\d\)\. \S.*[.?] \S.*\.$")
ENTRIES = {
    "unseen": "crossed with 5 folds of images grouped by prompt.",
    "baselines": "1,000 random permutations",
    "same_target": "against the same third people",
    "annotator_test": "arXiv:2501.10970",
    "telecom": "P.1401",
    "predictor": "cross-conformal sets (Vovk, 2015)",
    "pairwise_accuracy": "Pairwise accuracy",
    "intervals": "95 % bootstrap intervals",
    "sorting": "As sorters of images",
}
"""What the paragraph says of each part of a metric's entry."""


@pytest.fixture
def real():
    """The report of a real study, to be changed."""
    return whole("tifa160")


def metrics_of(report):
    return [entry for task in report["tasks"].values() for entry in task["metrics"].values()]


def paragraph_of(report):
    return methods_paragraph(Report.model_validate(report))


def cited_and_listed(text):
    """(name, year) of what the paragraph cites, and of what is listed below."""
    paragraph, _, references = text.partition("\n\n")
    listed = [re.match(r"([\w.-]+).*?\(((?:19|20)\d\d)\)", line) for line in references.splitlines()]
    firsts = [match.groups() for match in listed]
    return set(CITATION.findall(paragraph)), firsts


@pytest.mark.parametrize("entry", [None, *ENTRIES])
def test_each_citation_has_its_reference_and_each_reference_is_cited(entry, real):
    if entry is not None:
        for metric in metrics_of(real):
            metric |= dict.fromkeys([*ENTRIES.keys() - {entry}, "spearman"])
            metric["kappa"]["metric"] = None
        for task in real["tasks"].values():
            task["comparison"] = task["recovery"] = None
    text = paragraph_of(real)
    assert entry is None or ENTRIES[entry] in text
    cited, listed = cited_and_listed(text)
    assert cited == set(listed) and len(listed) == len(set(listed))


def test_references_are_in_full():
    for words in REFERENCES.values():
        assert IN_FULL.match(words), words


@pytest.mark.parametrize(("entry", "words"), [*ENTRIES.items(), ("spearman", "Spearman's (1904) rank correlation")])
def test_nothing_is_named_that_no_metric_has(entry, words, real):
    assert words in paragraph_of(real)
    for metric in metrics_of(real):
        metric[entry] = None
    assert words not in paragraph_of(real)


def test_kappa_is_named_where_there_is_one(real):
    assert "kappa with squared weights" in paragraph_of(real)
    for metric in metrics_of(real):
        metric["kappa"]["metric"] = None
    assert "kappa with squared weights" not in paragraph_of(real)


def test_numbers_of_a_real_study(shared):
    data = shared / "data" / "tifa160"
    reading = Reading(map="evaluator=worker_id,rating=answer", task="alignment")
    paths = (data / "ratings_as_published.csv", data / "scores.csv", data / "items.csv")
    text = methods_paragraph(calibrate_files(*paths, Settings(draws=100, seed=7), reading=reading).model)
    paragraph, references = text.split("\n\n")
    assert "\n" not in paragraph
    for words in (
        "Five evaluators gave 3,995 ratings from 1 to 5 of 800 items.",
        "ordinal alpha was 0.685",
        "13 automatic metrics (BLEU, ",
        "|level - e|^1 over",
        "from 100 draws of clusters of images that share a prompt (160)",
        "the jackknife's variance over evaluators",
        "seed 7.",
    ):
        assert words in paragraph
    cited = references.splitlines()
    assert cited == sorted(cited)
    assert len(cited) == len(REFERENCES)  # the report of a real study has all of it
    named, listed = cited_and_listed(text)
    assert named == set(listed)
    for name in ("Krippendorff", "Shrout", "Deutsch, D., Dror", "Satterthwaite", "deepsense.ai"):
        assert name.partition(",")[0] in paragraph
        assert sum(line.startswith(name) for line in cited) == 1


def test_people_alone_and_several_tasks():
    one = methods_paragraph(calibrate_tables(RATINGS[RATINGS["evaluator"] == "ann"]).model)
    assert one.startswith("One evaluator gave 6 ratings")
    assert "alpha" not in one and "metric" not in one
    both = pd.concat([RATINGS, RATINGS.assign(task="likeness")])
    text = methods_paragraph(calibrate_tables(both, SCORES).model)
    assert "For the task 'look', three evaluators" in text
    assert "For the task 'likeness', three evaluators" in text
    assert text.count("Two automatic metrics (NIQE, SSIM) were judged") == 1


def test_an_interval_of_alpha_is_quoted():
    report = calibrate_tables(RATINGS, SCORES).report
    alpha = report["tasks"]["look"]["agreement"]["krippendorff_alpha"]["ordinal"]
    report["tasks"]["look"]["agreement"]["intervals"] = {
        "these": {"ordinal": [0.4, 0.5], "icc2": [0.3, None]},
        "people_like_these": {"ordinal": [0.25, 0.75], "icc2": [0.3, None]},
    }
    text = paragraph_of(report)
    assert f"{alpha:.3f} (95 % interval 0.250 to 0.750; Krippendorff, 2004)" in text
    assert "95 % interval 0.3" not in text
