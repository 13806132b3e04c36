"""Who may look: requests to this host only, with the token where there is one, and no scripts.

A page elsewhere could have its own name point at this machine (DNS rebinding); its requests carry
that name as host, and are refused.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Collection

from fastapi import Request, Response
from fastapi.responses import PlainTextResponse

from homeostat.errors import ConfigError

LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")
COOKIE = "homeostat"
ASKS = "x-homeostat"
"""A header that no page from elsewhere can send along without being asked first."""
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}

Next = Callable[[Request], Awaitable[Response]]
Look = Callable[[Request, Next], Awaitable[Response]]


def check_bind(host: str, token: str | None) -> None:
    """Refuse to be seen from other machines without a token.

    Raises:
        ConfigError: If the host is not this machine's loopback and there is no token.
    """
    if host not in LOOPBACK and not token:
        raise ConfigError(
            f"{host} can be reached from other machines, so the dashboard needs a token there.",
            hint="Add --token SECRET, or leave --host out.",
        )


def guard(
    hosts: Collection[str], token: str | None
) -> Callable[[Request, Next], Awaitable[Response]]:
    """The middleware that asks every request for its host and its token."""

    async def look(request: Request, call_next: Next) -> Response:
        host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
        if host not in hosts:
            return _refused(421, "This is not the host you asked for.")
        if request.method not in ("GET", "HEAD") and (request.method != "POST" or token is None):
            return _refused(405, "Nothing can be changed here without a token.")
        if request.method == "POST" and request.headers.get(ASKS) != "yes":
            return _refused(403, "Only the dashboard's own pages may change anything.")
        if token is not None and not _knows(request, token):
            return _refused(401, "Open the address with ?token=... that the command printed.")
        response = await call_next(request)
        for name, value in HEADERS.items():
            response.headers[name] = value
        if token is not None and "token" in request.query_params:
            response.set_cookie(COOKIE, token, httponly=True, samesite="strict")
        return response

    return look


def _knows(request: Request, token: str) -> bool:
    offered = request.query_params.get("token") or request.cookies.get(COOKIE, "")
    return hmac.compare_digest(offered.encode(), token.encode())


def _refused(status: int, why: str) -> Response:
    return PlainTextResponse(why + "\n", status, headers=HEADERS)
