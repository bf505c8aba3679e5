"""Revisions as files: short, and importing nothing of the application.

What a revision does, as a number: the same after comments, docstrings and formatting change.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import re
import secrets
import textwrap
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from .._types import is_list, is_map, is_row
from ..commands import IndexSpec
from .steps import UNSET, Step, source_text, step_text


def new_id() -> str:
    """Return the id of a new revision; it begins with a letter, so that it reads as a name."""
    return secrets.choice("abcdef") + secrets.token_hex(4)[:7]


def file_name(revision: str, words: str, moment: datetime) -> str:
    """Return ``20261123_1015_ab12cd34_add_stars.py``."""
    slug = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")[:40].strip("_")
    return f"{moment:%Y%m%d_%H%M}_{revision}_{slug or 'revision'}.py"


def revision_text(
    revision: str,
    words: str,
    down: Sequence[str],
    up: Sequence[Step],
    back: Sequence[Step],
    *,
    depends_on: Sequence[str] = (),
    branch_labels: Sequence[str] = (),
    replaces: Sequence[str] = (),
    sources: Sequence[str] = (),
) -> str:
    """Return the text of a revision."""
    head = [f'revision = "{revision}"', f"down_revision = {_names(down)}"]
    for name, values in (
        ("depends_on", depends_on),
        ("branch_labels", branch_labels),
        ("replaces", replaces),
    ):
        if values:
            head.append(f"{name} = {_names(values)}")
    title = words.replace("\\", "\\\\").replace('"""', "'''").strip() or "A revision"
    parts = [
        f'"""{title[:1].upper()}{title[1:].rstrip(".")}."""\n',
        "\n".join(head) + "\n",
        *(f"\n{source}\n" for source in sources),
        f"\ndef upgrade(op):\n{_body(up)}",
        f"\ndef downgrade(op):\n{_body(back)}",
    ]
    return "\n".join(parts)


def _names(values: Sequence[str]) -> str:
    if not values:
        return "None"
    if len(values) == 1:
        return f'"{values[0]}"'
    return "(" + ", ".join(f'"{value}"' for value in values) + ")"


def _body(steps: Sequence[Step]) -> str:
    if not steps:
        return "    pass\n"
    lines: list[str] = []
    for step in steps:
        if step.operation == "irreversible":
            lines.append(f"op.irreversible({source_text(step['reason'])})")
            continue
        lines.append(step_text(step, 106))
    return textwrap.indent("\n".join(lines) + "\n", "    ")


def write_revision(folder: Path, name: str, text: str) -> Path:
    """Write a file into the folder, making that if it is missing; a half-written file never stands there."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    draft = path.with_suffix(".py.new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
    return path


_IGNORED = (
    "kind",
    "type_comment",
    "ctx",
    "lineno",
    "col_offset",
    "end_lineno",
    "end_col_offset",
    "type_ignores",
)


def fingerprint(source: str) -> str:
    """Return the checksum of a revision's source, the same under every version of Python."""
    return _digest(_node(ast.parse(source)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _node(value: Any) -> str:
    if isinstance(value, ast.AST):
        fields = [
            f"{name}={_node(inner)}"
            for name, inner in ast.iter_fields(value)
            if name not in _IGNORED and inner is not None and inner != []
        ]
        return f"{type(value).__name__}({','.join(fields)})"
    if is_list(value):
        return f"[{','.join(_node(item) for item in value if not _is_docstring(item))}]"
    return repr(value)


def _is_docstring(node: Any) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def step_fingerprint(step: Step) -> str:
    """Return the checksum of one step, with the source of its functions."""
    parts = [f"{name}={_plain(value)}" for name, value in sorted(step.arguments.items())]
    return _digest(f"{step.operation}|{step.collection}|{'|'.join(parts)}")


def _plain(value: Any) -> str:
    if value is UNSET:
        return "..."
    if isinstance(value, IndexSpec):
        return repr(value).replace(", where=())", ")")  # as before there were indexes for some documents
    if callable(value):
        return _function(value)
    if is_map(value):
        return f"{{{','.join(f'{key!r}:{_plain(inner)}' for key, inner in sorted(value.items(), key=repr))}}}"
    if is_row(value):
        return f"[{','.join(map(_plain, value))}]"
    return repr(value)


def _function(function: Any) -> str:
    try:
        source = inspect.getsource(function)
        return _node(ast.parse(inspect.cleandoc(f"if 1:\n{source}" if source[:1].isspace() else source)))
    except (OSError, TypeError, SyntaxError):
        code = getattr(function, "__code__", None)
        return repr(
            (getattr(function, "__name__", ""), getattr(code, "co_code", b""), getattr(code, "co_consts", ()))
        )
