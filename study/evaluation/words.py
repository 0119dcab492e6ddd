"""What the evaluation says in sentences: each is a claim, held against the figures by a test."""

from collections.abc import Sequence

from calibration.aesthetic.clusters import FEWEST_CLUSTERS
from calibration.page.score_digits import score_text
from metrics.text import counted, listed
from study.evaluation.copies import MOST_REFERENCES
from study.evaluation.figures import Difference, Figure
from study.evaluation.sets import ImageSet
from study.evaluation.types import FEWEST, MOST, Evaluation, Measured

SIZE = "512 x 512"
_NAMED = 5

GUIDES = (
    "Rules of thumb from guides to person LoRAs (20 to 100 images, varied prompts, 512 x 512 pixels), no measurements. "
    "They contradict each other: for LPIPS the line is drawn at 0.15 in one place and at 0.20 in another."
)


def in_short(found: Evaluation) -> list[str]:
    """A sentence for each metric on which set leads, if that can be told, and how it stands to the base.

    Parameters
    ----------
    found : Evaluation
        What `study.evaluation.run.evaluate` gave.

    Returns
    -------
    list of str
        Empty where there is one set and no base.
    """
    said = []
    for metric in found.metrics:
        for subject in found.subjects:
            leading = found.leading(metric, subject)
            if leading is not None:
                said.append(_on_leading(found, metric, leading))
                continue
            said += [
                f"{metric.title}: {one.name} is {_against_base(gap, metric, one)}."
                for one in found.sets
                if one.base and one.subject == subject and (gap := found.difference(one.name, one.base, metric.name))
            ]
        few = [
            f"{figure.set} ({_in_full(found, figure)})"
            for one in found.sets
            if (figure := found.figure(one.name, metric.name)) and figure.n < one.images and not found.is_sound(figure)
        ]
        if few:
            said.append(
                f"{metric.title}: {listed(few, most=_NAMED)} {'rests' if len(few) == 1 else 'rest'} on too few images "
                "to be compared."
            )
    return said


def _on_leading(found: Evaluation, metric: Measured, leading: Figure) -> str:
    mine = next(one for one in found.sets if one.name == leading.set)
    alike = found.not_apart(metric, leading)
    value = f"{leading.set} ({_in_full(found, leading)})"
    if alike:
        start = f"{metric.title}: {value} cannot be told apart from {_many(found, metric, leading, alike)}"
        gaps = {name: found.difference(leading.set, name, metric.name) for name in alike}
        unknown = [name for name, gap in gaps.items() if gap is None or gap.low is None]
        if unknown:
            which = "" if unknown == alike else f" to {_many(found, metric, leading, unknown)}"
            start += f" (there are too few pairs for an interval of the difference{which})"
    else:
        way = "highest" if metric.better == "higher" else "lowest"
        of = f" of {mine.subject}" if len(found.subjects) > 1 and mine.subject else ""
        gaps = {name: found.difference(leading.set, name, metric.name) for name in _rivals(found, leading)}
        these = next((_of_these(gap, mine) for gap in gaps.values() if gap and gap.over == "images"), "")
        start = f"{metric.title} is {way} in {value}, apart from each other checkpoint{of}{these}"
    gap = found.difference(leading.set, mine.base, metric.name) if mine.base else None
    return f"{start}; it is {_against_base(gap, metric, mine)}." if gap else f"{start}."


def _rivals(found: Evaluation, leading: Figure) -> list[str]:
    """The other checkpoints of the same subject."""
    subject = next(one.subject for one in found.sets if one.name == leading.set)
    return [one.name for one in found.sets if not one.is_base and one.subject == subject and one.name != leading.set]


def _of_these(gap: Difference, mine: ImageSet) -> str:
    """What to add where a difference was told by more seeds of the same few prompts; "" where it holds for others."""
    if gap.over != "images" or not mine.prompts:
        return ""
    return " of this prompt" if mine.prompts == 1 else " of these prompts"


def _many(found: Evaluation, metric: Measured, leading: Figure, names: Sequence[str]) -> str:
    """Some of a subject's other checkpoints; where they are most of many, those that they are not."""
    if len(names) <= _NAMED:
        return listed(names)
    rest = [name for name in found.rivals(metric, leading) if name not in names]
    if len(rest) > _NAMED:
        return listed(names, most=_NAMED)
    return "any other checkpoint" + (f" but {listed(rest)}" if rest else "")


def _in_full(found: Evaluation, figure: Figure) -> str:
    """A figure with its interval, on how many images it rests, and what it is without copies."""
    images = next(one.images for one in found.sets if one.name == figure.set)
    rests = f"{figure.n:,} of {counted(images, 'image')}" if figure.n < images else counted(images, "image")
    without = without_copies(found, figure)
    return f"{estimate(figure)}, {rests}" + (f"; {without}" if without else "")


def without_copies(found: Evaluation, figure: Figure) -> str:
    """What a figure is without the copies of reference photos that it counts; "" where it counts none."""
    if (figure.set, figure.metric) not in found.without_copies:
        return ""
    count, without = found.without_copies[figure.set, figure.metric]
    copies = f"{count:,} {'copy' if count == 1 else 'copies'}"
    if without is None:
        return f"nothing is left without {copies} of reference photos"
    return f"{estimate(without)} without {copies} of reference photos"


def _against_base(gap: Difference, metric: Measured, mine: ImageSet) -> str:
    """How a set stands to the base, as a part of a sentence."""
    if gap.low is None or gap.high is None:
        return f"not told apart from {gap.other} ({counted(gap.pairs, 'pair')}, too few for an interval)"
    pairs = f"{counted(gap.pairs, 'pair')}{_of_these(gap, mine)}"
    within = f"difference {number(gap.low)} to {number(gap.high)}, {pairs}"
    if not gap.is_apart:
        return f"not told apart from {gap.other} ({within})"
    return f"{number(abs(gap.value))} {'above' if gap.value >= 0 else 'below'} {gap.other} ({within})"


def on_chance(found: Evaluation) -> list[str]:
    """What FID is worth at these numbers of images."""
    if not found.chance:
        return []
    within = [name for name, one in found.chance.items() if one.above < 1]
    said = []
    if within:
        said.append(
            "In some of the random splits the reference's two halves were as far apart as the images of "
            f"{listed(within, most=_NAMED)} from one of them: there FID does not tell the images from the reference."
        )
    fewest = min(one.k for one in found.chance.values())
    said.append(
        f"FID is compared at {counted(fewest, 'image')} a side"
        + (" and more" if any(one.k > fewest for one in found.chance.values()) else "")
        + ": with so few it is far above 0 also where nothing differs, so it can be compared within this table, and "
        "with no other."
    )
    if fewest < FEWEST // 2:
        said.append(
            "Of so few images FID says next to nothing; give a larger set of real images with --real, or look at KID."
        )
    return said


def on_copies(found: Evaluation) -> list[str]:
    """How many images are copies of a training photo, or nearer to one than photos are to each other."""
    nearest = found.nearness.nearest
    if not nearest:
        return []
    copies = [one.item for one in nearest if one.is_copy]
    near = [one.item for one in nearest if one.is_near]
    said = []
    if copies:
        said.append(
            f"{counted(len(copies), 'image')} of {len(nearest):,} {'is' if len(copies) == 1 else 'are'} as near to a "
            f"reference photo as a copy of it: {listed(copies, most=_NAMED)}. The model may have learned the photo by "
            "heart, or the photo lies among the images."
        )
    else:
        said.append(f"None of {counted(len(nearest), 'image')} is as near to a reference photo as a copy of it.")
    counted_in = [
        f"{metric.title} of {one.name} ({number(figure.value)}; {without})"
        for one in found.sets
        for metric in found.metrics
        if (figure := found.figure(one.name, metric.name)) and (without := without_copies(found, figure))
    ]
    if counted_in:
        said.append(f"Copies count in the figures: {'; '.join(counted_in)}.")
    if near:
        said.append(
            f"{counted(len(near), 'image')} {'is' if len(near) == 1 else 'are'} no copy, but nearer to a photo than "
            f"any two photos are to each other: {listed(near, most=_NAMED)}. Of many images some are so by chance; "
            "look at them."
        )
    if found.nearness.twins:
        (one, other), count = found.nearness.twins[0], len(found.nearness.twins)
        said.append(
            f"{counted(count, 'pair')} of reference photos are copies of each other, "
            f"the first {one.name} and {other.name}."
        )
    return said


def how_nearness(found: Evaluation) -> str:
    """What was measured to find copies, and by which threshold; "" where nothing was."""
    if not found.nearness.nearest:
        return ""
    limits = {one.reference: one.copy_distance for one in found.nearness.nearest}
    photos = {one.photo_distance for one in found.nearness.nearest if one.photo_distance is not None}
    apart = f" The nearest two photos that are no copies are {number(min(photos))} apart." if photos else ""
    if not photos and len(limits) == 1:
        apart = " There is one photo only, so nothing tells how far apart different photos would be."
    measure = "LPIPS" if found.nearness_by == "LPIPS" else "1 minus the cosine of CLIP embeddings"
    return (
        f"Distances are {measure}, to the photo as it is or mirrored. A copy is what lies no farther from a photo than "
        "the photo itself at half its size, saved as JPEG of quality 50, or cut by 5 % on each side, and no farther "
        "than half the mean distance of the other "
        f"photos from it: here {span(list(limits.values()))}.{apart} A copy that was cut or changed more than that is "
        "not found."
    )


def cautions(found: Evaluation) -> list[str]:
    """Where the images are fewer or other than guides presume, and what cannot be compared."""
    said = [found.not_drawn] if found.not_drawn else []
    few = [one for one in found.sets if one.images < FEWEST]
    many = [one for one in found.sets if one.images > MOST]
    if few:
        said.append(
            f"{_sets(few, found)} fewer than {FEWEST} images ({span([one.images for one in few])}): figures are "
            "uncertain, and rules of thumb do not hold."
        )
    if many:
        said.append(f"{_sets(many, found)} more than {MOST} images, beyond what rules of thumb are said of.")
    single = [one for one in found.sets if one.prompts == 1]
    if single:
        said.append(
            f"{_sets(single, found)} images of one prompt only: nothing is said of other prompts, and intervals are "
            "over images of this one."
        )
    scarce = [one for one in found.sets if 1 < one.prompts < FEWEST_CLUSTERS]
    if scarce:
        said.append(
            f"{_sets(scarce, found)} images of fewer than {FEWEST_CLUSTERS} prompts "
            f"({span([one.prompts for one in scarce])}): nothing is said of other prompts, and intervals are over "
            "images of these."
        )
    unknown = [one for one in found.sets if one.prompts == 0]
    if unknown:
        said.append(
            f"{_sets(unknown, found)} no known prompts; add --prompts FILE, so that intervals are over prompts."
        )
    other = [one for one in found.sets if set(one.sizes) - {SIZE}]
    if other:
        sizes = dict.fromkeys(size for one in other for size in one.sizes if size != SIZE)
        said.append(f"{_sets(other, found)} images of other sizes than {SIZE}: {listed(sizes, most=_NAMED)}.")
    alone = [one for one in found.sets if not one.is_base and not one.base]
    if alone and len(found.sets) > 1:
        said.append(f"{_sets(alone, found)} no base to be compared with; name it with --base.")
    unpaired = [
        one
        for one in found.sets
        if one.base
        and any(metric.scores == "image" for metric in found.metrics)
        and not any((gap.set, gap.other) == (one.name, one.base) for gap in found.differences)
    ]
    if unpaired:
        said.append(
            f"{_sets(unpaired, found)} no image of the same prompt and seed as the base; differences are left out."
        )
    said += [*_on_unscored(found), *_on_same_files(found)]
    if found.nearness.too_many:
        said.append(
            f"Copies are not looked for where a subject has more than {MOST_REFERENCES} photos, and one has "
            f"{found.nearness.too_many:,}; give the photos that the model was trained on alone."
        )
    if not found.references:
        said.append("There are no reference photos, so likeness and copies are not measured; add --references PHOTOS.")
    return said


def _on_unscored(found: Evaluation) -> list[str]:
    """How many images have no score by a metric, and why."""
    total = counted(len(found.pictures), "image")
    said = []
    if unreadable := sum(picture.path in found.result.skipped for picture in found.pictures):
        said.append(f"{unreadable:,} of {total} cannot be read and {'has' if unreadable == 1 else 'have'} no score.")
    for one in found.unscored:
        reasons = [f"{reason}: {count:,}" for reason, count in one.reasons.items()]
        why = ", ".join(reasons[:_NAMED]) + (" and others" if len(reasons) > _NAMED else "")
        if found.scores.get(one.metric.name):
            have = f"{one.images:,} of {total} {'has' if one.images == 1 else 'have'} no score"
            said.append(f"{one.metric.title}: {have} ({why}); means are over the others.")
        else:
            said.append(f"{one.metric.title}: no image has a score ({why}), so it is left out.")
    return said


def _on_same_files(found: Evaluation) -> list[str]:
    """Images that are there twice: within a set they make intervals too narrow, in two sets nothing differs."""
    sets = {picture.item: picture.set for picture in found.pictures}
    within = [pair for pair in found.same_files if sets[pair[0]] == sets[pair[1]]]
    across = [pair for pair in found.same_files if sets[pair[0]] != sets[pair[1]]]
    said = []
    if within:
        said.append(
            f"{counted(len(within), 'image')} {'is' if len(within) == 1 else 'are'} the same file as another of the "
            f"same set, the first {within[0][0]} as {within[0][1]}: each counts, so intervals are narrower than they "
            "should be; remove the doubles."
        )
    if across:
        said.append(
            f"{counted(len(across), 'image')} {'is' if len(across) == 1 else 'are'} the same file as one of another "
            f"set, the first {across[0][0]} as {across[0][1]}: a checkpoint that changes nothing draws so, or a file "
            "was copied."
        )
    return said


def _sets(sets: Sequence[ImageSet], found: Evaluation) -> str:
    names = [one.name for one in sets]
    if len(names) == len(found.sets):
        return "All sets have" if len(names) > 1 else f"{names[0]} has"
    return f"{listed(names, most=_NAMED)} {'has' if len(names) == 1 else 'have'}"


def number(value: float) -> str:
    """A figure with three significant digits.

    Examples
    --------
    >>> number(0.123456), number(-0.5), number(231.4)
    ('0.123', '−0.5', '231')
    """
    return score_text(value, 3)


def span(values: Sequence[float]) -> str:
    """The least and the greatest, or the one that there is.

    Examples
    --------
    >>> span([0.25, 0.5]), span([12, 12])
    ('0.25 to 0.5', '12')
    """
    low, high = number(min(values)), number(max(values))
    return low if low == high else f"{low} to {high}"


def estimate(figure: Figure) -> str:
    """A figure with its interval.

    Examples
    --------
    >>> estimate(Figure("a", "lpips", 0.5, 0.25, 0.75, 9, "images"))
    '0.5, 0.25 to 0.75'
    """
    if figure.low is None or figure.high is None:
        return number(figure.value)
    return f"{number(figure.value)}, {number(figure.low)} to {number(figure.high)}"
