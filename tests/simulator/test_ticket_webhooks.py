"""Notifications of tickets (contract, part 9.5)."""

from typing import Any

import pytest

from tests.simulator.helpers import ADMIN_ID, START, Delivery, Playground, Subscriber, subscribed, ticket_parts_of

CREATION = ["ticket.created", "ticket.state.updated"]
SOON = int(START) + 60


async def after_creation(play: Playground, subscriber: Subscriber) -> list[Delivery]:
    await play.sim("POST", "/webhook/flush")
    assert subscriber.topics[:2] == CREATION
    return subscriber.deliveries[2:]


async def test_a_new_ticket_makes_two() -> None:
    async with subscribed() as (play, subscriber):
        ticket = await play.ticket()
        assert await after_creation(play, subscriber) == []
        read = await play.api("GET", f"/tickets/{ticket['id']}")
        assert [each.item for each in subscriber.deliveries] == [read, read]


@pytest.mark.parametrize(
    ("action", "body", "part_type", "html", "topics"),
    [
        ("contact_reply", {"body": "more"}, "comment", "<p>more</p>", ["ticket.contact.replied"]),
        ("reply", {"body": "<b>hi</b>"}, "comment", "<b>hi</b>", ["ticket.admin.replied"]),
        (
            "reply",
            {"body": "hi", "assign": True},
            "assignment",
            "<p>hi</p>",
            ["ticket.admin.replied", "ticket.admin.assigned"],
        ),
        ("bot_reply", {"body": "hm"}, "comment", "<p>hm</p>", ["ticket.admin.replied"]),
        ("note", {"body": "psst"}, "note", "<p>psst</p>", ["ticket.note.created"]),
        ("assign", {}, "assignment", None, ["ticket.admin.assigned"]),
        ("assign", {"team_id": 7, "body": "yours"}, "assignment", "<p>yours</p>", ["ticket.team.assigned"]),
        (
            "attributes",
            {"attributes": {"_default_title_": "New"}},
            "ticket_attribute_updated_by_admin",
            None,
            ["ticket.attribute.updated"],
        ),
    ],
)
async def test_some_come_with_their_part(
    action: str, body: dict[str, Any], part_type: str, html: str | None, topics: list[str]
) -> None:
    async with subscribed() as (play, subscriber):
        await play.ticket()
        after = await play.act_on_ticket(action, **body)
        deliveries = await after_creation(play, subscriber)
        assert [each.topic for each in deliveries] == topics
        for delivery in deliveries:
            item = delivery.item
            assert set(item) == {"type", "ticket", "ticket_part"}
            assert item["type"] == "ticket_ticket_part"
            assert item["ticket_part"] == ticket_parts_of(after)[-1]
            assert ticket_parts_of(item["ticket"]) == ticket_parts_of(after)
            assert (item["ticket_part"]["part_type"], item["ticket_part"].get("body")) == (part_type, html)


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("share", {}),
        ("unshare", {}),
        ("snooze", {"until": SOON}),
        ("tags", {"name": "vip"}),
        ("delete", {}),
        ("state", {"state": "submitted"}),
    ],
)
async def test_some_changes_have_no_topic(action: str, body: dict[str, Any]) -> None:
    async with subscribed() as (play, subscriber):
        await play.ticket()
        await play.act_on_ticket(action, **body)
        assert await after_creation(play, subscriber) == []


async def test_states() -> None:
    async with subscribed() as (play, subscriber):
        await play.ticket()
        await play.act_on_ticket("state", state="in_progress")
        await play.act_on_ticket("state", state="resolved")
        moved, resolving, resolved = await after_creation(play, subscriber)
        assert [moved.topic, resolving.topic, resolved.topic] == ["ticket.state.updated"] * 2 + ["ticket.resolved"]
        assert [each.item["ticket_state"]["category"] for each in (moved, resolving)] == ["in_progress", "resolved"]
        assert (resolved.item["type"], resolved.item) == ("ticket", resolving.item)


async def test_a_closed_ticket_is_nested_from_2_15() -> None:
    async with subscribed() as (play, subscriber):
        await play.ticket()
        closed = await play.act_on_ticket("close")
        deliveries = await after_creation(play, subscriber)
        assert [each.topic for each in deliveries] == ["ticket.state.updated", "ticket.resolved", "ticket.closed"]
        assert set(deliveries[-1].item) == {"ticket"}
        nested = deliveries[-1].item["ticket"]
        assert (nested["id"], nested["open"]) == (closed["id"], False)
        kinds = [part["part_type"] for part in ticket_parts_of(nested)[-2:]]
        assert kinds == ["close", "ticket_state_updated_by_admin"]


@pytest.mark.parametrize(("action", "body"), [("close", {}), ("state", {"state": "resolved"})])
async def test_before_2_15_there_is_only_the_flat_closed(action: str, body: dict[str, Any]) -> None:
    async with subscribed() as (play, subscriber):
        await play.faults(webhook_version="2.14")
        ticket = await play.ticket()
        await play.act_on_ticket(action, **body)
        deliveries = await after_creation(play, subscriber)
        assert [each.topic for each in deliveries] == ["ticket.state.updated", "ticket.closed"]
        item = deliveries[-1].item
        assert (item["type"], item["id"], item["ticket_state"]["category"]) == ("ticket", ticket["id"], "resolved")
        contact_id = ticket["contacts"]["contacts"][0]["id"]
        assert item["contacts"]["contacts"] == [{"id": contact_id, "role": "user"}]


async def test_any_topic_can_be_sent() -> None:
    async with subscribed() as (play, subscriber):
        before = await play.ticket()
        await play.advance(5)
        for topic in ("ticket.from.the.future", "ticket.admin.replied", "ticket.closed"):
            assert await play.act_on_ticket("emit", topic=topic) == before
        future, replied, closed = await after_creation(play, subscriber)
        assert (future.topic, future.item["id"]) == ("ticket.from.the.future", before["id"])
        assert replied.item["ticket_part"] == ticket_parts_of(before)[-1]
        assert closed.item["ticket"]["id"] == before["id"]


async def test_a_raw_part_goes_out_with_a_topic_only() -> None:
    async with subscribed() as (play, subscriber):
        await play.ticket()
        await play.act_on_ticket("part", part_type="mystery", body="<p>?</p>", author_type="bot")
        await play.act_on_ticket("part", part_type="mystery", topic="ticket.admin.replied")
        [delivery] = await after_creation(play, subscriber)
        assert delivery.item["ticket_part"]["part_type"] == "mystery"
        assert [part["part_type"] for part in ticket_parts_of(delivery.item["ticket"])][1:] == ["mystery"] * 2


async def test_writes_through_the_api_echo_as_webhooks() -> None:
    async with subscribed() as (play, subscriber):
        await play.contact()
        body = {
            "ticket_type_id": await play.type_id(),
            "contacts": [{"external_id": "u-1"}],
            "assignment": {"admin_assignee_id": ADMIN_ID},
        }
        path = f"/tickets/{(await play.api('POST', '/tickets', body))['id']}"
        reply = {"message_type": "comment", "type": "user", "user_id": "u-1", "body": "?"}
        part = await play.api("POST", f"{path}/reply", reply)
        await play.api("PUT", path, {"ticket_state_id": (await play.states())["In progress"]})
        assigned, replied, moved = await after_creation(play, subscriber)
        assert [assigned.topic, replied.topic] == ["ticket.admin.assigned", "ticket.contact.replied"]
        assert moved.topic == "ticket.state.updated"
        assert replied.item["ticket_part"] == part


async def test_a_conversion_tells_of_a_ticket() -> None:
    async with subscribed() as (play, subscriber):
        await play.conversation()
        await play.act("convert", title="Lost")
        await play.sim("POST", "/webhook/flush")
        assert subscriber.topics == ["conversation.user.created", *CREATION]
        assert subscriber.deliveries[1].item["ticket_attributes"]["_default_title_"] == "Lost"


async def test_the_faults_are_those_of_all_webhooks() -> None:
    async with subscribed() as (play, subscriber):
        await play.faults(webhook_reorder=True, webhook_duplicate=1)
        await play.ticket()
        await play.act_on_ticket("note", body="psst")
        await play.sim("POST", "/webhook/flush")
        assert subscriber.topics == [each for topic in ("ticket.note.created", *CREATION[::-1]) for each in [topic] * 2]
        await play.faults(webhook_drop=1, webhook_reorder=False)
        await play.act_on_ticket("note", body="psst")
        assert (await play.sim("POST", "/webhook/flush"))["dropped"] == 1
        assert len(subscriber.deliveries) == 6


async def test_a_notification_shows_the_state_of_its_moment() -> None:
    async with subscribed() as (play, subscriber):
        await play.faults(webhook_hold=True)
        await play.ticket()
        await play.act_on_ticket("state", state="in_progress")
        await play.sim("POST", "/webhook/flush")
        states = [each.item["ticket_state"]["category"] for each in subscriber.deliveries]
        assert states == ["submitted", "submitted", "in_progress"]
