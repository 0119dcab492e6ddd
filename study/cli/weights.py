"""humangrade weights: which files metrics and generate need, fetching them, and putting one in."""

from pathlib import Path
from typing import Annotated

import typer

from metrics.errors import InputError
from study.cli.options import HELP_NAMES

app = typer.Typer(
    name="weights",
    help="The networks' weights that metrics and generate need: which there are and where they stand; fetch them, or "
    "put a file in.",
    pretty_exceptions_enable=False,
    context_settings=HELP_NAMES,
)


@app.callback(invoke_without_command=True)
def show(context: typer.Context) -> None:
    """List the weights that metrics and generate need, and where they were found."""
    if context.invoked_subcommand is None:
        print_weights()
        print_base_models()


@app.command()
def fetch(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME",
            help="As humangrade weights lists them; all for those of metrics; REPOSITORY[@REVISION] for base models.",
        ),
    ],
) -> None:
    """Download weights, checked by their sha256; an interrupted fetch goes on where it stopped."""
    from metrics.weights.locate import known_weights

    failed = []
    wanted = [known.name for known in known_weights()] if names == ["all"] else names
    for name in wanted:
        try:
            was_there, path = _fetch(name)
        except InputError as error:
            if len(wanted) == 1:
                raise
            print(f"{name}: {error}")
            failed.append(name)
        else:
            print(f"{name}: {'was here, ' if was_there else 'fetched, '}{_short(path)}")
    if failed:
        raise InputError(f"{len(failed)} of {len(wanted)} could not be fetched: {', '.join(failed)}; see above.")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="As humangrade weights lists it, or clip/MODEL/PRETRAINED.")],
    file: Annotated[Path, typer.Argument(help="A .safetensors, .pt, .pth or .bin file.", show_default=False)],
) -> None:
    """Copy a file of weights to where the metrics find it, if it is what it should be."""
    from metrics.weights.locate import add_weights, is_published, weights_digest

    path = add_weights(name, file)
    digest = weights_digest(path)
    if is_published(name, path):
        print(f"{name}: the published file (sha256 {digest[:12]}), now {_short(path)}")
    else:
        print(
            f"{name}: not the published file, but with the same tensors (sha256 {digest[:12]}), now {_short(path)}\n"
            "Scores computed with it carry this sha256 in their signature."
        )


def print_weights() -> None:
    """Print name, presence, metrics, file and place of all known weights, and where they were looked for."""
    from metrics.weights.locate import VARIABLE, is_present, known_weights, places, weights_folder
    from study.terminal import terminal

    console = terminal()
    width = max(len(known.name) for known in known_weights())
    console.print(f"[bold]{'Weights':<{width}}  Here  For[/]", soft_wrap=True)
    for known in known_weights():
        path = is_present(known.name)
        here = "yes " if path else "[red]no[/]  "
        note = "" if known.forms[0].sha256 else " (its sha256 is not known)"
        console.print(f"{known.name:<{width}}  {here}  {', '.join(known.used_by)}", soft_wrap=True)
        console.print(f"[dim]  {known.file}{note}{f': {_short(path)}' if path else ''}[/]", soft_wrap=True)
    console.print(f"\nLooked for in {_short(weights_folder())}; {VARIABLE} can name another folder.", soft_wrap=True)
    for kept_by, what in (("torch", "Those of PyTorch"), ("clip", "Those of CLIP")):
        file = next(known for known in known_weights() if known.kept_by == kept_by)
        others = " and ".join(_short(place) for place in places(file)[1:])
        console.print(f"{what} also in {others}.", soft_wrap=True)
    console.print(
        "Get them with humangrade weights fetch NAME, or take a file of yours with humangrade weights add NAME FILE.",
        soft_wrap=True,
    )


def print_base_models() -> None:
    """Print the base models that generate can draw with: the default one, and those in the hub's cache."""
    from study.generation.base_models import present_on_the_hub
    from study.terminal import terminal

    console = terminal()
    console.print("\n[bold]Base models for humangrade generate[/]")
    for name, path in present_on_the_hub():
        where = f"whole, {_short(path)}" if path else f"[red]not here[/]; humangrade weights fetch {name} (several GB)"
        console.print(f"{name}: {where}", soft_wrap=True)
    console.print("Also any diffusers folder or single file on this machine, named in the recipe.", soft_wrap=True)


def _fetch(name: str) -> tuple[bool, Path]:
    """Whether weights were here already, and where they stand now."""
    from metrics.weights.locate import fetch_weights, is_present
    from study.generation.base_models import fetch, is_repository, locate

    repository, _, revision = name.partition("@")
    if not is_repository(repository):
        return is_present(name) is not None, fetch_weights(name)
    try:
        return True, locate(repository, revision).path
    except InputError:
        return False, fetch(repository, revision)


def _short(path: Path) -> str:
    """A path with ~ for the home folder."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
