"""`scripts/seed.py` as a program, on a demo."""

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from typing import Any

import pymongo

from supportd.dev.ports import free_port
from supportd.dev.stories import Size, Who, stories
from supportd.simulator.model import Part
from supportd.simulator.richtext import to_text
from tests.harness import JWT_SECRET, MongoDatabase, World, serving, settings, simulating
from tests.scripts.running import run
from tests.waiting import eventually

NAME = "seed.py"
SIZE = Size(users=2, conversations=6, ratings=3, tickets=3, complaints=2, devices=4)
SMALL = [word for name, count in asdict(SIZE).items() for word in (f"--{name}", str(count))]


@contextlib.asynccontextmanager
async def demo(mongo: MongoDatabase, **changes: Any) -> AsyncIterator[World]:
    port = free_port()
    async with (
        simulating(api_url=f"http://127.0.0.1:{port}", jwt_secret=JWT_SECRET) as simulator,
        serving(settings(mongo, simulator.base_url, port=port, **changes), simulator) as world,
    ):
        yield world


async def seed(world: World, *more: str) -> dict[str, Any]:
    done = await run(NAME, *SMALL, "--simulator", world.simulator.base_url, "--json", *more)
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def said(world: World) -> list[tuple[str, list[str]]]:
    """The conversations in Intercom: how each begins, and what operators said in it."""
    chats = world.simulator.workspace.conversations.values()
    return sorted(
        (to_text(chat.source.body), [to_text(part.body or "") for part in chat.parts if by_operator(part)])
        for chat in chats
    )


def by_operator(part: Part) -> bool:
    return part.author.type == "admin" and part.part_type == "comment"


def planned() -> list[tuple[str, list[str]]]:
    chats = [story.steps for story in stories(SIZE, seed=1) if story.steps[0].path == "/api/conversations"]
    return sorted(
        (
            steps[0].body["body"],
            [
                to_text(step.body["body"])
                for step in steps
                if step.path.endswith("{id}/reply") and step.who is Who.OPERATOR
            ],
        )
        for steps in chats
    )


def rated(world: World) -> int:
    """How many conversations have the tags of a rating, which follow soon after it."""
    workspace = world.simulator.workspace
    csat = [id_ for id_, name in workspace.tags.items() if name == "csat"]
    return sum(tag.id in csat for chat in workspace.conversations.values() for tag in chat.tags)


def stored(mongo: MongoDatabase) -> dict[str, int]:
    with pymongo.MongoClient[dict[str, Any]](mongo.uri) as client:
        return {
            name: client[mongo.name][name].count_documents({})
            for name in ("snapshots", "ratings", "complaints", "devices", "contacts")
        }


async def test_both_sides_have_it_and_the_same_seed_makes_the_same(mongo: MongoDatabase) -> None:
    async with demo(mongo) as world:
        report = await seed(world)
        assert {kind: report[kind] for kind in asdict(SIZE)} == asdict(SIZE)
        await world.settle()
        assert stored(mongo) == {"snapshots": 6, "ratings": 3, "complaints": 2, "devices": 4, "contacts": 2}
        users = [world.sdk(user) for user in ("alice", "user-2")]
        assert sum([len(await user.list()) for user in users]) == 6
        assert sum([len((await user.get("/api/tickets"))["tickets"]) for user in users]) == 3
        await eventually(lambda: rated(world) == 3)
        assert said(world) == planned()


def test_a_seed_makes_the_same_and_more_of_one_kind_changes_no_other() -> None:
    first = list(stories(SIZE, seed=1))
    assert list(stories(SIZE, seed=1)) == first != list(stories(SIZE, seed=2))
    more = list(stories(replace(SIZE, tickets=9, devices=9, complaints=0), seed=1))
    chats = [[story for story in made if story.steps[0].path == "/api/conversations"] for made in (first, more)]
    assert len(chats[0]) == SIZE.conversations
    assert chats[0] == chats[1]


async def test_a_dry_run_does_nothing(mongo: MongoDatabase) -> None:
    async with demo(mongo) as world:
        done = await run(NAME, "--dry-run", "--simulator", world.simulator.base_url)
        assert (done.returncode, done.stdout.startswith("would make 10 users, 30 conversations")) == (0, True)
        assert world.simulator.workspace.conversations == {}


async def test_it_waits_where_it_writes_too_fast(mongo: MongoDatabase) -> None:
    nothing = [each for kind in ("conversations", "ratings", "tickets", "devices") for each in (f"--{kind}", "0")]
    async with demo(mongo, write_rate_limit_per_minute=60) as world:
        await seed(world, *nothing, "--users", "1", "--complaints", "61")
        assert stored(mongo)["complaints"] == 61


async def test_what_is_wrong_is_said() -> None:
    done = await run(NAME, "--simulator", "http://127.0.0.1:1")
    assert done.returncode == 1
    assert done.stderr == "seed: http://127.0.0.1:1/demo/session can't be reached (ConnectError); is the demo up?\n"
    for bad in (("--conversations", "-1"), ("--users", "0"), ("--ratings", "31")):
        assert (await run(NAME, *bad)).returncode == 2
    assert "--dry-run" in (await run(NAME, "--help")).stdout
