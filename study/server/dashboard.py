"""What the dashboard asks for: figures, small pictures, and after a click an image in full."""

import asyncio
import gzip
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import JSONResponse

from metrics.errors import InputError
from study.background.worker import WorkerGone
from study.dashboard.answers import TAKES
from study.dashboard.thumbnails import KEY, is_key_of, missing_picture
from study.server.access import Owned, Serving
from study.server.compression import takes_gzip
from study.server.guard import YEAR
from study.server.live_dashboard import Given, LiveDashboard
from study.server.picture_answers import picture_answer

NO_SUCH_PICTURE = "There is no such picture in this study."
CHANGED = "This picture was replaced since these figures were made; load the page again in a moment."
UNREADABLE = "This picture cannot be read by now; look for it in the study's folder."
NO_SUCH_IMAGE = "There is no such image in these figures; load the page again."
TOO_LONG = "There is no run, task or metric of so long a name."
LONGEST_NAME = 2000
FOR_EVER = f"private, max-age={YEAR}, immutable"

router = APIRouter(prefix="/api/owner/{token}/dashboard")
_looking = CapacityLimiter(4)  # threads of those who look; others answer the raters
Answer = TypeVar("Answer")


@router.get("/version")
async def get_version(owned: Owned) -> Response:
    """Which figures are shown now, and why there are no newer ones; they are made where the study has changed."""
    version = (await _shown(owned.dashboard)).version
    trouble = owned.dashboard.trouble
    return JSONResponse({"version": version} | ({"trouble": trouble} if trouble else {}))


@router.get("/data")
async def get_data(request: Request, owned: Owned) -> Response:
    """All images with their values, prompts and checkpoints."""
    shown = await _shown(owned.dashboard)
    return _json(request, shown.data, f'"{shown.version}-data"')


@router.get("/strips")
async def get_strips(request: Request, owned: Owned) -> Response:
    """Which images share a contact strip."""
    shown = await _shown(owned.dashboard)
    return _json(request, shown.strips, f'"{shown.version}-strips"')


@router.get("/trends")
@router.get("/agreement")
@router.get("/alerts")
@router.get("/best")
@router.get("/compare")
async def get_figures(request: Request, owned: Owned) -> Response:
    """What is computed of the images; see `study.dashboard.answers`."""
    name = request.url.path.rpartition("/")[2]
    asked = {each: request.query_params.get(each, "") for each in TAKES[name]}
    given: Given = tuple((each, text) for each, text in sorted(asked.items()) if text)
    if sum(len(text) for _, text in given) > LONGEST_NAME:
        raise HTTPException(422, TOO_LONG)
    shown = await _shown(owned.dashboard)
    return _json(request, await _answered(owned.dashboard.answer(shown, name, given)))


@router.get("/recipe/{place}")
async def get_recipe(place: int, owned: Owned, version: str = "") -> Response:
    """How an image was made, by its place in figures of one version."""
    if not 0 <= place < 2**31 or len(version) > 64:
        raise HTTPException(404, NO_SUCH_IMAGE)
    if not version:
        version = (await _shown(owned.dashboard)).version
    found = await _answered(owned.dashboard.recipe(version, place))
    if found is None:
        if version == (await _shown(owned.dashboard)).version:
            owned.dashboard.renew()
        raise HTTPException(404, NO_SUCH_IMAGE)
    return JSONResponse(found)


@router.get("/thumbs/{name}")
async def get_thumb(name: str, owned: Owned) -> Response:
    """An image's small picture, or a crossed square where there is none to show."""
    return await _small("thumb", name, owned.dashboard)


@router.get("/strips/{name}")
async def get_strip(name: str, owned: Owned) -> Response:
    """Many small pictures in one."""
    return await _small("strip", name, owned.dashboard)


@router.get("/full/{key}")
async def get_full(key: str, request: Request, owned: Owned) -> Response:
    """An image itself, without its words, as raters receive it."""
    path = Path((await _known("where", key, owned.dashboard))["file"])
    return await to_thread.run_sync(_full, key, path, request, owned, limiter=_looking)


def _full(key: str, path: Path, request: Request, owned: Serving) -> Response:
    try:
        if not is_key_of(key, path):
            owned.dashboard.renew()
            raise HTTPException(404, CHANGED)
        return picture_answer(path, request, owned.pictures)
    except (OSError, ValueError) as error:
        raise HTTPException(404, UNREADABLE) from error


async def _small(kind: str, name: str, dashboard: LiveDashboard) -> Response:
    file = (await _known(kind, name.removesuffix(".webp"), dashboard))["file"]
    if file:
        try:
            content = await to_thread.run_sync(Path(file).read_bytes, limiter=_looking)
            return Response(content, media_type="image/webp", headers={"Cache-Control": FOR_EVER})
        except OSError:  # swept away just now
            pass
    return Response(missing_picture(), media_type="image/webp", headers={"Cache-Control": "no-store"})


async def _known(kind: str, key: str, dashboard: LiveDashboard) -> dict[str, Any]:
    """What is known of a picture; 404 where the study has none under this key."""
    if not KEY.fullmatch(key):
        raise HTTPException(404, NO_SUCH_PICTURE)
    found = await _answered(dashboard.picture(kind, key))
    if not found["is_known"]:
        await _shown(dashboard)  # a page that was open when the server was started again may ask before
        found = await _answered(dashboard.picture(kind, key))
    if not found["is_known"]:
        dashboard.renew()  # perhaps the list of pictures was swept away
        raise HTTPException(404, NO_SUCH_PICTURE)
    return found


async def _shown(dashboard: LiveDashboard) -> Any:
    return await _answered(await to_thread.run_sync(dashboard.shown, limiter=_looking))


async def _answered(coming: "Future[Answer]") -> Answer:
    """Wait for what others may wait for too, without a thread; what went wrong becomes an answer in words."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()

    def tell(_: object) -> None:
        try:
            loop.call_soon_threadsafe(over.set)
        except RuntimeError:  # whoever waited is gone, and the loop with it
            return

    coming.add_done_callback(tell)
    await over.wait()
    try:
        return coming.result()
    except InputError as error:
        raise HTTPException(422, error.for_command_line()) from error
    except WorkerGone as error:
        raise HTTPException(503, str(error)) from error


def _json(request: Request, content: bytes, etag: str = "") -> Response:
    """JSON that is in gzip already."""
    headers = {"Vary": "Accept-Encoding"} | ({"ETag": etag} if etag else {})
    if etag and request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    if takes_gzip(request):
        headers["Content-Encoding"] = "gzip"
    else:
        content = gzip.decompress(content)
    return Response(content, media_type="application/json", headers=headers)
