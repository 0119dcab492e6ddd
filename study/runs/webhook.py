"""Telling another machine of a gate: one POST of JSON, whose failure is a warning and never ends anything.

A webhook's address is often its own password, so no message shows more of it than whose it is.
"""

import json
import threading
from collections.abc import Mapping
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

from metrics.errors import InputError, parameter
from metrics.text import is_plain

SECONDS = 10.0
"""How long it may take, whatever the other side does."""


def check_webhook(url: str) -> str:
    """The address, where it can be used.

    Raises
    ------
    InputError
        For anything but http and https, and for an address with a name and password in it.

    Examples
    --------
    >>> check_webhook("https://chat.example/hooks/secret")
    'https://chat.example/hooks/secret'
    >>> check_webhook("file:///etc/passwd")
    Traceback (most recent call last):
    metrics.errors.InputError: webhook is no address that begins with http:// or https://; correct it.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or not is_plain(url) or not url.isascii() or " " in url:
        raise InputError(f"{parameter('webhook')} is no address that begins with http:// or https://; correct it.")
    if parts.username is not None or parts.password is not None:
        raise InputError(f"{parameter('webhook')} has a name or password before its host; leave that out.")
    return url


def post(url: str, content: Mapping[str, Any], seconds: float = SECONDS) -> str:
    """Send JSON.

    Parameters
    ----------
    url : str
        As `check_webhook` takes it.
    content : mapping
        Plain JSON.
    seconds : float
        After so long it has failed.

    Returns
    -------
    str
        Why it was not taken, in one sentence; "" where it was.

    Examples
    --------
    >>> post("http://127.0.0.1:9/hooks/secret", {"verdict": "worse"})
    'The webhook at 127.0.0.1 was not reached (Connection refused).'
    """
    where = f"The webhook at {urlsplit(url).hostname}"
    ended: list[str] = []

    def send() -> None:
        ended.append(_sent(url, content, where, seconds))

    sender = threading.Thread(target=send, daemon=True)  # a server may send a letter a second, for ever
    sender.start()
    sender.join(seconds)
    return ended[0] if ended else f"{where} did not answer within {seconds:g} seconds."


def _sent(url: str, content: Mapping[str, Any], where: str, seconds: float) -> str:
    opener = OpenerDirector()  # nothing that follows to other places, or opens files
    for handler in (ProxyHandler(), HTTPHandler(), HTTPSHandler()):
        opener.add_handler(handler)
    body = json.dumps(content, allow_nan=False).encode()
    request = Request(url, body, {"Content-Type": "application/json", "User-Agent": "humangrade"}, method="POST")
    try:
        with opener.open(request, timeout=seconds) as answer:
            status = answer.status
    except URLError as error:
        told = getattr(error.reason, "strerror", None) or type(error.reason).__name__
        return f"{where} was not reached ({told})."
    except Exception as error:  # what http.client raises may name the address
        return f"{where} was not reached ({type(error).__name__})."
    return "" if 200 <= status < 300 else f"{where} did not take it (status {status})."
