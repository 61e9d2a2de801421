"""Carries a schedule of faults out, on real processes and networks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import groupby

import httpx
import msgspec

from supportd.simulator.faults import FaultSettings
from tests.harness import Operator
from tests.proxying import Proxy
from tests.soak.house import House
from tests.soak.journal import Journal
from tests.soak.schedule import Fault, Part
from tests.system.processes import answers
from tests.waiting import eventually

DELAY_S = 0.03  # of each piece of data where a network is slow
UP_WITHIN_S = 40.0

Carry = Callable[[Fault], AbstractAsyncContextManager[None]]


class Troubles:
    """One task a part. `befall` ends when the last fault is over."""

    def __init__(self, house: House, journal: Journal) -> None:
        self._house = house
        self._journal = journal
        self._usual = msgspec.to_builtins(FaultSettings())
        self._networks = {
            Part.TO_MONGODB: house.to_mongodb,
            Part.TO_INTERCOM: house.to_intercom,
            Part.TO_FCM: house.to_fcm,
            Part.TO_SUPPORTD: house.to_supportd,
        }
        self.carried_out = 0

    async def befall(self, faults: Sequence[Fault]) -> None:
        """Lets each fault come at its time, or when the part's last one is over."""
        by_part = groupby(sorted(faults, key=lambda fault: (fault.part.name, fault.at_s)), lambda fault: fault.part)
        async with asyncio.TaskGroup() as lanes:
            for part, of_part in by_part:
                lanes.create_task(self._befall(self._carrier(part), list(of_part)))

    async def end(self) -> None:
        """Everything passes again, and nothing is wrong any more; what is late is delivered."""
        for network in self._networks.values():
            network.delay_s = 0.0
            await network.allow()
        await self._control().no_trouble()
        await self._control().deliver()

    async def restart(self) -> None:
        """supportd stops in order and starts again, with nothing in memory."""
        async with self._without_supportd(Fault(self._journal.elapsed_s(), Part.SUPPORTD, "terminated")):
            pass

    async def _befall(self, carry: Carry, faults: list[Fault]) -> None:
        for fault in faults:
            await asyncio.sleep(max(0.0, fault.at_s - self._journal.elapsed_s()))
            self._journal.note("FAULT", f"begins: {fault}")
            async with carry(fault):
                await asyncio.sleep(fault.for_s)
            self._journal.note("FAULT", f"is over: {fault}")
            self.carried_out += 1

    def _carrier(self, part: Part) -> Carry:
        if part is Part.SUPPORTD:
            return self._without_supportd
        if part is Part.MONGODB:
            return self._without_mongod
        return self._with_switches if part in {Part.INTERCOM, Part.WEBHOOKS} else self._with_bad_network

    @contextlib.asynccontextmanager
    async def _without_supportd(self, fault: Fault) -> AsyncIterator[None]:
        supportd = self._house.running.supportd
        if not supportd.running:
            self._journal.wrong("supportd", f"ended by itself with {supportd.exit_code}: {supportd.last_lines()}")
        if fault.kind == "killed":
            supportd.kill()
        elif await asyncio.to_thread(supportd.stop) != 0:
            self._journal.wrong("supportd", f"didn't stop in order when asked to: exit code {supportd.exit_code}")
        yield
        supportd.start()
        await eventually(self._is_up, timeout_s=UP_WITHIN_S)

    @contextlib.asynccontextmanager
    async def _without_mongod(self, fault: Fault) -> AsyncIterator[None]:
        mongod = self._house.mongod
        await asyncio.to_thread(mongod.kill if fault.kind == "killed" else mongod.stop)
        yield
        mongod.start()
        await asyncio.to_thread(mongod.wait_until_primary, within_s=UP_WITHIN_S)

    @contextlib.asynccontextmanager
    async def _with_bad_network(self, fault: Fault) -> AsyncIterator[None]:
        network = self._networks[fault.part]
        _spoil(network, fault.kind)
        yield
        network.delay_s = 0.0
        await network.allow()

    @contextlib.asynccontextmanager
    async def _with_switches(self, fault: Fault) -> AsyncIterator[None]:
        await self._control().trouble(**fault.switches)
        yield
        if "webhook_reorder" in fault.switches:
            with contextlib.suppress(httpx.TimeoutException):  # they are released; a slow network may take them long
                await self._control().deliver()
        await self._control().trouble(**{name: self._usual[name] for name in fault.switches})

    async def _is_up(self) -> bool:
        running = self._house.running
        return await answers(running.http, "/health", running.supportd)

    def _control(self) -> Operator:
        return self._house.running.operator


def _spoil(network: Proxy, kind: str) -> None:
    if kind == "slow":
        network.delay_s = DELAY_S
    elif kind == "held":
        network.hold()
    elif kind == "cut":
        network.cut()
    else:
        network.refuse()
