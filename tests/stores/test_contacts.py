import asyncio

from supportd.stores.contacts import Contact
from tests.stores.opening import Open


async def test_nobody_is_known_at_first(opened: Open) -> None:
    async with opened() as stores:
        assert await stores.contacts.get("alice") is None
        assert await stores.contacts.known(["c1"]) == set()


async def test_a_mapping_is_kept(opened: Open) -> None:
    async with opened() as stores:
        assert await stores.contacts.put("alice", "c1") == Contact("alice", "c1", listed=False)
        assert await stores.contacts.get("alice") == Contact("alice", "c1", listed=False)
        assert await stores.contacts.get("Alice") is None


async def test_the_same_mapping_again_stays_listed(opened: Open) -> None:
    async with opened() as stores:
        await stores.contacts.put("alice", "c1")
        await stores.contacts.mark_listed("alice", "c1")
        assert await stores.contacts.put("alice", "c1") == Contact("alice", "c1", listed=True)


async def test_another_contact_has_nothing_listed(opened: Open) -> None:
    async with opened() as stores:
        await stores.contacts.put("alice", "c1")
        await stores.contacts.mark_listed("alice", "c1")
        await stores.contacts.put("alice", "c2")
        await stores.contacts.mark_listed("alice", "c1")  # of the contact before: too late
        assert await stores.contacts.get("alice") == Contact("alice", "c2", listed=False)


async def test_marking_nobody_makes_nobody(opened: Open) -> None:
    async with opened() as stores:
        await stores.contacts.mark_listed("alice", "c1")
        assert await stores.contacts.get("alice") is None


async def test_which_contacts_are_ours(opened: Open) -> None:
    async with opened() as stores:
        await stores.contacts.put("alice", "c1")
        await stores.contacts.put("bob", "c2")
        assert await stores.contacts.known(["c2", "c3"]) == {"c2"}
        assert await stores.contacts.known([]) == set()


async def test_the_first_calls_of_a_user_may_come_at_once(on_mongod: Open) -> None:
    async with on_mongod() as stores:
        await asyncio.gather(*(stores.contacts.put("alice", "c1") for _ in range(20)))
        assert await stores.contacts.get("alice") == Contact("alice", "c1", listed=False)


async def test_conversations_and_tickets_are_listed_apart(opened: Open) -> None:
    async with opened() as stores:
        await stores.contacts.put("alice", "c1")
        await stores.contacts.mark_tickets_listed("alice", "c1")
        assert await stores.contacts.get("alice") == Contact("alice", "c1", listed=False, tickets_listed=True)
        await stores.contacts.put("alice", "c2")
        assert await stores.contacts.get("alice") == Contact("alice", "c2")


async def test_the_users_behind_contacts_are_found(opened: Open) -> None:
    async with opened() as stores:
        for user, contact in (("alice", "c1"), ("bob", "c2"), ("ally", "c1")):
            await stores.contacts.put(user, contact)
        found = await stores.contacts.users(["c1", "c9"])
        assert sorted((each.user_id, each.contact_id) for each in found) == [("alice", "c1"), ("ally", "c1")]
        assert await stores.contacts.users([]) == []
