"""What a package's modules import from each other, read from their source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROWS: tuple[frozenset[str], ...] = (
    frozenset({"errors", "_types", "_backoff", "_collector", "_dataclasses", "_lazy"}),
    frozenset({"language", "_tracing", "_wrong_calls"}),
    frozenset({"commands"}),
    frozenset({"model", "wire"}),
    frozenset({"engines"}),
    frozenset({"query", "work"}),
    frozenset({"schema"}),
    frozenset({"engine"}),
    frozenset({"session", "client"}),
    frozenset({"migrations", "offline", "testing"}),
    frozenset({"cli"}),
    frozenset({"", "__main__"}),  # the package itself, which only gathers names and starts the command line
)


@dataclass(frozen=True)
class Import:
    """One module asks for another. ``guarded``: only type checkers see it; ``late``: in a function."""

    importer: str
    imported: str
    line: int
    guarded: bool = False
    late: bool = False

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


class Package:
    """The modules below a folder, by their dotted names relative to it; the top one is ``""``."""

    def __init__(self, root: Path) -> None:
        self.name = root.name
        self.sources = {_dotted(path.relative_to(root)): path for path in sorted(root.rglob("*.py"))}
        self.packages = {name for name, path in self.sources.items() if path.name == "__init__.py"}

    def imports(self) -> Iterator[Import]:
        """Yield every import of a module of this package by another."""
        for module, path in self.sources.items():
            tree = ast.parse(path.read_text())
            for node, guarded, late in _import_nodes(tree):
                for target in dict.fromkeys(self._targets(module, node)):
                    yield Import(module, target, node.lineno, guarded, late)

    def _targets(self, module: str, node: ast.Import | ast.ImportFrom) -> Iterator[str]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == self.name:
                    yield self._known(alias.name.partition(".")[2])
        elif (base := self._base(module, node)) is not None:
            for alias in node.names:
                inner = f"{base}.{alias.name}".lstrip(".")
                yield inner if inner in self.sources else self._known(base)

    def _base(self, module: str, node: ast.ImportFrom) -> str | None:
        if node.level == 0:
            top, _, rest = (node.module or "").partition(".")
            return rest if top == self.name else None
        parts = module.split(".") if module else []
        up = node.level - 1 if module in self.packages else node.level
        return ".".join([*parts[: len(parts) - up], *(node.module or "").split(".")]).strip(".")

    def _known(self, name: str) -> str:
        while name and name not in self.sources:
            name = name.rpartition(".")[0]
        return name


def row(module: str) -> int:
    """Return the number of the row a module stands in."""
    top = module.partition(".")[0]
    for number, names in enumerate(ROWS):
        if top in names:
            return number
    raise LookupError(f"{module} stands in no row; add {top!r} to ROWS, where it belongs")


def goes_down(entry: Import) -> bool:
    """Whether an import leads to a lower row, or stays in its own package."""
    here, there = entry.importer.split("."), entry.imported.split(".")
    if here[0] != there[0] or here == [""]:
        return row(entry.imported) < row(entry.importer)
    neighbours = {"sqlite", "solidb"}
    if here[0] == "engines" and len(here) > 1 and here[1] in neighbours:
        return not (len(there) > 1 and there[1] in neighbours - {here[1]})
    return True


def find_cycle(edges: dict[str, set[str]]) -> list[str]:
    """Return the modules of one cycle, in order, or an empty list."""
    done: set[str] = set()
    for start in edges:
        trail: list[str] = []
        if cycle := _walk(start, edges, trail, done):
            return cycle
    return []


def _walk(module: str, edges: dict[str, set[str]], trail: list[str], done: set[str]) -> list[str]:
    if module in trail:
        return [*trail[trail.index(module) :], module]
    if module in done:
        return []
    trail.append(module)
    for target in sorted(edges.get(module, ())):
        if cycle := _walk(target, edges, trail, done):
            return cycle
    done.add(trail.pop())
    return []


def _dotted(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _import_nodes(
    node: ast.AST, guarded: bool = False, late: bool = False
) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, guarded, late
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from _import_nodes(child, True, late)
        else:
            function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _import_nodes(child, guarded, late or function)
