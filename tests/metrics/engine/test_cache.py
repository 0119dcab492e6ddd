"""The cache of features: what comes back, damage, several processes, pruning."""

import multiprocessing
import os
import shutil
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from metrics.engine.cache import FeatureCache, cache_folder
from metrics.errors import InputError

KEY = "ab" + "0" * 62
HUGE = b"\x93NUMPY\1\0\x48\0{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776,)}    \n" + bytes(8)
DEEP = b"\x93NUMPY\1\0" + (9001).to_bytes(2, "little") + b"-" * 9000 + b"1"


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path / "features")


@given(array=hnp.arrays(st.sampled_from([np.float16, np.float32, np.float64]), st.integers(0, 20)))
def test_features_come_back_bit_for_bit(tmp_path_factory, array):
    cache = FeatureCache(tmp_path_factory.mktemp("cache"))
    cache.put("net:a", KEY, array)
    found = cache.get("net:a", KEY)
    assert found.dtype == array.dtype and found.tobytes() == array.tobytes()


def test_another_signature_or_image_has_none(cache):
    cache.put("net:a", KEY, np.ones(2))
    assert cache.get("net:b", KEY) is None and cache.get("net:a", "ff" + KEY[2:]) is None
    assert cache.has("net:a", KEY) and not cache.has("net:b", KEY)


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"nonsense", None, HUGE, DEEP])
def test_a_damaged_file_counts_as_none_and_is_replaced(cache, damage):
    cache.put("net:a", KEY, np.ones(100))
    (path,) = cache.folder.glob("*/*/*.npy")
    path.write_bytes(path.read_bytes()[:-8] if damage is None else damage)
    assert cache.get("net:a", KEY) is None and not cache.has("net:a", KEY)
    cache.put("net:a", KEY, np.zeros(100))
    assert (cache.get("net:a", KEY) == 0).all()


def test_pickled_objects_are_never_loaded(cache):
    cache.put("net:a", KEY, np.ones(1))
    (path,) = cache.folder.glob("*/*/*.npy")
    np.save(path, np.array([{}], dtype=object), allow_pickle=True)
    assert cache.get("net:a", KEY) is None


def _write(folder, start):
    cache = FeatureCache(folder)
    for number in range(60):
        cache.put("net:a", f"{number:064x}", np.full(500, number))
        cache.put("net:a", f"{start:064x}", np.full(500, start))


@pytest.mark.process
def test_several_processes_write_at_once(cache):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write, args=(cache.folder, start)) for start in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert all((cache.get("net:a", f"{number:064x}") == number).all() for number in range(60))
    assert not list(cache.folder.rglob("*.tmp"))


def test_entries_and_pruning(cache):
    cache.put("net:a", KEY, np.ones(1000))
    cache.put("net:b", KEY, np.ones(10))
    cache.put("net:b", "cd" + KEY[2:], np.ones(10))
    assert [(entry.signature, entry.files) for entry in cache.entries()] == [("net:a", 1), ("net:b", 2)]
    (path,) = cache.folder.glob("*/cd/*.npy")
    os.utime(path, (time.time() - 10 * 86400,) * 2)
    assert cache.prune(unused_days=5) == path.parent.parent.joinpath("ab", f"{KEY}.npy").stat().st_size
    assert [(entry.signature, entry.files) for entry in cache.entries()] == [("net:a", 1), ("net:b", 1)]
    assert cache.prune(metric="net:b") > 0 and [entry.signature for entry in cache.entries()] == ["net:a"]
    cache.prune()
    assert cache.entries() == [] and not list(cache.folder.iterdir())


def test_after_pruning_features_can_be_put_again(cache):
    cache.put("net:a", KEY, np.ones(1))
    cache.prune()
    cache.put("net:a", KEY, np.ones(1))
    assert cache.entries()[0].signature == "net:a"


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="HUMANGRADE_CACHE"):
        FeatureCache(tmp_path / "file" / "features")


def test_where_the_cache_stands(monkeypatch, tmp_path):
    monkeypatch.setenv("HUMANGRADE_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("HUMANGRADE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "humangrade" / "features"


def test_a_folder_that_is_pruned_while_a_file_is_written_is_made_anew(tmp_path, monkeypatch):
    cache = FeatureCache(tmp_path)
    make, calls = FeatureCache._make, []

    def pruned(self, folder, signature):
        make(self, folder, signature)
        calls.append(folder)
        if len(calls) == 1:
            shutil.rmtree(folder.parent)

    monkeypatch.setattr(FeatureCache, "_make", pruned)
    cache.put("s", "ab12", np.ones(2))
    assert cache.get("s", "ab12").tolist() == [1, 1] and len(calls) == 2
