from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
SAID = {
    "calibrate_a_metric": ["it can stand in for one evaluator", "do not use it", "report.html"],
    "validate_a_metric": ["it can stand in for one evaluator", "do not use it", "report.html", "Benjamini"],
    "retrain_aesthetic_head": ["to decide when to stop", "best possible Spearman 0.6", "Take ", "Spearman before"],
}


def test_every_notebook_is_run():
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(SAID)


@pytest.mark.process
@pytest.mark.parametrize("name", SAID)
def test_it_runs_from_top_to_bottom(name):
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    resources = {"metadata": {"path": str(FOLDER.parent)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
    printed = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert all(words in printed for words in SAID[name]), printed
