"""Random queries over the collections of a data set."""

from __future__ import annotations

from random import Random

from .expressions import Expressions, Scope

_AGGREGATES = [
    "SUM",
    "AVG",
    "MIN",
    "MAX",
    "COUNT",
    "COUNT_DISTINCT",
    "UNIQUE",
    "SORTED_UNIQUE",
    "PUSH",
    "MEDIAN",
    "STDDEV",
    "VARIANCE",
    "VAR_SAMP",
    "LENGTH",
    "BIT_AND",
    "BIT_OR",
    "BIT_XOR",
]
_WINDOWS = [
    "ROW_NUMBER()",
    "RANK()",
    "DENSE_RANK()",
    "PERCENT_RANK()",
    "CUME_DIST()",
    "NTILE(3)",
    "LAG({})",
    "LEAD({}, 2)",
    "LAG({}, 1, 0)",
    "FIRST_VALUE({})",
    "LAST_VALUE({})",
    "NTH_VALUE({}, 2)",
    "SUM({})",
    "AVG({})",
    "COUNT({})",
    "MIN({})",
    "MAX({})",
]


class Queries:
    """Writes queries; each is valid, and its answer does not depend on the server's known defects."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.expressions = Expressions(random)
        self.expressions.subquery = self.subquery
        self._kinds = [
            (4, self.expressions_only),
            (5, self.selection),
            (3, self.grouping),
            (2, self.joined),
            (1, self.join_clause),
            (2, self.set_operation),
            (2, self.common_tables),
            (1, self.windowed),
            (2, self.traversal),
            (1, self.paths),
            (1, self.match),
            (2, self.mutation),
            (1, self.late),
            (2, self.simple),
            (1, self.groups_only),
            (1, self.pairs),
            (1, self.counted),
            (2, self.outer_join),
            (1, self.nearest_join),
            (1, self.in_time),
            (1, self.searched),
            (1, self.sorted_operands),
            (1, self.reports_to),
        ]

    def query(self) -> str:
        """Return any query."""
        weights = [weight for weight, _ in self._kinds]
        return self.random.choices([write for _, write in self._kinds], weights)[0]()

    # --- pieces ----------------------------------------------------------------------------------

    def any(self, scope: Scope, depth: int = 2) -> str:
        return self.expressions.write("any", scope, depth)

    def _chance(self, chance: float) -> bool:
        return self.random.random() < chance

    def filters(self, scope: Scope, most: int = 2, depth: int = 2) -> str:
        count = self.random.randrange(most + 1)
        return "".join(f" FILTER {self.expressions.write('bool', scope, depth)}" for _ in range(count))

    def lets(self, scope: Scope, most: int = 2) -> str:
        written = ""
        for _ in range(self.random.randrange(most + 1)):
            name = self.expressions.name()
            written += f" LET {name} = {self.any(scope)}"
            scope[name] = "any"
        return written

    def tail(self, scope: Scope, alone: bool = False) -> str:
        """Return SORT and LIMIT, or none; ``alone`` if the LIMIT may stand without a SORT."""
        written = ""
        if self._chance(0.5):
            keys = [
                self.any(scope, 1) + self.random.choice(["", " DESC", " ASC"])
                for _ in range(self.random.choice([1, 1, 2]))
            ]
            written += f" SORT {', '.join(keys)}"
        if self._chance(0.4):
            written += "" if written or alone else " SORT 1"
            count = self.random.randrange(6)
            written += self.random.choice(
                [f" LIMIT {count}", f" LIMIT {self.random.randrange(4)}, {count}", f" LIMIT {count} OFFSET 1"]
            )
        return written

    def returns(self, scope: Scope, depth: int = 2) -> str:
        distinct = "DISTINCT " if self._chance(0.2) else ""
        documents = [name for name, held in scope.items() if held == "document"]
        if documents and self._chance(0.15):
            return f" RETURN {distinct}{self.random.choice(documents)}"
        if self._chance(0.5):
            values = ", ".join(self.any(scope, depth) for _ in range(self.random.randrange(1, 4)))
            return f" RETURN {distinct}[{values}]"
        return f" RETURN {distinct}{self.any(scope, depth)}"

    def loop(self, scope: Scope, collection: str = "") -> str:
        """Return a FOR, adding its variable to the scope."""
        variable = self.expressions.name("d")
        if collection or self._chance(0.8):
            scope[variable] = "document"
            return f"FOR {variable} IN {collection or self.random.choice(['docs', 'docs', 'more'])}"
        source = self.expressions.write("array", scope, 1)
        scope[variable] = "any"
        return f"FOR {variable} IN ({source})"

    def subquery(self, scope: Scope, depth: int) -> str:
        inner = dict(scope)
        written = self.loop(inner, self.random.choice(["docs", "more"])) + self.filters(inner, 1, 1)
        if not written.count("FILTER"):
            written += " FILTER true"
        written += self.random.choice(["", "", " LIMIT 2"])
        return f"({written} RETURN {self.any(inner, min(depth, 1))})"

    # --- queries ---------------------------------------------------------------------------------

    def expressions_only(self) -> str:
        written = ""
        scope: Scope = {}
        if self._chance(0.3):
            written = self.lets(scope).strip() + " "
        return f"{written}RETURN [{', '.join(self.any(scope, 3) for _ in range(4))}]"

    def simple(self) -> str:
        """Return what a program asks most: conditions on attributes, a sort, a page."""
        fields = ["d.n", "d.i", "d.s", "d.k", "d.r", "d.a", "d.o.x", "d.o.y.z", "d.t", "d.b"]
        conditions = []
        for _ in range(self.random.randrange(4)):
            field, constant = (
                self.random.choice(fields),
                self.expressions.constant(self.random.choice(["number", "small", "text", "any", "small"])),
            )
            operator = self.random.choice(["==", "!=", "<", "<=", ">", ">=", "IN", "NOT IN", "LIKE"])
            if "IN" in operator:
                constant = self.expressions.constant("array")
            conditions.append(f"{field} {operator} {constant}")
        filters = (
            f" FILTER {self.random.choice([' AND ', ' OR ', ' FILTER ']).join(conditions)}"
            if conditions
            else ""
        )
        keys = self.random.sample(fields, self.random.randrange(3))
        sort = f" SORT {', '.join(k + self.random.choice(['', ' DESC']) for k in keys)}" if keys else ""
        limit = f" LIMIT {self.random.randrange(4)}, {self.random.randrange(5)}" if self._chance(0.4) else ""
        picked = self.random.choice(
            ["d", "d._key", f"[d._key, {self.random.choice(fields)}]", "{k: d._key, v: d.a}"]
        )
        return f"FOR d IN docs{filters}{sort}{limit} RETURN {picked}"

    def selection(self) -> str:
        scope: Scope = {}
        written = self.loop(scope)
        filters = self.filters(scope)
        lets = self.lets(scope, 1)
        return written + filters + lets + self.tail(scope, alone=bool(filters)) + self.returns(scope)

    def groups_only(self) -> str:
        """Return a COLLECT of plain attributes, as a report has it."""
        group, other = self.random.sample(["k", "b", "i", "s", "r"], 2)
        function = self.random.choice(["SUM", "AVG", "MIN", "MAX", "COUNT", "COUNT_DISTINCT"])
        groups = self.random.choice([f"g = d.{group}", f"g = d.{group}, h = d.{other}"])
        names = "[g, h, n, x]" if "h =" in groups else "[g, n, x]"
        aggregate = f"AGGREGATE n = COUNT(), x = {function}(d.{self.random.choice(['n', 'i', 'r', 'a'])})"
        having = self.random.choice(["", " FILTER n > 1"])
        sort = self.random.choice([" SORT g", " SORT n DESC, g", " SORT x"])
        return f"FOR d IN docs{self._plain('d')} COLLECT {groups} {aggregate}{having}{sort} RETURN {names}"

    def pairs(self) -> str:
        """Return two FORs over collections, as a join has it."""
        on = self.random.choice(["m.ref == d._key", "m.k == d.k", "m.i < d.i", "m.s == d.s AND m.b"])
        sort = self.random.choice(["", " SORT d.i, m._key", " SORT m.n DESC"])
        limit = self.random.choice(["", " LIMIT 5", " LIMIT 2, 3"])
        loops = f"FOR d IN docs{self._plain('d')} FOR m IN more FILTER {on}"
        picked = self.random.choice(["[d._key, m._key]", "{a: d.a, b: m.a}", "m", "DISTINCT d.k"])
        return f"{loops}{self._plain('m')}{sort}{limit} RETURN {picked}"

    def counted(self) -> str:
        """Return subqueries beside a document: their rows, their number, the first of them."""
        inner = f"(FOR m IN more FILTER m.{self.random.choice(['ref == d._key', 'k == d.k', 'i > d.i'])}"
        rows = f"{inner}{self.random.choice(['', ' SORT m.n LIMIT 2'])} RETURN m.{self.random.choice('iks')})"
        what = self.random.choice([f"LENGTH({rows})", f"FIRST({rows})", rows, f"d.k IN {rows}"])
        return f"FOR d IN docs{self._plain('d')} SORT d._key RETURN [d._key, {what}]"

    def _plain(self, name: str) -> str:
        """Return a FILTER that compares an attribute with a constant, or none."""
        if self._chance(0.5):
            return ""
        field = self.random.choice(["n", "i", "s", "k", "r", "a", "o.x"])
        operator = self.random.choice(["==", "!=", "<", "<=", ">", ">="])
        return f" FILTER {name}.{field} {operator} {self.expressions.constant('any')}"

    def joined(self) -> str:
        scope: Scope = {}
        first = self.loop(scope, "docs")
        written = f"{first}{self.filters(scope, 1, 1)} {self.loop(scope)}"
        if self._chance(0.5):
            one, two = list(scope)[-2:]
            written += f" FILTER {one}.k == {two}.k" if scope[two] == "document" else ""
        return written + self.filters(scope, 1, 1) + self.tail(scope, alone=True) + self.returns(scope, 1)

    def grouping(self) -> str:
        scope: Scope = {}
        written = self.loop(scope) + self.filters(scope, 1) + self.lets(scope, 1)
        inner, columns = dict(scope), {}
        groups = []
        for _ in range(self.random.randrange(3)):
            name = self.expressions.name("g")
            groups.append(f"{name} = {self.any(inner, 1)}")
            columns[name] = "any"
        written += " COLLECT " + ", ".join(groups)
        clauses = []
        if self._chance(0.3):
            columns["members"] = "array"
            clauses.append(
                self.random.choice(
                    [
                        f"INTO members = {self.any(inner, 1)}",
                        "INTO members",
                        f"INTO members KEEP {next(iter(inner))}",
                    ]
                )
            )
        if self._chance(0.4) or not (groups or clauses):
            columns["total"] = "number"
            clauses.append("WITH COUNT INTO total")
        if self._chance(0.6):
            clauses.append(self._aggregates(inner, columns))
        self.random.shuffle(clauses)
        written += " " + " ".join(clauses)
        written += self.filters(columns, 1, 1)
        picked = ", ".join(columns)
        sort = f" SORT {self.any(columns, 1)}" if self._chance(0.3) else " SORT 1"
        limit = f" LIMIT {self.random.randrange(1, 5)}" if self._chance(0.3) else ""
        return f"{written}{sort}{limit} RETURN [{picked}]"

    def _aggregates(self, scope: Scope, columns: Scope) -> str:
        parts = []
        for _ in range(self.random.randrange(1, 4)):
            name, function = self.expressions.name("s"), self.random.choice(_AGGREGATES)
            kind = "integer" if function.startswith("BIT") else self.random.choice(["number", "any"])
            argument = self.expressions.write(kind, scope, 1)
            parts.append(f"{name} = {function}({argument})")
            columns[name] = "any"
        if self._chance(0.2):
            columns["rows"] = "number"
            parts.append("rows = COUNT()")
        return f"AGGREGATE {', '.join(parts)}"

    def join_clause(self) -> str:
        kind = self.random.choice(["JOIN", "LEFT JOIN"])
        scope: Scope = {"d": "document"}
        extra = " AND more.r > 3" if self._chance(0.3) else ""
        on = self.random.choice(["d._key == more.ref", "d.k == more.k", "more.i == d.i"])
        written = f"FOR d IN docs {kind} more ON {on}{extra}{self.filters(scope, 1, 1)}"
        return f"{written} SORT d._key RETURN [d._key, more[*]._key, LENGTH(more)]"

    def outer_join(self) -> str:
        """Return a RIGHT or FULL JOIN; what is unbound in a row says so."""
        kind = self.random.choice(["RIGHT JOIN", "FULL JOIN", "FULL OUTER JOIN"])
        on = self.random.choice(["d._key == more.ref", "d.k == more.k", "more.i == d.i AND more.r > 3"])
        before = self.random.choice(["", " LET z = d.r", " FILTER d.r > 2"])
        key = "more._key" if kind == "RIGHT JOIN" else "more[*]._key"
        written = f"FOR d IN docs{before} {kind} more ON {on}"
        extra = ', TRY(z, "unbound")' if "LET" in before else ""
        return f'{written} RETURN [{key}, TRY(d._key, "unbound"){extra}]'

    def nearest_join(self) -> str:
        """Return an ASOF JOIN over small numbers."""
        on = self.random.choice(["true", "d.b == more.b", "more.r > 3"])
        way = self.random.choice(["", " BACKWARD", " FORWARD", " NEAREST"])
        near = self.random.choice(["", "", " TOLERANCE 2"])
        left, right = self.random.choice([("d.r", "more.r"), ("d.i", "more.i"), ("d.r + 1", "more.r")])
        join = f"ASOF JOIN more ON {on} ASOF {left}, {right}{way}{near}"
        whole = "IS_INTEGER(d.r) AND IS_INTEGER(d.i)"
        return f"FOR d IN docs FILTER {whole} {join} RETURN [d._key, more._key, more.r]"

    def in_time(self) -> str:
        """Return a FOR with VALID_TIME, off the server's fast paths, which forget it."""
        at = self.random.choice(["AS OF 5", "AS OF 3", "FROM 2 TO 6", "FROM 0 TO 1"])
        return f"FOR d IN docs VALID_TIME {at} FILTER true SORT d.r, d._key RETURN {{k: d._key, r: d.r}}"

    def searched(self) -> str:
        """Return a SEARCH, with its score."""
        scope: Scope = {"d": "document"}
        condition = self.random.choice(
            [
                'BM25(d.s, "quick fox")',
                'PHRASE(d.s, "brown", "fox")',
                self.expressions.write("bool", scope, 1),
            ]
        )
        score = 'TRY(SEARCH_SCORE(), "none")'
        return f"FOR d IN docs SEARCH TRY({condition}, 0) SORT d._key RETURN [d._key, {score}]"

    def sorted_operands(self) -> str:
        """Return a set operation of blocks in parentheses that sort and cut, perhaps cut itself."""
        operator = self.random.choice(["UNION", "UNION ALL", "INTERSECT", "EXCEPT"])
        field, most = self.random.choice("krib"), self.random.randrange(1, 6)
        sides = [
            f"(FOR x IN {name} SORT x.r{way}, x._key LIMIT {most} RETURN x.{field})"
            for name, way in (("docs", self.random.choice(["", " DESC"])), ("more", ""))
        ]
        together = f" {operator} ".join(sides)
        return self.random.choice([together, f"FOR y IN ({together}) SORT y DESC LIMIT 4 RETURN y"])

    def reports_to(self) -> str:
        """Return a recursive CTE over documents, with a depth that ends it."""
        on = self.random.choice(["d.r == t1.r + 1", "d.i > t1.i", "d.k == t1.k AND d.r > t1.r"])
        row = "{k: d._key, r: d.r, i: d.i, n: "
        anchor = f'FOR d IN docs FILTER d._key == "d0{self.random.randrange(4)}" RETURN {row}0}}'
        step = f"FOR t1 IN t FOR d IN docs FILTER {on} AND t1.n < 2 RETURN {row}t1.n + 1}}"
        return f"WITH RECURSIVE t AS ({anchor} UNION ALL {step}) FOR x IN t SORT x.n, x.k RETURN x"

    def set_operation(self) -> str:
        operators = ["UNION", "UNION ALL", "INTERSECT", "EXCEPT"]
        return f" {self.random.choice(operators)} ".join(
            self._operand() for _ in range(self.random.choice([2, 2, 3]))
        )

    def _operand(self) -> str:
        scope: Scope = {}
        field = self.random.choice(["k", "i", "r", "a", "t"])
        written = self.loop(scope, self.random.choice(["docs", "more"])) + self.filters(scope, 1, 1)
        limit = " FILTER true LIMIT 4" if self._chance(0.2) else ""
        return f"{written}{limit} RETURN {next(iter(scope))}.{field}"

    def common_tables(self) -> str:
        if self._chance(0.4):
            step, most = self.random.randrange(1, 4), self.random.randrange(3, 12)
            table = f"(FOR i IN [0, 1] RETURN i UNION ALL FOR x IN steps FILTER x < {most} RETURN x + {step})"
            return f"WITH RECURSIVE steps AS {table} FOR s IN steps SORT s RETURN s"
        inner: Scope = {}
        written = f"WITH t AS ({self.loop(inner, 'docs')}{self.filters(inner, 1, 1)}{self.returns(inner, 1)})"
        scope: Scope = {"x": "any"}
        return f"{written} FOR x IN t{self.filters(scope, 1, 1)}{self.returns(scope, 1)}"

    def windowed(self) -> str:
        scope: Scope = {}
        written = self.loop(scope, "docs") + self.filters(scope, 1, 1)
        function = self.random.choice(_WINDOWS).format(self.any(scope, 1))
        partition = f"PARTITION BY {self.any(scope, 1)} " if self._chance(0.5) else ""
        order = self.random.choice(["", " DESC"])
        by = f"ORDER BY {self.any(scope, 1)}{order}, {next(iter(scope))}._key" if self._chance(0.8) else ""
        window = f"{function} OVER ({partition}{by})"
        if self._chance(0.2):
            window = self.random.choice(["1 + {}", "[{}, 1]", "({} ?? 0) * 2", "{{w: {}}}"]).format(window)
        key = f"{next(iter(scope))}._key"
        if self._chance(0.5):
            return f"{written} RETURN [{key}, {window}]"
        return f"{written} LET w = {window} SORT w, {key} RETURN [{key}, w]"

    def late(self) -> str:
        scope: Scope = {}
        written = self.loop(scope, "docs") + self.filters(scope, 1, 1) + " SORT 1 LIMIT 5"
        return written + self.lets(scope) + self.returns(scope)

    # --- graphs ----------------------------------------------------------------------------------

    def _start(self, scope: Scope) -> tuple[str, str]:
        if self._chance(0.4):
            return "FOR d IN docs ", 'CONCAT("docs/", d._key)'
        return "", f'"docs/d{self.random.randrange(6):02}"'

    def _direction(self) -> str:
        return self.random.choice(["OUTBOUND", "INBOUND", "ANY"])

    def traversal(self) -> str:
        scope: Scope = {}
        before, start = self._start(scope)
        low = self.random.randrange(3)
        depth = self.random.choice(["", "2 ", f"{low}..{low + self.random.randrange(3)} "])
        options = self.random.choice(["", "", ' OPTIONS {order: "dfs"}', ' OPTIONS {uniqueVertices: "path"}',
                                      ' OPTIONS {uniqueVertices: "none", uniqueEdges: "path"}',
                                      ' OPTIONS {bfs: false, uniqueVertices: "path"}'])  # fmt: skip
        prune = (
            f" PRUNE v.r {self.random.choice(['>', '<'])} {self.random.randrange(9)}"
            if self._chance(0.2)
            else ""
        )
        condition = self.filters({"v": "document"}, 1, 1)
        picked = self.random.choice(
            ["v._key", "[v._key, e._key]", "[v._key, p.edges[*]._key, p.vertices[*]._key]"]
        )
        sort = self.random.choice(["", "", " SORT v._key, e._key"])
        loop = f"FOR v, e, p IN {depth}{self._direction()} {start} links{prune}{options}"
        return f"{before}{loop}{condition}{sort} RETURN {picked}"

    def paths(self) -> str:
        mode = self.random.choice(["SHORTEST_PATH", "ALL_SHORTEST_PATHS", "K_SHORTEST_PATHS", "K_PATHS"])
        options = ' OPTIONS {weight: "weight"}' if mode != "K_PATHS" and self._chance(0.4) else ""
        if mode == "K_SHORTEST_PATHS":
            options = options[:-1] + ", k: 2}" if options else " OPTIONS {k: 2}"
        elif mode == "K_PATHS":
            options = " OPTIONS {min: 0, max: 3}"
        start, end = (f'"docs/d{self.random.randrange(6):02}"' for _ in range(2))
        direction = self._direction() if "K_SH" not in mode else self.random.choice(["OUTBOUND", "INBOUND"])
        ranked = "[LENGTH(p.edges), p.weight]"
        if "SHORTEST" not in mode:
            ranked = "[p.vertices, p.edges[*]._key, p.weight]"
        return f"FOR v, e, p IN {mode} {start} TO {end} {direction} links{options} RETURN {ranked}"

    def match(self) -> str:
        depth = self.random.choice(["", "*1..2", "*2"])
        start = f'(a:docs {{_key: "d0{self.random.randrange(6)}"}})'
        return f"MATCH {start}-[:links{depth}]->(b) RETURN [b._key, _e._key]"

    # --- writing ---------------------------------------------------------------------------------

    def mutation(self) -> str:
        """Return a query that writes to the collection ``scratch``."""
        scope: Scope = {"d": "document"}
        loop = f"FOR d IN scratch{self.filters(scope, 1, 1)}"
        patch = f"{{n: {self.any(scope, 1)}, o: {self.expressions.write('object', scope, 1)}}}"
        options = self.random.choice(["", "", " OPTIONS {mergeObjects: true}", " OPTIONS {keepNull: false}"])
        skip = " OPTIONS {ignoreErrors: true}"
        new = f'{{_key: CONCAT("n", d._key), v: {self.any(scope, 1)}}}'
        return self.random.choice(
            [
                f"{loop} UPDATE d WITH {patch} IN scratch{options} RETURN [OLD.n, NEW.n, NEW.o]",
                f"{loop} UPDATE d._key WITH {patch} IN scratch{options}",
                f"{loop} REPLACE d WITH {patch} IN scratch RETURN NEW",
                f"{loop} REMOVE d IN scratch RETURN OLD._key",
                f"{loop} INSERT {new} INTO scratch RETURN NEW",
                f'INSERT {{_key: "d01", z: 1}} INTO scratch{self._overwrite()} RETURN NEW',
                f"{loop} UPSERT {{_key: d._key}} INSERT {new} UPDATE {patch} IN scratch RETURN NEW",
                f"{loop} REPLACE d._key WITH {patch} IN scratch{skip} RETURN [OLD.n, NEW.n]",
                f'{loop} UPSERT {{_key: CONCAT("d0", d.r)}} INSERT {new} REPLACE {patch} IN scratch',
                f"{loop} UPDATE d WITH {patch} IN scratch FILTER NEW.n COLLECT WITH COUNT INTO c RETURN c",
                f'FOR k IN ["d00", "x", "d01"] REMOVE k IN scratch{skip} RETURN OLD._key',
                f'FOR i IN 1..3 INSERT {{_key: CONCAT("i", i), i}} INTO scratch{skip} RETURN NEW.i',
                'UPSERT {_key: "u"} INSERT {_key: "u", c: 0} UPDATE {c: 1} IN scratch RETURN [OLD, NEW.c]',
            ]
        )

    def _overwrite(self) -> str:
        mode = self.random.choice(["ignore", "replace", "update", "conflict"])
        return f' OPTIONS {{overwriteMode: "{mode}"}}'
