"""Layout 2 adds the notes on scores, and intervals and notes to set_scores; nothing that was there changes."""

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """From layout 1."""
    op.create_table(
        "score_notes",
        sa.Column("item", sa.String, primary_key=True),
        sa.Column("metric", sa.String, primary_key=True),
        sa.Column("note", sa.String, nullable=False),
    )
    for column, kind in (("low", sa.Float), ("high", sa.Float), ("note", sa.String)):
        op.add_column("set_scores", sa.Column(column, kind))
