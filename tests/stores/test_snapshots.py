from typing import Any

import pytest
from pymongo import AsyncMongoClient

from supportd.stores.mongo import Overtaken
from supportd.stores.snapshots import Snapshot
from tests.harness import MongoDatabase
from tests.stores.opening import Open

MS = 1_750_000_000_000


def snapshot(id_: str, *, changed: int = 0, **fields: Any) -> Snapshot:
    values: dict[str, Any] = {
        "contact_ids": ("c1",),
        "changed_at": MS + changed,
        "proven_at": 1_750_000_000,
        "confirmed_at": MS,
        "open": True,
        "deleted": False,
        "version": 1,
        "encoded": b"1\x00\xff",
        **fields,
    }
    return Snapshot(id=id_, **values)


async def test_a_snapshot_comes_back_as_it_was(opened: Open) -> None:
    async with opened() as stores:
        assert await stores.snapshots.get("1") is None
        saved = snapshot("1", contact_ids=("c1", "c2"))
        await stores.snapshots.save(saved)
        found = await stores.snapshots.get("1")
        assert found == saved
        assert type(found.changed_at) is int
        assert type(found.encoded) is bytes


async def test_the_last_one_saved_counts(opened: Open) -> None:
    async with opened() as stores:
        await stores.snapshots.save(snapshot("1"))
        later = snapshot("1", changed=5, contact_ids=("c2",), version=2, encoded=b"later")
        await stores.snapshots.save(later)
        assert await stores.snapshots.get("1") == later
        assert await stores.snapshots.page("c1", before=None, limit=10) == []


async def test_a_version_is_stored_over_the_one_before_and_no_other(opened: Open) -> None:
    async with opened() as stores:
        await stores.snapshots.save(snapshot("1", version=1))
        await stores.snapshots.save(snapshot("1", version=2))
        for version in 1, 2, 4:
            with pytest.raises(Overtaken):
                await stores.snapshots.save(snapshot("1", version=version, encoded=b"late"))
        assert await stores.snapshots.get("1") == snapshot("1", version=2)


async def test_one_stored_before_there_were_versions_is_replaced_by_the_first(
    on_mongod: Open, mongo: MongoDatabase
) -> None:
    async with on_mongod() as stores, AsyncMongoClient[dict[str, Any]](mongo.uri) as client:
        await stores.snapshots.save(snapshot("1", version=1))
        await client[mongo.name]["snapshots"].update_one({"_id": "1"}, {"$unset": {"version": 1}})
        assert await stores.snapshots.get("1") == snapshot("1", version=0)
        await stores.snapshots.save(snapshot("1", version=1))
        assert await stores.snapshots.get("1") == snapshot("1", version=1)


async def test_a_discarded_one_is_gone_and_may_be_stored_anew(opened: Open) -> None:
    async with opened() as stores:
        await stores.snapshots.save(snapshot("1", version=1))
        await stores.snapshots.discard("1")
        assert await stores.snapshots.get("1") is None
        await stores.snapshots.save(snapshot("1", version=1))


async def test_a_contacts_pages_the_last_changed_first(opened: Open) -> None:
    async with opened() as stores:
        for id_, changed in [("1", 1), ("2", 5), ("3", 5), ("4", 9)]:
            await stores.snapshots.save(snapshot(id_, changed=changed))
        await stores.snapshots.save(snapshot("5", contact_ids=("c2",)))
        await stores.snapshots.save(snapshot("6", deleted=True))
        seen: list[str] = []
        before: tuple[int, str] | None = None
        while page := await stores.snapshots.page("c1", before=before, limit=1):
            seen += [item.id for item in page]
            before = (page[-1].changed_at, page[-1].id)
        assert seen == ["4", "3", "2", "1"]
        whole = await stores.snapshots.page("c1", before=None, limit=3)
        assert [item.id for item in whole] == ["4", "3", "2"]


async def test_a_conversation_of_two_contacts_is_in_both_lists(opened: Open) -> None:
    async with opened() as stores:
        await stores.snapshots.save(snapshot("1", contact_ids=("c1", "c2")))
        for contact_id in ("c1", "c2"):
            assert [item.id for item in await stores.snapshots.page(contact_id, before=None, limit=9)] == ["1"]


async def test_how_far_those_that_are_here_are_proven(opened: Open) -> None:
    async with opened() as stores:
        await stores.snapshots.save(snapshot("1", proven_at=7))
        await stores.snapshots.save(snapshot("2", deleted=True))
        assert await stores.snapshots.proven(["1", "2", "3"]) == {
            "1": 7,
            "2": 1_750_000_000,
        }
        assert await stores.snapshots.proven([]) == {}


async def test_the_quietest_open_ones_first(opened: Open) -> None:
    async with opened() as stores:
        for id_, confirmed in [("1", 3), ("2", 1), ("3", 2), ("4", 9)]:
            await stores.snapshots.save(snapshot(id_, confirmed_at=MS + confirmed))
        await stores.snapshots.save(snapshot("5", confirmed_at=MS, open=False))
        quiet = await stores.snapshots.quiet(before=MS + 9, after=None, limit=10)
        assert quiet == [(MS + 1, "2"), (MS + 2, "3"), (MS + 3, "1")]
        assert await stores.snapshots.quiet(before=MS + 9, after=None, limit=2) == quiet[:2]


async def test_the_quiet_ones_go_on_behind_the_last(opened: Open) -> None:
    async with opened() as stores:
        for id_ in ("1", "2", "3"):
            await stores.snapshots.save(snapshot(id_, confirmed_at=MS))
        await stores.snapshots.save(snapshot("0", confirmed_at=MS + 1))
        after, found = None, []
        while quiet := await stores.snapshots.quiet(before=MS + 9, after=after, limit=1):
            after = quiet[0]
            found.append(after.id)
        assert found == ["1", "2", "3", "0"]


async def test_the_conversation_that_is_open_and_changed_last(opened: Open) -> None:
    async with opened() as stores:
        assert await stores.snapshots.newest_open("c1") is None
        for id_, changed in [("1", 1), ("2", 5), ("3", 3)]:
            await stores.snapshots.save(snapshot(id_, changed=changed))
        await stores.snapshots.save(snapshot("4", changed=9, open=False))
        await stores.snapshots.save(snapshot("5", changed=9, contact_ids=("c2",)))
        assert await stores.snapshots.newest_open("c1") == "2"
