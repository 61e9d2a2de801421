"""`/metrics`: on its own port, readable, bounded, and true to what happened."""

import asyncio

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from supportd.stores.outbox import Job, Kind
from tests.harness import MongoDatabase, World, living
from tests.waiting import eventually


async def scrape(world: World) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.get(f"http://127.0.0.1:{world.server.metrics_port}/metrics")


async def samples(world: World) -> list[Sample]:
    families = text_string_to_metric_families((await scrape(world)).text)
    return [sample for family in families for sample in family.samples]


async def series(world: World) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    return {(sample.name, tuple(sorted(sample.labels.items()))) for sample in await samples(world)}


async def use(world: World, user: str) -> None:
    sdk = world.sdk(user)
    started = await sdk.start(body="Hello", reason={"main": f"Topic of {user}"}, meta={"name": user})
    await sdk.list()
    await sdk.poll(started["id"])
    await sdk.call("POST", f"/api/conversations/{started['id']}/read")
    assert (await sdk.call("GET", f"/api/conversations/{user}")).status_code == 404
    assert (await world.http.get(f"/{user}")).status_code == 404
    assert (await world.http.request(f"X{user}".upper(), f"/{user}")).status_code in {404, 405}
    await world.operator.reply(started["id"], "<p>Hello</p>")


async def test_they_are_on_a_port_of_their_own(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        response = await scrape(world)
        assert response.status_code == 200
        assert response.headers["Content-Type"].startswith("text/plain; version=")
        assert world.server.metrics_port != world.server.port
        assert (await world.http.get("/metrics")).status_code == 404
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{world.server.metrics_port}", trust_env=False) as http:
            for path in ("/", "/health", "/api/conversations"):
                assert (await http.get(path)).status_code == 404


async def test_every_name_begins_with_ours_and_ends_with_its_unit(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        families = list(text_string_to_metric_families((await scrape(world)).text))
        assert families
        for family in families:
            assert family.name.startswith("supportd_")
            assert family.documentation
            if family.type == "histogram":
                assert family.name.endswith("_seconds")


async def test_two_hundred_users_make_no_more_series_than_one(mongo: MongoDatabase) -> None:
    async with living(mongo, intercom_rate_per_minute=1_000_000) as world:
        await world.operator.trouble(rate_limit_per_minute=1_000_000)
        await use(world, "user0")
        await world.settle()
        await world.finish_jobs()
        before = await series(world)
        for number in range(1, 20):
            await use(world, f"user{number}")
        for number in range(20, 200):
            await world.sdk(f"user{number}").list()
        await world.settle()
        await world.finish_jobs()

        assert await series(world) == before


async def test_requests_are_counted_by_route_method_and_status(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        for _ in range(3):
            await alice.poll(started["id"])
        await alice.call("GET", "/api/conversations/404404")
        await world.http.get("/api/conversations")
        await world.http.request("BREW", "/api/conversations")
        for route, method, status, count in [
            ("conversations", "POST", "201", 1),
            ("poll", "GET", "200", 3),
            ("conversation", "GET", "404", 1),
            ("conversations", "GET", "401", 1),
            ("conversations", "other", "405", 1),
        ]:
            assert world.metric("http_requests_total", route=route, method=method, status=status) == count


async def test_how_polls_ended_is_counted(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        path = f"/api/conversations/{started['id']}/poll"
        etag = (await alice.call("GET", path)).headers["ETag"]
        await alice.poll(started["id"], since=started["latestTimestamp"])
        await alice.call("GET", path, headers={"If-None-Match": etag})
        for outcome in ("news", "nothing", "not_modified"):
            assert world.metric("polls_total", outcome=outcome) == 1


async def test_the_time_a_poll_was_held_is_not_in_its_latency(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.settle()
        polling = asyncio.create_task(alice.poll(started["id"], since=started["latestTimestamp"], wait=25))
        await eventually(lambda: len(world.server.parts.waiters) == 1)
        assert world.metric("held_polls") == 1
        world.clock.advance(12)
        await world.operator.reply(started["id"], "<p>Hello</p>")
        await world.settle()
        await polling

        assert world.metric("held_polls") == 0
        assert world.metric("poll_held_seconds_count") == 1
        assert world.metric("poll_held_seconds_sum") >= 12
        assert world.metric("http_request_seconds_count", route="poll") == 1
        assert world.metric("http_request_seconds_bucket", route="poll", le="10.0") == 1


async def test_the_latency_histogram_knows_no_user(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await use(world, "canary-user")
        await world.settle()
        assert "canary-user" not in (await scrape(world)).text


async def test_what_to_watch_moves(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await world.sdk().start(body="Hello")
        await world.reconcile()
        assert world.metric("reconciler_watermark_seconds", stream="conversations") > 0
        await eventually(lambda: world.metric("event_loop_lag_seconds_count") > 0)


async def test_how_late_webhooks_and_messages_are_in_intercoms_time(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.settle()
        before = world.metric("webhook_lag_seconds_count"), world.metric("webhook_lag_seconds_sum")
        await world.operator.trouble(webhook_hold=True)
        await world.operator.reply(chat["id"], "News")
        await world.elapse(40)
        world.clock.jump(-7200)  # ours may differ
        await world.operator.no_trouble()
        await world.server.parts.stores.watermarks.get("conversations")
        await world.settle()
        assert world.metric("webhook_lag_seconds_count") == before[0] + 1
        assert 39 <= world.metric("webhook_lag_seconds_sum") - before[1] < 3600

        assert world.metric("delivery_seconds_count") == 0
        for _ in range(2):
            assert (await alice.poll(chat["id"], since=chat["latestTimestamp"]))["messages"]
        assert world.metric("delivery_seconds_count") == 1
        assert 39 <= world.metric("delivery_seconds_sum") < 3600


async def test_held_polls_that_news_ended(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        held = asyncio.create_task(world.sdk().poll(chat["id"], since=chat["latestTimestamp"], wait=25))
        await eventually(lambda: world.metric("held_polls") == 1)
        await world.operator.reply(chat["id"], "News")
        await held
        assert world.metric("polls_woken_total") == world.metric("poll_held_seconds_count") == 1
        await world.sdk().poll(chat["id"], since=10**15, wait=1)
        assert world.metric("polls_woken_total") == 1


async def test_how_old_things_are(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        assert world.metric("reconciler_age_seconds", stream="conversations") < 60
        world.clock.advance(600)
        assert world.metric("reconciler_age_seconds", stream="tickets") >= 600
        await world.reconcile()
        assert world.metric("reconciler_age_seconds", stream="tickets") < 60

        await world.operator.trouble(outage="error")
        await world.server.parts.outbox.add(Job("j", Kind.TAG, "1", text="Payments"))
        await world.elapse(300)
        await world.server.parts.outbox.measure()
        assert world.metric("outbox_waiting") == 1
        assert world.metric("outbox_oldest_seconds") >= 300


async def test_mongodb_by_operation(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await world.sdk().start(body="Hello")
        assert world.metric("mongo_seconds_count", operation="snapshots.update") >= 1
        assert world.metric("mongo_calls") >= 0
