"""What is loaded when it is first used: the names of a package (PEP 562), and an event loop.

Blocking and awaited objects stand in one module where they do the same; a blocking program pays for no loop.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazily(package: str, homes: Mapping[str, tuple[str, ...]]) -> Callable[[str], object]:
    """Make the ``__getattr__`` of a package, from its modules and the names each gives it."""
    home = {name: module for module, names in homes.items() for name in names}

    def load(name: str) -> object:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value: object = getattr(import_module(home[name], package), name)
        setattr(sys.modules[package], name, value)
        return value

    return load


class Later:
    """A module that is loaded when something of it is first asked for.

    ``if TYPE_CHECKING: import anyio`` stands beside it, so that type checkers see the module itself.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        try:
            value = getattr(import_module(self._name), name)
        except AttributeError:  # a module of the package, such as anyio.to_thread
            value = import_module(f"{self._name}.{name}")
        setattr(self, name, value)
        return value
