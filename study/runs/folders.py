"""A run's folder as it is written: which of its pictures are of which checkpoint, prompt and seed.

Trainers' folders of samples, what `humangrade generate` draws, and folders MODEL/STEP/FILE are understood. A picture
that is being written is left for the next look.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from calibration.tables.checking import records
from calibration.tables.reading import read_table
from metrics.engine.image_folders import image_files
from metrics.engine.images import MOST_BYTES, SUFFIXES, UnreadableImage, decode_image, large_ones_alone
from metrics.engine.run import Progress, Silent
from metrics.errors import InputError
from metrics.files import read_regular_file, reason
from metrics.text import counted, is_plain, listed, quoted
from study.folder.create import place_cells
from study.generation.layouts import checkpoint_name
from study.generation.samples import read_samples
from study.generation.sets import ITEMS
from study.runs.record import recipe_text
from study.runs.tracking.checkpoint_files import CheckpointFiles, Files, matching
from study.runs.watch import Settled, Stamp, absolute
from study.store.run_cells import whole

COLUMNS = (
    *("model", "subject", "n_training_images", "checkpoint", "step", "epoch", "kind", "checkpoint_file"),
    *("checkpoint_sha256", "layers_in_file", "layers_applied", "prompt", "negative", "group", "seed", "recipe"),
    *("path", "sha256", "width", "height", "size", "mtime_ns"),
)
"""What `Taken.images` says of each picture; "" or missing where it is not known."""

_OURS = {"training_images": "n_training_images", "file": "checkpoint_file", "lora_sha256": "checkpoint_sha256"}
_KEPT = {"sample", "samples", "validation_images"}  # where trainers keep samples; their run stands above
_WHOLE = ("step", "epoch", "training_images", "n_training_images", "layers_in_file", "layers_applied")
_WORKERS = 4


@dataclass(frozen=True)
class Taken:
    """What a look at a folder found.

    Attributes
    ----------
    images : DataFrame
        A row for each whole picture of a checkpoint, columns `COLUMNS`; ``path`` is absolute.
    waiting : int
        Pictures that are perhaps being written.
    broken : dict of Path to str
        Pictures that are written to their end and cannot be read, each with the reason.
    notes : list of str
        What was understood, and what is to be known of it.
    unfinished : set of (str, str)
        The checkpoints, model and name, of which a picture is perhaps being written.
    """

    images: pd.DataFrame
    waiting: int = 0
    broken: dict[Path, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unfinished: set[tuple[str, str]] = field(default_factory=set)


@dataclass(frozen=True)
class Known:
    """What the record knows already, so that it is not read again.

    Attributes
    ----------
    pictures : mapping of str to (int, int, str)
        By path: the file's size, its time of change in nanoseconds, and the sha256 of what it held.
    checkpoints : mapping of str to str
        The sha256 of checkpoints' files by path.
    """

    pictures: Mapping[str, tuple[int, int, str]] = field(default_factory=dict)
    checkpoints: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Picture:
    """A picture's content: its sha256 and size in pixels (0 where it was known before), or what is wrong."""

    sha256: str = ""
    width: int = 0
    height: int = 0
    problem: str = ""


def named_folder(text: str, prompts: Sequence[str] = ()) -> "RunFolder":
    """The folder that FOLDER or NAME=FOLDER on a command line is; see `RunFolder` for `prompts`.

    Examples
    --------
    >>> found = named_folder("anna2=out/sample")
    >>> found.name, found.path.as_posix()
    ('anna2', 'out/sample')
    >>> named_folder("out/lr=0.1").name
    ''
    """
    name, sign, rest = text.partition("=")
    if not sign or "/" in name or os.sep in name or Path(text).exists():
        return RunFolder(Path(text), prompts=prompts)
    name = " ".join(name.split())
    if not name or not rest.strip() or not is_plain(name):
        raise InputError(f"'{text}' is no NAME=FOLDER; say what the run is called, and where its folder is.")
    return RunFolder(Path(rest), name, prompts)


class RunFolder:
    """A folder with samples or images of a run, looked at again and again.

    Parameters
    ----------
    path : Path
        A trainer's folder of samples, the run's folder above it, or a folder of drawn images.
    name : str
        What its one run is called; "" for what names and folders say.
    prompts : sequence of str
        Of samples whose prompt's number is known and whose prompt is not, in the order of these numbers.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> with TemporaryDirectory() as place:
    ...     Image.new("RGB", (8, 8), "red").save(Path(place) / "anna_000300_00_20240819160839_42.png")
    ...     found = RunFolder(Path(place)).look(Settled(old=0))
    >>> found.images[["model", "checkpoint", "step", "seed", "width"]].values.tolist()
    [['anna', '300', '300', '42', 8]]
    """

    def __init__(self, path: Path, name: str = "", prompts: Sequence[str] = ()):
        self.path, self.name, self.prompts = path, name, prompts
        self._pictures: dict[Path, tuple[Stamp, _Picture]] = {}
        self._files = CheckpointFiles()

    def look(self, settled: Settled, known: Known | None = None, progress: Progress | None = None) -> Taken:
        """Find the pictures that are there and whole.

        Parameters
        ----------
        settled : Settled
            Which files are written to their end.
        known : Known, optional
            What the record has already.
        progress : Progress, optional
            Told of every picture that is read.

        Raises
        ------
        InputError
            Where the folder is missing or cannot be read, and where it has several runs and was given one name.
        """
        known, progress = known or Known(), progress or Silent()
        paths = [path for path in image_files(self.path) if path.suffix.lower() in SUFFIXES]
        broken = {path: "has a name that no table can hold; rename it" for path in paths if not is_plain(str(path))}
        rows, notes, unlisted = _rows(self.path, [path for path in paths if path not in broken])
        rows = {path: self._with_prompt(row) for path, row in self._called(rows).items()}
        no_files = {path: "is no file" for path in rows if os.path.lexists(path) and not path.is_file()}
        broken |= no_files
        rows = {path: row for path, row in rows.items() if path not in no_files}
        stamps = {}
        for path, row in rows.items():
            is_drawn = bool(row.get("recipe"))  # and whole, or it had no row
            if stamp := settled.stamp(path, is_drawn):
                stamps[path] = stamp
        self._read(stamps, known.pictures, progress)
        files = self._files.beside({_home(path) for path in rows} | {self.path}, settled, known.checkpoints)
        found = []
        for path, stamp in stamps.items():
            picture = self._pictures[path][1]
            if picture.problem:
                broken[path] = picture.problem
            else:
                found.append(_whole_row(path, rows[path], stamp, picture, files))
        counts = {row["model"]: row["n_training_images"] for row in found if row["n_training_images"]}
        for row in found:
            row["n_training_images"] = row["n_training_images"] or counts.get(row["model"], "")
        images, waiting = pd.DataFrame(found, columns=list(COLUMNS)), len(rows) - len(stamps) + unlisted
        unfinished = {(row["model"], row["checkpoint"]) for path, row in rows.items() if path not in stamps}
        return Taken(images, waiting, broken, notes, unfinished)

    def _called(self, rows: dict[Path, dict[str, str]]) -> dict[Path, dict[str, str]]:
        """The rows with the name that the run was given."""
        models = list(dict.fromkeys(row["model"] for row in rows.values() if row.get("kind") != "base"))
        if not self.name or not models:
            return rows
        if len(models) > 1:
            raise InputError(
                f"{self.path} has {counted(len(models), 'run')}, {listed(quoted(models), most=3)}, and was given one "
                f"name, '{self.name}'; name the folder of each run."
            )
        return {path: row | {"model": self.name} if row["model"] == models[0] else row for path, row in rows.items()}

    def _with_prompt(self, row: dict[str, str]) -> dict[str, str]:
        number = row.get("prompt_number", "")
        if row.get("prompt") or not number.isdecimal() or len(number) > 9 or int(number) >= len(self.prompts):
            return row
        return row | {"prompt": self.prompts[int(number)]}

    def _read(
        self,
        stamps: Mapping[Path, Stamp],
        known: Mapping[str, tuple[int, int, str]],
        progress: Progress,
    ) -> None:
        """Read the pictures that are new or have changed, each once."""
        for path in self._pictures.keys() - stamps.keys():
            del self._pictures[path]
        new = []
        for path, stamp in stamps.items():
            if path in self._pictures and self._pictures[path][0] == stamp:
                continue
            size, changed, digest = known.get(absolute(path), (0, 0, ""))
            if digest and (size, changed) == stamp:
                self._pictures[path] = (stamp, _Picture(digest))
            else:
                new.append(path)
        if not new:
            return
        progress.start("Reading images", len(new))
        with ThreadPoolExecutor(_WORKERS) as pool:
            for path, picture in zip(new, pool.map(_picture, new), strict=True):
                self._pictures[path] = (stamps[path], picture)
                progress.advance(1)


def _picture(path: Path) -> _Picture:
    try:
        data = read_regular_file(path, MOST_BYTES)
    except OSError as error:
        return _Picture(problem=f"cannot be read ({reason(error)})")
    try:
        with large_ones_alone():
            width, height = decode_image(data).size
    except UnreadableImage as error:
        return _Picture(problem=str(error))
    return _Picture(hashlib.sha256(data).hexdigest(), width, height)


def _rows(folder: Path, paths: Sequence[Path]) -> tuple[dict[Path, dict[str, str]], list[str], int]:
    """What names and tables say of the pictures of checkpoints; notes; and how many will be told of later."""
    table = _own_table(folder)
    if table is not None:
        return _listed(folder, paths, table)
    samples = read_samples(folder, paths)
    rows = {path: cells for path, cells in samples.cells.items() if "checkpoint" in cells}
    if not rows:
        places = place_cells([path.relative_to(folder) for path in paths])
        numbered = {
            path: cells for path, cells in zip(paths, places, strict=True) if cells.get("checkpoint", "").isdecimal()
        }
        rows = {path: cells | {"step": cells["checkpoint"]} for path, cells in numbered.items()}
    notes = list(samples.notes)
    others = len(paths) - len(rows) - len(samples.left_out - rows.keys())
    if others and rows:
        notes = [note.replace(" The others are read by their folders.", "") for note in notes]
        notes.append(f"{folder}: passed over {counted(others, 'image')} of which no name says the checkpoint.")
    elif others:
        notes = [
            f"{folder}: of {counted(others, 'image')} no name says the checkpoint. Samples are understood as kohya's "
            "sd-scripts, ai-toolkit, OneTrainer and SimpleTuner name them, and folders MODEL/STEP/FILE."
        ]
    return rows, notes, 0


def _own_table(folder: Path) -> dict[str, dict[str, str]] | None:
    """The rows of an items.csv in a folder, by the pictures' paths; None where there is none."""
    path = folder / ITEMS
    if not path.is_file():
        return None
    table, _ = read_table(path)
    if "image" not in table.columns:
        raise InputError(f"{path} has no column 'image'; it needs one with each image's path, relative to its folder.")
    return {os.path.normpath(folder / row["image"]): row for row in records(table)}


def _listed(
    folder: Path, paths: Sequence[Path], table: Mapping[str, Mapping[str, str]]
) -> tuple[dict[Path, dict[str, str]], list[str], int]:
    rows, others = {}, 0
    for path in paths:
        row = dict(table.get(os.path.normpath(path), {}))
        _refuse_other_numbers(folder / ITEMS, row)
        step, epoch = (row.get(name, "") for name in ("step", "epoch"))
        if not row.get("checkpoint") and (step.isdecimal() or epoch.isdecimal()):
            row["checkpoint"] = checkpoint_name(int(step) if step else None, int(epoch) if epoch and not step else None)
        if row.get("checkpoint"):
            rows[path] = row | {"model": row.get("model") or folder.resolve().name}
        else:
            others += 1
    if others and any(row.get("recipe") for row in table.values()):  # drawn, and its line comes
        return rows, [], others
    notes = [f"{folder / ITEMS} does not say the checkpoint of {counted(others, 'image')} there; passed over."]
    return rows, notes if others else [], 0


def _refuse_other_numbers(table: Path, row: Mapping[str, str]) -> None:
    """Raise InputError for what is no whole number where one belongs, and say in which row."""
    for name in _WHOLE:
        try:
            whole(row.get(name, ""), name)
        except InputError:
            raise InputError(
                f"{table}: the image '{row['image']}' has the {name} '{row[name][:40]}', which is no whole number that "
                "a record holds; correct it, or leave it empty."
            ) from None


def _whole_row(path: Path, row: Mapping[str, str], stamp: Stamp, picture: _Picture, files: Files) -> dict[str, Any]:
    """What is known of a picture, by the columns of `COLUMNS`."""
    found: dict[str, Any] = {_OURS.get(name, name): cell for name, cell in row.items()}
    found["recipe"] = recipe_text(row) if row.get("recipe") else ""
    found |= {"path": absolute(path), "sha256": picture.sha256, "size": stamp[0], "mtime_ns": stamp[1]}
    found |= {"width": picture.width or None, "height": picture.height or None}
    if not found.get("checkpoint_file"):
        beside = [pair for home in files if home in path.parents for pair in files[home]]
        of, digest = matching(row, beside) or (None, "")
        if of is not None and of.path is not None:
            found |= {"checkpoint_file": absolute(of.path), "checkpoint_sha256": digest, "kind": of.kind}
            found["n_training_images"] = found.get("n_training_images") or of.n_training_images
            found["step"] = found.get("step") or of.step or ""  # of samples by epoch, which only files place
    return {name: found.get(name, "") for name in COLUMNS}


def _home(path: Path) -> Path:
    """The folder of the run that a sample is of, where a trainer's checkpoints stand."""
    place = path.parent
    for above in (place, place.parent):
        if above.name.lower() in _KEPT:
            return above.parent
    return place
