"""What a user does with conversations, seen by the user and by Intercom."""

import asyncio
from typing import Any

import pytest

from tests.harness import MongoDatabase, World, living
from tests.waiting import eventually

MESSAGE_KEYS = {"id", "author", "body", "html", "attachments", "createdAt", "redacted"}
SUMMARY_KEYS = {
    "id", "title", "state", "snoozedUntil", "rated", "unread", "reason", "lastMessage", "createdAt", "updatedAt",
}  # fmt: skip
CONVERSATION_KEYS = SUMMARY_KEYS | {"messages", "rating", "latestTimestamp"}


def visible_parts(truth: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for part in truth["conversation_parts"]["conversation_parts"] if part["part_type"] != "note"]


async def test_a_start_with_words_is_shown_and_sent(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        started = await world.sdk().start(body="  My transfer is stuck\n")

        assert set(started) == CONVERSATION_KEYS
        (message,) = started["messages"]
        assert set(message) == MESSAGE_KEYS
        assert message["author"]["type"] == "user"
        assert message["body"] == "My transfer is stuck"
        assert started["latestTimestamp"] == message["createdAt"]
        assert (started["state"], started["unread"], started["reason"]) == ("open", 0, None)
        assert "My transfer is stuck" in (await world.operator.truth(started["id"]))["source"]["body"]


async def test_a_start_by_topic_alone_shows_no_message_of_the_users(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()

        started = await alice.start(reason={"main": "Withdrawals", "sub": "Delayed"})
        await world.settle()
        await eventually(lambda: world.metric("outbox_jobs_total", kind="tag", outcome="ok"))
        await eventually(lambda: world.metric("outbox_jobs_total", kind="note", outcome="ok"))
        truth = await world.operator.truth(started["id"])

        assert started["messages"] == []
        assert started["reason"] == {"main": "Withdrawals", "sub": "Delayed"}
        assert (await alice.poll(started["id"]))["messages"] == []
        assert (await alice.list())[0]["lastMessage"] is None
        notes = [
            part["body"] for part in truth["conversation_parts"]["conversation_parts"] if part["part_type"] == "note"
        ]
        assert ["Withdrawals / Delayed" in note for note in notes] == [True]
        assert [tag["name"] for tag in truth["tags"]["tags"]] == ["Withdrawals"]


async def test_a_topic_stays_hidden_whoever_sees_the_conversation_first(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        await alice.start(body="known user")
        await world.operator.trouble(latency_s=0.2)

        starting = asyncio.create_task(alice.start(reason={"main": "Cards"}))
        await eventually(lambda: _created(world, 2))
        await world.settle()
        started = await starting
        await world.reconcile()

        shown = await alice.show(started["id"])
        assert shown["messages"] == []
        assert shown["reason"] == {"main": "Cards", "sub": None}


async def _created(world: World, count: int) -> bool:
    status = await world.operator.control("GET", "/status")
    return bool(status["conversations"] >= count)


async def test_a_start_with_both_shows_the_words_and_keeps_the_reason(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        started = await world.sdk().start(body="It is late", reason={"main": "Withdrawals"})
        assert [message["body"] for message in started["messages"]] == ["It is late"]
        assert started["reason"] == {"main": "Withdrawals", "sub": None}
        assert (await world.sdk().list())[0]["reason"] == {"main": "Withdrawals", "sub": None}


async def test_meta_enriches_the_contact(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await world.sdk().start(body="Hello", meta={"browser": "Firefox", "screen": 1080, "vip": True})
        await eventually(lambda: world.metric("outbox_jobs_total", kind="enrich", outcome="ok"))
        (contact,) = world.simulator.workspace.contacts.values()
        assert contact.custom_attributes == {"browser": "Firefox", "screen": 1080, "vip": True}


@pytest.mark.logs("job refused")
async def test_meta_that_intercom_refuses_is_given_up_and_counted(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await world.operator.trouble(strict_attributes=True)
        await world.sdk().start(body="Hello", meta={"browser": "Firefox"})
        await eventually(lambda: world.metric("outbox_jobs_total", kind="enrich", outcome="refused"))
        assert await world.sdk().list() != []


async def test_reading_creates_no_contact(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        assert await world.sdk().list() == []
        assert world.simulator.workspace.contacts == {}


async def test_a_first_start_makes_one_contact_even_twice_at_once(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        await asyncio.gather(alice.start(body="one"), alice.start(body="two"))
        assert len(world.simulator.workspace.contacts) == 1
        await world.reconcile()
        assert len(await alice.list()) == 2


@pytest.mark.parametrize("archived", [False, True])
async def test_a_contact_that_exists_in_intercom_is_taken_over(mongo: MongoDatabase, *, archived: bool) -> None:
    async with living(mongo) as world:
        await world.operator.control("POST", "/contacts", {"external_id": "alice", "archived": archived})
        await world.sdk().start(body="Hello")
        assert len(world.simulator.workspace.contacts) == 1


async def test_intercom_may_not_know_a_new_contact_at_once(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await world.operator.trouble(write_404_times=2)
        started = await world.sdk().start(body="Hello")
        assert [message["body"] for message in started["messages"]] == ["Hello"]


async def test_the_list_has_all_of_ones_conversations_newest_update_first(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        ids = []
        for number in range(3):
            made = await world.operator.control(
                "POST", "/conversations", {"external_id": "alice", "body": f"number {number}"}
            )
            ids.append(made["id"])
            await world.operator.control("POST", "/clock", {"advance": 10})
        await world.operator.control("POST", "/conversations", {"external_id": "bob", "body": "another's"})
        await world.operator.reply(ids[0], "<p>newest of all</p>")

        listed = await world.sdk().list()

        assert all(set(summary) == SUMMARY_KEYS for summary in listed)
        assert [summary["id"] for summary in listed] == [ids[0], ids[2], ids[1]]
        assert [summary["unread"] for summary in listed] == [1, 0, 0]
        assert listed[0]["lastMessage"]["preview"] == "newest of all"


async def test_the_list_has_pages(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        for number in range(5):
            await alice.start(body=f"number {number}")
        found: list[str] = []
        cursor = None
        while True:
            page = await alice.get("/api/conversations", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
            found += [summary["id"] for summary in page["conversations"]]
            cursor = page["nextCursor"]
            if cursor is None:
                break
        assert len(found) == len(set(found)) == 5


async def test_a_first_list_costs_a_look_up_and_a_search_and_later_ones_nothing(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for number in range(30):
            made = await world.operator.control(
                "POST", "/conversations", {"external_id": "alice", "body": f"number {number}"}
            )
            await world.operator.act(made["id"], "close")
            await world.operator.control("POST", "/clock", {"advance": 2})
        await world.settle()
        await world.operator.forget_calls()
        alice = world.sdk()

        first = await alice.list()
        calls = await world.operator.calls()
        await alice.list()

        assert calls.pop("GET /conversations/{id}") == 5
        assert set(calls.values()) == {1}
        assert len(calls) == 2
        assert len(first) == 30
        assert [summary["lastMessage"] is None for summary in first] == [False] * 5 + [True] * 25
        assert sum((await world.operator.calls()).values()) == 7


async def test_one_of_the_list_that_was_not_loaded_is_loaded_when_opened(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for number in range(7):
            made = await world.operator.control(
                "POST", "/conversations", {"external_id": "alice", "body": f"number {number}"}
            )
            await world.operator.act(made["id"], "close")
            await world.operator.control("POST", "/clock", {"advance": 2})
        alice = world.sdk()
        oldest = (await alice.list())[-1]
        assert oldest["lastMessage"] is None
        shown = await alice.show(oldest["id"])
        assert [message["body"] for message in shown["messages"]] == ["number 0"]


async def test_a_reply_is_sent_and_answered_as_it_stands_in_the_thread(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")

        answer = await alice.reply(started["id"], "  Are you <b>there</b> & well?\n\nI wait  ")

        assert set(answer) == {"message", "latestTimestamp", "state"}
        assert set(answer["message"]) == MESSAGE_KEYS
        assert answer["message"]["body"] == "Are you <b>there</b> & well?\n\nI wait"
        assert answer["message"]["html"] is None
        assert answer["latestTimestamp"] == answer["message"]["createdAt"] > started["latestTimestamp"]
        assert (await alice.poll(started["id"], since=started["latestTimestamp"]))["messages"] == [answer["message"]]


async def test_the_cursor_of_a_reply_never_skips_what_an_operator_said_before_it(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.operator.reply(started["id"], "<p>said before the reply</p>")
        await world.settle()

        answer = await alice.reply(started["id"], "sent without polling")
        poll = await alice.poll(started["id"], since=answer["latestTimestamp"])

        assert "said before the reply" in [message["body"] for message in poll["messages"]]
        again = await alice.reply(started["id"], "sent after polling")
        assert (await alice.poll(started["id"], since=again["latestTimestamp"]))["messages"] == []


async def test_replies_at_once_each_get_their_own_message(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        answers = await asyncio.gather(*(alice.reply(started["id"], f"number {n}") for n in range(5)))
        assert [answer["message"]["body"] for answer in answers] == [f"number {n}" for n in range(5)]
        assert len({answer["message"]["id"] for answer in answers}) == 5
        parts = visible_parts(await world.operator.truth(started["id"]))
        assert len(parts) == 5


async def test_a_reply_to_a_closed_conversation_reopens_it_and_is_shown(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await alice.post(f"/api/conversations/{started['id']}/close", status=200)

        answer = await alice.reply(started["id"], "One more thing")
        await world.settle()
        await world.reconcile()

        assert answer["state"] == "open"
        shown = await alice.show(started["id"])
        assert [message["body"] for message in shown["messages"]] == ["Hello", "One more thing"]
        assert visible_parts(await world.operator.truth(started["id"]))[-1]["part_type"] == "open"


async def test_closing_twice_is_the_same_answer_and_one_call(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        answers = [await alice.post(f"/api/conversations/{started['id']}/close", status=200) for _ in range(2)]
        assert answers == [{"id": started["id"], "state": "closed"}] * 2
        assert (await world.operator.calls())["POST /conversations/{id}/parts"] == 1
        assert (await alice.poll(started["id"]))["state"] == "closed"


async def test_reading_clears_the_badge_until_the_next_answer(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        for words in ("one", "two"):
            await world.operator.reply(started["id"], f"<p>{words}</p>")
        await world.operator.act(started["id"], "note", body="internal")
        await alice.reply(started["id"], "mine")
        await world.settle()

        assert (await alice.list())[0]["unread"] == 2
        assert await alice.post(f"/api/conversations/{started['id']}/read", status=200) == {
            "id": started["id"],
            "unread": 0,
        }
        assert (await alice.list())[0]["unread"] == 0
        await world.operator.reply(started["id"], "<p>three</p>")
        await world.settle()
        assert (await alice.show(started["id"]))["unread"] == 1


async def test_operators_html_is_harmless_and_readable(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.operator.reply(
            started["id"],
            '<p onclick="x()">See <a href="https://help.example/a">the page</a></p><script>steal()</script>'
            '<ul><li>one</li><li>two</li></ul><a href="javascript:steal()">here</a><img src="https://i.example/a.png">',
        )
        await world.settle()
        message = (await alice.poll(started["id"], since=started["latestTimestamp"]))["messages"][0]
        assert message["body"].startswith("See the page (https://help.example/a)\n\n- one\n- two")
        assert "steal" not in message["html"]
        assert "onclick" not in message["html"]
        assert '<img src="http' in message["html"]
        assert "i.example" not in message["html"], "its address may expire: ours leads there"


@pytest.mark.parametrize(
    ("action", "body", "expected"),
    [
        ("reply", {"body": "<p>plain</p>"}, "plain"),
        ("reply", {"body": "<p>reply and assign</p>", "assign": True}, "reply and assign"),
        ("bot_reply", {"body": "<p>from the bot</p>"}, "from the bot"),
        ("bot_reply", {"body": "<p>Fin</p>", "topic": "conversation.admin.replied"}, "Fin"),
        ("close", {"body": "<p>Goodbye</p>"}, "Goodbye"),
        ("assign", {"body": "<p>over to you</p>"}, "over to you"),
        ("close", {}, None),
        ("note", {"body": "internal"}, None),
        ("assign", {}, None),
        ("part", {"part_type": "something_new", "body": "<p>secret</p>"}, None),
        ("part", {"part_type": "conversation_attribute_updated_by_admin"}, None),
    ],
)
async def test_what_counts_as_a_message(
    mongo: MongoDatabase, action: str, body: dict[str, Any], expected: str | None
) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.operator.act(started["id"], action, **body)
        await world.settle()
        await world.reconcile()
        poll = await alice.poll(started["id"], since=started["latestTimestamp"])
        assert [message["body"] for message in poll["messages"]] == ([expected] if expected else [])
        assert bool(world.metric("unknown_parts_total")) == (body.get("part_type") == "something_new")


async def test_a_csat_tag_makes_it_rated(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.operator.act(started["id"], "tags", name="vip")
        await world.settle()
        await world.reconcile()
        assert (await alice.poll(started["id"]))["rated"] is False
        await world.operator.act(started["id"], "tags", name="csat-4")
        await world.settle()
        assert (await alice.poll(started["id"]))["rated"] is True
        shown = await alice.show(started["id"])
        assert shown["rating"]["stars"] == 4
        assert shown["rated"] is True


async def test_intercoms_own_rating_is_shown(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.operator.act(started["id"], "rate", rating=5, remark="Thank you")
        await world.settle()
        rating = (await alice.show(started["id"]))["rating"]
        assert (rating["stars"], rating["comment"]) == (5, "Thank you")
        assert rating["createdAt"] % 1000 == 0


async def test_a_snooze_shows_its_end_and_ends(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        now = (await world.operator.control("GET", "/status"))["now"]
        await world.operator.act(started["id"], "snooze", until=int(now) + 600)
        await world.settle()
        poll = await alice.poll(started["id"])
        assert (poll["state"], poll["snoozedUntil"]) == ("snoozed", (int(now) + 600) * 1000)
        await world.operator.control("POST", "/clock", {"advance": 601})
        await world.settle()
        await world.reconcile()
        poll = await alice.poll(started["id"])
        assert (poll["state"], poll["snoozedUntil"]) == ("open", None)


async def test_a_deleted_message_comes_again_under_its_id(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.operator.reply(started["id"], "<p>the wrong password</p>")
        await world.settle()
        before = await alice.poll(started["id"], since=started["latestTimestamp"])
        part_id = before["messages"][0]["id"]

        await world.operator.act(started["id"], "redact", part_id=part_id)
        await world.settle()
        after = await alice.poll(started["id"], since=before["latestTimestamp"])

        assert [(message["id"], message["redacted"]) for message in after["messages"]] == [(part_id, True)]
        assert "password" not in str(await alice.show(started["id"]))
        assert (await alice.list())[0]["unread"] == 1
        assert (await alice.poll(started["id"], since=after["latestTimestamp"]))["messages"] == []


async def test_a_deleted_conversation_is_gone(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.operator.control("DELETE", f"/conversations/{started['id']}")
        await world.settle()
        assert (await alice.call("GET", f"/api/conversations/{started['id']}/poll")).status_code == 404
        assert await alice.list() == []


async def test_answers_say_how_old_they_are(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await alice.list()
        world.clock.advance(100)
        for path in ("", f"/{started['id']}", f"/{started['id']}/poll"):
            response = await alice.call("GET", f"/api/conversations{path}")
            assert int(response.headers["Age"]) in {100, 101}, path
        await world.reconcile()
        response = await alice.call("GET", f"/api/conversations/{started['id']}/poll")
        assert response.headers["Age"] == "0"


async def test_words_that_equal_a_lost_topic_are_still_the_users(mongo: MongoDatabase) -> None:
    async with living(mongo, intercom_timeout=0.5) as world:
        alice = world.sdk()
        await alice.start(body="Hello")
        await world.operator.trouble(outage="timeout")
        lost = await alice.call("POST", "/api/conversations", json={"reason": {"main": "Cards"}})
        assert lost.status_code == 502
        await world.operator.no_trouble()
        said = await alice.start(body="Cards")
        assert [message["body"] for message in said["messages"]] == ["Cards"]
        assert said["reason"] is None


async def test_a_topic_whose_start_was_never_answered_is_no_message(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False, intercom_timeout=0.5) as world:
        alice = world.sdk()
        await alice.start(body="Hello")
        await world.operator.trouble(latency_s=1.0)
        unsure = await alice.call("POST", "/api/conversations", json={"reason": {"main": "Cards"}})
        assert unsure.status_code == 502
        await eventually(lambda: len(world.simulator.workspace.conversations) == 2)
        await world.operator.no_trouble()
        world.clock.advance(31)
        await world.reconcile()
        found = (await alice.list())[0]
        assert found["reason"] == {"main": "Cards", "sub": None}
        assert (await alice.show(found["id"]))["messages"] == []


async def test_what_was_just_done_is_new_and_what_was_left_alone_is_as_old_as_it_is(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.call("POST", "/api/conversations", json={"body": "Hello"})
        one = f"/api/conversations/{started.json()['id']}"
        replied = await alice.call("POST", f"{one}/reply", json={"body": "Hi"})
        closed = await alice.call("POST", f"{one}/close")
        assert [answer.headers["Age"] for answer in (started, replied, closed)] == ["0", "0", "0"]
        await world.settle()
        world.clock.advance(100)
        for path in (f"{one}/read", f"{one}/close"):
            assert 100 <= int((await alice.call("POST", path)).headers["Age"]) < 110, path
