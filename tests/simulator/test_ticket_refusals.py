"""What the API refuses of tickets, and with which words (contract, part 5)."""

from typing import Any

import pytest

from tests.simulator.helpers import ADMIN_ID, START, Playground, code_of, playing

STAFF = {"type": "admin", "admin_id": ADMIN_ID, "body": "x"}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"ticket_type_id": "1"}, 404, "not_found"),
        ({"contacts": []}, 400, "parameter_invalid"),
        ({"contacts": [{"external_id": "u-1"}, {"external_id": "u-2"}]}, 400, "parameter_invalid"),
        ({"contacts": [{}]}, 400, "parameter_invalid"),
        ({"contacts": [{"external_id": "nobody"}]}, 404, "not_found"),
        ({"contacts": [{"id": "f" * 24}]}, 404, "not_found"),
        ({"contacts": None}, 400, "parameter_invalid"),
        ({"ticket_attributes": {"mood": "good"}}, 400, "parameter_invalid"),
        ({"ticket_attributes": {"_default_title_": 7}}, 400, "parameter_invalid"),
        ({"ticket_attributes": {"Priority": "High"}}, 400, "parameter_invalid"),
        ({"assignment": {"admin_assignee_id": "1"}}, 404, "assignee_not_found"),
        ({"conversation_to_link_id": "1"}, 404, "not_found"),
    ],
)
async def test_new_tickets(change: dict[str, Any], status: int, code: str) -> None:
    async with playing() as play:
        await play.contact("u-1")
        await play.contact("u-2")
        body = {"ticket_type_id": await play.type_id(), "contacts": [{"external_id": "u-1"}]}
        assert code_of(await play.api("POST", "/tickets", body | change, status=status)) == code
        assert (await play.sim("GET", "/tickets"))["tickets"] == []


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"ticket_state_id": 0}, 400, "ticket_state_id_invalid"),
        ({"assignee_id": "1"}, 404, "assignee_not_found"),
        ({"admin_id": 1}, 404, "assignee_not_found"),
        ({"snoozed_until": int(START)}, 400, "parameter_invalid"),
        ({"ticket_attributes": {"mood": "good"}}, 400, "parameter_invalid"),
        ({"open": "no"}, 400, "parameter_invalid"),
    ],
)
async def test_a_refused_change_changes_nothing(change: dict[str, Any], status: int, code: str) -> None:
    async with playing() as play:
        before = await play.ticket()
        body = {"ticket_attributes": {"_default_title_": "New"}, "is_shared": False} | change
        assert code_of(await play.api("PUT", f"/tickets/{before['id']}", body, status=status)) == code
        assert await play.sim("GET", "/tickets/last") == before


async def test_a_state_of_another_type() -> None:
    async with playing() as play:
        ticket, states = await play.ticket(type="Back-office"), await play.states()
        body = {"ticket_state_id": states["With the dev team"]}
        refusal = await play.api("PUT", f"/tickets/{ticket['id']}", body, status=400)
        message = "Ticket state id is not valid or is not associated with the ticket type"
        assert (code_of(refusal), refusal["errors"][0]["message"]) == ("ticket_state_id_invalid", message)


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"type": "user", "user_id": "nobody", "body": "x"}, 404, "User Not Found"),
        ({"type": "user", "user_id": "u-2", "body": "x"}, 404, "User Not Found"),
        ({"type": "user", "user_id": "u-1"}, 400, "body is required"),
        ({"type": "user", "user_id": "u-1", "body": "x", "attachment_urls": ["http://x/a"] * 11}, 400, "at most 10"),
        ({"type": "admin", "admin_id": ADMIN_ID}, 400, "body is required"),
        ({"type": "admin", "admin_id": 1, "body": "x"}, 404, "Admin not found"),
    ],
)
async def test_replies(body: dict[str, Any], status: int, message: str) -> None:
    async with playing() as play:
        await play.contact("u-2")
        path = f"/tickets/{(await play.ticket('u-1'))['id']}/reply"
        refusal = await play.api("POST", path, {"message_type": "comment", **body}, status=status)
        assert refusal["errors"][0]["message"].startswith(message)


async def test_users_cannot_reply_in_the_back_office() -> None:
    async with playing() as play:
        path = f"/tickets/{(await play.ticket(type='Back-office'))['id']}/reply"
        reply = {"message_type": "comment", "type": "user", "user_id": "u-1", "body": "x"}
        refusal = await play.api("POST", path, reply, status=400)
        assert code_of(refusal) == "parameter_mismatch"
        assert refusal["errors"][0]["message"] == "User replies are not allowed on Backoffice tickets"
        await play.api("POST", path, {"message_type": "comment", **STAFF})


async def test_files_are_not_taken_along() -> None:
    async with playing() as play:
        path = f"/tickets/{(await play.ticket())['id']}/reply"
        files = [{"name": "a.txt", "content_type": "text/plain", "data": "aGVsbG8h"}]
        reply = {"message_type": "comment", "type": "user", "user_id": "u-1", "body": "x", "attachment_files": files}
        assert (await play.api("POST", path, reply))["attachments"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("GET", "/tickets/1", None, "ticket_not_found"),
        ("PUT", "/tickets/1", {"open": False}, "ticket_not_found"),
        ("DELETE", "/tickets/1", None, "ticket_not_found"),
        ("POST", "/tickets/1/reply", {"message_type": "comment", **STAFF}, "not_found"),
        ("POST", "/tickets/1/tags", {"id": "1", "admin_id": ADMIN_ID}, "ticket_not_found"),
        ("DELETE", "/tickets/1/tags/1", {"admin_id": ADMIN_ID}, "ticket_not_found"),
        ("POST", "/conversations/1/convert", {"ticket_type_id": "1"}, "not_found"),
        ("GET", "/tickets", None, "not_found"),
    ],
)
async def test_what_does_not_exist(method: str, path: str, body: Any, code: str) -> None:
    async with playing() as play:
        assert code_of(await play.api(method, path, body, status=404)) == code


async def test_a_conversion_with_unknown_attributes() -> None:
    async with playing() as play:
        path = f"/conversations/{(await play.conversation())['id']}"
        body = {"ticket_type_id": await play.type_id(), "attributes": {"mood": "good"}}
        assert code_of(await play.api("POST", f"{path}/convert", body, status=400)) == "parameter_invalid"
        assert (await play.api("GET", path))["ticket"] is None


async def test_the_inboxs_number_is_not_the_id() -> None:
    async with playing() as play:
        ticket = await play.ticket()
        await play.api("GET", f"/tickets/{ticket['ticket_id']}", status=404)


async def test_tags_that_are_not_there() -> None:
    async with playing() as play:
        path = f"/tickets/{(await play.ticket())['id']}/tags"
        body = {"id": "1", "admin_id": ADMIN_ID}
        assert code_of(await play.api("POST", path, body, status=404)) == "tag_not_found"
        assert code_of(await play.api("DELETE", f"{path}/1", body, status=404)) == "tag_not_found"


@pytest.mark.parametrize("path", ["/ticket_types", "/ticket_states", "/tickets/1"])
async def test_without_the_token(path: str) -> None:
    async with playing() as play:
        response = await play.http.get(path)
        assert (response.status_code, code_of(response.json())) == (401, "unauthorized")


IS_OPEN = {"field": "open", "operator": "=", "value": True}


async def search_refused(play: Playground, body: Any) -> str:
    return code_of(await play.api("POST", "/tickets/search", body, status=400))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query": {"field": "ticket_state", "operator": "=", "value": "resolved"}}, "invalid_field"),
        ({"query": {"field": "ticket_attribute.1", "operator": "=", "value": "x"}}, "invalid_field"),
        ({"query": {"field": "source.body", "operator": "~", "value": "x"}}, "invalid_field"),
        ({"query": {"field": "updated_at", "operator": ">", "value": "soon"}}, "parameter_invalid"),
        ({"query": IS_OPEN, "sort": {"field": "mood"}}, "parameter_invalid"),
        ({"query": IS_OPEN, "pagination": {"starting_after": "nonsense"}}, "client_error"),
        ({"query": {"operator": "AND", "value": [IS_OPEN] * 16}}, "parameter_invalid"),
        ({}, "parameter_invalid"),
    ],
)
async def test_searches(body: Any, code: str) -> None:
    async with playing() as play:
        assert await search_refused(play, body) == code
