import hashlib
import json
import os
from pathlib import Path

import pytest
import torch

from metrics.errors import InputError
from metrics.weights import known_weights as weights_catalog
from metrics.weights.known_weights import Published, weights_file
from metrics.weights.locate import (
    fetch_weights,
    find_weights,
    is_present,
    known_weights,
    places,
    weights_digest,
    weights_folder,
)
from tests.metrics.homes import empty_home, published, put
from tests.metrics.sites import serving_site


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    return empty_home(tmp_path, monkeypatch)


class TestFinding:
    def test_a_missing_file_is_named_with_the_commands_that_get_it(self):
        with pytest.raises(InputError) as caught:
            find_weights("lpips-alex")
        for part in (
            "lpips-alex (alexnet-owt-7be5be79.pth)",
            "weights fetch lpips-alex",
            "weights add lpips-alex FILE",
        ):
            assert part in str(caught.value)

    def test_nothing_is_present_in_an_empty_home(self):
        assert [known.name for known in known_weights() if is_present(known.name)] == []

    @pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".pth", ".bin"])
    def test_our_folder_takes_any_suffix(self, home, suffix):
        path = put(home / ".cache" / "humangrade" / "weights" / f"aesthetic--laion-vit-b-32{suffix}")
        assert find_weights("aesthetic/laion-vit-b-32") == path

    @pytest.mark.parametrize(
        ("variable", "folder"),
        [("HUMANGRADE_WEIGHTS", "elsewhere"), ("XDG_CACHE_HOME", "elsewhere/humangrade/weights")],
    )
    def test_our_folder_can_stand_elsewhere(self, home, monkeypatch, variable, folder):
        monkeypatch.setenv(variable, str(home / "elsewhere"))
        path = put(home / folder / "clip--ViT-L-14--openai.safetensors")
        assert find_weights("clip/ViT-L-14/openai") == path

    @pytest.mark.parametrize(
        ("name", "path"),
        [
            ("lpips-alex", "torch/hub/checkpoints/alexnet-owt-7be5be79.pth"),
            ("lpips-vgg", "torch/hub/checkpoints/vgg16-397923af.pth"),
            ("lpips-squeeze", "torch/hub/checkpoints/squeezenet1_1-b8a52dc0.pth"),
            ("inception-fid", "torch/hub/checkpoints/pt_inception-2015-12-05-6726825d.pth"),
            ("inception-fid", "torch/hub/checkpoints/weights-inception-2015-12-05-6726825d.pth"),
            ("facenet-vggface2", "torch/checkpoints/20180402-114759-vggface2.pt"),
            ("clip/ViT-L-14/openai", "clip/ViT-L-14.pt"),
        ],
    )
    def test_the_folders_of_other_tools_are_looked_into(self, home, name, path):
        path = put(home / ".cache" / path)
        assert find_weights(name) == path
        assert any(path.is_relative_to(place) for place in places(weights_file(name)))

    def test_torch_home_is_respected(self, home, monkeypatch):
        monkeypatch.setenv("TORCH_HOME", str(home / "t"))
        path = put(home / "t" / "hub" / "checkpoints" / "vgg16-397923af.pth")
        assert find_weights("lpips-vgg") == path

    @pytest.mark.parametrize("revision", ["main", "18d0535469bb561bf468d76c1d73aa35156c922b"])
    @pytest.mark.parametrize("file", ["open_clip_model.safetensors", "open_clip_pytorch_model.bin"])
    def test_the_hugging_face_cache_is_looked_into(self, home, revision, file):
        repository = home / "hub" / "models--timm--vit_large_patch14_clip_224.openai"
        commit = revision if revision != "main" else "0" * 40
        if revision == "main":
            put(repository / "refs" / "main", commit.encode())
        path = put(repository / "snapshots" / commit / file)
        assert find_weights("clip/ViT-L-14/openai") == path

    def test_our_folder_comes_first(self, home):
        put(home / ".cache" / "torch" / "hub" / "checkpoints" / "vgg16-397923af.pth")
        path = put(weights_folder() / "lpips-vgg.pth")
        assert find_weights("lpips-vgg") == path

    def test_a_file_that_is_still_being_fetched_is_not_there(self):
        put(weights_folder() / "lpips-vgg.pth.part")
        assert is_present("lpips-vgg") is None

    @pytest.mark.parametrize("name", ["lpips", "clip/ViT-L-14", "clip/../secret", "clip/a/b/c", "../a", ""])
    def test_an_unknown_name_is_refused(self, name):
        with pytest.raises(InputError, match=r"There are no weights called .* lpips-alex"):
            find_weights(name)


class TestDigest:
    def test_it_is_the_sha256_until_the_file_changes(self, tmp_path):
        path = put(tmp_path / "a.pt", b"abc")
        assert weights_digest(path) == hashlib.sha256(b"abc").hexdigest()
        put(path, b"abcd")
        assert weights_digest(path) == hashlib.sha256(b"abcd").hexdigest()

    def test_another_content_of_the_same_size_is_seen_by_its_time(self, tmp_path):
        path = put(tmp_path / "head.pth", b"first")
        before = weights_digest(path)
        path.write_bytes(b"other")
        os.utime(path, ns=(0, 1))
        assert weights_digest(path) == hashlib.sha256(b"other").hexdigest() != before

    def test_another_content_of_the_same_time_is_seen_by_its_size(self, tmp_path):
        path = put(tmp_path / "head.pth", b"first")
        os.utime(path, ns=(0, 1))
        before = weights_digest(path)
        path.write_bytes(b"longer")
        os.utime(path, ns=(0, 1))
        assert weights_digest(path) == hashlib.sha256(b"longer").hexdigest() != before

    def test_a_second_look_does_not_read_the_file(self, tmp_path, home):
        path = put(tmp_path / "a.pt", b"abc")
        digest = weights_digest(path)
        stat = path.stat()
        path.write_bytes(b"xyz")
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        assert weights_digest(path) == digest
        assert list(home.rglob("digests.json"))

    def test_several_files_are_remembered(self, tmp_path, home):
        for number in range(3):
            weights_digest(put(tmp_path / f"{number}.pt", b"%d" % number))
        (memory,) = home.rglob("digests.json")
        assert len(json.loads(memory.read_text())) == 3

    @pytest.mark.parametrize("broken", ["", "{", "[]", '{"a": 1}'])
    def test_a_broken_memory_is_replaced(self, tmp_path, home, broken):
        path = put(tmp_path / "a.pt", b"abc")
        weights_digest(path)
        (memory,) = home.rglob("digests.json")
        memory.write_text(broken)
        assert weights_digest(path) == hashlib.sha256(b"abc").hexdigest()

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(InputError, match=r"a.pt cannot be read \(No such file"):
            weights_digest(tmp_path / "a.pt")


class TestCatalogue:
    def test_names_are_unique_and_files_do_not_collide(self):
        stems = [known.stem for known in known_weights()]
        assert len(set(stems)) == len(stems) == 12

    @pytest.mark.parametrize("known", known_weights(), ids=lambda known: known.name)
    def test_digests_agree_with_names_and_addresses(self, known):
        for form in known.forms:
            assert len(form.sha256) in (0, 64)
            assert form.url.startswith("https://") or (form.url == "" and known.hub)
            digits = form.file.rpartition(".")[0].rpartition("-")[2]
            if len(digits) == 8 and known.kept_by == "torch" and known.name != "facenet-vggface2":
                assert form.sha256.startswith(digits)

    @pytest.mark.parametrize("name", [known.name for known in known_weights() if known.name.startswith("clip/")])
    def test_the_table_says_what_open_clip_says(self, name):
        ours, theirs = weights_file(name), weights_catalog._from_open_clip(*name.split("/")[1:])
        assert (ours.name, ours.hub) == (theirs.name, theirs.hub)
        assert [(form.file, form.url) for form in ours.forms] == [(form.file, form.url) for form in theirs.forms]
        assert ours.forms[-1].sha256 == theirs.forms[-1].sha256 or not theirs.forms[-1].url

    def test_torchvision_and_the_others_name_the_same_addresses(self):
        import facenet_pytorch.models.inception_resnet_v1 as facenet
        import torch_fidelity.feature_extractor_inceptionv3 as inception
        from torchvision.models import AlexNet_Weights, SqueezeNet1_1_Weights, VGG16_Weights

        urls = {form.url for known in known_weights() for form in known.forms}
        for trunk in (AlexNet_Weights, VGG16_Weights, SqueezeNet1_1_Weights):
            assert trunk.IMAGENET1K_V1.url in urls
        assert inception.URL_INCEPTION_V3 in urls
        assert weights_file("facenet-vggface2").forms[0].url in Path(facenet.__file__).read_text()

    def test_other_clip_models_are_asked_of_open_clip(self):
        metaclip = weights_file("clip/ViT-B-32-quickgelu/metaclip-400m")
        assert metaclip.name == "clip/ViT-B-32-quickgelu/metaclip_400m"
        assert metaclip.forms[-1] == Published(
            "b32_400m.pt", "", "https://dl.fbaipublicfiles.com/MMPT/metaclip/b32_400m.pt"
        )
        rn50 = weights_file("clip/RN50/openai")
        assert rn50.forms[-1].sha256 == rn50.forms[-1].url.split("/")[-2]
        vitamin = weights_file("clip/ViTamin-B/datacomp1b")
        assert [form.file for form in vitamin.forms] == ["pytorch_model.safetensors", "pytorch_model.bin"]

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("clip/RN50/oenai", "no weights 'oenai' of RN50; it has openai, yfcc15m, cc12m"),
            ("clip/RN5/openai", "no pretrained model 'RN5'"),
        ],
    )
    def test_a_pair_that_open_clip_does_not_know_is_refused(self, name, message):
        with pytest.raises(InputError, match=message):
            find_weights(name)


@pytest.fixture
def site():
    with serving_site() as site:
        yield site


class TestFetching:
    def test_a_published_file_is_fetched_and_found(self, site, shared, monkeypatch):
        content = (shared / "weights" / "squeezenet1_1_features.pth").read_bytes()
        site.pages["/a.pth"] = content
        published(monkeypatch, "lpips-squeeze", url=f"{site.url}/a.pth", sha256=hashlib.sha256(content).hexdigest())
        path = fetch_weights("lpips-squeeze")
        assert path == find_weights("lpips-squeeze") == weights_folder() / "lpips-squeeze.pth"
        assert path.read_bytes() == content
        assert fetch_weights("lpips-squeeze") == path
        assert len(site.asked) == 1

    def test_what_stands_in_another_cache_is_not_fetched(self, home):
        path = put(home / ".cache" / "torch" / "hub" / "checkpoints" / "vgg16-397923af.pth")
        assert fetch_weights("lpips-vgg") == path

    def test_a_wrong_file_is_not_kept_and_the_message_says_what_to_do(self, site, monkeypatch):
        site.pages["/a.pth"] = b"something else"
        published(monkeypatch, "lpips-squeeze", url=f"{site.url}/a.pth")
        with pytest.raises(InputError, match=r"instead of b8a52dc049b6.*humangrade weights add lpips-squeeze FILE"):
            fetch_weights("lpips-squeeze")
        assert is_present("lpips-squeeze") is None

    def test_without_a_known_sha256_the_content_decides(self, site, tmp_path, monkeypatch):
        published(monkeypatch, "aesthetic/improved-l14-relu", url=f"{site.url}/a.pth")
        site.pages["/a.pth"] = b"<html>Please log in to this network</html>"
        with pytest.raises(InputError, match="no file of weights"):
            fetch_weights("aesthetic/improved-l14-relu")
        assert is_present("aesthetic/improved-l14-relu") is None
        torch.save(
            {"layers.0.weight": torch.zeros(1024, 768), "layers.11.weight": torch.zeros(1, 16)}, tmp_path / "a.pth"
        )
        site.pages["/a.pth"] = (tmp_path / "a.pth").read_bytes()
        assert fetch_weights("aesthetic/improved-l14-relu") == find_weights("aesthetic/improved-l14-relu")

    def test_the_hub_of_the_environment_is_asked_for_the_pinned_commit(self, site, monkeypatch):
        monkeypatch.setenv("HF_ENDPOINT", f"{site.url}/")
        address = (
            "/timm/vit_base_patch32_clip_224.openai/resolve/a6f597a30f7b82c51704746581f9a4e41421e878/"
            "open_clip_model.safetensors"
        )
        site.pages[address] = b"content"
        published(monkeypatch, "clip/ViT-B-32/openai", sha256=hashlib.sha256(b"content").hexdigest())
        assert fetch_weights("clip/ViT-B-32/openai").name == "clip--ViT-B-32--openai.safetensors"
        assert site.paths == [address]

    @pytest.mark.parametrize("file", ["open_clip_model.safetensors", "open_clip_pytorch_model.bin"])
    def test_the_hub_says_which_file_it_has_and_its_sha256(self, site, monkeypatch, file):
        monkeypatch.setenv("HF_ENDPOINT", site.url)
        listing = [
            {"type": "file", "path": "README.md", "size": 3, "oid": "a" * 40},
            {"type": "file", "path": file, "size": 7, "lfs": {"oid": hashlib.sha256(b"content").hexdigest()}},
        ]
        site.pages["/api/models/timm/resnet50_clip.openai/tree/main"] = json.dumps(listing).encode()
        site.pages[f"/timm/resnet50_clip.openai/resolve/main/{file}"] = b"content"
        assert fetch_weights("clip/RN50/openai").suffix == f".{file.rpartition('.')[2]}"

    def test_a_file_with_another_sha256_than_the_hub_states_is_refused(self, site, monkeypatch):
        monkeypatch.setenv("HF_ENDPOINT", site.url)
        file = "open_clip_model.safetensors"
        site.pages["/api/models/timm/resnet50_clip.openai/tree/main"] = json.dumps(
            [{"path": file, "lfs": {"oid": "0" * 64}}]
        ).encode()
        site.pages[f"/timm/resnet50_clip.openai/resolve/main/{file}"] = b"content"
        with pytest.raises(InputError, match="instead of 000000000000"):
            fetch_weights("clip/RN50/openai")

    def test_a_repository_without_the_file_is_named(self, site, monkeypatch):
        monkeypatch.setenv("HF_ENDPOINT", site.url)
        site.pages["/api/models/timm/resnet50_clip.openai/tree/main"] = b"[]"
        with pytest.raises(InputError, match=r"timm/resnet50_clip.openai does not hold open_clip_model.safetensors"):
            fetch_weights("clip/RN50/openai")


def test_a_sum_that_cannot_be_remembered_is_given_all_the_same(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"a")
    (tmp_path / "cache").write_text("no folder")
    monkeypatch.setenv("HUMANGRADE_CACHE", str(tmp_path / "cache"))
    assert weights_digest(tmp_path / "file") == hashlib.sha256(b"a").hexdigest()
