from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from solidb_odm.wire.pool import PoolPolicy, Ticket


def policy(size: int = 2, overflow: int = 1) -> PoolPolicy[str]:
    return PoolPolicy(size=size, overflow=overflow, idle_seconds=10)


def queued(pool: PoolPolicy[str], now: float = 0, wake: Callable[[], object] = lambda: None) -> Ticket[str]:
    ticket = Ticket[str](wake)
    pool.queue(ticket)
    pool.settle(now)
    return ticket


def opened(pool: PoolPolicy[str], *connections: str, now: float = 0) -> None:
    for _ in connections:
        queued(pool, now)
    for connection in connections:
        pool.put(connection, now)


def test_an_empty_pool_has_nothing_to_reuse_and_lets_open() -> None:
    pool = policy()
    assert pool.reuse(0) is None

    ticket = queued(pool)
    assert (ticket.served, ticket.connection) == (True, None)
    assert pool.busy == 1


def test_the_newest_idle_connection_is_reused_first() -> None:
    pool = policy()
    opened(pool, "old", "new")

    assert pool.reuse(3) == "new"
    assert (pool.busy, pool.idle) == (1, 1)


def test_when_all_are_busy_callers_wait_for_one_to_come_back() -> None:
    pool, woken = policy(size=1, overflow=1), list[str]()
    assert [queued(pool).served for _ in range(2)] == [True, True]
    waiting = queued(pool, wake=lambda: woken.append("now"))
    assert not waiting.served

    assert pool.put("a", 1)
    pool.settle(1)
    assert (waiting.served, waiting.connection, woken) == (True, "a", ["now"])


def test_who_waits_may_open_one_when_another_is_gone() -> None:
    pool = policy(size=1, overflow=0)
    queued(pool)
    waiting = queued(pool)

    pool.drop()
    pool.serve()
    assert (waiting.served, waiting.connection) == (True, None)


def test_nobody_jumps_the_queue() -> None:
    pool = policy(size=1, overflow=0)
    queued(pool)
    first, second = queued(pool), queued(pool)

    pool.put("a", 0)
    assert pool.reuse(0) is None
    pool.settle(0)
    assert (first.connection, second.served) == ("a", False)


def test_who_gives_up_is_not_served() -> None:
    pool = policy(size=1, overflow=0)
    queued(pool)
    first, second = queued(pool), queued(pool)

    pool.withdraw(first)
    pool.put("a", 0)
    pool.settle(0)
    assert (first.served, second.connection) == (False, "a")


def test_more_than_the_size_are_kept_only_for_a_moment() -> None:
    pool = policy(size=1, overflow=1)
    opened(pool, "a", "b")

    assert pool.settle(1) == ()
    assert pool.settle(7) == ("a",)
    assert pool.reuse(7) == "b"


def test_idle_connections_expire() -> None:
    pool = policy()
    opened(pool, "a")

    assert pool.reuse(11) is None
    assert pool.settle(11) == ("a",)
    assert (pool.busy, pool.idle) == (0, 0)


def test_who_gives_back_looks_for_old_ones_now_and_then() -> None:
    pool = policy()
    opened(pool, "a")
    pool.settle(5)

    assert not pool.put("b", 5.5)
    assert pool.put("c", 7)


def test_emptying_gives_all_idle_ones() -> None:
    pool = policy()
    opened(pool, "a")

    assert pool.empty() == ("a",)
    assert (pool.busy, pool.idle) == (0, 0)


@given(st.lists(st.sampled_from(["take", "queue", "give", "drop"])), st.integers(1, 3), st.integers(0, 2))
def test_the_pool_never_exceeds_its_bounds(moves: list[str], size: int, overflow: int) -> None:
    pool = policy(size, overflow)
    for now, move in enumerate(moves):
        if move == "take":
            pool.reuse(now)
        elif move == "queue":
            queued(pool, now)
        elif pool.busy and move == "give":
            pool.put("wire", now)
            pool.settle(now)
        elif pool.busy:
            pool.drop()
            pool.serve()
        assert pool.busy >= 0
        assert pool.busy + pool.idle <= size + overflow
