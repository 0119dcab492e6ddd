"""Layout 1: evaluators, assignments, ratings with their history, scores. The base; its tables are in no migration."""

revision = "1"
down_revision = None


def upgrade() -> None:
    """Nothing leads here."""
