"""Answers checked against the document: the harness's client does it to each answer of each test."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
import jsonschema_rs

from supportd import __version__
from supportd.openapi.document import Document, document

METHODS = ("get", "head", "post", "put", "patch", "delete", "options")


async def conforms(response: httpx.Response) -> None:
    """A hook for httpx's clients. Raises `AssertionError` if the answer isn't what the document says."""
    await response.aread()
    problems = contract().problems(response)
    request = response.request
    assert not problems, "\n".join(
        [f"{request.method} {request.url.path} -> {response.status_code} isn't as documented:", *problems]
    )


CHECKED: Mapping[str, list[Any]] = {"response": [conforms]}  # `event_hooks` of a client that talks to supportd


@cache
def contract() -> "Contract":
    """The document, ready to check answers."""
    return Contract(document(__version__))


@dataclass(frozen=True)
class Path:
    """A path of the document, and what its addresses look like."""

    template: str
    pattern: re.Pattern[str]
    operations: dict[str, Any]


class Contract:
    """Finds what the document says of an answer, and how the answer differs."""

    def __init__(self, told: Document) -> None:
        self._document = told
        self._validators: dict[str, jsonschema_rs.Validator] = {}
        self._paths = [self._path(template, item) for template, item in told["paths"].items()]

    def problems(self, response: httpx.Response) -> list[str]:
        path = response.request.url.raw_path.decode().partition("?")[0]
        known = next((each for each in self._paths if each.pattern.fullmatch(path)), None)
        method = response.request.method.upper()
        if known is None:
            return _differs("status", response.status_code, 404) + self._error(response)
        if method not in known.operations:
            return self._not_an_operation(response, known)
        told = known.operations[method]["responses"].get(str(response.status_code))
        if told is None:
            return ["the status isn't documented", response.text[:500]]
        told = self.resolved(told)
        return self._headers(told, response) + self._content(told, response)

    def _not_an_operation(self, response: httpx.Response, path: Path) -> list[str]:
        allow = {verb for verb in response.headers.get("Allow", "").split(", ") if verb}
        problems = _differs("Allow", allow, set(path.operations))
        if response.request.method == "OPTIONS":
            return problems + _differs("status", response.status_code, 204)
        return problems + _differs("status", response.status_code, 405) + self._error(response)

    def _error(self, response: httpx.Response) -> list[str]:
        if response.request.method == "HEAD":
            return []
        return self._body({"$ref": "#/components/schemas/Error"}, response)

    def _headers(self, told: dict[str, Any], response: httpx.Response) -> list[str]:
        problems = []
        for name, each in told.get("headers", {}).items():
            header = self.resolved(each)
            value = response.headers.get(name)
            if value is not None:
                number = header["schema"].get("type") == "integer" and re.fullmatch("[0-9]+", value)
                problems += self._invalid(name, header["schema"], int(value) if number else value)
            elif header.get("required"):
                problems.append(f"the header {name} is missing")
        return problems

    def _content(self, told: dict[str, Any], response: httpx.Response) -> list[str]:
        if response.request.method == "HEAD" or "content" not in told:
            return ["there is a body"] if response.content else []
        given = response.headers.get("Content-Type", "").partition(";")[0]
        if given not in told["content"]:
            return [f"the content type is {given}"]
        schema = told["content"][given]["schema"]
        return self._body(schema, response) if given == "application/json" else []

    def _body(self, schema: dict[str, Any], response: httpx.Response) -> list[str]:
        try:
            return self._invalid("body", schema, json.loads(response.content))
        except ValueError:
            return [f"the body isn't JSON: {response.text[:500]}"]

    def _invalid(self, where: str, schema: dict[str, Any], value: Any) -> list[str]:
        return [f"{where} at {list(each.instance_path)}: {each.message}" for each in self.errors(schema, value)]

    def errors(self, schema: dict[str, Any], value: Any) -> list[jsonschema_rs.ValidationError]:
        """How a value differs from a schema of the document."""
        key = json.dumps(schema)
        if key not in self._validators:
            rooted = {**schema, "components": self._document["components"]}
            self._validators[key] = jsonschema_rs.Draft202012Validator(rooted)
        return list(self._validators[key].iter_errors(value))

    def resolved(self, told: dict[str, Any]) -> Any:
        """What a reference leads to; anything else as it is."""
        found: Any = self._document
        if "$ref" not in told:
            return told
        for key in told["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        return found

    def _path(self, template: str, item: dict[str, Any]) -> Path:
        pattern = re.escape(template).replace(r"\{", "{").replace(r"\}", "}")
        for each in item.get("parameters", []):
            parameter = self.resolved(each)
            schema = self.resolved(parameter["schema"])
            pattern = pattern.replace(f"{{{parameter['name']}}}", schema["pattern"].strip("^$"))
        operations = {method.upper(): item[method] for method in METHODS if method in item}
        return Path(template, re.compile(pattern), operations)


def _differs(what: str, given: object, told: object) -> list[str]:
    return [] if given == told else [f"{what} is {given}, not {told}"]
