"""Groups by lists, sets, dicts and models are those of equal values in Python, on both engines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from solidb_odm import Document, Registry, Session, create_engine, func, select
from solidb_odm.errors import UsageError
from tools.server import LocalServer


class Part(BaseModel):
    x: int = 0
    y: float = 0.0


class OddGroup(Document, collection="odd_groups", registry=Registry()):
    wholes: list[int] = []
    floats: list[float] = []
    gaps: list[int | None] = []
    texts: list[str] = []
    nested: list[list[int]] = []
    marks: set[int] = set()
    names: set[str] = set()
    counts: dict[str, int] = {}
    pair: tuple[int, str] = (0, "")
    part: Part = Part()
    parts: list[Part] = []
    maybe: Part | None = None
    share: float | None = None
    money: Decimal = Decimal(0)
    mixed: int | float | str = 0
    at: datetime = datetime(2024, 1, 1, tzinfo=UTC)
    took: timedelta = timedelta(0)
    raw: bytes = b""
    flag: bool | None = None
    amounts: list[Decimal] = []
    sums: set[Decimal] = set()


FIELDS = [name for name in OddGroup.model_fields if name not in ("key", "amounts", "sums")]
LATER = datetime(2024, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
ROWS: list[dict[str, Any]] = [
    {}, {"wholes": [1, 2]}, {"wholes": [2, 1], "marks": {2, 1}}, {"wholes": [1, 2], "marks": {1, 2}},
    {"counts": {"a": 1, "b": 2}}, {"counts": {"b": 2, "a": 1}, "names": {"b", "a"}}, {"names": {"a", "b"}},
    {"floats": [1.0], "part": Part(x=1, y=1.0)}, {"floats": [1], "part": Part(x=1, y=1)}, {"flag": False},
    {"money": Decimal("1.0")}, {"money": Decimal("1.00")}, {"mixed": 1}, {"mixed": 1.0}, {"mixed": "1"},
    {"at": LATER}, {"maybe": Part(), "parts": [Part(x=1)]}, {"maybe": Part(), "parts": [Part(x=1)]},
    {"share": 0.0}, {"share": -0.0, "gaps": [None]}, {"gaps": [None, 1]},
    {"nested": [[1], []], "flag": False},
    {"nested": [[1], []], "pair": (1, "a")}, {"pair": (1, "a"), "texts": ["a"]}, {"raw": b"a"}, {"raw": b"a"},
    {"texts": ["a"], "took": timedelta(1)}, {"took": timedelta(days=1)}, {"nested": [[1, 2]]}, {"raw": b"b"},
]  # fmt: skip


@pytest.fixture(params=["sqlite-file", pytest.param("server", marks=pytest.mark.server)], scope="module")
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session on each engine with these rows, shared by what only reads."""
    path: Path = tmp_path_factory.mktemp("odd") / "groups.db"
    server: LocalServer | None = None if request.param == "sqlite-file" else request.getfixturevalue("server")
    if server is not None:
        server.create_database("odd_groups")
    url = f"sqlite:///{path}" if server is None else server.url("odd_groups")
    with create_engine(url) as engine, Session(engine) as opened:
        opened.add_all(OddGroup(key=f"k{number:02}", **row) for number, row in enumerate(ROWS))
        opened.commit()
        yield opened
    if server is not None:
        server.drop_database("odd_groups")


def groups(documents: list[OddGroup], name: str) -> list[tuple[Any, list[str]]]:
    """Return the groups of equal values, with the keys of their documents."""
    made: list[tuple[Any, list[str]]] = []
    for document in documents:
        value = getattr(document, name)
        keys = next((keys for known, keys in made if known == value), None)
        if keys is None:
            made.append((value, [document.key]))
        else:
            keys.append(document.key)
    return made


@pytest.mark.parametrize("name", FIELDS)
def test_equal_values_are_one_group(session: Session, name: str) -> None:
    field: Any = getattr(OddGroup, name)
    expected = groups(list(session.scalars(select(OddGroup).order_by(OddGroup.key))), name)

    asked = select(field, func.count(), func.min(OddGroup.key), func.max(OddGroup.key)).group_by(field)
    rows = session.execute(asked).all()

    assert sorted((first, last, count) for _, count, first, last in rows) == sorted(
        (keys[0], keys[-1], len(keys)) for _, keys in expected
    )
    values = {first: value for value, _, first, _ in rows}
    assert all(values[keys[0]] == value for value, keys in expected)
    distinct: list[Any] = session.scalars(select(field).distinct()).all()
    assert len(distinct) == len(expected)
    assert all(value in distinct for value, _ in expected)


@pytest.mark.parametrize("name", ["amounts", "sums"])
def test_lists_of_decimals_are_refused_when_written(name: str) -> None:
    with pytest.raises(UsageError, match="can't tell equal lists of decimals apart"):
        select(func.count()).group_by(getattr(OddGroup, name))
