"""What stands before every request: which of Gradio's own addresses are open, which bodies are read, and headers.

Gradio brings some forty routes (uploads, a file server, a proxy, a queue) of which these pages need the page itself
and its scripts and styles; the rest answers 404.
"""

from fastapi.responses import JSONResponse, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

GRADIO_MOUNTS = ("/rate", "/owner", "/dashboard")
GRADIO_PAGES = ("", "/", "/config", "/theme.css", "/manifest.json")
GRADIO_FOLDERS = ("/assets/", "/static/")
LARGEST_BODY = 2048
YEAR = 31_536_000
CONTENT_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'none'; frame-ancestors 'self'"
)


class Guard:
    """ASGI middleware around the whole app."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is refused, pass on the rest, and add the headers to either."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # nothing here speaks over a web socket
            await send({"type": "websocket.close", "code": 1008})
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_headers(MutableHeaders(scope=message), scope["path"])
            await send(message)

        refusal = _refusal(scope) or _to_the_page(scope)
        await (refusal or self.app)(scope, receive, send_with_headers)


def _refusal(scope: Scope) -> Response | None:
    """Why a request is not passed on, if it is not."""
    path, method, headers = scope["path"], scope["method"], Headers(scope=scope)
    if "transfer-encoding" in headers:
        return _unread("The length of the request is missing.", 411)
    inside = next(
        (path[len(mount) :] for mount in GRADIO_MOUNTS if path == mount or path.startswith(mount + "/")), None
    )
    if inside is not None and inside not in GRADIO_PAGES and not inside.startswith(GRADIO_FOLDERS):
        return JSONResponse({"detail": "There is nothing here."}, 404)
    if method in ("GET", "HEAD"):
        return None
    if method != "PUT" or inside is not None:
        return JSONResponse({"detail": f"{method} is not possible here."}, 405)
    length = headers.get("content-length")
    if length is None:
        return _unread("The length of the request is missing.", 411)
    if not (length.isascii() and length.isdecimal() and len(length) < 10) or int(length) > LARGEST_BODY:
        return _unread("The request is too large.", 413)
    return None


def _unread(why: str, status: int) -> JSONResponse:
    """A refusal after which the connection ends, since what it may still send is not wanted."""
    return JSONResponse({"detail": why}, status, headers={"Connection": "close"})


def _to_the_page(scope: Scope) -> Response | None:
    """From an address without its last slash to the one with it, by a relative link: the Host header has no say."""
    path = scope["path"]
    if path not in GRADIO_MOUNTS or scope["method"] not in ("GET", "HEAD"):
        return None
    query = scope["query_string"].decode("latin-1")
    return Response(status_code=307, headers={"Location": f".{path}/{'?' + query if query else ''}"})


def _add_headers(headers: MutableHeaders, path: str) -> None:
    headers["Referrer-Policy"] = "no-referrer"
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Content-Security-Policy"] = CONTENT_POLICY
    if any(path.startswith(mount + "/assets/") for mount in GRADIO_MOUNTS):
        headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"  # their names hold a hash of the content
    else:
        headers.setdefault("Cache-Control", "private, no-store" if path.startswith("/api/") else "no-cache")
