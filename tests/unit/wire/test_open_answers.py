"""Answers that are read piece by piece, and forgotten: the connection ends, and nobody waits."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import Any

import anyio
import httpcore
import pytest

from solidb_odm.client import AsyncClient, Client
from solidb_odm.wire import http, http_streams, open_answers, socket_pool
from tests.engines.test_finalizers import all_lines, collected, frozen  # noqa: F401  a fixture
from tests.garbage import collect_garbage
from tests.unit.engines.sqlite.test_forks import in_child as forked

SMALL, LARGE = b"0123456789", 400_000_000
PIECE = 10_000


class Files(ThreadingHTTPServer):
    """Holds a small file and one that is never sent whole."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.connections = 0
        self.given_up: SimpleQueue[str] = SimpleQueue()

    @property
    def url(self) -> str:
        return f"solidb://127.0.0.1:{self.server_port}/d?token=t&timeout=100&retries=0"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Files

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_GET(self) -> None:
        is_large = self.path.endswith("large")
        self.send_response(200)
        self.send_header("Content-Length", str(LARGE if is_large else len(SMALL)))
        self.end_headers()
        self.wfile.write(bytes(3 * PIECE) if is_large else SMALL)
        if is_large:
            try:
                self.rfile.read(1)  # until the other side ends it
            finally:
                self.given_up.put(self.path)
                self.close_connection = True

    @property
    def given_up(self) -> SimpleQueue[str]:
        return self.server.given_up

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def files() -> Iterator[Files]:
    server = Files()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def begun(client: Client) -> list[Any]:
    """Return a cycle with an answer of which one piece was read."""
    pieces = client.blobs.stream("files", "large", chunk_size=PIECE)
    assert next(pieces) == bytes(PIECE)
    cycle: list[Any] = [pieces]
    cycle.append(cycle)
    return cycle


def test_who_forgets_an_answer_ends_its_connection_at_once(files: Files) -> None:
    with Client(files.url) as client:
        begun(client)
        collect_garbage()
        assert files.given_up.get(timeout=60).endswith("large")
        assert client.blobs.get("files", "small") == SMALL


@pytest.mark.parametrize("how", ["close", "throw", "end of the client"])
def test_an_answer_is_ended_in_the_ways_of_generators_too(files: Files, how: str) -> None:
    with Client(files.url) as client:
        pieces = client.blobs.stream("files", "large", chunk_size=PIECE)
        assert [next(pieces), next(pieces)] == [bytes(PIECE)] * 2
        if how == "close":
            pieces.close()
        elif how == "throw":
            with pytest.raises(LookupError, match="enough"):
                pieces.throw(LookupError("enough"))
        if how != "end of the client":
            assert list(pieces) == []
            assert files.given_up.get(timeout=60)
    if how == "end of the client":
        assert files.given_up.get(timeout=60)


def test_a_connection_that_serves_another_by_now_is_left_alone(files: Files) -> None:
    with Client(files.url) as client:
        first = client.blobs.stream("files", "small")
        assert next(first) == SMALL  # the last piece, and all of the answer
        second = client.blobs.stream("files", "large", chunk_size=PIECE)
        assert next(second) == bytes(PIECE)
        del first
        collect_garbage()
        assert [next(second), files.connections] == [bytes(PIECE), 1]


@pytest.mark.usefixtures("frozen")
def test_a_call_ends_when_an_answer_is_collected_in_the_middle_of_it(files: Files) -> None:
    """At each line of the HTTP client's pool, whose lock the very thread may hold."""
    pool = __import__(httpcore.ConnectionPool.__module__, fromlist=["_"])
    modules = (pool, http, http_streams, open_answers, socket_pool)

    def collect() -> None:
        held.clear()
        gc.collect()

    with Client(files.url) as client:
        for line in all_lines():
            held = begun(client)
            if not collected(modules, line, collect, lambda: client.blobs.get("files", "small")):
                break
            assert files.given_up.get(timeout=60)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_process_leaves_answers_and_connections_to_its_parent(files: Files) -> None:
    with Client(files.url) as client:
        pieces = client.blobs.stream("files", "large", chunk_size=PIECE)
        assert [next(pieces), client.blobs.get("files", "small")] == [bytes(PIECE), SMALL]
        assert files.connections == 2

        def in_child() -> bool:
            nonlocal pieces
            del pieces
            gc.collect()
            return client.blobs.get("files", "small") == SMALL

        assert forked(in_child) == 0
        assert files.connections == 3
        assert [next(pieces), client.blobs.get("files", "small")] == [bytes(PIECE), SMALL]
        assert files.connections == 3


@pytest.mark.parametrize("is_left", [False, True], ids=["forgotten", "left open"])
def test_awaited_the_loop_ends_what_it_finds_without_a_word(
    files: Files, is_left: bool, caplog: pytest.LogCaptureFixture
) -> None:
    kept: list[Any] = []

    async def main() -> None:
        async with AsyncClient(files.url) as client:
            pieces = client.blobs.stream("files", "large", chunk_size=PIECE)
            assert await anext(pieces) == bytes(PIECE)
            if is_left:
                kept.append(pieces)
                return
            cycle: list[Any] = [pieces]
            cycle.append(cycle)
            del pieces, cycle
            collect_garbage()
            assert await client.blobs.get("files", "small") == SMALL
            assert await anyio.to_thread.run_sync(lambda: files.given_up.get(timeout=60))

    anyio.run(main)
    said = [record.getMessage() for record in caplog.records]
    assert [text for text in said if "generator" in text] == []
