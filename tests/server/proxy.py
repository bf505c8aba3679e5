"""A TCP proxy that can hang up at a chosen command, to break real connections at real places."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any

from solidb_odm.wire.frames import MAGIC, FrameReader, unpack


class Proxy:
    """Passes bytes to a server and back. ``cut`` sees every request: True hangs up before it is sent,
    "after" sends it and hangs up before its answer. ``round_trips`` counts changes of direction."""

    def __init__(self, host: str, port: int) -> None:
        self.cut: Callable[[dict[str, Any]], bool | str] = lambda request: False
        self.commands: list[str] = []
        self.round_trips = 0
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.create_connection(self._target)
        state = {"answered": True, "silent": False}
        back = threading.Thread(target=self._back, args=(server, client, state), daemon=True)
        back.start()
        with contextlib.suppress(OSError):
            server.sendall(client.recv(len(MAGIC)))
            reader = FrameReader()
            while data := client.recv(1 << 18):
                if state["answered"]:
                    self.round_trips += 1
                    state["answered"] = False
                requests = [unpack(payload) for payload in reader.feed(data)]
                self.commands += [request["cmd"] for request in requests]
                verdicts = [self.cut(request) for request in requests]
                if True in verdicts:
                    break
                if "after" in verdicts:
                    state["silent"] = True
                    server.sendall(data)
                    server.recv(1)
                    break
                server.sendall(data)
        for end in (client, server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _back(self, server: socket.socket, client: socket.socket, state: dict[str, bool]) -> None:
        with contextlib.suppress(OSError):
            while not state["silent"] and (data := server.recv(1 << 18)):
                if state["silent"]:
                    break
                state["answered"] = True
                client.sendall(data)
            if state["silent"]:
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
            else:
                client.shutdown(socket.SHUT_RDWR)
