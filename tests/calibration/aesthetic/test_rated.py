"""Ratings as votes: repeats, strictness, prompts."""

import numpy as np
import pandas as pd
import pytest

from calibration.aesthetic.evaluation import people
from calibration.aesthetic.rated import ratings_mark, strictness_of, trained_on_these
from calibration.aesthetic.votes import read_votes
from calibration.pipeline import calibrate_tables
from calibration.settings import Settings
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


def test_an_anchor_of_a_later_round_does_not_move_an_image(tmp_path):
    rows = ["a,x,2,1", "a,x,5,2", "b,x,3,2", "a,y,2,1", "b,y,3,", "b,y,1,2", "b,y,5,1"]
    votes = read_votes(written(tmp_path, rows, "item,evaluator,rating,round"))
    assert votes.counts.tolist() == [[0, 2, 0, 0, 0], [0, 0, 1.5, 0, 0.5]]
    assert "2 ratings of images that the same person had rated in an earlier round left out" in votes.notes[0]
    assert "1 ratings are repeats" in votes.notes[1]
    kept = pd.DataFrame({"item": list("abab"), "evaluator": list("xxyy"), "rating": [2, 3, 2, 3]})
    assert set(ratings_mark(kept).split(".")) <= set(votes.ratings_mark.split("."))


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
    assert (
        votes.means.tolist() == [1.0, 10.0]
        and "x, y rated no image that others rated" in votes.notes[0]
        and len(votes.notes) == 1
    )


def test_ratings_are_read_as_a_report_reads_them(tmp_path):
    rows = ["a;x;4.0", "a;y;5", "b;x;", "b;y;2", "c;x;NA"]
    votes = read_votes(written(tmp_path, rows, "Item;Evaluator;Rating"))
    assert votes.images.tolist() == ["a", "b"] and votes.counts.sum(axis=1).tolist() == [2, 1]
    with pytest.raises(InputError, match=r"line 2: the rating '4\.5' is not a whole number"):
        read_votes(written(tmp_path, ["a,x,4.5"]))
    with pytest.raises(InputError, match="holds no ratings"):
        read_votes(written(tmp_path, ["a,x,"]))


def test_prompts_of_ratings_are_groups(tmp_path):
    header = "item,evaluator,task,rating,prompt,model"
    rows = ["m/1.png,a,t,3,p 0,s", "m/1.png,b,t,4,p 0,s", "m/2.png,a,t,2,p 0,z", "m/3.png,a,t,2,,z"]
    path = written(tmp_path, rows, header)
    votes = read_votes(path)
    assert votes.group_name == "prompt" and votes.groups.tolist() == ["p 0", "p 0", "item m/3.png"]
    assert read_votes(path, group="model").groups.tolist() == ["s", "z", "z"]
    with pytest.raises(InputError, match="no column 'subject'; group names one of item, evaluator"):
        read_votes(path, group="subject")
    with pytest.raises(InputError, match=r"line 3: m/1\.png has the prompt 'p 1', and 'p 0' before"):
        read_votes(written(tmp_path, [rows[0], rows[1].replace("p 0", "p 1")], header))


def table_of(count, seed=0):
    rng = np.random.default_rng(seed)
    rows = [(f"{number}.png", person, int(rng.integers(1, 6))) for number in range(count) for person in "ab"]
    return pd.DataFrame(rows, columns=["item", "evaluator", "rating"])


def test_ratings_are_known_again_with_a_line_more_or_less():
    mark = f"metric:aesthetic|head:ab|ratings:{ratings_mark(table_of(60))}|model:x"
    assert "trained on these very ratings" in trained_on_these([mark], table_of(60))[0]
    assert trained_on_these([mark], table_of(60).iloc[1:]) and trained_on_these([mark], table_of(60).sample(frac=1))
    assert trained_on_these(["metric:aesthetic|head:ab"], table_of(60)) == []
    others = [trained_on_these([mark], table_of(60).assign(evaluator="c")), trained_on_these([mark], table_of(0))]
    assert others == [[], []]


def test_a_report_says_that_a_metric_was_trained_on_its_ratings():
    table = table_of(60).assign(task="look")
    scores = pd.DataFrame({"item": [f"{number}.png" for number in range(60)], "metric": "aesthetic"})
    scores["score"] = np.random.default_rng(1).normal(size=60)
    made = {}
    for name, ratings in (("own", ""), ("other", "0.1.2.3.4.5.6.7")):
        mark = ratings or ratings_mark(table)
        given = scores.assign(signature=f"metric:aesthetic|head:ab|ratings:{mark}")
        report = calibrate_tables(table, given, settings=Settings(draws=0)).report
        made[name] = " ".join(report["tasks"]["look"]["metrics"]["aesthetic"]["notes"])
    assert "trained on these very ratings" in made["own"] and "very ratings" not in made["other"]


def test_the_items_table_of_an_export_tells_the_prompts(tmp_path):
    rows = ["m/1.png,a,t,3", "m/1.png,b,t,4", "m/2.png,a,t,2", "m/3.png,a,t,2"]
    path = written(tmp_path, rows, "item,evaluator,task,rating")
    assert read_votes(path).groups is None
    (tmp_path / "items.csv").write_text(
        "item,image,prompt,model,subject\nm/1.png,x,a cat,u,\nm/2.png,x,a cat,v,\nm/3.png,x,a dog,v,\nm/4.png,x,no,v,\n"
    )
    votes = read_votes(path)
    assert votes.group_name == "prompt" and votes.groups.tolist() == ["a cat", "a cat", "a dog"]
    assert any("items.csv tells what belongs to the items." in note for note in votes.notes)
    assert read_votes(path, group="model").groups.tolist() == ["u", "v", "v"]
    with pytest.raises(InputError, match="nothing in the column 'subject'"):
        read_votes(path, group="subject")
    with pytest.raises(InputError, match=r"no column 'scene'; group names one of item, .*prompt"):
        read_votes(path, group="scene")
    (tmp_path / "items.csv").rename(tmp_path / "other.csv")
    assert read_votes(path).groups is None
    assert read_votes(path, items=tmp_path / "other.csv").groups.tolist() == ["a cat", "a cat", "a dog"]
    (tmp_path / "others.csv").write_text("item,prompt\nz,a\n")
    with pytest.raises(InputError, match="names none of the rated items"):
        read_votes(path, items=tmp_path / "others.csv")
    (tmp_path / "others.csv").write_text("item,prompt\nm/1.png,a\nm/1.png,b\n")
    with pytest.raises(InputError, match=r"has the item 'm/1\.png' twice"):
        read_votes(path, items=tmp_path / "others.csv")


def test_items_that_the_table_lacks_are_counted_and_stand_alone(tmp_path):
    path = written(tmp_path, ["1.png,a,3", "2.png,a,2", "3.png,a,2"])
    (tmp_path / "items.csv").write_text("item,prompt\n1.png,a cat\n2.png,a cat\n")
    votes = read_votes(path)
    assert votes.groups.tolist() == ["a cat", "a cat", "item 3.png"] and "but for 1 of them" in votes.notes[0]


def test_an_empty_column_of_prompts_claims_nothing_of_new_prompts(tmp_path):
    path = written(tmp_path, ["1.png,a,3,", "2.png,a,2,", "3.png,a,2,"], "item,evaluator,rating,prompt")
    votes = read_votes(path)
    assert votes.groups is None and votes.group_name == ""


def test_a_folder_in_place_of_a_file_is_told_from_a_study(tmp_path):
    with pytest.raises(InputError, match="is a folder; name a file"):
        read_votes(tmp_path)
    (tmp_path / "study.yaml").write_text("x: 1")
    with pytest.raises(InputError, match="is a study; write its tables with humangrade export"):
        read_votes(tmp_path)
