"""The page of results, docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import sqlite3
from dataclasses import asdict
from importlib.metadata import version

from . import embedded, imports
from .alchemy import Alchemy
from .client import ClientTimes
from .embedded import STEPS, Times
from .floor import Floor
from .imports import ImportTimes
from .memory import Weights
from .ours import Ours
from .sdbql import STEPS as QUERIES
from .sdbql import QueryTimes
from .server import CommitTimes

BY_HAND = {"insert": 2.0, "load": 1.4, "query": 1.4}
"""At most so many times what is written by hand takes."""
SQLALCHEMY = {"insert": 4.0, "load": 2.0, "change": 3.0, "get": 4.0}
"""At least so many times as fast as SQLAlchemy."""
UNCHANGED = 0.1
"""A commit of nothing, at most so much of the load."""
SERVER_AIM = 1.25
IMPORT_AIM = 1.5
PLANNING_AIM = 0.05
TIMES_TINY = 20

INTRODUCTION = """\
# Benchmarks

What the mapper costs, beside what you would have written by hand and beside SQLAlchemy, doing the same
work in the same run and taking turns. Trust the ratios; milliseconds belong to one machine on one day.
Written by

```sh
make bench
```

on {machine}.

Each time is the best of {repetitions}, with the garbage collector held off while the clock runs. All files
use the write-ahead log and `synchronous=NORMAL`.
"""
EMBEDDED = """
## On a SQLite file

{size:,} documents of eight fields, one of them a nested model and one a list, with a unique index on one
field and a plain one on another. *By hand* is `sqlite3` and Pydantic: the same table of key, revision, times
and JSON text, with the same two indexes. SQLAlchemy has a column per field and JSON for the two nested ones,
validates nothing, and is told of a change in a list by a new list; ours is found where it was made. All three
write over the revision that they read and over no other, and forget nothing at a commit.

| milliseconds | ours | by hand | SQLAlchemy | ours ÷ by hand | aim | SQLAlchemy ÷ ours | aim | ÷ by hand |
|---|--:|--:|--:|--:|--:|--:|--:|--:|
{table}

The last column is SQLAlchemy's time over that of the code by hand. A commit of nothing is to take at most a
tenth of the load. {verdict}

What the code by hand does not reach, a mapper that does the same and more can't: most of a small change is
SQLite's own work on the pages of the table and its indexes, and most of an insert or a load is Pydantic and
SQLite, each called as often as by hand.
"""
MEMORY = """
## Memory

A loaded object holds {ours:,.0f} bytes, with its place in the session and what is kept to notice changes; a
bare Pydantic object read from the same JSON holds {bare:,.0f}. Ratio {ratio:.2f}.
"""
SERVER = """
## On a server

One commit of {size:,} new documents, beside a script that packs the same documents and pipelines them
through the driver protocol in one transaction.

| milliseconds | solidb_odm | raw protocol | ratio |
|---|--:|--:|--:|
| commit | {ours:.0f} | {raw:.0f} | {ratio:.2f} |

Aim: at most {aim}. {verdict}
"""
SDBQL = """
## Queries in the language

{size:,} nested documents and as many edges in one file. *By hand* is SQL over the same tables, with indexes
of its own on the same attributes, and documents made of its rows. Ours is a text given to
`Session.execute`, read and planned before. TinyDB searches its JSON file, which has no index; mongita has
the same indexes as we, and keeps in memory what it once read. Neither has joins, groups or graphs.

| milliseconds a query | solidb_odm | by hand | ratio | aim | TinyDB | ÷ ours | mongita | ÷ ours |
|---|--:|--:|--:|--:|--:|--:|--:|--:|
{table}

To find the plan of a known text takes {planning:.4f} ms, {share:.1f} % of a point query (aim: under 5 %).
{verdict}

The smallest queries pay the fixed cost of a statement: about a hundredth of a millisecond for the session,
the check that no other process changed the schema, and the order of a document's attributes. What mongita
answers faster it answers from its own process's memory, without looking at the file.
"""
IMPORTS = """
## Import

Medians of whole processes; an interpreter that imports nothing takes {nothing:.0f} ms. Pydantic loads itself
at first use, so the second line, where something is used of both, is the fairer one. A document class is
a model, though, which `BaseModel` alone is not: Pydantic loads more with the first field that is declared.

| milliseconds | solidb_odm | what it stands on | ratio |
|---|--:|--:|--:|
{table}

Aim: at most {aim}. {verdict}
"""


CLIENT = """
## The client beside a bare socket

Microseconds for one read by key, in the median turn: a loop over a socket with `msgpack`, and our client.

| microseconds | client | bare socket | ratio | aim | |
|---|---|---|---|---|---|
| one at a time | {single:.0f} | {raw_single:.0f} | {one:.2f} | at most 1.3 | {one_verdict} |
| pipelined | {pipelined:.1f} | {raw_pipelined:.1f} | {many:.2f} | at most 1.15 | {many_verdict} |
| from 64 tasks | {concurrent:.1f} | {raw_single:.0f} | {tasks:.2f} | at most 0.33 | {tasks_verdict} |

A local server answers a read in about the time that Python needs for a few dozen function calls, so the first
line is mostly the price of a pool, time-outs, statistics and typed errors. The bare loop does the same work:
it sends without delay (`TCP_NODELAY`), reads the whole answer, unpacks it, looks at its status. Pipelined, it
stands still for 40 ms now and then, as it does not acknowledge at once as the client does; there the best
turns count. Tasks share flights: what they ask while two are under way goes out together; the last line
compares that with the bare socket one at a time, and is mostly what an event loop takes for a task.
"""


def introduction(repetitions: int) -> str:
    """Return what was run, where, in neutral words."""
    parts = [
        f"{os.cpu_count()} cores ({platform.machine()}, {platform.system()})",
        f"Python {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
        f"Pydantic {version('pydantic')}",
        f"SQLAlchemy {version('sqlalchemy')}",
    ]
    return INTRODUCTION.format(machine=", ".join(parts), repetitions=repetitions)


def embedded_section(times: Times) -> str:
    """Write the table of steps and say whether the aims were met."""
    missed = [STEPS[step] for step, aim in BY_HAND.items() if times.ratio(step, Ours, Floor) > aim]
    missed += [
        f"{STEPS[step]}, beside SQLAlchemy"
        for step, aim in SQLALCHEMY.items()
        if times.ratio(step, Alchemy, Ours) < aim
    ]
    best = times.best[Ours.name]
    missed += [STEPS["unchanged"]] if best["unchanged"] > UNCHANGED * best["load"] else []
    table = "\n".join(_step(times, step) for step in STEPS)
    return EMBEDDED.format(size=times.size, table=table, verdict=_missed(missed))


def memory_section(weights: Weights) -> str:
    """Write what an object weighs."""
    return MEMORY.format(ours=weights.ours, bare=weights.bare, ratio=weights.ours / weights.bare)


def queries_section(times: QueryTimes) -> str:
    """Write the table of queries, and say which aims were missed."""
    missed = [s.title for s in QUERIES if times.ours[s.title] > s.aim * times.by_hand[s.title]]
    slow = [title for title, tiny in times.tinydb.items() if tiny < TIMES_TINY * times.ours[title]]
    missed += [f"TinyDB, {title}" for title in slow]
    missed += ["planning"] if times.planning_share >= PLANNING_AIM else []
    return SDBQL.format(
        size=times.size,
        table="\n".join(_query(times, step.title, step.aim) for step in QUERIES),
        planning=times.planning,
        share=100 * times.planning_share,
        verdict=_missed(missed),
    )


def _query(times: QueryTimes, title: str, aim: float) -> str:
    ours, hand = times.ours[title], times.by_hand[title]
    others = (times.tinydb.get(title), times.mongita.get(title))
    beside = " | ".join(" | " if other is None else f"{other:,.2f} | {other / ours:,.1f}" for other in others)
    return f"| {title} | {ours:,.3f} | {hand:,.3f} | {ours / hand:.2f} | {aim} | {beside} |"


def server_section(times: CommitTimes) -> str:
    """Write what a commit to a server costs."""
    ratio = times.ours / times.raw
    verdict = _verdict(ratio <= SERVER_AIM)
    return SERVER.format(
        size=times.size, ours=times.ours, raw=times.raw, ratio=ratio, aim=SERVER_AIM, verdict=verdict
    )


def client_section(times: ClientTimes) -> str:
    """Write what a call of the client costs."""
    one, many = times.single / times.raw_single, times.pipelined / times.raw_pipelined
    tasks = times.concurrent / times.raw_single
    return CLIENT.format(
        **asdict(times),
        one=one,
        many=many,
        tasks=tasks,
        one_verdict=_verdict(one <= 1.3),
        many_verdict=_verdict(many <= 1.15),
        tasks_verdict=_verdict(tasks <= 1 / 3),
    )


def imports_section(times: ImportTimes) -> str:
    """Write what the import costs."""
    pairs = [(imports.OURS, imports.BASE), (imports.OURS_USED, imports.BASE_USED)]
    table = "\n".join(
        f"| `{ours}` beside `{base}` | {times.median[ours]:.0f} | {times.median[base]:.0f}"
        f" | {times.ratio(ours, base):.2f} |"
        for ours, base in pairs
    )
    return IMPORTS.format(
        nothing=times.median[imports.NOTHING],
        table=table,
        aim=IMPORT_AIM,
        verdict=_verdict(all(times.ratio(ours, base) <= IMPORT_AIM for ours, base in pairs)),
    )


def _step(times: Times, step: str) -> str:
    cells = [f"{times.best[contender.name][step]:,.1f}" for contender in embedded.CONTENDERS]
    cells.append("" if step == "unchanged" else f"{times.ratio(step, Ours, Floor):.2f}")
    cells.append(_aim("≤", BY_HAND.get(step)))
    cells.append(f"{times.ratio(step, Alchemy, Ours):.2f}")
    cells.append(_aim("≥", SQLALCHEMY.get(step)))
    cells.append("" if step == "unchanged" else f"{times.ratio(step, Alchemy, Floor):.2f}")
    return f"| {' | '.join([STEPS[step], *cells])} |"


def _aim(bound: str, aim: float | None) -> str:
    return "" if aim is None else f"{bound} {aim:g}"


def _missed(missed: list[str]) -> str:
    return "All aims met." if not missed else f"**Not met:** {'; '.join(missed)}."


def _verdict(met: bool) -> str:
    return "Met." if met else "**Not met.**"
