"""Models that upgrade their documents lazily, when they are read, and by a revision for the rest."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from solidb_odm import Document, Session
from solidb_odm.errors import DeclarationError

from .conftest import Place


@cache
def plain() -> Any:
    class Person(Document, collection="version_people"):
        name: str
        age: int = 0

    return Person


@cache
def versioned() -> Any:
    class Person(Document, collection="version_people"):
        first: str
        last: str
        age: int = 0

        class Settings:
            version = 2

        @classmethod
        def upgrade_from(cls, stored: dict[str, Any], version: int) -> dict[str, Any]:
            first, _, last = stored.pop("name").partition(" ")
            return {**stored, "first": first, "last": last}

    return Person


def test_older_documents_are_upgraded_as_they_are_read_and_stamped_as_they_are_written(place: Place) -> None:
    place.engine.create_all(plain())
    place.put(
        "version_people", {"_key": "a", "name": "Ada L", "age": 1}, {"_key": "b", "name": "Bob M", "age": 2}
    )
    with Session(place.engine) as session:
        ada, bob = (session.get_one(versioned(), key) for key in ("a", "b"))
        assert (ada.first, ada.last, bob.last) == ("Ada", "L", "M")
        assert not session.dirty
        ada.age = 3
        session.commit()
    one, other = place.stored("version_people")
    assert one == {"_key": "a", "first": "Ada", "last": "L", "age": 3, "_version": 2}
    assert other == {"_key": "b", "name": "Bob M", "age": 2}


def test_a_raised_version_generates_the_upgrade_of_the_rest(place: Place) -> None:
    place.go(plain())
    place.put("version_people", {"_key": "b", "name": "Bob M", "age": 2})
    before = place.stored("version_people")
    migrator = place.migrator(versioned())
    (revision,) = migrator.revision("names", autogenerate=True)
    assert 'op.upgrade_documents("version_people", version=2)' in revision.path.read_text()
    migrator.upgrade()
    assert place.stored("version_people") == [
        {"_key": "b", "first": "Bob", "last": "M", "age": 2, "_version": 2}
    ]
    migrator.downgrade("-1")
    assert place.stored("version_people") == before


def test_a_version_without_a_way_to_it_is_refused() -> None:
    with pytest.raises(DeclarationError, match="no way from the one before"):

        class Person(Document, collection="version_nobody"):
            class Settings:
                version = 2
