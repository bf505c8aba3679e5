"""A family tree."""

from datetime import date
from typing import ClassVar

from solidb_odm import (
    Document,
    Edge,
    Engine,
    Neighbours,
    Registry,
    Session,
    aliased,
    all_,
    and_,
    any_,
    func,
    in_,
    incoming,
    label,
    outgoing,
    select,
    shortest_path,
    traverse,
)


class Base(Document, abstract=True, registry=Registry()):
    pass


class Human(Base, collection="fam_humans"):
    name: str
    born: date
    died: date | None = None
    parents: ClassVar[Neighbours["Human"]] = outgoing("ChildOf")
    children: ClassVar[Neighbours["Human"]] = incoming("ChildOf")


class ChildOf(Edge[Human, Human], collection="fam_child_of"):
    adopted: bool = False


class Married(Edge[Human, Human], collection="fam_married"):
    since: date
    until: date | None = None


TREE = {
    "a": [],
    "b": [],
    "c": ["a", "b"],
    "d": ["a", "b"],
    "e": [],
    "f": ["c", "e"],
    "g": ["c", "e"],
    "h": ["d"],
    "i": ["f"],
    "j": ["i", "h"],
    "k": ["g"],
}


def up(n: str, depth: int) -> set[str]:
    ancestors: set[str] = set()
    front = {n}
    for _ in range(depth):
        front = {p for x in front for p in TREE[x]}
        ancestors |= front
    return ancestors


def run(engine: Engine) -> None:
    people = {
        n: Human(
            key=n,
            name=n.upper(),
            born=date(1900 + 25 * (len(up(n, 9)) // 2), 1, 1 + i),
            died=date(1990, 1, 1) if n in "ab" else None,
        )
        for i, n in enumerate(TREE)
    }
    edges = [
        ChildOf(people[n], people[p], adopted=(n, p) == ("h", "d")) for n, ps in TREE.items() for p in ps
    ]
    with Session(engine) as s:
        s.add_all(
            [
                *people.values(),
                *edges,
                Married(people["a"], people["b"], since=date(1920, 5, 1), until=date(1990, 1, 1)),
                Married(people["e"], people["c"], since=date(1950, 5, 1)),
            ]
        )
        s.commit()
    with Session(engine) as s:
        for n in TREE:
            me = s.get_one(Human, n)
            for depth in (1, 2, 9):
                got = {h.key for h in s.scalars(traverse(me, ChildOf, depth=(1, depth)))}
                assert got == up(n, depth), (n, depth, got)
                down = {
                    h.key for h in s.scalars(traverse(me, ChildOf, depth=(1, depth), direction="inbound"))
                }
                assert down == {m for m in TREE if n in up(m, depth)}
        rows = s.execute(traverse(people["j"], ChildOf, depth=(1, 9)).rows()).all()
        assert all(isinstance(e, ChildOf) for _, e, _ in rows)
        gens = {h.key: d for h, _, d in rows}
        assert gens["i"] == 1 and gens["h"] == 1 and gens["a"] == 3, gens
        blood = {
            h.key
            for h in s.scalars(
                traverse("fam_humans/j", ChildOf, depth=(1, 9)).follow(ChildOf.adopted == False)
            )
        }
        assert blood == {"i", "h", "f", "c", "e", "a", "b"}
        alive = {
            h.key for h in s.scalars(traverse(people["j"], ChildOf, depth=(1, 9)).where(Human.died == None))
        }
        assert alive == up("j", 9) - {"a", "b"}
        cousins = s.scalars(shortest_path(people["h"], people["g"], ChildOf, direction="any")).one()
        assert cousins.weight == 4 and [v.key for v in cousins.vertices] in (
            ["h", "d", x, "c", "g"] for x in "ab"
        )
        loaded = s.scalars(select(Human).load(Human.parents, Human.children).order_by(Human.key)).all()
        assert {h.key: {p.key for p in h.parents} for h in loaded} == {n: set(p) for n, p in TREE.items()}
        other = aliased(ChildOf)
        sib = s.execute(
            select(ChildOf.from_, other.from_)
            .join(other, and_(other.to == ChildOf.to, ChildOf.from_.id < other.from_.id))
            .distinct()
        ).all()
        assert set(sib) == {
            (f"fam_humans/{x}", f"fam_humans/{y}")
            for x in TREE
            for y in TREE
            if x < y and set(TREE[x]) & set(TREE[y])
        }, sib
        noone = s.scalars(
            select(Human.key).where(~in_(Human.id, select(ChildOf.from_))).order_by(Human.key)
        ).all()
        assert noone == [n for n, p in TREE.items() if not p]
        kids = s.execute(
            select(Human.name, label("n", func.count(ChildOf)))
            .outerjoin(ChildOf, ChildOf.to == Human.id)
            .group_by(Human.name)
            .order_by(Human.name)
        ).all()
        assert kids == [(n.upper(), sum(n in p for p in TREE.values())) for n in TREE]
        base = (
            select(ChildOf.from_, ChildOf.to, label("gen", 1))
            .where(ChildOf.from_ == people["k"])
            .cte("anc", recursive=True)
        )
        anc = base.union_all(
            select(base.from_, ChildOf.to, label("gen", base.gen + 1)).join(base, ChildOf.from_ == base.to)
        )
        got2 = s.execute(select(anc.to, func.min(anc.gen)).group_by(anc.to)).all()
        assert {t.partition("/")[2]: g for t, g in got2} == {"g": 1, "c": 2, "e": 2, "a": 3, "b": 3}, got2
        way = s.scalars(
            traverse(people["j"], ChildOf, depth=(3, 3)).where_way(lambda w: all_(w.vertices).key != "h")
        ).all()
        assert {h.key for h in way} == {"c", "e"}, way
        w2 = s.scalars(
            traverse(people["j"], ChildOf, depth=(1, 9)).where_way(lambda w: any_(w.edges).adopted == True)
        ).all()
        assert {h.key for h in w2} == {"d", "a", "b"}, w2
