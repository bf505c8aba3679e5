"""What a revision does, as a number: the same after comments, docstrings and formatting change."""

from __future__ import annotations

import ast
import hashlib
import inspect
from typing import Any

from ..commands import IndexSpec
from .steps import UNSET, Step

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
    if isinstance(value, list):
        return f"[{','.join(_node(each) for each in value if not _is_docstring(each))}]"  # pyright: ignore[reportUnknownVariableType]
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
        return repr(value)
    if callable(value):
        return _function(value)
    if isinstance(value, dict):
        return f"{{{','.join(f'{key!r}:{_plain(inner)}' for key, inner in sorted(value.items(), key=repr))}}}"  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(_plain, value))}]"  # pyright: ignore[reportUnknownArgumentType]
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
