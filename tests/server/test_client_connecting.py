"""How clients connect, log in, wait and are watched, on the real server."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Iterator

import pytest

from solidb_odm.client import AsyncClient, Client
from solidb_odm.client.client import LOGGER
from solidb_odm.errors import (
    AuthError,
    ClosedError,
    ConfigurationError,
    ConnectionFailed,
    ConnectionLost,
    DatabaseNotFound,
    RequestTimeout,
    UsageError,
)
from solidb_odm.wire.frames import frame, pack
from solidb_odm.wire.round_trips import RequestEvent
from tools.server import LocalServer

from .client_colours import COLOURS, client_of
from .proxy import Proxy

pytestmark = pytest.mark.server


@pytest.fixture
def place(server: LocalServer) -> str:
    return f"{server.host}:{server.port}"


@pytest.fixture
def mute() -> Iterator[str]:
    """The address of something that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def test_a_client_connects_then_logs_in(place: str, server: LocalServer, database: str) -> None:
    with Client.connect(place) as client:
        assert client.ping() > 0
        with pytest.raises(AuthError, match="required"):
            client.list_databases()

        client.auth(database, server.user, server.password)

        assert database in client.list_databases()
        assert client.database == database


def test_a_failed_login_leaves_the_earlier_one(place: str, server: LocalServer, database: str) -> None:
    with Client(server.url(database)) as client:
        with pytest.raises(AuthError):
            client.auth(database, server.user, "wrong")
        with pytest.raises(DatabaseNotFound, match="nowhere"):
            client.auth("nowhere", server.user, server.password)

        assert client.list_collections(database) == []


def test_a_client_is_built_step_by_step(place: str, server: LocalServer, database: str) -> None:
    builder = Client.builder(place).auth(database, server.user, server.password).timeout_ms(5000).pool_size(2)

    with builder.build() as client:
        assert client.list_collections(database) == []


def test_retries_are_set_by_builder_keyword_and_url(place: str, server: LocalServer, database: str) -> None:
    built = Client.builder(place).auth(database, server.user, server.password).retries(2, 0.1).build()
    said = Client(place, retries=0)
    written = Client(f"solidb://{place}/d?retries=3&retry_wait=0.2")

    options = [client._runner.hub.driver.address.options for client in (built, said, written)]
    assert [(item.retries, item.retry_wait) for item in options] == [(2, 0.1), (0, 0.05), (3, 0.2)]
    for client in (built, said, written):
        client.close()


def test_a_builder_tells_at_once_what_is_wrong(place: str, server: LocalServer, database: str) -> None:
    with pytest.raises(AuthError):
        Client.builder(place).auth(database, server.user, "wrong").build()


@pytest.mark.anyio
async def test_an_awaited_client_connects_and_is_built(
    place: str, server: LocalServer, database: str
) -> None:
    async with await AsyncClient.connect(place) as client:
        await client.auth(database, server.user, server.password)
        assert await client.list_collections(database) == []
    builder = AsyncClient.builder(place).auth(database, server.user, server.password)
    async with await builder.timeout_ms(5000).build() as client:
        assert await client.list_collections(database) == []


def test_arguments_override_the_url(place: str, server: LocalServer, database: str) -> None:
    url = f"solidb://nobody:nothing@{place}/nowhere?pool_size=1"

    with Client(url, username=server.user, password=server.password, database=database) as client:
        assert client.list_collections(database) == []


def test_where_nobody_listens_the_place_is_named() -> None:
    with pytest.raises(ConnectionFailed, match=r"127\.0\.0\.1:1"):
        Client.connect("127.0.0.1:1")


def test_the_next_node_is_tried(place: str, server: LocalServer, database: str) -> None:
    url = f"solidb://{server.user}:{server.password}@127.0.0.1:1,{place}/{database}"

    with Client(url) as client:
        assert client.list_collections(database) == []
    with Client(url) as client:
        assert client.env.list() == {}


def test_a_token_speaks_over_http(place: str, server: LocalServer, database: str) -> None:
    token = str(server.http.headers["Authorization"]).removeprefix("Bearer ")

    with Client(place, token=token) as client:
        assert client.users.me().username == server.user
    with Client(place, token="wrong") as client, pytest.raises(AuthError):
        client.users.me()


def test_sub_clients_want_a_database(place: str) -> None:
    with Client(place) as client, pytest.raises(UsageError, match="no database"):
        client.vector.list_indexes("products")


def test_an_option_that_there_is_not_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="pool_sise"):
        Client("localhost", pool_sise=3)  # type: ignore[call-arg]


def test_a_closed_client_says_so(server: LocalServer, database: str) -> None:
    client = Client(server.url(database))
    client.close()

    with pytest.raises(ClosedError):
        client.ping()


def test_a_silent_server_is_given_up(mute: str) -> None:
    with pytest.raises(ConnectionFailed, match="in time"):
        Client.connect(mute, connect_timeout=0.2)


@pytest.fixture
def drip() -> Iterator[str]:
    """The address of something that lets anybody in, then sends one byte after another of no end."""
    over = threading.Event()

    def serve(opened: socket.socket) -> None:
        with contextlib.suppress(OSError), opened:
            opened.recv(1 << 16)
            opened.sendall(frame(pack({"status": "ok"})))
            opened.recv(1 << 16)
            opened.sendall((1 << 20).to_bytes(4, "big"))
            while not over.wait(0.02):
                opened.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        over.set()
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_byte_now_and_then_does_not_prolong_a_call(drip: str, colour: str) -> None:
    late = pytest.raises(RequestTimeout, match=r"0\.8 seconds")
    with client_of(colour, drip, database="d", username="u", timeout_ms=800) as client, late:
        client.list_collections("d")


def test_a_slow_call_is_given_up_and_the_next_one_goes_well(server: LocalServer, database: str) -> None:
    slow = "FOR i IN 1..3000 FOR j IN 1..3000 FILTER i * j < 0 RETURN 1"
    with Client(server.url(database)) as client:
        client.ping()
        with pytest.raises(RequestTimeout, match="query"):
            client.query(database, slow, timeout_ms=50)
        with pytest.raises(RequestTimeout):
            client.within(timeout_ms=50).explain(database, slow)

        assert client.query(database, "RETURN 1") == [1]


def test_a_read_is_repeated_when_an_idle_connection_broke(
    proxy: Proxy, server: LocalServer, database: str
) -> None:
    with Client(
        f"127.0.0.1:{proxy.port}", database=database, username="admin", password=server.password
    ) as client:
        client.create_collection(database, "users")
        client.insert(database, "users", {}, "ada")
        broken = threading.Event()
        proxy.cut = lambda request: request["cmd"] == "get" and not broken.is_set() and not broken.set()

        assert client.get(database, "users", "ada").key == "ada"


def test_a_write_is_never_sent_twice(proxy: Proxy, server: LocalServer, database: str) -> None:
    with Client(
        f"127.0.0.1:{proxy.port}", database=database, username="admin", password=server.password
    ) as client:
        client.create_collection(database, "users")
        proxy.cut = lambda request: "after" if request["cmd"] == "insert" else False

        with pytest.raises(ConnectionLost):
            client.insert(database, "users", {"n": 1})

        assert proxy.commands.count("insert") == 1
        assert client.list(database, "users")[1] == 1


def test_requests_are_told_to_who_wants_to_know(server: LocalServer, database: str) -> None:
    events: list[RequestEvent] = []
    with Client(server.url(database), on_request=events.append) as client:
        client.query(database, "FOR i IN 1..3 RETURN @x", {"x": "v"})

    (event,) = events
    assert (event.command, event.text, event.rows) == ("query", "FOR i IN 1..3 RETURN @x", 3)
    assert event.milliseconds > 0
    assert event.received > 0


def test_the_log_holds_no_secrets(
    server: LocalServer, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), Client(server.url(database)) as client:
        client.query(database, "RETURN @pin", {"pin": "1234-secret"})
        client.users.me()
        text = repr(client)

    assert "RETURN @pin with pin" in caplog.text
    assert [name for name in (server.password, "1234-secret") if name in caplog.text + text] == []
    assert LOGGER.name in caplog.text


def test_requests_become_spans(server: LocalServer, database: str) -> None:
    trace = pytest.importorskip("opentelemetry.trace")
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    with Client(server.url(database), tracing=True) as client:
        client.query(database, "RETURN 1")

    (span,) = exporter.get_finished_spans()
    assert (span.name, span.attributes["db.query.text"]) == ("solidb query", "RETURN 1")
    assert span.end_time >= span.start_time
