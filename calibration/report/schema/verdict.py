"""The verdict on a metric: two answers, the claims that they rest on, and the words for them."""

from typing import Literal

from pydantic import Field

from calibration.report.schema.base import Finite, Section
from calibration.verdict.claims import Answer, ClaimName, Kind, Question

ClaimFigure = Literal[
    "alpha",
    "because",
    "better",
    "between",
    "compared",
    "constant_passes",
    "constant_winning_rate",
    "difference",
    "evaluators",
    "high",
    "items",
    "level",
    "levels",
    "low",
    "mapped_alike",
    "margin",
    "mean_scored",
    "mean_unscored",
    "metric",
    "n_items",
    "n_scored",
    "n_unscored",
    "needed",
    "new",
    "p",
    "passes",
    "people",
    "person",
    "person_skill",
    "person_skill_without",
    "scores",
    "sets",
    "skill",
    "skill_without",
    "spearman",
    "spread",
    "unseen_skill",
    "wins",
    "winning_rate",
    "within",
]
"""What a claim may rest on; each is named as it is where the report gives it, and `needed` is the limit asked for."""


class Answered(Section):
    """The answer to one question."""

    answer: Answer = Field(description="'unknown' where it cannot be judged.")
    sentence: str = Field(description="Why, in words.")


class Claim(Section):
    """One statement about the metric or its people."""

    name: ClaimName = Field(description="What is stated.")
    holds: bool = Field(description="Whether the figures bear it out.")
    figures: dict[ClaimFigure, bool | int | Finite | str | None] = Field(
        description="What it rests on, unrounded, with the limits that were asked for."
    )

    def figure(self, name: ClaimFigure) -> float | None:
        """A figure that is a number; None where it is not known."""
        value = self.figures.get(name)
        return value if isinstance(value, float | int) else None


class SentenceParts(Section):
    """The verdict's sentence in parts, which follow each other without anything between."""

    title: str = Field(description="The metric's title.")
    advice: str = Field(description="What to do with it, or why it was not judged.")
    figures: str = Field(description="Those that lead every verdict, in brackets; empty where it was not judged.")
    scope: str = Field(description="The stop, and on which images all this rests where that matters.")


class Verdict(Section):
    """What the figures of a metric come to."""

    kind: Kind = Field(description="What the two answers come to; 'unknown' where the metric was not judged.")
    sentence: str = Field(description="What to do with the metric, in words.")
    sentence_parts: SentenceParts = Field(description="The same, part by part.")
    sorts: Answered = Field(description="Does it sort images as people do?")
    predicts: Answered = Field(description="Does it predict one person's rating?")
    claims: list[Claim] = Field(description="Everything that was looked at.")

    def claim(self, name: ClaimName) -> Claim | None:
        """The claim of this name; None where it was not looked at."""
        return next((claim for claim in self.claims if claim.name == name), None)

    @property
    def answers(self) -> dict[Question, Answer]:
        """Both answers, by their key."""
        return {"sorts": self.sorts.answer, "predicts": self.predicts.answer}
