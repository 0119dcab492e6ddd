"""Alerts that a webhook did not take: they stay in a file of the study's folder, and are sent at a later look."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from metrics.errors import InputError
from metrics.files import parse_json, read_regular_file, write_atomically
from metrics.text import counted
from study.runs.webhook import post

FILE = ".undelivered.jsonl"
MOST_KEPT = 100
MOST_SENT = 20  # at one look
_MOST_PASSED_OVER = 32  # looks, while nothing is taken
_MOST_BYTES = 100_000_000


class Deliveries:
    """What a webhook gets: each alert, and what it did not take before.

    Parameters
    ----------
    study : Path
        The study's folder.
    url : str
        As `study.runs.webhook.check_webhook` takes it.
    send : callable
        As `study.runs.webhook.post`.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> answers = ["It was not reached.", ""]
    >>> with TemporaryDirectory() as place:
    ...     deliveries = Deliveries(Path(place), "https://chat.example", lambda url, alert: answers.pop(0))
    ...     deliveries.tell({"key": "a", "text": "It is worse."})
    ...     deliveries.again()
    'It was not reached. The alert is kept, and sent at a later look.'
    'The webhook took 1 alert that it had not taken before.'
    """

    def __init__(self, study: Path, url: str, send: Callable[[str, Mapping[str, Any]], str] = post):
        self._path, self._url, self._send = study / FILE, url, send
        self._failures = self._passed_over = 0

    def tell(self, alert: Mapping[str, Any]) -> str:
        """Send an alert, and keep it where it was not taken; gives what is to be said, "" where it was."""
        why = self._send(self._url, alert)
        if not why:
            return ""
        kept = self._kept()
        if any(one["key"] == alert["key"] for one in kept):
            return why
        dropped = len(kept) + 1 - MOST_KEPT
        trouble = self._keep([*kept, dict(alert)][-MOST_KEPT:])
        if trouble:
            return f"{why} The alert is not kept for a later look either: {trouble}"
        oldest = f", in the place of the oldest of {MOST_KEPT}" if dropped > 0 else ""
        return f"{why} The alert is kept{oldest}, and sent at a later look."

    def again(self) -> str:
        """Send what was not taken before, the oldest first, until one is not taken; gives what is to be said.

        While none is taken, more and more looks are passed over, and it is said once.
        """
        kept = self._kept()
        if not kept:
            return ""
        if self._passed_over < min(2**self._failures - 1, _MOST_PASSED_OVER):
            self._passed_over += 1
            return ""
        taken, why, left = 0, "", list(kept)
        for alert in kept[:MOST_SENT]:
            why = self._send(self._url, alert)
            if why:
                break
            taken += 1
            left.pop(0)
            self._keep(left)
        self._failures, self._passed_over = (self._failures + 1 if why else 0), 0
        told = [f"The webhook took {counted(taken, 'alert')} that it had not taken before."] if taken else []
        if why and (taken or self._failures == 1):
            wait = "waits" if len(left) == 1 else "wait"
            told.append(f"{why} {counted(len(left), 'alert')} from before {wait} for a later look.")
        return " ".join(told)

    def _kept(self) -> list[dict[str, Any]]:
        try:
            lines = read_regular_file(self._path, _MOST_BYTES).decode().splitlines()
        except (OSError, UnicodeDecodeError):
            return []
        found = []
        for line in lines:
            try:
                alert = parse_json(line)
            except ValueError:
                continue
            if isinstance(alert, dict) and isinstance(alert.get("key"), str):
                found.append(alert)
        return found

    def _keep(self, alerts: list[dict[str, Any]]) -> str:
        """Why they could not be kept; "" where they were."""
        try:
            if alerts:
                write_atomically(self._path, "".join(f"{json.dumps(one)}\n" for one in alerts))
            else:
                self._path.unlink(missing_ok=True)
        except (OSError, InputError) as error:
            return str(error)
        return ""
