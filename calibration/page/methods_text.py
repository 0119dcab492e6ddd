"""The methods of a report as a paragraph to paste into a paper, with this study's numbers and the references."""

from collections.abc import Iterator

from calibration.core.evaluator_weights import HALF_TRUST
from calibration.page.references import REFERENCES
from calibration.report.asked import rated_wordings
from calibration.report.schema.base import interval_to_quote
from calibration.report.schema.document import Metric, Report
from calibration.report.schema.people import Agreement, AgreementFigure, Asked, Wording
from calibration.scale import Scale
from metrics.text import counted, spelled

_MOST_WORDINGS = 3  # of earlier words; with more the paragraph would be about nothing else


def methods_paragraph(report: Report) -> str:
    """What was done, in plain text: one paragraph, an empty line, and the references, one a line.

    Parameters
    ----------
    report : Report

    Returns
    -------
    str

    Examples
    --------
    >>> import pandas as pd
    >>> from calibration.pipeline import calibrate_tables
    >>> ratings = pd.DataFrame({"item": list("abab"), "evaluator": list("xxyy"), "rating": [1, 5, 2, 5]})
    >>> methods_paragraph(calibrate_tables(ratings).model).split(". ")[0]
    'Two evaluators gave 4 ratings from 1 to 5 of 2 items'
    """
    cited: list[str] = []
    sentences = [*_people(report, cited), *_metrics(report, cited), *_extras(report, cited)]
    sentences.append(f"All computations: humangrade {report.version}, seed {report.settings.seed}.")
    references = [REFERENCES[name] for name in dict.fromkeys(cited)]
    return "\n".join([" ".join(sentences), *([""] if references else []), *sorted(references)])


def _people(report: Report, cited: list[str]) -> Iterator[str]:
    several, scale = len(report.tasks) > 1, report.settings.scale.scale()
    for name, task in report.tasks.items():
        who = f"{spelled(task.n_evaluators, 'evaluator')} gave {counted(task.n_ratings, 'rating')}"
        what = f"{who} {_scale(task.asked, scale)} of {counted(task.n_items, 'item')}"
        yield f"For the task '{name}', {what}." if several else f"{what[0].upper()}{what[1:]}."
        yield from _asked(task.asked, scale)
        agreement = task.agreement
        alpha = agreement.krippendorff_alpha.ordinal
        found = []
        if alpha is not None:
            cited.append("krippendorff")
            limits = _limits(agreement, "ordinal")
            found.append(f"Krippendorff's ordinal alpha was {alpha:.3f} ({limits}Krippendorff, 2004)")
        icc = agreement.icc
        if icc and icc.icc2 is not None:
            cited.append("shrout")
            limits = _limits(agreement, "icc2")
            found.append(f"ICC(2,1) was {icc.icc2:.3f} ({limits}Shrout & Fleiss, 1979)")
        if found:
            yield f"{' and '.join(found)}."


def _scale(asked: Asked | None, scale: Scale) -> str:
    """'from 1 (Bad) to 5 (Excellent)'; without the words where they are not known, or were not always the same."""
    if asked is None:
        return f"from {scale}"
    last, before = rated_wordings(asked)
    if any(one.levels != last.levels for one in before):
        return f"from {scale}"
    return f"from {_level(scale.names[0], last.levels[0])} to {_level(scale.names[-1], last.levels[-1])}"


def _level(number: str, word: str) -> str:
    """'1 (Bad)', or '2' for a level that is called by its number."""
    return number if word == number else f"{number} ({_plain(word)})"


def _asked(asked: Asked | None, scale: Scale) -> Iterator[str]:
    """What was asked, and what was asked before."""
    if asked is None:
        return
    last, before = rated_wordings(asked)
    yield f"The question was {_question(last, scale)}."
    for one in before[::-1][:_MOST_WORDINGS]:
        yield f"Of these ratings {_were(one.ratings)} given when the question was {_question(one, scale)}."
    if more := sum(one.ratings for one in before[::-1][_MOST_WORDINGS:]):
        yield f"Another {_were(more)} given to still earlier words."


def _question(one: Wording, scale: Scale) -> str:
    """'How good?', answered with 1 (Bad), ...; what was shown."""
    answers = [_level(number, word) for number, word in zip(scale.names, one.levels, strict=True)]
    shown = ["the prompt"] * one.show_prompt + ["reference photos of the subject"] * one.show_references
    beside = f", with {' and '.join(shown)} shown" if shown else ", with nothing shown but the image"
    return f"'{_plain(one.question)}', answered with {', '.join(answers[:-1])} or {answers[-1]}{beside}"


def _were(ratings: int) -> str:
    return f"{ratings:,} {'was' if ratings == 1 else 'were'}"


def _plain(text: str) -> str:
    """In one line."""
    return " ".join(text.split())


def _metrics(report: Report, cited: list[str]) -> Iterator[str]:
    names = sorted({entry.title for _, entry in _entries(report)})
    if not names:
        return
    cited += ["deepsense", "stone"]
    k, scale = report.settings.k, report.settings.scale.scale()
    yield (
        f"{spelled(len(names), 'automatic metric').capitalize()} ({', '.join(names)}) "
        f"{'was' if len(names) == 1 else 'were'} judged as one would judge an evaluator (deepsense.ai, 2023): ratings "
        f"r were put on the unit scale, e = {scale.formula('r')}, and each metric's scores were turned into "
        f"{spelled(scale.count)} levels by {spelled(scale.count - 1)} thresholds, monotone in the metric's direction, "
        f"that minimise the sum of |level - e|^{k:g} over images and evaluators exactly. The thresholds were fitted "
        "without each evaluator in turn and graded on the one left out "
        f"(cross-validation; Stone, 1974), grade = 1 - mean |level - e|^{k:g}, averaged over the folds; each evaluator "
        "was graded against the others, one by one, on the same images. Every two evaluators weigh in the averages by "
        f"the images that both rated, times n / (n + {HALF_TRUST:g}) for each of the two, n being the images that an "
        "evaluator and somebody else rated. We report skill = (grade - c) / (1 - c), with c the grade of the best "
        "constant answer, one level fixed on all ratings of the task, for metrics and people alike."
    )
    yield from _order(report, cited)
    intervals = [entry.intervals for _, entry in _entries(report) if entry.intervals]
    if intervals:
        widest = max(intervals, key=lambda found: found.clusters)
        unit = report.clusters
        drawn = f"clusters of images that share a {unit}" if unit else "images"
        cited.append("efron")
        yield (
            f"Intervals are 95 % bootstrap intervals (Efron & Tibshirani, 1993) from {widest.draws:,} draws of "
            f"{drawn} ({widest.clusters:,}), with the thresholds fitted anew in each draw."
        )
        if any(found.people_like_these for found in intervals):
            cited += ["stein", "satterthwaite", "cameron"]
            yield (
                "For conclusions about people like these, the jackknife's variance over evaluators (Efron & Stein, "
                "1981), the thresholds held, was added, with degrees of freedom after Satterthwaite (1946); what "
                "stands in both variances of grades, skill, kappa and Spearman's correlation was counted once, as with "
                "errors clustered two ways (Cameron et al., 2011)."
            )


def _order(report: Report, cited: list[str]) -> Iterator[str]:
    """How far metrics order images as people do, and how far mapped levels meet ratings."""
    entries = [entry for _, entry in _entries(report)]
    if any(entry.spearman is not None for entry in entries):
        cited += ["spearman", "kendall"]
        unit = next((entry.unseen.grouped_by for entry in entries if entry.unseen), None)
        tested = f"dealing the scores anew between {unit}s" if unit else "Student's t"
        yield (
            "How far metrics order the images as the mean ratings do is given by Spearman's (1904) rank correlation, "
            f"with a one-sided test by {tested}, beside Pearson's correlation and Kendall's (1945) tau-b."
        )
    if any(entry.pairwise_accuracy for entry in entries):
        cited.append("foster")
        yield (
            "Pairwise accuracy counts the pairs of images that metric and mean rating order alike or both call equal, "
            "scores within a distance that was calibrated on other images counting as equal (Deutsch et al., 2023)."
        )
    if any(entry.kappa.metric is not None for entry in entries):
        cited.append("cohen")
        yield "Levels and held-out ratings were compared by Cohen's (1968) kappa with squared weights as well."


def _extras(report: Report, cited: list[str]) -> Iterator[str]:
    """What only some reports hold."""
    entries = [entry for _, entry in _entries(report)]
    unseen = next((entry.unseen for entry in entries if entry.unseen), None)
    if unseen:
        groups = f" grouped by {unseen.grouped_by}" if unseen.grouped_by else ""
        yield (
            f"To see how far this holds for new images, the folds were crossed with {unseen.folds} folds of "
            f"images{groups}."
        )
    if any(entry.same_target for entry in entries):
        yield (
            "Metric and evaluator were also graded against the same third people on the same new images, the "
            "evaluator's ratings mapped to levels in the same way as the metric's scores."
        )
    if baselines := [entry.baselines for entry in entries if entry.baselines]:
        cited.append("ernst")
        yield (
            f"Each grade stands beside those of {baselines[0].permutations:,} random permutations of the "
            "scores (Ernst, 2004), of one person, and of the mean of the other evaluators on the same ratings."
        )
    if any(task.comparison for task in report.tasks.values()):
        cited += ["deutsch", "williams", "holm", "benjamini"]
        unit = report.clusters
        swapped = f"{unit} by {unit}" if unit else "image by image"
        yield (
            f"Metrics were compared in pairs by exchanging both scores at random, {swapped} (PERM-BOTH, Deutsch et "
            "al., 2021), and by Williams' (1959) test, with the corrections of Holm (1979) and of Benjamini and "
            "Yekutieli (2001)."
        )
    if any(entry.sorting for entry in entries):
        cited.append("satterthwaite")
        yield (
            "As sorters of images, metric and evaluator were compared by the share of pairs of images that they put in "
            "the order of the other evaluators' mean (ties count half), with intervals by the delta method over images "
            "and the variance over evaluators (degrees of freedom after Satterthwaite, 1946)."
        )
    if any(task.strictness.p is not None for task in report.tasks.values()):
        yield (
            "Evaluators' strictness was estimated as an additive effect by least squares over images and evaluators; "
            "grades without it are cross-validated over images."
        )
    if any(entry.annotator_test for entry in entries):
        cited += ["calderon", "benjamini"]
        yield (
            "Whether a metric may replace an evaluator was put to the alternative annotator test (Calderon et al., "
            "2025; its p-values corrected after Benjamini & Yekutieli, 2001), beside which the best constant answer "
            "took the same test."
        )
    if any(task.recovery for task in report.tasks.values()):
        cited += ["dempster"]
        yield (
            "Evaluators' biases and inconsistencies were estimated by maximum likelihood with the images' qualities as "
            "random effects, by the EM algorithm (Dempster et al., 1977)."
        )
    if any(entry.telecom for entry in entries):
        cited.append("p1401")
        yield "PLCC, RMSE and the outlier ratio were computed after a monotone cubic, as in ITU-T P.1401 (2020)."
    if any(entry.predictor for entry in entries):
        cited += ["vovk", "lu"]
        yield (
            "Predictions of a new person's rating of a new image come with cross-conformal sets (Vovk, 2015) of "
            "neighbouring ratings (Lu et al., 2022)."
        )


def _entries(report: Report) -> Iterator[tuple[str, Metric]]:
    for name, task in report.tasks.items():
        for entry in task.metrics.values():
            yield name, entry


def _limits(agreement: Agreement, name: AgreementFigure) -> str:
    """'95 % interval a to b; ' where there is one; for people like these rather than for these."""
    low, high, _ = interval_to_quote(agreement.intervals, name)
    return "" if low is None or high is None else f"95 % interval {low:.3f} to {high:.3f}; "
