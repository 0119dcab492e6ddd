"""One LoRA in every dress changes the same; what does not fit leaves a sentence, and the pipeline as it was."""

import numpy as np
import pytest
import torch
from peft.tuners.lora import LoraModel

from metrics.errors import InputError
from study.generation.lora import adapt, applied, layers, read_lora
from tests.study.generation.lora.samples import ATTENTION, diffusers_keys, kohya_keys, matrices, outputs, save

ROUNDING = 2e-5
"""Between a product added to the weights and one beside them: 5.7e-6 was measured; the base is off by more than .5."""
TEXT_ENDS = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")


@pytest.fixture(scope="session")
def text(pipeline):
    """Matrices for the text encoder's 12 layers, by the names of transformers 4."""
    made = matrices(pipeline.text_encoder, TEXT_ENDS)
    return {f"text_model.{name}": pair for name, pair in made.items()}


@pytest.fixture(scope="session")
def expected(pipeline, attention):
    """What the UNet gives with the attention's matrices added to its weights, computed by hand."""
    network = pipeline.unet
    base = {name: network.get_submodule(name).weight.detach().clone() for name in attention}
    with torch.no_grad():
        for name, (down, up) in attention.items():
            network.get_submodule(name).weight += up @ down
        got = outputs(pipeline)["unet"]
        for name, weight in base.items():
            network.get_submodule(name).weight.copy_(weight)
    return got


def old_names(keys):
    for letter, end in (("q", "to_q"), ("k", "to_k"), ("v", "to_v"), ("out", "to_out.0")):
        keys = {key.replace(f".{end}.lora.", f".processor.to_{letter}_lora."): value for key, value in keys.items()}
    return keys


SAME = {
    "diffusers": lambda a: diffusers_keys(a),
    "unet and lora_A": lambda a: diffusers_keys(a, ends=("lora_A", "lora_B")),
    "without a prefix": lambda a: diffusers_keys(a, prefix=""),
    "peft": lambda a: diffusers_keys(a, "base_model.model.", ("lora_A", "lora_B")),
    "peft with its adapter's name": lambda a: diffusers_keys(
        a, "base_model.model.", ("lora_A.default", "lora_B.default")
    ),
    "peft in unet": lambda a: diffusers_keys(a, "base_model.model.unet.", ("lora_A", "lora_B")),
    "old attention processors": lambda a: old_names(diffusers_keys(a, prefix="")),
    "old attention processors in unet": lambda a: old_names(diffusers_keys(a)),
    "ComfyUI": lambda a: diffusers_keys(a, "diffusion_model.", ("lora_A", "lora_B")),
    "ComfyUI with lora_up": lambda a: diffusers_keys(a, "diffusion_model.", ("lora_down", "lora_up")),
    "kohya": lambda a: kohya_keys(a, alpha=4),
    "kohya without alpha": lambda a: kohya_keys(a),
    "kohya of one-pixel kernels": lambda a: kohya_keys(
        {n: (d[:, :, None, None], u[:, :, None, None]) for n, (d, u) in a.items()}
    ),
}


@pytest.mark.parametrize("dress", SAME)
def test_the_same_lora_in_every_dress_changes_the_same(dress, untouched, attention, expected, tmp_path):
    lora = read_lora(save(tmp_path / "a.safetensors", SAME[dress](attention)))
    with applied(untouched, lora) as proof:
        got = outputs(untouched)["unet"]
    assert np.abs(got - expected).max() < ROUNDING
    assert np.abs(outputs(untouched)["unet"] - expected).max() > 0.5
    assert (proof.layers_in_file, proof.layers_applied) == (32, 32)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_applied_as_it_is_stored(dtype, untouched, attention, tmp_path):
    keys = {key: value.to(dtype) for key, value in kohya_keys(attention, alpha=3).items()}
    lora = read_lora(save(tmp_path / "half.safetensors", keys))
    assert lora.alpha == 3
    with applied(untouched, lora):
        got = outputs(untouched)["unet"]
    keys = {key: value.float() for key, value in keys.items()}
    with applied(untouched, read_lora(save(tmp_path / "a.safetensors", keys))):
        assert np.array_equal(outputs(untouched)["unet"], got)


def test_alpha_and_scale_multiply_the_change(untouched, attention, expected, tmp_path):
    half = {name: (down, up / 2) for name, (down, up) in attention.items()}
    with applied(untouched, read_lora(save(tmp_path / "half.safetensors", kohya_keys(half, alpha=4)))):
        of_half = outputs(untouched)["unet"]
    lora = read_lora(save(tmp_path / "a.safetensors", kohya_keys(attention, alpha=2)))
    with applied(untouched, lora):
        assert np.abs(outputs(untouched)["unet"] - of_half).max() < ROUNDING
    with applied(untouched, lora, scale=2):
        assert np.abs(outputs(untouched)["unet"] - expected).max() < ROUNDING
    base = outputs(untouched)["unet"]
    with applied(untouched, lora, scale=0) as proof:
        assert np.array_equal(outputs(untouched)["unet"], base)
    assert proof.changes == {"unet": 0} and proof.notes == ("the unet is not changed: the scale is 0",)


def test_layers_of_several_ranks(untouched, tmp_path):
    made = matrices(untouched.unet, ("to_q",), rank=2) | matrices(untouched.unet, ("to_v", "proj_in"), rank=8)
    lora = read_lora(save(tmp_path / "a.safetensors", kohya_keys(made)))
    assert lora.rank == 8 and lora.alpha is None and "taken as rank (2 to 8)" in lora.notes[0]
    with applied(untouched, lora):
        got = {name: untouched.unet.get_submodule(name).r for name in made}
    assert {rank for of in got.values() for rank in of.values()} == {2, 8}


def test_convolutions_are_adapted_as_their_weights_are(untouched, tmp_path):
    made = matrices(untouched.unet, ("conv1", "conv2", "conv_shortcut", "conv", "time_emb_proj"), std=0.1)
    lora = read_lora(save(tmp_path / "a.safetensors", kohya_keys(made, alpha=4)))
    with applied(untouched, lora) as proof:
        got = outputs(untouched)["unet"]
    assert proof.layers_applied == len(made) == 31
    base = {name: untouched.unet.get_submodule(name).weight.detach().clone() for name in made}
    with torch.no_grad():
        for name, (down, up) in made.items():
            product = (up.flatten(1) @ down.flatten(1)).reshape(base[name].shape)
            untouched.unet.get_submodule(name).weight += product
        merged = outputs(untouched)["unet"]
        for name, weight in base.items():
            untouched.unet.get_submodule(name).weight.copy_(weight)
    assert np.abs(got - merged).max() < ROUNDING


@pytest.mark.parametrize("prefix", ["lora_te_", "lora_te1_"])
@pytest.mark.parametrize("version", ["text_model.", ""])
def test_the_text_encoders_names(prefix, version, untouched, text, tmp_path):
    made = {version + name.removeprefix("text_model."): pair for name, pair in text.items()}
    lora = read_lora(save(tmp_path / "a.safetensors", kohya_keys(made, prefix, alpha=4)))
    base = outputs(untouched)
    with applied(untouched, lora) as proof:
        got = outputs(untouched)
    assert lora.modules.keys() == {"text_encoder"} and proof.layers_applied == 12
    assert np.array_equal(got["unet"], base["unet"])  # no layer of the UNet, and right
    assert np.abs(got["text_encoder"] - base["text_encoder"]).max() > 0.3


def test_both_networks_and_part_of_the_layers(untouched, attention, text, tmp_path):
    part = dict(list(attention.items())[:16])
    lora = read_lora(save(tmp_path / "a.safetensors", kohya_keys(part, alpha=4) | kohya_keys(text, "lora_te_", 4)))
    with applied(untouched, lora) as proof:
        assert proof.layers_in_file == proof.layers_applied == 28
        assert min(proof.changes["unet"], proof.changes["text_encoder"]) > 0.1


def test_matrices_of_zeros_are_said_and_no_error(untouched, attention, text, tmp_path):
    keys = kohya_keys({name: (down, up * 0) for name, (down, up) in attention.items()}) | kohya_keys(text, "lora_te_")
    with applied(untouched, read_lora(save(tmp_path / "a.safetensors", keys))) as proof:
        pass
    assert proof.changes["unet"] == 0 and proof.changes["text_encoder"] > 0.1
    said = "the unet is not changed: one of the two matrices of each of its layers is zero"
    assert said in proof.notes and proof.layers_applied == 44


def wrong_widths(attention):
    return diffusers_keys({name: (torch.ones(4, 640), torch.ones(640, 4)) for name in attention})


def of_another_base(attention, width):
    return {
        name: (torch.ones(4, width), up) if "attn2.to_k" in name else (down, up)
        for name, (down, up) in attention.items()
    }


def text_of(width, layers):
    names = [f"encoder.layers.{i}.self_attn.{x}_proj" for i in range(layers) for x in "qkv"]
    return kohya_keys({name: (torch.ones(4, width), torch.ones(width, 4)) for name in names}, "lora_te_text_model_")


REFUSED = {
    "a layer that the model lacks": (
        lambda a: (
            diffusers_keys(a)
            | diffusers_keys({"down_blocks.7.attentions.0.proj": (torch.ones(4, 8), torch.ones(8, 4))})
        ),
        "names modules of the unet that the base model does not have, 1 of 33, first down_blocks.7.attentions.0.proj",
    ),
    "a text encoder of more layers": (
        lambda a: kohya_keys(a) | text_of(32, 12),
        "names modules of the text_encoder that the base model does not have, 30 of 36",
    ),
    "a text encoder of another width": (
        lambda a: kohya_keys(a) | text_of(768, 2),
        r"other sizes than the base model's text_encoder .*\[768, 4\] x \[4, 768\] for a layer of \[32, 32\]",
    ),
    "other widths": (wrong_widths, "other sizes than the base model's unet"),
    "a LoRA of XL": (
        lambda a: diffusers_keys(of_another_base(a, 2048)),
        "trained on another model, by its sizes Stable Diffusion XL",
    ),
    "XL's second text encoder": (
        lambda a: kohya_keys(a) | {k.replace("te_", "te2_", 1): v for k, v in text_of(1280, 2).items()},
        "the text_encoder_2, which a StableDiffusionPipeline does not have; it was trained on Stable Diffusion XL",
    ),
    "NaN": (
        lambda a: diffusers_keys({name: (down, up * float("nan")) for name, (down, up) in a.items()}),
        "holds values that are not finite",
    ),
    "infinite": (lambda a: kohya_keys({name: (down / 0, up) for name, (down, up) in a.items()}), "not finite"),
    "a module in two spellings": (
        lambda a: kohya_keys(dict(list(a.items())[:1])) | diffusers_keys(dict(list(a.items())[:1])),
        "names a module of the unet twice, in two spellings",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_before_anything_is_adapted(case, untouched, attention, tmp_path):
    make, words = REFUSED[case]
    lora = read_lora(save(tmp_path / "a.safetensors", make(attention)))
    base = outputs(untouched)
    with pytest.raises(InputError, match=words), applied(untouched, lora):
        pytest.fail("a LoRA was applied that does not fit")
    assert all(np.array_equal(output, base[name]) for name, output in outputs(untouched).items())


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, RuntimeError])
@pytest.mark.parametrize("layer", [0, 17, 40])
def test_interrupted_in_the_middle_nothing_stays(error, layer, untouched, attention, text, tmp_path, monkeypatch):
    """17: in the middle of the text encoder or the UNet; 40: in the second of the two."""
    lora = read_lora(save(tmp_path / "a.safetensors", kohya_keys(attention) | kohya_keys(text, "lora_te_")))
    replace, done = LoraModel._create_and_replace, []

    def fails(*args, **kwargs):
        if len(done) == layer:
            raise error
        done.append(1)
        return replace(*args, **kwargs)

    monkeypatch.setattr(LoraModel, "_create_and_replace", fails)
    layers._KEPT.clear()
    base = outputs(untouched)
    with pytest.raises(error), applied(untouched, lora):
        pytest.fail("a LoRA was applied in part")
    assert len(done) == layer
    assert all(np.array_equal(output, base[name]) for name, output in outputs(untouched).items())


@pytest.mark.parametrize("again", [False, True])
def test_interrupted_while_it_is_proven_nothing_stays(again, untouched, attention, tmp_path, monkeypatch):
    """Also where peft's layers of the LoRA before are put in again."""
    lora = read_lora(save(tmp_path / "a.safetensors", kohya_keys(attention)))
    layers._KEPT.clear()
    if again:
        with applied(untouched, lora):
            pass

    def fails(network):
        assert len(layers.adapted(network)) == 32
        raise KeyboardInterrupt

    monkeypatch.setattr(adapt, "outputs_of", fails)
    with pytest.raises(KeyboardInterrupt), applied(untouched, lora):
        pytest.fail("a LoRA was applied unproven")


def test_layers_are_made_once_for_checkpoints_of_one_shape_and_let_go_of_matrices(untouched, tmp_path, monkeypatch):
    made, inject = [], layers._inject
    monkeypatch.setattr(layers, "_inject", lambda *args: made.append(1) or inject(*args))
    layers._KEPT.clear()
    got = {}
    for name, rank, ends in [("a", 4, "to_q"), ("b", 4, "to_q"), ("c", 2, "to_q"), ("d", 2, "to_k"), ("a", 4, "to_q")]:
        pairs = matrices(untouched.unet, (ends,), rank=rank, seed=ord(name))
        with applied(untouched, read_lora(save(tmp_path / f"{name}.safetensors", kohya_keys(pairs)))):
            output = outputs(untouched)["unet"]
        assert np.array_equal(got.setdefault(name, output), output)
        kept, _ = layers._KEPT[untouched.unet]
        assert all(p.numel() == 0 for layer in kept.values() for n, p in layer.named_parameters() if "lora" in n)
    assert len(made) == 4 and not np.array_equal(got["a"], got["b"])


def test_a_base_that_was_written_to_is_called_anew(untouched, attention, tmp_path):
    """What the base gives is remembered; a change is measured against the weights that it has."""
    lora = read_lora(save(tmp_path / "a.safetensors", kohya_keys(attention)))

    def change():
        with applied(untouched, lora) as proof:
            return proof.changes["unet"]

    before = change()
    assert change() == before
    weight = untouched.unet.conv_out.weight
    original = weight.detach().clone()
    weight.data.mul_(2)  # uncounted by torch
    twice = change()
    with torch.no_grad():
        weight.copy_(original)
    assert twice == pytest.approx(2 * before) and change() == before


def test_an_error_while_images_are_drawn_takes_it_off(untouched, attention, tmp_path):
    lora = read_lora(save(tmp_path / "a.safetensors", kohya_keys(attention)))
    base = outputs(untouched)["unet"]
    with pytest.raises(KeyboardInterrupt), applied(untouched, lora):
        assert not np.array_equal(outputs(untouched)["unet"], base)
        raise KeyboardInterrupt
    assert np.array_equal(outputs(untouched)["unet"], base)


def test_thirty_checkpoints_leave_the_base_as_it_was(untouched, tmp_path):
    base = outputs(untouched)
    for seed in range(30):
        made = matrices(untouched.unet, ATTENTION, seed=seed)
        with applied(untouched, read_lora(save(tmp_path / f"{seed}.safetensors", kohya_keys(made)))) as proof:
            assert proof.changes["unet"] > 0.1
    assert all(np.array_equal(output, base[name]) for name, output in outputs(untouched).items())


def test_two_at_once_are_refused(untouched, attention, tmp_path):
    lora = read_lora(save(tmp_path / "a.safetensors", kohya_keys(attention)))
    with applied(untouched, lora):
        got = outputs(untouched)["unet"]
        with pytest.raises(RuntimeError, match="holds an adapter already"), applied(untouched, lora):
            pytest.fail("two LoRAs at once")
        assert np.array_equal(outputs(untouched)["unet"], got)


def test_a_file_that_changes_between_is_not_applied(untouched, attention, tmp_path):
    path = save(tmp_path / "a.safetensors", kohya_keys(attention))
    lora = read_lora(path)
    save(path, kohya_keys(attention, alpha=2))
    with pytest.raises(InputError, match="has changed since it was read"), applied(untouched, lora):
        pytest.fail("another file was applied than the one that was read")


def test_the_global_generator_is_left_alone(untouched, attention, tmp_path):
    lora = read_lora(save(tmp_path / "a.safetensors", kohya_keys(attention)))
    before = torch.get_rng_state()
    with applied(untouched, lora):
        pass
    assert torch.equal(torch.get_rng_state(), before)


def test_an_effect_that_half_precision_rounds_away_is_an_error(attention, tmp_path):
    from tests.study.generation.tiny import tiny_pipeline

    half = tiny_pipeline().to(torch.bfloat16)
    made = {name: (down, up * 1e-12) for name, (down, up) in attention.items()}
    lora = read_lora(save(tmp_path / "a.safetensors", kohya_keys(made)))
    with pytest.raises(InputError, match="its output did not change"), applied(half, lora):
        pytest.fail("a LoRA without effect was drawn")
