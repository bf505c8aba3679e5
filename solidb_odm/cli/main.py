"""The commands of ``solidb-odm``: arguments in, text out; the logic is elsewhere."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

from ..commands import CountDocuments, ExplainQuery, ListCollections, Operation, call
from ..errors import SolidbError
from ..query import sdbql
from ..session import Engine, Session, create_engine
from . import scheduler

URL_HELP = "sqlite:///file.db, or solidb://user:password@host:6745/database; default: $SOLIDB_URL"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 if it went well, 1 after an error, 2 for wrong arguments."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    if not options.url:
        parser.error("no database: give --url, or set SOLIDB_URL")
    try:
        with create_engine(options.url, auto_create=False) as engine:
            command: Callable[[Engine, Any], None] = options.command
            command(engine, options)
    except SolidbError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of all commands."""
    parser = argparse.ArgumentParser(prog="solidb-odm", description="Work with a solidb_odm database.")
    parser.add_argument("--version", action="version", version=version("solidb-odm"))
    parser.add_argument("--url", default=os.environ.get("SOLIDB_URL", ""), help=URL_HELP)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, command, words in (
        ("query", run_query, "run SDBQL and print its rows, a line of JSON each"),
        ("explain", explain, "say how a query would run"),
    ):
        made = commands.add_parser(name, help=words, description=words)
        made.add_argument("text", help="SDBQL; - reads it from standard input")
        made.add_argument(
            "-b", "--bind", action="append", default=[], metavar="NAME=JSON", help="a bind variable"
        )
        made.set_defaults(command=command)
    made = commands.add_parser("collections", help="list the collections and their documents")
    made.set_defaults(command=list_collections)
    made = commands.add_parser("create-database", help="make the database the URL names, if it is missing")
    made.set_defaults(command=create_database)
    scheduler.add_to(commands)
    return parser


def run_query(engine: Engine, options: Any) -> None:
    """Print the rows of a query. One that writes is committed."""
    with Session(engine) as session:
        rows = session.scalars(sdbql(_text(options), **_binds(options)))
        session.commit()
    for row in rows:
        print(json.dumps(row, ensure_ascii=False))


def explain(engine: Engine, options: Any) -> None:
    """Print how the engine would run a query."""
    compiled = sdbql(_text(options), **_binds(options)).compile()
    found = engine.run(call(ExplainQuery(compiled.query, compiled.bind_vars)))
    print(json.dumps(found, ensure_ascii=False, indent=2))


def list_collections(engine: Engine, _options: Any) -> None:
    """Print each collection with the number of its documents."""

    def counts() -> Operation[dict[str, int]]:
        names = yield from call(ListCollections())
        found: dict[str, int] = {}
        for name in names:
            found[name] = yield from call(CountDocuments(name))
        return found

    for name, count in engine.run(counts()).items():
        print(f"{count:>10}  {name}")


def create_database(engine: Engine, _options: Any) -> None:
    """Make the database."""
    engine.create_database()


def _text(options: Any) -> str:
    return sys.stdin.read() if options.text == "-" else options.text


def _binds(options: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in options.bind:
        name, equals, value = pair.partition("=")
        try:
            found[name] = json.loads(value) if equals else None
        except json.JSONDecodeError:
            found[name] = value
    return found
