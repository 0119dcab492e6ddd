"""Drawing over a Ray cluster: a worker a GPU, or one a machine where there is none; the driver writes what they draw.

Models and checkpoints must stand at the same paths on every machine; the folder of images only on the driver's. What a
worker that dies had in hand is drawn again.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from metrics.engine.ray import connect
from metrics.errors import InputError
from study.generation.base_models import BaseModel, locate
from study.generation.draw import Batch, DrawSettings, Say
from study.generation.painter import Drawn, Painter, Unusable
from study.generation.pipelines import Dtype, Machine, check_machine
from study.generation.types import Checkpoint

Keep = Callable[[Batch, list[Drawn] | Unusable, str], None]

_LIVES = 5  # times that a batch is tried whose workers die


@dataclass(frozen=True)
class _Answer:
    """What a worker says of a batch."""

    drawn: list[Drawn]
    device: str
    said: list[str]
    refused: str = ""
    is_checkpoint: bool = False


def draw_with_ray(
    base: BaseModel,
    expected: Mapping[Checkpoint, str],
    dtype: Dtype,
    settings: DrawSettings,
    batches: Iterator[Batch],
    keep: Keep,
    say: Say,
) -> None:
    """Draw batches on the cluster that RAY_ADDRESS names, or on this machine.

    Parameters
    ----------
    base : BaseModel
    expected : mapping
        See `study.generation.painter.Painter`.
    dtype : {"float32", "float16", "bfloat16"}
    settings : DrawSettings
        "auto" takes the cluster's GPUs where it has any.
    batches : iterator
        Those that are to be drawn; the next is taken when a worker is free.
    keep : callable
        Takes a batch, what came of it, and the device.
    say : callable
        Takes a sentence about the run.

    Raises
    ------
    InputError
        Where Ray is not installed, and what the workers refuse.
    """
    on_gpu = connect(settings.device)
    import ray

    machine = Machine("cuda" if on_gpu else settings.device, settings.offload, settings.attention_slicing)
    crew = _Crew(ray, (base, expected, dtype, machine), on_gpu)
    try:
        said: set[str] = set()
        for batch, answer in crew.results(batches):
            for sentence in answer.said:
                if sentence not in said:
                    said.add(sentence)
                    say(sentence)
            if answer.refused and not answer.is_checkpoint:
                raise InputError(answer.refused)
            keep(batch, Unusable(answer.refused) if answer.refused else answer.drawn, answer.device)
    finally:
        crew.dismiss()


class _Crew:
    """The workers, and who has which batch."""

    def __init__(self, ray: Any, arguments: tuple[Any, ...], on_gpu: bool):
        self._ray, self._arguments = ray, arguments
        self._wanted: list[dict[str, Any]] = []  # what each worker asks of the cluster
        for node in ray.nodes():
            has = node["Resources"] if node["Alive"] else {}
            if on_gpu:
                self._wanted += [{"num_gpus": 1, "num_cpus": 1}] * int(has.get("GPU", 0))
            elif has.get("CPU", 0) >= 1:  # a network takes all processors of a machine, and memory once
                self._wanted.append({"num_cpus": int(has["CPU"])})
        if not self._wanted:
            raise InputError("The Ray cluster has no machine to draw on; look at ray status.")
        self._starting = dict(self._start(asked) for asked in self._wanted)
        self._busy: dict[Any, tuple[Any, Batch]] = {}

    def results(self, batches: Iterator[Batch]) -> Iterator[tuple[Batch, _Answer]]:
        """Each batch with its answer, as they come."""
        free: list[Any] = []
        again: list[Batch] = []
        deaths: dict[Batch, int] = {}
        while True:
            while free and (batch := again.pop() if again else next(batches, None)) is not None:
                worker = free.pop()
                self._busy[worker[0].draw.remote(batch)] = worker, batch
            if not self._busy and not again and (free or not self._starting):
                return
            (done,), _ = self._ray.wait([*self._starting, *self._busy], num_returns=1)
            worker, batch = self._busy.pop(done, (None, None))
            worker = worker or self._starting.pop(done)
            try:
                answer = self._ray.get(done)
            except self._ray.exceptions.RayActorError as error:
                reference, other = self._start(worker[1])
                self._starting[reference] = other
                if batch is not None:
                    deaths[batch] = deaths.get(batch, 0) + 1
                    if deaths[batch] == _LIVES:
                        raise InputError(
                            f"{_LIVES} workers died of one batch, that of {batch[0].file}; they may be short of memory."
                        ) from error
                    again.append(batch)
                continue
            free.append(worker)
            if batch is not None:
                yield batch, answer

    def dismiss(self) -> None:
        """End all workers."""
        for worker, _ in [*self._starting.values(), *(worker for worker, _ in self._busy.values())]:
            self._ray.kill(worker)

    def _start(self, asked: dict[str, Any]) -> tuple[Any, tuple[Any, dict[str, Any]]]:
        """A new worker, by what says that it is ready."""
        worker = self._ray.remote(_Worker).options(max_restarts=0, **asked).remote(*self._arguments)
        return worker.ready.remote(), (worker, asked)


class _Worker:
    """One painter on the cluster."""

    def __init__(self, base: BaseModel, expected: Mapping[Checkpoint, str], dtype: Dtype, machine: Machine):
        from metrics.engine.device import choose_device

        self._said: list[str] = []
        self._refusal = ""
        try:
            machine = Machine(choose_device(machine.device), machine.offload, machine.attention_slicing)
            check_machine(machine, dtype)
            here = locate(
                base.name, base.identity.get("revision", ""), base.config if base.config != base.path else None
            )
            if here.identity != base.identity:
                raise InputError(f"{base.name} is another model on one of the cluster's machines; copy the same there.")
        except InputError as error:
            self._refusal = str(error)
        self._device = machine.device
        self._painter = Painter(base, expected, dtype, machine, self._said.append)

    def ready(self) -> None:
        """Nothing; that it answers says that it stands."""

    def draw(self, batch: Batch) -> _Answer:
        """A batch, or why it cannot be drawn."""
        drawn: list[Drawn] = []
        refused, is_checkpoint = self._refusal, False
        if not refused:
            try:
                drawn = self._painter.draw(batch)
            except Unusable as error:
                refused, is_checkpoint = str(error), True
            except InputError as error:
                refused = str(error)
        said = list(self._said)
        self._said.clear()
        return _Answer(drawn, self._device, said, refused, is_checkpoint)
