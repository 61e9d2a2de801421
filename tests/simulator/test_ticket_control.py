"""The control API's tickets."""

from typing import Any

from tests.simulator.helpers import ADMIN_ID, START, playing, ticket_parts_of


async def test_what_the_team_makes() -> None:
    async with playing() as play:
        ticket = await play.ticket("u-1", "Lost", description="It never came")
        assert ticket["contacts"]["contacts"][0]["external_id"] == "u-1"
        assert ticket["ticket_attributes"]["_default_title_"] == "Lost"
        assert ticket["ticket_attributes"]["_default_description_"] == "It never came"
        hidden = await play.ticket("u-1", is_shared=False)
        tracker = await play.ticket("u-2", type=await play.type_id("Tracker"), is_shared=True)
        assert (hidden["is_shared"], tracker["category"], tracker["is_shared"]) == (False, "Tracker", True)
        assert (await play.sim("GET", "/tickets"))["tickets"] == [ticket, hidden, tracker]
        assert await play.sim("GET", "/tickets/last") == tracker
        status = await play.sim("GET", "/status")
        assert (status["tickets"], status["conversations"], status["contacts"]) == (3, 0, 2)


async def test_states_by_category_and_by_id() -> None:
    async with playing() as play:
        await play.ticket()
        states = await play.states()
        moved = await play.act_on_ticket("state", state="in_progress")
        assert moved["ticket_state"]["internal_label"] == "In progress"
        moved = await play.act_on_ticket("state", state=states["With the dev team"])
        assert moved["ticket_state"]["id"] == states["With the dev team"]
        part = ticket_parts_of(moved)[-1]
        assert (part["ticket_state"], part["previous_ticket_state"]) == ("in_progress", "in_progress")
        assert part["author"]["id"] == ADMIN_ID
        refusal = await play.sim("POST", "/tickets/last/state", {"state": "asleep"}, status=400)
        assert "asleep" in refusal["error"]


async def test_each_change_counts_as_an_update() -> None:
    async with playing() as play:
        await play.ticket()
        part_id = ticket_parts_of(await play.act_on_ticket("reply", body="4111 1111 1111 1111"))[-1]["id"]
        at = int(START)
        for action, body in (
            ("unshare", {}),
            ("share", {}),
            ("close", {}),
            ("open", {}),
            ("tags", {"name": "vip"}),
            ("redact", {"part_id": part_id}),
            ("assign", {"assignee_id": "0"}),
        ):
            at += 1
            await play.advance(1)
            assert (await play.act_on_ticket(action, **body))["updated_at"] == at


async def test_sharing_redaction_and_tags() -> None:
    async with playing() as play:
        await play.ticket()
        assert (await play.act_on_ticket("unshare"))["is_shared"] is False
        assert (await play.act_on_ticket("share"))["is_shared"] is True
        file = {"name": "a.png", "url": "https://x.example/a.png", "content_type": "image/png", "filesize": 7}
        said = ticket_parts_of(await play.act_on_ticket("reply", body="4111", admin_id=42, attachments=[file]))[-1]
        assert (said["author"]["id"], said["attachments"]) == ("42", [{"type": "upload", **file}])
        await play.advance(5)
        gone = ticket_parts_of(await play.act_on_ticket("redact", part_id=said["id"]))[-1]
        assert (gone["id"], gone["redacted"], gone["attachments"]) == (said["id"], True, [])
        assert gone["body"] == "<p><i>This message was deleted</i></p>"
        assert (gone["created_at"], gone["updated_at"]) == (int(START), int(START) + 5)
        tagged = await play.act_on_ticket("tags", name="vip")
        assert [each["name"] for each in tagged["tags"]] == ["vip"]
        assert (await play.sim("DELETE", "/tickets/last/tags/VIP"))["tags"] == []


async def test_a_ticket_is_an_admins_or_a_teams() -> None:
    async with playing() as play:
        await play.ticket()

        async def assignees(action: str, **body: Any) -> tuple[str, str]:
            after = await play.act_on_ticket(action, **body)
            return after["admin_assignee_id"], after["team_assignee_id"]

        assert await assignees("assign") == (ADMIN_ID, "0")
        assert await assignees("assign", team_id=7) == ("0", "7")
        assert await assignees("assign", assignee_id=ADMIN_ID) == (ADMIN_ID, "0")
        assert await assignees("assign", team_id=8) == ("0", "8")
        assert await assignees("reply", body="mine", assign=True) == (ADMIN_ID, "0")
        assert await assignees("assign", assignee_id="0") == ("0", "0")


async def test_raw_parts_have_any_author() -> None:
    async with playing() as play:
        await play.ticket()
        for author_type in ("admin", "bot", "user"):
            raw = await play.act_on_ticket("part", part_type="comment", body="<p>?</p>", author_type=author_type)
            assert ticket_parts_of(raw)[-1]["author"]["type"] == author_type


async def test_deleting_both_ways() -> None:
    async with playing() as play:
        first, second = await play.ticket(), await play.ticket()
        deleted = await play.sim("DELETE", f"/tickets/{first['id']}")
        assert deleted == {"id": first["id"], "object": "ticket", "deleted": True}
        assert await play.act_on_ticket("delete", on=second["id"]) == second
        for ticket in (first, second):
            await play.sim("GET", f"/tickets/{ticket['id']}", status=404)


async def test_mistakes_are_explained() -> None:
    async with playing() as play:
        assert (await play.sim("GET", "/tickets/last", status=400))["error"] == "there is no ticket yet"
        await play.ticket()
        path = "/tickets/last"
        assert "no action dance" in (await play.sim("POST", f"{path}/dance", {}, status=404))["error"]
        assert "body" in (await play.sim("POST", f"{path}/reply", {}, status=400))["error"]
        assert "boddy" in (await play.sim("POST", f"{path}/note", {"boddy": "x"}, status=400))["error"]
        assert (await play.sim("GET", "/tickets/1", status=404))["error"] == "Ticket not found"
        assert (await play.sim("DELETE", f"{path}/tags/vip", status=404))["error"] == "Tag not found"
        refusal = await play.sim("POST", f"{path}/redact", {"part_id": "1"}, status=404)
        assert refusal["error"] == "Conversation part or message not found"
        unknown = {"external_id": "u-1", "title": "x", "type": "Complaint"}
        assert "Complaint" in (await play.sim("POST", "/tickets", unknown, status=400))["error"]


async def test_reset_forgets_tickets() -> None:
    async with playing() as play:
        first = await play.ticket()
        types = await play.api("GET", "/ticket_types")
        await play.sim("POST", "/reset")
        assert (await play.sim("GET", "/tickets"))["tickets"] == []
        found = await play.api("POST", "/tickets/search", {"query": {"field": "open", "operator": "=", "value": True}})
        assert found["tickets"] == []
        assert await play.api("GET", "/ticket_types") == types
        assert await play.ticket() == first
