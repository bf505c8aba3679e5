"""What is public is in the documentation."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = "\n".join(path.read_text() for path in sorted((ROOT / "docs").rglob("*.md")))
WORDS = frozenset(re.findall(r"\w+", DOCS))
PUBLIC = ["solidb_odm", "solidb_odm.client", "solidb_odm.offline", "solidb_odm.testing"]


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_is_in_the_documentation(module: str) -> None:
    exported: list[str] = importlib.import_module(module).__all__
    assert [name for name in exported if name not in WORDS] == []


def test_every_error_is_in_the_documentation() -> None:
    errors = importlib.import_module("solidb_odm.errors")
    classes = inspect.getmembers(errors, inspect.isclass)
    raised = [name for name, kind in classes if issubclass(kind, Exception)]
    assert [name for name in raised if name not in WORDS] == []
