"""A picture as an answer: in one piece, or in parts, so that memory does not follow its size."""

from itertools import chain
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from study.server.pictures import Pictures

CACHING = "private, max-age=86400"


def picture_answer(path: Path, request: Request, pictures: Pictures) -> Response:
    """The picture in a file, without words; nothing but 304 where the browser has it.

    Raises
    ------
    OSError, ValueError
        Where it cannot be read, or is no picture that browsers show.
    """
    picture = pictures.get(path)
    headers = {"ETag": picture.etag, "Cache-Control": CACHING}
    if request.headers.get("if-none-match") == picture.etag:
        return Response(status_code=304, headers=headers)
    parts = picture.parts()
    first = next(parts, b"")
    if len(first) == picture.size:
        return Response(first, media_type=picture.media_type, headers=headers)
    headers["Content-Length"] = str(picture.size)
    return StreamingResponse(chain([first], parts), media_type=picture.media_type, headers=headers)
