"""The page about the server's features leaves no call out, and says nothing that isn't so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from solidb_odm.client import AsyncClient, Client

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "server-features.md").read_text()
CALLS = [
    line
    for line in (ROOT / "tests" / "fixtures" / "seed_calls.txt").read_text().splitlines()
    if line and not line.startswith("#")
]
ROWS = {
    row[0]: row for row in re.findall(r"^\| `([\w.]+)` \| `([\w.]+)` \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)
}
BEYOND = re.findall(r"^\| `(client[\w.]+)` \| ([^`|]+.*) \| (.+) \|$", PAGE, re.MULTILINE)


def named(kind: Any, ours: str) -> Any:
    """Return what ``client.area.call`` names, without making a client."""
    for name in ours.split(".")[1:]:
        member = getattr(kind, name)
        kind = member.fget.__annotations__["return"] if isinstance(member, property) else member
        if isinstance(kind, str):
            kind = vars(__import__(member.fget.__module__, fromlist=["x"])).get(kind, kind)
    return kind


@pytest.mark.parametrize("call", CALLS)
def test_every_call_has_a_row(call: str) -> None:
    assert call in ROWS


@pytest.mark.parametrize("ours", sorted({row[1] for row in ROWS.values()} | {row[0] for row in BEYOND}))
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_what_a_row_names_is_there(kind: type, ours: str) -> None:
    assert named(kind, ours) is not None


@pytest.mark.parametrize("row", [*ROWS.values(), *((call, call, *rest) for call, *rest in BEYOND)])
def test_what_a_row_calls_tested_is_called_by_that_test(row: tuple[str, str, str, str]) -> None:
    found = re.fullmatch(r"yes: `(\w+\.py)`", row[3])
    assert found, f"{row[0]} is not tested"
    source = (ROOT / "tests" / "server" / found[1]).read_text()
    *_, area, call = row[1].split(".")

    assert re.search(rf'\b{call}\b|"{call}"', source), f"{found[1]} does not mention {area}.{call}"
