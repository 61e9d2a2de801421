"""The service account in whose name FCM is called: Google's JSON key file."""

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import RSAAlgorithm
from msgspec import Meta, Struct

from supportd.errors import ConfigError

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
ASSERTION_TTL_S = 3600  # the longest that Google takes (Google's docs, OAuth 2.0 for service accounts)
SETTING = "FCM_SERVICE_ACCOUNT"
PROJECT = re.compile(r"[a-z0-9.:-]{1,100}")


Given = Annotated[str, Meta(min_length=1)]


class ServiceAccount(Struct, frozen=True):
    """What a key file says."""

    type: str
    project_id: str
    private_key_id: Given
    private_key: str
    client_email: Given
    token_uri: str

    def __repr__(self) -> str:
        """Without the key."""
        return f"ServiceAccount({self.project_id!r})"

    def assertion(self, *, now: float) -> str:
        """What an access token is asked for with: who we are and for what, signed (RFC 7523)."""
        claims = {
            "iss": self.client_email,
            "scope": SCOPE,
            "aud": self.token_uri,
            "iat": int(now),
            "exp": int(now) + ASSERTION_TTL_S,
        }
        return jwt.encode(claims, self.private_key, algorithm="RS256", headers={"kid": self.private_key_id})


def service_account(value: str) -> ServiceAccount:
    """The account that a setting gives: the path of its key file, or what is in it.

    Raises:
        ConfigError: it can't be read or used. The message never quotes it.
    """
    try:
        account = msgspec.json.decode(_content(value), type=ServiceAccount)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{SETTING} is no service account's key file: {error}") from None
    except (msgspec.DecodeError, UnicodeError):
        raise ConfigError(f"{SETTING} is no JSON") from None
    if account.type != "service_account":
        raise ConfigError(f"{SETTING} must be the key file of a service account (type: service_account)")
    if not PROJECT.fullmatch(account.project_id):
        raise ConfigError(f"{SETTING} has a project_id that is none of Google's")
    if not _is_safe(account.token_uri):
        raise ConfigError(f"{SETTING} has a token_uri that is no https:// address")
    if not _is_private_key(account.private_key):
        raise ConfigError(f"{SETTING} has a private_key that is no RSA key in PEM format")
    return account


def _is_private_key(pem: str) -> bool:
    try:
        return isinstance(RSAAlgorithm(RSAAlgorithm.SHA256).prepare_key(pem), RSAPrivateKey)
    except (jwt.PyJWTError, ValueError, TypeError):
        return False


def _content(value: str) -> bytes:
    if value.lstrip().startswith("{"):
        return value.encode()
    try:
        return Path(value).read_bytes()
    except OSError as error:
        raise ConfigError(f"{SETTING} names a file that can't be read: {error.strerror}") from None
    except ValueError:
        raise ConfigError(f"{SETTING} must be the path of a file, or JSON") from None


def _is_safe(address: str) -> bool:
    """Whether it is an https address; http is for tests, on this machine."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme, parts.hostname) == ("http", "127.0.0.1"))
