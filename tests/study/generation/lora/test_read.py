"""What is read of a LoRA file without torch: what it is, where its alpha comes from, and what is wrong with it."""

import json
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from metrics.errors import InputError
from study.generation.lora import header, is_lora, read_lora
from tests.study.generation.lora.samples import diffusers_keys, kohya_keys, save

NAME = "mid_block.attentions.0.proj_in"
ONE = {NAME: (torch.ones(4, 8), torch.ones(8, 4))}
CONV = {"mid_block.resnets.0.conv1": (torch.ones(4, 8, 3, 3), torch.ones(8, 4, 1, 1))}
PEFT = diffusers_keys(ONE, "base_model.model.", ("lora_A", "lora_B"))


def written(folder, tensors, metadata=None):
    return save(folder / "a.safetensors", tensors, metadata)


def peft_folder(folder, keys=None, **config):
    save(folder / "adapter_model.safetensors", keys or PEFT)
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 4, **config}))
    return folder


def with_shapes(path, shapes):
    """A file of the given keys and shapes whose values are a hole."""
    place, entries = 0, {}
    for key, shape in shapes.items():
        size = 2 * torch.Size(shape).numel()
        entries[key] = {"dtype": "F16", "shape": shape, "data_offsets": [place, place + size]}
        place += size
    text = json.dumps(entries).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + place)
    return path


FOREIGN = {
    "flux_control_lora_format": "is a LoRA with biases for FLUX;",
    "flux_dora_onetrainer_format": "is a DoRA for FLUX;",
    "flux_lokr_bfl_format": "is a LoKr for FLUX;",
    "flux_lora_aitoolkit_format": "is a LoRA for FLUX;",
    "flux_lora_diffusers_base_model_format": "is a LoRA for FLUX;",
    "flux_lora_diffusers_format": "is a LoRA for FLUX;",
    "flux_lora_diffusers_no_proj_mlp_format": "is a LoRA for FLUX;",
    "flux_lora_kohya_format": "is a LoRA for FLUX;",
    "flux_lora_kohya_with_te1_format": "is a LoRA for FLUX;",
    "flux_lora_xlabs_format": "is a LoRA for FLUX;",
    "qwen_image_lora_diffusers_format": "is a LoRA for Qwen-Image;",
    "qwen_image_lora_kohya_format": "is a LoKr for Qwen-Image;",
    "anima_lora_kohya_format": "is a LoRA for Anima;",
    "anima_lora_kohya_with_te_format": "is a LoRA for Anima;",
    "anima_lora_lokr_format": "is a LoKr with a DoRA for Anima;",
    "anima_lora_peft_format": "is a LoRA for Anima;",
    "krea2_lora_kohya_format": "is a LoRA for Krea 2;",
}


def test_no_other_models_file_is_left_out(shared):
    assert {path.stem for path in (shared / "data" / "lora_keys").glob("*.json")} == FOREIGN.keys()


@pytest.mark.parametrize("name", FOREIGN)
def test_loras_of_other_models_are_refused_by_name(name, shared, tmp_path):
    shapes = json.loads((shared / "data" / "lora_keys" / f"{name}.json").read_text())
    path = with_shapes(tmp_path / "a.safetensors", shapes)
    assert is_lora(path)
    with pytest.raises(InputError, match=FOREIGN[name]):
        read_lora(path)


def test_where_alpha_comes_from(tmp_path):
    def read(tensors, alpha=None, **metadata):
        lora = read_lora(written(tmp_path, tensors, metadata or None), alpha)
        (layer,) = next(iter(lora.layers.values())).values()
        return lora.alpha_from, lora.alpha, layer.strength

    assert read(kohya_keys(ONE, alpha=2)) == ("file", 2, 0.5)
    assert read(kohya_keys(ONE, alpha=2), alpha=2) == ("file", 2, 0.5)
    assert read(kohya_keys(ONE), ss_network_alpha="1.0") == ("metadata", 1, 0.25)
    assert read(kohya_keys(CONV), ss_network_alpha="1", ss_network_args='{"conv_alpha": "8"}') == ("metadata", 8, 2)
    assert read(kohya_keys(ONE), ss_network_alpha="None") == ("unknown", 4, 1)
    assert read(kohya_keys(ONE), alpha=8) == ("recipe", 8, 2)
    assert read(diffusers_keys(ONE), alpha=8) == ("recipe", 8, 2)
    assert read(diffusers_keys(ONE)) == ("unknown", 4, 1)
    notes = {"unet.lora_alpha": 2, "unet.use_rslora": True}
    assert read(diffusers_keys(ONE), lora_adapter_metadata=json.dumps(notes)) == ("metadata", 2, 1)
    other = json.dumps({"text_encoder.lora_alpha": 2})
    assert read(diffusers_keys(ONE), lora_adapter_metadata=other) == ("unknown", 4, 1)


def test_alpha_of_a_peft_folder(tmp_path):
    def read(**config):
        lora = read_lora(peft_folder(tmp_path, **config))
        return lora.alpha_from, lora.layers["unet"][NAME].strength

    assert read(lora_alpha=2) == ("adapter_config", 0.5)
    assert read(lora_alpha=2, use_rslora=True) == ("adapter_config", 1)
    assert read(lora_alpha=2, alpha_pattern={"proj_in": 8}) == ("adapter_config", 2)
    assert read(lora_alpha=2, alpha_pattern={"proj_out": 8}) == ("adapter_config", 0.5)
    assert read_lora(tmp_path).sha256 != read_lora(peft_folder(tmp_path, lora_alpha=3)).sha256
    assert read_lora(tmp_path / "adapter_model.safetensors").alpha == 3
    (tmp_path / "adapter_config.json").unlink()
    assert read_lora(tmp_path).alpha_from == "unknown"


def test_an_alpha_that_contradicts_the_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds alpha 2 and the recipe says 4: leave it out of the recipe"):
        read_lora(written(tmp_path, kohya_keys(ONE, alpha=2)), alpha=4)
    for alpha in (0, -1, float("nan")):
        with pytest.raises(InputError, match="it is a number above 0"):
            read_lora(written(tmp_path, kohya_keys(ONE)), alpha=alpha)
        with pytest.raises(InputError, match=r"alpha of .* is .*; it is a number above 0"):
            read_lora(written(tmp_path, kohya_keys(ONE, alpha=alpha)))
    with pytest.raises(InputError, match="not one number"):
        read_lora(written(tmp_path, kohya_keys(ONE) | {f"lora_unet_{NAME.replace('.', '_')}.alpha": torch.ones(2)}))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"use_dora": True}, "is a DoRA;"),
        ({"peft_type": "LOHA"}, "is a LoHa;"),
        ({"peft_type": "IA3"}, "is an IA3;"),
        ({"peft_type": "BOFT"}, "is a BOFT;"),
        ({"bias": "all"}, "is a LoRA with biases;"),
        ({"modules_to_save": ["conv_out"]}, "with whole modules beside it"),
        ({"init_lora_weights": "pissa"}, "changed the base model too .init_lora_weights is 'pissa'"),
    ],
)
def test_peft_configurations_that_are_more_than_two_matrices(config, words, tmp_path):
    with pytest.raises(InputError, match=words):
        read_lora(peft_folder(tmp_path, lora_alpha=4, **config))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"lora_alpha": [4]}, "alpha of 'lora_alpha' is no number"),
        ({"lora_alpha": 10**400}, "alpha of 'lora_alpha' is no number"),
        ({"alpha_pattern": {"to_q": None}}, "alpha of 'to_q' is no number"),
        ({"alpha_pattern": ["to_q"]}, "alpha_pattern is no table"),
        ({"alpha_pattern": {f"to_{n}": 4 for n in range(1001)}}, "alpha_pattern is no table"),
        ({"alpha_pattern": {"(": 4}}, "no name of modules"),
        ({"alpha_pattern": {"(([a-z_.0-9]+)+)+!": 4}}, "no name of modules that can be matched quickly"),
        ({"alpha_pattern": {".*.*.*.*.*.*.*!": 4}}, "no name of modules that can be matched quickly"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_a_sentence_at_once(config, words, tmp_path):
    with pytest.raises(InputError, match=words):
        read_lora(peft_folder(tmp_path, **({"lora_alpha": 4} | config)))


def test_a_header_that_would_take_for_ever_is_refused(tmp_path):
    sizes = ",".join(["9" * 4000] * 4000)
    many = ",".join(f'"k{n}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}' for n in range(100_001))
    tall = f'{{"a.lora_down.weight":{{"dtype":"F32","shape":[{sizes}],"data_offsets":[0,4]}}}}'
    for text, words in ((tall, "its header cannot be read"), (f"{{{many}}}", "names 100,001 tensors; 100,000 are")):
        path = tmp_path / "a.safetensors"
        path.write_bytes(len(text).to_bytes(8, "little") + text.encode() + bytes(4))
        with pytest.raises(InputError, match=words):
            read_lora(path)


K = f"lora_unet_{NAME.replace('.', '_')}"
KINDS = {
    "empty": ({}, "is empty: it holds no tensor", True),
    "LoHa": ({f"{K}.hada_w1_a": 1}, "is a LoHa", True),
    "LoKr": ({f"{K}.lokr_w1": 1}, "is a LoKr", True),
    "DoRA": (kohya_keys(ONE) | {f"{K}.dora_scale": 1}, "is a DoRA", True),
    "peft's DoRA": (PEFT | {f"base_model.model.{NAME}.lora_magnitude_vector.weight": 1}, "is a DoRA", True),
    "full difference": ({f"{K}.diff": 1, f"{K}.diff_b": 1}, "is a full difference of weights", True),
    "IA3": ({f"{K}.weight": 1, f"{K}.on_input": 1}, "is an IA3", True),
    "Tucker": (kohya_keys(CONV) | {"lora_unet_mid_block_resnets_0_conv1.lora_mid.weight": 1}, "a Tucker decomp", True),
    "biases": (PEFT | {f"base_model.model.{NAME}.lora_B.bias": 1}, "is a LoRA with biases", True),
    "OneTrainer's bundle": (
        kohya_keys(ONE) | {"bundle_emb.sks.string_to_param": 1},
        "bundled with token embeddings",
        True,
    ),
    "embedding": ({"emb_params": torch.ones(2, 768)}, "is a textual-inversion embedding, not a LoRA", False),
    "diffusers' embedding": ({"<sks>": torch.ones(768)}, "is a textual-inversion embedding, not a LoRA", False),
    "embedding by its word": ({"sks": torch.ones(1, 768)}, "is a textual-inversion embedding, not a LoRA", False),
    "XL's embedding": ({"clip_l": torch.ones(2, 768), "clip_g": torch.ones(2, 1280)}, "textual-inversion", False),
    "checkpoint": ({"model.diffusion_model.input_blocks.0.0.weight": 1}, "is a whole model, not a LoRA", False),
    "UNet": ({"conv_in.weight": 1, "down_blocks.0.resnets.0.conv1.weight": 1}, "is a whole model, not a LoRA", False),
    "something else": ({"a.b": 1}, "holds 'a.b' .F32., which is no part of a LoRA that is known here", False),
    "a key too many": (kohya_keys(ONE) | {"lora_unet_x.other": 1}, "holds 'lora_unet_x.other'", True),
    "integers": ({k: v.int() for k, v in kohya_keys(ONE).items()}, r"\(I32\), which is no part of a LoRA", True),
    "half a pair": (
        dict(list(kohya_keys(ONE).items())[:1]),
        "lacks the matrix 'up' of mid_block_attentions_0_proj_in",
        True,
    ),
    "ranks": (
        kohya_keys({NAME: (torch.ones(4, 8), torch.ones(8, 3))}),
        r"do not fit each other: \[4, 8\] and \[8, 3\]",
        True,
    ),
    "twice": (diffusers_keys(ONE) | diffusers_keys(ONE, ends=("lora_A", "lora_B")), "names the module .* twice", True),
}


@pytest.mark.parametrize("case", KINDS)
def test_what_a_file_is_instead_is_named(case, tmp_path):
    tensors, words, lora = KINDS[case]
    path = written(
        tmp_path, {key: torch.ones(4, 4) if isinstance(value, int) else value for key, value in tensors.items()}
    )
    assert is_lora(path) == lora
    with pytest.raises(InputError, match=words) as error:
        read_lora(path)
    assert "\n" not in str(error.value)


def test_folders(tmp_path):
    with pytest.raises(InputError, match=r"is no LoRA folder: .* it has no safetensors file"):
        read_lora(tmp_path)
    (tmp_path / "pytorch_lora_weights.bin").write_bytes(b"pickle")
    with pytest.raises(InputError, match="is a pickle"):
        read_lora(tmp_path)
    one = save(tmp_path / "one.safetensors", kohya_keys(ONE))
    assert read_lora(tmp_path).file == one and read_lora(tmp_path).path == tmp_path and is_lora(tmp_path)
    save(tmp_path / "two.safetensors", kohya_keys(ONE))
    with pytest.raises(InputError, match="it has 2 safetensors files: name one"):
        read_lora(tmp_path)
    assert not is_lora(tmp_path)
    save(tmp_path / "pytorch_lora_weights.safetensors", diffusers_keys(ONE))
    assert read_lora(tmp_path).form == "diffusers" and is_lora(tmp_path)


def test_pickles_are_refused_unopened(tmp_path):
    for end in ("pt", "bin", "ckpt", "pth", "PT"):
        (tmp_path / f"a.{end}").write_bytes(b"\x80\x04.")
        with pytest.raises(InputError, match="is a pickle, which can run programs when it is opened; convert it"):
            read_lora(tmp_path / f"a.{end}")
        assert not is_lora(tmp_path / f"a.{end}")


def test_a_file_beyond_all_loras_is_refused_unread(tmp_path):
    path = written(tmp_path, kohya_keys(ONE))
    with path.open("r+b") as file:
        file.truncate(2**33 + 2**30)  # a hole
    with pytest.raises(InputError, match="has 9 GB; a LoRA has at most 8"):
        read_lora(path)


@pytest.mark.parametrize("keep", [0, 5, 8, 40, -1])
def test_a_file_that_was_cut_is_no_traceback(keep, tmp_path):
    path = written(tmp_path, kohya_keys(ONE))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match="end"):
        read_lora(path)
    assert not is_lora(path)


@given(st.binary(max_size=200) | st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_no_header_is_a_traceback(tmp_path_factory, content):
    text = content if isinstance(content, bytes) else json.dumps({"a": content, "__metadata__": content}).encode()
    path = tmp_path_factory.mktemp("header") / "a.safetensors"
    for written_length in (len(text), 2**62):
        path.write_bytes(written_length.to_bytes(8, "little") + text)
        assert not is_lora(path) or text == b"{}" or not json.loads(text)
        with pytest.raises(InputError):
            read_lora(path)


def test_scalars_of_every_type(tmp_path):
    types = [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64, torch.uint8]
    path = written(tmp_path, {str(dtype): torch.tensor(3, dtype=dtype) for dtype in types})
    assert set(header.read_header(path).scalars([str(dtype) for dtype in types]).values()) == {3.0}


def test_reading_needs_no_torch(tmp_path):
    path = written(tmp_path, kohya_keys(ONE, alpha=2))
    program = f"import sys, pathlib, study.generation.lora as l; l.read_lora(pathlib.Path({str(path)!r}));"
    program += "print([name for name in ('torch', 'diffusers', 'transformers', 'peft') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
