"""Answers in few bytes: JSON and HTML in gzip for those who take it, and nothing where nothing has changed."""

import gzip
import json
from typing import Any

from fastapi import Request, Response

_WORTH_IT = 1024  # bytes


def compressed_json(request: Request, content: Any, etag: str | None = None) -> Response:
    """Content as JSON, in gzip where the browser takes that and it is long enough.

    Parameters
    ----------
    request : Request
        Whose Accept-Encoding and If-None-Match count.
    content : object
        As JSON takes it.
    etag : str, optional
        What the browser has to know of a content to ask whether it has changed.
    """
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {"Vary": "Accept-Encoding"} | ({"ETag": etag} if etag else {})
    if len(body) >= _WORTH_IT and takes_gzip(request):
        body = gzip.compress(body, 5)
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type="application/json", headers=headers)


def html_in_gzip(request: Request, content: bytes) -> Response:
    """A page that is in gzip already."""
    headers = {"Vary": "Accept-Encoding"}
    if takes_gzip(request):
        headers["Content-Encoding"] = "gzip"
    else:
        content = gzip.decompress(content)
    return Response(content, media_type="text/html; charset=utf-8", headers=headers)


def takes_gzip(request: Request) -> bool:
    """Whether a browser says that it takes gzip.

    Examples
    --------
    >>> def says(words):
    ...     return takes_gzip(Request({"type": "http", "headers": [(b"accept-encoding", words)]}))
    >>> says(b"gzip, br"), says(b"gzip;q=0"), says(b"identity")
    (True, False, False)
    """
    accepted = request.headers.get("accept-encoding", "").replace(" ", "").lower().split(",")
    return any(part == "gzip" or (part.startswith("gzip;q=") and part.strip("0.") != "gzip;q=") for part in accepted)
