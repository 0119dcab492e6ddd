"""Best and Alerts of the dashboard in headless Chromium: what is drawn is what the routes say."""

import re

import pytest
from playwright.sync_api import expect

from tests.study.server.made_dashboard import RUN, Served, make_gated_study, state

pytestmark = pytest.mark.browser
DESKTOP = {"width": 1440, "height": 1000}


@pytest.fixture(scope="module")
def served(tmp_path_factory, serve_study):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("best")
        patch.setenv("HUMANGRADE_CACHE", str(folder / "cache"))
        study = make_gated_study(folder, patch)
        study.close()
        yield Served(serve_study(study))


@pytest.fixture
def open_best(open_page, served):
    def open_it(**values):
        page = open_page(served.link(**{"tab": "best", **values}), viewport=DESKTOP)
        expect(page.locator(".best :is(.refusal, .interval):visible").first).to_be_visible(timeout=60_000)
        return page

    return open_it


@pytest.fixture
def open_alerts(open_page, served):
    def open_it(**values):
        page = open_page(served.link(**{"tab": "alerts", **values}), viewport=DESKTOP)
        expect(page.locator(".gates > li").first).to_be_visible(timeout=60_000)
        return page

    return open_it


def number(words):
    return float(words.replace("−", "-"))


def shares(page, row, part):
    """From the left, and how wide, in shares of the track."""
    style = row.locator(f".track {part}").first.evaluate("(bar) => [bar.style.left, bar.style.width]")
    return [float(words.removesuffix("%")) / 100 for words in style if words]


@pytest.mark.parametrize("by", ["people", "good"])
def test_the_set_is_drawn_as_it_was_found(open_best, served, by):
    page, best = open_best(**{"best.by": by}), served.json("best", by=by)
    assert best["rows"] and any(not row["in_set"] for row in best["rows"])
    for sentence in best["sentences"] + best["notes"]:
        expect(page.locator(".best-card")).to_contain_text(sentence)
    ticks = [
        (number(tick.inner_text()), float(tick.evaluate("(tick) => tick.style.left").removesuffix("%")) / 100)
        for tick in page.locator(".interval-scale .tick").all()
    ]
    slope = (ticks[-1][1] - ticks[0][1]) / (ticks[-1][0] - ticks[0][0])
    assert page.locator(".interval").count() == len(best["rows"])
    for row in best["rows"]:
        shown = page.locator(f'.interval[data-checkpoint="{served.names[row["checkpoint"]]}"]')
        assert bool(re.search(r"\bin-set\b", shown.get_attribute("class"))) == row["in_set"]
        expect(shown).to_contain_text("may be the best" if row["in_set"] else "is not the best")
        assert number(shown.locator("b").inner_text()) == pytest.approx(row["value"], abs=0.006)
        for part, low, high in ((".bar:not(.thin)", "low", "high"), (".bar.thin", "low_of_all", "high_of_all")):
            left, width = shares(page, shown, part)
            assert left == pytest.approx(ticks[0][1] + slope * (row[low] - ticks[0][0]), abs=0.002)
            assert width == pytest.approx(slope * (row[high] - row[low]), abs=0.002)
        at = left + slope * (row["value"] - row["low_of_all"])
        assert shares(page, shown, ".dot") == pytest.approx([at], abs=0.002)
    winner = served.names[best["winner"]["checkpoint"]]
    marked = page.locator(".interval.winner")
    assert marked.get_attribute("data-checkpoint") == winner and marked.locator(".dot.fair").count() == 1


def test_the_scale_stands_below_what_it_measures(open_best):
    page = open_best()
    scale = page.locator(".interval-scale .track").bounding_box()
    row = page.locator(".interval .track").first.bounding_box()
    assert (scale["x"], scale["width"]) == pytest.approx((row["x"], row["width"]), abs=0.6)


def test_a_measure_and_a_run_are_chosen(open_best, served):
    page = open_best()
    options = page.get_by_label("Measured by").locator("option").evaluate_all("all => all.map((one) => one.value)")
    assert options == served.json("best")["choices"]["by"]
    page.get_by_label("Run").select_option("n05")
    expect(page.locator(".interval")).to_have_count(3)
    assert state(page) == {"tab": "best", "best.run": "n05"}
    page.get_by_label("Measured by").select_option("good")
    found = served.json("best", by="good", run="n05")
    expect(page.locator(".best-words")).to_contain_text(found["sentences"][0])
    page.go_back()
    expect(page.get_by_label("Measured by")).to_have_value("people")


def test_what_cannot_be_told_is_a_sentence(open_best, served):
    refused = served.json("best", by="face", run="nobody")  # as an old link may name a run
    page = open_best(**{"best.by": "face", "best.run": "nobody"})
    assert "nobody" in refused["refused"]
    expect(page.locator(".best .refusal")).to_have_text(refused["refused"])
    expect(page.locator(".best-card")).to_be_hidden()
    page.get_by_label("Run").select_option("n05")  # and goes on from there
    expect(page.locator(".best-card")).to_be_visible()


def test_a_checkpoints_images_by_what_it_was_judged_by(open_best, served):
    page = open_best()
    row = page.locator('.interval[data-checkpoint="n05/600"]')
    row.focus()
    page.keyboard.press("Enter")
    expect(row).to_have_attribute("aria-pressed", "true")
    shown = page.locator(".best .images-one").evaluate_all("all => all.map((one) => one.dataset.item)")
    assert shown == served.sorted_items("n05/600", served.data["people"]["look"]["mean"])
    page.get_by_role("button", name="Close the images").click()
    expect(page.locator(".best .images-one")).to_have_count(0)


def test_gates_are_shown_as_they_were_the_newest_first(open_alerts, served):
    page, runs = open_alerts(), served.json("alerts")["runs"]
    assert len(runs) == 2 and runs[0]["at"] >= runs[1]["at"]
    gates = page.locator(".gate")
    for gate, run in zip(gates.all(), runs, strict=True):
        expect(gate.locator(".gate-head .mark")).to_have_text(run["verdict"])
        expect(gate.locator("h3")).to_have_text(f"{run['candidate']} against {run['baseline']}")
        expect(gate.locator(".gate-sentence")).to_have_text(run["sentence"])
    first, run = gates.first, runs[0]
    expect(first.locator(".gate-metrics li")).to_have_count(len(run["metrics"]))
    assert next(one for one in run["metrics"] if one["is_primary"])["title"] == "good"
    expect(first.locator(".gate-metrics li").first).to_contain_text("primary")
    for metric in run["metrics"]:
        row = first.locator(".gate-metrics li", has=page.locator("b", has_text=metric["title"]))
        expect(row).to_contain_text(metric["sentence"])
        expect(row.locator(".mark")).to_have_text(metric["verdict"])
        zero, limit = shares(page, row, ".zero")[0], shares(page, row, ".limit")[0]
        left, width = shares(page, row, ".bar")
        assert (left > zero, left + width < zero) == (metric["low"] > 0, metric["high"] < 0)
        a_unit = width / (metric["high"] - metric["low"])
        assert zero - left == pytest.approx(-metric["low"] * a_unit, abs=0.01 * width)
        assert zero - limit == pytest.approx(metric["least_drop"] * a_unit, abs=0.01 * width)
    for words in run["settings"]:
        expect(first.locator(".settings")).to_contain_text(words)
    expect(gates.nth(1).locator("details")).not_to_have_attribute("open", "")
    gates.nth(1).locator("summary").click()
    expect(gates.nth(1).locator(".gate-metrics li")).to_have_count(len(runs[1]["metrics"]))
    assert state(page)["alerts.gate"] == str(runs[1]["id"])


def test_the_worst_pairs_are_pictures_of_both_sides(open_alerts, served):
    page, runs = open_alerts(), served.json("alerts")["runs"]
    worst = runs[0]["worst"]
    pairs = page.locator(".gate").first.locator(".pair")
    assert worst and pairs.count() == len(worst)
    for shown, pair in zip(pairs.all(), worst, strict=True):
        for figure, side in zip(shown.locator("figure").all(), ("baseline", "candidate"), strict=True):
            expect(figure.locator("img")).to_have_attribute("src", re.compile(served.images["thumb"][pair[side]]))
            expect(figure.locator("figcaption")).to_contain_text(runs[0][side])
            assert number(figure.locator(".number").inner_text()) == pytest.approx(pair[f"{side}_score"], rel=0.02)
        expect(shown).to_contain_text(pair["prompt"])
    pairs.first.locator("button").nth(1).click()
    assert state(page)["image"] == served.images["item"][worst[0]["candidate"]]
    page.keyboard.press("ArrowLeft")
    assert state(page)["image"] == served.images["item"][worst[0]["baseline"]]


def test_gates_are_filtered_by_verdict(open_alerts, served):
    page, runs = open_alerts(), served.json("alerts")["runs"]
    for verdict in ("worse", "not worse", "cannot tell", "refused"):
        page.get_by_label("Verdict").select_option(verdict)
        count = sum(run["verdict"] == verdict for run in runs)
        expect(page.locator(".gate")).to_have_count(count)
        if not count:
            expect(page.locator(".gates")).to_contain_text("No gate has this verdict.")
    assert RUN in {run["baseline"].rpartition("/")[0] for run in runs}
