"""The driver of draws: block sizes, threads and seeds change nothing, and what it draws is what it says."""

from typing import NamedTuple

import numpy as np
import pytest

from calibration.core import resampling
from calibration.core.resampling import Drawn, Draws, Resampling, count_draws, generator, group_draws, signs_and_draws


class Two(NamedTuple):
    first: np.ndarray
    second: np.ndarray


def whole(draws, size=10**6):
    return np.concatenate(list(draws.blocks(size)))


SOURCES = {
    "groups": lambda: group_draws(np.repeat(np.arange(5), 3), Resampling(23, 4)),
    "counts": lambda: count_draws(np.array([3.0, 1.0, 2.0]), Resampling(23, 4)),
    "images": lambda: Drawn(np.zeros((7, 2))).draws(Resampling(23, 4)),
    "signs": lambda: signs_and_draws(np.arange(6), Resampling(23, 4))[0],
    "draws after signs": lambda: signs_and_draws(np.arange(6), Resampling(23, 4))[1],
}


@pytest.mark.parametrize("made", SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("size", [1, 4, 23])
def test_blocks_of_any_size_hold_the_same_draws(made, size):
    blocks = list(made().blocks(size))
    assert max(map(len, blocks)) == size
    assert (np.concatenate(blocks) == whole(made())).all()
    assert whole(made()).shape == (made().count, made().length)


@pytest.mark.parametrize("kept", [0, 2**22])
def test_draws_of_groups_are_numpys_multinomial_whether_kept_or_not(monkeypatch, kept):
    monkeypatch.setattr(resampling, "_KEPT", kept)
    groups = np.array([2, 0, 1, 1])
    expected = np.random.default_rng(11).multinomial(3, np.full(3, 1 / 3), size=9)[:, groups]
    assert (whole(group_draws(groups, Resampling(9, 11)), 2) == expected).all()


def test_signs_and_the_draws_after_them_are_one_stream_whether_kept_or_not(monkeypatch):
    groups, found = np.array([0, 1, 1]), []
    for kept in (0, 2**22):
        monkeypatch.setattr(resampling, "_KEPT", kept)
        found.append([whole(each, 2) for each in signs_and_draws(groups, Resampling(9, 5))])
    rng = np.random.default_rng(5)
    expected = rng.choice([-1.0, 1.0], size=(9, 2))[:, groups], rng.multinomial(2, [0.5, 0.5], size=9)[:, groups]
    for signs, counts in found:
        assert (signs == expected[0]).all()
        assert (counts == expected[1]).all()


@pytest.mark.parametrize("in_threads", [False, True])
@pytest.mark.parametrize("numbers", [1, 10**5, 10**9])
def test_figures_are_the_statistic_of_every_draw_in_its_place(in_threads, numbers):
    draws = SOURCES["groups"]()
    weights = whole(draws)
    found = draws.figures(lambda w: {"a": w @ np.arange(15.0), "b": Two(w[:, 0], w[:, :2])}, numbers, in_threads)
    assert (found["a"] == weights @ np.arange(15.0)).all()
    assert isinstance(found["b"], Two)
    assert (found["b"].second == weights[:, :2]).all()


def test_a_statistic_is_given_no_more_than_fits_into_memory(monkeypatch):
    monkeypatch.setattr(resampling, "_MEMORY", 600)
    given = []
    SOURCES["groups"]().figures(lambda w: given.append(w.size) or w[:, 0], numbers=10)
    assert max(given) == 60
    assert sum(given) == 23 * 15


def test_no_draws_are_an_empty_block():
    assert group_draws(np.arange(4), Resampling(0)).figures(lambda w: w @ np.ones((4, 2))).shape == (0, 2)


def test_the_first_draws_are_the_first():
    draws = SOURCES["groups"]()
    assert (whole(draws.first(5), 2) == whole(draws)[:5]).all()
    assert draws.first(99).count == 23
    assert draws.first(0).figures(lambda w: w[:, 0]).shape == (0,)


def test_an_error_in_a_thread_reaches_the_caller():
    def fails(block):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        SOURCES["groups"]().figures(fails, 10**9, in_threads=True)


def test_in_threads_few_blocks_wait_at_once():
    """Draws are made as they are used: a million images times a thousand draws are never in memory together."""
    made, done, ahead = [], [], []

    def blocks(size):
        for place in range(200):
            made.append(place)
            ahead.append(len(made) - len(done))
            yield np.full((1, 1), place)

    found = Draws(1, 200, blocks).figures(lambda w: (done.append(1), w[:, 0])[1], in_threads=True)
    assert found.tolist() == list(range(200))
    assert max(ahead) <= 4 * resampling._THREADS + 2


def test_any_whole_number_is_a_seed():
    assert generator(-1).random() == generator(2**63 - 1).random() != generator(0).random()
