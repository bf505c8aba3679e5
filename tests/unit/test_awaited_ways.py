"""What an awaited session or engine names as the way is written with ``await``."""

from __future__ import annotations

import pytest

from solidb_odm import AsyncSession, create_async_engine, create_engine, sessionmaker
from solidb_odm._wrong_calls import awaited
from solidb_odm.engine.engine import WAYS as ENGINE_WAYS
from solidb_odm.errors import UsageError
from solidb_odm.session.session_base import MAKER_WAYS
from solidb_odm.session.session_base import WAYS as SESSION_WAYS


@pytest.mark.parametrize(
    ("way", "with_await"),
    [
        ("session.commit()", "await session.commit()"),
        (
            "session.scalars(select(User).where(..)).all()",
            "(await session.scalars(select(User).where(..))).all()",
        ),
        (
            "session.add(document), then session.commit()",
            "session.add(document), then await session.commit()",
        ),
        ("with Session(engine) as session: ..", "async with AsyncSession(engine) as session: .."),
        ("with session.begin(): ..", "async with session.begin(): .."),
        ("with session.no_autoflush: ..", "with session.no_autoflush: .."),
        ("engine.dispose()", "await engine.dispose()"),
        ("session.stream(statement, batch=1000)", "session.stream(statement, batch=1000)"),
    ],
)
def test_a_way_is_written_with_await(way: str, with_await: str) -> None:
    assert awaited(way) == with_await == awaited(with_await)


@pytest.mark.parametrize("way", sorted({*SESSION_WAYS.values(), *ENGINE_WAYS.values(), *MAKER_WAYS.values()}))
def test_no_way_of_an_awaited_object_blocks(way: str) -> None:
    told = awaited(way)

    assert "with Session(" not in told
    for name in ("commit", "execute", "scalars", "scalar", "get", "refresh", "dispose"):
        for owner in ("session", "engine"):
            assert told.count(f"{owner}.{name}(") == told.count(f"await {owner}.{name}(")


def test_an_awaited_session_and_engine_name_awaited_ways() -> None:
    engine = create_async_engine("sqlite://")

    with pytest.raises(AttributeError, match=r"write async with AsyncSession\(engine\) as session"):
        engine.begin  # noqa: B018
    with pytest.raises(AttributeError, match=r"write \(await session\.scalars\(.*\)\)\.all\(\)"):
        AsyncSession(engine).query  # noqa: B018


def test_what_is_entered_in_the_way_of_the_other_colour_says_how() -> None:
    engine, awaits = create_engine("sqlite://"), create_async_engine("sqlite://")

    async def enter(block: object) -> None:
        async with block:  # type: ignore[attr-defined]
            pass

    for block in (awaits, AsyncSession(awaits), AsyncSession(awaits).begin()):
        with pytest.raises(UsageError, match=r"is awaited.*\n.*write async with"), block:  # type: ignore[attr-defined]
            pass
    for other in (
        engine,
        sessionmaker(engine)(),
        sessionmaker(engine)().begin(),
        sessionmaker(engine).begin(),
    ):
        with pytest.raises(UsageError, match=r"blocks.*\n.*write with"):
            enter(other).send(None)
