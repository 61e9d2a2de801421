"""The signature of Intercom's webhooks."""

import hashlib
import hmac


def is_signed(body: bytes, header: str | None, secrets: tuple[str, ...]) -> bool:
    """Whether `X-Hub-Signature` is `sha1=` and the HMAC-SHA1 of the raw body under one of the client secrets.

    Intercom's docs, webhook models. Compared in constant time; every secret is tried, so that the time doesn't tell
    which one held.
    """
    given = (header or "").encode("utf-8", "replace")
    matches = [hmac.compare_digest(_expected(body, secret), given) for secret in secrets]
    return any(matches)


def _expected(body: bytes, secret: str) -> bytes:
    return b"sha1=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest().encode()
