"""Adding to the record of runs, inside a transaction during which nobody else writes; nothing is changed or deleted."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select

from metrics.errors import InputError
from study.store.rows import now
from study.store.run_cells import Cells, canonical
from study.store.run_queries import last_values
from study.store.run_tables import (
    checkpoints,
    images,
    metric_values,
    places,
    prompts,
    recipes,
    runs,
    scalars,
    set_values,
)

_AT_ONCE = 500  # values in one question, of which SQLite takes some thousand

_RUN = ("name", "subject", "n_training_images")
_CHECKPOINT = ("run", "name", "step", "epoch", "kind", "file", "sha256", "layers_in_file", "layers_applied")
_PROMPT = ("digest", "text", "negative", "prompt_group")
_IMAGE = ("checkpoint", "prompt", "recipe", "seed", "sha256")

Place = tuple[str, str]
"""An item, or "" and a path."""


def add_runs(connection: Connection, cells: Cells, source: str) -> int:
    """Add runs that are not described yet as they are now; tells how many."""
    told = list(
        zip(
            *(cells.text("model"), cells.text("subject"), cells.whole("n_training_images")),
            map(canonical, cells.text("config")),
            strict=True,
        )
    )
    before = connection.scalar(select(func.count()).select_from(runs)) or 0
    _numbers(connection, runs, (*_RUN, "config"), told, {"source": source, "created_at": now()})
    return (connection.scalar(select(func.count()).select_from(runs)) or 0) - before


def add_images(connection: Connection, cells: Cells, source: str) -> int:
    """Add images that the record lacks, and what now stands where; see `study.store.runs.RunStore.add_images`."""
    at = now()
    recorded = {"recorded_at": at}
    keys = _image_keys(connection, cells, source, at)
    where = list(zip(cells.text("item"), cells.text("path"), strict=True))
    if any(not (item or path) for item, path in where):
        raise InputError("An image to be recorded has neither an item nor a path; name one of them.")
    stats = list(zip(cells.whole("size"), cells.whole("mtime_ns"), strict=True))
    sizes = list(zip(cells.whole("width"), cells.whole("height"), strict=True))
    by_key, key_of = _known_images(connection, {key[0] for key in keys})
    standing = {place_of(item, path): row for item, path, row in _standing(connection, where)}
    holders = _holders(connection, [number for key in set(keys) for number in by_key.get(key, ())])
    new: list[dict[str, Any]] = []
    stand: list[dict[str, Any]] = []
    for key, (item, path), stat, size in zip(keys, where, stats, sizes, strict=True):
        place, was = place_of(item, path), standing.get(place_of(item, path))
        if was is not None and key_of.get(was["image"]) == key:
            number = was["image"]
        else:
            free = [one for one in by_key.get(key, ()) if not item or holders.get(one, item) == item]
            if free and (item or key[4]):  # what is outside the study and was not read may be anything
                number = free[-1]
            else:
                new.append(dict(zip(_IMAGE, key, strict=True)) | {"width": size[0], "height": size[1]} | recorded)
                number = -len(new)  # until the database gives it one
                by_key[key].append(number)
                key_of[number] = key
            if item:
                holders[number] = item
        told = {"item": item, "path": path, "image": number, "size": stat[0], "mtime_ns": stat[1]}
        if was is None or any(told[name] != was[name] for name in (*_STANDS, *(_STAT if stat[0] is not None else ()))):
            standing[place] = told
            stand.append(told | {"at": at})
    numbers = _insert_images(connection, new)
    for row in stand:
        row["image"] = numbers.get(row["image"], row["image"])
    _insert(connection, places, stand)
    return len(new)


def remove_items(connection: Connection, items: Iterable[str]) -> int:
    """From now on these items are none of the study's; tells of how many that is new."""
    there = [row for _, _, row in _standing(connection, [(item, "") for item in items]) if row["image"] is not None]
    gone = {"image": None, "size": None, "mtime_ns": None, "at": now()}
    _insert(connection, places, [{"item": row["item"], "path": row["path"]} | gone for row in there])
    return len(there)


def add_values(connection: Connection, cells: Cells) -> int:
    """Add values that are other than the last of their image and metric; tells how many."""
    numbers, metrics = _image_numbers(connection, cells), cells.text("metric")
    known: dict[tuple[int, str], tuple[Any, ...]] = {}
    m = metric_values.c
    for part in _parts(set(numbers)):
        last = last_values().where(m.image.in_(part), m.metric.in_(set(metrics)))
        for row in connection.execute(select(m.image, m.metric, m.value, m.signature, m.note).where(m.id.in_(last))):
            known[row.image, row.metric] = (row.value, row.signature, row.note)
    at, new = now(), []
    told = zip(cells.number("score"), cells.text("signature"), cells.text("note"), strict=True)
    for image, metric, value in zip(numbers, metrics, told, strict=True):
        if known.get((image, metric)) != value:
            known[image, metric] = value
            new.append(dict(zip(("value", "signature", "note"), value, strict=True)))
            new[-1] |= {"image": image, "metric": metric, "at": at}
    _insert(connection, metric_values, new)
    return len(new)


def add_set_values(connection: Connection, cells: Cells) -> int:
    """Add values of sets that are other than the last of their checkpoint, group, metric; tells how many."""
    of = list(zip(cells.text("model"), cells.text("checkpoint"), strict=True))
    numbers = checkpoint_numbers(connection, of)
    names = ("value", "low", "high", "n", "signature", "note")
    known: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    s = set_values.c
    columns = (runs.c.name, checkpoints.c.name, s.prompt_group, s.metric, *(s[name] for name in names))
    query = select(*columns).select_from(set_values.join(checkpoints).join(runs)).order_by(s.id)
    for part in _parts({run for run, _ in of}):  # however a checkpoint was described when they were added
        known |= {tuple(row[:4]): tuple(row[4:]) for row in connection.execute(query.where(runs.c.name.in_(part)))}
    at, new = now(), []
    figures = (cells.number("score"), cells.number("low"), cells.number("high"), cells.whole("n"))
    told = zip(*figures, cells.text("signature"), cells.text("note"), strict=True)
    places_in = zip(cells.text("group"), cells.text("metric"), strict=True)
    for pair, number, (group, metric), value in zip(of, numbers, places_in, told, strict=True):
        if known.get((*pair, group, metric)) != value:
            known[*pair, group, metric] = value
            new.append({"checkpoint": number, "prompt_group": group, "metric": metric, "at": at})
            new[-1] |= dict(zip(names, value, strict=True))
    _insert(connection, set_values, new)
    return len(new)


def add_scalars(connection: Connection, cells: Cells, source: str) -> int:
    """Add points of curves that the record lacks; a step that comes twice with two values is two points."""
    steps = cells.whole("step")
    if any(step is None for step in steps):
        raise InputError("A curve's point to be recorded has no step; a step is a whole number.")
    names = cells.text("model")
    of = _run_numbers(connection, names, source)
    s = scalars.c
    known: dict[tuple[Any, ...], list[float | None]] = defaultdict(list)
    for part in _parts(of):  # however a run was described when they were added
        query = select(runs.c.name, s.metric, s.axis, s.step, s.value).select_from(scalars.join(runs))
        query = query.where(runs.c.name.in_(part), s.source == source).order_by(s.ordinal)
        for row in connection.execute(query):
            known[tuple(row[:4])].append(row.value)
    left = {key: Counter(values) for key, values in known.items()}
    at, new = now(), []
    columns = (cells.text("metric"), cells.text("axis"), steps, cells.number("value"))
    for name, metric, axis, step, value in zip(names, *columns, strict=True):
        key = (name, metric, axis, step)
        if left.get(key, _NONE)[value] > 0:
            left[key][value] -= 1
            continue
        new.append({"run": of[name], "metric": metric, "axis": axis, "step": step, "value": value, "at": at})
        new[-1] |= {"source": source, "ordinal": len(known[key])}
        known[key].append(value)
    _insert(connection, scalars, new)
    return len(new)


def checkpoint_numbers(connection: Connection, names: Sequence[tuple[str, str]]) -> list[int]:
    """Checkpoints by run and name, as they were described last; those that the record lacks are added.

    Raises
    ------
    InputError
        Where both names are empty and no image of such a checkpoint is recorded.
    """
    query = select(runs.c.name, checkpoints.c.name, checkpoints.c.id).select_from(checkpoints.join(runs))
    known = {(run, name): number for run, name, number in connection.execute(query.order_by(checkpoints.c.id))}
    lacking = [pair for pair in dict.fromkeys(names) if pair not in known]
    if lacking:
        of = _run_numbers(connection, [run for run, _ in lacking], "")
        unknown = (None, None, "", "", "", None, None)
        told = [(of[run], name, *unknown) for run, name in lacking]
        found = _numbers(connection, checkpoints, _CHECKPOINT, told, {}, by="run")
        known |= {pair: found[key] for pair, key in zip(lacking, told, strict=True)}
    return [known[pair] for pair in names]


def place_of(item: str, path: str) -> Place:
    """What a place is known by: an item wherever its file is, or a path."""
    return (item, "") if item else ("", path)


_NONE: Counter[float | None] = Counter()
_STANDS = ("image", "path")
_STAT = ("size", "mtime_ns")


def _image_keys(connection: Connection, cells: Cells, source: str, at: str) -> list[tuple[Any, ...]]:
    """What tells each image from others, with the rows that it refers to."""
    told = list(zip(cells.text("model"), cells.text("subject"), cells.whole("n_training_images"), strict=True))
    of_runs = _numbers(connection, runs, _RUN, told, {"config": "", "source": source, "created_at": at})
    columns = (
        *([of_runs[one] for one in told], cells.text("checkpoint"), cells.whole("step"), cells.whole("epoch")),
        *(cells.text("kind"), cells.text("checkpoint_file"), cells.text("checkpoint_sha256")),
        *(cells.whole("layers_in_file"), cells.whole("layers_applied")),
    )
    states = list(zip(*columns, strict=True))
    of_states = _numbers(connection, checkpoints, _CHECKPOINT, states, {}, by="run")
    texts = list(zip(cells.text("prompt"), cells.text("negative"), cells.text("group"), strict=True))
    digests = {one: _digest(json.dumps(one)) for one in set(texts)}
    asked = [(digests[one], *one) for one in texts]
    of_prompts = _numbers(connection, prompts, _PROMPT, asked, {})
    drawn = _recipes(connection, cells.text("recipe"))
    seeds = [seed or None for seed in cells.text("seed")]
    numbers = ([of_states[one] for one in states], [of_prompts[one] for one in asked])
    return list(zip(*numbers, drawn, seeds, cells.text("sha256"), strict=True))


def _recipes(connection: Connection, texts: Sequence[str]) -> list[str | None]:
    """The recipes' digests, after adding those that the record lacks."""
    plain = {text: canonical(text) for text in set(texts)}
    by_digest = {_digest(text): text for text in plain.values() if text}
    known: set[str] = set()
    for part in _parts(by_digest):
        known.update(connection.scalars(select(recipes.c.id).where(recipes.c.id.in_(part))))
    _insert(connection, recipes, [{"id": each, "json": by_digest[each]} for each in by_digest if each not in known])
    digests = {text: digest for digest, text in by_digest.items()}
    return [digests.get(plain[text]) for text in texts]


def _known_images(
    connection: Connection, of_checkpoints: Iterable[int]
) -> tuple[defaultdict[tuple[Any, ...], list[int]], dict[int, tuple[Any, ...]]]:
    by_key: defaultdict[tuple[Any, ...], list[int]] = defaultdict(list)
    key_of: dict[int, tuple[Any, ...]] = {}
    columns = [images.c[name] for name in _IMAGE]
    for part in _parts(of_checkpoints):
        query = select(images.c.id, *columns).where(images.c.checkpoint.in_(part)).order_by(images.c.id)
        for number, *key in connection.execute(query):
            by_key[tuple(key)].append(number)
            key_of[number] = tuple(key)
    return by_key, key_of


def _standing(connection: Connection, where: Sequence[Place]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What stands now in places, as far as anything ever did: item, path, row."""
    p = places.c
    asked = {place_of(*place) for place in where}
    kinds = (
        (p.item, [item for item, _ in asked if item], p.item != ""),
        (p.path, [path for item, path in asked if not item], p.item == ""),
    )
    for column, wanted, is_kind in kinds:
        for part in _parts(wanted):
            last = select(func.max(p.id)).where(column.in_(part), is_kind).group_by(column)
            for row in connection.execute(select(places).where(p.id.in_(last))).mappings():
                yield row["item"], row["path"], dict(row)


def _holders(connection: Connection, numbers: Sequence[int]) -> dict[int, str]:
    """Which item each of these images is now, where it is one."""
    p = places.c
    items: set[str] = set()
    for part in _parts(set(numbers)):
        items.update(connection.scalars(select(p.item).where(p.image.in_(part), p.item != "")))
    standing = _standing(connection, [(item, "") for item in items])
    return {row["image"]: item for item, _, row in standing if row["image"] is not None}


def _insert_images(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """Add images; gives the database's number of each by the one it had until then."""
    if not rows:
        return {}
    last = connection.scalar(select(func.max(images.c.id))) or 0
    _insert(connection, images, rows)
    by_key, _ = _known_images(connection, {row["checkpoint"] for row in rows})
    added = {key: iter([number for number in numbers if number > last]) for key, numbers in by_key.items()}
    keys = (tuple(row[name] for name in _IMAGE) for row in rows)
    return {-place: next(added[key]) for place, key in enumerate(keys, start=1)}


def _image_numbers(connection: Connection, cells: Cells) -> list[int]:
    """The image that each row is about.

    Raises
    ------
    InputError
        Where the record has no such image.
    """
    given = cells.whole("image_id")
    where = list(zip(cells.text("item"), cells.text("path"), strict=True))
    asked = [place for number, place in zip(given, where, strict=True) if number is None]
    standing = {place_of(item, path): row["image"] for item, path, row in _standing(connection, asked)}
    known: set[int] = set()
    for part in _parts({number for number in given if number is not None}):
        known.update(connection.scalars(select(images.c.id).where(images.c.id.in_(part))))
    found: list[int] = []
    for number, (item, path) in zip(given, where, strict=True):
        one = standing.get(place_of(item, path)) if number is None else number if number in known else None
        if one is None:
            raise InputError(f"The record of runs has no image '{item or path or number}'; add the images first.")
        found.append(one)
    return found


def _run_numbers(connection: Connection, names: Sequence[str], source: str) -> dict[str, int]:
    """Runs by name, as they were described last; those that the record lacks are added."""
    query = select(runs.c.name, runs.c.id).order_by(runs.c.id)
    wanted = set(names)
    found = {name: number for name, number in connection.execute(query) if name in wanted}
    lacking = [name for name in dict.fromkeys(names) if name not in found]
    unknown = {"subject": "", "n_training_images": None, "config": "", "source": source, "created_at": now()}
    _insert(connection, runs, [{"name": name} | unknown for name in lacking])
    return {name: number for name, number in connection.execute(query) if name in wanted}


def _numbers(
    connection: Connection,
    table: Table,
    names: Sequence[str],
    told: Sequence[tuple[Any, ...]],
    beside: Mapping[str, Any],
    by: str = "",
) -> dict[tuple[Any, ...], int]:
    """The rows that say exactly this, by it, after adding those that are lacking; `by` is one of the columns."""
    wanted = dict.fromkeys(told)
    by = by or names[0]
    column, columns = table.c[by], [table.c[name] for name in names]

    def found() -> dict[tuple[Any, ...], int]:
        numbers: dict[tuple[Any, ...], int] = {}
        for part in _parts({key[names.index(by)] for key in wanted}):
            query = select(*columns, table.c.id).where(column.in_(part)).order_by(table.c.id)
            numbers |= {tuple(row[:-1]): row[-1] for row in connection.execute(query)}
        return numbers

    known = found()
    lacking = [dict(zip(names, key, strict=True)) | dict(beside) for key in wanted if key not in known]
    if not lacking:
        return known
    _insert(connection, table, lacking)
    return found()


def _parts(values: Iterable[Any]) -> Iterator[list[Any]]:
    listed = list(values)
    for start in range(0, len(listed), _AT_ONCE):
        yield listed[start : start + _AT_ONCE]


def _insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), list(rows))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
