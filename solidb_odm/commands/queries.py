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
    """Run a query; the reply is its rows. A mutation without RETURN has none.

    ``text`` is the text of a query that a person wrote, for messages; the nodes are run. With ``approximate``
    a sort by nearness may use an approximate index. With ``are_loaded`` rows that are arrays may be
    tuples, and whole documents in them in the stored form of the engine, where that is cheaper.
    """

    query: Query
    binds: Mapping[str, Any] = field(default_factory=dict[str, Any])
    text: str = ""
    approximate: bool = False
    are_loaded: bool = False


@dataclass(frozen=True, slots=True)
class FetchDocuments(Command[list[Stored | None]]):
    """Run a query whose rows are complete documents or null.

    The reply has them in the engine's stored form, which is faster to load than rows. For ``approximate`` see
    RunQuery.
    """

    query: Query
    binds: Mapping[str, Any] = field(default_factory=dict[str, Any])
    approximate: bool = False


@dataclass(frozen=True, slots=True)
class ExplainQuery(Command[Json]):
    """Explain a query; the reply is a JSON object in the engine's own format."""

    query: Query
    binds: Mapping[str, Any] = field(default_factory=dict[str, Any])
