"""Extraction over a Ray cluster: the same code on every machine, the features into the same cache.

Images and weights must stand at the same paths on every machine of the cluster. An actor that dies is started anew, and
what it had in hand is computed again.
"""

import io
import logging
import os
import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics.engine.cache import FeatureCache
from metrics.engine.extraction import Advance, Extractor, missing, run_extractor, stored_as
from metrics.engine.images import Source
from metrics.errors import InputError, parameter

_REFUSED = "\x00"  # before what an actor says that cannot work at all


def connect(device: str) -> bool:
    """Connect to the cluster that RAY_ADDRESS names, or to this machine, where that was not done yet.

    Parameters
    ----------
    device : str
        "auto" takes the cluster's GPUs where it has any.

    Returns
    -------
    bool
        Whether work is to be done on GPUs.

    Raises
    ------
    InputError
        Where Ray is not installed whole.
    """
    try:
        import ray
        import ray.data
    except ImportError:
        raise InputError(
            f"{parameter('engine')} ray needs Ray; install it with pip install 'humangrade[ray]'."
        ) from None
    if not ray.is_initialized():
        ray.init(address=os.environ.get("RAY_ADDRESS"), log_to_driver=False, logging_level=logging.WARNING)
    return device.startswith("cuda") or (device == "auto" and ray.cluster_resources().get("GPU", 0) > 0)


def extract_with_ray(
    extractor: Extractor,
    sources: Sequence[Source],
    cache: FeatureCache,
    *,
    device: str = "auto",
    batch_size: int | None = None,
    workers: int = 2,
    advance: Advance = lambda count: None,
) -> dict[str, str]:
    """As `metrics.engine.extraction.extract`, spread over the cluster that RAY_ADDRESS names, or over this machine.

    Parameters
    ----------
    extractor, sources, cache, batch_size, workers, advance
        As there.
    device : str
        "auto" gives each actor a GPU where the cluster has any.

    Returns
    -------
    dict
        As there.

    Raises
    ------
    InputError
        Where Ray is not installed, and what loading the extractor raises on the cluster.
    """
    wanted = missing(extractor, sources, cache)
    if not wanted:
        return {}
    on_gpu = connect(device)
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    actors = int(ray.cluster_resources().get("GPU" if on_gpu else "CPU", 1)) or 1
    size = batch_size or extractor.batch_size
    pickled = [{"source": pickle.dumps(source)} for source in wanted]
    rows = ray.data.from_items(pickled, override_num_blocks=-(-len(wanted) // size)).map_batches(
        _Worker,
        fn_constructor_args=(extractor, "cuda" if on_gpu else device, size, workers),
        batch_size=size,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=actors),
        num_gpus=1 if on_gpu else 0,
        num_cpus=1,
    )
    problems = {}
    for row in rows.iter_rows():
        if row["problem"].startswith(_REFUSED):
            raise InputError(row["problem"].removeprefix(_REFUSED))
        if row["problem"]:
            problems[row["key"]] = row["problem"]
        else:
            cache.put(stored_as(extractor), row["key"], np.load(io.BytesIO(row["features"]), allow_pickle=False))
        advance(1)
    return problems


class _Worker:
    """One actor: a loaded network."""

    def __init__(self, extractor: Extractor, device: str, batch_size: int, workers: int):
        from metrics.engine.device import choose_device

        self._extractor = extractor
        self._refusal = ""
        try:
            self._forward = extractor.load(choose_device(device))
        except InputError as error:
            self._refusal = error.args[0]  # with its marks of parameters
        self._batch_size, self._workers = batch_size, workers

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """Sources in; keys, features as .npy files, and problems out."""
        sources = [pickle.loads(source) for source in batch["source"]]
        found: dict[str, bytes] = {}

        def keep(key: str, features: NDArray) -> None:
            file = io.BytesIO()
            np.save(file, features, allow_pickle=False)
            found[key] = file.getvalue()

        problems: dict[str, str] = {}
        if not self._refusal:
            try:
                problems = run_extractor(self._extractor, self._forward, sources, keep, self._batch_size, self._workers)
            except InputError as error:  # a function of the user's that answers what it must not
                self._refusal = error.args[0]  # with its marks of parameters
        if self._refusal:
            refused = [_REFUSED + self._refusal] * len(sources)
            return {"key": [source.key for source in sources], "features": [b""] * len(sources), "problem": refused}
        return {
            "key": [source.key for source in sources],
            "features": [found.get(source.key, b"") for source in sources],
            "problem": [problems.get(source.key, "") for source in sources],
        }
