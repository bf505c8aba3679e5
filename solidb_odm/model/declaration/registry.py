"""The lists of declared collections: who declares what, and whether they agree.

Sessions find the class of a document here, ``create_all`` what there is to make, migrations what
there should be. Wherever models are taken, ``models_of`` reads what was given.
"""

from __future__ import annotations

import gc
import sys
import traceback
import weakref
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib import import_module
from operator import attrgetter
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, cast

from ..._types import shown
from ...commands import CollectionSpec
from ...errors import ConfigurationError, DeclarationError, SolidbError, UsageError, missing
from ..stored.pydantic_attributes import generic_parts

SUCCESSOR = "__solidb_successor__"
"""The attribute of a class that was declared again: a weak reference to the class in its place."""

_NAME = attrgetter("__name__")

REFUSED = "__solidb_refused__"
"""The mark of a class whose statement failed, though its parents still know it."""


WAYS = {
    "create_all": "engine.create_all(registry)",
    "drop_all": "engine.drop_all(registry)",
    "map_declaratively": "class User(Document, collection='users')",
    "mapped": "class User(Document, collection='users')",
    "metadata": "the registry itself",
    "mappers": "registry.models()",
    "reflect": "solidb-odm inspect, which writes models of what is there",
    "tables": "registry.models()",
}
"""What SQLAlchemy's MetaData and registries have, by what to write here."""


class Registry:
    """A set of document classes that belong together, such as those of one database or application.

    Each class is added when it is created: to the registry of its base, ``class Base(Document, abstract=True,
    registry=Registry())``, or to the global ``registry``. An edge without one is added to the registry of its
    ends. ``engine.create_all(registry)`` creates the collections of a registry, and ``Migrator(engine,
    models=registry)`` migrates them.

    Classes are held weakly, so that local ones can be collected. ``generation`` is a number that increases
    with each new class, for caches.
    """

    generation: ClassVar[int] = 0

    if not TYPE_CHECKING:  # a checker would hold every misspelt name to be there

        def __getattr__(self, name: str) -> Any:
            raise missing(self, name, WAYS)

    def __init__(self) -> None:
        self._claims: dict[str, list[weakref.ref[type[Any]]]] = {}
        self._waiting: weakref.WeakSet[type[Any]] = weakref.WeakSet()
        _registries.add(self)

    def wait(self, model: type[Any]) -> None:
        """Note a class that can be entered only when the classes it names are there."""
        _check_class(model)
        self._waiting.add(model)

    def claim(self, model: type[Any], spec: CollectionSpec) -> None:
        """Enter a class for its collection.

        A class of the same module and qualified name takes the place of an earlier one (a module that is
        loaded again, a notebook cell that is run again). Two class statements of one module that don't
        inherit from one of the same collection can't share it, nor can classes of one name in two modules;
        other classes of two modules must declare the same of it, or nothing: DeclarationError.

        One that nobody stated, and that has no fields yet, is made by what brings classes by value from other
        processes; it is dropped where the class itself is there, and takes nobody's place.
        """
        _check_class(model)
        if not isinstance(spec, CollectionSpec):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise UsageError(f"{spec!r} is not a CollectionSpec")
        Registry.generation += 1
        if self._waiting:
            self._waiting.discard(model)
        if model.__solidb_is_bare__ and any(
            _is_namesake(other, model) for other in self.claimants(spec.name)
        ):
            return
        with suppress(DeclarationError):
            self._claims[spec.name] = self._agreeing(model, spec)
            return
        gc.collect()  # what nobody can reach any more declares nothing, whenever the collector comes by
        self._claims[spec.name] = self._agreeing(model, spec)

    def _agreeing(self, model: type[Any], spec: CollectionSpec) -> list[weakref.ref[type[Any]]]:
        """Return the classes of a collection with a new one at the end; DeclarationError if it can't be."""
        kept, replaced = self.claimants(spec.name), list[type[Any]]()
        if model.__name__ in map(_NAME, kept):
            others = [other for other in kept if not _is_over(other, model)]
            replaced = [other for other in others if is_same_place(other, model)]
            kept = [other for other in others if other not in replaced]
        for other in replaced:  # first, since the children of what is replaced are the new class's by this
            type.__setattr__(other, SUCCESSOR, weakref.ref(model))
        try:
            owners = _owners(model, spec.name)
            for other in kept:
                if owners.isdisjoint(other.__mro__) or _is_stored_as(model, other):
                    _check_agreement(model, spec, other)
        except DeclarationError:
            for other in replaced:
                type.__delattr__(other, SUCCESSOR)
            raise
        return [weakref.ref(claimant) for claimant in (*kept, model)]

    def claimants(self, collection: str) -> list[type[Any]]:
        """Return the living classes of a collection, in the order they were made."""
        if not isinstance(collection, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise UsageError(f"claimants() takes the name of a collection, not {collection!r}")
        if self._waiting:
            self._complete(collection)
        classes = (reference() for reference in self._claims.get(collection, ()))
        return [model for model in classes if model is not None]

    def models(self) -> Iterator[type[Any]]:
        """Yield all living classes, by collection; DeclarationError if one names a class there is not."""
        for model in self._all_waiting():
            _ = model.__solidb_mapping__
        for collection in sorted(self._claims):
            yield from self.claimants(collection)

    def __iter__(self) -> Iterator[type[Any]]:
        return self.models()

    def __contains__(self, model: object) -> bool:
        return id(model) in map(id, self.complete_models())

    def _all_waiting(self) -> list[type[Any]]:
        """Return the classes that wait for others; one whose own statement failed waits no more."""
        return [model for model in list(self._waiting) if is_in_use(model)]

    def complete_models(self) -> list[type[Any]]:
        """Return the living classes that are complete, by collection."""
        self._complete(None)
        return [model for collection in sorted(self._claims) for model in self.claimants(collection)]

    def _complete(self, collection: str | None) -> None:
        for model in self._all_waiting():
            if collection is None or model.__solidb_collection__ == collection:
                try:
                    _ = model.__solidb_mapping__
                except DeclarationError:  # raised again where the class itself is used
                    continue

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Return the global registry by its name, and another as a new one, to which its classes go."""
        return "registry" if self is registry else (Registry, ())

    def __repr__(self) -> str:
        return f"<Registry of {', '.join(sorted(self._claims)) or 'nothing'}>"


_registries: weakref.WeakSet[Registry] = weakref.WeakSet()
registry = Registry()


Source: TypeAlias = "type[Any] | Registry | ModuleType | str"
"""A document class, or what has such: a registry or a module, that one also by its name."""
Models: TypeAlias = "Source | Iterable[Source]"


def sources_of(models: Models, what: str) -> list[Any]:
    """Return what was given as models, one or several, as a list; ConfigurationError if it is neither."""
    if isinstance(models, (str, type, Registry, ModuleType)):
        return [models]
    if isinstance(cast(object, models), bytes) or not isinstance(cast(object, models), Iterable):
        raise ConfigurationError(f"{what} takes several, not {models!r}", hint=f"{what}[Note], or a Registry")
    return list(models)


def models_of(
    sources: Iterable[Any], error: type[SolidbError], way: str, *, may_be_empty: bool = False
) -> list[type[Any]]:
    """Return document classes: those given, and those of the registries and modules that are given.

    ``error`` is raised for anything else, and ``way`` says what to give. A module has at least one class,
    unless it ``may_be_empty``.
    """
    chosen: list[type[Any]] = []
    for source in sources:
        if isinstance(source, Registry):
            chosen += source.models()
        elif isinstance(source, (ModuleType, str)):
            inside = _in_module(_module(source, error) if isinstance(source, str) else source)
            if not inside and not may_be_empty:
                raise error(f"the module {shown(source)} has no document classes", hint=way)
            chosen += inside
        elif isinstance(source, type) and hasattr(source, "__collection_spec__"):
            chosen.append(_declaring(source))
        else:
            raise error(f"{shown(source)} declares no collection", hint=way)
    return list(dict.fromkeys(chosen))


def _declaring(model: Any) -> type[Any]:
    """Return a class that has a collection; an abstract one says so: DeclarationError."""
    if getattr(model, "__solidb_collection__", "") is None:
        model.__collection_spec__()
    return cast("type[Any]", model)


def _module(name: str, error: type[SolidbError]) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as problem:
        if problem.name is None or not name.startswith(problem.name):
            raise _unreadable(name, problem) from problem
        raise error(
            f"{name!r} declares no collection: there is no module of that name",
            hint="models in [tool.solidb_odm] are named from the folder of pyproject.toml",
        ) from problem
    except SolidbError:
        raise
    except Exception as problem:
        raise _unreadable(name, problem) from problem


def _unreadable(name: str, error: Exception) -> ConfigurationError:
    frames = traceback.extract_tb(error.__traceback__)
    where = "" if isinstance(error, SyntaxError) else f" ({frames[-1].filename}, line {frames[-1].lineno})"
    return ConfigurationError(
        f"the module {name!r} can't be imported: {type(error).__name__}: {error}{where}",
        hint=f'python -c "import {name}" shows all of it',
    )


def _in_module(module: ModuleType) -> list[type[Any]]:
    """Return the classes of a module and of those below it, in whichever registry they are."""
    name = module.__name__
    inner = [part for part in sorted(sys.modules) if part.startswith(f"{name}.")]
    bound = [value for part in inner for value in vars(sys.modules[part]).values() if _is_declared(value)]
    own = [
        model
        for model in (*registry.models(), *bound)  # those of other registries are not in the global one
        if model.__module__ == name or model.__module__.startswith(f"{name}.")
    ]
    return list(dict.fromkeys([*own, *filter(_is_declared, vars(module).values())]))


def _is_declared(value: Any) -> bool:
    return isinstance(value, type) and getattr(value, "__solidb_collection__", None) is not None


def _check_class(model: Any) -> None:
    if not (isinstance(model, type) and hasattr(model, "__solidb_kind__")):
        raise UsageError(f"a registry holds document classes, not {model!r}")


def check_target(target: Any, what: str) -> Any:
    """Return what a link or an end of an edge leads to; DeclarationError for a class of no documents."""
    if isinstance(target, type) and not hasattr(target, "__solidb_kind__"):
        raise DeclarationError(
            f"{what}[{target.__name__}] leads to documents, and {target.__name__} is no Document class",
            hint=f"{what}[User]; what belongs to one document is a field of its type",
        )
    return cast(Any, target)


def registry_of(collection: str, preferred: set[Registry]) -> Registry:
    """Return the registry that knows a collection: a preferred one, else the only one, else the global."""
    knowing = [registry for registry in list(_registries) if registry.claimants(collection)]
    chosen = [registry for registry in knowing if registry in preferred] or knowing
    return chosen[0] if len(chosen) == 1 else registry


def current(model: Any) -> Any:
    """Return a class, or the one that was declared again in its place."""
    while isinstance(model, type) and SUCCESSOR in model.__dict__:
        newer = model.__dict__[SUCCESSOR]()
        if newer is None:
            break
        model = newer
    return model


def holds_others(model: type[Any], collection: str) -> bool:
    """Return whether a collection holds documents that are none of a class: of its parent, or a sibling."""
    mapping = getattr(model, "__solidb_mapping__", None)
    if mapping is None or mapping.type_name is None:
        return False
    claimants = model.__solidb_registry__.claimants(collection)
    return any(is_in_use(other) and not issubclass(other, model) for other in claimants)


def is_in_use(model: Any) -> bool:
    """Return whether a class has not been declared again, and its own statement did not fail."""
    return SUCCESSOR not in model.__dict__ and REFUSED not in model.__dict__


def is_same_place(one: type[Any], other: type[Any]) -> bool:
    """Return whether one class was declared again as the other: of one name, in one module or function."""
    return (
        one is not other
        and one.__name__ == other.__name__
        and _scope(one) == _scope(other)
        and repr(generic_parts(one)["args"]) == repr(generic_parts(other)["args"])
        and not (issubclass(one, other) or issubclass(other, one))
    )


def _is_namesake(one: type[Any], other: type[Any]) -> bool:
    return (one.__name__, one.__module__) == (other.__name__, other.__module__)


def _scope(model: Any) -> tuple[str, str]:
    origin: Any = generic_parts(model)["origin"] or model
    return origin.__module__, origin.__qualname__.rpartition(".")[0]


def _are_apart(one: Any, other: Any) -> bool:
    """Return whether classes were made in different places, one of them in a function."""
    return _scope(one) != _scope(other) and any("<locals>" in _scope(cls)[1] for cls in (one, other))


def _is_over(other: type[Any], model: type[Any]) -> bool:
    """Return whether a class was made by a function that gives way: to a class of its name made elsewhere."""
    is_local = "<locals>" in _scope(other)[1]
    return is_local and other.__name__ == model.__name__ and _are_apart(model, other)


def _is_stored_as(model: Any, other: Any) -> bool:
    name: str | None = model.__solidb_type_name__
    return name is not None and name == other.__solidb_type_name__


def _check_agreement(model: type[Any], spec: CollectionSpec, other: type[Any]) -> None:
    mine, name = model.__qualname__, other.__qualname__
    if model.__module__ != other.__module__:
        mine, name = f"{model.__module__}.{mine}", f"{other.__module__}.{name}"
    if _are_relatives(model, other, spec.name):
        if spec.kind == other.__solidb_kind__ and _is_stored_as(model, other):
            raise DeclarationError(
                f"is stored as {other.__solidb_type_name__!r} in {spec.name!r}, as {name} is",
                model=model.__qualname__,
                hint="give one of the two classes another name",
            )
        return
    if _are_apart(model, other):
        return
    theirs: CollectionSpec = other.__collection_spec__()
    if model.__name__ == other.__name__ and _scope(model) != _scope(other):
        problem = f"as {name} does"
    elif spec.kind != theirs.kind:
        problem = f"as {spec.kind}s, where {name} declares {theirs.kind}s"
    elif _scope(model) == _scope(other) and model.__solidb_is_stated__ and other.__solidb_is_stated__:
        problem = f"that {name} has declared already"
    elif _says_other(spec, theirs):
        problem = f"with other indexes or another validation than {name}"
    else:
        return
    raise DeclarationError(
        f"declares the collection {spec.name!r} {problem}",
        model=mine,
        hint=f"inherit from {other.__qualname__}, choose another collection=, or bind one of the two to a "
        "Registry() of its own: class Base(Document, abstract=True, registry=..)",
    )


def _says_other(spec: CollectionSpec, theirs: CollectionSpec) -> bool:
    """Return whether two classes both say something of their collection, and not the same."""
    says_something = all(setting.indexes or setting.validation != "off" for setting in (spec, theirs))
    is_same = set(spec.indexes) == set(theirs.indexes) and spec.validation == theirs.validation
    return says_something and not is_same


def _are_relatives(one: type[Any], other: type[Any], collection: str) -> bool:
    """Return whether classes share a collection by inheritance: of each other, or of one that has it."""
    return not _owners(one, collection).isdisjoint(_owners(other, collection))


def _owners(model: type[Any], collection: str) -> set[Any]:
    """Return a class and its bases that have a collection, or those in their place by now."""
    bases: list[Any] = [base for base in model.__mro__ if "__solidb_collection__" in base.__dict__]
    return {current(base) for base in bases if base.__dict__["__solidb_collection__"] == collection}
