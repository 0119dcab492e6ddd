"""What an imported run is called in a study's record, so that no two runs of a tracker become one."""

from collections.abc import Iterator, Sequence

from study.folder.study import Study
from study.runs.trackers.plain import plain_name
from study.runs.types import RECORD, TrackedRun

_SHORT = 12  # signs of what tells runs apart that are enough, mostly


def names_for(study: Study, runs: Sequence[TrackedRun]) -> list[str]:
    """A name for each run: its own, and for another run of that name in the same tracker with what tells it apart.

    A run that was imported before has the name that it had then. What was exported has its own name always: what it
    says was said of that run.

    Parameters
    ----------
    study : Study
    runs : sequence of TrackedRun

    Returns
    -------
    list of str
    """
    record = study.store.runs
    known: dict[str, set[str]] = {}
    for table in (record.runs(), record.scalars()):
        for model, source in set(zip(table["model"], table["source"], strict=True)):
            known.setdefault(model, set()).add(source)
    found = []
    for run in runs:
        own = list(_possible(run))
        name, source = own[0], source_of(run)
        if RECORD not in run.config:
            had = [each for each in reversed(own) if source in known.get(each, ())]
            free = [each for each in own if not any(one.startswith(f"{run.source}:") for one in known.get(each, ()))]
            name = [*had, *free, own[-1]][0]
        known.setdefault(name, set()).add(source)
        found.append(name)
    return found


def _possible(run: TrackedRun) -> Iterator[str]:
    """A run's name, and the same with ever more of what tells it apart."""
    own = id_of(run)
    name = plain_name(run.name).strip() or own or "run"
    yield name
    yield plain_name(f"{name} ({own[:_SHORT]})")
    if len(own) > _SHORT:
        yield plain_name(f"{name} ({own})")


def id_of(run: TrackedRun) -> str:
    """What tells a run apart in its tracker, as the record keeps it."""
    return plain_name(run.external_id)


def source_of(run: TrackedRun) -> str:
    """Whose word a run is, as the record keeps it."""
    return f"{run.source}:{id_of(run)}"
