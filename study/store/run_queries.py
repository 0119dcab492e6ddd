"""What is asked of the record of runs: of each place the last image, of each image and metric the last value."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, case, func, select

from study.store.run_cells import is_unknown
from study.store.run_tables import checkpoints, images, metric_values, places, prompts, recipes, runs

if TYPE_CHECKING:
    import pandas as pd

_WHOLE = ("n_training_images", "step", "epoch", "layers_in_file", "layers_applied", "width", "height", "n", "size")
_SAME_PICTURE = ["model", "checkpoint", "prompt", "seed", "sha256"]


def last_places() -> Select[Any]:
    """The number of the last row of each place."""
    return select(func.max(places.c.id)).group_by(places.c.item, case((places.c.item == "", places.c.path), else_=""))


def last_values() -> Select[Any]:
    """The number of the last value of each image and metric."""
    return select(func.max(metric_values.c.id)).group_by(metric_values.c.image, metric_values.c.metric)


def images_query() -> Select[Any]:
    """The images that stand somewhere now, once for each place."""
    i, c, p = images.c, checkpoints.c, prompts.c
    return (
        select(i.id.label("image_id"), places.c.item, places.c.path, i.sha256)
        .add_columns(runs.c.name.label("model"), runs.c.subject, runs.c.n_training_images)
        .add_columns(c.name.label("checkpoint"), c.step, c.epoch, c.kind, c.file.label("checkpoint_file"))
        .add_columns(c.sha256.label("checkpoint_sha256"), c.layers_in_file, c.layers_applied)
        .add_columns(p.text.label("prompt"), p.negative, p.prompt_group.label("group"), i.seed)
        .add_columns(recipes.c.json.label("recipe"), i.width, i.height, i.recorded_at)
        .select_from(places.join(images).join(checkpoints).join(runs).join(prompts).outerjoin(recipes))
        .where(places.c.id.in_(last_places()))
        .order_by(i.id, places.c.id)
    )


def counting(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Each image once: as the study's item where it is one, else where it was recorded last."""
    inside, outside = frame[frame["item"] != ""], frame[frame["item"] == ""]
    if outside.empty:
        return frame
    outside = outside.drop_duplicates("image_id", keep="last")
    outside = outside[~outside["image_id"].isin(inside["image_id"])]
    last = {tuple(row[1:]): row[0] for row in outside[_SAME_PICTURE].itertuples()}
    known = {tuple(row) for row in inside[_SAME_PICTURE].itertuples(index=False)}
    alone = [number for key, number in last.items() if key not in known]
    unread = outside.index[outside["sha256"] == ""]  # may be anything
    return frame.loc[sorted({*inside.index, *alone, *unread})].reset_index(drop=True)


def last_known(frame: "pd.DataFrame", by: list[str]) -> "pd.DataFrame":
    """One row for each name: the first moment, and of everything else what was known of it last."""
    import pandas as pd

    merged: dict[tuple[Any, ...], dict[str, Any]] = {}
    for cells in frame.to_dict("records"):
        row = {str(name): cell for name, cell in cells.items()}
        one = merged.setdefault(tuple(row[name] for name in by), dict(row))
        one |= {name: cell for name, cell in row.items() if name != "created_at" and not is_unknown(cell)}
    found = pd.DataFrame(list(merged.values()), columns=frame.columns)
    return found.astype({str(name): kind for name, kind in frame.dtypes.items()})


def shown_checkpoints(connection: Connection) -> list[tuple[int, str]]:
    """All rows of checkpoints by number, with the name that is shown, in order."""
    query = select(checkpoints.c.id, runs.c.name, checkpoints.c.name).select_from(checkpoints.join(runs))
    rows = connection.execute(query.order_by(checkpoints.c.id))
    return [(number, "/".join(filter(None, (run, name)))) for number, run, name in rows]


def frame_of(connection: Connection, query: Select[Any]) -> "pd.DataFrame":
    """What a question finds, text "" and whole numbers missing where they are unknown."""
    import pandas as pd

    result = connection.execute(query)
    rows = list(map(tuple, result.all()))  # pandas is slow with SQLAlchemy's own
    frame = pd.DataFrame(rows, columns=list(result.keys()))
    for column in frame.columns:
        if column in _WHOLE:
            frame[column] = frame[column].astype("Int64")
    for column in ("seed", "recipe"):
        if column in frame.columns:
            frame[column] = frame[column].fillna("")
    return frame
