"""The simulator's parts, put together."""

import random
from dataclasses import dataclass

from supportd.clock import Clock
from supportd.simulator.annotations import Annotations
from supportd.simulator.attachments import Depot
from supportd.simulator.clock import ShiftedClock
from supportd.simulator.config import SimulatorConfig
from supportd.simulator.faults import Faults
from supportd.simulator.gate import Gate
from supportd.simulator.lifecycle import Lifecycle
from supportd.simulator.messages import Messages
from supportd.simulator.notifications import Notifier, Stamp
from supportd.simulator.rates import CallCounter, RateLimiter
from supportd.simulator.recording import Recorder
from supportd.simulator.search_index import ContactIndex, ConversationIndex
from supportd.simulator.ticket_conversion import Conversion
from supportd.simulator.ticket_services import TicketServices, ticket_services
from supportd.simulator.webhooks import Webhooks
from supportd.simulator.workspace import Workspace
from supportd.simulator.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """One of each. Handlers reach them here."""

    config: SimulatorConfig
    chance: random.Random
    clock: ShiftedClock
    faults: Faults
    calls: CallCounter
    gate: Gate
    world: World
    conversation_index: ConversationIndex
    contact_index: ContactIndex
    webhooks: Webhooks
    depot: Depot
    messages: Messages
    lifecycle: Lifecycle
    annotations: Annotations
    tickets: TicketServices
    conversion: Conversion

    def wake_due(self) -> None:
        """Ends the snoozes whose time has come."""
        self.lifecycle.wake_due()
        self.tickets.lifecycle.wake_due()

    def reset(self) -> None:
        """Everything as on the first day, but that the webhook stays registered."""
        url = self.webhooks.url
        self.webhooks.forget()
        self.chance.seed(self.config.seed)
        self.faults.clear()
        self.calls.clear()
        self.clock.offset = 0.0
        self.world.adopt(Workspace(webhook_url=url))
        self.conversation_index.rebuild()
        self.tickets.index.rebuild()


def assemble(config: SimulatorConfig, clock: Clock, workspace: Workspace) -> Services:
    """Builds the parts around a workspace."""
    shifted, faults, calls = ShiftedClock(clock), Faults(), CallCounter()
    chance = random.Random(config.seed)  # noqa: S311 (chance in a simulator, not a secret)
    world = World(config=config, clock=shifted, workspace=workspace)
    index = ConversationIndex(world=world, clock=shifted, faults=faults)
    stamp = Stamp(config=config, world=world, clock=shifted)
    webhooks = Webhooks(config=config, world=world, faults=faults, chance=chance, stamp=stamp)
    notifier = Notifier(world=world, faults=faults, outlet=webhooks)
    recorder = Recorder(world=world, clock=shifted, listeners=[index, notifier])
    tickets = ticket_services(config=config, world=world, clock=shifted, faults=faults, outlet=webhooks)
    limiter = RateLimiter(clock=shifted, faults=faults)
    return Services(
        config=config,
        chance=chance,
        clock=shifted,
        faults=faults,
        calls=calls,
        gate=Gate(config=config, faults=faults, limiter=limiter, calls=calls, chance=chance),
        world=world,
        conversation_index=index,
        contact_index=ContactIndex(world=world, clock=shifted, faults=faults, app_id=config.app_id),
        webhooks=webhooks,
        depot=Depot(config=config, world=world, clock=shifted, faults=faults),
        messages=Messages(world=world, recorder=recorder),
        lifecycle=Lifecycle(world=world, recorder=recorder),
        annotations=Annotations(world=world, recorder=recorder),
        tickets=tickets,
        conversion=Conversion(world=world, messages=tickets.messages, recorder=recorder),
    )
