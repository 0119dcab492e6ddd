"""Layout 6 adds the round to every assignment: 1 for all that there are."""

import sqlalchemy as sa
from alembic import op

revision = "6"
down_revision = "5"


def upgrade() -> None:
    """From layout 5."""
    op.add_column("assignments", sa.Column("round", sa.Integer, nullable=False, server_default="1"))
