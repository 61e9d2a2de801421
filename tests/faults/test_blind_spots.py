"""What Intercom's search hides, of conversations and of tickets: the user gets to see the truth in the end."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from supportd.errors import ServiceUnavailable
from supportd.sync import conversation_stream, quiet, ticket_stream
from tests.harness import DrivenClock, MongoDatabase, World, living, serving, settings, simulating
from tests.proxying import Passing, Way, proxied

HOUR = 3600
PAGE = 10


@dataclass
class Thing:
    """A conversation or a ticket of Alice's, as the operator and she know it."""

    world: World
    kind: str
    id: str

    @property
    def path(self) -> str:
        return f"/{self.kind}/{self.id}"

    async def operate(self, action: str, **body: Any) -> None:
        await self.world.operator.control("POST", f"{self.path}/{action}", body)

    async def say(self, words: str) -> None:
        await self.operate("reply", body=f"<p>{words}</p>")

    async def delete(self) -> None:
        if self.kind == "tickets":
            await self.operate("delete")
        else:
            await self.world.operator.control("DELETE", self.path)

    async def shown(self) -> Any:
        return await self.world.sdk().get(f"/api{self.path}")

    async def said(self) -> list[str]:
        messages = (await self.shown())["messages"]
        return [message["body"] for message in messages if message["author"]["type"] == "operator"]

    async def is_gone(self) -> bool:
        return bool((await self.world.sdk().call("GET", f"/api{self.path}")).status_code == 404)


async def make(world: World, kind: str, *, words: str = "Hello") -> Thing:
    """It begins in Intercom, and nobody tells us."""
    if kind == "tickets":
        made = await world.operator.make_ticket(title=words)
    else:
        made = await world.operator.control("POST", "/conversations", {"external_id": "alice", "body": words})
    return Thing(world, kind, str(made["id"]))


async def make_lagging(world: World, kind: str, *, lags: bool) -> Thing:
    """One whose part of the search index lags, as `search_lag_one_in=2` has it, or one whose part doesn't."""
    thing = await make(world, kind)
    while (int(thing.id) % 2 == 0) is not lags:
        thing = await make(world, kind)
    return thing


async def hours_pass(world: World, hours: float) -> None:
    await world.operator.control("POST", "/clock", {"advance": hours * HOUR})
    world.clock.advance(hours * HOUR)


async def all_is_known(world: World) -> None:
    """Nothing is left that the next run would load again only since it is so young."""
    await hours_pass(world, 0.01)
    await world.reconcile()
    await world.operator.forget_calls()
    await world.reconcile()
    assert "GET /conversations/{id}" not in await world.operator.calls()


@contextlib.asynccontextmanager
async def alice_is_known(mongo: MongoDatabase, **changes: Any) -> AsyncIterator[World]:
    """A world without webhooks, where supportd knows who Alice is and nothing of hers is left to be listed."""
    async with living(mongo, webhooks=False, **changes) as world:
        await greet(world)
        yield world


async def greet(world: World) -> None:
    await world.operator.control("POST", "/contacts", {"external_id": "alice"})
    await world.sdk().list()
    await world.sdk().get("/api/tickets")


pytestmark = pytest.mark.logs("topic never arrives: is it ticked in Intercom's webhook settings?")
KINDS = pytest.mark.parametrize("kind", ["conversations", "tickets"])


@KINDS
@pytest.mark.parametrize("intercom_differs_s", [0, 420, -420])
async def test_after_an_outage_of_hours_what_the_search_index_showed_late_is_found(
    mongo: MongoDatabase, kind: str, intercom_differs_s: int
) -> None:
    clock = DrivenClock()
    async with simulating() as simulator:
        configuration = settings(mongo, simulator.base_url)
        async with serving(configuration, simulator, webhooks=False, clock=clock) as world:
            await world.operator.control("POST", "/clock", {"offset": intercom_differs_s})
            await greet(world)
            late, other = [await make_lagging(world, kind, lags=lags) for lags in (True, False)]
            await all_is_known(world)
            await world.operator.trouble(search_lag_s=1.9 * HOUR, search_lag_one_in=2)
            await late.say("long before the outage")
            await hours_pass(world, 1.3)
            await other.say("moves the mark")
            await world.reconcile()
            assert (await late.said(), await other.said()) == ([], ["moves the mark"])
        await world_stops_for(2 * HOUR, clock, simulator)
        async with serving(configuration, simulator, webhooks=False, clock=clock) as world:
            late, other = Thing(world, kind, late.id), Thing(world, kind, other.id)
            assert await late.said() == ["long before the outage"]

            await late.say("just after")
            await hours_pass(world, 1.75)
            await other.say("moves the mark again")
            await world.reconcile()
            assert await late.said() == ["long before the outage"]
            await hours_pass(world, 0.2)
            await world.reconcile()
            assert await late.said() == ["long before the outage", "just after"]
            assert await other.said() == ["moves the mark", "moves the mark again"]


async def world_stops_for(seconds: float, clock: DrivenClock, simulator: Any) -> None:
    clock.advance(seconds)
    simulator._services.clock.offset += seconds


@KINDS
async def test_each_ten_minutes_a_search_reaches_back_an_hour(mongo: MongoDatabase, kind: str) -> None:
    async with alice_is_known(mongo) as world:
        late, other = [await make_lagging(world, kind, lags=lags) for lags in (True, False)]
        await all_is_known(world)
        await world.operator.trouble(search_lag_s=0.5 * HOUR, search_lag_one_in=2)
        await late.say("half an hour late")
        for _ in range(4):
            await hours_pass(world, 0.15)
            await other.operate("note", body="moves the mark")
            await world.reconcile()
        assert await late.said() == ["half an hour late"]


@KINDS
async def test_a_close_that_search_misses_is_found_when_it_was_quiet_for_long(mongo: MongoDatabase, kind: str) -> None:
    async with alice_is_known(mongo) as world:
        thing = await make(world, kind)
        await all_is_known(world)
        await world.operator.trouble(search_misses_closes=True)
        await thing.operate("close")
        await world.reconcile()
        before = (await thing.shown())["state"]
        await hours_pass(world, 6.1)
        await world.reconcile()
        after = (await thing.shown())["state"]
        assert (before, after) in {("open", "closed"), ("submitted", "resolved")}


@KINDS
async def test_a_deletion_that_search_never_reports_is_found_when_it_was_quiet_for_long(
    mongo: MongoDatabase, kind: str
) -> None:
    async with alice_is_known(mongo) as world:
        thing = await make(world, kind)
        await all_is_known(world)
        await thing.delete()
        await world.reconcile()
        assert not await thing.is_gone()
        await hours_pass(world, 6.1)
        await world.reconcile()
        assert await thing.is_gone()


@KINDS
async def test_what_changes_between_two_pages_hides_nothing(
    mongo: MongoDatabase, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supportd.intercom.search.PAGE", PAGE)
    async with alice_is_known(mongo) as world:
        things = []
        for _ in range(4 * PAGE):
            things.append(await make(world, kind))
            await hours_pass(world, 0.05)
        await world.operator.trouble(search_drift=3)
        await world.reconcile()
        await world.operator.no_trouble()
        await world.operator.trouble(outage="error")
        assert not [thing.id for thing in things if await thing.is_gone()]
        assert {(await world.sdk().call("GET", f"/api{thing.path}")).status_code for thing in things} == {200}


@KINDS
async def test_more_changes_in_one_second_than_a_page_holds_are_all_found(
    mongo: MongoDatabase, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supportd.intercom.search.PAGE", PAGE)
    async with alice_is_known(mongo) as world:
        things = [await make(world, kind) for _ in range(4 * PAGE)]
        await same_second(world, things)
        await world.reconcile()
        await world.operator.trouble(outage="error")
        assert {(await world.sdk().call("GET", f"/api{thing.path}")).status_code for thing in things} == {200}


async def same_second(world: World, things: list[Thing]) -> None:
    """As a bulk action does it."""
    workspace = world.simulator.workspace
    for thing in things:
        held: Any = workspace.tickets[thing.id] if thing.kind == "tickets" else workspace.conversations[thing.id]
        held.updated_at = int(world.clock.time())
    world.simulator._services.conversation_index.rebuild()
    world.simulator._services.tickets.index.rebuild()


@KINDS
async def test_a_run_that_is_cut_off_goes_on_where_it_was(
    mongo: MongoDatabase, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supportd.intercom.search.PAGE", PAGE)
    search = f"POST /{kind}/search"
    async with simulating() as simulator, proxied(int(simulator.base_url.rpartition(":")[2])) as network:
        configuration = settings(mongo, f"http://127.0.0.1:{network.port}")
        async with serving(configuration, simulator, webhooks=False) as world:
            await greet(world)
            for _ in range(4 * PAGE):
                await make(world, kind)
                await hours_pass(world, 0.2)
            searches = 0

            def cut_in_the_third(passing: Passing) -> None:
                nonlocal searches
                if passing.way is Way.REQUEST and passing.data.startswith(search.encode()):
                    searches += 1
                    if searches == 4:
                        network.cut()

            network.watch = cut_in_the_third
            with pytest.raises(ServiceUnavailable):
                await world.reconcile()
            await world.operator.forget_calls()
            await world.reconcile()
            assert (await world.operator.calls())[search] == 2
            await world.reconcile()
            summaries = (await world.sdk().get(f"/api/{kind}", params={"limit": 50}))[kind]
            assert len(summaries) == 4 * PAGE


@KINDS
@pytest.mark.logs("conversation refused", "ticket refused")
async def test_what_intercom_refused_is_tried_again_long_after_the_mark_has_passed_it(
    mongo: MongoDatabase, kind: str
) -> None:
    async with alice_is_known(mongo) as world:
        refused, other = await make(world, kind), await make(world, kind)
        await world.reconcile()
        await hours_pass(world, 7)
        await world.operator.trouble(forbidden_path=refused.path)
        if kind == "conversations":
            await refused.say("while it was refused")
        else:
            await refused.delete()
        for _ in range(3):
            await world.reconcile()
            await hours_pass(world, 1.3)
            await other.say("moves the mark")
        await world.reconcile()
        await world.operator.no_trouble()
        world.clock.advance(601)
        await world.reconcile()
        assert await refused.said() == ["while it was refused"] if kind == "conversations" else await refused.is_gone()


@KINDS
@pytest.mark.logs("conversation refused", "ticket refused")
async def test_what_cannot_be_read_does_not_hold_up_the_rest_of_what_is_quiet(
    mongo: MongoDatabase, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quiet, "A_RUN", 1)
    async with alice_is_known(mongo) as world:
        unreadable = await make(world, kind)
        await world.reconcile()
        await hours_pass(world, 0.5)
        deleted = await make(world, kind)
        await world.reconcile()
        await world.operator.trouble(forbidden_path=unreadable.path)
        await deleted.delete()
        await hours_pass(world, 7)
        for _ in range(3):
            await world.reconcile()
        assert await deleted.is_gone()


def test_ten_thousand_quiet_ones_are_read_within_the_time_after_which_they_are_quiet() -> None:
    interval_s = 30  # by default
    for quiet_s in (conversation_stream.QUIET_S, ticket_stream.QUIET_S):
        assert 10_000 / quiet.A_RUN * interval_s < quiet_s


@KINDS
async def test_one_update_from_the_far_future_moves_no_mark_past_the_present(mongo: MongoDatabase, kind: str) -> None:
    async with alice_is_known(mongo) as world:
        thing, odd = await make(world, kind), await make(world, kind)
        workspace = world.simulator.workspace
        held: Any = workspace.tickets[odd.id] if kind == "tickets" else workspace.conversations[odd.id]
        held.updated_at += 10**8
        world.simulator._services.conversation_index.rebuild()
        world.simulator._services.tickets.index.rebuild()
        await world.reconcile()
        await thing.say("of the present")
        await world.reconcile()
        assert await thing.said() == ["of the present"]
