"""Random families of classes: what is committed of any of them is read through each of its classes."""

from __future__ import annotations

from contextlib import suppress
from enum import Enum
from types import new_class
from typing import Any, Generic, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from solidb_odm import (
    Document,
    Engine,
    Registry,
    Session,
    SoftDelete,
    Timestamped,
    create_engine,
    delete,
    func,
    select,
    update,
)
from solidb_odm.errors import SolidbError
from tests.engines.test_random_models import (
    BESIDE,
    VARYING,
    Maker,
    check_unchanged,
    dumped,
    held_by,
    of_now,
)
from tests.sizes import examples

T = TypeVar("T")


class Loud:
    """A base that is no model."""

    loudness = 3

    def shout(self) -> str:
        return "!"


class Family(Maker):
    """A root, and the classes below it that share its collection; with the bases that they have beside it."""

    additions = [each for each in BESIDE if each is not of_now]  # what varies equals nothing

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.registry = Registry()
        self.classes: list[Any] = []

    def build(self) -> None:
        """Make the classes; an error of ours if one of them is refused."""
        bases = self.beside() if self.chance(0.4) else ()
        above: Any = Document
        if self.chance(0.5):
            above = self.model((*bases, Document), 1, "ab", abstract=True, registry=self.registry)
            bases = ()
        if self.chance(0.3):
            above = self.parameterised((above,), abstract=True)
        self.classes = [self.model((*bases, above), 1, "bcd", **self.options())]
        for number in range(self.dice.randint(0, 3)):
            with suppress(SolidbError):  # the rest of the family has to work all the same
                self.classes.append(self.child(f"{'efg'[number]}{self.dice.choice('abcd')}"))

    def options(self) -> dict[str, Any]:
        return {"collection": f"random_families_{self.number}", "registry": self.registry}

    def beside(self) -> tuple[Any, ...]:
        """Return bases to have beside a document class."""
        some: list[Any] = [Loud, SoftDelete, Timestamped, "plain", "generic"]
        chosen = self.dice.sample(some, self.dice.randint(1, 2))
        made = {"plain": lambda: self.model((BaseModel,), 1, "xy"), "generic": lambda: self.embedded_box()}
        return tuple(made[each]() if isinstance(each, str) else each for each in chosen)

    def child(self, names: str) -> Any:
        parent = self.dice.choice(self.classes)
        bases = (*(self.beside() if self.chance(0.3) else ()), parent)
        if self.chance(0.2):
            bases = (self.model(bases, 1, "h", abstract=True),)
        return self.model(bases, 1, names)

    def parameterised(self, bases: tuple[Any, ...], **options: Any) -> Any:
        """Return a generic class with its parameter given, or given by one below it."""
        made = self.generic(bases, **options)
        annotation, values = self.type_of_field(0)
        chosen = made[annotation]
        self.values[chosen.__qualname__, "t"] = values
        self.values[chosen.__qualname__, "ts"] = [[each] for each in values]
        self.values[chosen.__qualname__, "by"] = [{"k": each} for each in values]
        return chosen

    def generic(self, bases: tuple[Any, ...], **options: Any) -> Any:
        name = self.new_name("Generic")
        fields = self.dice.sample([("t", T), ("ts", list[T]), ("by", dict[str, T])], self.dice.randint(1, 3))  # type: ignore[valid-type]
        body = {"__module__": __name__, "__qualname__": name, "__annotations__": dict(fields)}
        parents = (*bases, Generic[T])
        return new_class(name, parents, options, lambda namespace: namespace.update(body))

    def embedded_box(self) -> Any:
        return self.parameterised((BaseModel,))

    def type_of_field(self, depth: int) -> tuple[Any, list[Any]]:
        """Return a type and some of its values; among them generic classes and classes with parents."""
        if depth and self.chance(0.2):
            part = self.embedded_box()
        elif depth and self.chance(0.2):
            part = self.model((self.model((BaseModel,), 0),), 0, "abp")
        else:
            return super().type_of_field(depth)
        return (list[part], [[part], []]) if self.chance(0.3) else (part, [part])  # type: ignore[valid-type]


def check(seed: int, engine: Engine) -> str:
    """Make a family and documents of each class, store them, and read and change them in several ways."""
    family = Family(seed)
    try:
        family.build()
        engine.create_all(family.registry)
    except SolidbError as error:
        return f"refused: {error}"
    documents = made(family)
    with Session(engine) as session:
        for document in list(documents):
            session.add(document)
            try:
                session.commit()
            except SolidbError:
                session.rollback()
                session.expunge_all()
                documents.remove(document)
    if not documents:
        return "not stored"
    held = {each.key: (type(each), dumped(each)) for each in documents}
    for model in family.classes:
        check_read(engine, model, held, {each.key: each for each in documents})
    return check_changed(engine, family, held)


def made(family: Family) -> list[Any]:
    documents: list[Any] = []
    for model in family.classes * 2:
        with suppress(SolidbError, ValidationError):  # some of these classes don't take their own objects
            documents.append(family.made(model))
    return documents


def check_read(engine: Engine, model: Any, held: dict[str, Any], documents: dict[str, Any]) -> None:
    """A class reads its own documents and those of the classes below it, each as what it was."""
    own = {key: value for key, value in held.items() if issubclass(value[0], model)}
    with Session(engine) as session:
        read = session.scalars(select(model)).all()
        assert {each.key: (type(each), dumped(each)) for each in read} == own
        assert session.scalars(select(func.count(model))).one() == len(own)
        for each in read:
            check_unchanged(session, each)
            assert classes(each) == classes(documents[each.key])
        check_columns(session, model, session.scalars(select(above(model)[-1])).all())
    with Session(engine) as session:
        for key, value in held.items():
            found = session.get(model, key)
            assert (found is not None) == (key in own), key
            assert found is None or (type(found), dumped(found)) == value


def classes(document: Any) -> list[tuple[str, Any]]:
    """Return the types of what a document holds: Pydantic takes no default for the value of an enum."""
    held = [(name, value.value if isinstance(value, Enum) else value) for name, value in held_by(document)]
    return [(name, type(value)) for name, value in held]


def check_columns(session: Session, model: Any, documents: list[Any]) -> None:
    """What a query says of a field is what the documents hold, through the class and those above it."""
    read = [each for each in documents if isinstance(each, model)]
    untyped = {name for name, info in model.model_fields.items() if info.annotation in (Any, dict, list)}
    for name in {*model.model_fields, *model.model_computed_fields} - VARYING - untyped:
        with suppress(SolidbError):
            rows = session.execute(select(model.key, getattr(model, name))).all()
            wanted = {each.key: dumped(getattr(each, name)) for each in read}
            assert {key: dumped(value) for key, value in rows} == wanted, name
        for value in [getattr(each, name) for each in read[:2]]:
            with suppress(SolidbError):
                check_conditions(session, model, name, value, documents)


def truth(value: Any) -> bool:
    """Return whether a value is True or False, which are no numbers in the language."""
    return isinstance(value, bool)


def check_conditions(session: Session, model: Any, name: str, value: Any, documents: list[Any]) -> None:
    """A condition on a field speaks of the documents of the class, or of the one above that has the field."""
    column = getattr(model, name)
    tests = [(column == value, lambda held: dumped(held) == dumped(value) and truth(held) == truth(value))]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        tests.append((column < value + 1, lambda held: isinstance(held, (int, float)) and held < value + 1))
    for source in above(model):
        has_it = name in source.model_fields or name in source.model_computed_fields
        said_of = source if has_it else model  # to others the field is null
        held = {
            each.key: getattr(each, name) if isinstance(each, said_of) else None
            for each in documents
            if isinstance(each, source)
        }
        for condition, holds in tests:
            keys = session.scalars(select(source.key).where(condition)).all()
            wanted = sorted(key for key, one in held.items() if holds(one))
            assert sorted(keys) == wanted, (source, model, name, value, condition)


def above(model: Any) -> list[Any]:
    """Return the class and those above it in its collection."""
    is_root = model.__solidb_type_name__ is None
    return [model] if is_root else [each for each in model.__mro__ if has_collection(each)]


def has_collection(model: Any) -> bool:
    return str(getattr(model, "__solidb_collection__", None)).startswith("random_families_")


def check_updated(session: Session, family: Family, held: dict[str, Any]) -> None:
    """A statement gives the documents of a class, and of those below it, a new value."""
    model = family.dice.choice(family.classes)
    names = [name for name in model.model_fields if name not in ("key", "deleted_at", *VARYING)]
    name = family.dice.choice(names)
    with suppress(SolidbError, ValidationError):
        value = getattr(family.made(model), name)
        session.execute(update(model).values(**{name: value}))
        session.commit()
        session.expunge_all()
        for each in session.scalars(select(model)):
            assert dumped(getattr(each, name)) == dumped(value)
            held[each.key] = (type(each), dumped(each))
        for each in family.classes:
            check_columns(session, each, session.scalars(select(family.classes[0])).all())


def check_changed(engine: Engine, family: Family, held: dict[str, Any]) -> str:
    """Change each, and then mark or delete those of one class: others stay."""
    with Session(engine) as session:
        for key, (model, _) in held.items():
            document = session.get_one(model, key)
            if model.model_config.get("frozen"):
                continue
            with suppress(ValidationError, SolidbError):
                other = family.made(model)
                for name, info in model.model_fields.items():
                    if name not in ("key", "deleted_at", *VARYING) and not info.frozen:
                        setattr(document, name, getattr(other, name))
                session.commit()
                held[key] = (model, dumped(document))
            session.rollback()
            session.expunge_all()
    with Session(engine) as session:
        check_updated(session, family, held)
        read = session.scalars(select(family.classes[0])).all()
        assert {each.key: (type(each), dumped(each)) for each in read} == held
        last = family.classes[-1]
        try:
            session.execute(delete(last))
        except SolidbError as error:
            return f"not deleted: {error}"
        session.commit()
        kept = {key for key, (model, _) in held.items() if not issubclass(model, last)}
        assert set(session.scalars(select(family.classes[0].key))) == kept
        assert {each.key for each in session.scalars(select(family.classes[0]))} == kept
    return "ok"


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=examples(15))
@given(st.integers(0, 10**6))
def test_a_family_of_any_kind(seed: int) -> None:
    with create_engine("sqlite://") as engine:
        check(seed, engine)


@pytest.mark.filterwarnings("ignore")
def test_most_families_are_stored(engine: Engine) -> None:
    outcomes = [check(seed, engine) for seed in range(4)]
    assert outcomes.count("ok") >= 3, outcomes
