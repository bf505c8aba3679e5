"""Every package says what is public, in order, and has it."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INITS = sorted((ROOT / "solidb_odm").rglob("__init__.py"))
PACKAGES = [".".join(path.parent.relative_to(ROOT).parts) for path in INITS]


@pytest.mark.parametrize("name", PACKAGES)
def test_all_is_sorted_without_repeats_and_importable(name: str) -> None:
    package = importlib.import_module(name)
    exported: list[str] = getattr(package, "__all__", [])

    assert exported == sorted(set(exported))
    assert [public for public in exported if not hasattr(package, public)] == []


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_that_imports_names_lists_them(name: str) -> None:
    package = importlib.import_module(name)
    source = Path(str(package.__file__)).read_text()

    assert "import" not in source.replace("from __future__ import", "") or hasattr(package, "__all__")
