"""Files that trainers wrote, held against what the trainers' own networks give (shared/data/lora_forms)."""

import numpy as np
import pytest

from metrics.errors import InputError
from study.generation.lora import applied, is_lora, read_lora
from tests.study.generation.lora.samples import outputs

# the largest difference measured is 1.3e-6, of outputs up to 4; the smallest effect of a file is .31
TOLERANCE = 5e-6

RIGHT = {
    "kohya_unet_te_fp32": ("kohya", "file", {"unet": 48, "text_encoder": 12}),
    "kohya_unet_te_fp32_transformers5_names": ("kohya", "file", {"unet": 48, "text_encoder": 12}),
    "kohya_unet_only_fp16": ("kohya", "file", {"unet": 48}),
    "kohya_unet_only_no_alpha": ("kohya", "metadata", {"unet": 48}),
    "lycoris_lora": ("kohya", "file", {"unet": 50}),
    "diffusers_lora_alpha4": ("diffusers", "unknown", {"unet": 32}),
    "diffusers_lora_with_alpha_metadata": ("diffusers", "metadata", {"unet": 32}),
    "diffusers_rslora": ("diffusers", "unknown", {"unet": 32}),
    "peft_lora_save_pretrained": ("peft", "adapter_config", {"unet": 32}),
    "peft_rslora_save_pretrained": ("peft", "adapter_config", {"unet": 32}),
    "renamed_old_attention_processor": ("old attention processors", "unknown", {"unet": 32}),
    "renamed_comfyui_diffusion_model": ("ComfyUI", "unknown", {"unet": 32}),
}
STATED = {"diffusers_lora": {"unet": 32}, "diffusers_lora_te": {"unet": 32, "text_encoder": 8}}
REFUSED = {
    "lycoris_dora": "is a DoRA;",
    "lycoris_full": "is a full difference of weights;",
    "lycoris_ia3": "is an IA3;",
    "lycoris_loha": "is a LoHa;",
    "lycoris_lokr": "is a LoKr;",
    "peft_dora_save_pretrained": "is a DoRA;",
    "peft_loha_save_pretrained": "is a LoHa;",
    "peft_lokr_save_pretrained": "is a LoKr;",
    "invokeai_test_embedding": "is a textual-inversion embedding, not a LoRA",
}


@pytest.fixture
def folder(shared):
    return shared / "data" / "lora_forms"


def found(folder, name):
    return folder / name if (folder / name).is_dir() else folder / f"{name}.safetensors"


def differences(folder, name, outputs):
    expected = np.load(folder / f"{name}.expected.npz")
    return {component: np.abs(output - expected[component]).max() for component, output in outputs.items()}


def test_no_file_is_left_out(folder):
    names = {path.name.removesuffix(".safetensors") for path in folder.iterdir() if path.is_dir()}
    names |= {path.stem for path in folder.glob("*.safetensors")}
    assert names == {*RIGHT, *STATED, *REFUSED}


def test_the_tiny_pipeline_is_the_one_that_the_values_are_of(folder, pipeline):
    assert max(differences(folder, "base", outputs(pipeline)).values()) < TOLERANCE


@pytest.mark.parametrize("name", RIGHT)
def test_gives_what_the_trainers_network_gives(folder, untouched, name):
    form, alpha_from, layers = RIGHT[name]
    lora = read_lora(found(folder, name))
    assert (lora.form, lora.alpha_from, lora.rank) == (form, alpha_from, 4)
    assert {component: len(modules) for component, modules in lora.modules.items()} == layers
    base = outputs(untouched)
    with applied(untouched, lora) as proof:
        got = outputs(untouched)
    assert max(differences(folder, name, got).values()) < TOLERANCE
    assert proof.layers_in_file == proof.layers_applied == sum(layers.values())
    assert proof.changes.keys() == layers.keys() and min(proof.changes.values()) > 0.1
    for component, output in outputs(untouched).items():
        assert np.array_equal(output, base[component])
        assert (np.abs(got[component] - base[component]).max() > 0.3) == (component in layers)
    assert ("alpha unknown, taken as rank (4)" in " ".join(proof.notes)) == (alpha_from == "unknown")


@pytest.mark.parametrize("name", STATED)
def test_an_alpha_that_the_file_does_not_hold_is_said_and_can_be_stated(folder, untouched, name):
    lora = read_lora(found(folder, name))
    with applied(untouched, lora) as proof:
        wrong = differences(folder, name, outputs(untouched))
    assert wrong["unet"] > 0.2  # adapted whole, at twice the strength
    assert proof.notes == ("alpha unknown, taken as rank (4): the recipe can state it",)
    lora = read_lora(found(folder, name), alpha=2)
    with applied(untouched, lora) as proof:
        right = differences(folder, name, outputs(untouched))
    assert max(right.values()) < TOLERANCE and proof.notes == () and lora.alpha_from == "recipe"
    assert proof.layers_applied == sum(STATED[name].values())


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_plain_lora_is_refused_by_name(folder, name):
    with pytest.raises(InputError, match=REFUSED[name]):
        read_lora(found(folder, name))
    assert is_lora(found(folder, name)) == ("embedding" not in name)


def test_the_trainers_notes_are_kept(folder):
    metadata = read_lora(folder / "kohya_unet_only_fp16.safetensors").metadata
    assert metadata["ss_steps"] == "300" and metadata["ss_epoch"] == "3"
