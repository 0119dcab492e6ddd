"""Drawing a recipe's images from a notebook or a script."""

from pathlib import Path

from study.generation.draw import DrawSettings, Outcome, draw
from study.generation.plan import make_plan
from study.generation.recipe import Recipe, load_recipe
from study.terminal import Bar, print_notes, terminal


def draw_images(
    recipe: str | Path | Recipe, folder: str | Path, settings: DrawSettings | None = None, show_progress: bool = False
) -> Outcome:
    r"""Draw what a recipe says and what is not there yet, as `humangrade generate` does it.

    Parameters
    ----------
    recipe : str, Path or Recipe
        The YAML file, or what `load_recipe` made of it.
    folder : str or Path
        Images stand there as MODEL/CHECKPOINT/pNNN_sSEED.png, beside items.csv.
    settings : DrawSettings, optional
        Device, precision, batch size.
    show_progress : bool
        Print notes, and a bar where there is a terminal.

    Returns
    -------
    Outcome
        What stands there now, and why a checkpoint could not be drawn with.

    Raises
    ------
    InputError
        For a recipe that cannot be drawn; nothing that is there is overwritten.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     path = Path(place) / "recipe.yaml"
    ...     _ = path.write_text("prompts: [a cat, a dog]\nseeds: [1, 2]\ncheckpoints: []")
    ...     recipe = load_recipe(path)
    >>> len(make_plan(recipe).images)
    4
    >>> outcome = draw_images(recipe, "images")  # doctest: +SKIP
    >>> outcome.drawn  # doctest: +SKIP
    4
    """
    read = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    if not show_progress:
        return draw(make_plan(read), Path(folder), settings)
    console = terminal()
    print_notes(read.notes, console)
    with Bar(console) as bar:
        return draw(
            make_plan(read),
            Path(folder),
            settings,
            say=lambda sentence: print_notes([sentence], console),
            start=lambda total: bar.start("Drawing", total),
            advance=bar.advance,
        )
