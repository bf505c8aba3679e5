"""Errors are of the classes that Python has for the same, and keep all they carry."""

from __future__ import annotations

import copy
import inspect
import pickle
import re

import pytest

from solidb_odm import errors

PYTHONS_OWN: dict[str, type[Exception]] = {
    "AuthError": PermissionError,
    "ConfigurationError": ValueError,
    "ConnectionFailed": ConnectionError,
    "DeclarationError": TypeError,
    "NoResultError": LookupError,
    "NotFoundError": LookupError,
    "PermissionDenied": PermissionError,
    "QueryTimeout": TimeoutError,
    "RequestTimeout": TimeoutError,
    "StoreLocked": TimeoutError,
}


def classes() -> list[type[errors.SolidbError]]:
    found = [value for _, value in inspect.getmembers(errors, inspect.isclass)]
    return [value for value in found if issubclass(value, errors.SolidbError)]


@pytest.mark.parametrize(("name", "kind"), list(PYTHONS_OWN.items()))
def test_an_error_is_caught_by_the_class_that_python_has_for_it(name: str, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="what happened"):
        raise getattr(errors, name)("what happened")


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_no_error_is_more_of_python_than_the_table_says(kind: type[errors.SolidbError]) -> None:
    own = {base for base in kind.__mro__ if base.__module__ == "builtins"}
    named = {PYTHONS_OWN[base.__name__] for base in kind.__mro__ if base.__name__ in PYTHONS_OWN}
    expected = {base for each in (*named, Exception) for base in each.__mro__}

    assert own == expected


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_an_error_keeps_its_attributes_when_it_is_copied_or_pickled(kind: type[errors.SolidbError]) -> None:
    parameters = inspect.signature(kind).parameters.values()
    needed = [
        each.name for each in parameters if each.kind is each.KEYWORD_ONLY and each.default is each.empty
    ]
    error = kind("it broke", hint="mend it", **{name: {"a": []} for name in needed})

    for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(again) is kind
        assert str(again) == str(error)
        assert vars(again) == vars(error)


def test_the_docstring_names_every_error_and_what_it_is_in_python() -> None:
    text = errors.__doc__ or ""

    assert not [kind.__name__ for kind in classes() if not re.search(rf"\b{kind.__name__}\b", text)]
    assert not [name for name in PYTHONS_OWN if f"``{name}``" not in text]
