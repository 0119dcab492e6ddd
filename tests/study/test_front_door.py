"""What `from study import ...` gives, and that it costs nothing until it is used."""

import subprocess
import sys

import pytest

import study
from tests.study.command import ROOT


@pytest.mark.parametrize("name", study.__all__)
def test_each_name_is_what_its_module_has(name):
    found = getattr(study, name)
    assert found.__name__ == name and found.__module__.startswith("study.")
    assert name in dir(study)


def test_what_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'study' has no attribute 'nothing'"):
        study.nothing  # noqa: B018


@pytest.mark.process
def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, study; print({'torch', 'pandas', 'sqlalchemy', 'gradio', 'rich'} & set(sys.modules)); "
        "from study import open_study; print({'torch', 'gradio'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\nset()\n"
