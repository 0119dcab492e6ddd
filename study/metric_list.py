"""The lists that `humangrade metrics` and `humangrade cache` print."""

import time

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from metrics.cache import FeatureCache, cache_folder
from metrics.catalogue import Entry, MetricOptions, catalogue
from metrics.plugin_table import PACKAGES, usable
from metrics.weights import is_present


def print_metrics(console: Console) -> None:
    """Print a row for each metric that can be computed."""
    table = Table("metric", "scores", "better", "range", "needs", "weights", "reference")
    options = MetricOptions()
    for entry in catalogue():
        what = entry.what
        table.add_row(
            entry.name,
            "images" if entry.scores == "image" else "sets",
            what.direction,
            f"{_bound(what.low)} to {_bound(what.high)}",
            ", ".join(entry.needs) or "-",
            _weights(entry, options),
            escape(entry.source),
        )
    console.print(table)
    console.print("With the packages installed, as --metric pyiqa:NAME and --metric torchmetrics:CLASS, also:")
    for package in PACKAGES:
        console.print(f"{package}: {', '.join(usable(package))}", soft_wrap=True)
    console.print("Weights that are missing: humangrade weights", soft_wrap=True)


def print_cache(console: Console) -> None:
    """Print a row for each extractor whose features are kept."""
    cache = FeatureCache(cache_folder())
    entries = cache.entries()
    console.print(escape(f"{cache.folder}: {_size(sum(entry.size for entry in entries))}"), soft_wrap=True)
    if not entries:
        return
    table = Table("features", show_lines=True)
    for name in ("images", "size", "last used"):
        table.add_column(name, justify="right")
    for entry in entries:
        days = (time.time() - entry.used) / 86400
        used = "today" if days < 1 else f"{days:.0f} days ago"
        table.add_row(escape(entry.signature), f"{entry.files:,}", _size(entry.size), used)
    console.print(table)


def prune_cache(unused_days: float, word: str | None, console: Console) -> None:
    """Remove features, and say how much."""
    freed = FeatureCache(cache_folder()).prune(unused_days, word)
    console.print(f"Removed {_size(freed)}.")


def _weights(entry: Entry, options: MetricOptions) -> str:
    names = entry.weights(options)
    if not names:
        return "none"
    return "\n".join(f"{name} [{'green]here' if is_present(name) else 'red]missing'}[/]" for name in names)


def _bound(value: float | None) -> str:
    return "open" if value is None else f"{value:g}"


def _size(count: int) -> str:
    """Bytes for people.

    Examples
    --------
    >>> _size(512), _size(20_480), _size(3 * 2**30)
    ('512 B', '20.0 KiB', '3.0 GiB')
    """
    size, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{size:.0f} B" if units[0] == "B" else f"{size:.1f} {units[0]}"
