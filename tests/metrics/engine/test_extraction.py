"""Extraction: batches, order, resuming, files that cannot be read, memory that does not suffice."""

import threading
import time

import numpy as np
import pytest
import torch
from PIL import Image

from metrics.engine import extraction, images
from metrics.engine.cache import FeatureCache
from metrics.engine.extraction import extract, missing, size_of
from metrics.engine.images import ImageSource, UnreadableImage
from tests.metrics.pictures import MeanColour, noise, saved


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path / "features")


def colours(extractor, sources, cache):
    return np.array([cache.get(extractor.signature, source.key) for source in sources])


def truth(sources):
    return np.array([np.asarray(source.open(), dtype=float).mean(axis=(0, 1)) for source in sources])


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_every_image_gets_its_own_features(tmp_path, cache, batch_size):
    sources, extractor = saved(tmp_path / "images", 20), MeanColour()
    assert extract(extractor, sources, cache, batch_size=batch_size) == {}
    np.testing.assert_array_equal(colours(extractor, sources, cache), truth(sources))
    assert sum(extractor.batches) == 20 and max(extractor.batches) == min(batch_size, 20)


def test_a_second_run_computes_nothing(tmp_path, cache):
    sources, extractor = saved(tmp_path / "images", 5), MeanColour()
    extract(extractor, sources, cache)
    again = MeanColour()
    assert extract(again, sources[::-1], cache) == {} and again.batches == []


def test_the_same_content_is_computed_once(tmp_path, cache):
    sources = saved(tmp_path / "a", 3) + saved(tmp_path / "b", 3)
    extractor = MeanColour()
    extract(extractor, sources, cache)
    assert extractor.batches == [3]
    assert missing(extractor, sources, cache) == []


def test_a_file_that_cannot_be_read_is_named_and_the_rest_is_kept(tmp_path, cache):
    sources, extractor = saved(tmp_path / "images", 9), MeanColour()
    sources[4].path.write_bytes(b"broken")
    sources[4] = ImageSource.of(sources[4].path)
    done = []
    problems = extract(extractor, sources, cache, batch_size=4, advance=done.append)
    assert list(problems) == [sources[4].key] and "cannot be decoded" in problems[sources[4].key]
    rest = sources[:4] + sources[5:]
    np.testing.assert_array_equal(colours(extractor, rest, cache), truth(rest))
    assert sum(done) == 9


class Limited(MeanColour):
    """Memory for so many images at once."""

    limit = 3

    def load(self, device):
        forward = super().load(device)

        def limited(batch):
            if len(batch) > self.limit:
                raise self.error
            return forward(batch)

        return limited


def no_memory():
    """What PyTorch says on this machine."""
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**50)
    return raised.value


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        no_memory(),
        RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"),  # torch/mps, MPSAllocator.mm
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    ],
)
def test_the_batch_is_halved_where_the_memory_does_not_suffice(tmp_path, cache, error):
    sources, extractor = saved(tmp_path / "images", 20), Limited()
    extractor.error = error
    assert extract(extractor, sources, cache, batch_size=16) == {}
    np.testing.assert_array_equal(colours(extractor, sources, cache), truth(sources))
    assert max(extractor.batches) <= 3


class Alive:
    """A prepared image of some bytes, which counts how many of its kind there are."""

    count = most = 0

    def __init__(self, nbytes):
        self.nbytes = nbytes
        Alive.count += 1
        Alive.most = max(Alive.most, Alive.count)

    def __del__(self):
        Alive.count -= 1


@pytest.mark.parametrize(("nbytes", "most"), [(0, 100), (100, 100), (50_000, 14)])
def test_large_images_wait_for_each_other(tmp_path, cache, monkeypatch, nbytes, most):
    class Large(MeanColour):
        def prepare(self, opened):
            return Alive(nbytes)

        def load(self, device):
            return lambda batch: [np.zeros(1) for _ in batch]

    monkeypatch.setattr(extraction, "BUDGET", 200_000)  # four of the largest kind wait, four are in a batch
    Alive.most = Alive.count
    before, sources = Alive.count, saved(tmp_path / "images", 60)
    assert extract(Large(), sources, cache, batch_size=16, workers=4) == {}
    assert all(cache.has(MeanColour().signature, source.key) for source in sources)
    assert Alive.most - before <= most
    if nbytes < 1000:
        assert Alive.most - before >= 16


@pytest.mark.parametrize("limit", [100, 10_000])
def test_only_one_large_image_is_in_work_at_a_time(tmp_path, cache, monkeypatch, limit):
    in_work, seen, lock = [0], [], threading.Lock()

    class Slow(MeanColour):
        def prepare(self, opened):
            with lock:
                in_work[0] += 1
                seen.append(in_work[0])
            time.sleep(0.01)
            with lock:
                in_work[0] -= 1
            return super().prepare(opened)

    monkeypatch.setattr(images, "LARGE", limit)  # the images have 1,536 pixels
    sources, extractor = saved(tmp_path / "images", 12), Slow()
    sources[5].path.write_bytes(b"broken")  # leaves nothing locked
    sources[5] = ImageSource.of(sources[5].path)
    assert list(extract(extractor, sources, cache, workers=4)) == [sources[5].key]
    assert (max(seen) == 1) == (limit == 100)


def test_an_image_that_does_not_fit_alone_is_named(tmp_path, cache):
    sources, extractor = saved(tmp_path / "images", 3), Limited()
    extractor.limit, extractor.error = 0, MemoryError()
    assert set(extract(extractor, sources, cache).values()) == {"does not fit into the device's memory"}


def test_what_one_image_of_a_batch_does_is_not_laid_on_the_others(tmp_path, cache):
    class Picky(MeanColour):
        def load(self, device):
            forward = super().load(device)

            def picky(batch):
                if any(value[0] == value.max() and value[0] > 128 for value in batch):
                    raise UnreadableImage("is not taken")
                return forward(batch)

            return picky

    sources = saved(tmp_path / "images", 12)
    expected = {s.key for s, value in zip(sources, truth(sources), strict=True) if value[0] == value.max() > 128}
    assert 0 < len(expected) < 12
    for size in (1, 8):
        alone = FeatureCache(tmp_path / f"c{size}")
        assert extract(Picky(), sources, alone, batch_size=size).keys() == expected


def test_another_error_is_not_hidden(tmp_path, cache):
    extractor = Limited()
    extractor.limit, extractor.error = 0, RuntimeError("a fault of ours")
    with pytest.raises(RuntimeError, match="a fault of ours"):
        extract(extractor, saved(tmp_path / "images", 3), cache)


class Interrupted(MeanColour):
    """Ctrl-C in the third batch."""

    def load(self, device):
        forward = super().load(device)

        def interrupted(batch):
            if len(self.batches) == 2:
                raise KeyboardInterrupt
            return forward(batch)

        return interrupted


def test_an_interrupted_run_keeps_what_is_done_and_the_next_goes_on(tmp_path, cache):
    sources = saved(tmp_path / "images", 20)
    with pytest.raises(KeyboardInterrupt):
        extract(Interrupted(), sources, cache, batch_size=4)
    after = MeanColour()
    assert len(missing(after, sources, cache)) == 12
    extract(after, sources, cache, batch_size=4)
    assert sum(after.batches) == 12
    np.testing.assert_array_equal(colours(after, sources, cache), truth(sources))


def test_a_file_that_changed_between_hashing_and_reading_is_named(tmp_path, cache):
    sources = saved(tmp_path / "images", 2)
    noise(99).save(sources[0].path)
    problems = extract(MeanColour(), sources, cache)
    assert problems == {sources[0].key: "was changed while it was being scored"}


def test_a_batch_stays_within_the_budget_but_for_one_that_is_larger(tmp_path, cache, monkeypatch):
    sizes = []

    class Large(MeanColour):
        def prepare(self, opened):
            return np.zeros(300 if opened.getpixel((0, 0))[0] % 2 else 700, dtype=np.uint8)

        def load(self, device):
            def forward(batch):
                sizes.append([value.nbytes for value in batch])
                return [np.zeros(1) for _ in batch]

            return forward

    monkeypatch.setattr(extraction, "BUDGET", 650)
    assert extract(Large(), saved(tmp_path, 12), cache, batch_size=16) == {}
    assert all(sum(batch) <= 650 or len(batch) == 1 for batch in sizes) and [300, 300] in sizes and [700] in sizes


def test_a_picture_is_counted_as_pillow_holds_it():
    assert size_of(Image.new("RGB", (10, 5))) == 200 and size_of(Image.new("L", (10, 5))) == 50
