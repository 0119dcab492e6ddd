"""From images to features: decoded in parallel, in batches through a network, into the cache.

What is in the cache is not computed again, so that an interrupted run goes on where it stopped.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from numpy.typing import NDArray

from metrics.cache import FeatureCache
from metrics.images import Source, UnreadableImage

Forward = Callable[[list[Any]], list[NDArray]]
Advance = Callable[[int], None]


class Extractor(Protocol):
    """What turns an image (or a prompt) into features; it can be pickled, and making one loads no weights.

    Attributes
    ----------
    signature : str
        All that the features depend on; see `metrics.signature`.
    title : str
        For the progress bar.
    batch_size : int
        How many images go through the network at once unless the user says otherwise.
    """

    @property
    def signature(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def batch_size(self) -> int: ...

    def prepare(self, opened: Any) -> Any:
        """What the network takes, from an opened source; runs in a worker thread."""

    def load(self, device: str) -> Forward:
        """The network: prepared inputs to features, one array an input, the same in any batch."""


def missing(extractor: Extractor, sources: Sequence[Source], cache: FeatureCache) -> list[Source]:
    """The sources without features in the cache, each content once, in their order."""
    unique = {source.key: source for source in sources}
    return [source for key, source in unique.items() if not cache.has(extractor.signature, key)]


def extract(
    extractor: Extractor,
    sources: Sequence[Source],
    cache: FeatureCache,
    device: str = "cpu",
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
        A torch device.
    batch_size : int, optional
        The extractor's own unless told; halved, for the rest of the run, when the device's memory does not suffice.
    workers : int
        Threads that decode and prepare.
    advance : callable
        Told how many sources were done, after each batch.

    Returns
    -------
    dict
        Key of each source that could not be opened, and the reason.
    """
    wanted = missing(extractor, sources, cache)
    if not wanted:
        return {}
    forward = extractor.load(device)
    problems: dict[str, str] = {}
    size = batch_size or extractor.batch_size
    with ThreadPoolExecutor(workers) as pool:
        prepared = _prepared(pool, extractor, wanted, ahead=2 * size + workers)
        try:
            for batch in _batches(prepared, size):
                ready = [(source, value) for source, value in batch if not isinstance(value, UnreadableImage)]
                problems |= {source.key: str(value) for source, value in batch if isinstance(value, UnreadableImage)}
                size = _run(forward, ready, size, lambda key, value: cache.put(extractor.signature, key, value))
                advance(len(batch))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return problems


def _prepared(
    pool: ThreadPoolExecutor, extractor: Extractor, sources: Sequence[Source], ahead: int
) -> Iterator[tuple[Source, Any]]:
    """Sources with what the network takes of them, in their order, prepared a little ahead of their use."""

    def prepare(source: Source) -> Any:
        try:
            return extractor.prepare(source.open())
        except UnreadableImage as error:
            return error

    waiting: list[tuple[Source, Future[Any]]] = []
    upcoming = iter(sources)
    while True:
        while len(waiting) < ahead and (source := next(upcoming, None)) is not None:
            waiting.append((source, pool.submit(prepare, source)))
        if not waiting:
            return
        source, future = waiting.pop(0)
        yield source, future.result()


def _batches(prepared: Iterator[tuple[Source, Any]], size: int) -> Iterator[list[tuple[Source, Any]]]:
    batch = []
    for pair in prepared:
        batch.append(pair)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _run(
    forward: Forward, ready: list[tuple[Source, Any]], size: int, keep: Callable[[str, NDArray], None]
) -> int:
    """Run a batch, in halves where the memory does not suffice; returns the size that did."""
    start = 0
    while start < len(ready):
        part = ready[start : start + size]
        try:
            features = forward([value for _, value in part])
        except MemoryError:
            exhausted = True
        except RuntimeError as error:
            if not _is_out_of_memory(error):
                raise
            exhausted = True
        else:
            exhausted = False
        if exhausted:
            if size == 1:
                raise MemoryError(f"{part[0][0]} does not fit into the device's memory")
            size = max(1, min(size, len(part)) // 2)
            _free()
            continue
        for (source, _), value in zip(part, features, strict=True):
            keep(source.key, value)
        start += len(part)
    return size


def _is_out_of_memory(error: RuntimeError) -> bool:
    return type(error).__name__ == "OutOfMemoryError" or "not enough memory" in str(error)


def _free() -> None:
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
