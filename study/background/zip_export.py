"""The tables as a zip file for the owner's page, made in the background."""

from threading import Lock

from study.background.job import Job, Kind
from study.folder.study import Study
from study.store.scratch import Scratch

LONGEST_SECONDS = 600


class Exports:
    """Makes one export at a time; who asks while one is made, of the same kind, gets that one.

    Parameters
    ----------
    study : Study
        An opened study.
    """

    def __init__(self, study: Study):
        self._study = study
        self._lock = Lock()
        self._folder = Scratch()
        self._jobs: dict[bool, Job] = {}
        self._made = 0

    def make(self, without_names: bool) -> tuple[bytes, str]:
        """The zip file, or why there is none; returns once it is made."""
        with self._lock:
            job = self._jobs.get(without_names)
            if job is None or job.is_over:
                self._made += 1
                self._folder.place(f"{self._made - 3}.zip").unlink(missing_ok=True)  # nobody reads it any more
                out = self._folder.place(f"{self._made}.zip")
                kind: Kind = "nameless-export" if without_names else "export"
                job = self._jobs[without_names] = Job(kind, self._study.folder, out, self._study.store.identity)
        if not job.wait(LONGEST_SECONDS):
            job.end()
        if job.trouble:
            return b"", job.trouble
        return job.out.read_bytes(), ""

    def close(self) -> None:
        """End what is being made."""
        for job in self._jobs.values():
            job.end()
        self._folder.cleanup()
