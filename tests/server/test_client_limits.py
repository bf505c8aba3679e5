"""What happens at the server's limit of 16 MiB for one message, and at a call's limit of time."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from solidb_odm.client import Client
from solidb_odm.errors import AnswerLost, ConnectionLost, MessageTooLarge, RequestTimeout
from tools.server import LocalServer

from .client_colours import COLOURS, client_of
from .proxy import Proxy

pytestmark = pytest.mark.server

TEXT = "x" * 3_000_000


@pytest.fixture
def large(client: Client, database: str) -> Client:
    """Seven documents of 3 MB each: together too large for one message."""
    client.create_collection(database, "large")
    client.geo.create_index("large", "places", "place")
    for number in range(7):
        place = {"lat": 48.0 + number / 100, "lon": 2.0}
        client.insert(database, "large", {"text": TEXT, "place": place}, f"k{number}")
    return client


def test_a_query_that_reads_too_much_for_one_message_is_paged(large: Client, database: str) -> None:
    assert len(large.query(database, "FOR d IN large RETURN d")) == 7
    assert len(large.list(database, "large")[0]) == 7


def test_a_query_that_writes_and_answers_too_much_says_that_it_wrote(large: Client, database: str) -> None:
    with pytest.raises(AnswerLost, match="is written") as raised:
        large.query(database, "FOR d IN large UPDATE d WITH {seen: true} IN large RETURN NEW")

    assert "query_pages" in str(raised.value)
    assert large.query(database, "FOR d IN large FILTER d.seen RETURN d._key") == [f"k{n}" for n in range(7)]
    pages = large.query_pages(database, "FOR d IN large UPDATE d WITH {seen: 2} IN large RETURN NEW")
    assert sum(len(page) for page in pages) == 7


def test_searches_whose_answer_is_too_large_say_what_to_do(large: Client) -> None:
    with pytest.raises(MessageTooLarge, match="limit=1000"):
        large.geo.near("large", 48.0, 2.0)
    with pytest.raises(MessageTooLarge, match="polygon"):
        large.geo.within("large", [[47, 1], [49, 1], [49, 3], [47, 3]])

    assert len(large.geo.near("large", 48.0, 2.0, limit=3)) == 3


def test_a_write_on_a_connection_that_was_cut_by_a_server_that_is_gone_is_lost(
    proxy: Proxy, server: LocalServer, database: str
) -> None:
    where = f"solidb://{server.user}:{server.password}@127.0.0.1:{proxy.port}/{database}"
    with Client(where) as client:
        client.create_collection(database, "users")
        proxy.cut = lambda request: True

        with pytest.raises(ConnectionLost) as raised:
            client.query(database, "INSERT {} INTO users")

        assert type(raised.value) is ConnectionLost


@pytest.fixture
def dripping_http() -> Iterator[int]:
    """The port of something that answers HTTP with a byte now and then, without end."""
    over = threading.Event()

    def serve(opened: socket.socket) -> None:
        with contextlib.suppress(OSError), opened:
            opened.recv(1 << 16)
            opened.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while not over.wait(0.02):
                opened.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        over.set()
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_byte_now_and_then_does_not_prolong_an_http_call(colour: str, dripping_http: int) -> None:
    late = pytest.raises(RequestTimeout, match=r"no whole answer in 0\.8 seconds")
    options = {"database": "d", "token": "t", "timeout_ms": 800}
    with client_of(colour, f"127.0.0.1:{dripping_http}", **options) as client, late:
        client.env.list()
