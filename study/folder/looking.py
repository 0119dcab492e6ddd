"""Opening a study only to look at it, whether others write to it, nobody can, or an older version made it."""

import os
from pathlib import Path

from metrics.errors import InputError
from study.folder.study import DATABASE, Study, open_study


def open_to_look(folder: Path) -> Study:
    """Open a study to be read, also beside a server or in a folder that cannot be written.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    Study

    Raises
    ------
    InputError
        As `study.folder.study.open_study`.

    Notes
    -----
    A database of an earlier layout is brought up to date, as whenever a study is opened.
    """
    database = folder / DATABASE
    if database.is_file() and not (os.access(database, os.W_OK) and os.access(folder, os.W_OK)):
        return open_study(folder)  # as it lies there: SQLite cannot watch what it cannot put its files beside
    try:
        return open_study(folder, watch=True)
    except InputError:  # perhaps of an earlier layout; otherwise this says what is wrong
        open_study(folder).close()
        return open_study(folder, watch=True)
