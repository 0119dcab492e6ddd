"""What the report's models share: strict types, no unknown keys, and a dump that is the report as it was read."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict, Field

Finite = Annotated[float, Field(allow_inf_nan=False)]
"""A figure that is always known."""

Number = Finite | None
"""A figure; None where it cannot be computed, and a note beside it says why."""

Count = Annotated[int, Field(ge=0)]
"""How many there are."""

Limits = Annotated[list[Number], Field(min_length=2, max_length=2)]
"""The lower and the upper end of an interval; both None where it is not known."""


class Section(BaseModel):
    """A part of the report.

    A key of the report that not every report has is a field with the default None. Such a field that was not set is
    absent from the dump again, so that what was read is what is written.

    Examples
    --------
    >>> class Example(Section):
    ...     value: float
    ...     interval: Limits | None = None
    >>> Example.model_validate({"value": 0.5}).model_dump()
    {'value': 0.5}
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True, protected_namespaces=())

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """The section as report.json holds it: its keys, in their order, without those that are absent.

        Parameters
        ----------
        **options
            As pydantic's `BaseModel.model_dump` takes them.

        Returns
        -------
        dict
        """
        return super().model_dump(**{"by_alias": True, "exclude_unset": True} | options)


class NameInNote(Section):
    """Where the name stands in a note that names one person or metric."""

    note: Count = Field(description="The note's place among `notes`, from 0.")
    start: Count = Field(description="Where in it the name begins, in characters from 0.")
    name: str = Field(description="The evaluator's or the metric's.")


class Intervals(Protocol):
    """The intervals of several figures, for both questions."""

    @property
    def these(self) -> Mapping[Any, list[Number]]:
        """For other images, rated by these evaluators."""

    @property
    def people_like_these(self) -> Mapping[Any, list[Number]]:
        """For other images and other evaluators; empty where that is not known."""


class Quoted(NamedTuple):
    """An interval to quote, and for whom it is; all None where there is none."""

    low: Number
    high: Number
    people: Literal["people_like_these", "these"] | None


def interval_to_quote(intervals: Intervals | None, figure: str) -> Quoted:
    """A figure's interval for people like these, or, where no figure has one, for these people.

    Examples
    --------
    >>> from calibration.report.schema.metric import MetricIntervals
    >>> known = {"people_like_these": {}, "draws": 9, "clusters": 9, "clustered_by": None}
    >>> interval_to_quote(MetricIntervals(these={"skill": [0.1, 0.3]}, **known), "skill")
    Quoted(low=0.1, high=0.3, people='these')
    """
    nothing = Quoted(None, None, None)
    if intervals is None:
        return nothing
    people: Literal["people_like_these", "these"] = "people_like_these" if intervals.people_like_these else "these"
    low, high = getattr(intervals, people).get(figure) or (None, None)
    return nothing if low is None or high is None else Quoted(low, high, people)
