import io
import math
import os
import tracemalloc
import zipfile

import numpy as np
import pytest

from metrics.errors import InputError
from metrics.sets.frechet import FeatureStatistics, Gaussian, distance, frechet_distance
from metrics.sets.statistics_file import read_statistics, write_statistics

FEATURES = np.random.default_rng(0).normal(size=(40, 6))


def test_round_trip(tmp_path):
    statistics = FeatureStatistics.of(FEATURES)
    saved = read_statistics(write_statistics(tmp_path / "new" / "reference.npz", statistics, "net:inception"))
    assert (saved.n, saved.features) == (40, "net:inception")
    np.testing.assert_array_equal(saved.mean, statistics.mean)
    np.testing.assert_allclose(saved.covariance, statistics.covariance, rtol=1e-15)
    other = FEATURES[:20] + 1
    found = distance(Gaussian.of(other), Gaussian.of_covariance(saved.mean, saved.covariance))
    assert found == pytest.approx(frechet_distance(other, FEATURES), rel=1e-9)


def test_pytorch_fid_reads_ours(tmp_path):
    """It takes mu and sigma from the file, and nothing else."""
    path = write_statistics(tmp_path / "reference.npz", FeatureStatistics.of(FEATURES))
    with np.load(path) as file:
        mu, sigma = file["mu"][:], file["sigma"][:]
    np.testing.assert_allclose(mu, FEATURES.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(sigma, np.cov(FEATURES, rowvar=False), rtol=1e-12)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_we_read_pytorch_fids(tmp_path, save):
    save(tmp_path / "theirs.npz", mu=FEATURES.mean(axis=0), sigma=np.cov(FEATURES, rowvar=False))
    saved = read_statistics(tmp_path / "theirs.npz")
    assert (saved.n, saved.features) == (None, "")
    np.testing.assert_array_equal(saved.mean, FEATURES.mean(axis=0))


def test_digest_is_that_of_the_file(tmp_path):
    path = write_statistics(tmp_path / "a.npz", FeatureStatistics.of(FEATURES))
    first = read_statistics(path).digest
    write_statistics(path, FeatureStatistics.of(FEATURES + 1))
    assert read_statistics(path).digest != first


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = write_statistics(tmp_path / "a.npz", FeatureStatistics.of(FEATURES))
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="the disk is full"):
        write_statistics(path, FeatureStatistics.of(FEATURES + 1))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]


def archive(**arrays):
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no .npz file of statistics"),
        (b"mu,sigma\n1,2\n", "no .npz file of statistics"),
        (archive(mu=np.zeros(2), sigma=np.eye(2))[:-40], "no .npz file of statistics"),
        (archive(mu=np.array([{}, {}]), sigma=np.eye(2)), "no .npz file of statistics"),
        (archive(features=np.zeros((3, 2))), "no arrays mu and sigma"),
        (archive(mu=np.zeros(2), sigma=np.eye(3)), r"mean of shape \(2,\) and a covariance of shape \(3, 3\)"),
        (archive(mu=np.array([0.0, np.nan]), sigma=np.eye(2)), "not finite"),
        (archive(mu=np.array(["a", "b"]), sigma=np.eye(2)), "not finite numbers"),
        (archive(mu=np.zeros(2), sigma=np.array([[1.0, 0.5], [0.0, 1.0]])), "not symmetric"),
    ],
)
def test_wrong_files_are_named(tmp_path, content, message):
    path = tmp_path / "wrong.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        read_statistics(path)
    assert "wrong.npz" in str(error.value)


def bomb(name, shape, said=None, compression=zipfile.ZIP_DEFLATED, dtype=np.float64):
    """An archive that packs zeros; with another shape in the array's header where one is said."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as file, file.open(f"{name}.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array_header_1_0(
            member, {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": said or shape}
        )
        left = math.prod(shape) * np.dtype(dtype).itemsize
        while left:
            left -= member.write(bytes(min(left, 2**20)))
    return content.getvalue()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sigma", (7000, 7000)), r"array sigma takes 392,000,128 bytes, and 268,435,456 are the most"),
        (("mu", (2,), (2**40,)), "which is not what its header says"),
        (("mu", (2,), (2**40,), zipfile.ZIP_STORED), "which is not what its header says"),
        (("mu", (2,), (10**300, 10**300)), "which is not what its header says"),
        (("mu", (2,), (-2,)), "which is not what its header says"),
        (("mu", (2,), None, zipfile.ZIP_LZMA), "packed in another way than numpy packs"),
    ],
)
def test_nothing_is_made_that_the_file_does_not_hold(tmp_path, arguments, message):
    path = tmp_path / "bomb.npz"
    path.write_bytes(bomb(*arguments))
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=message) as error:
            read_statistics(path)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 20 * 2**20
    assert str(error.value).endswith("make it anew.")


@pytest.mark.parametrize("features", [np.zeros((3000, 64)), np.array("x" * 10**5), np.array(3.5)])
def test_features_of_another_tool_are_left_alone(tmp_path, features):
    np.savez(tmp_path / "theirs.npz", mu=np.zeros(2), sigma=np.eye(2), features=features, n=features)
    saved = read_statistics(tmp_path / "theirs.npz")
    assert (saved.n, saved.features) == (None, "")


@pytest.mark.parametrize("header", ["-" * 9000 + "1", "(" * 3000, "'''", "{'descr': [" * 90, "\0"])
def test_a_header_that_cannot_be_read_is_named(tmp_path, header):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("mu.npy", b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header.encode())
    (tmp_path / "a.npz").write_bytes(content.getvalue())
    with pytest.raises(InputError, match=r"a.npz is no .npz file of statistics"):
        read_statistics(tmp_path / "a.npz")


def test_a_single_array_and_a_missing_file_are_named(tmp_path):
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(InputError, match=r"array.npy is no .npz"):
        read_statistics(tmp_path / "array.npy")
    with pytest.raises(InputError, match="No such file"):
        read_statistics(tmp_path / "missing.npz")
    with pytest.raises(InputError, match=r"end in \.npz"):
        write_statistics(tmp_path / "a.txt", FeatureStatistics.of(FEATURES))
