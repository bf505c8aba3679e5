"""Random expressions, by the kind of value they are meant to have."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from . import data
from .calls import Signature, signatures
from .literals import literal, quoted

Scope = dict[str, str]
"""The variables in sight, and what they hold: "document", or the kind of a value."""

_FIELDS = {
    "number": ["n", "i", "r", "o.x"],
    "integer": ["i", "r"],
    "small": ["i", "r"],
    "text": ["s", "o.y.z", "_key"],
    "array": ["t", "o.l"],
    "object": ["o", "o.y"],
    "flag": ["b"],
    "bool": ["b"],
    "date": ["w"],
    "any": ["a", "n", "i", "s", "b", "k", "t", "o", "w", "none", "o.x", "a.x", "k", "_key"],
}
_UNITS = [
    "y",
    "year",
    "years",
    "m",
    "month",
    "w",
    "week",
    "d",
    "day",
    "h",
    "hour",
    "i",
    "minute",
    "s",
    "second",
    "f",
    "millisecond",
    "quarter",
    "x",
]
_WORDS: dict[str, list[str]] = {
    "unit": _UNITS,
    "name": ["x", "y", "z", "é", "a b", "none"],
    "path": ["x", "y.z", "x.0", "y", "é", "l.1", ""],
    "pointer": ["/x", "/y/z", "", "/0", "/l/1", "x"],
    "regex": ["a", "^a", "[a-c]+", "(\\d+)", "\\s+", "o$", "(?i)A", "x*", "b|c", "(", "\\w", ".", "é"],
    "pattern": ["a%", "%b", "_", "%", "%o%", "a\\_b", "", "A%", "__"],
    "zone": ["UTC", "Europe/Paris", "America/New_York", "Asia/Tokyo", "Nowhere/None"],
    "format": ["%Y-%m-%d", "%H:%M:%S", "%d/%m/%y", "%j", "%A %B", "%F %T", "%Y", "100%%"],
    "rounding": ["half_up", "half_down", "half_even", "up", "down", "ceil", "floor"],
    "interval": ["1s", "5m", "1h", "1d", "90s", "x"],
    "method": ["rank", "interpolation"],
    "locale": ["en", "fr", "de", "xx"],
    "language": ["en", "de", "xx"],
    "fill": ["prev", "next", "interp"],
    "analyzer": ["text_en", "identity"],
    "metric": ["euclidean", "cosine", "dot"],
    "ellipsoid": ["sphere", "wgs84"],
}
_COMPARISONS = ["==", "!=", "<", "<=", ">", ">=", "<=>"]


class Expressions:
    """Writes expressions over the variables of a scope; the seed of ``random`` decides which."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self._count = 0
        self.subquery: Callable[[Scope, int], str] | None = None
        self._producers: dict[str, list[Callable[[Scope, int], str]]] = {
            "bool": [
                self._comparison,
                self._membership,
                self._matching,
                self._logical,
                self._logical,
                self._quantified,
                self._of_array,
                self._call_of("bool"),
                self._comparison,
            ],
            "number": [
                self._arithmetic,
                self._arithmetic,
                self._bits,
                self._call_of("number"),
                self._call_of("number"),
                self._size,
            ],
            "text": [self._concatenation, self._template, self._call_of("text"), self._call_of("text")],
            "array": [self._array, self._range, self._expansion, self._call_of("array"), self._rows],
            "object": [self._object, self._call_of("object")],
            "any": [
                self._ternary,
                self._fallback,
                self._case,
                self._access,
                self._pipe,
                self._call_of("any"),
                self._kind,
                self._kind,
            ],
        }

    def name(self, prefix: str = "v") -> str:
        """Return a new variable's name."""
        self._count += 1
        return f"{prefix}{self._count}"

    def write(self, kind: str, scope: Scope, depth: int) -> str:
        """Return an expression that mostly has a value of this kind."""
        if kind != "date" and self.random.random() < 0.06:
            kind = "any"  # the wrong kind, mostly
        producers = self._producers.get({"texts": "array"}.get(kind, kind))
        if depth <= 0 or producers is None or self.random.random() < 0.25:
            return self.leaf(kind, scope)
        return self.random.choice(producers)(scope, depth - 1)

    def leaf(self, kind: str, scope: Scope) -> str:
        """Return a literal, a variable, or an attribute of a document."""
        fitting = [
            name for name, held in scope.items() if held == kind or (kind == "any" and held != "document")
        ]
        documents = [name for name, held in scope.items() if held == "document"]
        chance = self.random.random()
        if documents and kind in _FIELDS and chance < 0.6:
            return f"{self.random.choice(documents)}.{self.random.choice(_FIELDS[kind])}"
        if fitting and chance < 0.8:
            return self.random.choice(fitting)
        return self.constant(kind)

    def constant(self, kind: str) -> str:
        """Return a literal of a kind."""
        random = self.random
        if kind in _WORDS:
            return quoted(random.choice(_WORDS[kind]))
        makers: dict[str, Callable[[], object]] = {
            "number": lambda: data.number(random),
            "integer": lambda: random.choice([*range(-3, 9), *data.INTEGERS]),
            "small": lambda: random.choice([*range(-2, 8), 2.5]),
            "fraction": lambda: random.choice([0.0, 0.3, 0.5, 0.99, 1.0, 2]),
            "text": lambda: data.text(random),
            "flag": lambda: random.random() < 0.5,
            "no": lambda: False,
            "bool": lambda: random.random() < 0.5,
            "date": lambda: random.choice(data.DATES),
            "array": lambda: [data.scalar(random) for _ in range(random.randrange(5))],
            "texts": lambda: [data.text(random) for _ in range(random.randrange(4))],
            "vector": lambda: [
                random.choice([0.0, 1.0, -0.5, 2, 3.5]) for _ in range(random.choice([0, 2, 2, 2, 3]))
            ],
            "object": lambda: {
                name: data.value(random, 1) for name in random.sample(data.NAMES, random.randrange(4))
            },
            "points": lambda: [
                {"t": 1000 * i * random.choice([1, 2]), "v": data.number(random)} for i in range(4)
            ],
            "place": lambda: random.choice(
                [{"lat": 48.85, "lon": 2.35}, [2.0, 49.0], [0, 0], {"lat": -33.9, "lon": 18}]
            ),
            "places": lambda: [[0, 0], [0, 1], [1, 1]],
            "shape": lambda: {"type": "Polygon", "coordinates": [[[0, 0], [0, 4], [4, 4], [4, 0], [0, 0]]]},
        }
        return literal(makers.get(kind, lambda: data.value(random))())

    # --- booleans --------------------------------------------------------------------------------

    def _comparison(self, scope: Scope, depth: int) -> str:
        kind = self.random.choice(["number", "text", "any", "any", "array"])
        left, right = self.write(kind, scope, depth), self.write(kind, scope, depth)
        return f"({left} {self.random.choice(_COMPARISONS[:-1])} {right})"

    def _membership(self, scope: Scope, depth: int) -> str:
        right = self.write(self.random.choice(["array", "array", "object"]), scope, depth)
        return f"({self.write('any', scope, depth)} {self.random.choice(['IN', 'NOT IN'])} {right})"

    def _matching(self, scope: Scope, depth: int) -> str:
        left = self.write("text", scope, depth)
        operator = self.random.choice(["LIKE", "NOT LIKE", "=~", "!~", "~=", "LIKE"])
        kind = {"=~": "regex", "!~": "regex", "~=": "text"}.get(operator, "pattern")
        return f"({left} {operator} {self.write(kind, scope, depth)})"

    def _logical(self, scope: Scope, depth: int) -> str:
        if self.random.random() < 0.25:
            return f"(NOT ({self.write('bool', scope, depth)}))"
        operator = self.random.choice([" AND ", " OR ", " && "])
        count = self.random.choice([2, 2, 3])
        return f"({operator.join(self.write('bool', scope, depth) for _ in range(count))})"

    def _quantified(self, scope: Scope, depth: int) -> str:
        variable = self.name("q")
        condition = self.write("bool", scope | {variable: "any"}, depth)
        word = self.random.choice(["ANY", "NONE"])
        return f"({word} {variable} IN {self.write('array', scope, depth)} SATISFIES {condition})"

    def _of_array(self, scope: Scope, depth: int) -> str:
        word = self.random.choice(["ANY", "ALL", "NONE", f"AT LEAST ({self.random.randrange(3)})"])
        if self.random.random() < 0.3:
            operator, right = self.random.choice(["IN", "NOT IN"]), self.write("array", scope, depth)
        else:
            operator, right = self.random.choice(_COMPARISONS[:-1]), self.write("any", scope, depth)
        return f"({self.write('array', scope, depth)} {word} {operator} {right})"

    # --- numbers and texts -----------------------------------------------------------------------

    def _arithmetic(self, scope: Scope, depth: int) -> str:
        if self.random.random() < 0.1:
            return f"(- {self.write('number', scope, depth)})"
        operator = self.random.choice("+-*/%")
        return f"({self.write('number', scope, depth)} {operator} {self.write('number', scope, depth)})"

    def _bits(self, scope: Scope, depth: int) -> str:
        operator = self.random.choice(["&", "|", "^", "<<", ">>"])
        written = f"({self.write('integer', scope, depth)} {operator} {self.write('integer', scope, depth)})"
        return self._tried(written)

    def _size(self, scope: Scope, depth: int) -> str:
        kind = self.random.choice(["array", "text", "any", "object"])
        return f"LENGTH({self.write(kind, scope, depth)})"

    def _concatenation(self, scope: Scope, depth: int) -> str:
        parts = [self.write(self.random.choice(["text", "any"]), scope, depth) for _ in range(2)]
        return f"({parts[0]} + {parts[1]})" if self.random.random() < 0.4 else f"CONCAT({', '.join(parts)})"

    def _template(self, scope: Scope, depth: int) -> str:
        hole = self.leaf(self.random.choice(["any", "number", "text"]), scope)
        if '"' in hole or "}" in hole:
            hole = "1 + 1"
        return f'$"<${{{hole}}}>"'

    # --- arrays and objects ----------------------------------------------------------------------

    def _array(self, scope: Scope, depth: int) -> str:
        return f"[{', '.join(self.write('any', scope, depth) for _ in range(self.random.randrange(4)))}]"

    def _range(self, scope: Scope, depth: int) -> str:
        low = self.random.randrange(-2, 4)
        return f"(({low}) .. {self.random.randrange(8)})".replace("(-", "(- ")

    def _rows(self, scope: Scope, depth: int) -> str:
        if self.subquery is None or self.random.random() < 0.6:
            return self._array(scope, depth)
        return self.subquery(scope, depth)

    def _expansion(self, scope: Scope, depth: int) -> str:
        inner = scope | {"CURRENT": "any"}
        parts = ["*" * self.random.choice([1, 1, 1, 2])]
        if self.random.random() < 0.4:
            parts.append(f"FILTER {self.write('bool', inner, depth)}")
        if self.random.random() < 0.3:
            parts.append(f"LIMIT {self.random.randrange(3)}, {self.random.randrange(4)}")
        if self.random.random() < 0.4:
            parts.append(f"RETURN {self.write('any', inner, depth)}")
        path = self.random.choice(["", "", ".x", ".y.z"])
        return f"({self.write('array', scope, depth)})[{' '.join(parts)}]{path}"

    def _object(self, scope: Scope, depth: int) -> str:
        names = self.random.sample(data.NAMES, self.random.randrange(1, 3))
        pairs = [f"{quoted(name)}: {self.write('any', scope, depth)}" for name in names]
        return "{" + ", ".join(pairs) + "}"

    # --- anything --------------------------------------------------------------------------------

    def _kind(self, scope: Scope, depth: int) -> str:
        return self.write(self.random.choice(["bool", "number", "text", "array", "object"]), scope, depth)

    def _ternary(self, scope: Scope, depth: int) -> str:
        condition = self.write("bool", scope, depth)
        return f"({condition} ? {self.write('any', scope, depth)} : {self.write('any', scope, depth)})"

    def _fallback(self, scope: Scope, depth: int) -> str:
        operator = self.random.choice(["??", "||"])
        return f"({self.write('any', scope, depth)} {operator} {self.write('any', scope, depth)})"

    def _case(self, scope: Scope, depth: int) -> str:
        subject = f" {self.write('any', scope, depth)}" if self.random.random() < 0.5 else ""
        kind = "any" if subject else "bool"
        branches = " ".join(
            f"WHEN {self.write(kind, scope, depth)} THEN {self.write('any', scope, depth)}"
            for _ in range(self.random.randrange(1, 3))
        )
        rest = f" ELSE {self.write('any', scope, depth)}" if self.random.random() < 0.7 else ""
        return f"(CASE{subject} {branches}{rest} END)"

    def _access(self, scope: Scope, depth: int) -> str:
        base = self.write(self.random.choice(["object", "array", "any"]), scope, depth)
        suffix = self.random.choice([".x", "?.y", "[0]", "[- 1]", '["x"]', "[1]", ".`é`", '["a b"]'])
        return f"({base}){suffix}"

    def _pipe(self, scope: Scope, depth: int) -> str:
        value, step = (
            self.write("array", scope, depth),
            self.random.choice(["UNIQUE()", "REVERSE()", "LENGTH()"]),
        )
        return self._tried(f"({value} |> {step})")

    # --- calls -----------------------------------------------------------------------------------

    def _call_of(self, kind: str) -> Callable[[Scope, int], str]:
        return lambda scope, depth: self.call(self.random.choice(signatures()[kind]), scope, depth)

    def call(self, signature: Signature, scope: Scope, depth: int) -> str:
        """Return a call of a function, mostly guarded by TRY: most functions are strict about types."""
        kinds = [*signature.needed, *signature.more[: self.random.randrange(len(signature.more) + 1)]]
        if signature.repeats and kinds and "->" not in kinds[-1]:
            kinds += [kinds[-1]] * self.random.randrange(3)
        arguments = ", ".join(self._argument(kind, scope, depth) for kind in kinds)
        return self._tried(f"{signature.name}({arguments})")

    def _argument(self, kind: str, scope: Scope, depth: int) -> str:
        if kind.startswith("lambda"):
            names = [self.name("l") for _ in range(int(kind[6]))]
            body = self.write(kind[8:], scope | dict.fromkeys(names, "any"), depth)
            return f"{names[0]} -> {body}" if len(names) == 1 else f"({', '.join(names)}) -> {body}"
        if kind == "small" and self.random.random() < 0.9:
            return self.constant("small")
        return self.write(kind, scope, depth)

    def _tried(self, written: str) -> str:
        return f'TRY({written}, "failed")' if self.random.random() < 0.93 else written
