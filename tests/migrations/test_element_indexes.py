"""Indexes over elements in migrations: made, renamed with their field, taken away, shown."""

from __future__ import annotations

from typing import Any

import pytest

from solidb_odm import Document, Index, Registry
from solidb_odm.commands import DescribeCollection, call
from solidb_odm.errors import MigrationError
from solidb_odm.migrations.model_text import inspect_models

from .conftest import Place


def wine(*indexes: Index, name: str = "grapes") -> Any:
    """Return a class of wines, in a registry of its own."""
    make: Any = type(Document)
    settings = type("Settings", (), {"indexes": list(indexes)})
    body = {"__annotations__": {"label": str, name: list[str]}, "__module__": __name__, "Settings": settings}
    return make("Wine", (Document,), body, collection="wines_of_elements", registry=Registry())


def indexes(place: Place) -> list[tuple[str, tuple[str, ...]]]:
    found = place.engine.run(call(DescribeCollection("wines_of_elements")))
    return [] if found is None else [(index.name, index.fields) for index in found.indexes]


def test_it_is_made_renamed_and_taken_away(place: Place) -> None:
    made = place.go(wine(Index("grapes[]")))
    assert indexes(place) == [("grapes_elements_idx", ("grapes[]",))]
    assert made.check().ok
    place.put("wines_of_elements", {"_key": "a", "label": "A", "grapes": ["merlot"]})

    renamed = place.go(wine(Index("kinds[]"), name="kinds"), rename={"wines_of_elements.grapes": "kinds"})
    assert indexes(place) == [("kinds_elements_idx", ("kinds[]",))]
    assert place.stored("wines_of_elements") == [{"_key": "a", "label": "A", "kinds": ["merlot"]}]
    assert renamed.check().ok

    dropped = place.go(wine(name="kinds"))
    assert indexes(place) == []
    dropped.downgrade("-1")
    assert indexes(place) == [("kinds_elements_idx", ("kinds[]",))]


def test_a_revision_by_hand_may_make_it(place: Place) -> None:
    place.write("aa", None, 'op.create_collection("wines_of_elements")')
    place.write("bb", "aa", 'op.create_index("wines_of_elements", "grapes[]")')
    place.migrator().upgrade()
    assert indexes(place) == [("grapes_elements_idx", ("grapes[]",))]


def test_what_there_can_not_be_is_refused(place: Place) -> None:
    place.write("aa", None, 'op.create_collection("wines_of_elements")')
    place.write("bb", "aa", 'op.create_index("wines_of_elements", "grapes[]", unique=True)')
    with pytest.raises(MigrationError, match="can't be unique"):
        place.migrator().upgrade()


def test_inspection_shows_it(place: Place) -> None:
    place.go(wine(Index("grapes[]")))
    text = place.engine.run(inspect_models())
    assert 'Index("grapes[]", name="grapes_elements_idx")' in text
    assert "    grapes: Any = None" in text
