import base64
import hashlib
import hmac
import json
import math
from typing import Any

import jwt
import pytest

from supportd.errors import Unauthorized
from supportd.identity import MAX_TOKEN_CHARS, Identifier, Identity, derive_key
from tests.unit.driven import StillClock

SECRET = "current-secret-of-enough-bytes-for-every-algorithm-that-a-test-signs-with"
PREVIOUS = "previous-secret-of-enough-bytes-for-every-algorithm-that-a-test-signs-with"
FOREIGN = "somebody-elses-secret-of-enough-bytes-for-every-algorithm-that-a-test-signs"
NOW = 1_750_000_000
GOOD: dict[str, Any] = {"userId": "u-1", "exp": NOW + 60}


def signed(claims: dict[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, secret, algorithm=algorithm)


def forged(header: dict[str, str], claims: dict[str, Any]) -> str:
    """A token with any header, signed with our secret as HS256."""
    packed = [base64.urlsafe_b64encode(json.dumps(item).encode()).rstrip(b"=") for item in (header, claims)]
    signature = hmac.new(SECRET.encode(), b".".join(packed), hashlib.sha256).digest()
    return b".".join([*packed, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def identifier(clock: StillClock | None = None, **changes: Any) -> Identifier:
    options: dict[str, Any] = {"secrets": (SECRET,), "issuer": None, "audience": None, **changes}
    return Identifier(clock=clock or StillClock(NOW), **options)


def identify(token: str, **changes: Any) -> Identity:
    return identifier(**changes).identify(f"Bearer {token}")


@pytest.mark.parametrize(
    ("claims", "user"),
    [
        pytest.param(GOOD, "u-1", id="userId"),
        pytest.param({"sub": "u-2", "exp": NOW + 60}, "u-2", id="sub alone"),
        pytest.param({**GOOD, "sub": "u-2"}, "u-1", id="userId before sub"),
        pytest.param({**GOOD, "sub": 5}, "u-1", id="whatever sub holds"),
        pytest.param({**GOOD, "userId": "x" * 128}, "x" * 128, id="128 characters"),
        pytest.param({**GOOD, "exp": NOW + 0.5}, "u-1", id="a fraction of a second left"),
        pytest.param({**GOOD, "iat": NOW + 3600}, "u-1", id="an issuer whose clock is ahead"),
        pytest.param({**GOOD, "aud": "whoever", "iss": "whoever"}, "u-1", id="aud and iss that nobody asked for"),
    ],
)
def test_good_token(claims: dict[str, Any], user: str) -> None:
    assert identify(signed(claims)).user_id == user


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"userId": "u-1"}, id="no exp"),
        pytest.param({**GOOD, "exp": None}, id="null exp"),
        pytest.param({**GOOD, "exp": str(NOW + 60)}, id="exp as text"),
        pytest.param({**GOOD, "exp": True}, id="exp as a boolean"),
        pytest.param({**GOOD, "exp": NOW - 1}, id="expired"),
        pytest.param({**GOOD, "exp": NOW}, id="expires now"),
        pytest.param({"exp": NOW + 60}, id="no user"),
        pytest.param({**GOOD, "userId": ""}, id="empty id"),
        pytest.param({**GOOD, "userId": "x" * 129}, id="129 characters"),
        pytest.param({**GOOD, "userId": 5}, id="a number as id"),
        pytest.param({**GOOD, "userId": ["u-1"]}, id="a list as id"),
        pytest.param({**GOOD, "userId": "u\n1"}, id="a line break in the id"),
        pytest.param({**GOOD, "userId": "u\x00"}, id="NUL in the id"),
        pytest.param({**GOOD, "userId": "u\u202e1"}, id="an invisible character in the id"),
    ],
)
def test_bad_claims(claims: dict[str, Any]) -> None:
    with pytest.raises(Unauthorized):
        identify(signed(claims))


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("Bearer", id="scheme alone"),
        pytest.param("Bearer ", id="no token"),
        pytest.param(f"Basic {signed(GOOD)}", id="another scheme"),
        pytest.param(signed(GOOD), id="no scheme"),
        pytest.param("Bearer rubbish", id="no token at all"),
        pytest.param("Bearer a.b.c", id="not base64"),
        pytest.param("Bearer \xff\xfe.\xe9.x", id="bytes that aren't ASCII"),
        pytest.param(f"Bearer {signed(GOOD)[:-4]}", id="half a signature"),
        pytest.param(f"Bearer {signed(GOOD, FOREIGN)}", id="another's signature"),
        pytest.param(f"Bearer {signed(GOOD, algorithm='HS384')}", id="HS384"),
        pytest.param(f"Bearer {forged({'alg': 'RS256'}, GOOD)}", id="RS256"),
        pytest.param(f"Bearer {forged({'alg': 'none'}, GOOD)}", id="none, with a signature"),
        pytest.param(f"Bearer {forged({'alg': 'none'}, GOOD).rpartition('.')[0]}.", id="none, without one"),
        pytest.param(f"Bearer {forged({}, GOOD)}", id="no algorithm"),
        pytest.param(f"Bearer {forged({'alg': 'HS256'}, [])}", id="claims that aren't an object"),  # type: ignore[arg-type]
    ],
)
def test_bad_header(header: str | None) -> None:
    with pytest.raises(Unauthorized):
        identifier().identify(header)


def test_the_forge_makes_good_tokens_too() -> None:
    assert identify(forged({"alg": "HS256"}, GOOD)).user_id == "u-1"


@pytest.mark.parametrize("header", ["bearer {}", "BEARER {}", "Bearer   {} "])
def test_scheme_in_any_case_and_spaces(header: str) -> None:
    assert identifier().identify(header.format(signed(GOOD))).user_id == "u-1"


def test_token_of_nine_kilobytes_is_refused() -> None:
    token = signed({**GOOD, "padding": "x" * 9000})
    assert len(token) > MAX_TOKEN_CHARS
    with pytest.raises(Unauthorized):
        identify(token)


def test_both_secrets_hold_while_one_is_rotated() -> None:
    either = identifier(secrets=(SECRET, PREVIOUS))
    for secret in (SECRET, PREVIOUS):
        assert either.identify(f"Bearer {signed(GOOD, secret)}").user_id == "u-1"
    with pytest.raises(Unauthorized):
        either.identify(f"Bearer {signed(GOOD, FOREIGN)}")


@pytest.mark.parametrize(
    ("claims", "good"),
    [
        ({"iss": "us", "aud": "sdk"}, True),
        ({"iss": "us", "aud": ["other", "sdk"]}, True),
        ({"iss": "them", "aud": "sdk"}, False),
        ({"iss": "us", "aud": "other"}, False),
        ({"iss": "us"}, False),
        ({"aud": "sdk"}, False),
    ],
)
def test_issuer_and_audience_where_configured(claims: dict[str, Any], good: bool) -> None:
    checking = identifier(issuer="us", audience="sdk")
    header = f"Bearer {signed({**GOOD, **claims})}"
    if good:
        assert checking.identify(header).user_id == "u-1"
    else:
        with pytest.raises(Unauthorized):
            checking.identify(header)


def test_remembered_token_expires_too() -> None:
    clock = StillClock(NOW)
    remembering = identifier(clock)
    header = f"Bearer {signed(GOOD)}"
    first = remembering.identify(header)
    clock.advance(59.9)
    assert remembering.identify(header) is first
    clock.advance(0.1)
    with pytest.raises(Unauthorized):
        remembering.identify(header)


def test_only_so_many_tokens_are_remembered() -> None:
    remembering = identifier(cached=2)
    headers = [f"Bearer {signed({**GOOD, 'userId': user})}" for user in ("a", "b", "c")]
    first, second, third = (remembering.identify(header) for header in headers)
    assert remembering.identify(headers[1]) is second
    assert remembering.identify(headers[2]) is third
    again = remembering.identify(headers[0])
    assert again == first
    assert again is not first


def test_session_is_the_tokens_and_hash_the_users() -> None:
    one, other = identify(signed(GOOD)), identify(signed({**GOOD, "exp": NOW + 90}))
    assert one.session != other.session
    assert one.user_hash == other.user_hash
    assert one.user_hash != identify(signed({**GOOD, "userId": "u-2"})).user_hash
    assert one.user_hash != identify(signed(GOOD), secrets=(PREVIOUS, SECRET)).user_hash
    assert "u-1" not in one.user_hash


def test_refusal_says_nothing_of_the_token() -> None:
    with pytest.raises(Unauthorized) as caught:
        identify(signed({**GOOD, "exp": NOW - 1}))
    assert caught.value.message == "A valid bearer token is required"
    assert caught.value.headers == {"WWW-Authenticate": "Bearer"}
    assert caught.value.__cause__ is None


def hkdf(key: bytes, *, salt: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869, written out."""
    extracted = hmac.new(salt or bytes(32), key, hashlib.sha256).digest()
    block, out = b"", b""
    for counter in range(1, math.ceil(length / 32) + 1):
        block = hmac.new(extracted, block + info + bytes([counter]), hashlib.sha256).digest()
        out += block
    return out[:length]


def test_derived_keys_are_hkdfs() -> None:
    vector = hkdf(bytes([0x0B]) * 22, salt=bytes(range(13)), info=bytes(range(0xF0, 0xFA)), length=42)
    assert vector.hex() == (  # RFC 5869, A.1
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )
    assert derive_key(SECRET, "label") == hkdf(SECRET.encode(), salt=b"", info=b"label", length=32)


def test_each_purpose_and_secret_has_its_own_key() -> None:
    keys = {derive_key(secret, label) for secret in (SECRET, PREVIOUS) for label in ("a", "b")}
    assert len(keys) == 4


@pytest.mark.parametrize("exp", [math.nan, math.inf, 10**400, 0, -1])
def test_an_expiry_that_is_no_time_is_refused(exp: float) -> None:
    identifier = Identifier(secrets=(SECRET,), issuer=None, audience=None, clock=StillClock())
    with pytest.raises(Unauthorized):
        identifier.identify("Bearer " + signed({"userId": "alice", "exp": exp}))
