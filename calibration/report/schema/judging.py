"""A metric as a judge of pairs and of models, other mappings of it, and metrics beside each other."""

from typing import Literal

from pydantic import Field

from calibration.report.schema.base import Count, Limits, Number, Section


class PairwiseAccuracy(Section):
    """The share of pairs of images that metric and people order, or tie, alike (Deutsch et al., 2023)."""

    accuracy: Number = Field(description="On images on which epsilon was not chosen (0 to 1).")
    without_ties: Number = Field(description="Where only equal scores are a tie (0 to 1).")
    all_tied: Number = Field(description="Of calling every pair equal (0 to 1).")
    epsilon: Number = Field(description="Scores nearer than this count as equal (the score's units).")
    in_sample: Number = Field(description="With epsilon chosen on the same images (0 to 1).")


class SortingIntervals(Section):
    """95 % intervals of the two accuracies and of their difference."""

    metric: Limits = Field(description="Of the metric's (0 to 1).")
    person: Limits = Field(description="Of an evaluator's (0 to 1).")
    difference: Limits = Field(description="Of the first less the second (-1 to 1).")


class Sorting(Section):
    """Metric and evaluator as sorters of images: the share of pairs in the order of the other evaluators' mean."""

    metric: Number = Field(description="The metric's (0 to 1; a guess has 0.5).")
    person: Number = Field(description="The average evaluator's (0 to 1).")
    difference: Number = Field(description="The first less the second (-1 to 1).")
    margin: Number = Field(description="A difference down to minus this counts as none (0 or more).")
    compared: Count = Field(description="Evaluators it was compared with.")
    evaluators: Count = Field(description="Evaluators there are.")
    n_items: Count = Field(description="Images in these pairs.")
    these: SortingIntervals | None = Field(description="For other images, rated by these evaluators.")
    people_like_these: SortingIntervals | None = Field(
        description="For other images and other evaluators; null for fewer than three."
    )


class Estimate(Section):
    """A correlation with its 95 % interval."""

    value: Number = Field(description="-1 to 1, in the metric's direction.")
    low: Number = Field(description="Lower end; null without draws.")
    high: Number = Field(description="Upper end.")


class ModelMean(Section):
    """One generator model."""

    model: str = Field(description="Its name.")
    n: Count = Field(description="How many of its images count.")
    score: Number = Field(description="Their mean score (the score's units).")
    rating: Number = Field(description="Their mean rating (unit scale, 0 to 1).")
    rank_by_metric: Number = Field(description="1 is best; ties share their mean rank.")
    rank_by_people: Number = Field(description="1 is best; ties share their mean rank.")


class Models(Section):
    """The metric against people, within generator models and between them."""

    n: Count = Field(description="How many images count.")
    models: list[ModelMean] = Field(description="The best by people first.")
    overall: Estimate = Field(description="Spearman's correlation over all images.")
    within: Estimate = Field(description="Correlation within a model.")
    within_mean: Number = Field(description="Mean of the models' own Spearman correlations (-1 to 1).")
    between: Estimate = Field(description="Pearson's correlation of the models' means.")
    tau: Number = Field(description="Kendall's tau-b of the models' two orders (-1 to 1).")
    pairs: Count = Field(description="Pairs of models.")
    alike: Count = Field(description="How many of them the metric orders as people do.")
    told_apart: Count = Field(description="Pairs that people tell apart.")
    told_apart_alike: Count = Field(description="How many of those the metric orders as people do.")
    soft_accuracy: Number = Field(description="Soft pairwise accuracy (Thompson et al., 2024; 0 to 1).")
    simpson: list[Literal["between", "overall"]] = Field(
        description="Which correlations clearly point the other way than that within a model; empty for none."
    )
    draws: Count = Field(description="How many draws the intervals rest on.")
    sentences: list[str] = Field(description="What a reader should know, in words.")
    simpson_sentence: str | None = Field(description="Of these the one on Simpson's paradox; null where there is none.")


class Mapping(Section):
    """Another way to turn scores into ratings, on unseen people's ratings of unseen images."""

    mapping: str = Field(description="Its name.")
    grade: Number = Field(description="Against one held-out person (0 to 1).")
    skill: Number = Field(description="Over the best constant (at most 1).")
    levels_used: Count | None = Field(description="How many levels it gives; null for a person.")
    difference: Number = Field(description="Its grade less the exact mapping's; null for that one and for a person.")
    low: Number = Field(description="Lower end of the 95 % interval, for other images.")
    high: Number = Field(description="Upper end.")


class Telecom(Section):
    """The figures of ITU-T P.1401, after a monotone cubic."""

    n: Count = Field(description="Images.")
    n_outliers: Count = Field(description="Images whose error is larger than the uncertainty of their mean rating.")
    rmse_star: Number = Field(description="Epsilon-insensitive root mean squared error (rating points, 0 is perfect).")
    plcc: Number = Field(description="Pearson's correlation (-1 to 1).")
    plcc_low: Number = Field(description="Lower end of its 95 % interval.")
    plcc_high: Number = Field(description="Upper end.")
    srcc: Number = Field(description="Spearman's correlation (-1 to 1).")
    srcc_low: Number = Field(description="Lower end of its 95 % interval.")
    srcc_high: Number = Field(description="Upper end.")
    rmse: Number = Field(description="Root mean squared error (rating points, 0 is perfect).")
    rmse_low: Number = Field(description="Lower end of its 95 % interval.")
    rmse_high: Number = Field(description="Upper end.")
    outlier_ratio: Number = Field(description="Share of outliers (0 to 1).")
    outlier_ratio_low: Number = Field(description="Lower end of its 95 % interval.")
    outlier_ratio_high: Number = Field(description="Upper end.")


class TelecomSignificance(Section):
    """Two-sided p values of ITU-T P.1401's tests of two metrics (0 to 1)."""

    plcc: Number = Field(description="Of equal correlations.")
    rmse: Number = Field(description="Of equal root mean squared errors.")
    outlier_ratio: Number = Field(description="Of equal outlier ratios.")


class ComparedPair(Section):
    """Two metrics, that with the greater correlation first."""

    first: str = Field(description="A metric.")
    second: str = Field(description="Another.")
    n: Count = Field(description="Images with both scores and a rating.")
    difference: Number = Field(description="The first's correlation less the second's, on these images (0 to 2).")
    p: Number = Field(description="Of the permutation test (0 to 1).")
    p_holm: Number = Field(description="For all pairs together (Holm).")
    p_by: Number = Field(description="For the share of false finds (Benjamini and Yekutieli).")
    williams_p: Number = Field(description="Of Williams' test (0 to 1).")
    p1401: TelecomSignificance | None = Field(description="Of ITU-T P.1401's tests.")


class ComparedMetric(Section):
    """Where a metric stands among the others."""

    metric: str = Field(description="Its name.")
    correlation: Number = Field(description="With people, in the metric's direction (-1 to 1).")
    letters: str = Field(description="Metrics that share a letter cannot be told apart by these data.")
    best_rank: int | None = Field(description="The best place at which it may stand (1 is best).")
    worst_rank: int | None = Field(description="The worst.")


class Comparison(Section):
    """Every metric against every other."""

    statistic: str = Field(description="The correlation that is compared.")
    pairs: list[ComparedPair] = Field(description="One entry for every two metrics.")
    groups: list[ComparedMetric] = Field(description="One entry for each metric.")
    left_out: Count = Field(description="How many metrics, of the lowest correlations, were not compared.")


class Combination(Section):
    """The metrics together, against the best one alone, on unseen people's ratings of unseen images."""

    metrics: list[str] = Field(description="Those that went in.")
    weights: dict[str, Number] = Field(
        description="By metric: log odds of a higher rating for one standard deviation of the score."
    )
    chosen: dict[str, Count] = Field(description="In how many folds each was the best single one in training.")
    grade: Number = Field(description="The combination's against one person (0 to 1).")
    best_grade: Number = Field(description="That of the metric that was best in training (0 to 1).")
    constant: Number = Field(description="The best constant's (0 to 1).")
    skill: Number = Field(description="The combination's (at most 1).")
    best_skill: Number = Field(description="The single metric's (at most 1).")
    gain: Number = Field(description="The combination's grade less the single metric's.")
    these: Limits = Field(description="95 % interval of the gain, for other images.")
    people_like_these: Limits = Field(description="The same for other images and other evaluators.")
    p: Number = Field(description="Two-sided, of no gain on other images (0 to 1).")
    spearman: Number = Field(description="Of the combined score with the mean rating (-1 to 1).")
    n_items: Count = Field(description="Images with a rating and a score by each of these metrics.")
    n_clusters: Count = Field(description="How many groups of images they make.")
