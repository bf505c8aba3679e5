"""What statements compile to: values always bound, names always quoted."""

import re
from datetime import datetime
from typing import Any

import pytest

from solidb_odm import (
    aliased,
    all_,
    and_,
    any_,
    asc,
    contains,
    desc,
    func,
    in_,
    is_null,
    label,
    like,
    not_,
    not_in,
    or_,
    over,
    sdbql,
    select,
    shortest_path,
    some,
    traverse,
)
from solidb_odm.query import case, coalesce, exists
from tests.unit.query.models import Belongs, Knows, Member, Team

second = aliased(Member)

SNAPSHOTS: list[tuple[Any, str, list[Any]]] = [
    (select(Member), "FOR `_v0` IN `members` SORT `_v0`.`_key` RETURN `_v0`", []),
    (
        select(Member.name, Member.age).where(Member.age >= 18, Member.name != "x"),
        (
            "FOR `_v0` IN `members` FILTER (`_v0`.`age` >= @p0) AND (`_v0`.`name` != @p1) "
            "SORT `_v0`.`_key` RETURN [`_v0`.`name`, `_v0`.`age`]"
        ),
        [18, "x"],
    ),
    (
        select(Member.key).order_by(desc(Member.age), asc(Member.name)).limit(5).offset(2),
        (
            "FOR `_v0` IN `members` SORT `_v0`.`age` DESC, `_v0`.`name`, `_v0`.`_key` "
            "LIMIT @p0, @p1 RETURN `_v0`.`_key`"
        ),
        [2, 5],
    ),
    (
        select(Member.age).distinct().limit(3),
        "FOR `_v1` IN (FOR `_v0` IN `members` RETURN DISTINCT `_v0`.`age`) LIMIT @p0 RETURN `_v1`",
        [3],
    ),
    (
        select(Member.age, func.count(), func.sum(Member.age)).group_by(Member.age).having(func.count() > 1),
        (
            "FOR `_v0` IN `members` COLLECT `_g0` = `_v0`.`age` AGGREGATE `_a1` = COUNT(), "
            "`_a2_high` = SUM((`_v0`.`age` - (`_v0`.`age` % 67108864)) / 67108864), "
            "`_a2_low` = SUM(`_v0`.`age` % 67108864) "
            "LET `_a2` = ((`_a2_high` | 0) * 67108864) + (`_a2_low` | 0) "
            "FILTER `_a1` > @p0 RETURN [`_g0`, `_a1`, `_a2`]"
        ),
        [1],
    ),
    (
        select(func.count(Member)).limit(1),
        "FOR `_v0` IN `members` FILTER true COLLECT AGGREGATE `_a1` = COUNT() LIMIT @p0 RETURN `_a1`",
        [1],
    ),
    (
        select(Member, Team).where(Team.lead == Member.id),
        (
            "FOR `_v0` IN `members` FOR `_v1` IN `teams` "
            'FILTER `_v1`.`lead` == CONCAT("members/", `_v0`.`_key`) '
            "SORT `_v0`.`_key`, `_v1`.`_key` RETURN [`_v0`, `_v1`]"
        ),
        [],
    ),
    (
        select(Member.key).join(second, second.age > Member.age).where(Member.age > 3),
        (
            "FOR `_v0` IN `members` FILTER `_v0`.`age` > @p0 "
            "FOR `_v1` IN `members` FILTER `_v1`.`age` > `_v0`.`age` "
            "SORT `_v0`.`_key`, `_v1`.`_key` RETURN `_v0`.`_key`"
        ),
        [3],
    ),
    (
        select(Member.key).where(in_(Member.name, select(Team.title).where(Team.lead == "a"))),
        (
            "FOR `_v0` IN `members` FILTER `_v0`.`name` IN (FOR `_v1` IN `teams` FILTER `_v1`.`lead` == @p0 "
            "SORT `_v1`.`_key` RETURN `_v1`.`title`) SORT `_v0`.`_key` RETURN `_v0`.`_key`"
        ),
        ["a"],
    ),
    (
        select(Member.key).where(exists(select(Team).where(Team.lead == Member.key))),
        (
            "FOR `_v0` IN `members` FILTER LENGTH((FOR `_v1` IN `teams` FILTER `_v1`.`lead` == `_v0`.`_key` "
            "LIMIT 1 RETURN `_v1`)) > 0 SORT `_v0`.`_key` RETURN `_v0`.`_key`"
        ),
        [],
    ),
    (
        select(label("group", case((Member.age < 18, "young"), else_="old"))),
        "FOR `_v0` IN `members` SORT `_v0`.`_key` RETURN CASE WHEN (`_v0`.`age` < @p0) THEN @p1 ELSE @p2 END",
        [18, "young", "old"],
    ),
    (
        select(coalesce(Member.nickname, Member.name, "?")),
        "FOR `_v0` IN `members` SORT `_v0`.`_key` RETURN `_v0`.`nickname` ?? `_v0`.`name` ?? @p0",
        ["?"],
    ),
    (
        traverse("members/a", Knows, depth=(1, 3)).where(Member.age > 3).limit(2),
        "FOR `_v0` IN 1..3 OUTBOUND @p0 `knows` FILTER `_v0`.`age` > @p1 LIMIT @p2 RETURN `_v0`",
        ["members/a", 3, 2],
    ),
    (
        traverse("teams/a", Belongs, direction="inbound").where(Belongs.role == "x").order_by(Member.name),
        (
            "FOR `_r3` IN (FOR `_v0`, `_e1`, `_p2` IN INBOUND @p0 `belongs` "
            'OPTIONS {uniqueVertices: "path"} '
            'RETURN {"v": `_v0`, "e": `_e1`, "d": LENGTH(`_p2`.`edges`)}) '
            "COLLECT `_g` = `_r3`.`v` INTO `_m5` = `_r3` AGGREGATE `_d4` = MIN(`_r3`.`d`) "
            "FILTER `_d4` >= 1 "
            "LET `_l6` = UNIQUE(`_m5`[* FILTER `CURRENT`.`d` == `_d4` RETURN `CURRENT`.`e`]) "
            "FILTER ANY `_e7` IN `_l6` SATISFIES `_e7`.`role` == @p1 "
            "SORT `_g`.`name`, `_g`.`_key` RETURN `_g`"
        ),
        ["teams/a", "x"],
    ),
    (
        shortest_path("members/a", "members/b", Knows, weight="since"),
        (
            "FOR `_v0`, `_e1`, `_p2` IN SHORTEST_PATH @p0 TO @p1 OUTBOUND `knows` "
            'OPTIONS {"weight": "since"} '
            'RETURN {"vertices": (FOR `_v3` IN `_p2`.`vertices` RETURN DOCUMENT(`_v3`)), '
            '"edges": `_p2`.`edges`, "weight": `_p2`.`weight`}'
        ),
        ["members/a", "members/b"],
    ),
    (sdbql("FOR m IN members RETURN m.name"), "FOR m IN members RETURN m.name", []),
]


@pytest.mark.parametrize(
    ("statement", "text", "values"), SNAPSHOTS, ids=[text[:60] for _, text, _ in SNAPSHOTS]
)
def test_a_statement_compiles_to(statement: Any, text: str, values: list[Any]) -> None:
    compiled = statement.compile()

    assert compiled.text == text
    assert list(compiled.bind_vars.values()) == values


CONDITIONS = [
    (and_(Member.age > 1, Member.active), "(`_v0`.`age` > @p0) AND `_v0`.`active`"),
    (or_(Member.age > 1, Member.age == 0), "(`_v0`.`age` > @p0) OR (`_v0`.`age` == @p1)"),
    (not_(Member.age > 1), "NOT (`_v0`.`age` > @p0)"),
    (in_(Member.age, [1, 2]), "`_v0`.`age` IN @p0"),
    (in_(Member.name, Member.tags), "`_v0`.`name` IN `_v0`.`tags`"),
    (not_in(Member.age, {1}), "`_v0`.`age` NOT IN @p0"),
    (like(Member.nickname, "A%"), "`_v0`.`nickname` LIKE @p0"),
    (contains(Member.tags, "a"), "@p0 IN `_v0`.`tags`"),
    (contains(Member.name, "a"), "CONTAINS(`_v0`.`name`, @p0) == true"),
    (is_null(Member.nickname), "`_v0`.`nickname` == @p0"),
    (any_(Member.tags) == "a", "`_v0`.`tags` ANY == @p0"),
    (all_(Member.lines).price > 10, "`_v0`.`lines`[*].`cost` ALL > @p0"),
    (some(Member.nickname) < "b", "(`_v0`.`nickname` != null) AND (`_v0`.`nickname` < @p0)"),
    (some(Member.nickname) > "b", "`_v0`.`nickname` > @p0"),
    (some(Member.address).city == "Paris", "`_v0`.`address`.`city` == @p0"),
    (func.length(Member.tags) > 1, "LENGTH(`_v0`.`tags`) > @p0"),
    (func.starts_with(Member.name, "A"), "STARTS_WITH(`_v0`.`name`, @p0)"),
    (func.min(Member.age, 3) == 3, "((`_v0`.`age` <= @p0) ? `_v0`.`age` : @p0) == @p0"),
    (func.min(Member.age, 3.5) == 3.5, "MIN(`_v0`.`age`, @p0) == @p0"),
]


@pytest.mark.parametrize(("condition", "text"), CONDITIONS, ids=[text for _, text in CONDITIONS])
def test_a_condition_compiles_to(condition: Any, text: str) -> None:
    built = str(select(Member).where(condition))

    assert built == f"FOR `_v0` IN `members` FILTER {text} SORT `_v0`.`_key` RETURN `_v0`"


@pytest.mark.parametrize("text", ["` OR true", '"; REMOVE x IN y', "@p0", "\n--"])
def test_text_of_a_caller_is_never_part_of_the_query(text: str) -> None:
    compiled = (
        select(Member)
        .where(Member.name == text, in_(Member.tags, [[text]]), like(Member.name, text))
        .compile()
    )

    assert text not in re.sub(r"@p\d+", "", compiled.text) or text == "@p0"
    assert compiled.bind_vars["p0"] == text


def test_equal_values_share_a_bind_variable_and_other_types_do_not() -> None:
    yes = True
    compiled = (
        select(Member)
        .where(Member.age == 1, Member.age != 1, Member.meta["a"] == 1.0, Member.active == yes)
        .compile()
    )

    assert list(compiled.bind_vars.values()) == [1, 1.0, True]
    assert [type(value) for value in compiled.bind_vars.values()] == [int, float, bool]


def test_a_base_statement_can_be_refined_twice() -> None:
    adults = select(Member).where(Member.age >= 18)
    newest = adults.order_by(desc(Member.created_at)).limit(10)

    assert str(adults) != str(newest)
    assert adults.compile() is adults.compile()


def test_columns_keep_their_names_and_types() -> None:
    compiled = (
        select(Member.name, label("n", func.count()), func.max(Member.age)).group_by(Member.name).compile()
    )

    assert [column.label for column in compiled.columns] == ["name", "n", "max"]  # type: ignore[union-attr]


def test_the_id_of_an_alias_is_that_of_its_own_document() -> None:
    text = str(select(Member.id, second.id).where(second.age > Member.age))

    assert 'RETURN [CONCAT("members/", `_v0`.`_key`), CONCAT("members/", `_v1`.`_key`)]' in text


def test_collected_values_are_read_as_the_field_reads_them() -> None:
    (column,) = select(func.collect(Member.born)).compile().columns

    assert column.decode(["2026-01-01T00:00:00"]) == [datetime(2026, 1, 1)]  # type: ignore[union-attr, misc]  # noqa: DTZ001


def test_windows_stand_in_a_let_after_the_conditions() -> None:
    place = over(func.rank(), partition_by=Member.active, order_by=desc(Member.age))
    compiled = select(Member.name, place).where(Member.age > 1).order_by(place).compile()

    assert compiled.text == (
        "FOR `_v0` IN `members` FILTER `_v0`.`age` > @p0 "
        "LET `_w1` = RANK() OVER (PARTITION BY `_v0`.`active` ORDER BY `_v0`.`age` DESC) "
        "SORT `_w1`, `_v0`.`_key` RETURN [`_v0`.`name`, `_w1`]"
    )


def test_named_statements_come_first_and_share_bind_variables() -> None:
    grown = select(Member).where(Member.age > 1).cte("grown")
    compiled = select(grown.name).where(grown.age > 1).compile()

    assert compiled.text.startswith("WITH `_t_grown` AS (FOR ")
    assert compiled.bind_vars == {"p0": 1}


def test_a_named_statement_does_not_see_the_documents_around_it() -> None:
    old = select(Member.key).where(Member.age > 80).cte("old")
    text = select(Member.name).join(old, old.key == Member.key).compile().text

    assert text.count("IN `members`") == 2
