"""Documents with versions, optimistic writers, and history."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, Field, model_validator

from solidb_odm import (
    BackReference,
    Document,
    Engine,
    Index,
    Link,
    Registry,
    Session,
    Timestamped,
    back_reference,
    desc,
    func,
    label,
    over,
    select,
)
from solidb_odm.errors import MergeConflictError, StaleDocumentError


class Base(Document, abstract=True, registry=Registry()):
    pass


T = TypeVar("T", bound=BaseModel)


class Diff(BaseModel, Generic[T]):
    before: T | None = None
    after: T


class Body(BaseModel):
    title: str
    text: str = ""
    tags: set[str] = set()
    tree: dict[str, list[int]] = {}


class Doc(Timestamped, Base, collection="ver_docs"):
    body: Body
    version: int = 1
    schema_: int = Field(default=2, alias="schema")
    history: ClassVar[BackReference[Version]] = back_reference("Version.doc")

    @model_validator(mode="before")
    @classmethod
    def _old(cls, data: dict[str, Any]) -> dict[str, Any]:
        if "title" in data and "body" not in data:
            return {"body": {"title": data["title"]}}
        return data


class Version(Base, collection="ver_versions"):
    doc: Link[Doc]
    number: int
    diff: Diff[Body]
    at: datetime = Field(default_factory=lambda: datetime.now(UTC))

    class Settings:
        indexes = [Index("doc", "number", unique=True)]


def edit(s: Session, doc: Doc, **changes: Any) -> None:
    before = copy.deepcopy(doc.body)
    for name, value in changes.items():
        setattr(doc.body, name, value)
    doc.version += 1
    s.add(Version(doc=doc, number=doc.version, diff=Diff[Body](before=before, after=copy.deepcopy(doc.body))))
    s.commit()


def run(engine: Engine) -> None:
    engine.create_all(Doc, Version)
    with Session(engine) as s:
        d = Doc(body=Body(title="one"))
        e = Doc.model_validate({"title": "old form"})
        s.add_all([d, e])
        s.add(Version(doc=d, number=1, diff=Diff[Body](after=d.body.model_copy())))
        s.commit()
        edit(s, d, text="hello", tags={"a", "b"})
        edit(s, d, tree={"x": [1, 2]}, title="two")
        d.body.tree["x"].append(3)
        d.body.tags.discard("a")
        s.commit()
    with Session(engine) as s:
        d2 = s.get_one(Doc, d.key)
        assert d2.body == Body(title="two", text="hello", tags={"b"}, tree={"x": [1, 2, 3]})
        s.load([d2], Doc.history)
        assert [v.number for v in sorted(d2.history, key=lambda v: v.number)] == [1, 2, 3]
        assert sorted(d2.history, key=lambda v: v.number)[1].diff == Diff[Body](
            before=Body(title="one"), after=Body(title="one", text="hello", tags={"a", "b"})
        )
        titles = s.execute(
            select(Version.number, Version.diff.after.title, Version.diff.before).order_by(Version.number)
        ).all()
        assert titles == [
            (1, "one", None),
            (2, "one", Body(title="one")),
            (3, "two", Body(title="one", text="hello", tags={"a", "b"})),
        ], titles
        latest = label("n", over(func.row_number(), partition_by=Version.doc, order_by=desc(Version.number)))
        rows = select(Version.key, Version.number, latest).cte("rows")
        assert s.execute(select(rows.number).where(rows.n == 1)).all() == [3]
        assert s.scalars(select(Doc.body.title).where(Doc.schema_ == 2).order_by(Doc.body.title)).all() == [
            "old form",
            "two",
        ]
        with Session(engine) as t:
            theirs = t.get_one(Doc, d.key)
            theirs.body.text = "theirs"
            theirs.version = 9
            t.commit()
        d2.body.title = "ours"
        d2.body.tree["y"] = []
        try:
            s.commit()
        except StaleDocumentError as error:
            assert s.rebase(error) == {}
            s.commit()
        assert (d2.body.text, d2.body.title, d2.version) == ("theirs", "ours", 9)
        with Session(engine) as t:
            t.get_one(Doc, d.key).body.title = "A"
            t.commit()
        d2.body.title = "B"
        try:
            s.commit()
        except StaleDocumentError as error:
            try:
                s.rebase(error)
            except MergeConflictError as conflict:
                assert "title" in str(conflict), conflict
                s.rebase(error, prefer="theirs")
            s.commit()
        assert s.get_one(Doc, d.key).body.title == "A"
    with Session(engine) as s:
        last = s.get_one(Doc, d.key)
        assert last.body.tree == {"x": [1, 2, 3], "y": []} and last.body.title == "A"
