"""Combined statements are sorted and cut; recursive ones find their way down and up."""

import pytest

from solidb_odm import Document, Session, desc, except_, func, intersect, label, select, union
from solidb_odm.errors import QueryError, UsageError

from .conftest import Store


class Item(Document, collection="combined_items"):
    name: str = ""
    size: int = 0
    parent: str | None = None


@pytest.fixture
def items(store: Store) -> Store:
    store.put(
        *(
            Item(key=f"k{at}", name=f"n{at % 3}", size=at, parent=f"k{(at - 1) // 2}" if at else None)
            for at in range(8)
        )
    )
    return store


SMALL, LARGE = select(Item).where(Item.size < 5), select(Item).where(Item.size > 3)


def test_documents_of_two_statements_are_sorted_and_cut(items: Store, session: Session) -> None:
    both = union(SMALL, LARGE)

    def sizes(statement: object) -> list[int]:
        return [item.size for item in session.scalars(statement)]

    assert sizes(both.order_by(desc(Item.size)).limit(3)) == [7, 6, 5]
    assert sizes(both.order_by(Item.name, desc(Item.size)).offset(1).limit(4)) == [3, 0, 7, 4]
    assert sizes(intersect(both.order_by(Item.size).limit(6), LARGE).order_by(Item.size)) == [4, 5]
    assert sizes(except_(LARGE, both.order_by(Item.size).limit(6)).order_by(Item.size)) == [6, 7]


def test_columns_of_two_statements_are_sorted_and_cut(items: Store, session: Session) -> None:
    low, high = (select(Item.name, Item.size).where(each) for each in (Item.size < 3, Item.size > 5))
    both = union(low, high).order_by(desc(Item.size))

    assert session.execute(both.limit(3)).all() == [("n1", 7), ("n0", 6), ("n2", 2)]
    named = both.limit(2).cte("named")
    assert session.execute(select(named.size).order_by(named.size)).all() == [6, 7]
    names = union(select(Item.name), select(Item.name)).order_by(Item.name)
    assert session.scalars(names).all() == ["n0", "n1", "n2"]
    counts = [select(label("n", Item.name), func.count()).group_by(Item.name) for _ in range(2)]
    assert session.scalars(union(*counts).order_by(desc(label("n", Item.name)))).all() == ["n2", "n1", "n0"]


def test_combined_statements_are_sorted_by_their_columns_only() -> None:
    with pytest.raises(UsageError, match="no column of the combined statements"):
        union(select(Item.name), select(Item.name)).order_by(Item.size).compile()


def test_a_recursive_statement_goes_down_a_tree(items: Store, session: Session) -> None:
    start = select(Item.key, label("depth", 0)).where(Item.key == "k1")
    start = start.cte("tree", recursive=True)
    step = select(Item.key, label("depth", start.depth + 1)).join(start, Item.parent == start.key)
    tree = start.union_all(step)

    rows = session.execute(select(tree.key, tree.depth).order_by(tree.depth, tree.key)).all()

    assert rows == [("k1", 0), ("k3", 1), ("k4", 1), ("k7", 2)]
    assert session.scalar(select(func.count(tree))) == 4


def test_a_recursive_statement_gives_documents(items: Store, session: Session) -> None:
    start = select(Item).where(Item.key == "k7").cte("way", recursive=True)
    way = start.union_all(select(Item).join(start, Item.key == start.parent))

    assert [item.key for item in session.scalars(select(way).order_by(way.size))] == ["k0", "k1", "k3", "k7"]


def test_a_recursive_statement_without_end_is_stopped(items: Store, session: Session) -> None:
    start = select(Item).where(Item.key == "k0").cte("circle", recursive=True)
    circle = start.union_all(select(Item).join(start, Item.key == start.key))
    with pytest.raises(QueryError, match=r"(?i)recursive"):
        session.scalars(select(circle))


def test_recursive_statements_that_are_not_whole_are_refused() -> None:
    start = select(Item).cte("way", recursive=True)
    with pytest.raises(UsageError, match="has no step"):
        select(start).compile()
    with pytest.raises(UsageError, match="need the same columns"):
        start.union_all(select(Item.key))
    with pytest.raises(UsageError, match="is not recursive"):
        select(Item).cte("plain").union_all(select(Item))  # type: ignore[attr-defined]
    way = start.union_all(select(Item).join(start, Item.key == start.parent))
    with pytest.raises(UsageError, match="beside named statements"):
        select(way).join(select(Item).cte("plain")).compile()
