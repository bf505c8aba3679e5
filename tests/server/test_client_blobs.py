"""``client.blobs`` on the real server."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from solidb_odm.client import Client
from solidb_odm.errors import CollectionNotFound, DocumentNotFound, InvalidCommand

pytestmark = pytest.mark.server


@pytest.fixture
def files(client: Client, database: str) -> Client:
    client.create_collection(database, "files", "blob")
    return client


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def test_a_file_comes_back_as_it_went_in(files: Client) -> None:
    data = noise(5_000_000)

    stored = files.blobs.put("files", data, name="a photo.jpg", type="image/jpeg")

    assert (stored["name"], stored.size, stored.type) == ("a photo.jpg", len(data), "image/jpeg")
    assert files.blobs.get("files", stored["key"]) == data


@pytest.mark.parametrize("kind", ["bytes", "bytearray", "path", "file", "pieces", "empty"])
def test_a_file_may_come_from_anywhere(files: Client, tmp_path: Path, kind: str) -> None:
    data = b"" if kind == "empty" else noise(700_000)
    path = tmp_path / "noise.bin"
    path.write_bytes(data)
    sources = {
        "bytes": data,
        "bytearray": bytearray(data),
        "path": path,
        "file": io.BytesIO(data),
        "pieces": iter([data[:10], data[10:]]),
        "empty": b"",
    }

    stored = files.blobs.put("files", sources[kind])

    assert stored.name == ("noise.bin" if kind == "path" else "blob")
    assert files.blobs.get("files", stored.key) == data


@pytest.mark.parametrize("name", ['quo"te.txt', "naïve ☃.txt", "line\nbreak", "a;b=c", ""])
def test_names_of_all_kinds_break_nothing(files: Client, name: str) -> None:
    stored = files.blobs.put("files", b"hello", name=name)

    assert files.blobs.get("files", stored.key) == b"hello"
    assert files.blobs.info("files", stored.key).name == stored.name


def test_a_file_is_read_in_pieces_and_in_part(files: Client) -> None:
    data = noise(1_000_000)
    key = files.blobs.put("files", data).key

    assert [len(piece) for piece in files.blobs.stream("files", key, chunk_size=400_000)] == [
        400_000, 400_000, 200_000,
    ]  # fmt: skip
    assert b"".join(files.blobs.stream("files", key, 10, 20)) == data[10:20]
    assert b"".join(files.blobs.stream("files", key, 999_990)) == data[-10:]
    assert list(files.blobs.stream("files", key, 20, 20)) == []


def test_a_file_is_written_to_a_path(files: Client, tmp_path: Path) -> None:
    key = files.blobs.put("files", b"hello").key

    assert files.blobs.save("files", key, tmp_path / "copy") == 5
    assert (tmp_path / "copy").read_bytes() == b"hello"


def test_files_are_listed_and_removed(files: Client) -> None:
    keys = [files.blobs.put("files", b"x" * size).key for size in (1, 2)]

    found, total = files.blobs.list("files")
    assert ([item.key for item in found], total) == (keys, 2)
    files.blobs.delete("files", keys[0])

    with pytest.raises(DocumentNotFound):
        files.blobs.get("files", keys[0])
    assert files.blobs.list("files", 10, 0)[1] == 1


def test_missing_files_and_collections_are_named(files: Client, database: str) -> None:
    with pytest.raises(DocumentNotFound, match="nope"):
        files.blobs.get("files", "nope")
    with pytest.raises(DocumentNotFound, match="nope"):
        files.blobs.info("files", "nope")
    with pytest.raises(CollectionNotFound, match="'photos'"):
        files.blobs.put("photos", b"x")
    files.create_collection(database, "notes")
    with pytest.raises(InvalidCommand, match="notes"):
        files.blobs.put("notes", b"x")


def test_a_source_that_fails_stores_nothing(files: Client) -> None:
    def failing() -> Iterator[bytes]:
        yield b"x" * 100_000
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        files.blobs.put("files", failing())
    assert files.blobs.list("files")[1] == 0
