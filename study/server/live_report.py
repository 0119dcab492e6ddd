"""The report of a study that people are rating, made anew while they do."""

import gzip
import time
from dataclasses import dataclass
from threading import Lock

from metrics.text import counted
from study.background.job import Job, Kind
from study.folder.study import Study
from study.server.pages import message_page
from study.store.scratch import Scratch

LEAST_SECONDS = 20.0
"""Between two reports, from the end of one to the beginning of the next; more where a report takes longer than that."""


@dataclass(frozen=True)
class _Page:
    """A finished report: as HTML in gzip, when it was made (seconds since 1970), and of which state of the database."""

    content: bytes
    made_at: float
    ratings: int
    of: tuple[int, int]


class LiveReport:
    """The report of a study that people are rating: at once the last one, and the next one in the background.

    It is computed in a process of its own at the lowest priority, one at a time and not again before `LEAST_SECONDS`
    (or twice what the last one took) are over, however many ask.

    Parameters
    ----------
    study : Study
        An opened study.
    kind : {"report", "raters-report"}
        For the owner, or without names for raters.
    """

    def __init__(self, study: Study, kind: Kind = "report"):
        self._study = study
        self._kind = kind
        self._lock = Lock()
        self._folder = Scratch()
        self._page: _Page | None = None
        self._job: Job | None = None
        self._began = self._not_before = 0.0
        self._trouble = ""
        self._trouble_of: tuple[int, int] | None = None
        self._one_banner = Lock()
        self._shown: tuple[_Page, str, bytes] | None = None

    def page(self) -> tuple[bytes, bool]:
        """The report as HTML in gzip, and whether it is one yet; otherwise a page that says how far it is."""
        rated = sum(progress.done for progress in self._study.store.progress())
        if not rated:
            return _message(
                "No report yet", "The report appears here with the first ratings; come back a little later."
            ), False
        self._begin_if_due()
        page = self._page
        if page is not None:
            return self._with_banner(page, self._age(page)), True
        if self._job is not None or not self._trouble:
            job = self._job
            words = "The report is being made. This page shows it by itself once it is ready."
            return _message("One moment", words, refresh_seconds=2, share_done=job.share_done if job else 0.0), False
        return _message("No report yet", self._trouble), False

    def _with_banner(self, page: _Page, words: str) -> bytes:
        """The page with words above it, put together once for the same words, however many ask at once."""
        from calibration.page.html import with_banner

        with self._one_banner:
            if self._shown is None or self._shown[:2] != (page, words):
                whole = with_banner(gzip.decompress(page.content).decode(), words)
                self._shown = (page, words, gzip.compress(whole.encode(), 1))
            return self._shown[2]

    def close(self) -> None:
        """End what is being made."""
        with self._lock:
            job, self._not_before = self._job, float("inf")
        if job is not None:
            job.end()
        self._folder.cleanup()

    def _begin_if_due(self) -> None:
        store = self._study.store
        of = store.version()
        with self._lock:
            is_current = self._page is not None and self._page.of == of and not self._trouble
            if self._job is not None or is_current or self._trouble_of == of or time.monotonic() < self._not_before:
                return
            self._began = time.monotonic()
            out = self._folder.place(f"{self._kind}.html.gz")
            self._job = Job(self._kind, self._study.folder, out, store.identity, lambda job: self._take(job, of))

    def _take(self, job: Job, of: tuple[int, int]) -> None:
        """Keep what a job has made."""
        now = time.monotonic()
        with self._lock:
            self._job = None
            self._not_before = max(self._not_before, now + pause(now - self._began))
            self._trouble, self._trouble_of = job.trouble, of if job.is_refused else None
            if not job.trouble:
                self._page = _Page(job.out.read_bytes(), time.time(), job.ratings, of)

    def _age(self, page: _Page) -> str:
        """When a page was made and what of, and how far the next one is."""
        made = time.localtime(page.made_at)
        day = "" if time.time() - page.made_at < 43_200 else f"{time.strftime('%d %b', made)} "
        words = f"Made at {day}{time.strftime('%H:%M', made)} from {counted(page.ratings, 'rating')}."
        job = self._job
        if job is not None:
            return f"{words} A newer one is being made, {round(100 * job.share_done)} % done; reload to see it."
        if self._study.store.version() != page.of:
            if self._trouble:
                return f"{words} A newer one could not be made: {self._trouble}"
            when = time.localtime(time.time() + max(0.0, self._not_before - time.monotonic()))
            newer = f"a reload after {time.strftime('%H:%M:%S', when)} makes it anew"
            return f"{words} Ratings or scores came in since; {newer}."
        return f"{words} Nothing had changed when this page was opened."


def pause(seconds: float) -> float:
    """How long no new report is begun after one that took so many seconds.

    Examples
    --------
    >>> pause(3.0), pause(60.0)
    (20.0, 120.0)
    """
    return max(LEAST_SECONDS, 2.0 * seconds)


def _message(title: str, text: str, refresh_seconds: int = 0, share_done: float | None = None) -> bytes:
    return gzip.compress(message_page(title, text, refresh_seconds, share_done).encode(), 1)
