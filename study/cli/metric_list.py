"""The lists that `humangrade metrics` and `humangrade cache` print."""

import time

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from metrics.catalogue import catalogue
from metrics.engine.cache import FeatureCache, cache_folder
from metrics.entry import Entry, MetricOptions
from metrics.plugins.package_table import PACKAGES, usable
from metrics.weights.locate import is_present


def print_metrics(console: Console) -> None:
    """Print each metric that can be computed: what it is, what it takes, and which options change its numbers."""
    options = MetricOptions()
    form = "{:<16}{:<8}{:<8}{:<14}{}"
    console.print(f"[bold]{form.format('Metric', 'Scores', 'Better', 'Range', 'Needs')}[/]", soft_wrap=True)
    for entry in catalogue():
        scores, bounds = "images" if entry.scores == "image" else "sets", f"{_bound(entry.low)} to {_bound(entry.high)}"
        line = form.format(entry.name, scores, entry.direction, bounds, ", ".join(entry.needs) or "-")
        console.print(escape(line), soft_wrap=True)
        console.print(f"[dim]  {escape(entry.source)}; weights: {_weights(entry, options)}[/]", soft_wrap=True)
        if entry.options:
            named = ", ".join(f"--{name.replace('_', '-')}" for name in entry.options)
            console.print(f"[dim]  changed by {named}[/]", soft_wrap=True)
    console.print(
        "\nWith the packages installed, as --metric pyiqa:NAME and --metric torchmetrics:CLASS, also:", soft_wrap=True
    )
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
    table = Table(Column("features", overflow="fold"), show_lines=True)
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
    names = entry.weights_for(options)
    if not names:
        return "none"
    return ", ".join(f"{name} [{'green]here' if is_present(name) else 'red]missing'}[/]" for name in names)


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
