"""recipe.yaml: what is read of it, and that all its errors come at once with their lines."""

import pytest

from metrics.errors import InputError
from study.generation.recipe import load_recipe
from tests.study.generation.training_runs import kohya_run, write_tensors


def recipe_of(tmp_path, text: str):
    path = tmp_path / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return load_recipe(path)


def errors_in(tmp_path, text: str) -> dict[int, str]:
    """The sentence of each line that has an error."""
    with pytest.raises(InputError) as caught:
        recipe_of(tmp_path, text)
    lines = str(caught.value).splitlines()[1:]
    return {int(line.split(":")[0].removeprefix("  line ")): line.partition(": ")[2] for line in lines}


def test_paths_are_relative_to_the_recipe(tmp_path, monkeypatch):
    kohya_run(tmp_path / "deep" / "runs", "anna", [300])
    (tmp_path / "deep" / "p.txt").write_text("a cat\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    recipe = recipe_of(tmp_path / "deep", "prompts: p.txt\nseeds: [1]\ncheckpoints: [runs]\n")
    assert [each.step for each, _ in recipe.found()] == [300]
    assert [line.text for line in recipe.lines] == ["a cat"]


def test_defaults(tmp_path):
    recipe = recipe_of(tmp_path, "prompts: [a cat]\nseeds: [1]\ncheckpoints: []\n")
    assert recipe.base == "stable-diffusion-v1-5/stable-diffusion-v1-5"
    assert (recipe.steps, recipe.guidance, recipe.width, recipe.height) == (30, 7.5, 512, 512)
    assert (recipe.dtype, recipe.batch_size, recipe.rate.per_checkpoint) == ("float32", 1, None)


def test_all_errors_at_once_each_with_its_line(tmp_path):
    kohya_run(tmp_path / "anna", "anna", [300, 600])
    text = """\
prompts:
- a {toke}
- texto: 3
- a cat --w 100
- file: none.txt
seeds: 42
steps: 0
klass: x
width: 500
rate: 5
scheduler: Fast
base: nothing
dtype: int8
checkpoints:
- nothing
- path: anna
  step: 300
- path: anna
  model: a/b
  scale: 0
"""
    found = errors_in(tmp_path, text)
    expected = {
        2: "'{toke}' is no placeholder",
        3: "'prompts.1.texto' is not known; did you mean 'text'?",
        4: "'--w 100'",
        5: "none.txt cannot be read (No such file or directory)",
        6: "write [42] or {count: 42}",
        7: "'steps' is 0",
        8: "'klass' is not known; did you mean 'class'?",
        9: "it must be a multiple of 8",
        10: "write all, none, or a number such as '16 per checkpoint'",
        11: "'Fast' is not known; there are ddim, pndm",
        12: "there is nothing at",
        13: "'dtype' is 'int8'",
        15: "there is nothing at",
        16: "names 2 checkpoints, so 'step' cannot be said of it",
        19: "'a/b' cannot be a folder's name",
        20: "a LoRA at the strength 0 is the base model",
    }
    assert found.keys() == expected.keys()
    for line, sentence in expected.items():
        assert sentence in found[line], line


def test_errors_in_a_file_of_prompts_have_the_files_lines(tmp_path):
    (tmp_path / "p.txt").write_text("# mine\n\na cat\na {dog}\na cow --x 1\n", encoding="utf-8")
    found = errors_in(tmp_path, "seeds: [1]\nprompts:\n- a cat\n- file: p.txt\ncheckpoints: []\n")
    assert list(found) == [4]
    assert "p.txt, line 4: '{dog}' is no placeholder" in found[4]
    assert "line 5: '--x' is not known" in found[4]


@pytest.mark.parametrize(
    ("seeds", "read"),
    [
        ("[3, 1]", [3, 1]),
        ("5-8", [5, 6, 7, 8]),
        ("{count: 3}", [0, 1, 2]),
        ("{count: 2, first: 9}", [9, 10]),
        ("[9223372036854775807]", [2**63 - 1]),
    ],
)
def test_seeds(tmp_path, seeds, read):
    assert recipe_of(tmp_path, f"prompts: [a cat]\nseeds: {seeds}\ncheckpoints: []\n").seeds == read


@pytest.mark.parametrize(
    ("seeds", "sentence"),
    [
        ("[1, 1]", "stands there twice"),
        ("[-1]", "a whole number from 0"),
        ("[1.5]", "a whole number from 0"),
        ("[true]", "a whole number from 0"),
        ("8-5", "the range 8-5 is reversed; write 5-8."),
        ("0-99999999999999", "from 1 to 10,000 seeds"),
        ("{count: 0}", "from 1 to 10,000 seeds"),
        ("{number: 3}", "write a list such as"),
        ("true", "write a list such as"),
        ("many", "write a list such as"),
        ("[]", "write a list such as"),
        ("[9223372036854775808]", "a whole number from 0"),
    ],
)
def test_seeds_that_are_none(tmp_path, seeds, sentence):
    assert sentence in errors_in(tmp_path, f"prompts: [a cat]\nseeds: {seeds}\ncheckpoints: []\n")[2]


def test_a_prompt_that_begins_with_a_placeholder_is_said_to_need_quotes(tmp_path):
    text = "prompts:\n- {token} photo\n- a cat\n- text: {class} by the sea\n- '{token}'\nseeds: [1]\ncheckpoints: []\n"
    found = errors_in(tmp_path, text)
    assert list(found) == [2, 4]
    assert found[2].startswith('put the text in quotes: "{token} photo".')
    assert found[4].startswith('put the text in quotes: "{class} by the sea".')


@pytest.mark.parametrize("prompt", ["photo of: {token}", "{token}", "portrait: close up"])
def test_a_prompt_that_yaml_takes_for_keys_is_said_to_need_quotes(tmp_path, prompt):
    found = errors_in(tmp_path, f"prompts:\n- a cat\n- {prompt}\nseeds: [1]\ncheckpoints: []\n")
    assert list(found) == [3] and "put the prompt in quotes" in found[3]


@pytest.mark.parametrize(
    "prompt", ["photo of: {token} x", "{token}: photo", "a: b: c", "*bold* photo", "@home", "&c photo: x"]
)
def test_what_yaml_cannot_read_says_quotes_and_the_line(tmp_path, prompt):
    with pytest.raises(InputError) as caught:
        recipe_of(tmp_path, f"prompts:\n- a cat\n- {prompt}\nseeds: [1]\ncheckpoints: []\n")
    assert "line 3" in str(caught.value) and "in quotes" in str(caught.value)


def test_pydantics_words_are_not_ours(tmp_path):
    text = (
        "prompts: [a cat]\nseeds: [1]\nsteps: 0\nguidance: 101\nbatch_size: 1.5\ndtype: int8\nwidth: wide\n"
        "checkpoints: anna\nguidance_: 1\nclip_skip: true\n"
    )
    found = errors_in(tmp_path, text)
    assert found[3] == "'steps' is 0; it must be 1 or more."
    assert found[4] == "'guidance' is 101; it must be 100 or less."
    assert found[5] == "'batch_size' is 1.5; it must be a whole number."
    assert found[6] == "'dtype' is 'int8'; it must be 'float32', 'float16' or 'bfloat16'."
    assert found[7] == "'width' is 'wide'; it must be a whole number."
    assert found[8] == "'checkpoints' is 'anna'; it must be a list, such as [a, b] or a line with '- ' for each."
    assert not any("input should" in sentence.lower() for sentence in found.values())


@pytest.mark.parametrize(
    "name", ["euler_a", "euler ancestral", "Euler Ancestral", "k_euler_a", "EulerAncestralDiscreteScheduler"]
)
def test_samplers_have_their_short_names_too(tmp_path, name):
    recipe = recipe_of(tmp_path, f"prompts: [a cat --ss {name}]\nseeds: [1]\nscheduler: {name}\ncheckpoints: []\n")
    assert recipe.scheduler == recipe.lines[0].scheduler == "EulerAncestralDiscreteScheduler"


def test_more_ratings_than_images_are_noted(tmp_path):
    text = "prompts: [a cat, a dog --d 3]\nseeds: [1, 2]\nrate: {} per checkpoint\ncheckpoints: []\n"
    note = "'rate' asks for 50 images of each checkpoint, and there are 3: people rate all."
    assert recipe_of(tmp_path, text.format(50)).notes == [note]
    assert recipe_of(tmp_path, text.format(3)).notes == []


def test_a_run_has_its_own_words_and_the_recipes_where_it_has_none(tmp_path):
    kohya_run(tmp_path / "anna", "anna", [300])
    kohya_run(tmp_path / "bob", "bob", [300])
    text = """\
subject: anna
class: person
prompts: ["{token} {class}"]
seeds: [1]
checkpoints:
- {path: anna, token: sks}
- {path: bob, token: ohwx, subject: bob, class: man}
"""
    found = recipe_of(tmp_path, text).found()
    assert [(each.subject, each.token, words["class"]) for each, words in found] == [
        ("anna", "sks", "person"),
        ("bob", "ohwx", "man"),
    ]


def test_a_placeholder_that_a_run_lacks_is_an_error(tmp_path):
    kohya_run(tmp_path / "anna", "anna", [300])
    kohya_run(tmp_path / "bob", "bob", [300])
    text = "prompts: ['{token}']\nseeds: [1]\ncheckpoints:\n- {path: anna, token: sks}\n- bob\n"
    (sentence,) = errors_in(tmp_path, text).values()
    assert "prompts have {token}, and neither the recipe nor the entry 'bob' says what that is" in sentence


def test_a_placeholder_of_the_base_alone_is_filled_too(tmp_path):
    text = "prompts: [a cat, 'a {class}']\nseeds: [1]\ncheckpoints: []\n"
    assert "prompts have {class}, and the recipe does not say what that is" in errors_in(tmp_path, text)[3]


def test_an_entry_says_what_files_do_not(tmp_path):
    write_tensors(tmp_path / "final.safetensors")
    entry = "{path: final.safetensors, model: anna, step: 900, epoch: 3, training_images: 12, scale: 0.8, alpha: 2}"
    ((found, _),) = recipe_of(tmp_path, f"prompts: [a]\nseeds: [1]\ncheckpoints:\n- {entry}\n").found()
    assert (found.model, found.name, found.step, found.epoch) == ("anna", "900", 900, 3)
    assert (found.n_training_images, found.scale, found.alpha) == (12, 0.8, 2)


def test_two_checkpoints_of_one_folder_are_an_error_that_says_how_to_name_them(tmp_path):
    write_tensors(tmp_path / "a" / "anna.safetensors")
    write_tensors(tmp_path / "b" / "ANNA.safetensors")
    text = "prompts: [a]\nseeds: [1]\ncheckpoints: [a, b]\n"
    (sentence,) = errors_in(tmp_path, text).values()
    assert "would both be drawn into ANNA/last; give one of them an entry of its own with another 'model'" in sentence
    named = "checkpoints: [a, {path: b, model: other}, {path: a, name: half, scale: 0.5}]"
    found = recipe_of(tmp_path, f"prompts: [a]\nseeds: [1]\n{named}\n").found()
    assert [(each.model, each.name, each.scale) for each, _ in found] == [
        ("anna", "last", 1),
        ("other", "last", 1),
        ("anna", "half", 0.5),
    ]


def test_the_same_prompt_twice_is_an_error(tmp_path):
    text = "prompts: [a cat, a dog, a cat --n x, a cat]\nseeds: [1]\ncheckpoints: []\n"
    assert "the prompts 0 and 3 (from 0) are the same: 'a cat'" in errors_in(tmp_path, text)[1]


def test_names_of_files_become_names_of_folders(tmp_path):
    write_tensors(tmp_path / "my: lora?.safetensors")
    ((found, _),) = recipe_of(tmp_path, "prompts: [a]\nseeds: [1]\ncheckpoints: ['*.safetensors']\n").found()
    assert found.model == "my_ lora_"


def test_a_base_in_one_file_needs_a_config(tmp_path):
    write_tensors(tmp_path / "base.safetensors")
    text = "base: base.safetensors\nprompts: [a]\nseeds: [1]\ncheckpoints: []\n"
    assert "name a diffusers folder of the same kind of model as 'config'" in errors_in(tmp_path, text)[1]
    (tmp_path / "sd").mkdir()
    assert "sd is no diffusers folder" in errors_in(tmp_path, text + "config: sd\n")[5]
    (tmp_path / "sd" / "model_index.json").write_text("{}")
    assert recipe_of(tmp_path, text + "config: sd\n").config == str(tmp_path / "sd")


def test_a_misspelt_folder_of_a_base_is_no_repository(tmp_path):
    """'Fetch models/tinny (several GB)' helps nobody who has models/tiny."""
    (tmp_path / "models" / "tiny").mkdir(parents=True)
    (tmp_path / "models" / "tiny" / "model_index.json").write_text("{}")
    text = "base: models/{}\nprompts: [a]\nseeds: [1]\ncheckpoints: []\n"
    said = errors_in(tmp_path, text.format("tinny"))[1]
    place = tmp_path / "models"
    assert said.endswith(
        f"there is nothing at {place / 'tinny'}; did you mean {place / 'tiny'}, which stands beside it?"
    )
    assert recipe_of(tmp_path, text.format("sd-turbo")).base == "models/sd-turbo"  # of the hub, as far as can be told


def test_steps_that_are_not_known_beside_others_are_noted(tmp_path):
    for name in ("anna-000001", "anna-step00000300"):
        write_tensors(tmp_path / "anna" / f"{name}.safetensors")
    recipe = recipe_of(tmp_path, "prompts: [a]\nseeds: [1]\ncheckpoints: [anna]\n")
    assert recipe.notes == [
        "Of 'anna' the step of 'epoch-1' is not known, and that of others is: they cannot stand on one axis. 'step' in "
        "an entry of its own says it."
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "3",
        "prompts: 3",
        "prompts: {a: b}",
        "prompts: []",
        "prompts: [3]",
        "prompts: [[a]]",
        "prompts: [null]",
        "prompts: [{text: a, file: b}]",
        "prompts: [{group: b}]",
        'prompts: [{text: a, group: "x\\0"}]',
        "prompts: [{file: .}]",
        'prompts: [{file: "a\\0"}]',
        "checkpoints: anna",
        "checkpoints: [3]",
        "checkpoints: [{path: 3}]",
        "checkpoints: ['']",
        'checkpoints: ["a\\0b"]',
        f"checkpoints: [{'x' * 5000}]",
        "checkpoints: [/dev/null]",
        "checkpoints: [.]",
        "checkpoints: [{path: anna, name: con}]",
        "checkpoints: [{path: anna, scale: .nan}]",
        "checkpoints: [{path: anna, step: 1.5}]",
        f"base: {'x' * 5000}",
        'base: "a\\0b"',
        "base: ..",
        "base: /dev/null",
        "base: recipe.yaml",
        "config: 3",
        "guidance: .nan",
        "guidance: .inf",
        "steps: true",
        "width: 8.0",
        "rate: 0 per checkpoint",
        "rate: [1]",
        "rate: null",
        "seeds: null",
        "class: 3",
        'subject: "a\\nb"',
    ],
)
def test_whatever_is_written_is_refused_in_sentences(tmp_path, text):
    kohya_run(tmp_path / "anna", "anna", [300])
    full = {"prompts": "prompts: [a]", "seeds": "seeds: [1]", "checkpoints": "checkpoints: [anna]"}
    rest = [line for key, line in full.items() if not text.startswith(key)] if ":" in text else []
    with pytest.raises(InputError):
        recipe_of(tmp_path, "\n".join([text, *rest]))
