import asyncio

import msgspec

from supportd.stores.ratings import Rating
from supportd.stores.stores import Stores
from tests.stores.opening import Open

NOW = 1_750_000_000_000
CHAT = Rating(
    id="r1", user_id="alice", contact_id="c1", stars=5, comment="Great", rated_at=NOW, conversation_id="1"
)  # fmt: skip


def like(given: Rating, **changes: object) -> Rating:
    return msgspec.structs.replace(given, **changes)


async def unsettled(stores: Stores, *, limit: int = 100) -> list[str]:
    return [rating.id for rating in await stores.ratings.unsettled(limit=limit)]


async def test_a_rating_comes_back_as_it_was(opened: Open) -> None:
    async with opened() as stores:
        bare = like(CHAT, id="r2", user_id="bob", comment=None, rated_at=NOW + 1, ticket_id="7")
        assert await stores.ratings.add(CHAT)
        assert await stores.ratings.add(bare)
        assert await stores.ratings.unsettled(limit=9) == [CHAT, bare]
        found = await stores.ratings.of_conversation("1")
        assert msgspec.json.decode(msgspec.json.encode(found), type=list[Rating]) == [CHAT, bare]
        assert await stores.ratings.of_conversation("2") == []


async def test_a_second_rating_of_the_same_changes_nothing(opened: Open) -> None:
    async with opened() as stores:
        assert await stores.ratings.add(CHAT)
        assert not await stores.ratings.add(like(CHAT, id="r2", stars=1, comment="Bad", rated_at=NOW + 9))
        assert await stores.ratings.of_conversation("1") == [CHAT]


async def test_it_is_unique_by_user_and_ticket_or_conversation_where_there_is_no_ticket(opened: Open) -> None:
    async with opened() as stores:
        ticket = like(CHAT, conversation_id=None, ticket_id="1")
        assert await stores.ratings.add(CHAT)
        assert await stores.ratings.add(ticket)
        assert await stores.ratings.add(like(CHAT, user_id="bob"))
        assert await stores.ratings.add(like(CHAT, conversation_id="2"))
        assert not await stores.ratings.add(like(ticket, conversation_id="9"))
        assert await stores.ratings.add(like(ticket, ticket_id="2", conversation_id="1"))


async def test_nobody_can_name_himself_into_anothers_rating(opened: Open) -> None:
    async with opened() as stores:
        assert await stores.ratings.add(like(CHAT, user_id="2:alice", conversation_id="1"))
        assert await stores.ratings.add(like(CHAT, user_id="alice", conversation_id="1-2"))
        assert await stores.ratings.add(like(CHAT, user_id="alice", conversation_id="1"))


async def test_what_is_settled_is_kept_and_waits_no_more(opened: Open) -> None:
    async with opened() as stores:
        for number, second in enumerate((3, 1, 2)):
            await stores.ratings.add(like(CHAT, id=f"r{second}", conversation_id=str(number), rated_at=second))
        assert await unsettled(stores) == ["r1", "r2", "r3"]
        assert await unsettled(stores, limit=2) == ["r1", "r2"]
        (first, *_) = await stores.ratings.unsettled(limit=1)
        await stores.ratings.settle(first)
        await stores.ratings.settle(first)
        await stores.ratings.settle(like(CHAT, user_id="nobody"))
        assert await unsettled(stores) == ["r2", "r3"]
        assert await stores.ratings.of_conversation("1") == [first]
        assert not await stores.ratings.add(first)


async def test_of_many_at_once_exactly_one_is_stored(on_mongod: Open) -> None:
    async with on_mongod() as stores:
        adds = [stores.ratings.add(like(CHAT, id=f"r{number}", stars=1 + number % 5)) for number in range(20)]
        assert sorted(await asyncio.gather(*adds)) == [False] * 19 + [True]
        assert len(await stores.ratings.of_conversation("1")) == 1
