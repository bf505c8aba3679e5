"""The commands on data: query, explain, collections, create-database."""

from __future__ import annotations

import json
import sys
from typing import Any

from ..commands import CountDocuments, ExplainQuery, ListCollections, Operation, call
from ..query import sdbql
from ..session import Session
from .dispatch import Context, print_json


def run_query(context: Context) -> None:
    """Print the rows of a query. One that writes is committed."""
    with Session(context.engine) as session:
        rows = session.scalars(sdbql(_text(context.options), **_binds(context.options)))
        session.commit()
    for row in rows:
        print(json.dumps(row, ensure_ascii=False))


def explain(context: Context) -> None:
    """Print how the engine would run a query."""
    compiled = sdbql(_text(context.options), **_binds(context.options)).compile()
    plan = context.engine.run(call(ExplainQuery(compiled.query, compiled.bind_vars)))
    print(json.dumps(plan, ensure_ascii=False, indent=2))


def list_collections(context: Context) -> None:
    """Print each collection with the number of its documents."""

    def counts() -> Operation[dict[str, int]]:
        names = yield from call(ListCollections())
        documents: dict[str, int] = {}
        for name in names:
            documents[name] = yield from call(CountDocuments(name))
        return documents

    documents = context.engine.run(counts())
    if context.options.json:
        print_json([{"name": name, "documents": count} for name, count in documents.items()])
        return
    for name, count in documents.items():
        print(f"{count:>10}  {name}")


def create_database(context: Context) -> None:
    """Make the database."""
    context.engine.create_database()


def _text(options: Any) -> str:
    return sys.stdin.read() if options.text == "-" else options.text


def _binds(options: Any) -> dict[str, Any]:
    binds: dict[str, Any] = {}
    for pair in options.bind:
        name, equals, value = pair.partition("=")
        try:
            binds[name] = json.loads(value) if equals else None
        except json.JSONDecodeError:
            binds[name] = value
    return binds
