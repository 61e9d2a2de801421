"""The loop: a user starts, an operator answers in Intercom, the user's next poll shows it."""

from tests.harness import MongoDatabase, living


async def test_an_operators_answer_shows_in_the_next_poll(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk("alice")

        started = await alice.start(body="My transfer is stuck")
        await world.operator.reply(started["id"], "<p>Hello <b>Alice</b></p>")
        await world.settle()
        poll = await alice.poll(started["id"], since=started["latestTimestamp"])

        assert set(poll) == {"messages", "latestTimestamp", "state", "snoozedUntil", "rated"}
        (message,) = poll["messages"]
        assert message["author"]["type"] == "operator"
        assert message["body"] == "Hello Alice"
        assert message["html"] == "<p>Hello <b>Alice</b></p>"
        assert (await alice.poll(started["id"], since=poll["latestTimestamp"]))["messages"] == []


async def test_polls_cost_no_call_to_intercom(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk("alice")
        started = await alice.start(body="Hello")
        await world.settle()
        await world.operator.forget_calls()
        for _ in range(50):
            await alice.poll(started["id"])
        assert await world.operator.calls() == {}
