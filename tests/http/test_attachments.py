"""Files in replies, and what is on operators' messages: sent, shown, and still there when it is opened."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from supportd.conversations.richtext import as_text
from supportd.dev.ports import free_port
from tests.harness import MongoDatabase, Sdk, World, serving, simulating
from tests.uploading import (
    OPERATORS,
    OPERATORS_BYTES,
    PDF,
    PNG,
    TEXT,
    in_intercom,
    living,
    opened,
    reachable,
    reply_with,
    upload,
)

KINDS = ["conversation", "ticket"]
HALF_AN_HOUR = 1801


async def place(world: World, kind: str) -> str:
    """The path of a conversation or ticket of Alice's."""
    if kind == "conversation":
        return f"/api/conversations/{(await world.sdk().start(body='Hello'))['id']}"
    ticket = await world.operator.make_ticket()
    await world.sdk().list()
    await world.settle()
    await world.reconcile()
    return f"/api/tickets/{ticket['id']}"


async def send(sdk: Sdk, path: str, *ids: str, status: int = 201, **body: Any) -> Any:
    return await sdk.post(f"{path}/reply", {"attachmentIds": list(ids), **body}, status=status)


async def last_message(sdk: Sdk, path: str) -> Any:
    return (await sdk.get(path))["messages"][-1]


def described(message: dict[str, Any]) -> list[tuple[str, str, int]]:
    return [(file["name"], file["contentType"], file["size"]) for file in message["attachments"]]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_reply_brings_its_files_along(mongo: MongoDatabase, kind: str) -> None:
    async with living(mongo) as world:
        alice, path = world.sdk(), await place(world, kind)
        picture, letter = await upload(alice), await upload(alice, "letter.txt", TEXT)
        sent = (await send(alice, path, picture["id"], letter["id"], body=" See here "))["message"]
        assert (sent["body"], sent["author"]["type"]) == ("See here", "user")
        assert sorted(described(sent)) == [
            ("letter.txt", sent["attachments"][1]["contentType"], len(TEXT)),
            ("receipt.png", "image/png", len(PNG)),
        ]
        assert [(await opened(file["url"])).content for file in sent["attachments"]] == [PNG, TEXT]
        await world.settle()
        await world.reconcile()
        shown = await last_message(alice, path)
        assert {**shown, "attachments": described(shown)} == {**sent, "attachments": described(sent)}


async def test_operators_get_the_files_with_the_reply(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        files = [await upload(alice), await upload(alice, "letter.pdf", PDF), await upload(alice, "log.txt", TEXT)]
        await reply_with(alice, chat, *(file["id"] for file in files), body="See")
        [part] = await in_intercom(world, chat)
        assert [file["content_type"] for file in part["attachments"]] == ["image/png", "application/pdf", "text/plain"]
        assert [file["name"] for file in part["attachments"]] == [files[0]["id"], "letter.pdf", "log.txt"]
        assert [(await opened(file["url"])).content for file in part["attachments"]] == [PNG, PDF, TEXT]


@pytest.mark.parametrize("body", [{}, {"body": ""}, {"body": None}, {"body": " \u2063 "}])
@pytest.mark.parametrize("kind", KINDS)
async def test_files_need_no_words(mongo: MongoDatabase, kind: str, body: dict[str, Any]) -> None:
    async with living(mongo) as world:
        alice, path = world.sdk(), await place(world, kind)
        file = await upload(alice, "receipt.png")
        sent = (await send(alice, path, file["id"], **body))["message"]
        assert (sent["body"], described(sent)) == ("", [("receipt.png", "image/png", len(PNG))])
        await world.settle()
        await world.reconcile()
        assert (await last_message(alice, path))["body"] == ""


async def test_operators_read_the_names_in_the_place_of_words(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await reply_with(alice, chat, (await upload(alice))["id"], (await upload(alice, "a <b>.txt", TEXT))["id"])
        [part] = await in_intercom(world, chat)
        assert "receipt.png, a <b>.txt" in as_text(part["body"])
        [summary] = await alice.list()
        assert summary["lastMessage"]["preview"] == "receipt.png"


@pytest.mark.parametrize("words", ["receipt.png", "\U0001f4ce receipt.png", "\u2063\U0001f4ce receipt.png\u2063"])
async def test_the_users_own_words_dont_vanish(mongo: MongoDatabase, words: str) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body=words)
        await reply_with(alice, chat, (await upload(alice))["id"], body=words)
        await reply_with(alice, chat, body=words)
        await world.reconcile()
        shown = (await alice.show(chat["id"]))["messages"]
        assert [message["body"] for message in shown] == [words.strip("\u2063")] * 3


async def test_what_others_tell_first_has_its_files_too(mongo: MongoDatabase) -> None:
    """Another server hears of the message by a webhook only, and a new one by a load."""
    async with simulating() as simulator, reachable(mongo, simulator) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        file = await upload(alice)
        async with serving(world.settings.__class__(**{**_values(world), "port": 0}), simulator) as other:
            await other.sdk().show(chat["id"])
            sent = await reply_with(alice, chat, file["id"])
            await other.settle()
            [_, shown] = (await other.sdk().show(chat["id"]))["messages"]
            assert (shown["body"], described(shown)) == ("", [("receipt.png", "image/png", len(PNG))])
            assert shown["id"] == sent["message"]["id"]


def _values(world: World) -> dict[str, Any]:
    return {name: getattr(world.settings, name) for name in world.settings.__dataclass_fields__}


@pytest.mark.parametrize("kind", KINDS)
async def test_files_that_look_alike_are_not_mixed_up(mongo: MongoDatabase, kind: str) -> None:
    async with living(mongo) as world:
        alice, path = world.sdk(), await place(world, kind)
        contents = [b"It was on Monday.", b"It was on Friday."]
        for content in contents:
            await send(alice, path, (await upload(alice, "when.txt", content))["id"])
        await world.settle()
        await world.reconcile()
        shown = [message["attachments"][0] for message in (await alice.get(path))["messages"][-2:]]
        assert [(await opened(file["url"])).content for file in shown] == contents
        assert {file["name"] for file in shown} == {"when.txt"}


async def test_polls_bring_files_once(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await reply_with(alice, chat, (await upload(alice))["id"], body="See")
        polled = await alice.poll(chat["id"], chat["latestTimestamp"])
        assert [described(message) for message in polled["messages"]] == [[("receipt.png", "image/png", len(PNG))]]
        assert set(polled["messages"][0]["attachments"][0]) == {"name", "url", "contentType", "size"}
        await world.settle()
        await world.reconcile()
        assert (await alice.poll(chat["id"], polled["latestTimestamp"]))["messages"] == []


@pytest.mark.parametrize(
    ("ids", "problem"),
    [
        ([""], "characters"),
        (["x" * 129], "characters"),
        (["a\x00"], "text"),
        (["f" * 32], "uploaded"),
        (["../../etc/passwd"], "uploaded"),
        ([{"$ne": None}], "expected"),
        ("f" * 32, "expected"),
        ([f"{n:032x}" for n in range(11)], "at most"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
async def test_wrong_ids(mongo: MongoDatabase, kind: str, ids: Any, problem: str) -> None:
    async with living(mongo) as world:
        path = await place(world, kind)
        refused = await world.sdk().post(f"{path}/reply", {"body": "Hi", "attachmentIds": ids}, status=400)
        assert refused["error"] == "validation_error"
        assert refused["message"].startswith("attachmentIds")
        assert problem in refused["message"]


async def test_nothing_at_all_is_no_reply(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        bodies: list[dict[str, Any]] = [
            {},
            {"attachmentIds": []},
            {"body": "  ", "attachmentIds": None},
            {"body": "\u2063"},
        ]
        for body in bodies:
            refused = await world.sdk().post(f"/api/conversations/{chat['id']}/reply", body, status=400)
            assert refused["message"].startswith("body")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_file_is_sent_once_by_its_owner(mongo: MongoDatabase, kind: str) -> None:
    async with living(mongo) as world:
        alice, path = world.sdk(), await place(world, kind)
        file, other = await upload(alice), await upload(alice)
        bobs = await upload(world.sdk("bob"))
        anothers = await send(alice, path, other["id"], bobs["id"], body="Hi", status=400)
        absent = await send(alice, path, other["id"], "f" * 32, body="Hi", status=400)
        assert anothers == absent
        await send(alice, path, other["id"], other["id"], body="Hi", status=400)
        await send(alice, path, file["id"], body="Hi")
        assert await send(alice, path, file["id"], body="Hi", status=400) == absent
        assert await send(alice, path, other["id"], file["id"], body="Hi", status=400) == absent
        await send(alice, path, other["id"], body="Still free")


async def test_as_many_as_are_configured(mongo: MongoDatabase) -> None:
    async with living(mongo, max_files_per_msg=2) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        ids = [(await upload(alice))["id"] for _ in range(3)]
        await reply_with(alice, chat, *ids, status=400)
        assert len((await reply_with(alice, chat, *ids[:2]))["message"]["attachments"]) == 2


@pytest.mark.parametrize("action", ["start", "clarify"])
async def test_elsewhere_ids_are_ignored(mongo: MongoDatabase, action: str) -> None:
    async with living(mongo) as world:
        alice, path = world.sdk(), await place(world, "ticket")
        file = await upload(alice)
        to = "/api/conversations" if action == "start" else f"{path}/clarify"
        await alice.post(to, {"body": "Hi", "attachmentIds": [file["id"]]}, status=201)
        await send(alice, path, file["id"])


@pytest.mark.logs("files not delivered")
@pytest.mark.parametrize(("words", "shown"), [({}, "Not delivered: receipt.png"), ({"body": "See"}, "See")])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_reply_whose_file_intercom_cannot_fetch_shows_as_such(
    mongo: MongoDatabase, kind: str, words: dict[str, Any], shown: str
) -> None:
    async with living(mongo, public_url="http://127.0.0.1:9") as world:
        alice, path = world.sdk(), await place(world, kind)
        sent = (await send(alice, path, (await upload(alice))["id"], **words))["message"]
        assert (sent["body"], sent["attachments"]) == (shown, [])
        await world.settle()
        await world.reconcile()
        assert await last_message(alice, path) == sent


# What operators send


@pytest.mark.parametrize("kind", KINDS)
async def test_an_operators_file_opens_hours_later(mongo: MongoDatabase, kind: str) -> None:
    async with living(mongo) as world:
        alice, path = world.sdk(), await place(world, kind)
        await operators(world, path, body="See", files=[OPERATORS])
        [file] = (await last_message(alice, path))["attachments"]
        assert (file["name"], file["contentType"], file["size"]) == ("guide.pdf", "application/pdf", 8)
        assert file["url"].startswith(f"{world.settings.public_url}/files/attachments/")
        assert (await opened(file["url"])).content == OPERATORS_BYTES
        await world.operator.control("POST", "/attachments/expire")
        world.clock.advance(HALF_AN_HOUR)
        assert (await opened(file["url"])).content == OPERATORS_BYTES


async def operators(world: World, path: str, **reply: Any) -> None:
    _, _, what, id_ = path.split("/")
    await world.operator.control("POST", f"/{what}/{id_}/reply", reply)
    await world.settle()


@pytest.mark.parametrize("kind", KINDS)
async def test_an_inline_image_opens_hours_later(mongo: MongoDatabase, kind: str) -> None:
    async with living(mongo) as world:
        alice, path = world.sdk(), await place(world, kind)
        await operators(world, path, body="Hi", files=[OPERATORS])
        source = (await last_truth(world, path))["attachments"][0]["url"].replace("&", "&amp;")
        body = f'<p>One</p><img alt="a > b" src="https://x.example/1"><p><img src="{source}"></p>'
        await operators(world, path, body=body)
        shown = (await last_message(alice, path))["html"]
        assert "x.example" not in shown
        assert "sim-attachments" not in shown
        first, second = (piece.split('"')[0] for piece in shown.split('src="')[1:])
        assert (await world.http.get(first)).headers["Location"] == "https://x.example/1"
        assert (await opened(second)).content == OPERATORS_BYTES


async def last_truth(world: World, path: str) -> Any:
    _, _, what, id_ = path.split("/")
    found = await world.operator.control("GET", f"/{what}/{id_}")
    return (found.get("conversation_parts") or found["ticket_parts"])[f"{what[:-1]}_parts"][-1]


async def test_a_renewed_address_is_no_news(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice, path = world.sdk(), await place(world, "conversation")
        await operators(world, path, body="See", files=[OPERATORS])
        before = await alice.get(path)
        etag = (await alice.call("GET", f"{path}/poll")).headers["ETag"]
        await world.operator.control("POST", "/attachments/expire")
        [file] = before["messages"][-1]["attachments"]
        await opened(file["url"])
        world.clock.advance(HALF_AN_HOUR)
        await opened(file["url"])
        after = await alice.get(path)
        assert after["latestTimestamp"] == before["latestTimestamp"]
        assert (await alice.call("GET", f"{path}/poll", headers={"If-None-Match": etag})).status_code == 304


async def test_many_who_open_cost_one_call(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        path = await place(world, "conversation")
        await operators(world, path, body="See", files=[OPERATORS] * 5)
        await world.operator.forget_calls()
        for file in (await last_message(world.sdk(), path))["attachments"] * 3:
            assert (await world.http.get(file["url"])).status_code == 302
        assert await world.operator.calls() == {"GET /conversations/{id}": 1}


async def test_links_cannot_be_forged(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice, path = world.sdk(), await place(world, "conversation")
        mine = await upload(alice)
        await reply_with(alice, {"id": path.rpartition("/")[2]}, mine["id"])
        await operators(world, path, body="See", files=[OPERATORS])
        shown = (await alice.get(path))["messages"]
        link = urlsplit(shown[-1]["attachments"][0]["url"])
        own = urlsplit(shown[-2]["attachments"][0]["url"])
        forged = [
            link.path,
            f"{link.path}?t=",
            f"{link.path}?t=x&{link.query}",
            f"{link.path}?{own.query}",
            f"{link.path[:-1]}1?{link.query}",
            f"{own.path}?{link.query}",
            f"/files/attachments/{mine['id']}?{own.query}",
            f"/files/attachments/x?{link.query}",
        ]
        await world.operator.forget_calls()
        answers = [await world.http.get(address) for address in forged]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1
        assert await world.operator.calls() == {}
        assert (await world.http.head(link.geturl())).status_code == 302
        world.clock.advance(2 * 86400)
        assert (await world.http.get(link.geturl())).status_code == 404


@pytest.mark.parametrize("address", ["javascript:alert(1)", "file:///etc/passwd", "//x.example/a", "data:text/html,x"])
async def test_nobody_is_sent_anywhere_but_to_http(mongo: MongoDatabase, address: str) -> None:
    async with living(mongo) as world:
        path = await place(world, "conversation")
        await operators(world, path, body="See", attachments=[{"name": "a", "url": address}])
        [file] = (await last_message(world.sdk(), path))["attachments"]
        assert address not in file["url"]
        assert (await world.http.get(file["url"])).status_code == 404


async def test_an_address_cannot_add_headers(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        path = await place(world, "conversation")
        await operators(world, path, body="x", attachments=[{"name": "a", "url": "http://x.example/\r\nA: b\u20ac%20"}])
        [file] = (await last_message(world.sdk(), path))["attachments"]
        answer = await world.http.get(file["url"])
        assert answer.headers["Location"] == "http://x.example/%0D%0AA:%20b%E2%82%AC%20"


@pytest.mark.parametrize("opened_before", [False, True])
async def test_what_is_redacted_opens_no_more(mongo: MongoDatabase, opened_before: bool) -> None:
    async with living(mongo) as world:
        alice, path = world.sdk(), await place(world, "conversation")
        await operators(world, path, body="See", files=[OPERATORS])
        message = await last_message(alice, path)
        url = message["attachments"][0]["url"]
        if opened_before:
            assert "max-age=60" in (await world.http.get(url)).headers["Cache-Control"]
            world.clock.advance(60)
        await world.operator.act(path.rpartition("/")[2], "redact", part_id=message["id"])
        assert (await world.http.get(url)).status_code == 404


HOURS_LATER = 5 * 3600


@pytest.mark.parametrize("kind", KINDS)
async def test_links_outlive_the_server_and_the_token(mongo: MongoDatabase, kind: str) -> None:
    """A new server has nothing in memory, its secret was rotated, and the user's token is over."""
    async with simulating() as simulator:
        port = free_port()
        here: dict[str, Any] = {"port": port, "public_url": f"http://127.0.0.1:{port}"}
        async with reachable(mongo, simulator, file_url_secret="a" * 32, **here) as world:
            alice, path = world.sdk(), await place(world, kind)
            await send(alice, path, (await upload(alice))["id"])
            await operators(world, path, body="See", files=[OPERATORS])
            shown = (await alice.get(path))["messages"][-2:]
        secrets: dict[str, Any] = {"file_url_secret": "b" * 32, "file_url_secret_previous": "a" * 32}
        async with reachable(mongo, simulator, **secrets, **here) as world:
            world.clock.advance(HOURS_LATER)
            await world.operator.control("POST", "/attachments/expire")
            contents = [(await opened(message["attachments"][0]["url"])).content for message in shown]
            assert contents == [PNG, OPERATORS_BYTES]
        async with reachable(mongo, simulator, file_url_secret="b" * 32, **here) as world:
            statuses = [(await opened(message["attachments"][0]["url"])).status_code for message in shown]
            assert statuses == [404, 404]


async def test_another_conversations_file_is_not_shown_by_its_name(mongo: MongoDatabase) -> None:
    """A user who knows the id of a file names an own one by it."""
    async with living(mongo) as world:
        alice, bob = world.sdk(), world.sdk("bob")
        secret = await upload(alice)
        await reply_with(alice, await alice.start(body="Hello"), secret["id"])
        trick = await upload(bob, f"{secret['id']}.txt", TEXT)
        sent = await reply_with(bob, await bob.start(body="Hello"), trick["id"])
        [file] = sent["message"]["attachments"]
        assert (await opened(file["url"])).content == TEXT
