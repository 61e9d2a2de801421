import asyncio
import random
from typing import Any

import msgspec
import pytest

from supportd.stores.files import FileRecord
from supportd.stores.stores import Stores
from tests.stores.opening import START, Open, at

LATER = at(10)


def record(id_: str = "f1", *, user: str = "alice", seconds: float = 0, size: int = 10) -> FileRecord:
    return FileRecord(
        id=id_,
        user_id=user,
        name="отчёт.pdf",
        content_type="application/pdf",
        size=size,
        key=f"key of {id_}",
        created_at=at(seconds),
    )


async def store(stores: Stores, *ids: str, **more: Any) -> None:
    for id_ in ids:
        await stores.files.begin(record(id_, **more))
        assert await stores.files.finish(id_)


async def claim(
    stores: Stores,
    *ids: str,
    user: str = "alice",
    for_: str = "message 1",
    left_by: str | None = None,
    seconds: float = 0,
) -> list[str] | None:
    claimed = await stores.files.claim(ids, user_id=user, for_=for_, left_by=left_by, at=at(seconds))
    if claimed is None:
        return None
    assert {file.attached_to for file in claimed} <= {for_}
    return [file.id for file in claimed]


async def attached(stores: Stores, *ids: str) -> list[str | None]:
    found = [await stores.files.get(id_) for id_ in ids]
    return [None if file is None else file.attached_to for file in found]


async def left_over(stores: Stores, *, unused: float = 0, unfinished: float = 0, limit: int = 100) -> list[str]:
    taken = await stores.files.take_left_over(unused=at(unused), unfinished=at(unfinished), limit=limit)
    return [file.id for file in taken]


async def test_a_file_is_found_once_its_bytes_are_stored(opened: Open) -> None:
    async with opened() as stores:
        assert await stores.files.get("f1") is None
        await stores.files.begin(record())
        assert await stores.files.get("f1") is None
        assert await stores.files.finish("f1") is True
        assert await stores.files.get("f1") == record()


async def test_what_was_never_begun_is_never_stored(opened: Open) -> None:
    async with opened() as stores:
        assert await stores.files.finish("f1") is False
        await store(stores, "f1")
        assert await stores.files.finish("f1") is False
        assert await stores.files.get("f1") == record()


async def test_times_are_kept_as_dates(opened: Open) -> None:
    async with opened() as stores:
        await store(stores, "f1")
        document = await stores.files._collection.find_one({"_id": "f1"})
        assert document is not None
        assert document["created_at"] == START.replace(tzinfo=None)


async def test_files_are_claimed_in_the_order_asked_for(opened: Open) -> None:
    async with opened() as stores:
        await store(stores, "f1", "f2", "f3")
        claimed = await stores.files.claim(["f3", "f1"], user_id="alice", for_="m", at=START)
        assert claimed == [msgspec.structs.replace(record(id_), attached_to="m") for id_ in ("f3", "f1")]
        assert await attached(stores, "f1", "f2", "f3") == ["m", None, "m"]
        assert await claim(stores) == []


@pytest.mark.parametrize("wrong", ["of bob", "pending", "absent", "going", "used", "f1"])
async def test_one_file_that_cant_be_used_leaves_the_others_free(opened: Open, wrong: str) -> None:
    async with opened() as stores:
        await store(stores, "going", seconds=-10)
        await left_over(stores, unused=-5)
        await store(stores, "f1", "used", "z")
        await store(stores, "of bob", user="bob")
        await stores.files.begin(record("pending"))
        await claim(stores, "used", for_="another")

        assert await claim(stores, "f1", wrong, "z") is None
        assert await attached(stores, "f1", "z", "used", "of bob") == [None, None, "another", None]
        assert await claim(stores, "f1", "z") == ["f1", "z"]


async def test_the_same_message_may_claim_its_files_again(opened: Open) -> None:
    async with opened() as stores:
        await store(stores, "f1", "f2")
        await claim(stores, "f1")
        assert await claim(stores, "f1", "f2") == ["f1", "f2"]
        assert await claim(stores, "f1", "f2") == ["f1", "f2"]
        assert await claim(stores, "f1", for_="message 2") is None


async def test_a_claim_that_fails_takes_nothing_from_an_earlier_one_of_the_same_message(opened: Open) -> None:
    async with opened() as stores:
        await store(stores, "f1", "f2")
        await claim(stores, "f1")
        assert await claim(stores, "f1", "f2", "f3") is None
        assert await attached(stores, "f1", "f2") == ["message 1", None]


async def test_what_surely_wasnt_sent_frees_its_files(opened: Open) -> None:
    async with opened() as stores:
        await store(stores, "f1", "f2", "f3")
        await claim(stores, "f1", "f2")
        await claim(stores, "f3", for_="message 2")
        await stores.files.release("message 1")
        await stores.files.release("message 1")
        assert await attached(stores, "f1", "f2", "f3") == [None, None, "message 2"]
        assert await claim(stores, "f1", for_="message 2") == ["f1"]


async def test_a_users_bytes_are_summed(opened: Open) -> None:
    async with opened() as stores:
        assert await stores.files.bytes_of("alice", since=START) == 0
        await store(stores, "old", seconds=-1, size=1)
        await store(stores, "f1", size=2**40)
        await store(stores, "of bob", user="bob", size=100)
        await stores.files.begin(record("pending", size=1000))
        assert await stores.files.bytes_of("alice", since=START) == 2**40 + 1000
        await stores.files.forget("pending")
        assert await stores.files.bytes_of("alice", since=START) == 2**40


async def test_what_is_left_over_is_never_served_again_and_goes(opened: Open) -> None:
    async with opened() as stores:
        await store(stores, "unused", seconds=1)
        await store(stores, "used", seconds=1)
        await claim(stores, "used")
        await stores.files.begin(record("unfinished", seconds=2))
        await store(stores, "young", seconds=3)
        await stores.files.begin(record("young and unfinished", seconds=3))

        assert await left_over(stores, unused=1, unfinished=2) == []
        assert await left_over(stores, unused=2, unfinished=3) == ["unused", "unfinished"]
        assert await stores.files.get("unused") is None
        assert await claim(stores, "unused") is None
        assert await stores.files.finish("unfinished") is False

        assert await left_over(stores) == ["unused", "unfinished"], "a run that was cut off is done again"
        await stores.files.forget("unused")
        assert await left_over(stores) == ["unfinished"]
        await stores.files.forget("unfinished")
        assert await left_over(stores) == []
        assert await attached(stores, "used", "young") == ["message 1", None]


async def test_what_couldnt_be_stored_counts_for_nothing_and_goes(opened: Open) -> None:
    async with opened() as stores:
        await stores.files.begin(record())
        await stores.files.give_up("f1")
        assert await stores.files.bytes_of("alice", since=START) == 0
        assert await stores.files.finish("f1") is False
        assert await stores.files.get("f1") is None
        assert await left_over(stores, unfinished=0) == []  # what was on its way may still arrive
        assert await left_over(stores, unfinished=1) == ["f1"]


async def test_what_is_stored_cant_be_given_up(opened: Open) -> None:
    async with opened() as stores:
        await store(stores, "f1")
        await stores.files.give_up("f1")
        assert await stores.files.get("f1") == record()


async def test_a_few_left_over_at_a_time(opened: Open) -> None:
    async with opened() as stores:
        await store(stores, "c", seconds=1)
        await store(stores, "a", seconds=2)
        await store(stores, "b", seconds=3)
        taken = await stores.files.take_left_over(unused=LATER, unfinished=LATER, limit=2)
        assert taken == [record("c", seconds=1), record("a", seconds=2)]


async def test_a_file_in_use_isnt_forgotten(opened: Open) -> None:
    async with opened() as stores:
        await store(stores, "f1")
        await claim(stores, "f1")
        await stores.files.forget("f1")
        assert await attached(stores, "f1") == ["message 1"]


async def test_a_file_is_used_once_however_many_claim_it(on_mongod: Open) -> None:
    async with on_mongod() as stores:
        for number in range(10):
            id_ = f"f{number}"
            await store(stores, id_)
            claims = await asyncio.gather(*(claim(stores, id_, for_=f"m{other}") for other in range(20)))
            assert (claims.count([id_]), claims.count(None)) == (1, 19)


async def test_claims_that_overlap_are_all_or_nothing_and_one_comes_through(on_mongod: Open) -> None:
    chance = random.Random(1)
    async with on_mongod() as stores:
        for turn in range(10):
            ids = [f"{turn}-{number}" for number in range(6)]
            await store(stores, *ids)
            wanted = {f"{turn} m{number}": chance.sample(ids, 4) for number in range(12)}
            claims = await asyncio.gather(*(claim(stores, *some, for_=name) for name, some in wanted.items()))
            won = {name: some for (name, some), claimed in zip(wanted.items(), claims, strict=True) if claimed}
            assert len(won) == 1, "any two want a file in common"
            expected = {id_: name for name, some in won.items() for id_ in some}
            assert await attached(stores, *ids) == [expected.get(id_) for id_ in ids]


async def test_a_file_is_claimed_or_deleted_and_never_both(on_mongod: Open) -> None:
    async with on_mongod() as stores:
        ids = [f"f{number}" for number in range(40)]
        await store(stores, *ids, seconds=-10)
        works: list[Any] = [*(claim(stores, id_) for id_ in ids), *(left_over(stores, limit=10) for _ in range(8))]
        random.Random(2).shuffle(works)
        await asyncio.gather(*works)

        claimed = {id_ for id_ in ids if await attached(stores, id_) == ["message 1"]}
        going = set(await left_over(stores))
        assert claimed & going == set()
        assert claimed | going == set(ids)


async def test_a_place_knows_the_files_that_were_sent_to_it(on_mongod: Open) -> None:
    async with on_mongod() as stores:
        await store(stores, "f1", "f2", "f3", "f4", "f5")
        for number, place in enumerate(["conversations/1/a", "conversations/1/b", "conversations/11/a", "tickets/1/a"]):
            await claim(stores, f"f{number + 1}", for_=place)
        assert {file.id for file in await stores.files.sent_to("conversations/1/")} == {"f1", "f2"}
        assert await stores.files.sent_to("conversations.1/") == []


async def test_what_was_left_is_taken_up_once(opened: Open) -> None:
    async with opened() as stores:
        await store(stores, "f1", "f2")
        await claim(stores, "f1", "f2", for_="a")
        await stores.files.leave("a", "reply")
        assert await claim(stores, "f1", "f2", for_="b") is None
        assert await claim(stores, "f1", "f2", "absent", for_="b", left_by="reply") is None
        assert await attached(stores, "f1", "f2") == ["reply", "reply"]
        assert await claim(stores, "f1", "f2", for_="b", left_by="reply") == ["f1", "f2"]
        assert await claim(stores, "f1", "f2", for_="c", left_by="reply") is None


async def unsettled(stores: Stores, *, before: float, limit: int = 100) -> list[str]:
    return [file.id for file in await stores.files.unsettled(before=at(before), limit=limit)]


async def test_claims_are_unsettled_until_something_was_sent(opened: Open) -> None:
    async with opened() as stores:
        await store(stores, "f1", "f2", "f3", "f4", "f5")
        for number, name in enumerate(["late", "sent", "freed", "early"]):
            await claim(stores, f"f{number + 1}", for_=name, seconds=-number)
        await stores.files.settle("sent")
        await stores.files.release("freed")
        assert await unsettled(stores, before=1) == ["f4", "f1"]
        assert await unsettled(stores, before=1, limit=1) == ["f4"]
        assert await unsettled(stores, before=0) == ["f4"]
        await stores.files.leave("early", "reply")
        assert await unsettled(stores, before=0) == ["f4"]
        assert await attached(stores, "f2", "f3") == ["sent", None]


async def test_a_claim_that_was_made_again_or_settled_does_not_expire(opened: Open) -> None:
    async with opened() as stores:
        await store(stores, "old", "again", "sent")
        for name in ("old", "again", "sent"):
            await claim(stores, name, for_=name)
        await claim(stores, "again", for_="again", seconds=2)
        await stores.files.settle("sent")
        for name in ("old", "again", "sent"):
            await stores.files.expire(name, before=at(1))
        assert await attached(stores, "old", "again", "sent") == [None, "again", "sent"]
