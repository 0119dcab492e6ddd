"""What a verdict consists of: claims with the figures that they rest on, two answers, and the kind that follows."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Question = Literal["sorts", "predicts"]
"""Does it sort images as people do? Does it predict one person's rating?"""

Answer = Literal["yes", "with care", "no", "unknown"]

Kind = Literal["unknown", "none", "below", "within", "predicts", "sorts", "stand-in"]
"""What the two answers come to.

- unknown: whether it sorts images as people do cannot be judged;
- none: it does not sort images as people do: its order is no more than chance gives, or against people's;
- below: its order is better than chance, not shown to be a person's, and it does not predict one person's rating;
- within: its order is better than chance, and neither a person's order nor a person's rating is shown, nor the second
  ruled out;
- predicts: it predicts one person's rating, and is not shown to sort as well as a person;
- sorts: it sorts as well as a person, and is not shown to predict one person's rating;
- stand-in: both.
"""

ClaimName = Literal[
    "a metric can be graded",
    "enough images",
    "evaluators rated common images",
    "people agree",
    "people agree but for strictness",
    "people predict each other",
    "scores differ",
    "people tell images apart",
    "order above chance",
    "order against people",
    "order's interval above 0",
    "sorts as well as a person",
    "mean ratings are comparable",
    "tells one model's images apart",
    "not against people within a model",
    "uses two levels or more",
    "better than a constant",
    "better than a constant on new images",
    "skill's interval above 0",
    "skill's interval on new images above 0",
    "may replace a person",
    "not behind the median evaluator",
    "beats half of the evaluators",
    "people differ in strictness",
    "unscored images are rated alike",
]


@dataclass(frozen=True)
class Claim:
    """One statement about a metric or its people, and whether it holds.

    Attributes
    ----------
    name : str
        What is stated.
    holds : bool
        Whether the figures bear it out.
    figures : dict
        What it rests on, by name, unrounded, with the limits that were asked for.
    """

    name: ClaimName
    holds: bool
    figures: dict[str, Any]


class Claims(dict[ClaimName, Claim]):
    """Everything that was looked at, by name; what was not looked at neither holds nor fails."""

    def all_hold(self, *names: ClaimName) -> bool:
        """Whether all of them were looked at and hold."""
        return all(name in self and self[name].holds for name in names)

    def any_fails(self, *names: ClaimName) -> bool:
        """Whether one of them was looked at and does not hold."""
        return any(name in self and not self[name].holds for name in names)


@dataclass(frozen=True)
class Verdict:
    """What the figures of a metric say.

    Attributes
    ----------
    title : str
        The metric's.
    sorts, predicts : {"yes", "with care", "no", "unknown"}
        Does it sort images as people do? Does it predict one person's rating?
    claims : Claims
        Everything that was looked at.
    figures : dict
        Shown with every verdict: ``skill``, its interval ``low`` and ``high``, ``unseen_skill``, ``person_skill`` and
        the like; None where not known.
    """

    title: str
    sorts: Answer
    predicts: Answer
    claims: Claims
    figures: dict[str, Any]

    @property
    def kind(self) -> Kind:
        """What the two answers come to."""
        if self.sorts == "unknown":
            return "unknown"
        if self.sorts == "no":
            return "none"
        if self.sorts == "yes":
            return "stand-in" if self.predicts == "yes" else "sorts"
        if self.predicts == "yes":
            return "predicts"
        return "below" if self.predicts == "no" else "within"

    def claim(self, name: ClaimName) -> Claim | None:
        """The claim of this name; None where it was not looked at."""
        return self.claims.get(name)

    def fails(self, name: ClaimName) -> bool:
        """Whether the claim was looked at and does not hold."""
        return self.claims.any_fails(name)

    def holds(self, name: ClaimName) -> bool:
        """Whether the claim was looked at and holds."""
        return self.claims.all_hold(name)

    def claim_entries(self) -> list[dict[str, Any]]:
        """The claims as the report holds them."""
        return [asdict(claim) for claim in self.claims.values()]
