import dataclasses
from typing import Any

import pytest

from supportd.config import Settings
from supportd.errors import ConfigError

REQUIRED = {
    "JWT_SECRET": "j" * 32,
    "MONGO_URI": "mongodb://127.0.0.1:27017",
    "INTERCOM_ACCESS_TOKEN": "canary-access-token",
    "INTERCOM_CLIENT_SECRET": "canary-client-secret",
    "INTERCOM_ADMIN_ID": "991267459",
}


def read(**changes: str) -> Settings:
    return Settings.from_environ({**REQUIRED, **changes})


def test_defaults_are_the_designs() -> None:
    values = dataclasses.asdict(read())
    defaults = {name: value for name, value in values.items() if name.upper() not in REQUIRED}
    assert defaults == {
        "host": "127.0.0.1",
        "port": 41100,
        "listen_fd": None,
        "metrics_host": "127.0.0.1",
        "metrics_port": 41101,
        "jwt_secret_previous": None,
        "jwt_issuer": None,
        "jwt_audience": None,
        "mongo_db": "supportd",
        "intercom_base_url": "https://api.intercom.io",
        "intercom_client_secret_previous": None,
        "intercom_rate_per_minute": 10_000,
        "intercom_timeout": 10.0,
        "reconcile_interval": 30.0,
        "rate_limit_per_minute": 240,
        "write_rate_limit_per_minute": 30,
        "cache_max_conversations": 100_000,
        "ticket_reference_prefix": "AW",
        "several_processes": False,
        "post_duration_note": False,
        "cors_origins": (),
        "max_file_mb": 20,
        "max_uploads": 128,
        "max_upload_mb_per_day": 500,
        "max_files_per_msg": 10,
        "files_backend": "local",
        "files_dir": "var/files",
        "s3_bucket": None,
        "s3_endpoint_url": None,
        "s3_region": None,
        "file_url_secret": None,
        "file_url_secret_previous": None,
        "file_url_ttl": 86400,
        "public_url": None,
        "fcm_service_account": None,
        "fcm_base_url": "https://fcm.googleapis.com",
        "telegram_bot_token": None,
        "telegram_base_url": "https://api.telegram.org",
        "telegram_mini_app_url": None,
        "push_content": "preview",
        "push_language": "en",
        "presence_window": 20.0,
        "log_level": "info",
        "log_format": "json",
    }


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("value", [None, "", "  "], ids=["absent", "empty", "blank"])
def test_required_variable(name: str, value: str | None) -> None:
    environ = {**REQUIRED, name: value}
    with pytest.raises(ConfigError, match=f"^{name} is required$"):
        Settings.from_environ({key: value for key, value in environ.items() if value is not None})


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("TICKET_REFERENCE_PREFIX", "AW-1", "must be 1-10 letters"),
        ("JWT_SECRET", "s" * 31, "must be 32 bytes or longer"),
        ("JWT_SECRET_PREVIOUS", "short", "must be 32 bytes or longer"),
        ("INTERCOM_ACCESS_TOKEN", "a token", "must be"),
        ("INTERCOM_ACCESS_TOKEN", "token\nmore", "must be"),
        ("INTERCOM_ACCESS_TOKEN", "token\N{HORIZONTAL ELLIPSIS}", "must be"),
        ("MONGO_URI", "localhost:27017", "must begin with mongodb://"),
        ("MONGO_DB", "a b", "must be 1-63 letters"),
        ("MONGO_DB", "x" * 64, "must be 1-63 letters"),
        ("PORT", "http", "must be a number, not 'http'"),
        ("PORT", "41100.5", "must be a number"),
        ("PORT", "65536", "must be from 0 to 65535, not 65536"),
        ("PORT", "-1", "must be from 0 to 65535"),
        ("METRICS_PORT", "x", "must be a number"),
        ("LISTEN_FD", "stdin", "must be a number"),
        ("LISTEN_FD", "-1", "must be from 0"),
        ("INTERCOM_BASE_URL", "api.intercom.io", "must be an http:// or https:// address"),
        ("INTERCOM_BASE_URL", "https://", "must be an http:// or https:// address"),
        ("INTERCOM_BASE_URL", "ftp://api.intercom.io", "must be an http:// or https:// address"),
        ("INTERCOM_RATE_PER_MINUTE", "5", "must be from 6 to"),
        ("INTERCOM_TIMEOUT", "0", "must be from 0.05 to 60"),
        ("INTERCOM_TIMEOUT", "nan", "must be from 0.05 to 60"),
        ("INTERCOM_TIMEOUT", "inf", "must be from 0.05 to 60"),
        ("RECONCILE_INTERVAL", "soon", "must be a number"),
        ("RECONCILE_INTERVAL", "3601", "must be from 0.05 to 3600"),
        ("RATE_LIMIT_PER_MINUTE", "0", "must be from 1 to"),
        ("WRITE_RATE_LIMIT_PER_MINUTE", "0", "must be from 1 to"),
        ("CACHE_MAX_CONVERSATIONS", "0", "must be from 1 to"),
        ("CORS_ORIGINS", "*", "must be origins such as"),
        ("CORS_ORIGINS", "https://a.example, b.example", "must be origins such as"),
        ("CORS_ORIGINS", "https://a.example/app", "must be origins such as"),
        ("CORS_ORIGINS", "https://a.example?x=1", "must be origins such as"),
        ("CORS_ORIGINS", "https://user@a.example", "must be origins such as"),
        ("POST_DURATION_NOTE", "yes", "must be 0 or 1, not 'yes'"),
        ("MAX_FILE_MB", "0", "must be from 1 to 1024"),
        ("MAX_FILES_PER_MSG", "11", "must be from 1 to 10"),
        ("FILES_BACKEND", "ftp", "must be one of local, s3, not 'ftp'"),
        ("S3_BUCKET", "s3://bucket", "must be 3-63 lower-case letters"),
        ("S3_ENDPOINT_URL", "localhost:9000", "must be an http:// or https:// address"),
        ("S3_REGION", "eu central", "must be 1-63 letters"),
        ("FILE_URL_SECRET", "short", "must be 32 bytes or longer"),
        ("FILE_URL_SECRET_PREVIOUS", "short", "must be 32 bytes or longer"),
        ("FILE_URL_TTL", "59", "must be from 60 to"),
        ("PUBLIC_URL", "support.example", "must be an http:// or https:// address"),
        ("FCM_BASE_URL", "fcm.googleapis.com", "must be an http:// or https:// address"),
        ("TELEGRAM_BOT_TOKEN", "canary", "must be a bot's token: digits, a colon"),
        ("TELEGRAM_BOT_TOKEN", "1:a/../b", "must be a bot's token: digits, a colon"),
        ("TELEGRAM_MINI_APP_URL", "http://app.example", "must be an https:// address"),
        ("PUSH_CONTENT", "all", "must be one of preview, none, not 'all'"),
        ("PUSH_LANGUAGE", "de", "must be one of en, ru, not 'de'"),
        ("PRESENCE_WINDOW", "-1", "must be from 0 to 3600"),
        ("LOG_LEVEL", "loud", "must be one of debug, info, warning, error, not 'loud'"),
        ("LOG_FORMAT", "xml", "must be one of json, console"),
    ],
)
def test_bad_value_is_named_with_what_it_must_be(name: str, value: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(**{name: value})
    assert str(caught.value).startswith(f"{name} {problem}")
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("JWT_SECRET", "é" * 16, "é" * 16),
        ("JWT_ISSUER", " https://issuer ", "https://issuer"),
        ("MONGO_URI", "mongodb+srv://cluster.example/", "mongodb+srv://cluster.example/"),
        ("PORT", "0", 0),
        ("INTERCOM_BASE_URL", "http://127.0.0.1:41200/", "http://127.0.0.1:41200"),
        ("INTERCOM_TIMEOUT", "2.5", 2.5),
        ("CORS_ORIGINS", "https://a.example, http://b:8080/,", ("https://a.example", "http://b:8080")),
        ("POST_DURATION_NOTE", "1", True),
        ("POST_DURATION_NOTE", "0", False),
        ("FILES_BACKEND", "LOCAL", "local"),
        ("FILES_DIR", "/srv/files", "/srv/files"),
        ("S3_BUCKET", "my.bucket-1", "my.bucket-1"),
        ("PUBLIC_URL", "https://support.example/", "https://support.example"),
        ("TELEGRAM_MINI_APP_URL", "https://app.example/x", "https://app.example/x"),
        ("PRESENCE_WINDOW", "7.5", 7.5),
        ("LOG_LEVEL", "DEBUG", "debug"),
        ("LOG_FORMAT", "Console", "console"),
    ],
)
def test_good_value(name: str, value: str, expected: Any) -> None:
    assert getattr(read(**{name: value}), name.lower()) == expected


@pytest.mark.parametrize("name", ["PORT", "JWT_SECRET_PREVIOUS", "CORS_ORIGINS", "LOG_LEVEL"])
def test_empty_variable_counts_as_absent(name: str) -> None:
    assert read(**{name: ""}) == read(**{name: " "}) == read()


SECRETS = {
    **{name: REQUIRED[name] for name in ("JWT_SECRET", "INTERCOM_ACCESS_TOKEN", "INTERCOM_CLIENT_SECRET")},
    "JWT_SECRET_PREVIOUS": "p" * 32,
    "INTERCOM_CLIENT_SECRET_PREVIOUS": "canary-previous",
    "FILE_URL_SECRET": "f" * 32,
    "FILE_URL_SECRET_PREVIOUS": "g" * 32,
    "MONGO_URI": "mongodb://user:canary-password@127.0.0.1",
    "FCM_SERVICE_ACCOUNT": '{"private_key": "canary"}',
    "TELEGRAM_BOT_TOKEN": "1:canary",
}


def test_a_bucket_is_required_where_files_go_to_s3() -> None:
    with pytest.raises(ConfigError, match=r"^S3_BUCKET is required where FILES_BACKEND is s3$"):
        read(FILES_BACKEND="s3")
    assert read(FILES_BACKEND="s3", S3_BUCKET="bucket").s3_bucket == "bucket"


def test_no_secret_shows_in_its_repr() -> None:
    shown = repr(read(**SECRETS))
    assert [value for value in SECRETS.values() if value in shown] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_SECRET", "canary"),
        ("JWT_SECRET_PREVIOUS", "canary"),
        ("MONGO_URI", "canary@host"),
        ("TELEGRAM_BOT_TOKEN", "canary"),
    ],
)
def test_no_secret_shows_in_a_message(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(**{name: value})
    assert "canary" not in str(caught.value)


def test_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        read().port = 1  # type: ignore[misc]
