"""Tickets: listed, searched, shown, replied to, asked about; and that only their users see them."""

import asyncio
from typing import Any

import pymongo
import pytest

from supportd.errors import IntercomRefused
from tests.harness import MongoDatabase, Sdk, World, living, serving, settings, simulating, token

CALLS: list[tuple[str, str, Any]] = [
    ("GET", "", None),
    ("POST", "/reply", {"body": "Hello"}),
    ("POST", "/clarify", {"body": "Hello"}),
]


async def tickets(sdk: Sdk, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await sdk.get("/api/tickets", params=query))["tickets"]
    return found


async def search(sdk: Sdk, typed: str) -> list[str]:
    found = await sdk.get("/api/tickets/search", params={"q": typed})
    return [ticket["reference"] for ticket in found["tickets"]]


async def show(sdk: Sdk, ticket_id: str) -> Any:
    return await sdk.get(f"/api/tickets/{ticket_id}")


async def reply(sdk: Sdk, ticket_id: str, body: str) -> Any:
    return await sdk.post(f"/api/tickets/{ticket_id}/reply", {"body": body}, status=201)


async def clarify(sdk: Sdk, ticket_id: str, body: Any = None) -> Any:
    return await sdk.post(f"/api/tickets/{ticket_id}/clarify", body, status=201)


def states(detail: dict[str, Any]) -> list[str]:
    return [step["state"] for step in detail["timeline"]]


async def state_in_intercom(world: World, ticket_id: str) -> str:
    truth = await world.operator.true_ticket(ticket_id)
    category: str = truth["ticket_state"]["category"]
    return category


# Lists


async def test_a_users_tickets_the_newest_first(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        first = await world.operator.make_ticket(title="Lost card")
        await world.operator.control("POST", "/clock", {"advance": 5})
        second = await world.operator.make_ticket(title="Stolen phone")
        await world.operator.make_ticket("bob")
        found = await tickets(world.sdk())
        assert found == [
            {
                "id": made["id"],
                "reference": f"AW-{made['ticket_id']}",
                "title": title,
                "state": "submitted",
                "rated": False,
                "createdAt": made["created_at"] * 1000,
                "updatedAt": made["updated_at"] * 1000,
            }
            for made, title in [(second, "Stolen phone"), (first, "Lost card")]
        ]


async def test_a_user_whom_intercom_doesnt_know_has_no_tickets_and_is_not_made(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        assert await world.sdk().get("/api/tickets") == {"tickets": [], "nextCursor": None}
        assert world.simulator.workspace.contacts == {}


async def test_pages_of_tickets(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        made = [(await world.operator.make_ticket(title=str(number)))["id"] for number in range(5)]
        seen: list[str] = []
        query: dict[str, Any] = {"limit": 2}
        while True:
            page = await world.sdk().get("/api/tickets", params=query)
            seen += [ticket["id"] for ticket in page["tickets"]]
            if page["nextCursor"] is None:
                break
            query["cursor"] = page["nextCursor"]
        assert sorted(seen) == sorted(made)
        assert len(seen) == 5


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"cursor": ""}, {"cursor": "!"}])
@pytest.mark.parametrize("path", ["/api/tickets", "/api/tickets/search"])
async def test_a_page_that_cant_be_is_refused(mongo: MongoDatabase, path: str, query: dict[str, str]) -> None:
    async with living(mongo) as world:
        response = await world.sdk().call("GET", path, params={"q": "1", **query})
        assert response.status_code == 400
        assert response.json()["message"].startswith(next(iter(query)))


async def test_the_first_list_costs_one_search_and_later_ones_none(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await world.operator.make_ticket()
        await world.settle()
        await world.operator.forget_calls()
        assert len(await tickets(world.sdk())) == 1
        assert (await world.operator.calls())["POST /tickets/search"] == 1
        await world.operator.forget_calls()
        await tickets(world.sdk())
        await search(world.sdk(), "1")
        assert await world.operator.calls() == {}


# Search


async def test_tickets_are_found_by_their_reference(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        made = [await world.operator.make_ticket() for _ in range(12)]
        await world.operator.make_ticket("bob")
        numbers = [ticket["ticket_id"] for ticket in made]
        ten = numbers[9]
        alike = sorted(f"AW-{number}" for number in numbers if number.startswith(ten))
        for typed in (f"AW-{ten}", f"aw-{ten}", f" {ten} "):
            assert sorted(await search(world.sdk(), typed)) == alike
        beginning = ten[:1]
        expected = sorted(f"AW-{number}" for number in numbers if number.startswith(beginning))
        assert sorted(await search(world.sdk(), f"AW-{beginning}")) == expected
        assert len(await search(world.sdk(), "aw")) == 12


@pytest.mark.parametrize("typed", ["AX-1", "hello", "AW-1x", "999999", ".*", "AW-99999999"])
async def test_what_no_reference_begins_with_finds_nothing(mongo: MongoDatabase, typed: str) -> None:
    async with living(mongo) as world:
        await world.operator.make_ticket()
        assert await search(world.sdk(), typed) == []


@pytest.mark.parametrize("query", [{}, {"q": ""}, {"q": "   "}, {"q": "1" * 65}, {"q": "\x00"}])
async def test_a_search_needs_something_to_look_for(mongo: MongoDatabase, query: dict[str, str]) -> None:
    async with living(mongo) as world:
        response = await world.sdk().call("GET", "/api/tickets/search", params=query)
        assert (response.status_code, response.json()["error"]) == (400, "validation_error")
        assert response.json()["message"].startswith("q:")


async def test_another_prefix(mongo: MongoDatabase) -> None:
    async with living(mongo, ticket_reference_prefix="Wal") as world:
        made = await world.operator.make_ticket()
        number = made["ticket_id"]
        assert await search(world.sdk(), f"WAL-{number}") == [f"Wal-{number}"]
        assert await search(world.sdk(), f"AW-{number}") == []


# Detail


async def test_messages_and_the_timeline_rebuilt_from_the_parts(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        made = await world.operator.make_ticket(title="Lost card", description="not for the user")
        await world.operator.act_on_ticket(made["id"], "state", state="in_progress")
        await world.operator.act_on_ticket(made["id"], "note", body="<p>internal</p>")
        await world.operator.act_on_ticket(made["id"], "reply", body="<p>Which <b>card</b>?</p>")
        await world.operator.act_on_ticket(made["id"], "state", state="waiting_on_customer")
        await world.operator.act_on_ticket(made["id"], "contact_reply", body="The blue one")
        detail = await show(world.sdk(), made["id"])
        assert states(detail) == ["submitted", "in_progress", "awaiting_reply"]
        assert detail["state"] == "awaiting_reply"
        assert [(said["author"]["type"], said["body"], said["html"]) for said in detail["messages"]] == [
            ("operator", "Which card?", "<p>Which <b>card</b>?</p>"),
            ("user", "The blue one", None),
        ]
        times = [said["createdAt"] for said in detail["messages"]]
        assert times == sorted(set(times))
        assert detail["timeline"][0]["at"] == made["created_at"] * 1000


async def test_a_detail_in_memory_costs_nothing(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        made = await world.operator.make_ticket()
        await show(world.sdk(), made["id"])
        await world.operator.forget_calls()
        response = await world.sdk().call("GET", f"/api/tickets/{made['id']}")
        assert response.status_code == 200
        assert int(response.headers["Age"]) >= 0
        assert await world.operator.calls() == {}


# Whose it is


async def assert_is_none(world: World, sdk: Sdk, ticket_id: str) -> None:
    before = await world.operator.true_ticket(ticket_id)
    for method, rest, body in CALLS:
        anothers = await sdk.call(method, f"/api/tickets/{ticket_id}{rest}", json=body)
        absent = await sdk.call(method, f"/api/tickets/404404{rest}", json=body)
        assert (anothers.status_code, anothers.content) == (absent.status_code, absent.content), (method, rest)
        assert (anothers.status_code, anothers.json()["error"]) == (404, "not_found")
    assert await world.operator.true_ticket(ticket_id) == before


@pytest.mark.parametrize("known", [True, False])
async def test_anothers_ticket_is_none(mongo: MongoDatabase, known: bool) -> None:
    async with living(mongo) as world:
        made = await world.operator.make_ticket("alice")
        await show(world.sdk("alice"), made["id"])
        if known:
            await world.sdk("bob").start(body="I am here too")
        await assert_is_none(world, world.sdk("bob"), made["id"])
        assert await tickets(world.sdk("bob")) == []


async def test_a_ticket_that_is_not_shared_is_none(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        made = await world.operator.make_ticket(is_shared=False)
        await alice.start(body="Hello")
        assert await tickets(alice) == []
        await assert_is_none(world, alice, made["id"])

        await world.operator.act_on_ticket(made["id"], "share")
        await world.settle()
        await world.reconcile()
        assert [ticket["id"] for ticket in await tickets(alice)] == [made["id"]]

        await world.operator.act_on_ticket(made["id"], "unshare")
        await world.settle()
        await world.reconcile()
        assert await tickets(alice) == []
        await assert_is_none(world, alice, made["id"])


@pytest.mark.parametrize("kind", ["Back-office", "Tracker"])
async def test_what_the_team_keeps_to_itself_is_none(mongo: MongoDatabase, kind: str) -> None:
    async with living(mongo) as world:
        await world.sdk().start(body="Hello")
        made = await world.operator.make_ticket(type=kind, is_shared=True)
        assert await tickets(world.sdk()) == []
        await assert_is_none(world, world.sdk(), made["id"])


async def test_a_ticket_is_no_conversation_and_the_other_way_round(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        assert (await alice.call("GET", f"/api/tickets/{chat['id']}")).status_code == 404


# Webhooks and the reconciler


async def test_what_the_team_does_is_shown(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        made = await world.operator.make_ticket()
        await show(alice, made["id"])
        await world.operator.act_on_ticket(made["id"], "state", state="in_progress")
        await world.operator.act_on_ticket(made["id"], "reply", body="<p>On it</p>")
        await world.operator.act_on_ticket(made["id"], "bot_reply", body="<p>It may take a while</p>")
        await world.operator.act_on_ticket(made["id"], "note", body="<p>internal</p>")
        await world.operator.act_on_ticket(made["id"], "close")
        await world.operator.forget_calls()
        await world.settle()
        detail = await show(alice, made["id"])
        assert [said["body"] for said in detail["messages"]] == ["On it", "It may take a while"]
        assert [said["author"]["type"] for said in detail["messages"]] == ["operator", "bot"]
        assert states(detail) == ["submitted", "in_progress", "resolved"]
        assert [(ticket["state"]) for ticket in await tickets(alice)] == ["resolved"]
        assert "GET /tickets/{id}" not in await world.operator.calls()


async def test_a_new_ticket_of_a_user_of_ours_comes_by_its_webhook(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await tickets(world.sdk())
        await world.sdk().start(body="Hello")
        assert await tickets(world.sdk()) == []
        made = await world.operator.make_ticket()
        await world.settle()
        assert [ticket["id"] for ticket in await tickets(world.sdk())] == [made["id"]]


async def test_strangers_tickets_are_left_alone(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        made = await world.operator.make_ticket("stranger")
        await world.settle()
        await world.reconcile()
        assert await world.server.parts.stores.tickets.get(made["id"]) is None


@pytest.mark.logs("topic never arrives: is it ticked in Intercom's webhook settings?")
@pytest.mark.parametrize(
    "fate", [{"webhook_drop": 1.0}, {"webhook_duplicate": 1.0}, {"webhook_reorder": "newest_first"}]
)
async def test_whatever_becomes_of_webhooks_the_end_is_what_intercom_has(
    mongo: MongoDatabase, fate: dict[str, Any]
) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        made = await world.operator.make_ticket()
        await show(alice, made["id"])
        await world.operator.trouble(**fate)
        await world.operator.act_on_ticket(made["id"], "state", state="in_progress")
        for number in range(5):
            await world.operator.act_on_ticket(made["id"], "reply", body=f"<p>{number}</p>")
        await world.operator.act_on_ticket(made["id"], "state", state="waiting_on_customer")
        await world.settle()
        await world.reconcile()
        detail = await show(alice, made["id"])
        assert sorted(said["body"] for said in detail["messages"]) == ["0", "1", "2", "3", "4"]
        assert states(detail) == ["submitted", "in_progress", "awaiting_reply"]


@pytest.mark.logs("topic never arrives: is it ticked in Intercom's webhook settings?")
async def test_a_missed_webhook_is_made_up_for_and_counted(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        alice = world.sdk()
        await alice.start(body="Hello")
        made = await world.operator.make_ticket()
        await world.reconcile()
        assert world.metric("reconciler_drift_total", topic="ticket.created") == 1
        await world.operator.act_on_ticket(made["id"], "reply", body="<p>Hello</p>")
        await world.operator.act_on_ticket(made["id"], "contact_reply", body="Hello?")
        await world.operator.act_on_ticket(made["id"], "state", state="resolved")
        await world.reconcile()
        assert [ticket["state"] for ticket in await tickets(alice)] == ["resolved"]
        for topic in ("ticket.admin.replied", "ticket.contact.replied", "ticket.state.updated"):
            assert world.metric("reconciler_drift_total", topic=topic) == 1
        assert await world.reconcile() == 0


async def test_a_deletion_is_found_in_time(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        alice = world.sdk()
        made = await world.operator.make_ticket()
        await show(alice, made["id"])
        await world.operator.control("DELETE", f"/tickets/{made['id']}")
        await world.elapse(7 * 3600)
        await world.reconcile()
        assert (await alice.call("GET", f"/api/tickets/{made['id']}")).status_code == 404
        assert await tickets(alice) == []


async def test_what_was_deleted_stays_so_whatever_comes_late(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        made = await world.operator.make_ticket()
        await show(alice, made["id"])
        await world.settle()
        await world.operator.trouble(webhook_hold=True)
        await world.operator.act_on_ticket(made["id"], "reply", body="<p>On it</p>")
        await world.operator.control("DELETE", f"/tickets/{made['id']}")
        await world.elapse(7 * 3600)
        await world.reconcile()
        assert await tickets(alice) == []
        await world.operator.no_trouble()
        await world.settle()
        assert await tickets(alice) == []


async def test_a_resolved_ticket_that_was_deleted_is_found_later(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        alice = world.sdk()
        made = await world.operator.make_ticket()
        await world.operator.act_on_ticket(made["id"], "state", state="resolved")
        await show(alice, made["id"])
        await world.operator.control("DELETE", f"/tickets/{made['id']}")
        await world.elapse(6 * 86400)
        await world.reconcile()
        assert len(await tickets(alice)) == 1
        await world.elapse(2 * 86400)
        alice.token = token("alice", expires_in=30 * 86400)
        await world.reconcile()
        assert await tickets(alice) == []


async def test_a_reply_to_what_was_deleted_takes_it_off_the_list(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        alice = world.sdk()
        made = await world.operator.make_ticket()
        await show(alice, made["id"])
        await world.operator.control("DELETE", f"/tickets/{made['id']}")
        await world.elapse(3600)
        assert (await alice.call("POST", f"/api/tickets/{made['id']}/reply", json={"body": "Hello"})).status_code == 404
        assert await tickets(alice) == []


async def test_a_rating_outlives_the_ticket_s_snapshot(mongo: MongoDatabase) -> None:
    async with simulating() as simulator:
        configuration = settings(mongo, simulator.base_url)
        async with serving(configuration, simulator) as world:
            made = await world.operator.make_ticket()
            await world.sdk().post("/api/csat", {"stars": 5, "ticketId": made["id"]}, status=201)
        with pymongo.MongoClient[dict[str, Any]](mongo.uri) as client:
            client[mongo.name]["tickets"].drop()
        async with serving(configuration, simulator) as world:
            assert (await show(world.sdk(), made["id"]))["rated"] is True


@pytest.mark.logs("periodic task failed")
async def test_conversations_that_may_not_be_searched_dont_keep_tickets_from_it(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        alice = world.sdk()
        made = await world.operator.make_ticket()
        await show(alice, made["id"])
        await world.operator.act_on_ticket(made["id"], "reply", body="<p>On it</p>")
        await world.operator.trouble(forbidden_path="/conversations/search")
        with pytest.raises(IntercomRefused):
            await world.reconcile()
        assert [said["body"] for said in (await show(alice, made["id"]))["messages"]] == ["On it"]


@pytest.mark.parametrize("version", ["2.14", "2.15"])
async def test_a_close_is_understood_in_both_versions(mongo: MongoDatabase, version: str) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        made = await world.operator.make_ticket()
        await show(alice, made["id"])
        await world.operator.trouble(webhook_version=version)
        await world.operator.act_on_ticket(made["id"], "close")
        await world.settle()
        assert (await show(alice, made["id"]))["state"] == "resolved"


async def test_a_webhook_that_says_too_little_makes_it_load_the_ticket(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        made = await world.operator.make_ticket()
        await show(alice, made["id"])
        await world.operator.trouble(webhook_drop=1.0)
        await world.operator.act_on_ticket(made["id"], "reply", body="<p>Hello</p>")
        await world.operator.no_trouble()
        await world.operator.act_on_ticket(made["id"], "emit", topic="ticket.contact.attached")
        await world.settle()
        assert [said["body"] for said in (await show(alice, made["id"]))["messages"]] == ["Hello"]


# Replies


async def test_a_reply_is_in_the_ticket_at_once_and_in_intercom(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        alice = world.sdk()
        made = await world.operator.make_ticket()
        sent = await reply(alice, made["id"], "  The blue <one>\n& more  ")
        assert sent["state"] == "submitted"
        assert (sent["message"]["author"]["type"], sent["message"]["body"]) == ("user", "The blue <one>\n& more")
        detail = await show(alice, made["id"])
        assert detail["messages"] == [sent["message"]]
        await world.reconcile()
        assert (await show(alice, made["id"]))["messages"] == [sent["message"]]
        truth = await world.operator.true_ticket(made["id"])
        assert sum(part["part_type"] == "comment" for part in truth["ticket_parts"]["ticket_parts"]) == 1


@pytest.mark.parametrize("webhooks", [True, False])
async def test_a_reply_reopens_a_resolved_ticket_in_intercom_too(mongo: MongoDatabase, webhooks: bool) -> None:
    async with living(mongo, webhooks=webhooks) as world:
        alice = world.sdk()
        made = await world.operator.make_ticket()
        await show(alice, made["id"])
        await world.operator.act_on_ticket(made["id"], "state", state="resolved")
        if webhooks:
            await world.settle()
        sent = await reply(alice, made["id"], "Not solved at all")
        assert sent["state"] == "in_progress"
        assert await state_in_intercom(world, made["id"]) == "in_progress"
        if webhooks:
            await world.settle()
        await world.reconcile()
        detail = await show(alice, made["id"])
        assert detail["state"] == "in_progress"
        assert states(detail) == ["submitted", "resolved", "in_progress"]
        assert [said["body"] for said in detail["messages"]] == ["Not solved at all"]


async def test_a_reply_leaves_other_states_alone(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        made = await world.operator.make_ticket()
        await world.operator.act_on_ticket(made["id"], "state", state="waiting_on_customer")
        sent = await reply(world.sdk(), made["id"], "Here")
        assert sent["state"] == "awaiting_reply"
        assert await state_in_intercom(world, made["id"]) == "waiting_on_customer"


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "body"), ({"body": ""}, "body"), ({"body": " \n"}, "body"), ({"body": "x" * 10_001}, "body")],
)
async def test_a_bad_reply_names_its_field_and_sends_nothing(
    mongo: MongoDatabase, body: dict[str, Any], field: str
) -> None:
    async with living(mongo) as world:
        made = await world.operator.make_ticket()
        await show(world.sdk(), made["id"])
        before = await world.operator.true_ticket(made["id"])
        response = await world.sdk().call("POST", f"/api/tickets/{made['id']}/reply", json=body)
        assert (response.status_code, response.json()["error"]) == (400, "validation_error")
        assert response.json()["message"].startswith(f"{field}:")
        assert await world.operator.true_ticket(made["id"]) == before


async def test_while_intercom_is_down_a_ticket_is_shown_and_a_reply_refused(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        made = await world.operator.make_ticket()
        await world.operator.act_on_ticket(made["id"], "state", state="resolved")
        await tickets(alice)
        await world.operator.trouble(outage="error")
        response = await alice.call("POST", f"/api/tickets/{made['id']}/reply", json={"body": "Hello"})
        assert (response.status_code, response.json()["error"]) == (502, "service_unavailable")
        assert (await show(alice, made["id"]))["state"] == "resolved"
        await world.operator.no_trouble()
        assert await state_in_intercom(world, made["id"]) == "resolved"
        assert (await reply(alice, made["id"], "Hello"))["state"] == "in_progress"


async def test_tickets_survive_a_restart(mongo: MongoDatabase) -> None:
    async with simulating() as simulator:
        configuration = settings(mongo, simulator.base_url)
        async with serving(configuration, simulator) as world:
            made = await world.operator.make_ticket()
            await reply(world.sdk(), made["id"], "Hello")
            before = await show(world.sdk(), made["id"])
        async with serving(configuration, simulator) as world:
            await world.operator.trouble(outage="error")
            assert await show(world.sdk(), made["id"]) == before


@pytest.mark.logs("tickets refused: may the access token read them?")
async def test_a_token_that_may_not_read_tickets_spoils_nothing_else(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        started = await world.sdk().start(body="Hello")
        await world.operator.reply(started["id"], "<p>Hello</p>")
        await world.operator.trouble(forbidden_path="/tickets")
        await world.reconcile()
        assert len((await world.sdk().poll(started["id"]))["messages"]) == 2


# Clarify


async def test_a_question_goes_to_the_open_conversation(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        closed = await alice.start(body="Long ago")
        await alice.post(f"/api/conversations/{closed['id']}/close", status=200)
        chat = await alice.start(body="Hello")
        made = await world.operator.make_ticket()
        asked = await clarify(alice, made["id"], {"body": "Any news?"})
        assert asked["conversationId"] == chat["id"]
        assert asked["message"]["body"] == f"AW-{made['ticket_id']}: Any news?"
        assert (await alice.show(chat["id"]))["messages"][-1] == asked["message"]
        assert len(await alice.list()) == 2


@pytest.mark.parametrize("body", [None, {}, {"body": None}])
async def test_without_words_the_question_is_ours(mongo: MongoDatabase, body: Any) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        made = await world.operator.make_ticket()
        asked = await clarify(alice, made["id"], body)
        assert f"AW-{made['ticket_id']}" in asked["message"]["body"]


async def test_without_an_open_conversation_a_new_one_is_started(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        closed = await alice.start(body="Long ago")
        await alice.post(f"/api/conversations/{closed['id']}/close", status=200)
        made = await world.operator.make_ticket()
        asked = await clarify(alice, made["id"], {"body": "Any news?"})
        assert asked["conversationId"] not in {closed["id"], made["id"]}
        assert (await alice.show(asked["conversationId"]))["messages"] == [asked["message"]]


async def test_a_snoozed_conversation_is_open_to_the_user(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.operator.act(chat["id"], "snooze", until=int(world.clock.time()) + 3600)
        await world.settle()
        made = await world.operator.make_ticket()
        assert (await clarify(alice, made["id"]))["conversationId"] == chat["id"]


@pytest.mark.parametrize("body", [{"body": 1}, {"body": ""}, {"body": "x" * 10_001}, {"body": {"$gt": ""}}])
async def test_a_bad_question_names_its_field_and_sends_nothing(mongo: MongoDatabase, body: dict[str, Any]) -> None:
    async with living(mongo) as world:
        made = await world.operator.make_ticket()
        response = await world.sdk().call("POST", f"/api/tickets/{made['id']}/clarify", json=body)
        assert (response.status_code, response.json()["error"]) == (400, "validation_error")
        assert response.json()["message"].startswith("body:")
        assert await world.sdk().list() == []


async def test_two_questions_at_once_are_in_one_conversation(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        made = await world.operator.make_ticket()
        asked = await asyncio.gather(*(clarify(alice, made["id"], {"body": str(number)}) for number in range(3)))
        assert len({answer["conversationId"] for answer in asked}) == 1
