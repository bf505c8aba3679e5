"""What is declared of collections and indexes goes to JSON and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solidb_odm import Document
from solidb_odm.commands import CollectionSpec, IndexSpec
from solidb_odm.errors import DeclarationError

_INDEXES = st.builds(
    IndexSpec,
    st.text(min_size=1, max_size=5),
    st.sampled_from(["persistent", "fulltext", "geo", "vector", "ttl"]),
    st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=3).map(tuple),
    unique=st.booleans(),
    dimension=st.integers(0, 9),
    metric=st.sampled_from(["cosine", "euclidean", "dot"]),
    seconds=st.integers(0, 9),
    minimum_length=st.integers(1, 9),
)
_COLLECTIONS = st.builds(
    CollectionSpec,
    st.text(min_size=1, max_size=5),
    st.sampled_from(["document", "edge"]),
    st.lists(_INDEXES, max_size=3).map(tuple),
    st.none() | st.dictionaries(st.text(max_size=3), st.integers()),
    st.sampled_from(["off", "lenient", "strict"]),
)


@given(_COLLECTIONS)
def test_a_declaration_goes_to_json_and_back(spec: CollectionSpec) -> None:
    assert CollectionSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_json_says_only_what_was_said() -> None:
    spec = CollectionSpec("users", indexes=(IndexSpec("n", "persistent", ("name",), unique=True),))
    index = {"name": "n", "kind": "persistent", "fields": ["name"], "unique": True}
    assert spec.to_json() == {"name": "users", "indexes": [index]}


def test_names_of_collections_that_begin_with_an_underscore_are_not_for_models() -> None:
    with pytest.raises(DeclarationError, match=r"(?s)reserved for collections of .* call it 'attic'"):

        class Attic(Document, collection="_attic"):
            pass
