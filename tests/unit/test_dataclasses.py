"""A dataclass made at first use is what the standard decorator makes."""

from __future__ import annotations

import dataclasses
import pickle
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from copy import copy, deepcopy
from dataclasses import field
from inspect import signature
from typing import Any, Generic, TypeVar

import pytest

from solidb_odm._dataclasses import dataclass as lazy
from solidb_odm._dataclasses import field_names

T = TypeVar("T")


def family(dataclass: Callable[..., Any]) -> list[type[Any]]:
    """Make the same three classes with one decorator."""

    @dataclass(frozen=True, slots=True)
    class Base:
        """A base."""

        name: str
        tags: list[str] = field(default_factory=list)

    @dataclass(frozen=True, slots=True)
    class Child(Base):
        """A child."""

        name: str = "child"
        depth: int = field(default=0, compare=False, repr=False)

    @dataclass(slots=True, order=True)
    class Box(Generic[T]):
        """A box."""

        content: T
        size: int = field(default=1, kw_only=True)

        def __post_init__(self) -> None:
            self.size *= 2

    return [Base, Child, Box]


def described(cls: type[Any]) -> list[Any]:
    """Return what the decorator made of a class and of an object of it."""
    made, other = cls("a"), cls("b")
    return [
        repr(made).rpartition(".")[2],
        made == cls("a"),
        made != other,
        [(f.name, f.type, f.compare, f.repr, f.kw_only) for f in dataclasses.fields(cls)],
        cls.__match_args__,
        cls.__doc__,
        dataclasses.asdict(made),
        dataclasses.replace(made, **{cls.__match_args__[0]: "c"}) == cls("c"),
        cls.__hash__ is None,
        hasattr(made, "__dict__"),
    ]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_it_is_what_the_standard_decorator_makes(number: int) -> None:
    assert described(family(lazy)[number]) == described(family(dataclasses.dataclass)[number])


def test_its_fields_can_be_asked_for_before_there_is_an_object() -> None:
    assert [each.name for each in dataclasses.fields(family(lazy)[1])] == ["name", "tags", "depth"]


def test_its_signature_can_be_asked_for_before_there_is_an_object() -> None:
    assert str(signature(family(lazy)[1])) == str(signature(family(dataclasses.dataclass)[1]))


def test_a_frozen_one_can_not_be_changed() -> None:
    made = family(lazy)[0]("a")

    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'name'"):
        made.name = "b"
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'name'"):
        del made.name


def test_wrong_arguments_are_refused_from_the_first_object_on() -> None:
    base = family(lazy)[0]

    for _ in range(2):
        with pytest.raises(TypeError, match="missing 1 required positional argument: 'name'"):
            base()


@lazy(frozen=True, slots=True)
class Point:
    x: int
    y: int = 0


def test_it_can_be_copied_and_pickled() -> None:
    made = Point(1, 2)

    assert [copy(made), deepcopy(made), pickle.loads(pickle.dumps(made))] == [made] * 3


def test_it_matches_by_position() -> None:
    match Point(3):
        case Point(x, y):
            assert (x, y) == (3, 0)


def test_no_second_class_is_left_beside_a_complete_one() -> None:
    class Root:
        __slots__ = ()

    @lazy(frozen=True, slots=True)
    class Leaf(Root):
        value: int

    assert Leaf(1) == Leaf(1)
    assert [each for each in Root.__subclasses__() if "__slots__" in each.__dict__] == [Leaf]


def test_an_abstract_one_stays_abstract() -> None:
    class Shape(ABC):
        __slots__ = ()

        @abstractmethod
        def area(self) -> int: ...

    @lazy(frozen=True, slots=True)
    class Line(Shape):
        length: int

    with pytest.raises(TypeError, match="abstract"):
        Line(1)


def test_threads_may_make_the_first_object_together() -> None:
    classes = [family(lazy)[1] for _ in range(50)]
    start, made = threading.Barrier(4), []

    def work() -> None:
        start.wait()
        made.extend(each("a") for each in classes)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [each.name for each in made] == ["a"] * 200


def test_slots_must_be_asked_for() -> None:
    with pytest.raises(TypeError, match="must have slots"):
        lazy(frozen=True)


def test_an_interrupt_while_a_class_is_completed_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.11 makes a RuntimeError of what is raised while it names the fields of a class."""

    @lazy(slots=True)
    class Interrupted:
        values: list[int] = field(default_factory=list[int])

    def interrupted(self: object, owner: type, name: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(dataclasses.Field, "__set_name__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            repr(Interrupted())
    assert Interrupted().values == []


def varied(dataclass: Callable[..., Any]) -> list[type[Any]]:
    """Make classes whose fields are given and filled in different ways."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Named:
        first: int
        second: list[int] = field(default_factory=list)
        third: int = 3

    @dataclass(slots=True)
    class Filled:
        given: int
        counted: list[int] = field(init=False, default_factory=list)
        later: int = field(init=False)
        last: str = "x"

        def __post_init__(self) -> None:
            self.later = self.given + 1

    @dataclass(frozen=True, slots=True)
    class Both(Named):
        own: int
        more: int = field(default=5, kw_only=True)
        third: int = field(default=7, kw_only=True)

    @dataclass(slots=True, eq=False)
    class Apart:
        value: int = 0

    @dataclass(frozen=True, slots=True, repr=False)
    class Quiet:
        value: int = 0

        def __repr__(self) -> str:
            return "quiet"

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Quiet)

    return [Named, Filled, Both, Apart, Quiet]


def outcome(make: Callable[[], Any]) -> Any:
    """Return what an object holds and is, or the error of making it."""
    try:
        made = make()
    except TypeError as error:
        return str(error)
    held = {name: getattr(made, name) for name in made.__dataclass_fields__}
    return (
        held,
        repr(made).rpartition(".")[2],
        made == make(),
        made.__match_args__,
        type(made).__hash__ is None,
    )


CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    ((1,), {}),
    ((1, 2), {}),
    ((1, 2, 3, 4, 5), {}),
    ((), {"first": 1}),
    ((), {"first": 1, "second": [4], "third": 9}),
    ((), {"value": 4}),
    ((1,), {"last": "y"}),
    ((1,), {"own": 2, "more": 3}),
    ((), {"own": 2, "first": 3, "more": 1}),
    ((), {"nothing": 1}),
    ((1,), {"given": 1}),
]


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("arguments", CALLS)
def test_the_first_object_is_made_as_the_standard_decorator_has_it(
    number: int, arguments: tuple[tuple[Any, ...], dict[str, Any]]
) -> None:
    positional, named = arguments
    mine, standard = (varied(dataclass)[number] for dataclass in (lazy, dataclasses.dataclass))
    assert outcome(lambda: mine(*positional, **named)) == outcome(lambda: standard(*positional, **named))


@pytest.mark.parametrize("asked", [repr, hash, copy, dataclasses.asdict, lambda made: made == copy(made)])
def test_a_class_is_completed_by_what_asks_more_of_its_first_object(asked: Callable[[Any], Any]) -> None:
    def names(dataclass: Callable[..., Any]) -> Any:
        made = family(dataclass)[1]("a", ("t",))
        answer = asked(made)
        return [str(signature(type(made))), answer if asked is not repr else answer.rpartition(".")[2]]

    first, second = names(lazy), names(dataclasses.dataclass)
    assert first[0] == second[0]
    assert asked is copy or first[1] == second[1]


def test_the_names_of_fields_can_be_had_of_all_dataclasses() -> None:
    for cls in (*family(lazy), *varied(lazy), *family(dataclasses.dataclass)):
        assert field_names(cls) == tuple(one.name for one in dataclasses.fields(cls))
