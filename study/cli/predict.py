"""The command predict: what people would say of new images, from their scores."""

from pathlib import Path
from typing import Annotated

import typer

from metrics.errors import InputError


def predict(
    report: Annotated[
        Path, typer.Argument(metavar="REPORT", help="The folder that humangrade report wrote.", show_default=False)
    ],
    metric: Annotated[str, typer.Option(help="Which of its metrics.", show_default=False)],
    scores: Annotated[Path, typer.Option(help="The new scores, CSV or Parquet, long or wide.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The file for the predictions, ending in .csv.", show_default=False)],
    task: Annotated[str | None, typer.Option(help="The task, where there are several.", show_default=False)] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            "--map",
            metavar="OURS=THEIRS,...",
            help="Which column of the new scores is which of ours, e.g. item=file.",
            show_default=False,
        ),
    ] = None,
    allow_other_signature: Annotated[
        bool, typer.Option("--allow-other-signature", help="Take scores that were not computed alike.")
    ] = False,
) -> None:
    """Predict how people would rate new images: a distribution over the levels, its mean, and intervals."""
    import pandas as pd

    from calibration.prediction.predictor_file import read_predictor, read_verdict
    from calibration.tables.checking import check_scores
    from calibration.tables.reading import ColumnMap, read_table
    from calibration.tables.writing import csv_text
    from metrics.engine.signature import identity_of, other_provenance
    from metrics.files import refuse_missing_parent, write_together
    from metrics.text import counted, listed, quoted

    if out.is_dir() or out.suffix.lower() != ".csv":
        raise InputError(f"--out is {out}; predictions are written as CSV, so name a file that ends in .csv.")
    refuse_missing_parent(out)
    predictor = read_predictor(report, metric, task)
    said = read_verdict(report, metric, task)
    if said and said["kind"] in ("unknown", "none", "below"):
        print(f"Mind the report's verdict: {said['sentence']}")
    named = ColumnMap.parse(columns)
    raw, source = read_table(scores, named)
    named.check_used()
    table = check_scores(raw, source.path).frame
    rows = table[table["metric"] == metric].reset_index(drop=True)
    if rows.empty:
        there = listed(quoted(sorted(set(table["metric"])))) or "none"
        raise InputError(f"{scores} has no score of '{metric}'; its metrics are {there}.")
    signatures = sorted(set(rows["signature"]) - {""}) if "signature" in rows.columns else []
    known = {identity_of(each): each for each in predictor.signatures}
    other = [each for each in signatures if identity_of(each) not in known]
    if predictor.signatures and other and not allow_other_signature:
        raise InputError(
            f"{scores} has scores of '{metric}' with the signature {other[0]}, and the study's had "
            f"{predictor.signatures[0]}; score them alike, or say --allow-other-signature."
        )
    if predictor.signatures and not signatures:
        print(f"{scores} has no signatures, so nobody can tell whether its scores were computed as the study's.")
    for each in signatures:
        if predictor.signatures and each not in predictor.signatures and each not in other:
            differs = other_provenance(each, known[identity_of(each)])
            print(f"{scores} was scored with other versions than the study ({differs}); all else is the same.")
    predicted = predictor.predict(rows["score"])
    content = csv_text(pd.concat([rows[["item"]], predicted], axis=1))
    write_together({out: content})
    print(f"Written: {out} ({counted(len(rows), 'image')})")
    if predicted["low"].isna().all():
        print("The columns low and high are empty: with one evaluator nobody knows how far people differ.")
    outside = int(predicted["extrapolated"].sum())
    if outside:
        print(
            f"{counted(outside, 'score')} outside the study's range, {predictor.low:.4g} to {predictor.high:.4g}: "
            "column extrapolated; nothing is known of people's answers there."
        )
