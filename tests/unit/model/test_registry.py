"""Registries, classes that are declared anew, and names that stand for classes elsewhere."""

from __future__ import annotations

import gc
import sys
import textwrap
import types
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from pydantic import ValidationError

from solidb_odm import (
    Document,
    Edge,
    Engine,
    Index,
    Link,
    Registry,
    Session,
    create_engine,
    select,
)
from solidb_odm.commands import DescribeCollection, ListCollections
from solidb_odm.errors import DeclarationError, StateError
from solidb_odm.model import registry


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Make modules of source; run again, as a cell of a notebook is, under the same name."""

    def run(name: str, source: str) -> Any:
        module = sys.modules.get(name)
        if module is None:
            module = types.ModuleType(name)
            monkeypatch.setitem(sys.modules, name, module)
        head = (
            "from __future__ import annotations\nfrom solidb_odm import *\nfrom pydantic import BaseModel\n"
        )
        exec(compile(head + textwrap.dedent(source), name, "exec"), vars(module))
        return module

    yield run
    gc.collect()


# --- registries of one's own ----------------------------------------------------------------------


def test_classes_of_two_registries_do_not_meet() -> None:
    one, other = Registry(), Registry()

    class First(Document, abstract=True, registry=one):
        pass

    class Second(Document, abstract=True, registry=other):
        pass

    class User(First, collection="registered_users"):
        name: Annotated[str, Index()] = ""

    class Person(Second, collection="registered_users"):
        email: Annotated[str, Index(unique=True)] = ""

    assert list(one.models()) == [User]
    assert list(other.models()) == [Person]
    assert registry.claimants("registered_users") == []

    for mine, indexes in ((one, ["name_idx"]), (other, ["email_idx"])):
        with create_engine("sqlite://") as engine:
            engine.create_all(mine)
            spec = engine.driver.channel().perform(DescribeCollection("registered_users"))
            assert spec is not None
            assert [index.name for index in spec.indexes] == indexes
            assert engine.driver.channel().perform(ListCollections()) == ["registered_users"]


def test_a_session_makes_the_collection_of_the_registry_in_use() -> None:
    class User(Document, collection="made_users", registry=Registry()):
        name: Annotated[str, Index()] = ""

    class Person(Document, collection="made_users", registry=Registry()):
        email: Annotated[str, Index(unique=True)] = ""

    for document, index in ((User(name="a"), "name_idx"), (Person(email="b"), "email_idx")):
        with create_engine("sqlite://") as engine, Session(engine) as session:
            session.add(document)
            session.commit()
            spec = engine.driver.channel().perform(DescribeCollection("made_users"))
            assert spec is not None
            assert [each.name for each in spec.indexes] == [index]
            assert session.scalars(select(type(document))).all() == [document]


def test_an_edge_goes_where_the_classes_of_its_ends_are() -> None:
    own = Registry()

    class Place(Document, collection="own_places", registry=own):
        pass

    class Road(Edge[Place, Place], collection="own_roads"):
        pass

    assert list(own.models()) == [Place, Road]
    assert registry.claimants("own_roads") == []


def test_a_registry_is_a_registry() -> None:
    with pytest.raises(DeclarationError, match="registry='users'"):

        class User(Document, registry="users"):  # type: ignore[arg-type]
            pass


# --- declared anew --------------------------------------------------------------------------------


def test_a_class_that_is_declared_anew_takes_the_place_of_the_old_one(make: Any, engine: Engine) -> None:
    old = make("cells", "class Note(Document, collection='cell_notes'):\n    text: str = ''").Note
    engine.create_all(old)
    with Session(engine) as session:
        session.add(old(key="n", text="x"))
        session.commit()
        held = session.get_one(old, "n")
        new = make(
            "cells", "class Note(Document, collection='cell_notes'):\n    text: str = ''\n    stars: int = 0"
        ).Note
        assert new is not old
        for found in (session.get(new, "n"), session.get_many(new, ["n"])[0], session.scalar(select(new))):
            assert type(found) is new
        assert held not in session


def test_an_object_of_the_old_class_with_unsent_changes_is_not_dropped(make: Any, engine: Engine) -> None:
    source = "class Note(Document, collection='kept_notes'):\n    text: str = ''"
    old = make("kept_cells", source).Note
    engine.create_all(old)
    with Session(engine) as session:
        session.add(held := old(key="n", text="x"))
        session.commit()
        held.text = "unsent"
        new = make("kept_cells", source).Note
        with pytest.raises(StateError, match="declared again"):
            session.get(new, "n")
        session.commit()
        assert session.get_one(new, "n").text == "unsent"


def test_links_and_ends_take_documents_of_the_class_in_the_place_of_theirs(make: Any, engine: Engine) -> None:
    make("shelf", "class Author(Document, collection='cell_authors'):\n    name: str = ''")
    module = make(
        "shelf",
        """
        from typing import ClassVar
        class Book(Document, collection='cell_books'):
            author: Link[Author]
        class Knows(Edge[Author, Author], collection='cell_knows'):
            pass
        class Author(Document, collection='cell_authors'):
            name: str = ''
            books: ClassVar[BackReference[Book]] = back_reference("Book.author")
        """,
    )
    ann = module.Author(name="Ann")
    book, knows = module.Book(author=ann), module.Knows(ann, module.Author())
    engine.create_all(module.Author, module.Book, module.Knows)
    with Session(engine) as session:
        session.add_all([ann, book, knows])
        session.commit()
        session.expunge_all()
        read = session.get_one(module.Book, book.key)
        session.load([read], module.Book.author)
        assert type(read.author.value) is module.Author
        session.load([read.author.value], module.Author.books)
        assert read.author.value.books == (read,)


SHOP = "class Item(Document, collection='taken_items'):\n    {field}"


def test_a_class_never_takes_the_place_of_one_of_the_same_name_in_another_module(make: Any) -> None:
    first = make("shop", SHOP.format(field="price: int = 0")).Item
    with pytest.raises(
        DeclarationError, match=r"depot\.Item: declares the collection 'taken_items' as shop\.Item does"
    ):
        make("depot", SHOP.format(field="shelf: str = ''"))
    assert registry.claimants("taken_items") == [first]
    again = make("shop", SHOP.format(field="price: int = 1")).Item  # as a notebook's cell
    assert registry.claimants("taken_items") == [again]


def test_a_class_that_nobody_can_reach_is_in_nobodys_way(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    make("closed_shop", SHOP.replace("taken", "closed").format(field="price: int = 0"))
    gc.disable()
    try:
        del sys.modules["closed_shop"]
        new = make("open_shop", SHOP.replace("taken", "closed").format(field="price: int = 0")).Item
    finally:
        gc.enable()
    assert registry.claimants("closed_items") == [new]


def test_a_class_of_a_function_gives_way_to_a_module_and_not_the_other_way(make: Any) -> None:
    def local() -> Any:
        class Item(Document, collection="local_items"):
            pass

        return Item

    early = local()
    module = make("local_shop", SHOP.replace("taken", "local").format(field="price: int = 0")).Item
    assert registry.claimants("local_items") == [module]
    late = local()
    assert registry.claimants("local_items") == [module, late]
    assert early is not late


def test_an_old_subclass_is_not_read_any_more(make: Any, engine: Engine) -> None:
    make("kinds", "class Shape(Document, collection='cell_shapes'):\n    n: int = 0")
    make("kinds", "class Circle(Shape):\n    radius: int = 0")
    module = make("kinds", "class Circle(Shape):\n    radius: int = 0\n    colour: str = 'red'")
    engine.create_all(module.Shape)
    with Session(engine) as session:
        session.add(module.Circle(radius=2))
        session.commit()
        session.expunge_all()
        assert type(session.scalar(select(module.Shape))) is module.Circle


def test_two_subclasses_of_one_name_are_refused(make: Any) -> None:
    base = make("shapes_base", "class Shape(Document, collection='named_shapes'):\n    n: int = 0")
    flat = make("flat_shapes", "from shapes_base import Shape\nclass Circle(Shape):\n    radius: int = 0")
    with pytest.raises(DeclarationError, match=r"Circle: is stored as 'Circle' .* as flat_shapes\.Circle is"):
        make("art_shapes", "from shapes_base import Shape\nclass Circle(Shape):\n    colour: str = ''")
    with create_engine("sqlite://") as engine, Session(engine) as session:
        session.add(flat.Circle(radius=1))
        session.commit()
        session.expunge_all()
        assert type(session.scalar(select(base.Shape))) is flat.Circle  # what was refused is not in the way


def test_siblings_have_the_indexes_of_both() -> None:
    class Base(Document, collection="sibling_bases"):
        n: int = 0

    class First(Base):
        name: Annotated[str, Index()] = ""

    class Second(Base):
        title: Annotated[str, Index()] = ""

    with create_engine("sqlite://") as engine:
        engine.create_all(First, Second)
        spec = engine.driver.channel().perform(DescribeCollection("sibling_bases"))
        assert spec is not None
        assert {index.name for index in spec.indexes} == {"name_idx", "title_idx"}


# --- names of classes that come later -------------------------------------------------------------


def test_a_name_never_stands_for_a_class_of_another_module(make: Any) -> None:
    make("insurance", "class Plan(Document, collection='insurance_plans'):\n    cover: str = ''")
    billing = make(
        "billing",
        """
        class Account(Document, collection="billing_accounts"):
            plan: Plan | None = None
        class Plan(BaseModel):
            price: float = 0
        """,
    )
    with create_engine("sqlite://") as engine, Session(engine) as session:
        session.add(billing.Account(key="k", plan={"price": 9.5}))
        session.commit()
        session.expunge_all()
        assert session.get_one(billing.Account, "k").plan == billing.Plan(price=9.5)


def test_a_name_nobody_declares_here_is_an_error_though_others_have_it(make: Any) -> None:
    make("other_plans", "class Plan(Document, collection='other_plans'):\n    cover: str = ''")
    module = make("no_plans", "class Account(Document, collection='no_plans'):\n    plan: Plan | None = None")
    with pytest.raises(DeclarationError, match="an annotation names 'Plan', which is not known"):
        module.Account.__collection_spec__()
    with pytest.raises(DeclarationError, match="names 'Plan'"), create_engine("sqlite://") as engine:
        engine.create_all()
    registry._waiting.clear()


def test_a_function_that_makes_classes_makes_them_anew_each_time() -> None:
    def models() -> tuple[Any, Any]:
        class Node(Document, collection="made_nodes"):
            parent: Link[Tree] | None = None
            others: list[Link[Leaf]] = []

        class Tree(Document, collection="made_trees"):
            pass

        class Leaf(Document, collection="made_leaves"):
            pass

        return Node, Tree, Leaf  # type: ignore[return-value]

    models()
    node, tree, leaf = models()  # type: ignore[misc]
    document = node(parent=tree(), others=[leaf()])
    assert type(document.parent.value) is tree
    with pytest.raises(ValidationError):
        node(parent=leaf())


def test_a_class_that_waits_in_vain_is_in_nobodys_way(make: Any) -> None:
    waits = make("waits", "class Waits(Document, collection='waits'):\n    x: 'Later.Inner | None' = None")
    for name in ("Later", "Unrelated", "Another"):
        source = f"class {name}(Document, collection='{name.lower()}'):\n    n: int = 0"
        made = make("waits" if name == "Later" else name.lower(), source)
        assert getattr(made, name)(n=1).n == 1
    with pytest.raises(DeclarationError, match=r"Waits: .*Inner"):
        waits.Waits.__collection_spec__()
    registry._waiting.clear()


def test_a_faulty_class_that_waited_is_said_to_be_where_it_is_used(make: Any) -> None:
    module = make(
        "faulty",
        """
        class Faulty(Document, collection="faulties"):
            other: Link[Later] | None = None
            class Settings:
                indexes = [Index("nothing")]
        class Later(Document, collection="laters"):
            pass
        """,
    )
    with pytest.raises(DeclarationError, match="no field 'nothing'"):
        module.Faulty.__collection_spec__()
    registry._waiting.clear()


def test_a_class_whose_statement_failed_is_not_read(engine: Engine) -> None:
    class Vehicle(Document, collection="refused_vehicles"):
        n: int = 0

    with pytest.raises(DeclarationError):

        class Broken(Vehicle):
            class Settings:
                indexes = [Index("nothing")]

    engine.create_all(Vehicle)
    with Session(engine) as session:
        session.add(Vehicle(n=1))
        session.commit()
        assert session.scalars(select(Vehicle)).one().n == 1
