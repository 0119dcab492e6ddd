"""From images to features: decoded in parallel, in batches through a network, into the cache.

What is in the cache is not computed again, so that an interrupted run goes on where it stopped.
"""

import gc
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from numpy.typing import NDArray
from PIL.Image import Image

from metrics.engine.cache import FeatureCache
from metrics.engine.images import Source, UnreadableImage, large_ones_alone

Forward = Callable[[list[Any]], list[NDArray]]
Advance = Callable[[int], None]
Keep = Callable[[str, NDArray], None]
NO_ROOM = "does not fit into the device's memory"

BUDGET = 500_000_000  # bytes of prepared images that wait, and as many in a batch; one image may be more

_NO_MEMORY = re.compile(r"out of memory|can't allocate memory|not enough memory|ALLOC_FAILED", re.IGNORECASE)


class Extractor(Protocol):
    """What turns an image (or a prompt) into features; it can be pickled, and making one loads no weights."""

    @property
    def signature(self) -> str:
        """All that the features depend on."""

    @property
    def title(self) -> str:
        """For the progress bar."""

    @property
    def batch_size(self) -> int:
        """How many images go through the network at once."""

    def prepare(self, opened: Any) -> Any:
        """What the network takes, from an opened source; runs in a worker thread."""

    def load(self, device: str) -> Forward:
        """The network: prepared inputs to features, one array an input, the same in any batch."""


def stored_as(extractor: Extractor) -> str:
    """Under what features are kept: the signature, and more of an extractor whose signature may be out of date."""
    return getattr(extractor, "stored_as", extractor.signature)


def missing(extractor: Extractor, sources: Sequence[Source], cache: FeatureCache) -> list[Source]:
    """The sources without features in the cache, each content once, in their order."""
    unique = {source.key: source for source in sources}
    return [source for key, source in unique.items() if not cache.has(stored_as(extractor), key)]


def extract(
    extractor: Extractor,
    sources: Sequence[Source],
    cache: FeatureCache,
    *,
    device: str = "auto",
    batch_size: int | None = None,
    workers: int = 2,
    advance: Advance = lambda count: None,
) -> dict[str, str]:
    """Fill the cache with the features of all sources.

    Parameters
    ----------
    extractor : Extractor
        What is extracted.
    sources : sequence of Source
        Images or prompts; those whose features are in the cache are passed over.
    cache : FeatureCache
        Where the features go, each batch as soon as it is computed.
    device : str
        A torch device, or "auto".
    batch_size : int, optional
        The extractor's own unless told; halved, for the rest of the run, when the device's memory does not suffice.
    workers : int
        Threads that decode and prepare.
    advance : callable
        Told how many sources were done, after each batch.

    Returns
    -------
    dict
        Key of each source that could not be opened, or alone does not fit into the device's memory, and the reason.

    Raises
    ------
    InputError
        For weights that cannot be loaded, a device that is not there, and a cache that cannot be written.
    """
    wanted = missing(extractor, sources, cache)
    if not wanted:
        return {}
    from metrics.engine.device import choose_device

    forward = extractor.load(choose_device(device))

    def keep(key: str, features: NDArray) -> None:
        cache.put(stored_as(extractor), key, features)

    return run_extractor(extractor, forward, wanted, keep, batch_size, workers, advance)


def run_extractor(
    extractor: Extractor,
    forward: Forward,
    sources: Sequence[Source],
    keep: Keep,
    batch_size: int | None = None,
    workers: int = 2,
    advance: Advance = lambda count: None,
) -> dict[str, str]:
    """As `extract`, with a network that is loaded already; `keep` takes each source's key and features."""
    problems: dict[str, str] = {}
    size = batch_size or extractor.batch_size
    with ThreadPoolExecutor(workers) as pool:
        prepared = _prepared(pool, extractor, sources, 2 * size + workers, workers)
        try:
            for batch in _batches(prepared, size):
                ready = [(source, value) for source, value in batch if not isinstance(value, UnreadableImage)]
                problems |= {source.key: str(value) for source, value in batch if isinstance(value, UnreadableImage)}
                size, too_large = _run(forward, ready, size, keep)
                problems |= too_large
                advance(len(batch))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return problems


def _prepared(
    pool: ThreadPoolExecutor, extractor: Extractor, sources: Sequence[Source], ahead: int, workers: int
) -> Iterator[tuple[Source, Any]]:
    """Sources with what the network takes of them, in their order, prepared a little ahead of their use."""

    def prepare(source: Source) -> Any:
        try:
            with large_ones_alone():
                return extractor.prepare(source.open())
        except UnreadableImage as error:
            return error

    waiting: list[tuple[Source, Future[Any]]] = []
    upcoming = iter(sources)
    largest: int | None = None  # of those prepared lately: what one that is not done yet may come to
    while True:
        largest = max((size_of(future.result()) for _, future in waiting if future.done()), default=largest)
        most = workers if largest is None else min(ahead, max(1, BUDGET // max(largest, 1)))
        while len(waiting) < most and (source := next(upcoming, None)) is not None:
            waiting.append((source, pool.submit(prepare, source)))
        if not waiting:
            return
        source, future = waiting.pop(0)
        value = future.result()
        largest = max(size_of(value), largest or 0)
        yield source, value


def _batches(prepared: Iterator[tuple[Source, Any]], size: int) -> Iterator[list[tuple[Source, Any]]]:
    """So many together, or fewer where they are large."""
    batch: list[tuple[Source, Any]] = []
    held = 0
    for pair in prepared:
        more = size_of(pair[1])
        if batch and held + more > BUDGET:
            yield batch
            batch, held = [], 0
        batch.append(pair)
        held += more
        if len(batch) == size:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def size_of(value: Any) -> int:
    """The bytes of what a network takes; 0 for what is not counted.

    Examples
    --------
    >>> import numpy as np
    >>> size_of(np.zeros(3)), size_of((np.zeros(3), np.zeros(1))), size_of("a prompt")
    (24, 32, 0)
    """
    if isinstance(value, Image):
        return value.width * value.height * (4 if value.mode == "RGB" else len(value.getbands()))  # as Pillow holds it
    if isinstance(value, (tuple, list)):
        return sum(map(size_of, value))
    return int(getattr(value, "nbytes", 0))


def _run(forward: Forward, ready: list[tuple[Source, Any]], size: int, keep: Keep) -> tuple[int, dict[str, str]]:
    """Run a batch, in halves where the memory does not suffice; returns the size that did, and what does not fit."""
    start = 0
    problems: dict[str, str] = {}
    while start < len(ready):
        part = ready[start : start + size]
        try:
            features = _unless_exhausted(forward, [value for _, value in part])
        except UnreadableImage as error:  # one by one, so that the others of the batch are not blamed
            if len(part) == 1:
                problems[part[0][0].key] = str(error)
            for each in part if len(part) > 1 else ():
                problems |= _run(forward, [each], 1, keep)[1]
            start += len(part)
            continue
        if features is not None:
            for (source, _), value in zip(part, features, strict=True):
                keep(source.key, value)
        elif len(part) == 1:
            problems[part[0][0].key] = NO_ROOM
        else:
            size = len(part) // 2
            continue
        start += len(part)
    return size, problems


def _unless_exhausted(forward: Forward, values: list[Any]) -> list[NDArray] | None:
    """The features; None where the memory does not suffice."""
    try:
        return forward(values)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
    _free()
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the memory does not suffice, in the words of one device or another.

    Examples
    --------
    >>> is_out_of_memory(RuntimeError("MPS backend out of memory")), is_out_of_memory(RuntimeError("size mismatch"))
    (True, False)
    """
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return _NO_MEMORY.search(str(error)) is not None


def _free() -> None:
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
