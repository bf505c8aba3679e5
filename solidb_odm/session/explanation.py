"""How an engine would run a statement, to read: ``print(session.explain(select(User)))``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from .._dataclasses import dataclass
from .._types import Json, JsonObject, is_list, is_map
from ..commands import ExplainQuery, Operation
from ..errors import UsageError
from ..query.compiled import Compiled
from ..query.raw import sdbql
from ..query.statement import Statement
from ..query.svg import escaped
from .context import Context


@dataclass(frozen=True, slots=True)
class Explanation:
    """The explanation of a statement by its engine.

    ``text`` is its SDBQL and ``binds`` its bind variables. ``plan`` is in the engine's own format: of a file
    ``sql``, ``parameters``, ``indexes``, ``steps`` (SQLite's plan) and ``python`` (what does not run in SQL,
    and why; None if all does); of a server its answer to EXPLAIN. When printed, the long SQL that sorts an
    attribute is abbreviated to its name.
    """

    text: str
    binds: Mapping[str, Any]
    plan: Json

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield from _part("SDBQL", [self.text])
        yield from _part("binds", [f"@{name} = {_short(value)}" for name, value in self.binds.items()])
        plan = cast(JsonObject, self.plan)
        yield from _file(plan) if plan.get("engine") == "file" else _part("plan", _outline(plan))

    def _repr_html_(self) -> str:
        """Show it in a notebook."""
        return f"<pre>{escaped(str(self))}</pre>"


def explain(
    context: Context, statement: Statement[Any] | str, binds: Mapping[str, Any] | None
) -> Operation[Explanation]:
    """Ask how a statement, or a text in SDBQL, would run. Nothing is run or flushed."""
    compiled = _compiled(statement, binds)
    plan = yield from context.ask(ExplainQuery(compiled.query, compiled.bind_vars))
    return Explanation(compiled.text, compiled.bind_vars, plan)


def _compiled(statement: Statement[Any] | str, binds: Mapping[str, Any] | None) -> Compiled:
    if isinstance(statement, str):
        if binds is not None and not isinstance(binds, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise UsageError(f"explain() takes bind values by name, not {binds!r}", hint='{"age": 3}')
        return sdbql(statement, **dict(binds or {})).compile()
    if not isinstance(statement, Statement):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise UsageError(
            f"explain() takes a statement, or a text in SDBQL, not {statement!r}",
            hint="session.explain(select(User)) or session.explain('FOR u IN users RETURN u')",
        )
    if binds:
        raise UsageError(
            "a statement has its own bind values", hint="binds= is for a text: explain('FOR ..', {'age': 3})"
        )
    return statement.compile()


def _file(plan: JsonObject) -> Iterator[str]:
    python: Any = plan.get("python")
    reads: list[Any] = [plan] if not python else list(python.get("reads") or [])
    for read in reads:
        yield from _part("SQL", [_ORDER_KEY.sub(r"\1.\2", str(read["sql"]))])
        yield from _part("SQLite", [str(step) for step in read.get("steps") or ()])
    yield from _part("indexes", list(map(str, plan.get("indexes") or ["none"])))
    if python:
        yield from _part("in Python", [str(python["what"]), f"because {python['why']}"])
    else:
        yield from _part("in Python", ["nothing"])


def _part(title: str, lines: list[str]) -> Iterator[str]:
    for place, line in enumerate(part for text in lines for part in text.splitlines() or [""]):
        yield f"{title if place == 0 else '':<12}{line}"


def _outline(value: Json, depth: int = 0) -> list[str]:
    """Write an object as indented lines, leaving out what says nothing."""
    lines: list[str] = []
    if is_map(value):
        for name, inner in value.items():
            if isinstance(inner, (dict, list)) and inner and len(_short(inner)) > _WIDE:
                lines += [f"{'  ' * depth}{name}:", *_outline(inner, depth + 1)]
            elif inner not in (None, [], {}):
                lines.append(f"{'  ' * depth}{name}: {_short(inner)}")
    elif is_list(value):
        for inner in value:
            first, *others = _outline(inner, depth + 1) or [""]
            lines += [f"{'  ' * depth}- {first.lstrip()}", *others]
    else:
        lines.append(f"{'  ' * depth}{_short(value)}")
    return lines


_WIDE = 60
_ORDER_KEY = re.compile(r"""CASE json_type\((\w+)\.doc, '\$\.("[^']*")'\) WHEN 'text' .*? END(?= |,|\)|$)""")


def _short(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 4 * _WIDE else f"{text[: 4 * _WIDE]}…"
