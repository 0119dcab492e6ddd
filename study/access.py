"""Who may do what: the token of a private link is the only key. One dependency for raters, one for the owner."""

import secrets
from typing import Annotated

from fastapi import Depends, HTTPException, Request

from study.folder import Study
from study.live_report import LiveReport
from study.store import Evaluator

UNKNOWN_LINK = "This link is not known. Ask the owner of the study for your link."


def served_study(request: Request) -> Study:
    """The study that this server was started for."""
    study: Study = request.app.state.study
    return study


def served_report(request: Request) -> LiveReport:
    """The report of that study."""
    report: LiveReport = request.app.state.live_report
    return report


ServedStudy = Annotated[Study, Depends(served_study)]
ServedReport = Annotated[LiveReport, Depends(served_report)]


def rater_of_link(token: str, study: ServedStudy) -> Evaluator:
    """The evaluator whose private link holds this token; 404 where nobody's does."""
    evaluator = study.store.evaluator_by_token(token)
    if evaluator is None:
        raise HTTPException(404, UNKNOWN_LINK)
    return evaluator


def owner_of_link(token: str, study: ServedStudy) -> Study:
    """The study, for its owner alone; 404 for any other token, compared in constant time."""
    if not secrets.compare_digest(token.encode(), study.store.owner_token.encode()):
        raise HTTPException(404, UNKNOWN_LINK)
    return study


Rater = Annotated[Evaluator, Depends(rater_of_link)]
OwnedStudy = Annotated[Study, Depends(owner_of_link)]
