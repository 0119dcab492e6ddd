"""Images that are among the references they are compared with: their scores say nothing of the generator."""

from collections.abc import Sequence

from metrics.engine.images import ImageSource
from metrics.engine.types import ComputedMetric, Item, Scored, union_name

OWN = "the image is among its own references"


def reference_keys(metric: ComputedMetric) -> frozenset[str] | None:
    """The contents of what stands for all references of a metric of sets; None where the items' own count."""
    given = getattr(metric, "reference", None)
    if given is None:
        return None
    photos = given if isinstance(given, tuple) else ()
    return frozenset(each.key for each in photos if isinstance(each, ImageSource))


def note_own_references(items: Sequence[Item], scored: Scored, common: frozenset[str] | None = None) -> None:
    """Note it with the scores of images and sets, and say how many images it concerns.

    Parameters
    ----------
    items : sequence of Item
        What was scored.
    scored : Scored
        By a metric that compares with references; its rows and sentences are changed.
    common : frozenset of str, optional
        Keys of references that stand in the place of the items' own.
    """
    own = {
        item.item: item.group
        for item in items
        if item.image.key in ({photo.key for photo in item.references} if common is None else common)
    }
    if not own:
        return
    scored.scores = [
        row._replace(note=_joined(row.note, OWN)) if row.item in own and row.score is not None else row
        for row in scored.scores
    ]
    everything = union_name(item.group for item in items)
    for place, row in enumerate(scored.set_scores):
        count = len(own) if row.set == everything else sum(group == row.set for group in own.values())
        if count:
            note = f"{count} of its images are among the references"
            scored.set_scores[place] = row._replace(note=_joined(row.note, note))
    scored.warnings.append(
        f"{len(own)} of {len(items)} images are among their own references (the first: {next(iter(own))}), so their "
        "scores here, and those of sets with them, are better than they should be; take them out of one of the two "
        "folders."
    )


def _joined(*notes: str) -> str:
    return "; ".join(filter(None, notes))
