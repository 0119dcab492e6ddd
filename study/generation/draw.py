"""Drawing all images of a plan into a folder: what is left of it, in batches that its order fixes."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from metrics.errors import InputError
from study.generation.base_models import locate
from study.generation.image_files import Wanted, damaged_named
from study.generation.painter import Drawn, Painter, Unusable
from study.generation.pipelines import Dtype, Machine, check_machine, versions
from study.generation.prepare import prepare
from study.generation.sets import LOCKS, ImageSet
from study.generation.types import Checkpoint, ImageRecipe, Plan

Advance = Callable[[int], None]
Say = Callable[[str], None]
Batch = tuple[ImageRecipe, ...]

_SHARE_OF_TABLES = 0.05  # of the time, that goes into rewriting items.csv


@dataclass(frozen=True)
class DrawSettings:
    """How a plan is drawn; none of it is part of an image's identity but `dtype`.

    Attributes
    ----------
    device : str
        auto, cpu, cuda, cuda:N or mps.
    dtype : {"float32", "float16", "bfloat16"}, optional
        In place of the plan's.
    batch_size : int, optional
        In place of the plan's.
    offload, attention_slicing : bool
        See `study.generation.pipelines.Machine`.
    engine : {"local", "ray"}
    """

    device: str = "auto"
    dtype: Dtype | None = None
    batch_size: int | None = None
    offload: bool = False
    attention_slicing: bool = False
    engine: Literal["local", "ray"] = "local"


@dataclass
class Outcome:
    """What stands in the folder after a run.

    Attributes
    ----------
    lines : dict
        The line of each finished image of the plan, by its path; see `study.generation.sets`.
    drawn : int
        Images that this run added.
    left : int
        Images that another process was drawing when this one had no more to do.
    unusable : dict
        Why a checkpoint could not be drawn with.
    """

    lines: dict[str, dict[str, Any]] = field(default_factory=dict)
    drawn: int = 0
    left: int = 0
    unusable: dict[Checkpoint, str] = field(default_factory=dict)

    def problems(self) -> dict[str, str]:
        """What is wrong with images that were drawn: black, of one colour, not a number."""
        return {name: line["problem"] for name, line in self.lines.items() if line.get("problem")}


def with_settings(plan: Plan, settings: DrawSettings) -> Plan:
    """The plan with the precision and batch size that were asked for in their place."""
    return replace(plan, dtype=settings.dtype or plan.dtype, batch_size=settings.batch_size or plan.batch_size)


def draw(
    plan: Plan,
    folder: Path,
    settings: DrawSettings | None = None,
    say: Say = lambda sentence: None,
    start: Callable[[int], None] = lambda total: None,
    advance: Advance = lambda count: None,
) -> Outcome:
    """Draw what a plan's folder lacks.

    Batches are those of the whole plan: one that lacks an image is drawn whole, and only what is missing is written. So
    a run that was stopped, however, and begun again gives the same bytes as one that was not.

    Parameters
    ----------
    plan : Plan
    folder : Path
        Images stand there as MODEL/CHECKPOINT/pNNN_sSEED.png. Another process may draw into it at the same time.
    settings : DrawSettings
    say : callable
        Takes a sentence about the run.
    start, advance : callable
        Told how many images there are to draw, and how many more are done.

    Returns
    -------
    Outcome

    Raises
    ------
    InputError
        Where a model is not here, no checkpoint can be used, or one that the recipe names alone cannot; where other
        pictures stand under images' names; where the disk cannot be written.
    """
    settings = settings or DrawSettings()
    plan = with_settings(plan, settings)
    machine = machine_for(settings, plan.dtype) if settings.engine == "local" else None
    prepared = prepare(plan)
    wanted, plan = prepared.wanted, prepared.plan_of(plan)
    for note in prepared.notes:
        say(note)
    images = ImageSet(folder)
    images.refresh()
    try:
        damaged = images.check(wanted)
    except InputError:
        images.tidy()
        raise
    if damaged:
        say(damaged_named(damaged))
    run = _Run(plan, wanted, images, settings, advance)
    run.outcome.unusable.update(prepared.refused)
    start(run.missing())
    try:
        if run.missing():
            base = next(  # as it was when the images were told what they are of
                (one.base for one in wanted if one.image.checkpoint.kind != "model"), None
            ) or locate(plan.base, plan.revision, plan.config)
            expected = {one.image.checkpoint: one.file_digest for one in wanted}
            if machine is not None:
                _draw_here(Painter(base, expected, plan.dtype, machine, say), machine.device, run)
            else:
                from study.generation.ray import draw_with_ray

                draw_with_ray(base, expected, plan.dtype, settings, run.batches(), run.keep, say)
    finally:
        run.close()
    return run.outcome


def machine_for(settings: DrawSettings, dtype: str) -> Machine:
    """The device that this process draws on.

    Raises
    ------
    InputError
        Where there is no such device, or it cannot do what is asked.
    """
    from metrics.engine.device import choose_device

    machine = Machine(choose_device(settings.device), settings.offload, settings.attention_slicing)
    check_machine(machine, dtype)
    return machine


def _draw_here(painter: Painter, device: str, run: "_Run") -> None:
    with painter:
        for batch in run.batches():
            try:
                drawn: list[Drawn] | Unusable = painter.draw(batch)
            except Unusable as error:
                drawn = error
            run.keep(batch, drawn, device)


class _Run:
    """What is left of a plan, and the keeping of what comes."""

    def __init__(
        self, plan: Plan, wanted: Sequence[Wanted], images: ImageSet, settings: DrawSettings, advance: Advance
    ):
        self.outcome = Outcome()
        self._wanted = {one.image: one for one in wanted}
        self._all = wanted
        self._images, self._settings, self._advance = images, settings, advance
        self._pending = [batch for batch in plan.batches() if self._lacks(batch)]
        self._counted = {one.name for batch in self._pending for one in self._lacks(batch)}
        self._held: list[Batch] = []  # by other processes, at the end
        self._locks: dict[Batch, FileLock] = {}
        self._writer = ThreadPoolExecutor(1)  # PNGs are packed and synced while the next batch is drawn
        self._writing: tuple[Batch, int, Future[None]] | None = None
        self._next_table = 0.0
        self._versions = versions()

    def missing(self) -> int:
        """Images that are not there."""
        return len(self._counted)

    def batches(self) -> Iterator[Batch]:
        """Batches that lack an image and that nobody else draws; those of others are looked at again at the end."""
        while self._pending:
            held, took = [], False
            for batch in self._pending:
                if batch[0].checkpoint in self.outcome.unusable:
                    continue
                if not self._lock(batch):
                    held.append(batch)
                    continue
                self._images.refresh()
                if self._lacks(batch):
                    took = True
                    yield batch
                else:
                    self._unlock(batch)
                    self._count(batch)
            if not took:
                self._held = held
                return
            self._images.refresh()
            self._pending = [batch for batch in held if self._lacks(batch)]

    def keep(self, batch: Batch, drawn: list[Drawn] | Unusable, device: str) -> None:
        """Write what is missing of a batch, and let go of it."""
        if isinstance(drawn, Unusable):
            self.outcome.unusable[batch[0].checkpoint] = str(drawn)
            self._unlock(batch)
            return
        self._wait()
        missing = {one.name for one in self._lacks(batch)}
        pairs = [(self._wanted[one.image], one) for one in drawn if self._wanted[one.image].name in missing]
        how = {
            "device": device,
            "offload": self._settings.offload,
            "attention_slicing": self._settings.attention_slicing,
            "engine": self._settings.engine,
            "versions": self._versions,
        }
        self._writing = batch, len(pairs), self._writer.submit(self._write, pairs, how)

    def close(self) -> None:
        """Wait for what is being written, and write items.csv."""
        try:
            self._wait()
        finally:
            self._writer.shutdown()
            for batch in list(self._locks):
                self._unlock(batch)
            lines = self._images.write_items(self._all)
            self.outcome.left = sum(len(self._lacks(batch)) for batch in self._held)
            names = {one.name for one in self._all if self._images.is_finished(one)}
            self.outcome.lines = {name: line for name, line in lines.items() if name in names}
            self._images.tidy()

    def _write(self, pairs: list[tuple[Wanted, Drawn]], how: Mapping[str, Any]) -> None:
        self._images.add(pairs, how)
        began = time.monotonic()
        if began >= self._next_table:
            self._images.write_items(self._all)
            now = time.monotonic()
            self._next_table = now + (now - began) / _SHARE_OF_TABLES

    def _wait(self) -> None:
        """Until the last batch stands on the disk, which is then done."""
        if self._writing is None:
            return
        (batch, count, writing), self._writing = self._writing, None
        writing.result()
        self._images.refresh()
        self.outcome.drawn += count
        self._unlock(batch)
        self._count(batch)

    def _count(self, batch: Batch) -> None:
        names = {self._wanted[image].name for image in batch} & self._counted
        self._counted -= names
        self._advance(len(names))

    def _lacks(self, batch: Batch) -> list[Wanted]:
        return [one for image in batch if not self._images.is_finished(one := self._wanted[image])]

    def _lock(self, batch: Batch) -> bool:
        """Be the only one to draw a batch; the system frees the lock of a process that ends, however it ends."""
        word = hashlib.sha256("\n".join(image.file.as_posix() for image in batch).encode()).hexdigest()[:16]
        lock = FileLock(self._images.folder / LOCKS / f"{word}.lock", thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        self._locks[batch] = lock
        return True

    def _unlock(self, batch: Batch) -> None:
        lock = self._locks.pop(batch, None)
        if lock is not None:
            with suppress(OSError):
                Path(lock.lock_file).unlink(missing_ok=True)
            lock.release()
