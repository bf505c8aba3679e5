"""Commands that run SDBQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from .._dataclasses import dataclass
from .._types import Json, Stored
from ..language.nodes import Query
from .command import Command


@dataclass(frozen=True, slots=True)
class RunQuery(Command[list[Json]]):
    """Run a query; the reply is its rows. A mutation without RETURN answers with no rows.

    ``text`` is the query's own text where a person wrote it, for messages; the nodes count. ``approximate``:
    what it sorts by nearness may come from an approximate index.
    """

    query: Query
    binds: Mapping[str, Any] = field(default_factory=dict[str, Any])
    text: str = ""
    approximate: bool = False


@dataclass(frozen=True, slots=True)
class FetchDocuments(Command[list[Stored | None]]):
    """Run a query whose rows are whole documents or null, as a variable returns them.

    The reply has them in the engine's stored form, which is cheaper to load than rows. ``approximate`` is
    that of RunQuery.
    """

    query: Query
    binds: Mapping[str, Any] = field(default_factory=dict[str, Any])
    approximate: bool = False


@dataclass(frozen=True, slots=True)
class ExplainQuery(Command[Json]):
    """Describe how the engine would run a query: a JSON object whose form is the engine's own."""

    query: Query
    binds: Mapping[str, Any] = field(default_factory=dict[str, Any])
