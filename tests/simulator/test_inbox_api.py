"""`GET /_sim/inbox`, which the inbox page is drawn from, and who may ask the control API for anything."""

import httpx
import pytest

from tests.harness import Operator, simulating


async def test_the_list_has_what_changed_last_first_and_says_who_waits() -> None:
    async with simulating() as simulator, httpx.AsyncClient(base_url=simulator.base_url, trust_env=False) as http:
        operator = Operator(http)
        await operator.control("POST", "/conversations", {"external_id": "alice", "body": "<b>Hello</b> there"})
        await operator.make_ticket("bob", "Refund")
        await operator.control("POST", "/clock", {"advance": 5})
        await operator.reply("last", "<p>How can I <b>help</b>?</p>")
        await operator.control("POST", "/clock", {"advance": 5})
        await operator.act("last", "note", body="<p>odd</p>")
        rows = (await operator.control("GET", "/inbox"))["rows"]
        assert [(row["kind"], row["contact"], row["state"], row["preview"], row["waits"]) for row in rows] == [
            ("conversations", "alice", "open", "How can I help?", False),
            ("tickets", "bob", "submitted", "", False),
        ]
        assert rows[1]["title"] == "Refund"
        await operator.act("last", "contact_reply", body="Like <this>")
        row = (await operator.control("GET", "/inbox"))["rows"][0]
        assert (row["preview"], row["waits"]) == ("Like <this>", True)


async def test_it_tells_the_troubles_as_they_are() -> None:
    async with simulating() as simulator, httpx.AsyncClient(base_url=simulator.base_url, trust_env=False) as http:
        operator = Operator(http)
        await operator.trouble(latency_s=2, outage="error")
        inbox = await operator.control("GET", "/inbox")
        assert (inbox["faults"]["latency_s"], inbox["faults"]["outage"]) == (2, "error")
        assert set(inbox["webhooks"]) == {"sent", "delivered", "failed", "dropped"}


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
async def test_a_page_of_another_site_may_ask_for_nothing(origin: str) -> None:
    async with simulating() as simulator, httpx.AsyncClient(base_url=simulator.base_url, trust_env=False) as http:
        refused = await http.post("/_sim/faults", content='{"latency_s": 9}', headers={"Origin": origin})
        assert refused.status_code == 403
        assert (await http.get("/_sim/faults")).json()["latency_s"] == 0
        own = await http.post("/_sim/faults", json={"latency_s": 1}, headers={"Origin": simulator.base_url})
        assert own.json()["latency_s"] == 1


async def test_a_name_that_another_site_gave_this_machine_is_not_its_own() -> None:
    async with simulating() as simulator, httpx.AsyncClient(base_url=simulator.base_url, trust_env=False) as http:
        assert (await http.get("/_sim/status", headers={"Host": "rebound.example:80"})).status_code == 403


async def test_an_operators_file_runs_nothing_on_the_pages_origin_and_its_address_is_renewed() -> None:
    async with simulating() as simulator, httpx.AsyncClient(base_url=simulator.base_url, trust_env=False) as http:
        operator = Operator(http)
        await operator.control("POST", "/conversations", {"external_id": "alice", "body": "Hello"})
        page = {"name": "a.html", "content_type": "text/html", "data": "PHNjcmlwdD4="}
        said = await operator.reply("last", "<p>see</p>", files=[page])
        file = await http.get(said["conversation_parts"]["conversation_parts"][-1]["attachments"][0]["url"])
        assert (file.content, file.headers["X-Content-Type-Options"]) == (b"<script>", "nosniff")
        assert file.headers["Content-Security-Policy"].startswith("sandbox;")
        await operator.control("POST", "/attachments/expire")
        again = (await operator.truth("last"))["conversation_parts"]["conversation_parts"][-1]["attachments"][0]["url"]
        assert (await http.get(again)).status_code == 200
