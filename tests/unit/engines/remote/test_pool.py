from hypothesis import given
from hypothesis import strategies as st

from solidb_odm.engines.remote.pool import PoolPolicy, Verdict


def policy(size: int = 2, overflow: int = 1) -> PoolPolicy[str]:
    return PoolPolicy(size=size, overflow=overflow, idle_seconds=10)


def test_an_empty_pool_opens() -> None:
    assert policy().take(0).verdict is Verdict.OPEN


def test_the_newest_idle_connection_is_reused_first() -> None:
    pool = policy()
    for wire in ("old", "new"):
        pool.take(0)
        assert wire
    pool.give("old", 1)
    pool.give("new", 2)

    assert pool.take(3).wire == "new"


def test_when_all_are_busy_callers_wait() -> None:
    pool = policy(size=1, overflow=1)
    assert [pool.take(0).verdict for _ in range(3)] == [Verdict.OPEN, Verdict.OPEN, Verdict.WAIT]

    pool.drop()
    assert pool.take(0).verdict is Verdict.OPEN


def test_more_than_the_size_are_kept_only_for_a_moment() -> None:
    pool = policy(size=1, overflow=1)
    pool.take(0)
    pool.take(0)
    assert pool.give("a", 0) == ()
    assert pool.give("b", 1) == ()

    taken = pool.take(7)
    assert (taken.wire, taken.expired) == ("b", ("a",))


def test_idle_connections_expire() -> None:
    pool = policy()
    pool.take(0)
    pool.give("a", 0)

    taken = pool.take(11)
    assert (taken.verdict, taken.expired) == (Verdict.OPEN, ("a",))


def test_emptying_gives_all_idle_ones() -> None:
    pool = policy()
    pool.take(0)
    pool.give("a", 0)

    assert pool.empty() == ("a",)
    assert pool.idle == 0


@given(st.lists(st.sampled_from(["take", "give", "drop"])), st.integers(1, 3), st.integers(0, 2))
def test_the_pool_never_exceeds_its_bounds(moves: list[str], size: int, overflow: int) -> None:
    pool: PoolPolicy[object] = policy(size, overflow)  # type: ignore[assignment]
    for now, move in enumerate(moves):
        if move == "take":
            pool.take(now)
        elif pool.busy and move == "give":
            pool.give(object(), now)
        elif pool.busy:
            pool.drop()
        assert pool.busy >= 0
        assert pool.busy + pool.idle <= size + overflow
