"""Layout 4: answers by assignment and axis, without the range of one scale; what an evaluator has seen, in a column.

SQLite cannot change a key or drop a CHECK, so the two tables of answers are written anew. Only SQLite files are led
here: PostgreSQL came with this layout.
"""

import sqlalchemy as sa
from alembic import op

revision = "4"
down_revision = "3"

_SEEN = "report_seen:"


def upgrade() -> None:
    """From layout 3."""
    op.add_column("evaluators", sa.Column("report_seen_at", sa.String))
    op.execute(
        f"UPDATE evaluators SET report_seen_at = (SELECT value FROM meta WHERE meta.key = '{_SEEN}' || evaluators.id)"
    )
    op.execute(f"DELETE FROM meta WHERE key LIKE '{_SEEN}%'")
    _write_anew("ratings", "assignment_id, rating, rated_at, response_ms, wording_id", *_ratings())
    op.drop_index("ix_rating_events_assignment_id", "rating_events")
    _write_anew(
        "rating_events", "id, assignment_id, client_id, rating, rated_at, response_ms, wording_id", *_rating_events()
    )
    op.create_index("ix_rating_events_assignment_id", "rating_events", ["assignment_id"])
    op.create_table("alembic_version", sa.Column("version_num", sa.String(32), primary_key=True))
    # earlier versions of humangrade read this line alone, and refuse what they do not know
    op.execute("UPDATE meta SET value = '4 or later' WHERE key = 'schema'")


def _ratings() -> list[sa.Column]:
    return [
        sa.Column("assignment_id", sa.Integer, sa.ForeignKey("assignments.id"), primary_key=True),
        sa.Column("axis", sa.String, primary_key=True, server_default=""),
        sa.Column("rating", sa.Integer, nullable=False),
        sa.Column("rated_at", sa.String),
        sa.Column("response_ms", sa.Integer),
        sa.Column("wording_id", sa.Integer, sa.ForeignKey("wordings.id")),
    ]


def _rating_events() -> list[sa.Column]:
    return [
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("assignment_id", sa.Integer, sa.ForeignKey("assignments.id"), nullable=False),
        sa.Column("axis", sa.String, nullable=False, server_default=""),
        sa.Column("client_id", sa.String, nullable=False, unique=True),
        sa.Column("rating", sa.Integer, nullable=False),
        sa.Column("rated_at", sa.String, nullable=False),
        sa.Column("response_ms", sa.Integer),
        sa.Column("wording_id", sa.Integer, sa.ForeignKey("wordings.id")),
    ]


def _write_anew(table: str, copied: str, *columns: sa.Column) -> None:
    op.create_table(f"{table}_anew", *columns, sqlite_with_rowid=table != "ratings")
    op.execute(f"INSERT INTO {table}_anew ({copied}) SELECT {copied} FROM {table}")
    op.drop_table(table)
    op.rename_table(f"{table}_anew", table)
