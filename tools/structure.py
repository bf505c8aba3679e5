"""Measure the structure of the package, and write the figures into ``docs/design.md``.

``python -m tools.structure`` prints the table; ``--write`` replaces the one in the page. The figures are read
from the sources, except those of a commit and of a cached select, which are counted while they run.
"""

from __future__ import annotations

import ast
import gc
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

from solidb_odm import Document, Index, Session, create_engine, select
from tests.project.layers import Package

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "solidb_odm"
PAGE = ROOT / "docs" / "design.md"
BEGIN, END = "<!-- structure: begin -->", "<!-- structure: end -->"

# Names that stand in several rooms on purpose, since those rooms do the same to different ends.
PAIRS = {
    "__init__": "packages",
    "expressions": "parser, printer, interpreter, SQL",
    "clauses": "parser, printer, interpreter",
    "queries": "parser, printer",
    "blocks": "interpreter, SQL",
    "calls": "interpreter, SQL",
    "aggregates": "interpreter, functions, SQL",
    "windows": "interpreter, SQL, builder",
    "driver": "both engines",
    "async_driver": "both engines",
    "conditions": "SQL, builder",
    "documents": "commands, file, client",
    "geo": "functions, builder, client",
    "search": "functions, builder, client",
    "traversal": "interpreter, builder",
}
PUBLIC = [
    "solidb_odm",
    *(f"solidb_odm.{name}" for name in ("client", "commands", "errors", "migrations", "model", "offline")),
    *(f"solidb_odm.{name}" for name in ("query", "session", "testing", "work")),
]
LATER = ("cli", "migrations", "offline", "testing")
"""Rooms that were not there when the goals were set."""
_TOLD_LATER = ", ".join(f"``{name}``" for name in LATER)
# Words in -ing that are nouns of the trade, as in ``logging``.
NOUNS = {
    "mapping", "packing", "paging", "quoting", "ranking", "ring", "string", "strings", "testing", "tracing",
}  # fmt: skip
# Names of variables that say that a value was looked for, or is one of several, but not what it is.
VAGUE = {"each", "found"}
_vague = re.compile(rf"\b({'|'.join(sorted(VAGUE))})\b")


@dataclass(frozen=True)
class Figure:
    """One row of the table: what is counted, the goal, and the value measured."""

    name: str
    goal: str
    value: int | float
    detail: str = ""


def measure(root: Path = PACKAGE) -> list[Figure]:
    """Return the figures that are read from the sources below a folder."""
    lines = {path: len(path.read_text().splitlines()) for path in sorted(root.rglob("*.py"))}
    modules = {path: count for path, count in lines.items() if path.name != "__init__.py"}
    chain = longest_chain(Package(root))
    stems = recurring(path.stem for path in modules)
    participles = sorted(path.stem for path in modules if is_participle(path.stem))
    ignores = sum(len(re.findall(r"# (?:type|pyright): ignore", path.read_text())) for path in lines)
    within = [count for path, count in modules.items() if _is_within(root, path)]
    return [
        Figure("modules", "", len(lines)),
        Figure("median of lines", "", round(median(modules.values()))),
        Figure(
            f"modules without {_TOLD_LATER}", "240 at most", sum(_is_within(root, path) for path in lines)
        ),
        Figure("median of their lines", "120 to 200", round(median(within))),
        Figure("modules under 60 lines", "25 at most", sum(count < 60 for count in modules.values())),
        Figure("modules above 600 lines", "none", sum(count > 600 for count in modules.values())),
        Figure("file names that recur", "12 at most", len(stems), ", ".join(stems)),
        Figure("class names that recur", "", *_told(recurring(_classes(lines)))),
        Figure("public class names that recur", "none", *_told(recurring(_public()))),
        Figure("participles as file names", "8 at most", len(participles), ", ".join(participles)),
        Figure("variables named ``found`` or ``each``", "none", *_told(vague(lines))),
        Figure("longest import chain", "16 at most", len(chain), " → ".join(chain)),
        Figure("type-ignores in 1,000 lines", "0.6 at most", round(1000 * ignores / sum(lines.values()), 2)),
    ]


def _is_within(root: Path, path: Path) -> bool:
    """Return whether a module is in a room that the goals are of."""
    return path.relative_to(root).parts[0] not in LATER


def running() -> list[Figure]:
    """Return the figures that are counted while a commit and a select run, both warm, on a file."""

    class Note(Document, collection="structure_notes"):
        text: str
        stars: int = 0

        class Settings:
            indexes = [Index("stars")]

    with TemporaryDirectory() as folder, Session(create_engine(f"sqlite:///{folder}/notes.db")) as session:
        note = Note(text="first")
        session.add(note)
        session.commit()
        statement = select(Note).where(Note.stars >= 0).limit(10)

        def commit() -> None:
            note.stars += 1
            session.commit()

        def query() -> None:
            session.scalars(statement).all()

        commits, queries = (_called(work) for work in (commit, query))
    return [
        Figure("modules that a commit of one document crosses", "20 at most", len(commits)),
        Figure("calls of a commit of one document", "100 at most", commits.total()),
        Figure("calls of a cached ``scalars``", "50 at most", queries.total()),
    ]


def recurring(names: Iterator[str]) -> list[str]:
    """Return the names that come more than once, beside the deliberate pairs."""
    return sorted(name for name, times in Counter(names).items() if times > 1 and name not in PAIRS)


def is_participle(stem: str) -> bool:
    """Whether a file name is, or ends in, a form in -ing that is no noun of the trade."""
    return any(word.endswith("ing") and word not in NOUNS for word in stem.split("_"))


def longest_chain(package: Package) -> list[str]:
    """Return the longest way along imports that happen at run time, from the module that begins it."""
    edges: dict[str, set[str]] = {name: set() for name in package.sources}
    for entry in package.imports():
        if not entry.guarded and entry.importer != entry.imported:
            edges[entry.importer].add(entry.imported)
    best: dict[str, list[str]] = {}

    def follow(module: str, trail: tuple[str, ...] = ()) -> list[str]:
        if module not in best:
            onward = edges[module] - set(trail) - {module}
            ways: list[list[str]] = [follow(target, (*trail, module)) for target in sorted(onward)]
            best[module] = [module, *(max(ways, key=len) if ways else [])]
        return best[module]

    return max([follow(module) for module in sorted(edges)], key=len)


def table(figures: list[Figure]) -> str:
    """Return the figures as a table of Markdown."""
    rows = [f"| {figure.name} | {figure.goal} | {figure.value} |" for figure in figures]
    return "\n".join(["| what | goal | measured |", "|---|--:|--:|", *rows])


def main(arguments: list[str]) -> None:
    """Print the table and what is behind its figures, or write it into the page."""
    figures = measure() + running()
    if "--write" in arguments:
        text = PAGE.read_text()
        before, _, rest = text.partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{table(figures)}\n{END}{rest.partition(END)[2]}")
    print(table(figures))
    for figure in figures:
        if figure.detail:
            print(f"\n{figure.name}: {figure.detail}")


def _classes(paths: dict[Path, int]) -> Iterator[str]:
    for path in paths:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                yield node.name


def vague(paths: Iterable[Path]) -> list[str]:
    """Return ``path:line`` of each variable, parameter and capture whose name says nothing about its value.

    Declared fields of classes are left out: their names may be public.
    """
    places: list[tuple[str, int]] = []
    for path in paths:
        text = path.read_text()
        if not _vague.search(text):
            continue
        tree = ast.parse(text)
        fields = {
            id(node.target) for node in ast.walk(tree) if isinstance(node, ast.AnnAssign) and not node.value
        }
        named = (node for node in ast.walk(tree) if _bound(node) in VAGUE and id(node) not in fields)
        places += ((str(path), getattr(node, "lineno", 0)) for node in named)
    return [f"{path}:{line}" for path, line in sorted(places)]


def _bound(node: ast.AST) -> str | None:
    """Return the name that a node binds, if it binds one."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
            return name
        case ast.MatchAs(name=name) | ast.MatchStar(name=name):
            return name
        case _:
            return None


def _public() -> Iterator[str]:
    """Yield the name of each class that a package outside ``language`` and ``engines`` exports."""
    classes: set[type] = set()
    for name in PUBLIC:
        if find_spec(name) is not None:
            package = import_module(name)
            exported: list[str] = getattr(package, "__all__", [])
            classes.update(value for name in exported if isinstance(value := getattr(package, name), type))
    return (value.__name__ for value in classes if value.__module__.startswith("solidb_odm"))


def _told(names: list[str]) -> tuple[int, str]:
    return len(names), ", ".join(names)


def _called(work: Callable[[], None]) -> Counter[str]:
    """Count the calls of functions of the package that warm work makes, by module.

    The least of several times: now and then a chore comes along, by the clock.
    """
    for _ in range(5):
        work()
    return min((_called_once(work) for _ in range(5)), key=lambda calls: calls.total())


def _called_once(work: Callable[[], None]) -> Counter[str]:
    calls: Counter[str] = Counter()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(str(PACKAGE)):
            calls[frame.f_code.co_filename] += 1

    gc.disable()  # the finalizers of others are no part of the work
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return calls


if __name__ == "__main__":
    main(sys.argv[1:])
