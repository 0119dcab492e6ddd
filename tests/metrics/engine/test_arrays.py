"""Arrays come back as numpy wrote them; damage and other kinds of files are a ValueError."""

import io

import numpy as np
import pytest

from metrics.engine.arrays import check_npy, map_npy, read_npy, read_npz

ARRAYS = [
    np.zeros((0, 3)),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.array("abc"),
    np.array(3),
    np.arange(4).astype(">i2"),
    np.arange(24, dtype=np.float16).reshape(2, 3, 4),
]


@pytest.mark.parametrize("array", ARRAYS, ids=str)
def test_what_numpy_wrote_comes_back(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    found = read_npy(tmp_path / "a.npy")
    assert (found.dtype, found.shape, found.flags.f_contiguous) == (array.dtype, array.shape, array.flags.f_contiguous)
    np.testing.assert_array_equal(found, array)
    assert found.flags.writeable
    for save in (np.savez, np.savez_compressed):
        file = io.BytesIO()
        save(file, a=array, b=np.zeros(3))
        np.testing.assert_array_equal(read_npz(file, {"a": 1000})["a"], array)
        assert set(read_npz(file, {"a": 1000, "c": 1000})) == {"a"}


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"\x93NUMPY", b"\x93NUMPY\3\0\1\0{", b"\x93NUMPY\1\0\2\0{}"])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "a.npy").write_bytes(content)
    for read in (read_npy, check_npy, map_npy):
        with pytest.raises(ValueError):
            read(tmp_path / "a.npy")
    with pytest.raises(ValueError):
        read_npz(io.BytesIO(content), {"a": 1000})


def test_an_archive_does_not_unpack_to_more_than_it_is():
    file = io.BytesIO()
    np.savez_compressed(file, a=np.zeros(10**5))
    with pytest.raises(ValueError, match=r"its array a takes 800,128 bytes, and .* are the most"):
        read_npz(file, None)
