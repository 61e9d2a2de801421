"""A whole soak: everybody lives through a schedule of faults, then all is quiet, and what is left is judged."""

import asyncio
import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from supportd.clock import Clock
from tests.soak.cast import Cast
from tests.soak.devices import Device
from tests.soak.fates import Fates
from tests.soak.house import House, house
from tests.soak.journal import Journal, Line
from tests.soak.log import unexpected
from tests.soak.operators import Team
from tests.soak.pushes import call_after, give_phones, unannounced, untold, wrong_pushes
from tests.soak.schedule import Fault, schedule
from tests.soak.sends import Fate, Kind, Sending
from tests.soak.troubles import Troubles
from tests.soak.truth import Truth, the_truth
from tests.soak.users import Writer
from tests.soak.verdict import unlike, unlike_snapshots

USERS = {"ada": 2, "ben": 1, "cleo": 2, "dan": 1, "eve": 1}  # with how many devices
NEVER_HELD = "eve"  # her polls: so she never counts as looking, and is told by phone
OPERATORS = 2
CONVERGES_WITHIN_S = 150.0
TOLD_WITHIN_S = 120.0  # the circuit to FCM may be open, and tries far apart
LOOK_EVERY_S = 0.5


@dataclass
class Outcome:
    """How a soak ended: its schedule, the journal with all that was wrong, and how much there was of everything."""

    faults: list[Fault]
    journal: Journal
    counts: dict[str, int]


async def soak(folder: Path, *, seed: int, length_s: float, restart_at_end: bool) -> Outcome:
    """Runs it. A restart at the end makes it shorter: an open breaker and long pauses between tries are forgotten."""
    faults = schedule(seed, length_s)
    async with house(folder) as parts:
        began = Clock().monotonic()
        journal = Journal(lambda: Clock().monotonic() - began, started_at=Clock().time())
        run = _Soak(parts, journal, seed)
        try:
            await run.live_through(faults, length_s, restart_at_end=restart_at_end)
        finally:
            journal.save(folder / "journal.txt")
    for line in unexpected(parts.running.supportd.log):
        journal.wrong("supportd's log", line)
    if "Traceback" in parts.running.simulator.log.read_text(errors="replace"):
        journal.wrong("the simulator's log", parts.running.simulator.last_lines())
    return Outcome(faults, journal, run.counts)


class _Soak:
    def __init__(self, parts: House, journal: Journal, seed: int) -> None:
        self._house = parts
        self._journal = journal
        self._seed = seed
        self._cast = Cast()
        self._may_send = asyncio.Event()
        self._may_send.set()
        self._sendings: list[Sending] = []
        self._devices: list[Device] = []
        self._deadline_s = math.inf
        self.counts: dict[str, int] = {}

    async def live_through(self, faults: list[Fault], length_s: float, *, restart_at_end: bool) -> None:
        troubles = Troubles(self._house, self._journal)
        await give_phones(self._house.running, USERS)
        busy = self._people_the_house()
        try:
            await troubles.befall(faults)
            await asyncio.sleep(max(0.0, length_s - self._journal.elapsed_s()))
            for task in busy:
                task.cancel()
            await asyncio.gather(*busy, return_exceptions=True)
            self._journal.note("SOAK", "the faults are over, and nobody begins anything any more")
            await troubles.end()
            if restart_at_end:
                await troubles.restart()
            await self._settle()
            await self._judge()
            self._cast.check()
        finally:
            await self._cast.end()
        await self._tell_who_left()
        self._count(troubles)

    def _people_the_house(self) -> "list[asyncio.Task[None]]":
        """Everybody begins. Answers the tasks of those who begin new things."""
        busy = []
        for user, devices in USERS.items():
            for number in range(devices):
                device = self._device(user, f"{user}-{number}")
                self._cast.begin(device.live())
                writer = Writer(device, self._rng(f"{device.name} writes"), self._sendings)
                busy.append(self._cast.begin(writer.live()))
        for number in range(OPERATORS):
            rng = self._rng(f"operator {number}")
            team = Team(
                f"operator-{number}", self._house.running.operator, self._journal, rng, [*USERS], self._sendings
            )
            busy.append(self._cast.begin(team.live()))
        return busy

    def _device(self, user: str, name: str) -> Device:
        device = Device(
            user,
            name,
            self._house.clients,
            self._journal,
            self._rng(name),
            self._cast.begin,
            self._may_send,
            may_wait=user != NEVER_HELD,
        )
        self._devices.append(device)
        return device

    def _rng(self, who: str) -> random.Random:
        return random.Random(f"{self._seed} {who}")

    async def _settle(self) -> None:
        """Every send gets its answer. What may take minutes, since Intercom's search lags, has taken them."""
        self._deadline_s = self._journal.elapsed_s() + CONVERGES_WITHIN_S
        self._may_send.clear()
        await self._within(lambda: not any(each.trying for each in self._sendings))
        self._house.database.age()
        self._may_send.set()
        if not await self._within(lambda: not any(each.fate is Fate.OPEN for each in self._sendings)):
            for sending in self._sendings:
                if sending.fate is Fate.OPEN:
                    self._journal.wrong(sending.user, f"never settled: {sending}", sending.place)
        await self._ask_again()

    async def _ask_again(self) -> None:
        """Each key is used once more, from the user's first device. That settles what MongoDB was away for, too."""
        first = {device.user: device for device in reversed(self._devices)}
        told = [each for each in self._sendings if each.fate is Fate.TOLD and each.key is not None]
        asking = [self._cast.begin(first[sending.user].ask_again(sending)) for sending in told]
        if not await self._within(lambda: all(task.done() for task in asking)):
            self._journal.wrong("SOAK", f"{sum(not task.done() for task in asking)} keys don't answer any more")

    async def _judge(self) -> None:
        truth = await self._truth()
        await self._within(lambda: not self._undone())
        for what in self._undone():
            self._journal.wrong("MongoDB", what)
        await self._within(lambda: not self._differences(truth))
        for device, line in self._differences(truth):
            self._journal.wrong(device, line.what, line.where, at=line.at_s)
        shown = [each for device in self._devices for each in device.shown]
        unsaid = unannounced(shown, self._house.database.announced())
        for what in wrong_pushes(self._house.fcm, truth, USERS) + unsaid:
            self._journal.wrong("phones", what)
        Fates(
            truth=await self._truth(), database=self._house.database, journal=self._journal, sendings=self._sendings
        ).judge()

    async def _tell_who_left(self) -> None:
        """Nobody looks any more, so whoever is answered now is told by phone."""
        self._deadline_s = self._journal.elapsed_s() + TOLD_WITHIN_S
        for user in USERS:
            await call_after(self._house.running.operator, user)
        if not await self._within(lambda: not untold(self._house.fcm, USERS)):
            for user in untold(self._house.fcm, USERS):
                self._journal.wrong("phones", f"{user} was told nothing after all had left")

    async def _truth(self) -> Truth:
        topics = {sending.words for sending in self._sendings if sending.kind is Kind.TOPIC}
        return await the_truth(self._house.running.operator, topics)

    def _undone(self) -> list[str]:
        self._house.database.hurry()
        given_up = {sending.record_id for sending in self._sendings if sending.fate is Fate.GIVEN_UP}
        return self._house.database.left_undone(given_up)

    def _differences(self, truth: Truth) -> list[tuple[str, Line]]:
        found = [(device.name, line) for device in self._devices for line in unlike(device, truth)]
        return found or [("MongoDB", line) for line in unlike_snapshots(self._house.database.snapshots(), truth)]

    async def _within(self, check: Callable[[], bool]) -> bool:
        """Waits until it is true. False if it isn't by the time at which all should have converged."""
        while not check():
            if self._journal.elapsed_s() > self._deadline_s:
                return False
            await asyncio.sleep(LOOK_EVERY_S)
        return True

    def _count(self, troubles: Troubles) -> None:
        fates = Counter(sending.fate for sending in self._sendings)
        self.counts = {
            "faults": troubles.carried_out,
            "polls": sum(device.polls for device in self._devices),
            "messages seen": sum(len(thread.known) for device in self._devices for thread in device.threads.values()),
            "pushes": len(self._house.fcm.messages),
            "sends": len(self._sendings),
            **{fate.value: fates[fate] for fate in Fate},
        }
