"""Wherever models are taken, classes, registries and modules are, and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from solidb_odm import Document, Engine, Registry, create_engine
from solidb_odm.commands import ListCollections, call
from solidb_odm.errors import ConfigurationError, DeclarationError, SolidbError, UsageError
from solidb_odm.migrations import Migrator
from solidb_odm.offline import SyncConfig

OWN = Registry()


class TakenBase(Document, abstract=True, registry=OWN):
    pass


class Kettle(TakenBase, collection="taken_kettles"):
    litres: float = 1.0


class Teapot(TakenBase, collection="taken_teapots"):
    cups: int = 4


@pytest.fixture
def module() -> Iterator[ModuleType]:
    made = ModuleType("taken_app")
    made.__dict__["Kettle"] = Kettle
    sys.modules["taken_app"] = made
    yield made
    del sys.modules["taken_app"]


def created(*models: Any) -> list[str]:
    with create_engine("sqlite://") as engine:
        engine.create_all(*models)
        return [name for name in ("taken_kettles", "taken_teapots") if _is_there(engine, name)]


def _is_there(engine: Engine, name: str) -> bool:
    return name in engine.run(call(ListCollections()))


def migrated(*models: Any) -> list[str]:
    return sorted(Migrator(create_engine("sqlite://"), Path("nowhere"), models=_one(models)).declared())


def synced(*models: Any) -> list[str]:
    config = SyncConfig(database="d", local_storage_path="nowhere", models=_one(models))
    config.filters()
    return sorted(each.__solidb_collection__ for each in config.classes())


def _one(models: tuple[Any, ...]) -> Any:
    return models[0] if len(models) == 1 else models


TAKERS = [created, migrated, synced]


@pytest.mark.parametrize("take", TAKERS)
def test_classes_registries_and_modules_are_taken(take: Callable[..., list[str]], module: ModuleType) -> None:
    assert take(Kettle) == take(module) == take("taken_app") == ["taken_kettles"]
    assert take(OWN) == take(Kettle, Teapot) == take(module, Teapot) == ["taken_kettles", "taken_teapots"]


@pytest.mark.parametrize("take", TAKERS)
@pytest.mark.parametrize("given", [5, int, "taken_nowhere", Kettle()])
def test_anything_else_is_refused(take: Callable[..., list[str]], given: Any) -> None:
    with pytest.raises((UsageError, ConfigurationError), match=r"declares no collection|takes several"):
        take(given)


@pytest.mark.parametrize("take", TAKERS)
def test_an_abstract_class_says_so(take: Callable[..., list[str]]) -> None:
    with pytest.raises(DeclarationError, match="it is abstract or generic"):
        take(TakenBase)


@pytest.mark.parametrize("take", [created, synced])
def test_a_module_without_models_is_refused(take: Callable[..., list[str]]) -> None:
    with pytest.raises(SolidbError, match="has no document classes"):
        take("colorsys")


def test_a_registry_is_gone_through() -> None:
    assert list(OWN) == [Kettle, Teapot]
    assert Kettle in OWN
    assert Document not in OWN
