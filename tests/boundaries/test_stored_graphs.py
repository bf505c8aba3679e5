"""The list of graphs in a file, which anybody can write to: any value gives rows or an error of ours."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from solidb_odm import Session, create_engine, sdbql
from solidb_odm.commands import CreateCollection
from solidb_odm.errors import SolidbError
from tests.sizes import examples

NAMES = st.sampled_from(["follows", "people", "_graphs", "nowhere", ""])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=2) | NAMES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2) | NAMES, inner, max_size=3)
    ),
    max_leaves=5,
)
GRAPHS = st.fixed_dictionaries({}, optional={"edges": VALUES | st.lists(NAMES, max_size=2)})
WALKS = (
    "FOR v IN 1..2 OUTBOUND 'people/a' GRAPH 'g' RETURN v._key",
    "FOR v IN 1..2 ANY 'people/a' g RETURN v._key",
    "FOR v IN SHORTEST_PATH 'people/a' TO 'people/b' OUTBOUND g RETURN v._key",
)


@given(graph=GRAPHS, walk=st.sampled_from(WALKS))
@settings(max_examples=examples(60))
def test_a_graph_of_any_form_is_walked_or_refused(graph: dict[str, Any], walk: str) -> None:
    with create_engine("sqlite://") as engine:
        channel = engine.channel()
        for name, kind in (("_graphs", "document"), ("people", "document"), ("follows", "edge")):
            channel.perform(CreateCollection(name, kind=kind))
        channel.close()
        with Session(engine) as session:
            session.execute(sdbql("FOR k IN ['a', 'b'] INSERT {_key: k} INTO people"))
            session.execute(sdbql("INSERT {_from: 'people/a', _to: 'people/b'} INTO follows"))
            session.execute(sdbql("INSERT @graph INTO _graphs", graph={**graph, "_key": "g"}))
            session.commit()
            try:
                found = session.execute(sdbql(walk)).all()
            except SolidbError:
                assert graph.get("edges") != ["follows"]
            else:
                assert "b" in found or graph["edges"][0] != "follows"
