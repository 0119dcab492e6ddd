"""The web server of a study: our routes, the two Gradio pages, and a listening socket."""

import contextlib
import errno
import socket
import sys

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse

from metrics.errors import InputError
from study import owner_routes, rating_routes
from study.folder import Study
from study.guard import Guard
from study.links import print_links
from study.live_report import LiveReport
from study.pages import icon, message_page, owner_page, rating_page

SHUTDOWN_SECONDS = 2
EVERY_ADDRESS = ("", "0.0.0.0", "::")


def create_app(study: Study) -> FastAPI:
    """The app that serves a study: the rating page at /rate, the owner's at /owner, their routes at /api.

    Parameters
    ----------
    study : Study
        An opened study; items and evaluators that are new get their assignments.

    Returns
    -------
    FastAPI

    Raises
    ------
    InputError
        Where an image file, or an item that evaluators were given, is missing.
    """
    study.check_complete()
    study.sync_assignments()
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.study = study
    app.state.live_report = LiveReport(study)
    app.add_middleware(Guard)
    app.include_router(rating_routes.router)
    app.include_router(owner_routes.router)

    @app.exception_handler(RequestValidationError)
    def unreadable(request: Request, error: RequestValidationError) -> JSONResponse:
        # FastAPI's own answer repeats what was sent, which need not be text that JSON can hold
        return JSONResponse({"detail": [{"loc": each["loc"][:2], "msg": each["msg"]} for each in error.errors()]}, 422)

    @app.get("/", response_class=HTMLResponse)
    def home() -> str:
        return message_page("humangrade", "Open the private link you were given.")

    @app.get("/favicon.ico")
    def favicon() -> Response:
        return Response(icon(), media_type="image/svg+xml", headers={"Cache-Control": "public, max-age=86400"})

    _mount_pages(app)
    return app


def bind(host: str, port: int) -> socket.socket:
    """Take a port, so that nobody else can between now and the server's start.

    Parameters
    ----------
    host : str
        A name or an address of this machine; 0.0.0.0 for all its addresses.
    port : int
        0 takes any free port.

    Returns
    -------
    socket.socket
        Listening; closing it gives the port back.

    Raises
    ------
    InputError
        Where the port is taken or not allowed, or the host is no address of this machine.

    Examples
    --------
    >>> with bind("127.0.0.1", 0) as listener:
    ...     listener.getsockname()[0]
    '127.0.0.1'
    """
    no_address = f"'{host}' is no address of this machine; choose another with --host."
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise InputError(no_address) from error
    listener = socket.socket(family, kind, protocol)
    if sys.platform != "win32":  # there it would let two servers share a port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRNOTAVAIL:
            raise InputError(no_address) from error
        raise InputError(
            f"Port {port} on {host} cannot be used ({error.strerror}); choose another with --port."
        ) from error
    return listener


def base_url(listener: socket.socket) -> str:
    """The address under which a browser reaches a listening socket.

    Parameters
    ----------
    listener : socket.socket
        From `bind`. Where it listens on all addresses, the one that other machines use is named.

    Returns
    -------
    str
        Without a slash at the end.

    Examples
    --------
    >>> with bind("127.0.0.1", 0) as listener:
    ...     base_url(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"
    True
    """
    host, port = listener.getsockname()[:2]
    if host in EVERY_ADDRESS:
        host = _address_on_the_network()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(study: Study, host: str = "127.0.0.1", port: int = 7860) -> None:
    """Serve a study until Ctrl-C, having printed the private links.

    Parameters
    ----------
    study : Study
        An opened study.
    host, port
        See `bind`.

    Raises
    ------
    InputError
        Where the port cannot be used.
    """
    with bind(host, port) as listener:
        app = create_app(study)
        print_links(study, base_url(listener))
        print("Serving; stop with Ctrl-C. No rating is lost by stopping.", flush=True)
        run(app, listener)


def run(app: FastAPI, listener: socket.socket) -> None:
    """Answer on a listening socket until Ctrl-C. Requests are not logged: their addresses hold the links' keys.

    Parameters
    ----------
    app : FastAPI
        From `create_app`.
    listener : socket.socket
        From `bind`.
    """
    import uvicorn

    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is how a server ends
        uvicorn.Server(config).run(sockets=[listener])


def _mount_pages(app: FastAPI) -> None:
    """Mount the Gradio apps, with all that Gradio could fetch, keep or show of its own switched off."""
    import gradio as gr

    for path, page in (("/rate", rating_page()), ("/owner", owner_page())):
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


def _address_on_the_network() -> str:
    """Where other machines find this one; connecting a datagram socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
