"""The web server of a study: our routes and the two Gradio pages."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse

from metrics.errors import InputError
from study.folder.serving_lock import only_server
from study.folder.study import Study
from study.server import dashboard as dashboard_routes
from study.server import owner as owner_routes
from study.server import rater as rating_routes
from study.server.access import Serving
from study.server.guard import Guard
from study.server.links import print_links
from study.server.listen import base_url, bind, run, terminable
from study.server.pages import dashboard_page, icon, message_page, owner_page, rating_page
from study.store.records import NotSaved
from study.store.scratch import sweep

if TYPE_CHECKING:
    import gradio

RATING_IS_CLOSED = (
    "Only a dashboard is being shown here. Your answers so far are safe; ask the owner when rating goes on."
)
ONLY_DASHBOARD = "This server shows the dashboard and nothing else; humangrade serve shows this page."
CLOSED_NOW = "The server cannot be used now; tell the owner of the study. This page tries again by itself."
NOT_NOW = "The server cannot save anything now. Your answers are kept here; tell the owner of the study."


def create_app(study: Study, reword: bool = False) -> FastAPI:
    """The app that serves a study: the pages at /rate, /owner and /dashboard, their routes at /api.

    Parameters
    ----------
    study : Study
        An opened study; items and evaluators that are new get their assignments.
    reword : bool
        Ask in study.yaml's words from now on, also where ratings were given under other words.

    Returns
    -------
    FastAPI

    Raises
    ------
    InputError
        Where the study cannot be written, an image file or an item that evaluators were given is missing, or ratings
        were given under other words.
    """
    if study.store.is_read_only:
        raise InputError(
            f"{study.folder} cannot be written, so no rating could be saved; make it and its files writable, or copy "
            "the study to a place that is (humangrade report and export need not write)."
        )
    study.check_complete()
    study.store.record_wordings(study.config.tasks, reword)
    study.sync_assignments()
    study.store.progress()  # counted once, and kept up to date from then on
    app = _bare_app(study)
    for routes in (rating_routes, owner_routes, dashboard_routes):
        app.include_router(routes.router)
    _mount_pages(app, {"/rate": rating_page(), "/owner": owner_page(), "/dashboard": dashboard_page()})
    return app


def create_dashboard_app(study: Study) -> FastAPI:
    """The app that shows a study's dashboard and nothing else, and writes nothing.

    Parameters
    ----------
    study : Study
        An opened study, also one that is only read.

    Returns
    -------
    FastAPI
    """
    app = _bare_app(study)
    app.include_router(dashboard_routes.router)

    @app.get("/rate/", response_class=HTMLResponse)
    def closed() -> str:
        return message_page("Nothing is rated now", RATING_IS_CLOSED)

    @app.get("/owner/", response_class=HTMLResponse)
    def only_dashboard() -> str:
        return message_page("Only the dashboard is here", ONLY_DASHBOARD)

    _mount_pages(app, {"/dashboard": dashboard_page()})
    return app


def serve(study: Study, host: str = "127.0.0.1", port: int = 7860, reword: bool = False) -> None:
    """Serve a study until Ctrl-C or SIGTERM, having printed the private links.

    Parameters
    ----------
    study : Study
        An opened study.
    host, port
        See `study.server.listen.bind`.
    reword : bool
        See `create_app`.

    Raises
    ------
    InputError
        Where the port cannot be used, another server has the study, or `create_app` refuses it.
    """
    with served(study, host, port, reword) as (app, listener):
        print_links(study, base_url(listener))
        if done := study.store.saw_report():
            print(f"Nothing further to rate for {', '.join(sorted(done))}: they have seen the report.")
        print("Serving; stop with Ctrl-C. No rating is lost by stopping.", flush=True)
        run(app, listener)


@contextmanager
def served(
    study: Study, host: str, port: int, reword: bool = False, tries: int = 1
) -> Iterator[tuple[FastAPI, socket.socket]]:
    """A study's app and a socket for it, with the study locked for every other server.

    Parameters
    ----------
    study : Study
        An opened study.
    host, port
        See `study.server.listen.bind`.
    reword : bool
        See `create_app`.
    tries : int
        How many ports are tried, from `port` on.

    Yields
    ------
    app, listener
        For `study.server.listen.run`; what the app has begun in the background is ended at the end, which Ctrl-C and
        SIGTERM bring about.
    """
    with ExitStack() as stack:
        stack.enter_context(terminable())
        sweep()
        lock = stack.enter_context(only_server(study.folder))
        listener = stack.enter_context(_first_free(host, port, tries))
        app = create_app(study, reword)
        stack.callback(app.state.serving.close)
        lock.say_where(base_url(listener))
        with suppress(KeyboardInterrupt):  # Ctrl-C is how a server ends
            yield app, listener


@contextmanager
def dashboard_served(study: Study, host: str, port: int) -> Iterator[tuple[FastAPI, socket.socket]]:
    """The app that shows a study's dashboard alone, and a socket for it; see `served`. Others may serve the study.

    Parameters
    ----------
    study : Study
        An opened study.
    host, port
        See `study.server.listen.bind`.

    Yields
    ------
    app, listener
        For `study.server.listen.run`.
    """
    with ExitStack() as stack:
        stack.enter_context(terminable())
        sweep()
        listener = stack.enter_context(bind(host, port))
        app = create_dashboard_app(study)
        stack.callback(app.state.serving.close)
        with suppress(KeyboardInterrupt):
            yield app, listener


def _first_free(host: str, port: int, tries: int) -> socket.socket:
    """A listening socket on the port, or on the next free one after it."""
    if tries == 1:
        return bind(host, port)
    for candidate in range(port, min(port + tries, 65536)):
        try:
            return bind(host, candidate)
        except InputError:
            continue
    raise InputError(f"The ports {port} to {port + tries - 1} are all taken; choose another with --port.")


def _bare_app(study: Study) -> FastAPI:
    """An app with what every page of ours needs: who guards it, what errors become, and the icon."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.serving = serving = Serving.of(study)
    app.add_middleware(Guard)

    @app.exception_handler(RequestValidationError)
    def unreadable(request: Request, error: RequestValidationError) -> JSONResponse:
        # FastAPI's own answer repeats what was sent, which need not be text that JSON can hold
        return JSONResponse({"detail": [{"loc": each["loc"][:2], "msg": each["msg"]} for each in error.errors()]}, 422)

    @app.exception_handler(NotSaved)
    def not_saved(request: Request, error: NotSaved) -> JSONResponse:
        serving.trouble.say(str(error))
        if request.url.path.startswith("/api/owner/"):
            return JSONResponse({"detail": str(error)}, 503)
        return JSONResponse({"detail": NOT_NOW if request.method == "PUT" else CLOSED_NOW}, 503)

    @app.get("/", response_class=HTMLResponse)
    def home() -> str:
        return message_page("humangrade", "Open the private link you were given.")

    @app.get("/favicon.ico")
    def favicon() -> Response:
        return Response(icon(), media_type="image/svg+xml", headers={"Cache-Control": "public, max-age=86400"})

    return app


def _mount_pages(app: FastAPI, pages: Mapping[str, "gradio.Blocks"]) -> None:
    """Mount the Gradio apps, with all that Gradio could fetch, keep or show of its own switched off."""
    import gradio as gr

    for path, page in pages.items():
        gr.mount_gradio_app(
            app,
            page,
            path=path,
            footer_links=[],
            run_history=False,
            allowed_paths=[],
            max_file_size="1kb",
            show_error=False,
            ssr_mode=False,
            pwa=False,
            enable_monitoring=False,
            mcp_server=False,
            theme=gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["monospace"]),
        )
