"""The server's driver protocol by hand: what a commit costs without a mapper."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterable
from typing import Any

import msgpack

MAGIC = b"solidb-drv-v1\0"


def frame(command: dict[str, Any]) -> bytes:
    payload: bytes = msgpack.packb(command)
    return struct.pack(">I", len(payload)) + payload


class RawConnection:
    """One connection, logged in, that sends frames ahead and reads the answers as they come."""

    def __init__(self, host: str, port: int, login: dict[str, Any]) -> None:
        self.socket = socket.create_connection((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answers = self.socket.makefile("rb")
        self.socket.sendall(MAGIC)
        self.ask({"cmd": "auth", **login})

    def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        self.socket.sendall(frame(command))
        return self.read()

    def read(self) -> dict[str, Any]:
        (length,) = struct.unpack(">I", self.answers.read(4))
        answer: dict[str, Any] = msgpack.unpackb(self.answers.read(length))
        if answer["status"] != "ok":
            raise RuntimeError(answer)
        return answer

    def commit_all(self, database: str, collection: str, documents: Iterable[dict[str, Any]]) -> None:
        """Insert documents in one transaction, pipelined: a thread sends while we read."""
        tx = self.ask({"cmd": "begin_transaction", "database": database})["tx_id"]
        target = {"cmd": "insert", "database": database, "collection": collection}
        frames = [
            frame({"cmd": "transaction_command", "tx_id": tx, "command": {**target, "document": document}})
            for document in documents
        ]
        sender = threading.Thread(target=self.socket.sendall, args=(b"".join(frames),))
        sender.start()
        for _ in frames:
            self.read()
        sender.join()
        self.ask({"cmd": "commit_transaction", "tx_id": tx})

    def close(self) -> None:
        self.answers.close()
        self.socket.close()
