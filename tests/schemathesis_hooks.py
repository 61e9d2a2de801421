"""What schemathesis can't know from the document alone. It imports this by itself, in a process of its own."""

import base64
import hashlib
import hmac
import json
import os
import uuid
from typing import Any

import schemathesis
from hypothesis import strategies as st
from requests import PreparedRequest
from requests.auth import AuthBase
from schemathesis.auths import GLOBAL_AUTH_STORAGE
from schemathesis.core import NotSet
from schemathesis.hooks import HookContext

from tests.harness import CLIENT_SECRET

LATEST_MS = 2**53 - 1
LONG_WAITS = {str(seconds) for seconds in range(2, 26)}
SEEDED = json.loads(os.environ["SEEDED"])  # ids of the document's examples -> ids that exist


def cursor(at: int, number: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([at, str(number)]).encode()).decode().rstrip("=")


schemathesis.openapi.format("cursor", st.builds(cursor, st.integers(0, LATEST_MS), st.integers(0, 10**9)))


class Signature(AuthBase):
    """Signs as Intercom does."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        body = request.body or b""
        raw = body.encode() if isinstance(body, str) else body
        assert isinstance(raw, bytes)
        signature = hmac.new(CLIENT_SECRET.encode(), raw, hashlib.sha1).hexdigest()
        request.headers["X-Hub-Signature"] = f"sha1={signature}"
        return request


GLOBAL_AUTH_STORAGE.set_from_requests(Signature()).apply_to(path="/webhooks/intercom")


@schemathesis.hook
def before_call(context: HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """Lets the examples name what exists, and makes two things as the contract has them where no schema can say so."""
    del context, kwargs
    case.path_parameters = seeded(case.path_parameters)
    for parameter, token in (("fileId", "FILE_TOKEN"), ("placeId", "PLACE_TOKEN")):
        if "t" in (case.query or {}) and (case.path_parameters or {}).get(parameter) in SEEDED.values():
            case.query["t"] = os.environ[token]
    if str((case.query or {}).get("wait")) in LONG_WAITS:
        case.query["wait"] = 1  # a poll that is held for longer says no more, and schemathesis gives up after 10 s
    case.body = seeded(case.body)
    if case.operation.path == "/api/files/upload" and isinstance(case.body, dict):
        case.body = upload(case.meta is None or case.meta.generation.mode.is_positive)
    is_bad = case.meta is not None and not case.meta.generation.mode.is_positive
    if is_bad and case.operation.path.endswith("/clarify") and isinstance(case.body, NotSet):
        case.body = {"body": 0}  # without any body it would be a good question
    if case.meta is not None and case.meta.generation.mode.is_positive:
        if "Idempotency-Key" in (case.headers or {}):
            case.headers["Idempotency-Key"] = str(
                uuid.uuid4()
            )  # a key stands for one send: with another body it's a 400
        case.body = without_files(without_fractions(case.body))


def upload(is_good: bool) -> dict[str, Any]:
    """Which files are taken no schema can say, and in a form each value is text: hardly anything is wrong with it."""
    return {"file": "A text is a file too"} if is_good else {"another": "file"}


def without_files(body: Any) -> Any:
    """Which files a message may have no schema can say: each is the user's and is sent once."""
    if not isinstance(body, dict) or not body.get("attachmentIds"):
        return body
    words = body.get("body")
    return {**body, "attachmentIds": [], "body": words if isinstance(words, str) and words.strip() else "Hello"}


def seeded(values: Any) -> Any:
    if not isinstance(values, dict):
        return values
    return {name: SEEDED.get(value, value) if isinstance(value, str) else value for name, value in values.items()}


def without_fractions(value: Any) -> Any:
    """To JSON Schema 2.0 is an integer; here an integer is written as 2."""
    if isinstance(value, dict):
        return {key: without_fractions(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_fractions(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
