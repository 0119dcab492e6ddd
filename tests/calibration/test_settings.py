import inspect

import numpy as np
import pytest

from calibration import api
from calibration.pipeline import calibrate_files, calibrate_tables
from calibration.report.build import calibrate
from calibration.settings import Reading, Settings
from metrics.errors import InputError
from study.cli.report import report
from tests.calibration.simulated_studies import study


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"draws": -5}, "draws is -5; it is a whole number"),
        ({"draws": 1.5}, "draws is 1.5; it is a whole number"),
        ({"draws": True}, "draws is True"),
        ({"draws": 10**9}, "at most 100,000"),
        ({"seed": 0.5}, "seed is 0.5"),
        ({"seed": None}, "seed is None"),
        ({"k": 0}, "k is 0, but the exponent"),
        ({"k": "1"}, "k is '1', but the exponent"),
        ({"k": float("nan")}, "k is nan"),
        ({"lower_is_better": "niqe"}, "it is a tuple of the metrics' names"),
        ({"higher_is_better": [1]}, "it is a tuple of the metrics' names"),
        ({"seed": np.bool_(True)}, "seed is "),
        ({"scale": "1-5"}, "make one with calibration.scale.Scale"),
    ],
)
def test_settings_are_checked_where_they_are_made(given, said):
    with pytest.raises(InputError, match=said):
        Settings(**given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"min_ratings": -1}, "min_ratings is -1"),
        ({"min_ratings": 2.0}, "min_ratings is 2.0"),
        ({"duplicates": "median"}, "duplicates is 'median'; it is error, first, last or mean"),
        ({"map": ""}, "map is ''"),
        ({"task": 3}, "task is 3"),
    ],
)
def test_how_to_read_is_checked_where_it_is_made(given, said):
    with pytest.raises(InputError, match=said):
        Reading(**given)


def test_a_list_of_names_is_taken():
    assert Settings(lower_is_better=["niqe"]).lower_is_better == ("niqe",)


def test_the_report_says_what_was_applied_and_nothing_else():
    made = study("flat", 1)
    settings = Settings(draws=0)
    unread = calibrate(made.ratings.assign(task="look", rating=made.ratings["rating"].astype(float)), settings=settings)
    assert {unread.report["settings"][name] for name in ("duplicates", "min_ratings", "map", "task")} == {None}
    read = calibrate_tables(made.ratings, settings=settings, reading=Reading(min_ratings=3))
    assert read.report["settings"]["min_ratings"] == 3


def test_a_map_is_applied_to_tables_as_to_files(tmp_path):
    made = study("flat", 1)
    foreign = made.ratings.rename(columns={"item": "image", "evaluator": "worker"})
    settings, reading = Settings(draws=0), Reading(map="item=image,evaluator=worker")
    foreign.to_csv(tmp_path / "ratings.csv", index=False)
    by_tables = calibrate_tables(foreign, settings=settings, reading=reading).report
    by_files = calibrate_files(tmp_path / "ratings.csv", settings=settings, reading=reading).report
    assert by_tables["tasks"] == by_files["tasks"]
    assert by_tables["settings"] == by_files["settings"] and by_tables["settings"]["map"] == reading.map
    with pytest.raises(InputError, match="map says item=picture, but no table has the column 'picture'"):
        calibrate_tables(foreign, reading=Reading(map="item=picture,evaluator=worker"))


def test_an_option_on_the_command_line_is_a_parameter_in_a_program():
    with pytest.raises(InputError) as caught:
        Reading(min_ratings=-1)
    assert str(caught.value).startswith("min_ratings is -1")
    assert caught.value.for_command_line().startswith("--min-ratings is -1")


def test_numbers_of_numpy_are_numbers():
    found = Settings(k=np.float32(1.5), seed=np.int64(3), draws=np.int32(200))
    assert found == Settings(k=1.5, seed=3, draws=200)
    assert [type(each) for each in (found.k, found.seed, found.draws)] == [float, int, int]
    assert type(Reading(min_ratings=np.int64(2)).min_ratings) is int


def test_every_way_in_draws_as_often_unless_told_otherwise():
    ways = (api.calibrate, report)
    assert [inspect.signature(way).parameters["draws"].default for way in ways] == [Settings().draws] * len(ways)
