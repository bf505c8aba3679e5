"""The two colours of the client have the same calls."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest

from solidb_odm.client import AsyncClient, Client
from solidb_odm.client.calls import AsyncCaller, Caller

AWAITED_ONLY = {"aclose"}


def pairs() -> Iterator[tuple[type, type]]:
    yield Client, AsyncClient
    for name, member in inspect.getmembers(Client, lambda item: isinstance(item, property)):
        blocking = inspect.signature(member.fget, eval_str=True).return_annotation
        if isinstance(blocking, type) and issubclass(blocking, Caller):
            awaited = inspect.signature(getattr(AsyncClient, name).fget, eval_str=True).return_annotation
            assert issubclass(awaited, AsyncCaller)
            yield blocking, awaited


PAIRS = list(pairs())


def calls(kind: type) -> dict[str, Any]:
    return {
        name: member
        for name, member in inspect.getmembers(kind)
        if not name.startswith("_")
        and name not in AWAITED_ONLY
        and (callable(member) or isinstance(member, property))
    }


def shape(member: Any) -> str:
    if isinstance(member, property):
        member = member.fget
    return re.sub(r"\bAsync(?=[A-Z])", "", str(inspect.signature(member)).replace("collections.abc.", ""))


def first_line(member: Any) -> str:
    return re.sub(r"\basync |await ", "", (inspect.getdoc(member) or "").split("\n")[0])


@pytest.mark.parametrize(("blocking", "awaited"), PAIRS, ids=lambda kind: kind.__name__)
def test_both_colours_have_the_same_calls(blocking: type, awaited: type) -> None:
    assert sorted(calls(blocking)) == sorted(calls(awaited))


@pytest.mark.parametrize(("blocking", "awaited"), PAIRS, ids=lambda kind: kind.__name__)
def test_calls_take_and_give_the_same(blocking: type, awaited: type) -> None:
    here, there = calls(blocking), calls(awaited)

    assert {name: shape(member) for name, member in here.items()} == {
        name: shape(member) for name, member in there.items()
    }


@pytest.mark.parametrize(("blocking", "awaited"), PAIRS, ids=lambda kind: kind.__name__)
def test_calls_are_described_the_same(blocking: type, awaited: type) -> None:
    here, there = calls(blocking), calls(awaited)

    assert [name for name in here if not first_line(here[name])] == []
    assert {name: first_line(member) for name, member in here.items()} == {
        name: first_line(there[name]) for name in here
    }


def test_every_sub_client_was_found() -> None:
    assert {"Vector", "Jobs", "Cron", "Roles"} <= {blocking.__name__ for blocking, _ in PAIRS}
