"""The transport on asyncio, without sockets: a transport of the loop that keeps what is written."""

import asyncio
import gc
import time
from collections.abc import Iterable
from typing import Any

import pytest

from solidb_odm.client import AsyncClient
from solidb_odm.errors import ConnectionLost, ProtocolError
from solidb_odm.wire import loop_transport
from solidb_odm.wire.connection import Connection
from solidb_odm.wire.exchange import RequestBatch
from solidb_odm.wire.frames import frame
from solidb_odm.wire.loop_transport import LoopTransport

from .fake_server import FakeServer, done

ANSWERS = [b"one", b"", b"three" * 7]
BYTES = b"".join(map(frame, ANSWERS))


class Kept(asyncio.Transport):
    """Keeps what is written; after ``room`` bytes it asks to wait."""

    def __init__(self, room: int = 10**9) -> None:
        super().__init__()
        self.written, self.room, self.is_reading_now = bytearray(), room, True
        self.protocol: LoopTransport | None = None
        self.paused = asyncio.Event()

    def write(self, data: Any) -> None:
        self.written += data
        self.room -= len(data)
        if self.room < 0 and self.protocol is not None:
            self.protocol.pause_writing()

    def pause_reading(self) -> None:
        self.is_reading_now = False
        self.paused.set()

    def resume_reading(self) -> None:
        self.is_reading_now = True

    def is_closing(self) -> bool:
        return False

    def abort(self) -> None:
        pass


class Opened:
    """A connection that has logged in, and may send and take in."""

    def __init__(self, room: int = 10**9) -> None:
        self.state, self.wire = Connection("somewhere"), Kept(room)
        self.transport = LoopTransport(self.state, asyncio.get_running_loop())
        self.wire.protocol = self.transport
        self.transport._transport = self.wire  # as connection_made() does, which needs a socket
        self.state.greet(b"login")
        self.state.receive(frame(b"ok"))

    def ask(
        self, chunks: Iterable[bytes] = (b"ask",), seconds: float | None = 60, begun: float | None = None
    ) -> "asyncio.Future[list[Any]]":
        batch = RequestBatch(list(chunks), len(ANSWERS), "asking", bytes)
        self.state.send(batch.count, batch.size)
        return self.transport.swap(batch, seconds, time.monotonic() if begun is None else begun)


@pytest.fixture(autouse=True)
def _no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_transport, "acknowledge", lambda _socket: None)


def test_answers_in_any_pieces_are_the_same() -> None:
    async def split(at: int, then: int) -> None:
        opened = Opened()
        answers = opened.ask()
        for piece in (BYTES[:at], BYTES[at:then], BYTES[then:]):
            if piece:
                assert not answers.done()
                opened.transport.data_received(piece)
        assert await answers == ANSWERS
        assert not opened.transport.stale()

    async def all_splits() -> None:
        for at in range(len(BYTES)):
            for then in range(at, len(BYTES)):
                await split(at, then)

    asyncio.run(all_splits())


def test_what_does_not_fit_is_sent_when_there_is_room() -> None:
    async def fill() -> None:
        opened = Opened(room=300_000)
        chunks = [bytes([number]) * 200_000 for number in range(5)]
        answers = opened.ask(chunks)
        while len(opened.wire.written) < 1_000_000:
            before = len(opened.wire.written)
            opened.wire.room = 300_000
            opened.transport.resume_writing()
            assert len(opened.wire.written) > before
        assert bytes(opened.wire.written) == b"".join(chunks)
        opened.transport.data_received(BYTES)
        assert await answers == ANSWERS

    asyncio.run(fill())


def test_what_nobody_asked_for_makes_the_connection_stale() -> None:
    async def unasked(*, cancelled: bool) -> None:
        opened = Opened()
        if cancelled:
            opened.ask().cancel()
        opened.transport.data_received(BYTES)
        assert opened.transport.stale()
        with pytest.raises(ConnectionResetError):
            opened.transport.swap(RequestBatch([b"ask"], 1, "asking"), 60, time.monotonic())

    asyncio.run(unasked(cancelled=False))
    asyncio.run(unasked(cancelled=True))


def test_one_answer_too_many_and_bytes_after_the_last_are_errors() -> None:
    async def too_much(rest: bytes) -> None:
        opened = Opened()
        answers = opened.ask()
        opened.transport.data_received(BYTES + rest)
        with pytest.raises(ProtocolError):
            await answers

    asyncio.run(too_much(frame(b"four")))
    asyncio.run(too_much(b"\0"))


def test_the_end_of_the_connection_is_told_to_who_waits() -> None:
    async def end() -> None:
        for lose, error in (
            (lambda opened: opened.transport.eof_received(), ConnectionLost),
            (lambda opened: opened.transport.connection_lost(None), ConnectionLost),
            (lambda opened: opened.transport.connection_lost(BrokenPipeError("gone")), BrokenPipeError),
        ):
            opened = Opened()
            answers = opened.ask()
            opened.transport.data_received(BYTES[:5])
            lose(opened)
            with pytest.raises(error):
                await answers
            assert opened.transport.stale()

    asyncio.run(end())


def test_a_time_that_is_up_ends_the_waiting_and_late_pieces_do_not_move_it() -> None:
    async def wait(seconds: float | None, usual: float | None) -> None:
        opened = Opened()
        opened.state.usual = usual
        answers = opened.ask(seconds=seconds, begun=time.monotonic() - 100)
        opened.transport.data_received(BYTES[:9])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(answers), 60)

    asyncio.run(wait(1, 50))  # up before it was sent
    asyncio.run(wait(None, 0.001))  # no limit, but the rest of an answer that has begun takes too long


def test_a_shorter_time_than_the_last_ones_is_kept() -> None:
    async def ask_twice() -> None:
        opened = Opened()
        first = opened.ask(seconds=3600)
        opened.transport.data_received(BYTES)
        assert await first == ANSWERS
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(opened.ask(seconds=0.001)), 60)

    asyncio.run(ask_twice())


def test_an_idle_connection_stops_reading_until_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_transport, "LOOK", 0.0)

    async def idle() -> None:
        opened = Opened()
        for _ in range(2):
            answers = opened.ask()
            assert opened.wire.is_reading_now
            opened.transport.data_received(BYTES)
            assert await answers == ANSWERS
            await asyncio.wait_for(opened.wire.paused.wait(), 60)
            assert not opened.wire.is_reading_now
            opened.wire.paused.clear()

    asyncio.run(idle())


def test_a_client_goes_on_in_another_loop_after_the_first_has_ended(fake: FakeServer) -> None:
    fake.script = lambda request: done({"_key": "a"}) if request["cmd"] == "get" else None
    client = AsyncClient(fake.url())

    async def ask() -> str:
        return (await client.get("d", "c", "a")).key

    async def ask_and_close() -> str:
        async with client:
            return await ask()

    def in_two_loops() -> None:
        assert [asyncio.run(ask()), asyncio.run(ask_and_close())] == ["a", "a"]
        gc.collect()

    with pytest.warns(ResourceWarning):  # of Python, about the connection that the first loop left open
        in_two_loops()
    assert fake.connections == 2
