"""Where the command line begins: arguments are read before anything of the package is imported."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import cast

from .parser import make_parser

_DISPATCH = "solidb_odm.cli.dispatch"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    0 if it went well, 1 after an error, 2 for wrong arguments, 3 if ``check`` found something, 4 if a
    decision or leave to lose data is wanted, 5 if another runner is at work.
    """
    parser = make_parser()
    options = parser.parse_args(arguments)
    return cast(int, import_module(_DISPATCH).dispatch(parser, options))
