import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solidb_odm.errors import ConnectionLost, MessageTooLarge, ProtocolError, SolidbError
from solidb_odm.wire.connection import MOVES, Connection, ConnectionState
from solidb_odm.wire.frames import MAGIC, frame


def logged_in() -> Connection:
    connection = Connection("host:1")
    connection.greet(b"login")
    connection.receive(frame(b"welcome"))
    return connection


def test_the_magic_and_the_login_are_one_piece() -> None:
    assert Connection().greet(b"login") == MAGIC + frame(b"login")


def test_a_login_over_64_kib_is_refused() -> None:
    with pytest.raises(MessageTooLarge):
        Connection().greet(b"x" * 70_000)


def test_a_connection_is_idle_when_nothing_is_owed() -> None:
    connection = logged_in()
    assert connection.state is ConnectionState.IDLE

    connection.send(2)
    assert connection.receive(frame(b"a")) == [b"a"]
    assert (connection.state, connection.owed) == (ConnectionState.AWAITING, 1)

    assert connection.receive(frame(b"b")) == [b"b"]
    assert connection.state is ConnectionState.IDLE


def test_a_second_request_waits_for_the_first() -> None:
    connection = logged_in()
    connection.send(1)

    with pytest.raises(ProtocolError, match="awaiting"):
        connection.send(1)


def test_nothing_is_sent_before_the_login() -> None:
    with pytest.raises(ProtocolError, match="fresh"):
        Connection().send(1)


def test_a_greeting_happens_once() -> None:
    with pytest.raises(ProtocolError, match="idle"):
        logged_in().greet(b"again")


def test_an_answer_that_nobody_asked_for_closes_the_connection() -> None:
    connection = logged_in()

    with pytest.raises(ProtocolError, match="without a request"):
        connection.receive(frame(b"surprise"))

    assert connection.state is ConnectionState.CLOSED


def test_bytes_after_the_last_answer_close_the_connection() -> None:
    connection = logged_in()
    connection.send(1)

    with pytest.raises(ProtocolError, match="after its last answer"):
        connection.receive(frame(b"a") + b"\0")

    assert connection.state is ConnectionState.CLOSED


def test_hanging_up_loses_the_outstanding_answers() -> None:
    connection = logged_in()
    connection.send(3)

    with pytest.raises(ConnectionLost, match="3 answers outstanding") as raised:
        connection.receive(b"")

    assert raised.value.address == "host:1"
    assert connection.state is ConnectionState.CLOSED


def test_closing_twice_is_fine() -> None:
    connection = logged_in()
    connection.close()
    connection.close()

    assert connection.state is ConnectionState.CLOSED


def test_a_closed_connection_makes_no_other_move() -> None:
    assert MOVES[ConnectionState.CLOSED] == {ConnectionState.CLOSED}
    assert all(ConnectionState.CLOSED in MOVES[state] for state in ConnectionState)


@given(st.lists(st.binary(min_size=1, max_size=12), max_size=6), st.integers(1, 4))
def test_random_bytes_never_crash_a_connection(pieces: list[bytes], count: int) -> None:
    connection = logged_in()
    connection.send(count)

    for piece in itertools.takewhile(lambda _: connection.state is ConnectionState.AWAITING, pieces):
        try:
            connection.receive(piece)
        except SolidbError:
            break

    assert connection.state in ConnectionState
