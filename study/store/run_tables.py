"""The tables of the record of runs: what was trained, drawn and measured, and what was judged of it.

Rows are added, and what was recorded is neither changed nor deleted. A run or a checkpoint that is described otherwise
than before is another row of the same name, and so is an image whose picture or description changed; `places` says from
when on which image stands for an item of the study, or at a path, and the last row of a place counts. So does the last
row of an image and a metric. Seeds are names of a noise, compared and never computed with (ComfyUI's reach 2^64), so
they are text; NULL is unknown. Nothing here belongs to a person who rates but, perhaps, the name in ``baselines.by``.
"""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, Table, UniqueConstraint

from study.store.schema import Text, metadata

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, index=True),
    Column("subject", Text, nullable=False),
    Column("n_training_images", Integer),
    Column("config", Text, nullable=False),  # JSON, "" where it is unknown
    Column("source", Text, nullable=False),
    Column("created_at", Text, nullable=False),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run", ForeignKey("runs.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("step", BigInteger),
    Column("epoch", BigInteger),
    Column("kind", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("layers_in_file", Integer),
    Column("layers_applied", Integer),
)

prompts = Table(
    "prompts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),  # of the three; an index has no room for long texts
    Column("text", Text, nullable=False),
    Column("negative", Text, nullable=False),
    Column("prompt_group", Text, nullable=False),
)

recipes = Table(
    "recipes",
    metadata,
    Column("id", Text, primary_key=True),  # the sha256 of the JSON
    Column("json", Text, nullable=False),
)

images = Table(
    "images",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("checkpoint", ForeignKey("checkpoints.id"), nullable=False, index=True),
    Column("prompt", ForeignKey("prompts.id"), nullable=False),
    Column("recipe", ForeignKey("recipes.id")),
    Column("seed", Text),
    Column("sha256", Text, nullable=False),  # not unique: several items of a study may be black; "" is unknown
    Column("width", Integer),
    Column("height", Integer),
    Column("recorded_at", Text, nullable=False),
)

places = Table(  # which image an item of the study is, or stands at a path outside it, from then on
    "places",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("item", Text, nullable=False, index=True),  # "" outside the study
    Column("path", Text, nullable=False, index=True),
    Column("image", ForeignKey("images.id"), index=True),  # NULL: the item is none of the study's any more
    Column("size", BigInteger),  # the file's, by which it is known to be unchanged
    Column("mtime_ns", BigInteger),
    Column("at", Text, nullable=False),
)

metric_values = Table(
    "metric_values",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("image", ForeignKey("images.id"), nullable=False),
    Column("metric", Text, nullable=False),
    Column("signature", Text, nullable=False),
    Column("value", Float),
    Column("note", Text, nullable=False),
    Column("at", Text, nullable=False),
    Index("ix_metric_values_image_metric", "image", "metric"),
)

set_values = Table(
    "set_values",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("checkpoint", ForeignKey("checkpoints.id"), nullable=False),
    Column("prompt_group", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("signature", Text, nullable=False),
    Column("value", Float),
    Column("low", Float),
    Column("high", Float),
    Column("n", Integer),
    Column("note", Text, nullable=False),
    Column("at", Text, nullable=False),
    Index("ix_set_values_checkpoint_metric", "checkpoint", "metric"),
)

scalars = Table(  # a tracker's curves
    "scalars",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run", ForeignKey("runs.id"), nullable=False),
    Column("metric", Text, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("value", Float),  # NULL: not a number, as of a loss that went astray
    Column("axis", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("ordinal", Integer, nullable=False),  # the same step may come twice
    Column("at", Text, nullable=False),
    UniqueConstraint("run", "metric", "axis", "source", "step", "ordinal"),
)

baselines = Table(
    "baselines",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, index=True),
    Column("checkpoint", ForeignKey("checkpoints.id"), nullable=False),
    Column("since", Text, nullable=False),
    Column("by", Text, nullable=False),
)

gate_runs = Table(
    "gate_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("candidate", Text, nullable=False),
    Column("baseline", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("settings", Text, nullable=False),  # JSON
    Column("result", Text, nullable=False),  # JSON
    Column("at", Text, nullable=False),
)

imports = Table(
    "imports",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("at", Text, nullable=False),
    UniqueConstraint("source", "external_id", "sha256"),
)

TABLES = (
    *(runs, checkpoints, prompts, recipes, images, places, metric_values, set_values, scalars, baselines, gate_runs),
    imports,
)
