"""What a server serves, and who may ask for it: the token of a private link is the only key."""

import secrets
from dataclasses import dataclass, field
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends, HTTPException, Request

from study.background.zip_export import Exports
from study.folder.study import Study
from study.server.live_dashboard import LiveDashboard
from study.server.live_report import LiveReport
from study.server.pictures import Pictures
from study.server.trouble import Trouble
from study.store.store import Evaluator

UNKNOWN_LINK = "This link is not known. Ask the owner of the study for your link."
RATING_THREADS = 8


@dataclass(frozen=True)
class Serving:
    """A study that is served, with what its server holds beside it; the app keeps one, and every route gets it.

    Attributes
    ----------
    study : Study
        The study.
    report, raters_report : LiveReport
        Its report, for the owner and without names.
    exports : Exports
        What makes its tables.
    dashboard : LiveDashboard
        The figures and small pictures of its runs.
    pictures : Pictures
        Its pictures as raters receive them.
    trouble : Trouble
        What keeps the server from saving.
    rating_threads : CapacityLimiter
        The threads of ratings, in which nothing that is looked at waits.
    """

    study: Study
    report: LiveReport
    raters_report: LiveReport
    exports: Exports
    dashboard: LiveDashboard
    pictures: Pictures = field(default_factory=Pictures)
    trouble: Trouble = field(default_factory=Trouble)
    rating_threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(RATING_THREADS))

    @classmethod
    def of(cls, study: Study) -> "Serving":
        """What a server of a study begins with."""
        return cls(study, LiveReport(study), LiveReport(study, "raters-report"), Exports(study), LiveDashboard(study))

    def close(self) -> None:
        """End what is being made, and remove what was kept; the study stays open."""
        for held in (self.report, self.raters_report, self.exports, self.dashboard, self.pictures):
            held.close()


async def serving(request: Request) -> Serving:
    """What this server serves."""
    held: Serving = request.app.state.serving
    return held


Served = Annotated[Serving, Depends(serving)]


def rater_of_link(token: str, served: Served) -> Evaluator:
    """The evaluator whose private link holds this token; 404 where nobody's does."""
    evaluator = served.study.store.evaluator_by_token(token)
    if evaluator is None:
        raise HTTPException(404, UNKNOWN_LINK)
    return evaluator


def owner_of_link(token: str, served: Served) -> Serving:
    """What is served, for the study's owner alone; 404 for any other token, compared in constant time."""
    if not secrets.compare_digest(token.encode(), served.study.store.owner_token.encode()):
        raise HTTPException(404, UNKNOWN_LINK)
    return served


Rater = Annotated[Evaluator, Depends(rater_of_link)]
Owned = Annotated[Serving, Depends(owner_of_link)]
