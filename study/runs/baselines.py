"""Baselines: names that stand for a checkpoint until they are set anew, such as production."""

from collections.abc import Sequence

from calibration.decision.checkpoints import Checkpoint
from calibration.decision.from_tables import StudyTables
from metrics.errors import InputError, either
from metrics.text import is_plain, listed, quoted
from study.folder.study import Study
from study.runs.record import record_study

TAKEN = ("best", "previous")
"""What these stand for depends on the candidate."""


def set_baseline(study: Study, name: str, checkpoint: str) -> str:
    """Let a name stand for a checkpoint from now on; gates that were judged stay as they are.

    Parameters
    ----------
    study : Study
        What is new in it is recorded first.
    name : str
        For instance ``production``.
    checkpoint : str
        MODEL/CHECKPOINT, or one of the two where only one checkpoint has it.

    Returns
    -------
    str
        The checkpoint, MODEL/CHECKPOINT.

    Raises
    ------
    InputError
        For a name that means something else, where no checkpoint or several are called so, and where the study cannot
        be written.
    """
    if study.store.is_read_only:
        raise InputError(f"{study.folder} cannot be written, so no baseline can be set; make it writable.")
    if not name.strip() or name != " ".join(name.split()) or not is_plain(name):
        raise InputError(f"'{name}' is no name for a baseline; write for instance production.")
    if name in TAKEN:
        raise InputError(f"'{name}' means another checkpoint for each candidate; give the baseline another name.")
    record_study(study)
    found = study.store.runs.checkpoints()
    shown = {
        "/".join(filter(None, pair)): pair
        for pair in zip(found["model"], found["checkpoint"], strict=True)
        if any(pair)
    }
    if any(name == one or name in pair for one, pair in shown.items()):
        raise InputError(f"'{name}' is what a run or a checkpoint is called; give the baseline another name.")
    loose = [checkpoint] if checkpoint in shown else [one for one, pair in shown.items() if checkpoint in pair]
    if len(loose) != 1:
        said = f"There are {len(loose):,} checkpoints" if loose else "There is no checkpoint"
        among = f"name one of {listed(quoted(loose or list(shown)), most=10)}" if shown else "the study has none"
        raise InputError(f"{said} '{checkpoint}'; {among}.")
    study.store.runs.set_baseline(name, loose[0])
    return loose[0]


def named_checkpoint(study: Study, tables: StudyTables, name: str) -> tuple[Checkpoint, str]:
    """The checkpoint that a baseline or a checkpoint is called by.

    Parameters
    ----------
    study : Study
    tables : StudyTables
        Of it.
    name : str

    Returns
    -------
    checkpoint : Checkpoint
    note : str
        What a baseline's name stands for; "" for the name of a checkpoint.

    Raises
    ------
    InputError
        Where nothing is called so.
    """
    known = study.store.runs.baselines()
    mine = known[known["name"] == name]
    if len(mine):
        found, since = mine["checkpoint"].iloc[0], str(mine["since"].iloc[0])[:10]
        return tables.checkpoints.find(found), f"'{name}' stands for {found} since {since}."
    everything = tables.checkpoints.all
    if not any(name in (str(one), one.model, one.name) for one in everything):
        raise InputError(_nothing(name, [str(one) for one in everything], list(known["name"])))
    return tables.checkpoints.find(name), ""


def _nothing(name: str, checkpoints: Sequence[str], baselines: Sequence[str]) -> str:
    there = f"the baselines are {listed(quoted(baselines))}" if baselines else "no baseline is set"
    set_one = either("study.set_baseline", f"humangrade baseline STUDY {name}=MODEL/CHECKPOINT")
    return (
        f"There is no checkpoint '{name}' and no baseline of that name; the checkpoints are "
        f"{listed(checkpoints, most=20)}, and {there} ({set_one} sets one)."
    )
