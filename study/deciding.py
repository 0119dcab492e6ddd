"""Tracking runs, the gate and the best checkpoint of a study, from a notebook or a script."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
from rich.console import Console

from calibration.core.resampling import Resampling
from calibration.deciding import best_frame, gate_frame
from calibration.decision.from_tables import StudyTables
from calibration.settings import Settings
from metrics.entry import MetricOptions
from metrics.text import names_of
from study.folder.prompts import read_prompt_texts
from study.folder.study import Study
from study.runs.alerts import gate_report, gate_settings, record_gate_run
from study.runs.baselines import TAKEN, named_checkpoint
from study.runs.folders import named_folder
from study.runs.reading import study_tables
from study.runs.set_gate import StudySets
from study.runs.track import Tracker, TrackSettings, only_tracker
from study.scoring import ScoreSettings


def track_study(
    study: Study | str | Path,
    runs: str | Path | Sequence[str | Path] = (),
    metrics: str | Sequence[str] = (),
    *,
    against: str = "previous",
    task: str = "",
    references: str | Path | None = None,
    reference_set: str | Path | None = None,
    prompts: str | Path | None = None,
    score: ScoreSettings | None = None,
    console: Console | None = None,
) -> pd.DataFrame:
    r"""Record what is new in a study and its runs' folders, score it, and judge each new checkpoint; one pass.

    Parameters
    ----------
    study : Study, str or Path
        An opened study, or its folder.
    runs : str, Path or sequence of them
        Folders of samples as trainers write them, or of drawn images; NAME=FOLDER tells runs of one name apart.
    metrics : str or sequence of str
        By which new images are scored and checkpoints judged; those that the study has unless given, or else all that
        can be computed.
    against, task, references
        See `study.runs.track.TrackSettings`.
    reference_set : str or Path, optional
        Real images for FID and KID, where these are named; the reference photos unless given.
    prompts : str or Path, optional
        The trainer's file of sample prompts, where a folder says none.
    score : ScoreSettings, optional
        How images are scored: device, engine, options; `metrics` and `reference_set` above win.
    console : Console, optional
        Where progress is shown; nowhere unless told.

    Returns
    -------
    DataFrame
        A row for each gate of this pass: candidate, baseline, verdict (worse, not worse, cannot tell, refused) and
        sentence. ``attrs`` has images and scored (how many were new), waiting (are perhaps being written), notes, and
        broken (a reason by file).

    Raises
    ------
    InputError
        Where the study or a folder cannot be used, metrics cannot be computed, or another process tracks the study.

    Examples
    --------
    >>> import numpy as np
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> from study import create_study
    >>> with TemporaryDirectory() as place:
    ...     samples = Path(place) / "run" / "sample"
    ...     samples.mkdir(parents=True)
    ...     for step, tones in ((300, 80), (600, 80), (900, 20)):
    ...         for number in range(8):
    ...             rng = np.random.default_rng([number, step])
    ...             pixels = 128 + tones * np.sin(np.arange(1024).reshape(32, 32) + number) + rng.normal(0, 2, (32, 32))
    ...             name = f"anna_{step:06d}_{number:02d}_20240819{step:06d}_7.png"
    ...             Image.fromarray(pixels.astype(np.uint8)).save(samples / name)
    ...     _ = (samples / "prompt.txt").write_text("".join(f"prompt {number}\n" for number in range(8)))
    ...     study = create_study(Path(place) / "study", samples, tasks=["look"], evaluators=1)
    ...     found = track_study(study, metrics="contrast")
    ...     study.close()
    >>> found["sentence"].tolist()[-1], found.attrs["images"]
    ('anna/900 is worse than anna/600 by Contrast.', 24)
    """
    folder = study.folder if isinstance(study, Study) else Path(study)
    texts = [] if prompts is None else read_prompt_texts(Path(prompts))
    given = [runs] if isinstance(runs, str | Path) else list(runs)
    folders = [named_folder(str(each), texts) for each in given]
    score = score or ScoreSettings()
    options = score.options if reference_set is None else replace(score.options, reference_set=Path(reference_set))
    score = replace(score, metrics=names_of(metrics, "metrics") or score.metrics, options=options)
    photos = None if references is None else Path(references)
    settings = TrackSettings(score, photos, against, task, pause=1.0)
    with only_tracker(folder):
        found = Tracker(folder, folders, settings, console).one_pass()
    columns = ["candidate", "baseline", "verdict", "sentence"]
    table = pd.DataFrame([[getattr(gate, name) for name in columns] for gate in found.gates], columns=columns)
    table.attrs = {name: getattr(found, name) for name in ("images", "scored", "waiting", "notes", "broken")}
    return table


def gate_study(
    study: Study,
    candidate: str,
    against: str = "previous",
    metrics: str | Sequence[str] = (),
    *,
    primary: str = "",
    least_drops: Mapping[str, float] | None = None,
    task: str = "",
    lower_is_better: str | Sequence[str] = (),
    higher_is_better: str | Sequence[str] = (),
    reference_set: str | Path | None = None,
    seed: int = 0,
    draws: int = Settings.draws,
) -> pd.DataFrame:
    """Is a checkpoint of a study worse than another one? The gate is kept in the study's record.

    Parameters
    ----------
    study : Study
        An opened study; what is new in it is recorded.
    candidate, against : str
        MODEL/CHECKPOINT, or one of the two; `against` may be ``previous``, ``best`` or a baseline's name.
    metrics, primary, least_drops
        See `calibration.decision.from_tables.StudyTables.gate`.
    task, lower_is_better, higher_is_better
        See `study.runs.reading.study_tables`.
    reference_set : str or Path, optional
        Real images for FID and KID, where these are named; the reference photos unless given.
    seed, draws
        As for `calibration.calibrate`.

    Returns
    -------
    DataFrame
        As `calibration.judge_gate` gives it.

    Raises
    ------
    InputError
        See `calibration.decision.from_tables.StudyTables.gate`.

    Examples
    --------
    >>> import numpy as np
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> from study import create_study, import_tables
    >>> with TemporaryDirectory() as place:
    ...     images = [(step, prompt) for step in (300, 600) for prompt in range(10)]
    ...     rows = pd.DataFrame(images, columns=["checkpoint", "prompt"]).astype(str).assign(model="anna", seed="1")
    ...     rows["image"] = rows["item"] = rows["checkpoint"] + "_" + rows["prompt"] + ".png"
    ...     for number, name in enumerate(rows["image"]):
    ...         Image.new("RGB", (32, 32), (number, 0, 0)).save(Path(place) / name)
    ...     rows.to_csv(Path(place) / "items.csv", index=False)
    ...     study = create_study(Path(place) / "study", place, tasks=["look"], evaluators=1)
    ...     quality = np.repeat([5.0, 4.0], 10) + 0.5 * np.random.default_rng(0).normal(size=20)
    ...     _ = import_tables(study, scores=rows[["item"]].assign(metric="quality", score=quality))
    ...     found = gate_study(study, "600", higher_is_better="quality")
    ...     best = best_of_study(study, "quality", higher_is_better="quality")
    ...     study.close()
    >>> found.attrs["verdict"], found.attrs["baseline"], best.attrs["winner"]
    ('worse', 'anna/300', 'anna/300')
    """
    tables = _tables(study, task, lower_is_better, higher_is_better, reference_set, seed, draws)
    named = names_of(metrics, "metrics")
    baseline, note = (against, "") if against in TAKEN else named_checkpoint(study, tables, against)
    found = tables.gate(candidate, str(baseline), named, primary, least_drops)
    found = replace(found, notes=(*found.notes, *filter(None, [note])))
    settings = gate_settings(against, list(named), primary, least_drops or {}, False, tables.resampling)
    record_gate_run(study, gate_report(found, tables, settings))
    return gate_frame(found)


def best_of_study(
    study: Study,
    metric: str = "",
    run: str = "",
    *,
    task: str = "",
    lower_is_better: str | Sequence[str] = (),
    higher_is_better: str | Sequence[str] = (),
    reference_set: str | Path | None = None,
    seed: int = 0,
    draws: int = Settings.draws,
) -> pd.DataFrame:
    """Which checkpoints of a run in a study may be the best, and what is the winner worth?

    Parameters
    ----------
    study : Study
        An opened study; what is new in it is recorded.
    metric, run : str
        See `calibration.find_best`; FID and KID are computed where they are named.
    task, lower_is_better, higher_is_better, reference_set, seed, draws
        As for `gate_study`, where there is an example.

    Returns
    -------
    DataFrame
        As `calibration.find_best` gives it.

    Raises
    ------
    InputError
        See `calibration.decision.from_tables.StudyTables.best`.
    """
    tables = _tables(study, task, lower_is_better, higher_is_better, reference_set, seed, draws)
    return best_frame(tables.best(metric, run))


def _tables(
    study: Study,
    task: str,
    lower: str | Sequence[str],
    higher: str | Sequence[str],
    reference_set: str | Path | None,
    seed: int,
    draws: int,
) -> StudyTables:
    directions = names_of(lower, "lower_is_better"), names_of(higher, "higher_is_better")
    tables = study_tables(study, task, *directions, Resampling(draws, seed))
    options = MetricOptions(reference_set=None if reference_set is None else Path(reference_set))
    tables.sets = StudySets(study, ScoreSettings(options=options))
    return tables
