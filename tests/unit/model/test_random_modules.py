"""Random modules whose classes name each other: a name means what it means in its module, in any order."""

from __future__ import annotations

import importlib
import random
import sys
from itertools import count
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from solidb_odm import Document, Link
from solidb_odm.errors import DeclarationError
from tests.sizes import examples

NUMBERS = count()
NAMES = ["Owner", "Thing", "Place", "Part"]
HEAD = """from typing import TYPE_CHECKING, Optional
from pydantic import BaseModel
from solidb_odm import Document, Link, Registry
registry = Registry()
class Base(Document, abstract=True, registry=registry):
    pass
"""
FORMS = ["Link[{}]", "list[Link[{}]]", "Link[{}] | None", "dict[str, list[Link[{}]]]"]


class Modules:
    """Texts of modules that define classes of the same names, and name those of others."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.prefix = f"random_module_{next(NUMBERS)}"
        self.owned = {each: self.dice.sample(NAMES, self.dice.randint(1, 3)) for each in range(3)}
        self.imported: dict[int, dict[str, int]] = {each: {} for each in self.owned}
        self.meant: dict[tuple[int, str, str], tuple[int, str]] = {}

    def name(self, module: int) -> str:
        return f"{self.prefix}_{module}"

    def text(self, module: int) -> str:
        """Return a module; what its annotations mean is noted."""
        own, others = self.owned[module], self.imported[module]
        for other in self.owned:
            for each in self.owned[other]:
                if other != module and each not in own and each not in others and self.dice.random() < 0.6:
                    others[each] = other
        is_postponed = self.dice.random() < 0.5
        lines = ["from __future__ import annotations\n" if is_postponed else "", HEAD]
        if others:
            lines.append("if TYPE_CHECKING:\n")
            lines += [f"    from {self.name(other)} import {each}\n" for each, other in others.items()]
        for each in own:
            lines.append(self.class_text(module, each, is_postponed))
        if self.dice.random() < 0.3:  # classes of a function go by the names of the function first
            lines.append(self.function_text(module, is_postponed))
        return "".join(lines)

    def class_text(self, module: int, name: str, is_postponed: bool) -> str:
        fields = []
        for place in range(self.dice.randint(0, 3)):
            target = self.dice.choice([*self.owned[module], *self.imported[module]])
            form = self.dice.choice(FORMS)
            given = form.format(target) if is_postponed else repr(form.format(target))
            fields.append(f"    f{place}: {given}\n")
            self.meant[module, name, f"f{place}"] = (self.imported[module].get(target, module), target)
        body = "".join(fields) or "    pass\n"
        return f'class {name}(Base, collection="{self.prefix}_{module}_{name.lower()}"):\n{body}'

    def function_text(self, module: int, is_postponed: bool) -> str:
        """Return a function with classes of these names of its own, which name each other."""
        taken = {*self.owned[module], *self.imported[module]}
        free = [each for each in (*NAMES, "Other", "More") if each not in taken]
        first, second = self.dice.sample(free, 2)
        forms = [f"Link[{second}] | None", f"Link[{first}] | None"]
        one, other = forms if is_postponed else map(repr, forms)
        return (
            f"def local():\n    class {first}(Base, collection='local_{first}'):\n        f0: {one} = None\n"
            f"    class {second}(Base, collection='local_{second}'):\n        f0: {other} = None\n"
            f"    return {first}, {second}\n"
        )


def targets(annotation: Any) -> list[Any]:
    """Return the classes that the links in an annotation lead to."""
    if getattr(annotation, "__origin__", None) is Link:
        return list(get_args(annotation))
    return [found for each in get_args(annotation) for found in targets(each)]


@settings(max_examples=examples(25), suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**6))
def test_a_name_means_what_it_means_in_its_module(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    modules = Modules(seed)
    folder: Path = tmp_path_factory.mktemp("modules")
    for each in modules.owned:
        (folder / f"{modules.name(each)}.py").write_text(modules.text(each))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        loaded: dict[int, Any] = {}
        for each in modules.dice.sample(sorted(modules.owned), len(modules.owned)):
            loaded[each] = importlib.import_module(modules.name(each))
            check_ready(modules, loaded)
        for module, name, field in modules.meant:
            check_target(modules, loaded, module, name, field)
        for module in loaded.values():
            check_local(module)
        for each in modules.owned:
            del sys.modules[modules.name(each)]


def check_ready(modules: Modules, loaded: dict[int, Any]) -> None:
    """A class is ready when all that it names is there; else it says what is not."""
    for (module, name, _), (other, _) in modules.meant.items():
        if module in loaded and other not in loaded:
            with pytest.raises(DeclarationError, match=f"{name}: an annotation names"):
                getattr(loaded[module], name).__collection_spec__()


def check_target(modules: Modules, loaded: dict[int, Any], module: int, name: str, field: str) -> None:
    model: type[Document] = getattr(loaded[module], name)
    model.__collection_spec__()
    other, target = modules.meant[module, name, field]
    assert targets(model.model_fields[field].annotation) == [getattr(loaded[other], target)]


def check_local(module: Any) -> None:
    if hasattr(module, "local"):
        first, second = module.local()
        assert targets(first.model_fields["f0"].annotation) == [second]
        assert targets(second.model_fields["f0"].annotation) == [first]
        assert issubclass(first, BaseModel)
        assert first(f0=second()).f0.id.startswith(second.__solidb_collection__)


class Shade(Document, collection="module_shades"):
    n: int = 0


def test_a_name_of_the_module_that_a_function_uses_again_later_is_refused() -> None:
    class Kind(Document, collection="module_kinds"):
        kind: Literal["Shade"] = "Shade"
        note: Annotated[str, "Shade"] = ""

    with pytest.raises(DeclarationError, match=r"Tree\.shade: names 'Shade', which is a class of the module"):

        class Tree(Document, collection="module_trees"):
            shade: Link[Shade] | None = None

    class Shade(Document, collection="function_shades"):
        below: list[Link[Shade]] = []  # its own name is its own

    class Wood(Document, collection="module_woods"):
        shade: Link[Shade] | None = None

    assert targets(Wood.model_fields["shade"].annotation) == [Shade]
    assert targets(Shade.model_fields["below"].annotation) == [Shade]
    assert Kind().kind == "Shade"


def test_a_name_imported_for_type_checkers_that_a_function_uses_again_later_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"random_module_{next(NUMBERS)}"
    (tmp_path / f"{name}.py").write_text(
        f"from __future__ import annotations\n{HEAD}"
        "if TYPE_CHECKING:\n    from elsewhere import Owner, Thing\n"
        "def refused():\n"
        f"    class Pet(Base, collection='{name}_pets'):\n        owner: Link[Owner] | None = None\n"
        "    class Owner(Base):\n        pass\n"
        "def made():\n"
        "    class Owner(Base):\n        thing: Link[Thing] | None = None\n"
        "    class Pet(Base):\n        owner: Link[Owner] | None = None\n"
        "    return Owner, Pet\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module(name)
    with pytest.raises(
        DeclarationError, match=r"Pet\.owner: names 'Owner', which is imported for type checkers"
    ):
        module.refused()
    owner, pet = module.made()
    assert targets(pet.model_fields["owner"].annotation) == [owner]
    del sys.modules[name]
