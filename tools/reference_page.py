"""Writes docs/reference.md: every public name and every error, with what it gives."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from solidb_odm import Index

PAGE = Path(__file__).parents[1] / "docs" / "reference.md"
MODULES = {
    "solidb_odm": "Everything a program needs to declare, ask and store.",
    "solidb_odm.client": "What the server offers, call by call; see [the client](client.md).",
    "solidb_odm.testing": "What helps to test programs.",
}
HEAD = """# Reference

All public names, from their docstrings; `python -m tools.reference_page` writes this page. The functions
of the query language have [a page of their own](sdbql-functions.md).

"""


def page() -> str:
    """Return the text of the page."""
    parts = [HEAD]
    for name, words in MODULES.items():
        parts.append(f"## `{name}`\n\n{words}\n\n")
        parts.extend(_names(name))
    parts.append("## Errors\n\nAll in `solidb_odm.errors`, or where the table says so, under one root.\n\n")
    parts.append("| error | under | when |\n|---|---|---|\n")
    parts.extend(_errors())
    return "".join(parts)


def _names(name: str) -> Iterator[str]:
    module = importlib.import_module(name)
    for public in sorted({*module.__all__, *getattr(module, "_HOME", ())}):
        value = getattr(module, public)
        own = getattr(value, "__name__", public)
        if own != public and own in module.__all__:
            yield f"### `{public}`\n\nThe former name of `{own}`.\n\n"
        else:
            yield f"### `{public}{_signature(value)}`\n\n{_words(value)}\n\n"


def _signature(value: object) -> str:
    home = getattr(value, "__module__", "") or ""
    if not (inspect.isfunction(value) or inspect.isclass(value)) or _is_model(value):
        return ""
    if not home.startswith("solidb_odm"):
        return ""
    try:
        signature = inspect.signature(_constructor(value))
    except (TypeError, ValueError):
        return ""
    taken = [
        parameter
        for name, parameter in signature.parameters.items()
        if parameter.annotation != "Never" and not (name == "self" and inspect.isclass(value))
    ]
    return str(signature.replace(parameters=taken)).replace("'", "")


def _constructor(value: Any) -> Any:
    """Return what takes the arguments of a call: ``__init__`` for indexes, whose ``__new__`` takes any."""
    return value.__init__ if inspect.isclass(value) and issubclass(value, Index) else value


def _is_model(value: object) -> bool:
    """Return whether the value is a model class, whose signature depends on its subclass."""
    return inspect.isclass(value) and hasattr(value, "model_fields")


def _words(value: object) -> str:
    home = getattr(value, "__module__", "solidb_odm") or "solidb_odm"
    if not home.startswith("solidb_odm"):
        return "A built-in type." if home == "builtins" else f"That of `{home.partition('.')[0]}`."
    text = inspect.getdoc(value) or ""
    return text.replace("``", "`") if getattr(value, "__doc__", None) else "A value."


def _errors() -> Iterator[str]:
    errors = importlib.import_module("solidb_odm.errors")
    for name, kind in inspect.getmembers(errors, inspect.isclass):
        if issubclass(kind, Exception):
            first = (kind.__doc__ or "").strip().splitlines()[0].replace("``", "`")
            yield f"| `{name}` | `{kind.__bases__[0].__name__}` | {first} |\n"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
