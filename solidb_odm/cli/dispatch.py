"""Running the command that was asked for, and turning its errors into exit codes.

Printing reports: as JSON, as tables where rich is there and a terminal reads, else as plain lines.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from ..commands import ListCollections, call
from ..engine.engine import Engine, create_engine
from ..errors import DataLossRefused, DecisionNeeded, MigrationLocked, SolidbError, StoreUnavailable
from ..migrations.reports import as_json
from .configuration import Configuration, read_configuration

_LOOKS = ("queries:", "transfer:dump", "upgrades:attic", "upgrades:downgrade", "upgrades:inspect")
"""The homes of commands that work with what is there, and make no file where the URL is mistyped."""

_REPORTS = ("upgrades:check", "upgrades:current", "upgrades:doctor", "upgrades:plan")
"""The homes of commands that say what an upgrade would find: nothing, where there is no file yet."""


class Context:
    """What a command works with: its arguments, the configuration, and the database once it is needed."""

    def __init__(self, parser: argparse.ArgumentParser, options: Any, configuration: Configuration) -> None:
        self.options, self.configuration = options, configuration
        self._parser = parser
        self._engine: Engine | None = None

    def refuse(self, problem: str) -> NoReturn:
        """Say that the arguments are wrong, and end."""
        self._parser.error(problem)

    @property
    def url(self) -> str:
        """The URL of the database, empty if none was given."""
        return self.configuration.url

    def need_url(self) -> None:
        """End if no database was named."""
        if not self.url:
            self.refuse("no database: give --url, set SOLIDB_URL, or write url in [tool.solidb_odm]")

    @property
    def engine(self) -> Engine:
        """The database, opened when it is first used."""
        if self._engine is None:
            self._engine = self._open()
        return self._engine

    def _open(self) -> Engine:
        """Open the database; a command that only looks makes no file."""
        home = self.options.home
        reports = home in _REPORTS or getattr(self.options, "dry_run", False)
        if not (self.url.startswith("sqlite:") and (reports or home.startswith(_LOOKS))):
            return create_engine(self.url, auto_create=False)
        engine = create_engine(self.url, auto_create=False, create=False)
        if not reports:
            return engine
        try:
            engine.run(call(ListCollections()))
        except StoreUnavailable as error:
            engine.dispose()
            if not error.path or Path(error.path).exists():
                raise
            print(f"note: {error.path} does not exist yet; upgrade creates it", file=sys.stderr)
            return create_engine("sqlite://", auto_create=False)
        return engine

    def close(self) -> None:
        """Close the database."""
        if self._engine is not None:
            self._engine.dispose()


def dispatch(parser: argparse.ArgumentParser, options: Any) -> int:
    """Run a command; its exit code."""
    try:
        configuration = read_configuration(options)
        context = Context(parser, options, configuration)
        if options.needs_url:
            context.need_url()
        try:
            return _run(context, options.home)
        finally:
            context.close()
    except (DecisionNeeded, DataLossRefused) as error:
        return _fail(error, 4)
    except MigrationLocked as error:
        return _fail(error, 5)
    except SolidbError as error:
        return _fail(error, 1)
    except OSError as error:
        print(f"error: {error.strerror or error}: {error.filename or ''}".rstrip(": "), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; run the command again to continue", file=sys.stderr)
        return 1


def _run(context: Context, home: str) -> int:
    module, _, name = home.partition(":")
    result = getattr(import_module(f"solidb_odm.cli.{module}"), name)(context)
    return int(result or 0)


def _fail(error: SolidbError, code: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return code


def print_json(value: Any) -> None:
    """Print a report as JSON."""
    print(json.dumps(as_json(value), ensure_ascii=False, indent=2))


def print_table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows under a head."""
    texts = [[str(cell) for cell in row] for row in rows]
    if sys.stdout.isatty() and _print_rich(head, texts):
        return
    widths = [max(len(row[at]) for row in [list(head), *texts]) for at in range(len(head))]
    for row in [list(head), *texts]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _print_rich(head: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    try:
        table = import_module("rich.table").Table(*head)
        console = import_module("rich.console").Console()
    except ImportError:
        return False
    for row in rows:
        table.add_row(*row)
    console.print(table)
    return True
