"""The whole run: every figure against the metrics' own functions, differences against pairs, JSON and tables."""

import io
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from metrics import inception_features, score_images, score_sets
from metrics.engine.types import Scored, SetScore
from metrics.entry import MetricOptions
from metrics.sets.fid_by_chance import fid_by_chance
from metrics.sets.kid import kernel_distance
from study.evaluation.figures import Figure
from study.evaluation.run import EVALUATED, EvaluationSettings, _add_figures, _add_prompt_intervals, evaluate
from study.evaluation.summary import SHOWN, as_dict, files_of
from study.evaluation.types import Evaluation
from study.evaluation.words import cautions, on_copies
from study.folder.score_items import folder_collection
from tests.metrics.pictures import noise
from tests.study.evaluation.conftest import OPTIONS
from tests.study.evaluation.made import image_set

pytestmark = pytest.mark.usefixtures("same_home")


@pytest.fixture
def tables(evaluated):
    """What `metrics.score_images` and `score_sets` give for the same files."""
    place, _, found = evaluated
    paths = {one.item: one.path for one in found.pictures}
    common = {"references": place / "photos", "options": OPTIONS, "cache": place / "cache"}
    prompts = {one.item: one.prompt for one in found.pictures}
    images = score_images(paths, ["lpips", "clip_i", "clip_score"], prompts=prompts, **common)
    groups = {one.item: one.set for one in found.pictures}
    names = ["diversity", "diversity_clip", "fid", "kid"]
    return images, score_sets(paths, names, groups=groups, prompts=prompts, **common)


def collection(place):
    return folder_collection(place / "images", place / "photos")


def test_what_can_be_computed_is_and_the_rest_says_how_to_get_its_weights(evaluated):
    found = evaluated[2]
    names = [one.name for one in found.metrics]
    assert names == ["clip_i", "lpips", "lpips_min", "clip_score", "diversity", "diversity_clip", "fid", "kid"]
    assert found.left_out.keys() == {"similarity", "aesthetic"} and set(EVALUATED) >= found.left_out.keys()
    assert "get them with humangrade weights fetch facenet-vggface2" in found.left_out["similarity"]
    assert found.references == 5 and [one.name for one in found.sets] == ["base/0", "anna/300", "anna/600"]


def test_every_figure_of_images_is_the_mean_of_the_metrics_scores(evaluated, tables):
    found, images = evaluated[2], tables[0]
    sets = {one.item: one.set for one in found.pictures}
    means = images.assign(set=images["item"].map(sets)).groupby(["metric", "set"])["score"].mean()
    assert len(means) == 4 * 3
    for (metric, name), mean in means.items():
        figure = found.figure(name, metric)
        assert figure.value == pytest.approx(mean, rel=1e-9) and figure.n == 12 and figure.over == "prompts"
        assert figure.low < figure.value < figure.high


def test_every_figure_of_sets_is_the_metrics_own(evaluated, tables):
    found, sets = evaluated[2], tables[1]
    whole = sets[(sets["set"].isin([one.name for one in found.sets])) & (sets["note"] != "one prompt")]
    assert len(whole) == 4 * 3
    for row in whole.itertuples():
        figure = found.figure(row.set, row.metric)
        assert (figure.value, figure.n) == (pytest.approx(row.score, rel=1e-9), row.n)
        if row.metric in ("fid", "kid"):
            assert (figure.low, figure.high, figure.over) == (pytest.approx(row.low), pytest.approx(row.high), "images")
        else:
            assert figure.low < figure.value < figure.high and figure.over == "prompts"


def test_kid_and_fid_beside_the_halves_are_computed_from_the_same_features(evaluated):
    place, settings, found = evaluated
    photos = inception_features(sorted((place / "photos").iterdir()), device="cpu")
    mine = inception_features([one.path for one in found.pictures if one.set == "anna/600"], device="cpu")
    assert found.figure("anna/600", "kid").value == pytest.approx(
        kernel_distance(mine, photos, seed=2020).mean, rel=1e-4
    )
    expected, chance = fid_by_chance(mine, photos, seed=settings.seed), found.chance["anna/600"]
    assert (chance.k, chance.splits) == (2, expected.splits) and chance.halves > 0
    assert chance.fid == pytest.approx(expected.fid, rel=0.3)  # photos come in another order here


def test_differences_are_of_pairs(evaluated):
    found = evaluated[2]
    scores = found.scores["lpips"]
    gaps = [
        scores[f"anna/600/p{prompt:03d}_s{seed}.png"] - scores[f"base/0/p{prompt:03d}_s{seed}.png"]
        for prompt in range(6)
        for seed in (1, 2)
    ]
    gap = found.difference("anna/600", "base/0", "lpips")
    assert gap.value == pytest.approx(np.mean(gaps)) and gap.pairs == 12 and gap.low < gap.value < gap.high
    best = found.leading(next(one for one in found.metrics if one.name == "lpips"), "")
    (other,) = {"anna/300", "anna/600"} - {best.set}
    assert best.value < found.figure(other, "lpips").value
    assert found.difference(best.set, other, "lpips").value == pytest.approx(
        best.value - found.figure(other, "lpips").value
    )
    prompts = found.difference("anna/300", "base/0", "diversity")
    assert prompts.pairs == 6 and prompts.value == pytest.approx(
        found.figure("anna/300", "diversity").value - found.figure("base/0", "diversity").value
    )
    assert found.difference("anna/300", "base/0", "fid") is None
    assert any("FID and KID of two sets" in note and "(12 images of 6 prompts each)" in note for note in found.notes)


def test_figures_of_likeness_stand_beside_those_without_copies(evaluated):
    """One of the twelve images of anna/600 is a copy."""
    place, _, found = evaluated
    assert found.without_copies.keys() == {
        ("anna/600", name) for name in ("clip_i", "lpips", "lpips_min", "fid", "kid")
    }
    for name in ("clip_i", "lpips", "lpips_min"):
        scores = [
            score
            for item, score in found.scores[name].items()
            if item.startswith("anna/600") and item != "anna/600/p000_s1.png"
        ]
        count, figure = found.without_copies["anna/600", name]
        assert (count, figure.n) == (1, 11) and figure.value == pytest.approx(np.mean(scores))
    images = sorted(path for path in (place / "images" / "anna" / "600").iterdir() if path.stem != "p000_s1")
    alone = score_sets(images, ["fid"], references=place / "photos", cache=place / "cache")
    assert found.without_copies["anna/600", "fid"][1].value == pytest.approx(alone["score"].iloc[0])
    assert any(said.startswith("Copies count in the figures: CLIP-I of anna/600") for said in on_copies(found))
    row = next(
        row for row in as_dict(found, evaluated[1])["figures"] if (row["set"], row["metric"]) == ("anna/600", "lpips")
    )
    assert row["copies"] == 1 and row["value_without_copies"] == found.without_copies["anna/600", "lpips"][1].value


def test_the_made_copy_is_named_and_nothing_else(evaluated):
    found = evaluated[2]
    assert [one.item for one in found.nearness.nearest if one.is_copy] == ["anna/600/p000_s1.png"]
    assert len(found.nearness.nearest) == 36 and found.nearness_by == "LPIPS"


def test_json_and_tables_hold_the_same_figures(evaluated):
    _, settings, found = evaluated
    files = files_of(found, settings, "<page>")
    told = json.loads(files["evaluation.json"])
    assert told == json.loads(json.dumps(as_dict(found, settings))) and told["schema"] == "humangrade.evaluation/1"
    figures = pd.read_csv(io.StringIO(files["figures.csv"]), keep_default_na=False)
    assert figures["value"].tolist() == pytest.approx([one.value for one in found.figures])
    assert [(row["set"], row["metric"], row["value"]) for row in told["figures"]] == [
        (one.set, one.metric, pytest.approx(one.value)) for one in found.figures
    ]
    differences = pd.read_csv(io.StringIO(files["differences.csv"]))
    assert differences["low"].tolist() == pytest.approx([one.low for one in found.differences], nan_ok=True)
    images = pd.read_csv(io.StringIO(files["images.csv"]), keep_default_na=False).set_index("item")
    assert images["lpips"].to_dict() == pytest.approx(found.scores["lpips"])
    assert images.loc["anna/600/p000_s1.png", "found"] == "copy" and (images["found"] == "copy").sum() == 1
    ordered = sorted(
        (one for one in found.scores["lpips"] if not one.startswith("base")), key=found.scores["lpips"].get
    )
    assert told["pictures"]["lpips"] == {"best": ordered[:SHOWN], "worst": ordered[::-1][:SHOWN]}
    assert files["evaluation.html"] == "<page>"


def test_again_nothing_is_computed_and_the_result_is_the_same(evaluated):
    place, settings, found = evaluated
    again = evaluate(collection(place), settings)
    assert again.result.extracted == 0 and as_dict(again, settings) == as_dict(found, settings)
    other = evaluate(collection(place), EvaluationSettings(options=OPTIONS, cache=place / "cache", seed=1))
    assert other.chance != found.chance and other.figures[0].value == found.figures[0].value


def test_real_images_take_the_place_of_the_photos_for_fid_and_kid_only(evaluated):
    place, _, found = evaluated
    options = replace(OPTIONS, reference_set=place / "images" / "base" / "0")
    settings = EvaluationSettings(("fid", "kid", "lpips", "clip_i"), options, cache=place / "cache")
    other = evaluate(collection(place), settings)
    assert other.figure("anna/300", "lpips") == found.figure("anna/300", "lpips")
    assert other.figure("anna/300", "fid").value != found.figure("anna/300", "fid").value
    assert other.chance["anna/300"].k == 6 and other.figure("base/0", "fid").value == pytest.approx(0, abs=1e-3)
    assert any("are among their own references" in note for note in other.notes)


def find_nobody(image):
    return []


def encode_all_alike(faces):
    return np.ones((len(faces), 4), np.float32)


def test_a_metric_without_any_score_is_said_and_doubles_are(evaluated, tmp_path, monkeypatch):
    """Not one of these images shows a face; two are the same file."""
    place, settings, _ = evaluated
    folder = tmp_path / "images"
    folder.mkdir()
    for name, seed in (("a", 1), ("b", 2), ("c", 2)):
        noise(seed, (64, 64)).save(folder / f"{name}.png")
    (folder / "broken.png").write_bytes((folder / "a.png").read_bytes()[:300])
    options = MetricOptions(detector=f"{__name__}:find_nobody", encoder=f"{__name__}:encode_all_alike")
    chosen = replace(settings, metrics=("similarity", "contrast"), options=options)
    found = evaluate(folder_collection(folder, place / "photos"), chosen)
    assert [one.name for one in found.metrics] == ["contrast"]
    said = cautions(found)
    assert [line for line in said if "Face similarity" in line] == [
        "Face similarity: no image has a score (no face: 3), so it is left out."
    ]
    assert [line for line in said if "score" in line and "similarity" not in line] == [
        "1 of 4 images cannot be read and has no score."
    ]
    assert [line for line in said if "the same file" in line] == [
        "1 image is the same file as another of the same set, the first c.png as b.png: each counts, so intervals are "
        "narrower than they should be; remove the doubles."
    ]


def test_an_interval_ends_where_the_metrics_values_do():
    """Of prompts whose diversities differ much, Student's interval goes below 0."""
    found = Evaluation([image_set("anna/300")], [], [])
    found.figures = [Figure("anna/300", "diversity", 0.2, None, None, 12, "")]
    _add_prompt_intervals(found, {("anna/300", "diversity"): dict(zip("abcdef", (0, 0, 0, 0, 0, 1.2), strict=True))}, 1)
    assert (found.figures[0].low, found.figures[0].over) == (0, "prompts") and found.figures[0].high > 0.5


@pytest.mark.parametrize(("images", "said"), [(19, ""), (20, "excellent")])
def test_guides_are_quoted_for_as_many_images_as_they_presume(images, said):
    found = Evaluation([image_set("anna/300", images=images)], [])
    rows = [SetScore("anna/300", "fid", 5.0, images, "s")]
    found.result.scored["fid"] = Scored([], rows)
    _add_figures(found, 1)
    assert found.guides.get(("anna/300", "fid"), "") == said
