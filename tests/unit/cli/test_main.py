"""The command line, as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from solidb_odm import Document, Session, create_engine, select
from solidb_odm.cli import main


class Tea(Document, collection="teas"):
    name: str
    price: float


@pytest.fixture
def url(tmp_path: Path) -> str:
    made = f"sqlite:///{tmp_path / 'shop.db'}"
    with create_engine(made) as engine, Session(engine) as session:
        session.add_all([Tea(name="green", price=3.0), Tea(name="black", price=2.5)])
        session.commit()
    return made


def test_a_query_prints_its_rows_as_json(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = "FOR t IN teas FILTER t.price > @least SORT t.name RETURN {name: t.name}"

    assert main(["--url", url, "query", text, "--bind", "least=2.6"]) == 0

    assert json.loads(capsys.readouterr().out) == {"name": "green"}


def test_a_query_that_writes_is_committed(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", url, "query", "FOR t IN teas UPDATE t WITH {price: 1.0} IN teas"]) == 0
    with create_engine(url) as engine, Session(engine) as session:
        assert session.scalars(select(Tea.price)).all() == [1.0, 1.0]


def test_a_mistake_is_shown_where_it_is(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", url, "query", "FOR t IN teas FILTER t.price >= RETURN t"]) == 1

    assert "expected an expression after '>='" in capsys.readouterr().err


def test_collections_are_listed_with_their_documents(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", url, "collections"]) == 0
    assert capsys.readouterr().out.split() == ["2", "teas"]


def test_explain_shows_the_sql(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", url, "explain", "FOR t IN teas FILTER t._key == 'x' RETURN t"]) == 0
    assert "SELECT" in json.loads(capsys.readouterr().out)["sql"]


def test_a_missing_url_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOLIDB_URL", raising=False)
    with pytest.raises(SystemExit, match="2"):
        main(["collections"])
    assert "--url" in capsys.readouterr().err
