"""The dashboard's data: every image once, at its checkpoint, with its values; and nothing is written."""

import json
from contextlib import closing
from threading import Thread

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from metrics.engine.types import Score
from study.dashboard.alerts import alerts
from study.dashboard.compare import compare
from study.dashboard.gaps import gap
from study.dashboard.snapshot import snapshot
from study.folder.study import open_study
from study.runs.reading import study_tables
from study.runs.record import record_study
from tests.study.dashboard.made import DIRECTIONS, NO_FACE, PROMPTS, STEPS, add_gate, add_tracked, make_study


@pytest.fixture
def study(tmp_path):
    with make_study(tmp_path, rated=0.7) as made:
        yield made


def rows_of(data) -> pd.DataFrame:
    """The images of the data, a row each, with the names of their checkpoints and prompts."""
    columns = {name: column for name, column in data["images"].items() if isinstance(column, list)}
    frame = pd.DataFrame(columns)
    frame["shown"] = [data["checkpoints"][place]["shown"] for place in frame["checkpoint"]]
    frame["text"] = [data["prompts"][place]["text"] for place in frame["prompt"]]
    for metric, values in data["values"].items():
        frame[metric] = values
    return frame


def changed(study, **cells):
    study.write_items(study.items.assign(**cells))


def test_every_image_is_there_once_with_what_is_known_of_it(dashboard_study, shown):
    data = shown.data()
    frame, items = rows_of(data), dashboard_study.items.set_index("item")
    assert sorted(frame["item"]) == sorted(items.index)
    assert {len(column) for column in data["images"].values()} == {len(items)}
    scores = dashboard_study.scores().pivot(index="item", columns="metric", values="score")
    for row in frame.itertuples():
        told = items.loc[row.item]
        name = f"{told['model']}/{told['checkpoint']}" if told["model"] else "no checkpoint"
        assert (row.shown, row.text, row.seed) == (name, told["prompt"], told["seed"])
        for metric in ("good", "distance", "face"):
            np.testing.assert_equal(getattr(row, metric), scores.loc[row.item, metric])


def test_runs_and_checkpoints_stand_by_step_after_their_base(shown):
    data = shown.data()
    assert [(one["name"], one["n_training_images"], one["is_base"], one["base"]) for one in data["runs"]] == [
        ("base", None, True, None),
        ("n05", 5, False, 0),
        ("n20", 20, False, 0),
        ("", None, False, None),
    ]
    assert [(one["shown"], one["step"], one["is_base"], one["images"]) for one in data["checkpoints"]] == [
        ("base/0", 0, True, 16),
        *((f"{run}/{step}", step, False, 16) for run in ("n05", "n20") for step in STEPS),
        ("no checkpoint", None, False, 1),
    ]
    places = data["images"]["checkpoint"]
    assert places == sorted(places)
    assert data["groups"] == ["indoors", "outdoors"] and len(data["prompts"]) == PROMPTS
    assert data["notes"] == ["1 image names neither model nor checkpoint: grid and gallery show them, trends cannot."]
    assert data["base_note"] == ""


def test_metrics_say_which_way_they_point_and_what_failed(shown):
    data = shown.data()
    metrics = {one["name"]: one for one in data["metrics"]}
    assert {name: (one["kind"], one["direction"]) for name, one in metrics.items()} == {
        "distance": ("image", "lower"),
        "face": ("image", "higher"),
        "good": ("image", "higher"),
        "fid": ("set", "lower"),
    }
    places = [place for place, value in enumerate(data["values"]["face"]) if value is None]
    assert data["failures"] == {"face": {str(place): NO_FACE for place in places}} and len(places) == 4
    assert (metrics["face"]["failed"], metrics["face"]["note"]) == (4, NO_FACE)
    assert metrics["good"]["failed"] == metrics["good"]["unscored"] == 0


def test_directions_that_nobody_told_are_said(dashboard_study):
    found = snapshot(dashboard_study, lower_is_better=["distance"])
    assert found.data()["notes"][-1] == (
        "Nothing says which way face and good point: higher is taken to be better. Where it is not, say so to "
        "humangrade gate (--lower-is-better face): what was said there last holds here too."
    )
    assert found.directions["fid"] == "lower"


def test_directions_that_a_gate_was_told_hold_for_what_is_shown(study):
    """Otherwise the gate and the views beside it would call the same difference better and worse."""
    assert snapshot(study).directions["distance"] == "higher"
    add_gate(study, metrics=["distance"])
    found = snapshot(study)
    assert found.directions == {**found.directions, "good": "higher", "distance": "lower"}
    assert not any("distance" in note for note in found.notes)
    assert found.tables("look").directions["distance"] == "lower"
    gate = alerts(found)["runs"][0]["metrics"][0]
    places = [found.shown.place(name) for name in ("n20/600", "n20/900")]
    compared = {one["name"]: one for one in compare(found, *places)["metrics"]}["distance"]
    assert compared["direction"] == "lower" and (gate["estimate"] < 0) == (compared["difference"] > 0)
    assert snapshot(study, higher_is_better=["distance"]).directions["distance"] == "higher"


def test_an_image_that_was_never_scored_has_not_failed(study):
    some = study.scores().query("metric == 'good'").iloc[:-3]
    study.store.save_scores([Score(row.item, "good", row.score, row.signature) for row in some.itertuples()])
    metrics = {one["name"]: one for one in snapshot(study, **DIRECTIONS).data()["metrics"]}
    assert (metrics["good"]["failed"], metrics["good"]["unscored"], metrics["good"]["note"]) == (0, 3, "")


def test_ratings_are_as_gate_and_best_have_them(study):
    data = snapshot(study, **DIRECTIONS).data()
    tables = study_tables(study, **DIRECTIONS)
    means, items = tables.scores_of("people"), data["images"]["item"]
    people = data["people"]["look"]
    assert data["tasks"] == ["look"] and data["scale"] == {"lowest": 1.0, "highest": 5.0}
    np.testing.assert_allclose(np.array(people["mean"], dtype=float), means.reindex(items).to_numpy())
    counts = study.ratings().groupby("item").size().reindex(items, fill_value=0)
    assert people["n"] == counts.tolist() and 0 in people["n"]
    assert [sd is None for sd in people["sd"]] == [n < 2 for n in people["n"]]


def test_gaps_are_a_metrics_standing_less_peoples_its_direction_turned(shown):
    data = shown.data()
    mean = np.array(data["people"]["look"]["mean"], dtype=float)
    for metric, sign in (("good", 1), ("distance", -1)):
        values = sign * np.array(data["values"][metric], dtype=float)
        gaps = np.array(data["gaps"]["look"][metric], dtype=float)
        both = np.isfinite(mean)
        assert (np.isfinite(gaps) == both).all() and abs(gaps[both].sum()) < 1e-9
        one, other = np.flatnonzero(both)[[3, 40]]
        apart = [np.mean(np.sign(column[place] - column[both])) for place in (one, other) for column in (values, mean)]
        scale = both.sum() / (both.sum() - 1) / 2
        np.testing.assert_allclose(gaps[[one, other]], [scale * (apart[0] - apart[1]), scale * (apart[2] - apart[3])])


def test_a_gap_of_one_image_is_not_told():
    assert np.isnan(gap(np.array([1.0, np.nan]), np.array([1.0, 2.0]), "higher")).all()


def test_references_are_named_once(dashboard_study, shown):
    data = shown.data()
    assert [one["name"] for one in data["references"]] == ["photo.png"] and data["reference_sets"] == [[0]]
    frame = rows_of(data)
    assert frame["item"][frame["reference_set"].isna()].tolist() == ["stray"]
    assert shown.pictures.references[0].path.samefile(dashboard_study.folder / "../photo.png")


def test_nothing_is_recorded_and_a_study_that_is_only_read_shows_the_same(study):
    before = study.store.version()
    data = snapshot(study, **DIRECTIONS).data()
    assert study.store.version() == before and study.store.runs.images().empty
    with closing(open_study(study.folder, watch=True)) as watching:
        assert snapshot(watching, **DIRECTIONS).data() | {"made_at": ""} == data | {"made_at": ""}


def test_once_it_is_recorded_the_same_is_shown(study):
    before = snapshot(study, **DIRECTIONS).data()
    record_study(study)
    after = snapshot(study, **DIRECTIONS).data()
    for name in before.keys() - {"version", "made_at", "images"}:
        assert after[name] == before[name], name
    for name in before["images"].keys() - {"thumb"}:
        assert after["images"][name] == before["images"][name]


def test_what_is_new_stands_beside_what_is_recorded(study):
    """A score made anew, an image less, and another prompt, after a record of the study as it was."""
    record_study(study)
    scores = study.scores().query("metric == 'good'")
    study.store.save_scores([Score(row.item, "good", row.score * 2, row.signature) for row in scores.itertuples()])
    kept = study.items[study.items["item"] != "stray"]
    study.write_items(kept.assign(prompt=kept["prompt"].str.replace("place 0", "the sea")))
    data = snapshot(study, **DIRECTIONS).data()
    frame = rows_of(data).set_index("item")
    assert "stray" not in frame.index and len(frame) == len(kept)
    expected = scores.set_index("item")["score"].reindex(frame.index) * 2
    np.testing.assert_allclose(frame["good"].astype(float), expected)
    assert "sks at the sea" in {one["text"] for one in data["prompts"]}
    assert frame.loc["n05/300/p0_s1", "text"] == "sks at the sea"


def test_images_outside_the_study_are_there_under_their_paths(study, tmp_path):
    paths = add_tracked(study, tmp_path / "out")
    data = snapshot(study, **DIRECTIONS).data()
    frame = rows_of(data).set_index("item")
    assert set(paths) < set(frame.index) and set(frame.loc[paths, "shown"]) == {"n20/1200"}
    np.testing.assert_allclose(frame.loc[paths, "good"].astype(float), np.linspace(0, 1, 16))
    metrics = {one["name"]: one for one in data["metrics"]}
    assert metrics["distance"]["unscored"] == 16 and metrics["good"]["unscored"] == 0
    assert frame["text"].isin([f"sks at place {prompt}" for prompt in range(PROMPTS)]).all()


def test_versions_are_those_of_what_is_shown(study):
    one, again = (snapshot(study, **DIRECTIONS).data()["version"] for _ in range(2))
    assert one == again
    record_study(study)  # of what is shown only the keys of pictures become others
    recorded = snapshot(study, **DIRECTIONS).data()["version"]
    evaluator = study.store.evaluators()[0]
    open_one = next(each for each in study.store.assignments(evaluator.id) if each.rating is None)
    study.store.rate(evaluator.id, open_one.public_id, 5, "1")
    rated = snapshot(study, **DIRECTIONS).data()["version"]
    add_gate(study, metrics=["good"])
    assert len({recorded, rated, snapshot(study, **DIRECTIONS).data()["version"]}) == 3


def test_another_picture_has_another_key(study):
    record_study(study)
    item = "n05/300/p0_s1"
    keys = []
    for colour in ("red", "blue"):
        Image.new("RGB", (30, 30), colour).save(study.image_path(item))
        data = snapshot(study, **DIRECTIONS).data()
        keys.append(data["images"]["thumb"][data["images"]["item"].index(item)])
    assert len(set(keys)) == 2
    others = [key for key in data["images"]["thumb"] if key != keys[1]]
    sha256 = {row.item: row.sha256 for row in study.store.runs.images().itertuples()}
    recorded = {sha[:32] for sha in sha256.values()}
    assert keys[1] not in recorded and len(others) == len(sha256) - 1


def test_a_run_by_epochs(study):
    names = study.items["checkpoint"].map({"0": "0", "": "", "300": "one", "600": "two", "900": "three"})
    epochs = study.items["checkpoint"].map({"0": "", "": "", "300": "1", "600": "2", "900": "10"})
    changed(study, checkpoint=names, step="", epoch=epochs)
    found = snapshot(study, **DIRECTIONS)
    assert found.shown.axis == "epoch"
    assert [(one["shown"], one["step"], one["epoch"]) for one in found.data()["checkpoints"][:4]] == [
        ("base/0", 0, 0),
        ("n05/one", None, 1),
        ("n05/two", None, 2),
        ("n05/three", None, 10),
    ]


def test_checkpoints_without_step_or_epoch_are_there_and_said(study):
    names = study.items["checkpoint"].replace({"900": "final"})
    changed(study, checkpoint=names, step=study.items["step"].replace({"900": ""}))
    data = snapshot(study, **DIRECTIONS).data()
    assert [one["name"] for one in data["checkpoints"]][3] == "final"
    assert data["notes"][1] == "2 checkpoints have neither step nor epoch: grid and gallery show them, trends cannot."


def test_each_run_has_the_base_with_its_prompts(study):
    """As where two subjects have words of their own, so that the base was drawn for each."""
    items = study.items[study.items["item"] != "stray"]
    other = items.query("model == 'base'").assign(model="base-n20", item=lambda rows: "other/" + rows["item"])
    both = pd.concat([items, other])
    mine = both["model"].isin(["n20", "base-n20"])
    both["prompt"] = both["prompt"].where(~mine, both["prompt"].str.replace("sks", "ohwx"))
    study.write_items(both.reset_index(drop=True))
    data = snapshot(study, **DIRECTIONS).data()
    named = {one["name"]: one["base"] for one in data["runs"]}
    shown = [one["shown"] for one in data["checkpoints"]]
    assert (shown[named["n05"]], shown[named["n20"]]) == ("base/0", "base-n20/0")


def test_a_run_whose_prompts_are_not_known_has_no_base_with_known_ones(study):
    """As the demo's made-up models beside a simulated run: the base is no step 0 of theirs."""
    items = study.items
    study.write_items(items.assign(prompt=items["prompt"].where(items["model"] != "n20", "")))
    data = snapshot(study).data()
    named = {one["name"]: one["base"] for one in data["runs"]}
    assert named["n20"] is None and named["n05"] is not None
    assert data["base_note"] == "Of what n20 began from there are no images, so no step 0."


def test_where_the_base_is_not_there_it_is_said(study):
    study.write_items(study.items.query("model != 'base'").reset_index(drop=True))
    data = snapshot(study, **DIRECTIONS).data()
    assert data["base_note"].startswith("There are no images of the base model, so no step 0;")
    assert {one["base"] for one in data["runs"]} == {None}


def test_a_study_of_plain_images_is_shown_too(tmp_path):
    with make_study(tmp_path) as study:
        study.write_items(study.items[["item", "image"]])
        data = snapshot(study, **DIRECTIONS).data()
    assert [(one["shown"], one["images"]) for one in data["checkpoints"]] == [("no checkpoint", 113)]
    assert data["prompts"] == [{"text": "", "negative": "", "group": ""}] and data["base_note"] == ""
    json.dumps(data, allow_nan=False)


def test_what_is_made_once_is_made_once_by_threads_too(shown):
    made = []

    def make():
        made.append(1)
        return len(made)

    threads = [Thread(target=lambda: shown.once("only a test's", make)) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert made == [1]
