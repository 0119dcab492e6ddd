"""Files of votes: AVA's, TANet's, KonIQ's, means only, ratings; and what is wrong with one."""

import numpy as np
import pandas as pd
import pytest

from calibration.aesthetic.scale import TEN, Scale, parse_scale
from calibration.aesthetic.votes import levels, read_votes
from metrics.errors import InputError

AVA = "1 953619 0 1 5 17 38 36 15 6 5 1 1 22 1396\n2 953958 10 7 15 26 26 21 10 8 1 2 15 21 1396\n"


def written(tmp_path, text, name="votes.txt"):
    (tmp_path / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return tmp_path / name


def test_ava(tmp_path):
    votes = read_votes(written(tmp_path, AVA))
    assert votes.images.tolist() == ["953619", "953958"] and votes.groups.tolist() == ["1396", "1396"]
    # by hand: (1 + ... ) / 124 and / 126
    assert votes.means[0] == pytest.approx((2 + 15 + 68 + 190 + 216 + 105 + 48 + 45 + 10) / 124)
    assert votes.counts[1].tolist() == [10, 7, 15, 26, 26, 21, 10, 8, 1, 2]
    np.testing.assert_allclose(votes.distributions.sum(axis=1), 1)


def test_the_real_excerpt(shared):
    votes = read_votes(shared / "data" / "ava_votes" / "AVA_excerpt.txt")
    assert len(votes) == 12_776 and len(set(votes.groups.tolist())) == 1381 and votes.left_out == ()
    assert votes.means.mean() == pytest.approx(5.378, abs=0.001) and votes.means.std() == pytest.approx(
        0.733, abs=0.001
    )


@pytest.mark.parametrize(
    ("text", "images", "means"),
    [
        (
            "image_id,score2,score3,score4,score5,score6,score7,score8,score9,score10,score11,tag1,tag2,tag3\n"
            "591979,0,0,0,0,0,0,0,0,0,4,15,28,738\n",
            ["591979"],
            [10.0],
        ),
        (
            "image_name,c1,c2,c3,c4,c5,c_total,MOS,SD\na.jpg,0,0,2,2,0,4,3.5,.5\nb.jpg,1,0,0,0,0,1,1,0\n",
            ["a", "b"],
            [6.625, 1.0],
        ),
        ("image_id,mean_vote,scale\n17,5.914,1-10\n", ["17"], [5.914]),
        ("\ufeffid,mean,scale\nx/y.png,4.5,1 to 5\n", ["x/y"], [8.875]),
        ("item,evaluator,task,rating\nm/1.png,a,t,5\nm/1.png,b,t,3\nm/2.png,a,t,1\n", ["m/1", "m/2"], [7.75, 1.0]),
    ],
)
def test_tables(tmp_path, text, images, means):
    votes = read_votes(written(tmp_path, text, "votes.csv"))
    assert votes.images.tolist() == images and votes.means == pytest.approx(means)


def test_counts_shares_and_few_votes_are_told_from_answers(tmp_path):
    names = ",".join(f"score{n}" for n in range(1, 6))
    many = read_votes(written(tmp_path, f"id,{names}\na,0,0,30,70,7\nb,10,50,20,5,0\n", "votes.csv"))
    shares = read_votes(written(tmp_path, f"id,{names}\na,0,0,.28,.654,.065\nb,.118,.588,.235,.059,0\n", "votes.csv"))
    assert shares.means == pytest.approx(many.means, abs=0.01)
    for rows in ("a,0,0,2,3,0\nb,1,1,1,1,1\n", "a,0,0,2,3,0\nb,1,1,1,1,3\n"):  # as many on each; or named counts
        text = f"id,{names}\n{rows}" if "1,3" not in rows else f"id,{names}\n{rows}".replace("score", "count")
        assert read_votes(written(tmp_path, text, "votes.csv")).means[0] == pytest.approx(1 + 2.6 * 9 / 4)


@pytest.mark.parametrize("mark", [";", "\t"])
def test_tables_as_spreadsheets_write_them(tmp_path, mark):
    text = "Image_ID,Mean,Scale,Prompt\n1.jpg,2.5,1-5,a cat, black\n2.jpg,4,1-5,a dog\n"
    lines = [line.split(",", 3) for line in text.splitlines()]
    votes = read_votes(written(tmp_path, "\n".join(mark.join(line) for line in lines) + "\n", "votes.csv"))
    assert votes.images.tolist() == ["1", "2"] and votes.means == pytest.approx([4.375, 7.75])
    assert votes.group_name == "prompt" and votes.groups.tolist() == ["a cat, black", "a dog"]
    assert read_votes(tmp_path / "votes.csv", group="Prompt").group_name == "prompt"


def test_parquet(tmp_path):
    pd.DataFrame({"image": ["a", "b"], "MOS": [1.5, 4.25]}).to_parquet(tmp_path / "votes.parquet")
    assert read_votes(tmp_path / "votes.parquet", scale=TEN).means.tolist() == [1.5, 4.25]


def test_tanets_groups_are_the_challenges(tmp_path):
    header = "image_id," + ",".join(f"score{n}" for n in range(2, 12)) + ",tag1,tag2,tag3\n"
    votes = read_votes(written(tmp_path, header + "1,1,0,0,0,0,0,0,0,0,0,1,2,738\n"))
    assert votes.groups.tolist() == ["738"]


def test_images_without_votes_and_those_named_again_are_left_out_and_listed(tmp_path):
    text = AVA + "3 7 0 0 0 0 0 0 0 0 0 0 0 0 5\n4 953619 1 1 1 1 1 1 1 1 1 1 0 0 5\n"
    votes = read_votes(written(tmp_path, text))
    assert votes.images.tolist() == ["953619", "953958"] and votes.means[0] < 5.7
    assert votes.left_out == ("7: no votes", "953619: named again")


def test_one_task_of_ratings_is_chosen(tmp_path):
    path = written(tmp_path, "item,evaluator,task,rating\na,x,one,5\na,x,two,1\n", "r.csv")
    assert read_votes(path, "two").means.tolist() == [1.0]
    with pytest.raises(InputError, match=r"several tasks \(one, two\)"):
        read_votes(path)
    with pytest.raises(InputError, match="no ratings of the task 'three'"):
        read_votes(path, "three")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        (AVA + "3 1 2 3\n", "line 3: '3 1 2 3' is not AVA.txt's 15 whole numbers"),
        (AVA + AVA.replace("17", "x", 1), "line 3"),
        (b"\xff\xfe\x00", "is not UTF-8 text"),
        ("name,colour\na,red\n", "has the columns name, colour"),
        ("colour,mean\nred,3\n", "no column that names the images"),
        ("id,mean\na,eleven\n", "line 2: 'eleven' in the column mean"),
        ("id,mean,scale\na,11,1-10\n", "the mean vote of a is 11, which is not on the scale 1-10"),
        ("id,mean,scale\na,3,1-5\nb,3,1-10\n", r"several scales \(1-10, 1-5\)"),
        ("id,mean,scale\na,3,five\n", "the column scale is 'five'"),
        (AVA + "3 7 1 1 1 -1 1 1 1 1 1 1 0 0 5\n", "line 3: .*a count of votes is 0 or more"),
        ("1 7 1 1 1 -1 1 1 1 1 1 1 0 0 5\n", "line 1: .*a count of votes is 0 or more"),
        ("id,style1,style2,style3,style4,style5\na,0,1,1,1,1\n", "nothing says that style1 to style5 are counts"),
        ("id,c1,c2,c3,c4,c5,MOS\na,0,0,1,0,0,3\nb,0,0,1,0,0,4.2\n", "line 3: by the counts c1 to c5 .* b is 3, .*4.2"),
        ("id,c1,c2,c3,c4,c5\na,1,1,-1,1,1\n", "line 2: '-1' in the column c3"),
        ("item,evaluator,rating\na,x,6\n", "line 2: the rating '6'"),
        ("id,c1,c2,c3,c4,c5\na,0,0,0,0,0\n", "holds no votes"),
        (
            "id,rating1,rating2,rating3,rating4,rating5\na,1,2,2,3,1\nb,5,4,4,5,5\n",
            "or 5 people's answers: none is above",
        ),
        ("id,score1,score2,score3,score4,score5\na,4.7,5,5,5,5\nb,1,1,1,1,2\n", "line 2: 4.7 is no count of votes"),
    ],
)
def test_other_files_are_refused(tmp_path, text, reason):
    with pytest.raises(InputError, match=reason):
        read_votes(written(tmp_path, text))


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_votes(tmp_path / "nothing")


def test_ten_levels_are_avas():
    assert levels(10).tolist() == list(range(1, 11))


def test_a_mean_is_not_read_on_a_guessed_scale(tmp_path):
    path = written(tmp_path, "image,MOS\n100000.jpg,2.9391171993911724\n100001.jpg,2.758169934640523\n", "mos.csv")
    with pytest.raises(InputError, match="does not tell on which scale; say it with scale, for instance 1-5"):
        read_votes(path)
    votes = read_votes(path, scale=Scale(1, 5))
    assert votes.means == pytest.approx([1 + 1.9391171993911724 * 9 / 4, 1 + 1.758169934640523 * 9 / 4])
    assert read_votes(path, scale=TEN).means[1] == pytest.approx(2.758169934640523)
    with pytest.raises(InputError, match=r"2.93912, which is not on the scale 1-2"):
        read_votes(path, scale=Scale(1, 2))


def test_attributes_beside_a_mean_are_no_votes(tmp_path):
    text = "image,style1,style2,style3,style4,style5,mean\n1.jpg,0,1,1,1,1,5.36\n2.jpg,1,0,0,1,1,4.96\n"
    path = written(tmp_path, text, "attributes.csv")
    votes = read_votes(path, scale=TEN)
    assert votes.counts is None and votes.means.tolist() == [5.36, 4.96]
    with pytest.raises(InputError, match="on which scale"):
        read_votes(path)
    votes = read_votes(written(tmp_path, "image,q1,q2,q3,q4,q5,mean\n1,0,1,1,0,0,2.5\n", "own.csv"))
    assert votes.counts is not None and votes.scale == Scale(1, 5)


def test_a_scale_that_the_file_contradicts_is_refused(tmp_path):
    with pytest.raises(InputError, match="has votes on 1-10, and scale says 1-5"):
        read_votes(written(tmp_path, AVA), scale=Scale(1, 5))


@pytest.mark.parametrize("text", ["5", "5-1", "a-b", "", "1-1e9"])
def test_what_is_no_scale_is_refused(text):
    with pytest.raises(InputError, match=r"^scale is '"):
        parse_scale(text)


def test_scales_as_people_write_them():
    for text in ("1-5", "1 to 5", "1..5", "1:5", "1,5"):
        assert parse_scale(text) == Scale(1, 5)
    assert parse_scale("-1-1") == Scale(-1, 1) and Scale(-1, 1).to_ten([0.0]) == pytest.approx([5.5])
