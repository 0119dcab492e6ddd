"""Runs the notebooks and writes them with what they say and draw: ``python -m notebooks.make [NAME ...]``.

A notebook is its own source: edit its cells, run this, look at the difference, commit. Notebooks run on made data, on
the code beside them, without a network and without the user's cache. What differs from run to run (cells' ids, times,
versions) is not written; a test says where the outputs are out of date.
"""

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
NAMES = (
    *("calibrate_a_metric", "validate_a_metric", "retrain_aesthetic_head", "from_lora_to_study"),
    "checkpoint_selection",
)


def read(name: str) -> NotebookNode:
    """A notebook as it is written."""
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def executed(name: str) -> NotebookNode:
    """A notebook's cells, run anew from top to bottom in an empty folder."""
    source = read(name)
    cells = [
        nbformat.v4.new_code_cell(cell.source, id=f"cell-{number}")
        if cell.cell_type == "code"
        else nbformat.v4.new_markdown_cell(cell.source, id=f"cell-{number}")
        for number, cell in enumerate(source.cells, 1)
    ]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=source.metadata)
    with tempfile.TemporaryDirectory() as folder:
        place = {"metadata": {"path": folder}}
        client = NotebookClient(
            notebook, timeout=300, kernel_name="python3", resources=place, record_timing=False, coalesce_streams=True
        )
        client.execute(env=_environment(folder))
    notebook.metadata = source.metadata  # without the version of Python that ran it
    return notebook


def _environment(folder: str) -> dict[str, str]:
    """For the kernel: the code and the command of this checkout, and a cache that goes with the folder."""
    paths = {
        "PATH": [str(Path(sys.executable).parent), os.environ.get("PATH", "")],
        "PYTHONPATH": [str(ROOT), os.environ.get("PYTHONPATH", "")],
    }
    joined = {name: os.pathsep.join(part for part in parts if part) for name, parts in paths.items()}
    return {**os.environ, **joined, "HUMANGRADE_CACHE": folder, "COLUMNS": "100"}


if __name__ == "__main__":
    for each in sys.argv[1:] or NAMES:
        nbformat.write(executed(each), FOLDER / f"{each}.ipynb")
        print(f"{each}: {(FOLDER / f'{each}.ipynb').stat().st_size / 1000:.0f} kB")
