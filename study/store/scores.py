"""Writing and reading computed scores, inside a transaction that `study.store.store` opened."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, literal, null, select, union_all

from metrics.engine.types import Score, SetScore
from metrics.errors import InputError, parameter
from study.store.schema import score_notes, scores, set_scores


def replace_scores(
    connection: Connection, rows: Sequence[Score], set_rows: Sequence[SetScore], also: Sequence[str] = ()
) -> None:
    """Put new scores, notes and set scores in the place of those that their metrics, and those in `also`, had.

    Raises
    ------
    InputError
        Where a score that would be replaced was imported (it has no signature of ours), since it is nowhere else.
    """
    metrics = {*also, *(row.metric for row in rows), *(row.metric for row in set_rows)}
    refuse_imported(connection, metrics)
    for table in (scores, score_notes, set_scores):
        connection.execute(delete(table).where(table.c.metric.in_(metrics)))
    _insert(connection, scores, [_score(row) for row in rows if row.score is not None])
    _insert(connection, score_notes, [{"item": r.item, "metric": r.metric, "note": r.note} for r in rows if r.note])
    _insert(connection, set_scores, [row._asdict() for row in set_rows])


def scores_query() -> Select[Any]:
    """All scores with their notes, and all notes of items without a score: item, metric, score, signature, note."""
    together = (scores.c.item == score_notes.c.item) & (scores.c.metric == score_notes.c.metric)
    scored = select(*scores.c, score_notes.c.note).select_from(scores.outerjoin(score_notes, together))
    unscored = (
        select(score_notes.c.item, score_notes.c.metric, null(), literal(""), score_notes.c.note)
        .select_from(score_notes.outerjoin(scores, together))
        .where(scores.c.item.is_(None))
    )
    both = union_all(scored, unscored).subquery()
    return select(both).order_by(both.c.metric, both.c.item)


def imported_metrics(connection: Connection) -> list[str]:
    """The metrics of which the study holds scores that were imported: their signatures are not of our form."""
    query = select(scores.c.metric).where(~scores.c.signature.startswith("metric:")).distinct()
    return list(connection.scalars(query.order_by(scores.c.metric)))


def refuse_imported(connection: Connection, metrics: Iterable[str]) -> None:
    """Raise InputError where one of the metrics was imported, since its scores are perhaps nowhere else."""
    imported = sorted(set(metrics) & set(imported_metrics(connection)))
    if imported:
        raise InputError(
            f"The study holds imported scores of {', '.join(imported)}, which scoring would replace; name other "
            f"metrics with {parameter('metrics')}, or score the images into a file "
            f"({parameter('images')} FOLDER {parameter('out')} FILE)."
        )


def _score(row: Score) -> dict[str, Any]:
    return {"item": row.item, "metric": row.metric, "score": row.score, "signature": row.signature}


def _insert(connection: Connection, table: Any, rows: Iterable[dict[str, Any]]) -> None:
    values = list(rows)
    if values:
        connection.execute(insert(table), values)
