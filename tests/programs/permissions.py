"""Permissions with flags and enums."""

import random
from enum import Enum, Flag, IntEnum, IntFlag, StrEnum, auto
from typing import Annotated, Literal

from solidb_odm import (
    Document,
    Engine,
    Index,
    Predicate,
    Registry,
    Session,
    all_,
    and_,
    any_,
    contains,
    func,
    in_,
    label,
    not_in,
    or_,
    select,
    unnest,
    update,
)
from solidb_odm.model import Link


class Base(Document, abstract=True, registry=Registry()):
    pass


class Right(IntFlag):
    READ = 1
    WRITE = 2
    ADMIN = 4


class Trait(Flag):
    HUMAN = auto()
    BOT = auto()


class Level(IntEnum):
    GUEST = 0
    STAFF = 10
    ROOT = 100


class Role(StrEnum):
    AUTHOR = auto()
    EDITOR = auto()


class Shade(Enum):
    DARK = (0, 0, 0)
    LIGHT = (255, 255, 255)


class Group(Base, collection="pm_groups"):
    name: Annotated[str, Index(unique=True)]
    rights: Right = Right.READ


class Member(Base, collection="pm_members"):
    name: str
    rights: Right = Right(0)
    traits: Trait = Trait.HUMAN
    level: Level = Level.GUEST
    roles: set[Role] = set()
    per_project: dict[str, Right] = {}
    by_role: dict[Role, int] = {}
    shade: Shade = Shade.DARK
    theme: Literal["light", "dark", "auto"] = "auto"
    groups: list[Link[Group]] = []


def run(engine: Engine) -> None:
    rng = random.Random(8)
    groups = [Group(name=f"g{n}", rights=Right(n)) for n in range(8)]
    members = [
        Member(
            key=f"m{n:02}",
            name=f"m{n}",
            rights=Right(rng.randrange(8)),
            traits=rng.choice([Trait.HUMAN, Trait.BOT, Trait.HUMAN | Trait.BOT]),
            level=rng.choice(list(Level)),
            roles=set(rng.sample(list(Role), rng.randrange(3))),
            per_project={p: Right(rng.randrange(8)) for p in rng.sample("abc", 2)},
            by_role={r: rng.randrange(5) for r in rng.sample(list(Role), rng.randrange(3))},
            shade=rng.choice(list(Shade)),
            theme=rng.choice(["light", "dark", "auto"]),
            groups=[Link(g) for g in rng.sample(groups, rng.randrange(4))],
        )
        for n in range(30)
    ]
    with Session(engine) as s:
        s.add_all([*groups, *members])
        s.commit()

    def keys(cond: Predicate | bool) -> list[str]:
        return s.scalars(select(Member.key).where(cond).order_by(Member.key)).all()

    with Session(engine) as s:
        back = {m.key: m for m in s.scalars(select(Member))}
        for m in members:
            b = back[m.key]
            assert (b.rights, b.traits, b.level, b.roles, b.per_project, b.by_role, b.shade, b.theme) == (
                m.rights,
                m.traits,
                m.level,
                m.roles,
                m.per_project,
                m.by_role,
                m.shade,
                m.theme,
            )
            assert type(b.rights) is Right and type(b.level) is Level
        assert keys(Member.rights == Right.READ | Right.WRITE) == [
            m.key for m in members if m.rights == Right.READ | Right.WRITE
        ]
        assert keys(in_(Member.traits, [Trait.BOT, Trait.HUMAN | Trait.BOT])) == [
            m.key for m in members if Trait.BOT in m.traits
        ]
        assert keys(Member.level >= Level.STAFF) == [m.key for m in members if m.level >= Level.STAFF]
        assert keys(contains(Member.roles, Role.EDITOR)) == [m.key for m in members if Role.EDITOR in m.roles]
        assert keys(Member.roles == {Role.AUTHOR, Role.EDITOR}) == [
            m.key for m in members if m.roles == {Role.AUTHOR, Role.EDITOR}
        ]
        assert keys(all_(Member.roles) == Role.AUTHOR) == [
            m.key for m in members if all(r == Role.AUTHOR for r in m.roles)
        ]
        assert keys(Member.per_project["a"] == Right.WRITE) == [
            m.key for m in members if m.per_project.get("a") == Right.WRITE
        ]
        assert keys(Member.by_role[Role.EDITOR] > 2) == [
            m.key for m in members if m.by_role.get(Role.EDITOR, 0) > 2
        ]
        assert keys(Member.shade == Shade.LIGHT) == [m.key for m in members if m.shade is Shade.LIGHT]
        assert keys(not_in(Member.theme, ["auto", "dark"])) == [m.key for m in members if m.theme == "light"]
        g3 = groups[3]
        assert keys(contains(Member.groups, g3)) == [
            m.key for m in members if g3.id in {g.id for g in m.groups}
        ]
        admins = select(Group.id).where(in_(Group.rights, [Right(n) for n in range(4, 8)]))
        assert keys(in_(any_(Member.groups), admins)) == [
            m.key
            for m in members
            if any(
                groups[int(next(g.name for g in groups if g.id == link.id)[1:])].rights & Right.ADMIN
                for link in m.groups
            )
        ]
        role = unnest(Member.roles)
        assert dict(s.execute(select(role, func.count()).group_by(role)).all()) == {
            r: sum(r in m.roles for m in members) for r in Role
        }
        lv = s.execute(
            select(Member.level, func.count(), func.max(Member.level))
            .group_by(Member.level)
            .order_by(Member.level)
        ).all()
        assert [(a, b) for a, b, _ in lv] == [
            (x, sum(m.level is x for m in members)) for x in Level if any(m.level is x for m in members)
        ]
        assert all(c == a for a, _, c in lv)
        mask = s.scalars(
            select(Member.key).where((Member.rights & Right.WRITE) != 0).order_by(Member.key)
        ).all()
        assert mask == [m.key for m in members if m.rights & Right.WRITE]
        s.execute(
            update(Member)
            .where(Member.level == Level.GUEST)
            .set(Member.rights, Right.READ)
            .set(Member.level, Level.STAFF)
        )
        s.commit()
        assert keys(
            or_(Member.level == Level.GUEST, and_(Member.rights == Right.READ, Member.level == 10))
        ) == [
            m.key
            for m in members
            if m.level is Level.GUEST or (m.level is Level.STAFF and m.rights == Right.READ)
        ]
        n = s.execute(
            select(Member.theme, label("n", func.count_distinct(Member.level))).group_by(Member.theme)
        ).all()
        assert len(n) == len({m.theme for m in members})
