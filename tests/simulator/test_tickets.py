"""Tickets through Intercom's API (contract, part 5)."""

from typing import Any

import httpx
import pytest

from tests.simulator.helpers import ADMIN_ID, START, Playground, parts_of, playing, ticket_parts_of
from tests.simulator.hosting import hosting

NOW = int(START)
TITLE = "_default_title_"


async def created(play: Playground, contact: Any = None, **more: Any) -> Any:
    """A ticket made through the API."""
    await play.contact()
    body = {"ticket_type_id": await play.type_id(), "contacts": [contact or {"external_id": "u-1"}], **more}
    return await play.api("POST", "/tickets", body)


async def test_a_new_ticket() -> None:
    async with playing() as play:
        ticket = await created(play, ticket_attributes={TITLE: "Lost", "_default_description_": "It never came"})
        assert ticket["ticket_id"] == "1"
        assert ticket["ticket_attributes"] == {
            TITLE: "Lost",
            "_default_description_": "It never came",
            "Priority": None,
        }
        assert (ticket["category"], ticket["is_shared"], ticket["open"]) == ("Customer", True, True)
        assert ticket["ticket_state"]["category"] == "submitted"
        assert "ticket_states" not in ticket["ticket_type"]
        assert (ticket["admin_assignee_id"], ticket["team_assignee_id"]) == ("0", "0")
        assert ticket["contacts"]["contacts"][0]["external_id"] == "u-1"
        [part] = ticket_parts_of(ticket)
        assert set(part) == {
            *("type", "id", "part_type", "ticket_state", "previous_ticket_state"),
            *("created_at", "updated_at", "author", "attachments", "redacted"),
        }
        assert (part["part_type"], part["author"]["type"]) == ("ticket_state_updated_by_admin", "bot")
        assert (part["ticket_state"], part["previous_ticket_state"]) == ("submitted", "submitted")
        assert await play.api("GET", f"/tickets/{ticket['id']}") == ticket


async def test_ids_and_numbers() -> None:
    async with playing() as play:
        conversation, first, second = await play.conversation(), await play.ticket(), await play.ticket()
        ids = [int(each["id"]) for each in (conversation, first, second)]
        assert ids == [ids[0], ids[0] + 1, ids[0] + 2]
        assert [first["ticket_id"], second["ticket_id"]] == ["1", "2"]


async def test_whose_ticket_it_is() -> None:
    async with playing() as play:
        contact = await play.contact()
        for given in ({"id": contact["id"]}, {"external_id": "u-1"}, {"email": "u-1@x.io"}):
            ticket = await created(play, given)
            assert ticket["contacts"]["contacts"][0]["id"] == contact["id"]
        stranger = (await created(play, {"email": "new@x.io"}))["contacts"]["contacts"][0]
        assert (await play.api("GET", f"/contacts/{stranger['id']}"))["email"] == "new@x.io"


async def test_what_else_a_new_ticket_can_have() -> None:
    async with playing() as play:
        conversation = await play.conversation()
        linked = await created(play, conversation_to_link_id=conversation["id"], created_at=NOW - 60)
        assert linked["linked_objects"]["data"] == [
            {"type": "conversation", "id": conversation["id"], "category": None}
        ]
        assert linked["created_at"] == NOW - 60
        assigned = await created(play, assignment={"admin_assignee_id": ADMIN_ID})
        assert assigned["admin_assignee_id"] == ADMIN_ID
        assert ticket_parts_of(assigned)[-1]["assigned_to"] == {"type": "admin", "id": ADMIN_ID}
        teams = await created(play, assignment={"team_assignee_id": 8})
        assert (teams["team_assignee_id"], teams["admin_assignee_id"]) == ("8", "0")


@pytest.mark.parametrize(("category", "shared"), [("Customer", True), ("Back-office", False), ("Tracker", False)])
async def test_who_sees_which_kind(category: str, shared: bool) -> None:
    async with playing() as play:
        ticket = await created(play, ticket_type_id=await play.type_id(category))
        assert (ticket["category"], ticket["ticket_type"]["category"]) == (category, category)
        assert ticket["is_shared"] is shared


async def test_states() -> None:
    async with playing() as play:
        path, states = f"/tickets/{(await created(play))['id']}", await play.states()
        await play.advance(5)
        body = {"ticket_state_id": int(states["With the dev team"]), "admin_id": int(ADMIN_ID)}
        moved = await play.api("PUT", path, body)
        assert moved["ticket_state"]["internal_label"] == "With the dev team"
        assert moved["ticket_state"]["external_label"] == "In progress"
        part = ticket_parts_of(moved)[-1]
        assert (part["previous_ticket_state"], part["ticket_state"]) == ("submitted", "in_progress")
        assert part["author"]["id"] == ADMIN_ID
        assert moved["updated_at"] == part["created_at"] == NOW + 5
        assert await play.api("PUT", path, body) == moved
        await play.api("PUT", path, {"ticket_state_id": states["Resolved"]})
        again = await play.api("PUT", path, {"ticket_state_id": states["In progress"]})
        part = ticket_parts_of(again)[-1]
        assert (part["previous_ticket_state"], part["ticket_state"]) == ("resolved", "in_progress")
        assert (part["author"]["type"], again["open"]) == ("bot", True)


async def test_closing_and_opening() -> None:
    async with playing() as play:
        path = f"/tickets/{(await created(play))['id']}"
        await play.api("PUT", path, {"snoozed_until": NOW + 60})
        closed = await play.api("PUT", path, {"open": False, "admin_id": ADMIN_ID})
        assert (closed["open"], closed["ticket_state"]["category"]) == (False, "resolved")
        assert "snoozed_until" not in closed
        kinds = [part["part_type"] for part in ticket_parts_of(closed)[1:]]
        assert kinds == ["snoozed", "close", "ticket_state_updated_by_admin"]
        opened = await play.api("PUT", path, {"open": True})
        assert (opened["open"], opened["ticket_state"]["category"]) == (True, "resolved")
        assert await play.api("PUT", path, {"open": True}) == opened


async def test_a_snooze_ends_on_time() -> None:
    async with playing() as play:
        path = f"/tickets/{(await created(play))['id']}"
        assert (await play.api("PUT", path, {"snoozed_until": NOW + 60}))["snoozed_until"] == NOW + 60
        await play.advance(59)
        assert (await play.api("GET", path))["snoozed_until"] == NOW + 60
        await play.advance(1)
        woken = await play.api("GET", path)
        assert "snoozed_until" not in woken
        assert ticket_parts_of(woken)[-1]["part_type"] == "timer_unsnooze"


async def test_attributes_assignment_and_sharing() -> None:
    async with playing() as play:
        ticket = await created(play, ticket_attributes={TITLE: "Lost"})
        path = f"/tickets/{ticket['id']}"
        [_, _, priority] = ticket["ticket_type"]["ticket_type_attributes"]["data"]
        high = priority["input_options"]["list_options"][1]
        body = {"ticket_attributes": {TITLE: "Lost", "Priority": high["id"]}, "assignee_id": ADMIN_ID}
        changed = await play.api("PUT", path, body)
        _, attribute, assignment = ticket_parts_of(changed)
        assert attribute["part_type"] == "ticket_attribute_updated_by_admin"
        assert attribute["updated_attribute_data"] == {
            "attribute": {"type": "attribute", "id": priority["id"], "label": "Priority"},
            "value": {"type": "value", "id": high["id"], "label": "High"},
        }
        assert assignment["assigned_to"] == {"type": "admin", "id": ADMIN_ID}
        assert changed["ticket_attributes"]["Priority"] == high["id"]
        after = await play.api("PUT", path, {"assignee_id": "0", "is_shared": False})
        assert (after["admin_assignee_id"], after["is_shared"]) == ("0", False)


async def test_replies_answer_their_part_alone() -> None:
    async with hosting() as host, playing() as play:
        ticket = await created(play)
        path = f"/tickets/{ticket['id']}"
        await play.advance(5)
        reply = {"message_type": "comment", "type": "user", "user_id": "u-1", "body": "Here\nyou go"}
        said = await play.api("POST", f"{path}/reply", {**reply, "attachment_urls": [f"{host.url}/a.png"]})
        assert (said["type"], said["body"]) == ("ticket_part", "<p>Here<br>you go</p>")
        assert (said["attachments"][0]["name"], said["author"]["type"]) == ("a.png", "user")
        assert said["app_package_code"] == "simulated-integration"
        answer = {"message_type": "comment", "type": "admin", "admin_id": ADMIN_ID, "body": "<b>Thanks</b>"}
        answered = await play.api("POST", f"{path}/reply", answer)
        noted = await play.api("POST", f"{path}/reply", {**answer, "message_type": "note", "body": "psst"})
        assert (answered["part_type"], noted["part_type"]) == ("comment", "note")
        after = await play.api("GET", path)
        assert ticket_parts_of(after)[1:] == [said, answered, noted]
        assert after["ticket_state"] == ticket["ticket_state"]
        assert after["updated_at"] == NOW + 5
        contact = await play.api("GET", f"/contacts/{said['author']['id']}")
        assert contact["last_replied_at"] == NOW + 5


async def test_a_reply_does_not_move_the_state() -> None:
    async with playing() as play:
        path, states = f"/tickets/{(await created(play))['id']}", await play.states()
        for state in ("Waiting on customer", "Resolved"):
            await play.api("PUT", path, {"ticket_state_id": states[state]})
            reply = {"message_type": "comment", "type": "user", "user_id": "u-1", "body": "?"}
            await play.api("POST", f"{path}/reply", reply)
            assert (await play.api("GET", path))["ticket_state"]["id"] == states[state]


async def test_leads_reply_as_users() -> None:
    async with playing() as play:
        lead = await play.api("POST", "/contacts", {"role": "lead", "email": "lead@x.io"})
        path = f"/tickets/{(await created(play, {'id': lead['id']}))['id']}"
        reply = {"message_type": "comment", "type": "user", "intercom_user_id": lead["id"], "body": "?"}
        author = (await play.api("POST", f"{path}/reply", reply))["author"]
        assert author == {"id": lead["id"], "type": "user", "name": None, "email": "lead@x.io"}


async def test_only_the_newest_500_parts_are_given() -> None:
    async with playing() as play:
        ticket = await created(play)
        for number in range(501):
            await play.act_on_ticket("contact_reply", body=str(number))
        shown = ticket_parts_of(await play.api("GET", f"/tickets/{ticket['id']}"))
        assert [shown[0]["body"], shown[-1]["body"], len(shown)] == ["<p>1</p>", "<p>500</p>", 500]
        assert len(ticket_parts_of(await play.sim("GET", f"/tickets/{ticket['id']}"))) == 502


async def test_tags() -> None:
    async with playing() as play:
        path = f"/tickets/{(await created(play))['id']}/tags"
        tag = await play.api("POST", "/tags", {"name": "csat-5"})
        body = {"id": tag["id"], "admin_id": ADMIN_ID}
        first = await play.api("POST", path, body)
        assert (first["name"], first["applied_by"]) == ("csat-5", {"type": "admin", "id": ADMIN_ID})
        assert await play.api("POST", path, body) == first
        assert [each["id"] for each in (await play.sim("GET", "/tickets/last"))["tags"]] == [tag["id"]]
        assert await play.api("DELETE", f"{path}/{tag['id']}", {"admin_id": ADMIN_ID}) == first
        assert (await play.sim("GET", "/tickets/last"))["tags"] == []


async def test_deleting() -> None:
    async with playing() as play:
        path = f"/tickets/{(await created(play))['id']}"
        await play.api("PUT", path, {"snoozed_until": NOW + 60})
        await play.api("DELETE", path)
        await play.api("GET", path, status=404)
        await play.advance(60)
        assert (await play.sim("GET", "/tickets"))["tickets"] == []


async def test_a_conversation_becomes_a_ticket() -> None:
    async with playing() as play:
        conversation = await play.conversation(body="It never came")
        await play.act("assign")
        await play.act("reply", body="We look into it")
        await play.advance(60)
        path = f"/conversations/{conversation['id']}"
        body = {"ticket_type_id": await play.type_id(), "attributes": {TITLE: "Lost"}}
        ticket = await play.api("POST", f"{path}/convert", body)
        assert (ticket["id"], ticket["created_at"]) == (conversation["id"], conversation["created_at"])
        assert (ticket["admin_assignee_id"], ticket["is_shared"]) == (ADMIN_ID, True)
        shown = [(part["part_type"], part.get("body")) for part in ticket_parts_of(ticket)]
        assert shown == [
            ("comment", "<p>It never came</p>"),
            ("assignment", None),
            ("comment", "<p>We look into it</p>"),
            ("ticket_state_updated_by_admin", None),
        ]
        after = await play.api("GET", path)
        assert after["ticket"] == {"type": "ticket", "id": conversation["id"]}
        assert after["updated_at"] == NOW + 60
        assert len(parts_of(after)) == 2
        for again in (await play.type_id("Tracker"), await play.type_id()):
            await play.api("POST", f"{path}/convert", {"ticket_type_id": again}, status=400)


async def test_faults_and_counts_are_those_of_all_calls() -> None:
    async with playing() as play:
        await play.contact()
        create = {"ticket_type_id": await play.type_id(), "contacts": [{"external_id": "u-1"}]}
        await play.faults(write_404_times=1)
        refusal = await play.api("POST", "/tickets", create, status=404)
        assert refusal["errors"][0]["message"] == "User Not Found"
        path = f"/tickets/{(await play.api('POST', '/tickets', create))['id']}"
        await play.faults(cut_after_write=1)
        query = {"query": {"field": "open", "operator": "=", "value": True}}
        assert (await play.api("POST", "/tickets/search", query))["total_count"] == 1
        reply = {"message_type": "comment", "type": "user", "user_id": "u-1", "body": "?"}
        with pytest.raises(httpx.RemoteProtocolError):
            await play.api("POST", f"{path}/reply", reply)
        assert len(ticket_parts_of(await play.api("GET", path))) == 2
        await play.faults(force_429=True)
        await play.api("GET", path, status=429)
        assert (await play.sim("GET", "/calls"))["by_operation"] == {
            "GET /ticket_types": 1,
            "POST /tickets": 2,
            "POST /tickets/search": 1,
            "POST /tickets/{id}/reply": 1,
            "GET /tickets/{id}": 2,
        }
