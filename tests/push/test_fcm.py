"""FCM: what it is asked with, and what follows from each of its answers."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from structlog.typing import EventDict

from supportd.errors import ConfigError
from supportd.push.service_account import service_account
from supportd.server import running
from tests.harness import MongoDatabase, settings
from tests.push.fcm import BAD_TOKEN, UNREGISTERED, Fault, Fcm
from tests.push.pushing import Pushing, pushing
from tests.waiting import eventually

LONG = "word " * 60


async def told(run: Pushing, chat_id: str, words: str) -> None:
    await run.answer(chat_id, words)
    await run.push()


async def test_the_access_token_is_fetched_once_and_renewed_before_it_expires(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        for number in range(5):
            await run.register(f"phone-{number}")
        chat_id = await run.chat()
        await told(run, chat_id, "One")
        assert (len(run.fcm.messages), run.fcm.grants) == (5, 1)
        await run.push(3000)
        await told(run, chat_id, "Two")
        assert run.fcm.grants == 1
        await run.push(400)
        await told(run, chat_id, "Three")
        assert (len(run.fcm.messages), run.fcm.grants) == (15, 2)


async def test_an_access_token_that_is_not_taken_is_renewed_at_once(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register()
        chat_id = await run.chat()
        await told(run, chat_id, "One")
        run.fcm.access_tokens.clear()
        await told(run, chat_id, "Two")
        assert (run.fcm.tokens, run.fcm.grants, run.count("sent")) == (["phone"] * 2, 2, 2)


async def test_the_title_is_in_the_devices_language_and_the_body_has_120_characters_at_most(
    mongo: MongoDatabase,
) -> None:
    async with pushing(mongo) as run:
        await run.register("none")
        await run.register("russian", language="ru-RU,ru;q=0.9,en;q=0.8")
        await run.register("finnish", language="fi")
        await told(run, await run.chat(), LONG)
        titles = {message["token"]: message["notification"]["title"] for message in run.fcm.messages}
        english = "New message from support"
        assert titles == {"none": english, "finnish": english, "russian": "Новое сообщение от поддержки"}
        for message in run.fcm.messages:
            body = message["notification"]["body"]
            assert body.endswith("…")
            assert LONG.startswith(body[:-1])
            assert 110 < len(body) <= 120


async def test_no_content_leaves_where_none_is_wanted(mongo: MongoDatabase) -> None:
    async with pushing(mongo, push_content="none") as run:
        await run.register()
        ticket_id = await run.ticket()
        await told(run, await run.chat(), "canary-words")
        await run.world.operator.act_on_ticket(ticket_id, "reply", body="<p>canary-words</p>")
        await run.world.settle()
        await run.push()
        assert [message["data"]["type"] for message in run.fcm.messages] == ["chat", "ticket"]
        assert "canary" not in repr(run.fcm.messages)
        assert {message["notification"]["body"] for message in run.fcm.messages} == {"Open the app to see it"}


async def test_a_message_of_files_only_says_so(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register()
        chat_id = await run.chat()
        file = {"name": "canary.png", "url": "https://example.com/x.png", "content_type": "image/png", "filesize": 10}
        await run.world.operator.act(chat_id, "reply", body="", attachments=[file])
        await run.world.settle()
        await run.push()
        assert [message["notification"]["body"] for message in run.fcm.messages] == ["A file was sent"]


GONE = {
    "unregistered": UNREGISTERED,
    "no token, by its words": BAD_TOKEN,
    "no token, by the field": Fault(400, "INVALID_ARGUMENT", fields=("message.token",)),
}


async def test_a_device_that_cannot_be_reached_any_more_goes(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        for token in ("fine", *GONE):
            await run.register(token)
        run.fcm.of_tokens.update(GONE)
        chat_id = await run.chat()
        await told(run, chat_id, "One")
        assert (await run.devices(), run.fcm.tokens, run.count("gone")) == (["fine"], ["fine"], len(GONE))
        await told(run, chat_id, "Two")
        assert (run.fcm.tokens, run.fcm.asked) == (["fine", "fine"], len(GONE) + 2)


NOT_THE_DEVICES = [
    (Fault(400, "INVALID_ARGUMENT", fields=("message.data",)), False),
    (Fault(403, "SENDER_ID_MISMATCH", google_status="PERMISSION_DENIED"), False),
    (Fault(403, google_status="PERMISSION_DENIED"), True),
    (Fault(404, google_status="NOT_FOUND"), True),
    (Fault(401, "THIRD_PARTY_AUTH_ERROR"), True),
]


@pytest.mark.logs("push refused")
async def test_a_fault_that_is_not_the_devices_keeps_it(mongo: MongoDatabase, logged: list[EventDict]) -> None:
    async with pushing(mongo) as run:
        await run.register("canary-token")
        chat_id = await run.chat()
        for fault, again in NOT_THE_DEVICES:
            run.fcm.messages.clear()
            run.fcm.faults.append(fault)
            await told(run, chat_id, "canary-words")
            assert (await run.devices(), run.fcm.messages) == (["canary-token"], [])
            await run.push(120)
            assert run.fcm.tokens == (["canary-token"] if again else [])
        assert "canary" not in repr(logged)


OF_ONE_DEVICE = [
    Fault(401, "THIRD_PARTY_AUTH_ERROR", google_status="UNAUTHENTICATED"),  # Apple's key is missing: iPhones only
    Fault(403, "SENDER_ID_MISMATCH", google_status="PERMISSION_DENIED"),  # a token of another project's app
]


@pytest.mark.logs("push refused")
async def test_what_is_wrong_with_one_device_holds_up_no_other(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register("iphone", user="bob")
        await run.register("android")
        bobs_id, chat_id = await run.chat("bob"), await run.chat()
        for fault in OF_ONE_DEVICE:
            run.fcm.messages.clear()
            run.fcm.of_tokens["iphone"] = fault
            await told(run, bobs_id, "Hello")
            await told(run, chat_id, "Hello")
            assert (run.fcm.tokens, await run.devices("bob")) == (["android"], ["iphone"])


PASSING = [
    (Fault(429, "QUOTA_EXCEEDED", headers={"Retry-After": "90"}), 90),
    (Fault(429, "QUOTA_EXCEEDED"), 60),
    (Fault(503, "UNAVAILABLE", headers={"Retry-After": "90"}), 90),
    (Fault(500, "INTERNAL"), 2),
]


async def test_a_fault_that_passes_is_waited_out(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register("one")
        await run.register("other")
        chat_id = await run.chat()
        for fault, waits_s in PASSING:
            run.fcm.messages.clear()
            run.fcm.of_tokens["one"] = fault
            asked = run.fcm.asked
            await told(run, chat_id, "Hello")
            assert (run.fcm.tokens, run.fcm.asked - asked) == (["other"], 2)
            run.fcm.of_tokens.clear()
            await run.push(waits_s - 1)
            assert run.fcm.asked - asked == 2
            await run.push(11)
            assert run.fcm.tokens == ["other", "one"]
        assert (run.count("retried"), run.count("sent")) == (4, 8)


async def test_while_fcm_is_down_it_is_left_alone_and_nothing_is_lost(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        chats = []
        for user in ("alice", "bob", "carol", "dave", "erin"):
            await run.register(f"{user}s", user=user)
            chats.append(await run.chat(user))
        run.fcm.faults += [Fault(500, "INTERNAL")] * 30
        for chat_id in chats:
            await run.answer(chat_id)
            await run.push()
        assert run.fcm.asked == 3
        run.fcm.faults.clear()
        await run.push(60)
        await run.push(60)
        assert sorted(run.fcm.tokens) == ["alices", "bobs", "carols", "daves", "erins"]


async def test_what_cannot_be_told_within_an_hour_is_dropped_and_counted(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register()
        run.fcm.of_tokens["phone"] = Fault(500, "INTERNAL")
        await told(run, await run.chat(), "Hello")
        for _ in range(10):
            await run.push(340)
        asked = run.fcm.asked
        assert asked > 3
        run.fcm.of_tokens.clear()
        await run.push(800)
        await run.push(800)
        assert (run.fcm.messages, run.fcm.asked, run.count("expired")) == ([], asked, 1)
        assert run.world.metric("push_queue") == 0


@pytest.mark.logs("FCM access refused")
async def test_an_account_that_gets_no_access_loses_no_device_and_heals(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register()
        run.fcm.grant_fault = (400, {"error": "invalid_grant", "error_description": "canary"})
        await told(run, await run.chat(), "Hello")
        assert (run.fcm.asked, await run.devices()) == (0, ["phone"])
        run.fcm.grant_fault = None
        await run.push(120)
        assert run.fcm.tokens == ["phone"]


async def test_an_answer_that_never_came_may_have_been_a_push_and_is_none_twice(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register()
        chat_id = await run.chat()
        await run.answer(chat_id)
        run.fcm.passable.clear()
        pushed = asyncio.create_task(run.push())
        await eventually(lambda: run.fcm.asked == 1)
        await run.fcm.cut()
        await pushed
        run.fcm.passable.set()
        await run.push(600)
        assert (run.fcm.asked, run.count("uncertain")) == (1, 1)


# The service account


def account(**changes: Any) -> str:
    fcm = Fcm()
    fcm.port = 1
    return json.dumps({**fcm.account, **changes})


NO_SECRET = next(iter(Fcm().keys.values())).public_key()
PUBLIC_KEY = NO_SECRET.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("/does/not/exist.json", "names a file that can't be read: No such file"),
        ("\0", "must be the path of a file, or JSON"),
        ("{", "is no JSON"),
        ("{}", "is no service account's key file: Object missing required field `type`"),
        (account(type="authorized_user"), "must be the key file of a service account"),
        (account(project_id="../canary"), "has a project_id that is none of Google's"),
        (account(token_uri="http://canary.example/token"), "has a token_uri that is no https:// address"),
        (account(token_uri="https://[canary"), "has a token_uri that is no https:// address"),
        (account(private_key="canary"), "has a private_key that is no RSA key in PEM format"),
        (account(private_key=PUBLIC_KEY), "has a private_key that is no RSA key in PEM format"),
        (account(client_email=""), "is no service account's key file: Expected `str` of length >= 1"),
        (account(private_key=7), "is no service account's key file: Expected `str`"),
    ],
)
def test_a_broken_service_account_is_named_and_not_quoted(value: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        service_account(value)
    assert str(caught.value).startswith(f"FCM_SERVICE_ACCOUNT {problem}")
    assert "canary" not in str(caught.value)


async def test_a_broken_service_account_stops_the_start(mongo: MongoDatabase) -> None:
    configuration = settings(mongo, "http://127.0.0.1:1", fcm_service_account="{}")
    with pytest.raises(ConfigError, match=r"^FCM_SERVICE_ACCOUNT is no service account's key file"):
        async with running(configuration):
            pass


def test_a_key_file_is_read_from_its_path_and_its_key_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "account.json"
    path.write_text(account())
    read = service_account(str(path))
    assert read == service_account(account(private_key=read.private_key))
    assert read.private_key not in repr(read)
