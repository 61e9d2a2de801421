from typing import Any

import pytest
from pymongo import AsyncMongoClient

from supportd.stores.mongo import Overtaken
from supportd.stores.tickets import TicketSnapshot
from tests.harness import MongoDatabase
from tests.stores.opening import Open

MS = 1_750_000_000_000


def snapshot(id_: str, *, created: int = 0, **fields: Any) -> TicketSnapshot:
    values: dict[str, Any] = {
        "contact_ids": ("c1",),
        "number": id_,
        "created_at": MS + created,
        "confirmed_at": MS,
        "shown": True,
        "open": True,
        "version": 1,
        "encoded": b"1\x00\xff",
        **fields,
    }
    return TicketSnapshot(id=id_, **values)


async def test_a_ticket_comes_back_as_it_was(opened: Open) -> None:
    async with opened() as stores:
        assert await stores.tickets.get("1") is None
        saved = snapshot("1", contact_ids=("c1", "c2"), number="77")
        await stores.tickets.save(saved)
        assert await stores.tickets.get("1") == saved


async def test_the_last_one_saved_counts(opened: Open) -> None:
    async with opened() as stores:
        await stores.tickets.save(snapshot("1"))
        later = snapshot("1", contact_ids=("c2",), version=2, encoded=b"later")
        await stores.tickets.save(later)
        assert await stores.tickets.get("1") == later
        assert await stores.tickets.page("c1", number_prefix="", before=None, limit=10) == []


async def test_a_version_is_stored_over_the_one_before_and_no_other(opened: Open) -> None:
    async with opened() as stores:
        await stores.tickets.save(snapshot("1", version=1))
        await stores.tickets.save(snapshot("1", version=2))
        for version in 1, 2, 4:
            with pytest.raises(Overtaken):
                await stores.tickets.save(snapshot("1", version=version, encoded=b"late"))
        assert await stores.tickets.get("1") == snapshot("1", version=2)


async def test_one_stored_before_there_were_versions_is_replaced_by_the_first(
    on_mongod: Open, mongo: MongoDatabase
) -> None:
    async with on_mongod() as stores, AsyncMongoClient[dict[str, Any]](mongo.uri) as client:
        await stores.tickets.save(snapshot("1", version=1))
        await client[mongo.name]["tickets"].update_one({"_id": "1"}, {"$unset": {"version": 1}})
        assert await stores.tickets.get("1") == snapshot("1", version=0)
        await stores.tickets.save(snapshot("1", version=1))
        assert await stores.tickets.get("1") == snapshot("1", version=1)


async def test_a_discarded_one_is_gone_and_may_be_stored_anew(opened: Open) -> None:
    async with opened() as stores:
        await stores.tickets.save(snapshot("1", version=1))
        await stores.tickets.discard("1")
        assert await stores.tickets.get("1") is None
        await stores.tickets.save(snapshot("1", version=1))


async def test_a_contacts_pages_the_newest_first(opened: Open) -> None:
    async with opened() as stores:
        for id_, created in [("1", 1), ("2", 5), ("3", 5), ("4", 9)]:
            await stores.tickets.save(snapshot(id_, created=created))
        await stores.tickets.save(snapshot("5", contact_ids=("c2",)))
        await stores.tickets.save(snapshot("6", shown=False))
        seen: list[str] = []
        before: tuple[int, str] | None = None
        while page := await stores.tickets.page("c1", number_prefix="", before=before, limit=1):
            seen += [item.id for item in page]
            before = (page[-1].created_at, page[-1].id)
        assert seen == ["4", "3", "2", "1"]


async def test_tickets_by_how_their_number_begins(opened: Open) -> None:
    async with opened() as stores:
        for number in ("1", "12", "123", "213", "21"):
            await stores.tickets.save(snapshot(number))

        async def found(prefix: str) -> set[str]:
            return {item.number for item in await stores.tickets.page("c1", number_prefix=prefix, before=None, limit=9)}

        assert await found("12") == {"12", "123"}
        assert await found("123") == {"123"}
        assert await found("3") == set()


async def test_those_that_are_here(opened: Open) -> None:
    async with opened() as stores:
        await stores.tickets.save(snapshot("1", shown=False))
        assert await stores.tickets.known(["1", "2"]) == {"1"}


async def test_the_quietest_open_ones_first(opened: Open) -> None:
    async with opened() as stores:
        for id_, confirmed in [("1", 3), ("2", 1), ("3", 2), ("4", 9)]:
            await stores.tickets.save(snapshot(id_, confirmed_at=MS + confirmed))
        await stores.tickets.save(snapshot("5", confirmed_at=MS, open=False))
        await stores.tickets.save(snapshot("6", confirmed_at=MS, open=False, shown=False))
        quiet = await stores.tickets.quiet(open=True, before=MS + 9, after=None, limit=10)
        assert quiet == [(MS + 1, "2"), (MS + 2, "3"), (MS + 3, "1")]
        assert await stores.tickets.quiet(open=True, before=MS + 9, after=None, limit=2) == quiet[:2]
        assert await stores.tickets.quiet(open=True, before=MS + 9, after=quiet[0], limit=9) == quiet[1:]
        assert [found.id for found in await stores.tickets.quiet(open=False, before=MS + 9, after=None, limit=9)] == [
            "5"
        ]
