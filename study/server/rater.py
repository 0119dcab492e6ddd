"""What a rater's browser asks for: the session, the pictures, the saving of a rating, and the report at the end.

Nothing here names an image, a model or a checkpoint: a picture goes by the opaque id of the rater's own assignment.
"""

from pathlib import Path
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from starlette.requests import ClientDisconnect

from calibration.scale import Scale
from study.folder.study import Study
from study.server.access import Rater, Served, Serving, rater_of_link
from study.server.compression import compressed_json, html_in_gzip
from study.server.guard import LARGEST_BODY
from study.server.picture_answers import picture_answer
from study.store.store import Assignment, ConflictError, Evaluator, LockedError, StaleError, UnknownAssignment

UNKNOWN_IMAGE = "This image is not among yours; reload the page."
MISSING_IMAGE = "This picture cannot be read on the server; tell the owner of the study."
ELSEWHERE = "This image was rated on another page of yours meanwhile; that answer stays."
CONFLICT = "This answer was sent before with another value; reload the page."
LOCKED = "You have seen the report, so your answers stay as they are."
NOT_YET = "The report opens once you have rated every image, if the owner shares it."
LONGEST_RESPONSE_MS = 86_400_000

router = APIRouter(prefix="/api/rater/{token}")


class Answer(BaseModel):
    """One rating as the browser sends it; the context of its validation is the study's scale."""

    model_config = ConfigDict(strict=True, extra="forbid")

    rating: int | float
    client_id: str = Field(min_length=1, max_length=64)
    response_ms: int | None = Field(default=None, ge=0, le=LONGEST_RESPONSE_MS)
    previous: int | float | None = None

    @field_validator("rating", "previous")
    @classmethod
    def _is_a_level(cls, given: int | float | None, info: ValidationInfo) -> int | float | None:
        scale = info.context
        assert isinstance(scale, Scale)
        if given is not None and not scale.is_level(given):
            raise ValueError(f"must be {scale.answer}")
        return given


@router.get("/session")
def get_session(request: Request, served: Served, rater: Rater) -> Response:
    """The tasks with their questions, and the rater's assignments in order, each with its rating so far.

    A browser that has it already asks with If-None-Match, and gets 304 where no answer came in elsewhere.
    """
    etag = f'"{served.study.store.session_state(rater.id)}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag})
    return compressed_json(request, _session(served.study, rater), etag)


def _session(study: Study, rater: Evaluator) -> dict[str, Any]:
    first_with: dict[tuple[Path, ...], str] = {}
    tasks = []
    for name, assignments in _by_task(study, rater).items():
        task = study.config.tasks[name]
        entries = []
        for assignment in assignments:
            entry: dict[str, Any] = {"id": assignment.public_id, "rating": assignment.rating, "references": 0}
            if assignment.round > 1:  # of new images and anchors alike
                entry["round"] = assignment.round
            if task.show_references:
                photos = tuple(study.reference_paths(assignment.item))
                entry["references"] = len(photos)
                entry["references_from"] = first_with.setdefault(photos, assignment.public_id)
            if task.show_prompt:
                entry["prompt"] = study.prompt(assignment.item)
            entries.append(entry)
        tasks.append(
            {
                "name": name,
                "question": task.question,
                "levels": task.levels,
                "numbers": task.answers.numbers,
                "show_references": task.show_references,
                "show_prompt": task.show_prompt,
                "total": len(entries),
                "assignments": entries,
            }
        )
    return {
        "title": study.config.title,
        "tasks": tasks,
        "share_report": study.config.share_report,
        "report_seen": study.store.has_seen_report(rater.id),
    }


@router.put("/ratings/{public_id}")
async def put_rating(token: str, public_id: str, request: Request, served: Served) -> Response:
    """Save a rating, and answer only once it is committed; the same client id again changes nothing.

    `previous` is the answer that the page believes to be there. Where it is sent and another answer is there, given on
    another page meanwhile, nothing is saved and that answer is sent back.

    The link is looked up before the body is read, and both happen in threads that do nothing else.
    """
    threads = served.rating_threads
    try:
        rater = await to_thread.run_sync(rater_of_link, token, served, limiter=threads)
    except HTTPException as error:
        return _unread({"detail": error.detail}, error.status_code)
    try:
        body = await _body(request)
    except ClientDisconnect:
        return _unread({"detail": "The request broke off."}, 400)
    if body is None:
        return _unread({"detail": "The request is too large."}, 413)
    return await to_thread.run_sync(
        _save, served, rater, public_id, _answer(body, served.study.store.scale), limiter=threads
    )


def _save(served: Serving, rater: Evaluator, public_id: str, answer: Answer) -> Response:
    """Commit an answer, and say what became of it."""
    expected = (answer.previous,) if "previous" in answer.model_fields_set else None
    rate = served.study.store.rate
    try:
        saved = rate(rater.id, public_id, answer.rating, answer.client_id, answer.response_ms, expected)
    except StaleError as error:
        return JSONResponse({"detail": ELSEWHERE, "rating": error.rating}, 409)
    except UnknownAssignment as error:
        raise HTTPException(404, UNKNOWN_IMAGE) from error
    except ConflictError as error:
        raise HTTPException(409, CONFLICT) from error
    except LockedError as error:
        return JSONResponse({"detail": LOCKED, "rating": error.rating}, 403)
    served.trouble.is_over()
    content = {
        "id": saved.public_id,
        "rating": saved.rating,
        "rated_at": saved.rated_at,
        "client_id": saved.client_id,
    }
    return JSONResponse(content)


def _answer(body: bytes, scale: Scale) -> Answer:
    """The body as an answer; raises what FastAPI raises for one that is none."""
    try:
        return Answer.model_validate_json(body, context=scale)
    except ValidationError as error:
        raise RequestValidationError([each | {"loc": ("body", *each["loc"])} for each in error.errors()]) from error


async def _body(request: Request) -> bytes | None:
    """The body, counted while it comes; None where it is longer than an answer can be."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            return None
    return body


def _unread(content: dict[str, Any], status: int) -> Response:
    """An answer after which the connection ends, because what it may still send is not read."""
    return JSONResponse(content, status, headers={"Connection": "close"})


@router.get("/images/{public_id}")
def get_image(public_id: str, request: Request, served: Served, rater: Rater) -> Response:
    """The image of an assignment: the original bytes, less what could name the model."""
    study = served.study
    return _picture(study.image_path(_own(study, rater, public_id).item), request, served)


@router.get("/images/{public_id}/references/{number}")
def get_reference(public_id: str, number: int, request: Request, served: Served, rater: Rater) -> Response:
    """A reference photo of an assignment, counted from 0."""
    study = served.study
    assignment = _own(study, rater, public_id)
    photos = study.reference_paths(assignment.item) if study.config.tasks[assignment.task].show_references else []
    if not 0 <= number < len(photos):
        raise HTTPException(404, UNKNOWN_IMAGE)
    return _picture(photos[number], request, served)


@router.get("/report")
def get_report(request: Request, served: Served, rater: Rater) -> Response:
    """The report without names, for a rater who has finished, in a study that shares it.

    From then on their answers stay as they are, and they are given nothing more to rate.
    """
    study = served.study
    assignments = [assignment for task in _by_task(study, rater).values() for assignment in task]
    finished = all(assignment.rating is not None for assignment in assignments)
    if not (study.config.share_report and finished):
        raise HTTPException(403, NOT_YET)
    page, is_report = served.raters_report.page()
    if is_report:
        study.store.note_report_seen(rater.id)
    return html_in_gzip(request, page)


def _by_task(study: Study, rater: Evaluator) -> dict[str, list[Assignment]]:
    """The rater's assignments, the tasks apart and in study.yaml's order, also where images were added later."""
    assignments = study.store.assignments(rater.id)
    tasks = {name: [one for one in assignments if one.task == name] for name in study.config.tasks}
    return {name: own for name, own in tasks.items() if own}


def _own(study: Study, rater: Evaluator, public_id: str) -> Assignment:
    """The rater's own assignment; 404 for anybody else's."""
    assignment = study.store.assignment(rater.id, public_id)
    if assignment is None:
        raise HTTPException(404, UNKNOWN_IMAGE)
    return assignment


def _picture(path: Path, request: Request, served: Serving) -> Response:
    try:
        return picture_answer(path, request, served.pictures)
    except (OSError, ValueError) as error:
        raise HTTPException(404, MISSING_IMAGE) from error
