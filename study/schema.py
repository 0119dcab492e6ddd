"""The database's tables: what SQL itself guarantees about ratings.

A rating is a value in a column, never part of a key: one row for each assignment, so a changed answer replaces the
old one; `rating_events` keeps every answer that was ever given. All types are
generic SQL; `study.folder.open_study` opens the SQLite file of a folder.
"""

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
    UniqueConstraint,
)

VERSION = "3"

metadata = MetaData()

meta = Table("meta", metadata, Column("key", String, primary_key=True), Column("value", String, nullable=False))

evaluators = Table(
    "evaluators",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("token", String, nullable=False, unique=True),
)

assignments = Table(
    "assignments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("public_id", String, nullable=False, unique=True),
    Column("evaluator_id", ForeignKey("evaluators.id"), nullable=False),
    Column("task", String, nullable=False),
    Column("item", String, nullable=False),
    Column("repeat", Integer, nullable=False, default=0),
    Column("position", Integer, nullable=False),
    UniqueConstraint("evaluator_id", "task", "item", "repeat"),
    CheckConstraint("repeat >= 0"),
)

wordings = Table(  # what the evaluators were asked, in all its versions; the last of a task is the present one
    "wordings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("task", String, nullable=False, index=True),
    Column("fingerprint", String, nullable=False),
    Column("question", String, nullable=False),
    Column("levels", String, nullable=False),  # the words for 1 to 5, a JSON list
    Column("show_references", Boolean, nullable=False),
    Column("show_prompt", Boolean, nullable=False),
    Column("asked_from", String, nullable=False),
    Column("note", String, nullable=False, default=""),
)

history = Table(  # what was done to the study besides rating: words corrected, a person's data withdrawn
    "history",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", String, nullable=False),
    Column("what", String, nullable=False),
)

ratings = Table(
    "ratings",
    metadata,
    Column("assignment_id", ForeignKey("assignments.id"), primary_key=True),
    Column("rating", Integer, nullable=False),
    Column("rated_at", String),
    Column("response_ms", Integer),
    Column("wording_id", ForeignKey("wordings.id")),
    CheckConstraint("rating BETWEEN 1 AND 5"),
)

rating_events = Table(
    "rating_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("assignment_id", ForeignKey("assignments.id"), nullable=False, index=True),
    Column("client_id", String, nullable=False, unique=True),
    Column("rating", Integer, nullable=False),
    Column("rated_at", String, nullable=False),
    Column("response_ms", Integer),
    Column("wording_id", ForeignKey("wordings.id")),
    CheckConstraint("rating BETWEEN 1 AND 5"),
)

scores = Table(
    "scores",
    metadata,
    Column("item", String, primary_key=True),
    Column("metric", String, primary_key=True),
    Column("score", Float, nullable=False),
    Column("signature", String, nullable=False, default=""),
)

score_notes = Table(  # why an item has no score by a metric, or what is to be known of its score
    "score_notes",
    metadata,
    Column("item", String, primary_key=True),
    Column("metric", String, primary_key=True),
    Column("note", String, nullable=False),
)

set_scores = Table(
    "set_scores",
    metadata,
    Column("set", String, primary_key=True),
    Column("metric", String, primary_key=True),
    Column("score", Float, nullable=False),
    Column("n", Integer, nullable=False),
    Column("signature", String, nullable=False, default=""),
    Column("low", Float),
    Column("high", Float),
    Column("note", String),
)
