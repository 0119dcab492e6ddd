"""The command plan: how many images and evaluators a study needs."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from metrics.errors import InputError
from metrics.files import refuse_missing_parent
from study.cli.options import AnswerScale, counts, numbers
from study.cli.options import names as names_in

if TYPE_CHECKING:
    from rich.console import Console

    from calibration.planning.alike import DesignEffects
    from calibration.planning.pilot import Pilot
    from calibration.planning.study import PlannedStudy
    from calibration.planning.summary import Plan
    from calibration.scale import Scale

_MOST_NUMBERS = 20  # in a list of the command line
_TITLES = {
    "power": "power",
    "width_spearman": "Spearman",
    "width_pearson": "Pearson",
    "width_grade": "grade",
    "width_skill": "skill",
    "width_icc": "ICC",
}


def plan(
    study: Annotated[
        Path | None, typer.Argument(metavar="STUDY", help="A pilot: a study's folder.", show_default=False)
    ] = None,
    ratings: Annotated[Path | None, typer.Option(help="A pilot's ratings, CSV or Parquet.", show_default=False)] = None,
    scores: Annotated[Path | None, typer.Option(help="Its scores, long or wide.", show_default=False)] = None,
    items: Annotated[
        Path | None,
        typer.Option(help="Its items; images of one prompt or subject may be alike.", show_default=False),
    ] = None,
    metrics: Annotated[
        str | None, typer.Option(metavar="A,B", help="One metric or two of the pilot's.", show_default=False)
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option("--map", metavar="OURS=THEIRS,...", help="Foreign columns, as for report.", show_default=False),
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="The pilot's task, where it has several.", show_default=False)
    ] = None,
    duplicates: Annotated[
        Literal["error", "first", "last", "mean"], typer.Option(help="Where a person rated an item twice.")
    ] = "error",
    scale: AnswerScale = None,
    icc: Annotated[
        float | None,
        typer.Option(help="How alike two evaluators' ratings are, in place of a pilot's.", show_default=False),
    ] = None,
    levels: Annotated[
        str | None,
        typer.Option(metavar="P1,...,P5", help="The shares of the five levels.", show_default="a rounded N(3, 1)"),
    ] = None,
    strictness: Annotated[
        float | None,
        typer.Option(
            help="The share of the variance that is evaluators' strictness.", show_default="0, or the pilot's"
        ),
    ] = None,
    correlations: Annotated[
        str | None,
        typer.Option(metavar="A[,B]", help="Of one metric or two with the images' true scores.", show_default=False),
    ] = None,
    between: Annotated[
        float | None,
        typer.Option(help="The two metrics' correlation.", show_default="the product of --correlations"),
    ] = None,
    clusters: Annotated[
        str | None,
        typer.Option(metavar="SIZE,ICC", help="Images a prompt, and how alike they are.", show_default=False),
    ] = None,
    statistic: Annotated[
        Literal["spearman", "pearson"], typer.Option(help="The permutation test, or Williams' test.")
    ] = "spearman",
    evaluators: Annotated[str, typer.Option(metavar="N,...", help="How many people.")] = "3,5,10",
    images: Annotated[str, typer.Option(metavar="N,...", help="How many images.")] = "128,256,512,1024",
    power: Annotated[float, typer.Option(help="The power to reach.")] = 0.8,
    width: Annotated[float, typer.Option(help="The width of 95 % intervals to reach.")] = 0.1,
    out: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="For plan.csv, needed.csv and plan.svg.", show_default=False)
    ] = None,
) -> None:
    """Say how many images and evaluators a study needs, from a pilot or from stated values."""
    from calibration.planning.plan_study import planned_study
    from calibration.planning.summary import make_plan
    from calibration.scale import LIKERT
    from study.terminal import terminal

    if out is not None and not out.strip():
        raise InputError("--out is empty; name a folder (. for the one you are in).")
    if out is not None:
        refuse_missing_parent(Path(out))
    if not 0 < power < 1:
        raise InputError(f"--power is {power:g}; a power lies between 0 and 1, for instance --power .8.")
    stated = _stated(icc, levels, strictness, correlations, between, clusters)
    sizes = counts(evaluators, "--evaluators", _MOST_NUMBERS), counts(images, "--images", _MOST_NUMBERS)
    named = list(names_in(metrics, "--metrics", _MOST_NUMBERS)) if metrics is not None else []
    if named and correlations is not None:
        raise InputError(
            "--metrics and --correlations were both given; take the pilot's metrics, or state correlations."
        )
    files = {"--ratings": ratings, "--scores": scores, "--items": items, "--map": columns}
    pilot = _pilot(study, files, named, task, duplicates, scale)
    console = terminal()
    names: tuple[str, ...] = ()
    planned = replace(planned_study(stated, pilot, named), statistic=statistic)
    if pilot is not None:
        names = () if "correlations" in stated else pilot.metrics
        _print_pilot(pilot, console)
    made = make_plan(planned, *sizes, power=power, width=width, metrics=names)
    console.print(_assumptions(planned, LIKERT if pilot is None else pilot.scale), soft_wrap=True)
    if out is None:
        _print_tables(made, console)
    for sentence in made.sentences:
        console.print(sentence, soft_wrap=True, markup=False)
    if out is not None:
        for path in _write(made, Path(out)):
            console.print(f"Written: {path}", soft_wrap=True, markup=False)


def _stated(
    icc: float | None,
    levels: str | None,
    strictness: float | None,
    correlations: str | None,
    between: float | None,
    clusters: str | None,
) -> dict[str, Any]:
    """What the options say of the study, by the name of `PlannedStudy`'s field."""
    from calibration.planning.plan_study import effects_of_clusters

    found: dict[str, Any] = {"icc": icc, "strictness": strictness, "between": between}
    if levels is not None:
        found["levels"] = tuple(numbers(levels, "--levels", _MOST_NUMBERS))
    if correlations is not None:
        found["correlations"] = tuple(numbers(correlations, "--correlations", _MOST_NUMBERS))
    if clusters is not None:
        found["design_effects"] = effects_of_clusters(numbers(clusters, "--clusters", _MOST_NUMBERS))
    return {name: value for name, value in found.items() if value is not None}


def _pilot(
    study: Path | None,
    files: dict[str, Any],
    metrics: list[str],
    task: str | None,
    duplicates: Literal["error", "first", "last", "mean"],
    scale: str | None,
) -> "Pilot | None":
    """The pilot from a study's folder or from files; None where there is none."""
    from calibration.planning.pilot import pilot_of
    from calibration.scale import LIKERT, Scale

    given = [name for name, value in (files | {"--scale": scale}).items() if value is not None]
    if study is not None:
        if given:
            raise InputError(f"{given[0]} and the study {study} were both given; a pilot is one or the other.")
        from study.folder.study import open_study

        with closing(open_study(study)) as opened:
            tables, answers = opened.tables(), opened.config.scale
        if tables["ratings"].empty:
            raise InputError(f"Nobody has rated anything in {study} yet, so it is no pilot; state --icc instead.")
        scores = None if tables["scores"].empty else tables["scores"]
        return pilot_of(tables["ratings"], scores, tables["items"], metrics, task, duplicates, answers)
    if files["--ratings"] is None:
        given += [name for name, is_given in (("--task", task), ("--duplicates", duplicates != "error")) if is_given]
        if given:
            raise InputError(f"{given[0]} belongs to a pilot, which needs --ratings FILE.")
        return None
    from calibration.tables.reading import ColumnMap, read_table

    columns = ColumnMap.parse(files["--map"])
    paths = [files[name] for name in ("--ratings", "--scores", "--items")]
    ratings, scores, items = (None if path is None else read_table(path, columns)[0] for path in paths)
    columns.check_used()
    assert ratings is not None
    answers = LIKERT if scale is None else Scale.parse(scale)
    return pilot_of(ratings, scores, items, metrics, task, duplicates, answers)


def _print_pilot(pilot: "Pilot", console: "Console") -> None:
    console.print(
        f"The pilot: {pilot.images:,} images, {pilot.evaluators:,} evaluators. Its figures are estimates too; the "
        "fewer its images, the further a plan made from it may be off.",
        soft_wrap=True,
    )
    for note in pilot.notes:
        console.print(f"Note: {note}", soft_wrap=True, markup=False)


def _assumptions(study: "PlannedStudy", scale: "Scale") -> str:
    from calibration.planning.summary import short

    shares = " ".join(f"{100 * share / sum(study.levels):.0f}" for share in study.levels)
    parts = [f"intraclass correlation of one rating {short(study.icc)}", f"ratings {scale} in {shares} %"]
    parts.append(_of_evaluators(study))
    if study.correlations:
        true = " and ".join(short(value) for value in study.correlations)
        parts.append(f"correlation with the true score {true}")
    if len(study.correlations) == 2:
        basis = ", as if they shared nothing but the truth" if study.between is None else ""
        parts.append(f"between the metrics {short(study.together)}{basis}")
    if study.correlations:
        tests = {"spearman": "the permutation test", "pearson": "Williams' test"}
        test = tests[study.statistic] if len(study.correlations) == 2 else "Student's t"
        parts.append(f"{test}, two-sided at 5 %")
    effects = study.design_effects
    if max(effects.all()) > 1:
        parts.append(f"{_of_design_effects(effects, bool(study.correlations))} for images that are alike")
    return f"Assumed: {'; '.join(parts)}."


def _of_evaluators(study: "PlannedStudy") -> str:
    strict = f"{100 * study.strictness:.0f} % of the variance from evaluators' strictness" if study.strictness else ""
    if study.people:
        return ", ".join(filter(None, ["evaluators as reliable and as strict as the pilot's", strict]))
    return ", ".join(filter(None, ["evaluators equally reliable", strict or "and equally strict"]))


def _of_design_effects(effects: "DesignEffects", with_metrics: bool) -> str:
    if len(set(effects.all())) == 1:
        return f"variances times {effects.agreement:.2f}"
    if not with_metrics:
        return f"variance of the intraclass correlation times {effects.agreement:.2f}"
    each = (f"{name} times {getattr(effects, name):.2f}" for name in ("correlation", "grade", "skill", "agreement"))
    return f"variances of {', '.join(each)}"


def _print_tables(made: "Plan", console: "Console") -> None:
    import numpy as np

    from calibration.planning.summary import short
    from study.terminal import numbers_table

    figures = [name for name in made.grid.columns if name in _TITLES]
    power = f"power {short(made.power)}, and for " if "power" in figures else ""
    kinds = "for these evaluators / for people like these"

    def cells(row: dict[Any, Any], form: str) -> list[str]:
        """Power alone, a width for both kinds."""
        names = [[name] if name == "power" else [name, f"{name}_people_like_these"] for name in figures]
        return ["/".join(cell(row[each], form) for each in pair) for pair in names]

    def cell(value: float, form: str) -> str:
        text = "-" if np.isnan(value) else f"{value:{form}}"
        return text.replace("0.", ".", 1) if text.startswith("0.") else text

    title = f"\nWhat a study shows: {'power, and ' if power else ''}the width of 95 % intervals, {kinds}"
    console.print(title, soft_wrap=True)
    table = numbers_table("evaluators", "images", "ratings", *(_TITLES[name] for name in figures))
    last = None
    for row in made.grid.to_dict("records"):
        if last not in (None, row["evaluators"]):
            table.add_section()
        last = row["evaluators"]
        counts = [f"{row[name]:,}" for name in ("evaluators", "images", "ratings")]
        table.add_row(*counts, *cells(row, ".3f"))
    console.print(table)
    console.print(f"\nImages needed for {power}intervals {short(made.width)} wide, {kinds}", soft_wrap=True)
    table = numbers_table("evaluators", *(_TITLES[name] for name in figures))
    for row in made.needed.to_dict("records"):
        table.add_row(f"{int(row['evaluators']):,}", *cells(row, ",.0f"))
    console.print(table)
    console.print()


def _write(made: "Plan", folder: Path) -> list[Path]:
    from calibration.planning.curve import plan_svg
    from calibration.tables.writing import csv_text
    from metrics.files import write_together

    needed = made.needed.astype("Int64")
    return write_together(
        {
            folder / "plan.csv": csv_text(made.grid, float_format="%.6g"),
            folder / "needed.csv": csv_text(needed),
            folder / "plan.svg": plan_svg(made),
        }
    )
