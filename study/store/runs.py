"""The record of runs in a study's database: what was trained, drawn and measured, and what was judged of it.

Everything is added in one transaction, during which nobody else writes, and is there for good; see
`study.store.run_tables`. What is asked for is what counts now: of each place the last image, of each image and metric
the last value.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, insert, select

from metrics.errors import InputError
from metrics.text import counted
from study.store.rows import now
from study.store.run_cells import Cells, as_json
from study.store.run_queries import (
    counting,
    frame_of,
    images_query,
    last_known,
    last_places,
    last_values,
    shown_checkpoints,
)
from study.store.run_rows import (
    add_images,
    add_runs,
    add_scalars,
    add_set_values,
    add_values,
    remove_items,
)
from study.store.run_tables import (
    baselines,
    checkpoints,
    gate_runs,
    images,
    imports,
    metric_values,
    places,
    runs,
    scalars,
    set_values,
)

if TYPE_CHECKING:
    import pandas as pd


class RunStore:
    """The record of runs; it is reached as ``study.store.runs``.

    Parameters
    ----------
    read, write : callable
        The store's: a connection of its own to read, and the one that writes, committed at the end.

    Examples
    --------
    >>> import pandas as pd
    >>> from study.store.store import Store
    >>> store = Store("sqlite://", create=True)
    >>> drawn = pd.DataFrame({"item": ["a.png"], "model": "anna", "checkpoint": "300", "step": 300, "prompt": "sks"})
    >>> store.runs.add_images(drawn), store.runs.add_images(drawn)
    (1, 0)
    >>> store.runs.add_values(pd.DataFrame({"item": ["a.png"], "metric": "contrast", "score": 0.25}))
    1
    >>> store.runs.values()[["item", "metric", "score"]].values.tolist()
    [['a.png', 'contrast', 0.25]]
    """

    def __init__(
        self,
        read: Callable[[], AbstractContextManager[Connection]],
        write: Callable[[], AbstractContextManager[Connection]],
    ):
        self._read, self._write = read, write

    # adding

    def add_runs(self, frame: "pd.DataFrame", source: str = "") -> int:
        """Add runs, or what is known of them by now.

        Parameters
        ----------
        frame : DataFrame
            model (the run's name); subject, n_training_images and config (JSON), where known.
        source : str
            Whose word it is: ``study``, a tracker, a trainer.

        Returns
        -------
        int
            How many were not described like that before.
        """
        with self._write() as connection:
            return add_runs(connection, Cells(frame), source)

    def add_images(self, frame: "pd.DataFrame", source: str = "") -> int:
        """Add images with their checkpoints, prompts and recipes, and say what stands where from now on.

        An image is known by its checkpoint, prompt, recipe, seed and content: the same at another path is not new,
        another content at the same item or path is, and counts from then on.

        Parameters
        ----------
        frame : DataFrame
            A row each, with item (the study's) or path or both; and, where known, model (the run's name), subject,
            n_training_images, checkpoint, step, epoch, kind, checkpoint_file, checkpoint_sha256, layers_in_file,
            layers_applied, prompt, negative, group, seed, recipe (JSON), sha256, width, height, and the file's size and
            mtime_ns, by which `places` tells an unchanged file. None, "" and a column that is absent are unknown.
        source : str
            Whose word it is, kept of runs that are new.

        Returns
        -------
        int
            How many were new.

        Raises
        ------
        InputError
            For a step or an epoch that is no whole number, and a recipe that is no JSON; nothing is added then.
        """
        if frame.empty:
            return 0
        with self._write() as connection:
            return add_images(connection, Cells(frame), source)

    def remove_items(self, items: Iterable[str]) -> int:
        """From now on these items are none of the study's, and do not count; tells of how many that is new."""
        items = list(items)
        if not items:
            return 0
        with self._write() as connection:
            return remove_items(connection, items)

    def add_values(self, frame: "pd.DataFrame") -> int:
        """Add values of images: those that are other than the last of their image and metric.

        Parameters
        ----------
        frame : DataFrame
            image_id, or item, or path of an image outside the study; metric; score (missing where there is none);
            signature and note, where there are any.

        Returns
        -------
        int
            How many were new.

        Raises
        ------
        InputError
            Where the record has no such image.
        """
        if frame.empty:
            return 0
        with self._write() as connection:
            return add_values(connection, Cells(frame))

    def add_set_values(self, frame: "pd.DataFrame") -> int:
        """Add values of sets of images: those that are other than the last of their checkpoint, group and metric.

        Parameters
        ----------
        frame : DataFrame
            model, checkpoint, metric, score; group (of prompts), signature, low, high, n and note, where known.

        Returns
        -------
        int
            How many were new.
        """
        if frame.empty:
            return 0
        with self._write() as connection:
            return add_set_values(connection, Cells(frame))

    def add_scalars(self, frame: "pd.DataFrame", source: str = "") -> int:
        """Add points of a tracker's curves that the record lacks from this source.

        A file that has grown may be given again whole, or only what is new in it. The same step with another value is
        another point, and so is the same value once more within a frame.

        Parameters
        ----------
        frame : DataFrame
            model, metric, step (whole), value; axis, the name of another x axis than the step.
        source : str
            The tracker.

        Returns
        -------
        int
            How many were new.
        """
        if frame.empty:
            return 0
        with self._write() as connection:
            return add_scalars(connection, Cells(frame), source)

    def add_import(self, source: str, external_id: str, sha256: str) -> bool:
        """Note that something was taken over from elsewhere; False where that was noted before."""
        row = {"source": source, "external_id": external_id, "sha256": sha256}
        query = select(imports.c.id).filter_by(**row)
        with self._write() as connection:
            if connection.scalar(query) is not None:
                return False
            connection.execute(insert(imports).values(at=now(), **row))
        return True

    def is_imported(self, source: str, external_id: str, sha256: str) -> bool:
        """Whether `add_import` noted this."""
        query = select(imports.c.id).filter_by(source=source, external_id=external_id, sha256=sha256)
        with self._read() as connection:
            return connection.scalar(query) is not None

    def add_gate_run(
        self, candidate: str, baseline: str, verdict: str, settings: Mapping[str, Any], result: Mapping[str, Any]
    ) -> int:
        """Add what a gate said; gives its number."""
        row = {"candidate": candidate, "baseline": baseline, "verdict": verdict}
        row |= {"settings": as_json(settings), "result": as_json(result), "at": now()}
        with self._write() as connection:
            return int(connection.execute(insert(gate_runs).returning(gate_runs.c.id), row).scalar_one())

    def set_baseline(self, name: str, checkpoint: str, by: str = "") -> None:
        """Let a name stand for a checkpoint from now on.

        Parameters
        ----------
        name : str
            For instance ``production``.
        checkpoint : str
            MODEL/CHECKPOINT, or the one of the two that there is.
        by : str
            Who says so.

        Raises
        ------
        InputError
            Where the record has no such checkpoint.
        """
        with self._write() as connection:
            known = {shown: number for number, shown in shown_checkpoints(connection)}
            if checkpoint not in known:
                raise InputError(
                    f"The record of runs has no checkpoint '{checkpoint}' among its "
                    f"{counted(len(known), 'checkpoint')}; a baseline is MODEL/CHECKPOINT."
                )
            row = {"name": name, "checkpoint": known[checkpoint], "since": now(), "by": by}
            connection.execute(insert(baselines).values(row))

    # what counts now

    def baseline(self, name: str) -> str | None:
        """The checkpoint that a name stands for, MODEL/CHECKPOINT; None where it stands for none."""
        query = select(baselines.c.checkpoint).where(baselines.c.name == name).order_by(baselines.c.id.desc()).limit(1)
        with self._read() as connection:
            number = connection.scalar(query)
            return None if number is None else dict(shown_checkpoints(connection))[number]

    def baselines(self) -> "pd.DataFrame":
        """What names stand for now: name, checkpoint (MODEL/CHECKPOINT), since, by, the last set last."""
        b = baselines.c
        with self._read() as connection:
            frame = frame_of(connection, select(b.name, b.checkpoint, b.since, b.by).order_by(b.id))
            shown = dict(shown_checkpoints(connection))
        frame["checkpoint"] = [shown[number] for number in frame["checkpoint"]]
        return frame.drop_duplicates("name", keep="last", ignore_index=True)

    def images(self) -> "pd.DataFrame":
        """The images that count now, in the order in which they were recorded.

        Returns
        -------
        DataFrame
            image_id (unique), item ("" outside the study), path, sha256, model, subject, n_training_images, checkpoint,
            step, epoch, kind, checkpoint_file, checkpoint_sha256, layers_in_file, layers_applied, prompt, negative,
            group, seed, recipe, width, height, recorded_at. Text is "" and a whole number (Int64) is missing where it
            is unknown. An image that was recorded both as an item and at a path is the item.
        """
        with self._read() as connection:
            return counting(frame_of(connection, images_query()))

    def values(self) -> "pd.DataFrame":
        """The last value of each image that counts and each metric.

        Returns
        -------
        DataFrame
            image_id, item, metric, score (missing where there is none), signature, note; by metric and item.
        """
        m = metric_values.c
        columns = (m.image.label("image_id"), m.metric, m.value.label("score"), m.signature, m.note)
        with self._read() as connection:
            present = counting(frame_of(connection, images_query()))[["image_id", "item"]]
            values = frame_of(connection, select(*columns).where(m.id.in_(last_values())))
        found = values.merge(present, on="image_id").sort_values(["metric", "item", "image_id"], ignore_index=True)
        return found[["image_id", "item", "metric", "score", "signature", "note"]].astype({"score": float})

    def places(self) -> "pd.DataFrame":
        """What stands where: item ("" outside the study), path, image_id, sha256, size, mtime_ns."""
        p = places.c
        query = select(p.item, p.path, p.image.label("image_id"), images.c.sha256, p.size, p.mtime_ns)
        query = query.select_from(places.join(images)).where(p.id.in_(last_places())).order_by(p.id)
        with self._read() as connection:
            return frame_of(connection, query).astype({"mtime_ns": "Int64"})

    def set_values(self) -> "pd.DataFrame":
        """The last value of each checkpoint, group of prompts and metric.

        Returns
        -------
        DataFrame
            model, checkpoint, step, group, metric, score, low, high, n, signature, note, at.
        """
        s, c = set_values.c, checkpoints.c
        columns = (s.metric, s.value.label("score"), s.low, s.high, s.n, s.signature, s.note, s.at)
        query = (
            select(runs.c.name.label("model"), c.name.label("checkpoint"), c.step, s.prompt_group.label("group"))
            .add_columns(*columns)
            .select_from(set_values.join(checkpoints).join(runs))
            .order_by(s.id)
        )
        with self._read() as connection:
            frame = frame_of(connection, query)
        last = frame.drop_duplicates(["model", "checkpoint", "group", "metric"], keep="last", ignore_index=True)
        return last.astype(dict.fromkeys(("score", "low", "high"), float))

    def scalars(self) -> "pd.DataFrame":
        """All points of curves: model, metric, step, value, axis, source, ordinal; by curve and step."""
        s = scalars.c
        query = select(runs.c.name.label("model"), s.metric, s.step, s.value, s.axis, s.source, s.ordinal)
        query = query.select_from(scalars.join(runs))
        query = query.order_by(runs.c.name, s.metric, s.axis, s.source, s.step, s.ordinal)
        with self._read() as connection:
            return frame_of(connection, query).astype({"value": float})

    def runs(self) -> "pd.DataFrame":
        """The runs, each with what was told of it last: model, subject, n_training_images, config, source, created_at.

        `created_at` is when a run was recorded first.
        """
        r = runs.c
        query = select(r.name.label("model"), r.subject, r.n_training_images, r.config, r.source, r.created_at)
        with self._read() as connection:
            return last_known(frame_of(connection, query.order_by(r.id)), ["model"])

    def checkpoints(self) -> "pd.DataFrame":
        """The checkpoints, each with what was told of it last, by run and step.

        Returns
        -------
        DataFrame
            model, checkpoint, step, epoch, kind, checkpoint_file, checkpoint_sha256, layers_in_file, layers_applied.
        """
        c = checkpoints.c
        told = (
            select(images.c.checkpoint, func.max(places.c.id).label("last"))
            .select_from(images.join(places))
            .group_by(images.c.checkpoint)
            .subquery()
        )
        query = (
            select(runs.c.name.label("model"), c.name.label("checkpoint"), c.step, c.epoch, c.kind)
            .add_columns(c.file.label("checkpoint_file"), c.sha256.label("checkpoint_sha256"))
            .add_columns(c.layers_in_file, c.layers_applied)
            .select_from(checkpoints.join(runs).outerjoin(told, told.c.checkpoint == c.id))
            .order_by(func.coalesce(told.c.last, 0), c.id)
        )
        with self._read() as connection:
            found = last_known(frame_of(connection, query), ["model", "checkpoint"])
        return found.sort_values(["model", "step"], kind="stable", ignore_index=True)

    def gate_runs(self) -> "pd.DataFrame":
        """What gates said, the last one last: id, candidate, baseline, verdict, settings, result (dicts), at."""
        with self._read() as connection:
            frame = frame_of(connection, select(gate_runs).order_by(gate_runs.c.id))
        for column in ("settings", "result"):
            frame[column] = [json.loads(text) for text in frame[column]]
        return frame
