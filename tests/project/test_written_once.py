"""What several rooms need to know is written once, so that it can't be true in one and false in another."""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from solidb_odm._backoff import pause

PACKAGE = Path(__file__).parents[2] / "solidb_odm"
TREES = {str(path.relative_to(PACKAGE)): ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")}


def lists_system_attributes(node: ast.AST) -> bool:
    """Return whether a tuple, list or set of texts names what the engine keeps in a document."""
    if not isinstance(node, ast.Tuple | ast.List | ast.Set):
        return False
    return {"_rev", "_created_at"} <= {each.value for each in node.elts if isinstance(each, ast.Constant)}


def makes_a_uuid7(node: ast.AST) -> bool:
    """Return whether the version of a UUIDv7 is put in its place: shifted by 76, or before its digits."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.LShift):
        return ast.unparse(node).endswith("7 << 76")
    return isinstance(node, ast.JoinedStr) and "-7{" in ast.unparse(node)


def doubles_a_wait(node: ast.AST) -> bool:
    """Return whether a time is doubled with each try."""
    return (
        isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and "attempt" in ast.unparse(node.right)
    )


def takes_and_apart(node: ast.AST) -> bool:
    """Return whether a function takes the AND of a node apart by calling itself on its operands."""
    if not isinstance(node, ast.FunctionDef):
        return False
    text = ast.unparse(node)
    return (
        "Logical" in text and "== 'AND'" in text and text.count(f"{node.name}(") > 1 and ".operands" in text
    )


@pytest.mark.parametrize(
    ("is_it", "home"),
    [
        (lists_system_attributes, "language/stored_documents.py"),
        (makes_a_uuid7, "language/stored_documents.py"),
        (doubles_a_wait, "_backoff.py"),
        (takes_and_apart, "language/walk.py"),
    ],
)
def test_it_stands_in_one_module(is_it: Callable[[ast.AST], bool], home: str) -> None:
    places = [name for name, tree in TREES.items() if any(map(is_it, ast.walk(tree)))]

    assert places == [home]


def test_pauses_double_up_to_a_limit_and_are_spread() -> None:
    def extremes(attempt: int) -> Iterator[float]:
        for jitter in (0.0, 1.0):
            yield pause(attempt, 0.5, 60, lambda jitter=jitter: jitter)  # type: ignore[misc]

    assert [tuple(extremes(attempt)) for attempt in (0, 1, 6, 7, 10_000)] == [
        (0.25, 0.5), (0.5, 1.0), (16.0, 32.0), (30.0, 60.0), (30.0, 60.0)
    ]  # fmt: skip
    assert len({pause(3, 0.1, 5, random.random) for _ in range(20)}) > 1
