"""Layout 5: the numbers of the levels stand with the words that were asked, and an answer may have a fraction.

SQLite's INTEGER holds fractions as they are, so its tables of answers stay untouched.
"""

import sqlalchemy as sa
from alembic import op

revision = "5"
down_revision = "4"


def upgrade() -> None:
    """From layout 4."""
    kind = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    op.add_column("wordings", sa.Column("scale", kind, nullable=False, server_default="[1, 2, 3, 4, 5]"))
    if op.get_bind().dialect.name == "postgresql":
        for table in ("ratings", "rating_events"):
            op.alter_column(table, "rating", type_=sa.Float(53))
