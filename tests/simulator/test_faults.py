"""Rate limits, and the trouble that can be switched on."""

import asyncio
from email.utils import parsedate_to_datetime

import httpx
import pytest

from tests.simulator.helpers import START, TOKEN, Playground, code_of, eventually, playing

AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


async def get(play: Playground, path: str = "/me") -> httpx.Response:
    return await play.http.get(path, headers=AUTHORIZED)


async def test_rate_limit_headers() -> None:
    async with playing() as play:
        first, second = await get(play), await get(play, "/nowhere")
        assert first.headers["X-RateLimit-Limit"] == "1667"
        assert first.headers["X-RateLimit-Remaining"] == "1666"
        assert second.headers["X-RateLimit-Remaining"] == "1665"
        assert first.headers["X-RateLimit-Reset"] == str(int(START) + 10)


async def test_over_the_limit_until_the_window_ends() -> None:
    async with playing() as play:
        await play.faults(rate_limit_per_minute=10)
        assert [(await get(play)).status_code for _ in range(4)] == [200, 200, 429, 429]
        refusal = await get(play)
        assert code_of(refusal.json()) == "rate_limit_exceeded"
        assert refusal.json()["errors"][0]["message"] == "Exceeded rate limit of 2 in 10_seconds"
        assert refusal.headers["X-RateLimit-Remaining"] == "0"
        assert "Retry-After" not in refusal.headers
        await play.advance(10)
        assert (await get(play)).status_code == 200


async def test_forced_429() -> None:
    async with playing() as play:
        await play.faults(force_429=True)
        assert (await get(play)).status_code == 429
        await play.faults(force_429=False)
        assert (await get(play)).status_code == 200


async def test_a_missing_permission() -> None:
    async with playing() as play:
        await play.faults(forbidden_path="/tickets")
        refusal = await get(play, "/tickets/1")
        assert (refusal.status_code, code_of(refusal.json())) == (403, "action_forbidden")
        assert "X-RateLimit-Remaining" in refusal.headers
        assert (await get(play, "/ticket_types")).status_code == 200


async def test_the_date_is_the_simulators() -> None:
    async with playing() as play:
        await play.advance(3600)
        answered = parsedate_to_datetime((await get(play)).headers["Date"])
        assert answered.timestamp() == START + 3600


async def test_error_rate_repeats_under_the_seed() -> None:
    runs = []
    for seed in (1, 1, 2):
        async with playing(seed=seed) as play:
            await play.faults(error_rate=0.5, error_status=502)
            runs.append([(await get(play)).status_code for _ in range(30)])
    assert set(runs[0]) == {200, 502}
    assert runs[0] == runs[1] != runs[2]


async def test_refused_connections() -> None:
    async with playing() as play:
        await play.faults(outage="refuse")
        with pytest.raises(httpx.RemoteProtocolError):
            await get(play)
        await play.sim("DELETE", "/faults")
        assert (await get(play)).status_code == 200


async def test_an_outage_that_answers() -> None:
    async with playing() as play:
        await play.faults(outage="error")
        assert ((await get(play)).status_code, code_of((await get(play)).json())) == (503, "service_unavailable")


async def test_an_outage_that_never_answers() -> None:
    async with playing() as play:
        await play.faults(outage="timeout")
        with pytest.raises(httpx.ReadTimeout):
            await play.http.get("/me", headers=AUTHORIZED, timeout=0.05)
        await play.faults(outage="")
        assert (await get(play)).status_code == 200


async def test_stopping_frees_those_who_wait() -> None:
    async with playing() as play:
        await play.faults(outage="timeout")
        waiting = asyncio.create_task(get(play))

        async def arrived() -> bool:
            return bool((await play.sim("GET", "/calls"))["total"])

        await eventually(arrived)
    with pytest.raises(httpx.TransportError):
        await waiting


async def test_latency_is_for_the_api_alone() -> None:
    async with playing() as play:
        await play.faults(latency_s=0.4)
        slow = asyncio.create_task(get(play))
        await play.sim("GET", "/status")
        assert not slow.done()
        assert (await slow).status_code == 200


async def test_garbage() -> None:
    async with playing() as play:
        await play.faults(garbage="not_json")
        answer = await get(play)
        assert (answer.status_code, answer.content[:6]) == (200, b"<html>")
        await play.faults(garbage="half")
        half = await get(play)
        await play.faults(garbage="")
        whole = await get(play)
        assert whole.content.startswith(half.content)
        assert 0 < len(half.content) < len(whole.content)


async def test_a_write_can_be_taken_and_not_answered() -> None:
    async with playing() as play:
        conversation = await play.conversation()
        await play.faults(cut_after_write=1)
        assert (await play.search({"field": "open", "operator": "=", "value": True}))["total_count"] == 1
        path = f"/conversations/{conversation['id']}/reply"
        reply = {"message_type": "comment", "type": "user", "user_id": "u-1", "body": "?"}
        with pytest.raises(httpx.RemoteProtocolError):
            await play.api("POST", path, reply)
        again = await play.api("POST", path, reply)
        assert again["conversation_parts"]["total_count"] == 2


async def test_a_new_contact_can_be_unknown_for_a_while() -> None:
    async with playing() as play:
        start = {"from": {"type": "user", "id": (await play.contact())["id"]}, "body": "Hello"}
        await play.faults(write_404_times=2)
        for _ in range(2):
            refusal = await play.api("POST", "/conversations", start, status=404)
            assert refusal["errors"][0]["message"] == "User Not Found"
        await play.api("POST", "/conversations", start)


async def test_statistics_can_be_missing() -> None:
    async with playing() as play:
        conversation = await play.conversation()
        await play.faults(statistics=False)
        path = f"/conversations/{conversation['id']}"
        assert (await play.api("GET", path))["statistics"] is None
        listed = await play.api("GET", "/conversations")
        assert listed["conversations"][0]["statistics"] is None


async def test_switches_are_checked() -> None:
    async with playing() as play:
        refusal = await play.sim("POST", "/faults", {"latencey": 1}, status=400)
        assert "latencey" in refusal["error"]
        for switch, value in (("error_rate", 2), ("outage", "total"), ("latency_s", -1), ("webhook_version", "3")):
            refusal = await play.sim("POST", "/faults", {switch: value, "force_429": True}, status=400)
            assert switch in refusal["error"]
        assert (await play.sim("GET", "/faults"))["force_429"] is False


async def test_switches_add_up_until_deleted() -> None:
    async with playing() as play:
        await play.faults(latency_s=0.0, search_lag_s=3)
        await play.faults(error_rate=0.5)
        switches = await play.sim("GET", "/faults")
        assert (switches["search_lag_s"], switches["error_rate"]) == (3, 0.5)
        switches = await play.sim("DELETE", "/faults")
        assert (switches["search_lag_s"], switches["error_rate"]) == (0, 0)
