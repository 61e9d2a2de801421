"""At most one push a message and device, and none lost, whatever happens to the process and what is around it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest
from structlog.typing import EventDict

from supportd.dev.mongod import running_mongod
from supportd.push.announcer import COLLAPSE_MS
from supportd.push.audience import Audience
from tests.harness import MongoDatabase
from tests.push.fcm import Fault
from tests.push.pushing import DUE_S, PRESENCE_S, Pushing, house, pushing
from tests.waiting import eventually


def bodies(run: Pushing) -> list[str]:
    return [message["notification"]["body"] for message in run.fcm.messages]


async def test_what_came_within_a_few_seconds_is_one_push_a_conversation_of_the_newest(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register()
        chat_id, other_id = await run.chat(), await run.chat()
        for words in ("One", "Two", "Three"):
            await run.answer(chat_id, words)
        await run.answer(other_id, "Elsewhere")
        await run.push()
        assert sorted(bodies(run)) == ["Elsewhere", "Three"]
        await run.answer(chat_id, "Later")
        await run.push()
        assert bodies(run)[2:] == ["Later"]


async def test_a_message_waits_a_few_seconds_for_the_next(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register()
        chat_id = await run.chat()
        await run.push()  # it is known who is looking
        await run.answer(chat_id, "One")
        await run.push(0)
        await run.answer(chat_id, "Two")
        await run.push(COLLAPSE_MS / 1000)
        assert bodies(run) == ["Two"]


async def test_it_is_shown_before_it_is_told(mongo: MongoDatabase) -> None:
    async with house(mongo) as parts, parts.running(presence_window=0) as run:
        await run.register()
        chat_id = await run.chat()
        run.fcm.passable.clear()
        await run.answer(chat_id, "Hello")
        pushed = asyncio.create_task(run.push())
        await eventually(lambda: run.fcm.asked == 1)
        poll = await run.world.sdk().poll(chat_id)
        assert [message["body"] for message in poll["messages"]] == ["Hello", "Hello"]
        run.fcm.passable.set()
        await pushed
        assert run.fcm.tokens == ["phone"]


async def test_what_is_not_saved_is_not_told_until_it_is(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register()
        chat_id = await run.chat()
        database = run.world.server.parts.database
        before = await database["snapshots"].find_one({"_id": chat_id})
        assert before is not None
        await run.answer(chat_id)
        run.world.server.parts.cache.drop(chat_id)  # as if the process had died before it saved
        after = await database["snapshots"].find_one_and_replace({"_id": chat_id}, before)
        await run.push()
        await run.push()
        assert run.fcm.asked == 0
        await database["snapshots"].replace_one({"_id": chat_id}, after)
        await run.push()
        assert run.fcm.tokens == ["phone"]


@pytest.mark.logs("storage unavailable")
async def test_what_cannot_be_queued_is_not_shown_until_it_is_and_then_it_is_told(
    mongo: MongoDatabase, logged: list[EventDict]
) -> None:
    async with pushing(mongo) as run:
        await run.register()
        chat_id = await run.chat()
        database = run.world.server.parts.database
        await database.command("collMod", "pushes", validator={"never": True})
        await run.world.operator.reply(chat_id, "<p>Hello</p>")
        await run.world.operator.deliver()
        await eventually(lambda: "pushes.add" in [line.get("operation") for line in logged])
        assert len((await run.world.sdk().poll(chat_id))["messages"]) == 1
        await database.command("collMod", "pushes", validator={})
        run.world.clock.advance(PRESENCE_S)
        await run.world.reconcile()
        await run.push()
        assert run.fcm.tokens == ["phone"]


async def test_duplicated_webhooks_and_the_reconciler_make_no_second_push(mongo: MongoDatabase) -> None:
    async with house(mongo) as parts, parts.running() as run:
        await run.register()
        chat_id = await run.chat()
        await run.world.operator.trouble(webhook_duplicate=1.0)
        await run.answer(chat_id)
        await run.world.reconcile()
        await run.push()
        # What is known of it is lost, so that all of it seems new.
        database = run.world.server.parts.database
        await database["snapshots"].delete_many({})
        await database["webhook_events"].delete_many({})
        run.world.server.parts.cache.drop(chat_id)
        await run.world.operator.control("POST", "/webhook/redeliver", {})
        await run.world.settle()
        await run.world.reconcile()
        await run.push()
        assert len((await run.world.sdk().show(chat_id))["messages"]) == 2
        assert run.fcm.tokens == ["phone"]


async def test_what_waits_is_told_by_the_next_process_once(mongo: MongoDatabase) -> None:
    async with house(mongo) as parts:
        async with parts.running() as run:
            await run.register()
            chat_id = await run.chat()
            await run.answer(chat_id)
        assert parts.fcm.asked == 0
        for _ in range(2):
            async with parts.running() as run:
                await run.push()
        assert parts.fcm.tokens == ["phone"]


async def test_a_client_has_time_to_poll_after_a_restart(mongo: MongoDatabase) -> None:
    async with house(mongo) as parts:
        async with parts.running() as run:
            await run.register()
            chat_id = await run.chat()
            await run.answer(chat_id)
        parts.clock.advance(DUE_S)
        async with parts.running() as run:
            await run.push(0)
            assert run.fcm.asked == 0
            await run.world.sdk().poll(chat_id)
            await run.push()
            assert (run.fcm.asked, run.withheld("present")) == (0, 1)


async def test_a_push_under_way_when_the_process_stops_is_not_made_twice(mongo: MongoDatabase) -> None:
    async with house(mongo) as parts:
        async with parts.running() as run:
            await run.register()
            await run.answer(await run.chat())
            run.fcm.passable.clear()
            run.world.clock.advance(DUE_S)
            await run.delivery.work()
            await eventually(lambda: run.fcm.asked == 1)
            asyncio.get_running_loop().call_soon(run.fcm.passable.set)
        async with parts.running() as run:
            await run.push(600)
        assert parts.fcm.asked == 1


async def test_what_awaits_its_turn_when_the_process_stops_is_told_by_the_next(mongo: MongoDatabase) -> None:
    async with house(mongo) as parts:
        async with parts.running() as run:
            await run.register()
            await run.answer(await run.chat())
            parts.fcm.grants_passable.clear()
            run.world.clock.advance(DUE_S)
            await run.delivery.work()
            await eventually(lambda: parts.fcm.grants == 1)
        parts.fcm.grants_passable.set()
        async with parts.running() as run:
            await run.push(120)
        assert parts.fcm.tokens == ["phone"]


async def test_a_token_that_is_registered_anew_is_still_the_same_device(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register("phone")
        await run.register("failing")
        run.fcm.of_tokens["failing"] = Fault(500, "INTERNAL")
        await run.answer(await run.chat())
        await run.push()
        phone = (await run.world.server.parts.stores.devices.of_user("alice"))[-1]
        assert (await run.world.sdk().call("DELETE", f"/api/devices/{phone.id}")).status_code == 200
        assert await run.register("phone") != phone.id
        run.fcm.of_tokens.clear()
        await run.push(30)
        assert run.fcm.tokens == ["phone", "failing"]


async def test_a_push_that_is_cut_off_in_the_middle_is_not_made_twice(mongo: MongoDatabase) -> None:
    async with house(mongo) as parts:
        async with parts.running() as run:
            await run.register()
            await run.answer(await run.chat())
            run.fcm.passable.clear()
            run.world.clock.advance(DUE_S)
            await run.delivery.work()
            await eventually(lambda: run.fcm.asked == 1)
        async with parts.running() as run:
            run.fcm.passable.set()
            await run.push(600)
        assert parts.fcm.asked == 1


async def test_of_several_processes_one_tells(mongo: MongoDatabase) -> None:
    async with house(mongo) as parts, parts.running() as one, parts.running(webhooks=False) as other:
        await one.register()
        await one.answer(await one.chat())
        parts.clock.advance(DUE_S)
        await asyncio.gather(*(run.delivery.work() for run in (one, other, one, other)))
        await asyncio.gather(one.delivery.idle(), other.delivery.idle())
        assert parts.fcm.tokens == ["phone"]


async def test_a_retry_tells_the_newest_and_only_who_was_not_told(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register("told")
        await run.register("failing")
        chat_id = await run.chat()
        run.fcm.of_tokens["failing"] = Fault(500, "INTERNAL")
        await run.answer(chat_id, "One")
        await run.push()
        run.fcm.of_tokens.clear()
        await run.answer(chat_id, "Two")
        await run.push()
        assert [(each["token"], each["notification"]["body"]) for each in run.fcm.messages[:1]] == [("told", "One")]
        assert sorted(run.fcm.tokens[1:]) == ["failing", "told"]
        assert bodies(run)[1:] == ["Two", "Two"]
        await run.push(600)
        assert len(run.fcm.messages) == 3


async def moves_to_bob(run: Pushing) -> None:
    await run.register("phone", user="bob")


async def logs_out(run: Pushing) -> None:
    (device,) = await run.world.server.parts.stores.devices.of_user("alice")
    assert (await run.world.sdk().call("DELETE", f"/api/devices/{device.id}")).status_code == 200


@pytest.mark.parametrize(
    ("meanwhile", "tried_before"), [(moves_to_bob, False), (moves_to_bob, True), (logs_out, False)]
)
async def test_a_token_that_moved_gets_nothing_of_its_former_owners(
    mongo: MongoDatabase, meanwhile: Any, tried_before: bool
) -> None:
    async with pushing(mongo) as run:
        await run.register()
        chat_id = await run.chat()
        await run.answer(chat_id)
        if tried_before:
            run.fcm.of_tokens["phone"] = Fault(500, "INTERNAL")
            await run.push()
            run.fcm.of_tokens.clear()
        await meanwhile(run)
        await run.push(60)
        assert run.fcm.messages == []


async def test_a_device_that_moves_while_its_turn_is_awaited_is_not_told(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register()
        await run.answer(await run.chat())
        grants = run.fcm.grants_passable
        grants.clear()
        pushed = asyncio.create_task(run.push())
        await eventually(lambda: run.fcm.grants == 1)
        await moves_to_bob(run)
        grants.set()
        await pushed
        assert (run.fcm.messages, run.count("moved")) == ([], 1)
        assert await run.devices("bob") == ["phone"]


async def test_a_device_not_seen_for_270_days_is_not_told(mongo: MongoDatabase) -> None:
    async with house(mongo) as parts:
        async with parts.running() as run:
            await run.register("old")
            chat_id = await run.chat()
        for days, told in ((269, ["old"]), (2, [])):
            parts.clock.advance(days * 86400)
            await parts.simulator_clock(days * 86400)
            async with parts.running() as run:
                await run.answer(chat_id, f"After {days} days more")
                await run.push()
                assert run.fcm.tokens == told
                run.fcm.messages.clear()


async def test_push_that_hangs_holds_up_neither_polls_nor_webhooks(mongo: MongoDatabase) -> None:
    async with house(mongo) as parts, parts.running(presence_window=0) as run:
        run.fcm.passable.clear()
        chats = []
        for number in range(20):
            await run.register(f"phone-{number}", user=f"user-{number}")
            chats.append(await run.chat(f"user-{number}"))
        for chat_id in chats:
            await run.answer(chat_id)
        run.world.clock.advance(DUE_S)
        working = asyncio.create_task(run.delivery.work())
        await eventually(lambda: run.fcm.asked == 16)
        await run.answer(chats[0], "Still here")
        assert len((await run.world.sdk("user-0").poll(chats[0]))["messages"]) == 3
        run.fcm.passable.set()
        await working
        await run.delivery.idle()
        assert len(set(run.fcm.tokens)) == 20


@pytest.mark.logs("storage unavailable", "periodic task failed")
async def test_mongodb_gone_loses_and_doubles_nothing(tmp_path: Path) -> None:
    async with (
        running_mongod(tmp_path) as mongod,
        pushing(MongoDatabase(mongod.uri, "pushes", tmp_path / "files")) as run,
    ):
        await run.register()
        chat_id = await run.chat()
        await run.answer(chat_id, "Before")
        mongod.kill()
        await run.world.operator.reply(chat_id, "<p>Meanwhile</p>")
        await run.world.operator.deliver()
        mongod.restart()
        await eventually(lambda: ready(run))
        await run.world.reconcile()
        await run.push()
        await run.push(60)
        assert bodies(run) == ["Meanwhile"]


async def ready(run: Pushing) -> bool:
    return (await run.world.http.get("/ready")).status_code == 200


async def test_push_is_off_until_configured_and_says_so_once(mongo: MongoDatabase, logged: list[EventDict]) -> None:
    async with house(mongo) as parts, parts.running(fcm_service_account=None, telegram_bot_token=None) as run:
        await run.register()
        await run.answer(await run.chat())
        assert run.world.server.parts.push is None
        assert await run.world.server.parts.database["pushes"].count_documents({}) == 0
    assert off(logged) == ["fcm", "telegram"]


def off(logged: list[EventDict]) -> list[str]:
    return [line["kind"] for line in logged if line["event"] == "push is off: not configured"]


async def test_a_platform_that_is_not_configured_is_left_alone(mongo: MongoDatabase, logged: list[EventDict]) -> None:
    async with house(mongo) as parts, parts.running(telegram_bot_token=None) as run:
        await run.register("phone")
        await run.register("7001", platform="tma")
        await run.answer(await run.chat())
        await run.push()
        assert (run.fcm.tokens, run.telegram.asked) == (["phone"], 0)
        assert sorted(await run.devices()) == ["7001", "phone"]
    assert off(logged) == ["telegram"]


async def test_nothing_of_a_push_is_logged_or_measured(mongo: MongoDatabase, logged: list[EventDict]) -> None:
    async with pushing(mongo) as run:
        await run.register("canary-token", user="canary-user")
        await run.register("99887766", user="canary-user", platform="tma")
        run.fcm.faults.append(Fault(500, "INTERNAL", message="canary"))
        await run.answer(await run.chat("canary-user"), "canary-words")
        await run.push()
        await run.push(60)
        assert (run.fcm.tokens, run.telegram.chats) == (["canary-token"], [99887766])
        metrics = generate_latest(run.world.server.parts.metrics.registry).decode()
    for secret in ("canary", "99887766", run.fcm.account["private_key"], *run.fcm.access_tokens, "AAHdqTcv"):
        assert secret not in repr(logged)
        assert secret not in metrics


@pytest.mark.logs("push failed")
async def test_what_fails_for_an_hour_is_dropped_and_counted(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(*_: object) -> None:
        raise RuntimeError

    async with pushing(mongo) as run:
        await run.register()
        chat_id = await run.chat()
        await run.answer(chat_id)
        with monkeypatch.context() as context:
            context.setattr(Audience, "of", failing)
            await run.push()
            assert (await run.waiting(), run.withheld("failed")) == (1, 0)
            await run.push(3600)
            assert (await run.waiting(), run.withheld("failed")) == (0, 1)
        await run.answer(chat_id, "Later")
        await run.push()
        assert bodies(run) == ["Later"]
