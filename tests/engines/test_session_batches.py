"""Many rows at once: as one by one, whatever the session holds already."""

from __future__ import annotations

import pytest

from solidb_odm import Session, select

from .conftest import Store
from .documents import Person


def people() -> list[Person]:
    return [Person(key=f"p{number:02}", name=f"n{number}", tags=["t"]) for number in range(50)]


@pytest.mark.parametrize("held", [[], [3], [0, 24, 49], list(range(25, 50))])
def test_many_rows_are_loaded_as_one_by_one_whatever_the_session_holds(
    store: Store, session: Session, held: list[int]
) -> None:
    store.put(*people())
    known = {number: session.get_one(Person, f"p{number:02}") for number in held}

    found = session.scalars(select(Person)).all()

    assert [each.key for each in found] == [f"p{number:02}" for number in range(50)]
    assert all(found[number] is each for number, each in known.items())
    assert all(session.get(Person, each.key) is each for each in found)
    assert all(each.rev and each.created_at == each.updated_at for each in found)


def test_what_is_changed_in_a_batch_is_committed_and_nothing_else(store: Store, session: Session) -> None:
    store.put(*people())
    found = session.scalars(select(Person)).all()
    found[7].tags.append("u")
    found[30].name = "m"
    session.commit()
    with store.session() as other:
        stored = other.scalars(select(Person)).all()
    assert [(each.name, each.tags) for each in stored] == [
        ("m" if number == 30 else f"n{number}", ["t", "u"] if number == 7 else ["t"]) for number in range(50)
    ]
