"""Requests that may be sent again: the `Idempotency-Key`, and what tells one request from another."""

import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec

from supportd.errors import ValidationFailed
from supportd.handlers.base import BaseHandler
from supportd.idempotency import HEADER, Attempt, Done, Sends

KEY = re.compile(r"[\x20-\x7e]{1,255}")
QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')  # a string of a structured field (RFC 8941, 3.3.3)


class Sent(NamedTuple):
    """What is answered to a send."""

    body: Any
    status: int = 201
    age_s: int | None = None


Send = Callable[[Attempt], Awaitable[Sent]]


async def answer_once(handler: BaseHandler, sends: Sends, send: Send, *, of: object) -> None:
    """Answers with what `send` did; if the request has a key that was used for it before, with what that did.

    `of` is the body as it was understood: two bodies that mean the same are the same.
    """
    key = _key(handler)

    async def act(attempt: Attempt) -> Done:
        sent = await send(attempt)
        return Done(sent.status, msgspec.json.encode(sent.body), sent.age_s)

    if key is None:
        outcome = await sends.unkeyed(handler.caller.user_id, act)
    else:
        outcome = await sends.once(handler.caller.user_id, key, _fingerprint(handler, of), act)
    if outcome.replayed:
        handler.set_header("Idempotent-Replayed", "true")
    done = outcome.done
    handler.answer(msgspec.Raw(done.body), status=done.status, age_s=done.age_s)


def _key(handler: BaseHandler) -> str | None:
    given = handler.request.headers.get_list(HEADER)
    if not given:
        return None
    key = given[0]
    if key.startswith('"'):
        quoted = QUOTED.fullmatch(key)
        key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted is not None else ""
    if len(given) > 1 or not KEY.fullmatch(key):
        raise ValidationFailed(HEADER, "must be one key of 1 to 255 printable characters")
    return key


def _fingerprint(handler: BaseHandler, of: object) -> str:
    request = [handler.request.method, handler.route, handler.path_args, of]
    return hashlib.sha256(msgspec.json.encode(request, order="deterministic")).hexdigest()
