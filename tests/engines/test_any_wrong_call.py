"""Any call of the public surface with anything at all works, or is refused by an error of ours."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import product
from typing import Any

import pytest
from pydantic import ValidationError

import solidb_odm
from solidb_odm import (
    AsyncSession,
    Document,
    Edge,
    Engine,
    Link,
    Registry,
    Session,
    create_async_engine,
    create_engine,
    delete,
    func,
    insert,
    select,
    sessionmaker,
    shortest_path,
    traverse,
    update,
    upsert,
)
from solidb_odm.errors import SolidbError, UsageError


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


# --- by keyword -----------------------------------------------------------------------------------

FITTING: dict[str, Callable[[], Any]] = {
    "model": lambda: Caller, "key": lambda: "a", "keys": lambda: ["a"], "document": lambda: Caller(key="zz"),
    "statement": lambda: select(Caller), "url": lambda: "sqlite://", "path": lambda: Caller.tags,
    "field": lambda: Caller.n, "expression": lambda: Caller.n, "text": lambda: "RETURN 1",
    "start": lambda: "wrong_callers/a", "end": lambda: "wrong_callers/b", "edges": lambda: Calls,
    "event": lambda: "before_commit", "listener": lambda: len, "name": lambda: "n",
}  # fmt: skip
"""What fits the parameters of these names; 1 stands for others."""
OF_PYTHON = (
    "index",
    "count",
    "copy",
    "clear",
    "append",
    "extend",
    "insert",
    "pop",
    "remove",
    "reverse",
    "sort",
)
"""The methods of Python's own sequences."""


def by_keyword(call: Callable[..., Any], engine: Engine) -> Iterator[dict[str, Any]]:
    """Yield arguments by name: each parameter with each value, and what fits for the others."""
    parameters = [
        each
        for each in inspect.signature(call).parameters.values()
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
    ]
    needed = [each.name for each in parameters if each.default is each.empty]
    fitting = {**FITTING, "engine": lambda: engine}
    for each, make in product(parameters, VALUES):
        others = {name: fitting.get(name, lambda: 1)() for name in needed if name != each.name}
        yield {**others, each.name: make()}


def check_keywords(call: Callable[..., Any], place: str, engine: Engine) -> None:
    for given in by_keyword(call, engine):
        if place in CALLED_BACK and any(map(callable, given.values())):
            continue
        try:
            use(call(**given))
        except (SolidbError, ValidationError):  # of a model that was called
            continue
        except Exception as error:
            if not is_of_the_call(error):
                raise AssertionError(f"{place}({given})") from error


def has_signature(name: str) -> bool:
    made = getattr(solidb_odm, name)
    if name == "Field":  # is Pydantic's own
        return False
    with suppress(ValueError):
        return callable(made) and bool(inspect.signature(made).parameters)
    return False


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [*filter(has_signature, solidb_odm.__all__)])
def test_a_public_name_by_keyword(memory: Engine, name: str) -> None:
    check_keywords(getattr(solidb_odm, name), name, memory)


MADE: dict[str, Callable[[Engine], Any]] = {
    "a session": Session,
    "an engine": lambda engine: engine,
    "a registry": lambda _: Registry(),
    "a result": lambda engine: Session(engine).execute(select(Caller.n)),
    "scalars": lambda engine: Session(engine).scalars(select(Caller)),
    "a page": lambda engine: Session(engine).page(select(Caller), size=2),
    "a maker": lambda engine: sessionmaker(engine),
    **{type(make()).__name__: lambda _, make=make: make() for make in STATEMENTS},
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("what", MADE)
def test_a_method_by_keyword(memory: Engine, what: str) -> None:
    for name in methods(MADE[what](memory)):
        if name not in ("dispose", *OF_PYTHON):
            check_keywords(getattr(MADE[what](memory), name), name, memory)


@pytest.mark.parametrize("listener", [None, 1, "x"])
def test_what_can_not_be_called_is_no_listener(memory: Engine, listener: Any) -> None:
    with pytest.raises(UsageError, match="takes a function"):
        memory.on_query(listener)
    with Session(memory) as session, pytest.raises(UsageError, match="takes a function"):
        session.on("before_commit", listener)


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
