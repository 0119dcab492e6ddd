"""CLIP's encoders: prepared as the tag says, loaded from any kind of file, equal to open_clip's own."""

import pickle

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from metrics.engine.images import read_image
from metrics.errors import InputError
from metrics.networks.clip import ClipImages, ClipModel, ClipTexts, image_transform, load_clip
from metrics.weights.locate import weights_digest
from tests.metrics.homes import published
from tests.metrics.modules import below
from tests.metrics.tiny_clip import random_network, register, save_tiny

PROMPTS = ["a photo of a cat", "two dogs in the snow", "", "ein Bild, 3.5 m hoch!"]


@pytest.fixture(autouse=True)
def tiny(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    image_transform.cache_clear()
    register(monkeypatch)
    yield
    image_transform.cache_clear()


@pytest.fixture
def clip(tmp_path) -> ClipModel:
    return save_tiny(tmp_path / "tiny.safetensors")


@pytest.fixture
def photos(shared) -> list[Image.Image]:
    return [read_image(path) for path in sorted((shared / "data" / "clip_reference" / "images").iterdir())]


@pytest.fixture
def pictures() -> list[Image.Image]:
    rng = np.random.default_rng(1)
    sides = rng.integers(20, 90, (70, 2))
    return [Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)) for height, width in sides]


def embed(extractor, opened, batch_size=64):
    forward = extractor.load("cpu")
    prepared = [extractor.prepare(each) for each in opened]
    batches = [prepared[start : start + batch_size] for start in range(0, len(prepared), batch_size)]
    return np.stack([row for batch in batches for row in forward(batch)])


def test_photos_are_prepared_exactly_as_open_clip_prepares_them(photos):
    size, mean, std = (
        224,
        np.float32([0.48145466, 0.4578275, 0.40821073]),
        np.float32([0.26862954, 0.26130258, 0.27577711]),
    )
    _, _, theirs = open_clip.create_model_and_transforms("ViT-B-32", load_weights=False)
    ours = image_transform("ViT-B-32", "openai")
    for photo in photos:
        assert torch.equal(ours(photo), theirs(photo))
        scale = size / min(photo.size)
        width, height = (int(side * scale) if side != min(photo.size) else size for side in photo.size)
        left, top = round((width - size) / 2), round((height - size) / 2)
        small = photo.resize((width, height), Image.Resampling.BICUBIC).crop((left, top, left + size, top + size))
        by_hand = (np.asarray(small, dtype=np.float32) / 255 - mean) / std
        np.testing.assert_allclose(ours(photo).permute(1, 2, 0).numpy(), by_hand, atol=1e-6)


def test_the_preparation_is_the_tags_own(pictures):
    squashed = open_clip.image_transform(
        32, is_train=False, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), resize_mode="squash", interpolation="bicubic"
    )
    ours = image_transform("tiny", "other")
    assert torch.equal(ours(pictures[0]), squashed(pictures[0]))
    assert not torch.equal(ours(pictures[0]), image_transform("tiny", "openai")(pictures[0]))


def test_embeddings_equal_open_clips_own(clip, pictures):
    network = random_network()
    with torch.inference_mode():
        prepared = torch.stack([image_transform("tiny", "openai")(picture) for picture in pictures[:9]])
        images = network.encode_image(prepared, normalize=True).numpy()
        texts = network.encode_text(open_clip.get_tokenizer("tiny")(PROMPTS), normalize=True).numpy()
    ours = embed(ClipImages(clip), pictures[:9])
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, images, atol=1e-6)
    found = embed(ClipTexts(clip), PROMPTS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:, 1:], texts, atol=1e-6)
    np.testing.assert_array_equal(found[:, 0], 0)
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 7])
def test_the_batch_size_does_not_matter(clip, pictures, batch_size):
    images, texts = ClipImages(clip), ClipTexts(clip)
    np.testing.assert_allclose(embed(images, pictures, batch_size), embed(images, pictures), atol=1e-5)
    prompts = [f"{prompt} {number}" for number in range(18) for prompt in PROMPTS]
    np.testing.assert_allclose(embed(texts, prompts, batch_size), embed(texts, prompts), atol=1e-5)


@pytest.mark.parametrize(
    ("pretrained", "activation"), [("openai", open_clip.transformer.QuickGELU), ("other", torch.nn.GELU)]
)
def test_the_activation_is_the_tags_own(clip, pretrained, activation):
    network = load_clip(ClipModel(clip.weights, "tiny", pretrained))
    blocks = [*network.visual.transformer.resblocks, *network.transformer.resblocks]
    assert {type(block.mlp.gelu) for block in blocks} == {activation}


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:FutureWarning")
def test_all_kinds_of_files_load_alike(clip, pictures, tmp_path, monkeypatch):
    expected = embed(ClipImages(clip), pictures[:3])
    tensors = random_network().state_dict()
    torch.save(tensors, tmp_path / "open_clip_pytorch_model.bin")
    torch.save(
        {"epoch": 3, "state_dict": {f"module.{name}": value for name, value in tensors.items()}}, tmp_path / "run.pt"
    )
    save_archive({name: value.half() for name, value in tensors.items()}, tmp_path / "openai.pt")
    published(monkeypatch, "clip/tiny/openai", sha256=weights_digest(tmp_path / "openai.pt"))
    for name, tolerance in (("open_clip_pytorch_model.bin", 0), ("run.pt", 0), ("openai.pt", 5e-3)):
        found = embed(ClipImages(ClipModel(tmp_path / name, "tiny", "openai")), pictures[:3])
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
    network = load_clip(ClipModel(tmp_path / "openai.pt", "tiny", "openai"))
    assert isinstance(network.visual.transformer.resblocks[0].mlp.gelu, open_clip.transformer.QuickGELU)
    assert network.visual.proj.dtype == torch.float32


def save_archive(tensors, path):
    """A TorchScript archive as OpenAI's: half precision, and three numbers beside the weights."""
    root = torch.nn.Module()
    for name in ("input_resolution", "context_length", "vocab_size"):
        root.register_buffer(name, torch.tensor(32))
    for name, value in tensors.items():
        *folders, last = name.split(".")
        below(root, folders).register_parameter(last, torch.nn.Parameter(value, requires_grad=False))
    torch.jit.script(root).save(path)


class Harmful:
    def __reduce__(self):
        return print, ("run",)


def test_files_that_are_not_the_models_weights_are_refused(clip, tmp_path, capsys):
    torch.save({"weight": Harmful()}, tmp_path / "harmful.pt")
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(clip.weights.read_bytes()[:1000])
    unfit = r"cannot be loaded as the weights of tiny/openai .* weights add clip/tiny/openai FILE"
    for name, message in {
        "harmful.pt": "cannot be opened without running code from it",
        "other.safetensors": unfit,
        "cut.safetensors": unfit,
        "missing.pt": "missing.pt cannot be read",
        "missing.safetensors": unfit,
    }.items():
        with pytest.raises(InputError, match=message):
            load_clip(ClipModel(tmp_path / name, "tiny", "openai"))
    assert "run" not in capsys.readouterr().out


def test_a_pair_that_open_clip_does_not_know_is_refused(clip):
    with pytest.raises(InputError, match="knows no weights 'mine' of a model 'tiny'"):
        load_clip(ClipModel(clip.weights, "tiny", "mine"))


@pytest.mark.parametrize("error", [ImportError("No module named 'transformers'"), OSError("no connection\nat all")])
def test_a_tokenizer_that_is_not_there_is_named(clip, monkeypatch, error):
    def fail(model):
        raise error

    monkeypatch.setattr(open_clip, "get_tokenizer", fail)
    with pytest.raises(
        InputError, match=r"tiny splits prompts .* \(no connection\)|\(No module named 'transformers'\)"
    ):
        ClipTexts(clip).load("cpu")


def test_installed_weights_are_found_under_any_spelling(clip, tmp_path, monkeypatch):
    monkeypatch.setenv("HUMANGRADE_WEIGHTS", str(tmp_path / "weights"))
    with pytest.raises(InputError, match="humangrade weights fetch clip/ViT-B-32/openai"):
        ClipModel.find("ViT-B/32", "openai")
    (tmp_path / "weights").mkdir()
    clip.weights.rename(tmp_path / "weights" / "clip--ViT-B-32--openai.safetensors")
    found = ClipModel.find("ViT-B/32", "OpenAI")
    assert (found.name, found.weights.name) == ("ViT-B-32/openai", "clip--ViT-B-32--openai.safetensors")


def test_the_signature_names_what_embeddings_depend_on(clip, tmp_path):
    signature = ClipImages(clip).signature
    assert signature.startswith("features:clip-image|clip:tiny/openai|weights:")
    others = [
        ClipImages(save_tiny(tmp_path / "again.safetensors", seed=1)),
        ClipImages(ClipModel(clip.weights, "tiny", "other")),
        ClipImages(ClipModel(clip.weights, "tiny", "openai", "float16")),
        ClipTexts(clip),
    ]
    assert len({signature, *(other.signature for other in others)}) == 5


def test_extractors_travel_to_other_processes(clip, pictures):
    images = ClipImages(clip)
    copied = pickle.loads(pickle.dumps(images))
    assert copied.signature == images.signature
    np.testing.assert_array_equal(embed(copied, pictures[:2]), embed(images, pictures[:2]))


def test_half_precision_stays_near(clip, pictures):
    half = embed(ClipImages(ClipModel(clip.weights, "tiny", "openai", "float16")), pictures)
    assert half.dtype == np.float32
    assert 0 < np.abs(half - embed(ClipImages(clip), pictures)).max() < 5e-3


def test_prompts_are_cut_where_the_model_stops_reading(clip):
    fits, cut = " ".join(["cat"] * 75), " ".join(["cat"] * 76)
    found = embed(ClipTexts(clip), [fits, cut, cut + " dog", "cat"])
    np.testing.assert_array_equal(found[:, 0], [0, 77, 77, 0])
    np.testing.assert_allclose(found[1], found[2], atol=1e-6)
    np.testing.assert_allclose(found[0, 1:], found[1, 1:], atol=1e-6)  # only the 76th word is lost
