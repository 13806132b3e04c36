"""Serve the dashboard until it is stopped."""

from __future__ import annotations

import asyncio
import socket
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from homeostat.dashboard.app import make_app
from homeostat.dashboard.guard import LOOPBACK, check_bind
from homeostat.errors import ConfigError

HALF_REQUEST_S = 30.0
"""How long a client may take over a request, or say nothing."""


def serve(
    results: str | Path = "results",
    *,
    store: str | Path | None = None,
    host: str = "127.0.0.1",
    port: int = 8750,
    token: str | None = None,
    page: str = "",
    open_browser: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Serve pages over a results folder; returns when stopped with Ctrl-C.

    Args:
        host: Where to listen; other machines may look only with a token.
        port: 0 for any that is free.
        page: Which page to open first, such as `#/study/first`.

    Raises:
        ConfigError: If the port is taken, or the host is open to others and there is no token.
    """
    import uvicorn

    check_bind(host, token)
    listening = _listen(host, port)
    port = listening.getsockname()[1]
    named = (*LOOPBACK, host) if host not in ("0.0.0.0", "::") else (*LOOPBACK, *_names())  # noqa: S104  # compared, not bound
    app = make_app(results, store=store, token=token, hosts=named)
    shown = host if host not in ("0.0.0.0", "::") else socket.gethostname()  # noqa: S104  # compared, not bound
    secret = f"?token={quote(token)}" if token else ""
    address = f"http://{shown}:{port}/{secret}{page}"
    say(f"Dashboard of {results}:  {address}   (Ctrl-C stops it)")
    if not Path(results).is_dir():
        say(
            f"There is no folder {results} yet; the pages stay empty until something is kept there."
        )
    if open_browser:
        webbrowser.open(address)
    config = uvicorn.Config(
        app, log_level="error", timeout_graceful_shutdown=1, http=patient_protocol(), ws="none"
    )
    uvicorn.Server(config).run(sockets=[listening])


def patient_protocol() -> type[asyncio.Protocol]:
    """The server's protocol, which does not keep a connection whose request never ends."""
    import h11
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Patient(H11Protocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._watch()

        def _watch(self) -> None:
            self._timer = self.loop.call_later(HALF_REQUEST_S, self._look)

        def _look(self) -> None:
            """A request that is being answered has a cycle that is not complete."""
            if self.cycle is None or self.cycle.response_complete:
                self.transport.close()
            else:
                self._watch()

        def send_400_response(self, msg: str) -> None:
            # What follows a request that was refused before its end cannot be answered any more.
            try:
                super().send_400_response(msg)
            except h11.LocalProtocolError:
                self.transport.close()

        def connection_lost(self, exc: Exception | None) -> None:
            self._timer.cancel()
            super().connection_lost(exc)

    return Patient


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host.strip("[]"), port))
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"Cannot listen on {host}:{port}: {error.strerror}.", hint="Try --port 0: any free one."
        ) from error
    return listening


def _names() -> tuple[str, ...]:
    """The host names of this machine."""
    name = socket.gethostname()
    try:
        addresses = {str(info[4][0]) for info in socket.getaddrinfo(name, None)}
    except OSError:
        addresses = set()
    return (name, *addresses)
