"""What a built-in function is, what it may ask of its surroundings, and the table of them all."""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final, Protocol, TypeVar

from ..._dataclasses import dataclass
from ..._types import Json, JsonObject
from ...errors import QueryError, UnsupportedQueryError

Implementation = Callable[["CallContext", list[Json]], Json]
Body = TypeVar("Body", bound=Callable[..., Json])

PROPAGATE = "null if the first argument is null"
PROPAGATE_TWO = "null if one of the first two arguments is null"
PROPAGATE_ANY = "null if any argument is null"
REFUSE = "null is an error"
ACCEPT = "null is a value like any other"
NO_ARGUMENT = "takes no argument"

WHITE_SPACE: Final = (
    "\t\n\x0b\x0c\r \x85\xa0"
    "\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""What Unicode calls white space; Python counts four separators of files and records among it too."""

_PROPAGATED: dict[str, int | None] = {PROPAGATE: 1, PROPAGATE_TWO: 2, PROPAGATE_ANY: None}


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """A declared fulltext, geo or vector index, as far as functions care."""

    name: str
    kind: str
    fields: tuple[str, ...]
    dimension: int | None = None
    metric: str = "cosine"
    minimum_length: int = 3


class CallContext(Protocol):
    """What a function may ask of its surroundings."""

    @property
    def database(self) -> str: ...

    def document(self, collection: str, key: str) -> JsonObject | None:
        """Return the stored document; raises CollectionNotFound."""
        ...

    def collection_exists(self, name: str) -> bool: ...

    def scan(self, collection: str) -> Iterable[JsonObject]: ...

    def index_of(self, collection: str, kind: str, name_or_field: str) -> IndexInfo | None: ...

    def edges(self, collection: str, vertex: str, direction: str) -> Iterable[JsonObject]:
        """Return the edges at a vertex; the direction is "outbound", "inbound" or "any"."""
        ...

    def now(self) -> datetime: ...

    def random(self) -> random.Random: ...

    def spend(self, units: int) -> None:
        """Count work done; raises QueryLimitError or QueryTimeout when there was too much."""
        ...


@dataclass(frozen=True, slots=True)
class Function:
    """One built-in function. ``parameters`` and ``nulls`` are words for readers.

    ``implementation`` checks the number of arguments and applies the null rule itself. One that
    is ``lazy`` wants its arguments unevaluated where the evaluator can do that.
    """

    name: str
    aliases: tuple[str, ...]
    min_args: int
    max_args: int | None
    implementation: Implementation
    parameters: str
    summary: str
    nulls: str
    returns: str
    family: str
    higher_order: bool = False
    deterministic: bool = True
    lazy: bool = False
    engines: tuple[str, ...] = ("file", "server")


_TABLE: dict[str, Function] = {}


def register(entry: Function) -> None:
    """Add a function under its name and aliases; a name already taken is refused."""
    for name in (entry.name, *entry.aliases):
        if name in _TABLE:
            raise ValueError(f"the function {name} is defined twice")
        _TABLE[name] = entry


def lookup(name: str) -> Function | None:
    """Find a function by name or alias, in any case."""
    return _TABLE.get(name.upper())


def catalogue() -> tuple[Function, ...]:
    """Return every function once, sorted by name."""
    return tuple(sorted(set(_TABLE.values()), key=lambda f: f.name))


@dataclass(frozen=True, slots=True)
class Family:
    """Functions of one kind. Calling it gives the decorator that registers one."""

    title: str

    def __call__(
        self,
        name: str,
        *aliases: str,
        parameters: str = "",
        returns: str,
        summary: str,
        nulls: str = PROPAGATE,
        context: bool = False,
        higher_order: bool = False,
        deterministic: bool = True,
        lazy: bool = False,
    ) -> Callable[[Body], Body]:
        """Register the decorated body; the number of arguments follows from ``parameters``.

        The body takes the arguments one by one, after the Context if ``context`` is set.
        """
        least, most = arity(parameters)
        if most == 0:
            nulls = NO_ARGUMENT

        def decorate(body: Body) -> Body:
            register(
                Function(
                    name=name,
                    aliases=aliases,
                    min_args=least,
                    max_args=most,
                    implementation=_checked(name, body, least, most, nulls, context),
                    parameters=parameters,
                    summary=summary,
                    nulls=nulls,
                    returns=returns,
                    family=self.title,
                    higher_order=higher_order,
                    deterministic=deterministic,
                    lazy=lazy,
                )
            )
            return body

        return decorate

    def server_only(self, name: str, *aliases: str, parameters: str, summary: str, instead: str) -> None:
        """Register a function that only a server has; calling it on a file is refused by name."""
        least, most = arity(parameters)

        def refuse(_context: CallContext, _arguments: list[Json]) -> Json:
            raise UnsupportedQueryError(
                f"{name} needs a SoliDB server; a file can't run it", construct=name, hint=instead
            )

        register(
            Function(
                name=name,
                aliases=aliases,
                min_args=least,
                max_args=most,
                implementation=refuse,
                parameters=parameters,
                summary=summary,
                nulls="as the server has it",
                returns="as the server has it",
                family=self.title,
                deterministic=False,
                engines=("server",),
            )
        )


def arity(parameters: str) -> tuple[int, int | None]:
    """Count the least and the most arguments of a signature such as ``s, start [, length]``."""
    least, most, depth = 0, 0, 0
    variadic = False
    plain = re.sub(r"\([^)]*\)", "", parameters)  # the parameters of a lambda
    for part in plain.replace("[", " [ ").replace("]", " ] ").replace(",", " , ").split():
        depth += {"[": 1, "]": -1}.get(part, 0)
        if part == "...":
            variadic = True
        elif part not in ("[", "]", ","):
            most += 1
            least += depth == 0
    return least, None if variadic else most


def _checked(
    name: str, body: Callable[..., Json], least: int, most: int | None, nulls: str, context: bool
) -> Implementation:
    first = _PROPAGATED.get(nulls, 0)
    limit = sys.maxsize if most is None else most

    def implementation(surroundings: CallContext, arguments: list[Json]) -> Json:
        if not least <= len(arguments) <= limit:
            raise QueryError(_arity_message(name, least, most))
        if first != 0 and None in arguments[:first]:
            return None
        if context:
            return body(surroundings, *arguments)
        return body(*arguments)

    return implementation


def _arity_message(name: str, least: int, most: int | None) -> str:
    if most is None:
        return f"{name} requires at least {least} argument(s)"
    if least == most:
        return f"{name} requires {least} argument(s)"
    return f"{name} requires {least} to {most} argument(s)"
