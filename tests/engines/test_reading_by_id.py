"""A document is read by its key, or by what links and edges call it: ``collection/key``."""

from __future__ import annotations

import pytest

from solidb_odm import Session, select
from solidb_odm.errors import UsageError

from .conftest import Store
from .documents import Person


def test_a_document_is_read_by_its_id_too(store: Store, session: Session) -> None:
    store.put(Person(key="ida", name="Ida", email="ida"))

    found = session.get(Person, "people/ida")
    assert found is not None
    assert found is session.get(Person, "ida")
    assert session.get_many(Person, ["people/ida", "none"]) == [found, None]


def test_an_id_of_another_collection_is_an_error(session: Session) -> None:
    with pytest.raises(UsageError, match="names no Person: its documents are in 'people'"):
        session.get(Person, "teams/ida")
    with pytest.raises(UsageError, match="a key has no '/'"):
        select(Person).where(Person.key == "people/ida")
