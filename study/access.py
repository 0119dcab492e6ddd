"""Who may do what: the token of a private link is the only key. One dependency for raters, one for the owner."""

import secrets
from typing import Annotated

from fastapi import Depends, HTTPException, Request

from study.folder import Study
from study.live_report import LiveReport
from study.owner_exports import Exports
from study.store import Evaluator
from study.trouble import Trouble

UNKNOWN_LINK = "This link is not known. Ask the owner of the study for your link."


async def served_study(request: Request) -> Study:
    """The study that this server was started for."""
    study: Study = request.app.state.study
    return study


async def served_report(request: Request) -> LiveReport:
    """The report of that study, for its owner."""
    report: LiveReport = request.app.state.live_report
    return report


async def raters_report(request: Request) -> LiveReport:
    """The report of that study, for its raters."""
    report: LiveReport = request.app.state.raters_report
    return report


async def served_exports(request: Request) -> Exports:
    """What makes the study's exports."""
    exports: Exports = request.app.state.exports
    return exports


async def server_trouble(request: Request) -> Trouble:
    """What keeps the server from saving."""
    trouble: Trouble = request.app.state.trouble
    return trouble


ServedStudy = Annotated[Study, Depends(served_study)]
ServedReport = Annotated[LiveReport, Depends(served_report)]
RatersReport = Annotated[LiveReport, Depends(raters_report)]
ServedExports = Annotated[Exports, Depends(served_exports)]
ServerTrouble = Annotated[Trouble, Depends(server_trouble)]


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
