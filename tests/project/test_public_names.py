"""The package's names, whatever is imported first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import solidb_odm

ROOT = Path(__file__).parents[2]
FIRST = [
    "import solidb_odm",
    "import solidb_odm.language.nodes",
    "from solidb_odm.language import parser",
    "from solidb_odm.session import Session",
]


@pytest.mark.parametrize("first", FIRST)
def test_sdbql_is_the_function_and_its_modules_can_be_imported(first: str) -> None:
    program = f"""
{first}
import solidb_odm
from solidb_odm import sdbql
from solidb_odm.language import nodes
assert callable(sdbql) and solidb_odm.sdbql is sdbql, sdbql
assert nodes.Block
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=ROOT, check=True)


def test_importing_the_package_loads_neither_engines_nor_pydantic() -> None:
    program = """
import sys, solidb_odm
heavy = {"pydantic", "httpx", "sqlite3", "anyio", "regex"} & set(sys.modules)
assert not heavy, heavy
assert "Document" in dir(solidb_odm)
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_a_misspelt_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="selct"):
        solidb_odm.selct  # type: ignore[attr-defined]  # noqa: B018


def test_a_star_hides_no_name_of_the_standard_library_that_programs_import() -> None:
    program = """
from pathlib import Path
from collections import *
from dataclasses import dataclass, field, replace
from datetime import *
from decimal import *
from enum import *
from typing import *
before = dict(globals())
from solidb_odm import *
assert {name for name, value in before.items() if globals()[name] is not value} == set()
from solidb_odm import Document, Path
assert Path.__module__.startswith("solidb_odm")
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=ROOT, check=True)
