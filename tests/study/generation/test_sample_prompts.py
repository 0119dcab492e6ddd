"""Trainers' files of sample prompts, as sd-scripts reads them."""

import pytest

from study.generation.sample_prompts import sample_prompts


def test_options_of_the_trainer_alone_move_no_number():
    text = (
        "# mine\r\na cat --w 1000 --h 1024 --d 1 --g 3.5\r\n\r\na {red|blue} fox --am 1\r\n --n dark\r\na dog --D 3\r\n"
    )
    assert sample_prompts(text) == ["a cat", "a {red|blue} fox", "", "a dog"]


def test_toml_and_json_have_their_prompts():
    text = '[prompt]\nwidth = 512\n[[prompt.subset]]\nprompt = "a cat"\nseed = 1\n[[prompt.subset]]\nprompt = "a dog"\n'
    assert sample_prompts(text, ".toml") == ["a cat", "a dog"]
    assert sample_prompts('[{"prompt": "a cat", "seed": 1}, {"seed": 2}, "a dog --d 2"]', ".JSON") == [
        "a cat",
        "",
        "a dog",
    ]


@pytest.mark.parametrize(
    "text, suffix, why",
    [
        ("a cat --d 1", ".toml", "no TOML"),
        ("x = 1", ".toml", "subset"),
        ("prompt = 1", ".toml", "subset"),
        ("{", ".json", "no JSON"),
        ('{"prompt": "a cat"}', ".json", "no list"),
        ("[" * 100_000, ".json", "no JSON"),
    ],
)
def test_what_is_no_such_file_is_said(text, suffix, why):
    with pytest.raises(ValueError, match=why):
        sample_prompts(text, suffix)
