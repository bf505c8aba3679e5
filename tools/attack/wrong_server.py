"""A server that answers something else: a proxy that changes answers, of the driver protocol and of HTTP.

Everything that a client and an engine can ask is asked through it. What comes of it may be anything that the
answer may mean; what is raised is an error of ours, and nothing waits longer than its limit.
"""

from __future__ import annotations

import inspect
import json
import os
import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, Self

from solidb_odm import Session, create_engine, delete, func, insert, select, update
from solidb_odm.client import Client
from solidb_odm.errors import SolidbError
from solidb_odm.wire.frames import MAGIC, FrameReader, frame, pack, unpack

from . import mutations
from .campaign import Part

LIMIT = 2
"""Seconds that a request may take."""


class WrongServer:
    """Passes requests on to a server, and changes about ``rate`` of its answers."""

    def __init__(self, host: str, port: int, chance: random.Random) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.chance = chance
        self.rate = 0.5
        self.changed = 0
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        for connection in (self._listener, *self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                self._open += (client, server)
                self._open = [connection for connection in self._open if connection.fileno() >= 0]
                threading.Thread(target=self._serve, args=(client, server), daemon=True).start()

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            first = client.recv(1 << 16)
            server.sendall(first)
            change = _Frames(self) if first.startswith(MAGIC) else _Bodies(self)
            threading.Thread(target=self._pass, args=(client, server), daemon=True).start()
            while data := server.recv(1 << 16):
                for answer in change.answers(data):
                    client.sendall(answer)
        _close(client)
        _close(server)

    def _pass(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(1 << 16):
                server.sendall(data)
        _close(client)
        _close(server)

    def is_wrong(self) -> bool:
        """Return whether the next answer is changed."""
        wrong = self.chance.random() < self.rate
        self.changed += wrong
        return wrong


class _Frames:
    """Changes the answers of the driver protocol."""

    def __init__(self, server: WrongServer) -> None:
        self._server, self._reader = server, FrameReader()

    def answers(self, received: bytes) -> Iterator[bytes]:
        chance = self._server.chance
        for payload in self._reader.feed(received):
            whole = frame(payload)
            if not self._server.is_wrong():
                yield whole
            elif chance.random() < 0.3:
                yield mutations.data(chance, whole)
            else:
                with suppress(SolidbError, ValueError, OverflowError):  # no message can hold it
                    whole = frame(pack(mutations.value(chance, unpack(payload))))
                yield whole * chance.choice((1, 1, 1, 2))


class _Bodies:
    """Changes the answers of HTTP."""

    def __init__(self, server: WrongServer) -> None:
        self._server, self._waiting = server, b""

    def answers(self, received: bytes) -> Iterator[bytes]:
        self._waiting += received
        while (end := self._waiting.find(b"\r\n\r\n")) >= 0:
            head, rest = self._waiting[:end], self._waiting[end + 4 :]
            size = _length(head)
            if size is None:  # in pieces, or without an end
                self._waiting = b""
                yield head + b"\r\n\r\n" + (self._damaged(rest) if self._server.is_wrong() else rest)
                return
            if len(rest) < size:
                return
            self._waiting = rest[size:]
            yield (
                self._changed(head, rest[:size])
                if self._server.is_wrong()
                else head + b"\r\n\r\n" + rest[:size]
            )
        return

    def _damaged(self, whole: bytes) -> bytes:
        return mutations.data(self._server.chance, whole)

    def _changed(self, head: bytes, body: bytes) -> bytes:
        chance = self._server.chance
        if chance.random() < 0.2:
            return self._damaged(head) + b"\r\n\r\n" + body
        try:
            made = json.dumps(mutations.value(chance, json.loads(body)), default=repr).encode()
        except ValueError:
            made = self._damaged(body)
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
        return b"\r\n".join([*lines, b"content-length: %d" % len(made)]) + b"\r\n\r\n" + made


def _length(head: bytes) -> int | None:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length" and value.strip().isdigit():
            return int(value)
    return None


def _close(opened: socket.socket) -> None:
    with suppress(OSError):
        opened.shutdown(socket.SHUT_RDWR)
    opened.close()


# --- what is asked -------------------------------------------------------------------------------

_GIVEN: dict[str, Any] = {
    "collection": "wrong",
    "edge_collection": "wrong_edges",
    "seed_collection": "wrong",
    "key": "a",
    "document": {"_key": "b", "n": 1},
    "documents": [{"n": 1}],
    "updates": {"n": 2},
    "sdbql": "FOR d IN wrong RETURN d",
    "vector": [1.0, 2.0],
    "field": "n",
    "fields": ["n"],
    "text": "harbour",
    "start": "wrong/a",
    "end": "wrong/b",
    "seeds": ["wrong/a"],
    "data": b"bytes",
    "path": os.devnull,
    "columns": [{"name": "n", "type": "int"}],
    "rows": [{"n": 1}],
    "schema": {"type": "object"},
    "requests": [{"cmd": "ping"}],
    "methods": ["GET"],
    "schedule": "0 2 * * *",
    "dimensions": 2,
    "expire_after_seconds": 5,
    "latitude": 1.0,
    "longitude": 2.0,
    "polygon": [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)],
    "type": "persistent",
    "event": "insert",
    "permissions": [],
    "timeout_ms": 500,
}
_LEFT_OUT = (
    "using",
    "builder",
    "connect",
    "drop_database",
    "close",
    "scheduler",
    "run_due",
    "within",
    "download",
    "delete_user",
    "auth",
)
_AREAS = (
    "", "api_keys", "blobs", "changes", "cluster", "collections", "columnar", "cron", "env", "geo", "graph",
    "jobs", "roles", "scripts", "search", "triggers", "ttl", "users", "vector",
)  # fmt: skip


def client_calls(client: Client, database: str) -> dict[str, Callable[[], Any]]:
    """Return the calls of a client, with arguments by the names of their parameters."""
    calls: dict[str, Callable[[], Any]] = {}
    for area in _AREAS:
        part: Any = client if not area else getattr(client, area)
        for name, method in inspect.getmembers(part.__class__, inspect.isfunction):
            if name.startswith("_") or name in _LEFT_OUT or name in dir(dict):
                continue
            wanted = [
                parameter
                for parameter in list(inspect.signature(method).parameters.values())[1:]
                if _is_needed(parameter)
            ]
            given = [
                _GIVEN.get(parameter.name, database if parameter.name == "db" else "wrong")
                for parameter in wanted
            ]
            calls[f"{area}.{name}"] = _used(
                getattr(part, name), given, [parameter.name for parameter in wanted]
            )
    return calls


def _is_needed(parameter: inspect.Parameter) -> bool:
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return parameter.default is inspect.Parameter.empty and parameter.kind not in several


def _used(call: Callable[..., Any], given: list[Any], names: list[str]) -> Callable[[], Any]:
    """Return a call whose result is read, as far as it streams."""

    def use() -> Any:
        result = call(**dict(zip(names, given, strict=True)))
        if inspect.isgenerator(result):
            return list(islice(result, 3))
        if hasattr(result, "close"):
            result.close()
        return result

    return use


def engine_calls(url: str) -> dict[str, Callable[[], Any]]:
    """Return what programs do with an engine and its sessions."""

    def with_session(work: Callable[[Session], Any]) -> Callable[[], Any]:
        def run() -> Any:
            with create_engine(url) as engine, Session(engine) as session:
                return work(session)

        return run

    def changes(session: Session) -> None:
        parts = [Part(turn=0, n=n) for n in range(3)]
        session.add_all(parts)
        session.commit()
        parts[0].n = 5
        session.delete(parts[1])
        session.commit()
        session.refresh(parts[0])

    def declares(session: Session) -> None:
        session.engine.create_all(Part)
        session.engine.drop_all(Part)
        session.engine.create_all(Part)

    return {
        "session, written": with_session(changes),
        "session, read": with_session(lambda s: [s.scalars(select(Part)).all(), s.get(Part, "a")]),
        "session, rows": with_session(
            lambda s: s.execute(select(Part.n, func.count(Part)).group_by(Part.n)).all()
        ),
        "session, stream": with_session(lambda s: list(s.stream(select(Part), batch=2))),
        "session, page": with_session(lambda s: s.page(select(Part).order_by(Part.n), size=2)),
        "session, insert": with_session(lambda s: s.execute(insert(Part).values(turn=1))),
        "session, update": with_session(lambda s: s.execute(update(Part).values(n=3))),
        "session, delete": with_session(lambda s: s.execute(delete(Part).where(Part.n == 3))),
        "session, explained": with_session(lambda s: s.explain(select(Part))),
        "engine, declares": with_session(declares),
        "engine, counts": with_session(lambda s: s.engine.count(Part)),
    }
