"""The command line's options: each declared once, and lists read in one way."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest
from typer.testing import CliRunner

import study
from metrics.catalogue import catalogue, metrics_taking
from metrics.errors import InputError
from metrics.text import listed
from study.cli import app
from study.cli.options import counts, names, numbers


def test_no_option_is_declared_twice_with_the_same_help():
    places = defaultdict(list)
    for file in Path(study.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("typer.Option", "typer.Argument"):
                for keyword in node.keywords:
                    if keyword.arg == "help":
                        places[ast.unparse(keyword.value)].append(f"{file.name}:{node.lineno}")
    assert len(places) > 90
    assert {words: where for words, where in places.items() if len(where) > 1} == {}


@pytest.mark.parametrize(
    ("read", "text", "words"),
    [
        (names, " , ", "--x is empty; name at least one, comma-separated."),
        (names, "a,b,c,d", "--x lists 4; at most 3 make a table."),
        (numbers, "1,b", "--x has 'b', which is no number; write numbers, comma-separated."),
        (counts, "1,-2", "--x has '-2', which is no whole number; write for instance --x 5,10."),
        (counts, "1,²", "--x has '²', which is no whole number"),
    ],
)
def test_what_is_no_list_is_refused(read, text, words):
    with pytest.raises(InputError) as error:
        read(text, "--x", most=3)
    assert str(error.value).startswith(words)


def test_the_help_of_score_says_which_metrics_an_option_changes():
    printed = CliRunner().invoke(app, ["score", "--help"], terminal_width=300).output
    said = " ".join(re.sub(r"[│╭╮╰╯─]", " ", printed).split())
    options = {option for entry in catalogue() for option in entry.options}
    assert len(options) > 8
    for option in options:
        assert f"For {listed(metrics_taking(option))}." in said, option
