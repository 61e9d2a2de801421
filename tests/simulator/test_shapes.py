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
