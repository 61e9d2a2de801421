"""Who is calling: session tokens in, users out."""

import hashlib
import hmac

import jwt
from cachetools import LRUCache
from msgspec import Struct

from supportd.clock import Clock
from supportd.errors import Unauthorized

ALGORITHM = "HS256"
MAX_TOKEN_CHARS = 8192
MAX_USER_ID_CHARS = 128
LATEST_S = 2**53  # what a JSON number keeps exactly; NaN isn't below it either
CACHED_TOKENS = 100_000


class Identity(Struct, frozen=True, gc=False):
    """A verified token: its user, its expiry (s since the epoch), and keys that stand for both in caches and logs."""

    user_id: str
    expires_at: float
    session: str
    user_hash: str


class Identifier:
    """Verifies bearer tokens and remembers the verified ones until they expire.

    The rules are the contract's: HS256 and nothing else, `exp` required, `iss` and `aud` where configured, two
    secrets while one is being rotated. The user is the claim `userId`, else `sub`.
    """

    def __init__(
        self,
        *,
        secrets: tuple[str, ...],
        issuer: str | None,
        audience: str | None,
        clock: Clock,
        cached: int = CACHED_TOKENS,
    ) -> None:
        self._secrets = secrets
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._hash_key = derive_key(secrets[0], "supportd user hash")
        self._verified: LRUCache[str, Identity] = LRUCache(cached)

    def identify(self, authorization: str | None) -> Identity:
        """The identity behind an `Authorization` header.

        Raises:
            Unauthorized: there is none, it isn't a bearer token, or the token doesn't hold.
        """
        token = _bearer_token(authorization)
        if not 0 < len(token) <= MAX_TOKEN_CHARS:
            raise Unauthorized
        known = self._verified.get(token)
        if known is None:
            known = self._verify(token)
            self._verified[token] = known
        if known.expires_at <= self._clock.time():
            self._verified.pop(token, None)
            raise Unauthorized
        return known

    def known(self, authorization: str | None) -> Identity | None:
        """The identity behind the header, if its token was verified before and still holds. Verifies nothing."""
        known = self._verified.get(_bearer_token(authorization))
        return None if known is None or known.expires_at <= self._clock.time() else known

    def _verify(self, token: str) -> Identity:
        claims = self._decode(token)
        user_id = claims.get("userId", claims.get("sub"))
        expires_at = claims["exp"]
        if not isinstance(user_id, str) or not 0 < len(user_id) <= MAX_USER_ID_CHARS or not user_id.isprintable():
            raise Unauthorized
        if isinstance(expires_at, bool) or not isinstance(expires_at, int | float) or not 0 < expires_at < LATEST_S:
            raise Unauthorized
        return Identity(
            user_id=user_id,
            expires_at=float(expires_at),
            session=hashlib.sha256(token.encode()).hexdigest()[:32],
            user_hash=hmac.new(self._hash_key, user_id.encode(), hashlib.sha256).hexdigest()[:12],
        )

    def _decode(self, token: str) -> dict[str, object]:
        for secret in self._secrets:
            try:
                return jwt.decode(
                    token,
                    secret,
                    algorithms=[ALGORITHM],
                    issuer=self._issuer,
                    audience=self._audience,
                    options={
                        "require": ["exp"],
                        "verify_exp": False,  # by our own clock, on every call: a cached token expires too
                        "verify_sub": False,  # `userId` goes first, whatever `sub` holds
                        "verify_iat": False,
                        "verify_aud": self._audience is not None,
                    },
                )
            except jwt.InvalidSignatureError:
                continue
            except (jwt.InvalidTokenError, ValueError):
                raise Unauthorized from None
        raise Unauthorized


def _bearer_token(authorization: str | None) -> str:
    """The token in the header; empty if there is none."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def derive_key(secret: str, label: str) -> bytes:
    """A key of its own for each purpose, derived from one secret: HKDF-SHA256 (RFC 5869), 32 bytes, `label` as info."""
    extracted = hmac.new(bytes(hashlib.sha256().digest_size), secret.encode(), hashlib.sha256).digest()
    return hmac.new(extracted, label.encode() + b"\x01", hashlib.sha256).digest()
