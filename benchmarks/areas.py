"""All areas, in the order of the page."""

from __future__ import annotations

from . import (
    bulk,
    client,
    files,
    fulltext,
    holding,
    joins,
    memory,
    places,
    requests,
    revision_runs,
    sdbql,
    server,
    startup,
    sync,
    vectors,
)
from .area import Area

AREAS: list[Area] = [
    files.AREA,
    holding.AREA,
    requests.AREA,
    vectors.INSERT_AREA,
    vectors.SEARCH_AREA,
    vectors.GRAPH_AREA,
    fulltext.AREA,
    places.AREA,
    joins.AREA,
    joins.LINKS_AREA,
    joins.ELEMENTS_AREA,
    bulk.AREA,
    sdbql.AREA,
    startup.CLASSES_AREA,
    startup.FILES_AREA,
    startup.PROCESSES_AREA,
    memory.AREA,
    revision_runs.STEPS_AREA,
    revision_runs.MODELS_AREA,
    revision_runs.MEMORY_AREA,
    revision_runs.HELP_AREA,
    server.AREA,
    holding.SERVER_AREA,
    revision_runs.SERVER_AREA,
    client.AREA,
    sync.AREA,
]
