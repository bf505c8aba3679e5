"""Keys that the client makes: UUIDs that sort in the order they were made."""

from __future__ import annotations

import os
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from solidb_odm.language import stored_documents
from solidb_odm.language.stored_documents import KeyMaker, new_key


def test_a_key_is_a_uuid_of_version_7_and_of_now() -> None:
    before = new_key()
    key = uuid.UUID(new_key())

    assert (key.version, key.variant) == (7, uuid.RFC_4122)
    assert 0 <= (key.int >> 80) - (uuid.UUID(before).int >> 80) < 60_000


def test_keys_sort_in_the_order_they_were_made() -> None:
    keys = [new_key() for _ in range(5000)]

    assert keys == sorted(set(keys))


def test_threads_make_no_key_twice() -> None:
    with ThreadPoolExecutor(4) as pool:
        made = [
            key for keys in pool.map(lambda _: [new_key() for _ in range(2000)], range(4)) for key in keys
        ]

    assert len(set(made)) == 8000


def test_keys_go_on_upwards_when_the_bits_of_a_millisecond_are_used_up() -> None:
    make = KeyMaker()
    first = make()
    make._millisecond += 3_600_000  # the clock will not tick in this test
    make._keys = iter(())

    assert first < make() < make()


def test_the_last_group_of_a_key_never_grows_beyond_its_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_documents, "random_bits", lambda: (1 << 74) - 70_000)
    make = KeyMaker()
    keys = [make() for _ in range(200)]

    assert keys == sorted(set(keys))
    assert {(len(key), uuid.UUID(key).version) for key in keys} == {(36, 7)}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_process_makes_keys_of_its_own() -> None:
    new_key()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, new_key().encode())
        os._exit(0)
    mine = [new_key() for _ in range(3)]
    os.waitpid(child, 0)

    assert os.read(reading, 36).decode()[15:] not in [key[15:] for key in mine]
