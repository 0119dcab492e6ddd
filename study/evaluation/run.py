"""The whole evaluation: scores by the metrics, figures of each checkpoint, differences to the base, and near-copies."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from metrics.catalogue import band, check_options, check_options_used, find_entry, make_metrics, needs_of
from metrics.engine.cache import FeatureCache, cache_folder
from metrics.engine.extraction import Extractor
from metrics.engine.images import ImageSource
from metrics.engine.run import Engine, Progress, RunSettings, Silent, fill_cache, score_items
from metrics.engine.types import PROMPT, ComputedMetric, Features, Item, SetScore
from metrics.entry import MetricOptions, Need
from metrics.errors import InputError, for_command_line, parameter
from metrics.image.clip_i import ClipImageSimilarity
from metrics.image.lpips import Lpips
from metrics.networks.lpips import pairwise_distances
from metrics.plugins.package_table import find_known
from metrics.sets.compared_sets import FeatureTable, all_sources
from metrics.sets.diversity import Diversity
from metrics.sets.diversity_clip import clip_distances
from metrics.sets.fid import Fid
from metrics.sets.fid_by_chance import Chance, fid_by_chance
from metrics.sets.kid import Kid
from metrics.sets.rows import RowFile
from metrics.sets.statistics_file import SavedStatistics
from study.evaluation.copies import Distances, nearest_references
from study.evaluation.figures import (
    Difference,
    Figure,
    Over,
    difference_of,
    figure_of,
    mean_with_interval,
    prompt_difference,
    within,
)
from study.evaluation.set_differences import limits_said, set_difference
from study.evaluation.sets import Picture, pictures_of, sets_of
from study.evaluation.types import Evaluation, Measured, Unscored
from study.folder.score_items import Collection
from study.scoring import ScoreSettings, choose_engine, choose_metrics, left_out_lines, needs_met

EVALUATED = (
    *("similarity", "clip_i", "lpips", "clip_score", "aesthetic"),
    *("diversity", "diversity_clip", "fid", "kid"),
)
"""The metrics that are computed where none is named: the networks' only."""


@dataclass(frozen=True)
class EvaluationSettings(ScoreSettings):
    """What was chosen: as for scoring, but that without names those of `EVALUATED` are computed.

    Attributes
    ----------
    base : str or None
        The set that the others are compared with, where it is not the one that the images' table or folders tell. The
        options' reference set is the real images that FID and KID compare with.
    seed : int
        Of KID's subsets and FID's splits.
    """

    base: str | None = None
    seed: int = MetricOptions.seed


def evaluate(
    collection: Collection, settings: EvaluationSettings | None = None, progress: Progress | None = None
) -> Evaluation:
    """Evaluate images of one or more checkpoints.

    Parameters
    ----------
    collection : Collection
        What `study.folder.score_items.folder_collection` gives.
    settings : EvaluationSettings, optional
        Which metrics, and how.
    progress : Progress, optional
        Told of every step.

    Returns
    -------
    Evaluation

    Raises
    ------
    InputError
        For metrics named that cannot be computed, where none can be computed, and where no image can be read.
    """
    settings, progress = settings or EvaluationSettings(), progress or Silent()
    if not collection.items:
        raise InputError("None of the images can be read; name a folder of images.")
    metrics, left_out = chosen_metrics(needs_met(collection.items), settings)
    pictures = pictures_of(collection)
    found = Evaluation(sets_of(collection, pictures, settings.base), pictures, left_out=left_out)
    found.references = len({photo.key for item in collection.items for photo in item.references})
    found.same_files = _same_files(collection.items)
    cache = FeatureCache(settings.cache or cache_folder())
    engine = choose_engine(settings.engine)
    found.result = score_items(collection.items, metrics, cache, settings.run, engine=engine, progress=progress)
    found.result.skipped = collection.unreadable | found.result.skipped
    features = Features(cache)
    _add_figures(found, settings.seed)
    _add_differences(found, collection.items, metrics, features, settings.seed)
    compute = _computing(cache, settings.run, engine, progress)
    for metric in metrics:
        if isinstance(metric, Fid):
            found.chance = _chances(metric, [one.name for one in found.sets], collection.items, features, settings.seed)
        if isinstance(metric, Diversity) and found.references > 1:
            found.among_references |= _among_references(metric, collection.items, features, compute)
    _add_nearness(found, collection.items, metrics, features, compute)
    _add_without_copies(found, collection.items, metrics, features, settings)
    return found


def chosen_metrics(
    has: Mapping[Need, bool], settings: EvaluationSettings
) -> tuple[list[ComputedMetric], dict[str, str]]:
    """The metrics that are computed, and why others are not.

    Parameters
    ----------
    has : mapping of str to bool
        Whether there are references and prompts: known before images are drawn.
    settings : EvaluationSettings
        Which metrics, and how.

    Raises
    ------
    InputError
        For metrics named that cannot be computed, and where none can be.
    """
    check_options(settings.options)
    if settings.metrics:
        made = make_metrics(settings.metrics, settings.options)
        usual = replace(settings.options, seed=MetricOptions.seed)  # FID's splits take it too
        check_options_used(settings.metrics, usual)
        advice: dict[Need, str] = {
            "references": f"reference photos; add {parameter('references')} PHOTOS",
            "prompts": f"prompts; add {parameter('prompts')} FILE",
        }
        for need, words in advice.items():
            names = [name for name in settings.metrics if need in needs_of(name, settings.options) and not has[need]]
            if names:
                raise InputError(
                    f"{parameter('metrics')} names what cannot be computed: {', '.join(names)}: there are no {words}."
                )
        return made, {}
    names, left_out = choose_metrics(has, settings.options)
    left_out = {name: for_command_line(left_out[name]) for name in EVALUATED if name in left_out}
    names = [name for name in EVALUATED if name in names]
    if not names:
        raise InputError(f"Nothing can be computed: {'; '.join(left_out_lines(left_out))}.")
    return make_metrics(names, settings.options), left_out


def _computing(
    cache: FeatureCache, run: RunSettings, engine: Engine, progress: Progress
) -> Callable[[Extractor, Sequence[ImageSource]], object]:
    """What puts features of further files into the cache."""

    def compute(extractor: Extractor, sources: Sequence[ImageSource]) -> object:
        return fill_cache(extractor, sources, cache, run, engine, progress, f"{extractor.title} of references")

    return compute


def _add_figures(found: Evaluation, seed: int) -> None:
    """Figures and differences, from what the metrics scored."""
    by_set = {one.name: [picture for picture in found.pictures if picture.set == one.name] for one in found.sets}
    unreadable = {picture.item for picture in found.pictures if picture.path in found.result.skipped}
    of_prompts: dict[tuple[str, str], dict[str, float]] = {}
    for scored in found.result.scored.values():
        warnings = map(for_command_line, scored.warnings)
        found.notes += [note for note in warnings if note not in found.notes]
        for score in scored.scores:
            if score.score is not None:
                found.scores.setdefault(score.metric, {})[score.item] = score.score
        own = dict.fromkeys(score.metric for score in scored.scores)
        for metric in own:
            if metric in found.scores:
                _add_means(found, metric, by_set, seed)
            reasons = Counter(
                row.note or "no reason is known"
                for row in scored.scores
                if row.metric == metric and row.score is None and row.item not in unreadable
            )
            if reasons:
                found.unscored.append(Unscored(_measured(metric, "image"), dict(reasons.most_common())))
        for row in scored.set_scores:
            if row.metric not in own:
                _add_set_score(found, row, of_prompts)
    _add_prompt_intervals(found, of_prompts, seed)
    found.of_prompts = of_prompts
    for figure in found.figures:
        images = next(one.images for one in found.sets if one.name == figure.set)
        if found.is_sound(figure) and (said := band(figure.metric, figure.value, images)):
            found.guides[figure.set, figure.metric] = said


def _add_means(found: Evaluation, metric: str, by_set: Mapping[str, list[Picture]], seed: int) -> None:
    """Each set's mean by a metric of single images."""
    _remember(found, metric, "image")
    for one in found.sets:
        figure = figure_of(one.name, metric, found.scores[metric], by_set[one.name], _bounds(metric), seed)
        found.figures += [figure] if figure else []


def _bounds(metric: str) -> tuple[float | None, float | None]:
    """The least and the greatest value that a metric can take, where there are such."""
    known = find_known(metric) or find_entry(metric.removesuffix("_min"))
    return (known.low, known.high) if known else (None, None)


def _add_set_score(found: Evaluation, row: SetScore, of_prompts: dict[tuple[str, str], dict[str, float]]) -> None:
    """A row by a metric of sets: of a whole set, or of one prompt of it; that of all sets together is not shown."""
    names = sorted((one.name for one in found.sets), key=len, reverse=True)
    if row.note == PROMPT:
        name = next(name for name in names if row.set.startswith(f"{name}: "))
        text = row.set.removeprefix(f"{name}: ").removesuffix(" (prompt)")
        keys = {" ".join(each.prompt.split()): each.prompt_key for each in found.pictures if each.set == name}
        of_prompts.setdefault((name, row.metric), {})[keys.get(text, text)] = row.score
    elif row.set in names:
        _remember(found, row.metric, "set")
        over: Over = "images" if row.low is not None else ""
        found.figures.append(Figure(row.set, row.metric, row.score, row.low, row.high, row.n, over, row.note))


def _remember(found: Evaluation, metric: str, scores: str) -> None:
    """Say once what a metric is."""
    if not any(one.name == metric for one in found.metrics):
        found.metrics.append(_measured(metric, scores))


def _measured(metric: str, scores: str) -> Measured:
    """What a metric is."""
    entry = find_entry(metric)
    if entry is not None:
        return Measured(metric, entry.title, entry.says, entry.direction, scores)
    if metric == "lpips_min":
        return Measured(metric, "LPIPS, nearest", "perceptual distance to the nearest reference", "lower", scores)
    known = find_known(metric)
    return Measured(metric, metric, "", known.direction if known else "higher", scores)


def _same_files(items: Sequence[Item]) -> list[tuple[str, str]]:
    """Each item whose file holds the same as that of one before, and that one."""
    first: dict[str, str] = {}
    pairs = [(item.item, first.setdefault(item.image.key, item.item)) for item in items]
    return [(item, before) for item, before in pairs if item != before]


def _add_prompt_intervals(
    found: Evaluation, of_prompts: Mapping[tuple[str, str], Mapping[str, float]], seed: int
) -> None:
    """Diversity's intervals, over its prompts."""
    for place, figure in enumerate(found.figures):
        values = of_prompts.get((figure.set, figure.metric), {})
        if figure.low is None and len(values) > 1:
            _, low, high, over = mean_with_interval(list(values.values()), list(values), seed)
            low, high = within(low, high, _bounds(figure.metric))
            found.figures[place] = replace(figure, low=low, high=high, over="prompts" if over else "")


def _add_differences(
    found: Evaluation, items: Sequence[Item], metrics: Sequence[ComputedMetric], features: Features, seed: int
) -> None:
    """Each set less its base, and each subject's leading set less the others."""
    by_set = {one.name: [picture for picture in found.pictures if picture.set == one.name] for one in found.sets}
    of_sets = {metric.name: metric for metric in metrics if isinstance(metric, Fid | Kid)}
    by_item = {item.item: item for item in items}
    reasons: dict[tuple[str, str], str] = {}
    for metric in found.metrics:
        for pair in _compared(found, metric):
            gap: Difference | str | None
            if metric.scores == "image":
                scores = found.scores[metric.name]
                gap = difference_of(pair, metric.name, scores, by_set[pair[0]], by_set[pair[1]], seed)
            elif metric.name in of_sets:
                mine, theirs = (by_set[name] for name in pair)
                gap = set_difference(pair, of_sets[metric.name], mine, theirs, by_item, features, seed)
            else:
                mine_by_prompt, other_by_prompt = _prompt_figures(found, pair, metric.name)
                gap = prompt_difference(pair, metric.name, mine_by_prompt, other_by_prompt, seed)
            if isinstance(gap, str):
                reasons[pair] = gap
            elif gap:
                found.differences.append(gap)
    found.notes += limits_said(reasons)


def _compared(found: Evaluation, metric: Measured) -> list[tuple[str, str]]:
    """The pairs of sets whose difference is shown or decides what is said, each once."""
    pairs = [(one.name, one.base) for one in found.sets if one.base]
    for subject in found.subjects:
        if leading := found.leading(metric, subject):
            rivals = [one for one in found.sets if not one.is_base and one.subject == subject]
            pairs += [(leading.set, one.name) for one in rivals if one.name != leading.set]
    has = {one.set for one in found.figures if one.metric == metric.name}
    return [pair for pair in dict.fromkeys(pairs) if has.issuperset(pair)]


def _prompt_figures(found: Evaluation, pair: tuple[str, str], metric: str) -> list[dict[str, float]]:
    """Both sets' figures by prompt; where one of them is of no subject, prompts are called alike without it."""
    both = [found.of_prompts.get((name, metric), {}) for name in pair]
    subjects = {name: one.subject for one in found.sets for name in pair if one.name == name}
    if subjects[pair[0]] and not both[0].keys() & both[1].keys():
        both[0] = {key.removeprefix(f"{subjects[pair[0]]}|"): value for key, value in both[0].items()}
    return both


def _add_without_copies(
    found: Evaluation,
    items: Sequence[Item],
    metrics: Sequence[ComputedMetric],
    features: Features,
    settings: EvaluationSettings,
) -> None:
    """Figures of likeness once more, without the images that are copies of a reference photo."""
    copies = {one.item for one in found.nearness.nearest if one.is_copy}
    for one in found.sets:
        mine = [picture for picture in found.pictures if picture.set == one.name]
        if not copies.intersection(picture.item for picture in mine):
            continue
        others = [picture for picture in mine if picture.item not in copies]
        for metric in found.metrics:
            entry = find_entry(metric.name.removesuffix("_min"))
            if metric.scores != "image" or entry is None or "references" not in entry.needs:
                continue
            scores = found.scores[metric.name]
            count = len([picture for picture in mine if picture.item in copies.intersection(scores)])
            if count:
                without = figure_of(one.name, metric.name, scores, others, _bounds(metric.name), settings.seed)
                found.without_copies[one.name, metric.name] = count, without
        left = [item for item in items if item.group == one.name and item.item not in copies]
        for each in metrics:
            figure = found.figure(one.name, each.name)
            if isinstance(each, Fid | Kid) and each.reference is None and figure is not None:
                rows = [row for row in each.score(left, features).set_scores if row.set == one.name] if left else []
                known = [Figure(one.name, each.name, row.score, row.low, row.high, row.n, "images") for row in rows]
                found.without_copies[one.name, each.name] = figure.n - len(left), known[0] if known else None


def _chances(
    metric: Fid, groups: Sequence[str], items: Sequence[Item], features: Features, seed: int
) -> dict[str, Chance]:
    """For each set its FID at the number of images that half of its reference has."""
    if isinstance(metric.reference, SavedStatistics):
        return {}
    found = {}
    with RowFile() as file:
        table = FeatureTable.of(file, metric.extractor, all_sources(items, metric.reference), features)
        for group in groups:
            mine = [item for item in items if item.group == group]
            known = metric.reference or tuple(photo for item in mine for photo in item.references)
            unique = list({photo.key: photo for photo in known}.values())
            chance = fid_by_chance(table.rows([item.image for item in mine]), table.rows(unique), seed=seed)
            if chance is not None:
                found[group] = chance
    return found


def _among_references(
    metric: Diversity, items: Sequence[Item], features: Features, compute: Callable[..., object]
) -> dict[str, float]:
    """The mean distance of the reference photos among each other, of one subject where there are several."""
    subjects = {tuple({photo.key: photo for photo in item.references}.values()) for item in items}
    whole = [photos for photos in subjects if len(photos) > 1]
    if len(whole) != 1:
        return {}
    (photos,) = whole
    compute(metric.extractor, photos)
    scored = metric.score([Item(str(place), photo, group="all") for place, photo in enumerate(photos)], features)
    return {row.metric: row.score for row in scored.set_scores if row.note != PROMPT}


def _add_nearness(
    found: Evaluation,
    items: Sequence[Item],
    metrics: Sequence[ComputedMetric],
    features: Features,
    compute: Callable[[Extractor, Sequence[ImageSource]], object],
) -> None:
    """The nearest reference of each image, by LPIPS, or else by CLIP."""
    by: list[tuple[str, Extractor, Distances]] = [
        ("LPIPS", metric.extractor, pairwise_distances)
        for metric in metrics
        if isinstance(metric, Lpips) and metric.extractor.size
    ]
    by += [("CLIP", one.extractor, clip_distances) for one in metrics if isinstance(one, ClipImageSimilarity)]
    if by and found.references:
        found.nearness_by, extractor, distances = by[0]
        found.nearness = nearest_references(items, extractor, distances, features, compute)
