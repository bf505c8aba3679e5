"""Window functions: ``NAME(..) OVER (PARTITION BY .. ORDER BY ..)`` over all rows of a stage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from ..._types import Json
from ...errors import QueryError
from .. import nodes
from ..values import canonical, compare, describe, is_number
from .calls import unknown_function
from .collect import compile_keys, order_rows, whole_sum
from .expressions import Compiler
from .runtime import Row, Run, Stage, Value
from .scope import PendingWindow, Variables

Partition: TypeAlias = "list[Row]"


class _Arguments:
    """The arguments of a window function in one row, computed when they are asked for."""

    __slots__ = ("_row", "_values")

    def __init__(self, values: Sequence[Value], row: Row) -> None:
        self._values, self._row = values, row

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, place: int) -> Json:
        return self._values[place](self._row)


class _Members:
    """One partition in window order, with what its window's arguments are in each row."""

    def __init__(
        self, rows: list[Row], arguments: list[_Arguments], keys: list[Any], *, ordered: bool
    ) -> None:
        self.rows = rows
        self.arguments = arguments
        self.keys = keys
        self.ordered = ordered

    def column(self, place: int = 0) -> list[Json]:
        """Return one argument in all rows; null where the call has no such argument."""
        return [self.value(row, place) for row in range(len(self.rows))]

    def value(self, row: int, place: int = 0) -> Json:
        """Return one argument in one row; it is computed only where a result needs it."""
        arguments = self.arguments[row]
        return arguments[place] if place < len(arguments) else None

    def peers(self) -> list[tuple[int, int]]:
        """Return the first and the last place of each row's peers: rows that sort alike."""
        spans: list[tuple[int, int]] = []
        start = 0
        for place in range(1, len(self.rows) + 1):
            if place == len(self.rows) or self.keys[place] != self.keys[start]:
                spans.extend([(start, place - 1)] * (place - start))
                start = place
        return spans


WindowFunction: TypeAlias = Callable[[_Members], list[Json]]


def fill_windows(
    compiler: Compiler, pending: Sequence[PendingWindow], scope: Variables
) -> Callable[[Run, Iterable[Row]], list[Row]] | None:
    """Compile to a stage that puts the windows' results into their slots; None without windows."""
    stages = [_stage(compiler, window, scope) for window in pending]
    if not stages:
        return None

    def fill(run: Run, rows: Iterable[Row]) -> list[Row]:
        ready = list(rows)
        for stage in stages:
            ready = list(stage(run, ready))
        return ready

    return fill


def _stage(compiler: Compiler, window: PendingWindow, scope: Variables) -> Stage:
    node = window.node
    inner = scope.copy()
    arguments = [compiler.expression(item, inner) for item in node.arguments]
    partition = [compiler.expression(item, inner) for item in node.partition_by]
    keys = compile_keys(compiler, node.order_by, inner)
    function = _FUNCTIONS.get(node.name.upper())
    if function is None:
        compiler.frame.problems.append(unknown_function(node.name))

    def stage(_run: Run, rows: Iterable[Row]) -> list[Row]:
        ready = list(rows)
        if function is None:
            raise unknown_function(node.name)
        groups: dict[Any, Partition] = {}
        for row in ready:
            groups.setdefault(canonical([part(row) for part in partition]), []).append(row)
        for group in groups.values():
            ordered = order_rows(group, keys)
            members = _Members(
                ordered,
                [_Arguments(arguments, row) for row in ordered],
                [canonical([key.value(row) for key in keys]) for row in ordered],
                ordered=bool(keys),
            )
            for row, result in zip(ordered, function(members), strict=True):
                row[window.slot] = result
        return ready

    return stage


# --- ranks ---------------------------------------------------------------------------------------


def _row_number(members: _Members) -> list[Json]:
    return list(range(1, len(members.rows) + 1))


def _rank(members: _Members) -> list[Json]:
    return [first + 1 for first, _ in members.peers()]


def _dense_rank(members: _Members) -> list[Json]:
    ranks: list[Json] = []
    rank, start = 0, -1
    for first, _ in members.peers():
        rank, start = (rank + 1, first) if first != start else (rank, start)
        ranks.append(rank)
    return ranks


def _percent_rank(members: _Members) -> list[Json]:
    count = len(members.rows)
    return [first / (count - 1) if count > 1 else 0.0 for first, _ in members.peers()]


def _cume_dist(members: _Members) -> list[Json]:
    return [(last + 1) / len(members.rows) for _, last in members.peers()]


def _ntile(members: _Members) -> list[Json]:
    count = len(members.rows)
    buckets = _integer(members.value(0), "NTILE")
    if buckets <= 0:
        raise QueryError("NTILE: number of buckets must be positive")
    size, larger = divmod(count, buckets)
    numbers = [number for number in range(1, buckets + 1) for _ in range(size + (number <= larger))]
    return list(numbers[:count])


# --- other rows ----------------------------------------------------------------------------------


def _shifted(name: str, sign: int) -> WindowFunction:
    def shift(members: _Members) -> list[Json]:
        results: list[Json] = []
        for place, arguments in enumerate(members.arguments):
            offset = _integer(arguments[1], name) if len(arguments) > 1 else 1
            if offset < 0:
                raise QueryError(f"{name}: offset must not be negative")
            other = place + sign * offset
            if 0 <= other < len(members.rows):
                results.append(members.value(other))
            else:
                results.append(arguments[2] if len(arguments) > 2 else None)
        return results

    return shift


def _first_value(members: _Members) -> list[Json]:
    return [members.value(0)] * len(members.rows)


def _last_value(members: _Members) -> list[Json]:
    return [members.value(-1)] * len(members.rows)


def _nth_value(members: _Members) -> list[Json]:
    place, count = _integer(members.value(0, 1), "NTH_VALUE"), len(members.rows)
    return [members.value(place - 1) if 1 <= place <= count else None] * count


def _integer(value: Json, name: str) -> int:
    if not is_number(value):
        raise QueryError(f"{name}: argument must be a number, got: {describe(value)}")
    return int(value)


# --- aggregates ----------------------------------------------------------------------------------


def _running(step: Callable[[Any, Json], Any], start: Any, show: Callable[[Any], Json]) -> WindowFunction:
    """Make an aggregate: row by row where the window is ordered, else over the whole partition.

    The server does not merge peers: equal sort keys still see different running values.
    """

    def aggregate(members: _Members) -> list[Json]:
        results: list[Json] = []
        state = start
        for value in members.column():
            state = step(state, value)
            results.append(show(state))
        return results if members.ordered else [results[-1]] * len(results)

    return aggregate


def _add_number(state: tuple[float, int], value: Json) -> tuple[float, int]:
    return (state[0] + value, state[1] + 1) if is_number(value) else state


def _add_integer(state: Any, value: Json) -> Any:
    return state + value if is_number(value) else state


def _extreme(sign: int, *, keep_last: bool) -> Callable[[Json, Json], Json]:
    def better(best: Json, value: Json) -> Json:
        if value is None:
            return best
        order = 1 if best is None else sign * compare(value, best)
        return value if order > 0 or (keep_last and order == 0) else best

    return better


_FUNCTIONS: dict[str, WindowFunction] = {
    "ROW_NUMBER": _row_number,
    "RANK": _rank,
    "DENSE_RANK": _dense_rank,
    "PERCENT_RANK": _percent_rank,
    "CUME_DIST": _cume_dist,
    "NTILE": _ntile,
    "LAG": _shifted("LAG", -1),
    "LEAD": _shifted("LEAD", 1),
    "FIRST_VALUE": _first_value,
    "LAST_VALUE": _last_value,
    "NTH_VALUE": _nth_value,
    "SUM": _running(_add_number, (0.0, 0), lambda state: state[0]),
    nodes.INTEGER_SUM: _running(_add_integer, 0, whole_sum),
    "AVG": _running(_add_number, (0.0, 0), lambda state: state[0] / state[1] if state[1] else None),
    "COUNT": _running(lambda count, value: count + (value is not None), 0, lambda count: count),
    "MIN": _running(_extreme(-1, keep_last=False), None, lambda best: best),
    "MAX": _running(_extreme(1, keep_last=True), None, lambda best: best),
}
