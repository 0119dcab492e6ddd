"""No file of weights, features or checkpoints runs code, whichever door it is offered at; one sentence comes out."""

import hashlib
import json
import os
import re
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

from calibration.aesthetic.embeddings import read_embeddings, write_embeddings
from calibration.aesthetic.training import Part, Recipe, train
from calibration.prediction.predictor import Predictor
from calibration.prediction.predictor_file import read_predictor
from metrics.engine.cache import FeatureCache
from metrics.errors import InputError
from metrics.networks.aesthetic_head import find_head, head_details, read_head, write_head
from metrics.networks.clip import ClipModel, image_transform, load_clip
from metrics.networks.faces import load_facenet
from metrics.networks.inception import load_inception
from metrics.networks.lpips import load_lpips
from metrics.sets.statistics_file import read_statistics
from metrics.weights.content import read_shapes
from metrics.weights.locate import add_weights, fetch_weights, known_weights, weights_digest
from metrics.weights.tensors import load_tensors
from study.cli import app
from tests.metrics.homes import empty_home, published
from tests.metrics.hostile import MAKERS, run_them
from tests.metrics.sites import serving_site
from tests.metrics.tiny_clip import random_network, register

WEIGHTS = {"weight": torch.zeros(1, 512), "bias": torch.zeros(1)}
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning", "ignore:'torch.load':UserWarning")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    image_transform.cache_clear()
    register(monkeypatch)
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")  # nothing may depend on PyTorch's default
    yield empty_home(tmp_path, monkeypatch)
    image_transform.cache_clear()


@pytest.fixture
def mark(tmp_path):
    return tmp_path / "was-run"


@pytest.fixture(params=MAKERS)
def hostile(request, tmp_path, mark):
    """Makes a harmful file with a suffix, and proves that it is one."""

    def make(suffix: str, tensors=WEIGHTS) -> Path:
        path = tmp_path / f"{request.param}{suffix}"
        MAKERS[request.param](path, mark, tensors)
        run_them(path)
        assert mark.exists()
        mark.rmdir() if mark.is_dir() else mark.unlink()
        return path

    return make


def train_from(checkpoint):
    rows = np.eye(8, dtype=np.float32)
    part = Part(rows, np.arange(8), np.linspace(1, 10, 8))
    return train(part, part, Recipe(hidden=(), epochs=1), checkpoint=checkpoint)


DOORS = {
    "load_tensors": load_tensors,
    "read_shapes": read_shapes,
    "clip": lambda path: load_clip(ClipModel(path, "tiny", "openai")),
    "inception": load_inception,
    "facenet": lambda path: load_facenet(path, "cpu"),
    **{f"lpips {net}": lambda path, net=net: load_lpips(net, path) for net in ("alex", "vgg", "squeeze")},
    "read_head": read_head,
    "find_head": find_head,
    "statistics": read_statistics,
    "checkpoint": train_from,
    **{f"add {known.name}": lambda path, name=known.name: add_weights(name, path) for known in known_weights()},
}


def is_one_sentence(message: str) -> bool:
    return (
        message.endswith(".")
        and message.isprintable()
        and len(message) < 600
        and not re.search(r"[.!?] [A-Z]", message)
    )


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("door", DOORS)
def test_nothing_runs_and_one_sentence_comes_out(hostile, mark, door, suffix):
    path = hostile(suffix)
    with pytest.raises(InputError) as refused:
        DOORS[door](path)
    assert not mark.exists()
    assert is_one_sentence(str(refused.value)), str(refused.value)
    assert head_details(path) == {}


@pytest.mark.parametrize("place", ["hub/checkpoints/alexnet-owt-7be5be79.pth", "clip/ViT-B-32.pt"])
def test_a_file_in_another_tools_cache_runs_no_more_than_ours(hostile, mark, home, place):
    path = home / ".cache" / ("torch" if "hub" in place else "") / place
    path.parent.mkdir(parents=True)
    hostile(".pt").rename(path)
    with pytest.raises(InputError):
        if "clip" in place:
            load_clip(ClipModel.find("ViT-B-32", "openai"))
        else:
            load_lpips("alex", path)
    assert not mark.exists()


def test_fetching_runs_nothing(hostile, mark, monkeypatch):
    with serving_site() as site:
        site.pages["/a.pth"] = hostile(".pth").read_bytes()
        published(monkeypatch, "aesthetic/improved-l14-relu", url=f"{site.url}/a.pth")
        with pytest.raises(InputError) as refused:
            fetch_weights("aesthetic/improved-l14-relu")
    assert not mark.exists()
    assert is_one_sentence(str(refused.value))


def test_the_command_line_says_it_in_one_sentence(hostile, mark, tmp_path):
    path = hostile(".pt")
    for arguments in (["weights", "add", "clip/ViT-B-32/openai", path], ["weights", "add", "lpips-alex", path]):
        ended = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert isinstance(ended.exception, (InputError, SystemExit))
    assert not mark.exists()


def test_features_in_the_cache_run_nothing(hostile, mark, tmp_path):
    cache = FeatureCache(tmp_path / "cache")
    cache.put("net:a", "ab12", np.ones(3))
    (place,) = (tmp_path / "cache").glob("*/*/*.npy")
    place.write_bytes(hostile(".npy").read_bytes())
    assert cache.get("net:a", "ab12") is None
    assert not cache.has("net:a", "ab12")
    assert not mark.exists()


def test_a_remembered_head_runs_nothing(hostile, mark, tmp_path, home):
    torch.save(WEIGHTS, tmp_path / "head.pth")
    first = read_head(tmp_path / "head.pth")
    (plain,) = (home / ".cache" / "humangrade" / "features" / "heads").iterdir()
    plain.write_bytes(hostile(".npz").read_bytes())
    np.testing.assert_array_equal(read_head(tmp_path / "head.pth").layers[0][0], first.layers[0][0])
    assert not mark.exists()


def test_embeddings_run_nothing(hostile, mark, tmp_path):
    folder = write_embeddings(tmp_path / "e", [np.eye(2)], ["a.jpg", "b.jpg"], "ViT-L-14/openai", "made")
    (folder / "embeddings.npy").write_bytes(hostile(".npy").read_bytes())
    with pytest.raises(InputError) as refused:
        read_embeddings(folder)
    assert not mark.exists()
    assert is_one_sentence(str(refused.value))


class TestThePublishedArchive:
    """The one kind of file that may run code: OpenAI's, and nothing that only looks like it."""

    @pytest.fixture
    def archive(self, tmp_path, mark):
        path = tmp_path / "ViT.pt"
        MAKERS["torchscript"](path, mark, random_network().state_dict())
        return path

    def test_is_opened_by_its_whole_sha256(self, archive, mark, monkeypatch):
        model = ClipModel(archive, "tiny", "openai")
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        for sha256 in (digest[:8], digest[:63], "0" * 64, ""):
            published(monkeypatch, "clip/tiny/openai", sha256=sha256)
            with pytest.raises(InputError, match=r"TorchScript archive.*weights fetch clip/tiny/openai.*safetensors"):
                load_clip(model)
        assert not mark.exists()
        published(monkeypatch, "clip/tiny/openai", sha256=digest)
        torch.testing.assert_close(load_clip(model).state_dict(), random_network().state_dict())
        assert mark.exists()  # as the published one may

    def test_another_models_is_refused(self, archive, mark, monkeypatch):
        published(monkeypatch, "clip/ViT-B-32/openai", sha256=weights_digest(archive))
        with pytest.raises(InputError, match="not the published one of clip/tiny/openai"):
            load_clip(ClipModel(archive, "tiny", "openai"))
        assert not mark.exists()

    def test_what_was_remembered_of_a_file_of_that_size_and_time_does_not_count(self, archive, mark, monkeypatch):
        other = archive.read_bytes()
        harmless = bytes(len(other))
        archive.write_bytes(harmless)
        os.utime(archive, ns=(10**18, 10**18))
        published(monkeypatch, "clip/tiny/openai", sha256=weights_digest(archive))
        archive.write_bytes(other)
        os.utime(archive, ns=(10**18, 10**18))
        assert weights_digest(archive) == hashlib.sha256(harmless).hexdigest()  # remembered, and wrong by now
        with pytest.raises(InputError, match="not the published one"):
            load_clip(ClipModel(archive, "tiny", "openai"))
        assert not mark.exists()


class TestDamage:
    def test_an_archive_that_is_cut_is_refused(self, tmp_path, mark):
        MAKERS["torchscript"](tmp_path / "a.pt", mark, WEIGHTS)
        whole = (tmp_path / "a.pt").read_bytes()
        for content in (whole[:-30], whole[: len(whole) // 2], whole[40:], whole.replace(b"PK\1\2", b"PK\1\3")):
            (tmp_path / "a.pt").write_bytes(content)
            for door in ("clip", "load_tensors", "read_shapes"):
                with pytest.raises(InputError) as refused:
                    DOORS[door](tmp_path / "a.pt")
                assert is_one_sentence(str(refused.value))
        assert not mark.exists()

    def test_a_packed_file_is_not_unpacked(self, tmp_path):
        torch.save({"weight": torch.zeros(10**6)}, tmp_path / "a.pt")
        with zipfile.ZipFile(tmp_path / "a.pt") as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(tmp_path / "a.pt", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        for door in ("load_tensors", "read_shapes", "clip", "checkpoint"):
            with pytest.raises(InputError):
                DOORS[door](tmp_path / "a.pt")

    def test_a_tensor_that_repeats_one_number_is_not_spread_out(self, tmp_path):
        torch.save({"weight": torch.zeros(1, dtype=torch.half).expand(2**40)}, tmp_path / "a.pt")
        with pytest.raises(InputError, match="far larger than the file"):
            load_tensors(tmp_path / "a.pt")

    @pytest.mark.parametrize(
        "content",
        [
            {3: torch.zeros(1)},
            {"weight": torch.zeros(2).to_sparse()},
            {"weight": torch.zeros(2, device="meta")},
            {"weight": torch.quantize_per_tensor(torch.zeros(2), 1.0, 0, torch.qint8)},
        ],
    )
    def test_what_is_no_plain_tensor_by_name_is_refused(self, tmp_path, content):
        torch.save(content, tmp_path / "a.pt")
        with pytest.raises(InputError, match=r"something else than tensors by name|asks for more than tensors"):
            load_tensors(tmp_path / "a.pt")

    @pytest.mark.parametrize(
        "names", [("file",), ("layers.00.weight", "layers.0.bias"), (f"layers.{'9' * 5000}.bias",)]
    )
    def test_names_that_no_head_has_are_refused(self, tmp_path, names):
        for suffix, save in ((".pth", torch.save), (".safetensors", save_file)):
            save({name: torch.zeros(1, 512) for name in names}, tmp_path / f"a{suffix}")
            with pytest.raises(InputError, match="not the weights and biases of linear layers"):
                read_head(tmp_path / f"a{suffix}")

    @pytest.mark.parametrize("content", [{"about": 3}, [1], {"history": []}])
    def test_a_checkpoint_of_something_else_is_refused(self, tmp_path, content):
        torch.save(content, tmp_path / "a.pt")
        with pytest.raises(InputError, match="remove it to begin anew"):
            train_from(tmp_path / "a.pt")

    def test_a_checkpoint_whose_state_was_changed_is_refused(self, tmp_path):
        train_from(tmp_path / "a.pt")
        state = torch.load(tmp_path / "a.pt", weights_only=True)
        for change in ({"history": 3}, {"best": 9}, {"network": {}}, {"optimizer": []}, {"history": [{}]}):
            torch.save(state | change, tmp_path / "a.pt")
            with pytest.raises(InputError, match="cannot be read as a checkpoint; remove it to begin anew"):
                train_from(tmp_path / "a.pt")


DEEP = "[" * 100_000 + "]" * 100_000


class TestDeepJson:
    def header(self, text: str) -> bytes:
        return struct.pack("<Q", len(text)) + text.encode()

    def test_in_the_header_of_safetensors(self, tmp_path):
        (tmp_path / "a.safetensors").write_bytes(self.header(f'{{"__metadata__": {DEEP}}}'))
        for name, door in DOORS.items():
            with pytest.raises(InputError) as refused:
                door(tmp_path / "a.safetensors")
            assert is_one_sentence(str(refused.value)), name

    @pytest.mark.parametrize("text", [DEEP, '{"kind": ' + DEEP + "}", "9" * 5000, "[1]"])
    def test_in_the_metadata_of_a_head(self, tmp_path, text):
        save_file(
            {"layers.0.weight": torch.zeros(1, 2), "layers.0.bias": torch.zeros(1)},
            tmp_path / "a.safetensors",
            {"humangrade": text},
        )
        with pytest.raises(InputError, match="its metadata is no JSON object") as refused:
            read_head(tmp_path / "a.safetensors")
        assert is_one_sentence(str(refused.value))
        assert head_details(tmp_path / "a.safetensors") == {}

    @pytest.mark.parametrize(
        "change",
        [
            {"sizes": json.loads("[" * 500 + "]" * 500)},
            {"sizes": [7] * 10**5},
            {"activation": {"a": 1}},
            {"backbone": 3},
            {"levels": "no"},
            {"levels": [None]},
            {"levels": 5},
            {"levels": [10**400]},
            {"levels": [float("nan")]},
        ],
    )
    def test_metadata_of_a_head_that_is_not_what_it_should_be(self, tmp_path, change):
        details = {"activation": "none", "backbone": "ViT-L-14/openai"} | change
        write_head(tmp_path / "a.safetensors", [(np.zeros((1, 2)), np.zeros(1))], **details)
        with pytest.raises(InputError, match="cannot be used as an aesthetic head") as refused:
            read_head(tmp_path / "a.safetensors")
        assert is_one_sentence(str(refused.value))

    @pytest.mark.parametrize("text", [DEEP, '{"tasks": ' + DEEP + "}"])
    def test_in_a_file_of_predictors(self, tmp_path, text):
        (tmp_path / "predictor.json").write_text(text)
        for read in (lambda: read_predictor(tmp_path, "m"), lambda: Predictor.load(tmp_path / "predictor.json")):
            with pytest.raises(InputError, match="is not JSON") as refused:
                read()
            assert is_one_sentence(str(refused.value))

    def test_in_embeddings(self, tmp_path):
        folder = write_embeddings(tmp_path / "e", [np.eye(2)], ["a.jpg", "b.jpg"], "ViT-L-14/openai", "made")
        for text in (DEEP, "3", "{}"):
            (folder / "embeddings.json").write_text(text)
            with pytest.raises(InputError) as refused:
                read_embeddings(folder)
            assert is_one_sentence(str(refused.value))

    def test_in_the_memory_of_digests(self, tmp_path, home):
        (tmp_path / "a.pt").write_bytes(b"a")
        memory = home / ".cache" / "humangrade" / "features" / "digests.json"
        memory.parent.mkdir(parents=True)
        for text in (DEEP, "[]", json.dumps({str(tmp_path / "a.pt"): 3})):
            memory.write_text(text)
            assert weights_digest(tmp_path / "a.pt") == hashlib.sha256(b"a").hexdigest()

    @pytest.mark.parametrize(
        "text", [DEEP, "3", "[3]", '{"path": 3}', '[{"path": "README.md", "lfs": 3}]', '[{"lfs": null}]']
    )
    def test_in_what_a_hub_answers(self, monkeypatch, text):
        with serving_site() as site:
            monkeypatch.setenv("HF_ENDPOINT", site.url)
            site.pages["/api/models/timm/resnet50_clip.openai/tree/main"] = text.encode()
            with pytest.raises(InputError) as refused:
                fetch_weights("clip/RN50/openai")
        assert is_one_sentence(str(refused.value))
