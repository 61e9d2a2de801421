"""Searching tickets (contract, part 5.7)."""

from typing import Any

import pytest

from tests.simulator.helpers import ADMIN_ID, START, Playground, playing, ticket_parts_of

NOW = int(START)
IS_OPEN = {"field": "open", "operator": "=", "value": True}


async def search(play: Playground, query: Any, **more: Any) -> Any:
    return await play.api("POST", "/tickets/search", {"query": query, **more})


async def ids(play: Playground, query: Any, **more: Any) -> list[str]:
    return [each["id"] for each in (await search(play, query, **more))["tickets"]]


async def three(play: Playground) -> dict[str, str]:
    """Three tickets, ten seconds apart: one that waits and sleeps, a closed one of the team's, and an incident."""
    names: dict[str, str] = {}
    names[(await play.ticket("u-1", "Lost parcel", description="It never came"))["id"]] = "waiting"
    await play.act_on_ticket("state", state="waiting_on_customer")
    await play.act_on_ticket("snooze", until=NOW + 3600)
    await play.advance(10)
    names[(await play.ticket("u-2", "Refund", type="Back-office"))["id"]] = "task"
    await play.act_on_ticket("assign")
    await play.act_on_ticket("close")
    await play.advance(10)
    names[(await play.ticket("u-3", "Parcels are late", type="Tracker"))["id"]] = "tracker"
    await play.act_on_ticket("assign", team_id=7)
    return names


FILTERS = [
    ("category", "=", "request", "waiting"),
    ("category", "=", "task", "task"),
    ("category", "=", "tracker", "tracker"),
    ("category", "=", "Customer", ""),
    ("state", "=", "waiting_on_customer", "waiting"),
    ("state", "IN", ["resolved", "submitted"], "task tracker"),
    ("open", "=", True, "waiting tracker"),
    ("title", "~", "parcel", "waiting tracker"),
    ("title", "=", "Refund", "task"),
    ("description", "~", "never", "waiting"),
    ("created_at", ">=", NOW + 10, "task tracker"),
    ("created_at", "<=", str(NOW), "waiting"),
    ("updated_at", ">", NOW + 10, "task tracker"),
    ("snoozed_until", ">", 1, "waiting"),
    ("admin_assignee_id", "=", ADMIN_ID, "task"),
    ("admin_assignee_id", "=", "0", "waiting tracker"),
    ("team_assignee_id", "=", 7, "tracker"),
    ("teammate_ids", "=", ADMIN_ID, "waiting task tracker"),
    ("teammate_ids", "=", "0", ""),
]


@pytest.mark.parametrize(("field", "operator", "value", "expected"), FILTERS)
async def test_fields(field: str, operator: str, value: Any, expected: str) -> None:
    async with playing() as play:
        names = await three(play)
        found = await ids(play, {"field": field, "operator": operator, "value": value})
        assert sorted(names[each] for each in found) == sorted(expected.split())


async def test_by_id_contact_type_and_attribute() -> None:
    async with playing() as play:
        names = await three(play)
        await play.act_on_ticket("attributes", attributes={"_default_title_": "Late"})
        contact = await play.api("GET", "/contacts/find_by_external_id/u-3")
        incident = await play.sim("GET", "/tickets/last")
        kind = incident["ticket_type"]
        title = kind["ticket_type_attributes"]["data"][0]["id"]
        for field, value in (
            ("id", incident["id"]),
            ("contact_ids", contact["id"]),
            ("ticket_type_id", kind["id"]),
            (f"ticket_attribute.{title}", "Late"),
        ):
            [found] = await ids(play, {"field": field, "operator": "=", "value": value})
            assert names[found] == "tracker"


async def test_strict_search_excludes_equality() -> None:
    async with playing() as play:
        await three(play)
        recent = {"field": "updated_at", "operator": ">", "value": NOW + 10}
        assert len(await ids(play, recent)) == 2
        await play.faults(strict_search=True)
        assert len(await ids(play, recent)) == 1


async def test_results_have_their_parts() -> None:
    async with playing() as play:
        ticket = await play.ticket()
        await play.act_on_ticket("reply", body="hi")
        answer = await search(play, IS_OPEN)
        assert answer["type"] == "ticket.list"
        assert answer["tickets"] == [await play.api("GET", f"/tickets/{ticket['id']}")]
        assert [part.get("body") for part in ticket_parts_of(answer["tickets"][0])] == [None, "<p>hi</p>"]


@pytest.mark.parametrize("order", ["ascending", "descending"])
async def test_pages_follow_the_sort(order: str) -> None:
    async with playing() as play:
        expected = []
        for number in range(5):
            expected.append((await play.ticket(f"u-{number}"))["id"])
            await play.advance(number % 2)
        if order == "descending":
            expected.reverse()
        found: list[str] = []
        pagination: dict[str, Any] = {"per_page": 2}
        for page in (1, 2, 3):
            answer = await search(play, IS_OPEN, sort={"field": "updated_at", "order": order}, pagination=pagination)
            assert (answer["pages"]["page"], answer["pages"]["total_pages"], answer["total_count"]) == (page, 3, 5)
            found += [each["id"] for each in answer["tickets"]]
            pagination = {"per_page": 2, "starting_after": answer["pages"].get("next", {}).get("starting_after")}
        assert found == expected
        assert "next" not in answer["pages"]


async def test_page_sizes() -> None:
    async with playing() as play:
        for _ in range(21):
            await play.ticket()
        assert len(await ids(play, IS_OPEN)) == 20
        assert len(await ids(play, IS_OPEN, pagination={"per_page": 500})) == 21


async def test_a_lagging_search_shows_what_was() -> None:
    async with playing() as play:
        first = await play.ticket()
        await play.faults(search_lag_s=3)
        await play.advance(1)
        await play.act_on_ticket("close")
        second = await play.ticket("u-2")
        assert await ids(play, IS_OPEN) == [first["id"]]
        assert (await play.api("GET", f"/tickets/{first['id']}"))["open"] is False
        await play.advance(3)
        assert await ids(play, IS_OPEN) == [second["id"]]


async def test_a_lagging_search_still_shows_what_is_deleted() -> None:
    async with playing() as play:
        ticket = await play.ticket()
        await play.faults(search_lag_s=3)
        await play.sim("DELETE", "/tickets/last")
        assert await ids(play, IS_OPEN) == [ticket["id"]]
        await play.api("GET", f"/tickets/{ticket['id']}", status=404)
        await play.advance(3)
        assert await ids(play, IS_OPEN) == []


async def test_tickets_are_not_among_conversations() -> None:
    async with playing() as play:
        await play.ticket()
        assert await play.ids({"field": "updated_at", "operator": ">", "value": 1}) == []
