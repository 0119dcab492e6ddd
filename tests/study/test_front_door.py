"""What `from study import ...` gives, and that it costs nothing until it is used."""

import subprocess
import sys

import pytest
from PIL import Image

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


def test_a_study_is_closed_behind_its_block_and_says_what_it_is(tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    for number in range(3):
        Image.new("RGB", (8, 8), (80 * number, 0, 0)).save(images / f"{number}.png")
    with study.create_study(tmp_path / "s", images, tasks=["aesthetic"], evaluators=["ann"]) as made:
        assert "3 images, asked: 'aesthetic'" in repr(made) and len(repr(made)) < 300
        assert not made.store.ratings_table().shape[0]
    with study.open_study(tmp_path / "s") as opened:
        assert [each.name for each in opened.store.evaluators()] == ["ann"]
    with pytest.raises(Exception, match="closed"):
        opened.store.evaluators()
