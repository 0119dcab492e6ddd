"""Names in files against names in models: tiny models of each shape, and what diffusers makes of them as reference."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from study.generation.lora import applied, convert, forms, read_lora
from tests.study.generation.lora.samples import kohya_keys, matrices, save
from tests.study.generation.tiny import tiny_pipeline


@pytest.fixture(scope="session")
def names(pipeline):
    """Every module that can be adapted, by component."""
    return {
        component: sorted(convert.adaptable(getattr(pipeline, component))) for component in ("unet", "text_encoder")
    }


SPELLINGS = {
    "unet": {
        "lora_unet_{flat}.lora_down.weight": "kohya",
        "unet.{name}.lora.down.weight": "diffusers",
        "unet.{name}.lora_A.weight": "diffusers",
        "{name}.lora.down.weight": "diffusers without a prefix",
        "base_model.model.{name}.lora_A.weight": "peft",
        "base_model.model.{name}.lora_A.default.weight": "peft",
        "diffusion_model.{name}.lora_A.weight": "ComfyUI",
    },
    "text_encoder": {
        "lora_te_{flat}.lora_down.weight": "kohya",
        "lora_te1_text_model_{flat}.lora_down.weight": "kohya",
        "text_encoder.text_model.{name}.lora_linear_layer.down.weight": "diffusers",
        "text_encoder.{name}.lora_A.weight": "diffusers",
        "base_model.model.text_model.{name}.lora_A.weight": "peft",
        "text_encoders.clip_l.transformer.text_model.{name}.lora_A.weight": "ComfyUI",
    },
}


@given(st.data())
def test_every_module_is_found_under_every_spelling(names, data):
    component = data.draw(st.sampled_from(sorted(SPELLINGS)))
    spelling, form = data.draw(st.sampled_from(sorted(SPELLINGS[component].items())))
    chosen = data.draw(st.lists(st.sampled_from(names[component]), min_size=1, unique=True))
    modules = dict.fromkeys(names[component])
    for name in chosen:
        key = spelling.format(name=name, flat=name.replace(".", "_"))
        part = forms.part_of(key)
        assert part is not None and (part.component, part.role, part.form) == (component, "down", form)
        assert convert.model_names([part.module], modules) == {part.module: name}
        assert forms.is_lora_key(key) and forms.foreign_architecture([key]) is None


@given(st.text(alphabet="abdeilnoptux_.0123", max_size=40))
def test_no_key_is_a_traceback(key):
    forms.part_of(key), forms.is_lora_key(key), forms.other_kind({key: (1,)}), forms.foreign_architecture([key])
    assert convert.model_names([key], {}) == {key: None}


def test_two_modules_of_one_spelling_are_not_guessed():
    assert convert.model_names(["a_b"], {"a.b": None, "a_b": None}) == {"a_b": None}


@pytest.fixture(scope="session")
def xl():
    """A pipeline of XL's shape: its UNet's blocks, its two text encoders, small."""
    from diffusers import StableDiffusionXLPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    tiny = tiny_pipeline()
    torch.manual_seed(3)
    unet = UNet2DConditionModel(
        sample_size=32,
        layers_per_block=2,
        block_out_channels=(32, 64, 64),
        norm_num_groups=8,
        cross_attention_dim=64,
        attention_head_dim=(2, 4, 4),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=80,
        transformer_layers_per_block=(1, 1, 2),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    ).eval()
    config = CLIPTextConfig(
        vocab_size=1000, hidden_size=32, intermediate_size=37, projection_dim=32, num_attention_heads=4
    )
    config.num_hidden_layers = 2
    first, second = CLIPTextModel(config).eval(), CLIPTextModelWithProjection(config).eval()
    return StableDiffusionXLPipeline(tiny.vae, first, second, tiny.tokenizer, tiny.tokenizer, unet, tiny.scheduler)


def stability_names(unet):
    """The names of the attentions' layers by Stability's numbers, as sd-scripts writes them for XL."""
    found = {}
    for name in convert.adaptable(unet):
        way, _, inside = name.partition(".attentions.")
        if inside:
            layer, _, rest = inside.partition(".")
            block = int(way.split(".")[1]) if "." in way else 0
            numbered = {
                "down_blocks": "input_blocks_{}_1",
                "up_blocks": "output_blocks_{}_1",
                "mid_block": "middle_block_1",
            }
            number = 3 * block + int(layer) + way.startswith("down")
            found[f"{numbered[way.split('.')[0]].format(number)}_{rest.replace('.', '_')}"] = name
    return found


def test_stabilitys_numbers_are_diffusers_blocks(xl):
    expected = stability_names(xl.unet)
    assert len(expected) == 192
    assert convert.model_names(expected, convert.adaptable(xl.unet), 2) == expected


def test_stabilitys_numbers_reach_every_layer_of_a_unet(xl):
    """Resnets, samplers and ends; the numbering is that of Stability's openaimodel.py."""
    names = {
        "input_blocks_0_0": "conv_in",
        "input_blocks_1_0_in_layers_2": "down_blocks.0.resnets.0.conv1",
        "input_blocks_3_0_op": "down_blocks.0.downsamplers.0.conv",
        "input_blocks_4_0_skip_connection": "down_blocks.1.resnets.0.conv_shortcut",
        "middle_block_2_out_layers_3": "mid_block.resnets.1.conv2",
        "output_blocks_2_2_conv": "up_blocks.0.upsamplers.0.conv",
        "output_blocks_8_0_emb_layers_1": "up_blocks.2.resnets.2.time_emb_proj",
        "time_embed_2": "time_embedding.linear_2",
        "label_emb_0_0": "add_embedding.linear_1",
        "out_2": "conv_out",
    }
    assert convert.model_names(names, convert.adaptable(xl.unet), 2) == names


def test_a_lora_of_xl_with_both_text_encoders(xl, tmp_path):
    """The UNet as diffusers loads it; the text encoders by hand, for of these diffusers 0.42.1 drops q_proj here."""
    numbers = {name: key for key, name in stability_names(xl.unet).items()}
    made = matrices(xl.unet, ("to_q", "to_v", "to_out.0", "proj_in"))
    keys = kohya_keys({numbers[name]: pair for name, pair in made.items()}, alpha=2)
    save(tmp_path / "unet.safetensors", keys)
    encoders = {"lora_te1_text_model_": xl.text_encoder, "lora_te2_text_model_": xl.text_encoder_2.text_model}
    of_text = {prefix: matrices(encoder, ("q_proj", "fc1")) for prefix, encoder in encoders.items()}
    for prefix, pairs in of_text.items():
        keys |= kohya_keys(pairs, prefix, alpha=2)
    path = save(tmp_path / "xl.safetensors", keys)

    def call():
        noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
        context = torch.randn(1, 7, 64, generator=torch.Generator().manual_seed(2))
        more = {"text_embeds": torch.ones(1, 32), "time_ids": torch.ones(1, 6)}
        ids = torch.arange(1, 10)[None]
        with torch.no_grad():
            sample = xl.unet(noise, 500, context, added_cond_kwargs=more).sample
            return [sample.numpy(), *(encoder(ids)[0].numpy() for encoder in (xl.text_encoder, xl.text_encoder_2))]

    base = call()
    with applied(xl, read_lora(path)) as proof:
        got = call()
    assert proof.layers_applied == len(made) + 8
    assert proof.changes.keys() == {"unet", "text_encoder", "text_encoder_2"} and min(proof.changes.values()) > 0.01
    assert all(np.array_equal(a, b) for a, b in zip(call(), base, strict=True))
    xl.load_lora_weights(str(tmp_path), weight_name="unet.safetensors", adapter_name="peer")
    expected = call()[:1]
    xl.unload_lora_weights()
    weights = {
        prefix: {key: value.clone() for key, value in of.state_dict().items()} for prefix, of in encoders.items()
    }
    with torch.no_grad():
        for prefix, pairs in of_text.items():
            for name, (down, up) in pairs.items():
                encoders[prefix].get_submodule(name).weight += up @ down / 2
    expected += call()[1:]
    for prefix, encoder in encoders.items():
        encoder.load_state_dict(weights[prefix])
    for ours, right, plain in zip(got, expected, base, strict=True):
        assert np.abs(ours - right).max() < 2e-5 < 0.01 < np.abs(ours - plain).max()
