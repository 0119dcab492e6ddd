"""Ratings as votes: repeats, strictness, prompts."""

import numpy as np
import pandas as pd
import pytest

from calibration.aesthetic.evaluation import people
from calibration.aesthetic.rated import strictness_of
from calibration.aesthetic.votes import read_votes
from metrics.errors import InputError


def written(tmp_path, rows, header="item,evaluator,rating"):
    path = tmp_path / "ratings.csv"
    path.write_text(header + "\n" + "\n".join(rows) + "\n")
    return path


def test_repeats_by_one_person_count_once(tmp_path):
    rows = [*(["a,x,5"] * 9), "a,y,1", "b,x,3", "b,y,3"]
    votes = read_votes(written(tmp_path, rows))
    assert votes.counts[0].tolist() == [1, 0, 0, 0, 1] and votes.counts.sum() == 4
    assert votes.means[0] == pytest.approx(5.5)  # 9 ratings by x would make it 9.1
    assert "8 ratings are repeats" in votes.notes[0]
    votes = read_votes(written(tmp_path, ["a,x,4", "a,x,5"]))
    assert votes.counts[0].tolist() == [0, 0, 0, 0.5, 0.5]
    with pytest.raises(InputError, match="single votes"):
        people(votes)


def test_an_image_is_not_worse_for_having_met_the_strict(tmp_path):
    rng = np.random.default_rng(0)
    truth, strictness = rng.normal(3, 0.6, 200), np.array([-1.0, 0.0, 1.0])
    rows = []
    for number in range(200):
        for person in rng.choice(3, 2, replace=False):
            rating = np.clip(np.round(truth[number] + strictness[person] + 0.3 * rng.normal()), 1, 5)
            rows.append(f"i{number:03},p{person},{rating:.0f}")
    votes = read_votes(written(tmp_path, rows))
    table = pd.read_csv(tmp_path / "ratings.csv")
    plain = table.groupby("item")["rating"].mean()
    assert np.corrcoef(votes.means, truth)[0, 1] > np.corrcoef(plain, truth)[0, 1] + 0.08
    assert "strictness of 3 people" in votes.notes[0]


def test_strictness_is_told_by_common_images_alone(tmp_path):
    item, person = np.repeat(np.arange(50), 2), np.tile([0, 1], 50)
    assert np.diff(strictness_of(item, person, np.tile([2.0, 3.0], 50))) == pytest.approx(1, abs=0.1)
    assert strictness_of(np.arange(6), np.array([0, 0, 0, 1, 1, 1]), np.array([1.0, 1, 1, 5, 5, 5])).tolist() == [0, 0]
    votes = read_votes(written(tmp_path, ["a,x,1", "b,y,5"]))
    assert votes.means.tolist() == [1.0, 10.0] and "x, y rated no image that others rated" in votes.notes[1]


def test_prompts_of_ratings_are_groups(tmp_path):
    header = "item,evaluator,task,rating,prompt,model"
    rows = ["m/1.png,a,t,3,p 0,s", "m/1.png,b,t,4,p 0,s", "m/2.png,a,t,2,p 0,z", "m/3.png,a,t,2,,z"]
    path = written(tmp_path, rows, header)
    votes = read_votes(path)
    assert votes.group_name == "prompt" and votes.groups.tolist() == ["p 0", "p 0", "item m/3.png"]
    assert read_votes(path, group="model").groups.tolist() == ["s", "z", "z"]
    with pytest.raises(InputError, match="no column 'subject'; --group names one of item, evaluator"):
        read_votes(path, group="subject")
    with pytest.raises(InputError, match=r"line 3: m/1\.png has the prompt 'p 1', and 'p 0' before"):
        read_votes(written(tmp_path, [rows[0], rows[1].replace("p 0", "p 1")], header))
