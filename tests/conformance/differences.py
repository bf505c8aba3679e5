"""Where the evaluator answers otherwise than the recorded server does, and why.

The tests check that each of these still differs, so that none stays here without need.
"""

_PUSHDOWN = "server defect: LIMIT is pushed into the scan, past the clauses after it"
_INDEX_NULLS = "server defect: rows whose indexed attribute is null or missing vanish"
_INDEX_ORDER = "rows that nothing sorts come in key order here, in index order on the server"
_SHADOWED = "server defect: a collection is read although a variable has its name"
_VALID_TIME = "server defect: VALID_TIME is ignored on a fast path"
_BULK = "the server's bulk mode above 100 rows; here every row counts, whatever their number"

DIFFERENCES = {
    "collect-limit-pushdown-bug": _PUSHDOWN,
    "bug-count-limit-1": _PUSHDOWN,
    "bug-traversal-limit": _PUSHDOWN,
    "update-limit": _PUSHDOWN,
    "remove-limit-pushdown": _PUSHDOWN,
    "index-range-drops-null": _INDEX_NULLS,
    "index-sort-limit-drops-null": _INDEX_NULLS,
    "index-sort-no-limit-drops-null": _INDEX_NULLS,
    "index-range-order": _INDEX_ORDER,
    "index-in-order": _INDEX_ORDER,
    "bug-shadow-key-filter": _SHADOWED,
    "bug-shadow-sort": _SHADOWED,
    "bug-valid-time-ignored-by-return-var": _VALID_TIME,
    "bug-valid-time-ignored-by-key-filter": _VALID_TIME,
    "bug-bloom-index-misses-new-docs": "server defect: bloom indexes do not learn of later documents",
    "bulk-update-missing-skipped": _BULK,
    "bulk-insert-atomic": _BULK,
    "mview-create-and-read": "materialized views are made by a server only; refused by name here",
}
