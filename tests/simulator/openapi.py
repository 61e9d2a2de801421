"""Answers checked against Intercom's own OpenAPI file, where it lies beside the repository.

Where it doesn't, `check` has nothing to check against: the tests assert the shapes that matter by themselves.
"""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from openapi_schema_validator import OAS30Validator

DOCUMENT = Path(__file__).resolve().parents[3] / "shared" / "intercom" / "openapi.yaml"
NULL = {"nullable": True, "enum": [None]}
SCALARS = frozenset({"string", "integer", "boolean", "number"})


def check(schema: str, payload: Any) -> None:
    """Fails where `payload` isn't what the file's component `schema` says."""
    if not DOCUMENT.exists():
        return
    components = _components()
    validator = OAS30Validator({"$ref": f"#/components/schemas/{schema}", "components": components})
    problems = [f"{list(error.absolute_path)}: {error.message}" for error in validator.iter_errors(payload)]
    assert not problems, "\n".join(problems)


@cache
def _components() -> Any:
    document = yaml.load(DOCUMENT.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return _with_nulls(document["components"])


def _with_nulls(schema: Any) -> Any:
    """Unset scalars may be null whether or not the file says so (Intercom's docs, object model)."""
    if isinstance(schema, list):
        return [_with_nulls(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    loosened = {key: _with_nulls(value) for key, value in schema.items()}
    kind = loosened.get("type")
    if isinstance(kind, str) and kind in SCALARS and "enum" not in loosened:
        loosened["nullable"] = True
    if "$ref" in loosened and loosened.pop("nullable", False):
        return {"nullable": True, "anyOf": [loosened, NULL]}
    return loosened
