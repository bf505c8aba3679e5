"""A ticket system: states, assignments, partial unique indexes, savepoints, merges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field

from solidb_odm import (
    Cascade,
    Document,
    Engine,
    Index,
    Link,
    Registry,
    Session,
    SoftDelete,
    and_,
    any_,
    case,
    coalesce,
    contains,
    delete,
    desc,
    exists,
    func,
    in_,
    inspect,
    is_null,
    label,
    not_,
    or_,
    select,
    some,
    update,
)
from solidb_odm.errors import UniqueViolation


class Base(Document, abstract=True, registry=Registry()):
    pass


class State(StrEnum):
    OPEN = "open"
    DOING = "doing"
    DONE = "done"


class Comment(BaseModel):
    by: str
    text: str
    at: datetime
    votes: list[int] = []


class Ticket(SoftDelete, Base, collection="wf_tickets"):
    title: Annotated[str, Field(min_length=1)]
    state: State = State.OPEN
    slot: str | None = None
    assignee: str | None = None
    due: datetime | None = None
    comments: list[Comment] = []
    labels: set[str] = set()
    parent: Annotated[Link[Ticket] | None, Cascade("save")] = None

    class Settings:
        indexes = [Index("slot", unique=True), Index("state", "due")]


def run(engine: Engine) -> None:
    engine.create_all(Ticket)
    now = datetime(2025, 1, 10, tzinfo=UTC)
    with Session(engine) as s:
        epic = Ticket(title="epic")
        parts = [
            Ticket(
                title=f"part {n}",
                parent=Link(epic),
                slot=f"s{n}" if n < 3 else None,
                due=now + timedelta(days=n - 2),
                state=list(State)[n % 3],
                assignee="ab"[n % 2] if n else None,
                comments=[
                    Comment(by="ab"[k % 2], text=f"c{k}", at=now + timedelta(hours=k), votes=list(range(k)))
                    for k in range(n)
                ],
                labels={"x", "y"} if n % 2 else {"y"},
            )
            for n in range(6)
        ]
        s.add_all(parts)
        s.commit()
        assert epic in s
        try:
            with s.begin_nested():
                parts[0].title = "changed"
                s.add(Ticket(title="dup"))
                raise ValueError
        except ValueError:
            pass
        assert parts[0].title == "part 0" and s.new == []
        parts[1].slot, parts[2].slot = None, "s9"
        s.commit()
        parts[3].slot = "s9"
        try:
            s.commit()
        except UniqueViolation as error:
            assert error.fields == ("slot",)
            parts[3].slot = "s3"
            s.commit()
        sub = s.scalars(
            select(Ticket).where(Ticket.parent == epic, Ticket.state != State.DONE).order_by(Ticket.due)
        ).all()
        assert [t.title for t in sub] == ["part 0", "part 1", "part 3", "part 4"]
        late = s.scalars(
            select(Ticket.title).where(some(Ticket.due) < now, not_(is_null(Ticket.assignee)))
        ).all()
        assert late == ["part 1"]
        hot = s.scalars(
            select(Ticket.title)
            .where(any_(Ticket.comments, lambda c: and_(c.by == "b", any_(c.votes) == 2)))
            .order_by(Ticket.title)
        ).all()
        assert hot == ["part 4", "part 5"], hot
        last = s.execute(
            select(
                Ticket.title, func.length(Ticket.comments), label("who", coalesce(Ticket.assignee, "nobody"))
            )
            .where(contains(Ticket.labels, "x"))
            .order_by(desc(func.length(Ticket.comments)))
        ).all()
        assert last == [("part 5", 5, "b"), ("part 3", 3, "b"), ("part 1", 1, "b")]
        n = s.execute(
            update(Ticket)
            .where(in_(Ticket.state, [State.OPEN, State.DOING]), Ticket.parent == epic)
            .set(Ticket.state, case((is_null(Ticket.assignee), State.OPEN), else_=State.DONE))
        ).rowcount
        s.commit()
        assert n == 4
        assert s.execute(
            select(Ticket.state, func.count()).group_by(Ticket.state).order_by(func.count())
        ).all() == [(State.OPEN, 2), (State.DONE, 5)]
        empty = s.scalars(
            select(Ticket.title).where(or_(Ticket.comments == [], Ticket.labels == set()))
        ).all()
        assert set(empty) == {"epic", "part 0"}, empty
        gone = s.execute(delete(Ticket).where(Ticket.state == State.DONE)).rowcount
        s.commit()
        assert gone == 5
        s.add(Ticket(title="again", slot="s3"))
        s.commit()
        assert {t.title for t in s.scalars(select(Ticket))} == {"epic", "part 0", "again"}
        merged = s.merge(Ticket(key=epic.key, title="epic 2", labels={"z"}))
        assert merged is epic and inspect(epic).changes.keys() == {"title", "labels"}
        s.commit()
        kids = select(Ticket).where(Ticket.parent == epic)
        assert s.scalars(kids).all() == [parts[0]]
        try:
            select(Ticket).where(exists(kids))
        except Exception as error:
            assert "aliased" in str(error), error
    with Session(engine) as s:
        again = s.scalars(select(Ticket).where(Ticket.title == "part 0").load(Ticket.parent)).one()
        assert (
            again.parent is not None
            and again.parent.value.title == "epic 2"
            and again.parent.value.labels == {"z"}
        )
        s.delete(again.parent.value)
        s.commit()
        assert s.scalar(select(func.count(Ticket))) == 2
        assert s.scalar(select(func.count(Ticket)).with_deleted()) == 8
