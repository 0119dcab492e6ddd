"""Base models: found in the hub's cache, in folders and in single files; what is missing is a sentence."""

import json
import shutil
from dataclasses import replace

import pytest

from metrics.errors import InputError
from study.generation.base_models import DEFAULT, fetch, locate, present_on_the_hub
from study.generation.draw import draw
from study.generation.pipelines import Machine, load_pipeline, pipeline_class
from study.generation.types import Checkpoint
from tests.metrics.homes import empty_home
from tests.study.generation.drawing import pixels_in, plan_of, tiny_folder
from tests.study.generation.single_file import original_names
from tests.study.generation.tiny import tiny_pipeline

__all__ = ["tiny_folder"]

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def home(tmp_path, monkeypatch):
    return empty_home(tmp_path, monkeypatch)


def in_the_cache(home, folder, name=DEFAULT, commit=COMMIT):
    """Put a model where the hub's client would."""
    place = home / "hub" / f"models--{name.replace('/', '--')}"
    shutil.copytree(folder, place / "snapshots" / commit)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(commit)
    return place / "snapshots" / commit


def test_the_hubs_cache_is_looked_at_and_the_commit_identifies(home, tiny_folder):
    with pytest.raises(InputError, match=rf"is not on this machine; get it with humangrade weights fetch {DEFAULT} "):
        locate(DEFAULT)
    assert present_on_the_hub() == [(DEFAULT, None)]
    place = in_the_cache(home, tiny_folder)
    model = locate(DEFAULT)
    assert (model.path, dict(model.identity)) == (place, {"repository": DEFAULT, "revision": COMMIT})
    assert model.label == f"{DEFAULT}@0123456789ab"
    assert locate(DEFAULT, COMMIT) == locate(DEFAULT, "main") == model
    assert present_on_the_hub() == [(DEFAULT, place)]
    with pytest.raises(InputError, match=rf"at revision fp16 is not on this machine; .* fetch {DEFAULT}@fp16 "):
        locate(DEFAULT, "fp16")


def test_half_of_a_model_is_not_taken(home, tiny_folder):
    place = in_the_cache(home, tiny_folder)
    (place / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(InputError, match=r"is here in part only; get the rest with humangrade weights fetch .* unet"):
        locate(DEFAULT)
    assert present_on_the_hub() == [(DEFAULT, None)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere", "There is no base model nowhere; name a diffusers folder, a .safetensors file, or a repository"),
        ("no/such/folder", "There is no base model no/such/folder"),
        ("lipstick.ckpt", "is no .safetensors file; convert it"),
        ("single.safetensors", "is a single file, which does not say how the model is built; name a diffusers folder"),
        ("empty", "has no model_index.json, so it is no diffusers model"),
    ],
)
def test_what_is_no_model_is_a_sentence(tmp_path, monkeypatch, name, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    for file in ("lipstick.ckpt", "single.safetensors"):
        (tmp_path / file).write_bytes(b"")
    with pytest.raises(InputError, match=words):
        locate(name)


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ({"_class_name": "StableDiffusionImg2ImgPipeline"}, "is a StableDiffusionImg2ImgPipeline, which does not draw"),
        ({"_class_name": "AnimateDiffPipeline"}, "is a AnimateDiffPipeline, which does not draw pictures from"),
        ({"_class_name": "NoSuchPipeline"}, "is a NoSuchPipeline, which diffusers .* does not have"),
        ({"_class_name": ["pipeline", "Mine"]}, "is a custom pipeline, which diffusers"),
        ({"_class_name": "UNet2DConditionModel"}, "is a UNet2DConditionModel, which diffusers"),
    ],
)
def test_other_pipelines_are_refused_by_name(tmp_path, index, words):
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match=words):
        pipeline_class(locate(str(tmp_path)))


def test_a_damaged_file_is_a_sentence(tiny_folder, tmp_path):
    shutil.copytree(tiny_folder, tmp_path / "model")
    (tmp_path / "model" / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"broken")
    with pytest.raises(InputError, match=r"cannot be loaded as StableDiffusionPipeline \(.*\); get it anew"):
        load_pipeline(locate(str(tmp_path / "model")), "float32", Machine())


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("GatedRepoError", rf"accept its licence; do that at https://huggingface.co/{DEFAULT}, then sign in here"),
        ("RepositoryNotFoundError", "The hub has no repository .*, or a private one"),
        ("RevisionNotFoundError", "has no revision fp16"),
    ],
)
def test_the_hubs_refusals_are_put_into_words(home, monkeypatch, error, words):
    import httpx
    from huggingface_hub import errors

    def refuse(*arguments, **options):
        response = httpx.Response(403, request=httpx.Request("GET", "https://huggingface.co"))
        raise getattr(errors, error)("no", response=response)

    monkeypatch.setattr("huggingface_hub.model_info", refuse)
    with pytest.raises(InputError, match=words):
        fetch(DEFAULT, "fp16")


def test_without_a_network_it_says_so(home, monkeypatch):
    def offline(*arguments, **options):
        raise OSError("Name or service not known")

    monkeypatch.setattr("huggingface_hub.model_info", offline)
    with pytest.raises(InputError, match=r"could not be fetched \(Name or service not known\); check the network"):
        fetch(DEFAULT)


def test_a_single_file_draws_what_its_folder_draws(tiny_folder, tmp_path):
    from safetensors.torch import save_file

    file = tmp_path / "mine.safetensors"
    save_file(original_names(tiny_pipeline()), file)
    shutil.copytree(tiny_folder, tmp_path / "config", ignore=shutil.ignore_patterns("*.safetensors"))
    plan = plan_of(file, seeds=(1,))
    draw(replace(plan, config=tmp_path / "config"), tmp_path / "set")
    draw(plan_of(tiny_folder, seeds=(1,)), tmp_path / "folder")
    ours, theirs = pixels_in(tmp_path / "set"), pixels_in(tmp_path / "folder")
    assert ours.keys() == theirs.keys() and all((ours[name] == theirs[name]).all() for name in ours)
    assert "mine.safetensors@" in (tmp_path / "set" / "items.csv").read_text()
    with pytest.raises(InputError, match="differs in the base model"):
        draw(plan_of(tiny_folder, seeds=(1,)), tmp_path / "set")
    whole = Checkpoint("mine", "1", "model", file)  # a whole model beside its base, built as that is
    outcome = draw(plan_of(tiny_folder, [whole], seeds=(1,)), tmp_path / "set")
    assert outcome.drawn == 4
    for name, pixels in pixels_in(tmp_path / "set").items():
        assert (pixels == theirs[f"base/0/{name.rsplit('/')[-1]}"]).all()
