"""Modules stay short, named for what they hold, and finished."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "solidb_odm").rglob("*.py"))
LONGEST = 600
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|raise NotImplementedError\b")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_not_too_long_to_read(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST


def test_no_module_is_a_drawer_for_odds_and_ends() -> None:
    drawers = {"utils", "util", "helpers", "helper", "manager", "misc", "common"}
    assert [path.name for path in MODULES if path.stem in drawers] == []


def test_nothing_is_left_for_later() -> None:
    assert [str(path) for path in MODULES if UNFINISHED.search(path.read_text())] == []


def test_every_module_says_what_it_is_for() -> None:
    assert [str(path) for path in MODULES if not path.read_text().lstrip().startswith(('"""', 'r"""'))] == []
