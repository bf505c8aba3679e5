"""Write docs/sdbql-functions.md from the catalogue: ``python tools/functions_page.py``."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from solidb_odm.language.functions import Function, catalogue

PAGE = Path(__file__).parent.parent / "docs" / "sdbql-functions.md"

HEAD = """\
# SDBQL functions

Names are written in any case. A function is called with the arguments in its signature; those in brackets
may be left out. `s` is a string, `n` a number, `i` a whole number, `a` an array, `o` an object, `d` a date,
`x` any value, `x->y` a lambda. "Engines" says where a function runs: on a *file*, on a *server*, or both.

This page is made from the catalogue by `python tools/functions_page.py`.
"""


def cell(text: str) -> str:
    """Return a text that fits into a table."""
    return text.replace("|", "\\|").replace("``", "`")


def row(function: Function) -> str:
    """Return a function's line in the table."""
    name = f"`{function.name}({cell(function.parameters)})`"
    aliases = ", ".join(f"`{alias}`" for alias in function.aliases)
    cells = (name, aliases, function.summary, function.returns, function.nulls, ", ".join(function.engines))
    return f"| {name} | {' | '.join(cell(c) for c in cells[1:])} |"


def page() -> str:
    """Return the whole page."""
    functions = sorted(catalogue(), key=lambda f: (f.family, f.name))
    parts = [HEAD]
    for family, members in groupby(functions, key=lambda f: f.family):
        lines = ["| Function | Also | What it gives | Result | Null | Engines |", "|---|---|---|---|---|---|"]
        parts.append("\n".join([f"## {family}", "", *lines, *map(row, members), ""]))
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
