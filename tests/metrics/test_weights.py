import pytest

from metrics.errors import InputError
from metrics.weights import find_weights, is_present, known_weights, weights_digest


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    for name in ("HUMANGRADE_WEIGHTS", "TORCH_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_a_missing_file_is_named_with_the_command_that_gets_it():
    with pytest.raises(
        InputError, match=r"lpips-alex \(alexnet-owt-7be5be79.pth\).* humangrade weights fetch lpips-alex"
    ):
        find_weights("lpips-alex")


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".pth", ".bin"])
def test_our_folder_takes_any_suffix(nowhere, monkeypatch, suffix):
    monkeypatch.setenv("HUMANGRADE_WEIGHTS", str(nowhere / "own"))
    path = nowhere / "own" / f"aesthetic--laion-vit-b-32{suffix}"
    path.parent.mkdir()
    path.write_bytes(b"")
    assert find_weights("aesthetic/laion-vit-b-32") == path


def test_digest_is_remembered_until_the_file_changes(nowhere):
    path = nowhere / "a.pt"
    path.write_bytes(b"abc")
    first = weights_digest(path)
    assert first.startswith("ba7816bf")
    assert weights_digest(path) == first
    path.write_bytes(b"abcd")
    assert weights_digest(path) != first


def test_nothing_is_present_in_an_empty_home():
    assert [known.name for known in known_weights() if is_present(known.name) is not None] == []
