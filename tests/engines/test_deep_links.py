"""Links in embedded models that hold models of their own class, or share them in many ways."""

from __future__ import annotations

import random
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, create_model

from solidb_odm import Cascade, Document, Engine, Link, Registry, Session, select
from solidb_odm.errors import StateError
from solidb_odm.model.links.placement import links_below, links_in


class Base(Document, abstract=True, registry=Registry()):
    pass


class DeepLeaf(Base, collection="deep_leaves"):
    n: int = 0


class Node(BaseModel):
    ref: Link[DeepLeaf] | None = None
    kept: Annotated[Link[DeepLeaf] | None, Cascade("all", "delete-orphan")] = None
    kids: list[Node] = []
    by_name: dict[str, Node] = {}


class DeepTree(Base, collection="deep_trees"):
    root: Node = Field(default_factory=Node)
    other: Node | None = None


def tree(depth: int, chance: random.Random, leaves: list[DeepLeaf]) -> Node:
    def leaf() -> DeepLeaf:
        leaves.append(DeepLeaf(n=len(leaves)))
        return leaves[-1]

    node = Node()
    if chance.random() < 0.6:
        node.ref = leaf()  # type: ignore[assignment]  a document becomes a link where it is read
    if depth:
        node.kids = [tree(depth - 1, chance, leaves) for _ in range(chance.randint(0, 2))]
        node.by_name = {"a": tree(depth - 1, chance, leaves)} if chance.random() < 0.5 else {}
    return node


@pytest.mark.parametrize("seed", range(6))
def test_all_links_of_a_document_are_seen_whatever_holds_them(seed: int) -> None:
    leaves: list[DeepLeaf] = []
    chance = random.Random(seed)
    document = DeepTree(root=tree(3, chance, leaves), other=tree(2, chance, leaves))
    assert sorted(link.id for _, _, link in links_in(document)) == sorted(leaf.id for leaf in leaves)


def test_a_document_that_is_linked_from_below_itself_must_be_stored(engine: Engine) -> None:
    engine.create_all(DeepLeaf, DeepTree)
    leaf = DeepLeaf(n=1)
    with Session(engine) as session:
        session.add(DeepTree(root=Node(kids=[Node(kids=[Node(ref=leaf)])])))  # type: ignore[arg-type]
        with pytest.raises(StateError, match=r"root\.kids\.kids\.ref"):
            session.flush()


def test_cascades_below_a_model_of_the_same_class_are_followed(engine: Engine) -> None:
    engine.create_all(DeepLeaf, DeepTree)
    leaf, other = DeepLeaf(n=2), DeepLeaf(n=3)
    with Session(engine) as session:
        document = DeepTree(root=Node(kids=[Node(kept=leaf), Node(kept=other)]))  # type: ignore[arg-type]
        session.add(document)
        session.commit()
        assert sorted(session.scalars(select(DeepLeaf.n)).all()) == [2, 3]
        document.root.kids[0].kept = None
        session.commit()
        assert session.scalars(select(DeepLeaf.n)).all() == [3]
        session.delete(document)
        session.commit()
        assert session.scalars(select(DeepLeaf.n)).all() == []


def test_models_that_share_models_with_links_are_looked_at_once_each() -> None:
    made: list[Any] = [create_model("Part0", ref=(Link[DeepLeaf] | None, None))]
    for number in range(1, 50):
        fields: dict[str, Any] = {f"p{place}": (part | None, None) for place, part in enumerate(made[-2:])}
        made.append(create_model(f"Part{number}", **fields))
    body = {"__annotations__": {"part": made[-1] | None}, "part": None, "__module__": __name__}
    whole: Any = type(Base)("DeepWhole", (Base,), body)
    assert len(links_below(whole)) == 1  # over ten thousand million ways
    leaf, part = DeepLeaf(), None
    for model in made:
        part = model(ref=leaf) if part is None else model(p1=part) if model is not made[1] else model(p0=part)
    assert [link.id for _, _, link in links_in(whole(part=part))] == [leaf.id]


def test_what_holds_itself_is_looked_at_once() -> None:
    node = Node(ref=DeepLeaf())  # type: ignore[arg-type]
    node.kids = [node, Node(kids=[node])]
    assert len(list(links_in(node))) == 1
