import asyncio
from typing import Any

import msgspec
import pytest

from supportd.stores.idempotency import KEPT_S, Answer, Intent, Record
from supportd.stores.stores import Stores
from tests.stores.opening import START, Open

NOW = int(START.timestamp() * 1000)
RUN_MS = 60_000
UNTIL = NOW + RUN_MS
INTENT = Intent(target="12", after=NOW, known=("1", "2"), at=NOW)
ANSWER = Answer(status=201, body='{"id":"\u00e9"}'.encode(), age_s=None, at=NOW)


def wanted(run: str = "r1", *, key: str = "k", user: str = "alice", now: int = NOW, **more: Any) -> Record:
    values = {
        "id": f"{user}\n{key}",
        "user_id": user,
        "fingerprint": "f",
        "reserved_id": f"reserved by {run}",
        "run": run,
        "running_until": now + RUN_MS,
    }
    return Record(**{**values, **more})


async def claim(stores: Stores, run: str = "r1", *, now: int = NOW, **more: Any) -> Record:
    found = await stores.idempotency.claim(wanted(run, now=now, **more), now=now)
    assert found is not None
    return found


async def test_a_new_key_is_its_runs(opened: Open) -> None:
    async with opened() as stores:
        assert await claim(stores) == wanted()


async def test_a_key_belongs_to_its_run_until_that_is_over(opened: Open) -> None:
    async with opened() as stores:
        first = await claim(stores)
        assert await stores.idempotency.intend(first, INTENT, until=UNTIL)
        assert (await claim(stores, "r2", now=NOW + RUN_MS - 1)).run == "r1"
        taken = await claim(stores, "r3", now=NOW + RUN_MS)
        assert taken == wanted("r3", now=NOW + RUN_MS, reserved_id="reserved by r1", intent=INTENT, calling_until=UNTIL)


async def test_a_run_that_lost_its_key_changes_nothing(opened: Open) -> None:
    async with opened() as stores:
        lost = await claim(stores)
        taken = await claim(stores, "r2", now=NOW + RUN_MS)
        assert not await stores.idempotency.intend(lost, INTENT, until=UNTIL)
        assert not await stores.idempotency.adopt(lost, "12/1")
        await stores.idempotency.settle(lost, ANSWER, made="12/1")
        await stores.idempotency.release(lost, now=NOW, called=True)
        await stores.idempotency.forget(lost)
        assert await claim(stores, "r3", now=NOW + RUN_MS) == taken


async def test_a_released_key_is_free_at_once_and_keeps_its_intent(opened: Open) -> None:
    async with opened() as stores:
        first = await claim(stores)
        await stores.idempotency.intend(first, INTENT, until=UNTIL)
        await stores.idempotency.release(first, now=NOW, called=True)
        taken = await claim(stores, "r2")
        assert (taken.run, taken.intent) == ("r2", INTENT)


async def test_a_renewed_key_stays_its_runs(opened: Open) -> None:
    async with opened() as stores:
        first = await claim(stores)
        assert await stores.idempotency.renew(first, until=NOW + 2 * RUN_MS, calling=False)
        assert (await claim(stores, "r2", now=NOW + RUN_MS)).run == "r1"
        assert (await claim(stores, "r2", now=NOW + 2 * RUN_MS)).run == "r2"


async def test_a_key_that_is_over_is_not_renewed(opened: Open) -> None:
    async with opened() as stores:
        keys = stores.idempotency
        first = await claim(stores)
        await keys.release(first, now=NOW, called=False)
        assert not await keys.renew(first, until=UNTIL, calling=True)
        second = await claim(stores, "r2")
        await keys.settle(second, ANSWER, made="12/1")
        assert not await keys.renew(second, until=UNTIL, calling=True)
        assert not await keys.others_sending(await claim(stores, key="k2"), now=NOW)


async def test_until_when_it_may_have_called_is_kept_by_who_only_looks(opened: Open) -> None:
    async with opened() as stores:
        keys = stores.idempotency
        await keys.intend(await claim(stores), INTENT, until=UNTIL)
        looking = await claim(stores, "r2", now=UNTIL + 1)
        assert looking.calling_until == UNTIL
        await keys.release(looking, now=UNTIL + 2, called=False)
        assert (await claim(stores, "r3", now=UNTIL + 3)).calling_until == UNTIL


async def test_a_clock_that_jumped_back_locks_no_key(opened: Open) -> None:
    async with opened() as stores:
        keys = stores.idempotency
        await keys.intend(await claim(stores), INTENT, until=UNTIL)
        back = NOW - 3_600_000
        assert not await keys.others_sending(await claim(stores, key="k2", now=back), now=back)
        taken = await claim(stores, "r2", now=back)
        assert (taken.run, taken.calling_until) == ("r2", back)


async def test_a_clock_that_is_a_little_behind_takes_no_key(opened: Open) -> None:
    async with opened() as stores:
        await claim(stores)
        assert (await claim(stores, "r2", now=NOW - 30_000)).run == "r1"


async def test_who_knows_that_a_run_goes_on_takes_nothing_over(opened: Open) -> None:
    async with opened() as stores:
        first = await claim(stores)
        late = wanted("r2", now=NOW + RUN_MS)
        assert await stores.idempotency.claim(late, now=NOW + RUN_MS, may_take_over=False) == first


async def test_a_message_without_a_key_is_no_keys(opened: Open) -> None:
    async with opened() as stores:
        for _ in range(2):
            await stores.idempotency.note("alice", "12/1", now=NOW)
        assert not await stores.idempotency.adopt(await claim(stores), "12/1")


async def test_a_forgotten_key_is_new_again(opened: Open) -> None:
    async with opened() as stores:
        await stores.idempotency.forget(await claim(stores))
        assert await claim(stores, "r2", fingerprint="other") == wanted("r2", fingerprint="other")


async def test_an_answered_key_is_never_taken_over(opened: Open) -> None:
    async with opened() as stores:
        first = await claim(stores)
        await stores.idempotency.settle(first, ANSWER, made="12/1")
        found = await claim(stores, "r2", now=NOW + 2 * RUN_MS)
        assert (found.run, found.answer, found.made) == ("r1", ANSWER, "12/1")


async def test_a_key_used_for_another_request_is_not_taken_over(opened: Open) -> None:
    async with opened() as stores:
        await claim(stores)
        found = await claim(stores, "r2", now=NOW + RUN_MS, fingerprint="other")
        assert (found.run, found.fingerprint) == ("r1", "f")


async def test_a_message_is_made_by_one_key(opened: Open) -> None:
    async with opened() as stores:
        first, second = await claim(stores), await claim(stores, key="k2")
        assert await stores.idempotency.adopt(first, "12/1")
        assert await stores.idempotency.adopt(first, "12/1")
        assert not await stores.idempotency.adopt(second, "12/1")
        assert await stores.idempotency.adopt(second, "12/2")


async def test_an_answer_is_kept_though_another_key_has_its_message(opened: Open) -> None:
    async with opened() as stores:
        first, second = await claim(stores), await claim(stores, key="k2")
        await stores.idempotency.adopt(second, "12/1")
        await stores.idempotency.settle(first, ANSWER, made="12/1")
        found = await claim(stores, "r2")
        assert (found.answer, found.made) == (ANSWER, None)


async def test_who_is_sending_is_seen_by_the_users_other_keys_until_its_run_is_over(opened: Open) -> None:
    async with opened() as stores:
        keys = stores.idempotency
        sending, other = await claim(stores), await claim(stores, key="k2")
        stranger = await claim(stores, user="bob")
        assert not await keys.others_sending(other, now=NOW)
        await keys.intend(sending, INTENT, until=UNTIL)
        assert await keys.others_sending(other, now=NOW)
        assert not await keys.others_sending(sending, now=NOW)
        assert not await keys.others_sending(stranger, now=NOW)
        assert not await keys.others_sending(other, now=NOW + RUN_MS)
        await keys.settle(sending, ANSWER, made=None)
        assert not await keys.others_sending(other, now=NOW)


async def test_who_took_a_key_over_is_not_sending_yet(opened: Open) -> None:
    async with opened() as stores:
        await stores.idempotency.intend(await claim(stores), INTENT, until=UNTIL)
        await claim(stores, "r2", now=NOW + RUN_MS)
        other = await claim(stores, key="k2", now=NOW + RUN_MS)
        assert not await stores.idempotency.others_sending(other, now=NOW + RUN_MS)


async def test_the_same_key_of_two_users_is_two_keys(opened: Open) -> None:
    async with opened() as stores:
        assert (await claim(stores)).run == "r1"
        assert (await claim(stores, "r2", user="bob")).run == "r2"


@pytest.mark.parametrize("round_", range(3))
async def test_of_many_runs_at_once_exactly_one_gets_the_key(on_mongod: Open, round_: int) -> None:
    async with on_mongod() as stores:
        found = await asyncio.gather(*(claim(stores, f"r{n}") for n in range(10)))
        assert len({record.run for record in found}) == 1
        late = NOW + RUN_MS * (round_ + 1)
        found = await asyncio.gather(*(claim(stores, f"s{n}", now=late) for n in range(10)))
        assert len({record.run for record in found}) == 1
        assert found[0].run.startswith("s")


async def test_keys_are_kept_for_24_hours(on_mongod: Open) -> None:
    async with on_mongod() as stores:
        collection = stores.idempotency._collection
        indexes = await collection.index_information()
        assert indexes["kept"]["key"] == [("created_at", 1)]
        assert indexes["kept"]["expireAfterSeconds"] == KEPT_S == 86_400
        await claim(stores)
        assert (await collection.find_one({}) or {})["created_at"] == START.replace(tzinfo=None)


def test_an_intent_says_nothing_of_what_is_sent() -> None:
    assert {field.name for field in msgspec.structs.fields(Intent)} == {"target", "after", "known", "at"}
