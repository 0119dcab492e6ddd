"""Aesthetic heads: as published and our own, equal to PyTorch, and refused where they would be silently wrong."""

import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import save_file
from torch import nn

from metrics.engine.cache import FeatureCache
from metrics.engine.images import ImageSource
from metrics.engine.types import Item
from metrics.errors import InputError
from metrics.image.aesthetic import Aesthetic
from metrics.networks.aesthetic_head import (
    Head,
    find_head,
    folded,
    predict,
    predict_distribution,
    read_head,
    write_head,
)
from metrics.networks.clip import ClipModel, image_transform
from tests.metrics.tiny_clip import register, run, save_tiny

MSE_NAME, RELU_NAME = "sac+logos+ava1-l14-linearMSE.pth", "ava+logos-l14-reluMSE.pth"


@pytest.fixture(autouse=True)
def folders(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    monkeypatch.setenv("HUMANGRADE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HUMANGRADE_WEIGHTS", str(tmp_path / "weights"))


@pytest.fixture
def seven(shared):
    return np.load(shared / "data" / "clip_reference" / "clip_retrieval_vitb32_refs.npz")["emb"]


@pytest.fixture
def laion(shared):
    return shared / "weights" / "laion_aesthetic_vit_b_32_linear.pth"


@pytest.fixture
def improved(shared):
    return shared / "weights" / "improved_aesthetic_sac_logos_ava1_l14_linearMSE.pth"


def unit(n, width, seed=0):
    rows = np.random.default_rng(seed).normal(size=(n, width))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def published(relu: bool) -> nn.Sequential:
    """The layers of improved-aesthetic-predictor, with random weights (its train_predictor.py and its -relu.py)."""
    torch.manual_seed(3)
    sizes, dropouts = (768, 1024, 128, 64, 16, 1), (0.2, 0.2, 0.1, None, None)
    layers = []
    for (inner, outer), dropout in zip(pairwise(sizes), dropouts, strict=True):
        layers.append(nn.Linear(inner, outer))
        if relu and outer > 1:
            layers.append(nn.ReLU())
        if dropout:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers).eval()


def save_published(network: nn.Sequential, path):
    torch.save({f"layers.{name}": value for name, value in network.state_dict().items()}, path)
    return path


def answers(network, embeddings):
    with torch.inference_mode():
        return network(torch.from_numpy(embeddings))[:, 0].numpy()


def test_laions_head_on_real_embeddings_equals_a_linear_layer(laion, seven):
    layer = nn.Linear(512, 1)
    layer.load_state_dict(torch.load(laion, weights_only=True))
    scores = predict(read_head(laion), seven)
    np.testing.assert_allclose(scores, answers(layer, seven), rtol=0, atol=1e-6)
    np.testing.assert_allclose([scores.min(), scores.max()], [3.2, 6.7], atol=0.05)


def test_the_improved_head_is_folded_into_one_layer_without_a_difference(improved):
    network = published(relu=False)
    tensors = torch.load(improved, map_location="cpu", weights_only=True)
    network.load_state_dict({name.removeprefix("layers."): value for name, value in tensors.items()})
    head, embeddings = read_head(improved), unit(500, 768)
    assert (len(head.layers), head.width, head.backbone) == (1, 768, "ViT-L-14/openai")
    exact = answers(network.double(), embeddings.astype(np.float64))
    np.testing.assert_allclose(predict(head, embeddings), exact, rtol=0, atol=1e-12)
    np.testing.assert_allclose(predict(head, embeddings), answers(network.float(), embeddings), rtol=0, atol=2e-6)


def test_the_head_with_relus_keeps_them(tmp_path):
    network, embeddings = published(relu=True), unit(50, 768)
    head = read_head(save_published(network, tmp_path / RELU_NAME))
    assert (head.activation, len(head.layers), head.name) == ("relu", 5, "aesthetic/improved-l14-relu")
    np.testing.assert_allclose(predict(head, embeddings), answers(network, embeddings), rtol=0, atol=1e-6)
    assert np.abs(predict(Head("x", "", (folded(head.layers),)), embeddings) - predict(head, embeddings)).max() > 1e-3


def test_a_head_of_unknown_kind_is_refused(tmp_path):
    for relu in (False, True):
        path = save_published(published(relu), tmp_path / f"head{relu}.pth")
        with pytest.raises(InputError, match="nothing says whether there are activations between its layers"):
            read_head(path)
    with pytest.raises(InputError, match=r"layers are numbered \(0, 2, 4, 6, 7\), not \(0, 3, 6, 9, 11\)"):
        read_head(tmp_path / "headFalse.pth", "aesthetic/improved-l14-relu")
    with pytest.raises(InputError, match="layers are numbered"):
        read_head(save_published(published(relu=True), tmp_path / MSE_NAME))
    assert read_head(save_published(published(relu=False), tmp_path / "my-linearMSE.pth")).backbone == ""


def test_content_and_name_tell_a_published_head(laion, improved, tmp_path):
    for path, name in ((laion, "aesthetic/laion-vit-b-32"), (improved, "aesthetic/improved-l14-mse")):
        (tmp_path / "anything.pth").write_bytes(path.read_bytes())
        found = read_head(tmp_path / "anything.pth")
        assert (found.name, found.activation) == (name, "none")
    assert read_head(save_published(published(relu=False), tmp_path / MSE_NAME)).name == "aesthetic/improved-l14-mse"


def test_published_heads_are_found_by_their_names(laion, tmp_path):
    with pytest.raises(InputError, match="humangrade weights fetch aesthetic/laion-vit-b-32"):
        find_head("aesthetic/laion-vit-b-32")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "aesthetic--laion-vit-b-32.pth").write_bytes(laion.read_bytes())
    assert find_head("aesthetic/laion-vit-b-32").backbone == "ViT-B-32/openai"
    with pytest.raises(
        InputError, match=r"There is no aesthetic head nothing.pth; name a file, or one of aesthetic/laion"
    ):
        find_head("nothing.pth")


@pytest.mark.parametrize("factor", [11.3, 1.002, 0.0, np.nan])
def test_embeddings_that_are_not_of_unit_length_are_refused(laion, seven, factor):
    embeddings = seven / np.linalg.norm(seven, axis=1, keepdims=True)
    embeddings[[2, 5]] *= factor
    with pytest.raises(InputError, match=r"takes embeddings of length 1, and 2 of 7 have another"):
        predict(read_head(laion), embeddings)


def test_embeddings_of_another_width_are_refused_with_both_names(improved, seven):
    with pytest.raises(InputError, match=r"768 numbers \(ViT-L-14/openai\) and those of ViT-B-32/openai have 512"):
        predict(read_head(improved), seven, "ViT-B-32/openai")


def own_layers(seed=0, sizes=(16, 8, 1)):
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=(outer, inner)), rng.normal(size=outer)) for inner, outer in pairwise(sizes)]


@pytest.mark.parametrize("activation", ["none", "relu"])
def test_our_own_heads_come_back_as_written(tmp_path, activation):
    layers = own_layers()
    path = write_head(tmp_path / "mine.safetensors", layers, activation, "tiny/openai", signature="data:ava")
    head = read_head(path)
    assert (head.name, head.activation, head.backbone) == ("mine.safetensors", activation, "tiny/openai")
    embeddings = unit(9, 16)
    (first, start), (last, end) = layers
    inner = embeddings @ first.T + start
    inner = np.maximum(inner, 0) if activation == "relu" else inner
    np.testing.assert_allclose(predict(head, embeddings), (inner @ last.T + end)[:, 0], atol=1e-5)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": 2}, "a form that this humangrade does not know"),
        ({"kind": "lora"}, "a form that this humangrade does not know"),
        ({"sizes": [16, 9, 1]}, r"sizes are \[16, 8, 1\], but its metadata says \[16, 9, 1\]"),
        ({"activation": "tanh"}, "it has the activation tanh, not none or relu"),
        ({"backbone": ""}, "does not say which CLIP model"),
    ],
)
def test_our_own_heads_are_refused_when_their_metadata_is_wrong(tmp_path, change, reason):
    details = {"activation": "relu", "backbone": "tiny/openai", **change}
    path = write_head(tmp_path / "mine.safetensors", own_layers(), **details)
    with pytest.raises(InputError, match=reason):
        read_head(path)


def test_files_that_are_no_heads_are_refused(tmp_path):
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(InputError, match="no file of weights"):
        read_head(tmp_path / "text.pth")
    save_file({"conv.weight": np.zeros((3, 3))}, tmp_path / "net.safetensors")
    with pytest.raises(InputError, match="not the weights and biases of linear layers"):
        read_head(tmp_path / "net.safetensors")
    save_file({"weight": np.zeros((2, 512)), "bias": np.zeros(2)}, tmp_path / "two.safetensors")
    with pytest.raises(InputError, match="lead at last to one number"):
        read_head(tmp_path / "two.safetensors")


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    register(monkeypatch)
    yield save_tiny(tmp_path / "tiny.safetensors")
    image_transform.cache_clear()


@pytest.fixture
def items(tmp_path):
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (40, 50, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    (tmp_path / "2.png").write_bytes(b"no image")
    return [Item(str(number), ImageSource.of(tmp_path / f"{number}.png")) for number in range(3)]


def test_images_are_scored_by_head_and_model(tiny, items, tmp_path):
    path = write_head(tmp_path / "mine.safetensors", own_layers(), "relu", "tiny/openai")
    metric, cache = Aesthetic(tiny, read_head(path)), FeatureCache(tmp_path / "cache")
    scored = run(metric, items, cache)
    assert [(row.metric, row.note) for row in scored.scores] == [("aesthetic", "")] * 2 + [
        ("aesthetic", "unreadable image")
    ]
    embeddings = [cache.get(metric.wants(items)[0][0].signature, item.image.key) for item in items[:2]]
    np.testing.assert_allclose([row.score for row in scored.scores[:2]], predict(metric.head, embeddings))
    made_by = scored.scores[0].signature
    assert made_by.startswith(f"metric:aesthetic|head:{metric.head.sha256[:12]}|features:clip-image|clip:tiny/openai|")
    other = write_head(tmp_path / "other.safetensors", own_layers(1), "relu", "tiny/openai")
    assert run(Aesthetic(tiny, read_head(other)), items, cache).scores[0].signature != made_by
    marked = replace(metric.head, ratings_mark="0123abcd.89ef0123")  # a report tells the ratings again by it
    assert "|ratings:0123abcd.89ef0123|" in run(Aesthetic(tiny, marked), items, cache).scores[0].signature


def test_a_head_for_another_model_is_refused(laion, tmp_path):
    head = read_head(laion)
    with pytest.raises(InputError, match=r"trained on embeddings of ViT-B-32/openai, not of ViT-B-16/openai"):
        Aesthetic(ClipModel(tmp_path, "ViT-B-16", "openai"), head)
    with pytest.raises(InputError, match=r"not of ViT-B-32/laion2b_s34b_b79k"):
        Aesthetic(ClipModel(tmp_path, "ViT-B-32", "laion2b_s34b_b79k"), head)
    assert Aesthetic(ClipModel(tmp_path, "ViT-B-32-quickgelu", "openai"), head).head is head


def test_the_head_that_fits_the_model_is_taken_unless_one_is_given(laion, improved, tmp_path):
    weights = tmp_path / "weights"
    weights.mkdir()
    for model in ("ViT-L-14--openai", "ViT-B-32--openai", "ViT-B-32--laion2b_s34b_b79k"):
        (weights / f"clip--{model}.safetensors").touch()
    (weights / "aesthetic--laion-vit-b-32.pth").write_bytes(laion.read_bytes())
    (weights / "aesthetic--improved-l14-mse.pth").write_bytes(improved.read_bytes())
    assert Aesthetic.find().head.name == "aesthetic/improved-l14-mse"
    assert Aesthetic.find(model="ViT-B-32").head.name == "aesthetic/laion-vit-b-32"
    with pytest.raises(InputError, match="No published aesthetic head fits ViT-B-32/laion2b_s34b_b79k; name a file"):
        Aesthetic.find(model="ViT-B-32", pretrained="laion2b_s34b_b79k")
    with pytest.raises(InputError, match=r"trained on embeddings of ViT-B-32/openai, not of ViT-L-14/openai"):
        Aesthetic.find(laion)


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
import numpy as np
from pathlib import Path
from metrics.networks.aesthetic_head import predict, read_head

print(predict(read_head(Path(sys.argv[1])), np.load(sys.argv[2])["emb"]).tolist())
"""


def test_a_published_file_needs_torch_only_once(laion, seven, shared):
    embeddings = shared / "data" / "clip_reference" / "clip_retrieval_vitb32_refs.npz"
    command = [sys.executable, "-c", WITHOUT_TORCH, str(laion), str(embeddings)]
    before = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "import of torch halted" in before.stderr
    scores = predict(read_head(laion), seven).tolist()
    after = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (after.stdout, after.stderr) == (f"{scores}\n", "")


def test_a_damaged_memory_of_a_head_is_made_anew(laion, seven, tmp_path):
    scores = predict(read_head(laion), seven)
    (plain,) = (tmp_path / "cache" / "heads").iterdir()
    plain.write_bytes(plain.read_bytes()[:100])
    np.testing.assert_array_equal(predict(read_head(laion), seven), scores)


def test_a_head_of_a_distribution_answers_the_mean_of_its_levels(tmp_path):
    rng = np.random.default_rng(0)
    layers = [(rng.normal(size=(6, 4)), rng.normal(size=6)), (rng.normal(size=(5, 6)), rng.normal(size=5))]
    levels = [1.0, 3.25, 5.5, 7.75, 10.0]
    path = write_head(tmp_path / "head.safetensors", layers, "relu", "ViT-L-14/openai", levels=levels, signature="made")
    head, x = read_head(path), np.eye(4)
    logits = np.maximum(x @ layers[0][0].T + layers[0][1], 0) @ layers[1][0].T + layers[1][1]
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(predict_distribution(head, x), shares, rtol=1e-5)
    np.testing.assert_allclose(predict(head, x), shares @ levels, rtol=1e-5)
    write_head(path, layers, "relu", "ViT-L-14/openai", levels=levels[1:], signature="made")
    with pytest.raises(InputError, match="at last to its levels"):
        read_head(path)
    with pytest.raises(InputError, match="no distribution"):
        predict_distribution(Head("h", "", ((np.eye(4)[:1], np.zeros(1)),)), x)
