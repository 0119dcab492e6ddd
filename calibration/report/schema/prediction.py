"""A metric as a predictor of ratings."""

from pydantic import Field

from calibration.report.schema.base import Count, Limits, Number, Section


class Curve(Section):
    """What is predicted along the metric's scores: lists of equal length, in the order of the scores."""

    score: list[Number] = Field(description="The score.")
    p1: list[Number] = Field(description="Probability of level 1 (0 to 1).")
    p2: list[Number] = Field(description="Probability of level 2 (0 to 1).")
    p3: list[Number] = Field(description="Probability of level 3 (0 to 1).")
    p4: list[Number] | None = Field(
        default=None, description="Probability of level 4; absent where there are fewer levels."
    )
    p5: list[Number] | None = Field(
        default=None, description="Probability of level 5; absent where there are fewer levels."
    )
    p6: list[Number] | None = Field(
        default=None, description="Probability of level 6; absent where there are fewer levels."
    )
    p7: list[Number] | None = Field(
        default=None, description="Probability of level 7; absent where there are fewer levels."
    )
    p8: list[Number] | None = Field(
        default=None, description="Probability of level 8; absent where there are fewer levels."
    )
    p9: list[Number] | None = Field(
        default=None, description="Probability of level 9; absent where there are fewer levels."
    )
    p10: list[Number] | None = Field(
        default=None, description="Probability of level 10; absent where there are fewer levels."
    )
    p11: list[Number] | None = Field(
        default=None, description="Probability of level 11; absent where there are fewer levels."
    )
    mean: list[Number] = Field(description="Expected level (from 1).")
    low: list[Number] = Field(description="The lowest level in the set that holds a new rating (from 1).")
    high: list[Number] = Field(description="The highest.")
    mean_low: list[Number] = Field(description="Lower end of the interval of an image's mean level (from 1).")
    mean_high: list[Number] = Field(description="Upper end.")


class Predictor(Section):
    """How the metric's scores are turned into a distribution over the ratings."""

    family: str = Field(description="The form of the curve.")
    shrinkage: Number = Field(description="How far the curve is drawn towards the distribution of all ratings.")
    range: Limits = Field(description="The least and the greatest score that it was fitted on.")
    mean_levels_in_set: Number = Field(description="How many ratings the set that holds a new one has on average.")
    coverage: Number = Field(description="Share of new ratings that the sets are to hold (0 to 1).")
    log_loss: Number = Field(description="On unseen ratings (nats a rating, 0 is perfect).")
    marginal_log_loss: Number = Field(description="Of the distribution of all ratings, whatever the score (nats).")
    n_items: Count = Field(description="Images that it was fitted on.")
    n_ratings: Count = Field(description="Ratings that it was fitted on.")
    n_evaluators: Count = Field(description="Evaluators who gave them.")
    curve: Curve = Field(description="Points of the curve, to draw.")


class Bin(Section):
    """Images with about the same predicted rating."""

    n: Count = Field(description="How many.")
    predicted: Number = Field(description="Mean predicted level (from 1).")
    observed: Number = Field(description="Mean level by people who were held out (from 1).")
    interval: Limits = Field(description="95 % interval of the observed mean.")


class Reliability(Section):
    """Whether predicted ratings can be believed, on people and images that were held out."""

    bins: list[Bin] = Field(description="By predicted rating.")
    error: Number = Field(description="Expected calibration error (rating points, 0 is perfect).")
    error_by_chance: Number = Field(description="What it would be on average if predictions were right.")
    error_p: Number = Field(description="How often it would then be as large (0 to 1).")
    error_excess: Number = Field(description="The error less that by chance (rating points, 0 or more).")
    rps: Number = Field(description="Ranked probability score (rating points, 0 is perfect).")
    climatology_rps: Number = Field(description="The same of always predicting how often each rating occurs.")
    rps_skill: Number = Field(description="One minus their ratio (at most 1).")
    log_loss: Number = Field(description="Nats a rating, 0 is perfect.")
    climatology_log_loss: Number = Field(description="The same of always predicting how often each rating occurs.")
    n_items: Count = Field(description="Images that it rests on.")
    n_ratings: Count = Field(description="Ratings that it rests on.")
