"""The front door: tables in, tidy tables out, every figure held against the report."""

import subprocess
import sys

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import calibration
from calibration import (
    InputError,
    Scale,
    agreement,
    answers,
    baselines,
    calibrate,
    compare,
    evaluate_head,
    evaluators,
    fine_tune_head,
    methods,
    metric_figures,
    plan_study,
    plot_evaluators,
    plot_grades,
    plot_scores,
    predict,
    read_items,
    read_ratings,
    read_scores,
    thresholds,
    write_report,
)
from tests.calibration.simulated_studies import study

matplotlib.use("agg")


@pytest.fixture(scope="module")
def made():
    return study("checkpoints", 3)


@pytest.fixture(scope="module")
def judged(made):
    return calibrate(made.ratings, made.scores, made.items, draws=100, seed=4)


def one(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_metrics_figures_are_the_reports(judged):
    table = metric_figures(judged)
    assert table.columns.tolist() == ["task", "metric", "figure", "value", "low", "high", "people", "n"]
    for name, metric in judged.report["tasks"]["look"]["metrics"].items():
        validation, limits = metric["cross_validation"], metric["intervals"]["people_like_these"]
        expected = {
            "spearman": metric["spearman"],
            "grade": validation["grade_mean"],
            "constant": validation["constant_mean"],
            "person": validation["person_mean"],
            "skill": validation["skill"],
            "person_skill": validation["person_skill"],
            "advantage": validation["skill"] - validation["person_skill"],
            "kappa": metric["kappa"]["metric"],
            "unseen_skill": metric["unseen"]["unseen_skill"],
            "pairwise_accuracy": metric["pairwise_accuracy"]["accuracy"],
        }
        for figure, value in expected.items():
            row = one(table, metric=name, figure=figure)
            assert row["value"] == pytest.approx(value) and row["n"] == metric["n_items"]
            if figure in limits:
                assert [row["low"], row["high"]] == pytest.approx(limits[figure])
                assert row["people"] == "people_like_these"


def test_evaluators_are_the_reports(judged, made):
    table = evaluators(judged)
    for name, person in judged.report["tasks"]["look"]["evaluators"].items():
        own = made.ratings[made.ratings["evaluator"] == name]["rating"]
        assert one(table, evaluator=name, figure="mean")["value"] == pytest.approx(own.mean())
        assert one(table, evaluator=name, figure="std")["value"] == pytest.approx(own.std(ddof=0))
        grade = one(table, evaluator=name, figure="grade")
        assert grade["value"] == pytest.approx(person["grade"]["1"])
        assert [grade["low"], grade["high"]] == pytest.approx(person["grade_interval"])
        strict = one(table, evaluator=name, figure="strictness")
        assert strict["value"] == pytest.approx(4 * person["strictness"])
        assert [strict["low"], strict["high"]] == pytest.approx([4 * end for end in person["strictness_interval"]])
        assert grade["n"] == person["n"] == len(own)


def test_agreement_answers_and_comparison(judged):
    task = judged.report["tasks"]["look"]
    alpha = one(agreement(judged), statistic="ordinal")
    assert alpha["value"] == pytest.approx(task["agreement"]["krippendorff_alpha"]["ordinal"])
    said = answers(judged)
    for name, metric in task["metrics"].items():
        row = one(said, metric=name)
        assert row["sorts"] == metric["verdict"]["sorts"]["answer"]
        assert row["predicts"] == metric["verdict"]["predicts"]["answer"]
        assert row["sentence"] == metric["verdict"]["sentence"]
    pairs = compare(judged)
    assert pairs["difference"].tolist() == pytest.approx([pair["difference"] for pair in task["comparison"]["pairs"]])


def test_predictions_are_those_of_the_predictor(judged):
    predictor = {one.metric: one for _, one in judged.predictors}["good"]
    pd.testing.assert_frame_equal(predict(judged, "good", [0.0, 1.0]), predictor.predict([0.0, 1.0]))
    with pytest.raises(InputError, match="no predictor of 'nothing'; there are 'good' and 'noise'"):
        predict(judged, "nothing", [0.0])
    with pytest.raises(InputError, match="There is no task 'nope'; the tasks are 'look'"):
        predict(judged, "good", [0.5], task="nope")
    with pytest.raises(InputError, match="no predictor of 'nothing' in the task 'look'; there are 'good' and 'noise'"):
        predict(judged, "nothing", [0.5], task="look")
    scores = pd.Series([1.0, 0.0], index=["b", "a"])
    assert predict(judged, "good", scores).index.tolist() == ["b", "a"]


def test_files_and_tables_give_the_same(made, judged, tmp_path):
    paths = []
    for name in ("ratings", "scores", "items"):
        paths.append(tmp_path / f"{name}.csv")
        getattr(made, name).to_csv(paths[-1], index=False)
    again = calibrate(*paths, draws=100, seed=4)
    assert metric_figures(again).equals(metric_figures(judged))
    with pytest.raises(InputError, match="Some tables are files and others are DataFrames"):
        calibrate(paths[0], made.scores)


def test_tables_are_read_and_checked(tmp_path):
    table = pd.DataFrame({"image": ["a", "a", "b"], "who": ["x", "y", "x"], "stars": [1, 7, None]})
    path = tmp_path / "r.csv"
    table.to_csv(path, index=False)
    for source in (table, path):
        read = read_ratings(source, map="item=image,evaluator=who,rating=stars", scale=Scale.parse("1-7"))
        assert read["rating"].tolist() == [1, 7]
        assert read.attrs["notes"] == ["1 row without a rating left out."]
        with pytest.raises(InputError, match=r"the rating '7(\.0)?' is not a whole number from 1 to 5"):
            read_ratings(source, map="item=image,evaluator=who,rating=stars")
    assert read_scores(pd.DataFrame({"item": ["a"], "m": [1], "n": [2]}))["score"].tolist() == [1, 2]
    with pytest.raises(InputError, match="no column 'item'"):
        read_items(pd.DataFrame({"image": ["a"]}))


def test_a_calibration_is_shown_in_a_line_and_in_a_table(judged):
    assert len(repr(judged)) < 200 and "look (" in repr(judged) and "metrics good and noise" in repr(judged)
    page = judged._repr_html_()
    for metric in judged.report["tasks"]["look"]["metrics"].values():
        assert f"<td>{metric['title']}</td>" in page
    named = calibrate(
        pd.DataFrame({"item": list("abab"), "evaluator": list("xxyy"), "rating": [1, 5, 2, 5], "task": "<b>"}), draws=0
    )
    assert "<b><b>" not in named._repr_html_() and "&lt;b&gt;" in named._repr_html_()


def xs(ax, label):
    (found,) = [each for each in ax.containers if each.get_label() == label]
    return found.lines[0].get_xdata()


def test_plots_draw_the_figures_on_the_axes_they_are_given(judged):
    figure = Figure()
    ax = figure.subplots()
    assert plot_grades(judged, ax=ax) is ax
    table = metric_figures(judged).pivot(index="metric", columns="figure", values="value").sort_values("skill")
    assert xs(ax, "the metric").tolist() == pytest.approx(table["skill"].tolist())
    assert xs(ax, "the average evaluator").tolist() == pytest.approx(table["person_skill"].tolist())
    ax = plot_evaluators(judged, ax=figure.subplots())
    grades = evaluators(judged).query("figure == 'grade'").sort_values("value")
    assert ax.containers[0].lines[0].get_xdata().tolist() == pytest.approx(grades["value"].tolist())
    assert [label.get_text() for label in ax.get_yticklabels()] == grades["evaluator"].tolist()
    ax = plot_scores(judged, "good", ax=figure.subplots())
    points = judged.points[judged.points["metric"] == "good"]
    drawn = ax.collections[0].get_offsets()
    assert sorted(map(tuple, np.asarray(drawn))) == sorted(zip(points["score"], points["mean_rating"], strict=True))
    for draw, said in (
        (lambda: plot_grades(judged, "feel"), "no task 'feel'; there are 'look'"),
        (lambda: plot_scores(judged, "nothing"), "has no scores of rated items"),
    ):
        with pytest.raises(InputError, match=said):
            draw()


def test_plots_make_axes_where_none_are_given(judged):
    from matplotlib import pyplot

    ax = plot_grades(judged)
    assert ax.get_xlabel() == "skill"
    pyplot.close(ax.figure)


def test_nothing_in_a_plot_is_cut_or_covered(judged):
    from matplotlib import pyplot

    given = Figure(figsize=(3, 2.2)).subplots()
    for ax in (plot_grades(judged), plot_evaluators(judged), plot_grades(judged, ax=given)):
        ax.figure.draw_without_rendering()
        if ax is not given:  # of a figure that others laid out they must see to the labels
            texts = [text.get_window_extent() for text in (*ax.get_yticklabels(), ax.xaxis.label, ax.title)]
            assert all(ax.figure.bbox.x0 <= box.x0 and box.x1 <= ax.figure.bbox.x1 for box in texts)
            assert all(ax.figure.bbox.y0 <= box.y0 and box.y1 <= ax.figure.bbox.y1 for box in texts)
        if (legend := ax.get_legend()) is not None:
            lowest = legend.get_window_extent().y0
            for drawn in ax.containers:
                highest = max(drawn.lines[0].get_ydata())
                assert ax.transData.transform((0, highest))[1] < lowest
    pyplot.close("all")


def test_every_public_name_is_there():
    for name in calibration.__all__:
        assert callable(getattr(calibration, name))
    assert set(calibration.__all__) <= set(dir(calibration))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        calibration.nothing  # noqa: B018


def test_importing_loads_nothing_heavy():
    code = "import sys, calibration; print([name for name in ('pandas', 'numpy', 'torch') if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


@pytest.mark.parametrize("package", ["calibration", "study"])
def test_a_file_that_hides_the_package_is_named(package, tmp_path):
    (tmp_path / "metrics.py").write_text("x = 1")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {package}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 1
    last = run.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: ") and str(tmp_path / "metrics.py") in last and "rename that file" in last


def test_what_is_written_in_a_notebook_is_understood(made, judged):
    foreign = made.ratings.rename(columns={"item": "image", "evaluator": "who"})
    mapped = calibrate(
        foreign, made.scores, made.items, draws=0, map={"item": "image", "evaluator": "who"}, lower_is_better="noise"
    )
    assert mapped.report["tasks"]["look"]["metrics"]["noise"]["direction"] == "lower"
    assert mapped.report["tasks"]["look"]["n_ratings"] == len(made.ratings)
    with pytest.raises(InputError, match="no table has the column 'nothing'"):
        calibrate(made.ratings, draws=0, map={"item": "nothing"})
    seven = made.ratings.assign(rating=made.ratings["rating"] + 2)
    assert calibrate(seven, draws=0, scale="1-7").report["settings"]["scale"]["values"] == [1, 2, 3, 4, 5, 6, 7]
    for wrong in (made.scores, ["a"], [np.nan], [[1.0]]):
        with pytest.raises(InputError, match="scores are finite numbers, one an image"):
            predict(judged, "good", wrong)


def test_baselines_and_thresholds_are_the_reports(judged):
    table, mapped = baselines(judged), thresholds(judged)
    for name, metric in judged.report["tasks"]["look"]["metrics"].items():
        for figure in ("metric", "constant", "person", "mean_of_others", "random_mean", "random_high", "random_p"):
            row = one(table, metric=name, against="one person", figure=figure)
            assert row["value"] == pytest.approx(metric["baselines"][figure])
        row = one(table, metric=name, against="one person", figure="metric")
        limits = metric["intervals"]["people_like_these"]["grade"]
        assert [row["low"], row["high"], row["people"]] == [*limits, "people_like_these"]
        against = metric["baselines"]["against_mean_of_others"]
        row = one(table, metric=name, against="mean of the others", figure="metric")
        assert row["value"] == pytest.approx(against["metric"])
        own = mapped[(mapped["metric"] == name) & (mapped["held_out"] == "")]
        assert own["boundary"].tolist() == ["1|2", "2|3", "3|4", "4|5"]
        expected = np.array(metric["buckets"]["thresholds"], dtype=float)
        np.testing.assert_allclose(own["value"], expected)
        np.testing.assert_allclose(own[["low", "high"]], np.array(metric["buckets"]["optimal"], dtype=float))
        for fold in metric["cross_validation"]["folds"]:
            own = mapped[(mapped["metric"] == name) & (mapped["held_out"] == fold["held_out"])]
            np.testing.assert_allclose(own["value"], np.array(fold["thresholds"], dtype=float))
    assert table[["value", "low", "high"]].dtypes.eq(float).all()
    assert methods(judged).count("Krippendorff") >= 1


def test_a_plan_from_a_pilot_or_from_values(made):
    pilot = plan_study(made.ratings, made.scores[made.scores["metric"] == "good"], evaluators=[5], images=[100])
    assert pilot.grid[["evaluators", "images", "ratings"]].values.tolist() == [[5, 100, 500]]
    assert {"power", "width_skill"} <= set(pilot.grid) and "<table" in pilot._repr_html_()
    assert repr(pilot).startswith("Plan of 1 size with an intraclass correlation of ")
    stated = plan_study(made.ratings, icc=0.5, evaluators=[5], images=[100])
    assert stated.study.icc == 0.5 and stated.study.people == ()
    with pytest.raises(InputError, match=r"give a pilot .* or state icc"):
        plan_study()
    with pytest.raises(InputError, match="scores and items belong to a pilot"):
        plan_study(scores=made.scores, icc=0.5)
    one_size = plan_study(made.ratings, made.scores, evaluators=5, images=100, metrics="good")
    assert one_size.grid.equals(pilot.grid)
    with pytest.raises(InputError, match=r"metrics has 3, which is no name"):
        plan_study(made.ratings, made.scores, metrics=["good", 3])
    with pytest.raises(InputError, match=r"The pilot has one evaluator.* or state icc instead"):
        plan_study(made.ratings[made.ratings["evaluator"] == made.ratings["evaluator"].iloc[0]])
    with pytest.raises(InputError, match="clusters is 0,2"):
        plan_study(icc=0.5, clusters=(0, 2))


def test_a_head_is_judged_moved_and_written(tmp_path):
    from calibration.aesthetic.heads import example
    from metrics.networks.aesthetic_head import predict as answers_of
    from metrics.networks.aesthetic_head import read_head

    votes, embeddings, head = example(120)
    before = one(evaluate_head(head, votes, embeddings), figure="spearman")
    expected = pd.Series(votes.means).corr(pd.Series(answers_of(head, embeddings.rows)), method="spearman")
    assert before["value"] == pytest.approx(expected) and before["low"] < expected < before["high"]
    moved = fine_tune_head(votes, embeddings, head)
    assert one(moved.figures, head="before", figure="spearman")["value"] == pytest.approx(expected)
    assert one(moved.figures, head="after", figure="spearman")["value"] > expected + 0.1
    again = read_head(moved.write(tmp_path / "head.safetensors"))
    np.testing.assert_allclose(
        answers_of(again, embeddings.rows), answers_of(moved.head, embeddings.rows), rtol=1e-5, atol=1e-5
    )
    assert "raises the Spearman correlation" in repr(moved) and "<table" in moved._repr_html_()


def test_a_plan_from_files_and_on_another_scale(made, tmp_path):
    good = made.scores[made.scores["metric"] == "good"]
    sizes = {"evaluators": [5], "images": [100]}
    expected = plan_study(made.ratings, good, **sizes)
    foreign = made.ratings.rename(columns={"evaluator": "who"})
    foreign.to_csv(tmp_path / "r.csv", index=False)
    good.to_csv(tmp_path / "s.csv", index=False)
    from_files = plan_study(tmp_path / "r.csv", str(tmp_path / "s.csv"), map={"evaluator": "who"}, **sizes)
    assert from_files.sentences == expected.sentences
    pd.testing.assert_frame_equal(from_files.grid, expected.grid)
    lower = made.ratings.assign(rating=made.ratings["rating"] - 1)
    for scale in ("0-4", Scale((0, 1, 2, 3, 4))):
        moved = plan_study(lower, good, scale=scale, **sizes)
        assert moved.study.icc == expected.study.icc and moved.study.levels == expected.study.levels
    with pytest.raises(InputError, match="the rating '0' is not a whole number from 1 to 5"):
        plan_study(lower, good, **sizes)


@pytest.mark.parametrize(
    ("wrong", "what"),
    [({"a": [1]}, "of type dict"), ([1], "of type list"), (np.zeros(2), "of type ndarray"), (None, "None")],
)
def test_what_is_no_table_is_told(made, wrong, what):
    said = f"{what}; give a DataFrame, or the path of a CSV or Parquet file"
    for read, name in ((read_ratings, "ratings"), (read_scores, "scores"), (read_items, "items")):
        with pytest.raises(InputError, match=f"^{name} is {said}"):
            read(wrong)
    with pytest.raises(InputError, match=f"^ratings is {said}"):
        calibrate(wrong, made.scores, draws=0)
    if wrong is not None:
        with pytest.raises(InputError, match=f"^scores is {said}"):
            calibrate(made.ratings, wrong, draws=0)
        with pytest.raises(InputError, match=f"^ratings is {said}"):
            plan_study(wrong)


def test_a_report_is_no_calibration(judged, tmp_path):
    takes = (agreement, evaluators, metric_figures, compare, answers, baselines, thresholds, methods)
    calls = [lambda take=take: take(judged.report) for take in takes]
    calls += [lambda: predict(judged.report, "good", [0.5]), lambda: write_report(judged.report, tmp_path / "out")]
    calls += [lambda: plot_grades(judged.report), lambda: plot_evaluators(judged.report)]
    calls += [lambda: plot_scores(judged.report, "good")]
    for call in calls:
        with pytest.raises(InputError, match="is of type dict; give the calibration itself"):
            call()
    assert not (tmp_path / "out").exists()


def test_rows_of_tables_that_were_put_together_are_mapped_once(made):
    foreign = made.ratings.rename(columns={"evaluator": "who"})
    half = len(foreign) // 2
    parts = [foreign[:half].reset_index(drop=True), foreign[half:].reset_index(drop=True)]
    twice = pd.concat(parts)  # every label of the index stands there twice
    found = calibrate(twice, made.scores, draws=0, map="evaluator=who")
    assert found.report["tasks"]["look"]["n_ratings"] == len(made.ratings)
    assert len(read_ratings(twice, map="evaluator=who")) == len(made.ratings)


def test_a_threshold_of_an_empty_level_lies_beyond_all_scores():
    rows = [(f"i{place}", who, 2 + place // 2) for place in range(6) for who in "xy"]
    scores = pd.DataFrame({"item": [f"i{place}" for place in range(6)], "m": np.arange(6) / 10})
    found = thresholds(calibrate(pd.DataFrame(rows, columns=["item", "evaluator", "rating"]), scores, draws=0))
    own = found[found["held_out"] == ""].set_index("boundary")
    assert own.loc["1|2", "value"] < 0 and own.loc["4|5", "value"] > 0.5
    assert np.isnan(own.loc["1|2", "low"]) and np.isnan(own.loc["4|5", "high"])
