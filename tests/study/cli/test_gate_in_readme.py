"""README's example for GitHub Actions is YAML, and its commands are ours."""

import re
import shlex

import pytest
import typer
import yaml

from metrics.catalogue import catalogue
from study.cli import app
from tests.study.command import ROOT


@pytest.fixture(scope="module")
def job():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    examples = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.S)]
    return next(one for one in examples if "jobs" in one)["jobs"]["gate"]


def test_its_commands_take_the_options_that_it_gives(job):
    commands = typer.main.get_command(app).commands
    lines = [shlex.split(step["run"]) for step in job["steps"] if "run" in step]
    assert [line[:2] for line in lines] == [["humangrade", name] for name in ("generate", "score", "gate")]
    for _, name, *words in lines:
        context = commands[name].make_context(name, list(words))
        assert str(context.params.get("study", context.params.get("folder", "study"))) == "study"
        if name == "gate":
            assert (context.params["candidate"], context.params["against"]) == ("$CHECKPOINT", "previous")
            assert context.params["out"] == "gate"
            assert context.params["primary"] in {entry.name for entry in catalogue()}


def test_what_a_user_types_reaches_the_shell_as_a_variable_only(job):
    assert job["env"] == {"CHECKPOINT": "${{ inputs.checkpoint }}"}
    assert not any("${{" in step.get("run", "") for step in job["steps"])


def test_the_page_is_kept_where_the_gate_fails(job):
    kept = next(step for step in job["steps"] if "upload-artifact" in step.get("uses", ""))
    assert kept["if"] == "always()" and kept["with"]["path"] == "gate"
