"""What `from study import ...` gives, and that it costs nothing until it is used."""

import subprocess
import sys

import numpy as np
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
    from metrics import InputError, MetricOptions
    from metrics.catalogue import make_metrics

    with pytest.raises(InputError) as caught:
        study.create_study(tmp_path / "s", tmp_path, tasks=[])
    assert str(caught.value).startswith("tasks is empty")
    assert caught.value.for_command_line().startswith("--tasks is empty")
    with pytest.raises(InputError, match=r"make one with study\.create_study\.$") as caught:
        study.open_study(tmp_path)
    assert caught.value.for_command_line().endswith("make one with humangrade init.")
    with pytest.raises(InputError, match=r"did you mean sharpness\? metrics\.list_metrics\(\) lists them") as caught:
        make_metrics(["sharpnes"], MetricOptions())
    assert "humangrade metrics lists them" in caught.value.for_command_line()


@pytest.fixture
def three_images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (8, 8), (80 * number, 0, 0)).save(folder / f"{number}.png")
    return folder


def test_one_name_stands_for_itself_everywhere(tmp_path, three_images):
    with study.create_study(tmp_path / "s", three_images, tasks="fun", evaluators="cleo") as made:
        assert list(made.config.tasks) == ["fun"]
        assert [each.name for each in made.store.evaluators()] == ["cleo"]
        study.score_study(made, study.ScoreSettings(metrics="sharpness"))
        study.score_study(made, "contrast")
        study.score_study(made, ["exposure"])
        assert set(made.scores()["metric"]) == {"sharpness", "contrast", "exposure"}
        Image.new("RGB", (8, 8), "blue").save(three_images / "new.png")
        study.add_images(made, three_images, evaluators="dora")
        assert [each.name for each in made.store.evaluators()] == ["cleo", "dora"]
    from study.evaluation.run import EvaluationSettings

    assert EvaluationSettings(metrics="fid").metrics == ("fid",)


def test_the_levels_of_a_scale_may_be_given_as_a_scale_or_as_numbers(tmp_path, three_images):
    from calibration import Scale

    for number, scale in enumerate(("0-4", Scale.parse("0-4"), [0, 1, 2, 3, 4], np.arange(5))):
        with create_study(tmp_path / f"s{number}", three_images, evaluators=np.int64(2), scale=scale) as made:
            assert made.config.scale.numbers == (0, 1, 2, 3, 4) and len(made.store.evaluators()) == 2


def named(call, match):
    """That a call is refused in one sentence."""
    from metrics import InputError

    with pytest.raises(InputError, match=match):
        call()


def create_study(place, images, **given):
    return study.create_study(place, images, **{"tasks": ["fun"], "evaluators": ["ann"]} | given)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"evaluators": ["ann", 3]}, "^evaluators has 3, which is no name"),
        ({"evaluators": 2.5}, r"^evaluators has 2\.5, which is no name"),
        ({"tasks": ["fun", None]}, "^tasks has None, which is no name"),
        ({"scale": 5}, "^scale is 5; give the levels' numbers"),
        ({"scale": ["low", "high"]}, "^scale is .*; give the levels' numbers"),
        ({"scale": [0, 1]}, "3 to 11 levels"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(tmp_path, three_images, given, match):
    named(lambda: create_study(tmp_path / "s", three_images, **given), match)
    assert not (tmp_path / "s").exists()


def test_settings_of_another_kind_are_refused_in_a_sentence(tmp_path, three_images):
    named(lambda: study.ScoreSettings(run={"device": "cpu"}), r"^run is of the kind dict; make one with RunSettings")
    named(lambda: study.ScoreSettings(options={}), r"^options is of the kind dict; make one with MetricOptions")
    with create_study(tmp_path / "s", three_images) as made:
        named(lambda: study.score_study(made, {"run": 3, 4: 5}), "^metrics has 4, which is no name")


@pytest.fixture
def rated(tmp_path, three_images):
    import pandas as pd

    with create_study(tmp_path / "rated", three_images, evaluators=["ann", "bob"], scale="0-4") as made:
        extras = (("ann", 0), ("bob", 1))
        rows = [(f"{number}.png", who, number + extra) for number in range(3) for who, extra in extras]
        ratings = pd.DataFrame(rows, columns=["item", "evaluator", "rating"]).assign(task="fun")
        assert study.import_tables(made, ratings) == (6, 0)  # into a study from a table, from the front door
        yield made


def test_a_study_is_calibrated_with_the_same_words_as_tables(rated):
    from calibration import Reading, Settings

    study.score_study(rated, "exposure")
    found = study.calibrate_study(rated, draws=0, k=2, lower_is_better="exposure", task="fun", scale="0-4")
    assert found.report["settings"]["k"] == 2 and found.report["settings"]["lower_is_better"] == ["exposure"]
    assert found.report["settings"]["draws"] == 0 and found.report["settings"]["task"] == "fun"
    assert study.calibrate_study(rated, Settings(draws=0), reading=Reading()).report["tasks"]["fun"]["n_ratings"] == 6
    named(lambda: study.calibrate_study(rated, {"draws": 0}), r"^settings is of the kind dict; make one with Settings")
    named(lambda: study.calibrate_study(rated, reading="fun"), r"^reading is of the kind str; make one with Reading")
    named(lambda: study.calibrate_study(rated, Settings(), draws=0), "^settings and draws were both given")


def test_another_scale_than_the_studys_is_refused(rated):
    from calibration import Scale, Settings

    for given in (Scale.parse("0-10"), Scale.parse("1-5")):
        named(lambda given=given: study.calibrate_study(rated, Settings(scale=given)), "rated on 0 to 4, on which")
        named(lambda given=given: study.calibrate_study(rated, draws=0, scale=given), "^scale is .* leave scale out")


def test_a_closed_study_says_that_it_is_closed(rated):
    rated.close()
    for ask in (rated.ratings, rated.progress, rated.scores, rated.asked, rated.store.version, rated.sync_assignments):
        named(ask, r"is closed; open the study again with open_study\(FOLDER\)")
    rated.close()
