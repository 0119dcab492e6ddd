"""The process of the figures, without the process."""

import shutil
from pathlib import Path

from study.dashboard.figures_process import Figures


def test_a_folder_that_the_system_swept_away_is_made_again(dashboard_study, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    figures = Figures(str(dashboard_study.folder), str(out), str(out / "index.json"), None)
    version = figures.snapshot()["version"]
    shutil.rmtree(out)
    assert Path(figures.answer(version, "alerts", {})["file"]).is_file()
    shutil.rmtree(out)
    assert Path(figures.snapshot()["data"]).is_file() and (out / "index.json").is_file()
    assert out.stat().st_mode & 0o077 == 0
