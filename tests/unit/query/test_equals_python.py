"""A compiled query keeps what a plain Python filter keeps.

None is less than nothing: ``<`` and ``<=`` leave it out, ``>`` does too, ``!=`` and ``not_in`` keep it.
"""

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from solidb_odm import (
    all_,
    and_,
    any_,
    contains,
    desc,
    func,
    in_,
    is_null,
    like,
    not_,
    not_in,
    or_,
    select,
    some,
)
from solidb_odm.language.interpreter import MemorySource, evaluate
from solidb_odm.model.stored.codec import encode_value
from solidb_odm.query import case, coalesce, update
from tests.unit.query.models import Address, Line, Member

_WORDS = st.sampled_from(["", "a", "ab", "b", "B", "é"])
_NUMBERS = st.integers(-3, 3)
_MEMBERS = st.builds(
    Member,
    name=_WORDS,
    age=_NUMBERS,
    nickname=st.none() | _WORDS,
    tags=st.lists(_WORDS, max_size=3),
    address=st.none() | st.builds(Address, city=_WORDS),
    lines=st.lists(st.builds(Line, sku=_WORDS, cost=st.sampled_from([0.0, 1.5, 3.0])), max_size=2),
    active=st.booleans(),
)
_POPULATION = st.lists(_MEMBERS, max_size=8)
Case = tuple[Any, Callable[[Member], bool]]


def city(member: Member) -> str | None:
    return None if member.address is None else member.address.city


def _simple(word: str, number: int, words: list[str]) -> list[Case]:
    nickname, place = some(Member.nickname), some(Member.address).city
    return [
        (Member.age == number, lambda m: m.age == number),
        (Member.age != number, lambda m: m.age != number),
        (Member.age < number, lambda m: m.age < number),
        (Member.age >= number, lambda m: m.age >= number),
        (Member.age % 2 == 0, lambda m: m.age % 2 == 0),
        (Member.age * 2 + 1 > number, lambda m: m.age * 2 + 1 > number),
        (nickname == word, lambda m: m.nickname == word),
        (nickname != word, lambda m: m.nickname != word),
        (nickname < word, lambda m: m.nickname is not None and m.nickname < word),
        (nickname <= word, lambda m: m.nickname is not None and m.nickname <= word),
        (nickname > word, lambda m: m.nickname is not None and m.nickname > word),
        (nickname >= word, lambda m: m.nickname is not None and m.nickname >= word),
        (place < word, lambda m: city(m) is not None and str(city(m)) < word),
        (place != word, lambda m: city(m) != word),
        (is_null(Member.address), lambda m: m.address is None),
        (in_(Member.nickname, words), lambda m: m.nickname in words),
        (not_in(Member.nickname, words), lambda m: m.nickname not in words),
        (in_(Member.nickname, [None, word]), lambda m: m.nickname in (None, word)),
        (contains(Member.tags, word), lambda m: word in m.tags),
        (contains(Member.name, word), lambda m: word in m.name),
        (
            contains(Member.nickname, word),
            lambda m: word in (m.nickname or "") if m.nickname is not None else False,
        ),
        (like(Member.name, "a%"), lambda m: m.name.startswith("a")),
        (Member.name.startswith(word), lambda m: m.name.startswith(word)),
        (Member.name.upper() == word, lambda m: m.name.upper() == word),
        (any_(Member.tags) == word, lambda m: word in m.tags),
        (all_(Member.tags) != word, lambda m: word not in m.tags),
        (any_(Member.lines).price > number, lambda m: any(line.price > number for line in m.lines)),
        (all_(Member.lines).price > number, lambda m: all(line.price > number for line in m.lines)),
        (Member.active, lambda m: m.active),
        (
            coalesce(Member.nickname, Member.name) == word,
            lambda m: (m.name if m.nickname is None else m.nickname) == word,
        ),
        (case((Member.age < 0, "a"), else_="b") == word, lambda m: ("a" if m.age < 0 else "b") == word),
        (func.length(Member.tags) > number, lambda m: len(m.tags) > number),
    ]


_LEAVES = st.builds(_simple, _WORDS, _NUMBERS, st.lists(_WORDS, max_size=3)).flatmap(st.sampled_from)


def _joined(inner: st.SearchStrategy[Case]) -> st.SearchStrategy[Case]:
    pairs = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        pairs.map(lambda cases: (and_(*(c for c, _ in cases)), lambda m: all(f(m) for _, f in cases))),
        pairs.map(lambda cases: (or_(*(c for c, _ in cases)), lambda m: any(f(m) for _, f in cases))),
        inner.map(lambda case: (not_(case[0]), lambda m: not case[1](m))),
    )


_CASES = st.recursive(_LEAVES, _joined, max_leaves=5)


def source(members: list[Member]) -> MemorySource:
    return MemorySource({"members": [encode_value(Member.__solidb_mapping__, each) for each in members]})


def run(statement: Any, members: list[Member]) -> list[Any]:
    compiled = statement.compile()
    return list(evaluate(compiled.query, source(members), compiled.bind_vars))


@given(_POPULATION, _CASES)
def test_where_keeps_what_a_python_filter_keeps(members: list[Member], case: Case) -> None:
    condition, keeps = case

    found = run(select(Member.key).where(condition), members)

    assert found == sorted(m.key for m in members if keeps(m))


@given(_POPULATION, _CASES, st.integers(0, 4), st.integers(0, 3))
def test_sorting_and_limits_are_those_of_python(
    members: list[Member], case: Case, limit: int, offset: int
) -> None:
    condition, keeps = case
    statement = (
        select(Member.key)
        .where(condition)
        .order_by(desc(Member.age), Member.name)
        .limit(limit)
        .offset(offset)
    )

    kept = sorted((m for m in members if keeps(m)), key=lambda m: (-m.age, m.name.encode(), m.key))
    assert run(statement, members) == [m.key for m in kept][offset : offset + limit]


@given(_POPULATION)
def test_groups_are_those_of_python(members: list[Member]) -> None:
    statement = select(Member.nickname, func.count(), func.sum(Member.age), func.max(Member.age)).group_by(
        Member.nickname
    )

    groups: dict[str | None, list[int]] = {}
    for member in members:
        groups.setdefault(member.nickname, []).append(member.age)
    ordered = sorted(groups.items(), key=lambda item: (item[0] is not None, (item[0] or "").encode()))
    assert run(statement, members) == [[name, len(ages), sum(ages), max(ages)] for name, ages in ordered]


@given(_POPULATION, st.integers(0, 3))
def test_distinct_comes_before_limit(members: list[Member], limit: int) -> None:
    found = run(select(Member.age).distinct().limit(limit), members)

    ages = {m.age for m in members}
    assert len(found) == min(limit, len(ages))
    assert set(found) <= ages


@given(_POPULATION, _CASES)
def test_an_update_changes_what_a_select_finds(members: list[Member], case: Case) -> None:
    condition, keeps = case
    statement = update(Member).where(condition).values(age=Member.age + 10).returning(Member.key, Member.age)

    assert sorted(run(statement, members)) == sorted([m.key, m.age + 10] for m in members if keeps(m))
