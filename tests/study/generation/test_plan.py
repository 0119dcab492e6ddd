"""From a recipe to its images: the base as step 0, batches, which of them people rate, and what it costs."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.errors import InputError
from study.generation.plan import checkpoint_lines, describe_plan, make_plan
from study.generation.recipe import Recipe, load_recipe
from study.generation.types import Checkpoint
from tests.study.generation.training_runs import kohya_run


def plan_of(tmp_path, text: str):
    path = tmp_path / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return make_plan(load_recipe(path))


def base_plan(prompts, seeds=(1,), **more):
    """A plan of the base alone, which needs no files."""
    content = {"prompts": list(prompts), "seeds": list(seeds), "checkpoints": [], **more}
    return make_plan(Recipe.model_validate(content))


@pytest.fixture
def two_runs(tmp_path):
    kohya_run(tmp_path / "anna", "anna", [300, 600], images=12)
    kohya_run(tmp_path / "bob", "bob", [300], images=20)
    return tmp_path


WORDS = "checkpoints:\n- {path: anna, token: sks, subject: anna}\n- {path: bob, token: ohwx, subject: bob}\n"


def test_the_base_is_step_0_and_comes_once_where_all_have_the_same_prompts(two_runs):
    plan = plan_of(two_runs, "prompts: [a cat, a dog]\nseeds: [7, 9]\nsubject: x\ncheckpoints: [anna, bob]\n")
    files = [image.file.as_posix() for image in plan.images]
    assert files[:5] == [
        "base/0/p000_s7.png",
        "base/0/p000_s9.png",
        "base/0/p001_s7.png",
        "base/0/p001_s9.png",
        files[4],
    ]
    assert [f"{each.model}/{each.name}" for each in plan.checkpoints] == ["base/0", "anna/300", "anna/600", "bob/300"]
    base = plan.checkpoints[0]
    assert (base.kind, base.step, base.path, base.subject, base.n_training_images) == ("base", 0, None, "x", None)
    assert len(files) == len(set(files)) == 4 * 4


def test_the_base_comes_once_for_each_set_of_filled_prompts(two_runs):
    plan = plan_of(two_runs, "prompts: ['photo of {token}', a tree --d 5]\nseeds: [1, 2]\n" + WORDS)
    of_base = [(image.file.as_posix(), image.prompt) for image in plan.images if image.checkpoint.kind == "base"]
    assert of_base == [
        ("base-anna/0/p000_s1.png", "photo of sks"),
        ("base-anna/0/p000_s2.png", "photo of sks"),
        ("base-anna/0/p001_s5.png", "a tree"),
        ("base-bob/0/p000_s1.png", "photo of ohwx"),
        ("base-bob/0/p000_s2.png", "photo of ohwx"),
    ]
    assert [each.subject for each in plan.checkpoints[:2]] == ["anna", "bob"]


def test_a_base_that_serves_two_subjects_has_none(two_runs):
    plan = plan_of(two_runs, "prompts: [a tree]\nseeds: [1]\n" + WORDS)
    assert [(each.model, each.subject, each.token) for each in plan.checkpoints] == [
        ("base", "", ""),
        ("anna", "anna", "sks"),
        ("anna", "anna", "sks"),
        ("bob", "bob", "ohwx"),
    ]


def test_a_run_with_the_bases_name_is_refused(two_runs):
    with pytest.raises(InputError, match=r"is of a run called 'Base'.*another 'model'"):
        plan_of(two_runs, "prompts: [a]\nseeds: [1]\ncheckpoints: [{path: anna, model: Base}]\n")


def test_prompts_say_their_own_settings(two_runs):
    text = "prompts: [a cat --n {token} --w 640 --h 768 --d 5 --l 3 --s 20 --ss euler_a, a dog]\n"
    text = text.replace("[a", "['a").replace("euler_a,", "euler_a',")
    plan = plan_of(two_runs, f"{text}seeds: [1]\nnegative: 'dark'\ntoken: t\ncheckpoints: []\n")
    first, second = plan.images
    assert (first.negative, first.width, first.height, first.seed) == ("t", 640, 768, 5)
    assert (first.guidance, first.steps, first.scheduler) == (3.0, 20, "EulerAncestralDiscreteScheduler")
    assert (second.negative, second.width, second.height, second.seed) == ("dark", 512, 512, 1)
    assert (second.guidance, second.steps, second.scheduler) == (7.5, 30, "")


def test_too_many_images_are_refused_before_they_are_listed():
    prompts = [f"a cat {number}" for number in range(1001)]
    with pytest.raises(InputError, match=r"1,001,000 images of each of 1 checkpoint.*1,000,000 images are the most"):
        base_plan(prompts, range(1000))


@given(
    st.lists(st.tuples(st.sampled_from(["", "a", "b"]), st.booleans()), min_size=1, max_size=9),
    st.integers(1, 4),
    st.integers(1, 40),
    st.integers(0, 5),
)
def test_rated_images_are_balanced_over_prompts_and_seeded(prompts, n_seeds, number, rate_seed):
    entries = [
        {"text": f"a cat {place}{' --d 99' if own else ''}", "group": group}
        for place, (group, own) in enumerate(prompts)
    ]
    more = {"rate": f"{number} per checkpoint", "rate_seed": rate_seed}
    plan = base_plan(entries, range(n_seeds), **more)
    rated = [image for image in plan.images if image.rate]
    assert len(rated) == min(number, len(plan.images))
    drawn, counts = (Counter(image.prompt_number for image in images) for images in (plan.images, rated))
    for place in drawn:  # none comes twice more often than another that has images left
        most = max(counts.values())
        assert counts[place] >= min(most - 1, drawn[place])
    assert base_plan(entries, range(n_seeds), **more) == plan


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 24))
def test_rated_prompts_are_as_many_of_each_group_as_it_has(n_a, n_b, number):
    entries = [{"text": f"a {n}", "group": "a"} for n in range(n_a)] + [
        {"text": f"b {n}", "group": "b"} for n in range(n_b)
    ]
    number = min(number, n_a + n_b)
    plan = base_plan(entries, rate=f"{number} per checkpoint")
    found = sum(image.rate and image.group == "a" for image in plan.images)
    assert abs(found - number * n_a / (n_a + n_b)) < 2


def test_every_checkpoint_has_the_same_prompts_and_seeds_rated(two_runs):
    prompts = "prompts: ['{token} a', '{token} b', '{token} c']\nseeds: 1-4\nrate: 5 per checkpoint\n"
    plan = plan_of(two_runs, prompts + WORDS)
    pairs: dict[Checkpoint, set[tuple[int, int]]] = {}
    for image in plan.images:
        if image.rate:
            pairs.setdefault(image.checkpoint, set()).add((image.prompt_number, image.seed))
    assert len(pairs) == 5
    assert len(set(map(frozenset, pairs.values()))) == 1
    other = plan_of(two_runs, prompts + "rate_seed: 1\n" + WORDS)
    assert [image.rate for image in other.images] != [image.rate for image in plan.images]


def test_rate_all_and_none():
    assert all(image.rate for image in base_plan(["a", "b"], rate="all").images)
    assert not any(image.rate for image in base_plan(["a", "b"], rate="none").images)


@given(
    st.lists(st.tuples(st.sampled_from([256, 512]), st.sampled_from([10, 20])), min_size=1, max_size=12),
    st.integers(1, 3),
    st.integers(1, 5),
)
def test_batches_hold_every_image_once_in_order_and_share_all_but_prompt_and_seed(prompts, n_seeds, size):
    lines = [f"a {place} --w {width} --s {steps}" for place, (width, steps) in enumerate(prompts)]
    plan = base_plan(lines, range(n_seeds), batch_size=size)
    batches = list(plan.batches())
    assert [image for batch in batches for image in batch] == list(plan.images)
    for batch in batches:
        assert len(batch) <= size
        assert len({(image.checkpoint, image.width, image.steps) for image in batch}) == 1


def test_what_a_dry_run_says_is_what_the_plan_holds(two_runs):
    text = "prompts: ['{token} a', '{token} b']\nseeds: 1-3\nrate: 4 per checkpoint\nwidth: 1024\nheight: 1000\n"
    plan = plan_of(two_runs, text + WORDS)
    assert describe_plan(plan) == [
        "30 images: 12 of the base model as step 0, and 6 of each of 3 checkpoints of 2 runs.",
        "People are to rate 20 of 30, 4 of each checkpoint; metrics score all.",
        "Disk: about 46 MB, an estimate from the number of pixels: 1.5 bytes each as PNG.",
        "Time: not known until the first batch is drawn.",
    ]
    assert checkpoint_lines(plan) == [
        "base-anna/0: the base model, step 0, 6 images",
        "base-bob/0: the base model, step 0, 6 images",
        "anna/300: LoRA, step 300, epoch 1, 12 training images, 6 images",
        "anna/600: LoRA, step 600, epoch 1, 12 training images, 6 images",
        "bob/300: LoRA, step 300, epoch 1, 20 training images, 6 images",
    ]
    for image in plan.images[:10]:
        path = two_runs / "out" / image.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert describe_plan(plan, two_runs / "out", seconds_per_image=30)[2:] == [
        f"10 of them stand in {two_runs / 'out'} already; 20 are to be drawn.",
        "Disk: about 31 MB, an estimate from the number of pixels: 1.5 bytes each as PNG.",
        "Time: about 10 minutes, at the 30 s an image that were measured in this folder.",
    ]
