"""What is evaluated: the sets of images, which of them is the base, and which images of two sets belong together."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from metrics.engine.image_guard import open_image
from metrics.engine.images import FORMATS, MOST_BYTES
from metrics.errors import InputError, parameter
from metrics.files import read_regular_file
from metrics.text import natural_order
from study.folder.score_items import Collection
from study.generation.file_names import prompt_and_seed

_SETTINGS = ("steps", "guidance", "width", "height", "scheduler", "clip_skip")
_BASE = "base"


@dataclass(frozen=True)
class Picture:
    """One evaluated image.

    Attributes
    ----------
    item : str
        Its id.
    path : Path
        The file.
    set : str
        The set that it belongs to: MODEL/CHECKPOINT.
    prompt : str
        The prompt's text; "" where it is not known.
    prompt_key : str
        What tells its prompt from the others, also where a placeholder makes another text for each model.
    seed : str
        "" where it is not known.
    pair_key : tuple of str
        Images of two sets with the same key were drawn alike but for the checkpoint; empty where nothing tells.
    """

    item: str
    path: Path
    set: str
    prompt: str
    prompt_key: str
    seed: str
    pair_key: tuple[str, ...]


@dataclass(frozen=True)
class ImageSet:
    """The images of one checkpoint.

    Attributes
    ----------
    name : str
        MODEL/CHECKPOINT, MODEL, or "all".
    model, checkpoint : str
        "" where there are no such folders or columns.
    step : float or None
        How far it was trained.
    training_images : int or None
        On how many pictures.
    is_base : bool
        These are the base model's.
    base : str
        The set that it is compared with; "" for the base itself, and where there is none.
    images, prompts, seeds : int
        How many, each counted once; seeds 0 where they are not known.
    sizes : dict of str to int
        ``"512 x 512"`` and so on, the most frequent first.
    subject : str
        Whom or what its images show; "" where that is not known, or several.
    """

    name: str
    model: str
    checkpoint: str
    step: float | None
    training_images: int | None
    is_base: bool
    base: str
    images: int
    prompts: int
    seeds: int
    sizes: dict[str, int]
    subject: str = ""


def pictures_of(collection: Collection) -> list[Picture]:
    """What is known of each image.

    Parameters
    ----------
    collection : Collection
        Items with the rows of their table.

    Returns
    -------
    list of Picture
        In the order of the items. Prompt and seed come from the columns ``prompt_number``, ``prompt``, ``seed``, or
        from names such as p003_s42.png; where neither tells, images are paired by their file's name.
    """
    found = []
    for item, row in zip(collection.items, collection.rows, strict=True):
        number, seed = row.get("prompt_number", ""), row.get("seed", "")
        if named := prompt_and_seed(row["image"]):
            number, seed = number or str(named[0]), seed or str(named[1])
        subject = row.get("subject", "")
        prompt = number or " ".join(item.prompt.split())
        key = (subject, prompt, seed, *(row.get(name, "") for name in _SETTINGS)) if seed and prompt else ()
        found.append(
            Picture(
                item.item,
                item.image.path,
                item.group,
                item.prompt,
                "|".join(filter(None, (subject, prompt))),
                seed,
                key or (PurePosixPath(row["image"]).name,),
            )
        )
    return found


def sets_of(collection: Collection, pictures: Sequence[Picture], base: str | None = None) -> list[ImageSet]:
    """The sets, the base first, then by model and step.

    Parameters
    ----------
    collection : Collection
        Items with the rows of their table.
    pictures : sequence of Picture
        As `pictures_of` gives them.
    base : str, optional
        The name of the set that the others are compared with. Unless given it is the one whose column ``kind`` says
        base, whose model or checkpoint is called so, or whose step is 0: each model's own, or the only one there is.

    Raises
    ------
    InputError
        Where no set has the name given.
    """
    rows: dict[str, list[Mapping[str, str]]] = {}
    mine: dict[str, list[Picture]] = {}
    for row, picture in zip(collection.rows, pictures, strict=True):
        rows.setdefault(picture.set, []).append(row)
        mine.setdefault(picture.set, []).append(picture)
    if base is not None and base not in rows:
        known = ", ".join(sorted(rows)[:10])
        raise InputError(f"{parameter('base')} is {base}, and there is no such set; there are {known}.")
    bases = {base} if base is not None else {name for name, of in rows.items() if _is_base(of[0])}
    if len(bases) == len(rows):
        bases = set()  # nothing is left that could be compared
    found = [
        ImageSet(
            name=name,
            model=of[0].get("model", ""),
            checkpoint=of[0].get("checkpoint", ""),
            step=_step(of[0]),
            training_images=_whole(of[0].get("training_images", "")),
            is_base=name in bases,
            base="" if name in bases else _base_of(of, bases, rows),
            images=len(of),
            prompts=len({picture.prompt_key for picture in mine[name]} - {""}),
            seeds=len({picture.seed for picture in mine[name]} - {""}),
            sizes=_sizes(mine[name]),
            subject=next(iter(_subjects(of))) if len(_subjects(of)) == 1 else "",
        )
        for name, of in rows.items()
    ]
    return sorted(
        found,
        key=lambda one: (
            not one.is_base,
            natural_order(one.model),
            (one.step is None, one.step or 0.0),
            natural_order(one.name),
        ),
    )


def _is_base(row: Mapping[str, str]) -> bool:
    if row.get("kind"):
        return row["kind"] == _BASE
    named = {row.get("model", "").lower(), row.get("checkpoint", "").lower()}
    return _BASE in named or _step(row) == 0


def _subjects(rows: Sequence[Mapping[str, str]]) -> set[str]:
    return {row.get("subject", "") for row in rows}


def _base_of(
    mine: Sequence[Mapping[str, str]], bases: set[str], rows: Mapping[str, Sequence[Mapping[str, str]]]
) -> str:
    """The base of a set: of its own model, else the one with images of its subjects, else the only one."""
    own = [name for name in bases if rows[name][0].get("model", "") == mine[0].get("model", "")]
    same = [name for name in bases if "" not in _subjects(mine) and _subjects(mine) <= _subjects(rows[name])]
    chosen = own or same or list(bases)
    return chosen[0] if len(chosen) == 1 else ""


def _step(row: Mapping[str, str]) -> float | None:
    for cell in (row.get("step", ""), row.get("checkpoint", "")):
        try:
            step = float(cell)
        except ValueError:
            continue
        if math.isfinite(step):  # a folder may be called "nan" or "infinity"
            return step
    return None


def _whole(cell: str) -> int | None:
    return int(cell) if cell.isascii() and cell.isdigit() else None


def _sizes(pictures: Sequence[Picture]) -> dict[str, int]:
    """How many images have which size; files that cannot be opened are named elsewhere."""
    counts: Counter[str] = Counter()
    for picture in pictures:
        try:
            with open_image(read_regular_file(picture.path, MOST_BYTES), FORMATS) as image:
                counts[f"{image.width} x {image.height}"] += 1
        except Exception:  # a damaged file raises anything, and is named among those that were skipped
            continue
    return dict(counts.most_common())
