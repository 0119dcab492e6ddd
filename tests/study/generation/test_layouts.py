"""Trainers' folders of checkpoints: each layout, and the traps in it."""

import json

import pytest

from metrics.errors import InputError
from study.generation.layouts import find_checkpoints, training_images
from tests.study.generation.training_runs import LORA_KEYS, MODEL_KEYS, kohya_metadata, kohya_run, write_tensors


def places(found) -> list[tuple[str, str, int | None, int | None]]:
    return [(each.model, each.name, each.step, each.epoch) for each in found.checkpoints]


def test_kohya_steps_in_order_with_the_number_of_different_pictures(tmp_path):
    kohya_run(tmp_path / "out", "anna", [900, 300, 1200, 600], images=20)
    found = find_checkpoints("out", tmp_path)
    assert [each.step for each in found.checkpoints] == [300, 600, 900, 1200]
    assert {each.n_training_images for each in found.checkpoints} == {20}
    assert {(each.model, each.kind) for each in found.checkpoints} == {("anna", "lora")}
    assert found.notes == []


def test_kohyas_last_file_has_its_step_from_the_header(tmp_path):
    kohya_run(tmp_path, "anna", [300, 600], last=750)
    assert places(find_checkpoints(".", tmp_path))[-1] == ("anna", "750", 750, 1)


def test_what_was_saved_twice_is_drawn_once_and_said(tmp_path):
    kohya_run(tmp_path, "anna", [300, 600], last=600)
    content = f"{tmp_path}300"
    write_tensors(tmp_path / "anna-000002.safetensors", metadata=kohya_metadata(300, epoch=2), content=content)
    write_tensors(tmp_path / "copy of anna.safetensors", content=content)
    found = find_checkpoints("*.safetensors", tmp_path)
    assert [each.path.name for each in found.checkpoints] == [
        "anna-step00000300.safetensors",
        "anna-step00000600.safetensors",
    ]
    assert len(found.notes) == 2
    said = " ".join(found.notes)
    assert "'anna.safetensors' holds the same as 'anna-step00000600.safetensors', and is not drawn a second" in said
    assert "'anna-000002.safetensors' and 'copy of anna.safetensors' hold the same as 'anna-step00000300" in said


def test_other_weights_of_one_step_are_both_drawn_and_said(tmp_path):
    kohya_run(tmp_path, "anna", [200])
    write_tensors(tmp_path / "anna-000002.safetensors", metadata=kohya_metadata(200, epoch=2))
    found = find_checkpoints(".", tmp_path)
    assert sorted(places(found)) == [("anna", "200", 200, 1), ("anna", "200-anna-000002", 200, 2)]
    assert found.notes == [
        "'anna-000002.safetensors' is of step 200 as 'anna-step00000200.safetensors' is, and holds other weights: "
        "it is drawn too, as anna/200-anna-000002."
    ]


def test_tensors_in_another_order_and_other_notes_of_the_trainer_are_the_same_content(tmp_path):
    write_tensors(tmp_path / "a.safetensors", LORA_KEYS, {"ss_output_name": "a"}, content="x")
    write_tensors(tmp_path / "b.safetensors", reversed(LORA_KEYS), {"ss_output_name": "b"}, content="x")
    write_tensors(tmp_path / "c.safetensors", LORA_KEYS, {"ss_network_alpha": "2"}, content="x")  # counts otherwise
    found = find_checkpoints(".", tmp_path)
    assert [each.model for each in found.checkpoints] == ["a", "c"]


def test_what_is_excluded_is_passed_over(tmp_path):
    kohya_run(tmp_path / "anna", "anna", [300, 600, 900])
    for pattern in ("anna", "anna/*.safetensors"):
        found = find_checkpoints(pattern, tmp_path, ["*00000600*", "anna/anna-step00000900.*", "*.ckpt"])
        assert [each.step for each in found.checkpoints] == [300]
        assert found.notes == [f"{pattern}: exclude '*.ckpt' fits nothing there."]
        with pytest.raises(InputError):
            find_checkpoints(pattern, tmp_path, ["*"])


@pytest.mark.parametrize("pattern", ["trap", "trap/*", "trap/*.safetensors"])
def test_all_that_cannot_be_read_is_named_whatever_door_it_came_by(tmp_path, pattern):
    kohya_run(tmp_path / "trap", "anna", [300, 600])
    half = (tmp_path / "trap" / "anna-step00000600.safetensors").read_bytes()
    (tmp_path / "trap" / "anna-step00000900.safetensors").write_bytes(half[:-4])
    (tmp_path / "trap" / "anna-step00001200.safetensors").write_bytes(b"")
    found = find_checkpoints(pattern, tmp_path)
    assert [each.step for each in found.checkpoints] == [300, 600]
    assert {path.name: why.split(" ", 1)[1] for path, why in found.refused.items()} == {
        "anna-step00000900.safetensors": "is shorter than its header says: it was not written, or not copied, to "
        "its end.",
        "anna-step00001200.safetensors": "is no safetensors file, or it was not written to its end.",
    }
    assert found.notes == []
    for step in (300, 600):
        (tmp_path / "trap" / f"anna-step{step:08d}.safetensors").unlink()
    with pytest.raises(InputError) as caught:
        find_checkpoints(pattern, tmp_path)
    assert str(caught.value).count(".safetensors") == 2 and str(caught.value).startswith(
        "2 checkpoints cannot be used:"
    )


def test_a_checkpoint_that_is_named_alone_is_known(tmp_path):
    kohya_run(tmp_path / "anna", "anna", [300])
    write_tensors(tmp_path / "bob" / "pytorch_lora_weights.safetensors")
    one = "anna/anna-step00000300.safetensors"
    doors = {one: True, "bob": True, "bob/pytorch_lora_weights.safetensors": True, "anna": False, "anna/*": False}
    for pattern, is_named in doors.items():
        assert [each.is_named for each in find_checkpoints(pattern, tmp_path).checkpoints] == [is_named], pattern


def test_epochs_and_steps_in_one_folder_stand_on_one_axis_where_headers_say_the_steps(tmp_path):
    kohya_run(tmp_path, "anna", [300, 900])
    for epoch in (1, 2):
        metadata = kohya_metadata(epoch * 450, epoch)
        content = f"{tmp_path}{epoch * 450}"
        write_tensors(tmp_path / f"anna-{epoch:06d}.safetensors", metadata=metadata, content=content)
    assert [step for *_, step, _ in places(find_checkpoints(".", tmp_path))] == [300, 450, 900]


def test_epochs_without_headers_are_never_taken_for_steps(tmp_path):
    for name in ("anna-000001", "anna-000002", "anna-step00000300", "anna"):
        write_tensors(tmp_path / f"{name}.safetensors")
    assert places(find_checkpoints(".", tmp_path)) == [
        ("anna", "300", 300, None),
        ("anna", "epoch-1", None, 1),
        ("anna", "epoch-2", None, 2),
        ("anna", "last", None, None),
    ]


def test_ai_toolkit(tmp_path):
    for step in (250, 500):
        write_tensors(tmp_path / "anna" / f"anna_{step:09d}.safetensors")
    write_tensors(tmp_path / "anna" / "anna.safetensors", metadata={"training_info": '{"step": 750, "epoch": 3}'})
    (tmp_path / "anna" / "optimizer.pt").write_bytes(b"x")
    assert places(find_checkpoints("anna", tmp_path)) == [
        ("anna", "250", 250, None),
        ("anna", "500", 500, None),
        ("anna", "750", 750, 3),
    ]


def test_onetrainer_is_called_by_its_workspace(tmp_path):
    for step, epoch in ((300, 3), (600, 6)):
        name = f"2024-08-19_16-0{epoch}-39-save-{step}-{epoch}-0.safetensors"
        write_tensors(tmp_path / "anna" / "save" / name)
    write_tensors(tmp_path / "anna" / "save" / "bob-2024-08-19_16-09-39-save-900-9-0.safetensors")
    expected = [("anna", "300", 300, 3), ("anna", "600", 600, 6), ("bob", "900", 900, 9)]
    assert places(find_checkpoints("anna", tmp_path)) == expected
    assert places(find_checkpoints("anna/save/*", tmp_path)) == expected


@pytest.mark.parametrize("name", ["pytorch_lora_weights.safetensors", "adapter_model.safetensors"])
def test_diffusers_and_simpletuner_folders(tmp_path, name):
    for step in (1000, 500):
        write_tensors(tmp_path / "anna" / f"checkpoint-{step}" / name)
        for state in ("optimizer.bin", "scheduler.bin", "random_states_0.pkl"):
            (tmp_path / "anna" / f"checkpoint-{step}" / state).write_bytes(b"x")
    write_tensors(tmp_path / "anna" / name)
    expected = [("anna", "500", 500, None), ("anna", "1000", 1000, None), ("anna", "last", None, None)]
    found = find_checkpoints("anna", tmp_path)
    assert places(found) == expected
    assert found.checkpoints[0].path == tmp_path / "anna" / "checkpoint-500"
    assert places(find_checkpoints("anna/checkpoint-*", tmp_path)) == expected[:2]
    assert places(find_checkpoints(f"anna/checkpoint-500/{name}", tmp_path)) == expected[:1]


def test_a_state_of_accelerate_alone_is_said_to_be_one(tmp_path):
    (tmp_path / "checkpoint-500").mkdir()
    (tmp_path / "checkpoint-500" / "optimizer.bin").write_bytes(b"x")
    write_tensors(tmp_path / "checkpoint-500" / "model.safetensors", ["down_blocks.0.weight"])
    with pytest.raises(InputError, match=r"checkpoint-500 holds the state of a training \(model.safetensors and opt"):
        find_checkpoints("checkpoint-500", tmp_path)


def test_one_spoilt_state_in_a_run_is_named(tmp_path):
    write_tensors(tmp_path / "checkpoint-500" / "pytorch_lora_weights.safetensors")
    (tmp_path / "checkpoint-1000").mkdir()
    found = find_checkpoints(".", tmp_path)
    assert [each.step for each in found.checkpoints] == [500]
    assert [path.name for path in found.refused] == ["checkpoint-1000"]
    assert "checkpoint-1000 is an empty folder" in found.refused[tmp_path / "checkpoint-1000"]


def test_whole_models(tmp_path):
    write_tensors(tmp_path / "anna.safetensors", MODEL_KEYS)
    (tmp_path / "bob").mkdir()
    (tmp_path / "bob" / "model_index.json").write_text("{}")
    found = find_checkpoints("*", tmp_path).checkpoints
    assert [(each.model, each.kind) for each in found] == [("anna", "model"), ("bob", "model")]


def test_kohyas_states_and_optimizers_are_no_checkpoints(tmp_path):
    kohya_run(tmp_path, "anna", [300])
    write_tensors(tmp_path / "anna-step00000300-state" / "model.safetensors")
    write_tensors(tmp_path / "optimizer.safetensors")
    write_tensors(tmp_path / "embedding.safetensors", ["emb_params"])
    (tmp_path / "sample").mkdir()
    found = find_checkpoints(".", tmp_path)
    assert [each.path.name for each in found.checkpoints] == ["anna-step00000300.safetensors"]
    assert "passed over 'embedding.safetensors', which holds no checkpoint." in found.notes[0]
    assert len(find_checkpoints("**/*.safetensors", tmp_path).checkpoints) == 1


def test_a_folder_whose_name_has_brackets_is_no_glob(tmp_path):
    place = kohya_run(tmp_path / "[v1] runs" / "anna*", "anna", [300])
    assert len(find_checkpoints("*.safetensors", place).checkpoints) == 1
    assert len(find_checkpoints("[v1] runs/anna*", tmp_path).checkpoints) == 1


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda path: None, "there is nothing at"),
        (lambda path: path.mkdir(), "is an empty folder"),
        (lambda path: (path / "x" / "y").mkdir(parents=True), r"holds x/; understood are .*glob, such as runs/\*"),
        (lambda path: (path.mkdir(), (path / "a.txt").write_text("x")), r"holds a.txt; understood are LoRA files"),
        (lambda path: write_tensors(path / "e.safetensors", ["emb_params"]), "holds e.safetensors; understood"),
        (lambda path: (path.mkdir(), (path / "a.safetensors").write_bytes(b"short")), "no safetensors file"),
    ],
)
def test_what_is_none_is_said_with_what_was_found(tmp_path, make, match):
    make(tmp_path / "run")
    with pytest.raises(InputError, match=match):
        find_checkpoints("run", tmp_path)


@pytest.mark.parametrize(
    ("keys", "match"),
    [
        (["emb_params"], "a textual-inversion embedding, neither a LoRA nor a whole model"),
        (["conv_in.weight", "down_blocks.0.weight"], "a part of a model, without its other networks"),
        (["a.b", "c"], r"tensors such as 'a\.b'"),
    ],
)
def test_a_file_that_is_none_is_named_by_what_it_holds(tmp_path, keys, match):
    write_tensors(tmp_path / "a.safetensors", keys)
    with pytest.raises(InputError, match=match):
        find_checkpoints("a.safetensors", tmp_path)


def test_files_that_run_code_are_refused(tmp_path):
    (tmp_path / "anna.ckpt").write_bytes(b"x")
    with pytest.raises(InputError, match="may run code"):
        find_checkpoints("anna.ckpt", tmp_path)


def test_training_images_are_counted_once_at_several_sizes_and_without_regularisation():
    subset = {"img_count": 20, "num_repeats": 5, "image_dir": "a"}
    regular = {"img_count": 100, "is_reg": True, "image_dir": "r"}
    datasets = [{"subsets": [subset, regular]}, {"subsets": [subset, subset | {"image_dir": "b", "img_count": 3}]}]
    assert training_images({"ss_datasets": json.dumps(datasets)}) == 23
    assert training_images({"ss_dataset_dirs": '{"a": {"img_count": "many"}}'}) is None
    for broken in ("[", "{}", "3", '{"a": 3}', "[" * 100_000):
        assert training_images({"ss_dataset_dirs": broken, "ss_num_train_images": "7"}) is None


def test_a_run_named_by_its_keys_alone(tmp_path):
    write_tensors(tmp_path / "runs" / "anna-v2.safetensors", LORA_KEYS)
    assert places(find_checkpoints("runs/anna-v2.safetensors", tmp_path)) == [("anna-v2", "last", None, None)]


def test_real_files(shared):
    weights = find_checkpoints("weights/sd15_lora_*.safetensors", shared).checkpoints
    assert [each.kind for each in weights] == ["lora", "lora"]
    forms = find_checkpoints("data/lora_forms/*", shared)
    assert {each.kind for each in forms.checkpoints} == {"lora"}
    by_model = {each.model: each for each in forms.checkpoints}
    assert len(by_model) == 20  # of the 22, two are the same files as a third
    assert "'diffusers_lora_alpha4' and 'diffusers_rslora' hold the same as 'diffusers_lora'" in forms.notes[-1]
    kohya = by_model["kohya_unet_te_fp32"]
    assert (kohya.step, kohya.epoch, kohya.n_training_images) == (300, 3, 20)
    assert by_model["diffusers_lora"].path == shared / "data" / "lora_forms" / "diffusers_lora"
    with pytest.raises(InputError, match="a textual-inversion embedding"):
        find_checkpoints("data/lora_forms/invokeai_test_embedding.safetensors", shared)
