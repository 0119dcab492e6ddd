"""When a file counts as written, and what Ctrl-C ends."""

import os

import pytest

from study.runs.watch import Settled, repeat


def test_a_file_that_changed_since_the_last_look_is_not_settled(tmp_path):
    path, looks, seen = tmp_path / "a.png", Settled(old=3600, clock=lambda: 10**9 + 1.0), []
    for content in (b"1", b"12", b"12", b"12"):
        path.write_bytes(content)
        os.utime(path, ns=(0, 10**18 + len(content)))
        seen.append(looks.stamp(path) is not None)
        looks.next_look()
    assert seen == [False, False, True, True]


def test_the_same_size_at_another_time_is_another_content(tmp_path):
    path, looks = tmp_path / "a.png", Settled(old=3600, clock=lambda: 10.0)
    path.write_bytes(b"1")
    for second in (1, 2, 3):
        os.utime(path, (second, second))
        assert looks.stamp(path) is None
        looks.next_look()


@pytest.mark.parametrize(("age", "expected"), [(9.0, False), (11.0, True), (-3600.0, False)])
def test_an_old_file_is_settled_at_once_and_one_of_the_future_is_not(tmp_path, age, expected):
    path = tmp_path / "a.png"
    path.write_bytes(b"1")
    os.utime(path, (1000.0, 1000.0))
    assert (Settled(old=10.0, clock=lambda: 1000.0 + age).stamp(path) is not None) == expected


def test_what_is_no_file_is_never_settled(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path, tmp_path / "pipe.png", tmp_path / "none.png", tmp_path / ("x" * 300)):
        assert Settled(old=0).stamp(path) is None


def test_a_file_that_is_gone_is_forgotten(tmp_path):
    path, looks = tmp_path / "a.png", Settled(old=3600)
    path.write_bytes(b"1")
    looks.stamp(path)
    looks.next_look()
    looks.next_look()
    assert looks.stamp(path) is None


@pytest.mark.parametrize("in_the_pass", [True, False])
def test_ctrl_c_ends_it_in_a_pass_and_between(in_the_pass):
    passes, waited = [], []

    def one_pass():
        passes.append(1)
        if in_the_pass and len(passes) == 3:
            raise KeyboardInterrupt

    def sleep(seconds):
        waited.append(seconds)
        if not in_the_pass and len(waited) == 3:
            raise KeyboardInterrupt

    repeat(one_pass, 7, sleep)
    assert len(passes) == 3 and set(waited) == {7}
