import asyncio

import msgspec
import pytest

from supportd.stores.complaints import Category, Complaint
from supportd.stores.stores import Stores
from tests.stores.opening import Open, at

COMPLAINT = Complaint("c-1", "alice", Category.FUNDS, "My money is not there", "chat-1", "dialog-1")


async def stored(stores: Stores) -> list[dict[str, object]]:
    return [document async for document in stores.complaints._collection.find()]


async def test_a_complaint_is_kept_with_its_user_and_time(opened: Open) -> None:
    async with opened() as stores:
        await stores.complaints.add(COMPLAINT, at=at(5))
        assert await stored(stores) == [
            {
                "_id": "c-1",
                "user_id": "alice",
                "category": "funds",
                "description": "My money is not there",
                "chat_id": "chat-1",
                "dialog_id": "dialog-1",
                "created_at": at(5).replace(tzinfo=None),
            }
        ]


@pytest.mark.parametrize("category", Category)
async def test_each_category_is_kept_by_its_name(opened: Open, category: Category) -> None:
    async with opened() as stores:
        await stores.complaints.add(Complaint("c-1", "alice", category, "My money is not there"), at=at(0))
        (found,) = await stored(stores)
        assert (found["category"], found["chat_id"], found["dialog_id"]) == (category.value, None, None)


async def test_the_same_complaint_again_stays_as_it_was(opened: Open) -> None:
    async with opened() as stores:
        await stores.complaints.add(COMPLAINT, at=at(0))
        await stores.complaints.add(msgspec.structs.replace(COMPLAINT, description="Something else"), at=at(9))
        (found,) = await stored(stores)
        assert (found["description"], found["created_at"]) == ("My money is not there", at(0).replace(tzinfo=None))


async def test_words_that_mean_something_to_mongodb_are_words(opened: Open) -> None:
    async with opened() as stores:
        odd = Complaint("c-1", "$where.a", Category.OTHER, '{"$gt": ""} $set.x', "$ne", "a.b")
        await stores.complaints.add(odd, at=at(0))
        (found,) = await stored(stores)
        assert [found[name] for name in ("user_id", "description", "chat_id", "dialog_id")] == [
            odd.user_id,
            odd.description,
            odd.chat_id,
            odd.dialog_id,
        ]


async def test_one_complaint_sent_many_times_at_once_is_stored_once(on_mongod: Open) -> None:
    async with on_mongod() as stores:
        await asyncio.gather(*(stores.complaints.add(COMPLAINT, at=at(number)) for number in range(20)))
        assert len(await stored(stores)) == 1
