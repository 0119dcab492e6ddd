"""Checkpoints change on one pipeline, and prompts are encoded once for each state of the text encoder."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from metrics.errors import InputError
from study.generation import draw as drawing
from study.generation.base_models import locate
from study.generation.draw import draw
from study.generation.lora import read_lora
from study.generation.painter import Painter, Unusable
from study.generation.pipelines import Machine, check_machine
from study.generation.types import Checkpoint
from tests.study.generation.drawing import BASE, make_loras, pixels_in, plan_of, tiny_folder
from tests.study.generation.tiny import clip_tokenizer, tiny_pipeline

__all__ = ["tiny_folder"]


@pytest.fixture(scope="module")
def xl_folder(tmp_path_factory):
    """A tiny Stable Diffusion XL."""
    from diffusers import StableDiffusionXLPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    tiny = tiny_pipeline()
    torch.manual_seed(0)
    config = CLIPTextConfig(
        vocab_size=49408,
        hidden_size=32,
        intermediate_size=37,
        projection_dim=32,
        num_attention_heads=4,
        num_hidden_layers=3,
        hidden_act="gelu",
        bos_token_id=49406,
        eos_token_id=49407,
        pad_token_id=1,
    )
    unet = UNet2DConditionModel(
        sample_size=32,
        layers_per_block=1,
        block_out_channels=(32, 64),
        norm_num_groups=8,
        cross_attention_dim=64,
        attention_head_dim=(2, 4),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        transformer_layers_per_block=(1, 2),
        projection_class_embeddings_input_dim=80,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )
    pipeline = StableDiffusionXLPipeline(
        vae=tiny.vae,
        text_encoder=CLIPTextModel(config),
        text_encoder_2=CLIPTextModelWithProjection(config),
        tokenizer=clip_tokenizer(),
        tokenizer_2=clip_tokenizer(),
        unet=unet,
        scheduler=tiny.scheduler,
        add_watermarker=False,
    )
    folder = tmp_path_factory.mktemp("xl")
    pipeline.save_pretrained(folder)
    return folder


def painter_of(folder, checkpoints=()):
    expected = {each: read_lora(each.path).sha256 for each in checkpoints}
    return Painter(locate(str(folder)), expected, "float32", Machine())


def batch_of(folder, checkpoint=BASE, **changes):
    return plan_of(folder, [checkpoint], seeds=(1,), **changes).images


@pytest.mark.parametrize("family", ["tiny_folder", "xl_folder"])
def test_cached_prompts_draw_what_the_pipeline_draws_from_words(request, family):
    folder = request.getfixturevalue(family)
    with painter_of(folder) as painter:
        for guidance, negative, clip_skip in ((7.5, "", 0), (1.0, "", 0), (7.5, "blurry", int(family == "xl_folder"))):
            check_words(painter, folder, guidance, negative, clip_skip)


def check_words(painter, folder, guidance, negative, clip_skip):
    images = batch_of(folder, guidance=guidance, negative=negative, clip_skip=clip_skip)
    ours = np.stack([one.pixels for one in painter.draw(images)]).astype(int)
    pipeline = painter._pipeline
    theirs = pipeline(
        prompt=[image.prompt for image in images],
        negative_prompt=[negative] * len(images) if negative else None,
        generator=[torch.Generator("cpu").manual_seed(image.seed) for image in images],
        num_inference_steps=2,
        guidance_scale=guidance,
        height=64,
        width=64,
        clip_skip=clip_skip or None,
        output_type="np",
    ).images
    assert np.abs(ours - (theirs * 255).round().astype(int)).max() <= 1
    assert not (ours[0] == ours[1]).all()


def test_clip_skip_leaves_layers_out(tiny_folder):
    """The plain pipeline cannot do it with transformers 5; a text encoder without its last layer says what is right."""
    with painter_of(tiny_folder) as painter:
        whole = np.stack([one.pixels for one in painter.draw(batch_of(tiny_folder, guidance=1.0))])
        skipped = np.stack([one.pixels for one in painter.draw(batch_of(tiny_folder, guidance=1.0, clip_skip=1))])
        del painter._pipeline.text_encoder.encoder.layers[-1]
        painter._prompts.clear()
        shorter = np.stack([one.pixels for one in painter.draw(batch_of(tiny_folder, guidance=1.0))])
    np.testing.assert_array_equal(skipped, shorter)
    assert (skipped != whole).any()


def test_checkpoints_change_on_one_pipeline_and_the_base_is_bit_for_bit_the_same(tiny_folder, tmp_path, monkeypatch):
    import study.generation.painter as painting

    loads = []
    original = painting.load_pipeline
    monkeypatch.setattr(painting, "load_pipeline", lambda *given: loads.append(given) or original(*given))
    unet, both = make_loras(tmp_path / "unet", 1)[0], make_loras(tmp_path / "both", 1, text=True)[0]
    with painter_of(tiny_folder, (unet, both)) as painter:
        first = [one.pixels for one in painter.draw(batch_of(tiny_folder))]
        weights = {name: value.clone() for name, value in painter._pipeline.unet.state_dict().items()}
        assert painter._prompts.encoded == 4
        with_unet = painter.draw(batch_of(tiny_folder, unet))
        assert painter._prompts.encoded == 4  # its text encoder is the base's
        with_both = painter.draw(batch_of(tiny_folder, both))
        assert painter._prompts.encoded == 8
        again = [one.pixels for one in painter.draw(batch_of(tiny_folder))]
        found = painter._pipeline.unet.state_dict()
        assert found.keys() == weights.keys() and all(torch.equal(found[name], weights[name]) for name in weights)
    assert len(loads) == 1
    for one, other in ((first, with_unet), (first, with_both), ([each.pixels for each in with_unet], with_both)):
        assert all((a != b.pixels).any() for a, b in zip(one, other, strict=True))
    np.testing.assert_array_equal(first, again)
    assert (with_unet[0].applied.layers_in_file, with_unet[0].applied.layers_applied) == (16, 16)
    assert (with_both[0].applied.layers_in_file, with_both[0].applied.layers_applied) == (20, 20)


def test_the_text_encoders_lora_is_in_the_picture(tiny_folder, tmp_path):
    """Embeddings of the base, kept, would give the picture of the UNet's layers alone."""
    from safetensors.torch import load_file

    both = make_loras(tmp_path, 1, text=True)[0]
    pipeline = tiny_pipeline()
    tensors = load_file(both.path)
    added = 0
    for start, network in (("lora_unet", pipeline.unet), ("lora_te_text_model", pipeline.text_encoder)):
        for name, module in network.named_modules():
            key = f"{start}_{name.removeprefix('text_model.').replace('.', '_')}"
            if f"{key}.alpha" in tensors:  # which is the rank: the product counts once
                module.weight.data += tensors[f"{key}.lora_up.weight"] @ tensors[f"{key}.lora_down.weight"]
                added += 1
    assert added == 20
    images = batch_of(tiny_folder, both)
    theirs = pipeline(
        prompt=[image.prompt for image in images],
        generator=[torch.Generator("cpu").manual_seed(image.seed) for image in images],
        num_inference_steps=2,
        height=64,
        width=64,
        output_type="np",
    ).images
    with painter_of(tiny_folder, (both,)) as painter:
        painter.draw(batch_of(tiny_folder))
        ours = np.stack([one.pixels for one in painter.draw(images)]).astype(int)
    assert np.abs(ours - (theirs * 255).round().astype(int)).max() <= 1


def test_a_whole_model_takes_the_bases_place_and_one_is_in_memory(tiny_folder, tmp_path):
    other = tmp_path / "checkpoint-500"
    tiny_pipeline(seed=1).save_pretrained(other)
    whole = Checkpoint("tuned", "500", "model", other, step=500)
    plan = plan_of(tiny_folder, [BASE, whole], seeds=(1,))
    outcome = draw(plan, tmp_path / "set")
    assert outcome.drawn == 8
    draw(plan_of(other, seeds=(1,)), tmp_path / "alone")
    ours, alone = pixels_in(tmp_path / "set"), pixels_in(tmp_path / "alone")
    for image in plan.images[4:]:
        np.testing.assert_array_equal(ours[image.file.as_posix()], alone[f"base/0/{image.file.name}"])
    assert (tmp_path / "set" / "items.csv").read_text().count("checkpoint-500@") == 4


def test_a_file_that_is_written_to_meanwhile_is_not_drawn_with(tiny_folder, tmp_path):
    lora, other = make_loras(tmp_path, 2)
    with painter_of(tiny_folder, (lora,)) as painter:
        lora.path.write_bytes(other.path.read_bytes())
        with pytest.raises(Unusable, match="has changed since this run began"):
            painter.draw(batch_of(tiny_folder, lora))
        assert painter.draw(batch_of(tiny_folder))  # the base is as it was


@pytest.mark.parametrize("is_lora", [False, True])
def test_a_base_that_is_written_to_meanwhile_is_not_drawn_with(tiny_folder, tmp_path, is_lora):
    (lora,) = make_loras(tmp_path, 1)
    base, other = tmp_path / "base", tmp_path / "other"
    shutil.copytree(tiny_folder, base)
    tiny_pipeline(seed=1).unet.save_pretrained(other)
    with painter_of(base, (lora,)) as painter:
        for file in other.iterdir():
            shutil.copy(file, base / "unet" / file.name)
        with pytest.raises(InputError, match="base has changed since this run began") as raised:
            painter.draw(batch_of(base, lora if is_lora else BASE))
        assert not isinstance(raised.value, Unusable)  # no other checkpoint can be drawn either


def test_the_base_that_is_drawn_with_is_the_one_that_was_hashed(tiny_folder, tmp_path, monkeypatch):
    base = tmp_path / "base"
    shutil.copytree(tiny_folder, base)
    prepare = drawing.prepare

    def and_then_write(plan):
        found = prepare(plan)
        tiny_pipeline(seed=1).unet.save_pretrained(base / "unet")
        return found

    monkeypatch.setattr(drawing, "prepare", and_then_write)
    with pytest.raises(InputError, match="has changed since this run began"):
        draw(plan_of(base, seeds=(1,)), tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.png"))


def test_another_scale_is_another_picture(tiny_folder, tmp_path):
    (lora,) = make_loras(tmp_path, 1)
    weak = replace(lora, scale=0.25)
    with painter_of(tiny_folder, (lora, weak)) as painter:
        base, full, part = (
            np.stack([one.pixels for one in painter.draw(batch_of(tiny_folder, each))]).astype(float)
            for each in (BASE, lora, weak)
        )
    assert 0 < np.abs(part - base).mean() < np.abs(full - base).mean()


@pytest.mark.parametrize(
    ("machine", "dtype", "words"),
    [
        (Machine("cpu", offload=True), "float32", "there is no GPU; leave it out"),
        (Machine("cpu"), "float16", "float16 needs a GPU"),
    ],
)
def test_what_a_cpu_cannot_do_is_a_sentence(machine, dtype, words):
    with pytest.raises(InputError, match=words):
        check_machine(machine, dtype)


def test_attention_slicing_draws_the_same(tiny_folder):
    images = batch_of(tiny_folder)
    model = locate(str(tiny_folder))
    found = []
    for machine in (Machine(), Machine(attention_slicing=True)):
        with Painter(model, {}, "float32", machine) as painter:
            found.append(np.stack([one.pixels for one in painter.draw(images)]).astype(int))
    assert np.abs(found[0] - found[1]).max() <= 2
