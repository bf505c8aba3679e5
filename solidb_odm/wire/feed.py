"""The server's change feed as a state machine: bytes of a WebSocket in, messages out.

The protocol itself is that of ``websockets``, whose core does no I/O; it answers the server's pings.
"""

from __future__ import annotations

import json
from typing import Any, cast
from urllib.parse import quote

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus, PayloadTooBig
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from .._types import JsonObject
from ..errors import AuthError, ConnectionLost, MessageTooLarge, ProtocolError
from .url import Host, ServerAddress

MOST = 64 * 1024 * 1024
"""The bytes of the largest message that is taken: a live query sends its whole result."""

SILENCE = 75.0
"""Seconds without a byte after which a feed is taken for dead; the server pings every thirty."""


class Feed:
    """One WebSocket to the change feed."""

    def __init__(self, host: Host, address: ServerAddress, token: str) -> None:
        scheme = "wss" if address.tls else "ws"
        path = f"/_api/ws/changefeed?token={quote(token, safe='')}"  # no header will do
        self._address = str(host)
        self._protocol = ClientProtocol(parse_uri(f"{scheme}://{host}{path}"), max_size=MOST)
        self._protocol.send_request(self._protocol.connect())
        self._text = bytearray()

    @property
    def is_open(self) -> bool:
        """Whether the server has agreed to the feed, and it has not ended."""
        return self._protocol.state is State.OPEN

    def outgoing(self) -> bytes:
        """Take the bytes that are to be sent now."""
        return b"".join(self._protocol.data_to_send())

    def say(self, message: JsonObject) -> None:
        """Have a message sent."""
        self._protocol.send_text(json.dumps(message).encode())

    def close(self) -> None:
        """Have the end announced."""
        if self.is_open:
            self._protocol.send_close()

    def receive(self, data: bytes) -> list[JsonObject]:
        """Take in bytes, none for the end; return the messages that are whole now.

        ConnectionLost if the feed has ended, AuthError if the server does not want it.
        """
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        messages: list[JsonObject] = []
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.CONT):
                self._text += event.data
                if event.fin:
                    messages.append(self._message())
        self._check_handshake()
        if isinstance(self._protocol.parser_exc, PayloadTooBig):
            raise MessageTooLarge(
                f"the change feed of {self._address} sent a message over the limit",
                limit=MOST,
                hint="let the live query return less",
            )
        if self._protocol.state in (State.CLOSING, State.CLOSED) and not messages:
            raise self._ended()
        if not data and not self.is_open:
            raise self._ended()
        return messages

    def _check_handshake(self) -> None:
        problem = self._protocol.handshake_exc
        if isinstance(problem, InvalidStatus) and problem.response.status_code in (401, 403):
            raise AuthError("the server refused the change feed", hint="log in again")
        if problem is not None:
            raise ProtocolError(f"{self._address} does not serve a change feed: {problem}") from problem

    def _message(self) -> JsonObject:
        text, self._text = bytes(self._text), bytearray()
        try:
            message: Any = json.loads(text)
        except ValueError as problem:
            raise ProtocolError("the change feed sent something that is not JSON") from problem
        if not isinstance(message, dict):
            raise ProtocolError("the change feed sent something that is not an object")
        return cast(JsonObject, message)

    def _ended(self) -> ConnectionLost:
        goodbye = self._protocol.close_rcvd
        reason = (goodbye and goodbye.reason) or self._protocol.parser_exc or "the server hung up"
        return ConnectionLost(f"the change feed of {self._address} ended: {reason}", address=self._address)
