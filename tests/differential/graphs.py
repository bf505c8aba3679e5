"""Random small graphs, awkward ones, and traversals over them with all that may stand around."""

from __future__ import annotations

from random import Random
from typing import Any

from .data import DataSet

KEYS = ("a", "b", "c", "d", "é")
STRAY = ("people/gone", "places/x y", "nowhere/a", "people", "", "links/l1", "people/a/b")
"""Vertices without a document, or of no collection, or that are no vertex at all; one is an edge."""


def graph(random: Random) -> DataSet:
    """Return a graph with loops, parallel edges, cycles and vertices that do not exist."""
    collections: dict[str, list[dict[str, Any]]] = {
        "people": [{"_key": key, "n": random.randrange(4), "boss": _place(random)} for key in KEYS[:-1]],
        "places": [{"_key": key, "n": None if random.random() < 0.3 else key} for key in KEYS[1:]],
        "links": _links(random),
    }
    return DataSet(collections, [])


def _place(random: Random) -> str:
    if random.random() < 0.1:
        return random.choice(STRAY[:4])
    collection = "people" if random.random() < 0.7 else "places"
    return f"{collection}/{random.choice(KEYS)}"


def _links(random: Random) -> list[dict[str, Any]]:
    keys = [f"l{number}" for number in range(random.randrange(13))]
    random.shuffle(keys)
    return [
        {"_key": key, "_from": _place(random), "_to": _place(random), "w": random.randrange(3)}
        for key in keys
    ]


def traversal(random: Random) -> str:
    """Return a query with a traversal."""
    before, start = _start(random)
    low = random.randrange(3)
    depth = random.choice(["", "0..0", "2", "1..9", f"{low}..{low + random.randrange(4)}"])
    way = random.choice(["OUTBOUND", "INBOUND", "ANY"])
    body, result = _rest(random)
    if before.startswith("FOR"):  # there a server pushes a LIMIT without a SORT into the first loop
        result = result.removeprefix("LIMIT 1, 3 ").removeprefix("LIMIT 4 ")
    loop = f"FOR v, e, p IN {depth} {way} {start} links{_prune(random)}{_options(random)}"
    return f"{before}{loop} {body} {result}"


def _start(random: Random) -> tuple[str, str]:
    kinds = [
        ("", f'"{_place(random)}"'),
        ("", f'"{random.choice(STRAY)}"'),
        ('LET s = CONCAT("people/", "a") ', "s"),
        ("FOR d IN people ", 'CONCAT("people/", d._key)'),
        ("FOR d IN people FILTER d.n > 1 ", "d.boss"),
        ("FOR x IN links FILTER x.w > 0 ", "x._to"),
        ("FOR s IN ['places/c', 'people/a', 'people/gone'] ", "s"),
        ("FOR x IN links ", random.choice(["x._to", "x._id", "x.w"])),
    ]
    return random.choices(kinds, [6, 1, 1, 3, 2, 2, 1, 1])[0]


def _prune(random: Random) -> str:
    tests = ["v.n == 2", "v._key == 'b' OR v.n < 1", "IS_NULL(v.n)", "v.n + 1 == 2", "UPPER(v.n) == 'C'"]
    return f" PRUNE {random.choice(tests)}" if random.random() < 0.25 else ""


def _options(random: Random) -> str:
    vertices, edges = random.choice(["none", "path", "global"]), random.choice(["none", "path"])
    order = "bfs" if vertices == "global" else random.choice(["bfs", "dfs"])
    options = [
        f' OPTIONS {{order: "{order}", uniqueVertices: "{vertices}", uniqueEdges: "{edges}"}}',
        f' OPTIONS {{order: "{order}", uniqueVertices: "{vertices}"}}',
        ' OPTIONS {order: "dfs"}',
        f' OPTIONS {{uniqueEdges: "{edges}"}}',
        " OPTIONS {bfs: false}",
    ]
    return random.choice(options) if random.random() < 0.4 else ""


def _rest(random: Random) -> tuple[str, str]:
    filters = [
        "",
        "FILTER v.n > 0",
        "FILTER v._key != 'b' AND e.w < 2",
        "FILTER e == null OR e._key > 'l3'",
        "FILTER LENGTH(p.edges) == 2",
        "LET m = CONCAT(v._key, '!')",
        "FILTER p.edges[*].w ANY == 1",
        "FOR w IN OUTBOUND v._id links",
        "FOR w, f IN 1..2 ANY CONCAT('people/', v._key) links FILTER w.n != v.n",
        "FOR o IN places FILTER o._key == v._key",
    ]
    ends = [
        "RETURN [v._id, e._key]",
        "RETURN v",
        "RETURN e",
        "RETURN {v: v._key, e: e.w, from: e._from}",
        "RETURN [v._key, p]",
        "RETURN [p.vertices[*]._key, p.edges[*].w]",
        "RETURN {last: p.vertices[-1]._id, first: p.edges[0]}",
        "RETURN {k: v._key, edges: p.edges}",
        "RETURN LENGTH(p.vertices)",
        "RETURN DISTINCT v._key",
        "SORT v.n DESC RETURN [v._id, v.n]",
        "SORT e._key LIMIT 3 RETURN v._id",
        "LIMIT 1, 3 RETURN v._key",
        "LIMIT 4 RETURN [v, e._key]",
        "COLLECT n = v.n INTO g RETURN [n, LENGTH(g)]",
        "COLLECT n = v.n WITH COUNT INTO c RETURN [n, c]",
        "COLLECT AGGREGATE least = MIN(e.w), all = COUNT() RETURN [least, all]",
    ]
    return random.choices(filters, [8, 2, 2, 2, 2, 1, 1, 1, 1, 1])[0], random.choice(ends)


def match(random: Random) -> str:
    """Return a query with a MATCH."""
    depth = random.choice(["", "*1..2", "*2", "*0..3"])
    pattern = random.choice(["-[:links{}]->", "<-[:links{}]-", "-[:links{}]-"]).format(depth)
    key = random.choice(["'a'", "'é'", "CONCAT('', 'b')"])
    result = random.choice(["m._id", "[m._id, _e._key]", "[m, LENGTH(_p.edges)]"])
    return f"MATCH (s:people {{_key: {key}}}){pattern}(m) RETURN {result}"


def nested(random: Random) -> str:
    """Return a query with a traversal in a subquery."""
    way = random.choice(["OUTBOUND", "INBOUND", "ANY"])
    inner = f'(FOR v IN 1..2 {way} CONCAT("people/", d._key) links RETURN v._key)'
    return random.choice(
        [
            f"FOR d IN people RETURN [d._key, {inner}]",
            f"FOR d IN people RETURN LENGTH({inner})",
            f"FOR d IN people FILTER LENGTH({inner}) > 2 RETURN d._key",
            f"FOR d IN people SORT d._key DESC RETURN {{d: d._key, first: FIRST({inner})}}",
        ]
    )
