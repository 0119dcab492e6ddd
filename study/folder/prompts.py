"""Which prompt each image has: from a table, a text file, Hugging Face's metadata, or captions beside the images."""

import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from calibration.tables.checking import check_items
from calibration.tables.reading import MOST_BYTES, decoded, read_table
from metrics.errors import InputError
from metrics.files import read_input, read_regular_file, reason
from metrics.text import counted, natural_order
from study.generation.sample_prompts import sample_prompts

_NAMES = ("item", "file_name", "image")  # columns that name the image, the first that is there
_TEXTS = ("prompt", "text", "caption")
_MOST_PROMPT_BYTES = 1_000_000
_ADVICE = "give the columns item and prompt (or file_name and text)"


_TRAINERS = (".txt", ".toml", ".json")
_NUMBER = "prompt_number"


def with_prompts(items: pd.DataFrame, path: Path, images: Sequence[str]) -> pd.DataFrame:
    """The items with their prompts; what the table says already stays.

    Parameters
    ----------
    items : DataFrame
    path : Path
        Where the items have prompts' numbers, as a trainer's samples have: its file of sample prompts (text, TOML or
        JSON). Else, and for a table or a folder, as `read_prompts` takes it.
    images : sequence of str
        Each image's path below the folder of images.

    Raises
    ------
    InputError
        Where it is not clear whose a prompt is, or there are fewer prompts than numbers.
    """
    own = items["prompt"] if "prompt" in items.columns else pd.Series("", index=items.index)
    numbers = items[_NUMBER] if _NUMBER in items.columns else pd.Series("", index=items.index)
    numbered = numbers.str.fullmatch(r"[0-9]{1,9}")
    if path.is_dir() or path.suffix.lower() not in _TRAINERS or not numbered.any():
        return items.assign(prompt=own.where(own != "", read_prompts(path, list(items["item"]), images)))
    texts = read_prompt_texts(path)
    most = numbers[numbered].astype(int).max()
    if most >= len(texts):
        raise InputError(
            f"{path} has {counted(len(texts), 'prompt')}, and the images' names count prompts from 0 to {most:,}; name "
            "the file that they were sampled by."
        )
    found = [texts[int(number)] if known else "" for number, known in zip(numbers, numbered, strict=True)]
    return items.assign(prompt=own.where(own != "", found))


def read_prompts(path: Path, items: Sequence[str], images: Sequence[str]) -> list[str]:
    """Each item's prompt.

    Parameters
    ----------
    path : Path
        A table (CSV, Parquet, or JSON lines as ``metadata.jsonl``) of item and prompt, or file_name and text; a text
        file with one prompt a line, in the natural order of the items (2.png before 10.png), or one for all; or a
        folder with a caption ``NAME.txt`` for the image ``NAME.png``, at the same place as below the images' folder.
    items, images : sequence of str
        Each item's name, and its image's path below the folder of images.

    Returns
    -------
    list of str
        In the order of the items; "" where the table or the captions have none.

    Raises
    ------
    InputError
        Where it is not clear whose a prompt is.
    """
    if path.is_dir():
        return _captions(path, images)
    if path.suffix.lower() == ".txt":
        return _lines(path, items)
    table = _table(path)
    names, prompts = list(table["item"]), list(table["prompt"])
    found = _matched(path, names, items, images)
    by_place: dict[int, str] = {}
    for name, place, prompt in zip(names, found, prompts, strict=True):
        if place is not None and by_place.setdefault(place, prompt) != prompt:
            raise InputError(f"{path} has two prompts for '{items[place]}', the second at '{name}'; keep one.")
    if not by_place:
        raise InputError(f"{path} names none of the images as an item; it must name them as '{items[0]}'.")
    strange = [name for name, place in zip(names, found, strict=True) if place is None]
    lacking = [item for place, item in enumerate(items) if place not in by_place]
    if strange and lacking:
        raise InputError(
            f"{path} names '{strange[0]}', which is none of the images, and has no prompt for '{lacking[0]}'; correct "
            "the names."
        )
    return [by_place.get(place, "") for place in range(len(items))]


def read_prompt_texts(path: Path) -> list[str]:
    """The prompts of a file that a trainer samples by, as kohya's sd-scripts read it, in their order.

    Raises
    ------
    InputError
        Where it cannot be read, or a line of it.
    """
    try:
        text = read_regular_file(path, _MOST_PROMPT_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = reason(error) if isinstance(error, OSError) else "it is no UTF-8 text"
        raise InputError(f"{path} cannot be read ({why}); name the trainer's file of sample prompts.") from None
    try:
        texts = sample_prompts(text, path.suffix)
    except ValueError as error:
        raise InputError(f"{path} cannot be read ({error}); name the trainer's file of sample prompts.") from None
    if not any(texts):
        raise InputError(f"{path} holds no prompt; name the trainer's file of sample prompts, a prompt a line.")
    return texts


def _table(path: Path) -> pd.DataFrame:
    """The columns item and prompt of a table, by whichever names."""
    raw = _json_lines(path) if path.suffix.lower() == ".jsonl" else read_table(path)[0]
    name = next((column for column in _NAMES if column in raw.columns), None)
    text = next((column for column in _TEXTS if column in raw.columns), None)
    if name is None:
        raise InputError(f"{path} has no column 'item', which names the images; {_ADVICE}.")
    if text is None:
        raise InputError(f"{path} has no column 'prompt'; {_ADVICE}, or a text file, a line each.")
    return check_items(raw[[name, text]].rename(columns={name: "item", text: "prompt"}), str(path)).frame


def _json_lines(path: Path) -> pd.DataFrame:
    text = decoded(path, read_input(path, MOST_BYTES, "check the path"), "save it as UTF-8")
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise InputError(f"{path}, line {number}: this is no JSON object; write one a line, such as {_EXAMPLE}.")
        rows.append({key: value for key, value in row.items() if isinstance(value, str)})
    return pd.DataFrame(rows, dtype=str).fillna("")


_EXAMPLE = '{"file_name": "1.png", "text": "a cat"}'


def _matched(path: Path, names: Sequence[str], items: Sequence[str], images: Sequence[str]) -> list[int | None]:
    """The place of the item that each name means: by its whole name, then without suffix, then without folders."""
    readings = (str, _without_suffix, _file, lambda name: _without_suffix(_file(name)))
    indexes: list[dict[str, set[int]]] = []
    for reading in readings:
        index: dict[str, set[int]] = {}
        for place, both in enumerate(zip(items, images, strict=True)):
            for name in both:
                index.setdefault(reading(_plain(name)), set()).add(place)
        indexes.append(index)
    found: list[int | None] = []
    for name in names:
        plain = _plain(name)
        hits = next((index[plain] for index in indexes if plain in index), set())
        if not hits and _is_absolute(plain):  # of another machine; a folder below the images' is meant as it stands
            hits = next((index[_file(plain)] for index in indexes[2:] if _file(plain) in index), set())
        if len(hits) > 1:
            raise InputError(
                f"{path} names '{name}', which may be {counted(len(hits), 'image')}, among them "
                f"'{items[min(hits)]}'; write the whole path below the folder of images."
            )
        found.append(next(iter(hits), None))
    return found


def _plain(name: str) -> str:
    r"""A path with slashes only.

    Examples
    --------
    >>> _plain(r".\m\1.png")
    'm/1.png'
    """
    return name.replace("\\", "/").removeprefix("./")


def _is_absolute(name: str) -> bool:
    return name.startswith("/") or name[1:3] == ":/"


def _file(name: str) -> str:
    return name.rpartition("/")[2]


def _without_suffix(name: str) -> str:
    return str(PurePosixPath(name).with_suffix("")) if _file(name) else name


def _captions(folder: Path, images: Sequence[str]) -> list[str]:
    """The text of NAME.txt for each image NAME.png."""
    prompts = []
    for image in images:
        file = folder / Path(image).with_suffix(".txt")
        if not file.is_file():
            prompts.append("")
            continue
        text = decoded(file, read_input(file, MOST_BYTES, "check the path"), "save it as UTF-8")
        prompts.append(" ".join(text.split()))
    if not any(prompts):
        raise InputError(
            f"{folder} holds no caption for any of the images, such as {Path(images[0]).with_suffix('.txt')}; name the "
            "folder of captions, or a table of item and prompt."
        )
    return prompts


def _lines(path: Path, items: Sequence[str]) -> list[str]:
    text = decoded(path, read_input(path, MOST_BYTES, "check the path"), "save it as UTF-8")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) == 1:
        return lines * len(items)
    if len(lines) != len(items):
        raise InputError(
            f"{path} has {counted(len(lines), 'prompt')} for {counted(len(items), 'image')}; give one line an image, "
            "one line for all, or a table of item and prompt."
        )
    in_order = dict(zip(sorted(items, key=natural_order), lines, strict=True))  # 2.png before 10.png
    return [in_order[item] for item in items]
