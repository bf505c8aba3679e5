"""Fixtures for pytest: ``pytest_plugins = ["solidb_odm.testing.plugin"]`` in a ``conftest.py``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from ..commands import Command
from .recording import max_queries as limit_queries


@pytest.fixture
def max_queries() -> Callable[[int], AbstractContextManager[list[Command[Any]]]]:
    """A fixture that limits the statements of a block: ``with max_queries(2): ...``."""
    return limit_queries
