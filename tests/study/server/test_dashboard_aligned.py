"""Which images the dashboard holds beside each other, where seeds, steps or a base are not as usual."""

import pytest

from study.dashboard.parts import WEB

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def ask(chromium):
    """A function that makes an `Aligned` of data in a browser and answers an expression of it."""
    page = chromium.new_page()
    names = ("aligned", "compare_start", "grid_view")
    script = "".join((WEB / f"dashboard/{name}.js").read_text(encoding="utf-8") for name in names)

    def answer(data, expression):
        given = "const aligned = new Aligned(data), context = { data, aligned };"
        return page.evaluate(f"(data) => {{ {script}\n {given} return {expression}; }}", data)

    yield answer
    page.close()


def checkpoint(run, name, step=None, epoch=None, is_base=False):
    return {"run": run, "name": name, "shown": f"{run}/{name}", "step": step, "epoch": epoch, "is_base": is_base}


def data(checkpoints, images, bases=(None,), n_prompts=2):
    """Images are (checkpoint, prompt, seed)."""
    columns = dict(zip(("checkpoint", "prompt", "seed"), map(list, zip(*images, strict=True)), strict=True))
    runs = [{"name": f"run {number}", "base": base} for number, base in enumerate(bases)]
    prompts = [{"text": str(number)} for number in range(n_prompts)]
    return {"checkpoints": checkpoints, "images": columns, "runs": runs, "prompts": prompts}


PAIR = [checkpoint(0, "a", step=100), checkpoint(0, "b", step=200)]


def test_seeds_that_all_prompts_share_are_chosen_by_name(ask):
    drawn = data(PAIR, [(c, p, s) for c in (0, 1) for p in (0, 1) for s in ("10", "9")])
    assert ask(drawn, "aligned.choices.map((choice) => choice.words)") == ["9", "10"]
    assert ask(drawn, "aligned.place(1, 1, aligned.seedChoice('10'))") == 6
    assert ask(drawn, "aligned.place(1, 1, aligned.seedChoice('gone'))") == 7  # the first choice


def test_where_each_prompt_has_seeds_of_its_own_they_are_numbered(ask):
    drawn = data(PAIR, [(0, 0, "1"), (0, 0, "2"), (0, 1, "30"), (1, 1, "30"), (1, 0, "2"), (1, 0, "1")])
    words = ["no. 1 of each prompt", "no. 2 of each prompt"]
    assert ask(drawn, "aligned.choices.map((choice) => choice.words)") == words
    grid = "[0, 1].map((prompt) => [0, 1].map((one) => aligned.place(one, prompt, aligned.choices[{number}])))"
    assert ask(drawn, grid.format(number=0)) == [[0, 5], [2, 3]]
    assert ask(drawn, grid.format(number=1)) == [[1, 4], [-1, -1]]
    assert ask(drawn, "aligned.pairs(0, 1)") == [[0, 5], [1, 4], [2, 3]]


def test_images_of_one_prompt_and_seed_are_kept_apart_and_those_without_a_seed_too(ask):
    drawn = data(PAIR, [(0, 0, "1"), (0, 0, "1"), (1, 0, "1"), (0, 1, ""), (0, 1, "")])
    assert ask(drawn, "aligned.noiseOf") == ["1", "1 (2)", "1", "", "no seed (2)"]
    assert ask(drawn, "aligned.pairs(0, 1)") == [[0, 2]]


def test_images_without_a_checkpoint_or_a_prompt_stand_nowhere(ask):
    drawn = data(PAIR, [(None, 0, "1"), (0, None, "1"), (1, 0, "1"), (0, 0, "1")])
    assert ask(drawn, "aligned.pairs(0, 1)") == [[3, 2]]


@pytest.mark.parametrize(
    ("checkpoints", "name", "at"),
    [
        (
            [checkpoint(0, "0", is_base=True), checkpoint(0, "a", step=300), checkpoint(0, "last")],
            "step",
            [0, 300, None],
        ),
        ([checkpoint(0, "a", epoch=1), checkpoint(0, "b", epoch=2)], "epoch", [1, 2]),
        ([checkpoint(0, "a"), checkpoint(0, "b"), checkpoint(1, "a")], "checkpoint", [1, 2, 1]),
    ],
    ids=["steps", "epochs", "neither"],
)
def test_the_axis_is_steps_else_epochs_else_the_order_in_a_run(ask, checkpoints, name, at):
    drawn = data(checkpoints, [(0, 0, "1")], bases=(None, None))
    assert ask(drawn, "[aligned.axis.name, aligned.axis.at]") == [name, at]


def test_a_checkpoint_is_held_against_its_base_else_against_the_first_of_its_run(ask):
    checkpoints = [
        checkpoint(0, "0", is_base=True),
        checkpoint(1, "a", step=100),
        checkpoint(1, "b", step=300),
        checkpoint(2, "a", step=200),
        checkpoint(2, "b", step=300),
    ]
    drawn = data(checkpoints, [(0, 0, "1")], bases=(None, 0, None))
    assert ask(drawn, "aligned.originOf") == [0, 0, 0, 3, 3]
    assert ask(drawn, "[2, 4].map((one) => aligned.originWords(one))") == ["base", "first checkpoint"]
    assert ask(drawn, "[0, 100, 200, 300].map((x) => aligned.at(1, x))") == [0, 1, 1, 2]  # the last one before
    assert ask(drawn, "[0, 100, 200, 300].map((x) => aligned.at(2, x))") == [-1, -1, 3, 4]


TWO_RUNS = [
    checkpoint(0, "0", is_base=True),
    checkpoint(1, "300", step=300),
    checkpoint(1, "600", step=600),
    checkpoint(2, "300", step=300),
    checkpoint(2, "900", step=900),
]


def test_two_are_comparable_where_all_seeds_are_known_once_and_some_are_common(ask):
    images = [(0, 0, "1"), (1, 0, "1"), (1, 1, "1"), (2, 0, "2"), (3, 0, "1"), (3, 1, ""), (4, 1, "1"), (4, 1, "1")]
    drawn = data(TWO_RUNS, images, bases=(None, 0, 0))
    told = ask(
        drawn, "[0, 1, 2, 3, 4].map((one) => [0, 1, 2, 3, 4].filter((other) => aligned.areComparable(one, other)))"
    )
    assert told == [[1], [0], [], [], []]


@pytest.mark.parametrize(
    ("without_seed", "winner", "pair"),
    [
        ((), 2, [1, 2]),  # the one before it
        ((1,), 2, [0, 2]),  # else its base
        ((), 1, [0, 1]),
        ((0, 1), 2, [3, 2]),  # else any other
        ((2,), 2, [3, 4]),  # the best cannot be compared: the last that can be
        ((), -1, [3, 4]),
        ((4,), -1, [0, 3]),
        ((0, 1, 2, 3, 4), 2, [3, 4]),
    ],
)
def test_a_comparison_begins_with_two_of_which_a_difference_can_be_told(ask, without_seed, winner, pair):
    images = [(c, p, "" if c in without_seed else "1") for c in range(5) for p in (0, 1)]
    found = ask(data(TWO_RUNS, images, bases=(None, 0, 0)), f"startingPair(context, {winner})")
    assert [found["left"], found["right"]] == pair


def test_runs_begin_with_two_that_share_a_step(ask):
    checkpoints = [checkpoint(run, str(step), step=step) for run, step in ((0, 300), (1, 600), (2, 300), (3, 600))]
    images = [(c, 0, "1") for c in range(4)]
    names = "data.runs.map((run) => run.name)"
    for winner, pair in ((-1, ["run 2", "run 0"]), (3, ["run 1", "run 3"]), (2, ["run 0", "run 2"])):
        found = ask(data(checkpoints, images, bases=(None,) * 4), f"startingRuns(context, {names}, {winner})")
        assert [found["left"], found["right"]] == pair
    images[2] = (2, 0, "")
    found = ask(data(checkpoints, images, bases=(None,) * 4), f"startingRuns(context, {names}, -1)")
    assert [found["left"], found["right"]] == ["run 3", "run 1"]


@pytest.mark.parametrize(("start", "place"), [(-1, [2, 0]), (4, [4, 1]), (1, [1, 0])])
def test_the_grid_begins_where_images_are(ask, start, place):
    """Rows are checkpoints in their order: the base is pinned, 1 has no image, and 4 none of the first prompt."""
    images = [(0, 0, "1"), (0, 1, "1"), (2, 0, "1"), (3, 0, "1"), (4, 1, "1")]
    drawn = data(TWO_RUNS, images, bases=(None, 0, 0)) | {"groups": []}
    studied = "globalThis.GRID_SIDES = [['56'], ['80']]; context.study = { metrics: new Map(), checkpoint: () => -1 };"
    view = f"const view = new GridView(context, {{ get: () => '' }}, [1, 2], {start}); return [view.row, view.column];"
    assert ask(drawn, f"(() => {{ {studied} {view} }})()") == place
