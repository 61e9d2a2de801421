"""The settings: read once from the environment, checked, frozen, and passed on by parts."""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from supportd.errors import ConfigError

SECRET_BYTES = 32
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("json", "console")
LANGUAGES = ("en", "ru")  # of notifications; their words are in `push/wording.py`


def text(value: str) -> str:
    """Any text that isn't empty."""
    if not value.strip():
        raise ValueError("must not be empty")
    return value.strip()


def token(value: str) -> str:
    """A credential that is sent in a header: visible ASCII (RFC 6750, 2.1)."""
    if not re.fullmatch(r"[\x21-\x7e]+", value.strip()):
        raise ValueError("must be visible ASCII characters, without spaces")
    return value.strip()


def secret(value: str) -> str:
    """A signing secret: 32 bytes or more (RFC 7518, 3.2 asks it for HS256)."""
    if len(value.encode()) < SECRET_BYTES:
        raise ValueError(f"must be {SECRET_BYTES} bytes or longer")
    return value


def url(value: str) -> str:
    """An http or https address, without the slash at its end."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http:// or https:// address")
    return value.rstrip("/")


def https_url(value: str) -> str:
    """An https address."""
    if urlsplit(value).scheme != "https":
        raise ValueError("must be an https:// address")
    return url(value)


def bot_token(value: str) -> str:
    """A bot's token as BotFather gives it: it becomes part of an address."""
    if not re.fullmatch(r"[0-9]{1,20}:[A-Za-z0-9_-]{1,100}", value.strip()):
        raise ValueError("must be a bot's token: digits, a colon, and letters, digits, _ or -")
    return value.strip()


def mongo_uri(value: str) -> str:
    """A MongoDB connection string."""
    if not value.startswith(("mongodb://", "mongodb+srv://")):
        raise ValueError("must begin with mongodb:// or mongodb+srv://")
    return value


def mongo_name(value: str) -> str:
    """A database name (MongoDB's manual, naming restrictions)."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,63}", value):
        raise ValueError("must be 1-63 letters, digits, - or _")
    return value


def letters(value: str) -> str:
    """A short prefix: letters only, so that it can't be taken for the number that follows."""
    if not re.fullmatch(r"[A-Za-z]{1,10}", value):
        raise ValueError("must be 1-10 letters")
    return value


def bucket(value: str) -> str:
    """The name of an S3 bucket (S3's docs, bucket naming rules)."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", value):
        raise ValueError("must be 3-63 lower-case letters, digits, dots or hyphens")
    return value


def region(value: str) -> str:
    """A region of S3's, such as eu-central-1."""
    if not re.fullmatch(r"[A-Za-z0-9-]{1,63}", value):
        raise ValueError("must be 1-63 letters, digits or hyphens")
    return value


def bounded(kind: Callable[[str], Any], low: float, high: float) -> Callable[[str], Any]:
    """A number of `kind` from `low` to `high`, both included."""

    def read(value: str) -> Any:
        try:
            number = kind(value)
        except ValueError:
            raise ValueError(f"must be a number, not {value!r}") from None
        if not low <= number <= high:
            raise ValueError(f"must be from {low:g} to {high:g}, not {value}")
        return number

    return read


def flag(value: str) -> bool:
    """1 for on, 0 for off."""
    if value.strip() not in ("0", "1"):
        raise ValueError(f"must be 0 or 1, not {value!r}")
    return value.strip() == "1"


def one_of(*choices: str) -> Callable[[str], str]:
    """One of the named words, in any case."""

    def read(value: str) -> str:
        if value.lower() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}, not {value!r}")
        return value.lower()

    return read


def origins(value: str) -> tuple[str, ...]:
    """Browser origins (RFC 6454), separated by commas; no wildcard, since answers carry private data."""
    found = tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())
    for origin in found:
        parts = urlsplit(origin)
        if origin != f"{parts.scheme}://{parts.netloc}" or parts.scheme not in ("http", "https") or "@" in origin:
            raise ValueError(f"must be origins such as https://app.example, not {origin!r}")
    return found


def setting(read: Callable[[str], Any], **options: Any) -> Any:
    """A field of `Settings`: how its variable is read, and its default, if it has one."""
    return field(metadata={"read": read}, **options)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that can be configured. A field is read from the variable of its name in capitals."""

    jwt_secret: str = setting(secret, repr=False)
    mongo_uri: str = setting(mongo_uri, repr=False)
    intercom_access_token: str = setting(token, repr=False)
    intercom_client_secret: str = setting(text, repr=False)
    intercom_admin_id: str = setting(text)

    host: str = setting(text, default="127.0.0.1")
    port: int = setting(bounded(int, 0, 65535), default=41100)
    listen_fd: int | None = setting(bounded(int, 0, 1_048_576), default=None)
    metrics_host: str = setting(text, default="127.0.0.1")
    metrics_port: int = setting(bounded(int, 0, 65535), default=41101)

    jwt_secret_previous: str | None = setting(secret, default=None, repr=False)
    jwt_issuer: str | None = setting(text, default=None)
    jwt_audience: str | None = setting(text, default=None)

    mongo_db: str = setting(mongo_name, default="supportd")

    intercom_base_url: str = setting(url, default="https://api.intercom.io")
    intercom_client_secret_previous: str | None = setting(text, default=None, repr=False)
    intercom_rate_per_minute: int = setting(bounded(int, 6, 1_000_000), default=10_000)
    intercom_timeout: float = setting(bounded(float, 0.05, 60), default=10.0)

    reconcile_interval: float = setting(bounded(float, 0.05, 3600), default=30.0)
    rate_limit_per_minute: int = setting(bounded(int, 1, 1_000_000), default=240)
    write_rate_limit_per_minute: int = setting(bounded(int, 1, 1_000_000), default=30)
    cache_max_conversations: int = setting(bounded(int, 1, 10_000_000), default=100_000)
    ticket_reference_prefix: str = setting(letters, default="AW")
    post_duration_note: bool = setting(flag, default=False)
    cors_origins: tuple[str, ...] = setting(origins, default=())

    max_file_mb: int = setting(bounded(int, 1, 1024), default=20)
    max_uploads: int = setting(bounded(int, 1, 10_000), default=128)
    max_upload_mb_per_day: int = setting(bounded(int, 1, 1_000_000), default=500)
    max_files_per_msg: int = setting(bounded(int, 1, 10), default=10)
    files_backend: str = setting(one_of("local", "s3"), default="local")
    files_dir: str = setting(text, default="var/files")
    s3_bucket: str | None = setting(bucket, default=None)
    s3_endpoint_url: str | None = setting(url, default=None)
    s3_region: str | None = setting(region, default=None)
    file_url_secret: str | None = setting(secret, default=None, repr=False)
    file_url_secret_previous: str | None = setting(secret, default=None, repr=False)
    file_url_ttl: int = setting(bounded(int, 60, 30 * 86400), default=86400)
    public_url: str | None = setting(url, default=None)

    fcm_service_account: str | None = setting(text, default=None, repr=False)
    fcm_base_url: str = setting(url, default="https://fcm.googleapis.com")
    telegram_bot_token: str | None = setting(bot_token, default=None, repr=False)
    telegram_base_url: str = setting(url, default="https://api.telegram.org")
    telegram_mini_app_url: str | None = setting(https_url, default=None)
    push_content: str = setting(one_of("preview", "none"), default="preview")
    push_language: str = setting(one_of(*LANGUAGES), default="en")
    presence_window: float = setting(bounded(float, 0, 3600), default=20.0)

    log_level: str = setting(one_of(*LOG_LEVELS), default="info")
    log_format: str = setting(one_of(*LOG_FORMATS), default="json")

    @property
    def public_address(self) -> str:
        """Where links to files lead."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Reads the settings. An empty variable counts as absent.

        Raises:
            ConfigError: one is missing or bad; the message names it and what it must be, never a secret's value.
        """
        values = {}
        for item in fields(cls):
            name = item.name.upper()
            raw = environ.get(name, "")
            if raw.strip():
                values[item.name] = _read(name, item, raw)
            elif item.default is MISSING:
                raise ConfigError(f"{name} is required")
        settings = cls(**values)
        if settings.files_backend == "s3" and settings.s3_bucket is None:
            raise ConfigError("S3_BUCKET is required where FILES_BACKEND is s3")
        return settings


def _read(name: str, item: "Field[Any]", raw: str) -> Any:
    try:
        return item.metadata["read"](raw)
    except ValueError as error:
        raise ConfigError(f"{name} {error}") from None
