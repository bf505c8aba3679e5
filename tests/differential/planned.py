"""Random queries of the forms that the planner turns into SQL, over documents with arrays of objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from . import data
from .data import DataSet
from .literals import literal

_PATHS = ["n", "i", "s", "b", "k", "r", "a", "o.x", "o.y.z", "t", "lines", "none", "_key", "w"]
_FUNCTIONS = ["SUM", "AVG", "MIN", "MAX", "COUNT", "LENGTH", "FIRST", "LAST", "UNIQUE", "MEDIAN", "STDDEV"]
_AGGREGATES = [*_FUNCTIONS[:5], "COUNT_DISTINCT", "UNIQUE", "SORTED_UNIQUE", "PUSH", "MEDIAN", "STDDEV",
               "VARIANCE", "VAR_SAMP", "LENGTH", "BIT_OR"]  # fmt: skip
_RANKS = ["ROW_NUMBER()", "RANK()", "DENSE_RANK()", "PERCENT_RANK()", "CUME_DIST()", "NTILE(3)"]
_WINDOWS = [*_RANKS, "LAG({})", "LEAD({}, 2)", "LAG({}, 1, 0)", "FIRST_VALUE({})", "LAST_VALUE({})",
            "NTH_VALUE({}, 2)", "SUM({})", "AVG({})", "COUNT({})", "MIN({})", "MAX({})"]  # fmt: skip


def with_lines(found: DataSet, random: Random) -> DataSet:
    """Return the data with an attribute ``lines`` in most documents: an array of objects, mostly.

    Most of ``more`` have an attribute ``link``: the name of a document, mostly.
    """
    collections = dict(found.collections)
    for name in ("docs", "more"):
        collections[name] = [
            {**document, "lines": _lines(random)} if random.random() < 0.9 else document
            for document in collections[name]
        ]
    collections["more"] = [
        {
            **document,
            "link": f"docs/d{random.randrange(8):02}" if random.random() < 0.7 else data.value(random),
        }
        for document in collections["more"]
    ]
    indexes = [*found.indexes, *([("more", ("link",))] if random.random() < 0.5 else [])]
    return replace(found, collections=collections, indexes=indexes)


def _lines(random: Random) -> object:
    if random.random() < 0.1:
        return data.value(random)
    return [
        {"x": data.number(random), "y": random.choice(["p", "q", None]), "z": data.value(random, 1)}
        if random.random() < 0.8
        else data.value(random)
        for _ in range(random.randrange(5))
    ]


class Planned:
    """Writes queries; ``forms`` are what it can write."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.forms: dict[str, Callable[[], str]] = {
            "loops": self.loops,
            "choices": self.choices,
            "expansions": self.expansions,
            "membership": self.membership,
            "joins": self.joins,
            "aggregates": self.aggregates,
            "gathers": self.gathers,
            "folds": self.folds,
            "sets": self.sets,
            "tables": self.tables,
            "windows": self.windows,
            "distincts": self.distincts,
            "links": self.links,
            "triples": self.triples,
            "partners": self.partners,
            "presence": self.presence,
        }

    # --- pieces ----------------------------------------------------------------------------------

    def pick(self, *choices: str) -> str:
        return self.random.choice(choices)

    def path(self, name: str = "d") -> str:
        return f"{name}.{self.random.choice(_PATHS)}"

    def constant(self) -> str:
        return literal(data.scalar(self.random))

    def value(self, *names: str) -> str:
        """Return an expression over documents and elements; an element's name begins with e."""
        name = self.random.choice(names)
        if name.startswith("e"):
            return self.random.choice([name, f"{name}.x", f"{name}.y", f"{name}.z"])
        return self.random.choice([self.path(name), self.path(name), self.constant()])

    def condition(self, *names: str) -> str:
        left = self.value(*names)
        operator = self.pick("==", "!=", "<", "<=", ">", ">=", "==")
        right = self.random.choice([self.constant(), self.constant(), self.value(*names)])
        plain = f"{left} {operator} {right}"
        return self.random.choice([plain, plain, f"NOT ({plain})", f"({plain} OR {left} == null)", left])

    def filters(self, *names: str) -> str:
        return "".join(f" FILTER {self.condition(*names)}" for _ in range(self.random.randrange(3)))

    def tail(self, *names: str) -> str:
        written = ""
        if self.random.random() < 0.5:
            keys = [self.value(*names) + self.pick("", " DESC") for _ in range(self.random.randrange(1, 3))]
            written = f" SORT {', '.join(keys)}"
        return written + self.pick("", "", " LIMIT 3", " LIMIT 1, 4")

    def items(self, name: str = "d") -> str:
        """Return what a loop goes over."""
        literals = ["[1, 2.5, 'a', null, true]", "[]", "3..6", "[[1], {x: 1, y: 'p'}]", "null", "'text'"]
        of_document = [f"{name}.{field}" for field in ("lines", "lines", "t", "o.l", "a", "o", "none", "n")]
        made = [f"[{name}.n, {name}.lines]", f"{name}.lines[*].x", f"({name}.t)"]
        return self.random.choice([*literals, *of_document, *of_document, *made])

    # --- forms -----------------------------------------------------------------------------------

    def triples(self) -> str:
        """Three loops whose conditions stand behind any of them."""
        names = ("a", "b", "c")
        written, known = "", list[str]()
        waiting = [
            f" FILTER {self.path('a')} == {self.path('b')}",
            f" FILTER {self.path('b')} == {self.path('c')}",
        ]
        for name in names:
            written += f" FOR {name} IN {self.pick('docs', 'more')}"
            known.append(name)
            if self.random.random() < 0.3:
                written += f" LET v{name} = {self.value(*known)} FILTER v{name} != {self.constant()}"
            while waiting and all(f"{name}." not in waiting[0] for name in names[len(known) :]):
                if len(known) < 3 and self.random.random() < 0.6:
                    break
                written += waiting.pop(0) + self.filters(*known)
        return f"{written.strip()} FILTER a.n != 3 RETURN [a._key, b._key, c._key]"

    def loops(self) -> str:
        items = self.items()
        written = f"FOR d IN docs{self.filters('d')} FOR e IN {items}{self.filters('d', 'e')}"
        names = ["d", "e"]
        if self.random.random() < 0.3:
            written += f" FOR e2 IN {self.pick('e', 'e.z', 'd.t')}{self.filters('e2', 'e')}"
            names.append("e2")
        if self.random.random() < 0.3:
            written += f" FOR m IN more FILTER m.{self.pick('k', 'i', 'ref')} == {self.value(*names)}"
            names.append("m")
        picked = self.pick("e", f"[d._key, {self.value(*names)}]", f"{{v: {self.value(*names)}, e}}", "e.x")
        return f"{written}{self.tail(*names)} RETURN {picked}"

    def choices(self) -> str:
        def choice() -> str:
            one, two = self.value("d"), self.value("d")
            whens = [f"WHEN {self.condition('d')} THEN {self.value('d')}" for _ in range(2)]
            matches = [f"WHEN {self.value('d')} THEN {self.value('d')}" for _ in range(2)]
            return self.random.choice(
                [
                    f"CASE {' '.join(whens)} ELSE {one} END",
                    f"CASE {' '.join(whens)} END",
                    f"CASE {one} {' '.join(matches)} ELSE {two} END",
                    f"({self.condition('d')} ? {one} : {two})",
                    f"({one} ?? {two})",
                    f"({one} || {two})",
                    f"COALESCE({one}, {two}, {self.constant()})",
                    f"IF({self.condition('d')}, {one}, {two})",
                    f'$"x ${{{one}}} y"',
                    f"({self.path()} |> TO_STRING())",
                    f"d.{self.pick('t', 'lines', 'a', 'o.l')}[{self.pick('0', '1', '-1', '7')}]",
                    f"d.lines[{self.pick('0', '-1')}].{self.pick('x', 'z')}",
                ]
            )

        shown = self.pick(choice(), f"[d._key, {choice()}]", f"{{a: {choice()}, b: {choice()}}}")
        kept = f" FILTER {choice()} {self.pick('==', '<', '!=')} {self.constant()}"
        sort = f" SORT {choice()}, d._key" if self.random.random() < 0.4 else ""
        return f"FOR d IN docs{self.pick('', kept)}{sort}{self.pick('', ' LIMIT 4')} RETURN {shown}"

    def expansion(self) -> str:
        base = f"d.{self.pick('lines', 'lines', 't', 'a', 'none')}"
        inner = f"CURRENT.{self.pick('x', 'y')} {self.pick('>', '==', '!=')} {self.constant()}"
        brackets = self.random.choice(
            [f"* FILTER {inner}", "* LIMIT 2", f"* FILTER {inner} RETURN CURRENT.x", "* RETURN [CURRENT, 1]"]
        )
        return self.random.choice([f"{base}[*].x", f"{base}[*].z", f"{base}[{brackets}]"])

    def expansions(self) -> str:
        expansion = self.expansion()
        shown = self.pick(expansion, f"[d._key, {expansion}]", f"LENGTH({expansion})", f"SUM({expansion})")
        kept = self.pick("", f" FILTER {self.value('d')} IN {expansion}", f" FILTER LENGTH({expansion}) > 1")
        return f"FOR d IN docs{kept}{self.pick('', ' LIMIT 4')} RETURN {shown}"

    def membership(self) -> str:
        field = self.pick("k", "i", "_key", "ref", "a")
        rows = f"(FOR m IN more{self.filters('m')} RETURN {self.pick('m', 'DISTINCT m')}.{field})"
        right = self.random.choice(
            [rows, rows, "d.t", "d.a", "d.o", f"[{self.value('d')}, 1, null]", "d.lines[*].x", "keys"]
        )
        inside = f"{self.value('d')} {self.pick('IN', 'NOT IN')} {right}"
        tested = f"d.t {self.pick('ANY', 'ALL', 'NONE')} {self.pick('IN', 'NOT IN')} ['a', 1, null]"
        let = f"LET keys = {rows} " if right == "keys" else ""
        shown = self.pick("d._key", f"[d._key, {inside}]")
        return f"{let}FOR d IN docs FILTER {self.pick(inside, inside, tested)} RETURN {shown}"

    def joins(self) -> str:
        on = self.pick("more.ref == d._key", "more.k == d.k", "more.i < d.i", "more.s == d.s AND more.b")
        kind = self.pick("JOIN", "LEFT JOIN")
        shown = self.pick("more", "LENGTH(more)", "more[*].n", "[d._key, more[*]._key]", "FIRST(more)")
        return f"FOR d IN docs{self.filters('d')} {kind} more ON {on}{self.tail('d')} RETURN {shown}"

    def links(self) -> str:
        """Write a join along a link, or an end of an edge, on the name of a document."""
        link, source = self.random.choice([("m.link", "more"), ("m._from", "links"), ("m._to", "links")])
        name = self.pick("CONCAT('docs/', d._key)", "CONCAT('docs/', d._key)", "CONCAT('', d._key)")
        met = self.pick(
            f"{link} == {name}", f"{name} == {link}", f"{link} != {name}", f"NOT ({link} == {name})"
        )
        loops = self.pick(f"FOR d IN docs FOR m IN {source}", f"FOR m IN {source} FOR d IN docs")
        third = ""
        if self.random.random() < 0.3:
            third = " FOR o IN links FILTER o._from == CONCAT('docs/', d._key)"
        either = self.pick("", "", f" OR {self.value('d')} == {self.value('m')}")
        kept = f" FILTER {met}{either}{self.filters('d', 'm')}{third}"
        return f"{loops}{kept}{self.tail('d', 'm')} RETURN [d._key, m._key, {self.value('d', 'm')}]"

    def met(self, one: str, other: str) -> tuple[str, str]:
        """Return a collection of ``one``, and what joins its documents to ``other``, one of ``more``."""
        link = f"{one}.link == CONCAT('docs/', {other}._key)"
        to_key = f"CONCAT('docs/', {one}._key) == {other}.link"
        return self.random.choice(
            [
                ("more", link),
                ("docs", to_key),
                ("links", f"{one}._from == CONCAT('docs/', {other}._key)"),
                ("more", f"{one}.{self.pick('k', 'ref', 'i')} == {other}.{self.pick('k', '_key', 'i')}"),
                ("more", f"{one}.i < {other}.i"),
            ]
        )

    def partners(self) -> str:
        """Write a loop over the partners of each row, or null where it has none."""
        written, names = f"FOR d IN {self.pick('docs', 'more')}{self.filters('d')}", ["d"]
        for name in ("p", "q")[: self.random.choice([1, 1, 2])]:
            inner, other = f"{name}i", self.random.choice(names)
            collection, met = self.met(inner, other)
            kept = self.pick("", f" FILTER {self.condition(inner, *names)}", f" FILTER {inner}.n != null")
            rows = f"(FOR {inner} IN {collection} FILTER {met}{kept} RETURN {inner})"
            written += f" LET j{name} = {rows} FOR {name} IN (LENGTH(j{name}) > 0 ? j{name} : [null])"
            names.append(name)
            written += self.pick(
                "", f" FILTER {name} == null", f" FILTER {name}.k != null", self.filters(*names)
            )
        last = names[-1]
        if self.random.random() < 0.3:
            groups = self.pick("", f"g = {last}.k", "g = d.k")
            shown = "[g, c, n]" if groups else "[c, n]"
            counted = f"c = COUNT({last}._key), n = SUM({last}.n)"
            return f"{written} COLLECT {groups} AGGREGATE {counted} RETURN {shown}"
        whole = self.pick(f"[d._key, {last}]", f"[{last}, d, {last}._id]", last)
        shown = self.pick(whole, f"DISTINCT {last}.k", f"[{last}.n, d._key]")
        return f"{written}{self.tail(*names)} RETURN {shown}"

    def presence(self) -> str:
        """Write a condition on whether there are documents, or how many."""
        collection, met = self.met("m", "d")
        limit = self.pick(" LIMIT 1", " LIMIT 2", " SORT m.n LIMIT 1, 1", "")
        loop = f"FOR m IN {collection} FILTER {met}{self.filters('m', 'd')}"
        rows = f"({loop}{limit} RETURN {self.pick('m', 'm.k')})"
        kept = self.pick(f"LENGTH({rows}) > 0", f"NOT (LENGTH({rows}) > 0)", f"LENGTH({rows}) == 1")
        third = (
            " FOR o IN links FILTER o._to == CONCAT('docs/', d._key)" if self.random.random() < 0.3 else ""
        )
        grouped = self.pick("", f" COLLECT g = {self.path()} AGGREGATE n = COUNT(d._key) RETURN [g, n]")
        return f"FOR d IN {self.pick('docs', 'more')}{third} FILTER {kept}{grouped or ' RETURN d._key'}"

    def aggregates(self) -> str:
        parts = [
            f"a{n} = {self.random.choice(_AGGREGATES)}({self.value('d', 'e')})"
            for n in range(self.random.randrange(1, 4))
        ]
        loop = f"FOR d IN docs{self.filters('d')} FOR e IN d.lines"
        names = ", ".join(part.split(" ")[0] for part in parts)
        groups = self.pick("", f"g = {self.value('d')}", f"g = {self.path()}, h = {self.value('e')}")
        shown = ", ".join(filter(None, ["g" if groups else "", names]))
        return f"{loop} COLLECT {groups} AGGREGATE {', '.join(parts)} RETURN [{shown}]"

    def gathers(self) -> str:
        into = self.pick(
            "INTO g", "INTO g KEEP d", f"INTO g = {self.value('d')}", f"INTO g = [d._key, {self.path()}]"
        )
        loop = f"FOR d IN docs{self.filters('d')} LET v = {self.path()}"
        shown = self.pick("[k, g]", "[k, LENGTH(g)]", "{k, n: LENGTH(g), g}", "FIRST(g)", "[k, COUNT(g)]")
        kept = self.pick("", "", " FILTER LENGTH(g) > 1")
        return f"{loop} COLLECT k = {self.path()} {into}{kept} RETURN {shown}"

    def folds(self) -> str:
        inner = f"FOR m IN more FILTER m.{self.pick('k == d.k', 'i > d.i', 'ref == d._key', 'b')}"
        tail = self.pick("", " SORT m.n", " SORT m.n DESC LIMIT 3")
        rows = f"({inner}{tail} RETURN {self.pick('', 'DISTINCT ')}{self.value('m')})"
        fold = f"{self.random.choice(_FUNCTIONS)}{rows}"
        if self.random.random() < 0.3:
            fold = f"FIRST(({inner} SORT m._key RETURN m)).{self.pick('n', 'o.x', '_key')}"
        kept = self.pick("", "", f" FILTER {fold} > 1", f" SORT {fold}, d._key")
        return f"FOR d IN docs{kept} RETURN [d._key, {fold}]"

    def operand(self) -> str:
        name = self.pick("docs", "more")
        shown = self.random.choice(
            [f"d.{self.pick('k', 'i', 'r', 'a', 't')}", f"{{k: {self.path()}}}", "d._key"]
        )
        return (
            f"FOR d IN {name}{self.filters('d')}{self.tail('d')} RETURN {self.pick('', 'DISTINCT ')}{shown}"
        )

    def sets(self) -> str:
        operator = [self.pick(" UNION ", " UNION ALL ", " INTERSECT ", " EXCEPT ") for _ in range(2)]
        operands = [self.operand() for _ in range(self.random.choice([2, 2, 3]))]
        written = operands[0] + "".join(a + b for a, b in zip(operator, operands[1:], strict=False))
        return self.pick(written, f"RETURN LENGTH(({written}))") if self.random.random() < 0.3 else written

    def tables(self) -> str:
        shown = self.pick("d", "d.a", "{x: d.n, y: d.k}")
        inner = f"FOR d IN docs{self.filters('d')}{self.tail('d')} RETURN {shown}"
        two = self.pick("", f", u AS (FOR e IN t{self.filters('e')} RETURN e)")
        loop = f"FOR e IN {'u' if two else 't'}{self.filters('e')}"
        more = self.pick("", " FOR m IN more FILTER m.k == e.y")
        return f"WITH t AS ({inner}){two} {loop}{more}{self.tail('e')} RETURN {self.value('e')}"

    def windows(self) -> str:
        function = self.random.choice(_WINDOWS).format(self.value("d"))
        partition = self.pick("", f"PARTITION BY {self.path()} ")
        order = self.pick("", f"ORDER BY {self.value('d')}{self.pick('', ' DESC')}", "ORDER BY d.r, d.i DESC")
        window = f"{function} OVER ({partition}{order})"
        written = f"FOR d IN docs{self.filters('d')}"
        if self.random.random() < 0.5:
            return f"{written}{self.tail('d')} RETURN [d._key, {window}]"
        kept = self.pick("", " FILTER w > 1", " FILTER w != null")
        return f"{written} LET w = {window}{kept}{self.pick('', ' SORT w, d._key')} RETURN [d._key, w]"

    def distincts(self) -> str:
        shown = self.value("d")
        sort = self.pick("", f" SORT {shown}", f" SORT {shown} DESC", f" SORT {self.path()}")
        inner = (
            f"FOR d IN docs{self.filters('d')}{sort}{self.pick('', '', ' LIMIT 5')} RETURN DISTINCT {shown}"
        )
        return self.pick(inner, inner, f"RETURN LENGTH(({inner}))", f"RETURN ({inner})")
