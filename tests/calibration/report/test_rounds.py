"""What the report says of rounds: the sentences against the figures, and what counts in everything else."""

import re

import numpy as np
import pandas as pd
import pytest

from calibration.page.html import render_html
from calibration.pipeline import calibrate_tables
from calibration.settings import Reading, Settings
from metrics.errors import InputError

PEOPLE = [f"e{number}" for number in range(4)]
OLD, NEW = [f"old-{number:02d}" for number in range(30)], [f"new-{number:02d}" for number in range(20)]


def ratings(shift=0, anchors=12, people=4, seed=0, noise=0.4) -> pd.DataFrame:
    """Whole ratings in two rounds; the first images are the anchors."""
    rng = np.random.default_rng(seed)
    worth = dict(zip([*OLD, *NEW], rng.uniform(2.5, 4.5, 50), strict=True))
    rows = []
    for number, items in ((1, OLD), (2, [*NEW, *OLD[:anchors]])):
        for item in items:
            for name in PEOPLE[: people if number == 2 else None]:
                heard = worth[item] + (shift if number == 2 else 0) + noise * rng.normal()
                rows.append((item, name, int(np.clip(round(heard), 1, 5)), number))
    return pd.DataFrame(rows, columns=["item", "evaluator", "rating", "round"])


def later(table, draws=200, **options):
    report = calibrate_tables(table, settings=Settings(draws=draws), **options).report
    task = report["tasks"]["rating"]
    (found,) = task["rounds"]["later"]
    assert found["sentence"] in task["notes"]
    return found


def numbers(sentence: str) -> list[float]:
    return [float(number) for number in re.findall(r"[-+]?\d+\.\d+", sentence)]


@pytest.mark.parametrize(("shift", "word"), [(-1, "lower"), (1, "higher")])
def test_a_shift_is_said_with_its_interval(shift, word):
    table = ratings(shift)
    found = later(table)
    both = table[table["item"].isin(OLD[:12])].pivot(index=["item", "evaluator"], columns="round", values="rating")
    assert found["points"] == pytest.approx((both[2] - both[1]).mean()) == pytest.approx(4 * found["shift"]["effect"])
    assert found["points_interval"] == pytest.approx([4 * end for end in found["shift"]["people_like_these"]])
    assert found["answer"] == word and found["people"] == "people_like_these"
    low, high = sorted(abs(end) for end in found["points_interval"])
    assert found["sentence"] == (
        f"Round 2 was rated {abs(found['points']):.2f} {word} (95 % interval {low:.2f} to {high:.2f}) than round 1 on "
        "12 images asked in both: checkpoints of different rounds differ by that much without being different. Nothing "
        "is corrected for it."
    )
    assert np.prod(found["points_interval"]) > 0


def test_where_no_difference_is_seen_it_is_said_how_large_it_may_be():
    found = later(ratings(0))
    low, high = found["points_interval"]
    assert found["answer"] == "not seen" and low < 0 < high
    assert numbers(found["sentence"]) == pytest.approx([abs(found["points"]), low, high, max(-low, high)], abs=0.0051)
    assert found["sentence"].startswith("No difference between round 2 and round 1 is seen on 12 images asked in both")


def test_few_anchors_tell_nothing():
    found = later(ratings(-1, anchors=4))
    assert found["answer"] == "cannot be told" and found["shift"]["n_images"] == 4
    assert found["sentence"] == (
        "Whether round 2 was rated like round 1 cannot be told: 4 images were asked in both, and it takes 5; "
        "checkpoints of different rounds may differ by the rounds alone."
    )
    assert later(ratings(-1, anchors=5))["answer"] == "lower"
    assert "0 images were asked in both" in later(ratings(-1, anchors=0))["sentence"]


def test_one_person_tells_nothing():
    found = later(ratings(-1, people=1))
    assert found["answer"] == "cannot be told" and found["shift"]["n_evaluators"] == 1
    assert "only one person has answered what was asked in both, and it takes 2" in found["sentence"]


def test_two_people_tell_of_themselves():
    table = ratings(-1)
    found = later(table[table["evaluator"].isin(PEOPLE[:2])])
    assert found["people"] == "these" and "(95 % interval for these people " in found["sentence"]
    assert found["points_interval"] == pytest.approx([4 * end for end in found["shift"]["these"]])


def test_without_draws_there_is_no_interval_and_no_answer():
    found = later(ratings(-1), draws=0)
    assert found["answer"] == "cannot be told" and found["points_interval"] == [None, None]
    assert found["sentence"].endswith("no interval was drawn, so whether that is chance cannot be told.")


def test_first_answers_are_what_is_graded():
    table = ratings(-1)
    first = table.drop_duplicates(["item", "evaluator"])
    with_rounds = calibrate_tables(table, settings=Settings(draws=20)).report
    without = calibrate_tables(first.drop(columns="round"), settings=Settings(draws=20)).report
    assert with_rounds["notes"][0] == (
        "Ratings: 48 ratings of images that the same person had rated in an earlier round left out of all grades; the "
        "first rating counts, and the others tell what a round changes."
    )
    one, other = with_rounds["tasks"]["rating"], without["tasks"]["rating"]
    assert other["rounds"] is None
    own = one["reliability_of_people"].pop("own_consistency")
    assert {name: each["n"] for name, each in own.items()} == dict.fromkeys(PEOPLE, 12)
    assert other["reliability_of_people"].pop("own_consistency") is None
    for key in other:
        if key not in ("rounds", "notes"):
            assert one[key] == other[key], key
    assert [note for note in one["notes"] if not note.startswith("Round 2")] == other["notes"]


def test_the_shift_is_on_the_page_in_the_scales_numbers():
    calibration = calibrate_tables(ratings(-1), settings=Settings(draws=200))
    found = calibration.report["tasks"]["rating"]["rounds"]["later"][0]
    page = render_html(calibration)
    section = page[page.index("<h4>Rounds</h4>") :]
    assert found["sentence"] in section
    low, high = (f"{end:.2f}".replace("-", "−") for end in found["points_interval"])
    assert f"{low} to {high}" in section and f"{found['points']:.2f}".replace("-", "−") in section
    plain = calibrate_tables(ratings().query("round == 1"), settings=Settings(draws=0))
    assert "<h4>Rounds</h4>" not in render_html(plain)


def test_the_raters_report_has_it_without_names():
    found = later(ratings(-1), for_raters=True)
    assert found["answer"] == "lower" and not any(name in str(found) for name in PEOPLE)


def test_a_table_that_says_nothing_of_rounds_is_read_as_before():
    table = ratings(-1).drop(columns="round")
    with pytest.raises(InputError, match="has 48 ratings given more than once"):
        calibrate_tables(table)
    report = calibrate_tables(table, settings=Settings(draws=0), reading=Reading(duplicates="first")).report
    assert report["tasks"]["rating"]["rounds"] is None
