"""The evaluator: SDBQL nodes compiled to Python closures and run over any source of documents.

It answers as the server does, its defects aside: no LIMIT is pushed past a COLLECT, no row is
lost through an index, no variable is bypassed for a collection of the same name.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazily

if TYPE_CHECKING:
    from .collect import find_aggregate
    from .memory import MemorySource
    from .prepared import (
        CompiledExpression,
        Prepared,
        compile_expression,
        evaluate,
        plain,
        prepare,
        prepare_once,
    )
    from .runtime import Limits, Run
    from .source import CandidateSet, EdgeDirection, Source
else:
    __getattr__ = lazily(
        __name__,
        {
            ".collect": ("find_aggregate",),
            ".memory": ("MemorySource",),
            ".prepared": (
                "CompiledExpression",
                "Prepared",
                "compile_expression",
                "evaluate",
                "plain",
                "prepare",
                "prepare_once",
            ),
            ".runtime": ("Limits", "Run"),
            ".source": ("EdgeDirection", "CandidateSet", "Source"),
        },
    )

__all__ = [
    "CandidateSet",
    "CompiledExpression",
    "EdgeDirection",
    "Limits",
    "MemorySource",
    "Prepared",
    "Run",
    "Source",
    "compile_expression",
    "evaluate",
    "find_aggregate",
    "plain",
    "prepare",
    "prepare_once",
]
