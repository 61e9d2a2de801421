"""Answers have the shapes of Intercom's OpenAPI file."""

from tests.simulator.helpers import ADMIN_ID, parts_of, playing
from tests.simulator.openapi import check


async def test_identity_and_catalogue() -> None:
    async with playing() as play:
        check("admin_with_app", await play.api("GET", "/me"))
        check("admin_list", await play.api("GET", "/admins"))
        check("tag_basic", await play.api("POST", "/tags", {"name": "vip"}))
        check("tag_list", await play.api("GET", "/tags"))


async def test_contacts() -> None:
    async with playing() as play:
        contact = await play.api("POST", "/contacts", {"external_id": "u-1", "email": "joe@x.io"})
        assert (contact["type"], contact["role"], len(contact["id"])) == ("contact", "user", 24)
        check("contact", contact)
        check("contact", await play.api("GET", f"/contacts/{contact['id']}"))
        archived = await play.api("POST", f"/contacts/{contact['id']}/unarchive", {})
        check("contact_unarchived", archived)
        assert archived["archived"] is False
        query = {"field": "role", "operator": "=", "value": "user"}
        found = await play.api("POST", "/contacts/search", {"query": query})
        check("contact_list", found)
        assert (found["type"], found["total_count"]) == ("list", 1)


async def test_conversations() -> None:
    async with playing() as play:
        contact = await play.contact()
        message = await play.api(
            "POST", "/conversations", {"from": {"type": "user", "id": contact["id"]}, "body": "Hello"}
        )
        check("message", message)
        assert message["id"] != message["conversation_id"]
        await play.act("reply", body="<p>Hi</p>", assign=True, attachments=[{"name": "a.png", "url": "http://x/a.png"}])
        await play.act("tags", name="vip")
        await play.act("rate", rating=4, remark="fine")
        await play.act("close", body="Bye")
        path = f"/conversations/{message['conversation_id']}"
        conversation = await play.api("GET", path)
        check("conversation", conversation)
        assert conversation["source"]["id"] == message["id"]
        assert conversation["statistics"]["count_conversation_parts"] == len(parts_of(conversation)) == 4
        found = await play.search({"field": "state", "operator": "=", "value": "closed"})
        check("conversation_list", found)
        check("conversation_list", await play.api("GET", "/conversations"))
        check("conversation_deleted", await play.api("DELETE", path))


async def test_replies_and_tags_and_errors() -> None:
    async with playing() as play:
        conversation = await play.conversation()
        path = f"/conversations/{conversation['id']}"
        body = {"message_type": "note", "type": "admin", "admin_id": int(ADMIN_ID), "body": "mind the gap"}
        check("conversation", await play.api("POST", f"{path}/reply", body))
        tag = await play.api("POST", "/tags", {"name": "vip"})
        check("tag", await play.api("POST", f"{path}/tags", {"id": tag["id"], "admin_id": ADMIN_ID}))
        check("error", await play.api("GET", "/conversations/1", status=404))
        check("error", await play.api("POST", "/conversations/search", {"query": 1}, status=400))


async def test_ticket_types_and_states() -> None:
    async with playing() as play:
        types = await play.api("GET", "/ticket_types")
        check("ticket_type_list", types)
        assert [each["category"] for each in types["data"]] == ["Customer", "Back-office", "Tracker"]
        customers = types["data"][0]
        assert [each["category"] for each in customers["ticket_states"]["data"]] == [
            *("submitted", "in_progress", "waiting_on_customer", "resolved"),
            "in_progress",
        ]
        states = await play.api("GET", "/ticket_states")
        check("ticket_state_list", states)
        assert [len(each["ticket_types"]["data"]) for each in states["data"]] == [3, 3, 3, 3, 1]
        for attribute in customers["ticket_type_attributes"]["data"]:
            check("ticket_type_attribute", attribute)


async def test_tickets() -> None:
    async with playing() as play:
        contact = await play.contact()
        body = {"ticket_type_id": await play.type_id(), "contacts": [{"id": contact["id"]}]}
        ticket = await play.api("POST", "/tickets", body)
        check("ticket", ticket)
        path = f"/tickets/{ticket['id']}"
        for action, more in (
            ("reply", {"body": "<p>Hi</p>", "assign": True, "attachments": [{"name": "a.png", "url": "http://x/a"}]}),
            ("note", {"body": "psst"}),
            ("bot_reply", {"body": "hm"}),
            ("contact_reply", {"body": "?"}),
            ("assign", {"assignee_id": "0"}),
            ("assign", {"team_id": 7}),
            ("attributes", {"attributes": {"_default_title_": "Lost"}}),
            ("snooze", {"until": 1_800_000_000}),
        ):
            await play.act_on_ticket(action, **more)
        snoozed = await play.api("GET", path)
        check("ticket", snoozed)
        assert snoozed["snoozed_until"] == 1_800_000_000
        assert snoozed["ticket_parts"]["total_count"] == 9
        await play.act_on_ticket("close")
        closed = await play.api("PUT", path, {"is_shared": False})
        check("ticket", closed)
        assert "snoozed_until" not in closed
        query = {"field": "state", "operator": "=", "value": "resolved"}
        found = await play.api("POST", "/tickets/search", {"query": query})
        check("ticket_list", found)
        assert found["tickets"] == [closed]
        check("ticket_deleted", await play.api("DELETE", path))
        check("error", await play.api("GET", path, status=404))


async def test_what_is_added_to_tickets() -> None:
    async with playing() as play:
        path = f"/tickets/{(await play.ticket())['id']}"
        admin = {"type": "admin", "admin_id": ADMIN_ID}
        replies = (
            {"message_type": "comment", "type": "user", "user_id": "u-1", "body": "x"},
            {"message_type": "note", "body": "x", **admin},
            {"message_type": "quick_reply", "reply_options": [{"text": "Yes", "uuid": "u"}], **admin},
        )
        for reply in replies:
            part = await play.api("POST", f"{path}/reply", reply)
            check("ticket_reply", part)
            assert part["part_type"] == reply["message_type"]
            assert None not in part.values()
        tag = await play.api("POST", "/tags", {"name": "vip"})
        check("tag", await play.api("POST", f"{path}/tags", {"id": tag["id"], "admin_id": ADMIN_ID}))
        check("tag", await play.api("DELETE", f"{path}/tags/{tag['id']}", {"admin_id": ADMIN_ID}))
