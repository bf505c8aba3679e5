"""``[tool.solidb_odm]`` in ``pyproject.toml``: models, folder of revisions, URL; found upwards."""

from __future__ import annotations

import os
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from .._types import JsonObject, is_map
from ..errors import ConfigurationError

_KEYS = ("models", "migrations", "url")


@dataclass(frozen=True)
class Configuration:
    """What the commands need to know. ``file`` is None if there is no configuration."""

    folder: Path
    migrations: Path
    url: str
    models: list[str] = field(default_factory=list[str])
    file: Path | None = None


def read_configuration(options: Any) -> Configuration:
    """Read the configuration for these arguments; its folder becomes importable."""
    file, table = _find(options.config)
    folder = file.parent if file is not None else Path.cwd()
    if options.database:
        databases = table.get("databases", {})
        if not is_map(databases) or not is_map(databases.get(options.database)):
            known = ", ".join(sorted(databases)) if is_map(databases) else ""
            raise ConfigurationError(
                f"there is no database {options.database!r} in the configuration",
                hint=f"it has {known or 'none'}",
            )
        table = {key: value for key, value in table.items() if key == "models"} | databases[options.database]
    unknown = sorted(set(table) - {*_KEYS, "databases"})
    if unknown:
        raise ConfigurationError(
            f"[tool.solidb_odm] has a key {unknown[0]!r}", hint=f"it takes {', '.join(_KEYS)}, databases"
        )
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    own = _resolved(str(table.get("url", "")), folder)
    from_environment = os.environ.get("SOLIDB_URL", "")
    models: Any = table.get("models", [])
    if not isinstance(models, str | list):
        raise ConfigurationError(f"models are the names of modules, not {models!r}")
    return Configuration(
        folder,
        folder / str(table.get("migrations", "migrations")),
        options.url or from_environment or own,
        [models] if isinstance(models, str) else list(cast("list[str]", models)),
        file,
    )


def _find(given: str) -> tuple[Path | None, dict[str, Any]]:
    if given:
        path = Path(given)
        if not path.is_file():
            raise ConfigurationError(f"there is no file {given}", hint="--config FILE, as pyproject.toml")
        return path.resolve(), _table(path)
    for folder in (Path.cwd(), *Path.cwd().parents):
        path = folder / "pyproject.toml"
        if path.is_file() and (table := _table(path)):
            return path, table
    return None, {}


def _table(path: Path) -> dict[str, Any]:
    try:
        table: JsonObject = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path} is not TOML: {error}") from error
    for name in ("tool", "solidb_odm"):
        inner = table.get(name, {})
        if not is_map(inner):
            raise ConfigurationError(f"{name} in {path} is not a table", hint="write [tool.solidb_odm]")
        table = inner
    return table


def _resolved(url: str, folder: Path) -> str:
    """Take a relative file for one beside the configuration, from wherever the command is run."""
    prefix = "sqlite:///"
    if not url.startswith(prefix) or url.startswith("sqlite:////") or url == prefix:
        return url
    path, question, rest = url[len(prefix) :].partition("?")
    if path == ":memory:":
        return url
    return f"{prefix}{folder / path}{question}{rest}"
