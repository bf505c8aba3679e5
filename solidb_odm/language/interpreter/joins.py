"""JOIN: each row meets the documents of a collection, bound under the collection's own name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from ..._types import Json, JsonObject
from ...errors import DatabaseError, QueryError
from .. import nodes
from ..values import describe, is_number, kind_of
from .expressions import CompileClause, Compiler
from .lookups import documents_of
from .runtime import UNBOUND, Row, Run, Stage, Value
from .scope import Frame, Variables

Matches = Callable[[Row], "list[JsonObject]"]
Blank = Callable[[Run], Row]

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)")
_MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


def compile_join(compiler: Compiler, node: nodes.Join, scope: Variables, first: str | None = None) -> Stage:
    """Compile a JOIN; ``first`` is the variable of the block's first FOR."""
    before = dict(scope.names)
    left_time = compiler.optional(node.left_time, scope)
    tolerance = compiler.optional(node.tolerance, scope)
    documents = documents_of(compiler, node.collection, node.collection, [node.condition], scope)
    slot = compiler.frame.declare(scope, node.collection)
    matches = _matches(documents, compiler.expression(node.condition, scope), slot)
    if node.kind == "ASOF":
        right_time = compiler.optional(node.right_time, scope)
        if left_time is None or right_time is None:
            raise QueryError("ASOF JOIN needs two times: ASOF left, right")
        pick = _nearest(slot, left_time, right_time, tolerance, node.direction or "BACKWARD")
        return _asof(slot, matches, pick)
    blank = _blank(compiler.frame, before.values())
    if node.kind == "RIGHT":
        scope.unbound |= before.keys() - {node.collection}
        return _right(slot, node.collection, matches, blank)
    if node.kind == "FULL":
        scope.unbound |= before.keys() - {node.collection, first}
        return _full(slot, node.collection, matches, blank, before.get(first or ""))
    return _left(slot, matches, keep_all=node.kind == "LEFT")


def _matches(documents: Callable[[Row], Iterable[JsonObject]], condition: Value, slot: int) -> Matches:
    """Compile to the documents that meet the condition, which must be exactly true."""

    def find(row: Row) -> list[JsonObject]:
        run: Run = row[0]
        scratch = row.copy()
        matching: list[JsonObject] = []
        for document in documents(row):
            run.spend(1)
            scratch[slot] = document
            try:
                if condition(scratch) is True:
                    matching.append(document)
            except DatabaseError as exc:
                run.swallow(exc)
        return matching

    return find


def _left(slot: int, matches: Matches, *, keep_all: bool) -> Stage:
    def stage(_run: Run, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            partners = matches(row)
            if partners or keep_all:
                row[slot] = partners
                yield row

    return stage


def _right(slot: int, collection: str, matches: Matches, blank: Blank) -> Stage:
    """Yield a row for each right document, with the first left row it meets."""

    def stage(run: Run, rows: Iterable[Row]) -> Iterator[Row]:
        first: dict[str, Row] = {}
        for row in rows:
            for document in matches(row):
                first.setdefault(document["_key"], row)
        for document in run.scan(collection):
            met = first.get(document["_key"])
            fresh = blank(run) if met is None else met.copy()
            fresh[slot] = document
            yield fresh

    return stage


def _full(slot: int, collection: str, matches: Matches, blank: Blank, first_slot: int | None) -> Stage:
    def stage(run: Run, rows: Iterable[Row]) -> Iterator[Row]:
        met: set[str] = set()
        for row in rows:
            partners = matches(row)
            met.update(document["_key"] for document in partners)
            row[slot] = partners
            yield row
        for document in run.scan(collection):
            if document["_key"] not in met:
                fresh = blank(run)
                if first_slot is not None:
                    fresh[first_slot] = None
                fresh[slot] = [document]
                yield fresh

    return stage


def _blank(frame: Frame, slots: Iterable[int]) -> Blank:
    """Compile to a row in which no variable of the left side is bound, not even an outer one."""
    unbound = tuple(slots)

    def make(run: Run) -> Row:
        row: Row = [run, *[None] * (frame.size - 1)]
        for slot in unbound:
            row[slot] = UNBOUND
        return row

    return make


# --- ASOF ----------------------------------------------------------------------------------------

Pick = Callable[[Row, "list[JsonObject]"], "JsonObject | None"]


def _asof(slot: int, matches: Matches, pick: Pick) -> Stage:
    def stage(_run: Run, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            row[slot] = pick(row, matches(row))
            yield row

    return stage


def _nearest(slot: int, left: Value, right: Value, tolerance: Value | None, direction: str) -> Pick:
    def pick(row: Row, documents: list[JsonObject]) -> JsonObject | None:
        here = moment(left(row))
        reach = None if tolerance is None else _span(row[0], tolerance(row))
        best: JsonObject | None = None
        nearest: float | None = None
        for document in documents:
            row[slot] = document
            there = moment(right(row))
            if here is None or there is None:
                continue
            distance = _distance(here, there, direction)
            if distance is None or (reach is not None and distance > reach):
                continue
            if nearest is None or distance < nearest:
                best, nearest = document, distance
        return best

    return pick


def _distance(here: float, there: float, direction: str) -> float | None:
    if (direction == "BACKWARD" and there > here) or (direction == "FORWARD" and there < here):
        return None
    return abs(here - there)


def moment(value: Json) -> float | None:
    """Read a time: a number of milliseconds, or an RFC 3339 text."""
    if is_number(value):
        return float(value)
    if kind_of(value) is not str:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000


def _span(run: Run, value: Json) -> float | None:
    """Read a tolerance in milliseconds; the server takes a senseless one for none."""
    if is_number(value):
        return float(value)
    match = _DURATION.fullmatch(value.strip()) if kind_of(value) is str else None
    if match is None:
        run.swallow(
            QueryError(f"TOLERANCE expects milliseconds or a text such as '5s', got: {describe(value)}")
        )
        return None
    return float(match[1]) * _MILLISECONDS[match[2]]


CLAUSES: dict[type[nodes.Clause], CompileClause] = {nodes.Join: compile_join}
