import os

import pytest
import torch
from safetensors.torch import save_file

from metrics.errors import InputError
from metrics.weights.content import read_shapes
from metrics.weights.locate import add_weights, find_weights, is_present, is_published, weights_digest, weights_folder
from tests.metrics.homes import empty_home, published, put

SQUEEZE = {"features.0.weight": torch.zeros(64, 3, 3, 3), "features.12.expand3x3.weight": torch.zeros(256, 64, 3, 3)}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    return empty_home(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("name", "file", "is_the_published"),
    [
        ("facenet-vggface2", "facenet_inception_resnet_v1_vggface2_fp16.safetensors", False),
        ("lpips-squeeze", "squeezenet1_1_features.pth", False),
        ("aesthetic/laion-vit-b-32", "laion_aesthetic_vit_b_32_linear.pth", True),
        ("aesthetic/improved-l14-mse", "improved_aesthetic_sac_logos_ava1_l14_linearMSE.pth", True),
    ],
)
def test_real_weights_are_taken(shared, name, file, is_the_published):
    file = shared / "weights" / file
    path = add_weights(name, file)
    assert find_weights(name) == path == weights_folder() / f"{name.replace('/', '--')}{file.suffix}"
    assert path.read_bytes() == file.read_bytes()
    assert is_published(name, path) == is_the_published
    assert [found.name for found in weights_folder().iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("name", "file", "reason"),
    [
        ("lpips-alex", "squeezenet1_1_features.pth", r"features.0.weight has the shape \(64, 3, 3, 3\) instead"),
        ("lpips-vgg", "squeezenet1_1_features.pth", "features.28.weight is missing"),
        ("aesthetic/laion-vit-l-14", "laion_aesthetic_vit_b_32_linear.pth", r"\(1, 512\) instead of \(1, 768\)"),
        (
            "aesthetic/improved-l14-relu",
            "improved_aesthetic_sac_logos_ava1_l14_linearMSE.pth",
            "layers.11.weight is missing",
        ),
        ("clip/ViT-L-14/openai", "sd15_lora_old_key_names.safetensors", "visual.conv1.weight is missing"),
    ],
)
def test_other_networks_are_refused(shared, name, file, reason):
    with pytest.raises(InputError, match=f"does not hold the weights {name} .*{reason}"):
        add_weights(name, shared / "weights" / file)
    assert is_present(name) is None


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("wrap", [lambda it: it, lambda it: {"state_dict": it, "epoch": 1}])
def test_every_way_to_save_is_read(tmp_path, legacy, wrap):
    torch.save(wrap(SQUEEZE), tmp_path / "a.pt", _use_new_zipfile_serialization=not legacy)
    assert read_shapes(tmp_path / "a.pt") == {name: tuple(value.shape) for name, value in SQUEEZE.items()}


@pytest.mark.parametrize("prefix", ["", "text."])
def test_a_clip_model_is_recognised(tmp_path, prefix):
    tensors = {
        "visual.conv1.weight": torch.zeros(768, 3, 32, 32),
        f"{prefix}token_embedding.weight": torch.zeros(49408, 512, dtype=torch.half),
    }
    save_file(tensors, tmp_path / "a.safetensors")
    assert add_weights("clip/ViT-B-32/openai", tmp_path / "a.safetensors") == find_weights("clip/ViT-B-32/openai")
    with pytest.raises(InputError, match=r"visual.conv1.weight has the shape \(768, 3, 32, 32\) instead"):
        add_weights("clip/ViT-L-14/openai", tmp_path / "a.safetensors")


def test_a_clip_model_without_layers_of_its_own_is_not_recognised(tmp_path):
    save_file({"visual.trunk.pos_embed": torch.zeros(1)}, tmp_path / "a.safetensors")
    with pytest.raises(InputError, match="is not the published file of clip/nllb-clip-base-siglip/v1, and no other"):
        add_weights("clip/nllb-clip-base-siglip/v1", tmp_path / "a.safetensors")


def test_the_inception_network_with_1008_classes_is_recognised(tmp_path):
    from torchvision.models import inception_v3

    tensors = inception_v3(weights=None, init_weights=False).state_dict()
    torch.save(tensors, tmp_path / "a.pth")
    with pytest.raises(InputError, match=r"fc.weight has the shape \(1000, 2048\) instead of \(1008, 2048\)"):
        add_weights("inception-fid", tmp_path / "a.pth")
    torch.save(tensors | {"fc.weight": torch.zeros(1008, 2048)}, tmp_path / "a.pth")
    assert add_weights("inception-fid", tmp_path / "a.pth").is_file()


def test_a_published_file_is_taken_by_its_sha256_alone(tmp_path, monkeypatch):
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), tmp_path / "a.pt")  # OpenAI's are such archives
    with pytest.raises(InputError, match="is a TorchScript archive, which can run code"):
        add_weights("clip/ViT-B-32/openai", tmp_path / "a.pt")
    published(monkeypatch, "clip/ViT-B-32/openai", sha256=weights_digest(tmp_path / "a.pt")[:8])
    assert add_weights("clip/ViT-B-32/openai", tmp_path / "a.pt").suffix == ".pt"


@pytest.mark.parametrize(
    "content", [b"", b"<!DOCTYPE html>", b"version https://git-lfs.github.com/spec/v1", b"PK\3\4" + bytes(99)]
)
def test_what_is_no_file_of_weights_is_refused(tmp_path, content):
    with pytest.raises(InputError, match=r"a.pth is damaged, no file of weights"):
        add_weights("lpips-squeeze", put(tmp_path / "a.pth", content))


def test_a_file_that_is_cut_off_is_refused(shared, tmp_path):
    whole = (shared / "weights" / "squeezenet1_1_features.pth").read_bytes()
    with pytest.raises(InputError, match="damaged"):
        add_weights("lpips-squeeze", put(tmp_path / "a.pth", whole[:-1000]))


def test_code_in_a_file_is_not_run(tmp_path):
    class Harmful:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    torch.save({"features.0.weight": Harmful()}, tmp_path / "a.pth")
    with pytest.raises(InputError, match="running code"):
        add_weights("lpips-squeeze", tmp_path / "a.pth")
    assert not (tmp_path / "harm").exists()


def test_a_list_is_no_state_dict(tmp_path):
    torch.save([torch.zeros(1)], tmp_path / "a.pth")
    with pytest.raises(InputError, match="does not hold tensors by name"):
        add_weights("lpips-squeeze", tmp_path / "a.pth")


def test_a_newer_file_takes_the_place_of_an_older_one(tmp_path):
    torch.save(SQUEEZE, tmp_path / "a.pth")
    save_file(SQUEEZE, tmp_path / "a.safetensors")
    for suffix in (".safetensors", ".pth", ".safetensors"):
        path = add_weights("lpips-squeeze", tmp_path / f"a{suffix}")
        assert find_weights("lpips-squeeze") == path == weights_folder() / f"lpips-squeeze{suffix}"


def test_a_file_can_be_put_where_it_stands(shared):
    path = add_weights("lpips-squeeze", shared / "weights" / "squeezenet1_1_features.pth")
    assert add_weights("lpips-squeeze", path) == path
    assert path.stat().st_size > 0


@pytest.mark.parametrize(
    ("file", "message"), [("no.pth", "There is no file .*no.pth"), ("a.ckpt", "must end in .safetensors, .pt")]
)
def test_a_wrong_path_is_refused(tmp_path, file, message):
    put(tmp_path / "a.ckpt")
    with pytest.raises(InputError, match=message):
        add_weights("lpips-squeeze", tmp_path / file)


def test_a_folder_that_cannot_be_written_is_named(shared, home, monkeypatch):
    monkeypatch.setenv("HUMANGRADE_WEIGHTS", str(put(home / "file")))
    with pytest.raises(InputError, match=r"cannot be copied to .*file/lpips-squeeze.pth .*set HUMANGRADE_WEIGHTS"):
        add_weights("lpips-squeeze", shared / "weights" / "squeezenet1_1_features.pth")
