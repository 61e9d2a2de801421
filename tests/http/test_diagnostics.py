"""`POST /api/diagnostics`: one line and one count; nothing personal gets through, and nothing unlisted."""

from typing import Any

import pytest
from structlog.typing import EventDict

from supportd.logs import FIELDS
from supportd.metrics import MAX_APP_VERSIONS
from tests.harness import MongoDatabase, World, living, token
from tests.http.wrong_input import NO_TEXT, assert_names, assert_no_halves, assert_unreadable, send

PATH = "/api/diagnostics"
FULL: dict[str, Any] = {
    "appVersion": "4.12.0",
    "sdkVersion": "1.2.3-beta.1+45",
    "platform": "ios",
    "osVersion": "17.5.1",
    "deviceModel": "iPhone15,2",
    "locale": "en-US",
    "networkType": "wifi",
    "event": "chat.opened",
    "errorCode": "HTTP_502",
    "httpStatus": 502,
    "latencyMs": 1250,
}
TEXTS = [name for name, value in FULL.items() if isinstance(value, str)]
LOGGED_AS = {
    "appVersion": "app_version",
    "sdkVersion": "sdk_version",
    "platform": "platform",
    "osVersion": "os_version",
    "deviceModel": "device_model",
    "locale": "locale",
    "networkType": "network_type",
    "event": "client_event",
    "errorCode": "error_code",
    "httpStatus": "http_status",
    "latencyMs": "latency_ms",
}
PERSONAL = [
    "alice@example.com",
    "My card doesn't work, please call me",
    "+7 999 123-45-67",
    "8-999-123-45-67",
    "(495) 123 45 67",
    "79991234567",
    "192.0.2.77",
    "2001:db8::1",
    "4111111111111111",
    "4111 1111 1111 1111",
    "550e8400-e29b-41d4-a716-446655440000",
    "9f86d081884c7d659a2feaa0c55ad015",
    "https://example.com/?q=1",
    "Алиса",
    token("alice"),
    "x" * 65,
]
NO_OBJECTS: list[Any] = [[], None, "hello", 5, True]
GOOD: list[tuple[str, list[Any]]] = [
    ("appVersion", ["4", "4.12", "4.12.0", "0.0.1", "2024.11.5", "4.12.0-rc.1", "4.12.0+1234", "10000.0.99999"]),
    ("sdkVersion", ["1.0.0", "1.0.0-SNAPSHOT"]),
    ("osVersion", ["14", "17.5.1", "10.15.7"]),
    ("platform", ["ios", "android", "web", "tma"]),
    (
        "deviceModel",
        ["iPhone15,2", "SM-G991B", "Pixel 8 Pro", "2201117TY", "moto g(7) power", "x86_64", "Redmi Note 8 Pro"],
    ),
    ("locale", ["en", "en-US", "en_US", "zh-Hans-CN", "es-419", "fil"]),
    ("networkType", ["wifi", "cellular", "ethernet", "other", "offline"]),
    ("event", ["start", "chat.opened", "push_v2", "file.upload.failed"]),
    ("errorCode", ["-1009", "404", "E_NETWORK", "HTTP_502", "TIMEOUT"]),
    ("httpStatus", [100, 200, 599]),
    ("latencyMs", [0, 1, 600_000]),
]
BAD: list[tuple[str, list[Any]]] = [
    ("appVersion", ["", ".1", "1.", "1.2.3.4", "v1", "1.2.3\n", " 1", "123456", "1.0-", "other", "unknown", "1\x00"]),
    ("platform", ["IOS", "windows", "ios ", "canary"]),
    (
        "deviceModel",
        [
            " a",
            "a ",
            "a  b",
            "one 2 three four 5",
            "iPhone",
            "please call me now",
            "a1\n",
            "x" * 17,
            "Alice's iPhone",
            "123456789",
        ],
    ),
    ("locale", ["EN", "english", "en-us", "en-US-x-private", "en-US\n", "e"]),
    ("networkType", ["WiFi", "Alice's network", "canary"]),
    ("event", ["Chat opened", "1st", "a.b.c.d.e", "a..b", "a" * 17, ".a", "a\n"]),
    ("errorCode", ["E NETWORK", "e_network", "1234567", "--1", "A" * 17, "E_", "404\n"]),
    ("httpStatus", [99, 600, -1, 0, 2**70, "200", 200.5, True, [], {}]),
    ("latencyMs", [-1, 600_001, 2**70, 1e300, "10", 1.5, False, [], {"$gt": 0}]),
]


def told(logged: list[EventDict]) -> list[EventDict]:
    return [line for line in logged if line["event"] == "diagnostics"]


def said(line: EventDict) -> dict[str, Any]:
    """What the line says beside what every line says."""
    return {name: value for name, value in line.items() if name not in {"event", "level", "user", "request_id"}}


async def tell(world: World, **given: Any) -> None:
    response = await send(world.sdk("canary-user"), "POST", PATH, given)
    assert (response.status_code, response.content) == (204, b""), response.text
    assert "Content-Type" not in response.headers
    assert response.headers["Cache-Control"] == "private, no-store"


async def test_everything_listed_is_one_line(mongo: MongoDatabase, logged: list[EventDict]) -> None:
    async with living(mongo) as world:
        await tell(world, **FULL)
    (line,) = told(logged)
    assert said(line) == {LOGGED_AS[name]: value for name, value in FULL.items()}
    (request,) = [found for found in logged if found["event"] == "request" and found["route"] == "diagnostics"]
    assert (line["level"], line["user"], line["request_id"]) == ("info", request["user"], request["request_id"])
    assert set(line) <= FIELDS


async def test_nothing_is_a_line_too(mongo: MongoDatabase, logged: list[EventDict]) -> None:
    async with living(mongo) as world:
        await tell(world)
        await tell(world, **dict.fromkeys(FULL))
    assert [said(line) for line in told(logged)] == [{}, {}]


async def test_what_is_not_listed_is_dropped(mongo: MongoDatabase, logged: list[EventDict]) -> None:
    async with living(mongo) as world:
        odd = {"email": "canary@example.com", "name": "canary", "user": "canary", "level": "canary", "body": {"a": 1}}
        names = {"request_id": "canary", "app_version": "canary", "client_event": "canary", "route": "canary"}
        await tell(world, **odd, **names, extra=["canary"] * 9, appVersion="1.0")
    assert [said(line) for line in told(logged)] == [{"app_version": "1.0"}]
    assert "canary" not in repr(logged)


async def test_what_devices_say_of_themselves_is_taken(mongo: MongoDatabase, logged: list[EventDict]) -> None:
    async with living(mongo) as world:
        for name, values in GOOD:
            for value in values:
                await tell(world, **{name: value})
    lines = [{LOGGED_AS[name]: value} for name, values in GOOD for value in values]
    assert [said(line) for line in told(logged)] == lines


async def test_what_is_out_of_bounds_is_named_and_not_logged(mongo: MongoDatabase, logged: list[EventDict]) -> None:
    async with living(mongo) as world:
        for name, values in BAD:
            for value in values:
                await assert_names(world.sdk(), "POST", PATH, {**FULL, name: value}, name)
        for body in NO_OBJECTS:
            await assert_names(world.sdk(), "POST", PATH, body, "body")
        await assert_unreadable(world.sdk(), "POST", PATH, FULL)
    assert told(logged) == []


@pytest.mark.parametrize("name", TEXTS)
async def test_what_is_personal_fits_nowhere(mongo: MongoDatabase, logged: list[EventDict], name: str) -> None:
    async with living(mongo) as world:
        for value in [*PERSONAL, *NO_TEXT]:
            await assert_names(world.sdk(), "POST", PATH, {name: value}, name)
        await assert_no_halves(world.sdk(), "POST", PATH, FULL, name)
        assert world.metric("diagnostics_total", app_version="unknown") == 0
    assert told(logged) == []


async def test_it_is_counted_by_app_version(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for version in ("1.0", "1.1", "1.1"):
            await tell(world, appVersion=version)
        await tell(world, osVersion="14")
        assert world.metric("diagnostics_total", app_version="1.0") == 1
        assert world.metric("diagnostics_total", app_version="1.1") == 2
        assert world.metric("diagnostics_total", app_version="unknown") == 1


async def test_the_number_of_versions_is_bounded(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for number in range(MAX_APP_VERSIONS + 10):
            await tell(world, appVersion=f"1.{number}")
        await tell(world, appVersion="1.0")
        assert world.metric("diagnostics_total", app_version="1.0") == 2
        assert world.metric("diagnostics_total", app_version="other") == 10
        assert world.metric("diagnostics_total", app_version=f"1.{MAX_APP_VERSIONS}") == 0


async def test_it_counts_as_a_write(mongo: MongoDatabase, logged: list[EventDict]) -> None:
    async with living(mongo, write_rate_limit_per_minute=1) as world:
        await tell(world)
        assert (await send(world.sdk("canary-user"), "POST", PATH, {})).status_code == 429
    assert len(told(logged)) == 1
