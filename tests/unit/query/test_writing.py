"""``insert``, ``update``, ``delete`` and ``upsert`` are checked by the model and compiled to one query."""

from datetime import UTC, datetime

import pytest
from pydantic import Field, field_validator

from solidb_odm import Document
from solidb_odm.errors import SchemaViolation
from solidb_odm.query import delete, insert, update, upsert
from tests.unit.query.models import Address, Member


class Ranked(Document, collection="ranked"):
    rank: int = Field(alias="r")
    when: datetime | None = None

    @field_validator("rank")
    @classmethod
    def small(cls, value: int) -> int:
        if value > 9:
            raise ValueError("must be small")
        return value


class Best(Ranked):
    prize: str = ""


def test_an_update_compiles_to_one_query_that_counts() -> None:
    compiled = update(Member).where(Member.age > 3).values(age=Member.age + 1, name="x").compile()

    assert compiled.text == (
        "FOR `_v0` IN `members` FILTER `_v0`.`age` > @p0 "
        'UPDATE `_v0` WITH {"age": `_v0`.`age` + @p1, "name": @p2} IN `members` '
        "COLLECT AGGREGATE `_n1` = COUNT(`NEW`.`_key`) RETURN `_n1`"
    )
    assert list(compiled.bind_vars.values()) == [3, 1, "x"]


def test_returning_gives_columns_of_what_was_written() -> None:
    assert str(delete(Member).returning(Member.name, Member.id)) == (
        "FOR `_v0` IN `members` REMOVE `_v0` IN `members` "
        'RETURN [`OLD`.`name`, CONCAT("members/", `OLD`.`_key`)]'
    )
    assert str(update(Member).values(age=1).returning(Member)).endswith("IN `members` RETURN `NEW`")


def test_values_are_validated_and_encoded_as_the_models_own() -> None:
    changed = update(Ranked).values({"rank": "5"}, when="2026-01-01T00:00:00+02:00").compile()

    assert '{"r": @p0, "when": @p1}' in changed.text
    assert list(changed.bind_vars.values()) == [5, "2025-12-31T22:00:00+00:00"]
    with pytest.raises(SchemaViolation, match=r"Ranked\.rank can't be 10: Value error, must be small"):
        update(Ranked).values(rank=10)


def test_an_embedded_model_is_replaced_whole() -> None:
    compiled = update(Member).values(address=Address(city="Rome")).compile()

    assert compiled.bind_vars["p0"] == {"city": "Rome", "country": "FR"}


def test_a_subclass_writes_its_own_documents_only() -> None:
    compiled = update(Best).values(prize="x").compile()

    assert "FILTER `_v0`.`_type` IN @p0" in compiled.text
    assert compiled.bind_vars["p0"] == ["Best"]


def test_inserts_take_documents_and_dicts() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    statement = insert(Ranked).values([Ranked(r=1, key="a"), {"rank": 2, "key": "b", "when": moment}])

    rows = statement.values({"r": 3, "key": "c"}).compile().bind_vars["p0"]
    assert rows == [
        {"_key": "a", "r": 1, "when": None},
        {"_key": "b", "r": 2, "when": "2026-01-01T00:00:00+00:00"},
        {"_key": "c", "r": 3, "when": None},
    ]
    assert len(statement.rows) == 2


def test_an_upsert_changes_only_what_a_row_names() -> None:
    compiled = upsert(Member).values([{"key": "a", "name": "A"}]).compile()

    (row,) = compiled.bind_vars["p0"]
    assert (row["key"], row["update"]) == ("a", {"name": "A"})
    assert row["insert"]["age"] == 0
    assert "UPSERT `_v0`.`key` INSERT `_v0`.`insert` UPDATE `_v0`.`update` IN `members`" in compiled.text


def test_an_upsert_of_a_document_changes_all_its_fields() -> None:
    (row,) = upsert(Ranked).values(Ranked(r=1, key="a")).compile().bind_vars["p0"]

    assert row["update"] == {"r": 1, "when": None}


def test_statements_are_values() -> None:
    base = update(Member).values(age=1)

    assert base.where(Member.age > 1) is not base
    assert "FILTER" not in str(base)
