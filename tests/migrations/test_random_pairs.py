"""Random pairs of model sets on both engines.

The upgrade equals a fresh ``create_all`` of the second, documents are what a plain oracle says and load,
``check`` is quiet, and the downgrade gives every document back. Where a revision is split, its first half
takes nothing away.

``EXAMPLES`` in the environment tries more of them.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from solidb_odm import Engine, Session, create_engine, sdbql
from solidb_odm.commands import DescribeCollection, DropCollection, Operation, call
from solidb_odm.errors import CollectionNotFound, DecisionNeeded
from solidb_odm.migrations import Migrator
from solidb_odm.migrations.decisions import Question
from tests.sizes import tries

from .known_pairs import KNOWN_PAIRS
from .model_sets import Rows, Spec, declare, documents, model_sets, successors
from .oracle import Oracle, renames, value_at

HIDDEN = ("_id", "_rev", "_created_at", "_updated_at")
EVERY = ("things", "others", "mates", "ties", "_migrations", "_migrations_attic")


Case: TypeAlias = tuple[Spec, Spec, Rows, bool]
"""Two sets of models, documents of the first, and whether the revision is split."""
Law = TypeVar("Law", bound=Callable[..., None])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    before = draw(model_sets())
    after = draw(successors(before))
    return before, after, draw(documents(before, after)), draw(st.booleans())


def decide(question: Question, after: Spec, decisions: dict[str, Any]) -> None:
    """Answer a question: what the pair does not call a rename is none; a value is the first of its kind."""
    path = question.path
    if question.kind in ("rename", "drop"):
        decisions["drop"].append(path)
    elif path.startswith("ties._"):
        decisions["values"][path] = {
            question.new: after["ties"]["ends"][path == "ties._to"].replace("others", after["other_name"])
        }
    else:
        decisions["fill"][path] = value_at(after, path)


def generate(migrator: Migrator, before: Spec, after: Spec, *, split: bool) -> tuple[dict[str, Any], int]:
    """Write the revision, or two; return what was decided, and how many there are."""
    decisions: dict[str, Any] = {"rename": renames(before, after), "drop": [], "fill": {}, "values": {}}
    for _ in range(60):
        try:
            written = migrator.revision("next", autogenerate=True, split=split, **decisions)
        except DecisionNeeded as needed:
            decide(needed.questions[0], after, decisions)
        else:
            return decisions, len(written)
    pytest.fail(f"decisions without end: {decisions}")


def stored(engine: Engine, names: dict[str, str]) -> Rows:
    found: Rows = {}
    with Session(engine) as session:
        for name, collection in names.items():
            rows = session.scalars(sdbql(f"FOR d IN {collection} SORT d._key RETURN d")).all()
            found[name] = [{key: each for key, each in row.items() if key not in HIDDEN} for row in rows]
    return found


def names_of(models: Spec) -> dict[str, str]:
    return {"others": models["other_name"], "things": "things", "ties": "ties"}


def hold(engine: Engine, fresh: Engine, folder: Path, case: Case) -> None:
    """Hold one pair of model sets to the laws."""
    before, after, rows, split = case
    first, second = declare(before), declare(after)
    migrator = Migrator(engine, folder, models=first.values())
    migrator.revision("first", autogenerate=True)
    migrator.upgrade()
    with Session(engine) as session:
        for name, documents_ in rows.items():
            session.execute(sdbql(f"FOR d IN @ds INSERT d INTO {name}", ds=documents_))
        session.commit()
    old = stored(engine, names_of(before))
    assert old == rows

    migrator = Migrator(engine, folder, models=second.values())
    decisions, written = generate(migrator, before, after, split=split)
    if split:
        migrator.upgrade(phase="expand")
        assert holds(stored(engine, names_of(before)), old)
    migrator.upgrade()

    fresh.create_all(*second.values())
    for collection in names_of(after).values():
        wanted = fresh.run(call(DescribeCollection(collection)))
        assert engine.run(call(DescribeCollection(collection))) == wanted
    assert stored(engine, names_of(after)) == Oracle(
        before, after, decisions["fill"], decisions["drop"]
    ).rows(rows)
    load(engine, second, after)
    found = migrator.check(documents=True)
    assert found.ok, found
    assert migrator.revision("nothing", autogenerate=True) == []
    if written:
        migrator.downgrade(f"-{written}")
    assert stored(engine, names_of(before)) == old


def holds(new: Any, old: Any) -> bool:
    """Return whether all that was there is there still, whatever came to it."""
    if isinstance(old, dict) and isinstance(new, dict):
        return all(name in new and holds(new[name], each) for name, each in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(holds, new, old))
    return bool(old == new)


def load(engine: Engine, models: dict[str, Any], after: Spec) -> None:
    """Read every document by its model; what is read is not changed by that."""
    with Session(engine) as session:
        for name, collection in names_of(after).items():
            rows = session.scalars(sdbql(f"FOR d IN {collection} RETURN d")).all()
            for row in rows:
                if row.get("deleted_at") is None:
                    assert session.get_one(models[row.get("_type") or name], row["_key"]).key == row["_key"]
        assert not session.dirty


@contextmanager
def emptied(url: str) -> Generator[Engine]:
    with create_engine(url) as engine:
        engine.run(_drop())
        yield engine


def _drop() -> Operation[None]:
    for name in EVERY:
        try:
            yield from call(DropCollection(name))
        except CollectionNotFound:
            continue


def try_pair(url: str, fresh_url: str, case: Case) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        with emptied(url) as engine, emptied(fresh_url) as fresh:
            hold(engine, fresh, folder, case)
    finally:
        shutil.rmtree(folder)


def known(law: Law) -> Law:
    """Return a law that is tried with the known pairs too."""
    for case in KNOWN_PAIRS:
        law = example(case=case)(law)
    return law


@known
@settings(max_examples=tries("EXAMPLES", 25), deadline=None)
@given(case=cases())
def test_the_laws_hold_on_a_file(case: Case, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("pair")
    try_pair(f"sqlite:///{folder / 'a.db'}", f"sqlite:///{folder / 'b.db'}", case)


@pytest.mark.server
@known
@settings(max_examples=tries("EXAMPLES", 6), deadline=None)
@given(case=cases())
def test_the_laws_hold_on_a_server(case: Case, server: Any) -> None:
    names = [f"pair_{secrets.token_hex(4)}" for _ in range(2)]
    for name in names:
        server.create_database(name)
    try:
        try_pair(server.url(names[0]), server.url(names[1]), case)
    finally:
        for name in names:
            server.drop_database(name)
