"""Scoring what lacks scores: a study's images, and those that the record of runs has besides.

Set metrics are computed over a checkpoint's whole set, so that one that got more images is computed anew, from features
that are kept.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
from rich.console import Console

from calibration.tables.checking import records
from metrics.catalogue import catalogue, find_entry, needs_of, written_names
from metrics.engine.image_folders import image_files
from metrics.engine.types import ComputedMetric, Score, Scored
from metrics.entry import Need
from metrics.errors import InputError, parameter
from metrics.plugins.packages import is_plugin
from metrics.text import listed
from study.folder.recorded_prompts import with_known_prompts
from study.folder.score_items import Collection, study_collection
from study.folder.study import Study
from study.runs.outside import Photos, items_of, outside_images, photos_of
from study.scoring import ScoreSettings, choose_metrics, left_out_lines, score_collection

_OURS = "metric:"  # begins the signature of what humangrade computed


@dataclass
class NewScores:
    """What was scored.

    Attributes
    ----------
    images : int
        Images that got a score they lacked.
    ran : bool
        Whether any metric was computed, be it of sets.
    notes : list of str
        What is to be known of it.
    skipped : dict of Path to str
        Files that could not be read, each with the reason.
    """

    images: int = 0
    ran: bool = False
    notes: list[str] = field(default_factory=list)
    skipped: dict[Path, str] = field(default_factory=dict)


class Scorer:
    """Scores what is new, again and again.

    Parameters
    ----------
    settings : ScoreSettings
        Without metrics, those that the study or its record has scores by, or else all that can be computed.
    references : Path, optional
        Photos for images outside the study: for all, or in sub-folders called as subjects or runs. Without it they
        have those that all images of their subject or run in the study have.
    console : Console
        Where progress is shown.

    Attributes
    ----------
    photos : mapping or None
        Those references, by subject or run.
    """

    def __init__(self, settings: ScoreSettings, references: Path | None, console: Console):
        self._settings, self._console = settings, console
        self.photos = None if references is None else _photos_by_folder(references)
        self._tried: set[tuple[str, str, int]] = set()  # metric, set and its number of images

    def score_study(self, study: Study) -> NewScores:
        """Score the study's items that lack a score; what was scored in another way stays, and is told.

        Raises
        ------
        InputError
            For metrics that were named and cannot be computed, or were imported, and for missing image files.
        """
        found, there = NewScores(), study.scores()
        has = _study_has(study)
        names = self._wanted(study, has, found)
        if self.photos is not None and not has["references"]:  # they were given for the others
            without = [name for name in names if "references" in needs_of(name, self._settings.options)]
            names = [name for name in names if name not in without]
            if without:
                found.notes.append(f"The study's own images have no reference photos, so no {listed(without)} of them.")
        items = set(study.items["item"])
        lacking: dict[str, set[str]] = {}
        for name in names:
            if is_of_sets(name):
                sets = study.set_scores()
                is_new = name not in set(sets["metric"]) and ("study", name, len(items)) not in self._tried
                lacking[name] = items if is_new else set()
                self._tried.add(("study", name, len(items)))
            else:
                lacking[name] = items - set(there["item"][there["metric"].isin(written_names(name))])
        if not any(lacking.values()):
            return found
        run = [name for name in names if lacking[name] or is_of_sets(name)]
        study.store.refuse_imported([name for metric in run for name in written_names(metric)])
        wanted = set().union(*(lacking[name] for name in run if not is_of_sets(name)))
        got: set[str] = set()

        def deliver(metric: ComputedMetric, scored: Scored) -> None:
            if other := _otherwise(scored, there):
                found.notes.append(
                    f"{listed(other)}: the study's images were scored in another way (other options or weights), so "
                    f"the new ones are not scored here; humangrade score {study.folder} with these options scores all."
                )
                return
            study.store.save_scores(scored.scores, scored.set_scores, (metric.name, *scored.names))
            got.update(_with_score(scored))

        self._run(lambda: study_collection(study), run, deliver, found)
        found.images = len(wanted & got)
        return found

    def score_others(self, study: Study) -> NewScores:
        """Score the record's images outside the study that lack a score, and the sets of their checkpoints.

        Raises
        ------
        InputError
            For metrics that were named and cannot be computed.
        """
        found, others = NewScores(), outside_images(study)
        if others.empty:
            return found
        images = study.store.runs.images()
        photos = photos_of(others, study, self.photos)
        has: dict[Need, bool] = {"references": any(photos), "prompts": bool((others["prompt"] != "").any())}
        names = self._wanted(study, has, found)
        values, sets = study.store.runs.values(), study.store.runs.set_values()
        group = others["model"] + "/" + others["checkpoint"]
        lacking: dict[str, set[int]] = {}
        wanted: dict[str, set[str]] = {}
        for name in names:
            if is_of_sets(name):
                wanted[name] = self._sets_lacking(name, group, sets)
            else:
                known = set(values["image_id"][values["metric"].isin(written_names(name))])
                lacking[name] = set(others["image_id"]) - known
                wanted[name] = set(group[others["image_id"].isin(lacking[name])])
        touched = set().union(*wanted.values())
        if not touched:
            return found
        mine = group.isin(touched)
        of = [each for each, is_mine in zip(photos, mine, strict=True) if is_mine]
        items = items_of(others[mine], of, others["image_id"][mine].astype(str).tolist())
        whole = _whole_sets(images, group)
        got: set[str] = set()

        def deliver(metric: ComputedMetric, scored: Scored) -> None:
            # sets first: what a killed run has left out is then found by its images
            sets_of = [row for row in scored.set_scores if row.set in whole]
            places = pd.DataFrame([whole[row.set] for row in sets_of], columns=["model", "checkpoint"])
            study.store.runs.add_set_values(pd.concat([pd.DataFrame(sets_of), places], axis=1) if sets_of else places)
            rows = pd.DataFrame(scored.scores, columns=list(Score._fields))
            study.store.runs.add_values(rows.assign(image_id=rows["item"].astype(int)).drop(columns="item"))
            found.notes += scored.warnings
            got.update(_with_score(scored))

        run = [name for name in names if wanted[name] or is_of_sets(name)]
        self._run(lambda: Collection(items, {}), run, deliver, found)
        found.images = len(set(map(str, set().union(*lacking.values()))) & got)
        return found

    def _wanted(self, study: Study, has: Mapping[Need, bool], found: NewScores) -> list[str]:
        """The metrics that are to be there, set metrics first."""
        names = list(self._settings.metrics)
        if not names:
            can, left_out = choose_metrics(has, self._settings.options)
            tables = [study.scores(), study.store.runs.values()]
            written = [each["metric"][each["signature"].str.startswith(_OURS)] for each in tables]
            known = _known_metrics(str(name) for names in written for name in names.unique())
            imported = set(study.store.imported_metrics())
            names = [name for name in can if (not known or name in known) and not imported & set(written_names(name))]
            names += [name for name in known if is_plugin(name)]
            missing = {name: why for name, why in left_out.items() if not known or name in known}
            found.notes += [f"Left out {line}" for line in left_out_lines(missing) if not line.startswith("Get ")]
        return sorted(names, key=lambda name: not is_of_sets(name))

    def _sets_lacking(self, name: str, group: pd.Series, sets: pd.DataFrame) -> set[str]:
        """The sets without a value over as many images as they have, each tried once."""
        mine = sets[sets["metric"] == name]
        known = dict(zip(mine["model"] + "/" + mine["checkpoint"], mine["n"], strict=True))
        counts = {(name, one, count) for one, count in Counter(group).items() if count > 1 and known.get(one) != count}
        new = counts - self._tried
        self._tried |= new
        return {one for _, one, _ in new}

    def _run(
        self,
        collect: Callable[[], Collection],
        names: Sequence[str],
        deliver: Callable[[ComputedMetric, Scored], None],
        found: NewScores,
    ) -> None:
        found.ran = True
        result = score_collection(collect, replace(self._settings, metrics=names), self._console, deliver)
        found.skipped |= result.skipped


def _with_score(scored: Scored) -> Iterator[str]:
    """The items that a metric gave a score."""
    return (row.item for row in scored.scores if not pd.isna(row.score))


def _files(images: pd.DataFrame) -> Iterable[tuple[Path, str]]:
    return zip(images["path"], images["sha256"], strict=True)


def _study_has(study: Study) -> dict[Need, bool]:
    rows = records(with_known_prompts(study))
    return {
        "references": any(row.get("references") for row in rows),
        "prompts": any(row.get("prompt") for row in rows),
    }


def is_of_sets(name: str) -> bool:
    """Whether a metric scores sets of images and no single one."""
    entry = find_entry(name)
    return entry is not None and entry.scores == "set"


def _known_metrics(written: Iterable[str]) -> list[str]:
    """The metrics that write scores under these names."""
    of = {name: entry.name for entry in catalogue() for name in written_names(entry.name)}
    found = [of.get(name, name if is_plugin(name) else "") for name in dict.fromkeys(written)]
    return list(dict.fromkeys(filter(None, found)))


def _otherwise(scored: Scored, there: pd.DataFrame) -> list[str]:
    """The metrics whose scores that are there have another signature than these."""
    made = {row.metric: row.signature for row in scored.scores}
    old = there[there["metric"].isin(made) & (there["signature"] != "")].drop_duplicates(["metric", "signature"])
    return sorted({name for name, one in zip(old["metric"], old["signature"], strict=True) if one != made[name]})


def _whole_sets(images: pd.DataFrame, group: pd.Series) -> dict[str, tuple[str, str]]:
    """The sets of which every image that was recorded is here, with model and checkpoint."""
    everything = images["model"] + "/" + images["checkpoint"]
    here, there = Counter(group), Counter(everything)
    places = dict(zip(everything, zip(images["model"], images["checkpoint"], strict=True), strict=True))
    return {name: places[name] for name, count in here.items() if count == there[name]}


def _photos_by_folder(root: Path) -> Photos:
    """Photos by the sub-folder that they stand in; "" for those that stand in none, which go with every image."""
    if not root.is_dir():
        raise InputError(f"{parameter('references')} is {root}, which is no folder; name the folder of photos.")
    found: dict[str, list[Path]] = {}
    for path in image_files(root):
        parts = path.relative_to(root).parts
        found.setdefault(parts[0] if len(parts) > 1 else "", []).append(path)
    if not found:
        raise InputError(f"{parameter('references')} is {root}, which holds no image; name the folder of photos.")
    return found
