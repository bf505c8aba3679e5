"""The picture in CONTRIBUTING.md: imports go down, stand at the top, and never in a circle."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project.layers import Import, Package, find_cycle, goes_down, row

ROOT = Path(__file__).parents[2]
PACKAGE = Package(ROOT / "solidb_odm")
IMPORTS = list(PACKAGE.imports())


def test_every_module_stands_in_a_row() -> None:
    assert all(row(module) >= 0 for module in PACKAGE.sources)


def test_imports_lead_to_lower_rows_or_stay_in_their_package() -> None:
    assert [str(found) for found in IMPORTS if not goes_down(found)] == []


def test_no_import_of_our_own_hides_in_a_function() -> None:
    assert [str(found) for found in IMPORTS if found.late and not found.guarded] == []


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    edges: dict[str, set[str]] = {}
    for found in IMPORTS:
        if not found.guarded:
            edges.setdefault(found.importer, set()).add(found.imported)
    assert find_cycle(edges) == []


UP = [("language.parser", "commands"), ("errors", "_types"), ("query.select", "work.unit"), ("cli.main", "")]
DOWN = [("session.session", "work.unit"), ("engines.sqlite.sql", "engines.base"), ("", "session")]


@pytest.mark.parametrize(("importer", "imported"), UP)
def test_an_import_upwards_or_sideways_is_noticed(importer: str, imported: str) -> None:
    assert not goes_down(Import(importer, imported, 1))


@pytest.mark.parametrize(("importer", "imported"), DOWN)
def test_an_import_downwards_or_at_home_is_fine(importer: str, imported: str) -> None:
    assert goes_down(Import(importer, imported, 1))


def test_the_two_engines_do_not_know_each_other() -> None:
    assert not goes_down(Import("engines.solidb.commit", "engines.sqlite.store", 1))


def test_relative_absolute_guarded_and_late_imports_are_all_read(tmp_path: Path) -> None:
    package = tmp_path / "pack"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("from .inner import thing\n")
    (package / "inner" / "__init__.py").write_text("")
    (package / "inner" / "thing.py").write_text(
        "import os\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pack.other.deep\n"
        "def f():\n    from .. import other\n"
    )
    (package / "other.py").write_text("from . import inner\n")

    found = set(Package(package).imports())

    assert found == {
        Import("", "inner.thing", 1),
        Import("inner.thing", "other", 4, guarded=True),
        Import("inner.thing", "other", 6, late=True),
        Import("other", "inner", 1),
    }


def test_a_circle_is_named_in_order() -> None:
    assert find_cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert find_cycle({"a": {"b", "c"}, "b": {"c"}}) == []
