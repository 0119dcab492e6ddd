"""A web server on this machine that can misbehave."""

import contextlib
import http.server
import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Site:
    """What the server gives, how it behaves, and what it was asked for.

    `cuts` says, answer by answer, after how many bytes the connection is lost (None: never); `pause` is the time in
    seconds between the first half of an answer and the second.
    """

    url: str = ""
    pages: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    cuts: Iterator[int | None] = field(default_factory=lambda: itertools.repeat(None))
    pause: float = 0.0
    status: int = 200
    asked: list[str | None] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


@contextlib.contextmanager
def serving_site() -> Iterator[Site]:
    """A site that serves until the end of the context."""
    site = Site()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            site.asked.append(self.headers["Range"])
            site.paths.append(self.path)
            if self.path.startswith("/moved/"):
                self.send_response(302)
                self.send_header("Location", self.path.removeprefix("/moved"))
                self.end_headers()
            elif site.status != 200:
                self.send_error(site.status)
            elif self.path not in site.pages:
                self.send_error(404)
            else:
                self.give(site.pages[self.path])

        def give(self, content):
            start = 0
            if site.ranges and self.headers["Range"]:
                start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
                if start >= len(content):
                    self.send_error(416)
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            cut = next(site.cuts)
            body = content[start : None if cut is None else start + cut]
            half = len(body) // 2
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body[:half])
                time.sleep(site.pause)
                self.wfile.write(body[half:])

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        site.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield site
        server.shutdown()
