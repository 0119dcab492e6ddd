"""What gates say of the demo's simulated run; see `study.folder.demo_run`."""

from study.folder.demo_run import STEPS, STRENGTHS, run_name
from study.folder.study import Study
from study.runs.alerts import gate_report, gate_settings, record_gate_run
from study.runs.reading import study_tables


def add_gates(study: Study) -> None:
    """Judge the last checkpoint of each run against the one before it, as `humangrade gate` does, and record it."""
    tables = study_tables(study, task="similarity")
    for number in STRENGTHS:
        candidate, against = (f"{run_name(number)}/{step}" for step in STEPS[:0:-1])
        found = tables.gate(candidate, against, (), "ssim", {})
        settings = gate_settings(against, [], "ssim", {}, False, tables.resampling)
        record_gate_run(study, gate_report(found, tables, settings))
