"""Tracking: what is new in a study and in folders of runs is recorded, scored, and judged checkpoint by checkpoint.

A pass may be stopped at any moment: what it has recorded stays, and the next one does the rest, so that the record ends
as one pass alone would have left it. A second pass with nothing new adds nothing.
"""

import re
import time
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from metrics.engine.image_folders import files_below
from metrics.errors import InputError
from metrics.text import listed
from study.folder.config import FILE_NAME
from study.folder.drawing import RecipeDrawing
from study.folder.serving_lock import only_one
from study.folder.study import DATABASE, ITEMS, Study, open_study
from study.runs.folders import Known, RunFolder, Taken
from study.runs.record import record_study
from study.runs.set_gate import NAMES as SETS
from study.runs.set_gate import StudySets
from study.runs.tracking.new_gates import GateRecord, Judged, Question, judge_new
from study.runs.tracking.new_scores import NewScores, Scorer, is_of_sets
from study.runs.watch import OLD, Settled, absolute
from study.scoring import ScoreSettings
from study.terminal import Bar

_LOCK = ".tracking"


@dataclass(frozen=True)
class TrackSettings:
    """How new images are scored, and what new checkpoints are judged against.

    Attributes
    ----------
    score : ScoreSettings
        Its metrics are also those that decide, FID and KID where they are named.
    references : Path, optional
        See `study.runs.tracking.new_scores.Scorer`.
    against : str
        ``previous``, ``best``, the name of a checkpoint or of a baseline.
    task : str
        Whose ratings give people's points.
    may_come : bool
        A folder that is not there may come later.
    pause : float
        Seconds after which a folder is looked at once more where pictures in it may be half written; 0 for never.
    old : float
        See `study.runs.watch.Settled`.
    """

    score: ScoreSettings = field(default_factory=ScoreSettings)
    references: Path | None = None
    against: str = "previous"
    task: str = ""
    may_come: bool = False
    pause: float = 0.0
    old: float = OLD


@dataclass
class Pass:
    """What a pass did.

    Attributes
    ----------
    images, scored : int
        How many images were new, and how many got scores that they lacked.
    waiting : int
        Pictures that are perhaps being written.
    gates : list of GateRecord
    notes : list of str
        What is to be known, without what earlier passes have said.
    broken : dict of Path to str
        Files that cannot be read, without those named before.
    unfinished : set of str
        The checkpoints, MODEL/CHECKPOINT, of which a picture is perhaps being written.
    """

    images: int = 0
    scored: int = 0
    waiting: int = 0
    gates: list[GateRecord] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    broken: dict[Path, str] = field(default_factory=dict)
    unfinished: set[str] = field(default_factory=set)

    @property
    def is_idle(self) -> bool:
        """Whether nothing was new."""
        return not (self.images or self.scored or self.gates)


def only_tracker(study: Path) -> AbstractContextManager[None]:
    """Be the only one who tracks a study; InputError where another process does."""
    taken = "is being tracked already, by another process; use that one, or stop it"
    return only_one(study / _LOCK, lambda: taken, "so nothing can be recorded; make it writable")


class Tracker:
    """Tracks a study and the folders of its runs.

    Parameters
    ----------
    study : Path
        The study's folder.
    folders : sequence of RunFolder
    settings : TrackSettings, optional
    console : Console, optional
        Where progress is shown.
    tell : callable
        Takes each gate's record before it is stored; what it has taken is told again where the computer stops between.
    say : callable
        Takes each note as soon as it is known.
    drawing : RecipeDrawing, optional
        What is drawn first, in each pass.
    """

    def __init__(
        self,
        study: Path,
        folders: Sequence[RunFolder] = (),
        settings: TrackSettings | None = None,
        console: Console | None = None,
        tell: Callable[[GateRecord], None] = lambda record: None,
        say: Callable[[str], None] = lambda note: None,
        drawing: RecipeDrawing | None = None,
    ):
        self._study, self._folders, self._drawing = study, list(folders), drawing
        self._settings = settings or TrackSettings()
        self._console = console or Console(quiet=True, force_jupyter=False)
        self._tell, self._say = tell, say
        self._scorer = Scorer(self._settings.score, self._settings.references, self._console)
        self._settled = Settled(self._settings.old)
        self._has_drawn = False
        self._idle: Hashable = None  # the state after the last pass that found nothing
        self._added: dict[str, tuple[Any, ...]] = {}  # rows by path, which the record has
        self._prompts: dict[str, str] = {}  # by item, which the record has
        self._said: set[str] = set()
        self._named: dict[Path, str] = {}

    def one_pass(self) -> Pass:
        """Take in what is new, score it, and judge each checkpoint that was not judged as it is now.

        Raises
        ------
        InputError
            Where the study or a folder cannot be used, metrics cannot be computed, or runs cannot be told apart.
        """
        found, now = Pass(), self._state()
        if now is not None and now == self._idle:
            return found
        with closing(open_study(self._study)) as study:
            if study.store.is_read_only:
                raise InputError(f"{study.folder} cannot be written, so nothing can be recorded; make it writable.")
            if self._drawing is not None:
                self._draw(self._drawing, study, found)
            self._record(study, found)
            self._take(study, found)
            mine = self._scorer.score_study(study)
            if mine.ran:
                self._record(study, found)
            for scored in (mine, self._scorer.score_others(study)):
                self._note_scores(scored, found)
            judged = self._judge(study, found)
            for note in judged.notes:
                self._note(note, found)
            found.gates += judged.records
        self._settled.next_look()
        self._idle = self._state() if found.is_idle and not found.waiting and now is not None else None
        return found

    def _judge(self, study: Study, found: Pass) -> Judged:
        """The gates of new checkpoints, by the metrics that were named, as far as gates take them."""
        how = self._settings
        named = how.score.metrics
        usable = [name for name in named if name in SETS or not is_of_sets(name)]
        if named and not usable:
            self._note(f"{listed(named)}: no gate compares checkpoints by it.", found)
            return Judged()
        real = how.score.options.reference_set
        question = Question(usable, how.against, how.task, "" if real is None else str(real.resolve()))
        with Bar(self._console) as bar:
            sets = StudySets(study, how.score, bar, self._scorer.photos)
            return judge_new(study, question, self._tell, sets, found.unfinished)

    def _state(self) -> Hashable:
        """What differs once there may be something new; None where only a pass can tell."""
        database = self._study / DATABASE
        if self._drawing is not None or not database.is_file():
            return None
        try:
            below = [path for folder in self._folders for path in files_below(folder.path)]
            files = [*below, *self._study.glob(f"{DATABASE}*"), self._study / ITEMS, self._study / FILE_NAME]
            stats = [path.stat() for path in files]
        except (OSError, InputError):
            return None
        return tuple((path, each.st_size, each.st_mtime_ns) for path, each in zip(files, stats, strict=True))

    def _draw(self, drawing: RecipeDrawing, study: Study, found: Pass) -> None:
        try:
            with Bar(self._console) as bar:
                notes = drawing.draw(study, bar)
        except InputError as error:  # a checkpoint that is being written, once there was something to draw with
            if not self._has_drawn:
                raise
            notes = [str(error)]
        self._has_drawn = True
        for note in notes:
            self._note(note, found)
        place = drawing.place(study)
        if not any(folder.path.resolve() == place.resolve() for folder in self._folders):
            self._folders.append(RunFolder(place))

    def _record(self, study: Study, found: Pass) -> None:
        with Bar(self._console) as bar:
            recorded = record_study(study, progress=bar)
        found.images += recorded.images
        for note in recorded.notes:
            self._note(note, found)

    # taking in

    def _take(self, study: Study, found: Pass) -> None:
        images, places = study.store.runs.images(), study.store.runs.places()
        known = _known(study, places)
        columns = study.items["image"], study.items["item"]
        items = {absolute(study.folder / image): item for image, item in zip(*columns, strict=True)}
        recorded = images[["model", "path", "sha256", "step"]].assign(
            path=[absolute(study.folder / path) for path in images["path"]], step=images["step"].astype(str)
        )
        frames: list[pd.DataFrame] = []
        prompts: dict[str, str] = {}
        for folder in self._folders:
            if self._settings.may_come and not folder.path.is_dir():
                self._note(f"There is nothing at {folder.path} yet.", found)
                continue
            taken = self._look(folder, known)
            for note in taken.notes:
                self._note(note, found)
            found.waiting += taken.waiting
            found.broken |= {path: why for path, why in taken.broken.items() if self._named.get(path) != why}
            self._named |= taken.broken
            rows = called_as_recorded(folder, taken.images, recorded)
            called = dict(zip(taken.images["model"], rows["model"], strict=True))
            found.unfinished |= {f"{called.get(model, model)}/{name}" for model, name in taken.unfinished}
            refuse_another_run(folder, rows, recorded)
            recorded = pd.concat([recorded, rows[["model", "path", "sha256", "step"]]], ignore_index=True)
            frames.append(rows[~rows["path"].isin(items)])
            prompts |= {
                items[path]: text for path, text in zip(rows["path"], rows["prompt"], strict=True) if path in items
            }
        if prompts != self._prompts:  # of the study's own images, which their folder's look tells of
            record_study(study, prompts)
            self._prompts = prompts
        for frame in frames:
            told = {row[0]: row for row in zip(frame["path"], *(frame[name] for name in frame.columns), strict=True)}
            new = frame[[self._added.get(path) != row for path, row in told.items()]] if len(frame) else frame
            found.images += study.store.runs.add_images(new, "folder")
            self._added |= told

    def _look(self, folder: RunFolder, known: Known) -> Taken:
        for pause in (self._settings.pause, 0.0):
            with Bar(self._console) as bar:
                taken = folder.look(self._settled, known, bar)
            if not (taken.waiting and pause):
                return taken
            time.sleep(pause)
            self._settled.next_look()
        return taken

    def _note_scores(self, scored: NewScores, found: Pass) -> None:
        found.scored += scored.images
        for note in scored.notes:
            self._note(note, found)
        found.broken |= {path: why for path, why in scored.skipped.items() if self._named.get(path) != why}
        self._named |= scored.skipped

    def _note(self, note: str, found: Pass) -> None:
        """Say it, unless the same was said before, whatever the numbers."""
        key = note.partition(":")[0] if note.startswith("Samples of") else re.sub(r"[\d,.]+", "#", note)
        if key not in self._said:
            self._said.add(key)
            found.notes.append(note)
            self._say(note)


def called_as_recorded(folder: RunFolder, rows: pd.DataFrame, recorded: pd.DataFrame) -> pd.DataFrame:
    """The rows with each run under the name that it was recorded by: a second run beside it changes what names say.

    Parameters
    ----------
    folder : RunFolder
    rows : DataFrame
        As `RunFolder.look` takes them.
    recorded : DataFrame
        model and path of what the record has.

    Raises
    ------
    InputError
        Where the folder is given another name than its run was recorded by.
    """
    was = dict(zip(recorded["path"], recorded["model"], strict=True))
    names: dict[str, str] = {}
    for path, model in zip(rows["path"], rows["model"], strict=True):
        if path in was:
            names.setdefault(model, was[path])
    for model, name in names.items():
        if model != name and folder.name:
            raise InputError(
                f"The run in {folder.path} is in the record as '{name}' and keeps that name; name the folder without "
                f"'{folder.name}='."
            )
    return rows.assign(model=[names.get(model, model) for model in rows["model"]])


def refuse_another_run(folder: RunFolder, rows: pd.DataFrame, recorded: pd.DataFrame) -> None:
    """Raise InputError where a run of the folder has the name of another one, whose pictures are from elsewhere.

    Parameters
    ----------
    folder : RunFolder
    rows : DataFrame
        As `called_as_recorded` gives them.
    recorded : DataFrame
        model, path, sha256 and step of what the record has.
    """
    root = f"{absolute(folder.path / 'x')[:-1]}"
    for model in rows["model"].unique():
        there, mine = recorded[recorded["model"] == model], rows[rows["model"] == model]
        if there.empty or there["path"].str.startswith(root).any():
            continue
        # at step 0 the pictures of all runs of one base are the same
        shared = set(there["sha256"][there["step"] != "0"]) & set(mine["sha256"]) - {""}
        if (mine["kind"] == "base").all():
            shared |= set(there["sha256"]) & set(mine["sha256"])
        if not shared:
            other = Path(there["path"].iloc[-1]).parent
            raise InputError(
                f"{folder.path} has a run '{model}', and the record has one of that name from {other}; tell them apart "
                f"by a name: NAME={folder.path}."
            )


def _known(study: Study, places: pd.DataFrame) -> Known:
    """What need not be read again."""
    known = places.dropna(subset=["size", "mtime_ns"])
    columns = (known[name] for name in ("path", "size", "mtime_ns", "sha256"))
    pictures = {
        absolute(study.folder / path): (int(size), int(changed), digest)
        for path, size, changed, digest in zip(*columns, strict=True)
    }
    files = study.store.runs.checkpoints()
    return Known(pictures, dict(zip(files["checkpoint_file"], files["checkpoint_sha256"], strict=True)))
