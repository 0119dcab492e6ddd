"""Layout 7 brings the record of runs: their checkpoints, images and values, and what was judged of them."""

import sqlalchemy as sa
from alembic import op

revision = "7"
down_revision = "6"


def upgrade() -> None:
    """From layout 6."""
    op.create_table(
        "runs",
        *(_number(), _text("name"), _text("subject"), sa.Column("n_training_images", sa.Integer)),
        *(_text("config"), _text("source"), _text("created_at")),
    )
    op.create_table(
        "checkpoints",
        *(_number(), _of("run", "runs"), _text("name")),
        *(sa.Column("step", sa.BigInteger), sa.Column("epoch", sa.BigInteger)),
        *(_text("kind"), _text("file"), _text("sha256")),
        *(sa.Column("layers_in_file", sa.Integer), sa.Column("layers_applied", sa.Integer)),
    )
    op.create_table(
        "prompts",
        *(_number(), _text("digest"), _text("text"), _text("negative"), _text("prompt_group")),
        sa.UniqueConstraint("digest"),
    )
    op.create_table("recipes", sa.Column("id", _kind(), primary_key=True), _text("json"))
    op.create_table(
        "images",
        *(_number(), _of("checkpoint", "checkpoints"), _of("prompt", "prompts")),
        sa.Column("recipe", _kind(), sa.ForeignKey("recipes.id")),
        *(sa.Column("seed", _kind()), _text("sha256")),
        *(sa.Column("width", sa.Integer), sa.Column("height", sa.Integer), _text("recorded_at")),
    )
    op.create_table(
        "places",
        *(_number(), _text("item"), _text("path")),
        sa.Column("image", sa.Integer, sa.ForeignKey("images.id")),
        *(sa.Column("size", sa.BigInteger), sa.Column("mtime_ns", sa.BigInteger), _text("at")),
    )
    op.create_table(
        "metric_values",
        *(_number(), _of("image", "images"), _text("metric"), _text("signature")),
        *(sa.Column("value", sa.Float), _text("note"), _text("at")),
    )
    op.create_table(
        "set_values",
        *(_number(), _of("checkpoint", "checkpoints"), _text("prompt_group"), _text("metric"), _text("signature")),
        *(sa.Column("value", sa.Float), sa.Column("low", sa.Float), sa.Column("high", sa.Float)),
        *(sa.Column("n", sa.Integer), _text("note"), _text("at")),
    )
    op.create_table(
        "scalars",
        *(_number(), _of("run", "runs"), _text("metric"), sa.Column("step", sa.BigInteger, nullable=False)),
        *(sa.Column("value", sa.Float), _text("axis"), _text("source")),
        *(sa.Column("ordinal", sa.Integer, nullable=False), _text("at")),
        sa.UniqueConstraint("run", "metric", "axis", "source", "step", "ordinal"),
    )
    op.create_table(
        "baselines", *(_number(), _text("name"), _of("checkpoint", "checkpoints"), _text("since"), _text("by"))
    )
    op.create_table(
        "gate_runs",
        *(_number(), _text("candidate"), _text("baseline"), _text("verdict"), _text("settings"), _text("result")),
        _text("at"),
    )
    op.create_table(
        "imports",
        *(_number(), _text("source"), _text("external_id"), _text("sha256"), _text("at")),
        sa.UniqueConstraint("source", "external_id", "sha256"),
    )
    for table, columns in (
        ("runs", ["name"]),
        ("checkpoints", ["run"]),
        ("images", ["checkpoint"]),
        ("places", ["item"]),
        ("places", ["path"]),
        ("places", ["image"]),
        ("metric_values", ["image", "metric"]),
        ("set_values", ["checkpoint", "metric"]),
        ("baselines", ["name"]),
    ):
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)


def _kind() -> sa.types.TypeEngine[str]:
    return sa.String().with_variant(sa.String(collation="C"), "postgresql")


def _number() -> sa.Column[int]:
    return sa.Column("id", sa.Integer, primary_key=True)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, _kind(), nullable=False)


def _of(name: str, table: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, sa.ForeignKey(f"{table}.id"), nullable=False)
