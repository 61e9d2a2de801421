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


def setting(read: Callable[[str], Any], says: str, **options: Any) -> Any:
    """A field of `Settings`: how its variable is read, what there is to say of it, and its default, if it has one.

    `docs/configuration.md` and `conf/supportd.env.example` are made of these (`supportd/dev/settings_files.py`).
    """
    return field(metadata={"read": read, "says": says}, **options)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that can be configured. A field is read from the variable of its name in capitals."""

    jwt_secret: str = setting(
        secret, "signs session tokens (HS256); 32 bytes or more, shared with whoever mints them", repr=False
    )
    mongo_uri: str = setting(
        mongo_uri,
        "MongoDB 6.0 or newer, as a replica set, e.g. `mongodb://db1,db2,db3/?replicaSet=rs0`",
        repr=False,
    )
    intercom_access_token: str = setting(token, "the access token of your app in Intercom's Developer Hub", repr=False)
    intercom_client_secret: str = setting(text, "the app's client secret, which signs webhooks", repr=False)
    intercom_admin_id: str = setting(
        text, "the id of the teammate in whose name supportd closes, tags and writes notes"
    )

    jwt_secret_previous: str | None = setting(
        secret,
        "the secret before the last change, also accepted, so that a change logs nobody out",
        default=None,
        repr=False,
    )
    jwt_issuer: str | None = setting(text, "if set, a token must name this issuer (`iss`)", default=None)
    jwt_audience: str | None = setting(text, "if set, a token must be for this audience (`aud`)", default=None)
    intercom_client_secret_previous: str | None = setting(
        text, "the client secret before the last change, also accepted", default=None, repr=False
    )

    mongo_db: str = setting(mongo_name, "the database's name", default="supportd")

    intercom_base_url: str = setting(
        url,
        "Intercom's API; in the EU `https://api.eu.intercom.io`, in Australia `https://api.au.intercom.io`",
        default="https://api.intercom.io",
    )
    intercom_rate_per_minute: int = setting(
        bounded(int, 6, 1_000_000),
        "calls a minute that Intercom allows the app; spent in windows of 10 seconds",
        default=10_000,
    )
    intercom_timeout: float = setting(
        bounded(float, 0.05, 60), "seconds before a call to Intercom is given up", default=10.0
    )
    reconcile_interval: float = setting(
        bounded(float, 0.05, 3600), "seconds between two looks for changes that no webhook told of", default=30.0
    )

    host: str = setting(text, "where the API listens", default="127.0.0.1")
    port: int = setting(bounded(int, 0, 65535), "the API's port; 0 takes a free one", default=41100)
    listen_fd: int | None = setting(
        bounded(int, 0, 1_048_576),
        "the number of an open socket to listen on instead, one that outlives a restart; `supervisord.conf` sets it",
        default=None,
    )
    metrics_host: str = setting(
        text, "where `/metrics` listens, for Prometheus; never on the public port", default="127.0.0.1"
    )
    metrics_port: int = setting(bounded(int, 0, 65535), "the metrics' port", default=41101)
    public_url: str | None = setting(
        url,
        "the address at which Intercom and users reach this server: links to files begin with it; "
        "by default `http://HOST:PORT`",
        default=None,
    )
    cors_origins: tuple[str, ...] = setting(
        origins, "browser origins that may call the API, separated by commas; by default none", default=()
    )

    rate_limit_per_minute: int = setting(bounded(int, 1, 1_000_000), "reads a minute that a user may make", default=240)
    write_rate_limit_per_minute: int = setting(
        bounded(int, 1, 1_000_000), "writes a minute that a user may make", default=30
    )
    cache_max_conversations: int = setting(
        bounded(int, 1, 10_000_000), "conversations kept in memory, and as many tickets", default=100_000
    )
    ticket_reference_prefix: str = setting(letters, "what tickets are called by: `AW-123`; 1-10 letters", default="AW")
    several_processes: bool = setting(
        flag,
        "1: other processes of supportd use the same database, and each shows what the others store",
        default=False,
    )
    post_duration_note: bool = setting(
        flag, "1: at each close, an internal note tells operators how long the conversation was open", default=False
    )

    max_file_mb: int = setting(bounded(int, 1, 1024), "the size of a file, in MB of 2^20 bytes; 1-1024", default=20)
    max_files_per_msg: int = setting(
        bounded(int, 1, 10), "files in a message; 1-10, as Intercom takes no more", default=10
    )
    max_uploads: int = setting(
        bounded(int, 1, 10_000), "uploads at once, 10 of them a user's; others are told 429. 1-10000", default=128
    )
    max_upload_mb_per_day: int = setting(
        bounded(int, 1, 1_000_000),
        "what a user may upload in 24 hours, in MB of 2^20 bytes; more is 429. 1-1000000",
        default=500,
    )
    files_backend: str = setting(
        one_of("local", "s3"), "where files are kept: `local`, in `FILES_DIR`, or `s3`, in a bucket", default="local"
    )
    files_dir: str = setting(
        text,
        "a folder of ours alone, on one file system; with `s3` for files on their way in",
        default="var/files",
    )
    s3_bucket: str | None = setting(
        bucket,
        "required with `s3`. Credentials come from boto3's own places. Give it a rule that aborts incomplete multipart "
        "uploads after a day: a crash may leave one",
        default=None,
    )
    s3_endpoint_url: str | None = setting(url, "the address of an S3 that isn't Amazon's", default=None)
    s3_region: str | None = setting(region, "its region, unless boto3 finds it itself", default=None)
    file_url_secret: str | None = setting(
        secret,
        "signs links to files; 32 bytes or more. By default a key is derived from `JWT_SECRET` (and its previous one)",
        default=None,
        repr=False,
    )
    file_url_secret_previous: str | None = setting(
        secret,
        "the secret before the last change, also accepted, so that a change breaks no link; when `FILE_URL_SECRET` is "
        "first set, `JWT_SECRET` goes here",
        default=None,
        repr=False,
    )
    file_url_ttl: int = setting(
        bounded(int, 60, 30 * 86400),
        "seconds that a link to a file is good for at least (an eighth more at most); 60 to 30 days",
        default=86400,
    )

    fcm_service_account: str | None = setting(
        text,
        "push to phones: the JSON key file of a service account of your Firebase project, by its path (or its "
        "content); off by default, and a broken one stops the start",
        default=None,
        repr=False,
    )
    fcm_base_url: str = setting(url, "FCM's API", default="https://fcm.googleapis.com")
    telegram_bot_token: str | None = setting(
        bot_token, "push to users of the Telegram Mini App, by this bot; off by default", default=None, repr=False
    )
    telegram_base_url: str = setting(url, "Telegram's Bot API", default="https://api.telegram.org")
    telegram_mini_app_url: str | None = setting(
        https_url, "the Mini App's https address; the bot's messages get a button that opens it", default=None
    )
    push_content: str = setting(
        one_of("preview", "none"),
        "`preview`: up to 120 characters of a message are shown on the phone's lock screen; `none`: none",
        default="preview",
    )
    push_language: str = setting(
        one_of(*LANGUAGES), "`en` or `ru`, for devices that named no language that is known", default="en"
    )
    presence_window: float = setting(
        bounded(float, 0, 3600),
        "seconds after a poll in which a user counts as looking and isn't pushed to; 0-3600. A held poll counts as "
        "long as it is held",
        default=20.0,
    )

    log_level: str = setting(one_of(*LOG_LEVELS), "debug, info, warning or error", default="info")
    log_format: str = setting(one_of(*LOG_FORMATS), "json for machines, console for people", default="json")

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
