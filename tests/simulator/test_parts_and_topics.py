"""What each action leaves behind: part type, body, state, and the topics of its webhooks (contract, 4.4, 4.5, 9.5)."""

from typing import Any, NamedTuple

import pytest

from tests.simulator.helpers import ADMIN_ID, START, parts_of, playing, subscribed

SOON = int(START) + 60


class Case(NamedTuple):
    action: str
    body: dict[str, Any]
    part_type: str
    html: str | None
    state: str
    topics: list[str]


FROM_OPEN = [
    Case("contact_reply", {"body": "more"}, "comment", "<p>more</p>", "open", ["conversation.user.replied"]),
    Case("reply", {"body": "<b>hi</b>"}, "comment", "<b>hi</b>", "open", ["conversation.admin.replied"]),
    Case(
        "reply",
        {"body": "hi", "assign": True},
        "assignment",
        "<p>hi</p>",
        "open",
        ["conversation.admin.replied", "conversation.admin.assigned"],
    ),
    Case("bot_reply", {"body": "hm"}, "comment", "<p>hm</p>", "open", ["conversation.operator.replied"]),
    Case(
        "bot_reply",
        {"body": "hm", "topic": "conversation.admin.replied"},
        "comment",
        "<p>hm</p>",
        "open",
        ["conversation.admin.replied"],
    ),
    Case("note", {"body": "psst"}, "note", "<p>psst</p>", "open", ["conversation.admin.noted"]),
    Case("close", {}, "close", None, "closed", ["conversation.admin.closed"]),
    Case("close", {"body": "bye"}, "close", "<p>bye</p>", "closed", ["conversation.admin.closed"]),
    Case("snooze", {"until": SOON}, "snoozed", None, "snoozed", ["conversation.admin.snoozed"]),
    Case("assign", {}, "assignment", None, "open", ["conversation.admin.assigned"]),
    Case("assign", {"body": "yours"}, "assignment", "<p>yours</p>", "open", ["conversation.admin.assigned"]),
    Case("rate", {"rating": 5}, "conversation_rating_changed", None, "open", ["conversation.rating.added"]),
    Case("title", {"title": "Order"}, "title_changed", None, "open", []),
    Case("part", {"part_type": "from_the_future", "body": "<p>?</p>"}, "from_the_future", "<p>?</p>", "open", []),
]


@pytest.mark.parametrize("case", FROM_OPEN)
async def test_on_an_open_conversation(case: Case) -> None:
    async with subscribed() as (play, subscriber):
        await play.conversation()
        after = await play.act(case.action, **case.body)
        await play.sim("POST", "/webhook/flush")
        part = parts_of(after)[-1]
        assert (part["part_type"], part["body"], part["state"]) == (case.part_type, case.html, case.state)
        assert after["state"] == case.state
        assert after["open"] is (case.state != "closed")
        assert subscriber.topics == ["conversation.user.created", *case.topics]
        assert {parts_of(each.item)[0]["id"] for each in subscriber.deliveries[1:]} <= {part["id"]}
        assert len({each.json["id"] for each in subscriber.deliveries}) == 1 + len(case.topics)


FROM_CLOSED = [
    Case("contact_reply", {"body": "wait"}, "open", "<p>wait</p>", "open", ["conversation.user.replied"]),
    Case("open", {}, "open", None, "open", ["conversation.admin.opened"]),
    Case("reply", {"body": "ps"}, "comment", "<p>ps</p>", "closed", ["conversation.admin.replied"]),
    Case(
        "reply",
        {"body": "ps", "assign": True},
        "assign_and_reopen",
        "<p>ps</p>",
        "open",
        ["conversation.admin.replied", "conversation.admin.open.assigned"],
    ),
    Case("assign", {}, "assign_and_reopen", None, "open", ["conversation.admin.open.assigned"]),
    Case("note", {"body": "why"}, "note", "<p>why</p>", "closed", ["conversation.admin.noted"]),
]


@pytest.mark.parametrize("case", FROM_CLOSED)
async def test_on_a_closed_conversation(case: Case) -> None:
    async with subscribed() as (play, subscriber):
        await play.conversation()
        await play.act("close")
        after = await play.act(case.action, **case.body)
        await play.sim("POST", "/webhook/flush")
        assert (parts_of(after)[-1]["part_type"], parts_of(after)[-1]["body"]) == (case.part_type, case.html)
        assert after["state"] == case.state
        assert subscriber.topics[2:] == case.topics


@pytest.mark.parametrize(
    ("action", "body", "part_type", "topic"),
    [
        ("contact_reply", {"body": "hey"}, "comment", "conversation.user.replied"),
        ("unsnooze", {}, "unsnoozed", "conversation.admin.unsnoozed"),
        ("open", {}, "open", "conversation.admin.opened"),
        ("reply", {"body": "hi", "assign": True}, "assign_and_unsnooze", "conversation.admin.open.assigned"),
    ],
)
async def test_what_ends_a_snooze(action: str, body: dict[str, Any], part_type: str, topic: str) -> None:
    async with subscribed() as (play, subscriber):
        await play.conversation()
        await play.act("snooze", until=SOON)
        after = await play.act(action, **body)
        await play.sim("POST", "/webhook/flush")
        assert (after["state"], after["snoozed_until"]) == ("open", None)
        assert parts_of(after)[-1]["part_type"] == part_type
        assert subscriber.topics[-1] == topic


async def test_a_snooze_ends_on_time() -> None:
    async with subscribed() as (play, subscriber):
        conversation = await play.conversation()
        await play.act("snooze", until=SOON)
        await play.advance(59)
        assert (await play.api("GET", f"/conversations/{conversation['id']}"))["state"] == "snoozed"
        await play.advance(1)
        woken = await play.api("GET", f"/conversations/{conversation['id']}")
        await play.sim("POST", "/webhook/flush")
        assert (woken["state"], woken["snoozed_until"]) == ("open", None)
        assert parts_of(woken)[-1]["part_type"] == "timer_unsnooze"
        assert subscriber.topics[-1] == "conversation.admin.unsnoozed"
        assert woken["updated_at"] == SOON


async def test_a_snooze_into_the_past_is_refused() -> None:
    async with playing() as play:
        await play.conversation()
        await play.sim("POST", "/conversations/last/snooze", {"until": int(START)}, status=400)


async def test_who_waits() -> None:
    async with playing() as play:
        assert (await play.conversation())["waiting_since"] == int(START)
        await play.advance(5)
        assert (await play.act("note", body="n"))["waiting_since"] == int(START)
        assert (await play.act("contact_reply", body="still"))["waiting_since"] == int(START)
        assert (await play.act("reply", body="here"))["waiting_since"] is None
        again = await play.act("contact_reply", body="thanks")
        assert again["waiting_since"] == again["updated_at"] == int(START) + 5
        assert (await play.act("reply", body="yours", assign=True))["waiting_since"] is None


async def test_what_an_admin_starts_waits_for_nobody() -> None:
    async with subscribed() as (play, subscriber):
        conversation = await play.conversation(body="<p>News</p>", admin_initiated=True)
        [delivery] = await subscriber.received(1)
        assert conversation["source"]["delivered_as"] == "admin_initiated"
        assert conversation["source"]["author"]["type"] == "admin"
        assert (conversation["waiting_since"], conversation["first_contact_reply"]) == (None, None)
        assert delivery.topic == "conversation.admin.single.created"


async def test_writes_through_the_api_echo_as_webhooks() -> None:
    async with subscribed() as (play, subscriber):
        contact = await play.contact()
        start = {"from": {"type": "user", "id": contact["id"]}, "body": "Hello"}
        conversation_id = (await play.api("POST", "/conversations", start))["conversation_id"]
        path = f"/conversations/{conversation_id}"
        reply = {"message_type": "comment", "type": "user", "user_id": "u-1", "body": "?"}
        answer = await play.api("POST", f"{path}/reply", reply)
        assert parts_of(answer)[-1]["app_package_code"] is not None
        close = {"message_type": "close", "type": "admin", "admin_id": ADMIN_ID}
        await play.api("POST", f"{path}/parts", close)
        await play.sim("POST", "/webhook/flush")
        assert subscriber.topics == [
            "conversation.user.created",
            "conversation.user.replied",
            "conversation.admin.closed",
        ]


async def test_attributes_leave_a_part_each() -> None:
    async with playing() as play:
        conversation = await play.conversation()
        attributes = {"custom_attributes": {"issue_type": "Billing", "score": 3}}
        after = await play.api("PUT", f"/conversations/{conversation['id']}", attributes)
        assert after["custom_attributes"] == attributes["custom_attributes"]
        assert [(part["part_type"], part["author"]["name"], part["body"]) for part in parts_of(after)] == [
            ("conversation_attribute_updated_by_admin", "Fin", None)
        ] * 2


async def test_only_the_newest_500_parts_are_given_out() -> None:
    async with playing() as play:
        conversation = await play.conversation()
        for number in range(502):
            await play.act("note", body=f"note {number}")
        shown = await play.api("GET", f"/conversations/{conversation['id']}")
        assert len(parts_of(shown)) == shown["conversation_parts"]["total_count"] == 500
        assert parts_of(shown)[0]["body"] == "<p>note 2</p>"
        assert shown["statistics"]["count_conversation_parts"] == 502
        assert len(parts_of(await play.sim("GET", "/conversations/last"))) == 502


@pytest.mark.parametrize(
    ("text", "html", "plain"),
    [
        ("one\ntwo\n\nthree", "<p>one<br>two</p><p>three</p>", "one\ntwo\n\nthree"),
        ("<b>1 & 2</b>", "<p>&lt;b&gt;1 &amp; 2&lt;/b&gt;</p>", "<b>1 & 2</b>"),
    ],
)
async def test_bodies_are_html_or_text(text: str, html: str, plain: str) -> None:
    async with playing() as play:
        conversation = await play.conversation(body=text)
        path = f"/conversations/{conversation['id']}"
        assert (await play.api("GET", path))["source"]["body"] == html
        assert (await play.api("GET", f"{path}?display_as=plaintext"))["source"]["body"] == plain
