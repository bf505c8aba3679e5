# ruff: noqa: RUF001
"""What the builder says of odd texts and times, both engines answer as Python does."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import pytest

from solidb_odm import Document, Registry, Session, contains, create_engine, func, label, like, select
from solidb_odm.errors import UsageError
from tools.server import LocalServer


class Mark(StrEnum):
    SMALL = "a"
    WIDE = " B "


class OddText(Document, collection="odd_texts", registry=Registry()):
    text: str = ""
    other: str = ""
    maybe: str | None = None
    mark: Mark = Mark.SMALL
    word: Literal["a", "B%"] = "a"


WORDS: list[Literal["a", "B%"]] = ["a", "B%"]
TEXTS = [
    "", "a", "A", "ab", "aB", " a ", "\ta\n", "\u00a0a\u00a0", "\x1ca\x1f", "\u200ba", "\x85a\u2028", "ß",
    "ẞ", "İ", "ı", "ǆ", "ﬀ", "é", "e\u0301", "Σς", "ΑΣ", "🎉x", "a%b", "a_b", "a\\b", "%", "_", "\\", "aaa",
    "aXaXa", "\n", "a\nb", "x\x00y", "\r\n", "ŉ", "ᾳ", "ΐ", "K", "a.b", "[a]", "a*b", "(a", "^a$", "\\%",
    "a\\%b", "\\\\", "%%", "a\r\nb",
]  # fmt: skip
PATTERNS = [
    *TEXTS, "%a%", "a%", "%b", "__", "a\\_b", "a\\\\b", "%\\", "\\a", "%\n%", "_%", "%_", "%_%_", "a__",
    "%.%", "[a-z]", "\\%%", "\\_", "%\\%", "\\\\%", "_\\", "\\\\\\", "\\a\\b", "A\\B",
]  # fmt: skip
ARGUMENTS = ["", "a", " ", "X", "%", "\\", "aa", "A", "ß", "🎉", "a ", "\n", "."]


@pytest.fixture(params=["sqlite-file", pytest.param("server", marks=pytest.mark.server)], scope="module")
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session on each engine with a document for each text, shared by what only reads."""
    path: Path = tmp_path_factory.mktemp("odd") / "texts.db"
    server: LocalServer | None = None if request.param == "sqlite-file" else request.getfixturevalue("server")
    if server is not None:
        server.create_database("odd_texts")
    url = f"sqlite:///{path}" if server is None else server.url("odd_texts")
    with create_engine(url) as engine, Session(engine) as opened:
        opened.add_all(
            OddText(
                key=f"k{number:02}", text=text, other=PATTERNS[-number],
                maybe=text if number % 3 else None, mark=[*Mark][number % 2],
                word=WORDS[number % 2],
            )
            for number, text in enumerate(TEXTS)
        )  # fmt: skip
        opened.commit()
        yield opened
    if server is not None:
        server.drop_database("odd_texts")


METHODS: dict[str, tuple[int, Callable[..., Any], Callable[..., Any]]] = {
    "lower": (0, lambda field: field.lower(), str.lower),
    "upper": (0, lambda field: field.upper(), str.upper),
    "length": (0, func.length, len),
    "strip": (0, lambda field: field.strip(), str.strip),
    "lstrip": (0, lambda field: field.lstrip(), str.lstrip),
    "rstrip": (0, lambda field: field.rstrip(), str.rstrip),
    "strip of": (1, lambda field, value: field.strip(value), str.strip),
    "lstrip of": (1, lambda field, value: field.lstrip(value), str.lstrip),
    "rstrip of": (1, lambda field, value: field.rstrip(value), str.rstrip),
    "startswith": (1, lambda field, value: field.startswith(value), str.startswith),
    "endswith": (1, lambda field, value: field.endswith(value), str.endswith),
    "split": (1, lambda field, value: field.split(value), str.split),
    "find": (1, lambda field, value: field.find(value), str.find),
    "contains": (1, contains, lambda text, value: value in text),
    "+": (1, lambda field, value: field + value, str.__add__),
    "replace": (2, lambda field, value, by: field.replace(value, by), str.replace),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["text", "maybe", "mark", "word"])
def test_methods_of_texts_answer_as_python_does(session: Session, name: str, method: str) -> None:
    """Of null they are null, but for its length, 0, and what it contains, nothing."""
    count, make, judge = METHODS[method]
    of_null = {"length": 0, "contains": False}.get(method)
    documents = session.scalars(select(OddText)).all()
    wrong = []
    for arguments in itertools.product(ARGUMENTS, repeat=count):
        try:
            answer = label("answer", make(getattr(OddText, name), *arguments))
        except UsageError:
            assert arguments[0] == "", "Python does not split by it, or replaces between all characters"
            continue
        answers = dict(session.execute(select(OddText.key, answer)).all())
        for document in documents:
            held = getattr(document, name)
            held = held.value if isinstance(held, Mark) else held
            said = of_null if held is None else judge(held, *arguments)
            if answers[document.key] != said:
                wrong.append((held, arguments, said, answers[document.key]))
    assert wrong == []


def is_like(text: str | None, pattern: str) -> bool:
    """Say whether a text is like a pattern; a backslash is itself except before a sign and a backslash."""
    parts = re.findall(r"\\[%_\\]|.", pattern, re.DOTALL)
    meanings = {"%": ".*", "_": "."}
    regex = "".join(meanings.get(part) or re.escape(part[-1]) for part in parts)
    return text is not None and re.fullmatch(regex, text, re.DOTALL) is not None


@pytest.mark.parametrize("name", ["text", "maybe"])
@pytest.mark.parametrize("is_negated", [False, True])
def test_like_matches_whole_texts(session: Session, name: str, is_negated: bool) -> None:
    documents = session.scalars(select(OddText)).all()
    wrong = []
    for pattern in PATTERNS:
        condition = like(getattr(OddText, name), pattern)
        keys = set(session.scalars(select(OddText.key).where(~condition if is_negated else condition)))
        wrong += [
            (getattr(document, name), pattern)
            for document in documents
            if (is_like(getattr(document, name), pattern) is not is_negated) is not (document.key in keys)
        ]
    assert wrong == []


def test_a_pattern_may_be_a_field(session: Session) -> None:
    keys = set(session.scalars(select(OddText.key).where(like(OddText.text, OddText.other))))
    documents = session.scalars(select(OddText)).all()
    assert keys == {each.key for each in documents if is_like(each.text, each.other)}


class OddTime(Document, collection="odd_times", registry=Registry()):
    at: datetime
    naive: datetime
    day: date
    maybe: date | None = None


ZONES = [
    timedelta(0),
    timedelta(hours=5, minutes=30),
    timedelta(hours=-12),
    timedelta(hours=14),
    timedelta(seconds=3723),
]
TIMES = [
    datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]
    for parts in (
        (2, 1, 1), (9998, 12, 31, 23, 59, 59, 999999), (1969, 12, 31, 23, 59, 59, 1), (1970, 1, 1),
        (2024, 2, 29, 12, 30, 45, 123456), (2023, 12, 31, 23, 59, 59, 999999), (1900, 3, 1),
        (2000, 2, 29, 0, 0, 0, 1), (24, 6, 1, 1, 2, 3),
    )
]  # fmt: skip


def test_parts_of_times_are_those_of_the_times_in_utc() -> None:
    with Session(create_engine("sqlite://")) as session:
        for zone, time in itertools.product(ZONES, TIMES):
            at = time.replace(tzinfo=timezone(zone))
            session.add(
                OddTime(
                    at=at,
                    naive=time.replace(tzinfo=None),
                    day=time.date(),
                    maybe=time.date() if time.day == 1 else None,
                )
            )
        session.commit()
        documents = session.scalars(select(OddTime)).all()
        parts = {"at": ["year", "month", "day", "hour", "minute", "second"], "day": ["year", "month", "day"]}
        for name in ("at", "naive", "day", "maybe"):
            for part in parts["at" if name in ("at", "naive") else "day"]:
                asked = select(OddTime.key, label("part", getattr(getattr(OddTime, name), part)))
                answers = dict(session.execute(asked).all())
                for document in documents:
                    held = getattr(document, name)
                    held = held.astimezone(UTC) if name == "at" else held
                    assert answers[document.key] == (None if held is None else getattr(held, part))
