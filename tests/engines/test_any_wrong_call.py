"""Any call of the public surface with anything at all works, or is refused by an error of ours."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest

import solidb_odm
from solidb_odm import (
    AsyncSession,
    Document,
    Edge,
    Engine,
    Link,
    Session,
    create_async_engine,
    create_engine,
    delete,
    func,
    insert,
    select,
    shortest_path,
    traverse,
    update,
    upsert,
)
from solidb_odm.errors import SolidbError


class Caller(Document, collection="wrong_callers"):
    name: str = ""
    n: int = 0
    tags: list[str] = []
    other: Link[Caller] | None = None


class Calls(Edge[Caller, Caller], collection="wrong_calls"):
    weight: int = 0


VALUES: list[Callable[[], Any]] = [
    lambda: None, lambda: 1, lambda: -1, lambda: True, lambda: 1.5, lambda: float("nan"), lambda: "",
    lambda: "x", lambda: "wrong_callers/a", lambda: b"x", object, list, lambda: [1], lambda: ["a"], dict,
    lambda: {"a": 1}, lambda: {1}, lambda: (1, 2), lambda: iter([1]), lambda: int, lambda: ..., Caller,
    lambda: Caller, lambda: Caller.n, lambda: Caller.tags, lambda: Caller.other, lambda: Caller.n > 1,
    lambda: Calls, lambda: Document, lambda: Edge, lambda: select(Caller), lambda: select(Caller.n),
]  # fmt: skip
STATEMENTS: list[Callable[[], Any]] = [
    lambda: select(Caller), lambda: select(Caller.n), lambda: update(Caller), lambda: delete(Caller),
    lambda: insert(Caller), lambda: upsert(Caller), lambda: traverse("wrong_callers/a", Calls),
    lambda: shortest_path("wrong_callers/a", "wrong_callers/b", Calls),
]  # fmt: skip
FUNCTIONS = [
    "select", "insert", "update", "delete", "upsert", "traverse", "shortest_path", "k_shortest_paths",
    "sdbql", "asc", "desc", "in_", "not_in", "like", "contains", "any_", "all_", "and_", "or_", "not_",
    "is_null", "some", "distance", "within", "nearest", "matches", "hybrid", "attribute", "label", "exists",
    "outgoing",
    "incoming", "adjacent", "back_reference", "create_engine", "create_async_engine", "Session",
    "AsyncSession", "Link", "Index", "GeoIndex", "VectorIndex", "TTLIndex", "FulltextIndex", "Cascade",
    "Lossy", "aliased", "coalesce", "unnest",
]  # fmt: skip
CALLED_BACK = ("run", "where_way")
"""What they are given is called, and raises what it does."""


def arguments(most: int) -> Iterator[tuple[Callable[[], Any], ...]]:
    """Yield arguments, as what makes them: none, each value, and pairs of some."""
    for count in range(most + 1):
        yield from product(VALUES[:: 1 if count < 2 else 2], repeat=count)


def methods(target: Any) -> list[str]:
    return [
        name for name in dir(target) if not name.startswith("_") and inspect.ismethod(getattr(target, name))
    ]


def is_of_the_call(error: Exception) -> bool:
    """Return whether Python itself found the arguments too few or too many."""
    return isinstance(error, TypeError) and error.__traceback__ is not None and "argument" in str(error)


def use(made: Any) -> None:
    """Do what would show that a statement means nothing."""
    if hasattr(type(made), "compile"):
        made.compile()
    if inspect.isgenerator(made):
        list(made)


def check(call: Callable[..., Any], most: int, place: str) -> None:
    """Call with anything; say which call raised an error that is not ours."""
    for given in arguments(most):
        values = [make() for make in given]
        if place in CALLED_BACK and values and callable(values[0]):
            continue
        try:
            use(call(*values))
        except SolidbError:
            continue
        except Exception as error:
            if not is_of_the_call(error):
                raise AssertionError(f"{place}({', '.join(map(repr, values))})") from error


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if hasattr(solidb_odm, name)])
def test_a_function(name: str) -> None:
    check(getattr(solidb_odm, name), 2, name)


@pytest.mark.parametrize("make", STATEMENTS, ids=lambda make: type(make()).__name__)
def test_a_method_of_a_statement(make: Callable[[], Any]) -> None:
    for name in methods(make()):
        check(lambda *given, name=name: getattr(make(), name)(*given), 2, name)


def test_a_function_of_the_language() -> None:
    for name in ("count", "sum", "avg", "min", "max", "length", "upper", "round"):
        check(getattr(func, name), 2, name)


@pytest.fixture
def memory() -> Iterator[Engine]:
    with create_engine("sqlite://") as engine:
        engine.create_all(Caller, Calls)
        yield engine


def test_a_method_of_a_session(memory: Engine) -> None:
    def call(name: str, *given: Any) -> None:
        with Session(memory) as session:
            use(getattr(session, name)(*given))

    with Session(memory) as session:
        names = methods(session)
    for name in names:
        check(lambda *given, name=name: call(name, *given), 1 if name not in ("get", "get_many") else 2, name)


def test_a_method_of_an_engine(memory: Engine) -> None:
    for name in methods(memory):
        if name != "dispose":
            check(getattr(memory, name), 1, name)


@pytest.mark.anyio
async def test_a_method_of_an_async_session() -> None:
    async with create_async_engine("sqlite://") as engine:
        await engine.create_all(Caller, Calls)
        for name in methods(AsyncSession(engine)):
            for given in arguments(1):
                values = [make() for make in given]
                if name in CALLED_BACK and values and callable(values[0]):
                    continue
                async with AsyncSession(engine) as session:
                    try:
                        made = getattr(session, name)(*values)
                        if inspect.isawaitable(made):
                            await made
                    except SolidbError:
                        continue
                    except Exception as error:
                        if not is_of_the_call(error):
                            raise AssertionError(f"{name}({', '.join(map(repr, values))})") from error
