"""What the API refuses, and with which words (contract, parts 1 and 3 to 5)."""

from typing import Any

import pytest

from tests.simulator.helpers import ADMIN_ID, TOKEN, code_of, playing
from tests.simulator.hosting import hosting


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", f"Basic {TOKEN}"])
async def test_without_the_token(authorization: str | None) -> None:
    async with playing() as play:
        headers = {"Authorization": authorization} if authorization else {}
        response = await play.http.get("/me", headers=headers)
        assert (response.status_code, code_of(response.json())) == (401, "unauthorized")
        assert response.json()["errors"][0]["message"] == "Access Token Invalid"
        assert not [name for name in response.headers if name.startswith("x-ratelimit")]


async def test_versions() -> None:
    async with playing() as play:
        await play.api("GET", "/me", Intercom_Version="2.15")
        await play.api("GET", "/me", Intercom_Version="1.4")
        for version in ("2.99", "latest"):
            refusal = await play.api("GET", "/me", Intercom_Version=version, status=400)
            assert code_of(refusal) == "intercom_version_invalid"


async def test_only_json_is_answered() -> None:
    async with playing() as play:
        await play.api("GET", "/me", Accept="text/html", status=406)


@pytest.mark.parametrize(("method", "path"), [("GET", "/nowhere"), ("PATCH", "/me"), ("POST", "/me"), ("GET", "/")])
async def test_unknown_routes_and_methods(method: str, path: str) -> None:
    async with playing() as play:
        assert code_of(await play.api(method, path, status=404)) == "not_found"


async def test_a_body_that_is_not_json() -> None:
    async with playing() as play:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        for content in (b"{", b"[]", b"\xff"):
            response = await play.http.post("/contacts", content=content, headers=headers)
            assert (response.status_code, code_of(response.json())) == (400, "parameter_invalid")


async def test_a_second_contact_of_the_same_name() -> None:
    async with playing() as play:
        first = await play.api("POST", "/contacts", {"external_id": "u-1", "email": "joe@x.io"})
        for body in ({"external_id": "u-1"}, {"email": "joe@x.io"}):
            refusal = await play.api("POST", "/contacts", body, status=409)
            assert code_of(refusal) == "conflict"
            message = f"A contact matching those details already exists with id={first['id']}"
            assert refusal["errors"][0]["message"] == message
        other = await play.api("POST", "/contacts", {"external_id": "u-2"})
        path = f"/contacts/{other['id']}"
        await play.api("PUT", path, {"external_id": "u-1"}, status=409)
        await play.api("PUT", path, {"external_id": "u-2", "name": "Jo"})
        await play.api("POST", "/contacts", {"role": "lead", "email": "joe@x.io"})


async def test_an_archived_contact_and_back() -> None:
    async with playing() as play:
        contact = await play.sim("POST", "/contacts", {"external_id": "u-1", "archived": True})
        refusal = await play.api("POST", "/contacts", {"external_id": "u-1"}, status=409)
        assert refusal["errors"][0]["message"].startswith("An archived contact matching those details already")
        await play.api("GET", "/contacts/find_by_external_id/u-1", status=404)
        await play.api("POST", f"/contacts/{contact['id']}/unarchive")
        assert (await play.api("GET", "/contacts/find_by_external_id/u-1"))["id"] == contact["id"]
        await play.api("POST", f"/contacts/{contact['id']}/archive")
        await play.api("GET", f"/contacts/{contact['id']}", status=404)
        await play.api("POST", "/contacts/nobody/archive", status=404)


async def test_leads_are_not_found_by_external_id() -> None:
    async with playing() as play:
        await play.api("POST", "/contacts", {"role": "lead", "external_id": "l-1"})
        await play.api("GET", "/contacts/find_by_external_id/l-1", status=404)


async def test_external_ids_come_url_encoded() -> None:
    async with playing() as play:
        await play.api("POST", "/contacts", {"external_id": "a/b c"})
        assert (await play.api("GET", "/contacts/find_by_external_id/a%2Fb%20c"))["external_id"] == "a/b c"


async def test_a_contact_needs_something_to_go_by() -> None:
    async with playing() as play:
        assert code_of(await play.api("POST", "/contacts", {"name": "Joe"}, status=400)) == "parameter_not_found"


async def test_attributes_must_exist_where_that_is_switched_on() -> None:
    async with playing(known_attributes=frozenset({"plan"})) as play:
        path = f"/contacts/{(await play.contact())['id']}"
        await play.api("PUT", path, {"custom_attributes": {"anything": 1}})
        await play.faults(strict_attributes=True)
        await play.api("PUT", path, {"custom_attributes": {"plan": "pro"}})
        refusal = await play.api("PUT", path, {"name": "New", "custom_attributes": {"other": 1}}, status=400)
        assert code_of(refusal) == "parameter_invalid"
        assert (await play.api("GET", path))["name"] == "Joe"


USER_NOT_FOUND = "User Not Found"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"type": "user", "intercom_user_id": "f" * 24, "body": "x"}, 404, USER_NOT_FOUND),
        ({"type": "user", "user_id": "nobody", "body": "x"}, 404, USER_NOT_FOUND),
        ({"type": "user", "email": "nobody@x.io", "body": "x"}, 404, USER_NOT_FOUND),
        ({"type": "user", "body": "x"}, 404, USER_NOT_FOUND),
        ({"type": "user", "user_id": "u-2", "body": "x"}, 404, USER_NOT_FOUND),
        ({"type": "user", "user_id": "u-1"}, 400, "body is required"),
        ({"type": "admin", "admin_id": ADMIN_ID}, 400, "body is required"),
        ({"type": "admin", "admin_id": 1, "body": "x"}, 404, "Admin not found"),
        (
            {"type": "user", "user_id": "u-1", "body": "x", "attachment_urls": ["http://x/a"] * 11},
            400,
            "at most 10 attachments are allowed",
        ),
    ],
)
async def test_replies(body: dict[str, Any], status: int, message: str) -> None:
    async with playing() as play:
        await play.contact("u-2")
        conversation = await play.conversation("u-1")
        path = f"/conversations/{conversation['id']}/reply"
        refusal = await play.api("POST", path, {"message_type": "comment", **body}, status=status)
        assert refusal["errors"][0]["message"] == message


async def test_replies_to_the_last_conversation() -> None:
    async with playing() as play:
        await play.contact("u-1")
        reply = {"message_type": "comment", "type": "user", "user_id": "u-1", "body": "x"}
        refusal = await play.api("POST", "/conversations/last/reply", reply, status=400)
        assert refusal["errors"][0]["message"] == "No conversation for this user"
        await play.conversation("u-1")
        newest = await play.conversation("u-1")
        assert (await play.api("POST", "/conversations/last/reply", reply))["id"] == newest["id"]


async def test_replies_by_email_and_files_and_quick_replies() -> None:
    async with hosting() as host, playing() as play:
        await play.contact("u-1")
        path = f"/conversations/{(await play.conversation('u-1'))['id']}/reply"
        reply = {
            "message_type": "comment",
            "type": "user",
            "email": "u-1@x.io",
            "body": "see",
            "attachment_urls": [f"{host.url}/one%20picture.png?sig=x"],
            "attachment_files": [{"name": "log.txt", "content_type": "text/plain", "data": "aGVsbG8h"}],
        }
        [part] = (await play.api("POST", path, reply))["conversation_parts"]["conversation_parts"]
        files = [(each["name"], each["content_type"], each["filesize"]) for each in part["attachments"]]
        assert files == [("one picture.png", "image/png", len(host.content)), ("log.txt", "text/plain", 6)]
        options = [{"text": "Yes", "uuid": "a5e1c524-5ddf-4c3e-9328-6bca5d6e3edb"}]
        asked = {"message_type": "quick_reply", "type": "admin", "admin_id": ADMIN_ID, "reply_options": options}
        part = (await play.api("POST", path, asked))["conversation_parts"]["conversation_parts"][-1]
        assert (part["part_type"], part["body"]) == ("quick_reply", None)
        assert part["metadata"]["quick_reply_options"] == options


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("GET", "/conversations/1", None, "not_found"),
        ("PUT", "/conversations/1", {"read": True}, "not_found"),
        ("DELETE", "/conversations/1", None, "not_found"),
        ("POST", "/conversations/1/parts", {"message_type": "open", "admin_id": ADMIN_ID}, "not_found"),
        ("POST", "/conversations/1/tags", {"id": "1", "admin_id": ADMIN_ID}, "not_found"),
        ("POST", "/conversations", {"from": {"type": "user", "id": "f" * 24}, "body": "x"}, "not_found"),
        ("POST", "/tags", {"id": "1", "name": "x"}, "tag_not_found"),
        (
            "POST",
            "/conversations/redact",
            {"type": "conversation_part", "conversation_id": "1", "conversation_part_id": "2"},
            "conversation_part_or_message_not_found",
        ),
    ],
)
async def test_what_does_not_exist(method: str, path: str, body: Any, code: str) -> None:
    async with playing() as play:
        assert code_of(await play.api(method, path, body, status=404)) == code


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"message_type": "dance", "admin_id": ADMIN_ID}, 400, "parameter_invalid"),
        ({"message_type": "snoozed", "admin_id": ADMIN_ID}, 400, "parameter_invalid"),
        ({"message_type": "snoozed", "admin_id": ADMIN_ID, "snoozed_until": 1}, 400, "parameter_invalid"),
        ({"message_type": "assignment", "admin_id": ADMIN_ID}, 400, "parameter_invalid"),
        ({"message_type": "assignment", "admin_id": ADMIN_ID, "assignee_id": "1"}, 404, "assignee_not_found"),
        ({"message_type": "close"}, 400, "parameter_invalid"),
    ],
)
async def test_actions(body: Any, status: int, code: str) -> None:
    async with playing() as play:
        path = f"/conversations/{(await play.conversation())['id']}/parts"
        assert code_of(await play.api("POST", path, body, status=status)) == code


async def test_assigning_to_a_team_and_to_nobody() -> None:
    async with playing() as play:
        path = f"/conversations/{(await play.conversation())['id']}/parts"
        body = {"message_type": "assignment", "admin_id": ADMIN_ID, "type": "team", "assignee_id": 77}
        assigned = await play.api("POST", path, body)
        assert (assigned["team_assignee_id"], assigned["admin_assignee_id"]) == (77, None)
        after = await play.api("POST", path, {**body, "assignee_id": "0"})
        assert after["team_assignee_id"] is None
        after = await play.api("POST", path, {**body, "type": "admin", "assignee_id": "0"})
        assert after["conversation_parts"]["conversation_parts"][-1]["assigned_to"] == {
            "type": "nobody_admin",
            "id": None,
        }


async def test_what_cannot_be_redacted() -> None:
    async with playing() as play:
        conversation = await play.conversation(admin_initiated=True)
        await play.act("close")
        closed = await play.act("title", title="x")
        part_id = closed["conversation_parts"]["conversation_parts"][0]["id"]
        common = {"conversation_id": conversation["id"]}
        for target in (
            {"type": "source", "source_id": conversation["source"]["id"]},
            {"type": "conversation_part", "conversation_part_id": part_id},
        ):
            refusal = await play.api("POST", "/conversations/redact", common | target, status=422)
            assert code_of(refusal) == "conversation_part_not_redactable"


async def test_tags_twice_and_never() -> None:
    async with playing() as play:
        path = f"/conversations/{(await play.conversation())['id']}/tags"
        tag = await play.api("POST", "/tags", {"name": "vip"})
        body = {"id": tag["id"], "admin_id": ADMIN_ID}
        assert await play.api("POST", path, body) == await play.api("POST", path, body)
        assert code_of(await play.api("POST", path, {**body, "id": "1"}, status=404)) == "tag_not_found"
        await play.api("DELETE", f"{path}/{tag['id']}", {"admin_id": ADMIN_ID})
        assert code_of(await play.api("DELETE", f"{path}/{tag['id']}", body, status=404)) == "tag_not_found"
        assert (await play.api("POST", "/tags", {"id": tag["id"], "name": "gold"}))["name"] == "gold"
        assert code_of(await play.api("POST", "/tags", {}, status=400)) == "parameter_invalid"
