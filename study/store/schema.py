"""The database's tables: what SQL itself guarantees about ratings.

A rating is a value in a column, never part of a key: one row for each assignment and axis, so a changed answer replaces
the old one; `rating_events` keeps every answer that was ever given. Which values are legal is decided by the task's
scale, in the code, and a scale may have fractions. The same tables stand in SQLite and in PostgreSQL. Whoever changes
them adds a migration beside those in `study/store/migrations/versions` and raises `VERSION`; a new feature brings
tables of its own.
"""

from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
)

VERSION = 7

OWN = ""
"""The axis of the question that a task asks itself; further questions about the same image have names."""

metadata = MetaData()

# PostgreSQL sorts by the bytes, as SQLite does, and not by the server's language
Text = String().with_variant(String(collation="C"), "postgresql")


class Answer(TypeDecorator[int | float]):
    """A level in the scale's own numbers: 4, or 0.5. SQLite's INTEGER holds fractions too, PostgreSQL's does not."""

    impl = Integer
    cache_ok = True

    def load_dialect_impl(self, dialect: Any) -> Any:
        """What the column is in each kind of database."""
        return dialect.type_descriptor(Float(53) if dialect.name == "postgresql" else Integer())

    def process_result_value(self, value: Any, _: Any) -> int | float | None:
        """Whole numbers are int, whatever the database makes of them."""
        return int(value) if isinstance(value, float) and value.is_integer() else value


layout = Table("alembic_version", metadata, Column("version_num", String(32), primary_key=True))

meta = Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

evaluators = Table(
    "evaluators",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("token", Text, nullable=False, unique=True),
    Column("report_seen_at", Text),  # from then on their answers stay as they are
)

assignments = Table(
    "assignments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("public_id", Text, nullable=False, unique=True),
    Column("evaluator_id", ForeignKey("evaluators.id"), nullable=False),
    Column("task", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("repeat", Integer, nullable=False, default=0),
    Column("position", Integer, nullable=False),
    Column("round", Integer, nullable=False, default=1, server_default="1"),  # when it was asked: images come later
    UniqueConstraint("evaluator_id", "task", "item", "repeat"),
    CheckConstraint("repeat >= 0"),
)

wordings = Table(  # what the evaluators were asked, in all its versions; the last of a task is the present one
    "wordings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("task", Text, nullable=False, index=True),
    Column("fingerprint", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("levels", Text, nullable=False),  # the words for the levels, from the lowest, a JSON list
    Column("show_references", Boolean, nullable=False),
    Column("show_prompt", Boolean, nullable=False),
    Column("asked_from", Text, nullable=False),
    Column("note", Text, nullable=False, default=""),
    # the levels' numbers, a JSON list; what was asked before it stood here was on 1 to 5
    Column("scale", Text, nullable=False, server_default="[1, 2, 3, 4, 5]"),
)

history = Table(  # what was done to the study besides rating: words corrected, a person's data withdrawn
    "history",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Text, nullable=False),
    Column("what", Text, nullable=False),
)

ratings = Table(
    "ratings",
    metadata,
    Column("assignment_id", ForeignKey("assignments.id"), primary_key=True),
    Column("axis", Text, primary_key=True, default=OWN, server_default=OWN),
    Column("rating", Answer, nullable=False),
    Column("rated_at", Text),
    Column("response_ms", Integer),
    Column("wording_id", ForeignKey("wordings.id")),
    sqlite_with_rowid=False,  # one tree of pages to write for an answer, not two
)

rating_events = Table(
    "rating_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("assignment_id", ForeignKey("assignments.id"), nullable=False, index=True),
    Column("axis", Text, nullable=False, default=OWN, server_default=OWN),
    Column("client_id", Text, nullable=False, unique=True),
    Column("rating", Answer, nullable=False),
    Column("rated_at", Text, nullable=False),
    Column("response_ms", Integer),
    Column("wording_id", ForeignKey("wordings.id")),
)

ANSWERS = (rating_events, ratings)

scores = Table(
    "scores",
    metadata,
    Column("item", Text, primary_key=True),
    Column("metric", Text, primary_key=True),
    Column("score", Float, nullable=False),
    Column("signature", Text, nullable=False, default=""),
)

score_notes = Table(  # why an item has no score by a metric, or what is to be known of its score
    "score_notes",
    metadata,
    Column("item", Text, primary_key=True),
    Column("metric", Text, primary_key=True),
    Column("note", Text, nullable=False),
)

set_scores = Table(
    "set_scores",
    metadata,
    Column("set", Text, primary_key=True),
    Column("metric", Text, primary_key=True),
    Column("score", Float, nullable=False),
    Column("n", Integer, nullable=False),
    Column("signature", Text, nullable=False, default=""),
    Column("low", Float),
    Column("high", Float),
    Column("note", Text),
)
