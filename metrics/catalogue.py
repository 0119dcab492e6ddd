"""The list of the metrics that humangrade computes, and what follows from their entries.

A metric is one file, called as the metric: arithmetic, class, and `ENTRY`, which says all else that is known of it.
To add one, write the file and name it in `_MODULES`. README's table is held against the entries by a test.
"""

from collections.abc import Sequence
from dataclasses import fields
from difflib import get_close_matches
from functools import cache
from importlib import import_module

from metrics.engine.types import ComputedMetric
from metrics.entry import Entry, MetricOptions, Need
from metrics.errors import InputError, either, parameter
from metrics.plugins.own_functions import named_function
from metrics.plugins.package_table import find_known
from metrics.plugins.packages import is_plugin, make_plugin
from metrics.text import listed

_MODULES = (
    "metrics.image.similarity",
    "metrics.image.aesthetic",
    "metrics.image.lpips",
    "metrics.image.clip_score",
    "metrics.image.clip_t",
    "metrics.image.clip_i",
    "metrics.image.sharpness",
    "metrics.image.contrast",
    "metrics.image.exposure",
    "metrics.sets.diversity",
    "metrics.sets.diversity_clip",
    "metrics.sets.fid",
    "metrics.sets.kid",
)
FEWEST_FOR_GUIDES = 20
"""Images of a set, below which the guides' rules of thumb say nothing."""

CAVEAT = "rules of thumb from guides to person LoRAs (20-100 images, varied prompts, 512 x 512), not measurements"


@cache
def catalogue() -> tuple[Entry, ...]:
    """All metrics that can be computed without a plug-in.

    Examples
    --------
    >>> [entry.name for entry in catalogue() if entry.scores == "set"]
    ['diversity', 'diversity_clip', 'fid', 'kid']
    """
    return tuple(import_module(name).ENTRY for name in _MODULES)


def find_entry(name: str) -> Entry | None:
    """The entry of a metric by its name; None for one that is not in the catalogue.

    Examples
    --------
    >>> find_entry("lpips").title, find_entry("pyiqa:musiq") is None
    ('LPIPS', True)
    """
    return next((entry for entry in catalogue() if entry.name == name), None)


def check_options(options: MetricOptions) -> None:
    """Raise InputError where detector, encoder or reference set cannot be had, whichever metrics are computed."""
    if options.reference_set is not None and not options.reference_set.exists():
        raise InputError(
            f"{parameter('reference_set')} is {options.reference_set}, and there is nothing of that name; correct it."
        )
    for given, option in ((options.detector, "detector"), (options.encoder, "encoder")):
        if given:
            named_function(given, parameter(option))


def check_options_used(names: Sequence[str], options: MetricOptions) -> None:
    """Raise InputError for an option that is set and that none of these metrics takes.

    Parameters
    ----------
    names : sequence of str
        The metrics that are computed.
    options : MetricOptions
        What was chosen; what is as it would be anyway is not asked about.

    Examples
    --------
    >>> check_options_used(["lpips"], MetricOptions(lpips_net="vgg"))
    >>> check_options_used(["contrast"], MetricOptions(lpips_net="vgg"))
    Traceback (most recent call last):
    metrics.errors.InputError: lpips_net is for lpips and diversity, which are not computed; leave it out, or name one
    of them.
    """
    taken = {option for entry in catalogue() if entry.name in names for option in entry.options}
    usual = MetricOptions()
    for field in fields(MetricOptions):
        if getattr(options, field.name) != getattr(usual, field.name) and field.name not in taken:
            known = metrics_taking(field.name)
            others = "which is not computed" if len(known) == 1 else "which are not computed"
            raise InputError(
                f"{parameter(field.name)} is for {listed(known)}, {others}; leave it out, or name "
                f"{'that metric' if len(known) == 1 else 'one of them'}."
            )


def metrics_taking(option: str) -> list[str]:
    """The names of the metrics that an option changes.

    Examples
    --------
    >>> metrics_taking("lpips_net"), metrics_taking("workers")
    (['lpips', 'diversity'], [])
    """
    return [entry.name for entry in catalogue() if option in entry.options]


def make_metrics(names: Sequence[str], options: MetricOptions) -> list[ComputedMetric]:
    """The metrics of these names, each once.

    Parameters
    ----------
    names : sequence of str
        Names of the catalogue, or plug-ins such as ``pyiqa:musiq``.
    options : MetricOptions
        What was chosen.

    Raises
    ------
    InputError
        For an unknown name, a missing file of weights, or a plug-in whose package is not installed.
    """
    made: list[ComputedMetric] = []
    for name in dict.fromkeys(names):
        entry = find_entry(name)
        if is_plugin(name):
            made.append(make_plugin(name))
        elif entry is not None:
            made.append(entry.make(options))
        else:
            raise _no_metric(name)
    return made


def needs_of(name: str, options: MetricOptions | None = None) -> tuple[Need, ...]:
    """What must be known of the images for a metric of the catalogue, or of another package.

    Parameters
    ----------
    name : str
        The metric.
    options : MetricOptions, optional
        What was chosen; some options take the place of a need.

    Examples
    --------
    >>> needs_of("lpips"), needs_of("pyiqa:clipscore"), needs_of("contrast")
    (('references',), ('prompts',), ())
    """
    known = find_known(name)
    if known is not None:
        return ("references",) if known.takes == "pair" else ("prompts",) if known.takes == "prompt" else ()
    entry = find_entry(name)
    return () if entry is None else entry.needs_with(options or MetricOptions())


def written_names(name: str) -> tuple[str, ...]:
    """The metrics under whose names a metric of the catalogue writes scores.

    Examples
    --------
    >>> written_names("lpips"), written_names("fid")
    (('lpips', 'lpips_min'), ('fid',))
    """
    entry = find_entry(name)
    return (name, *(entry.written if entry else ()))


def weights_users(weights: str) -> tuple[str, ...]:
    """The metrics that may need a file of weights.

    Examples
    --------
    >>> weights_users("inception-fid"), weights_users("lpips-vgg")
    (('fid', 'kid'), ('lpips', 'diversity'))
    """
    return tuple(
        entry.name for entry in catalogue() if any(weights.startswith(needed.family) for needed in entry.weights)
    )


def band(metric: str, score: float, images: int = FEWEST_FOR_GUIDES) -> str:
    """What guides call a score; "" for a metric without such a rule, and for fewer images than they presume.

    The rules are no result of a measurement: they presume 20 to 100 images of varied prompts at 512 x 512 pixels. Where
    people have rated the images, the study's own bucket mapping takes their place.

    Parameters
    ----------
    metric : str
        A name of the catalogue; others have no bands.
    score : float
        A set's score.
    images : int
        Of the set.

    Examples
    --------
    >>> band("fid", 5.0, images=4)
    ''
    >>> band("lpips", 0.14), band("lpips", 0.15), band("fid", 72.0), band("kid", 0.1)
    ('excellent', 'good', 'poor', '')
    """
    if images < FEWEST_FOR_GUIDES:
        return ""
    entry = find_entry(metric)
    return next((name for upper, name in (entry.bands if entry else ()) if score < upper), "")


_LISTS = either("metrics.list_metrics()", "humangrade metrics")
_OWN_SCORES = either("study.import_tables", "humangrade import STUDY --scores FILE, or report --scores FILE")


def _no_metric(name: str) -> InputError:
    names = [entry.name for entry in catalogue()]
    if ":" in name:
        return InputError(
            f"There is no metric '{name}'; of other packages those of pyiqa:NAME and torchmetrics:NAME can be "
            f"computed. Scores by a metric of your own come in with {_OWN_SCORES}."
        )
    near = get_close_matches(name.lower(), names, n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    return InputError(
        f"There is no metric '{name}'; {meant}{_LISTS} lists them: {', '.join(names)}, pyiqa:NAME and "
        "torchmetrics:NAME."
    )
