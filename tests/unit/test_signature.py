import hashlib
import hmac

import pytest

from supportd.intercom.signature import is_signed

BODY = b'{"type":"notification_event"}'
SECRETS = ("current", "previous")


def header(secret: str, body: bytes = BODY, algorithm: str = "sha1") -> str:
    return f"{algorithm}={hmac.new(secret.encode(), body, algorithm).hexdigest()}"


@pytest.mark.parametrize("secret", SECRETS)
def test_either_secret_holds(secret: str) -> None:
    assert is_signed(BODY, header(secret), SECRETS)


def test_known_answer() -> None:
    digest = "de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9"  # HMAC-SHA1 of a well-known sentence
    assert is_signed(b"The quick brown fox jumps over the lazy dog", f"sha1={digest}", ("key",))


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(None, id="missing"),
        pytest.param("", id="empty"),
        pytest.param("sha1=", id="no digest"),
        pytest.param(header("wrong"), id="another secret"),
        pytest.param(header("current", BODY + b" "), id="another body"),
        pytest.param(header("current", algorithm="sha256"), id="sha256"),
        pytest.param(header("current").replace("sha1", "sha256"), id="another prefix"),
        pytest.param(header("current").removeprefix("sha1="), id="no prefix"),
        pytest.param(header("current")[:-1], id="cut"),
        pytest.param(header("current").upper(), id="upper case"),
        pytest.param("sha1=\xe9\ud800", id="no ASCII"),
    ],
)
def test_bad_signature(given: str | None) -> None:
    assert not is_signed(BODY, given, SECRETS)


def test_no_secret_signs_nothing() -> None:
    assert not is_signed(BODY, f"sha1={hashlib.sha1(BODY).hexdigest()}", ())
