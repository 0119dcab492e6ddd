"""Scoring a study, or a folder of images: which metrics can be computed, and where their rows go."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pandas as pd
from rich.console import Console
from rich.markup import escape

from calibration.tables.writing import csv_text
from metrics.catalogue import catalogue, check_options, check_options_used, make_metrics, needs_of, written_names
from metrics.engine.cache import FeatureCache, cache_folder
from metrics.engine.device import check_precision, choose_device
from metrics.engine.extraction import extract, missing
from metrics.engine.image_folders import folder_notes, images_below
from metrics.engine.run import Engine, RunResult, RunSettings, score_items
from metrics.engine.types import ComputedMetric, Features, Item, Score, Scored, SetScore
from metrics.entry import Entry, MetricOptions, Need
from metrics.errors import InputError, Said, for_command_line, parameter, refuse_other_kind
from metrics.files import write_together
from metrics.networks.inception import InceptionFeatures
from metrics.sets.compared_sets import reference_statistics
from metrics.sets.statistics_file import write_statistics
from metrics.text import listed, names_of
from metrics.weights.locate import is_present
from study.folder.score_items import Collection, read_sources, study_collection
from study.folder.study import Study
from study.terminal import Bar, print_notes

_IN_A_STUDY: Mapping[Need, str] = {
    "references": "name them in the column 'references' of the study's items.csv",
    "prompts": "say them in the column 'prompt' of the study's items.csv",
}
_IN_A_FOLDER: Mapping[Need, str] = {
    "references": f"add {parameter('references')} PHOTOS",
    "prompts": f"add {parameter('prompts')} FILE",
}
EngineName = Literal["local", "ray"]
_FETCH = "; get them with humangrade weights fetch "


@dataclass(frozen=True)
class ScoreSettings:
    """All choices of a scoring run.

    Attributes
    ----------
    metrics : tuple of str
        Names, or one name; empty for every metric whose weights, references and prompts are there.
    options : MetricOptions
        About the metrics.
    run : RunSettings
        About the extraction.
    engine : {"local", "ray"}
        Where it runs.
    cache : Path or None
        The folder of features; None for the usual one.
    """

    metrics: Sequence[str] = ()
    options: MetricOptions = field(default_factory=MetricOptions)
    run: RunSettings = field(default_factory=RunSettings)
    engine: EngineName = "local"
    cache: Path | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "metrics", names_of(self.metrics, "metrics"))
        refuse_other_kind("options", self.options, MetricOptions)
        refuse_other_kind("run", self.run, RunSettings)


def score_study(
    study: Study, settings: ScoreSettings | str | Sequence[str] | None = None, console: Console | None = None
) -> RunResult:
    """Score a study's images, and put the scores into its store, each metric's as soon as they are there.

    Parameters
    ----------
    study : Study
        An opened study.
    settings : ScoreSettings, str or sequence of str, optional
        Which metrics, and how, or only their names; every metric that can be computed unless told.
    console : Console, optional
        Where progress and notes are shown; nowhere unless told.

    Returns
    -------
    RunResult
        The scores that were computed, and what was skipped; the scores are in the study too.

    Raises
    ------
    InputError
        For metrics that cannot be computed, missing images, and imported scores that would be replaced.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> from study import create_study
    >>> with TemporaryDirectory() as place:
    ...     Image.new("RGB", (32, 32), "white").save(Path(place) / "a.png")
    ...     study = create_study(Path(place) / "study", place, tasks=["aesthetic"], evaluators=["ann"])
    ...     result = score_study(study, "contrast")
    ...     study.store.scores_table()[["item", "metric", "score"]].values.tolist()
    ...     study.close()
    [['a.png', 'contrast', 0.0]]
    """
    if not isinstance(settings, ScoreSettings):
        settings = ScoreSettings(metrics=names_of(settings or (), "metrics"))
    console = console or Console(quiet=True, force_jupyter=False)  # quiet, rich still warns in a notebook

    def deliver(metric: ComputedMetric, scored: Scored) -> None:
        study.store.save_scores(scored.scores, scored.set_scores, (metric.name, *scored.names))

    study.store.refuse_imported([name for metric in settings.metrics for name in written_names(metric)])
    imported = frozenset(study.store.imported_metrics())
    return score_collection(lambda: study_collection(study), settings, console, deliver, imported=imported)


def score_folder(collect: Callable[[], Collection], settings: ScoreSettings, out: Path, console: Console) -> RunResult:
    """Score a collection, and write scores.csv (by the name given) and, where there are any, set scores beside it.

    Both are written anew after each metric, so that a run which ends early leaves what was done. The collection is
    read once it is known that there are such metrics.

    Raises
    ------
    InputError
        For metrics that cannot be computed, and where a file cannot be written.
    """
    scores: list[Score] = []
    sets: list[SetScore] = []
    beside = out.with_name(f"set_{out.name}")

    def deliver(metric: ComputedMetric, scored: Scored) -> None:
        scores.extend(scored.scores)
        sets.extend(scored.set_scores)
        sets_text = _csv(sets, SetScore._fields) if sets else None  # what an earlier run wrote there goes
        write_together({out: _csv(scores, Score._fields), beside: sets_text})

    advice = {need: said + _instead(need) for need, said in _IN_A_FOLDER.items()}
    return score_collection(collect, settings, console, deliver, advice)


def save_statistics(images: Path, out: Path, preprocessing: str, run: RunSettings, console: Console) -> dict[Path, str]:
    """Write the Inception statistics of a folder of images, and name the files that could not be read.

    Raises
    ------
    InputError
        For missing weights, fewer than two images, and a file that cannot be written.
    """
    paths = images_below(images)
    print_notes(folder_notes(images, paths), console)
    sources, skipped = read_sources(paths)
    extractor = InceptionFeatures.find(preprocessing)
    cache = FeatureCache(cache_folder())
    wanted = list(sources.values())
    with Bar(console) as bar:
        bar.start(extractor.title, len(missing(extractor, wanted, cache)))
        problems = extract(extractor, wanted, cache, device=run.device, batch_size=run.batch_size, advance=bar.advance)
    found = reference_statistics(extractor, wanted, Features(cache))
    write_statistics(out, found, extractor.signature)
    return skipped | {source.path: problems[source.key] for source in wanted if source.key in problems}


def choose_metrics(has: Mapping[Need, bool], options: MetricOptions) -> tuple[list[str], dict[str, str]]:
    """The metrics that can be computed, and of each that cannot the reason.

    Parameters
    ----------
    has : mapping of str to bool
        Whether there are references and prompts.
    options : MetricOptions
        Decides which weights are needed.
    """
    found = {entry.name: Said(_lacking(entry, has, options)) for entry in catalogue()}
    return [name for name, why in found.items() if not why], {name: why for name, why in found.items() if why}


def left_out_lines(left_out: Mapping[str, str]) -> list[str]:
    """A line for each reason with the metrics that it holds for, and one command that fetches all weights.

    Examples
    --------
    >>> none = "no weights ({0}); get them with humangrade weights fetch {0}"
    >>> lacking = {"fid": none.format("inception-fid"), "kid": none.format("inception-fid"), "lpips": "no references"}
    >>> left_out_lines(lacking)[:2]
    ['fid and kid: no weights (inception-fid)', 'lpips: no references']
    >>> left_out_lines(lacking)[2]
    'Get the weights with humangrade weights fetch inception-fid'
    """
    by_reason: dict[str, list[str]] = {}
    wanted: dict[str, None] = {}
    for name, why in left_out.items():
        reason, _, weights = for_command_line(why).partition(_FETCH)
        by_reason.setdefault(reason, []).append(name)
        wanted |= dict.fromkeys(weights.split())
    lines = [f"{listed(names)}: {reason}" for reason, names in by_reason.items()]
    return lines + ([f"Get the weights with humangrade weights fetch {' '.join(wanted)}"] if wanted else [])


def score_collection(
    collect: Callable[[], Collection],
    settings: ScoreSettings,
    console: Console,
    deliver: Callable[[ComputedMetric, Scored], None],
    advice: Mapping[Need, str] = _IN_A_STUDY,
    imported: frozenset[str] = frozenset(),
) -> RunResult:
    """Score a collection by the metrics named, or by all that can be computed and were not imported.

    Parameters
    ----------
    collect : callable
        Gives the collection, once it is known that there are such metrics.
    settings : ScoreSettings
    console : Console
        Where notes and progress are shown.
    deliver : callable
        Given each metric's rows as soon as they are there.
    advice : mapping of str to str
        What to do where references or prompts are missing.
    imported : frozenset of str
        Metrics that are not computed unless they are named.

    Raises
    ------
    InputError
        For metrics that cannot be computed.
    """
    if settings.options.precision == "float16":
        check_precision("float16", choose_device(settings.run.device))
    check_options(settings.options)
    metrics = make_metrics(settings.metrics, settings.options)
    collection = collect()
    print_notes(collection.notes, console)
    if metrics:
        _refuse_lacking(settings, collection.items, advice)
        check_options_used(settings.metrics, settings.options)
    else:
        names, left_out = choose_metrics(needs_met(collection.items), settings.options)
        taken = [name for name in names if imported.intersection(written_names(name))]
        left_out |= dict.fromkeys(taken, "the study holds imported scores of it")
        names = [name for name in names if name not in taken]
        print_left_out(left_out, console)
        metrics = make_metrics(names, settings.options)
    cache = FeatureCache(settings.cache or cache_folder())
    with Bar(console) as bar:
        result = score_items(
            collection.items, metrics, cache, settings.run, deliver, choose_engine(settings.engine), progress=bar
        )
    result.skipped = collection.unreadable | result.skipped
    return result


def print_left_out(left_out: Mapping[str, str], console: Console) -> None:
    """Print what was left out, and why."""
    for line in left_out_lines(left_out):
        said = line if line.startswith("Get ") else f"Left out {line}"
        console.print(f"[dim]{escape(said)}[/]", soft_wrap=True)


def needs_met(items: Sequence[Item]) -> dict[Need, bool]:
    """Whether any of the images has references, and any a prompt."""
    return {"references": any(item.references for item in items), "prompts": any(item.prompt for item in items)}


def _lacking(entry: Entry, has: Mapping[Need, bool], options: MetricOptions) -> str:
    """What a metric needs and has not; "" where nothing is missing."""
    for need in _unmet(entry.name, has, options):
        return f"no {need}"
    if lacking := entry.lacks(options):
        return lacking
    missing = [name for name in entry.weights_for(options) if is_present(name) is None]
    if not missing:
        return ""
    return f"no weights ({', '.join(missing)}){_FETCH}{' '.join(missing)}"


def _unmet(name: str, has: Mapping[Need, bool], options: MetricOptions) -> list[Need]:
    """What no image has and a metric needs."""
    return [need for need in needs_of(name, options) if not has[need]]


def _refuse_lacking(settings: ScoreSettings, items: Sequence[Item], advice: Mapping[Need, str]) -> None:
    """Raise InputError where metrics were named that cannot be computed; only those that were not are left out."""
    said = []
    kinds: tuple[tuple[Need, str], ...] = (("references", "reference photos"), ("prompts", "prompts"))
    for need, words in kinds:
        names = [name for name in settings.metrics if need in _unmet(name, needs_met(items), settings.options)]
        if names:
            said.append(f"{', '.join(dict.fromkeys(names))}: there are no {words}; {advice[need]}.")
    if said:
        raise InputError(f"{parameter('metrics')} names what cannot be computed: {' '.join(said)}")


def _instead(need: Need) -> str:
    """Which metrics take an option in place of a need, in brackets; "" where none does."""
    others = [(entry.name, entry.instead[need]) for entry in catalogue() if need in entry.instead]
    if not others:
        return ""
    names, option = " and ".join(name for name, _ in others), others[0][1]
    return f" ({names} also take {parameter(option)})"


def choose_engine(name: EngineName) -> Engine:
    """What runs extractors: this process, or a Ray cluster."""
    if name == "ray":
        from metrics.engine.ray import extract_with_ray

        return extract_with_ray
    return extract


def _csv(rows: Sequence[Score] | Sequence[SetScore], columns: Sequence[str]) -> str:
    table = pd.DataFrame(rows, columns=list(columns))
    if "face_probability" in table.columns and table["face_probability"].isna().all():
        table = table.drop(columns="face_probability")
    return csv_text(table)
