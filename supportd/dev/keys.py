"""The demo's secrets: made once and kept, so that yesterday's token still holds."""

import os
import secrets
import time
from pathlib import Path

import jwt
import msgspec

TOKEN_TTL_S = 30 * 24 * 3600
OWNER_ONLY = 0o600


class DamagedKeys(Exception):
    """The file can't be read; the message names it."""


class Keys(msgspec.Struct, frozen=True):
    """What supportd and the simulator both have to know, and the key of session tokens."""

    jwt_secret: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(32))
    access_token: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(24))
    client_secret: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(24))
    admin_id: str = "9001"


def load_or_make(path: Path) -> Keys:
    """The keys in `path`, new ones where there is no such file; only its owner may read it. Raises `DamagedKeys`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        try:
            return msgspec.json.decode(path.read_bytes(), type=Keys)
        except msgspec.MsgspecError as error:
            raise DamagedKeys(f"{path} can't be read ({error}): delete it to get new keys.") from None
    keys = Keys()
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "wb") as file:  # noqa: PTH123
        file.write(msgspec.json.format(msgspec.json.encode(keys), indent=2))
    return keys


def token(keys: Keys, user: str) -> str:
    """A session token for `user`, good for 30 days."""
    claims = {"userId": user, "exp": int(time.time()) + TOKEN_TTL_S}
    return jwt.encode(claims, keys.jwt_secret, algorithm="HS256")
