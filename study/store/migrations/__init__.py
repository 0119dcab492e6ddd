"""Bringing a database of an earlier layout up to date, by Alembic's migrations.

Each file in `versions` leads from the layout before to its own and never changes afterwards: it must not read
`study.store.schema`, which tells of today. A new one holds for SQLite and for PostgreSQL.
"""

from pathlib import Path

from sqlalchemy import Connection

FOLDER = Path(__file__).parent


def migrate(connection: Connection, layout: int, to: int) -> None:
    """Lead a database from one layout to a later one, inside the transaction that the connection is in."""
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    revisions = list(ScriptDirectory(str(FOLDER)).iterate_revisions(str(to), str(layout)))
    with Operations.context(MigrationContext.configure(connection)):
        for revision in reversed(revisions):
            revision.module.upgrade()
