"""The client on a real server beside a bare socket: one call at a time, pipelined, and from many tasks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import anyio

from solidb_odm.client import AsyncClient, Client
from tools.server import find_server, running_server

from .raw import RawConnection, frame
from .timing import milliseconds

CALLERS = 64
TURNS = 8
"""Turns for each repetition that was asked for."""

DOCUMENT = {"name": "Ada", "age": 36, "tags": ["a", "b"], "address": {"city": "Paris"}}


@dataclass(frozen=True)
class ClientTimes:
    """Microseconds of one read: in the median turn, and in the best one where reads are pipelined."""

    raw_single: float
    single: float
    raw_pipelined: float
    pipelined: float
    concurrent: float


def measure(calls: int, repetitions: int) -> ClientTimes | None:
    """Time reads of one document, in short turns; None where there is no server.

    All do the same work: pack the request, read the whole answer, unpack it and look at its status. The
    turns are short and many. Where one process waits for the other, a turn takes half as long if the system
    happens to wake them on one core, so that the best of them says little and the median is taken.
    """
    binary = find_server()
    if binary is None:
        return None
    with TemporaryDirectory() as folder, running_server(binary, Path(folder)) as server:
        server.create_database("bench")
        with Client(server.url("bench")) as client:
            client.create_collection("bench", "users")
            client.insert("bench", "users", DOCUMENT, "ada")
            raw = RawConnection(
                server.host,
                server.port,
                {"database": "bench", "username": server.user, "password": server.password},
            )
            turns = [_turn(raw, client, calls) for _ in range(TURNS * repetitions)]
            raw.close()
            together = anyio.run(_concurrent, server.url("bench"), calls, TURNS * repetitions)
    raw_single, single, raw_pipelined, pipelined = zip(*turns, strict=True)
    a_call = 1000 / calls
    return ClientTimes(
        median(raw_single) * a_call,
        median(single) * a_call,
        min(raw_pipelined) * a_call,
        min(pipelined) * a_call,
        together,
    )


def _turn(raw: RawConnection, client: Client, calls: int) -> tuple[float, ...]:
    request = {"cmd": "get", "database": "bench", "collection": "users", "key": "ada"}
    return (
        milliseconds(lambda: [raw.ask(request) for _ in range(calls)]),
        milliseconds(lambda: [client.get("bench", "users", "ada") for _ in range(calls)]),
        milliseconds(lambda: _pipelined(raw, request, calls)),
        milliseconds(lambda: client.pipeline([request] * calls)),
    )


def _pipelined(raw: RawConnection, request: dict[str, Any], calls: int) -> None:
    raw.socket.sendall(b"".join(frame(request) for _ in range(calls)))
    for _ in range(calls):
        raw.read()


async def _concurrent(url: str, calls: int, turns: int) -> float:
    """Time as many reads from 64 tasks on one pool; return the microseconds for one in the median turn."""
    each = max(4, calls // CALLERS)
    async with AsyncClient(url) as client:

        async def reader() -> None:
            for _ in range(each):
                await client.get("bench", "users", "ada")

        async def turn() -> float:
            started = time.perf_counter()
            async with anyio.create_task_group() as group:
                for _ in range(CALLERS):
                    group.start_soon(reader)
            return time.perf_counter() - started

        await client.get("bench", "users", "ada")
        return median([await turn() for _ in range(turns)]) * 1_000_000 / (each * CALLERS)
