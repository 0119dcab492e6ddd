"""What the owner's browser asks for: progress, the report so far, and the tables as a zip file."""

import io
import zipfile
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from study.access import OwnedStudy, ServedReport
from study.links import rater_link
from study.store import Progress
from study.tables import table_files

router = APIRouter(prefix="/api/owner/{token}")


@router.get("/progress")
def get_progress(study: OwnedStudy) -> dict[str, Any]:
    """How far every evaluator is in every task, with the private links."""
    progress = study.store.progress()
    evaluators = []
    for evaluator in study.store.evaluators():
        rows = {row.task: row for row in progress if row.evaluator == evaluator.name}
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
    return {"title": study.config.title, "tasks": list(study.config.tasks), "evaluators": evaluators}


@router.get("/report", response_class=HTMLResponse)
def get_report(study: OwnedStudy, report: ServedReport) -> str:
    """The report from the ratings of this moment."""
    return report.html()


@router.get("/export.zip")
def get_export(study: OwnedStudy) -> Response:
    """The tables that `humangrade export` writes, in one zip file."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in table_files(study).items():
            packed.writestr(name, content)
    headers = {"Content-Disposition": 'attachment; filename="humangrade-export.zip"'}
    return Response(archive.getvalue(), media_type="application/zip", headers=headers)


def _task(row: Progress | None) -> dict[str, Any]:
    if row is None:
        return {"done": 0, "total": 0, "median_response_ms": None}
    return {"done": row.done, "total": row.total, "median_response_ms": row.median_response_ms}
