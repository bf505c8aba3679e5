"""Opening a connection: the login, the order in which nodes are tried, and what to say if none answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..errors import AuthError, ClosedError, ConnectionFailed, RequestTimeout
from .faults import fault
from .frames import decode, pack

if TYPE_CHECKING:
    from .url import Host, ServerAddress


def login_request(address: ServerAddress, realm: str = "") -> bytes:
    """Pack the login; all three strings are required, even with an API key.

    Who has nothing to log in with greets with a ping, the one thing that the server answers to anybody.
    """
    if not (address.username or address.api_key or address.database):
        return pack({"cmd": "ping"})
    request = {
        "cmd": "auth",
        "database": realm or address.database or "_system",
        "username": address.username,
        "password": address.password,
    }
    if address.api_key:
        request |= {"username": "", "password": "", "api_key": address.api_key}
    return pack(request)


def check_login(payload: bytes, address: ServerAddress) -> None:
    """Raise what the server refused the login with, if it did."""
    refusal = decode(payload).refusal
    if refusal is None:
        return
    error = fault(refusal)
    if isinstance(error, AuthError) and not address.username and not address.api_key:
        error.hint = "the URL names no user: solidb://user:password@host:6745/database"
    raise error


def in_order(hosts: Sequence[Host], preferred: Host) -> list[Host]:
    """Return the hosts to try: the one that answered last, then the others as the URL has them."""
    return [preferred, *(host for host in hosts if host != preferred)]


def unreachable(problems: Mapping[Host, Exception]) -> ConnectionFailed:
    """Return the error that says why none of the nodes could be reached."""
    reasons = "; ".join(f"{host}: {_reason(problem)}" for host, problem in problems.items())
    return ConnectionFailed(
        f"can't connect to {reasons}",
        address=", ".join(map(str, problems)),
        hint="is the server running there? the default port is 6745; solidbs:// is for servers with TLS",
    )


def no_time_left(problems: Mapping[Host, Exception], seconds: float) -> RequestTimeout:
    """Return the error of a request whose time was over before it had a connection."""
    return RequestTimeout(
        f"no connection to {', '.join(map(str, problems))} in the {seconds:.3g} seconds that were left",
        seconds=seconds,
        hint="more time: timeout_ms=…, or ?timeout=… in the URL; the request was not sent",
    )


def _reason(problem: Exception) -> str:
    if isinstance(problem, RequestTimeout | TimeoutError | BlockingIOError):
        return "no answer in time (a plain server asked for TLS, or a firewall?)"
    cause: BaseException | None = problem
    while cause is not None:  # some wrap an error and say nothing themselves
        if text := getattr(cause, "strerror", None) or str(cause):
            return str(text)
        cause = cause.__cause__ or cause.__context__
    return type(problem).__name__


def closed() -> ClosedError:
    """Return the error of a request after the connections were closed."""
    return ClosedError("the client or engine is closed", hint="create another one")


def gave_up(label: str, seconds: float | None, address: str) -> RequestTimeout:
    """Return the error of a request whose answer, or its rest, did not come in time."""
    waited = "too long" if seconds is None else f"{seconds:g} seconds"
    return RequestTimeout(
        f"{label}: no answer from {address} for {waited}; the connection was dropped",
        seconds=seconds,
        hint="more time: timeout_ms=…, or ?timeout=… in the URL; whether the request ran is not known",
    )


def none_free(seconds: float, most: int) -> RequestTimeout:
    """Return the error of a request that waited while every connection of the pool stayed in use."""
    return RequestTimeout(
        f"no connection became free in {seconds:g} seconds; all {most} are in use",
        seconds=seconds,
        hint="raise pool_overflow, or use fewer threads at once",
    )
