import asyncio

from supportd.stores.topics import MATCH_S, Topic
from tests.stores.opening import Open, at

TOPIC = Topic(contact_id="c1", main="Payments", sub=None, text="Payments", alone=True)


async def test_a_topic_is_claimed_by_contact_words_and_time(opened: Open) -> None:
    async with opened() as stores:
        await stores.topics.record(TOPIC, at=at(0), topic_id="t1")
        claim = stores.topics.claim
        assert await claim("1", ("c2",), "Payments", started_at=at(1)) is None
        assert await claim("1", ("c1",), "payments", started_at=at(1)) is None
        assert await claim("1", ("c1",), "Payments", started_at=at(MATCH_S + 1)) is None
        assert await claim("1", ("c1",), "Payments", started_at=at(-MATCH_S - 1)) is None
        assert await claim("1", (), "Payments", started_at=at(1)) is None
        assert await claim("1", ("c2", "c1"), "Payments", started_at=at(MATCH_S)) == TOPIC


async def test_a_claim_holds_for_its_conversation_only(opened: Open) -> None:
    async with opened() as stores:
        await stores.topics.record(TOPIC, at=at(0), topic_id="t1")
        for conversation_id, claimed in [("1", TOPIC), ("2", None), ("1", TOPIC)]:
            found = await stores.topics.claim(conversation_id, ("c1",), "Payments", started_at=at(1))
            assert found == claimed


async def test_two_starts_with_the_same_words_are_two_topics(opened: Open) -> None:
    async with opened() as stores:
        with_words = Topic("c1", "Payments", "Refund", "Payments", alone=False)
        await stores.topics.record(TOPIC, at=at(0), topic_id="t1")
        await stores.topics.record(with_words, at=at(5), topic_id="t2")
        assert await stores.topics.claim("1", ("c1",), "Payments", started_at=at(1)) == TOPIC
        assert await stores.topics.claim("2", ("c1",), "Payments", started_at=at(6)) == with_words
        assert await stores.topics.claim("1", ("c1",), "Payments", started_at=at(1)) == TOPIC


async def test_the_same_topic_recorded_again_is_one_topic_of_the_later_time(opened: Open) -> None:
    async with opened() as stores:
        await stores.topics.record(TOPIC, at=at(0), topic_id="t1")
        await stores.topics.record(TOPIC, at=at(MATCH_S), topic_id="t1")
        assert await stores.topics.claim("1", ("c1",), "Payments", started_at=at(2 * MATCH_S)) == TOPIC
        assert await stores.topics.claim("2", ("c1",), "Payments", started_at=at(1)) is None


async def test_a_forgotten_topic_is_claimed_by_nobody(opened: Open) -> None:
    async with opened() as stores:
        await stores.topics.record(TOPIC, at=at(0), topic_id="t1")
        await stores.topics.forget("t1")
        await stores.topics.forget("t1")
        assert await stores.topics.claim("1", ("c1",), "Payments", started_at=at(1)) is None


async def test_of_many_conversations_at_once_exactly_one_claims(on_mongod: Open) -> None:
    async with on_mongod() as stores:
        await stores.topics.record(TOPIC, at=at(0), topic_id="t1")
        claims = (stores.topics.claim(str(n), ("c1",), "Payments", started_at=at(1)) for n in range(10))
        assert [topic for topic in await asyncio.gather(*claims) if topic is not None] == [TOPIC]
