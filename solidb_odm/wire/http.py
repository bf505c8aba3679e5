"""The side channel: HTTP on the same host and port, for the few things the driver protocol lacks.

Who asks is said by a generator of requests, which ``send`` and ``asend`` drive. It is not an ``httpx.Auth``,
for httpx reads the answers to logins whole, however large they are.
"""

from __future__ import annotations

import json
import math
import ssl
import time
from collections.abc import Generator
from contextlib import aclosing, closing, contextmanager
from contextvars import ContextVar
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from weakref import WeakSet

import httpx

from .._types import Json, is_map
from ..errors import (
    AuthError,
    ConfigurationError,
    ConnectionFailed,
    ConnectionLost,
    MessageTooLarge,
    ProtocolError,
    RequestTimeout,
    SolidbError,
)
from .exchange import HttpAnswer, HttpCall
from .http_json import encode
from .round_trips import RequestEvent
from .url import Host, ServerAddress

if TYPE_CHECKING:
    import httpcore


class AnswerDeadline:
    """When an answer must be there; with ``begun=False``, so many seconds after ``begin``."""

    def __init__(self, seconds: float, *, begun: bool = True) -> None:
        self._seconds = seconds
        self._moment = time.monotonic() + seconds if begun else math.inf

    def begin(self) -> None:
        """Wait for the answer from now on."""
        self._moment = time.monotonic() + self._seconds

    def within(self, timeout: float | None) -> float:
        """Return what is left, or a shorter time-out; TimeoutError if the time is over."""
        left = self._moment - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left if timeout is None else min(left, timeout)


_deadline: ContextVar[AnswerDeadline | None] = ContextVar("solidb_answer_deadline", default=None)


@contextmanager
def answered_by(deadline: AnswerDeadline) -> Generator[None]:
    """Have all that the block sends and reads end by then."""
    token = _deadline.set(deadline)
    try:
        yield
    finally:
        _deadline.reset(token)


def time_left(timeout: float | None) -> float | None:
    """Return a time-out, cut to what the block's deadline leaves."""
    deadline = _deadline.get()
    return timeout if deadline is None else deadline.within(timeout)


AuthFlow: TypeAlias = Generator[httpx.Request, Any, httpx.Response]
"""Yields requests; gets the response to the caller's own, unread, and the answers to others whole."""


class TokenAuth:
    """Log in once, send the token with every request, and log in again when it is refused."""

    def __init__(self, address: ServerAddress) -> None:
        self._username, self._password = address.username, address.password
        self._tokens: dict[tuple[str, int | None], str] = {}

    def flow(self, request: httpx.Request, *, once: bool) -> AuthFlow:
        """Return the exchange of a request; ``once``: its body can't be sent again."""
        node = (request.url.host, request.url.port)
        if node not in self._tokens:
            self._tokens[node] = self._token((yield self._login(request)))
        request.headers["Authorization"] = f"Bearer {self._tokens[node]}"
        response: httpx.Response = yield request
        if response.status_code != 401 or once:
            return response
        self._tokens[node] = self._token((yield self._login(request)))  # they live for 24 hours at most
        request.headers["Authorization"] = f"Bearer {self._tokens[node]}"
        answered: httpx.Response = yield request
        return answered

    def _login(self, request: httpx.Request) -> httpx.Request:
        body = {"username": self._username, "password": self._password}
        where = request.url.join("/auth/login")
        # The extensions hold the time-outs, which a request made by hand lacks.
        return httpx.Request("POST", where, json=body, extensions=request.extensions)

    def _token(self, answer: HttpAnswer) -> str:
        if answer.status == 429:
            wait = answer.retry_after or "60"
            raise AuthError(
                "too many failed logins", hint=f"wait {wait} s, and check the password in the URL"
            )
        body = answer.body if answer.status < 300 else None
        if not is_map(body) or "token" not in body:
            raise AuthError("the server refused the user or the password", hint="check both in the URL")
        token = body["token"]
        if not isinstance(token, str) or not _can_be_sent(token):
            raise ProtocolError("the server answered the login with a token that can't be sent")
        return token


class HeaderAuth:
    """Send an API key, or a token made elsewhere, with every request."""

    def __init__(self, name: str, secret: str, prefix: str = "") -> None:
        if not _can_be_sent(secret):
            raise ConfigurationError(
                "the token or API key in the URL has a character that can't be sent, such as a line break",
                hint="was it read from a file? take .strip() of it",
            )
        self._name, self._value = name, prefix + secret

    def flow(self, request: httpx.Request, *, once: bool) -> AuthFlow:  # noqa: ARG002  as the other's
        """Return the exchange of a request."""
        request.headers[self._name] = self._value
        answered: httpx.Response = yield request
        return answered


def _can_be_sent(secret: str) -> bool:
    """Return whether a header can hold a text; an error of httpx would show it."""
    return secret.isprintable() and secret == secret.strip() != ""


HttpAuth: TypeAlias = TokenAuth | HeaderAuth


def auth_of(address: ServerAddress) -> HttpAuth:
    """Return how requests to a server say who asks."""
    if address.token:
        return HeaderAuth("Authorization", address.token, "Bearer ")
    if address.api_key:
        return HeaderAuth("X-API-Key", address.api_key)
    return TokenAuth(address)


def send(client: httpx.Client, flow: AuthFlow, request: httpx.Request) -> httpx.Response:
    """Send a request, and what must go before it; return its response, whose body is still to be read."""
    try:
        asked, response = next(flow), None
        while True:
            if response is not None:
                response.close()
            response = _sent(client, asked)
            asked = flow.send(response if asked is request else as_answer(response, read_whole(response)))
    except StopIteration as stop:
        answered: httpx.Response = stop.value
        return answered


async def asend(client: httpx.AsyncClient, flow: AuthFlow, request: httpx.Request) -> httpx.Response:
    """Send a request as ``send`` does, async."""
    try:
        asked, response = next(flow), None
        while True:
            if response is not None:
                await response.aclose()
            response = await _asent(client, asked)
            whole = asked is not request
            asked = flow.send(as_answer(response, await aread_whole(response)) if whole else response)
    except StopIteration as stop:
        answered: httpx.Response = stop.value
        return answered


_BROKEN: Final = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
_REPEATABLE: Final = "solidb_odm_repeatable"


def _sent(client: httpx.Client, request: httpx.Request) -> httpx.Response:
    """Send one request; a read once more if its connection, kept from an earlier one, has ended meanwhile."""
    try:
        return client.send(request, stream=True)
    except _BROKEN:
        if not request.extensions.get(_REPEATABLE):
            raise
        return client.send(request, stream=True)


async def _asent(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """Send one request as ``_sent`` does, async."""
    try:
        return await client.send(request, stream=True)
    except _BROKEN:
        if not request.extensions.get(_REPEATABLE):
            raise
        return await client.send(request, stream=True)


def read_whole(response: httpx.Response) -> bytes:
    """Read an answer to its end; MessageTooLarge if it goes on and on, or unpacks to more than it seemed."""
    content = bytearray()
    with closing(response):
        for piece in response.iter_bytes():
            content += piece
            _check_size(content, response)
    return bytes(content)


async def aread_whole(response: httpx.Response) -> bytes:
    """Read an answer to its end as ``read_whole`` does, async."""
    content = bytearray()
    async with aclosing(response):
        async for piece in response.aiter_bytes():
            content += piece
            _check_size(content, response)
    return bytes(content)


def load_clients() -> None:
    """Load what clients load when they are made or first used.

    A process forked while a thread loads a module can never load it, so who starts threads calls this.
    """
    for name in ("httpcore", "encodings.idna", f"{__package__}.http_transport"):
        import_module(name)


def new_client(address: ServerAddress, opened: WeakSet[httpcore.NetworkStream]) -> httpx.Client:
    """Make a blocking ``httpx`` client for this server, which notes the connections that it opens."""
    context = address.tls_context() or _without_tls()
    module = import_module(f"{__package__}.http_transport")
    transport: httpx.BaseTransport = module.DeadlineTransport(context, opened)
    return httpx.Client(transport=transport, timeout=_time_out(address), trust_env=False)


def new_async_client(address: ServerAddress) -> httpx.AsyncClient:
    """Make an ``httpx`` client for this server, async."""
    context = address.tls_context() or _without_tls()
    return httpx.AsyncClient(verify=context, timeout=_time_out(address), trust_env=False)


def _without_tls() -> ssl.SSLContext:
    """Return a context that is never used, and so without certificates, which take long to read."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _time_out(address: ServerAddress) -> httpx.Timeout:
    return httpx.Timeout(address.options.timeout, connect=address.options.connect_timeout)


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
    request = client.build_request(
        call.method, where, params=dict(call.params) or None, headers=headers, **sent
    )
    request.extensions[_REPEATABLE] = call.method == "GET" and address.options.retries > 0
    return request


def http_event(call: HttpCall, begun: float, response: httpx.Response, content: bytes) -> RequestEvent:
    """Return the event for a call that was answered."""
    return RequestEvent(
        f"HTTP {call.method} {call.path}",
        1,
        (time.perf_counter() - begun) * 1000,
        len(response.request.content),
        len(content),
    )


def as_answer(response: httpx.Response, content: bytes) -> HttpAnswer:
    """Return the answer of a response with this body."""
    try:
        body: Json = json.loads(content) if content else None
    except (ValueError, RecursionError):
        body = {"error": content[:500].decode(errors="replace")} if response.is_error else None
    return HttpAnswer(response.status_code, body, content, response.headers.get("Retry-After", ""))


LARGEST_ANSWER = 256 * 1024 * 1024
"""Bytes of an answer that is taken in whole, once it is unpacked; larger ones are read as streams."""


def _check_size(content: bytearray, response: httpx.Response) -> None:
    if len(content) > LARGEST_ANSWER:
        url = response.request.url
        raise MessageTooLarge(
            f"HTTP {response.request.method} {url.path} on {url.netloc.decode()}:"
            f" the answer is larger than {LARGEST_ANSWER:,} bytes",
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
