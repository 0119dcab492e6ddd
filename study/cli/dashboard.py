"""The command dashboard: trends, grids and galleries of a study's runs."""

import threading
import webbrowser
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metrics.errors import InputError
from metrics.files import refuse_missing_parent, refuse_unwritable
from study.cli.options import Host, Port, StudyFolder, refuse_given

if TYPE_CHECKING:
    from study.folder.study import Study

_OF_SERVING = ("host", "port", "browser")


def dashboard(
    context: typer.Context,
    study: StudyFolder,
    host: Host = "127.0.0.1",
    port: Port = 7860,
    export: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Write it into one file that opens offline.", show_default=False),
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it.")] = False,
) -> None:
    """Show how metrics and images change over the steps of a study's runs; nothing is written to the study.

    Where a server has the study, its dashboard's link is printed; otherwise the dashboard is served until Ctrl-C.
    """
    if export is not None:
        refuse_given(context, _OF_SERVING, "With --export nothing is served, so there is no")
        _refuse_place(export)
    from study.folder.links import dashboard_link
    from study.folder.looking import open_to_look
    from study.folder.serving_lock import served_at
    from study.terminal import terminal

    console = terminal()
    with closing(open_to_look(study)) as opened:
        if export is not None:
            _export(opened, export, console)
            return
        address = served_at(study)
        if address:
            link = dashboard_link(address, opened.store.owner_token)
            console.print(f"The study is being served; its dashboard, for the owner alone:\n  {link}", soft_wrap=True)
            if browser:
                webbrowser.open(link)
            return
        _serve(opened, host, port, browser, console)


def _serve(opened: "Study", host: str, port: int, browser: bool, console: Any) -> None:
    from study.folder.links import dashboard_link
    from study.server.app import dashboard_served
    from study.server.listen import base_url, run

    with dashboard_served(opened, host, port) as (app, listener):
        app.state.serving.dashboard.shown()  # the figures are begun before the page asks
        link = dashboard_link(base_url(listener), opened.store.owner_token)
        console.print(f"{opened.config.title}: the dashboard, for the owner alone", markup=False, style="bold")
        console.print(f"  {link}", soft_wrap=True)
        console.print("Nothing is rated or written here; stop with Ctrl-C.", soft_wrap=True)
        if browser:
            threading.Timer(0.5, webbrowser.open, (link,)).start()
        run(app, listener)


def _export(opened: "Study", file: Path, console: Any) -> None:
    from metrics.text import counted
    from study.dashboard.export import export_dashboard
    from study.terminal import Bar, print_notes

    with Bar(console) as bar:
        done = export_dashboard(opened, file, bar)
    print_notes(done.notes, console)
    console.print(
        f"Written: {file} ({done.size / 1e6:.1f} MB, {counted(done.pictures, 'picture')} of 160 pixels; full size is "
        "not in it)",
        soft_wrap=True,
    )


def _refuse_place(file: Path) -> None:
    """Raise InputError for a place where no page can stand, before all is computed."""
    if file.is_dir():
        raise InputError(
            f"--export is {file}, which is a folder; name a file in it, such as {file / 'dashboard.html'}."
        )
    if file.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--export is {file}; name a file that ends in .html, which a browser opens.")
    refuse_missing_parent(file, "--export")
    refuse_unwritable(file)
