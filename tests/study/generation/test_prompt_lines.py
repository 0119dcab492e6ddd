"""kohya's syntax of prompts: what is written comes back, and what is wrong is said."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.generation.prompt_lines import (
    SAMPLERS,
    SCHEDULERS,
    fill,
    parse_prompt,
    parse_prompts,
    placeholders,
)

WORDS = st.text(st.sampled_from("abcé漢 ,.()-:'\"0"), min_size=1, max_size=40).map(lambda text: " ".join(text.split()))
TEXTS = WORDS.filter(lambda text: text and "--" not in text)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "n": TEXTS,
        "w": st.integers(8, 512).map(lambda number: number * 8),
        "h": st.integers(8, 512).map(lambda number: number * 8),
        "d": st.integers(0, 2**63 - 1),
        "l": st.floats(0, 100, allow_nan=False).map(lambda number: round(number, 3)),
        "s": st.integers(1, 1000),
        "ss": st.sampled_from(sorted(SAMPLERS)),
    },
)
NAMES = {"n": "negative", "w": "width", "h": "height", "d": "seed", "l": "guidance", "s": "steps", "ss": "scheduler"}


@given(TEXTS, OPTIONS, st.randoms(use_true_random=False))
def test_what_is_written_comes_back_in_any_order(text, options, random):
    order = list(options)
    random.shuffle(order)
    line = " ".join([text, *(f"--{name} {options[name]}" for name in order)])
    read = parse_prompt(f"  {line} ", group="g")
    expected = {NAMES[name]: SAMPLERS[value] if name == "ss" else value for name, value in options.items()}
    assert (read.text, read.group, read.settings()) == (text, "g", expected)


@given(st.lists(st.one_of(TEXTS.filter(lambda text: not text.startswith("#")), st.just(""), st.just("  # mine"))))
def test_a_file_gives_its_prompts_in_order_without_comments_and_empty_lines(lines):
    for end in ("\n", "\r\n"):
        prompts, problems = parse_prompts("\ufeff" + end.join(lines))
        assert [prompt.text for prompt in prompts] == [line for line in lines if line and "#" not in line]
        assert not problems


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused_in_a_sentence(text):
    try:
        read = parse_prompt(text)
    except ValueError as error:
        assert re.fullmatch(r"(?s).+\.", str(error))
    else:
        assert read.text
        assert "\n" not in read.text
        fill(read.text, {"subject": "s", "token": "t", "class": "c"})


@given(TEXTS)
def test_text_in_doubled_braces_stays_as_it_is(text):
    assert fill(f"{{{{{text}}}}} {{token}}", {"token": "sks"}) == f"{{{text}}} sks"
    assert placeholders(f"{{{{{text}}}}} {{token}}") == ["token"]


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ("a cat --w 500", "'--w 500': it needs a multiple of 8 from 64 to 4,096"),
        ("a cat --h 8192", "multiple of 8"),
        ("a cat --s 0", "from 1 to 1,000"),
        ("a cat --s 1_0x", "whole number"),
        ("a cat --l nan", "a number from 0 to 100"),
        ("a cat --d -1", "0 or more"),
        ("a cat --ss fast", "one of ddim, pndm"),
        ("a cat --cn pose.png", "'--cn' is not known; a prompt's options are --n, --w"),
        ("a cat --d 1 --d 2", "'--d' stands there twice"),
        ("--d 1", "the prompt is empty"),
        ("a {cat}", r"'\{cat\}' is no placeholder; there are \{subject\}, \{token\} and \{class\}"),
        ("a cat --n {dog}", r"'\{dog\}' is no placeholder"),
        ("a\x00cat", "control character"),
        ("a" * 5001, "5,001 characters; 5,000 are the most"),
    ],
)
def test_what_is_wrong_is_said(line, match):
    with pytest.raises(ValueError, match=match):
        parse_prompt(line)


def test_two_dashes_that_begin_no_option_are_text():
    assert parse_prompt("a cat -- black -- and a dog--like fox").text == "a cat -- black -- and a dog--like fox"


def test_the_schedulers_are_classes_of_diffusers():
    from importlib.util import find_spec
    from pathlib import Path

    spec = find_spec("diffusers")
    assert spec is not None and spec.origin is not None
    known = (Path(spec.origin).parent / "schedulers" / "__init__.py").read_text(encoding="utf-8")
    assert not [name for name in SCHEDULERS if f'"{name}"' not in known]
