"""The client on a real server beside a bare socket: one call at a time, pipelined, and from many tasks."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import anyio

from solidb_odm.client import AsyncClient, Client
from tools.server import find_server, running_server

from .area import OURS, Area, Row, Setting, Steps, at_most, faster
from .raw import RawConnection, frame
from .timing import Timing, milliseconds

CALLERS = 64
TURNS = 8
"""Turns for each repetition that was asked for."""

SOCKET = "a bare socket"
DOCUMENT = {"name": "Ada", "age": 36, "tags": ["a", "b"], "address": {"city": "Paris"}}


def measure(setting: Setting) -> Steps | None:
    """Time reads of one document, in short turns; None where there is no server.

    All do the same work: pack the request, read the whole answer, unpack it and look at its status. The
    turns are short and many. Where one process waits for the other, a turn takes half as long if the system
    happens to wake them on one core, so that the best of them says little and the median is taken.
    """
    timings = {collecting: _measured(setting, collecting) for collecting in (True, False)}
    on, off = timings[True], timings[False]
    if on is None or off is None:
        return None
    return {
        step: {name: Timing(on[step][name], off[step][name]) for name in sides} for step, sides in on.items()
    }


def _measured(setting: Setting, collecting: bool) -> dict[str, dict[str, float]] | None:
    calls, repetitions = max(CALLERS, setting.size), setting.repetitions
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
            turns = [_turn(raw, client, calls, collecting) for _ in range(TURNS * repetitions)]
            raw.close()
            together = anyio.run(_concurrent, server.url("bench"), calls, TURNS * repetitions)
    raw_single, single, raw_pipelined, pipelined = zip(*turns, strict=True)
    a_call = 1000 / calls
    single_raw, pipelined_raw = median(raw_single) * a_call, min(raw_pipelined) * a_call
    return {
        "single": {OURS: median(single) * a_call, SOCKET: single_raw},
        "pipelined": {OURS: min(pipelined) * a_call, SOCKET: pipelined_raw},
        "tasks": {OURS: together, SOCKET: single_raw},
    }


def _turn(raw: RawConnection, client: Client, calls: int, collecting: bool) -> tuple[float, ...]:
    request = {"cmd": "get", "database": "bench", "collection": "users", "key": "ada"}
    work: tuple[Callable[[], object], ...] = (
        lambda: [raw.ask(request) for _ in range(calls)],
        lambda: [client.get("bench", "users", "ada") for _ in range(calls)],
        lambda: _pipelined(raw, request, calls),
        lambda: client.pipeline([request] * calls),
    )
    return tuple(milliseconds(task, collecting=collecting) for task in work)


def _pipelined(raw: RawConnection, request: dict[str, Any], calls: int) -> None:
    raw.socket.sendall(b"".join(frame(request) for _ in range(calls)))
    for _ in range(calls):
        raw.read()


async def _concurrent(url: str, calls: int, turns: int) -> float:
    """Time as many reads from 64 tasks on one pool; return the microseconds for one in the median turn."""
    calls_per_task = max(4, calls // CALLERS)
    async with AsyncClient(url) as client:

        async def reader() -> None:
            for _ in range(calls_per_task):
                await client.get("bench", "users", "ada")

        async def turn() -> float:
            started = time.perf_counter()
            async with anyio.create_task_group() as group:
                for _ in range(CALLERS):
                    group.start_soon(reader)
            return time.perf_counter() - started

        await client.get("bench", "users", "ada")
        return median([await turn() for _ in range(turns)]) * 1_000_000 / (calls_per_task * CALLERS)


TEXT = """
One read by key, in the median turn: a loop over a socket with `msgpack`, and our client; microseconds. The
bare loop does the same work: it sends without delay (`TCP_NODELAY`), reads the whole answer, unpacks it,
looks at its status. Pipelined, it stands still for 40 ms now and then, as it does not acknowledge at once
as the client does; there the best turns count. One at a time the client makes 60 calls where the bare loop
makes 13: a lease of the pool, a deadline, a look whether the connection still stands, and whether the answer
is that to the request; 5 microseconds of processor time, 8 to 12 of a round trip of 27 on an idle machine.
All of that written into one function takes 1.12 times the bare loop. Tasks share round trips; the last line
compares that with the bare socket one at a time. A call takes 10 microseconds there, 6 of which are packing,
unpacking and waking the task, so that six times is reached where a bare round trip takes 60 or more.
"""
AREA = Area(
    "client",
    "The client beside a bare socket",
    TEXT,
    (100, 1_000, 4_000),
    measure,
    (
        Row("single", "one at a time", SOCKET, at_most(1.15)),
        Row("pipelined", "pipelined", SOCKET, at_most(1.1)),
        Row("tasks", f"from {CALLERS} tasks", SOCKET, faster(6)),
    ),
    waits=True,
    unit="µs",
    of="calls a turn",
)
