"""Answers over HTTP that are no JSON, or have no end: refused with our errors, and soon."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from solidb_odm.commands import DescribeCollection
from solidb_odm.engines.solidb import AsyncServerDriver, ServerDriver
from solidb_odm.errors import MessageTooLarge, ProtocolError, SolidbError
from solidb_odm.wire import http

BODIES = {
    "HTML": (b"<html>a proxy speaks</html>", ""),
    "a number": (b"5", ""),
    "a list": (b"[1, 2]", ""),
    "another object": (b'{"collections": 5}', ""),
    "rows of another kind": (b'{"collections": [1]}', ""),
    "nothing": (b"", ""),
    "deep": (b"[" * 100_000, ""),
    "no UTF-8": (b'{"collections": "\xff"}', ""),
    "broken gzip": (b"no gzip", "gzip"),
}


@pytest.fixture
def serve() -> Iterator[Callable[[bytes, str], str]]:
    """Serve the same answer to everything; return the URL."""
    servers: list[ThreadingHTTPServer] = []

    def start(body: bytes, encoding: str) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self._answer(b'{"token": "t"}' if "login" in self.path else None)

            def _answer(self, other: bytes | None = None) -> None:
                content = body if other is None else other
                self.send_response(200)
                if encoding and other is None:
                    self.send_header("Content-Encoding", encoding)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"solidb://u:p@127.0.0.1:{server.server_port}/d?timeout=5&retries=0"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("name", BODIES)
def test_what_is_no_answer_of_ours_is_refused_with_our_error(
    serve: Callable[[bytes, str], str], name: str
) -> None:
    driver = ServerDriver(serve(*BODIES[name]))
    with pytest.raises(SolidbError):
        driver.channel().perform(DescribeCollection("users"))
    driver.close()


def test_html_is_called_what_it_is(serve: Callable[[bytes, str], str]) -> None:
    driver = ServerDriver(serve(*BODIES["HTML"]))
    with pytest.raises(ProtocolError, match="shape"):
        driver.channel().perform(DescribeCollection("users"))
    driver.close()


def test_an_answer_that_unpacks_to_too_much_is_given_up(
    serve: Callable[[bytes, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "LARGEST_ANSWER", 1_000_000)
    driver = ServerDriver(serve(gzip.compress(b" " * 50_000_000), "gzip"))
    with pytest.raises(MessageTooLarge):
        driver.channel().perform(DescribeCollection("users"))
    driver.close()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # trio warns of generators that httpx leaves
async def test_awaited_it_is_given_up_too(
    serve: Callable[[bytes, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "LARGEST_ANSWER", 1_000_000)
    driver = AsyncServerDriver(serve(gzip.compress(b" " * 50_000_000), "gzip"))
    with pytest.raises(MessageTooLarge):
        await (await driver.channel()).perform(DescribeCollection("users"))
    await driver.aclose()
