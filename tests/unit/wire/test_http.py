"""The side channel over HTTP: logging in, and again when the token has died."""

import json
from collections.abc import Callable
from contextlib import nullcontext

import httpx
import pytest

from solidb_odm.errors import AuthError, ConnectionFailed, ConnectionLost, RequestTimeout
from solidb_odm.wire.exchange import HttpAnswer, HttpCall
from solidb_odm.wire.http import (
    HeaderAuth,
    HttpAuth,
    TokenAuth,
    aread_whole,
    as_answer,
    asend,
    read_whole,
    request_of,
    send,
    unanswered,
)
from solidb_odm.wire.url import Host, ServerAddress, parse_url

ADDRESS = parse_url("solidb://ada:secret@h/d")
Handler = Callable[[httpx.Request], httpx.Response]


class Node:
    """A web server of one page; ``token`` is what it takes at the moment."""

    def __init__(self) -> None:
        self.token, self.logins, self.password = 1, 0, "secret"

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/login":
            self.logins += 1
            if json.loads(request.content)["password"] != self.password:
                return httpx.Response(400, json={"error": "Invalid credentials"})
            return httpx.Response(200, json={"token": str(self.token)})
        if request.headers["Authorization"] != f"Bearer {self.token}":
            return httpx.Response(401)
        return httpx.Response(200, json={"path": request.url.path})


def ask(handler: Handler, auth: HttpAuth, call: HttpCall) -> HttpAnswer:
    """Send one call, with a connection of its own."""
    with httpx.Client(transport=httpx.MockTransport(handler)) as client:
        request = request_of(client, Host("h", 1), ADDRESS, call)
        response = send(client, auth.flow(request, once=False), request)
        return as_answer(response, read_whole(response))


def test_one_login_serves_many_calls() -> None:
    node = Node()
    auth = TokenAuth(ADDRESS)
    answers = [ask(node, auth, HttpCall("GET", "/a")) for _ in range(3)]

    assert [answer.body for answer in answers] == [{"path": "/a"}] * 3
    assert node.logins == 1


def test_a_token_that_died_is_renewed() -> None:
    node = Node()
    auth = TokenAuth(ADDRESS)
    ask(node, auth, HttpCall("GET", "/a"))
    node.token = 2
    assert ask(node, auth, HttpCall("GET", "/a")).status == 200

    assert node.logins == 2


@pytest.mark.anyio
async def test_awaited_a_token_that_died_is_renewed() -> None:
    node = Node()
    auth = TokenAuth(ADDRESS)
    async with httpx.AsyncClient(transport=httpx.MockTransport(node)) as opened:
        for node.token in (1, 2):
            request = request_of(opened, Host("h", 1), ADDRESS, HttpCall("GET", "/a"))
            response = await asend(opened, auth.flow(request, once=False), request)
            assert as_answer(response, await aread_whole(response)).status == 200

    assert node.logins == 2


def test_a_wrong_password_is_an_auth_error() -> None:
    node = Node()
    node.password = "other"
    with pytest.raises(AuthError, match="refused"):
        ask(node, TokenAuth(ADDRESS), HttpCall("GET", "/a"))


def test_too_many_logins_say_how_long_to_wait() -> None:
    def busy(request: httpx.Request) -> httpx.Response:
        return httpx.Response(429, headers={"Retry-After": "41"})

    with pytest.raises(AuthError) as raised:
        ask(busy, TokenAuth(ADDRESS), HttpCall("GET", "/a"))

    assert "41" in (raised.value.hint or "")


def test_a_key_is_sent_as_it_is() -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["X-API-Key"])
        return httpx.Response(204)

    assert ask(handler, HeaderAuth("X-API-Key", "sk_1"), HttpCall("GET", "/a")) == HttpAnswer(204, None)

    assert seen == ["sk_1"]


def test_parameters_headers_and_content_are_sent() -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, content=request.content + request.headers["If-Match"].encode())

    call = HttpCall("PUT", "/a", params={"q": "1"}, headers={"If-Match": "r"}, content=b"raw-")
    answer = ask(handler, HeaderAuth("X-API-Key", "k"), call)

    assert str(asked[0].url) == "http://h:1/a?q=1"
    assert (answer.body, answer.content) == (None, b"raw-r")


@pytest.mark.anyio
@pytest.mark.parametrize("is_awaited", [False, True])
@pytest.mark.parametrize(
    ("method", "address", "sent"),
    [
        ("GET", ADDRESS, 2),
        ("POST", ADDRESS, 1),
        ("PUT", ADDRESS, 1),
        ("GET", parse_url("solidb://ada:secret@h/d?retries=0"), 1),
    ],
)
async def test_a_read_is_sent_once_more_where_its_connection_has_ended(
    method: str, address: ServerAddress, sent: int, *, is_awaited: bool
) -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        if len(asked) == 1:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        return httpx.Response(204)

    auth, call, transport = HeaderAuth("X-API-Key", "k"), HttpCall(method, "/a"), httpx.MockTransport(handler)
    with nullcontext() if sent == 2 else pytest.raises(httpx.RemoteProtocolError):
        if is_awaited:
            async with httpx.AsyncClient(transport=transport) as client:
                request = request_of(client, Host("h", 1), address, call)
                await asend(client, auth.flow(request, once=False), request)
        else:
            with httpx.Client(transport=transport) as blocking:
                request = request_of(blocking, Host("h", 1), address, call)
                send(blocking, auth.flow(request, once=False), request)
    assert len(asked) == sent


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (httpx.ReadTimeout("slow"), RequestTimeout),
        (httpx.ConnectError("refused"), ConnectionFailed),
        (httpx.ReadError("reset"), ConnectionLost),
    ],
)
def test_a_call_without_an_answer_says_why(problem: httpx.HTTPError, kind: type[Exception]) -> None:
    error = unanswered(problem, HttpCall("GET", "/a"), Host("h", 1))

    assert type(error) is kind
    assert "GET /a on h:1" in str(error)
