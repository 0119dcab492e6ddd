"""From a recipe to the list of all images: the base first, then each checkpoint, and which of them people rate."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from metrics.errors import InputError
from metrics.text import counted
from study.assignment.order import random_generator
from study.generation.file_names import safe_name
from study.generation.prompt_lines import PromptLine, fill
from study.generation.recipe import Recipe
from study.generation.types import BASE_STEP, Checkpoint, ImageRecipe, Plan

BASE = "base"
"""The model's name, and the first folder, of the base's images; of several sets of prompts, its beginning."""

MOST_IMAGES = 1_000_000
_BYTES_PER_PIXEL = (
    1.5  # the mean of 27 images of 512 x 512 by Stable Diffusion, at zlib's level 6; they go from 0.7 to 2.2
)


def make_plan(recipe: Recipe) -> Plan:
    """All images that a recipe asks for, in the order in which they are drawn.

    The base model comes first, as step 0, once for each set of filled prompts: in the folder ``base/0`` where all runs
    have the same prompts, and ``base-RUN/0`` where they differ, after the first run with these. What one of them has
    drawn already, as a prompt without a placeholder, is not drawn in a second.

    Parameters
    ----------
    recipe : Recipe

    Raises
    ------
    InputError
        For more than a million images, and for a run that has the base's name.

    Examples
    --------
    >>> from study.generation.recipe import Recipe
    >>> recipe = Recipe.model_validate({"prompts": ["a cat", "a dog"], "seeds": [1, 2], "checkpoints": []})
    >>> [image.file.as_posix() for image in make_plan(recipe).images]
    ['base/0/p000_s1.png', 'base/0/p000_s2.png', 'base/0/p001_s1.png', 'base/0/p001_s2.png']
    """
    lines, found = recipe.lines, recipe.found()
    each = sum(1 if line.seed is not None else len(recipe.seeds) for line in lines)
    if each * (len(found) + 1) > MOST_IMAGES:
        raise InputError(
            f"The recipe asks for {each:,} images of each of {counted(len(found) + 1, 'checkpoint')}, the base among "
            f"them; {MOST_IMAGES:,} images are the most. Take fewer prompts, seeds or checkpoints."
        )
    rated = _rated(lines, recipe)
    sets = _base_sets(recipe, lines, found)
    taken = {model.casefold() for model, _, _ in sets}
    for checkpoint, _ in found:
        if checkpoint.model.casefold() in taken:
            raise InputError(
                f"{checkpoint.path} is of a run called '{checkpoint.model}', which is the name of the base model's "
                "images; give its entry another 'model'."
            )
    images: list[ImageRecipe] = []
    drawn: set[ImageRecipe] = set()
    for model, of, words in sets:
        base = Checkpoint(model, str(BASE_STEP), "base", step=BASE_STEP, subject=of.subject, token=of.token)
        for image in _images(recipe, lines, base, words, rated):
            plain = replace(image, checkpoint=_NOBODY, prompt_number=0, group="", rate=False)
            if plain not in drawn:
                drawn.add(plain)
                images.append(image)
    for checkpoint, words in found:
        images += _images(recipe, lines, checkpoint, words, rated)
    config = Path(recipe.config) if recipe.config else None
    refused = tuple(recipe.refused)
    return Plan(recipe.base, tuple(images), recipe.revision, config, recipe.dtype, recipe.batch_size, refused)


_NOBODY = Checkpoint("", "", "base")


def _base_sets(
    recipe: Recipe, lines: Sequence[PromptLine], found: Sequence[tuple[Checkpoint, dict[str, str]]]
) -> list[tuple[str, Checkpoint, dict[str, str]]]:
    """The base's name, the checkpoint whose words it has, and these, for each set of filled prompts."""
    if not found:
        words = {"subject": recipe.subject, "token": recipe.token, "class": recipe.noun}
        return [(BASE, replace(_NOBODY, subject=recipe.subject, token=recipe.token), words)]
    sets: dict[tuple[str, ...], list[tuple[Checkpoint, dict[str, str]]]] = {}
    for checkpoint, words in found:
        negatives = [recipe.negative if line.negative is None else line.negative for line in lines]
        filled = tuple(fill(text, words) for text in [*(line.text for line in lines), *negatives])
        sets.setdefault(filled, []).append((checkpoint, words))
    named: dict[str, tuple[Checkpoint, dict[str, str]]] = {}
    for members in sets.values():
        first, words = members[0]
        subjects, tokens = {each.subject for each, _ in members}, {each.token for each, _ in members}
        of = replace(
            first,
            subject=first.subject if len(subjects) == 1 else "",
            token=first.token if len(tokens) == 1 else "",
        )
        name = BASE if len(sets) == 1 else safe_name(f"{BASE}-{first.model}")
        while name in named:  # a run with two sets of words
            name += "-other"
        named[name] = of, words
    return [(name, of, words) for name, (of, words) in named.items()]


def _images(
    recipe: Recipe,
    lines: Sequence[PromptLine],
    checkpoint: Checkpoint,
    words: dict[str, str],
    rated: set[tuple[int, int]],
) -> list[ImageRecipe]:
    images = []
    for number, line in enumerate(lines):
        own = line.settings()
        for seed in _seeds(line, recipe):
            images.append(
                ImageRecipe(
                    checkpoint,
                    prompt_number=number,
                    prompt=fill(line.text, words),
                    negative=fill(own.get("negative", recipe.negative), words),
                    seed=seed,
                    steps=own.get("steps", recipe.steps),
                    guidance=float(own.get("guidance", recipe.guidance)),
                    width=own.get("width", recipe.width),
                    height=own.get("height", recipe.height),
                    scheduler=own.get("scheduler", recipe.scheduler),
                    clip_skip=recipe.clip_skip,
                    group=line.group,
                    rate=(number, seed) in rated,
                )
            )
    return images


def _seeds(line: PromptLine, recipe: Recipe) -> list[int]:
    return recipe.seeds if line.seed is None else [line.seed]


def _rated(lines: Sequence[PromptLine], recipe: Recipe) -> set[tuple[int, int]]:
    """The prompts' numbers and seeds that people rate, the same of every checkpoint, so that these compare in pairs.

    Every prompt comes once before one comes twice, and groups as often as they have prompts.
    """
    rounds: list[dict[int, int]] = []  # of each: a seed of every prompt that has one left
    for number, line in enumerate(lines):
        seeds = random_generator(recipe.rate_seed, "rate", "seeds", str(number)).permutation(_seeds(line, recipe))
        for turn, seed in enumerate(seeds.tolist()):
            if turn == len(rounds):
                rounds.append({})
            rounds[turn][number] = seed
    dealt: list[tuple[int, int]] = []
    for turn, seed_of in enumerate(rounds):
        generator = random_generator(recipe.rate_seed, "rate", "prompts", str(turn))
        places: list[tuple[float, int]] = []
        for group in sorted({lines[number].group for number in seed_of}):
            mine = generator.permutation([number for number in seed_of if lines[number].group == group])
            offset = generator.random()
            places += [((place + offset) / len(mine), number) for place, number in enumerate(mine.tolist())]
        dealt += [(number, seed_of[number]) for _, number in sorted(places)]
    most = recipe.rate.per_checkpoint
    return set(dealt if most is None else dealt[:most])


def describe_plan(
    plan: Plan,
    folder: Path | None = None,
    seconds_per_image: float | None = None,
    unfinished: Collection[str] = (),
) -> list[str]:
    r"""What a plan comes to, a sentence a line: images, disk and time.

    Parameters
    ----------
    plan : Plan
    folder : Path, optional
        Where the images go; those that stand there are counted.
    seconds_per_image : float, optional
        As it was measured with this model and machine; None where nothing is known.
    unfinished : collection of str
        Images that stand there and are drawn again, by their paths below the folder.

    Examples
    --------
    >>> recipe = Recipe.model_validate({"prompts": ["a cat", "a dog"], "seeds": [1, 2], "checkpoints": []})
    >>> print("\n".join(describe_plan(make_plan(recipe))))
    4 images: 4 of the base model as step 0, and no checkpoint.
    People are to rate all 4.
    Disk: about 2 MB, an estimate from the number of pixels: 1.5 bytes each as PNG.
    Time: not known until the first batch is drawn.
    """
    total = len(plan.images)
    count = dict.fromkeys(plan.checkpoints, 0)
    rated = dict.fromkeys(plan.checkpoints, 0)
    for image in plan.images:
        count[image.checkpoint] += 1
        rated[image.checkpoint] += image.rate
    of_base = sum(number for checkpoint, number in count.items() if checkpoint.kind == "base")
    numbers = [number for checkpoint, number in count.items() if checkpoint.kind != "base"]
    runs = len({checkpoint.model for checkpoint in count if checkpoint.kind != "base"})
    of_checkpoints = (
        f"{_span(numbers)} of each of {counted(len(numbers), 'checkpoint')} of {counted(runs, 'run')}"
        if numbers
        else "no checkpoint"
    )
    lines = [f"{counted(total, 'image')}: {of_base:,} of the base model as step {BASE_STEP}, and {of_checkpoints}."]
    asked = sum(rated.values())
    if asked == total:
        lines.append(f"People are to rate all {total:,}.")
    else:
        share = f", {_span(list(rated.values()))} of each checkpoint" if asked else ""
        lines.append(f"People are to rate {asked:,} of {total:,}{share}; metrics score all.")
    there = [
        image
        for image in plan.images
        if folder is not None and image.file.as_posix() not in unfinished and (folder / image.file).is_file()
    ]
    left = total - len(there)
    if there:
        lines.append(f"{len(there):,} of them stand in {folder} already; {left:,} are to be drawn.")
    if not left:
        return lines
    known = set(there)
    size = sum(image.width * image.height for image in plan.images if image not in known) * _BYTES_PER_PIXEL
    lines.append(
        f"Disk: about {_bytes(size)}, an estimate from the number of pixels: {_BYTES_PER_PIXEL} bytes each as PNG."
    )
    if seconds_per_image is None:
        lines.append("Time: not known until the first batch is drawn.")
    else:
        lines.append(
            f"Time: about {_duration(left * seconds_per_image)}, at the {seconds_per_image:.2g} s an image that were "
            "measured in this folder."
        )
    return lines


def checkpoint_lines(plan: Plan) -> list[str]:
    """Each checkpoint on a line: its folder, how far it was trained, and how many images it has.

    Examples
    --------
    >>> recipe = Recipe.model_validate({"prompts": ["a cat"], "seeds": [1, 2], "checkpoints": []})
    >>> checkpoint_lines(make_plan(recipe))
    ['base/0: the base model, step 0, 2 images']
    """
    count = dict.fromkeys(plan.checkpoints, 0)
    for image in plan.images:
        count[image.checkpoint] += 1
    kinds = {"base": "the base model", "lora": "LoRA", "model": "whole model"}
    lines = []
    for each, number in count.items():
        far = [f"{noun} {value}" for noun, value in (("step", each.step), ("epoch", each.epoch)) if value is not None]
        trained = [counted(each.n_training_images, "training image")] if each.n_training_images else []
        scale = [f"strength {each.scale:g}"] if each.scale != 1 else []
        parts = [kinds[each.kind], *(far or ["step not known"]), *trained, *scale, counted(number, "image")]
        lines.append(f"{each.model}/{each.name}: {', '.join(parts)}")
    return lines


def _span(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _bytes(size: float) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{max(1, round(size / 1e6)):,} MB"


def _duration(seconds: float) -> str:
    """A time in words.

    Examples
    --------
    >>> _duration(40), _duration(600), _duration(9000)
    ('40 seconds', '10 minutes', '2.5 hours')
    """
    if seconds < 90:
        return counted(max(1, round(seconds)), "second")
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:,.1f} hours"
