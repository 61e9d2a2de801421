"""Bad bodies and query arguments: refused with the field's name, and nothing is stored or sent."""

import json
from typing import Any

import httpx
import pytest

from tests.harness import MongoDatabase, Sdk, World, living

COLLECTIONS = ("contacts", "outbox", "snapshots", "topics", "webhook_events")
JSON_TYPE = "application/json"
LONG = "x" * 10_001
UNREADABLE: list[tuple[bytes, str]] = [
    (b"", JSON_TYPE),
    (b" ", JSON_TYPE),
    (b"{", JSON_TYPE),
    (b"hello", JSON_TYPE),
    (b"{'body': 'hello'}", JSON_TYPE),
    (b'{"body": "hello"} {"body": "hello"}', JSON_TYPE),
    (b'{"body": "hello",}', JSON_TYPE),
    (b'{"body": NaN}', JSON_TYPE),
    (b'{"body": "\xff\xfe"}', JSON_TYPE),
    (b'{"body": "\xed\xa0\x80"}', JSON_TYPE),
    (b'\xef\xbb\xbf{"body": "hello"}', JSON_TYPE),
    ('{"body": "hello"}'.encode("utf-16"), JSON_TYPE),
    (b'{"body": "line\nbreak"}', JSON_TYPE),
    (b'{"body": "hello"}', "text/plain"),
    (b'{"body": "hello"}', "text/html"),
    (b'{"body": "hello"}', "application/jsonp"),
    (b"body=hello", "application/x-www-form-urlencoded"),
    (
        b"--x\r\nContent-Disposition: form-data; name=body\r\n\r\nhello\r\n--x--",
        "multipart/form-data; boundary=x",
    ),
    (b"broken", "multipart/form-data; boundary=x"),
    (b"broken", "multipart/form-data"),
]
BAD_TEXTS: list[Any] = [
    5, 1.5, True, [], ["hello"], {}, {"$gt": ""}, {"body": "hello"}, "", " ", "\n\t \u2003", LONG, f"  {LONG}  ",
    "a\x00b",
]  # fmt: skip
BAD_REASONS: list[Any] = ["Cards", 5, [], True, {"$gt": ""}, {}, {"sub": "Lost"}]
BAD_METAS: list[Any] = ["a", 5, [], True, [["a", 1]]]
BAD_STARTS: list[tuple[Any, str]] = [
    ([], "body"),
    ("hello", "body"),
    (5, "body"),
    (None, "body"),
    ({}, "body"),
    ({"body": None}, "body"),
    ({"body": None, "reason": None}, "body"),
    ({"meta": {"a": 1}}, "body"),
    ({"Body": "hello"}, "body"),
    *[({"body": bad}, "body") for bad in BAD_TEXTS],
    *[({"body": bad, "reason": {"main": "Cards"}}, "body") for bad in BAD_TEXTS],
    *[({"body": "hello", "reason": bad}, "reason") for bad in BAD_REASONS],
    *[({"reason": {"main": bad}}, "reason.main") for bad in [*BAD_TEXTS, None, "x" * 81]],
    *[({"reason": {"main": "Cards", "sub": bad}}, "reason.sub") for bad in [*BAD_TEXTS, "x" * 81]],
    *[({"body": "hello", "meta": bad}, "meta") for bad in BAD_METAS],
    ({"body": "hello", "meta": {str(number): 1 for number in range(21)}}, "meta"),
    ({"body": "hello", "meta": {"a": "x" * 4096}}, "meta"),
    ({"body": "hello", "meta": {"x" * 4096: 1}}, "meta"),
    ({"body": "hello", "meta": {str(number): "x" * 300 for number in range(20)}}, "meta"),
    ({"body": "hello", "meta": {"a": "\u00e9" * 2100}}, "meta"),
    ({"body": "hello", "meta": {"a": {}}}, "meta"),
    ({"body": "hello", "meta": {"a": {"$gt": ""}}}, "meta"),
    ({"body": "hello", "meta": {"a": []}}, "meta"),
    ({"body": "hello", "meta": {"": 1}}, "meta"),
    ({"body": "hello", "meta": {"a\x00b": 1}}, "meta"),
    ({"body": "hello", "meta": {"a": "b\x00c"}}, "meta"),
]
BAD_REPLIES: list[tuple[Any, str]] = [
    ([], "body"),
    ("hello", "body"),
    (None, "body"),
    ({}, "body"),
    ({"body": None}, "body"),
    ({"Body": "hello"}, "body"),
    *[({"body": bad}, "body") for bad in BAD_TEXTS],
]
GOOD_EXTREMES: list[Any] = [
    {"body": "x"},
    {"body": "x" * 10_000},
    {"body": f" \n{'x' * 10_000}\t "},
    {"body": "\U0001f600" * 10_000},
    {"body": "hello", "unknown": {"$gt": ""}, "userId": "bob", "attachmentIds": []},
    {"body": "hello", "reason": None, "meta": None},
    {"body": None, "reason": {"main": "x" * 80, "sub": "y" * 80, "unknown": 1}},
    {"reason": {"main": " x ", "sub": None}},
    {"body": "hello", "meta": {}},
    {"body": "hello", "meta": {str(number): number for number in range(20)}},
    {
        "body": "hello",
        "meta": {"ip": "192.0.2.1", "n": 1, "f": 1.5, "t": True, "z": None, "$gt": "", "a.b": "c"},
    },
    {"body": "hello", "meta": {"a": "x" * 4080}},
]


HALVES: list[str] = ["\\ud800", "\\udc00", "\\udfff\\ud800", "a\\ud83dz"]
JSON_TYPES: list[str] = ["application/json", "Application/JSON", "application/json; charset=utf-8"]


async def post(sdk: Sdk, path: str, content: bytes, content_type: str = JSON_TYPE) -> httpx.Response:
    return await sdk.call("POST", path, content=content, headers={"Content-Type": content_type})


def assert_refused(response: httpx.Response, code: str, given: object) -> str:
    assert response.status_code == 400, (given, response.text)
    answer = response.json()
    assert set(answer) == {"error", "message"}
    assert answer["error"] == code, (given, answer)
    return str(answer["message"])


def names(message: str, field: str) -> bool:
    return message.split(":", maxsplit=1)[0] == field or message.startswith((f"{field}.", f"{field}["))


async def contents(world: World) -> dict[str, int]:
    database = world.server.parts.database
    return {name: await database[name].count_documents({}) for name in COLLECTIONS}


async def test_a_bad_start_stores_and_sends_nothing(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        for content, content_type in UNREADABLE:
            response = await post(alice, "/api/conversations", content, content_type)
            assert_refused(response, "bad_request", (content[:40], content_type))
        for body, field in BAD_STARTS:
            response = await post(alice, "/api/conversations", json.dumps(body).encode())
            message = assert_refused(response, "validation_error", str(body)[:80])
            assert names(message, field), (str(body)[:80], message)

        assert await world.operator.calls() == {}
        assert set((await contents(world)).values()) == {0}


async def test_a_bad_reply_stores_and_sends_nothing(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.settle()
        await world.operator.forget_calls()
        before = await contents(world)
        for conversation_id in (started["id"], "404404"):
            path = f"/api/conversations/{conversation_id}/reply"
            for content, content_type in UNREADABLE:
                response = await post(alice, path, content, content_type)
                assert_refused(response, "bad_request", (content[:40], content_type))
            for body, field in BAD_REPLIES:
                response = await post(alice, path, json.dumps(body).encode())
                message = assert_refused(response, "validation_error", str(body)[:80])
                assert names(message, field), (str(body)[:80], message)

        assert await world.operator.calls() == {}
        assert await contents(world) == before
        assert len((await alice.show(started["id"]))["messages"]) == 1


async def test_half_a_surrogate_pair_is_no_text(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for escape in HALVES:
            alice = world.sdk()
            for content in (
                f'{{"body": "{escape}"}}',
                f'{{"reason": {{"main": "{escape}"}}}}',
                f'{{"body": "hello", "meta": {{"a": "{escape}"}}}}',
                f'{{"body": "hello", "meta": {{"{escape}": 1}}}}',
            ):
                response = await post(alice, "/api/conversations", content.encode())
                assert response.status_code == 400, (content, response.text)
                assert response.json()["error"] in {"bad_request", "validation_error"}
            assert await world.operator.calls() == {}
            assert set((await contents(world)).values()) == {0}


@pytest.mark.parametrize("content", [b"[" * 60_000, b'{"body":' * 7_000, b'{"meta":' * 7_000, b'{"x":' * 10_000])
async def test_a_body_nested_too_deep_is_refused(mongo: MongoDatabase, content: bytes) -> None:
    async with living(mongo) as world:
        response = await post(world.sdk(), "/api/conversations", content)
        assert response.status_code == 400, response.text
        assert response.json()["error"] in {"bad_request", "validation_error"}


@pytest.mark.parametrize("number", ["1e999", str(2**63), str(2**64), str(-(2**63) - 1), "9" * 400, "-1e999"])
async def test_a_number_that_cannot_be_kept_is_refused_before_anything_is_sent(
    mongo: MongoDatabase, number: str
) -> None:
    async with living(mongo) as world:
        content = f'{{"body": "hello", "meta": {{"n": {number}}}}}'
        response = await post(world.sdk(), "/api/conversations", content.encode())
        assert response.status_code == 400, response.text
        assert response.json()["error"] in {"bad_request", "validation_error"}
        assert await world.operator.calls() == {}


async def test_what_is_just_within_the_limits_is_sent(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        for body in GOOD_EXTREMES:
            await alice.start(**body)
        assert (await world.operator.calls())["POST /conversations"] == len(GOOD_EXTREMES)


async def test_a_reply_just_within_the_limits_is_sent(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        for body in ("x", "y" * 10_000, f"  {'z' * 10_000}\n"):
            assert (await alice.reply(started["id"], body))["message"]["body"] == body.strip()


async def test_of_a_key_given_twice_the_last_counts(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        response = await post(world.sdk(), "/api/conversations", b'{"body": "first", "body": "second"}')
        assert response.json()["messages"][0]["body"] == "second"
        response = await post(world.sdk(), "/api/conversations", b'{"body": "first", "body": 5}')
        assert names(assert_refused(response, "validation_error", "twice"), "body")


async def test_json_by_any_spelling_is_json(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for content_type in JSON_TYPES:
            response = await post(world.sdk(), "/api/conversations", b'{"body": "hello"}', content_type)
            assert response.status_code == 201


async def test_no_message_repeats_what_was_sent(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for body in (
            {"body": ["canary"]},
            {"body": "x", "reason": "canary"},
            {"body": "x", "meta": {"a": ["canary"]}},
        ):
            response = await world.sdk().call("POST", "/api/conversations", json=body)
            assert response.status_code == 400
            assert "canary" not in response.text


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("since", ["", "a", "-1", "1.5", "1e3", "1 0", "1_000", "0x10", "\u0661", "9" * 19, "null", "$gt"]),
        ("wait", ["", "a", "-1", "0.5", "26", "100000", "+5"]),
    ],
)
async def test_a_bad_argument_of_a_poll_is_named(mongo: MongoDatabase, field: str, values: list[str]) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        for value in values:
            response = await alice.call(
                "GET", f"/api/conversations/{started['id']}/poll", params={"since": "0", field: value}
            )
            assert names(assert_refused(response, "validation_error", value), field), response.text


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("limit", ["", "a", "0", "-1", "101", "1.5", "9" * 30, "\u0665"]),
        (
            "cursor",
            [
                "",
                "a",
                "!!!",
                "x" * 513,
                "e30",
                "W10",
                "WzEsMl0",
                "bnVsbA",
                "WyJhIiwiYiJd",
                "\u00e9",
                "W" * 512,
            ],
        ),
    ],
)
async def test_a_bad_argument_of_the_list_is_named(mongo: MongoDatabase, field: str, values: list[str]) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        await alice.start(body="Hello")
        for value in values:
            response = await alice.call("GET", "/api/conversations", params={field: value})
            assert names(assert_refused(response, "validation_error", value), field), response.text


async def test_a_bad_argument_of_the_list_is_named_to_a_user_without_conversations_too(
    mongo: MongoDatabase,
) -> None:
    async with living(mongo) as world:
        response = await world.sdk().call("GET", "/api/conversations", params={"cursor": "!!!"})
        assert names(assert_refused(response, "validation_error", "!!!"), "cursor")


async def test_a_cursor_of_absurd_numbers_is_refused(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        await alice.start(body="Hello")
        for cursor in ("WzkyMjMzNzIwMzY4NTQ3NzU4MDgsImEiXQ", "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OSwiYSJd"):
            response = await alice.call("GET", "/api/conversations", params={"cursor": cursor})
            assert names(assert_refused(response, "validation_error", cursor), "cursor")


async def test_since_is_taken_in_seconds_too(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        second = started["latestTimestamp"] // 1000
        assert len((await alice.poll(started["id"], since=second - 1))["messages"]) == 1
        assert (await alice.poll(started["id"], since=second + 1))["messages"] == []
