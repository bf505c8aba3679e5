"""Documents to and from lines of JSON, one at a time, whatever the size of the whole."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeAlias, cast

from .._types import JsonObject
from ..errors import InvalidDocument
from ..language.documents import without
from .documents import chunks_of
from .results import DocumentResult

"""What the server makes anew for imported documents."""

Target: TypeAlias = "str | os.PathLike[str] | IO[str]"
Source: TypeAlias = "str | os.PathLike[str] | IO[str] | bytes | Iterable[Mapping[str, Any]]"
Progress: TypeAlias = Callable[[int], None]
"""Called with the number of documents that are done."""


@contextmanager
def opened(target: Target) -> Generator[IO[str]]:
    """Return a file to write to; one that was opened here is closed here."""
    if isinstance(target, str | os.PathLike):
        with Path(target).open("w", encoding="utf-8") as file:
            yield file
    else:
        yield target


def write(file: IO[str], documents: Sequence[DocumentResult]) -> None:
    """Write documents, one a line."""
    file.writelines(
        json.dumps(without_system(document), ensure_ascii=False, separators=(",", ":")) + "\n"
        for document in documents
    )


def chunks_in(source: Source, collection: str) -> Iterator[list[JsonObject]]:
    """Read documents in lists that fit into one message."""
    return chunks_of(map(without_system, _documents(source)), collection)


def without_system(document: Mapping[str, Any]) -> JsonObject:
    """Leave out what the server makes anew."""
    return without(document)


def _documents(source: Source) -> Iterator[Mapping[str, Any]]:
    if isinstance(source, str | os.PathLike):
        with Path(source).open(encoding="utf-8") as file:
            yield from _parsed(file)
    elif isinstance(source, bytes):
        yield from _parsed(source.splitlines())
    elif hasattr(source, "readline"):
        yield from _parsed(cast(IO[str], source))
    else:
        yield from cast("Iterable[Mapping[str, Any]]", source)  # type: ignore[redundant-cast]  # pyright: str iterates


def _parsed(lines: Iterable[str | bytes]) -> Iterator[JsonObject]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            document = json.loads(line)
        except ValueError as problem:
            raise InvalidDocument(f"line {number} is not JSON: {problem}") from problem
        if not isinstance(document, dict):
            raise InvalidDocument(f"line {number} is not a document but a {type(document).__name__}")
        yield cast(JsonObject, document)
