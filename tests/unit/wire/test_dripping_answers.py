"""Answers over HTTP that come byte by byte, or unpack without end, are given up."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from solidb_odm.client import AsyncClient, Client
from solidb_odm.errors import MessageTooLarge, RequestTimeout
from solidb_odm.wire import http

HEAD = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: 5000000\r\n%b\r\n"
TOKEN = b'HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{"token": "t"}'
CATALOGUE = b'{"collections": [{"name": "files", "type": "blob"}]}'
BOMB = gzip.compress(b" " * 5_000_000)


@dataclass
class Dripper:
    """Answers each request, told apart by a word, with a beginning; then drips a byte now and then."""

    begins: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    wholes: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    over: threading.Event = field(default_factory=threading.Event)

    def serve(self, opened: socket.socket) -> None:
        with contextlib.suppress(OSError), opened:
            while request := self._request(opened):
                for word, answer in self.wholes.items():
                    if word in request:
                        opened.sendall(answer)
                        break
                else:
                    opened.sendall(next(begin for word, begin in self.begins.items() if word in request))
                    while not self.over.wait(0.02):
                        opened.sendall(b"x")

    def _request(self, opened: socket.socket) -> bytes:
        request = b""
        while b"\r\n\r\n" not in request:
            came = opened.recv(1 << 16)
            if not came:
                return b""
            request += came
        if b"POST" in request and not request.endswith((b"}", b"--\r\n")):
            while not request.endswith((b"}", b"--\r\n", b"0\r\n\r\n")):
                request += opened.recv(1 << 16)
        return request


@pytest.fixture
def dripper() -> Iterator[tuple[Dripper, str]]:
    """A server without end, and its address."""
    drips = Dripper()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=drips.serve, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield drips, f"127.0.0.1:{listener.getsockname()[1]}"
        drips.over.set()
        listener.shutdown(socket.SHUT_RDWR)


def whole(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def packed(status: bytes) -> bytes:
    head = b"HTTP/1.1 %b\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % (status, len(BOMB))
    return head + BOMB


Call = Callable[[Client], object]
CALLS: dict[str, tuple[bytes, Call]] = {
    "a call": (b"GET", lambda client: client.env.list()),
    "a download": (b"GET /_api/blob", lambda client: client.blobs.get("files", "k")),
    "an upload": (b"POST /_api/blob", lambda client: client.blobs.put("files", b"data", name="a")),
}
BEGINNINGS = {
    "nothing": b"",
    "the first line": b"HTTP/1.1 2",
    "a header": b"HTTP/1.1 200 OK\r\nX-Long: ",
    "the body": HEAD % (b"200 OK", b""),
    "the body of a refusal": HEAD % (b"500 Oh", b""),
}


@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize("name", CALLS)
def test_a_byte_now_and_then_prolongs_no_part_of_an_answer(
    dripper: tuple[Dripper, str], name: str, beginning: str
) -> None:
    drips, address = dripper
    word, call = CALLS[name]
    drips.wholes[b"/collection"] = whole(CATALOGUE)
    drips.begins[word] = BEGINNINGS[beginning]
    with Client(address, database="d", token="t", timeout_ms=300) as client, pytest.raises(RequestTimeout):
        call(client)


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_a_login_is_not_prolonged_either(dripper: tuple[Dripper, str], beginning: str) -> None:
    drips, address = dripper
    drips.begins[b"login"] = BEGINNINGS[beginning]
    with Client(f"solidb://u:p@{address}/d", timeout_ms=300) as client, pytest.raises(RequestTimeout):
        client.env.list()


@pytest.mark.parametrize("status", [b"200 OK", b"500 Oh"])
@pytest.mark.parametrize("name", ["a call", "an upload", "a login"])
def test_what_unpacks_without_end_is_given_up(
    dripper: tuple[Dripper, str], monkeypatch: pytest.MonkeyPatch, name: str, status: bytes
) -> None:
    monkeypatch.setattr(http, "LARGEST_ANSWER", 1_000_000)
    drips, address = dripper
    word, call = CALLS.get(name, (b"login", CALLS["a call"][1]))
    if name == "an upload":
        drips.wholes[b"/collection"] = whole(CATALOGUE)
    drips.wholes |= {word: packed(status)} if name != "a login" else {b"login": packed(status)}
    who = (
        Client(f"solidb://u:p@{address}/d") if name == "a login" else Client(address, database="d", token="t")
    )
    with who as client, pytest.raises(MessageTooLarge):
        call(client)


@pytest.mark.anyio
@pytest.mark.parametrize("beginning", ["a header", "the body", "the body of a refusal"])
@pytest.mark.parametrize("name", ["a download", "an upload"])
async def test_awaited_streams_are_not_prolonged(
    dripper: tuple[Dripper, str], name: str, beginning: str
) -> None:
    async def call(client: AsyncClient) -> object:
        if name == "a download":
            return await client.blobs.get("files", "k")
        return await client.blobs.put("files", b"data", name="a")

    drips, address = dripper
    drips.wholes[b"/collection"] = whole(CATALOGUE)
    drips.begins[CALLS[name][0]] = BEGINNINGS[beginning]
    async with AsyncClient(address, database="d", token="t", timeout_ms=300) as client:
        with pytest.raises(RequestTimeout):
            await call(client)


def test_a_login_that_is_refused_once_is_made_again(dripper: tuple[Dripper, str]) -> None:
    drips, address = dripper
    drips.wholes |= {b"login": TOKEN, b"Bearer t": whole(b'{"error": "no"}').replace(b"200 OK", b"401 No")}
    with (
        Client(address, database="d", username="u", password="p") as client,
        pytest.raises(Exception, match="no"),
    ):
        client.env.list()
