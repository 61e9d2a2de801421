"""A supportd that pushes to stand-ins, and what a test does to it."""

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx

from supportd.config import Settings
from supportd.push.delivery import Delivery
from supportd.simulator.app import Simulator
from tests.harness import DrivenClock, MongoDatabase, World, serving, settings, simulating
from tests.push.fcm import Fcm
from tests.push.telegram import BOT_TOKEN, Telegram

DUE_S = 6.0  # by then news have been collected, and it is known who is looking
PRESENCE_S = 20.0


@dataclass
class Pushing:
    """A world with the stand-ins. It may be left and entered again."""

    world: World
    fcm: Fcm
    telegram: Telegram

    @property
    def delivery(self) -> Delivery:
        delivery = self.world.server.parts.push
        assert delivery is not None
        return delivery

    async def register(
        self, token: str = "phone", user: str = "alice", platform: str = "mobile", language: str | None = None
    ) -> str:
        headers = {} if language is None else {"Accept-Language": language}
        body = {"platform": platform, "token": token}
        answer = await self.world.sdk(user).post("/api/devices/register", body, status=200, headers=headers)
        return str(answer["id"])

    async def devices(self, user: str = "alice") -> list[str]:
        return [device.token for device in await self.world.server.parts.stores.devices.of_user(user)]

    async def chat(self, user: str = "alice") -> str:
        """A conversation that the user began, and whose webhooks are all processed."""
        started = await self.world.sdk(user).start(body="Hello")
        await self.world.settle()
        return str(started["id"])

    async def answer(self, chat_id: str, words: str = "Hello from support") -> None:
        """An operator answers, and supportd knows."""
        await self.world.operator.reply(chat_id, f"<p>{words}</p>")
        await self.world.settle()

    async def ticket(self, user: str = "alice") -> str:
        """A ticket that supportd knows. That it was made is told to nobody."""
        await self.chat(user)  # so that the user is known
        made = await self.world.operator.make_ticket(user)
        await self.world.settle()
        return str(made["id"])

    async def push(self, after_s: float = DUE_S) -> None:
        """Time passes, and what is due then is told."""
        self.world.clock.advance(after_s)
        await self.delivery.work()
        await self.delivery.idle()

    def count(self, outcome: str, channel: str = "fcm") -> float:
        return self.world.metric("pushes_total", channel=channel, outcome=outcome)

    async def waiting(self) -> int:
        """Conversations and tickets with news that wait."""
        return await self.world.server.parts.stores.pushes.count()

    def withheld(self, reason: str) -> float:
        return self.world.metric("pushes_withheld_total", reason=reason)


@dataclass
class House:
    """What a supportd that pushes stands on, and stays when it goes."""

    mongo: MongoDatabase
    simulator: Simulator
    fcm: Fcm
    telegram: Telegram
    clock: DrivenClock

    async def simulator_clock(self, seconds: float) -> None:
        """Intercom's clock goes on."""
        async with httpx.AsyncClient(base_url=self.simulator.base_url, trust_env=False) as http:
            await http.post("/_sim/clock", json={"advance": seconds})

    def settings(self, **changes: Any) -> Settings:
        values: dict[str, Any] = {
            "fcm_service_account": json.dumps(self.fcm.account),
            "fcm_base_url": self.fcm.url,
            "telegram_bot_token": BOT_TOKEN,
            "telegram_base_url": self.telegram.url,
            "presence_window": PRESENCE_S,
        }
        return settings(self.mongo, self.simulator.base_url, **{**values, **changes})

    @contextlib.asynccontextmanager
    async def running(self, *, webhooks: bool = True, **changes: Any) -> AsyncIterator[Pushing]:
        async with serving(self.settings(**changes), self.simulator, webhooks=webhooks, clock=self.clock) as world:
            yield Pushing(world, self.fcm, self.telegram)


@contextlib.asynccontextmanager
async def house(mongo: MongoDatabase) -> AsyncIterator[House]:
    """The stand-ins and the simulator."""
    fcm, telegram, clock = Fcm(), Telegram(), DrivenClock()
    fcm.clock = clock
    async with contextlib.AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(simulating())
        for each in (fcm, telegram):
            each.listen()
            stack.push_async_callback(each.close)
        yield House(mongo, simulator, fcm, telegram, clock)


@contextlib.asynccontextmanager
async def pushing(mongo: MongoDatabase, **changes: Any) -> AsyncIterator[Pushing]:
    """All of it, for tests that need one server only."""
    async with house(mongo) as parts, parts.running(**changes) as running:
        yield running
