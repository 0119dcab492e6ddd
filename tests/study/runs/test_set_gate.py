"""FID and KID of a study's checkpoints, from features that are computed and kept."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from calibration.core.resampling import Resampling
from calibration.decision.from_tables import StudyTables
from metrics.errors import InputError
from metrics.sets.fid import Fid
from metrics.sets.kid import Kid
from metrics.sets.paired_sets import paired_sets
from study.folder.create import create_study
from study.runs.alerts import gate_report, gate_settings
from study.runs.set_gate import StudySets
from study.runs.worst_pairs import image_files, render_worst_pairs
from study.scoring import ScoreSettings
from tests.metrics.pictures import MeanColour
from tests.study.evaluation.made import write_generated

SETS = (("anna", "300"), ("anna", "600"), ("anna", "900"))
COLOURS = {0: 0.0, 1: 0.0, 2: 60.0}  # the last one lies off


def draw(number: int, prompt: int, seed: int) -> Image.Image:
    rng = np.random.default_rng([number, prompt, seed])
    colour = 100 + COLOURS[number] + 10 * np.random.default_rng(prompt).normal(size=3) + 5 * rng.normal(size=3)
    noise = rng.normal(0, 3, (32, 32, 3))
    return Image.fromarray(np.clip(colour + noise, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A study of three checkpoints, 10 prompts x 5 seeds, and photos like the first two."""
    place = tmp_path_factory.mktemp("sets")
    write_generated(place / "images", draw, SETS, prompts=10, seeds=(1, 2, 3, 4, 5))
    (place / "photos").mkdir()
    for seed in range(30):
        draw(0, 100 + seed, 0).save(place / "photos" / f"{seed}.png")
    study = create_study(
        place / "study", place / "images", references=place / "photos", tasks=["similarity"], evaluators=["ann"]
    )
    yield study
    study.close()


def sets(study, tmp_path, extractor=None) -> StudySets:
    extractor = extractor or MeanColour()
    found = StudySets(study, ScoreSettings(cache=tmp_path / "cache"))
    found._made |= {"fid": Fid(extractor), "kid": Kid(extractor)}
    return found


def tables(study, tmp_path, extractor=None) -> StudyTables:
    one = StudyTables(study.items, study.scores(), study.ratings(), resampling=Resampling(300))
    one.sets = sets(study, tmp_path, extractor)
    return one


@pytest.mark.parametrize("metric", ["fid", "kid"])
def test_a_checkpoint_that_lies_off_is_caught_and_another_is_not(made, tmp_path, metric):
    one = tables(made, tmp_path)
    worse = one.gate("900", "600", metrics=[metric])
    assert worse.gate.verdict == "worse"
    assert (worse.gate.metrics[0].metric, worse.gate.metrics[0].flips.pairs) == (metric, 50)
    assert worse.agreements == {}
    assert one.gate("600", "300", metrics=[metric]).gate.verdict != "worse"
    assert str(one.gate("900", "best", primary=metric, metrics=[metric]).baseline) in ("anna/300", "anna/600")


def test_features_are_those_of_the_images_and_computed_once(made, tmp_path):
    extractor = MeanColour()
    one = tables(made, tmp_path, extractor)
    found = one.gate("900", "600", metrics=["fid"], least_drops={"fid": 5.0}).gate.metrics[0]
    pairs = one.gate("900", "600", metrics=["fid"]).pairs
    computed = sum(extractor.batches)
    assert computed == 100 + 30
    colours = {
        name: np.asarray(Image.open(made.image_path(name)), dtype=float).mean(axis=(0, 1))
        for name in made.items["item"]
    }
    paths = made.reference_paths(pairs["candidate"][0])
    photos = [np.asarray(Image.open(path), dtype=float).mean(axis=(0, 1)) for path in paths]
    sides = [np.stack([colours[name] for name in pairs[side]]) for side in ("candidate", "baseline")]
    known = paired_sets(*sides, np.stack(photos), pairs["prompt"])
    assert found.flips.mean == pytest.approx(-known.difference, rel=1e-3)
    assert found.drop.least == 5.0
    one.best("fid")
    assert sum(extractor.batches) == computed + 50


def test_what_a_gate_by_sets_becomes(made, tmp_path):
    one = tables(made, tmp_path)
    found = one.gate("900", "600", metrics=["fid"])
    report = gate_report(found, one, gate_settings("600", ["fid"], "", {}, False, one.resampling))
    assert (report.verdict, report.metrics[0].worst, report.metrics[0].title) == ("worse", [], "FID")
    assert "FID" in render_worst_pairs(found, one, image_files(made, found))


@pytest.mark.parametrize("metric", ["fid", "kid"])
def test_the_best_by_sets(made, tmp_path, metric):
    found = tables(made, tmp_path).best(metric)
    assert [found.checkpoints[place].name for place in found.best.may_be_best] == ["300", "600"]
    assert found.is_turned
    assert found.images == 150
    assert found.best.means[2] < found.best.means[:2].min()
    assert found.agreement is None


def test_sets_are_asked_only_where_they_are_named(made, tmp_path):
    extractor = MeanColour()
    with pytest.raises(InputError, match="Neither scores nor ratings"):
        tables(made, tmp_path, extractor).gate("900", "600")
    assert extractor.batches == []
    with pytest.raises(InputError, match="no scores by 'lpips'"):
        tables(made, tmp_path).gate("900", "600", metrics=["lpips"])


def test_unreadable_images_count_as_missing(made, tmp_path):
    one = sets(made, tmp_path)
    checkpoints = tables(made, tmp_path).checkpoints
    pairs = checkpoints.pairs(checkpoints.find("900"), checkpoints.find("600"))
    lost = pairs.assign(candidate=["" if number < 2 else name for number, name in enumerate(pairs["candidate"])])
    with pytest.raises(InputError, match="FID of 48 images of 10 prompts says too little"):
        one.difference("fid", lost, 0)
    wide = checkpoints.alike(checkpoints.all)
    wide.loc[:2, "anna/900"] = ""
    with pytest.raises(InputError, match="of 50 prompts and seeds that all checkpoints have, 3 lack a readable image"):
        one.prompt_values("fid", wide)


def test_without_photos_it_is_said(make_study, tmp_path):
    study = make_study(references=0, tasks=("aesthetic",))
    with pytest.raises(InputError, match="fid: there are no reference photos; name them in the column 'references'"):
        sets(study, tmp_path).difference("fid", pd.DataFrame({"candidate": [], "baseline": [], "prompt": []}), 0)
    study.close()
