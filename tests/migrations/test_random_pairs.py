"""The laws of migrations, on random pairs of model sets.

The upgrade equals a fresh ``create_all`` of the second set, documents are what a plain oracle says and load,
``check`` is quiet, and the downgrade gives every document back.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, create_model

from solidb_odm import Document, Engine, Index, Registry, Session, create_engine, sdbql
from solidb_odm.commands import DescribeCollection, call
from solidb_odm.errors import DecisionNeeded
from solidb_odm.migrations import Migrator
from solidb_odm.migrations.decisions import Question

NAMES = ("alpha", "beta", "gamma", "delta")
VALUES: dict[str, list[Any]] = {
    "int": [1, 2, 3],
    "str": ["a", "b"],
    "float": [1.5, 2.5],
    "colour": ["red", "blue"],
    "names": [["x"], []],
}
TYPES: dict[str, Any] = {
    "int": int,
    "str": str,
    "float": float,
    "colour": Literal["red", "blue"],
    "names": list[str],
}

kinds = st.sampled_from(sorted(TYPES))


@st.composite
def field(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(kinds)
    return {
        "kind": kind,
        "optional": draw(st.booleans()),
        "default": draw(st.booleans()),
        "index": draw(st.booleans()) and kind in ("int", "str"),
    }


fields = st.dictionaries(st.sampled_from(NAMES), field(), max_size=4)
shapes = st.fixed_dictionaries(
    {"fields": fields, "inner": st.none() | fields, "items": st.none() | fields, "strict": st.booleans()}
)


def annotation(spec: dict[str, Any]) -> tuple[Any, Any]:
    kind: Any = TYPES[spec["kind"]] | None if spec["optional"] else TYPES[spec["kind"]]
    if spec["index"]:
        kind = Annotated[kind, Index()]
    if not spec["default"]:
        return (kind, ...)
    return (kind, None if spec["optional"] else VALUES[spec["kind"]][0])


def embedded(specs: dict[str, Any]) -> type[BaseModel]:
    plain = {name: annotation({**spec, "index": False}) for name, spec in specs.items()}
    return create_model(f"Part{secrets.token_hex(3)}", **plain)  # type: ignore[call-overload]


def model(shape: dict[str, Any]) -> Any:
    base = type(Document)("Base", (Document,), {"__module__": __name__}, abstract=True, registry=Registry())
    annotations: dict[str, Any] = {}
    namespace: dict[str, Any] = {"__annotations__": annotations, "__module__": __name__}
    for name, spec in shape["fields"].items():
        annotations[name], default = annotation(spec)
        if default is not ...:
            namespace[name] = default
    if shape["inner"] is not None:
        annotations["inner"] = embedded(shape["inner"]) | None
        namespace["inner"] = None
    if shape["items"] is not None:
        annotations["items"] = list[embedded(shape["items"])]  # type: ignore[misc]
        namespace["items"] = []
    namespace["Settings"] = type(
        "Settings", (), {"schema_validation": "strict" if shape["strict"] else "off"}
    )
    namespace["model_config"] = ConfigDict()
    return type(Document)("Thing", (base,), namespace, collection="things")


def example(draw: st.DrawFn, specs: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, spec in specs.items():
        if spec["optional"] and draw(st.booleans()):
            made[name] = None
        else:
            made[name] = draw(st.sampled_from(VALUES[spec["kind"]]))
    return made


def decide(question: Question, after: dict[str, Any], decisions: dict[str, Any]) -> None:
    """Answer as the oracle expects: nothing is renamed; what has no value gets the first of its kind."""
    if question.kind == "rename" or question.kind == "drop":
        decisions["drop"].append(question.path)
    else:
        decisions["fill"][question.path] = first_value(question.path, after)


def first_value(path: str, after: dict[str, Any]) -> Any:
    *way, name = path.split(".")
    specs = after["fields"] if len(way) == 1 else after[way[1].removesuffix("[]")]
    return VALUES[specs[name]["kind"]][0]


def oracle(document: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What plain Python makes of a document."""
    made = {"_key": document["_key"], **changed(document, before["fields"], after["fields"])}
    if after["inner"] is not None and before["inner"] is not None and "inner" in document:
        value = document["inner"]
        made["inner"] = value if value is None else changed(value, before["inner"], after["inner"])
    if after["items"] is not None:
        if before["items"] is not None:
            made["items"] = [changed(each, before["items"], after["items"]) for each in document["items"]]
        else:
            made["items"] = []
    return made


def changed(document: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, spec in after.items():
        first = VALUES[spec["kind"]][0]
        if name not in before:
            if not spec["default"] or not spec["optional"]:
                made[name] = first
            continue
        old = document[name]
        made[name] = converted(old, before[name], spec, first)
    return made


def converted(old: Any, before: dict[str, Any], spec: dict[str, Any], first: Any) -> Any:
    if old is None:
        return None if spec["optional"] else first
    kinds = (before["kind"], spec["kind"])
    if kinds[0] == kinds[1] or kinds == ("int", "float") or kinds == ("colour", "str"):
        return old
    if kinds in (("int", "str"), ("float", "str")) and fits_text(before, spec):
        return str(old)
    if kinds == ("str", "names"):
        return old if isinstance(old, list) else [old]
    return first


def fits_text(before: dict[str, Any], spec: dict[str, Any]) -> bool:
    return spec["kind"] == "str" and before["kind"] != "str"


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    before, after = draw(shapes), draw(shapes)
    documents: list[dict[str, Any]] = []
    for key in ("a", "b"):
        document = {"_key": key, **example(draw, before["fields"])}
        if before["inner"] is not None:
            document["inner"] = draw(st.sampled_from([None, 1])) and example(draw, before["inner"])
        if before["items"] is not None:
            document["items"] = [example(draw, before["items"]) for _ in range(draw(st.integers(0, 2)))]
        documents.append(document)
    return before, after, documents


def stored(engine: Engine) -> list[dict[str, Any]]:
    hidden = ("_id", "_rev", "_created_at", "_updated_at")
    with Session(engine) as session:
        rows = session.scalars(sdbql("FOR d IN things SORT d._key RETURN d")).all()
    return [{name: value for name, value in row.items() if name not in hidden} for row in rows]


def generate(migrator: Migrator, after: dict[str, Any]) -> None:
    decisions: dict[str, Any] = {"drop": [], "fill": {}}
    for _ in range(30):
        try:
            migrator.revision("next", autogenerate=True, **decisions)
        except DecisionNeeded as needed:
            decide(needed.questions[0], after, decisions)
        else:
            return
    pytest.fail(f"decisions without end: {decisions}")


def hold(url: str, fresh_url: str, case: tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]) -> None:
    """Hold one pair of model sets to the laws."""
    before, after, documents = case
    folder = Path(tempfile.mkdtemp())
    first, second = model(before), model(after)
    try:
        with create_engine(url) as engine, create_engine(fresh_url) as fresh:
            engine.run(_drop())
            fresh.run(_drop())
            migrator = Migrator(engine, folder, models=[first])
            migrator.revision("first", autogenerate=True)
            migrator.upgrade()
            with Session(engine) as session:
                session.execute(sdbql("FOR d IN @ds INSERT d INTO things", ds=documents))
                session.commit()
            old = stored(engine)

            migrator = Migrator(engine, folder, models=[second])
            generate(migrator, after)
            migrator.upgrade()

            fresh.create_all(second)
            wanted = fresh.run(call(DescribeCollection("things")))
            assert engine.run(call(DescribeCollection("things"))) == wanted
            assert stored(engine) == [oracle(each, before, after) for each in documents]
            with Session(engine) as session:
                assert [session.get_one(second, key).key for key in ("a", "b")] == ["a", "b"]
            found = migrator.check(documents=True)
            assert found.ok, found
            if len(list(folder.glob("*.py"))) > 1:
                migrator.downgrade("-1")
            assert stored(engine) == old
    finally:
        shutil.rmtree(folder)


def _drop() -> Any:
    from solidb_odm.commands import DropCollection
    from solidb_odm.errors import CollectionNotFound

    for name in ("things", "_migrations", "_migrations_attic"):
        try:
            yield from call(DropCollection(name))
        except CollectionNotFound:
            continue


@settings(max_examples=40, deadline=None)
@given(case=cases())
def test_the_laws_hold_on_a_file(case: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("pair")
    hold(f"sqlite:///{folder / 'a.db'}", f"sqlite:///{folder / 'b.db'}", case)


@pytest.mark.server
@settings(max_examples=10, deadline=None)
@given(case=cases())
def test_the_laws_hold_on_a_server(case: Any, server: Any) -> None:
    names = [f"pair_{secrets.token_hex(4)}" for _ in range(2)]
    for name in names:
        server.create_database(name)
    try:
        hold(server.url(names[0]), server.url(names[1]), case)
    finally:
        for name in names:
            server.drop_database(name)
