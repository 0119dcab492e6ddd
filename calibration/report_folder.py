"""Writing a calibration to a folder: report.json, report.html and CSV tables."""

import json
from pathlib import Path

import pandas as pd

from calibration.page.figure_tables import figure_tables
from calibration.page.html import render_html
from calibration.prediction import predictor_file
from calibration.report.build import Calibration, calibration_given
from calibration.report.csv_tables import (
    agreement_rows,
    comparison_rows,
    evaluator_rows,
    fold_rows,
    metric_rows,
    model_order_rows,
)
from calibration.tables.writing import csv_text
from metrics.files import write_together


def write_report(calibration: Calibration, out: str | Path) -> list[Path]:
    """Write the report's files, all or none; the page is replaced last.

    Parameters
    ----------
    calibration : Calibration
        What `calibration.report.build.calibrate` gave.
    out : str or Path
        The folder; it is made where it is missing, and files of these names in it are replaced.

    Returns
    -------
    list of Path
        The HTML page first, then report.json and the tables.

    Raises
    ------
    InputError
        Where the folder cannot be written, and for what is no calibration.
    """
    out, report = Path(out), calibration_given(calibration).model
    contents: dict[str, str | None] = {
        "report.html": render_html(calibration, calibration.images),
        "report.json": json.dumps(calibration.report, indent=2, ensure_ascii=False, allow_nan=False) + "\n",
        "evaluators.csv": csv_text(evaluator_rows(report)),
        "metrics.csv": csv_text(metric_rows(report)),
        "folds.csv": csv_text(fold_rows(report)),
        "comparison.csv": csv_text(comparison_rows(report)),
        "agreement.csv": csv_text(agreement_rows(report)),
        "model_order.csv": csv_text(model_order_rows(report)),
    }
    verdicts = {
        name: {
            metric: {"kind": entry.verdict.kind, "sentence": entry.verdict.sentence}
            for metric, entry in task.metrics.items()
        }
        for name, task in report.tasks.items()
    }
    document = predictor_file.predictors_document(calibration.predictors, verdicts)
    contents[predictor_file.NAME] = predictor_file.json_text(document)
    contents |= {name: csv_text(table) for name, table in figure_tables(calibration).items()}
    sets = pd.DataFrame([row.model_dump() for row in report.set_scores])
    contents["set_scores.csv"] = csv_text(sets) if len(sets) else None  # of an earlier report, it goes
    return write_together({out / name: content for name, content in reversed(contents.items())})[::-1]
