"""Who may do what: every verb of every route, tried by its owner, by another user, without a token and with an old one.

The rows are checked against the route table, so a new route without a row fails.
"""

import re
from dataclasses import dataclass, field, fields
from typing import Any

import httpx
import pytest

from supportd.handlers.web import Auth
from supportd.routes import ID, Route, Services, routes
from tests.harness import MongoDatabase, Sdk, World, living, token
from tests.raw_uploads import PNG, link_token, uploaded
from tests.uploading import OPERATORS

ABSENT = "404404"


@dataclass(frozen=True)
class Row:
    """A call that its owner may make.

    `of` is what an id in the path names; `query` may name things in braces; `files` is a form with a file. `inside` are
    the keys of the body that name something, and what. `looks_up` says whether these are looked up: where they aren't,
    another user's is taken like any other.
    """

    status: int = 200
    of: str = ""
    body: dict[str, Any] | None = None
    files: dict[str, bytes] | None = None
    query: str = ""
    inside: dict[str, str] = field(default_factory=dict)
    looks_up: bool = True

    def sent(self, **changes: Any) -> dict[str, Any]:
        """The body as httpx takes it."""
        if self.files is not None:
            return {"files": self.files}
        return {"json": None if self.body is None else {**self.body, **changes}}


COMPLAINT = {"category": "other", "description": "It took two days"}
ROWS = {
    ("health", "GET"): Row(),
    ("ready", "GET"): Row(),
    ("openapi", "GET"): Row(),
    ("docs", "GET"): Row(),
    ("conversations", "GET"): Row(),
    ("conversations", "POST"): Row(201, body={"body": "Hello"}),
    ("conversation", "GET"): Row(of="conversation"),
    ("poll", "GET"): Row(of="conversation", query="?since=0"),
    ("read", "POST"): Row(of="conversation"),
    ("close", "POST"): Row(of="conversation"),
    ("reply", "POST"): Row(201, of="conversation", body={"body": "Hello"}),
    ("tickets", "GET"): Row(),
    ("ticket_search", "GET"): Row(query="?q=AW"),
    ("ticket", "GET"): Row(of="ticket"),
    ("ticket_reply", "POST"): Row(201, of="ticket", body={"body": "Hello"}),
    ("ticket_clarify", "POST"): Row(201, of="ticket", body={}),
    ("upload", "POST"): Row(201, files={"file": PNG}),
    ("file", "GET"): Row(of="file"),
    ("file", "HEAD"): Row(of="file"),
    ("file_link", "GET"): Row(of="file", query="?t={token}"),
    ("file_link", "HEAD"): Row(of="file", query="?t={token}"),
    ("attachment_link", "GET"): Row(302, of="attachment", query="?t={attachment_token}"),
    ("attachment_link", "HEAD"): Row(302, of="attachment", query="?t={attachment_token}"),
    ("csat", "POST"): Row(
        201, body={"stars": 5}, inside={"conversationId": "conversation", "ticketId": "ticket"}
    ),
    ("complaints", "POST"): Row(
        201, body=COMPLAINT, inside={"chatId": "conversation", "dialogId": "conversation"}, looks_up=False
    ),
    ("register_device", "POST"): Row(body={"platform": "mobile", "token": "another token"}),
    ("device", "DELETE"): Row(of="device"),
    ("notification_settings", "GET"): Row(),
    ("notification_settings", "PUT"): Row(body={"chatMessages": True}),
    ("diagnostics", "POST"): Row(204, body={"platform": "ios"}),
    ("webhook", "HEAD"): Row(),
    ("webhook", "POST"): Row(401, body={"topic": "ping"}),
}  # fmt: skip


def table() -> dict[tuple[str, str], tuple[Route, Auth]]:
    nothing: dict[str, Any] = {item.name: None for item in fields(Services)}
    found = routes(Services(**nothing))
    return {(route.name, verb): (route, auth) for route in found for verb, auth in route.verbs.items()}


TABLE = table()
BEARER = [call for call, (_, auth) in TABLE.items() if auth is Auth.BEARER]
OTHERS = [call for call in TABLE if call not in BEARER]
Things = dict[str, str]


async def things_of(world: World, user: str) -> Things:
    """One of everything that belongs to the user."""
    sdk = world.sdk(user)
    conversation = await sdk.start(body=f"Hello, this is {user}")
    ticket = await world.operator.make_ticket(user)
    device = await sdk.post("/api/devices/register", {"platform": "mobile", "token": f"of {user}"}, status=200)
    file = await uploaded(sdk)
    await world.operator.reply(conversation["id"], "See", files=[OPERATORS])
    await world.settle()
    await world.reconcile()
    shown = (await sdk.show(conversation["id"]))["messages"][-1]["attachments"][0]["url"]
    attachment, _, attachment_token = shown.rpartition("/")[2].partition("?t=")
    return {
        "conversation": conversation["id"],
        "ticket": ticket["id"],
        "device": device["id"],
        "file": file["id"],
        "token": link_token(world, file["id"]),
        "attachment": attachment,
        "attachment_token": attachment_token,
    }


def address(call: tuple[str, str], things: Things) -> str:
    route, _ = TABLE[call]
    path = re.sub(r"\\(.)", r"\1", route.pattern.replace(ID, things.get(ROWS[call].of, "")))
    return f"{path}{ROWS[call].query.format(**things)}"


async def ask(sdk: Sdk, call: tuple[str, str], things: Things, **changes: Any) -> httpx.Response:
    return await sdk.call(call[1], address(call, things), **ROWS[call].sent(**changes))


def seen(response: httpx.Response) -> tuple[int, bytes, set[str]]:
    return response.status_code, response.content, set(response.headers)


def test_every_verb_of_every_route_has_a_row() -> None:
    assert ROWS.keys() == TABLE.keys()
    for call, (route, _) in TABLE.items():
        assert (ID in route.pattern) == bool(ROWS[call].of), call


@pytest.mark.parametrize("call", BEARER, ids="-".join)
async def test_only_the_owner_gets_in(mongo: MongoDatabase, call: tuple[str, str]) -> None:
    row = ROWS[call]
    async with living(mongo) as world:
        alice, bob = world.sdk("alice"), world.sdk("bob")
        own, his = await things_of(world, "alice"), await things_of(world, "bob")
        await world.operator.forget_calls()

        nobody = await world.http.request(call[1], address(call, own), **row.sent())
        old = await ask(Sdk(world.http, "alice", token("alice", expires_in=-1)), call, own)
        assert (nobody.status_code, old.status_code) == (401, 401)
        assert nobody.content == old.content
        assert await world.operator.calls() == {}

        if row.of:
            anothers = await ask(bob, call, own)
            absent = await ask(bob, call, dict.fromkeys(own, ABSENT))
            assert seen(anothers) == seen(absent)
            assert anothers.status_code == 404
        else:
            bobs = await ask(bob, call, own, **{key: his[of] for key, of in row.inside.items()})
            assert bobs.status_code == row.status, bobs.text
            assert not [thing for thing in own.values() if f'"{thing}"' in bobs.text]
        alices = await ask(alice, call, own, **{key: own[of] for key, of in row.inside.items()})
        assert alices.status_code == row.status, alices.text


NAMING = [(call, key) for call, row in ROWS.items() for key in row.inside]


@pytest.mark.parametrize(("call", "key"), NAMING, ids=lambda value: "-".join(value) if type(value) is tuple else value)
async def test_anothers_id_in_a_body_is_as_an_absent_one(mongo: MongoDatabase, call: tuple[str, str], key: str) -> None:
    row = ROWS[call]
    async with living(mongo) as world:
        own = await things_of(world, "alice")
        await things_of(world, "bob")
        await world.operator.forget_calls()
        anothers = await ask(world.sdk("bob"), call, {}, **{key: own[row.inside[key]]})
        absent = await ask(world.sdk("bob"), call, {}, **{key: ABSENT})
        if row.looks_up:
            assert seen(anothers) == seen(absent)
            assert anothers.status_code == 404
        else:  # the answers differ in the id of what was made
            assert anothers.status_code == absent.status_code == row.status
            assert set(anothers.json()) == set(absent.json())
        assert all(operation.startswith("GET ") for operation in await world.operator.calls())


@pytest.mark.parametrize("call", OTHERS, ids="-".join)
async def test_elsewhere_a_token_makes_no_difference(mongo: MongoDatabase, call: tuple[str, str]) -> None:
    async with living(mongo) as world:
        own = await things_of(world, "alice")
        callers = [world.sdk("alice"), world.sdk("bob"), Sdk(world.http, "alice", token("alice", expires_in=-1))]
        answers = [await ask(sdk, call, own) for sdk in callers]
        answers.append(await world.http.request(call[1], address(call, own), **ROWS[call].sent()))
        assert {answer.status_code for answer in answers} == {ROWS[call].status}
        assert len({re.sub(rb'"uptime":[0-9]+', b"", answer.content) for answer in answers}) == 1
