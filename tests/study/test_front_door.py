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


def test_a_study_gives_its_links_progress_and_tables(tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    for number in range(3):
        Image.new("RGB", (8, 8), (80 * number, 0, 0)).save(images / f"{number}.png")
    with study.create_study(tmp_path / "s", images, tasks=["aesthetic"], evaluators=["ann", "bob"]) as made:
        ann = made.store.evaluators()[0]
        links = made.links("http://here:1/").set_index("name")["link"]
        assert links.index.tolist() == ["owner", "ann", "bob"]
        assert links["ann"] == f"http://here:1/rate/?key={ann.token}"
        assert links["owner"] == f"http://here:1/owner/?key={made.store.owner_token}"
        made.store.rate(ann.id, made.store.assignments(ann.id)[0].public_id, 4, "one")
        assert made.progress().values.tolist() == [["ann", "aesthetic", 1, 3], ["bob", "aesthetic", 0, 3]]
        assert made.ratings()["rating"].tolist() == [4]
        result = study.score_study(made, study.ScoreSettings(metrics=("contrast",)))
        assert made.scores()["metric"].tolist() == ["contrast"] * 3 and made.set_scores().shape[1] == 8
        assert repr(result).startswith("Scored by contrast: 3 images") and "contrast: 3 images" in result._repr_html_()


def test_an_option_of_a_metric_that_is_not_computed_is_refused(tmp_path):
    from metrics import InputError, MetricOptions

    images = tmp_path / "images"
    images.mkdir()
    Image.new("RGB", (8, 8)).save(images / "a.png")
    with study.create_study(tmp_path / "s", images, tasks=["aesthetic"], evaluators=["ann"]) as made:
        settings = study.ScoreSettings(metrics=("contrast",), options=MetricOptions(lpips_net="vgg"))
        with pytest.raises(InputError, match="lpips_net is for lpips and diversity, which are not computed") as caught:
            study.score_study(made, settings)
        assert caught.value.for_command_line().startswith("--lpips-net is for")


def test_a_mistake_is_said_in_pythons_words_and_on_the_command_line_in_its_own(tmp_path):
    from metrics import InputError

    with pytest.raises(InputError) as caught:
        study.create_study(tmp_path / "s", tmp_path, tasks=[])
    assert str(caught.value).startswith("tasks is empty")
    assert caught.value.for_command_line().startswith("--tasks is empty")
