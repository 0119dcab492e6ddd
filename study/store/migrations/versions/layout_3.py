"""Layout 3 adds the words that were asked, to which every rating points, and the history of the study."""

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """From layout 2."""
    op.create_table(
        "wordings",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("task", sa.String, nullable=False, index=True),
        sa.Column("fingerprint", sa.String, nullable=False),
        sa.Column("question", sa.String, nullable=False),
        sa.Column("levels", sa.String, nullable=False),
        sa.Column("show_references", sa.Boolean, nullable=False),
        sa.Column("show_prompt", sa.Boolean, nullable=False),
        sa.Column("asked_from", sa.String, nullable=False),
        sa.Column("note", sa.String, nullable=False),
    )
    op.create_table(
        "history",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("what", sa.String, nullable=False),
    )
    for table in ("ratings", "rating_events"):
        op.execute(f"ALTER TABLE {table} ADD COLUMN wording_id INTEGER REFERENCES wordings (id)")
