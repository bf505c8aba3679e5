"""Ways through a graph as a picture, for notebooks: SVG, a column for each step from the start."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})
"""What ``html.escape`` does, which comes with a table of all entities that takes longer to load."""
_WIDTH, _HEIGHT, _ACROSS, _DOWN, _LONGEST = 120, 32, 190, 54, 16


def escaped(text: str) -> str:
    """Return a text as it stands in HTML."""
    return text.translate(_ESCAPES)


def draw(ways: Iterable[tuple[Sequence[Any], Sequence[Any]]]) -> str:
    """Draw documents and the edges between them; what ways share is drawn once."""
    columns: dict[str, int] = {}
    labels: dict[str, str] = {}
    arrows: dict[tuple[str, str], str] = {}
    for vertices, edges in ways:
        for step, vertex in enumerate(vertices):
            columns.setdefault(vertex.id, step)
            labels.setdefault(vertex.id, label_of(vertex))
        arrows |= {(edge.from_id, edge.to_id): type(edge).__name__ for edge in edges}
    return _picture(columns, labels, arrows)


def draw_graph(vertices: Iterable[Any], edges: Sequence[Any]) -> str:
    """Draw documents and edges in any order, each document right of those that lead to it."""
    labels = {vertex.id: label_of(vertex) for vertex in vertices}
    arrows = {(edge.from_id, edge.to_id): type(edge).__name__ for edge in edges}
    known = [ends for ends in arrows if ends[0] in labels and ends[1] in labels]
    reached = {end for start, end in known if start != end}
    columns = dict.fromkeys((name for name in labels if name not in reached), 0)
    _spread(columns, known)
    for name in labels:  # a circle has no beginning: begin anywhere
        if name not in columns:
            columns[name] = 0
            _spread(columns, known)
    return _picture(columns, labels, arrows)


def _spread(columns: dict[str, int], known: Sequence[tuple[str, str]]) -> None:
    """Place each target in the column after that of its nearest source."""
    level = list(columns)
    while level:
        fresh = {end: columns[start] + 1 for start, end in known if start in level and end not in columns}
        columns |= fresh
        level = list(fresh)


def _picture(columns: dict[str, int], labels: dict[str, str], arrows: dict[tuple[str, str], str]) -> str:
    places: dict[str, tuple[int, int]] = {}
    rows: dict[int, int] = {}
    for name, column in columns.items():
        row = rows.get(column, 0)
        rows[column] = row + 1
        places[name] = (10 + column * _ACROSS, 10 + row * _DOWN)
    known = {ends: name for ends, name in arrows.items() if ends[0] in places and ends[1] in places}
    lines = [_arrow(places[start], places[end], name) for (start, end), name in known.items()]
    boxes = [_box(place, labels[vertex]) for vertex, place in places.items()]
    width = 20 + _WIDTH + _ACROSS * max(rows, default=0)
    height = 20 + _HEIGHT + _DOWN * (max(rows.values(), default=1) - 1)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="12" text-anchor="middle">'
        '<defs><marker id="solidb-tip" markerWidth="8" markerHeight="8" refX="7" refY="3" orient="auto">'
        f'<path d="M0,0 L7,3 L0,6 z" fill="#777"/></marker></defs>{"".join((*lines, *boxes))}</svg>'
    )


def label_of(document: Any) -> str:
    """Return a short name of a document: its name or title, or else its key."""
    values: dict[str, Any] = document.__dict__
    name = next((values[name] for name in ("name", "title") if isinstance(values.get(name), str)), None)
    text = name or str(document.key)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _box(place: tuple[int, int], label: str) -> str:
    x, y = place
    return (
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="8" fill="#eef3fa" stroke="#4a6fa5"/>'
        f'<text x="{x + _WIDTH // 2}" y="{y + 20}" fill="#1d2b3a">{escaped(label)}</text>'
    )


def _arrow(start: tuple[int, int], end: tuple[int, int], name: str) -> str:
    (x1, y1), (x2, y2) = start, end
    forwards = x2 > x1
    x1, x2 = (x1 + _WIDTH, x2) if forwards else (x1, x2 + _WIDTH)
    y1, y2 = y1 + _HEIGHT // 2, y2 + _HEIGHT // 2
    middle = f'x="{(x1 + x2) // 2}" y="{(y1 + y2) // 2 - 4}"'
    return (
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#777" marker-end="url(#solidb-tip)"/>'
        f'<text {middle} fill="#777" font-size="10">{escaped(name)}</text>'
    )
