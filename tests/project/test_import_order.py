"""A module can be imported first, whatever others it needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

FIRST = ["engines.sqlite.documents", "engines.sqlite.replica.performer", "session.paging", "work.unit"]


@pytest.mark.parametrize("module", FIRST)
def test_a_module_can_be_imported_first(module: str) -> None:
    subprocess.run([sys.executable, "-c", f"import solidb_odm.{module}"], check=True)
