"""Running the command that was asked for, and turning its errors into exit codes."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from typing import Any

from ..engine.engine import Engine, create_engine
from ..errors import DataLossRefused, DecisionNeeded, MigrationLocked, SolidbError
from .configuration import Configuration, read_configuration

_LOOKS = ("queries:", "reports:inspect", "runs:attic")
"""The homes of commands that only look at what is there; a missing file is one that is to be upgraded yet."""


class Context:
    """What a command works with: its arguments, the configuration, and the database once it is needed."""

    def __init__(self, options: Any, configuration: Configuration) -> None:
        self.options, self.configuration = options, configuration
        self._engine: Engine | None = None

    @property
    def url(self) -> str:
        """The URL of the database, empty if none was given."""
        return self.configuration.url

    @property
    def engine(self) -> Engine:
        """The database, opened when it is first used."""
        if self._engine is None:
            self._engine = create_engine(self.url, auto_create=False, **self._opening())
        return self._engine

    def _opening(self) -> dict[str, bool]:
        """Return how a file is opened: a command that only looks makes none where the URL is mistyped."""
        looks = self.options.home.startswith(_LOOKS)
        return {"create": False} if looks and self.url.startswith("sqlite:") else {}

    def close(self) -> None:
        """Close the database."""
        if self._engine is not None:
            self._engine.dispose()


def dispatch(parser: argparse.ArgumentParser, options: Any) -> int:
    """Run a command; its exit code."""
    try:
        configuration = read_configuration(options)
        if options.needs_url and not configuration.url:
            parser.error("no database: give --url, set SOLIDB_URL, or write url in [tool.solidb_odm]")
        context = Context(options, configuration)
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
    except KeyboardInterrupt:
        print("stopped; run it again to go on from there", file=sys.stderr)
        return 1


def _run(context: Context, home: str) -> int:
    module, _, name = home.partition(":")
    result = getattr(import_module(f"solidb_odm.cli.{module}"), name)(context)
    return int(result or 0)


def _fail(error: SolidbError, code: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return code
