"""Files: fetched as Intercom fetches them, and served under addresses that expire."""

from pathlib import Path
from typing import Any

import pytest

from tests.simulator.helpers import Playground, code_of, parts_of, playing, ticket_parts_of
from tests.simulator.hosting import hosting

NOTE = {"name": "a.txt", "content_type": "text/plain", "data": "aGVsbG8h"}
REPLY = {"message_type": "comment", "type": "user", "user_id": "u-1", "body": "see"}


async def reply(play: Playground, *urls: str, status: int = 200, **more: Any) -> Any:
    path = f"/conversations/{(await play.conversation())['id']}/reply"
    return await play.api("POST", path, {**REPLY, "attachment_urls": list(urls), **more}, status=status)


async def files_of(play: Playground, *urls: str, **more: Any) -> Any:
    return parts_of(await reply(play, *urls, **more))[-1]["attachments"]


async def test_a_file_is_fetched_without_credentials_and_kept() -> None:
    async with hosting() as host, playing() as play:
        [file] = await files_of(play, f"{host.url}/files/a%20b.png?t=secret")
        assert (file["name"], file["content_type"], file["filesize"]) == ("a b.png", "image/png", len(host.content))
        assert (host.asked, host.authorizations) == (["/files/a%20b.png"], [None])
        host.content = b"another"
        answer = await play.http.get(file["url"])
        assert (answer.content, answer.headers["Content-Type"]) == (b"a picture", "image/png")


async def test_a_redirect_is_followed() -> None:
    async with hosting() as host, playing() as play:
        host.redirect = "/elsewhere"
        [file] = await files_of(play, f"{host.url}/a.png")
        assert (file["name"], file["filesize"]) == ("a.png", len(host.content))


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/a.png", "nonsense", "", "http://[::1", "ftp://x.example/a"])
async def test_what_cannot_be_fetched_is_left_out(address: str) -> None:
    async with playing() as play:
        assert [file["name"] for file in await files_of(play, address, attachment_files=[NOTE])] == ["a.txt"]


@pytest.mark.parametrize("status", [404, 403, 500])
async def test_what_is_refused_is_left_out(status: int) -> None:
    async with hosting() as host, playing() as play:
        host.status = status
        assert await files_of(play, f"{host.url}/a.png") == []


async def test_what_does_not_come_in_time_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supportd.simulator.attachments.FETCH_S", 0.05)
    async with hosting() as host, playing() as play:
        host.status = 0
        assert await files_of(play, f"{host.url}/a.png") == []


async def test_what_is_too_large_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supportd.simulator.attachments.MAX_BYTES", 4)
    async with hosting() as host, playing() as play:
        assert await files_of(play, f"{host.url}/a.png") == []


async def test_files_can_be_dropped_or_refused() -> None:
    async with hosting() as host, playing() as play:
        await play.faults(attachments="drop_silently")
        assert await files_of(play, f"{host.url}/a.png", attachment_files=[NOTE]) == []
        await play.faults(attachments="refuse")
        refusal = await reply(play, f"{host.url}/a.png", status=400)
        assert (code_of(refusal), refusal["errors"][0]["field"]) == ("parameter_invalid", "attachment_urls")
        await reply(play)


async def test_files_sent_along_must_be_base64() -> None:
    async with playing() as play:
        assert code_of(await reply(play, attachment_files=[{**NOTE, "data": "?"}], status=400)) == "parameter_invalid"


async def test_addresses_expire_and_each_answer_has_new_ones() -> None:
    async with playing() as play:
        await play.conversation()
        await play.act("reply", body="see", files=[NOTE])
        path = f"/conversations/{(await play.sim('GET', '/conversations/last'))['id']}"

        async def address() -> str:
            return str(parts_of(await play.api("GET", path))[-1]["attachments"][0]["url"])

        old = await address()
        assert (await play.http.get(old)).content == b"hello!"
        await play.sim("POST", "/attachments/expire")
        assert (await play.http.get(old)).status_code == 403
        old = await address()
        await play.advance(1799)
        assert (await play.http.get(old)).status_code == 200
        await play.advance(1)
        assert (await play.http.get(old)).status_code == 403
        new = await address()
        assert (await play.http.get(new)).status_code == 200
        forged = [new[:-1], f"{new}0", new.partition("?")[0], new.replace("expires=", "expires=9"), f"{new}\u20ac"]
        assert {(await play.http.get(each)).status_code for each in forged} == {403}


async def test_an_operator_sends_files_with_tickets_too() -> None:
    async with playing() as play:
        ticket = await play.ticket()
        said = ticket_parts_of(await play.act_on_ticket("reply", body="see", files=[NOTE]))[-1]
        [file] = said["attachments"]
        assert (file["name"], file["filesize"]) == ("a.txt", 6)
        [renewed] = ticket_parts_of(await play.api("GET", f"/tickets/{ticket['id']}"))[-1]["attachments"]
        assert (await play.http.get(renewed["url"])).content == b"hello!"


async def test_copies_outlive_a_restart(tmp_path: Path) -> None:
    async with playing(state_path=tmp_path / "state.json") as play:
        await play.conversation()
        await play.act("reply", body="see", files=[NOTE])
    async with playing(state_path=tmp_path / "state.json") as play:
        path = f"/conversations/{(await play.sim('GET', '/conversations/last'))['id']}"
        [file] = parts_of(await play.api("GET", path))[-1]["attachments"]
        assert (await play.http.get(file["url"])).content == b"hello!"
