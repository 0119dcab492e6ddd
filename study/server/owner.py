"""What the owner's browser asks for: progress, the report so far, and the tables as a zip file."""

from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from study.folder.links import rater_link
from study.server.access import Owned
from study.server.compression import compressed_json, html_in_gzip
from study.store.store import Progress

router = APIRouter(prefix="/api/owner/{token}")

_WAITING = CapacityLimiter(16)  # threads that only wait for an export; those that answer the rest are others


@router.get("/progress")
def get_progress(request: Request, owned: Owned) -> Response:
    """How far every evaluator is in every task, with the private links, and what keeps the server from saving."""
    study = owned.study
    by_name: dict[str, dict[str, Progress]] = {}
    for row in study.store.progress():
        by_name.setdefault(row.evaluator, {})[row.task] = row
    evaluators = []
    for evaluator in study.store.evaluators():
        rows = by_name.get(evaluator.name, {})
        tasks = [_task(rows.get(name)) for name in study.config.tasks]
        evaluators.append(
            {
                "name": evaluator.name,
                "link": rater_link("", evaluator.token),
                "done": sum(task["done"] for task in tasks),
                "total": sum(task["total"] for task in tasks),
                "last_rated_at": max((row.last_rated_at for row in rows.values() if row.last_rated_at), default=None),
                "tasks": tasks,
            }
        )
    content = {"title": study.config.title, "tasks": list(study.config.tasks), "evaluators": evaluators}
    return compressed_json(request, content | {"trouble": owned.trouble.words})


@router.get("/report")
def get_report(request: Request, owned: Owned) -> Response:
    """The last report that was made, with its age, while a newer one is made in the background."""
    return html_in_gzip(request, owned.report.page()[0])


@router.get("/export.zip")
async def get_export(owned: Owned, names: bool = True) -> Response:
    """The tables that `humangrade export` writes, in one zip file; ``?names=0`` leaves the evaluators' names out."""
    content, trouble = await to_thread.run_sync(owned.exports.make, not names, limiter=_WAITING)
    if trouble:
        return JSONResponse({"detail": trouble}, 503)
    name = "humangrade-export.zip" if names else "humangrade-export-without-names.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type="application/zip", headers=headers)


def _task(row: Progress | None) -> dict[str, Any]:
    if row is None:
        return {"done": 0, "total": 0, "median_response_ms": None}
    return {"done": row.done, "total": row.total, "median_response_ms": row.median_response_ms}
