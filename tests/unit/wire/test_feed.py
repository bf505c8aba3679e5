"""The change feed without I/O, against the server's side of the same protocol."""

from __future__ import annotations

import json
from typing import cast

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import ByteStream
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Opcode
from websockets.server import ServerProtocol

from solidb_odm._types import JsonObject
from solidb_odm.errors import AuthError, ConnectionLost, MessageTooLarge, ProtocolError, SolidbError
from solidb_odm.wire import feed as module
from solidb_odm.wire.feed import Feed
from solidb_odm.wire.feed_connections import StreamFeed
from solidb_odm.wire.url import Host, ServerAddress

HOST = Host("db.example", 6745)


def pair() -> tuple[Feed, ServerProtocol]:
    """Return a feed, and a server that has its request."""
    feed = Feed(HOST, ServerAddress((HOST,)), "a token/")
    server = ServerProtocol()
    server.receive_data(feed.outgoing())
    return feed, server


def agreed(server: ServerProtocol) -> bytes:
    (request,) = server.events_received()
    server.send_response(server.accept(request))  # type: ignore[arg-type]
    return b"".join(server.data_to_send())


def conversation(server: ServerProtocol) -> bytes:
    """Agree, then send three messages, the second in fragments with a ping among them."""
    data = agreed(server)
    server.send_text(b'{"n": 1}')
    server.send_text(b'{"n"', fin=False)
    server.send_ping(b"alive?")
    server.send_continuation(b": 2}", fin=True)
    server.send_text(json.dumps({"text": "é" * 300}).encode())
    return data + b"".join(server.data_to_send())


def test_any_split_of_the_bytes_gives_the_same_messages() -> None:
    whole = conversation(pair()[1])
    for split in range(1, len(whole)):
        feed, server = pair()
        data = conversation(server)
        found = feed.receive(data[:split]) + feed.receive(data[split:])

        assert found == [{"n": 1}, {"n": 2}, {"text": "é" * 300}]
        server.receive_data(feed.outgoing())
        assert [event.opcode for event in server.events_received()] == [Opcode.PONG]  # type: ignore[union-attr]


def test_the_token_and_the_requests_reach_the_server() -> None:
    feed, server = pair()
    (request,) = server.events_received()
    feed.receive(b"".join(accepting(server, request)))
    feed.say({"type": "subscribe"})
    server.receive_data(feed.outgoing())

    assert request.path == "/_api/ws/changefeed?token=a%20token%2F"  # type: ignore[union-attr]
    assert request.headers["Host"] == "db.example:6745"  # type: ignore[union-attr]
    assert json.loads(server.events_received()[0].data) == {"type": "subscribe"}  # type: ignore[union-attr]


def accepting(server: ServerProtocol, request: object) -> list[bytes]:
    server.send_response(server.accept(request))  # type: ignore[arg-type]
    return server.data_to_send()


def test_a_refused_token_is_an_error_of_the_login() -> None:
    feed, server = pair()
    server.events_received()
    server.send_response(server.reject(401, ""))

    with pytest.raises(AuthError):
        feed.receive(b"".join(server.data_to_send()))


def test_what_is_no_websocket_is_an_error_of_the_protocol() -> None:
    with pytest.raises(ProtocolError, match="does not serve a change feed"):
        pair()[0].receive(b"SSH-2.0-OpenSSH\r\n\r\n")


@pytest.mark.parametrize("text", [b"nonsense", b"[1]", b"\xff"])
def test_messages_that_are_no_objects_are_an_error_of_the_protocol(text: bytes) -> None:
    feed, server = pair()
    feed.receive(agreed(server))
    server.send_text(text)

    with pytest.raises((ProtocolError, ConnectionLost)):
        feed.receive(b"".join(server.data_to_send()))


def test_the_end_is_a_lost_connection_with_its_reason() -> None:
    feed, server = pair()
    feed.receive(agreed(server))
    server.send_close(4001, "the role has changed")

    with pytest.raises(ConnectionLost, match="the role has changed"):
        feed.receive(b"".join(server.data_to_send()))


def test_an_end_without_a_word_is_a_lost_connection() -> None:
    feed, server = pair()
    feed.receive(agreed(server))

    with pytest.raises(ConnectionLost, match="ended: unexpected end of stream"):
        feed.receive(b"")


def test_a_message_over_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 100)
    feed, server = pair()
    feed.receive(agreed(server))
    server.send_text(b'"' + b"x" * 200 + b'"')

    with pytest.raises(MessageTooLarge):
        feed.receive(b"".join(server.data_to_send()))


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=5), st.booleans())
def test_random_bytes_are_an_error_or_nothing(pieces: list[bytes], opened: bool) -> None:
    feed, server = pair()
    if opened:
        feed.receive(agreed(server))
    try:
        for piece in pieces:
            feed.receive(piece)
        feed.receive(b"")
    except SolidbError:
        return
    pytest.fail("the end was not told")


class CancelledWhileSending:
    """A stream whose reader is cancelled while it sends."""

    def __init__(self, received: bytes, scope: anyio.CancelScope) -> None:
        self.received, self.sent, self.scope = received, b"", scope

    async def receive(self, _: int) -> bytes:
        return self.received

    async def send(self, data: bytes) -> None:
        self.scope.cancel()
        await anyio.lowlevel.checkpoint()
        self.sent += data


@pytest.mark.anyio
async def test_who_is_cancelled_while_a_pong_is_sent_loses_no_message() -> None:
    feed, server = pair()
    feed.receive(agreed(server))
    server.send_ping(b"alive?")
    server.send_text(b'{"n": 1}')
    found: list[JsonObject] | None = None
    with anyio.CancelScope() as scope:
        stream = CancelledWhileSending(b"".join(server.data_to_send()), scope)
        found = await StreamFeed(cast(ByteStream, stream), feed, HOST).receive(60)
    assert found == [{"n": 1}]
    server.receive_data(stream.sent)
    assert [event.opcode for event in server.events_received()] == [Opcode.PONG]  # type: ignore[union-attr]
