"""Printing reports: as JSON, as tables where rich is there and a terminal reads, else as plain lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from ..migrations.reports import as_json


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
