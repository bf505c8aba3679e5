"""Run all measurements, print them, and write docs/benchmarks.md."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from . import client, embedded, imports, memory, report, sdbql, server

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--size", type=int, default=10_000, help="how many documents (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=5, help="how often (default: %(default)s)")
    parser.add_argument(
        "--only",
        choices=["embedded", "sdbql", "memory", "server", "client", "imports"],
        help="measure this alone; no page",
    )
    parser.add_argument("--no-page", action="store_true", help="write no page")
    return parser.parse_args()


def sections(size: int, repetitions: int, only: str | None) -> Iterator[str]:
    """Measure and yield the sections of the page, one by one."""
    if only in {None, "embedded"}:
        yield report.embedded_section(embedded.measure(size, repetitions))
    if only in {None, "sdbql"}:
        yield report.queries_section(sdbql.measure(10 * size, min(repetitions, 3)))
    if only in {None, "memory"}:
        yield report.memory_section(memory.measure(size))
    if only in {None, "server"} and (times := server.measure(size, repetitions)) is not None:
        yield report.server_section(times)
    if only in {None, "client"} and (reads := client.measure(max(size // 10, 64), repetitions)) is not None:
        yield report.client_section(reads)
    if only in {None, "imports"}:
        yield report.imports_section(imports.measure(2 * repetitions))


def main() -> None:
    options = arguments()
    written = [report.introduction(options.repeat)]
    for section in sections(options.size, options.repeat, options.only):
        print(section)
        written.append(section)
    if not (options.only or options.no_page):
        PAGE.write_text("".join(written))


if __name__ == "__main__":
    main()
