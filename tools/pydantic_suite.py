"""Pydantic's own tests with documents in the place of its models: ``make pydantic-tests``.

They come with Pydantic's source distribution, of the version that is installed, and run twice: as they are,
and with a ``Document`` for ``BaseModel``. What fails only then is told, by the kinds of ``docs/models.md``;
what is of no kind is a fault, and makes the run fail. It takes some minutes and needs the network, so it is
for a job by night, not for each change.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parents[1]
NEEDED = ("dirty-equals", "pytest-mock", "email-validator", "dnspython", "pytz")
"""What Pydantic's tests import; all else they need is here anyway."""
FILES = (
    "abc aliases annotated assert_in_validators callable computed_fields config construction create_model"
    " dataclasses datetime decorators deferred_annotations edge_cases fields forward_ref generics json"
    " json_schema main model_signature model_validator parse pickle private_attributes rich_repr root_model"
    " serialize strict structural_pattern_matching titles types types_self types_typeddict validators"
)
PLUGIN = """
import pydantic
from typing import ClassVar
from solidb_odm import Document
from solidb_odm.model.declaration import metaclass

declare = metaclass.declare
metaclass.declare = lambda cls, collection, abstract, *, waits: declare(cls, collection, True, waits=waits)


class BaseModel(Document, abstract=True):
    key: ClassVar[str] = ""


pydantic.BaseModel = BaseModel
"""
"""A base of which every class is abstract, as parts of documents may be, and has no key among its fields."""
SETTINGS = "[pytest]\naddopts = -q -p no:randomly -p no:cacheprovider\nmarkers =\n    thread_unsafe: theirs\n"

KINDS: dict[str, str] = {
    "id": "a field is called id, which is the document's own id",
    "text": "the text of an error names the class first, and has a hint instead of a link",
    "hash": "documents can be hashed",
    "class": "a field of the class is an expression for queries",
    "complete": "a class is built at once, or completed as soon as what it names is there",
    "settings": "a setting of model_config that Pydantic does not know is refused",
    "base": "the base has attributes and slots of its own, and create_model() has Pydantic's",
}
"""Why a document differs from a model, as ``docs/models.md`` says it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A test that fails with documents alone: where, and what it said."""

    test: str
    text: str

    @property
    def kind(self) -> str | None:
        """The kind of difference; None for a fault."""
        return kind_of(self.test, self.text)


def kind_of(test: str, text: str) -> str | None:
    """Return why a test fails, by its name and what it said; None if no kind explains it."""
    if "is reserved for the document's own id" in text:
        return "id"
    name = test.partition("::")[2].partition("[")[0]
    return next((kind for kind, names in KNOWN.items() if name.rpartition("::")[2] in names), None)


KNOWN: Mapping[str, frozenset[str]] = {
    "text": frozenset((
        "test_alias_generator_wrong_type_error", "test_class_kwargs_custom_config",
        "test_custom_generic_disallowed", "test_custom_sequence_behavior", "test_invalid_extra",
        "test_parameters_must_be_typevar", "test_parameters_placed_on_generic", "test_typeddict_all",
    )),
    "hash": frozenset((
        "test_default_hash_function_overrides_default_hash_function",
        "test_frozen_with_unhashable_fields_are_not_hashable",
        "test_hash_function_give_different_result_for_different_object", "test_not_frozen_are_not_hashable",
    )),
    "class": frozenset(("test_computed_fields_set", "test_shadow_attribute")),
    "complete": frozenset((
        "test_config_model_defer_build", "test_config_model_defer_build_nested",
        "test_config_model_type_adapter_defer_build", "test_copy_defer_build_mocks",
        "test_discriminated_union_forward_ref", "test_forward_ref_auto_update_no_model",
        "test_incomplete_superclass", "test_model_rebuild_nested_during_parametrization",
        "test_nested_model_rebuild", "test_pydantic_hooks",
        "test_serialization_inference_rebuilds_incomplete_model",
    )),
    "settings": frozenset((
        "test_model_with_schema_extra_callable_classmethod", "test_rebuild_recursive_schema",
    )),
    "base": frozenset((
        "test_circular_generic_refs_get_cleaned_up", "test_class_var_as_string", "test_create_model",
        "test_post_init_not_called_without_override", "test_slots_forwarded_from_generic_class",
    )),
}  # fmt: skip


def differences(plain: Mapping[str, str], documents: Mapping[str, str]) -> list[Difference]:
    """Return what fails with documents alone, of the failures of two runs: tests and what they said."""
    return [Difference(test, text) for test, text in sorted(documents.items()) if test not in plain]


def failures(report: str) -> dict[str, str]:
    """Return the tests that failed, and what they said, of a report in JUnit's XML."""
    texts: dict[str, str] = {}
    for case in ET.fromstring(report).iter("testcase"):
        for problem in (*case.findall("failure"), *case.findall("error")):
            place = case.get("classname", "").replace(".", "/")
            texts[f"{place}::{case.get('name')}"] = f"{problem.get('message')}\n{problem.text}"
    return texts


def unpacked(folder: Path) -> Path:
    """Fetch the source of the installed Pydantic, and what its tests need; return the folder of the tests."""
    pip = (sys.executable, "-m", "pip")
    fetched = f"pydantic=={version('pydantic')}"
    subprocess.run(
        (*pip, "download", "-q", "--no-deps", "--no-binary", ":all:", fetched, "-d", folder), check=True
    )
    subprocess.run((*pip, "install", "-q", "--no-deps", "--target", folder / "needed", *NEEDED), check=True)
    (archive,) = folder.glob("pydantic-*.tar.gz")
    with tarfile.open(archive) as source:
        source.extractall(folder, filter="data")
    (tests,) = folder.glob("pydantic-*/tests")
    moved = tests.rename(folder / "tests")  # away from the package, of which another copy is installed
    (folder / "as_document.py").write_text(PLUGIN)
    (folder / "pytest.ini").write_text(SETTINGS)
    return moved


def run(folder: Path, name: str, options: Sequence[str]) -> dict[str, str]:
    """Run the tests, and return what failed."""
    report = folder / f"{name}.xml"
    wanted = [path for part in FILES.split() if (path := folder / "tests" / f"test_{part}.py").exists()]
    command = [sys.executable, "-m", "pytest", "-c", f"{folder}/pytest.ini", f"--junitxml={report}", *options]
    paths = os.pathsep.join(map(str, (ROOT, folder, folder / "needed")))
    subprocess.run([*command, *wanted], cwd=folder, env={**os.environ, "PYTHONPATH": paths}, check=False)
    return failures(report.read_text())


def main() -> int:
    """Run both, and print the differences by kind; 1 if one of them is a fault."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        unpacked(folder)
        outcomes = differences(run(folder, "plain", ()), run(folder, "documents", ("-p", "as_document")))
    for kind, why in KINDS.items():
        print(f"{sum(outcome.kind == kind for outcome in outcomes):4} {why}")
    faults = [outcome for outcome in outcomes if outcome.kind is None]
    for fault in faults:
        print(f"\nFAULT {fault.test}\n{fault.text}")
    print(f"{len(faults):4} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
