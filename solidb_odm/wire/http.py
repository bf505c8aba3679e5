"""The side channel: HTTP on the same host and port, for the few things the driver protocol lacks.

The login is an ``httpx.Auth``, whose flow is a generator that httpx drives in both of its clients.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, TypeVar

import httpx

from .._types import Json
from ..errors import (
    AuthError,
    ConnectionFailed,
    ConnectionLost,
    MessageTooLarge,
    RequestTimeout,
    SolidbError,
)
from .exchange import HttpAnswer, HttpCall
from .http_json import encode
from .round_trips import RequestEvent
from .url import Host, ServerAddress

C = TypeVar("C")


class TokenAuth(httpx.Auth):
    """Log in once, send the token with every request, and log in again when it is refused."""

    def __init__(self, address: ServerAddress) -> None:
        self._username, self._password = address.username, address.password
        self._tokens: dict[tuple[str, int | None], str] = {}

    # Only answers to logins are read here: the others belong to the caller, who has a time for them.

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        flow = self.auth_flow(request)
        asked = next(flow)
        while True:
            response = yield asked
            if asked is not request:
                response.read()
            try:
                asked = flow.send(response)
            except StopIteration:
                return

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        flow = self.auth_flow(request)
        asked = next(flow)
        while True:
            response = yield asked
            if asked is not request:
                await response.aread()
            try:
                asked = flow.send(response)
            except StopIteration:
                return

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        node = (request.url.host, request.url.port)
        if node not in self._tokens:
            self._tokens[node] = self._token((yield self._login(request)))
        request.headers["Authorization"] = f"Bearer {self._tokens[node]}"
        response = yield request
        if response.status_code == 401:  # tokens live for 24 hours, and may die with the server
            self._tokens[node] = self._token((yield self._login(request)))
            request.headers["Authorization"] = f"Bearer {self._tokens[node]}"
            yield request

    def _login(self, request: httpx.Request) -> httpx.Request:
        body = {"username": self._username, "password": self._password}
        where = request.url.join("/auth/login")
        # The extensions hold the time-outs, which a request made by hand lacks.
        return httpx.Request("POST", where, json=body, extensions=request.extensions)

    def _token(self, response: httpx.Response) -> str:
        if response.status_code == 429:
            raise AuthError(
                "too many failed logins", hint=f"wait {response.headers.get('Retry-After', '60')} s"
            )
        body: dict[str, Any] = response.json() if response.is_success else {}
        if "token" not in body:
            raise AuthError("the server refused the user or the password", hint="check both in the URL")
        return str(body["token"])


class HeaderAuth(httpx.Auth):
    """Send an API key, or a token made elsewhere, with every request."""

    def __init__(self, name: str, value: str) -> None:
        self._name, self._value = name, value

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers[self._name] = self._value
        yield request


def new_client(kind: Callable[..., C], address: ServerAddress) -> C:
    """Make an ``httpx`` client, blocking or async, for this server."""
    options = address.options
    return kind(
        auth=_auth(address),
        timeout=httpx.Timeout(options.timeout, connect=options.connect_timeout),
        verify=address.tls_context() or True,
        trust_env=False,
    )


def _auth(address: ServerAddress) -> httpx.Auth:
    if address.token:
        return HeaderAuth("Authorization", f"Bearer {address.token}")
    if address.api_key:
        return HeaderAuth("X-API-Key", address.api_key)
    return TokenAuth(address)


def request_of(
    client: httpx.Client | httpx.AsyncClient,
    host: Host,
    address: ServerAddress,
    call: HttpCall,
    seconds: float | None = None,
) -> httpx.Request:
    """Build the request for a call."""
    scheme = "https" if address.tls else "http"
    sent: dict[str, Any] = {}
    headers = dict(call.headers)
    if call.body is not None:
        sent, headers = {"content": encode(call.body)}, {"Content-Type": "application/json"} | headers
    if call.content is not None:
        sent = {"content": call.content}
    if seconds is not None:
        connecting = min(seconds, address.options.connect_timeout)
        sent["timeout"] = httpx.Timeout(seconds, connect=connecting)
    where = f"{scheme}://{host}{call.path}"
    return client.build_request(call.method, where, params=dict(call.params) or None, headers=headers, **sent)


def http_event(call: HttpCall, begun: float, response: httpx.Response, content: bytes) -> RequestEvent:
    """Return the event for a call that was answered."""
    return RequestEvent(
        f"HTTP {call.method} {call.path}",
        1,
        (time.perf_counter() - begun) * 1000,
        len(response.request.content),
        len(content),
    )


def as_answer(response: httpx.Response, content: bytes | None = None) -> HttpAnswer:
    """Read a response, whose body may have been read apart from it."""
    content = response.content if content is None else content
    try:
        body: Json = json.loads(content) if content else None
    except (ValueError, RecursionError):
        body = {"error": content[:500].decode(errors="replace")} if response.is_error else None
    return HttpAnswer(response.status_code, body, content)


LARGEST_ANSWER = 256 * 1024 * 1024
"""Bytes of an answer that is taken in whole, once it is unpacked; larger ones are read as streams."""


def check_size(content: bytearray, call: HttpCall, host: Host) -> None:
    """Raise MessageTooLarge for an answer that goes on and on, or unpacks to more than it seemed."""
    if len(content) > LARGEST_ANSWER:
        raise MessageTooLarge(
            f"HTTP {call.method} {call.path} on {host}: the answer is larger than {LARGEST_ANSWER:,} bytes",
            size=len(content),
            limit=LARGEST_ANSWER,
            hint="ask for less at once; blobs are read in pieces",
        )


def too_slow(call: HttpCall, host: Host, seconds: float | None) -> RequestTimeout:
    """Return the error of an HTTP call that was not answered completely in its time."""
    waited = f"in {seconds:g} seconds" if seconds is not None else "in time"
    return RequestTimeout(
        f"HTTP {call.method} {call.path} on {host}: no whole answer {waited}",
        seconds=seconds,
        hint="more time: timeout_ms=…, or ?timeout=… in the URL; whether the request ran is not known",
    )


def unanswered(
    problem: httpx.HTTPError, call: HttpCall, host: Host, seconds: float | None = None
) -> SolidbError:
    """Return the error of an HTTP call that got no answer."""
    if isinstance(problem, httpx.TimeoutException):
        return too_slow(call, host, seconds)
    what = f"HTTP {call.method} {call.path} on {host}: {str(problem) or type(problem).__name__}"
    if isinstance(problem, httpx.ConnectError):
        return ConnectionFailed(what, address=str(host))
    return ConnectionLost(what, address=str(host))
