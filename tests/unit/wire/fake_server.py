"""A server for tests: the same frames pointed the other way, over a store of a few dicts.

It knows what a commit needs: transactions that stage and check revisions, batches, one kind of query.
``script`` may look at every request first and answer it, or hang up before or after it is done.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from solidb_odm.errors import ProtocolError
from solidb_odm.wire.frames import MAGIC, FrameReader, frame, pack, unpack

HANG_UP = object()
HANG_UP_AFTERWARDS = object()
NOW = "2026-02-14T10:00:00.123456789+00:00"
Request = dict[str, Any]


def refused(variant: str, text: str) -> dict[str, Any]:
    """An answer that says no."""
    return {"status": "error", "error": {variant: text}}


def done(data: Any = None) -> dict[str, Any]:
    """An answer that says yes."""
    return {"status": "ok"} if data is None else {"status": "ok", "data": data}


@dataclass
class Store:
    """Collections of documents, and open transactions: what each has staged, and from which revisions."""

    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    open: dict[str, dict[tuple[str, str], tuple[str | None, str, Any]]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def handle(self, request: Request) -> dict[str, Any]:
        with self.lock:
            return getattr(self, f"on_{request['cmd']}")(request)

    def on_garbage(self, request: Request) -> dict[str, Any]:
        return refused("ProtocolError", "Deserialization failed: invalid type")

    def on_ping(self, request: Request) -> dict[str, Any]:
        return {"status": "pong", "timestamp": 1}

    def on_auth(self, request: Request) -> dict[str, Any]:
        return done() if request["password"] == "right" else refused("AuthError", "Invalid credentials")

    def on_get(self, request: Request) -> dict[str, Any]:
        document = self._collection(request).get(request["key"])
        return (
            done(document)
            if document
            else refused("DatabaseError", f"Document with key '{request['key']}' not found")
        )

    def on_query(self, request: Request) -> dict[str, Any]:
        name = request["sdbql"].split("`")[1]
        documents = [self.documents.get(name, {}).get(key) for key in request["bind_vars"]["keys"]]
        if request["sdbql"].endswith("RETURN d"):
            return done([document for document in documents if document])
        return done([[d["_key"], d["_rev"], d["_created_at"], d["_updated_at"]] for d in documents if d])

    def on_batch(self, request: Request) -> dict[str, Any]:
        responses = [getattr(self, f"on_{part['cmd']}")(part) for part in request["commands"]]
        return {"status": "batch", "responses": responses}

    def on_begin_transaction(self, request: Request) -> dict[str, Any]:
        name = f"tx:{uuid4().int >> 64}"
        self.open[name] = {}
        return {"status": "ok", "tx_id": name}

    def on_transaction_command(self, request: Request) -> dict[str, Any]:
        staged, inner = self.open[request["tx_id"]], request["command"]
        collection = inner["collection"]
        key = inner["key"] if "key" in inner else inner["document"]["_key"]
        for name, other in self.open.items():
            if name != request["tx_id"] and (collection, key) in other:
                text = f"Key d/{collection}/{key} is locked by transaction {name}"
                return refused("TransactionError", f"Transaction conflict: Write conflict: {text}")
        stored = self._collection(inner).get(key)
        base, _, now = staged.get((collection, key), (stored["_rev"] if stored else None, "", stored))
        if inner["cmd"] == "insert" and (collection, key) not in staged:
            base = None
        if inner["cmd"] != "insert" and now is None:
            return refused("TransactionError", f"Document with key '{key}' not found")
        after = None
        if inner["cmd"] != "delete":
            created = now["_created_at"] if now and inner["cmd"] == "update" else NOW
            kept = now if inner["cmd"] == "update" else {}
            system = {"_key": key, "_rev": str(uuid4()), "_created_at": created, "_updated_at": NOW}
            after = {**kept, **inner["document"], **system}
        staged[collection, key] = (base, inner["cmd"], after)
        return done(deepcopy(after))

    def on_commit_transaction(self, request: Request) -> dict[str, Any]:
        staged = self.open.pop(request["tx_id"], None)
        if staged is None:
            return refused("TransactionError", "Transaction not found")
        for (collection, key), (base, command, _) in staged.items():
            stored = self.documents.get(collection, {}).get(key)
            now = stored["_rev"] if stored else None
            if stored and command == "insert" and base is None:
                text = f"Document '{key}' already exists in d:{collection}"
                return refused("TransactionError", f"Transaction conflict: {text}")
            if now != base:
                text = f"Document '{key}' in d:{collection} was modified after the transaction read it"
                return refused("TransactionError", f"Transaction conflict: {text}")
        for (collection, key), (_, _, after) in staged.items():
            if after is None:
                self.documents.setdefault(collection, {}).pop(key, None)
            else:
                self.documents.setdefault(collection, {})[key] = after
        return done()

    def on_rollback_transaction(self, request: Request) -> dict[str, Any]:
        self.open.pop(request["tx_id"], None)
        return done()

    def _collection(self, request: Request) -> dict[str, Any]:
        return self.documents.setdefault(request["collection"], {})


def _request(payload: bytes) -> Request:
    try:
        request: Request = unpack(payload)
    except ProtocolError:
        return {"cmd": "garbage"}
    return request


Script = Callable[[Request], Any]


class FakeServer:
    """Listens on a free port; ``requests`` holds the name of every command, logins left out."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.store = Store()
        self.script: Script = lambda request: None
        self.requests: list[str] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._start(self._accept)

    def url(self, password: str = "right", options: str = "") -> str:
        return f"solidb://admin:{password}@127.0.0.1:{self.port}/d{options}"

    def hang_up(self) -> None:
        """Close every connection."""
        for connection in self._open:
            _close(connection)

    def close(self) -> None:
        _close(self._listener)
        self.hang_up()
        for thread in self._threads:
            thread.join(5)

    def _start(self, target: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        mine: list[str] = []
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            if connection.recv(len(MAGIC)) != MAGIC:
                return
            reader = FrameReader()
            while data := connection.recv(65536):
                for payload in reader.feed(data):
                    if not self._answer(connection, _request(payload), mine):
                        return
        except OSError:
            return
        finally:
            with self.store.lock:
                for name in mine:
                    self.store.open.pop(name, None)
            _close(connection)

    def _answer(self, connection: socket.socket, request: Request, mine: list[str]) -> bool:
        if request["cmd"] != "auth":
            self.requests.append(request["cmd"])
        verdict = self.script(request)
        if verdict is HANG_UP:
            return False
        if isinstance(verdict, bytes):
            connection.sendall(verdict)
            return True
        reply = verdict if isinstance(verdict, dict) else self.store.handle(request)
        if "tx_id" in reply:
            mine.append(reply["tx_id"])
        if verdict is HANG_UP_AFTERWARDS:
            return False
        connection.sendall(frame(pack(reply)))
        return True


def _close(opened: socket.socket) -> None:
    with contextlib.suppress(OSError):
        opened.shutdown(socket.SHUT_RDWR)
    opened.close()
