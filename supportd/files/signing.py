"""Links to files that work for whoever has them, until they expire, and can't be forged.

A token is `key id . expiry . signature`: an HMAC-SHA256 over what the link is for, the file, the expiry and the key id.
"""

import hashlib
import hmac
import math
import re
from base64 import urlsafe_b64encode
from enum import StrEnum

from supportd.clock import Clock
from supportd.identity import derive_key

LABEL = "supportd file links"
TOKEN = re.compile(r"(?P<key_id>[0-9a-f]{8})\.(?P<expires_at>[1-9][0-9]{0,11})\.(?P<signature>[A-Za-z0-9_-]{43})")
STEPS = 8


class Purpose(StrEnum):
    """Who a link is for. One that is for Intercom opens nothing else."""

    INTERCOM = "intercom"
    CLIENT = "client"


class Signer:
    """Signs with the first secret, and accepts the others too while one is being rotated."""

    def __init__(self, *, secrets: tuple[str, ...], clock: Clock) -> None:
        keys = [derive_key(secret, LABEL) for secret in secrets]
        self._keys = {_key_id(key): key for key in reversed(keys)}
        self._current = _key_id(keys[0])
        self._clock = clock

    def sign(self, file_id: str, purpose: Purpose, *, expires_at: int) -> str:
        """A token for one file and purpose, good until `expires_at` (s since the epoch)."""
        signature = _signature(self._keys[self._current], self._current, file_id, purpose, str(expires_at))
        return f"{self._current}.{expires_at}.{signature}"

    def verify(self, token: str, file_id: str, purpose: Purpose) -> bool:
        """Whether a token was signed here for this file and purpose and hasn't expired. Any text may be given."""
        parts = TOKEN.fullmatch(token)
        key = self._keys.get(parts["key_id"]) if parts is not None else None
        if parts is None or key is None:
            return False
        signature = _signature(key, parts["key_id"], file_id, purpose, parts["expires_at"])
        signed = hmac.compare_digest(signature, parts["signature"])
        return signed and self._clock.time() < int(parts["expires_at"])


class FileLinks:
    """Makes links that are good for `ttl_s` at least and an eighth more at most.

    Expiries are rounded up to a common step, so that the same link comes out for a while and can be cached.
    """

    def __init__(self, *, signer: Signer, ttl_s: int, clock: Clock) -> None:
        self._signer = signer
        self._ttl_s = ttl_s
        self._clock = clock

    def path(self, file_id: str, purpose: Purpose) -> str:
        """The path and query of a link, to be put after the public address."""
        step = max(1, self._ttl_s // STEPS)
        expires_at = math.ceil((self._clock.time() + self._ttl_s) / step) * step
        return f"/files/{file_id}?t={self._signer.sign(file_id, purpose, expires_at=expires_at)}"


def _key_id(key: bytes) -> str:
    return hmac.new(key, b"key id", hashlib.sha256).hexdigest()[:8]


def _signature(key: bytes, key_id: str, file_id: str, purpose: Purpose, expires_at: str) -> str:
    signed = f"file link\n{purpose.value}\n{expires_at}\n{key_id}\n{file_id}"  # last the one part of any form
    digest = hmac.new(key, signed.encode(errors="surrogatepass"), hashlib.sha256).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
