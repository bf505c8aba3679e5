"""Results as tables, for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, cast

from ..model.document import Document
from ..model.edge import Edge
from ..query.columns import Path
from ..query.svg import draw, draw_graph, label_of

_SHOWN, _LONGEST = 50, 80


def table(names: list[str], rows: Sequence[Any]) -> str:
    """Return the rows as an HTML table; documents of one class by their fields, paths as a drawing.

    Above rows with edges and the documents at their ends stands a drawing of these.
    """
    shown = rows[:_SHOWN]
    drawn = _graph(shown)
    if shown and all(isinstance(row, Path) for row in shown):
        return draw([(row.vertices, row.edges) for row in shown]) + _more(rows)
    if shown and isinstance(shown[0], Document) and all(type(row) is type(shown[0]) for row in shown):
        names = list(type(shown[0]).__pydantic_fields__)
        cells = [[row.__dict__.get(name) for name in names] for row in shown]
    else:
        cells = [list(row) if len(names) > 1 else [row] for row in shown]
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in cells)
    return f"{drawn}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{_more(rows)}"


def _graph(rows: Sequence[Any]) -> str:
    """Draw the edges in rows between the documents in rows, or at their ends where these are loaded."""
    cells = [cell for row in rows for cell in (cast(Any, row) if isinstance(row, tuple) else (row,))]
    edges: list[Edge[Any, Any]] = [cell for cell in cells if isinstance(cell, Edge)]
    ends = (end for edge in edges for end in (edge.from_, edge.to))
    vertices = [each for each in (*cells, *ends) if isinstance(each, Document) and not isinstance(each, Edge)]
    return draw_graph(vertices, edges) if edges and vertices else ""


def _cell(value: Any) -> str:
    if isinstance(value, Document):
        text = f"{type(value).__name__} {label_of(value)}"
    else:
        text = "" if value is None else str(value)
    return f"<td>{escape(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + '…')}</td>"


def _more(rows: Sequence[Any]) -> str:
    return f"<p>.. and {len(rows) - _SHOWN} more rows</p>" if len(rows) > _SHOWN else ""
