"""A listening socket, and answering on it: patient with slow raters, not with connections that say nothing.

A connection has some seconds for a whole request, and one that takes nothing off an answer for a minute is closed.
There are never more connections than this process may have open files; the one that has been silent longest makes room.
"""

import asyncio
import contextlib
import errno
import functools
import signal
import socket
import sys
import warnings
from collections.abc import Iterator
from types import FrameType
from typing import Any

import h11
from fastapi import FastAPI
from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol

from metrics.errors import InputError

SHUTDOWN_SECONDS = 2
REQUEST_SECONDS = 10.0
STALLED_SECONDS = 60.0
MOST_CONNECTIONS = 4096
EVERY_ADDRESS = ("", "0.0.0.0", "::")
_BACKLOG = 128
_OTHER_FILES = 256  # the database's, pictures, a report on its way


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
        listener.listen(_BACKLOG)
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


def run(app: FastAPI, listener: socket.socket) -> None:
    """Answer on a listening socket until Ctrl-C or SIGTERM, which is passed on; see `study.server.app.served`.

    Requests are not logged: their addresses hold the links' keys.

    Parameters
    ----------
    app : FastAPI
        From `create_app`.
    listener : socket.socket
        From `bind`.
    """
    connections = _Connections(_most_connections())
    config = Config(
        app,
        http=functools.partial(_Connection, register=connections),  # type: ignore[arg-type]
        ws="none",
        access_log=False,
        log_level="error",
        server_header=False,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    # SIGTERM may come before the server's first step; then nothing is lost, and there is nothing to say
    warnings.filterwarnings("ignore", message="coroutine 'Server.serve' was never awaited", category=RuntimeWarning)
    Server(config).run(sockets=[listener])


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM end what runs inside as Ctrl-C does; in the main thread only."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not the main thread, as in tests
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Connections:
    """All open connections in the order in which they came."""

    def __init__(self, most: int):
        self.most = most
        self._open: dict[_Connection, None] = {}

    def add(self, connection: "_Connection") -> None:
        self._open[connection] = None
        if len(self._open) > self.most:
            others = (one for one in self._open if one is not connection)
            silent = next((one for one in others if one.is_silent()), None) or self._oldest_unfinished(connection)
            self.remove(silent)
            silent.transport.abort()

    def _oldest_unfinished(self, newest: "_Connection") -> "_Connection":
        """The one whose request has been on its way longest; the newest where all are being answered."""
        return next((one for one in self._open if one is not newest and one.is_unfinished()), newest)

    def remove(self, connection: "_Connection") -> None:
        self._open.pop(connection, None)


class _Connection(H11Protocol):
    """uvicorn's connection, with an end to waiting."""

    def __init__(self, *args: Any, register: _Connections, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._register = register
        self._patience: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time for the first request."""
        super().connection_made(transport)
        self._register.add(self)
        self._watch_request()

    def data_received(self, data: bytes) -> None:
        """Go on with the time that a request may take, from its first byte to its last."""
        super().data_received(data)
        self._watch_request()

    def on_response_complete(self) -> None:
        """After an answer the time for what is left of its request goes on."""
        super().on_response_complete()
        self._watch_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all clocks."""
        self._register.remove(self)
        for clock in (self._patience, self._stalled):
            if clock is not None:
                clock.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The other side takes less than is sent: watch whether it takes anything."""
        super().pause_writing()
        self._watch_writing(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """The other side has caught up."""
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def is_silent(self) -> bool:
        """Whether nothing is being answered here."""
        return self.cycle is None or self.cycle.response_complete

    def is_unfinished(self) -> bool:
        """Whether the rest of a request is awaited here."""
        return self.conn.their_state is h11.SEND_BODY

    def _watch_request(self) -> None:
        is_waiting = self.conn.their_state is h11.SEND_BODY or (self.conn.their_state is h11.IDLE and self.is_silent())
        if not is_waiting and self._patience is not None:
            self._patience.cancel()
            self._patience = None
        elif is_waiting and self._patience is None and not self.transport.is_closing():
            self._patience = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)

    def _watch_writing(self, left: int) -> None:
        self._stalled = self.loop.call_later(STALLED_SECONDS, self._close_if_stalled, left)

    def _close_if_stalled(self, left: int) -> None:
        now = self.transport.get_write_buffer_size()
        if now >= left:
            self.transport.abort()
        else:
            self._watch_writing(now)


def _most_connections() -> int:
    """As many as open files allow, after asking the system for more of these."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return MOST_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + _BACKLOG + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    files = wanted if soft == resource.RLIM_INFINITY else soft
    return max(16, min(MOST_CONNECTIONS, files - _BACKLOG - _OTHER_FILES))


def _address_on_the_network() -> str:
    """Where other machines find this one; connecting a datagram socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
