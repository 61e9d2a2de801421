"""Per-user limits: counted, told, and refilled."""

import re

import httpx

from tests.harness import MongoDatabase, Sdk, living, token

LIST = "/api/conversations"
FIELD = re.compile(r'"(?P<name>reads|writes)";r=(?P<left>\d+);t=(?P<seconds>\d+)')


async def read(sdk: Sdk) -> httpx.Response:
    return await sdk.call("GET", LIST)


async def write(sdk: Sdk) -> httpx.Response:
    return await sdk.call("POST", LIST, json={"body": "Hello"})


def left(response: httpx.Response) -> tuple[str, int]:
    found = FIELD.fullmatch(response.headers["RateLimit"])
    assert found is not None, response.headers["RateLimit"]
    return found["name"], int(found["left"])


def assert_limited(response: httpx.Response) -> None:
    assert response.status_code == 429, response.text
    assert set(response.json()) == {"error", "message"}
    assert response.json()["error"] == "rate_limited"
    assert re.fullmatch(r"[0-9]+", response.headers["Retry-After"])
    assert int(response.headers["Retry-After"]) >= 1
    assert response.headers["Cache-Control"] == "private, no-store"
    assert response.headers["RateLimit-Policy"]
    assert left(response)[1] == 0


async def test_reads_past_the_limit_are_429(mongo: MongoDatabase) -> None:
    async with living(mongo, rate_limit_per_minute=5, write_rate_limit_per_minute=2) as world:
        counted = []
        for _ in range(5):
            response = await read(world.sdk())
            assert response.status_code == 200
            assert response.headers["RateLimit-Policy"] == '"reads";q=5;w=60'
            counted.append(left(response))
        assert counted == [("reads", number) for number in (4, 3, 2, 1, 0)]
        for _ in range(3):
            assert_limited(await read(world.sdk()))
        for path in (f"{LIST}/1", f"{LIST}/1/poll", f"{LIST}/1/poll?wait=25"):
            assert_limited(await world.sdk().call("GET", path))


async def test_writes_past_the_limit_are_429_and_send_nothing(mongo: MongoDatabase) -> None:
    async with living(mongo, rate_limit_per_minute=5, write_rate_limit_per_minute=2) as world:
        alice = world.sdk()
        for number in (1, 0):
            response = await write(alice)
            assert response.status_code == 201
            assert response.headers["RateLimit-Policy"] == '"writes";q=2;w=60'
            assert left(response) == ("writes", number)
        one = f"{LIST}/{response.json()['id']}"
        await world.operator.forget_calls()
        assert_limited(await write(alice))
        for act in ("reply", "close", "read"):
            assert_limited(await alice.call("POST", f"{one}/{act}", json={"body": "Hello"}))
        assert await world.operator.calls() == {}


async def test_reads_and_writes_have_limits_of_their_own(mongo: MongoDatabase) -> None:
    async with living(mongo, rate_limit_per_minute=1, write_rate_limit_per_minute=1) as world:
        assert (await write(world.sdk())).status_code == 201
        assert (await read(world.sdk())).status_code == 200
        assert_limited(await write(world.sdk()))
        assert_limited(await read(world.sdk()))


async def test_one_users_limit_is_not_anothers(mongo: MongoDatabase) -> None:
    async with living(mongo, rate_limit_per_minute=1) as world:
        assert (await read(world.sdk("alice"))).status_code == 200
        assert_limited(await read(world.sdk("alice")))
        assert (await read(world.sdk("bob"))).status_code == 200


async def test_a_new_token_is_no_new_limit(mongo: MongoDatabase) -> None:
    async with living(mongo, rate_limit_per_minute=1) as world:
        assert (await read(world.sdk("alice"))).status_code == 200
        assert_limited(await read(Sdk(world.http, "alice", token("alice", expires_in=100))))


async def test_a_limit_is_refilled_evenly(mongo: MongoDatabase) -> None:
    async with living(mongo, rate_limit_per_minute=5) as world:
        for _ in range(5):
            await read(world.sdk())
        limited = await read(world.sdk())
        assert_limited(limited)
        world.clock.advance(12)
        assert (await read(world.sdk())).status_code == 200
        assert_limited(await read(world.sdk()))
        world.clock.advance(600)
        assert left(await read(world.sdk())) == ("reads", 4)


async def test_who_comes_back_when_told_is_served(mongo: MongoDatabase) -> None:
    async with living(mongo, rate_limit_per_minute=2) as world:
        for _ in range(10):
            response = await read(world.sdk())
            if response.status_code == 429:
                world.clock.advance(int(response.headers["Retry-After"]))
                response = await read(world.sdk())
            assert response.status_code == 200


async def test_when_to_come_back_differs_from_one_to_the_next(mongo: MongoDatabase) -> None:
    async with living(mongo, rate_limit_per_minute=60) as world:
        for _ in range(60):
            await read(world.sdk())
        told = {(await read(world.sdk())).headers.get("Retry-After") for _ in range(30)}
        assert len(told - {None}) > 1


async def test_what_has_no_user_has_no_limit(mongo: MongoDatabase) -> None:
    async with living(mongo, rate_limit_per_minute=1) as world:
        for path in ("/health", "/ready", "/nothing", "/api/nothing"):
            for _ in range(3):
                assert (await world.sdk().call("GET", path)).status_code in {200, 404}
        assert (await read(world.sdk())).status_code == 200


async def test_webhooks_are_never_limited(mongo: MongoDatabase) -> None:
    async with living(mongo, rate_limit_per_minute=1, write_rate_limit_per_minute=1) as world:
        started = (await write(world.sdk())).json()
        for number in range(20):
            await world.operator.reply(started["id"], f"<p>{number}</p>")
        await world.settle()
        assert len((await world.sdk().poll(started["id"]))["messages"]) == 21
        assert world.metric("http_requests_total", route="webhook", method="POST", status="429") == 0
