"""Modules stay short, named for what they hold, and finished."""

from __future__ import annotations

import re
from pathlib import Path
from types import CodeType, FunctionType, GeneratorType

import pytest
from pydantic import BaseModel

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "solidb_odm").rglob("*.py"))
LONGEST = 600
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|raise NotImplementedError\b")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_not_too_long_to_read(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST


def test_no_module_is_a_drawer_for_odds_and_ends() -> None:
    drawers = {"utils", "util", "helpers", "helper", "manager", "misc", "common"}
    assert [path.name for path in MODULES if path.stem in drawers] == []


def test_nothing_is_left_for_later() -> None:
    assert [str(path) for path in MODULES if UNFINISHED.search(path.read_text())] == []


def test_every_module_says_what_it_is_for() -> None:
    assert [str(path) for path in MODULES if not path.read_text().lstrip().startswith(('"""', 'r"""'))] == []


KINDS: tuple[type, ...] = (int, list, dict, type, FunctionType, CodeType, GeneratorType, BaseModel)
OTHERS = """
package aenter aexit aiter all anext args await bound cause constraints context copy dataclass_fields
dataclass_params deepcopy del delete enter exit future main match_args metadata missing next origin
parameters getnewargs_ex path post_init set set_name signature supertype traceback value members func self int
fspath class_getitem weakref orig_bases mul get slots annotations annotate annotate_func forward_arg
"""
HABITS = {"__collection__", "__mapper_args__", "__table_args__", "__tablename__"}
"""What users of other libraries write in a class, which is refused with the way to write it here."""
PYTHONS = {*(f"__{name}__" for name in OTHERS.split()), *(name for kind in KINDS for name in dir(kind))}


def test_names_in_double_underscores_are_pythons_or_have_our_prefix() -> None:
    names = {
        name: path.name
        for path in MODULES
        if path.stem != "habits"  # which names what other mappers have
        for name in re.findall(r"(?<!\w)__[a-z]\w*__(?!\w)", path.read_text())
        if name not in PYTHONS and not name.startswith(("__solidb_", "__pydantic_", "__get_pydantic_"))
    }
    del names["__collection_spec__"]  # documented for users
    for habit in HABITS:
        names.pop(habit, None)
    assert names == {}


PYDANTICS = re.compile(r"__pydantic_\w+__|pydantic\._internal|\.__get_pydantic_core_schema__\(")
HOOKS = {"__pydantic_init_subclass__"}  # which Pydantic documents for authors of classes
ROOM = ROOT / "solidb_odm" / "model" / "stored"
PUBLIC = {
    "CoreSchema", "PydanticCustomError", "PydanticSerializationError", "PydanticUndefined",
    "SchemaSerializer", "SchemaValidator", "core_schema", "from_json", "to_json",
}  # fmt: skip


def test_what_pydantic_does_not_document_is_used_in_one_room() -> None:
    found = {
        f"{path.name}: {name}"
        for path in MODULES
        if ROOM not in path.parents
        for name in PYDANTICS.findall(path.read_text())
    }
    assert {each for each in found if each.split(": ")[1] not in HOOKS} == set()


def test_outside_that_room_only_the_public_names_of_its_core_are_imported() -> None:
    names = {
        name.strip()
        for path in MODULES
        if ROOM not in path.parents
        for imported in re.findall(r"from pydantic_core import ([^(\n]+|\([^)]+\))", path.read_text())
        for name in imported.strip("()").split(",")
        if name.strip()
    }
    assert names <= PUBLIC


def test_every_attribute_of_pydantics_is_tried_first_by_a_test() -> None:
    tried = (ROOT / "tests" / "unit" / "model" / "test_pydantic_internals.py").read_text()
    used = {
        name
        for path in MODULES
        if ROOM in path.parents
        for name in re.findall(r"__pydantic_\w+__", path.read_text())
    }
    assert {name for name in used if name not in tried} == set()
