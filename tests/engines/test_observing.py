"""What engines tell about their work, and results in notebooks, on every engine."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from solidb_odm import (
    AsyncEngine,
    AsyncSession,
    Document,
    Edge,
    Engine,
    QueryEvent,
    Session,
    create_engine,
    func,
    sdbql,
    select,
    shortest_path,
)
from solidb_odm.errors import ConfigurationError, QueryError, SolidbError


class Town(Document, collection="towns"):
    name: str
    size: int = 0


class Road(Edge[Town, Town], collection="town_roads"):
    pass


@pytest.fixture
def events(engine: Engine) -> list[QueryEvent]:
    engine.create_all(Town, Road)
    heard: list[QueryEvent] = []
    engine.on_query(heard.append)
    return heard


@pytest.fixture
def session(engine: Engine, events: list[QueryEvent]) -> Iterator[Session]:
    with Session(engine) as opened:
        towns = [Town(key=key, name=f"<{key}>", size=size) for size, key in enumerate("abc")]
        opened.add_all([*towns, Road(towns[0], towns[1]), Road(towns[1], towns[2])])
        opened.commit()
        events.clear()
        yield opened


def test_a_query_is_told_with_its_text_binds_and_rows(session: Session, events: list[QueryEvent]) -> None:
    statement = select(Town.name).where(Town.size > 0)
    session.execute(statement)

    (event,) = events
    assert (event.command, event.text) == ("RunQuery", statement.compile().text)
    assert (event.binds, event.rows, event.collections) == ({"p0": 0}, 2, ("towns",))
    assert event.milliseconds > 0
    assert event.error is event.plan is None


def test_reads_by_key_and_writes_are_told(session: Session, events: list[QueryEvent]) -> None:
    session.expunge_all()
    session.get_one(Town, "a").size = 9
    session.add(Town(key="d", name="D"))
    session.commit()

    told = [event for event in events if event.command != "Commit"]
    assert told[0].text == "Get towns/a"
    assert [(event.rows, set(event.collections)) for event in told] == [(1, {"towns"}), (2, {"towns"})]


def test_what_the_engine_raised_is_told(session: Session, events: list[QueryEvent]) -> None:
    with pytest.raises(SolidbError) as caught:
        session.execute(sdbql("FOR t IN nowhere RETURN t"))

    assert events[-1].error is not None
    assert type(events[-1].error) is type(caught.value)
    assert events[-1].rows == 0


def test_an_error_of_a_listener_goes_no_further(
    engine: Engine, session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    @engine.on_query
    def fail(event: QueryEvent) -> None:
        raise ValueError(event.command)

    with Session(engine) as other, caplog.at_level(logging.ERROR, "solidb_odm.engine"):
        other.add(Town(key="e", name="E"))
        other.commit()

    assert session.get(Town, "e") is not None
    assert "a listener of on_query failed" in caplog.text


def test_a_slow_query_is_logged_with_the_plan_and_without_values(
    engine: Engine, session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    engine.observation.slow_query = 0.0
    plans: list[object] = []
    engine.on_query(lambda event: plans.append(event.plan))
    with Session(engine) as other, caplog.at_level(logging.WARNING, "solidb_odm.slow"):
        other.execute(select(Town).where(Town.name == "secret"))

    assert plans[0] is not None
    (record,) = caplog.records
    assert "FOR `_v0` IN `towns`" in record.getMessage()
    assert "secret" not in record.getMessage()


def test_a_fast_query_is_not_logged(
    engine: Engine, session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    engine.observation.slow_query = 3600.0
    with Session(engine) as other:
        other.execute(select(Town))

    assert not caplog.records


@pytest.mark.anyio
async def test_engines_to_await_tell_too(async_engine: AsyncEngine) -> None:
    heard: list[QueryEvent] = []
    async_engine.on_query(heard.append)
    async_engine.observation.slow_query = 0.0
    await async_engine.create_all(Town)
    async with AsyncSession(async_engine) as session:
        await session.execute(select(func.count(Town)))
        with pytest.raises(SolidbError):
            await session.execute(sdbql("FOR t IN nowhere RETURN t"))

    counted = next(event for event in heard if event.command == "RunQuery")
    assert counted.rows == 1
    assert counted.plan is not None
    assert isinstance(heard[-1].error, SolidbError)


def test_each_command_is_a_span(engine_url: str) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(trace, "get_tracer", provider.get_tracer)
        engine = create_engine(engine_url, tracing=True)
    with engine, Session(engine) as session:
        engine.create_all(Town)
        exporter.clear()
        session.scalars(select(Town.name).where(Town.size == 12345)).all()
        with pytest.raises((QueryError, SolidbError)):
            session.execute(sdbql("FOR t IN nowhere RETURN t"))

    found, failed = exporter.get_finished_spans()
    assert found.name == "RunQuery towns"
    assert found.attributes is not None
    assert found.attributes["db.response.returned_rows"] == 0
    assert "12345" not in str(found.attributes)
    assert not failed.status.is_ok


def test_a_negative_limit_for_slow_queries_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="slow_query"):
        create_engine("sqlite://", slow_query=-1)


def test_a_result_is_a_table_in_a_notebook(session: Session) -> None:
    rows = session.execute(select(Town.name, Town.size).order_by(Town.key))
    documents = session.scalars(select(Town).order_by(Town.key))

    assert rows._repr_html_().startswith("<table><thead><tr><th>name</th><th>size</th></tr></thead>")
    assert "<td>&lt;a&gt;</td><td>0</td>" in rows._repr_html_()
    assert "<th>key</th><th>name</th><th>size</th>" in documents._repr_html_()


def test_a_long_result_shows_its_start(session: Session) -> None:
    numbers = session.execute(sdbql("FOR i IN 1..60 RETURN i"))

    assert numbers._repr_html_().count("<tr>") == 51
    assert "and 10 more rows" in numbers._repr_html_()


def test_a_path_is_a_drawing_in_a_notebook(session: Session) -> None:
    found = session.scalars(shortest_path("towns/a", "towns/c", Road))
    drawing = ET.fromstring(found.one()._repr_svg_())

    texts = [each.text for each in drawing.iter() if each.tag.endswith("text")]
    assert sorted(str(text) for text in texts) == ["<a>", "<b>", "<c>", "Road", "Road"]
    assert len(re.findall("<line", found._repr_html_())) == 2
