"""The settings that a script uses: read and checked as `serve` does, the others not asked for."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from supportd.config import Settings
from supportd.errors import ConfigError


def settings_of(environ: Mapping[str, str], *names: str) -> dict[str, Any]:
    """The named fields of `Settings`. Raises `ConfigError` where one is missing or bad."""
    found = {}
    for item in (each for each in fields(Settings) if each.name in names):
        variable = item.name.upper()
        raw = environ.get(variable, "")
        if not raw.strip() and item.default is MISSING:
            raise ConfigError(f"{variable} is required")
        try:
            found[item.name] = item.metadata["read"](raw) if raw.strip() else item.default
        except ValueError as error:
            raise ConfigError(f"{variable} {error}") from None
    return found
