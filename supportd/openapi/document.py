"""The contract: YAML files in `contract/`, put together as one OpenAPI document in the order of their names."""

from functools import cache
from pathlib import Path
from typing import Any

import msgspec

Document = dict[str, Any]

CONTRACT = Path(__file__).parent / "contract"


@cache
def document(version: str) -> Document:
    """The OpenAPI 3.1 document of supportd's `version`. It is the same object each time: nobody may change it."""
    whole: Document = {}
    for path in sorted(CONTRACT.glob("*.yaml")):
        _add(whole, msgspec.yaml.decode(path.read_bytes(), type=Document), path.name)
    whole["info"]["version"] = version
    return whole


def _add(whole: Document, more: Document, origin: str) -> None:
    """Adds the parts of a file. Keys that begin with `x-` are the file's own, for its anchors.

    Raises:
        ValueError: two files say the same thing.
    """
    for name, value in more.items():
        if name.startswith("x-"):
            continue
        if name not in whole:
            whole[name] = value
        elif isinstance(value, dict) and isinstance(whole[name], dict):
            _add(whole[name], value, origin)
        else:
            raise ValueError(f"{origin}: {name!r} is there already")
